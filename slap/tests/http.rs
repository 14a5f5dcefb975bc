//! How our client behaves with masters that do not.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use buildout_core::fetch::test_server::{Fault, Reply, TestServer};
use slap::test_master::RealSlapos;
use slap::{HttpMaster, HttpMasterOptions, Master, PartitionReference, SlapError};

const COMPUTER: &str = "/getFullComputerInformation?computer_id=local";

fn client(url: &str) -> HttpMaster {
    let mut options = HttpMasterOptions::new(url);
    options.client.stall_timeout = Duration::from_millis(300);
    HttpMaster::new(options)
}

#[test]
fn failures_have_their_classes() {
    let server = TestServer::start();
    let master = client(&server.url(""));
    let ask = || master.full_computer_information("local");
    for (status, reason) in [
        (500, "INTERNAL SERVER ERROR"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (520, "x"),
        (523, "x"),
        (524, "x"),
        (526, "x"),
    ] {
        server.reply(COMPUTER, Reply::status(status, reason));
        let error = ask().expect_err("it fails");
        assert!(matches!(error, SlapError::Server { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "{status} Server Error: {reason} for url: {}",
                server.url(COMPUTER)
            )
        );
        assert!(error.is_master_lost());
    }
    for status in [401, 403] {
        server.reply(COMPUTER, Reply::status(status, "No"));
        let error = ask().expect_err("it fails");
        assert!(matches!(error, SlapError::Unauthorized { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "{status} Client Error: No for url: {}",
                server.url(COMPUTER)
            )
        );
    }
    for status in [400, 418, 504] {
        server.reply(COMPUTER, Reply::status(status, "No"));
        let error = ask().expect_err("it fails");
        assert!(matches!(error, SlapError::Status { .. }), "{error}");
        assert!(error.is_master_lost());
    }
    server.reply(COMPUTER, Reply::status(408, "Request Timeout"));
    let error = ask().expect_err("it fails");
    assert!(error.is_not_ready() && !error.is_master_lost());
    assert_eq!(error.to_string(), "getFullComputerInformation");

    // An old master knows only the older call.
    server.reply(COMPUTER, Reply::status(404, "Not Found"));
    let old = "/getComputerInformation?computer_id=local";
    let error = ask().expect_err("it fails");
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), server.url(old));
    let computer = "<marshal><object id=\"i2\" module=\"slapos.slap.slap\" class=\"Computer\">\
                    <tuple/><dictionary id=\"i3\"><string>_computer_id</string>\
                    <string>local</string></dictionary></object></marshal>";
    server.reply(old, Reply::ok(computer));
    assert_eq!(ask().expect("it answers").computer_id, "local");
    let nobody = master.full_computer_information("");
    assert!(nobody.expect_err("there is none").is_not_found());
}

#[test]
fn answers_that_break_off_or_make_no_sense_are_errors() {
    let server = TestServer::start();
    let master = client(&server.url("/"));
    let body = "<marshal><none/></marshal>";
    for (fault, expected) in [
        (Fault::Drop, "connection closed before message completed"),
        (
            Fault::CutAfter(5),
            "end of file before message length reached",
        ),
        (
            Fault::StallAfter(5, Duration::from_secs(20)),
            "operation timed out",
        ),
    ] {
        server.reply(
            "/getComputerStatus?computer_id=local",
            Reply::ok(body).fault(fault),
        );
        let error = master.computer_status("local").expect_err("it breaks off");
        assert!(error.is_master_lost(), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    for (body, expected) in [
        (
            &b"<html>log in first</html>"[..],
            "the document is a `html`",
        ),
        (b"", "not XML"),
        (b"\xff", "it is no UTF-8"),
    ] {
        server.reply("/getComputerStatus?computer_id=local", Reply::ok(body));
        let error = master.computer_status("local").expect_err("no sense");
        assert!(error.to_string().contains(expected), "{error}");
    }
    server.reply(COMPUTER, Reply::ok("<marshal><none/></marshal>"));
    let error = master.full_computer_information("local");
    assert_eq!(
        error.expect_err("no computer").to_string(),
        "the answer to getFullComputerInformation makes no sense: the document holds no Computer"
    );
}

#[test]
fn redirects_are_followed_on_the_same_host_only() {
    let server = TestServer::start();
    let master = client(&server.url("/old"));
    server.reply("/old/getRunId", Reply::redirect("/new/getRunId"));
    server.reply("/new/getRunId", Reply::ok("id"));
    assert_eq!(master.run_id().expect("it is found"), "id");
    server.reply(
        "/old/getRunId",
        Reply::redirect("http://elsewhere.example/getRunId"),
    );
    let error = master.run_id().expect_err("it is not the master");
    assert_eq!(
        error.hint().as_deref(),
        Some("`master_url` may have to be http://elsewhere.example/getRunId")
    );
    server.reply("/old/getRunId", Reply::redirect("/old/getRunId"));
    let error = master.run_id().expect_err("it never ends");
    assert!(
        error.to_string().contains("redirected more than 30 times"),
        "{error}"
    );
}

/// Answers every request on every connection, and counts the connections.
fn counting_server(seen: Arc<Mutex<Vec<Vec<String>>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for peer in listener.incoming().flatten() {
            let mut all = seen.lock().expect("no thread panics");
            all.push(Vec::new());
            let number = all.len() - 1;
            drop(all);
            let seen = Arc::clone(&seen);
            thread::spawn(move || {
                serve(&peer, &|request| {
                    seen.lock().expect("no thread panics")[number].push(request);
                })
            });
        }
    });
    url
}

fn serve(peer: &TcpStream, note: &dyn Fn(String)) -> Option<()> {
    let mut reader = BufReader::new(peer);
    loop {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        note(head + &String::from_utf8(body).expect("UTF-8"));
        let mut peer = peer;
        peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nIgnored")
            .ok()?;
    }
}

#[test]
fn connections_are_used_again_and_requests_look_like_upstreams() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let url = counting_server(Arc::clone(&seen));
    let master = client(&url);
    let partition = PartitionReference::new("local", "slappart0");
    for _ in 0..20 {
        master.started(&partition).expect("it is taken");
    }
    let seen = seen.lock().expect("no thread panics");
    assert_eq!(seen.len(), 1, "one connection for all");
    assert_eq!(seen[0].len(), 20);
    let request = seen[0][0].to_lowercase();
    for expected in [
        "post /startedcomputerpartition http/1.1\r\n",
        "\r\naccept: */*\r\n",
        "\r\ncontent-type: application/x-www-form-urlencoded\r\n",
        "\r\nauthorization: x-slappartition computer_id=local, computer_partition_id=slappart0\r\n",
        concat!("\r\nuser-agent: slapos/", env!("CARGO_PKG_VERSION"), "\r\n"),
        "computer_id=local&computer_partition_id=slappart0",
    ] {
        assert!(request.contains(expected), "{expected}\n{request}");
    }
}

