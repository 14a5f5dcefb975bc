//! Logins and certificates: they reach whom they are for, and nobody else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

impl Site {
    /// Answers requests only if they have a login, like a server that says 401.
    fn authorizations(&self) -> Vec<Option<String>> {
        let requests = self.server.requests();
        let of = |r: &super::super::test_server::RecordedRequest| {
            r.header("Authorization").map(str::to_owned)
        };
        requests.iter().map(of).collect()
    }
}

// `me:secret` in base 64.
const LOGIN: &str = "Basic bWU6c2VjcmV0";

#[test]
fn a_login_goes_to_its_host_only() {
    let mut site = Site::new();
    site.client.netrc = Some(site.path("netrc"));
    site.server.reply("/a", Reply::ok("hello"));
    let other = TestServer::start();
    // Another host by name, though the same machine.
    let elsewhere = other.url("/a").replace("127.0.0.1", "localhost");
    other.reply("/a", Reply::ok("hello"));
    site.server.reply("/away", Reply::redirect(&elsewhere));
    site.server.reply("/here", Reply::redirect("a"));
    // Without a file there is no login, and no failure.
    site.fetch("/a").unwrap();
    assert_eq!(site.authorizations(), [None]);

    fs::write(
        site.path("netrc"),
        "machine 127.0.0.1 login me password secret\n",
    )
    .unwrap();
    site.fetch("/a").unwrap();
    site.fetch("/here").unwrap();
    site.fetch("/away").unwrap();
    let own = Some(LOGIN.to_owned());
    assert_eq!(
        site.authorizations(),
        [None, own.clone(), own.clone(), own.clone(), own]
    );
    assert_eq!(other.requests()[0].header("Authorization"), None);

    // The URL's own login comes first.
    let url = site.server.url("/a").replace("//", "//you:other@");
    site.get(&DownloadRequest::new(url)).unwrap();
    let last = site.authorizations().pop().unwrap();
    assert_eq!(last.as_deref(), Some("Basic eW91Om90aGVy"));
    // And follows a redirect on the same host.
    let url = site.server.url("/here").replace("//", "//you:other@");
    site.get(&DownloadRequest::new(url)).unwrap();
    let last = site.authorizations().pop().unwrap();
    assert_eq!(last.as_deref(), Some("Basic eW91Om90aGVy"));
    let url = site.server.url("/away").replace("//", "//you:other@");
    site.get(&DownloadRequest::new(url)).unwrap();
    assert_eq!(other.requests()[1].header("Authorization"), None);
}

#[test]
fn a_bad_netrc_is_told_without_its_words() {
    let mut site = Site::new();
    site.client.netrc = Some(site.path("netrc"));
    fs::write(site.path("netrc"), "machine h\nlogin me hunter2\n").unwrap();
    let text = site.fetch("/a").unwrap_err();
    let start = format!(
        "`{}` is no netrc file: line 2: ",
        site.path("netrc").display()
    );
    assert!(text.contains(&start) && !text.contains("hunter2"), "{text}");
}

#[test]
fn redirects_end() {
    let site = Site::new();
    site.server.reply("/loop", Reply::redirect("/loop"));
    site.server
        .reply("/file", Reply::redirect("file:///etc/passwd"));
    let text = site.fetch("/loop").unwrap_err();
    assert!(text.ends_with("redirected more than 10 times"), "{text}");
    assert_eq!(site.server.requests().len(), 11);
    let text = site.fetch("/file").unwrap_err();
    assert!(text.ends_with("unknown url type: file>"), "{text}");
}

/// A server with a certificate, which serves the directory it runs in.
struct TlsServer {
    child: Child,
    port: String,
}

impl TlsServer {
    fn start(directory: &Path, asks_for_certificate: bool) -> Self {
        let ask = if asks_for_certificate {
            "context.load_verify_locations('client.pem')
context.verify_mode = ssl.CERT_REQUIRED"
        } else {
            ""
        };
        let script = format!(
            "import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.pem', 'server.key')
{ask}
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
server.serve_forever()"
        );
        let mut child = Command::new("python3")
            .args(["-c", &script])
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let port = port.trim().to_owned();
        Self { child, port }
    }

    fn url(&self, host: &str, name: &str) -> String {
        format!("https://{host}:{}/{name}", self.port)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Makes `NAME.pem`, a certificate that signs itself, and `NAME.key`.
fn make_certificate(directory: &Path, name: &str) {
    let status = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"])
        .args(["-subj", &format!("/CN={name}"), "-addext"])
        .arg("subjectAltName=IP:127.0.0.1,DNS:localhost")
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &format!("{name}.key"), "-out"])
        .arg(format!("{name}.pem"))
        .current_dir(directory)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn certificates_are_verified() {
    let mut site = Site::new();
    make_certificate(&site.path(""), "server");
    let server = TlsServer::start(&site.path(""), false);
    let request = DownloadRequest::new(server.url("127.0.0.1", "server.pem"));
    let text = site.get(&request).unwrap_err().to_string();
    assert!(
        text.contains("<urlopen error [SSL] invalid peer certificate: "),
        "{text}"
    );
    let certificate = fs::read(site.path("server.pem")).unwrap();
    let trusts = |site: &Site| {
        let downloaded = site.get(&request).unwrap();
        assert_eq!(fs::read(downloaded.path()).unwrap(), certificate);
    };
    // A bundle of the surroundings, or of the profile.
    site.client.ca_bundles.push(site.path("server.pem"));
    trusts(&site);
    site.client.ca_bundles.clear();
    site.options.tls.ca_bundle = Some(site.path("server.pem"));
    trusts(&site);
    site.options.tls.ca_bundle = Some(site.path("server.key"));
    let text = site.get(&request).unwrap_err().to_string();
    let reason = format!(
        "failed to set up the HTTP client: `{}` has no certificate in PEM form",
        site.path("server.key").display()
    );
    assert!(text.ends_with(&reason), "{text}");
    // A certificate does not get better by waiting.
    assert_eq!(*site.recorder.pauses.lock().unwrap(), []);
}

#[test]
fn a_client_certificate_goes_to_its_hosts_only() {
    let mut site = Site::new();
    site.options.retry = RetryPolicy::never();
    make_certificate(&site.path(""), "server");
    make_certificate(&site.path(""), "client");
    let server = TlsServer::start(&site.path(""), true);
    site.options.tls = TlsSettings {
        ca_bundle: Some(site.path("server.pem")),
        client: Some(ClientCertificate {
            certificate: site.path("client.pem"),
            key: Some(site.path("client.key")),
            hosts: vec![format!("127.0.0.1:{}", server.port)],
        }),
    };
    let get = |host: &str| site.get(&DownloadRequest::new(server.url(host, "server.pem")));
    let downloaded = get("127.0.0.1").unwrap();
    assert!(downloaded.size > 0);
    // The same server by another name, which is not in the list.
    get("localhost").unwrap_err();
    // Nor does it follow a redirect there.
    let away = server.url("localhost", "server.pem");
    site.server.reply("/away", Reply::redirect(&away));
    site.fetch("/away").unwrap_err();
    let here = server.url("127.0.0.1", "server.pem");
    site.server.reply("/here", Reply::redirect(&here));
    site.fetch("/here").unwrap();
}
