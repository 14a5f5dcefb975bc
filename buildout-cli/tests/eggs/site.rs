//! Two buildout directories with the same profile: one for each program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use buildout_core::state::installed::{InstalledFile, InstalledPart};

use crate::peer::{Peer, PeerVersion};

/// Which of the two directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// That of our program.
    Ours,
    /// That of the real one.
    Peer,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    /// Standard output and standard error, with the root masked.
    pub(crate) text: String,
}

/// The two directories, beside the distributions.
pub(crate) struct Site {
    root: tempfile::TempDir,
    version: PeerVersion,
    peer: Peer,
    /// The Python of our program, nearly always that of the other one.
    python: PathBuf,
    /// The caches of our program: what builds need is fetched once for all tests.
    caches: PathBuf,
}

fn target_directory() -> PathBuf {
    // The directory of the program is `target/PROFILE`.
    let program = Path::new(env!("CARGO_BIN_EXE_buildout"));
    let target = program.ancestors().nth(2);
    target.expect("it is below `target`").to_owned()
}

/// Returns what a program prints.
fn ask(python: &Path, program: &str) -> String {
    let output = Command::new(python).args(["-c", program]).output();
    let output = output.expect("python can be started").stdout;
    String::from_utf8_lossy(&output).trim().to_owned()
}

impl Site {
    /// Makes the directories, and the distributions beside them.
    pub(crate) fn new(version: PeerVersion) -> Self {
        let peers = target_directory().join("peers");
        let peer = Peer::provide(version, &peers).unwrap_or_else(|problem| panic!("{problem}"));
        let site = Site {
            root: tempfile::tempdir().expect("a directory can be made"),
            version,
            python: peer.python.clone(),
            peer,
            caches: peers.join("cache"),
        };
        for directory in ["ours/bo", "peer/bo", "fixtures", "home"] {
            fs::create_dir_all(site.root.path().join(directory)).expect("the root is ours");
        }
        site.make("fixtures.py", &site.root.path().join("fixtures"));
        site
    }

    /// Has our program know nothing of other tests.
    pub(crate) fn with_own_caches(mut self) -> Self {
        self.caches = self.root.path().join("caches");
        self
    }

    /// Has our program use a Python without anything installed: that of the other
    /// program's virtual environment.
    pub(crate) fn with_plain_python(mut self) -> Self {
        self.python = ask(&self.peer.python, "import sys; print(sys._base_executable)").into();
        self
    }

    /// Has our program use a Python whose path no first line of a script can hold.
    pub(crate) fn with_long_python(mut self) -> Self {
        let directory = self.root.path().join("long".repeat(40));
        fs::create_dir(&directory).expect("the root is ours");
        let python = directory.join("python3");
        std::os::unix::fs::symlink(&self.python, &python).expect("it is not there yet");
        self.python = python;
        self
    }

