//! A master that is reached through HTTP.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use buildout_core::fetch::{
    ClientCertificate, ClientOptions, FetchError, TlsSettings, client_builder, reason_phrase,
    request_failure,
};
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};

use crate::error::SlapError;
use crate::exchange::{Answer, Exchange, Method};
use crate::master::Master;
use crate::url::{base_url, shown};

/// The longest answer that is read, in bytes: far more than the largest
/// computer needs.
const ANSWER_LIMIT: u64 = 256 * 1024 * 1024;

/// The longest chain of redirects.
const REDIRECT_LIMIT: usize = 30;

/// How a master is reached.
#[derive(Clone, Debug)]
pub struct HttpMasterOptions {
    /// Where the master is; an IPv6 address need not have brackets.
    pub url: String,
    /// The key of the client's certificate (PEM).
    pub key_file: Option<PathBuf>,
    /// The client's certificate (PEM); shown to a master at `https` only.
    pub certificate_file: Option<PathBuf>,
    /// The authorities that may have signed the master's certificate (PEM);
    /// the system's do not count then. Without, any certificate will do, as
    /// for slapos.core.
    pub ca_file: Option<PathBuf>,
    /// Timeouts, proxies and the `User-Agent`; logins and bundles of
    /// certificates are not used.
    pub client: ClientOptions,
}

impl HttpMasterOptions {
    /// Takes the URL of a master, and what slapos.core does for the rest:
    /// there are 60 seconds for each wait, and any certificate will do.
    pub fn new(url: impl Into<String>) -> Self {
        let defaults = ClientOptions::default();
        let client = ClientOptions {
            user_agent: concat!("slapos/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: defaults.stall_timeout,
            ..defaults
        };
        HttpMasterOptions {
            url: url.into(),
            key_file: None,
            certificate_file: None,
            ca_file: None,
            client,
        }
    }
}

/// A master that is reached through HTTP, with one pool of connections for all
/// threads that use it. Connections stay open between calls.
///
/// What is costly (a thread, the trust store) is made by the first call. It
/// must not be used or dropped inside an asynchronous runtime.
pub struct HttpMaster {
    base: String,
    options: HttpMasterOptions,
    client: OnceLock<Result<Client, Arc<dyn Error + Send + Sync>>>,
}

impl HttpMaster {
    /// Takes the options; opens nothing yet.
    pub fn new(options: HttpMasterOptions) -> Self {
        HttpMaster {
            base: base_url(&options.url),
            options,
            client: OnceLock::new(),
        }
    }

    /// Returns the URL below which the calls are.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    fn client(&self) -> Result<&Client, SlapError> {
        let client = self.client.get_or_init(|| self.build());
        client.as_ref().map_err(|source| SlapError::Connection {
            source: FetchError::Setup {
                source: Arc::clone(source),
            },
        })
    }

    fn build(&self) -> Result<Client, Arc<dyn Error + Send + Sync>> {
        let is_encrypted = self.base.starts_with("https");
        let mut tls = TlsSettings::default();
        if let Some(certificate) = &self.options.certificate_file
            && is_encrypted
        {
            tls.client = Some(ClientCertificate {
                certificate: certificate.clone(),
                key: self.options.key_file.clone(),
                hosts: Vec::new(),
            });
        }
        let mut options = self.options.client.clone();
        options.ca_bundles = Vec::new();
        let mut builder = client_builder(&options, &tls).map_err(setup_error)?;
        builder = match &self.options.ca_file {
            Some(path) if is_encrypted => {
                let bytes = fs::read(path).map_err(|error| {
                    let text = format!("failed to read `{}`: {error}", path.display());
                    setup_error(text)
                })?;
                let certificates =
                    reqwest::Certificate::from_pem_bundle(&bytes).map_err(setup_error)?;
                if certificates.is_empty() {
                    let text = format!("`{}` has no certificate in PEM form", path.display());
                    return Err(setup_error(text));
                }
                builder.tls_certs_only(certificates)
            }
            _ => builder
                .tls_danger_accept_invalid_certs(true)
                .tls_danger_accept_invalid_hostnames(true),
        };
        builder.build().map_err(setup_error)
    }

    fn send(&self, method: Method, url: &Url, exchange: &Exchange) -> Result<Response, SlapError> {
        let client = self.client()?;
        let mut builder = match method {
            Method::Get => client.get(url.clone()),
            Method::Post => client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
            Method::PostJson => client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/json"),
        };
        builder = builder.header(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(partition) = &exchange.partition {
            builder = builder.header(AUTHORIZATION, partition.authorization());
        }
        if method != Method::Get
            && let Some(body) = exchange.body()
        {
            builder = builder.body(body);
        }
        builder.send().map_err(|error| SlapError::Connection {
            source: request_failure(error, &self.options.client),
        })
    }
}

fn setup_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> Arc<dyn Error + Send + Sync> {
    Arc::from(error.into())
}

impl fmt::Debug for HttpMaster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpMaster")
            .field("url", &shown(&self.base))
            .finish_non_exhaustive()
    }
}

impl Master for HttpMaster {
    fn exchange(&self, exchange: &Exchange) -> Result<Answer, SlapError> {
        let target = format!("{}{}", self.base, exchange.target());
        let asked = shown(&target);
        let mut url = Url::parse(&target).map_err(|error| SlapError::Connection {
            source: FetchError::InvalidUrl {
                detail: format!("{error}: {asked}"),
            },
        })?;
        let mut method = exchange.method;
        for _ in 0..=REDIRECT_LIMIT {
            let response = self.send(method, &url, exchange)?;
            let status = response.status().as_u16();
            let Some(next) = redirect_of(&response, &url, &asked)? else {
                return read(response, exchange, asked);
            };
            if !matches!(status, 307 | 308) {
                method = Method::Get;
            }
            url = next;
        }
        Err(SlapError::Connection {
            source: FetchError::TooManyRedirects {
                limit: REDIRECT_LIMIT,
            },
        })
    }
}

/// Returns where an answer redirects to. Another server is not told what is
/// meant for the master; the same one may speak another scheme.
fn redirect_of(response: &Response, url: &Url, asked: &str) -> Result<Option<Url>, SlapError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION);
    let Some(location) = location.and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    else {
        return Ok(None);
    };
    let redirected = |to: String| SlapError::Redirected {
        from: asked.to_owned(),
        to,
    };
    let next = url
        .join(location)
        .map_err(|_| redirected(shown(location)))?;
    let is_same = next.host() == url.host()
        && matches!(next.scheme(), "http" | "https")
        && !(url.scheme() == "https" && next.scheme() == "http");
    if is_same {
        Ok(Some(next))
    } else {
        Err(redirected(shown(next.as_str())))
    }
}

fn read(response: Response, exchange: &Exchange, url: String) -> Result<Answer, SlapError> {
    let status = response.status().as_u16();
    let reason = reason_phrase(&response);
    let broken = |detail: String| SlapError::Broken {
        path: exchange.path.clone(),
        detail,
    };
    let announced = response.content_length();
    let mut bytes = Vec::new();
    response
        .take(ANSWER_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(innermost_text(&error)))?;
    let received = bytes.len() as u64;
    if received > ANSWER_LIMIT {
        return Err(broken(format!("it is longer than {ANSWER_LIMIT} bytes")));
    }
    if announced.is_some_and(|announced| announced != received) {
        return Err(broken(format!("it ends after {received} bytes")));
    }
    let body = String::from_utf8(bytes).map_err(|_| broken("it is no UTF-8".to_owned()))?;
    Ok(Answer {
        status,
        reason,
        body,
        url,
    })
}

fn innermost_text(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
