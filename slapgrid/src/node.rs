//! A node: its configuration, its master, and what it takes from the process it
//! runs in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::exec::cancel::CancellationToken;
use md5::{Digest, Md5};
use slap::{HttpMaster, HttpMasterOptions, Master};

use crate::account::Accounts;
use crate::configuration::NodeConfiguration;
use crate::firewalld::FirewallTurn;
use crate::log::Logger;
use crate::supervisor::configuration::{main_text, watchdog_command};
use crate::supervisor::layout::Layout;
use crate::supervisor::{Launcher, ProvideSupervisord};

/// Everything a node takes from the process it runs in.
#[derive(Clone, Debug)]
pub struct NodeSurroundings {
    /// The environment variables.
    pub environment: BTreeMap<OsString, OsString>,
    /// This program: `PROGRAM launch ...` is [`launch`](crate::launch), and
    /// `PROGRAM buildout ...` is buildout.
    pub program: PathBuf,
    /// How many jobs may run at once.
    pub jobs: usize,
    /// Where temporary files go.
    pub temporary_directory: PathBuf,
    /// The user that this process runs as.
    pub user: u32,
    /// The users of this machine.
    pub accounts: Accounts,
    /// Provides supervisord where none is configured.
    pub supervisord: Arc<dyn ProvideSupervisord>,
}

/// A node.
pub struct Node {
    /// What `slapos.cfg` says.
    pub configuration: NodeConfiguration,
    /// The master.
    pub master: Arc<dyn Master>,
    /// The log.
    pub log: Logger,
    /// What is taken from this process.
    pub surroundings: NodeSurroundings,
    /// Ends everything when asked to.
    pub cancellation: CancellationToken,
    /// Whose turn it is to change the machine's firewall.
    pub firewall_turn: FirewallTurn,
}

/// How a pass over releases or partitions ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassEnd {
    /// All is as the master wants it.
    Success,
    /// Something failed, and was reported.
    Failure,
    /// Promises do not hold; all else is as the master wants it.
    PromiseFailure,
    /// The master was lost; what is known runs.
    Offline,
}

impl PassEnd {
    /// Returns upstream's exit code for it.
    pub fn exit_code(self) -> i32 {
        match self {
            PassEnd::Success => 0,
            PassEnd::Failure => 1,
            PassEnd::PromiseFailure => 2,
            PassEnd::Offline => 3,
        }
    }
}

impl Node {
    /// Returns where supervisord's files are.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.configuration.instance_root)
    }

    /// Returns what starts supervisord.
    pub fn launcher(&self) -> Launcher {
        let layout = self.layout();
        let configuration = &self.configuration;
        let program = format!("{} watchdog", self.surroundings.program.display());
        let watchdog = watchdog_command(
            &program,
            &configuration.master_url,
            configuration.certificate_repository_path.as_deref(),
            &configuration.computer_id,
            &configuration.instance_root,
            configuration.bang_quota,
        );
        Launcher {
            configuration: main_text(&layout, &watchdog),
            layout,
            instance_root: configuration.instance_root.clone(),
            program: configuration.supervisord.clone(),
            provider: Arc::clone(&self.surroundings.supervisord),
            places: configuration.buildout_override.clone(),
            daemons: match &configuration.firewall {
                Some(firewall) => firewall.daemons.clone(),
                None => Vec::new(),
            },
        }
    }

    /// Returns the master as a partition reaches it, with the files of the
    /// partition's certificate and key if it has any.
    pub(crate) fn master_of_partition(
        &self,
        certificate: Option<(PathBuf, PathBuf)>,
    ) -> Arc<dyn Master> {
        let files = certificate.filter(|(certificate, key)| certificate.exists() && key.exists());
        let Some((certificate, key)) = files else {
            return Arc::clone(&self.master);
        };
        let mut options = HttpMasterOptions::new(self.configuration.master_url.clone());
        options.certificate_file = Some(certificate);
        options.key_file = Some(key);
        options.ca_file = self.configuration.master_ca_file.clone();
        Arc::new(HttpMaster::new(options))
    }

    /// Returns the directory of a release.
    pub fn release_path(&self, url: &str) -> PathBuf {
        self.configuration.software_root.join(release_name(url))
    }

    /// Tells what is configured and not done, and what is overridden.
    pub fn announce(&self) {
        for text in &self.configuration.not_done {
            self.log.warning(text);
        }
        if let Some(text) = self.configuration.buildout_override.describe() {
            self.log.info(text);
        }
    }
}

/// Returns the name of a release's directory: the MD5 of its URL.
pub fn release_name(url: &str) -> String {
    let mut name = String::new();
    for byte in Md5::digest(url.as_bytes()) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_its_url() {
        assert_eq!(
            release_name("/lab/sr/software.cfg"),
            // `md5sum` of that text.
            "6fdde6afde4ae0738af76cae54c42ddb"
        );
    }
}
