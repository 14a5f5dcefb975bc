//! Shared parts: two runs over one store, and the command `shared`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, mkfifoat};
use serde_json::{Value, json};

use crate::site::{Outcome, TestSite, scratch_file};

const PATIENCE: Duration = Duration::from_secs(60);

/// A site with buildouts beside a store, `shared`.
struct Store {
    site: TestSite,
}

impl Store {
    fn new() -> Self {
        let site = TestSite::empty();
        fs::create_dir(site.path("shared")).expect("a directory of the site");
        site.write("src/file", "");
        Store { site }
    }

    /// Writes the profile of the buildout `name`. Each part is compiled by a
    /// command; a list of compilations is in the file `PART.compiled`.
    fn profile(&self, name: &str, parts: &[(&str, &str)]) {
        let names: Vec<&str> = parts.iter().map(|(part, _)| *part).collect();
        let root = self.site.path("");
        let root = root.display();
        let mut text = format!(
            "[buildout]\nparts = {}\nshared-part-list = {root}shared\n",
            names.join(" ")
        );
        for (part, options) in parts {
            text.push_str(&format!(
                "[{part}]\nrecipe = slapos.recipe.cmmi\nshared = true\npath = {root}src\n\
                 configure-command = echo $$ >> {root}{part}.compiled && {{ {root}compile {part} @@LOCATION@@; }}\n\
                 make-binary = true\n{options}\n"
            ));
        }
        self.site.write(&format!("{name}/buildout.cfg"), text);
        self.compiler("mkdir $2/bin\necho '#!/bin/sh' > $2/bin/$1\n");
    }

    /// Sets what compiles parts: it gets the part and its location.
    fn compiler(&self, script: &str) {
        let path = self.site.path("compile");
        fs::write(&path, format!("#!/bin/sh -e\n{script}")).expect("a file of the site");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("a file of ours");
    }

    fn line(&self, name: &str) -> Vec<String> {
        vec!["-c".to_owned(), format!("{name}/buildout.cfg")]
    }

    fn run(&self, name: &str) -> Outcome {
        let line = self.line(name);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        self.site.run(&line)
    }

    fn start(&self, name: &str) -> Run<'_> {
        let line = self.line(name);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let (stdout, stderr) = (scratch_file(), scratch_file());
        Run {
            store: self,
            child: self.site.spawn(&line, &stdout, &stderr),
            stdout,
            stderr,
        }
    }

    fn shared(&self, words: &[&str]) -> Outcome {
        let line: Vec<&str> = ["shared"].iter().chain(words).copied().collect();
        self.site.run(&line)
    }

    /// How often a part was compiled.
    fn compilations(&self, part: &str) -> usize {
        let compiled = fs::read_to_string(self.site.path(&format!("{part}.compiled")));
        compiled.map_or(0, |text| text.lines().count())
    }

    /// The only entry of a part.
    fn entry(&self, part: &str) -> PathBuf {
        let names = self.names(part);
        assert_eq!(names.len(), 1, "{names:?}");
        self.site.path(&format!("shared/{part}/{}", names[0]))
    }

    fn digest(&self, part: &str) -> String {
        self.names(part).remove(0)
    }

    /// What the directory of a part holds, hidden or not.
    fn names(&self, part: &str) -> Vec<String> {
        let listing = fs::read_dir(self.site.path(&format!("shared/{part}")));
        let mut names: Vec<String> = listing
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry").file_name().into_string())
            .map(|name| name.expect("UTF-8"))
            .collect();
        names.sort();
        names
    }
}

/// Read-only directories would stay behind.
impl Drop for Store {
    fn drop(&mut self) {
        let mut left = vec![self.site.path("shared")];
        while let Some(directory) = left.pop() {
            let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o755));
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    left.push(entry.path());
                }
            }
        }
    }
}

/// A run in the background.
struct Run<'a> {
    store: &'a Store,
    child: Child,
    stdout: fs::File,
    stderr: fs::File,
}

impl Run<'_> {
    fn signal(&self, name: &str) {
        kill(name, self.child.id());
    }

    /// Waits until the log has `text`.
    fn wait_for(&self, text: &str) {
        wait_until(&format!("`{text}` in the log"), || {
            let handle = self.stdout.try_clone().expect("a second handle");
            let stderr = scratch_file();
            self.store
                .site
                .outcome(None, handle, stderr)
                .stdout
                .contains(text)
        });
    }

    fn end(mut self) -> Outcome {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child of this process") {
                break status;
            }
            assert!(begin.elapsed() < PATIENCE, "the run did not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        self.store
            .site
            .outcome(status.code(), self.stdout, self.stderr)
    }
}

