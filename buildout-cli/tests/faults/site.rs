//! The build that is disturbed: its sources, its server and its runs.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use buildout_core::fetch::test_server::{Fault, Reply, TestServer};
use buildout_core::fetch::{Algorithm, Digests};
use serde_json::Value;
use tempfile::TempDir;

use crate::random::Random;

/// How many parts the build has.
pub(crate) const PARTS: usize = 30;

/// How many parts there are of each kind.
const PROGRAMS: usize = 6;
const SHARED: usize = 2;
const FILES: usize = 6;
const TREES: usize = 3;
const TEMPLATES: usize = 5;
const WRAPPERS: usize = 4;
const DIRECTORIES: usize = 2;
const LINKS: usize = 2;

/// A buildout directory with a server beside it.
pub(crate) struct Site {
    directory: TempDir,
    server: TestServer,
    archive: Vec<u8>,
}

/// What a run did.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// The parts whose installation began.
    pub(crate) begun: BTreeSet<String>,
    /// The parts whose installation ended.
    pub(crate) installed: BTreeSet<String>,
    /// Whether it found the remains of another run.
    pub(crate) told_of_interruption: bool,
    pub(crate) stderr: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["home", "tmp", "source"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let archive = make_archive(&directory.path().join("source"));
        let site = Site {
            directory,
            server: TestServer::start(),
            archive,
        };
        site.start_over();
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("site").join(name)
    }

    /// Leaves nothing but the profile, and a server that does its duty.
    pub(crate) fn start_over(&self) {
        for name in ["site", "cache", "shared"] {
            let path = self.directory.path().join(name);
            make_writable(&path);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
        }
        fs::write(self.path("buildout.cfg"), self.profile()).unwrap();
        for (target, body) in self.bodies() {
            self.server.reply(&target, Reply::ok(body));
        }
    }

    /// Has the server fail for some requests before it does its duty.
    pub(crate) fn misbehave(&self, random: &mut Random) {
        for (target, body) in self.bodies() {
            let good = || Reply::ok(body.clone()).ranges("\"1\"");
            let length = body.len();
            let bad = match random.below(12) {
                0 => good().fault(Fault::CutAfter(length / 2)),
                1 => good().fault(Fault::StallAfter(length / 3, Duration::from_millis(300))),
                2 => good().fault(Fault::AnnounceLength(length + 100)),
                3 => Reply::status(500, "Internal Server Error"),
                4 => good().fault(Fault::Drop),
                _ => good(),
            };
            self.server.script(&target, [bad, good()]);
        }
    }

    fn bodies(&self) -> Vec<(String, Vec<u8>)> {
        let mut bodies = vec![("/source.tar.gz".to_owned(), self.archive.clone())];
        bodies.extend((0..FILES).map(|number| (format!("/file{number}"), file_body(number))));
        bodies
    }

    fn profile(&self) -> String {
        let root = self.directory.path().display();
        let md5 = |body: &[u8]| Digests::of(body).hex(Algorithm::Md5);
        let source = self.server.url("/source.tar.gz");
        let source_md5 = md5(&self.archive);
        let mut names = Vec::new();
        let mut sections = String::new();
        let mut add = |name: String, text: String| {
            sections.push_str(&format!("[{name}]\n{text}\n"));
            names.push(name);
        };
        for number in 0..PROGRAMS + SHARED {
            let shared = number >= PROGRAMS;
            // Each third one needs the first.
            let needs = match number % 3 {
                2 => "environment = NEEDS=${program0:location}\n",
                _ => "",
            };
            add(
                format!("program{number}"),
                format!(
                    "recipe = slapos.recipe.cmmi\nurl = {source}\nmd5sum = {source_md5}\n\
                     shared = {shared}\nmake-targets = install NAME=tool{number}\n{needs}"
                ),
            );
        }
        for number in 0..FILES {
            let url = self.server.url(&format!("/file{number}"));
            let md5 = md5(&file_body(number));
            add(
                format!("file{number}"),
                format!("recipe = slapos.recipe.build:download\nurl = {url}\nmd5sum = {md5}\n"),
            );
        }
        for number in 0..TREES {
            add(
                format!("tree{number}"),
                format!(
                    "recipe = slapos.recipe.build:download-unpacked\nurl = {source}\n\
                     md5sum = {source_md5}\n"
                ),
            );
        }
        for number in 0..DIRECTORIES {
            add(
                format!("directory{number}"),
                format!(
                    "recipe = slapos.cookbook:mkdirectory\n\
                     path = ${{buildout:directory}}/var{number}/deep\n"
                ),
            );
        }
        for number in 0..TEMPLATES {
            add(
                format!("template{number}"),
                format!(
                    "recipe = slapos.recipe.template\n\
                     output = ${{buildout:directory}}/etc/conf{number}\n\
                     inline = needs ${{program{number}:location}} and ${{file{number}:target}}\n"
                ),
            );
        }
        for number in 0..WRAPPERS {
            add(
                format!("wrapper{number}"),
                format!(
                    "recipe = slapos.cookbook:wrapper\n\
                     wrapper-path = ${{buildout:bin-directory}}/run{number}\n\
                     command-line = ${{program{number}:location}}/bin/tool{number}\n"
                ),
            );
        }
        for number in 0..LINKS {
            add(
                format!("link{number}"),
                format!(
                    "recipe = slapos.cookbook:symbolic.link\n\
                     target-directory = ${{directory0:path}}\n\
                     link-binary = ${{wrapper{number}:wrapper-path}}\n"
                ),
            );
        }
        format!(
            "[buildout]\nparts = {}\ndownload-cache = {root}/cache\n\
             shared-part-list = {root}/shared\n\n{sections}",
            names.join(" ")
        )
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buildout"));
        self.prepare(&mut command);
        command.args(["-j", "3", "--events", "../events"]);
        command
    }

    fn prepare(&self, command: &mut Command) {
        let root = self.directory.path();
        command
            .current_dir(root.join("site"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", root.join("home"))
            .env("TMPDIR", root.join("tmp"))
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null());
    }

    /// Runs the build; it must end well.
    pub(crate) fn run_to_its_end(&self) -> Run {
        let run = self.run(|child| drop(child.wait()));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run
    }

    /// Runs the build with so many jobs; it must end well.
    pub(crate) fn run_with_jobs(&self, jobs: usize) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buildout"));
        self.prepare(&mut command);
        let output = command.arg(format!("-j{jobs}")).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    }

    /// Runs the build, and kills it at a moment unless it has ended before.
    pub(crate) fn run_and_kill(&self, moment: Duration) -> Run {
        self.run(|child| {
            if !ends_within(child, moment) {
                child.kill().unwrap();
            }
        })
    }

    /// Runs the build, and interrupts it as Ctrl-C does.
    pub(crate) fn run_and_interrupt(&self, moment: Duration) -> Run {
        self.run(|child| {
            assert!(!ends_within(child, moment), "it ended before");
            let id = rustix::process::Pid::from_child(child);
            rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        })
    }

    /// Runs the build, which must fail; returns how, and what it said.
    pub(crate) fn run_and_fail(&self) -> (Option<i32>, String) {
        let output = self.command().output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), stderr)
    }

    /// Runs the build where no file may be longer than so many blocks of 512
    /// bytes; says whether it succeeded, and what it said.
    pub(crate) fn run_with_file_limit(&self, blocks: usize) -> (bool, String) {
        let mut command = Command::new("/bin/sh");
        self.prepare(&mut command);
        let program = env!("CARGO_BIN_EXE_buildout");
        // Ignored, the signal leaves an error where it was sent.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} -j 3");
        let output = command.args(["-c", &script]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), stderr)
    }

    fn run(&self, meanwhile: impl FnOnce(&mut Child)) -> Run {
        let events = self.directory.path().join("events");
        let _ = fs::remove_file(&events);
        let (mut stdout, mut stderr) =
            (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let handle = |file: &File| file.try_clone().unwrap();
        let mut child = self
            .command()
            .stdout(handle(&stdout))
            .stderr(handle(&stderr))
            .spawn()
            .unwrap();
        meanwhile(&mut child);
        let code = child.wait().unwrap().code();
        let mut run = Run {
            code,
            stderr: contents(&mut stderr),
            told_of_interruption: contents(&mut stdout)
                .contains("was interrupted; it is done anew"),
            ..Run::default()
        };
        for line in fs::read_to_string(events).unwrap_or_default().lines() {
            // The last line may be cut.
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if event["action"] != "install" {
                continue;
            }
            let part = event["part"].as_str().unwrap().to_owned();
            match event["event"].as_str() {
                Some("part_started") => drop(run.begun.insert(part)),
                Some("part_finished") => drop(run.installed.insert(part)),
                _ => {}
            }
        }
        run
    }

    /// Lists everything that a build leaves, but for what tells of the run
    /// itself: path, kind, mode and digest or target.
    pub(crate) fn contents(&self) -> BTreeSet<String> {
        list(self.directory.path(), &["site", "shared", "cache"])
    }

    /// Returns the processes that work in the site.
    pub(crate) fn processes(&self) -> Vec<String> {
        let root = self.directory.path().canonicalize().unwrap();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let works_here = fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|directory| directory.starts_with(&root));
            if works_here {
                let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
                found.push(line.replace('\0', " "));
            }
        }
        found
    }
}

