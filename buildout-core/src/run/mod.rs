//! Running a configuration: the session that resolves it, and the commands
//! that act on it.

mod decide;
mod environment_policy;
mod evaluation;
mod failure;
mod install;
mod session;
mod settings;
mod signature;

pub use environment_policy::CLEAN_VARIABLES;
pub use evaluation::{LABEL_LIMIT, SUBSTITUTION_LIMIT};
pub use failure::{Failure, Label, Problem};
pub use install::{InstallReport, install};
pub use session::{CONSTRUCTION_LIMIT, ConstructionPolicy, Edge, Session, SessionOptions};
pub use settings::{BuildoutSettings, SettingsReader};
pub use signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
