//! Running a configuration: the session that resolves it, and the commands
//! that act on it.

mod evaluation;
mod failure;
mod history;
mod install;
mod order;
mod part_graph;
mod plan;
mod record;
mod schedule;
mod selection;
mod session;
mod settings;
mod signature;
mod workers;

pub use evaluation::{LABEL_LIMIT, SUBSTITUTION_LIMIT};
pub use failure::{Failure, Label, Problem};
pub use history::{History, PastAction};
pub use install::{InstallReport, install, install_within};
pub use part_graph::{GraphNode, NodeKind, PartGraph, PartState, part_graph};
pub use plan::{PLAN_VERSION, Plan, PlannedAction, PlannedPart, Reason};
pub(crate) use record::SharedJournal;
pub use session::{CONSTRUCTION_LIMIT, ConstructionPolicy, Edge, Session, SessionOptions};
pub use settings::{BuildoutSettings, OnFailure, SettingsReader};
pub use signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