fn kill(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(process.to_string())
        .status();
    assert!(sent.expect("kill starts").success());
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A pipe at `gate` that holds up whoever reads it, until [`open_gate`].
fn make_gate(store: &Store) {
    let path = store.site.path("gate");
    mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).expect("a fresh name");
}

fn open_gate(store: &Store) {
    // Opening it for writing waits for a reader.
    fs::write(store.site.path("gate"), "").expect("a pipe with a reader");
}

#[test]
fn two_runs_at_once_compile_each_entry_once() {
    const ROUNDS: usize = 50;
    let store = Store::new();
    for round in 1..=ROUNDS {
        let version = format!("version = {round}");
        for name in ["a", "b"] {
            store.profile(name, &[("one", &version), ("two", &version)]);
        }
        let runs = [store.start("a"), store.start("b")];
        for run in runs {
            run.end().output();
        }
        for part in ["one", "two"] {
            assert_eq!(store.compilations(part), round, "{part} in round {round}");
            // No lock is left.
            let names = store.names(part);
            assert!(names.iter().all(|name| name.len() == 32), "{names:?}");
            assert_eq!(names.len(), round);
        }
    }
    let verified = store.shared(&["verify", "shared"]).output();
    assert_eq!(
        verified,
        format!(
            "{0} of {0} shared parts are as they were built.\n",
            2 * ROUNDS
        )
    );
}

#[test]
fn a_run_waits_for_the_one_that_builds_and_uses_what_it_built() {
    let store = Store::new();
    for name in ["a", "b", "c"] {
        store.profile(name, &[("zlib", "")]);
    }
    make_gate(&store);
    store.compiler(
        "cat gate\necho > $2/file\n"
            .replace("gate", &store.site.path("gate").display().to_string())
            .as_str(),
    );
    let first = store.start("a");
    wait_until("the compilation", || store.compilations("zlib") == 1);
    let listed = store.shared(&["list", "shared"]).output();
    assert!(listed.contains("locked"), "{listed}");
    // What is being built is no garbage.
    let kept = store.shared(&["gc", "--unregistered", "shared"]).output();
    assert_eq!(kept, "0 bytes freed: 0 of 1 shared parts.\n");
    let second = store.start("b");
    let process = first.child.id();
    second.wait_for(&format!("waiting for process {process}, which builds"));
    // Waiting can be given up.
    let third = store.start("c");
    third.wait_for("waiting for process");
    third.signal("INT");
    let third = third.end();
    assert_eq!(third.code, Some(130), "{third:?}");
    open_gate(&store);
    first.end().output();
    let log = second.end().output();
    assert!(
        log.ends_with("zlib: shared part is already installed\n"),
        "{log}"
    );
    assert_eq!(store.compilations("zlib"), 1);
    assert_eq!(store.names("zlib").len(), 1);
}

#[test]
fn what_a_killed_run_left_is_built_again() {
    let store = Store::new();
    store.profile("a", &[("zlib", "")]);
    make_gate(&store);
    let gate = store.site.path("gate");
    store.compiler(&format!(
        "touch $2/rest\necho $$ > $2/process\ncat {}\n",
        gate.display()
    ));
    let first = store.start("a");
    let built = || {
        let names = store.names("zlib");
        let entry = names.iter().find(|name| name.len() == 32)?;
        let path = store.site.path(&format!("shared/zlib/{entry}/process"));
        let text = fs::read_to_string(path).ok()?;
        text.trim().parse::<u32>().ok()
    };
    wait_until("the compilation", || built().is_some());
    let compiler = built().expect("it was seen");
    first.signal("KILL");
    assert_eq!(first.end().code, None);
    kill("KILL", compiler);
    open_gate(&store);

    let verified = store.shared(&["verify", "shared"]).output();
    assert!(verified.contains("incomplete, not checked"), "{verified}");
    store.profile("a", &[("zlib", "")]);
    store.run("a").output();
    assert_eq!(store.compilations("zlib"), 2);
    let entry = store.entry("zlib");
    assert!(entry.join("bin/zlib").exists() && !entry.join("rest").exists());
    assert!(entry.join(".buildout-shared.json").exists());
}