/// An HTTPS server that tells who asked.
const TLS_SERVER: &str = r#"
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        subject = (self.connection.getpeercert() or {}).get('subject', ())
        body = repr([value for entry in subject for name, value in entry]).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.crt', 'server.key')
context.load_verify_locations('ca.crt')
context.verify_mode = ssl.CERT_OPTIONAL
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()
        .expect("openssl can be run");
    assert!(
        output.status.success(),
        "{arguments}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn certificates_are_shown_and_those_of_the_master_checked_if_a_ca_is_given() {
    let site = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = site.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        directory,
        &format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=Authority"),
    );
    openssl(
        directory,
        &format!("req -x509 {key} -keyout other.key -out other.crt -days 2 -subj /CN=Other"),
    );
    fs::write(directory.join("san"), "subjectAltName=IP:127.0.0.1\n").expect("it is ours");
    for name in ["server", "client"] {
        openssl(
            directory,
            &format!("req -new {key} -keyout {name}.key -out {name}.csr -subj /CN={name}-name"),
        );
        openssl(
            directory,
            &format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
                 -extfile san -out {name}.crt"
            ),
        );
    }
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let mut server = Running(
        Command::new(slapos.program("python"))
            .args(["-c", TLS_SERVER])
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be run"),
    );
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().expect("a pipe"))
        .read_line(&mut port)
        .expect("the server starts");
    let url = format!("https://127.0.0.1:{}", port.trim());
    let options = |ca: Option<&str>, certificate: Option<&str>| {
        let mut options = HttpMasterOptions::new(&url);
        options.ca_file = ca.map(|name| directory.join(name));
        options.certificate_file = certificate.map(|name| directory.join(format!("{name}.crt")));
        options.key_file = certificate.map(|name| directory.join(format!("{name}.key")));
        HttpMaster::new(options)
    };
    // Upstream asks for no certificate of the master.
    assert_eq!(options(None, None).run_id().expect("it answers"), "[]");
    let shown = options(Some("ca.crt"), Some("client")).run_id();
    assert_eq!(shown.expect("it answers"), "['client-name']");
    let error = options(Some("other.crt"), None).run_id();
    let error = error.expect_err("another authority");
    assert!(error.is_master_lost());
    assert_eq!(
        error.hint().as_deref(),
        Some("check the certificate authority in `master_ca_file`, and `cert_file` and `key_file`")
    );
    let error = options(Some("missing.crt"), None).run_id();
    let error = error.expect_err("there is no such file").to_string();
    assert!(error.contains("missing.crt"), "{error}");
    // Where nothing is encrypted, certificates are not even read.
    let plain = TestServer::start();
    plain.reply("/getRunId", Reply::ok("id"));
    let mut http = HttpMasterOptions::new(plain.url(""));
    http.certificate_file = Some(directory.join("missing.crt"));
    http.ca_file = Some(directory.join("missing.crt"));
    assert_eq!(HttpMaster::new(http).run_id().expect("it answers"), "id");
}
