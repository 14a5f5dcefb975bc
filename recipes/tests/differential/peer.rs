//! zc.buildout 3.0.1 with the real recipes, in the driver of the engine's differential tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::observation::Outcome;
use crate::peers::virtual_environment;

/// How long one run may take, in seconds.
const TIME_LIMIT: u32 = 60;

/// Returns the virtual environment with the real recipes.
pub(crate) fn environment() -> PathBuf {
    virtual_environment(
        "slapos-recipes-1",
        &[
            "zc.buildout==3.0.1",
            "setuptools==79.0.1",
            "wheel",
            "zc.recipe.egg==2.0.7",
            "slapos.cookbook==1.0.514",
            "slapos.recipe.build==0.66",
            "slapos.recipe.cmmi==0.23",
            "slapos.recipe.template==5.1",
            "plone.recipe.command==1.1",
            "collective.recipe.template==3.0.0",
        ],
    )
}

/// The running driver.
pub(crate) struct Peer {
    python: PathBuf,
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it.
    pub(crate) fn start(python: &Path) -> Self {
        let driver = "../buildout-cli/tests/differential/driver.py";
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(driver))
            .arg("peer_setup")
            .env_clear()
            .env(
                "PYTHONPATH",
                Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential"),
            )
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the driver starts");
        Peer {
            python: python.to_owned(),
            requests: process.stdin.take().expect("it is a pipe"),
            answers: BufReader::new(process.stdout.take().expect("it is a pipe")),
            process,
        }
    }

    /// Returns the interpreter.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Runs the profile of a buildout directory; returns how it ended, and standard output.
    pub(crate) fn run(
        &mut self,
        directory: &Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> (Outcome, String) {
        let environment: serde_json::Map<String, Value> = environment
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let request = json!({
            "mode": "main",
            "cwd": directory.to_str().expect("a UTF-8 path"),
            "argv": arguments,
            "env": environment,
            "limit": TIME_LIMIT,
        });
        writeln!(self.requests, "{request}").expect("the driver listens");
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the driver answers");
        let answer: Value = serde_json::from_str(&line).expect("the driver answers in JSON");
        let text = |name: &str| {
            let text = answer[name].as_str().expect("the answer has it");
            let bytes: Vec<u8> = text.chars().map(|character| character as u8).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text("stdout"), text("stderr"));
        let outcome = match answer["code"].as_i64() {
            Some(0) => Outcome::Success,
            _ => failure(&stderr),
        };
        (outcome, stdout)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It holds no state worth an orderly end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads what zc.buildout shows of a failure.
fn failure(stderr: &str) -> Outcome {
    if let Some((_, error)) = stderr.split_once("\nError: ") {
        return Outcome::UserError(error.trim_end_matches('\n').to_owned());
    }
    // The exception is the first line after the traceback that is not indented.
    let traceback = stderr.rsplit("Traceback (most recent call last):\n").next();
    let mut lines = traceback.unwrap_or(stderr).lines();
    let exception = lines.find(|line| !line.starts_with(' ')).unwrap_or(stderr);
    let (class, text) = exception.split_once(": ").unwrap_or((exception, ""));
    let class = class.rsplit('.').next().unwrap_or(class);
    Outcome::Internal(class.to_owned(), text.to_owned())
}