/// Three parts: `curl` refers to `openssl` in an option, and what is compiled
/// for `openssl` contains the location of `zlib`, which no option shows.
fn chain(store: &Store, name: &str, parts: &[&str]) {
    let options = |part: &str| match part {
        "curl" => "environment = SSL=${openssl:location}",
        _ => "",
    };
    let parts: Vec<(&str, &str)> = parts.iter().map(|part| (*part, options(part))).collect();
    store.profile(name, &parts);
    let zlib = store.site.path("shared/zlib");
    store.compiler(&format!(
        "mkdir $2/bin\necho '#!/bin/sh' > $2/bin/$1\n\
         if [ $1 = openssl ]; then echo rpath {}/* > $2/library; fi\n",
        zlib.display()
    ));
}

fn list(store: &Store, words: &[&str]) -> Vec<(String, Vec<String>, Vec<String>)> {
    let line: Vec<&str> = ["list", "--format", "json"]
        .iter()
        .chain(words)
        .copied()
        .collect();
    let document: Value = serde_json::from_str(&store.shared(&line).output()).expect("JSON");
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().expect("an array").iter();
        items
            .map(|item| {
                let text = item.get("installed").unwrap_or(item);
                text.as_str().expect("a text").to_owned()
            })
            .collect()
    };
    let entries = document.as_array().expect("an array").iter();
    entries
        .map(|entry| {
            assert_eq!(entry["complete"], json!(true));
            let users = &entry["used_by"];
            (
                entry["part"].as_str().expect("a text").to_owned(),
                texts(&users["buildouts"]),
                texts(&users["shared_parts"]),
            )
        })
        .collect()
}

#[test]
fn the_list_shows_who_uses_what() {
    let store = Store::new();
    chain(&store, "a", &["zlib", "openssl", "curl"]);
    store.run("a").output();
    chain(&store, "b", &["zlib"]);
    store.run("b").output();
    let [curl, openssl] = ["curl", "openssl"].map(|part| format!("{part}/{}", store.digest(part)));
    let (a, b) = ("@/a/.installed.cfg", "@/b/.installed.cfg");
    let mut listed = list(&store, &["shared"]);
    for (_, users, _) in &mut listed {
        users.sort();
    }
    let entry = |part: &str, users: &[&str], parts: &[&String]| {
        let users = users.iter().map(ToString::to_string).collect();
        let parts = parts.iter().map(ToString::to_string).collect();
        (part.to_owned(), users, parts)
    };
    assert_eq!(
        listed,
        [
            entry("curl", &[a], &[]),
            entry("openssl", &[a], &[&curl]),
            entry("zlib", &[a, b], &[&openssl]),
        ]
    );
    // Without a directory, those of the profile.
    let text = store
        .site
        .run(&["-c", "a/buildout.cfg", "shared", "list"])
        .output();
    assert!(text.starts_with("@/shared: 3 shared parts, "), "{text}");
    let first = format!("\n  {curl}  complete, ");
    assert!(text.contains(&first), "{text}");
    assert!(
        text.contains(&format!("\n    used by {a}\n  {openssl}")),
        "{text}"
    );
    assert!(
        text.contains(&format!("\n    used by {openssl}\n")),
        "{text}"
    );
}

#[test]
fn garbage_goes_in_one_pass_and_nothing_else_does() {
    let store = Store::new();
    chain(&store, "a", &["zlib", "openssl", "curl"]);
    store.run("a").output();
    let gc = |words: &[&str]| {
        let line: Vec<&str> = ["gc"].iter().chain(words).copied().collect();
        store.shared(&line).output()
    };
    let nothing = "0 bytes freed: 0 of 3 shared parts.\n";
    assert_eq!(gc(&["shared"]), nothing);

    // Another buildout uses the last of the chain only; nothing it refers to may go.
    fs::remove_file(store.site.path("a/.installed.cfg")).expect("it was written");
    chain(&store, "b", &["openssl"]);
    store.run("b").output();
    assert_eq!(store.compilations("openssl"), 1);
    let curl = store.entry("curl");
    let before = store.site.tree();
    let told = gc(&["--dry-run", "shared"]);
    assert!(told.starts_with("Would remove @/shared/curl/"), "{told}");
    assert!(
        told.ends_with(" would be freed: 1 of 3 shared parts.\n"),
        "{told}"
    );
    assert_eq!(store.site.tree(), before);
    // It was built a moment ago.
    assert_eq!(gc(&["--older-than", "1", "shared"]), nothing);
    let told = gc(&["--older-than=0", "shared"]);
    assert!(told.starts_with("Removed @/shared/curl/"), "{told}");
    assert!(!curl.exists() && !store.site.path("shared/curl").exists());
    assert!(store.entry("zlib").join("bin/zlib").exists());

    // A buildout that is uninstalled uses nothing: all that is left goes at once.
    store.site.write("b/buildout.cfg", "[buildout]\nparts =\n");
    store.run("b").output();
    let told = gc(&["shared"]);
    assert!(told.ends_with(" freed: 2 of 2 shared parts.\n"), "{told}");
    let left: Vec<_> = fs::read_dir(store.site.path("shared"))
        .expect("the store stays")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, [".buildout"]);
    let users = fs::read_dir(store.site.path("shared/.buildout/users"));
    assert_eq!(users.expect("it was made").count(), 0);
}

