//! Downloads of the built command: failures, what comes ahead, offline runs,
//! policies, and secrets.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use buildout_core::fetch::test_server::{Fault, Reply, TestServer};
use buildout_core::fetch::{Algorithm, Digests};

use crate::site::{Outcome, TestSite};

/// A part that downloads one file.
fn part(name: &str, url: &str, options: &str) -> String {
    format!("[{name}]\nrecipe = slapos.recipe.build:download\nurl = {url}\n{options}\n")
}

fn sha256(bytes: &[u8]) -> String {
    Digests::of(bytes).hex(Algorithm::Sha256)
}

#[test]
fn six_failures_have_six_messages() {
    let server = TestServer::start();
    server.reply("/file", Reply::ok("hello"));
    server.reply("/cut", Reply::ok("hello").fault(Fault::CutAfter(2)));
    server.reply("/private", Reply::status(401, "Unauthorized"));
    let md5 = Digests::of(b"hello").hex(Algorithm::Md5);
    let zeros = |count| "0".repeat(count);
    let url = |target: &str| server.url(target);
    let fetch_error = |target: &str, reason: &str| {
        format!(
            "Error downloading extends for URL {}: {reason}",
            url(target)
        )
    };
    // What is asked for and how, the text, where the caret is, and the hint.
    let cases = [
        (
            "/file",
            format!("md5sum = {}", zeros(32)),
            "",
            format!("MD5 checksum mismatch downloading '{}'", url("/file")),
            (6, "md5sum"),
            format!("its MD5 checksum is {md5}: write that one if you trust what was found"),
        ),
        (
            "/file",
            format!("sha256 = {}", zeros(64)),
            "",
            format!("SHA256 checksum mismatch downloading '{}'", url("/file")),
            (6, "sha256"),
            format!(
                "its SHA256 checksum is {}: write that one if you trust what was found",
                sha256(b"hello")
            ),
        ),
        (
            "/cut",
            String::new(),
            "",
            fetch_error(
                "/cut",
                "<urlopen error retrieval incomplete: got only 2 out of 5 bytes>",
            ),
            (5, "url"),
            "the connection broke off each time: run it again later, or give a copy as `alternate-url`".to_owned(),
        ),
        (
            "/gone",
            String::new(),
            "",
            fetch_error("/gone", "HTTP Error 404: File not found"),
            (5, "url"),
            "the server does not have it: correct the URL, or give a copy as `alternate-url`".to_owned(),
        ),
        (
            "/private",
            String::new(),
            "",
            fetch_error("/private", "HTTP Error 401: Unauthorized"),
            (5, "url"),
            "the server wants a login: put one for the host into `~/.netrc`, or into the URL".to_owned(),
        ),
        (
            "/file",
            String::new(),
            "--offline",
            format!("Couldn't download '{}' in offline mode.", url("/file")),
            (5, "url"),
            "set `[buildout] download-cache` and run `buildout -O fetch` once; offline runs then find everything".to_owned(),
        ),
    ];
    for (target, options, flag, text, (line, option), hint) in cases {
        let part = part("a", &url(target), &options);
        let site = TestSite::new(format!("[buildout]\nparts = a\n{part}"));
        let flags: Vec<&str> = Some(flag)
            .filter(|flag| !flag.is_empty())
            .into_iter()
            .collect();
        let stderr = site.run(&flags).failure();
        assert!(stderr.contains(&format!("Error: {text}\n")), "{stderr}");
        let place = format!(" --> @/buildout.cfg:{line}\n{line} | {option} = ");
        assert!(stderr.contains(&place), "{stderr}");
        assert!(stderr.contains(&format!("hint: {hint}\n")), "{stderr}");
        assert!(!site.path("parts/a").exists());
    }
}

#[test]
fn downloads_come_ahead_and_the_log_is_that_of_a_serial_run() {
    let server = TestServer::start();
    let names = ["a", "b", "c", "d"];
    let mut profile = "[buildout]\nparts = a b c d\nparallel-downloads = 4\n".to_owned();
    for name in names {
        let target = format!("/{name}");
        // None is answered before all are asked for.
        server.reply(&target, Reply::ok(name).fault(Fault::Together(4)));
        profile.push_str(&part(name, &server.url(&target), ""));
    }
    let site = TestSite::new(profile);
    let output = site.run(&["-j1"]).output();
    let expected: String = names
        .iter()
        .map(|name| {
            let url = server.url(&format!("/{name}"));
            format!("Installing {name}.\nDownloading {url}\n")
        })
        .collect();
    assert!(output.ends_with(&expected), "{output}");
    assert_eq!(server.requests().len(), 4);
    for name in names {
        assert_eq!(site.read(&format!("parts/{name}/{name}")), name);
    }
}