/// Lists what is in these trees below `root`, but for what tells of the runs.
pub(crate) fn list(root: &Path, trees: &[&str]) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for name in trees {
        let mut pending = vec![root.join(name)];
        while let Some(path) = pending.pop() {
            let relative = path.strip_prefix(root).unwrap().display().to_string();
            if is_about_the_run(&relative) {
                continue;
            }
            lines.insert(describe(&path, &relative));
            if path.is_dir() && !path.is_symlink() {
                let entries = fs::read_dir(&path).unwrap();
                pending.extend(entries.map(|entry| entry.unwrap().path()));
            }
        }
    }
    lines
}

/// Logs, reasons and the lock are about runs, and a killed download leaves a
/// temporary file in the cache, which others may use at the same time.
fn is_about_the_run(path: &str) -> bool {
    ["logs", "environments", "history.json", "lock"]
        .iter()
        .any(|name| path == format!("site/.buildout/{name}"))
        || path.starts_with("cache/.buildout-")
        || path == "shared/.buildout"
}

fn describe(path: &Path, relative: &str) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_symlink() {
        return format!("{relative} link {}", fs::read_link(path).unwrap().display());
    }
    if metadata.is_dir() {
        return format!("{relative} dir {mode:o}");
    }
    let digest = Digests::of(&fs::read(path).unwrap()).hex(Algorithm::Sha256);
    format!("{relative} file {mode:o} {digest}")
}

