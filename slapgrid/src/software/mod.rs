//! `slapos node software`: the releases that the master wants.

mod budget;
mod build;
mod garbage;
mod profile;
mod prune;
mod revision;
mod selection;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use budget::Budget;
use slap::{SlapError, SoftwareRelease};

pub use prune::{PruneError, PruneOptions, prune};
pub use selection::Selection;

use crate::child::error_chain;
use crate::clock::asctime;
use crate::files::{FileError, remove_tree, replace_file};
use crate::log::Logger;
use crate::node::{Node, PassEnd, release_name};

/// The file that says that a release is there.
pub const COMPLETED: &str = ".completed";

/// What is wanted of a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoftwareOptions {
    /// Which releases are looked at.
    pub selection: Selection,
    /// Whether releases that are there are built again.
    pub force: bool,
    /// Whether releases that the master no longer knows are removed.
    pub garbage_collect: bool,
}

/// A pass that cannot be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SoftwareError {
    /// `software_root` is not there.
    #[error("{} does not exist.", .0.display())]
    NoSoftwareRoot(PathBuf),
    /// The master does not say what it wants.
    #[error(transparent)]
    Master(#[from] SlapError),
    /// The budget of jobs cannot be made.
    #[error("failed to make the budget of jobs")]
    Jobs(#[source] std::io::Error),
}

/// A release that could not be made or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The build failed.
    #[error("Failed to run buildout profile in directory '{}':\n{output}\n", directory.display())]
    Build {
        /// The release's directory.
        directory: PathBuf,
        /// What the build said.
        output: String,
    },
    /// There is not enough space.
    #[error("Not enough space for {}: available {available}, required {required} (option 'software_min_free_space')", path.display())]
    Space {
        /// Where.
        path: PathBuf,
        /// What there is.
        available: String,
        /// What there should be.
        required: String,
    },
    /// A file cannot be written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The master does not take a report.
    #[error(transparent)]
    Master(#[from] SlapError),
    /// The node was asked to stop.
    #[error("the build was interrupted")]
    Interrupted,
}

/// Brings the releases in step with what the master wants
/// (`processSoftwareReleaseList`).
///
/// # Errors
///
/// The pass cannot be begun. What fails of a release is reported to the
/// master, and the others go on.
pub fn process_releases(node: &Node, options: &SoftwareOptions) -> Result<PassEnd, SoftwareError> {
    let root = &node.configuration.software_root;
    if !root.is_dir() {
        return Err(SoftwareError::NoSoftwareRoot(root.clone()));
    }
    if node.configuration.instance_root.is_dir()
        && let Err(error) = node.launcher().write_configuration()
    {
        node.log.warning(error_chain(&error));
    }
    let computer = node
        .master
        .full_computer_information(&node.configuration.computer_id)?;
    node.log.info("Processing software releases...");
    let jobs = node.surroundings.jobs;
    let budget = (jobs > 1)
        .then(|| Budget::new(jobs, &node.surroundings.temporary_directory))
        .transpose()
        .map_err(SoftwareError::Jobs)?;
    let pass = Pass {
        node,
        options,
        budget,
        failed: Mutex::new(false),
    };
    let releases = computer.software_releases;
    pass.run(&releases);
    if options.garbage_collect && !node.cancellation.is_cancelled() {
        // All that the master wants stays, whatever this pass looked at;
        // upstream removes what `--only-sr` left out.
        let wanted: Vec<String> = releases
            .iter()
            .filter(|release| !release.is_destroyed())
            .map(|release| release_name(&release.url))
            .collect();
        garbage::collect(node, &wanted);
    }
    node.log.info("Finished software releases.");
    let failed = *pass.failed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(if failed {
        PassEnd::Failure
    } else {
        PassEnd::Success
    })
}

struct Pass<'a> {
    node: &'a Node,
    options: &'a SoftwareOptions,
    /// None if there is one job: builds go one after the other.
    budget: Option<Budget>,
    failed: Mutex<bool>,
}

impl Pass<'_> {
    /// Processes the releases, several at once, begun in the master's order.
    fn run(&self, releases: &[SoftwareRelease]) {
        let mut seen = std::collections::HashSet::new();
        // Two entries of one release would build in one directory.
        let selected: Vec<&SoftwareRelease> = releases
            .iter()
            .filter(|release| self.options.selection.contains(&release.url))
            .filter(|release| seen.insert(release.url.as_str()))
            .collect();
        let waiting = Mutex::new(selected.into_iter());
        let next = || {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.next()
        };
        let work = || {
            while !self.node.cancellation.is_cancelled()
                && let Some(release) = next()
            {
                self.process(release);
            }
        };
        let configured = self.node.configuration.parallel_releases;
        let jobs = self.node.surroundings.jobs;
        let helpers = configured.min(jobs).min(releases.len());
        std::thread::scope(|scope| {
            for _ in 1..helpers.max(1) {
                scope.spawn(work);
            }
            work();
        });
    }

    fn process(&self, release: &SoftwareRelease) {
        let log = self.node.log.clone();
        let result = match release.requested_state.as_str() {
            "available" => self.make(release, &log),
            "destroyed" => self.destroy(release, &log),
            _ => Ok(()),
        };
        let Err(error) = result else { return };
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        // What a build said is in the log already.
        if !matches!(error, ReleaseError::Build { .. }) {
            log.error(format!("{}: {}", release.url, error_chain(&error)));
        }
        let node = self.node;
        let reported = node.master.software_release_error(
            &release.url,
            &node.configuration.computer_id,
            &error_chain(&error),
        );
        if let Err(error) = reported {
            log.error(format!(
                "Problem while reporting error, continuing: {}",
                error_chain(&error)
            ));
        }
    }

    /// Builds a release that is not there. The master is told before the
    /// marker is written: if it cannot be told now, the next pass does it.
    fn make(&self, release: &SoftwareRelease, log: &Logger) -> Result<(), ReleaseError> {
        let node = self.node;
        let url = &release.url;
        let computer = &node.configuration.computer_id;
        let path = node.release_path(url);
        let marker = path.join(COMPLETED);
        let force = self.options.force || node.configuration.force;
        if marker.exists() && !force {
            return Ok(());
        }
        match node.master.building_software_release(url, computer) {
            Err(error) if !error.is_not_found() => return Err(error.into()),
            _ => {}
        }
        self.build(url, &path, force, log)?;
        node.master.available_software_release(url, computer)?;
        let text = asctime(SystemTime::now());
        replace_file(&marker, text.as_bytes(), 0o644, owner_of_root(node))?;
        Ok(())
    }

    fn destroy(&self, release: &SoftwareRelease, log: &Logger) -> Result<(), ReleaseError> {
        let node = self.node;
        let url = &release.url;
        let path = node.release_path(url);
        if path.exists() {
            log.info(format!("Destroying '{url}' ..."));
            remove_release(&path)?;
            log.info(format!("Destroyed '{url}' ."));
        }
        node.master
            .destroyed_software_release(url, &node.configuration.computer_id)?;
        Ok(())
    }
}

/// Removes a release; its marker first, so that half of it is never taken for
/// the whole.
fn remove_release(path: &Path) -> Result<(), FileError> {
    crate::files::remove_file(&path.join(COMPLETED))?;
    remove_tree(path)
}

/// Returns the owner that releases get, where this process is root.
fn owner_of_root(node: &Node) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    if node.surroundings.user != 0 {
        return None;
    }
    let metadata = fs::metadata(&node.configuration.software_root).ok()?;
    Some((metadata.uid(), metadata.gid()))
}