#[test]
fn the_limit_holds() {
    let server = TestServer::start();
    let mut profile = "[buildout]\nparts = a b c d e f\nparallel-downloads = 1\n".to_owned();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let target = format!("/{name}");
        server.reply(&target, Reply::ok(name));
        profile.push_str(&part(name, &server.url(&target), ""));
    }
    let site = TestSite::new(profile);
    site.run(&[]).output();
    assert_eq!(server.peak(), 1);
    assert_eq!(server.requests().len(), 6);
    for (value, hint) in [("0", true), ("many", true), ("2", false)] {
        let outcome = site.run(&[&format!("parallel-downloads={value}")]);
        let text = "Invalid value for 'parallel-downloads' option: ";
        assert_eq!(outcome.stderr.contains(text), hint, "{outcome:?}");
    }
}

/// A site whose profile comes from a server, as do its downloads.
fn remote_site(server: &TestServer) -> TestSite {
    server.reply("/base.cfg", Reply::ok("[buildout]\nextends = more.cfg\n"));
    server.reply("/more.cfg", Reply::ok("[more]\nx = 1\n"));
    for name in ["one", "two"] {
        server.reply(&format!("/{name}"), Reply::ok(name));
    }
    server.reply("/fix.patch", Reply::ok("--- a\n"));
    TestSite::new(format!(
        "[buildout]\nextends = {}\nparts = one template\nextends-cache = profiles\n\
         download-cache = downloads\n{}{}\
         [template]\nrecipe = slapos.recipe.template:jinja2\nurl = {}\noutput = out\n\
         context = key x two:url\n\
         [built]\nrecipe = slapos.recipe.cmmi\nurl = {}\npatches = {}\n",
        server.url("/base.cfg"),
        part("one", &server.url("/one"), ""),
        part("two", &server.url("/two"), ""),
        server.url("/two"),
        server.url("/one"),
        server.url("/fix.patch"),
    ))
}

#[test]
fn what_was_fetched_is_enough_for_an_offline_run() {
    let server = TestServer::start();
    let site = remote_site(&server);
    let output = site.run(&["fetch"]).output();
    assert!(
        output.ends_with("Downloads: 2 fetched, 1 were there. Offline runs have what they need.\n"),
        "{output}"
    );
    assert!(!site.path("parts").exists() && !site.path(".installed.cfg").exists());
    let before = server.requests().len();
    site.run(&["-N", "fetch"]).output();
    assert_eq!(server.requests().len(), before, "everything was there");
    drop(server);
    site.run(&["--offline"]).output();
    assert_eq!(site.read("parts/one/one"), "one");
    assert_eq!(site.read("out"), "two");
}

#[test]
fn the_parts_to_fetch_can_be_named() {
    let server = TestServer::start();
    let site = remote_site(&server);
    site.run(&["fetch", "built"]).output();
    let targets: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
    let has = |target: &str| targets.iter().any(|asked| asked == target);
    assert!(
        has("/one") && has("/fix.patch") && !has("/two"),
        "{targets:?}"
    );
}

#[test]
fn an_offline_run_tells_what_templates_lack_with_the_rest() {
    let server = TestServer::start();
    let template = |name: &str, path: &str| {
        let url = server.url(path);
        format!("[{name}]\nrecipe = slapos.recipe.template\noutput = {name}.txt\nurl = {url}\n")
    };
    let needing = "[needing]\nrecipe = plone.recipe.command\ncommand = cat ${first:output}\n";
    let site = TestSite::new(format!(
        "[buildout]\nparts = needing second file\n{needing}{}{}{}",
        template("first", "/first"),
        template("second", "/second"),
        part("file", &server.url("/file"), "")
    ));
    let text = |path: &str| format!("Couldn't download '{}' in offline mode.", server.url(path));
    let stderr = site.run(&["-o"]).failure();
    let expected = format!(
        "While:\n  Installing.\nError: 3 downloads cannot be made:\n  first: {}\n  second: {}\n  file: {}\n",
        text("/first"),
        text("/second"),
        text("/file")
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    // A single one is told with what it was needed for.
    let stderr = site.run(&["-o", "parts=needing"]).failure();
    assert!(
        stderr.contains("Getting option needing:command."),
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!("Error: {}\n", text("/first"))),
        "{stderr}"
    );
    // Another mistake is told as ever.
    let stderr = site.run(&["-o", "parts=second other"]).failure();
    assert!(stderr.contains("'other'"), "{stderr}");
    assert_eq!(server.requests().len(), 0, "nothing is sent");
}

