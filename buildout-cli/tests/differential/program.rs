//! The programs that are compared: the peer inside a resident driver, and any real command.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long one invocation may take.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What a program is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// The command line as it stands.
    Run,
    /// All sections with their references replaced, as one JSON document. The command line then
    /// holds only options and assignments.
    Resolve,
}

/// One invocation of a program.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    /// What is asked.
    pub(crate) question: Question,
    /// The current directory.
    pub(crate) directory: &'a Path,
    /// The arguments, without the program's name.
    pub(crate) arguments: &'a [String],
    /// The whole environment.
    pub(crate) environment: &'a [(String, String)],
}

/// What an invocation left.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The exit code; `None` for a program ended by a signal, such as the time limit's.
    pub(crate) code: Option<i32>,
    /// Everything written to standard output.
    pub(crate) stdout: Vec<u8>,
    /// Everything written to standard error.
    pub(crate) stderr: Vec<u8>,
}

/// Something that behaves like the `buildout` command.
pub(crate) trait Program {
    /// Runs the program to its end, or until the time limit.
    ///
    /// # Errors
    /// Failures of the machinery only; a failing program is an [`Outcome`].
    fn run(&mut self, invocation: &Invocation<'_>) -> Result<Outcome, String>;
}

/// The peer inside `driver.py`.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts a driver under the peer's interpreter.
    pub(crate) fn start(python: &Path) -> Result<Self, String> {
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/driver.py"))
            .env_clear()
            .env("PATH", search_path())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!(
                    "cannot start the driver under {}: {error}",
                    python.display()
                )
            })?;
        let requests = process.stdin.take().ok_or("the driver has no stdin")?;
        let answers = process.stdout.take().ok_or("the driver has no stdout")?;
        Ok(Self {
            process,
            requests,
            answers: BufReader::new(answers),
        })
    }
}

impl Program for Driver {
    fn run(&mut self, invocation: &Invocation<'_>) -> Result<Outcome, String> {
        let environment: serde_json::Map<String, Value> = invocation
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let mode = match invocation.question {
            Question::Run => "main",
            Question::Resolve => "resolve",
        };
        let request = json!({
            "mode": mode,
            "cwd": invocation.directory.to_str().ok_or("a directory name is not UTF-8")?,
            "argv": invocation.arguments,
            "env": environment,
            "limit": TIME_LIMIT.as_secs(),
        });
        let failed = |error: std::io::Error| format!("the driver does not answer: {error}");
        writeln!(self.requests, "{request}").map_err(failed)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(failed)?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|error| format!("the driver answered {line:?}: {error}"))?;
        let code = answer["code"]
            .as_i64()
            .and_then(|code| i32::try_from(code).ok());
        Ok(Outcome {
            code: code.filter(|code| *code >= 0),
            stdout: latin1(&answer["stdout"]),
            stderr: latin1(&answer["stderr"]),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It holds no state worth an orderly end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The bytes that the driver sent, one character each.
fn latin1(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    text.chars().map(|character| character as u8).collect()
}

/// A command that is started anew for each invocation.
#[derive(Debug)]
pub(crate) struct RealCommand {
    executable: PathBuf,
    leading_arguments: Vec<OsString>,
    variables: &'static [(&'static str, &'static str)],
    resolve_arguments: &'static [&'static str],
}

impl RealCommand {
    /// The peer's own `bin/buildout`, which has no answer to [`Question::Resolve`].
    pub(crate) fn peer(buildout: &Path) -> Self {
        Self {
            executable: buildout.to_owned(),
            leading_arguments: Vec::new(),
            variables: &[],
            resolve_arguments: &[],
        }
    }

    /// Our `buildout`, told the peer's dialect and interpreter.
    pub(crate) fn ours(executable: &Path, dialect: &str, python: &Path) -> Self {
        Self {
            executable: executable.to_owned(),
            leading_arguments: vec![
                // No slow run may end with a summary.
                "--progress=never".into(),
                "--dialect".into(),
                dialect.into(),
                "--python".into(),
                python.into(),
            ],
            // The peer does one thing after the other.
            variables: &[("BUILDOUT_JOBS", "1")],
            resolve_arguments: &["query", "--resolved", "--format", "json"],
        }
    }
}

impl Program for RealCommand {
    fn run(&mut self, invocation: &Invocation<'_>) -> Result<Outcome, String> {
        let file = || {
            tempfile::tempfile().map_err(|error| format!("cannot create a temporary file: {error}"))
        };
        let (mut stdout, mut stderr) = (file()?, file()?);
        let handle = |file: &File| {
            file.try_clone()
                .map_err(|error| format!("cannot duplicate a file: {error}"))
        };
        let mut command = Command::new(&self.executable);
        command
            .args(&self.leading_arguments)
            .args(invocation.arguments)
            .current_dir(invocation.directory)
            .env_clear()
            .envs(
                invocation
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .envs(self.variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(handle(&stdout)?)
            .stderr(handle(&stderr)?);
        if invocation.question == Question::Resolve {
            if self.resolve_arguments.is_empty() {
                return Err(format!(
                    "{} cannot print resolved values",
                    self.executable.display()
                ));
            }
            command.args(self.resolve_arguments);
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.executable.display()))?;
        let code = wait(&mut child)?;
        Ok(Outcome {
            code,
            stdout: contents(&mut stdout)?,
            stderr: contents(&mut stderr)?,
        })
    }
}

/// Waits for a child up to the time limit, then kills it.
fn wait(child: &mut Child) -> Result<Option<i32>, String> {
    let failed = |error: std::io::Error| format!("cannot wait for a child process: {error}");
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status.code());
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

fn contents(file: &mut File) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read the output of a command: {error}"))?;
    Ok(bytes)
}

/// The `PATH` that programs under test see: the one of this process.
pub(crate) fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())
}
