//! A master that is reached through TLS only, over IPv6, and wants to know who
//! asks.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lifecycle::{await_process, runs};
use crate::site::NodeSite;

/// Hands requests on to the real master, if they come with a certificate. Gives
/// partitions their certificates, which `slapos proxy` cannot.
const TLS_MASTER: &str = r"
import http.client, http.server, socket, ssl, sys
from slapos.util import dumps

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get('Content-Length', 0))
        form = self.rfile.read(length)
        status = 200
        if self.path.startswith('/getComputerPartitionCertificate'):
            body = dumps({'certificate': 'a certificate', 'key': 'a key'})
        else:
            master = http.client.HTTPConnection(sys.argv[1])
            names = 'Accept', 'Authorization', 'Content-Type'
            headers = {name: self.headers[name] for name in names if name in self.headers}
            master.request(self.command, self.path, form, headers)
            response = master.getresponse()
            status, body = response.status, response.read()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *arguments):
        pass

server = Server(('::1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.crt', 'server.key')
context.load_verify_locations('ca.crt')
context.verify_mode = ssl.CERT_REQUIRED
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

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
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}\n{text}");
}

/// Makes two authorities, `ca` and `other`, and certificates of the first one.
fn make_certificates(directory: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        let files = format!("-keyout {name}.key -out {name}.crt");
        openssl(
            directory,
            &format!("req -x509 {key} {files} -days 2 -subj /CN={name}"),
        );
    }
    fs::write(directory.join("names"), "subjectAltName=IP:::1\n").expect("it is ours");
    for name in ["server", "computer"] {
        let files = format!("-keyout {name}.key -out {name}.csr");
        openssl(
            directory,
            &format!("req -new {key} {files} -subj /CN={name}"),
        );
        let authority = "-CA ca.crt -CAkey ca.key -CAcreateserial";
        let files = format!("-in {name}.csr -out {name}.crt -extfile names");
        openssl(directory, &format!("x509 -req {files} {authority} -days 2"));
    }
}

#[test]
fn a_node_shows_its_certificate_and_trusts_the_authority_it_was_told() {
    let site = NodeSite::new(1);
    let directory = site.path("tls");
    fs::create_dir(&directory).unwrap();
    make_certificates(&directory);
    let mut master = Running(
        Command::new(site.slapos.program("python"))
            .args(["-c", TLS_MASTER])
            .arg(site.master.url().trim_start_matches("http://"))
            .current_dir(&directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python can be run"),
    );
    let mut port = String::new();
    BufReader::new(master.0.stdout.take().expect("a pipe"))
        .read_line(&mut port)
        .expect("the master starts");
    let repository = site.path("certificates");
    fs::create_dir(&repository).unwrap();
    let plain = fs::read_to_string(site.path("slapos.cfg")).unwrap();
    let url = format!("https://[::1]:{}", port.trim());
    let configure = |authority: &str, more: &str| {
        let tls = directory.display();
        let text = plain
            .replace(
                &format!("master_url = {}\n", site.master.url()),
                &format!(
                    "master_url = {url}\nmaster_ca_file = {tls}/{authority}.crt\ncertificate_repository_path = {}\n{more}",
                    repository.display()
                ),
            );
        fs::write(site.path("slapos.cfg"), text).unwrap();
    };
    let shown = format!(
        "key_file = {0}/computer.key\ncert_file = {0}/computer.crt\n",
        directory.display()
    );

    // All goes through the certificates, for node and user.
    configure("ca", &shown);
    let release = site.own_release();
    site.run("node format --now").expect(0);
    site.run(&format!("supply {release} local")).expect(0);
    site.run("node software").expect(0);
    site.run(&format!("request hello {release}")).expect(0);
    site.run("node instance").expect(0);
    let service = "slappart0:greeting-on-watch";
    let process = await_process(&site, service, runs).unwrap().process;
    for (name, expected) in [("crt", "a certificate"), ("key", "a key")] {
        let path = repository.join(format!("slappart0.{name}"));
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o400);
    }
    let profile = fs::read_to_string(site.partition(0).join("buildout.cfg")).unwrap();
    for line in [
        format!("server-url = {url}\n"),
        format!("key-file = {}/slappart0.key\n", repository.display()),
        format!("cert-file = {}/slappart0.crt\n", repository.display()),
    ] {
        assert!(profile.contains(&line), "{line}: {profile}");
    }

    // Another authority's master is not the master; nor does it answer anybody.
    for (authority, more) in [("other", shown.as_str()), ("ca", "")] {
        configure(authority, more);
        let text = site.run("node instance").expect(3);
        assert!(
            text.contains("Processing computer partitions offline..."),
            "{text}"
        );
        site.run("node software").expect(1);
        assert_eq!(
            await_process(&site, service, runs).unwrap().process,
            process
        );
    }
    configure("ca", &shown);
    site.run("node instance").expect(0);
}

#[test]
fn options_of_the_network_cache_reach_the_build() {
    let site = NodeSite::new(0);
    let key = site.path("signature.key");
    fs::write(&key, "a key").unwrap();
    let mut text = fs::read_to_string(site.path("slapos.cfg")).unwrap();
    text.push_str(&format!(
        "\n[networkcache]\nsignature-private-key-file = {}\nupload-dir-url = https://dir.example/\nshadir-ca-file =\ndownload-dir-url = https://other.example/\n",
        key.display()
    ));
    fs::write(site.path("slapos.cfg"), text).unwrap();
    let url = site.profile(
        "cache/software.cfg",
        "[buildout]
parts = options
[options]
recipe = slapos.recipe.template:jinja2
inline = {{ section }} {{ sorted(cache.items()) }}
output = ${buildout:directory}/options
context =
  key section buildout:networkcache-section
  section cache networkcache
",
    );
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    let written = fs::read_to_string(site.release(&url).join("options")).unwrap();
    assert_eq!(
        written.trim(),
        format!(
            "networkcache [('signature-private-key-file', '{}'), ('upload-dir-url', 'https://dir.example/')]",
            key.display()
        )
    );
}
