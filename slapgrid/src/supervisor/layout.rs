//! Where supervisord's files are below `instance_root`.

use std::path::{Path, PathBuf};

/// The paths of a node's supervisord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Returns the layout below `instance_root`.
    pub fn new(instance_root: &Path) -> Self {
        Layout {
            root: instance_root.to_owned(),
        }
    }

    /// `etc/supervisord.conf`.
    pub fn configuration(&self) -> PathBuf {
        self.root.join("etc/supervisord.conf")
    }

    /// `etc/supervisord.conf.d`, with a file for each group.
    pub fn groups(&self) -> PathBuf {
        self.root.join("etc/supervisord.conf.d")
    }

    /// The file of a group.
    pub fn group(&self, group: &str) -> PathBuf {
        self.groups().join(format!("{group}.conf"))
    }

    /// The socket, which older nodes named otherwise.
    pub fn socket(&self) -> PathBuf {
        let legacy = self.root.join("supervisord.socket");
        if legacy.exists() {
            return legacy;
        }
        self.root.join("sv.sock")
    }

    /// `var/slapgrid/supervisord`: the program, where the node provides it.
    pub fn program_directory(&self) -> PathBuf {
        self.root.join("var/slapgrid/supervisord")
    }

    /// `var/log/supervisord.log`.
    pub fn log(&self) -> PathBuf {
        self.root.join("var/log/supervisord.log")
    }

    /// `var/run/supervisord.pid`.
    pub fn pid_file(&self) -> PathBuf {
        self.root.join("var/run/supervisord.pid")
    }

    /// Directories that the node makes, with their modes and in order.
    pub fn directories(&self) -> [(PathBuf, u32); 5] {
        let directory = |name: &str, mode| (self.root.join(name), mode);
        [
            directory("var", 0o755),
            directory("etc", 0o700),
            directory("var/log", 0o700),
            directory("var/run", 0o700),
            directory("etc/supervisord.conf.d", 0o700),
        ]
    }
}
