//! Whom a connection trusts, and as whom it introduces itself.

use std::path::PathBuf;

use reqwest::Url;

/// How `https` connections are made, besides what the system says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsSettings {
    /// Certificates (PEM) trusted besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The client's own certificate.
    pub client: Option<ClientCertificate>,
}

/// A certificate that some hosts ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate with its chain (PEM).
    pub certificate: PathBuf,
    /// The key (PEM); without it, the certificate's file has the key too.
    pub key: Option<PathBuf>,
    /// The only hosts that get to see it, as `HOST` or `HOST:PORT`.
    pub hosts: Vec<String>,
}

impl TlsSettings {
    /// Returns the settings as far as they are meant for the host of `url`.
    pub(crate) fn for_url(&self, url: &Url) -> TlsSettings {
        let is_meant = |client: &&ClientCertificate| {
            url.scheme() == "https" && client.hosts.iter().any(|host| names(host, url))
        };
        TlsSettings {
            ca_bundle: self.ca_bundle.clone(),
            client: self.client.as_ref().filter(is_meant).cloned(),
        }
    }
}

/// Says whether `HOST` or `HOST:PORT` is where a URL leads.
fn names(written: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    if written.eq_ignore_ascii_case(host) {
        return true;
    }
    let port = url.port_or_known_default().unwrap_or_default();
    written.eq_ignore_ascii_case(&format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_shown_to_its_hosts_only() {
        let settings = TlsSettings {
            ca_bundle: Some("ca.pem".into()),
            client: Some(ClientCertificate {
                certificate: "me.pem".into(),
                key: None,
                hosts: vec!["a.example".to_owned(), "b.example:8443".to_owned()],
            }),
        };
        for (url, shown) in [
            ("https://A.example/x", true),
            ("https://a.example:444/x", true),
            ("http://a.example/x", false),
            ("https://b.example:8443/", true),
            ("https://b.example/", false),
            ("https://sub.a.example/", false),
        ] {
            let meant = settings.for_url(&Url::parse(url).unwrap());
            assert_eq!(meant.client.is_some(), shown, "{url}");
            assert_eq!(meant.ca_bundle, settings.ca_bundle);
        }
    }
}
