//! Profiles over HTTP: bases, the cache, failures, and secrets.

use buildout_core::fetch::test_server::{Fault, Reply, TestServer};
use md5::{Digest, Md5};

use crate::site::TestSite;

/// The name of a URL's copy in the cache.
fn cached_name(url: &str) -> String {
    let digest = Md5::digest(url.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn extending(entries: &str) -> String {
    format!("[buildout]\nparts =\nextends =\n  {entries}\n")
}

#[test]
fn entries_are_relative_to_the_file_or_url_that_holds_them() {
    let server = TestServer::start();
    server.reply(
        "/deep/er/a.cfg",
        Reply::ok("[buildout]\nextends = b.cfg ../c.cfg\n[a]\nfrom = a\n"),
    );
    server.reply("/deep/er/b.cfg", Reply::ok("[b]\nfrom = b\n"));
    server.reply("/deep/c.cfg", Reply::ok("[c]\nfrom = c\n"));
    server.reply("/deep/er/../c.cfg", Reply::ok("[c]\nfrom = c\n"));
    let site = TestSite::new(extending("local/d.cfg"))
        .file(
            "local/d.cfg",
            format!(
                "[buildout]\nextends = e.cfg {}\n",
                server.url("/deep/er/a.cfg")
            ),
        )
        .file("local/e.cfg", "[e]\nfrom = e\n");
    for dialect in ["slapos", "upstream"] {
        for section in ["a", "b", "c", "e"] {
            let key = format!("{section}:from");
            let line = ["--dialect", dialect, "query", "--resolved", &key];
            let output = site.run(&line).output();
            assert_eq!(output, format!("{section}\n"), "{dialect}");
        }
    }
    // The profile itself may be remote; then nothing says where its directory is.
    let site = TestSite::empty();
    let url = server.url("/deep/er/a.cfg");
    let line = ["-c", &url, "query", "--resolved", "c:from"];
    let stderr = site.run(&line).failure();
    assert!(
        stderr.contains("Error: Missing option: buildout:directory\n"),
        "{stderr}"
    );
    let directory = format!("directory={}", site.path("").display());
    let mut line = line.to_vec();
    line.insert(0, &directory);
    assert_eq!(site.run(&line).output(), "c\n");
}

#[test]
fn the_cache_serves_when_it_may() {
    let server = TestServer::start();
    let url = server.url("/a.cfg");
    let site = TestSite::new(format!(
        "[buildout]\nparts =\nextends-cache = cache\nextends = {url}\n"
    ));
    std::fs::create_dir(site.path("cache")).expect("a directory of the site");
    let value = |line: &[&str]| {
        let mut words = line.to_vec();
        words.extend(["query", "--resolved", "a:b"]);
        site.run(&words)
    };
    server.reply("/a.cfg", Reply::ok("[a]\nb = 1\n"));
    assert_eq!(value(&["-n"]).output(), "1\n");
    assert_eq!(
        site.read(&format!("cache/{}", cached_name(&url))),
        "[a]\nb = 1\n"
    );
    server.reply("/a.cfg", Reply::ok("[a]\nb = 2\n"));
    assert_eq!(value(&["-N"]).output(), "1\n", "the cache goes first");
    assert_eq!(
        value(&["-o"]).output(),
        "1\n",
        "offline there is only the cache"
    );
    assert_eq!(value(&["-n"]).output(), "2\n", "newest asks the server");
    server.reply("/a.cfg", Reply::status(404, "File not found"));
    assert_eq!(
        value(&["-n"]).output(),
        "2\n",
        "the cache is what falls back on"
    );
    let before = server.requests().len();
    assert_eq!(value(&["-o"]).output(), "2\n");
    assert_eq!(server.requests().len(), before, "offline asks nobody");
}

#[test]
fn one_file_is_fetched_once_in_a_run() {
    let server = TestServer::start();
    for name in ["/a.cfg", "/b.cfg"] {
        server.reply(name, Reply::ok("[buildout]\nextends = base.cfg\n"));
    }
    server.reply("/base.cfg", Reply::ok("[x]\ny = 1\n"));
    let site = TestSite::new(extending(&format!(
        "{} {}",
        server.url("/a.cfg"),
        server.url("/b.cfg")
    )));
    assert_eq!(site.run(&["query", "--resolved", "x:y"]).output(), "1\n");
    let targets: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
    let of = |name: &str| targets.iter().filter(|target| *target == name).count();
    assert_eq!(of("/base.cfg"), 1, "{targets:?}");
    assert_eq!(of("/a.cfg"), 1, "{targets:?}");
}

#[test]
fn what_cannot_be_had_is_told_with_its_place() {
    let server = TestServer::start();
    let url = server.url("/a.cfg");
    let site = TestSite::new(extending(&url));
    let carets = "^".repeat(url.len());
    let failure = |text: &str, rest: &str| {
        format!(
            "While:\n  Initializing.\nError: {text}\n\n \
             --> @/buildout.cfg:4\n4 |   {url}\n  |   {carets}\n{rest}"
        )
    };
    assert_eq!(
        site.run(&[]).failure(),
        failure(
            &format!("Error downloading extends for URL {url}: HTTP Error 404: File not found"),
            ""
        )
    );
    assert_eq!(
        site.run(&["-o"]).failure(),
        failure(
            &format!("Couldn't download '{url}' in offline mode."),
            "hint: run once with `-O` and `extends-cache` set in `[buildout]`; the cached copy serves offline runs\n"
        )
    );
    // The hint helps.
    server.reply("/a.cfg", Reply::ok("[a]\n"));
    std::fs::create_dir(site.path("cache")).expect("a directory of the site");
    site.run(&["-O", "extends-cache=cache"]).output();
    site.run(&["-o", "extends-cache=cache"]).output();
    // A text that is no profile names the URL and the copy.
    server.reply("/a.cfg", Reply::ok("<html>\n"));
    let stderr = site.run(&[]).failure();
    let first = format!("Error: File contains no section headers.\nfile: {url} (downloaded as ");
    assert!(stderr.contains(&first), "{stderr}");
    assert!(
        stderr.contains(&format!(" --> {url}:1\n1 | <html>\n")),
        "{stderr}"
    );
    server.reply("/a.cfg", Reply::ok(b"[a]\nb = \xff\n".to_vec()));
    let stderr = site.run(&[]).failure();
    assert!(
        stderr.contains(&format!(" --> {url}:2\n2 | b = \u{fffd}\n")),
        "{stderr}"
    );
    assert!(stderr.contains(" --> @/buildout.cfg:4\n"), "{stderr}");
}

#[test]
fn a_circle_over_http_is_found() {
    let server = TestServer::start();
    server.reply("/s/a.cfg", Reply::ok("[buildout]\nextends = ../s/a.cfg\n"));
    server.reply(
        "/s/../s/a.cfg",
        Reply::ok("[buildout]\nextends = ../s/a.cfg\n"),
    );
    let url = server.url("/s/a.cfg");
    for dialect in ["slapos", "upstream"] {
        let stderr = TestSite::empty()
            .run(&["--dialect", dialect, "-c", &url, "annotate"])
            .failure();
        let first = format!("Error: Recursive file include ['{url}'] ");
        assert!(stderr.contains(&first), "{stderr}");
        assert!(stderr.contains("2 | extends = ../s/a.cfg\n"), "{stderr}");
    }
}

#[test]
fn passwords_are_never_shown() {
    let server = TestServer::start();
    let secret = server
        .url("/a.cfg")
        .replace("http://", "http://me:hunter2@");
    let site = TestSite::new(extending(&secret));
    for line in [&["-D"] as &[&str], &["-D", "-o"], &["-c", &secret]] {
        let outcome = site.run(line);
        assert_eq!(outcome.code, Some(1));
        assert!(!outcome.stdout.contains("hunter2"), "{outcome:?}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
    }
    server.reply("/a.cfg", Reply::ok("junk\n"));
    let outcome = site.run(&["-D"]);
    assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
    // They reach the server, all the same.
    server.reply("/a.cfg", Reply::ok("[a]\nb = c\n"));
    site.run(&[]).output();
    for line in [
        &["annotate"] as &[&str],
        &["-v", "annotate"],
        &["annotate", "--format=json"],
    ] {
        let output = site.run(line).output();
        assert!(output.contains("http://me:****@127.0.0.1"), "{output}");
        assert!(!output.contains("hunter2"), "{output}");
    }
    let requests = server.requests();
    let last = requests.last().expect("a request");
    // `me:hunter2` in base 64.
    assert_eq!(last.header("Authorization"), Some("Basic bWU6aHVudGVyMg=="));
}

#[test]
fn a_transfer_that_breaks_off_is_tried_again() {
    let server = TestServer::start();
    let body = "[a]\nb = 1\n";
    let cut = Reply::ok(body).fault(Fault::CutAfter(4));
    server.script("/a.cfg", [cut, Reply::ok(body)]);
    let site = TestSite::new(extending(&server.url("/a.cfg")));
    assert_eq!(site.run(&["query", "--resolved", "a:b"]).output(), "1\n");
}
