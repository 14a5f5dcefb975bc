//! The lock file: made, insisted on, moved entry by entry.

use buildout_core::fetch::test_server::{Reply, TestServer};
use buildout_core::fetch::{Algorithm, Digests};

use crate::site::TestSite;

fn part(name: &str, url: &str, options: &str) -> String {
    format!("[{name}]\nrecipe = slapos.recipe.build:download\nurl = {url}\n{options}\n")
}

fn sha256(bytes: &[u8]) -> String {
    Digests::of(bytes).hex(Algorithm::Sha256)
}

fn profile(server: &TestServer, options: &str) -> String {
    let md5 = Digests::of(b"two").hex(Algorithm::Md5);
    format!(
        "[buildout]\nextends = {}\nparts = one two\ndownload-cache = cache\n{options}{}{}",
        server.url("/base.cfg"),
        part("one", &server.url("/one.tar"), ""),
        part("two", &server.url("/two.tar"), &format!("md5sum = {md5}")),
    )
}

fn start() -> (TestServer, TestSite) {
    let server = TestServer::start();
    server.reply("/base.cfg", Reply::ok("[x]\n"));
    server.reply("/one.tar", Reply::ok("one"));
    server.reply("/two.tar", Reply::ok("two"));
    let site = TestSite::new(profile(&server, ""));
    (server, site)
}

#[test]
fn a_lock_has_an_entry_for_everything_from_the_network() {
    let (server, site) = start();
    let output = site.run(&["lock"]).output();
    let urls = ["/base.cfg", "/one.tar", "/two.tar"].map(|target| server.url(target));
    let mut expected: String = urls.iter().map(|url| format!("Locked {url}\n")).collect();
    expected.push_str("@/buildout.lock: 1 profiles, 2 downloads\n");
    assert!(output.ends_with(&expected), "{output}");
    assert!(!site.path("parts").exists(), "nothing is installed");

    let block = |url: &str, bytes: &[u8]| {
        let digests = Digests::of(bytes);
        format!(
            "\n[download {url}]\nmd5 = {}\nsha256 = {}\nsha512 = {}\nsize = {}\n",
            digests.hex(Algorithm::Md5),
            digests.hex(Algorithm::Sha256),
            digests.hex(Algorithm::Sha512),
            bytes.len()
        )
    };
    let text = site.read("buildout.lock");
    let start = text.find("version = 1\n").expect("a version");
    assert_eq!(
        text[start..],
        format!(
            "version = 1\n{}{}\n[profile {}]\nsha256 = {}\n",
            block(&urls[1], b"one"),
            block(&urls[2], b"two"),
            urls[0],
            sha256(b"[x]\n")
        )
    );
    site.run(&["--locked"]).output();
    assert_eq!(site.read("parts/one/one"), "one");
    // Nothing to do, and the file is the same.
    let output = site.run(&["lock"]).output();
    assert!(
        output.ends_with("buildout.lock: 1 profiles, 2 downloads\n") && !output.contains("Locked")
    );
    assert_eq!(site.read("buildout.lock"), text);
}

