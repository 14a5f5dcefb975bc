//! Running a configuration: the session that resolves it, and the commands
//! that act on it.

mod distributions;
mod download_settings;
mod downloads;
mod environment_policy;
mod evaluation;
mod failure;
mod fetch;
mod history;
mod install;
mod locking;
mod order;
mod part_graph;
mod plan;
mod profile_python;
mod record;
mod schedule;
mod selection;
mod session;
mod settings;
mod signature;
mod sub_run;
mod workers;

pub use download_settings::DEFAULT_PARALLEL_DOWNLOADS;
pub use downloads::{
    DownloadsOf, PartDownload, RefusedDownload, check_downloads, downloads_of, prefetch,
};
pub use environment_policy::CLEAN_VARIABLES;
pub use evaluation::{LABEL_LIMIT, SUBSTITUTION_LIMIT};
pub use failure::{Failure, Label, Problem};
pub use fetch::{FetchReport, fetch, no_cache};
pub use history::{History, PastAction};
pub use install::{InstallReport, install, install_after, install_within};
pub use locking::{
    LockChange, LockProblem, LockRequest, NewLock, check_locked_profiles, is_named, lock,
};
pub use part_graph::{GraphNode, NodeKind, PartGraph, PartState, part_graph};
pub use plan::{PLAN_VERSION, Plan, PlannedAction, PlannedPart, Reason};
pub use profile_python::{FirstPhase, PythonPhases, PythonStep, names_python, remembered_python};
pub(crate) use record::SharedJournal;
pub use session::{CONSTRUCTION_LIMIT, ConstructionPolicy, Edge, Session, SessionOptions};
pub use settings::{BuildoutSettings, OnFailure, SettingsReader};
pub use signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
pub use sub_run::{SubRun, SubRunWorld, run_within};
