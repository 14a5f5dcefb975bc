//! What runs within parts are made with.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::dialect::{Dialect, DialectName};
use buildout_core::extends::{Conditions, ProfileLoader};
use buildout_core::fetch::{IgnoreEvents, ProfileFiles, Transport};
use buildout_core::host::HostFacts;
use buildout_core::recipe::Registry;
use buildout_core::run::SubRunWorld;

/// The surroundings of the command, for runs within parts.
pub(crate) struct SubRuns {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) host: Arc<HostFacts>,
    pub(crate) executable: String,
    pub(crate) working_directory: String,
    pub(crate) temporary_directory: PathBuf,
    pub(crate) home_directory: Option<String>,
    pub(crate) user_defaults: Option<String>,
    pub(crate) dialect: Option<DialectName>,
    pub(crate) default_jobs: usize,
}

impl SubRunWorld for SubRuns {
    fn registry(&self) -> Registry {
        buildout_recipes::registry()
    }

    fn profiles(&self) -> Box<dyn ProfileLoader> {
        Box::new(ProfileFiles::new(
            &self.working_directory,
            &self.temporary_directory,
            Arc::clone(&self.transport),
            Arc::new(IgnoreEvents),
        ))
    }

    fn conditions(&self, dialect: &Dialect) -> Box<Conditions<'_>> {
        let dialect = dialect.clone();
        Box::new(move |header| self.host.decide(header, &dialect))
    }

    fn executable(&self) -> &str {
        &self.executable
    }

    fn working_directory(&self) -> &str {
        &self.working_directory
    }

    fn home_directory(&self) -> Option<&str> {
        self.home_directory.as_deref()
    }

    fn user_defaults(&self) -> Option<String> {
        self.user_defaults.clone()
    }

    fn dialect(&self) -> Option<DialectName> {
        self.dialect
    }

    fn default_jobs(&self) -> usize {
        self.default_jobs
    }
}
