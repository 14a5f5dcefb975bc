//! What a run shares with the parts that it works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::exec::jobserver::JobServer;

/// What a run within a part takes over: its directory is locked already, and
/// its jobs come out of the same budget.
#[derive(Clone, Debug, Default)]
pub struct RunShare {
    jobs: Option<Arc<JobServer>>,
    locked: Vec<PathBuf>,
}

impl RunShare {
    /// Returns the budget of jobs; none if the run has one job only.
    pub fn jobs(&self) -> Option<&JobServer> {
        self.jobs.as_deref()
    }

    pub(crate) fn set_jobs(&mut self, jobs: Arc<JobServer>) {
        self.jobs = Some(jobs);
    }

    /// Tells whether the run holds the lock of a buildout directory.
    pub(crate) fn is_locked(&self, directory: &Path) -> bool {
        self.locked.iter().any(|locked| locked == directory)
    }

    pub(crate) fn lock(&mut self, directory: &Path) {
        self.locked.push(directory.to_owned());
    }
}
