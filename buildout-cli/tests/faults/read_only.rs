//! A run may not write where it has to: it says so, and what was finished stays.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Whoever owns nothing: permissions do not bind the superuser.
const NOBODY: u32 = 65534;

const PROFILE: &str = "[buildout]
parts = first second
[first]
recipe = slapos.recipe.build:download
url = ${buildout:directory}/../source
[second]
recipe = slapos.recipe.template
output = ${buildout:directory}/etc/second
inline = ${first:target} VERSION
";

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Site(tempfile::tempdir().unwrap());
        fs::create_dir(site.path("site")).unwrap();
        fs::write(site.path("source"), "source").unwrap();
        // Where the program is compiled may not be for everyone.
        fs::copy(env!("CARGO_BIN_EXE_buildout"), site.path("buildout")).unwrap();
        site.write("1");
        if rustix::process::geteuid().is_root() {
            for path in ["", "site", "site/buildout.cfg", "source", "buildout"] {
                chown(site.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, version: &str) {
        let profile = PROFILE.replace("VERSION", version);
        fs::write(self.path("site/buildout.cfg"), profile).unwrap();
    }

    fn run(&self) -> (Option<i32>, String) {
        let mut command = Command::new(self.path("buildout"));
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command
            .current_dir(self.path("site"))
            .env_clear()
            .env("HOME", self.0.path())
            .env("TMPDIR", self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), stderr)
    }

    /// Runs while a directory is read-only; the run must fail and name it.
    fn run_without_writing_to(&self, name: &str) {
        let directory = self.path(name);
        set_mode(&directory, 0o555);
        let (code, stderr) = self.run();
        set_mode(&directory, 0o755);
        assert_eq!(code, Some(1), "{name}: {stderr}");
        assert!(!stderr.contains("panicked"), "{name}: {stderr}");
        assert!(stderr.contains("ermission denied"), "{name}: {stderr}");
        assert!(
            stderr.contains(&format!("{}/", directory.display())),
            "{name}: {stderr}"
        );
    }

    fn run_well(&self) {
        let (code, stderr) = self.run();
        assert_eq!(code, Some(0), "{stderr}");
    }

    fn second(&self) -> String {
        fs::read_to_string(self.path("site/etc/second")).unwrap()
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nothing_is_made_in_a_read_only_directory() {
    let site = Site::new();
    site.run_without_writing_to("site");
    let names = fs::read_dir(site.path("site")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["buildout.cfg"]);
    site.run_well();
    assert!(site.second().ends_with("/parts/first/first 1"));
}

#[test]
fn what_was_finished_stays_when_another_part_cannot_be_written() {
    let site = Site::new();
    site.run_well();
    site.write("2");
    site.run_without_writing_to("site/etc");
    let record = fs::read_to_string(site.path("site/.installed.cfg")).unwrap();
    assert!(record.contains("[first]"), "{record}");
    assert!(site.path("site/parts/first/first").exists());
    site.run_well();
    assert!(site.second().ends_with(" 2"), "{}", site.second());
    // The state of the engine itself: what is recorded is what is there.
    site.write("3");
    site.run_without_writing_to("site/.buildout");
    let record = fs::read_to_string(site.path("site/.installed.cfg")).unwrap();
    assert_eq!(
        record.contains("[second]"),
        site.path("site/etc/second").exists()
    );
    site.run_well();
    assert!(site.second().ends_with(" 3"), "{}", site.second());
}
