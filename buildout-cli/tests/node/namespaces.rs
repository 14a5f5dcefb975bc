//! Mounts of their own, and maybe a network, in which some commands of a test
//! run as root: what they do to the machine is gone with them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::site::is_root;

/// The search path of what a script of a test needs of the system.
pub(crate) const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Namespaces, as long as this is kept.
pub(crate) struct Namespaces {
    /// Waits in them for the end of its input.
    holder: Child,
}

impl Namespaces {
    /// Makes a network and mounts that a script prepares.
    ///
    /// # Panics
    ///
    /// This process is not root's, or the script fails.
    #[track_caller]
    pub(crate) fn with_network(script: &str) -> Self {
        Self::make(
            &["--net", "--mount"],
            &format!("ip link set lo up\n{script}"),
        )
    }

    /// Makes mounts that a script prepares, in the network that there is.
    ///
    /// # Panics
    ///
    /// This process is not root's, or the script fails.
    #[track_caller]
    pub(crate) fn of_mounts(script: &str) -> Self {
        Self::make(&["--mount"], script)
    }

    #[track_caller]
    fn make(kinds: &[&str], script: &str) -> Self {
        assert!(
            is_root(),
            "this test needs root, for namespaces and what is done in them"
        );
        let mut holder = Command::new("unshare")
            .args(kinds)
            .args(["sh", "-ec"])
            .arg(format!("{script}\necho ready\nexec cat"))
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare can be run");
        let output = holder.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line == "ready");
        assert!(is_ready, "the namespaces cannot be prepared");
        Namespaces { holder }
    }

    /// Returns a call of a program in the namespaces, in this directory and
    /// with nothing in its environment but a search path.
    pub(crate) fn call(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.holder.id()))
            // The directory is that of the mounts there.
            .args(["--net", "--mount", "sh", "-ec", "cd \"$0\"; exec \"$@\""])
            .arg(directory)
            .arg(program)
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .stdin(Stdio::null());
        command
    }

    /// Returns the same call in the namespaces.
    pub(crate) fn entered(&self, command: &Command) -> Command {
        let directory = command.get_current_dir().unwrap_or(Path::new("/"));
        let mut entered = self.call(Path::new(command.get_program()), directory);
        entered.args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                entered.env(name, value);
            }
        }
        entered.env("PATH", SYSTEM_PATH);
        entered
    }

    /// Listens in the network of the namespaces, for a server that is not in
    /// them.
    pub(crate) fn listen(&self, address: Ipv4Addr) -> TcpListener {
        let network = format!("/proc/{}/ns/net", self.holder.id());
        let network = File::open(network).expect("the holder waits");
        // Only this thread goes there.
        let thread = std::thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may do that");
            TcpListener::bind((address, 0)).expect("the network has the address")
        });
        thread.join().expect("no panic")
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// Copies what programs that make users read of `/etc`: all files, and few directories.
pub(crate) fn copy_etc(to: &Path) {
    fs::create_dir(to).expect("its parent is ours");
    let entries = fs::read_dir("/etc").expect("it is there").flatten();
    let wanted = entries.filter(|entry| {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        !is_directory
            || ["alternatives", "default", "pam.d", "security"]
                .iter()
                .any(|it| name == *it)
    });
    let copied = Command::new("cp")
        .arg("-a")
        .args(wanted.map(|entry| entry.path()))
        .arg(to)
        .status();
    assert!(copied.expect("cp can be run").success());
}

/// Returns a call of a shell that runs a script as root with a network of its own and another
/// `/etc`. The script ends at the first failure unless it says otherwise.
pub(crate) fn in_namespaces(etc: &Path, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--net", "sh", "-ec"])
        .arg(format!(
            "mount --bind {etc} /etc\nip link set lo up\n{script}",
            etc = etc.display()
        ))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}
