//! A node in a directory of its own.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use slap::test_master::TestMaster;
use slap::{InstanceRequest, Master as _};
use slapgrid::release_name;
use slapgrid::supervisor::Supervisor;

use super::super::{Bench, ComparisonError, create_directory, write};
use crate::master::MasterClock;
use crate::measure::Contender;

/// What masters call the computer.
pub(super) const COMPUTER: &str = slap::test_master::COMPUTER_ID;

/// The profile of the release, and the template of its instances.
const EMPTY: &str = "[buildout]\nparts =\n";

/// The user that root is to itself where the nodes are an ordinary user's.
const NOBODY: u32 = 65534;

/// Whose node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Ours,
    SlaposCore,
}

impl Node {
    pub(super) fn label(self) -> &'static str {
        match self {
            Node::Ours => "ours",
            Node::SlaposCore => "slapos.core 1.26.1",
        }
    }
}

/// A node with its release built; its supervisord ends when this is dropped.
pub(super) struct NodeSite {
    node: Node,
    directory: PathBuf,
    partitions: usize,
    program: PathBuf,
    /// The real master with its clock, if it has one.
    master: Option<(TestMaster, MasterClock)>,
}

/// Returns the release of the site in a directory.
pub(super) fn release_url(directory: &Path) -> String {
    directory.join("software.cfg").display().to_string()
}

impl NodeSite {
    /// Prepares a node with a `slapos proxy` that wants an instance in each
    /// partition.
    pub(super) fn with_slapproxy(
        bench: &Bench,
        node: Node,
        partitions: usize,
    ) -> Result<Self, ComparisonError> {
        let slapos = bench.slapos_core()?;
        let directory = bench.directory.join(format!("node-{node:?}-{partitions}"));
        create_directory(&directory)?;
        let failed = |error: &dyn std::fmt::Display| ComparisonError::Master(error.to_string());
        let master = TestMaster::start(slapos, &directory.join("master"));
        let clock = MasterClock::start(master.url()).map_err(|error| failed(&error))?;
        let names: Vec<String> = (0..partitions).map(name_of).collect();
        master.format(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let user = master.client();
        let url = release_url(&directory);
        user.supply(&url, COMPUTER, "available")
            .map_err(|error| failed(&error))?;
        for name in &names {
            let request = InstanceRequest::new(url.as_str(), name.as_str());
            user.request(None, &request)
                .map_err(|error| failed(&error))?;
        }
        let mut site = Self::of(bench, node, &directory, partitions, clock.url())?;
        site.master = Some((master, clock));
        Ok(site)
    }

    /// Prepares a node for a master, and builds the release that it wants.
    pub(super) fn of(
        bench: &Bench,
        node: Node,
        directory: &Path,
        partitions: usize,
        master_url: &str,
    ) -> Result<Self, ComparisonError> {
        let slapos = bench.slapos_core()?;
        let site = NodeSite {
            node,
            directory: directory.to_owned(),
            partitions,
            program: match node {
                Node::Ours => bench.slapos.clone(),
                Node::SlaposCore => slapos.program("slapos"),
            },
            master: None,
        };
        for name in ["soft", "inst", "shared", "run"] {
            create_directory(&directory.join(name))?;
        }
        for number in 0..partitions {
            let path = site.partition(number);
            create_directory(&path)?;
            let mode = fs::Permissions::from_mode(0o750);
            fs::set_permissions(&path, mode).map_err(input("set the mode of", &path))?;
        }
        write(&directory.join("software.cfg"), EMPTY)?;
        let supervisord = slapos.program("supervisord");
        write(
            &site.configuration(),
            &site.configuration_text(master_url, &supervisord),
        )?;
        site.command(&["node", "software"], bench.peer_limit)
            .output()?;
        let release = directory
            .join("soft")
            .join(release_name(&release_url(directory)));
        if !release.join(".completed").exists() {
            let text = format!(
                "{} does not build the release of `{}`",
                node.label(),
                directory.display()
            );
            return Err(ComparisonError::Master(text));
        }
        write(&release.join("instance.cfg"), EMPTY)?;
        Ok(site)
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("slapos.cfg")
    }

    fn configuration_text(&self, master_url: &str, supervisord: &Path) -> String {
        let base = self.directory.display();
        format!(
            "[slapos]
software_root = {base}/soft
instance_root = {base}/inst
shared_part_list =
  {base}/shared
master_url = {master_url}
computer_id = {COMPUTER}
root_check = False
supervisord = {}
pidfile_software = {base}/run/software.pid
pidfile_instance = {base}/run/instance.pid
software_min_free_space = 1M
instance_min_free_space = 1M
",
            supervisord.display()
        )
    }

    fn partition(&self, number: usize) -> PathBuf {
        self.directory.join("inst").join(name_of(number))
    }

    /// Returns the clock of the real master.
    pub(super) fn clock(&self) -> Option<&MasterClock> {
        self.master.as_ref().map(|(_, clock)| clock)
    }

    /// Returns a pass over the partitions.
    pub(super) fn pass(&self, limit: Duration) -> Contender {
        self.command(&["node", "instance"], limit)
    }

    /// Returns a call of the node's program. Neither node is root's: what runs as
    /// root is root to itself only.
    fn command(&self, words: &[&str], limit: Duration) -> Contender {
        let mut program = self.program.clone();
        let mut arguments: Vec<OsString> = Vec::new();
        if is_root() {
            let user = [
                "--user".to_owned(),
                format!("--map-user={NOBODY}"),
                format!("--map-group={NOBODY}"),
            ];
            arguments.extend(user.map(OsString::from));
            arguments.push(program.into_os_string());
            program = PathBuf::from("unshare");
        }
        arguments.extend(super::super::words(words));
        arguments.extend([
            OsString::from("--cfg"),
            self.configuration().into_os_string(),
        ]);
        Contender {
            label: self.node.label().to_owned(),
            program,
            arguments,
            directory: self.directory.clone(),
            limit,
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Returns how many partitions were processed to their end.
    pub(super) fn processed(&self) -> usize {
        (0..self.partitions)
            .filter(|number| self.partition(*number).join(".timestamp").is_file())
            .count()
    }

    /// Removes all that passes have made, but for what supervisord has.
    pub(super) fn empty_partitions(&self) -> Result<(), ComparisonError> {
        for number in 0..self.partitions {
            let path = self.partition(number);
            let entries = fs::read_dir(&path).map_err(input("list", &path))?;
            for entry in entries.flatten() {
                let path = entry.path();
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let removed = if is_directory {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.map_err(input("remove", &path))?;
            }
        }
        let reports = self.directory.join("inst/var/slapgrid");
        match fs::remove_dir_all(&reports) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(input("remove", &reports)(error))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for NodeSite {
    fn drop(&mut self) {
        let instances = self.directory.join("inst");
        let Ok(process) = fs::read_to_string(instances.join("var/run/supervisord.pid")) else {
            return;
        };
        let process = Path::new("/proc").join(process.trim());
        if Supervisor::at(&instances.join("sv.sock"))
            .shutdown()
            .is_err()
        {
            return;
        }
        // Its directory is removed next.
        let end = Instant::now() + Duration::from_secs(30);
        while process.exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn name_of(number: usize) -> String {
    format!("slappart{number}")
}

fn input<'p>(
    verb: &'static str,
    path: &'p Path,
) -> impl FnOnce(std::io::Error) -> ComparisonError + 'p {
    move |source| ComparisonError::Input {
        verb,
        path: path.to_owned(),
        source,
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}