    /// Has our program use a virtual environment with these wheels.
    pub(crate) fn with_installed(mut self, wheels: &[&str]) -> Self {
        let environment = self.root.path().join("environment");
        let mut command = Command::new(&self.peer.python);
        command.args(["-m", "venv"]).arg(&environment);
        assert!(command.status().expect("python can be started").success());
        self.python = environment.join("bin/python");
        let mut command = Command::new(&self.python);
        command.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]);
        command.args(
            wheels
                .iter()
                .map(|wheel| self.fixture(&format!("links/{wheel}"))),
        );
        assert!(command.status().expect("pip can be started").success());
        self
    }

    /// Gets a distribution from PyPI beside the fixtures.
    pub(crate) fn get(&self, requirement: &str) {
        let mut command = Command::new(&self.peer.python);
        command.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]);
        command.arg(self.fixture("links")).arg(requirement);
        assert!(command.status().expect("pip can be started").success());
    }

    /// Runs one of the scripts beside this file.
    fn make(&self, script: &str, place: &Path) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/eggs")
            .join(script);
        let status = Command::new(&self.peer.python)
            .arg(script)
            .arg(place)
            .status();
        assert!(status.expect("python can be started").success());
    }

    fn path(&self, side: Side, name: &str) -> PathBuf {
        let side = match side {
            Side::Ours => "ours/bo",
            Side::Peer => "peer/bo",
        };
        self.root.path().join(side).join(name)
    }

    /// Shows what differs between the sides in one way.
    fn mask(&self, side: Side, text: &str) -> String {
        let own = self.path(side, "");
        let own = own.to_string_lossy();
        text.replace(own.trim_end_matches('/'), "[BUILDOUT]")
    }

    /// Writes the profile of both.
    pub(crate) fn profile(&self, text: &str) {
        let fixtures = self.root.path().join("fixtures");
        let text = text.replace("FIXTURES", &fixtures.to_string_lossy());
        for side in [Side::Ours, Side::Peer] {
            fs::write(self.path(side, "buildout.cfg"), &text).expect("the root is ours");
        }
    }

    /// Returns the path of a fixture.
    pub(crate) fn fixture(&self, name: &str) -> PathBuf {
        self.root.path().join("fixtures").join(name)
    }

    /// Writes a file outside of both, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.root.path().join(name);
        fs::write(&path, text).expect("the root is ours");
        path.to_string_lossy().into_owned()
    }

    /// Makes the checkouts of both.
    pub(crate) fn checkouts(&self) {
        for side in [Side::Ours, Side::Peer] {
            self.make("checkouts.py", &self.path(side, ""));
        }
    }

    /// Makes a checkout of ours of the fixture that needs a setup egg.
    pub(crate) fn needy_checkout(&self) {
        let archive = self.fixture("links/needy-1.0.tar.gz");
        let line = format!(
            "mkdir co-needy && tar -xzf '{}' -C co-needy --strip-components=1",
            archive.display()
        );
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &line])
            .current_dir(self.path(Side::Ours, ""));
        assert!(command.status().expect("sh can be started").success());
    }

    /// Returns the version of the Python as eggs have it.
    pub(crate) fn python(&self) -> String {
        ask(
            &self.python,
            "import sys; print('%d.%d' % sys.version_info[:2])",
        )
    }

    /// Makes a checkout of ours one that cannot be built.
    pub(crate) fn break_checkout(&self) {
        let path = self.path(Side::Ours, "co-srcpkg/setup.py");
        fs::write(path, "raise SystemExit(3)\n").expect("the root is ours");
    }

    /// Runs both programs: ours, then the other.
    pub(crate) fn run(&self, words: &[&str]) -> [Outcome; 2] {
        let [ours] = self.run_ours(words);
        let mut command = Command::new(&self.peer.buildout);
        command.args(words);
        [ours, self.outcome(Side::Peer, command)]
    }

    /// Runs our program.
    pub(crate) fn run_ours(&self, words: &[&str]) -> [Outcome; 1] {
        let mut command = self.our_command();
        command.args(words);
        [self.outcome(Side::Ours, command)]
    }

    fn our_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buildout"));
        let dialect = match self.version {
            PeerVersion::Upstream6 => "upstream",
            PeerVersion::Slapos3 => "slapos",
        };
        command.args(["--progress=never", "--dialect", dialect, "--python"]);
        command.arg(&self.python);
        command
    }

    /// Runs our program in both directories at once.
    pub(crate) fn run_ours_twice(&self) -> [Outcome; 2] {
        std::thread::scope(|scope| {
            [Side::Ours, Side::Peer]
                .map(|side| scope.spawn(move || self.outcome(side, self.our_command())))
                .map(|run| run.join().expect("no panic"))
        })
    }

    fn outcome(&self, side: Side, mut command: Command) -> Outcome {
        command
            .current_dir(self.path(side, ""))
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME")
            .env("BUILDOUT_HOME", self.root.path().join("home"))
            .env("BUILDOUT_JOBS", "1")
            .env("XDG_CACHE_HOME", &self.caches)
            // The other program's builds use what its environment has.
            .env("PIP_NO_BUILD_ISOLATION", "0");
        let output = command.output().expect("the program can be started");
        let text = [output.stdout, output.stderr].concat();
        Outcome {
            code: output.status.code(),
            text: self.mask(side, &String::from_utf8_lossy(&text)),
        }
    }

    /// Starts a script of both buildouts; returns what it wrote, and its code.
    pub(crate) fn start(&self, script: &str, words: &[&str]) -> [(String, Option<i32>); 2] {
        [Side::Ours, Side::Peer].map(|side| self.start_one(side, script, words))
    }

    /// Starts a script of ours.
    pub(crate) fn start_ours(&self, script: &str, words: &[&str]) -> [(String, Option<i32>); 1] {
        [self.start_one(Side::Ours, script, words)]
    }

    /// Starts a script of ours in a directory of its own, which is shown as
    /// `[HOME]`.
    pub(crate) fn start_elsewhere(&self, script: &str, words: &[&str]) -> (String, Option<i32>) {
        let home = self.root.path().join("home");
        let output = Command::new(self.path(Side::Ours, "bin").join(script))
            .args(words)
            .env_remove("PYTHONPATH")
            .current_dir(&home)
            .output()
            .unwrap_or_else(|error| panic!("{script}: {error}"));
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let home = home.to_string_lossy().into_owned();
        (text.replace(&home, "[HOME]"), output.status.code())
    }

    fn start_one(&self, side: Side, script: &str, words: &[&str]) -> (String, Option<i32>) {
        let output = Command::new(self.path(side, "bin").join(script))
            .args(words)
            .env_remove("PYTHONPATH")
            .output()
            .unwrap_or_else(|error| panic!("{script}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (self.mask(side, &text), output.status.code())
    }

    /// Checks what a script of ours writes.
    pub(crate) fn program(&self, script: &str, words: &[&str], expected: &str) {
        let (text, code) = self.start_one(Side::Ours, script, words);
        assert_eq!((&*text, code), (expected, Some(0)), "{script}");
    }

    /// Lists a directory, but for hidden files; that of eggs as the dialect has
    /// it.
    pub(crate) fn names(&self, side: Side, directory: &str) -> Vec<String> {
        let directory = match (self.version, directory) {
            (PeerVersion::Upstream6, "eggs") => "eggs/v5",
            _ => directory,
        };
        let entries = fs::read_dir(self.path(side, directory)).expect("it was made");
        let names = entries.map(|entry| entry.expect("it is read").file_name());
        let mut names: Vec<String> = names
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// Removes a directory of ours.
    pub(crate) fn remove(&self, name: &str) {
        self.remove_of(Side::Ours, name);
    }

    /// Removes a directory of a side.
    pub(crate) fn remove_of(&self, side: Side, name: &str) {
        fs::remove_dir_all(self.path(side, name)).expect("it is there");
    }

    /// Lists the eggs of ours; there are none if there is no directory.
    pub(crate) fn eggs(&self) -> Vec<String> {
        match self.path(Side::Ours, "eggs").join("v5").is_dir() {
            true => self.names(Side::Ours, "eggs"),
            false => Vec::new(),
        }
    }

    /// Returns the scripts with their modes. Of interpreters only what comes
    /// before the body counts, which is ours.
    pub(crate) fn scripts(&self, side: Side) -> BTreeMap<String, (String, u32)> {
        let mut scripts = BTreeMap::new();
        for name in self.names(side, "bin") {
            if name == "buildout" {
                // Ours, which each run makes.
                continue;
            }
            let path = self.path(side, "bin").join(&name);
            let text = fs::read_to_string(&path).expect("scripts are texts");
            let mode = fs::metadata(&path).expect("it exists").permissions().mode();
            let text = match text.find("\n_") {
                Some(body) if text.contains("getopt") => &text[..body],
                _ => &text,
            };
            scripts.insert(name, (self.mask(side, text), mode));
        }
        scripts
    }

    /// Returns the links in the directory of develop eggs.
    pub(crate) fn links(&self, side: Side) -> BTreeMap<String, String> {
        let names = self.names(side, "develop-eggs").into_iter();
        names
            .filter(|name| name.ends_with(".egg-link"))
            .map(|name| {
                let text = self.read(side, &format!("develop-eggs/{name}"));
                (name, text)
            })
            .collect()
    }

    /// Reads a file of a buildout directory.
    pub(crate) fn read(&self, side: Side, name: &str) -> String {
        let path = self.path(side, name);
        let text = fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.mask(side, &text)
    }

    /// Returns what is recorded, but for signatures.
    pub(crate) fn installed(&self, side: Side) -> BTreeMap<String, Vec<String>> {
        let file = InstalledFile::new(&self.path(side, ""), ".installed.cfg");
        let state = file.load().expect("it can be read").expect("it is there");
        // 3.0.1 has them in the order of the directory.
        let mut develop_eggs = state.develop_eggs.clone();
        develop_eggs.sort();
        let mut shown = BTreeMap::from([(
            "develop eggs".to_owned(),
            vec![self.mask(side, &develop_eggs.join("\n"))],
        )]);
        for (name, part) in &state.parts {
            let InstalledPart { options, installed } = part;
            let mut lines: Vec<String> = options
                .iter()
                .filter(|(option, _)| *option != "__buildout_signature__")
                .map(|(option, value)| format!("{option} = {value}"))
                .collect();
            lines.push(format!("installed: {}", installed.join("\n")));
            let lines = lines.iter().map(|line| self.mask(side, line));
            shown.insert(name.clone(), lines.collect());
        }
        shown
    }
}

impl Outcome {
    /// Returns the failure alone: what was being done, and what is wrong.
    pub(crate) fn error(&self) -> String {
        let told = self.told();
        let start = told.find("While:\n");
        told[start.unwrap_or_else(|| panic!("no failure in {}", self.text))..].to_owned()
    }

    /// Returns what is told to a person, without what only one of the programs
    /// tells: pages that are read, downloads, explanations.
    pub(crate) fn told(&self) -> String {
        let mut told = String::new();
        let mut in_warning = false;
        for line in self.text.lines() {
            // setuptools puts these around what it has against 3.0.1.
            in_warning ^= line == "!!";
            if in_warning || line == "!!" {
                continue;
            }
            // Ours go on with the place of a mistake after a blank line.
            if told.contains("\nError: ") && line.is_empty() {
                break;
            }
            let is_only_theirs = line.starts_with("root: ")
                || line.starts_with("Not upgrading because")
                || line.starts_with("setuptools")
                || line.contains("Warning")
                || line.starts_with("  warn")
                || line.starts_with("  opt = self._enforce_underscore(")
                || line.contains("initialize_options(");
            let is_only_ours =
                line.starts_with("Downloading ") || line.contains(" is installed anew: ");
            if !is_only_theirs && !is_only_ours {
                told.push_str(line);
                told.push('\n');
            }
        }
        told
    }
}
