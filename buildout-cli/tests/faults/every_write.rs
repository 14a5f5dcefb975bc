//! A run is killed before each of its writes, one after the other, by `strace`:
//! whatever was done until then, the next run completes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::site::{list, make_writable};

/// The system calls that change what is on a disk.
const WRITES: [&str; 20] = [
    "write",
    "writev",
    "pwrite64",
    "copy_file_range",
    "sendfile",
    "ftruncate",
    "fsync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "fchmod",
];

/// Installs one part of each kind that writes in a way of its own.
const FIRST: &str = "[buildout]
parts = data gone tree shared link text
shared-part-list = ${buildout:directory}/../shared

[data]
recipe = slapos.cookbook:mkdirectory
path = ${buildout:directory}/data/deep

[gone]
recipe = plone.recipe.command
command = echo made > ${buildout:directory}/made
location = ${buildout:directory}/made

[tree]
recipe = slapos.recipe.build:download-unpacked
url = ${buildout:directory}/../tree.tar.gz

[shared]
recipe = slapos.recipe.build:download-unpacked
shared = true
url = ${buildout:directory}/../tree.tar.gz
md5sum = MD5SUM

[link]
recipe = slapos.cookbook:symbolic.link
target-directory = ${buildout:bin-directory}
link-binary = ${tree:location}/one

[text]
recipe = slapos.recipe.template
output = ${buildout:directory}/etc/text
inline = ${shared:location} VERSION
";

/// Drops one part, reinstalls another and what needs it, and adds a third.
fn second() -> String {
    FIRST
        .replace("parts = data gone", "parts = data added")
        .replace(
            "[tree]\n",
            "[added]\nrecipe = slapos.cookbook:wrapper\nwrapper-path = ${buildout:bin-directory}/run\n\
             command-line = /bin/true\n\n[tree]\nstrip-top-level-dir = false\n",
        )
}

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Site(tempfile::tempdir().unwrap());
        let source = site.path("source");
        fs::create_dir(&source).unwrap();
        for name in ["one", "two"] {
            fs::write(source.join(name), name.repeat(900)).unwrap();
        }
        let archive = Command::new("tar")
            .args(["-czf", "../tree.tar.gz", "one", "two"])
            .current_dir(source)
            .status();
        assert!(archive.unwrap().success());
        site.keep("empty", |site| {
            fs::create_dir(site.path("site")).unwrap();
            fs::create_dir(site.path("shared")).unwrap();
        });
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Keeps what `make` makes of the site, to begin with it again and again.
    fn keep(&self, name: &str, make: impl FnOnce(&Self)) {
        make(self);
        let kept = self.path(name);
        fs::create_dir(&kept).unwrap();
        for tree in ["site", "shared"] {
            copy(&self.path(tree), &kept);
        }
    }

    fn restore(&self, name: &str) {
        for tree in ["site", "shared"] {
            let path = self.path(tree);
            make_writable(&path);
            fs::remove_dir_all(&path).unwrap();
            copy(&self.path(name).join(tree), self.0.path());
        }
    }

    fn write(&self, profile: &str) {
        let archive = fs::read(self.path("tree.tar.gz")).unwrap();
        let digests = buildout_core::fetch::Digests::of(&archive);
        let md5sum = digests.hex(buildout_core::fetch::Algorithm::Md5);
        let profile = profile.replace("MD5SUM", &md5sum);
        fs::write(self.path("site/buildout.cfg"), profile).unwrap();
    }

    /// Runs the build, under `strace` with these arguments if there are any.
    fn run(&self, tracing: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_buildout");
        let mut command = match tracing {
            [] => Command::new(program),
            _ => Command::new("strace"),
        };
        if !tracing.is_empty() {
            command.args(["-f", "-qq", "-o", "/dev/null"]);
            command.args(tracing).arg(program);
        }
        command
            .arg("-j1")
            .current_dir(self.path("site"))
            .env("HOME", self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("strace can be started")
    }

    fn run_to_its_end(&self, what: &str) -> String {
        let output = self.run(&[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn contents(&self) -> BTreeSet<String> {
        list(self.0.path(), &["site", "shared"])
    }

    /// Kills a run that begins with what was kept as `name` before its first
    /// system call of each kind, another one before its second, and so on, until
    /// one ends well. `strace` counts the calls of each thread for itself.
    fn kill_before_every_write(&self, name: &str, profile: &str) {
        self.restore(name);
        self.write(profile);
        self.run_to_its_end("undisturbed");
        let expected = self.contents();
        let mut kills = 0;
        for call in WRITES {
            for number in 1.. {
                self.restore(name);
                self.write(profile);
                let kill = format!("inject={call}:signal=SIGKILL:when={number}");
                let output = self.run(&["-e", &format!("trace={call}"), "-e", &kill]);
                if output.status.success() {
                    break;
                }
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(!stderr.starts_with("strace:"), "{stderr}");
                kills += 1;
                let what = format!("killed before {call} {number}");
                self.run_to_its_end(&what);
                let contents = self.contents();
                let differences: Vec<_> = contents.symmetric_difference(&expected).collect();
                assert!(differences.is_empty(), "{what}: {differences:#?}");
                let again = self.run_to_its_end(&what);
                assert!(!again.contains("nstalling "), "{what}: {again}");
            }
        }
        assert!(kills > 100, "only {kills} writes were seen");
    }
}

/// Copies a tree into a directory, modes included.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_first_run_may_end_before_any_write() {
    let site = Site::new();
    site.kill_before_every_write("empty", FIRST);
}

#[test]
fn a_changed_profile_may_end_before_any_write() {
    let site = Site::new();
    site.keep("installed", |site| {
        site.write(FIRST);
        site.run_to_its_end("first");
    });
    site.kill_before_every_write("installed", &second());
}
