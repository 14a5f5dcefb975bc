//! The real master for tests: `slapos proxy` of slapos.core, from PyPI.
//!
//! Failures of what is set up here are panics: they can only be a defect of
//! the test or of the machine, and a test that compares with nothing proves
//! nothing.

use std::fs::{self, File};
use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use buildout_core::value::{Dict, Value};

use crate::{HttpMaster, HttpMasterOptions, Master};

/// What the environment is made of. slapos.core does not say that it needs
/// `slapos.libnetworkcache`; the versions of zc.buildout and setuptools are the
/// newest ones with which its node works.
const REQUIREMENTS: [&str; 4] = [
    "slapos.core==1.26.1",
    "slapos.libnetworkcache==0.30",
    "zc.buildout==3.3",
    "setuptools==75.8.2",
];

/// The computer of a [`TestMaster`].
pub const COMPUTER_ID: &str = "local";

/// An environment with the real slapos.core and what it needs.
#[derive(Clone, Debug)]
pub struct RealSlapos {
    environment: PathBuf,
}

impl RealSlapos {
    /// Installs it if it is not there: below `peers/` of the target directory,
    /// which is the parent of `temporary`, a test's `CARGO_TARGET_TMPDIR`.
    /// Several processes may do so at once.
    ///
    /// # Panics
    ///
    /// There is no Python of version 3.12 or later, or PyPI is out of reach.
    pub fn installed(temporary: &str) -> Self {
        Self::install(&peers_of(temporary)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Installs it in this directory of peers if it is not there.
    ///
    /// # Errors
    ///
    /// A text that tells what is missing: Python 3.12 or later, or PyPI.
    ///
    /// # Panics
    ///
    /// The directory cannot be written to.
    pub fn install(peers: &Path) -> Result<Self, String> {
        let environment = virtual_environment(peers, "slapos.core-1.26.1", &REQUIREMENTS)?;
        Ok(RealSlapos { environment })
    }

    /// Returns one of its programs, such as `slapos`, `python` or
    /// `supervisord`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }

    /// Returns a call of its `slapos` that sees nothing of the user's
    /// environment, with `home` as its home directory.
    pub fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(self.program("slapos"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", home)
            .current_dir(home)
            .stdin(Stdio::null());
        command
    }
}

/// What is said where there is no Python for slapos.core.
const NO_PYTHON: &str = "Python 3.12 or later is needed for slapos.core";

/// Returns where tests install what they compare with: `peers/` of the target
/// directory, which is the parent of `temporary`, a test's `CARGO_TARGET_TMPDIR`.
///
/// # Panics
///
/// `temporary` is no such directory.
pub fn peers_of(temporary: &str) -> PathBuf {
    let target = Path::new(temporary).parent();
    target.expect("the target directory").join("peers")
}

/// Returns the virtual environment of a name below a directory, with
/// requirements from PyPI, made if it is not there. Several processes may do so
/// at once.
///
/// # Errors
///
/// A text that tells what is missing: Python 3.12 or later, or PyPI.
///
/// # Panics
///
/// The directory cannot be written to.
pub fn virtual_environment(
    peers: &Path,
    name: &str,
    requirements: &[&str],
) -> Result<PathBuf, String> {
    made_once(peers, name, |environment| {
        let python = find_python_3_12().ok_or(NO_PYTHON)?;
        run_to_success(
            Command::new(&python).args(["-m", "venv"]).arg(environment),
            "Python with its venv module is needed",
        )?;
        run_to_success(
            Command::new(environment.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet"])
                .arg("--disable-pip-version-check")
                .args(requirements),
            "pip and access to PyPI are needed to install what tests compare with",
        )
    })
}

/// Returns the directory of a name below another one, which `make` makes if it
/// is not there. Several processes may do so at once.
///
/// # Errors
///
/// Those of `make`.
///
/// # Panics
///
/// The directory cannot be written to.
pub fn made_once(
    peers: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let directory = peers.join(name);
    fs::create_dir_all(peers).expect("the directory of peers can be made");
    let lock = File::create(peers.join(format!("{name}.lock"))).expect("the lock opens");
    lock.lock().expect("the lock is taken");
    // Scripts name their interpreter, so an environment is made in its place, and
    // marked when it is complete.
    let complete = directory.join("complete");
    if !complete.exists() {
        if directory.exists() {
            fs::remove_dir_all(&directory).expect("an interrupted attempt can be removed");
        }
        make(&directory)?;
        fs::write(&complete, "").expect("the directory is ours");
    }
    Ok(directory)
}

/// Returns a Python that slapos.core's node commands work with.
///
/// # Panics
///
/// There is none.
pub fn python_3_12() -> PathBuf {
    find_python_3_12().expect(NO_PYTHON)
}

fn find_python_3_12() -> Option<PathBuf> {
    let mut candidates: Vec<PathBuf> = ["python3", "python3.13", "python3.12", "python3.14"]
        .map(PathBuf::from)
        .to_vec();
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    if let Some(pyenv) = pyenv
        && let Ok(versions) = fs::read_dir(pyenv.join("versions"))
    {
        let versions = versions.flatten().map(|entry| entry.path());
        let mut pythons: Vec<_> = versions.map(|path| path.join("bin/python3")).collect();
        pythons.sort();
        candidates.extend(pythons);
    }
    let fits = |python: &PathBuf| {
        Command::new(python)
            .args([
                "-c",
                "import sys, venv; sys.exit(sys.version_info < (3, 12))",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    candidates.into_iter().find(fits)
}

fn run_to_success(command: &mut Command, need: &str) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{need}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{need}, but this failed ({}): {command:?}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// The address of a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// `127.0.0.1`.
    V4,
    /// `::1`.
    V6,
}

/// A running `slapos proxy`; it ends when dropped.
#[derive(Debug)]
pub struct TestMaster {
    slapos: RealSlapos,
    directory: PathBuf,
    url: String,
    process: Option<Child>,
}

impl TestMaster {
    /// Starts a master whose files are in `directory`: `slapos.cfg`, which also
    /// serves the user's commands, `proxy.db`, and `proxy.log`.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn start(slapos: &RealSlapos, directory: &Path) -> Self {
        Self::start_at(slapos, directory, Loopback::V4)
    }

    /// Starts a master at an address of the given kind.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn start_at(slapos: &RealSlapos, directory: &Path, loopback: Loopback) -> Self {
        fs::create_dir_all(directory).expect("the directory can be made");
        let host = match loopback {
            Loopback::V4 => "127.0.0.1",
            Loopback::V6 => "::1",
        };
        // The port may be taken by another test before the master has it.
        for _ in 0..5 {
            let port = free_port(loopback);
            let netloc = match loopback {
                Loopback::V4 => format!("{host}:{port}"),
                Loopback::V6 => format!("[{host}]:{port}"),
            };
            let url = format!("http://{netloc}");
            let shown = directory.display();
            let configuration = format!(
                "[slapos]\n\
                 software_root = {shown}/soft\n\
                 instance_root = {shown}/inst\n\
                 master_url = {url}\n\
                 master_rest_url = {url}/hateoas\n\
                 computer_id = {COMPUTER_ID}\n\
                 root_check = False\n\
                 \n\
                 [slapproxy]\n\
                 host = {host}\n\
                 port = {port}\n\
                 database_uri = {shown}/proxy.db\n"
            );
            fs::write(directory.join("slapos.cfg"), configuration)
                .expect("the directory can be written to");
            let mut master = TestMaster {
                slapos: slapos.clone(),
                directory: directory.to_owned(),
                url,
                process: None,
            };
            if master.launch() {
                return master;
            }
        }
        let log = fs::read_to_string(directory.join("proxy.log")).unwrap_or_default();
        panic!("slapos proxy does not start:\n{log}");
    }

    /// Starts the process and waits until it answers; tells whether it does.
    fn launch(&mut self) -> bool {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("proxy.log"))
            .expect("the directory can be written to");
        let errors = log.try_clone().expect("the log can be written to");
        let process = self
            .slapos
            .command(&self.directory)
            .args(["proxy", "start", "--cfg", "slapos.cfg"])
            .stdout(log)
            .stderr(errors)
            .spawn()
            .expect("slapos can be run");
        let process = self.process.insert(process);
        let client = HttpMaster::new(HttpMasterOptions::new(&self.url));
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if client.run_id().is_ok() {
                // Another test's master may have answered in its place.
                return matches!(process.try_wait(), Ok(None));
            }
            if !matches!(process.try_wait(), Ok(None)) {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Stops the process; what it knows stays.
    ///
    /// # Panics
    ///
    /// The process cannot be stopped.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process is ours");
            process.wait().expect("the process is ours");
        }
    }

    /// Starts it again at the same address, with what it knew.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn restart(&mut self) {
        self.stop();
        assert!(self.launch(), "slapos proxy does not start again");
    }

    /// Returns its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the directory of its files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns a client of ours for it.
    pub fn client(&self) -> HttpMaster {
        HttpMaster::new(HttpMasterOptions::new(&self.url))
    }

    /// Describes the computer: as many free partitions as `names` has, each
    /// with the addresses `127.0.0.1` and `::1`.
    ///
    /// # Panics
    ///
    /// The master refuses.
    pub fn format(&self, names: &[&str]) {
        self.client()
            .load_computer_configuration(&computer_configuration(names))
            .expect("the master takes the description");
    }

    /// Runs the real user's command, such as `request`, and returns what it
    /// printed, both streams together.
    ///
    /// # Panics
    ///
    /// It fails.
    pub fn slapos(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().expect("a command");
        let words: Vec<&str> = command.split(' ').collect();
        let configuration = self.directory.join("slapos.cfg");
        let output = self
            .slapos
            .command(&self.directory)
            .args(words)
            .arg("--cfg")
            .arg(configuration)
            .args(rest)
            .output()
            .expect("slapos can be run");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "slapos {arguments:?}:\n{text}");
        text
    }
}

impl Drop for TestMaster {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port(loopback: Loopback) -> u16 {
    let listener = match loopback {
        Loopback::V4 => TcpListener::bind(("127.0.0.1", 0)),
        Loopback::V6 => TcpListener::bind((Ipv6Addr::LOCALHOST, 0)),
    };
    let address = listener.expect("a free port").local_addr();
    address.expect("a bound socket has an address").port()
}

/// Returns what `slapos node format` sends for a computer with these
/// partitions.
pub fn computer_configuration(names: &[&str]) -> Value {
    let address = |text: &str, netmask: &str| {
        let mut dict = Dict::new();
        dict.insert_str("addr", text);
        dict.insert_str("netmask", netmask);
        Value::Dict(dict)
    };
    let full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let partitions = names.iter().map(|name| {
        let mut tap = Dict::new();
        tap.insert_str("name", Value::None);
        let mut partition = Dict::new();
        partition.insert_str("reference", *name);
        partition.insert_str("tap", tap);
        partition.insert_str(
            "address_list",
            vec![
                address("127.0.0.1", "255.255.255.255"),
                address("::1", full),
            ],
        );
        Value::Dict(partition)
    });
    let mut computer = Dict::new();
    computer.insert_str("reference", COMPUTER_ID);
    computer.insert_str("address", "127.0.0.1");
    computer.insert_str("netmask", "255.255.255.255");
    computer.insert_str("partition_list", partitions.collect::<Vec<_>>());
    Value::Dict(computer)
}
