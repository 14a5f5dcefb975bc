//! Running a configuration: the session that resolves it, and the commands
//! that act on it.

mod decide;
mod download_settings;
mod downloads;
mod evaluation;
mod failure;
mod fetch;
mod install;
mod locking;
mod session;
mod settings;
mod signature;
mod wanted;

pub use download_settings::DEFAULT_PARALLEL_DOWNLOADS;
pub use downloads::{
    DownloadsOf, PartDownload, RefusedDownload, check_downloads, downloads_of, prefetch,
};
pub use evaluation::{LABEL_LIMIT, SUBSTITUTION_LIMIT};
pub use failure::{Failure, Label, Problem};
pub use fetch::{FetchReport, fetch, no_cache};
pub use install::{InstallReport, install};
pub use locking::{
    LockChange, LockProblem, LockRequest, NewLock, check_locked_profiles, is_named, lock,
};
pub use session::{CONSTRUCTION_LIMIT, ConstructionPolicy, Edge, Session, SessionOptions};
pub use settings::{BuildoutSettings, SettingsReader};
pub use signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