#[test]
fn every_drift_is_named() {
    let (server, site) = start();
    let stderr = site.run(&["--locked"]).failure();
    assert!(
        stderr.contains("Error: There is no lock file `@/buildout.lock`.\n")
            && stderr.contains("hint: make one with `buildout lock`\n"),
        "{stderr}"
    );
    site.run(&["lock"]).output();

    // What the profile wants.
    let md5 = Digests::of(b"two").hex(Algorithm::Md5);
    let changed = profile(&server, "")
        .replace("/one.tar", "/three.tar")
        .replace(&md5, &"0".repeat(32));
    site.write("buildout.cfg", &changed);
    let stderr = site.run(&["--locked"]).failure();
    let url = |target: &str| server.url(target);
    let expected = format!(
        "While:\n  Installing.\nError: This is not what `@/buildout.lock` locks:\n  \
         download {} is locked, but not wanted\n  \
         download {} is not locked\n  \
         download {} is pinned to another checksum than the locked one\n",
        url("/one.tar"),
        url("/three.tar"),
        url("/two.tar")
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert!(
        stderr.contains(" --> @/buildout.cfg:7\n7 | url = "),
        "{stderr}"
    );
    assert!(
        stderr.contains("hint: if this is meant, record it with `buildout lock`\n"),
        "{stderr}"
    );
    assert!(!site.path("parts/two").exists(), "nothing is done");
    // A part alone does not miss the others.
    site.write("buildout.cfg", profile(&server, ""));
    site.run(&["--locked", "install", "two"]).output();

    // The profiles.
    server.reply("/base.cfg", Reply::ok("[y]\n"));
    server.reply("/other.cfg", Reply::ok("[z]\n"));
    let other = format!("extends={}", url("/other.cfg"));
    let stderr = site.run(&["--locked", &other]).failure();
    let expected = format!(
        "While:\n  Initializing.\nError: This is not what `@/buildout.lock` locks:\n  \
         profile {} has changed: its SHA256 checksum is {}, locked is {}\n  \
         profile {} is not locked\n",
        url("/base.cfg"),
        sha256(b"[y]\n"),
        sha256(b"[x]\n"),
        url("/other.cfg"),
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
}

#[test]
fn downloads_must_be_what_was_locked_even_if_nothing_pins_them() {
    let (server, site) = start();
    site.run(&["lock"]).output();
    let url = server.url("/one.tar");
    server.reply("/one.tar", Reply::ok("moved"));
    std::fs::remove_dir_all(site.path("cache")).expect("a directory of the site");
    let stderr = site.run(&["--locked"]).failure();
    let text = format!(
        "Error: '{url}' is not what the lock file records: SHA256 checksum is {}, expected {}\n",
        sha256(b"moved"),
        sha256(b"one")
    );
    assert!(stderr.contains(&text), "{stderr}");
    assert!(stderr.contains(" --> @/buildout.cfg:7\n"), "{stderr}");
    assert!(stderr.contains("`buildout lock --upgrade URL`"), "{stderr}");
    assert!(!site.path("parts/one").exists());
    // Locked is pinned, whatever the policy for others is.
    server.reply("/one.tar", Reply::ok("one"));
    let line = ["--locked", "require-hashes=on", "install", "one"];
    site.run(&line).output();
    assert_eq!(site.read("parts/one/one"), "one");
    site.run(&["require-hashes=on", "lock"]).output();
    std::fs::remove_dir_all(site.path("parts")).expect("a directory of the site");
    std::fs::remove_dir_all(site.path("cache")).expect("a directory of the site");
    // Without the lock anything will do.
    server.reply("/one.tar", Reply::ok("moved"));
    site.run(&[]).output();
    assert_eq!(site.read("parts/one/one"), "moved");
}

#[test]
fn entries_move_only_when_they_are_named() {
    let (server, site) = start();
    site.run(&["lock"]).output();
    let first = site.read("buildout.lock");
    server.reply("/one.tar", Reply::ok("one, moved"));
    let text = site.run(&["lock"]).output();
    assert!(!text.contains("Moved"), "{text}");
    assert_eq!(site.read("buildout.lock"), first);

    let url = server.url("/one.tar");
    for (name, bytes) in [(&*url, "1"), ("one.tar", "2"), ("one", "3")] {
        server.reply("/one.tar", Reply::ok(bytes));
        let output = site.run(&["lock", "--upgrade", name]).output();
        assert!(output.contains(&format!("Moved {url}\n")), "{output}");
        let text = site.read("buildout.lock");
        let line = format!("sha256 = {}\n", sha256(bytes.as_bytes()));
        assert!(text.contains(&line), "{text}");
        // The cache has moved along, and nothing else has.
        site.run(&["--locked"]).output();
        assert_eq!(
            text.lines().filter(|line| !first.contains(line)).count(),
            4,
            "three digests and a size: {text}"
        );
        std::fs::remove_dir_all(site.path("parts")).expect("a directory of the site");
    }

    // A profile.
    server.reply("/base.cfg", Reply::ok("[y]\n"));
    let stderr = site.run(&["lock"]).failure();
    let base = server.url("/base.cfg");
    assert!(
        stderr.contains("Error: What is locked has changed:\n")
            && stderr.contains(&format!("`buildout lock --upgrade {base}`")),
        "{stderr}"
    );
    let output = site.run(&["lock", "--upgrade=base.cfg"]).output();
    assert!(output.contains(&format!("Moved {base}\n")), "{output}");
    site.run(&["--locked"]).output();

    let stderr = site.run(&["lock", "--upgrade", "one.tra"]).failure();
    assert!(
        stderr.contains("Error: There is nothing to upgrade by the name `one.tra`.\n")
            && stderr.contains("hint: perhaps `one.tar` is meant\n"),
        "{stderr}"
    );
    for line in [&["lock", "--upgrade"] as &[&str], &["lock", "one"]] {
        site.run(line).failure();
    }
}

#[test]
fn a_damaged_lock_is_told_with_its_line() {
    let (_server, site) = start();
    site.write(
        "buildout.lock",
        "version = 1\n\n[cheese https://h/r]\nage = 0\n",
    );
    for line in [&["--locked"] as &[&str], &["lock"]] {
        let stderr = site.run(line).failure();
        assert!(
            stderr.contains("line 3: entries of the kind `cheese` are not known"),
            "{stderr}"
        );
    }
}
