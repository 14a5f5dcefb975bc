//! One partition, with all that is needed to work on it.

use std::path::{Path, PathBuf};

use super::error::PartitionError;
use super::state::PartitionState;
use super::wanted::WantedPartition;
use crate::child::Owner;
use crate::files::{mode_of, read_text, replace_file};
use crate::log::Logger;
use crate::node::Node;
use crate::supervisor::Supervisor;

/// The mode that the directory of a partition must have.
pub const PARTITION_MODE: u32 = 0o750;

/// How much of an error is remembered, in characters, to know it again.
const REMEMBERED_ERROR: usize = 8 * 1024;

/// A partition that is worked on.
pub(super) struct Partition<'a> {
    pub(super) node: &'a Node,
    pub(super) wanted: &'a WantedPartition,
    pub(super) path: PathBuf,
    pub(super) state: PartitionState,
    pub(super) log: Logger,
    pub(super) supervisor: &'a Supervisor,
}

impl<'a> Partition<'a> {
    pub(super) fn new(
        node: &'a Node,
        wanted: &'a WantedPartition,
        supervisor: &'a Supervisor,
    ) -> Self {
        let root = &node.configuration.instance_root;
        Partition {
            node,
            wanted,
            path: wanted.path(root),
            state: PartitionState::of(root, wanted.name()),
            log: node.log.named(wanted.name()),
            supervisor,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.wanted.name()
    }

    /// Returns the directory of the release, if the partition has one.
    pub(super) fn release_path(&self) -> Option<PathBuf> {
        let url = self.wanted.release.as_deref()?;
        Some(self.node.release_path(url))
    }

    pub(super) fn owner(&self) -> Result<Owner, PartitionError> {
        Ok(Owner::of(&self.path)?)
    }

    /// Returns the name of a user. One without a name, as in many containers,
    /// goes by its number.
    pub(super) fn user_name(&self, user: u32) -> String {
        let account = self.node.surroundings.accounts.by_number(user);
        account.map_or_else(|| user.to_string(), |it| it.name.clone())
    }

    /// Returns the files of the partition's certificate and key, if there are
    /// to be any.
    pub(super) fn certificate_files(&self) -> Option<(PathBuf, PathBuf)> {
        let repository = self
            .node
            .configuration
            .certificate_repository_path
            .as_ref()?;
        let file = |ending: &str| repository.join(format!("{}.{ending}", self.name()));
        Some((file("crt"), file("key")))
    }

    /// Brings the partition's certificate up to date.
    pub(super) fn update_certificate(&self) -> Result<(), PartitionError> {
        let Some((certificate_file, key_file)) = self.certificate_files() else {
            return Ok(());
        };
        let new = self
            .node
            .master
            .partition_certificate(&self.wanted.reference)
            .map_err(|error| match error {
                error if error.is_not_found() => {
                    PartitionError::NoCertificate(self.name().to_owned())
                }
                error => error.into(),
            })?;
        let owner = self.owner()?;
        let files = [
            ("certificate", &certificate_file, &new.certificate),
            ("key", &key_file, &new.key),
        ];
        for (what, path, text) in files {
            let shown = path.display();
            match read_text(path, 1024 * 1024) {
                Ok(old) if old == *text => continue,
                Ok(_) => self
                    .log
                    .info(format!("Changed {what} content. Updating '{shown}'")),
                Err(_) => self
                    .log
                    .info(format!("Missing {what} file. Creating '{shown}'")),
            }
            let owner = (self.node.surroundings.user == 0).then_some((owner.user, owner.group));
            replace_file(path, text.as_bytes(), 0o400, owner)?;
        }
        Ok(())
    }

    /// Checks that the directory is there, and that only its owner and group
    /// may enter it.
    pub(super) fn check_directory(&self) -> Result<(), PartitionError> {
        let metadata = match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => metadata,
            _ => return Err(PartitionError::NoDirectory(self.path.clone())),
        };
        let actual = mode_of(&metadata);
        if actual != PARTITION_MODE {
            return Err(PartitionError::Permissions {
                path: self.path.clone(),
                actual,
                wanted: PARTITION_MODE,
            });
        }
        Ok(())
    }

    /// Reports an error to the master; that it cannot be reported is told only
    /// here.
    pub(super) fn report_error(&self, text: &str) {
        let reported = self
            .node
            .master
            .instance_error(&self.wanted.reference, text, None);
        match reported {
            Ok(()) => self.acknowledge(&error_report(text)),
            Err(error) => self.log.error(format!(
                "Problem while reporting error, continuing: {}",
                crate::child::error_chain(&error)
            )),
        }
    }

    pub(super) fn report_started(&self) -> Result<(), PartitionError> {
        self.node.master.started(&self.wanted.reference)?;
        self.acknowledge("started");
        Ok(())
    }

    /// Remembers what the master knows. What is lost is only reported again.
    fn acknowledge(&self, report: &str) {
        if let Err(error) = self.state.acknowledge(report) {
            self.log.debug(error.to_string());
        }
    }
}

/// Returns what is remembered of the report of an error.
pub(super) fn error_report(text: &str) -> String {
    let beginning: String = text.chars().take(REMEMBERED_ERROR).collect();
    format!("error {beginning}")
}

/// Returns a path as a text; paths come from configuration files, which are
/// texts.
pub(super) fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