fn ends_within(child: &mut Child, moment: Duration) -> bool {
    let end = Instant::now() + moment;
    while Instant::now() < end {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

fn contents(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn file_body(number: usize) -> Vec<u8> {
    format!("line of file {number}\n").repeat(2000).into_bytes()
}

/// Shared parts are read-only.
pub(crate) fn make_writable(path: &Path) {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return;
    };
    if metadata.is_dir() {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o755));
        for entry in fs::read_dir(path).unwrap().flatten() {
            make_writable(&entry.path());
        }
    }
}

/// Packs a C program with a configure script, of which two objects and a
/// library are compiled.
fn make_archive(source: &Path) -> Vec<u8> {
    let tree = source.join("tool-1.0");
    fs::create_dir(&tree).unwrap();
    let configure = "#!/bin/sh\nset -e\nfor argument; do\n  case $argument in\n    \
                     --prefix=*) prefix=${argument#--prefix=} ;;\n  esac\ndone\n\
                     printf 'PREFIX = %s\\n' \"$prefix\" > config.mk\n";
    let makefile = "include config.mk\nall: tool\ntool: main.o one.o two.o\n\
                    \tcc -o $@ main.o one.o two.o\n%.o: %.c\n\tcc -O1 -c -o $@ $<\n\
                    install: all\n\tmkdir -p $(PREFIX)/bin $(PREFIX)/share\n\
                    \tcp tool $(PREFIX)/bin/$(NAME)\n\tcp main.c $(PREFIX)/share/source.c\n";
    for (name, text) in [
        ("configure", configure),
        ("Makefile", makefile),
        (
            "main.c",
            "int one(void);\nint two(void);\nint main(void) { return one() + two(); }\n",
        ),
        ("one.c", "int one(void) { return 1; }\n"),
        ("two.c", "int two(void) { return -1; }\n"),
    ] {
        fs::write(tree.join(name), text).unwrap();
    }
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(tree.join("configure"), executable).unwrap();
    let archive = source.join("source.tar.gz");
    let status = Command::new("tar")
        .args(["-czf", "source.tar.gz", "tool-1.0"])
        .current_dir(source)
        .status()
        .unwrap();
    assert!(status.success());
    fs::read(archive).unwrap()
}
