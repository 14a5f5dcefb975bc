//! Git repositories: their revisions in the lock file, and runs without
//! network.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::site::TestSite;

/// Runs git in a directory, with an identity and nothing of the user's.
fn git(directory: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args(["-c", "init.defaultBranch=main"])
        .args(words)
        .current_dir(directory)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {words:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// A server of repositories over git's own protocol.
struct Daemon {
    process: Child,
    port: u16,
    base: PathBuf,
}

impl Daemon {
    fn start(base: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut process = Command::new("git")
            .args(["daemon", "--verbose", "--export-all", "--reuseaddr"])
            .args(["--listen=127.0.0.1", &format!("--port={port}")])
            .arg(format!("--base-path={}", base.display()))
            .stderr(Stdio::piped())
            .spawn()
            .expect("git starts");
        let stderr = process.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let ready = lines.find(|line| line.as_ref().is_ok_and(|l| l.contains("Ready to rumble")));
        assert!(ready.is_some(), "git daemon did not start");
        // It must be able to go on talking.
        std::thread::spawn(move || lines.for_each(drop));
        Daemon {
            process,
            port,
            base: base.to_owned(),
        }
    }

    /// Makes a repository with a commit.
    fn repository(&self) -> PathBuf {
        let path = self.base.join("repository");
        fs::create_dir_all(&path).expect("a directory of the site");
        git(&path, &["init", "-q"]);
        self.commit("1");
        path
    }

    /// Makes a commit and returns its revision.
    fn commit(&self, content: &str) -> String {
        let path = self.base.join("repository");
        fs::write(path.join("file"), content).expect("a file of the site");
        git(&path, &["add", "."]);
        git(&path, &["commit", "-q", "-m", content]);
        git(&path, &["rev-parse", "HEAD"])
    }

    fn url(&self) -> String {
        format!("git://127.0.0.1:{}/repository", self.port)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn profile(url: &str, options: &str) -> String {
    format!(
        "[buildout]\nparts = copy\ndownload-cache = cache\n\
         [copy]\nrecipe = slapos.recipe.build:gitclone\nrepository = {url}\n{options}"
    )
}

fn start() -> (Daemon, TestSite) {
    let site = TestSite::empty();
    let base = site.path("served");
    fs::create_dir(&base).expect("a directory of the site");
    (Daemon::start(&base), site)
}

fn head(site: &TestSite) -> String {
    git(&site.path("parts/copy"), &["rev-parse", "HEAD"])
}

#[test]
fn a_revision_is_locked_until_it_is_upgraded() {
    let (daemon, site) = start();
    let path = daemon.repository();
    let first = git(&path, &["rev-parse", "HEAD"]);
    let url = daemon.url();
    site.write("buildout.cfg", profile(&url, ""));
    let output = site.run(&["lock"]).output();
    assert!(
        output.ends_with(&format!(
            "Locked {url} HEAD\n@/buildout.lock: 0 profiles, 0 downloads, 1 revisions\n"
        )),
        "{output}"
    );
    let entry = |revision: &str| format!("\n[git {url} HEAD]\nrevision = {revision}\n");
    assert!(site.read("buildout.lock").ends_with(&entry(&first)));
    assert!(!site.path("parts").exists(), "nothing is installed");

    // The branch moves, and what is locked does not.
    let second = daemon.commit("2");
    site.run(&["--locked"]);
    assert_eq!(head(&site), first);
    site.run(&["lock"]).output();
    assert!(site.read("buildout.lock").ends_with(&entry(&first)));
    let output = site.run(&["lock", "--upgrade", "copy"]).output();
    assert!(output.contains(&format!("Moved {url} HEAD\n")), "{output}");
    assert!(site.read("buildout.lock").ends_with(&entry(&second)));
    site.run(&["--locked"]);
    assert_eq!(head(&site), second);

    // Another branch is not locked.
    git(&path, &["branch", "other"]);
    site.write("buildout.cfg", profile(&url, "branch = other\n"));
    let stderr = site.run(&["--locked"]).failure();
    let expected = format!(
        "While:\n  Installing.\nError: This is not what `@/buildout.lock` locks:\n  \
         revision of {url} other is not locked\n  \
         revision of {url} HEAD is locked, but not wanted\n"
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert!(stderr.contains(" --> @/buildout.cfg:6\n"), "{stderr}");
    // A revision of the profile's own needs no entry.
    site.write(
        "buildout.cfg",
        profile(&url, &format!("revision = {first}\n")),
    );
    site.run(&["lock"]).output();
    assert!(!site.read("buildout.lock").contains("[git "));
    site.run(&["--locked"]);
    assert_eq!(head(&site), first);
}

#[test]
fn what_is_fetched_is_cloned_without_network() {
    let (daemon, site) = start();
    daemon.repository();
    let url = daemon.url();
    site.write("buildout.cfg", profile(&url, ""));
    let stderr = site.run(&["--offline"]).failure();
    let expected = format!("Error: Couldn't clone '{url}' in offline mode.\n");
    assert!(stderr.contains(&expected), "{stderr}");
    assert!(
        stderr.contains("hint: run `buildout -O fetch` once; offline runs then find everything\n"),
        "{stderr}"
    );
    let output = site.run(&["fetch"]).output();
    assert!(
        output.ends_with("Downloads: 1 fetched, 0 were there. Offline runs have what they need.\n"),
        "{output}"
    );
    assert!(!site.path("parts").exists(), "nothing is installed");
    let first = git(&daemon.base.join("repository"), &["rev-parse", "HEAD"]);
    let output = site.run(&["fetch"]).output();
    assert!(
        output.ends_with("Downloads: 0 fetched, 1 were there. Offline runs have what they need.\n"),
        "{output}"
    );

    // Nobody answers any more.
    let second = daemon.commit("2");
    drop(daemon);
    assert_eq!(site.run(&["--offline"]).code, Some(0));
    assert_eq!(head(&site), first);
    assert_ne!(first, second);
    // The copy knows where it comes from, and a second run finds it.
    let origin = git(&site.path("parts/copy"), &["remote", "get-url", "origin"]);
    assert_eq!(origin, url);
    let outcome = site.run(&["--offline"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("Updating copy."), "{outcome:?}");
    assert_eq!(head(&site), first);
    // Even without the cache, what is installed stays.
    fs::remove_dir_all(site.path("cache")).expect("a directory of the site");
    let outcome = site.run(&["--offline"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("Updating copy."), "{outcome:?}");
}

#[test]
fn passwords_of_repositories_are_not_shown() {
    let site = TestSite::new(profile("http://user:secret@127.0.0.1:9/repository", ""));
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(1));
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains("secret"), "{outcome:?}");
    }
    assert!(
        outcome
            .stderr
            .contains("Error: Impossible to clone repository."),
        "{outcome:?}"
    );
    for entry in fs::read_dir(site.path(".buildout/logs"))
        .into_iter()
        .flatten()
        .flatten()
    {
        for log in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            let text = fs::read_to_string(log.path()).unwrap_or_default();
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
