//! `profiles/web`: a release for a node, deployed as `profiles/README.md` says.
//!
//! The master is the real one of slapos.core, and supervisord runs the services.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use slap::test_master::RealSlapos;
use slapgrid::supervisor::Supervisor;

use crate::server::free_port;
use crate::site::Site;
use crate::{checkout, sources, store};

/// The Debian source packages that the release builds.
const PACKAGES: [&str; 6] = ["zlib", "pcre2", "nginx", "busybox", "popt", "logrotate"];

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A node of an ordinary user, whose supervisord is ended with it.
pub(crate) struct Node {
    pub(crate) site: Site,
    program: PathBuf,
}

impl Node {
    /// Makes the node, with this port for its master, and this store of shared parts.
    fn create(port: u16, store: &Path) -> Self {
        let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
        let environment = slapos.program("python");
        let environment = environment
            .ancestors()
            .nth(2)
            .expect("ENVIRONMENT/bin/python");
        let program = checkout::program_directory().join("slapos");
        let site = Site::in_short_path("web");
        let configuration = site.path("n/etc/slapos.cfg");
        let node = Node {
            site: site
                .with_variable("BUILDOUT_JOBS", "2")
                .with_variable("SLAPOS", &program)
                .with_variable("SLAPOS_CONFIGURATION", &configuration)
                .with_variable("SLAPOS_CLIENT_CONFIGURATION", &configuration),
            program,
        };
        let port = port.to_string();
        let environment = environment.to_string_lossy();
        let init = ["node", "init", "n", "--partitions", "3"];
        let options = ["--port", &port, "--environment", &environment];
        node.slapos(&[&init[..], &options].concat());
        // What the test of the other release compiles is found there.
        let path = node.site.path("n/etc/slapos.cfg");
        let text = node.site.read("n/etc/slapos.cfg");
        let own = format!("{}/shared", node.site.path("n").display());
        let text = text.replace(&own, &store.to_string_lossy());
        fs::write(path, text).expect("the configuration is ours");
        node
    }

    /// Runs a program as an ordinary user, which must succeed, and returns what it printed.
    fn run(&self, program: &Path, arguments: &[&str]) -> String {
        self.run_to(program, arguments, &[0])
    }

