//! The recipe API: what an engine offers to recipes, and they to it.
//!
//! A [`Provider`] resolves the name in `recipe = ...` to a [`Factory`], whose
//! [`Descriptor`] says what the engine must know before it runs anything. The
//! factory constructs a [`Recipe`] for each part; construction may read and
//! set options and reach other sections, which constructs those first
//! ([`Construction`]). Later the recipe installs or updates the part on a
//! worker thread, with the options as they were then ([`PartRun`]).
//!
//! Recipes never see the engine's state, only handles ([`Buildout`]) that may
//! be used from other threads and, through them, from other processes: a
//! handle call made while another one is outstanding nests.

mod construction;
mod descriptor;
mod develop;
mod distributions;
mod download_events;
mod error;
mod extension;
mod extensions;
mod handle;
mod part_run;
mod python_functions;
mod redacted_events;
mod registry;
mod share;
mod uninstall;

pub use construction::Construction;
pub(crate) use construction::Serve;
pub use descriptor::{
    ConstructionKind, Descriptor, Footprint, OptionDocumentation, ResultDocumentation, UpdateKind,
};
pub use develop::DevelopEggs;
pub use distributions::{DistributionBasis, PlannedDistribution, PlannedDistributions};
pub use error::{RecipeError, RecipeErrorKind};
pub use extension::{Extension, ExtensionRun};
pub use extensions::Extensions;
pub(crate) use handle::{AfterServing, Caller, OpenQueue, RequestQueue};
pub use handle::{Answer, Buildout, Call, RemoteBuildout, Request};
pub use part_run::{
    CreatedPaths, DownloadPolicy, Environment, Installed, PartRun, PrefetchGuard, RunServices,
};
pub use python_functions::{PythonFunction, PythonFunctions};
pub use registry::{
    Factory, FetchedCopies, OptionReader, PlannedDownload, PlannedRevision, Provider, Recipe,
    RecipeReference, Registry, Uninstaller,
};
pub use share::RunShare;
pub use uninstall::{UninstallRun, Uninstalled};
