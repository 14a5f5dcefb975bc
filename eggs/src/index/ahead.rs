//! Wheels that are fetched and unpacked before it is decided that they are taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use buildout_core::fetch::Downloaded;

use super::archive_error::ArchiveError;
use super::candidate::Candidate;
use super::package_index::{Index, Once, lock, once};

/// The wheels of an index that somebody has fetched ahead.
#[derive(Default)]
pub(super) struct WheelsAhead {
    by_location: Mutex<HashMap<String, Once<Remains>>>,
    /// Held by those who unpack.
    unpacking: RwLock<()>,
}

/// What was fetched and has not become an unpacked wheel: who wants the archive
/// next takes it, or what is wrong with it.
#[derive(Default)]
struct Remains(Mutex<Option<Result<Downloaded, ArchiveError>>>);

impl Index {
    /// Fetches a wheel and unpacks it for the user, unless it is there. It must have a
    /// digest, by which it is found again.
    ///
    /// What fails is told to who wants the archive next. Nothing is unpacked if nobody
    /// waits any more when it is there.
    pub(crate) fn unpack_ahead(&self, candidate: &Candidate, is_wanted: &dyn Fn() -> bool) {
        let (Some(wheels), Some(sha256)) = (&self.access.wheels, candidate.sha256()) else {
            return;
        };
        let name = &candidate.file_name;
        let ahead = once(&self.ahead.by_location, &candidate.location_key());
        ahead.get_or_init(|| {
            if !is_wanted() || matches!(wheels.find(&sha256, name), Ok(Some(_))) {
                return Remains::default();
            }
            let archive = self.fetch_archive(candidate);
            if let Ok(archive) = &archive {
                let unpacking = &self.ahead.unpacking;
                let _unpacking = unpacking.read().unwrap_or_else(PoisonError::into_inner);
                if is_wanted() && wheels.unpack(archive.path(), &sha256, name).is_ok() {
                    return Remains::default();
                }
            }
            Remains(Mutex::new(Some(archive)))
        });
    }

    /// Waits for those who fetch a wheel ahead, if there are any.
    pub(crate) fn await_ahead(&self, candidate: &Candidate) {
        self.remains(candidate);
    }

    /// Waits for all who are unpacking a wheel at the moment, which does not take long.
    pub(crate) fn await_unpacking(&self) {
        let unpacking = &self.ahead.unpacking;
        drop(unpacking.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns what was fetched ahead and is left over.
    pub(super) fn take_ahead(
        &self,
        candidate: &Candidate,
    ) -> Option<Result<Downloaded, ArchiveError>> {
        let remains = self.remains(candidate)?;
        lock(&remains.get()?.0).take()
    }

    fn remains(&self, candidate: &Candidate) -> Option<Once<Remains>> {
        let key = candidate.location_key();
        let known = lock(&self.ahead.by_location).get(&key).map(Arc::clone)?;
        // Who has not begun need not begin any more.
        known.get_or_init(Remains::default);
        Some(known)
    }
}