#[test]
fn what_runs_is_not_garbage_before_it_is_recorded() {
    let store = Store::new();
    store.profile("a", &[("zlib", "")]);
    store.run("a").output();
    fs::remove_file(store.site.path("a/.installed.cfg")).expect("it was written");
    // Another run has found it, and records nothing before its next part is done.
    make_gate(&store);
    store.profile("b", &[("zlib", ""), ("slow", "")]);
    let gate = store.site.path("gate");
    store.compiler(&format!("echo > $2/file; cat {}\n", gate.display()));
    let run = store.start("b");
    wait_until("the compilation", || store.compilations("slow") == 1);
    let _ = fs::remove_file(store.site.path("b/.installed.cfg"));
    let told = store.shared(&["gc", "--unregistered", "shared"]).output();
    assert_eq!(told, "0 bytes freed: 0 of 2 shared parts.\n");
    open_gate(&store);
    run.end().output();
}

#[test]
fn runs_and_collections_at_once_leave_what_is_used() {
    let store = Store::new();
    store.profile("a", &[("zlib", "")]);
    for round in 0..25 {
        // So that the entry is garbage until the run claims it.
        let _ = fs::remove_file(store.site.path("a/.installed.cfg"));
        let run = store.start("a");
        store.shared(&["gc", "--unregistered", "shared"]).output();
        run.end().output();
        let entry = store.entry("zlib");
        assert!(entry.join("bin/zlib").exists(), "round {round}");
        assert!(
            entry.join(".buildout-shared.json").exists(),
            "round {round}"
        );
    }
}

#[test]
fn a_read_only_store_is_used_as_it_is() {
    let store = Store::new();
    store.profile("a", &[("zlib", "")]);
    store.run("a").output();
    fs::remove_dir_all(store.site.path("shared/.buildout")).expect("it was made");
    for path in ["shared/zlib", "shared"] {
        let mode = fs::Permissions::from_mode(0o555);
        fs::set_permissions(store.site.path(path), mode).expect("it is ours");
    }
    let before = store.site.tree();
    store.profile("b", &[("zlib", "")]);
    let program = env!("CARGO_BIN_EXE_buildout");
    // Modes mean nothing to root, but for a root without this right.
    let mut command = if rustix::process::getuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override", "--", program]);
        command
    } else {
        Command::new(program)
    };
    let output = command
        .args(["-c", "b/buildout.cfg"])
        .current_dir(store.site.path(""))
        .output()
        .expect("setpriv of util-linux starts");
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert!(
        log.ends_with("zlib: shared part is already installed\n"),
        "{log}"
    );
    let shared = |tree: Vec<String>| -> Vec<String> {
        let inside = |line: &String| line.contains("/shared");
        tree.into_iter().filter(inside).collect()
    };
    assert_eq!(shared(store.site.tree()), shared(before));
    let listed = store.shared(&["list", "shared"]).output();
    assert!(listed.contains("  complete, "), "{listed}");
}