#[test]
fn an_offline_run_tells_all_that_is_missing_and_sends_nothing() {
    let server = TestServer::start();
    let site = remote_site(&server);
    fs::create_dir(site.path("profiles")).expect("a directory of the site");
    let stderr = site.run(&["--offline"]).failure();
    assert!(
        stderr.starts_with(&format!(
            "While:\n  Initializing.\nError: Couldn't download '{}' in offline mode.\n",
            server.url("/base.cfg")
        )),
        "{stderr}"
    );
    // With the profiles, but without the downloads.
    site.run(&["fetch", "one"]).output();
    fs::remove_dir_all(site.path("downloads")).expect("a directory of the site");
    let before = server.requests().len();
    let stderr = site.run(&["--offline", "parts=one two built"]).failure();
    let (one, two) = (server.url("/one"), server.url("/two"));
    let patch = server.url("/fix.patch");
    let text = |url: &str| format!("Couldn't download '{url}' in offline mode.");
    let expected = format!(
        "While:\n  Installing.\nError: 4 downloads cannot be made:\n  one: {}\n  two: {}\n  built: {}\n  built: {}\n",
        text(&one),
        text(&two),
        text(&one),
        text(&patch)
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    for place in [8, 12, 21, 22] {
        assert!(
            stderr.contains(&format!(" --> @/buildout.cfg:{place}\n")),
            "{place}: {stderr}"
        );
    }
    assert!(
        stderr.contains("\nhint: run `buildout -O fetch` once"),
        "{stderr}"
    );
    assert_eq!(server.requests().len(), before, "nothing is sent");
    assert!(!site.path("parts/one").exists(), "nothing is done");

    // Two profiles that do not know of each other.
    let site = TestSite::new(format!(
        "[buildout]\nparts =\nextends =\n  {}\n  {}\n",
        server.url("/base.cfg"),
        server.url("/more.cfg")
    ));
    let stderr = site.run(&["-o"]).failure();
    let expected = format!(
        "While:\n  Initializing.\nError: 2 profiles cannot be loaded:\n  {}\n  {}\n\n --> @/buildout.cfg:4\n",
        text(&server.url("/base.cfg")),
        text(&server.url("/more.cfg"))
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    // Not even for the dialect, when the profile itself is remote.
    let url = server.url("/base.cfg");
    site.run(&["-o", "-c", &url]).failure();
    assert_eq!(server.requests().len(), before, "nothing is sent");
}

#[test]
fn fetching_needs_the_caches() {
    let server = TestServer::start();
    server.reply("/one", Reply::ok("one"));
    server.reply("/base.cfg", Reply::ok("[x]\n"));
    let site = TestSite::new(format!(
        "[buildout]\nparts = one\n{}",
        part("one", &server.url("/one"), "")
    ));
    let stderr = site.run(&["fetch"]).failure();
    assert!(
        stderr
            .contains("Error: There is nowhere to keep downloads: `download-cache` is not set.\n")
            && stderr.contains("hint: set `download-cache = DIRECTORY` in `[buildout]`"),
        "{stderr}"
    );
    site.run(&["download-cache=cache", "fetch"]).output();
    let extends = format!("extends={}", server.url("/base.cfg"));
    let stderr = site
        .run(&[&extends, "download-cache=cache", "fetch"])
        .failure();
    assert!(
        stderr.contains("Error: There is nowhere to keep profiles: `extends-cache` is not set.\n"),
        "{stderr}"
    );
    // Everything that fails is told at once.
    let site = TestSite::new(format!(
        "[buildout]\nparts = a b\ndownload-cache = cache\n{}{}",
        part("a", &server.url("/gone"), ""),
        part("b", &server.url("/one"), "sha256 = 00"),
    ));
    site.run(&["fetch"]).failure();
    let site = TestSite::new(format!(
        "[buildout]\nparts = a b one\ndownload-cache = cache\n{}{}{}",
        part("a", &server.url("/gone"), ""),
        part("b", &server.url("/lost"), ""),
        part("one", &server.url("/one"), ""),
    ));
    let stderr = site.run(&["fetch"]).failure();
    assert!(
        stderr.contains("Error: 2 downloads cannot be made:\n  a: "),
        "{stderr}"
    );
    assert!(stderr.contains(" --> @/buildout.cfg:6\n"), "{stderr}");
    assert!(stderr.contains(" --> @/buildout.cfg:10\n"), "{stderr}");
    let cached = fs::read_dir(site.path("cache")).expect("the cache").count();
    assert_eq!(cached, 2, "`dist` and the one that worked");
}

#[test]
fn unpinned_downloads_can_be_refused_or_warned_of() {
    let server = TestServer::start();
    server.reply("/a", Reply::ok("hello"));
    let url = server.url("/a");
    let profile = |options: &str| {
        format!(
            "[buildout]\nparts = a b\n{}{}",
            part("a", &url, options),
            part("b", &url, options)
        )
    };
    let site = TestSite::new(profile(""));
    let stderr = site.run(&["require-hashes=on"]).failure();
    let text = format!("Refusing to download '{url}' without a checksum.");
    assert!(
        stderr.contains(&format!(
            "Error: 2 downloads cannot be made:\n  a: {text}\n  b: {text}\n"
        )),
        "{stderr}"
    );
    assert!(
        stderr.contains(" --> @/buildout.cfg:5\n5 | url = "),
        "{stderr}"
    );
    assert!(
        stderr.contains("hint: pin it with `sha256 = DIGITS`"),
        "{stderr}"
    );
    assert_eq!(server.requests(), []);

    let output = site.run(&["require-hashes=warn"]).output();
    let warning = format!(
        "{url} has no checksum; pin it with `sha256 = {}`\n",
        sha256(b"hello")
    );
    assert_eq!(output.matches(&warning).count(), 2, "{output}");
    // The advice helps.
    site.write(
        "buildout.cfg",
        profile(&format!("sha256 = {}", sha256(b"hello"))),
    );
    site.run(&["require-hashes=on"]).output();
    let stderr = site.run(&["require-hashes=perhaps"]).failure();
    assert!(
        stderr.contains("Error: Invalid value for 'require-hashes' option: 'perhaps'\n")
            && stderr.contains("hint: use `off`, `warn` or `on`\n"),
        "{stderr}"
    );
}

#[test]
fn alternate_urls_are_tried_in_turn() {
    let server = TestServer::start();
    server.reply("/wrong", Reply::ok("other"));
    server.reply("/copy", Reply::ok("hello"));
    let options = format!(
        "sha256 = {}\nalternate-url = {} {}\n  {}",
        sha256(b"hello"),
        server.url("/lost"),
        server.url("/wrong"),
        server.url("/copy")
    );
    let site = TestSite::new(format!(
        "[buildout]\nparts = a\n{}",
        part("a", &server.url("/gone"), &options)
    ));
    let output = site.run(&[]).output();
    assert_eq!(site.read("parts/a/a"), "hello");
    assert_eq!(
        output.matches("; trying the next source\n").count(),
        3,
        "{output}"
    );
}

#[test]
fn options_about_certificates_are_checked() {
    let site = TestSite::new("[buildout]\nparts =\n").file("me.pem", "");
    for (assignments, text) in [
        (
            &["ca-bundle=none.pem"] as &[&str],
            "There is no file `@/none.pem` for 'ca-bundle'.",
        ),
        (
            &["client-certificate=me.pem"],
            "`client-certificate` is for no host",
        ),
        (
            &["client-key=me.pem"],
            "`client-key` without `client-certificate`",
        ),
        (
            &["client-certificate-hosts=h"],
            "`client-certificate-hosts` without `client-certificate`",
        ),
    ] {
        let stderr = site.run(assignments).failure();
        assert!(stderr.contains(&format!("Error: {text}\n")), "{stderr}");
        assert!(stderr.contains("\nhint: "), "{stderr}");
    }
}

/// Looks for a text in every file below a directory, and in names.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of the site") {
            let path = entry.expect("an entry of the site").path();
            if path.is_dir() {
                pending.push(path.clone());
            } else if let Ok(bytes) = fs::read(&path)
                && String::from_utf8_lossy(&bytes).contains(text)
            {
                found.push(path.to_string_lossy().into_owned());
            }
            if path.to_string_lossy().contains(text) {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[test]
fn secrets_reach_the_server_and_nothing_else() {
    let server = TestServer::start();
    server.reply("/a", Reply::ok("hello"));
    server.reply("/b", Reply::ok("hello"));
    server.reply("/b?private_token=hunter2", Reply::ok("hello"));
    server.reply("/base.cfg", Reply::ok("[x]\n"));
    let with_login = |target: &str| server.url(target).replace("//", "//me:hunter2@");
    let cut = Reply::ok("hello").fault(Fault::CutAfter(2));
    server.script("/a", [cut, Reply::ok("hello")]);
    let profile = format!(
        "[buildout]\nextends = {}\nparts = a b c\ndownload-cache = cache\nextends-cache = profiles\n\
         shared-part-list = ${{:directory}}/shared\nrequire-hashes = warn\n{}{}{}",
        with_login("/base.cfg"),
        part("a", &with_login("/a"), ""),
        part("b", &server.url("/b?private_token=hunter2"), ""),
        part(
            "c",
            &with_login("/gone"),
            &format!(
                "shared = true\nmd5sum = {}\nalternate-url = {}",
                Digests::of(b"hello").hex(Algorithm::Md5),
                with_login("/b")
            )
        ),
    );
    let site = TestSite::new(&profile).file(
        "../home/.netrc",
        "machine 127.0.0.1 login you password swordfish\n",
    );
    fs::create_dir(site.path("profiles")).expect("a directory of the site");
    fs::create_dir(site.path("shared")).expect("a directory of the site");
    let check = |outcome: Outcome, code: i32| {
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        for secret in ["hunter2", "swordfish"] {
            assert!(!outcome.stdout.contains(secret), "{outcome:?}");
            assert!(!outcome.stderr.contains(secret), "{outcome:?}");
        }
        fs::remove_file(site.path("buildout.cfg")).expect("a file of the site");
        assert_eq!(files_with(&site.path(""), "hunter2"), [""; 0]);
        assert_eq!(files_with(&site.path(""), "swordfish"), [""; 0]);
        site.write("buildout.cfg", &profile);
    };
    check(site.run(&["-vvvv"]), 0);
    check(site.run(&["-vvvv", "lock"]), 0);
    check(site.run(&["-vvvv", "--locked"]), 0);
    check(site.run(&["-vvvv", "a:x=1"]), 0);
    // Failures, too: everything moved, then gone.
    server.reply("/a", Reply::ok("moved"));
    fs::remove_dir_all(site.path("cache")).expect("a directory of the site");
    check(site.run(&["-D", "-vvvv", "--locked", "a:x=2"]), 1);
    server.reply("/a", Reply::status(401, "Unauthorized"));
    check(site.run(&["-D", "-vvvv", "a:x=3"]), 1);
    fs::remove_dir_all(site.path("cache")).expect("a directory of the site");
    check(site.run(&["-D", "-vvvv", "-o", "a:x=4"]), 1);
    check(site.run(&["-D", "-vvvv", "require-hashes=on", "a:x=4"]), 1);
    check(site.run(&["-D", "-vvvv", "fetch"]), 1);

    // Yet the logins reached the server: `me:hunter2` and `you:swordfish`.
    let sent = |target: &str| {
        let requests = server.requests();
        let request = requests.iter().find(|r| r.target == target);
        request.and_then(|r| r.header("Authorization").map(str::to_owned))
    };
    assert_eq!(sent("/a").as_deref(), Some("Basic bWU6aHVudGVyMg=="));
    let with_token = sent("/b?private_token=hunter2");
    assert_eq!(with_token.as_deref(), Some("Basic eW91OnN3b3JkZmlzaA=="));
}

#[test]
fn a_new_password_reinstalls_nothing() {
    let server = TestServer::start();
    server.reply("/a", Reply::ok("hello"));
    let profile = |password: &str| {
        let url = server.url("/a").replace("//", &format!("//me:{password}@"));
        let pin = format!("sha256 = {}", sha256(b"hello"));
        format!("[buildout]\nparts = a\n{}", part("a", &url, &pin))
    };
    let site = TestSite::new(profile("old"));
    site.run(&[]).output();
    assert!(
        site.read(".installed.cfg")
            .contains("url = http://me:****@")
    );
    site.write("buildout.cfg", profile("new"));
    let output = site.run(&[]).output();
    assert!(
        output.ends_with("Updating a.\n") && !output.contains("Uninstalling"),
        "{output}"
    );
}

/// An HTTPS server that asks for a certificate; it is gone when dropped.
struct TlsServer(Child, String);

impl TlsServer {
    fn start(directory: &Path) -> Self {
        let script = "import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('../server.pem', '../server.key')
context.load_verify_locations('../client.pem')
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
server.serve_forever()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 starts");
        let mut port = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut port).expect("a port");
        let url = format!("https://127.0.0.1:{}", port.trim());
        TlsServer(child, url)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.0.kill().expect("the server runs");
        self.0.wait().expect("a child of this process");
    }
}

/// Makes `NAME.pem`, a certificate that signs itself, and `NAME.key`.
fn make_certificate(directory: &Path, name: &str) {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"])
        .args(["-subj", &format!("/CN={name}"), "-addext"])
        .arg("subjectAltName=IP:127.0.0.1")
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &format!("{name}.key")])
        .args(["-out", &format!("{name}.pem")])
        .current_dir(directory)
        .output()
        .expect("openssl starts");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn certificates_of_the_profile_are_for_profiles_and_downloads() {
    let site = TestSite::empty().file("served/base.cfg", "[x]\ny = 1\n");
    site.write("served/file", "hello");
    make_certificate(&site.path(""), "server");
    make_certificate(&site.path(""), "client");
    let server = TlsServer::start(&site.path("served"));
    let url = &server.1;
    let profile = |options: &str| {
        format!(
            "[buildout]\nextends = {url}/base.cfg\nparts = a\n{options}\n{}",
            part("a", &format!("{url}/file"), "")
        )
    };
    let trust = "ca-bundle = server.pem";
    let identity = "client-certificate = client.pem\nclient-key = client.key";
    site.write("buildout.cfg", profile(""));
    let stderr = site.run(&[]).failure();
    assert!(
        stderr.contains("[SSL] invalid peer certificate"),
        "{stderr}"
    );
    // The certificate is for another host.
    let elsewhere = format!("{trust}\n{identity}\nclient-certificate-hosts = other.example");
    site.write("buildout.cfg", profile(&elsewhere));
    let stderr = site.run(&[]).failure();
    assert!(
        stderr.contains("Error downloading extends for URL"),
        "{stderr}"
    );
    let right = elsewhere.replace("other.example", "other.example 127.0.0.1");
    site.write("buildout.cfg", profile(&right));
    site.run(&[]).output();
    assert_eq!(site.read("parts/a/a"), "hello");
}

#[test]
fn mirrors_have_what_profiles_say_is_elsewhere() {
    let server = TestServer::start();
    server.reply("/mirror/base.cfg", Reply::ok("[shown]\nvalue = mirrored\n"));
    server.reply("/mirror/file", Reply::ok("hello"));
    let site = TestSite::new(format!(
        "[buildout]\nextends = http://gone.invalid/base.cfg\nextends-cache = profiles\n\
         parts = a b\ndownload-cache = cache\nurl-replace =\n  \
         http://gone.invalid/disk/ file://${{:directory}}/disk/\n  \
         http://gone.invalid/ {}\n{}{}",
        server.url("/mirror/"),
        part("a", "http://gone.invalid/file", ""),
        part("b", "http://gone.invalid/disk/file", "")
    ));
    fs::create_dir(site.path("profiles")).expect("a directory of the site");
    fs::create_dir(site.path("disk")).expect("a directory of the site");
    // A profile is loaded before references are resolved, so it cannot come from
    // a place that has one.
    let directory = site.path("").to_string_lossy().into_owned();
    let profile = site
        .read("buildout.cfg")
        .replace("${:directory}/", &directory);
    site.write("buildout.cfg", &profile);
    let stderr = site.run(&[]).failure();
    assert!(stderr.contains("http://gone.invalid/disk/file"), "{stderr}");
    assert!(stderr.contains("File not found in the mirror"), "{stderr}");
    site.write("disk/file", "from the disk");
    site.run(&[]).output();
    assert_eq!(site.read("parts/a/a"), "hello");
    assert_eq!(site.read("parts/b/b"), "from the disk");
    assert_eq!(site.run(&["query", "shown:value"]).output(), "mirrored\n");
    site.run(&["lock"]).output();
    let lock = site.read("buildout.lock");
    for url in ["base.cfg", "file", "disk/file"] {
        assert!(
            lock.contains(&format!("http://gone.invalid/{url}]\n")),
            "{lock}"
        );
    }
    assert!(!lock.contains("/mirror/"), "{lock}");
    site.run(&["--locked", "--offline"]).output();

    for (command, value) in [("annotate", "http://a/"), ("install", "http://a/ b/")] {
        let stderr = site
            .run(&[&format!("buildout:url-replace={value}"), command])
            .failure();
        assert!(
            stderr.contains("Error: Invalid line of 'url-replace': http://a/"),
            "{stderr}"
        );
        assert!(stderr.contains("hint: write `PREFIX PREFIX`"), "{stderr}");
    }
}