    /// The same, which must end with one of these exit codes.
    fn run_to(&self, program: &Path, arguments: &[&str], codes: &[i32]) -> String {
        let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
        let mut command = if is_root {
            // Root under another number, in a namespace of its own.
            let mut command = self.site.command(Path::new("unshare"));
            command.args(["--user", "--map-user=65534", "--map-group=65534"]);
            command.arg(program);
            command
        } else {
            self.site.command(program)
        };
        let output = command.args(arguments).output();
        let output =
            output.unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output
                .status
                .code()
                .is_some_and(|code| codes.contains(&code)),
            "{} {arguments:?} ended with {}\n--- stdout\n{stdout}\n--- stderr\n{}",
            program.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr),
        );
        stdout
    }

    pub(crate) fn slapos(&self, arguments: &[&str]) -> String {
        self.slapos_to(arguments, &[0])
    }

    /// The same, which must end with one of these exit codes.
    pub(crate) fn slapos_to(&self, arguments: &[&str], codes: &[i32]) -> String {
        self.run_to(&self.program, arguments, codes)
    }

    /// Brings everything to what is requested: a change of one instance may follow from that of
    /// another one.
    pub(crate) fn process_instances(&self) {
        for _ in 0..3 {
            self.process_once();
        }
    }

    /// Runs one pass; with 2, a promise is not kept yet.
    fn process_once(&self) {
        self.slapos_to(&["node", "instance"], &[0, 2]);
    }

    /// Requests the website, and returns what it has published.
    fn request(&self, profile: &str, more: &[&str]) -> serde_json::Value {
        let arguments = [&["request", "website", profile], more].concat();
        let printed = self.slapos(&arguments);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Returns what supervisord runs for a partition, sorted.
    pub(crate) fn services(&self, partition: &str) -> Vec<String> {
        let processes = self.supervisor().processes().expect("supervisord answers");
        let mut names: Vec<String> = processes
            .into_iter()
            .filter(|process| process.group == partition && process.is_running())
            .map(|process| process.name)
            .collect();
        names.sort();
        names
    }

    /// Returns the supervisord of the node.
    pub(crate) fn supervisor(&self) -> Supervisor {
        Supervisor::at(&self.site.path("n/inst/sv.sock"))
    }

    fn run_in_partition(&self, partition: &str, program: &str, arguments: &[&str]) -> String {
        let program = self.site.path(&format!("n/inst/{partition}/{program}"));
        self.run(&program, arguments)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let pid_file = self.site.path("n/inst/var/run/supervisord.pid");
        let process = fs::read_to_string(pid_file).unwrap_or_default();
        let _ = self.supervisor().shutdown();
        let process = Path::new("/proc").join(process.trim());
        let end = Instant::now() + PATIENCE;
        // Its directory is removed next.
        while process != Path::new("/proc/") && process.exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Returns what a URL of loopback answers, or nothing if nobody listens.
fn get(url: &str) -> Option<String> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Waits until a URL answers with a page that has this text.
pub(crate) fn await_page(url: &str, text: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = get(url);
        if answer.as_ref().is_some_and(|answer| answer.contains(text)) {
            return;
        }
        assert!(Instant::now() < end, "{url}: {text}: {answer:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns that many ports in a row that nobody uses now.
fn free_ports(count: u16) -> u16 {
    loop {
        let first = free_port();
        let are_free = (first..first.saturating_add(count))
            .all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
        if are_free && first < 65000 - count {
            return first;
        }
    }
}

/// The website, on a node of its own.
pub(crate) struct Website {
    pub(crate) node: Node,
    /// The release as it is, with the tarballs of all tests.
    profile: String,
    port: u16,
}

impl Website {
    /// Builds the release and deploys the website, by the documented script.
    pub(crate) fn deploy() -> Self {
        let store = store::provide();
        let sources = sources::provide(&PACKAGES);
        let master = free_ports(4);
        let node = Node::create(master, &store);
        let profile = node.site.path("software.cfg");
        let text = format!(
            "[buildout]\nextends = {}\n\n[sources]\ndirectory = {}\n",
            checkout::path("profiles/web/software.cfg").display(),
            sources.display()
        );
        fs::write(&profile, text).expect("the site is ours");
        let profile = profile.to_string_lossy().into_owned();
        let port = master + 1;
        let website = Website {
            node,
            profile,
            port,
        };
        let file = website.parameters(1);
        let deploy = checkout::path("profiles/web/deploy");
        let directory = website.node.site.path("n").to_string_lossy().into_owned();
        let arguments = ["--parameters-file", &file, &directory, &website.profile];
        let printed = website.node.run(&deploy, &arguments);
        let url = website.url(0);
        assert!(
            printed.ends_with(&format!("The website is at {url}\n")),
            "{printed}"
        );
        website
    }

    /// Writes the parameters, and returns their file.
    fn parameters(&self, backends: usize) -> String {
        let path = self.node.site.path("parameters.json");
        let text = format!("{{\"port\": {}, \"backends\": {backends}}}", self.port);
        fs::write(&path, text).expect("the site is ours");
        path.to_string_lossy().into_owned()
    }

    /// Returns the URL of the front, or of one behind it, from 1 on.
    pub(crate) fn url(&self, number: u16) -> String {
        format!("http://127.0.0.1:{}/", self.port + number)
    }
}

#[test]
fn the_website_is_deployed_changes_and_goes() {
    let website = Website::deploy();
    let (node, profile, url) = (&website.node, &website.profile, website.url(0));
    await_page(&url, "<h1>It works</h1>");
    for partition in ["slappart0", "slappart1"] {
        let services = node.services(partition);
        assert_eq!(services.len(), 2, "{services:?}");
        for (service, program) in services.iter().zip(["crond-", "nginx-"]) {
            assert!(service.starts_with(program), "{services:?}");
            assert!(service.ends_with("-on-watch"), "{services:?}");
        }
    }

    // What cron starts every night puts the logs aside, and nginx goes on in new ones.
    let entry = node.site.read("n/inst/slappart0/etc/cron.d/logrotate");
    assert!(entry.starts_with("0 0 * * * "), "{entry}");
    node.run_in_partition("slappart0", "bin/logrotate", &["--force"]);
    let old = fs::read_dir(node.site.path("n/inst/slappart0/srv/backup/log"));
    let old = old.expect("the directory is there").flatten();
    let old: Vec<_> = old.map(|entry| entry.file_name()).collect();
    assert!(
        old.iter()
            .any(|name| name.to_string_lossy().starts_with("access.log-")),
        "{old:?}"
    );
    let log = "n/inst/slappart0/var/log/access.log";
    let end = Instant::now() + PATIENCE;
    loop {
        await_page(&url, "<h1>It works</h1>");
        if node.site.read(log).contains("GET / HTTP/1.0\" 200") {
            break;
        }
        assert!(Instant::now() < end, "nginx does not open its log anew");
        std::thread::sleep(Duration::from_millis(50));
    }

    // A second backend.
    let file = website.parameters(2);
    node.request(profile, &["--parameters-file", &file]);
    node.process_instances();
    let connection = node.request(profile, &["--parameters-file", &file]);
    let second = website.url(2);
    assert_eq!(connection["url"], *url);
    assert_eq!(connection["backend-2-url"], *second);
    await_page(&second, "<h1>It works</h1>");
    await_page(&url, "<h1>It works</h1>");
    let configuration = node.site.read("n/inst/slappart0/etc/nginx.conf");
    assert!(
        configuration.contains(&format!("server 127.0.0.1:{};", website.port + 2)),
        "{configuration}"
    );

    // All of the tree goes.
    node.request(
        profile,
        &["--parameters-file", &file, "--state", "destroyed"],
    );
    // The master frees the instance at the front when those behind it are gone.
    for _ in 0..3 {
        node.process_once();
        node.slapos(&["node", "report"]);
    }
    assert!(get(&url).is_none(), "{url} still answers");
    for partition in ["slappart0", "slappart1", "slappart2"] {
        let left = fs::read_dir(node.site.path(&format!("n/inst/{partition}")));
        let left: Vec<_> = left.expect("it stays").flatten().collect();
        assert!(left.is_empty(), "{partition}: {left:?}");
        assert!(node.services(partition).is_empty());
    }
    let list = node.slapos(&["node", "list"]);
    assert!(list.contains("  3 free\n"), "{list}");
}