#[test]
fn what_nobody_registered_goes_on_request_only() {
    let store = Store::new();
    store.profile("a", &[("zlib", "")]);
    store.run("a").output();
    // As a buildout of Python leaves it: in use, and nowhere registered.
    fs::remove_dir_all(store.site.path("shared/.buildout")).expect("it was made");
    let gc = |words: &[&str]| {
        let line: Vec<&str> = ["gc"].iter().chain(words).copied().collect();
        store.shared(&line)
    };
    let nothing = "0 bytes freed: 0 of 1 shared parts.\n";
    let told = gc(&["shared"]).output();
    let stays = "1 that this program never used stay; --unregistered would take them too.\n";
    assert_eq!(told, format!("{nothing}{stays}"));
    let named = gc(&["--unregistered", "--root", "a", "shared"]);
    assert_eq!(named.output(), nothing);
    let failure = gc(&["--unregistered", "--root", "src", "shared"]).failure();
    assert!(
        failure.contains("`@/src` has no file `.installed*.cfg`"),
        "{failure}"
    );
    assert!(store.entry("zlib").exists());
    let told = gc(&["--unregistered", "shared"]).output();
    assert!(told.ends_with(" freed: 1 of 1 shared parts.\n"), "{told}");
    // The buildout gets it back.
    let log = store.run("a").output();
    assert!(log.contains("zlib: shared part must be rebuilt"), "{log}");
    assert_eq!(store.compilations("zlib"), 2);
}

#[test]
fn an_interrupted_removal_is_ended() {
    let store = Store::new();
    store.profile("a", &[("zlib", "")]);
    store.run("a").output();
    let entry = store.entry("zlib");
    let aside = entry.with_file_name(format!(".{}.removing", store.digest("zlib")));
    fs::rename(&entry, &aside).expect("they are beside each other");
    store.run("a").output();
    assert_eq!(store.compilations("zlib"), 2);
    let told = store.shared(&["gc", "shared"]).output();
    assert!(
        told.contains(", the rest of an interrupted removal: "),
        "{told}"
    );
    assert!(!aside.exists() && entry.exists());
}

#[test]
fn damage_is_found() {
    let store = Store::new();
    chain(&store, "a", &["zlib", "openssl"]);
    store.run("a").output();
    let good = "2 of 2 shared parts are as they were built.\n";
    assert_eq!(store.shared(&["verify", "shared"]).output(), good);
    let (zlib, openssl) = (store.entry("zlib"), store.entry("openssl"));
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    for path in [&zlib, &zlib.join("bin"), &zlib.join("bin/zlib")] {
        mode(path, 0o755);
    }
    let outcome = store.shared(&["verify", "shared"]);
    assert_eq!(outcome.code, Some(1));
    for path in ["", "/bin", "/bin/zlib"] {
        let line = format!(
            "zlib/{0}: `@/shared/zlib/{0}{path}` can be written to\n",
            store.digest("zlib")
        );
        assert!(outcome.stdout.contains(&line), "{outcome:?}");
    }
    assert!(
        outcome.stderr.contains("1 of 2 shared parts are damaged."),
        "{outcome:?}"
    );
    // The advice is followed; then what refers to it is the next.
    fs::remove_dir_all(&zlib).expect("it can be written to");
    let outcome = store.shared(&["verify", "shared"]);
    let reference = format!(
        "library` refers to the shared part `zlib/{}",
        zlib.file_name().expect("a name").display()
    );
    assert!(outcome.stdout.contains(&reference), "{outcome:?}");
    assert_eq!(outcome.code, Some(1));
    store.run("a").output();
    assert_eq!(store.shared(&["verify", "shared"]).output(), good);
    assert!(openssl.exists());
}

#[test]
fn mistakes_are_explained() {
    let site = TestSite::new("[buildout]\nparts =\n").file("file", "");
    for (words, text) in [
        (
            &["shared"][..],
            "The shared command requires list, verify or gc.",
        ),
        (
            &["shared", "clean"],
            "The shared command requires list, verify or gc.",
        ),
        (
            &["shared", "list"],
            "The profile has no directories of shared parts.",
        ),
        (
            &["shared", "list", "nowhere"],
            "failed to resolve `@/nowhere`",
        ),
        (&["shared", "list", "file"], "`@/file` is not a directory"),
        (
            &["shared", "list", "--dry-run"],
            "Invalid option --dry-run for shared list",
        ),
        (
            &["shared", "gc", "--older-than", "x"],
            "Invalid value for option --older-than: x",
        ),
        (
            &["shared", "gc", "--root"],
            "No value specified for option --root",
        ),
        (
            &["shared", "list", "--format=xml"],
            "Invalid value for option --format: xml",
        ),
    ] {
        let failure = site.run(words).failure();
        assert!(failure.contains(text), "{words:?}: {failure}");
    }
}
