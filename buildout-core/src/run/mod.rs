//! Running a configuration: the session that resolves it, and the commands
//! that act on it.

mod decide;
mod evaluation;
mod failure;
mod install;
mod part_graph;
mod session;
mod settings;
mod signature;

pub use evaluation::{LABEL_LIMIT, SUBSTITUTION_LIMIT};
pub use failure::{Failure, Label, Problem};
pub use install::{InstallReport, install};
pub use part_graph::{GraphNode, NodeKind, PartGraph, PartState, part_graph};
pub use session::{CONSTRUCTION_LIMIT, ConstructionPolicy, Edge, Session, SessionOptions};
pub use settings::{BuildoutSettings, SettingsReader};
pub use signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
