//! A place to run the built command in, alone.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What stands for the working directory in outputs.
pub(crate) const MASK: &str = "@";

/// A directory with profiles and a private home, where the command runs with
/// an environment of its own. Failures of the machinery are panics: they can
/// only be a defect of the test.
pub(crate) struct TestSite {
    directory: TempDir,
    root: PathBuf,
    variables: Vec<(String, String)>,
}

impl TestSite {
    /// A site whose `buildout.cfg` is `profile`.
    pub(crate) fn new(profile: impl AsRef<[u8]>) -> Self {
        Self::empty().file("buildout.cfg", profile)
    }

    /// A site without a profile.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let base = directory
            .path()
            .canonicalize()
            .expect("a directory just made");
        let root = base.join("site");
        for path in [&root, &base.join("home"), &base.join("tmp")] {
            fs::create_dir(path).expect("a directory in a fresh one");
        }
        let text = |path: PathBuf| path.into_os_string().into_string().expect("UTF-8");
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        let variables = [
            ("HOME", text(base.join("home"))),
            ("TMPDIR", text(base.join("tmp"))),
            ("PATH", path),
            ("LANG", "C.UTF-8".to_owned()),
            // Outputs are compared; no slow run may end with a summary.
            ("BUILDOUT_PROGRESS", "never".to_owned()),
        ];
        TestSite {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec(),
            directory,
            root,
        }
    }

    /// Adds a file; `../home/` is the home directory.
    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(path, contents);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the environment variables; of two with a name, the last counts.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a directory of the site");
        }
        fs::write(&path, contents).expect("a file of the site");
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("a file of the site");
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns the absolute path of a name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, line: &[&str]) -> Outcome {
        let (stdout, stderr) = (scratch_file(), scratch_file());
        let mut child = self.spawn(line, &stdout, &stderr);
        let status = child.wait().expect("a child of this process");
        self.outcome(status.code(), stdout, stderr)
    }

    /// Starts the command.
    pub(crate) fn spawn(&self, line: &[&str], stdout: &File, stderr: &File) -> Child {
        let mut program = Command::new(env!("CARGO_BIN_EXE_buildout"));
        program.arg0("buildout");
        self.start(&mut program, line, stdout, stderr)
    }

    /// Runs another program as the command is run.
    pub(crate) fn run_program(&self, program: &str, line: &[&str]) -> Outcome {
        let (stdout, stderr) = (scratch_file(), scratch_file());
        let mut child = self.start(&mut Command::new(program), line, &stdout, &stderr);
        let status = child.wait().expect("a child of this process");
        self.outcome(status.code(), stdout, stderr)
    }

    /// Types a line into a shell that knows the command.
    pub(crate) fn run_in_shell(&self, line: &str) -> Outcome {
        let tools = self.root.with_file_name("tools");
        if !tools.exists() {
            fs::create_dir(&tools).expect("a directory beside the site");
            symlink(env!("CARGO_BIN_EXE_buildout"), tools.join("buildout")).expect("a link");
        }
        let line = format!("PATH={}:$PATH; {line}", tools.display());
        self.run_program("/bin/sh", &["-c", &line])
    }

    fn start(&self, program: &mut Command, line: &[&str], stdout: &File, stderr: &File) -> Child {
        let handle = |file: &File| file.try_clone().expect("a second handle");
        program
            .args(line)
            .current_dir(&self.root)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(handle(stdout))
            .stderr(handle(stderr))
            .spawn()
            .expect("the program starts")
    }

    /// Reads what a command left, with the site's path masked.
    pub(crate) fn outcome(&self, code: Option<i32>, stdout: File, stderr: File) -> Outcome {
        Outcome {
            code,
            stdout: self.masked_file(stdout),
            stderr: self.masked_file(stderr),
        }
    }

    fn masked_file(&self, mut file: File) -> String {
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .expect("an output file");
        self.mask(&String::from_utf8_lossy(&bytes))
    }

    /// Puts [`MASK`] in the place of the working directory.
    pub(crate) fn mask(&self, text: &str) -> String {
        let root = self.root.to_str().expect("UTF-8");
        text.replace(root, MASK)
    }

    /// Lists everything below the site and the home and temporary directories
    /// beside it: path, mode and size or target.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut pending = vec![self.directory.path().to_owned()];
        while let Some(directory) = pending.pop() {
            let entries = fs::read_dir(&directory).and_then(|entries| entries.collect());
            let entries: Vec<fs::DirEntry> = entries.expect("a directory of the site");
            for entry in entries {
                let path = entry.path();
                let line = describe(&path, self.directory.path()).expect("an entry of the site");
                lines.push(line);
                if entry.file_type().expect("a kind").is_dir() {
                    pending.push(path);
                }
            }
        }
        lines.sort();
        lines
    }
}

fn describe(path: &Path, root: &Path) -> io::Result<String> {
    let metadata = fs::symlink_metadata(path)?;
    let name = path.strip_prefix(root).unwrap_or(path).display();
    let mode = metadata.permissions().mode();
    Ok(if metadata.is_symlink() {
        format!("{name} -> {}", fs::read_link(path)?.display())
    } else {
        format!(
            "{name} {mode:o} {}",
            if metadata.is_dir() { 0 } else { metadata.len() }
        )
    })
}

/// A file that is gone when it is closed.
pub(crate) fn scratch_file() -> File {
    tempfile::tempfile().expect("a temporary file")
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Returns standard output of a command that must have succeeded in
    /// silence on standard error.
    #[track_caller]
    pub(crate) fn output(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// Returns standard error of a command that must have failed with 1.
    #[track_caller]
    pub(crate) fn failure(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.stderr
    }
}
