//! The real programs our behaviour is compared with, installed from PyPI when first needed.
//!
//! They live in `peers/` of the build's target directory, so that one installation serves all
//! test binaries and later runs. A peer that cannot be installed fails the test which asks for
//! it: comparing with nothing would prove nothing.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// The Python which makes the virtual environments, and which stands for "Python's behaviour".
pub(crate) const PYTHON: &str = "python3";

/// Returns a Python which can import zc.buildout 6.0.1.
pub(crate) fn zc_buildout_6_0_1() -> PathBuf {
    virtual_environment("zc.buildout-6.0.1", &["zc.buildout==6.0.1"]).join("bin/python")
}

/// Returns the virtual environment `name` with the given requirements, which is made if absent.
///
/// Only one process at a time makes one (the others wait for its lock), under another name which
/// is changed at the end: an environment that exists is complete.
pub(crate) fn virtual_environment(name: &str, requirements: &[&str]) -> PathBuf {
    let peers = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory")
        .join("peers");
    let environment = peers.join(name);
    if environment.exists() {
        return environment;
    }
    fs::create_dir_all(&peers).expect("the directory of peers can be made");
    let lock = File::create(peers.join(format!("{name}.lock"))).expect("the lock file opens");
    lock.lock().expect("the lock is taken");
    if environment.exists() {
        return environment;
    }
    let building = peers.join(format!("{name}.building"));
    if building.exists() {
        fs::remove_dir_all(&building).expect("an interrupted attempt can be removed");
    }
    let purpose = format!("to install the peer `{name}`");
    run(
        Command::new(PYTHON).args(["-m", "venv"]).arg(&building),
        &format!("{PYTHON} with its venv module is needed {purpose}"),
    );
    run(
        Command::new(building.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check"])
            .args(requirements),
        &format!("pip and access to PyPI are needed {purpose}"),
    );
    set_final_path(&building, &environment);
    fs::rename(&building, &environment).expect("the finished environment takes its name");
    environment
}

/// Runs a Python program with the given standard input and returns its standard output.
pub(crate) fn python(
    interpreter: impl AsRef<OsStr>,
    program: &str,
    arguments: &[&OsStr],
    input: &str,
) -> String {
    let mut child = Command::new(interpreter.as_ref())
        .args(["-c", program])
        .args(arguments)
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "`{}` is needed by this test and does not start: {error}",
                interpreter.as_ref().display()
            )
        });
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let output = thread::scope(|scope| {
        // A program which ends early is reported by its status, not by the broken pipe.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().expect("the program ends")
    });
    assert!(output.status.success(), "Python failed: {}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8 from Python")
}

/// Returns a text in the hexadecimal form which `bytes.fromhex` reads.
pub(crate) fn to_hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the text of a hexadecimal form as `bytes.hex` makes it.
pub(crate) fn from_hexadecimal(digits: &str) -> String {
    let bytes: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect();
    String::from_utf8(bytes).expect("UTF-8 in hexadecimal digits")
}

fn run(command: &mut Command, need: &str) {
    match command.stdin(Stdio::null()).output() {
        Err(error) => panic!("{need}: {error}"),
        Ok(output) if !output.status.success() => panic!(
            "{need}, but this failed ({}): {command:?}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
        Ok(_) => {}
    }
}

/// Rewrites the scripts of an environment, which name its path, for its final place.
fn set_final_path(building: &Path, environment: &Path) {
    let text = |path: &Path| path.to_str().expect("a UTF-8 target directory").to_owned();
    let (from, to) = (text(building), text(environment));
    for entry in fs::read_dir(building.join("bin")).expect("the environment has a bin") {
        let entry = entry.expect("bin is readable");
        if !entry.file_type().expect("bin is readable").is_file() {
            continue;
        }
        if let Ok(script) = fs::read_to_string(entry.path()) {
            fs::write(entry.path(), script.replace(&from, &to)).expect("the script is writable");
        }
    }
}
