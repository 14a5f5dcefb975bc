//! Which distributions satisfy a list of requirements.
//!
//! The algorithm is zc.buildout's: greedy, breadth first, without going back.
//! Decisions are taken in its order and with its picks, while pages and
//! metadata are fetched ahead of them.

mod chooser;
mod error;
mod getting;
mod greedy;
mod member;
mod namespaces;
mod picked;
mod single;
mod speculation;
mod supply;

use std::sync::Arc;

pub use error::{Problem, ResolveError};
pub use picked::PickedVersions;
pub use supply::{Inventory, Order, Supply, SupplyError};

use crate::distribution::Distribution;
use crate::index::{Candidate, Index, SourceMetadata};
use crate::log::Log;
use crate::marker::MarkerEnvironment;
use crate::name::ProjectName;
use crate::requirement::Requirement;
use crate::settings::EggSettings;

use self::greedy::{Greedy, Purpose};

/// How many pages, metadata files and wheels are fetched at once.
pub const DEFAULT_THREADS: usize = 32;

/// Distributions that work together, in the order in which zc.buildout's second
/// run has them on `sys.path`, develop eggs not yet first.
#[derive(Clone, Debug, Default)]
pub struct WorkingSet {
    distributions: Vec<Arc<Distribution>>,
}

impl WorkingSet {
    /// Takes distributions of different projects, in order.
    pub fn new(distributions: impl IntoIterator<Item = Arc<Distribution>>) -> Self {
        WorkingSet {
            distributions: distributions.into_iter().collect(),
        }
    }

    /// Returns the distribution of a project, in any spelling.
    pub fn find(&self, project: &ProjectName) -> Option<&Arc<Distribution>> {
        self.distributions
            .iter()
            .find(|distribution| ProjectName::new(distribution.name()) == *project)
    }

    /// Returns the distributions in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Distribution>> {
        self.distributions.iter()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.distributions.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.distributions.is_empty()
    }
}

impl<'a> IntoIterator for &'a WorkingSet {
    type Item = &'a Arc<Distribution>;
    type IntoIter = std::slice::Iter<'a, Arc<Distribution>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What is taken for a project.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Something that is there.
    There(Arc<Distribution>),
    /// A file that would have to be made a distribution.
    File(Arc<Candidate>),
    /// A source archive that would have to be built.
    Source(Arc<Candidate>, SourceMetadata),
}

/// What would be taken for requirements.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// The choices, in order.
    pub taken: Vec<Decision>,
    /// The requirements, with their pins, for which there is nothing that may
    /// be taken offline, or that is locked.
    pub missing: Vec<Requirement>,
}

/// Finds working sets; one serves all parts that have the same settings.
#[derive(Clone)]
pub struct Resolver<'a> {
    /// What the profile says.
    pub settings: Arc<EggSettings>,
    /// What can be had.
    pub index: Arc<Index>,
    /// What is there.
    pub inventory: Arc<dyn Inventory>,
    /// Makes what is missing.
    pub supply: &'a dyn Supply,
    /// What markers are evaluated for.
    pub environment: Arc<MarkerEnvironment>,
    /// Takes what upstream logs.
    pub log: Arc<dyn Log>,
    /// Takes the versions that no pin chose; one for the whole run.
    pub picked: Arc<PickedVersions>,
    /// Whether versions may have to be pinned at all: not those of zc.buildout
    /// itself.
    pub checks_picked: bool,
    /// How many pages, metadata files and wheels are fetched at once, ahead of the
    /// decisions; with 0, each is fetched when its turn comes.
    pub threads: usize,
}

impl Resolver<'_> {
    /// Returns the distributions that satisfy requirements, and installs those
    /// that are missing. Keeps `zc.buildout.easy_install.install`.
    ///
    /// A failure to decide leaves everything as it was, but for source archives
    /// that had to be built, and what had been decided before these.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn working_set(&self, requirements: &[String]) -> Result<WorkingSet, ResolveError> {
        Greedy::new(self, requirements, Purpose::Install).run()
    }

    /// Returns what would be taken for requirements, in the order of decisions,
    /// and installs nothing. What a source archive requires is what it says
    /// without being built.
    ///
    /// What is missing offline, or in a lock, is listed; the requirements of
    /// what is missing are not known.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn decide(&self, requirements: &[String]) -> Result<Decisions, ResolveError> {
        Greedy::new(self, requirements, Purpose::Decide).decide()
    }
}
