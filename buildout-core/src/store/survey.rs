//! Who uses which entries: the buildouts that registered, the directories that
//! were named, and entries that refer to others.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustc_hash::FxBuildHasher;

use super::entry::{Entry, StoreError, entries};
use super::references::{digests_in, look_through};
use super::registration::{Registered, RegistrationError, users_directory};

/// The beginning of the names of the files that record what a buildout has
/// installed.
const INSTALLED_PREFIX: &[u8] = b".installed";

/// A survey that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// A store or an entry cannot be looked at.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A registration cannot be read.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// A directory that was named as a user is no buildout.
    #[error("`{}` has no file `.installed*.cfg`", directory.display())]
    NoBuildout {
        /// The directory.
        directory: PathBuf,
    },
}

/// A user of entries: what a run of a buildout recorded, or is recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The file that records what is installed.
    pub installed: PathBuf,
    /// Whether a run goes on.
    pub is_running: bool,
    /// The entries it uses, by their place in [`Survey::entries`].
    pub(super) uses: BTreeSet<usize>,
}

/// Which content a file has, without reading it.
type Stamp = Option<(u64, u64, u64, [i64; 4])>;

/// What is found out about a registered user.
struct Observation {
    is_running: bool,
    stamp: Stamp,
    uses: BTreeSet<usize>,
}

/// The entries of some stores, and who uses them.
#[derive(Debug)]
pub struct Survey {
    stores: Vec<PathBuf>,
    entries: Vec<Entry>,
    users: Vec<User>,
    /// The entries with a digest: several if a part has two names, or is in
    /// two stores. A reference is one to each of them.
    by_digest: HashMap<String, Vec<usize>, FxBuildHasher>,
    /// The entries that ever had a registered user.
    registered: BTreeSet<usize>,
    references: Vec<OnceCell<BTreeSet<usize>>>,
    /// What the users had recorded, by their registrations.
    stamps: HashMap<PathBuf, Stamp, FxBuildHasher>,
}

impl Survey {
    /// Looks at `stores`, at their registered users, and at the buildouts in
    /// the directories `roots`.
    ///
    /// # Errors
    ///
    /// See [`SurveyError`]. Nothing is guessed.
    pub fn of(stores: &[PathBuf], roots: &[PathBuf]) -> Result<Self, SurveyError> {
        let mut survey = Survey {
            stores: stores.to_owned(),
            entries: Vec::new(),
            users: Vec::new(),
            by_digest: HashMap::default(),
            registered: BTreeSet::new(),
            references: Vec::new(),
            stamps: HashMap::default(),
        };
        for store in stores {
            survey.entries.extend(entries(store)?);
        }
        for (index, entry) in survey.entries.iter().enumerate() {
            let digest = entry.digest.clone();
            survey.by_digest.entry(digest).or_default().push(index);
        }
        survey
            .references
            .resize_with(survey.entries.len(), OnceCell::new);
        for store in stores {
            survey.add_registered(store)?;
        }
        for root in roots {
            survey.add_root(root)?;
        }
        Ok(survey)
    }

    /// Counts a file as a user of all entries whose digests it has, as a script
    /// that runs what is in them.
    ///
    /// # Errors
    ///
    /// It is there and cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), SurveyError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(StoreError::new("read", path, error).into()),
        };
        let uses = self.digests_of(&bytes);
        if !uses.is_empty() {
            self.add_user(User {
                installed: path.to_owned(),
                is_running: false,
                uses,
            });
        }
        Ok(())
    }

    /// Returns the entries, by store and name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the users that use the entry at `index` themselves.
    pub fn users_of(&self, index: usize) -> impl Iterator<Item = &User> {
        self.users
            .iter()
            .filter(move |user| user.uses.contains(&index))
    }

    /// Returns the users.
    pub(super) fn users(&self) -> &[User] {
        &self.users
    }

    /// Tells whether a run of ours ever used the entry at `index`.
    pub fn was_registered(&self, index: usize) -> bool {
        self.registered.contains(&index)
    }

    /// Returns the entries that the entry at `index` refers to, by their place
    /// in [`entries`](Self::entries). Reads all of it, once.
    ///
    /// # Errors
    ///
    /// Something in it cannot be read.
    pub fn references(&self, index: usize) -> Result<&BTreeSet<usize>, StoreError> {
        let cell = &self.references[index];
        if let Some(known) = cell.get() {
            return Ok(known);
        }
        let own = &self.entries[index].digest;
        let mut found = BTreeSet::new();
        look_through(&self.entries[index].location(), |_, bytes| {
            digests_in(bytes, |digest| {
                if digest != own {
                    found.extend(self.with_digest(digest));
                }
            });
        })?;
        Ok(cell.get_or_init(|| found))
    }

    /// Adds to `reached` what it refers to, and so on.
    ///
    /// # Errors
    ///
    /// As [`references`](Self::references).
    pub(super) fn close(&self, reached: &mut BTreeSet<usize>) -> Result<(), StoreError> {
        let mut pending: Vec<usize> = reached.iter().copied().collect();
        while let Some(index) = pending.pop() {
            for next in self.references(index)? {
                if reached.insert(*next) {
                    pending.push(*next);
                }
            }
        }
        Ok(())
    }

    /// Returns the entries that runs use now, or have recorded since the
    /// survey was made, with all that these refer to.
    ///
    /// # Errors
    ///
    /// A registration or an entry cannot be read.
    pub(super) fn used_since(&self) -> Result<BTreeSet<usize>, SurveyError> {
        let mut used = BTreeSet::new();
        for store in &self.stores {
            for (path, registered) in registrations(store)? {
                used.extend(self.observe(store, &path, &registered)?.uses);
            }
        }
        self.close(&mut used)?;
        Ok(used)
    }

    fn add_registered(&mut self, store: &Path) -> Result<(), SurveyError> {
        for (path, registered) in registrations(store)? {
            let observed = self.observe(store, &path, &registered)?;
            let named: Vec<usize> = self.named(store, &registered).collect();
            self.registered.extend(named);
            self.stamps.insert(path, observed.stamp);
            self.add_user(User {
                installed: registered.installed,
                is_running: observed.is_running,
                uses: observed.uses,
            });
        }
        Ok(())
    }

    /// Finds out what a registered user uses, but for what it had recorded
    /// when it was first asked for.
    fn observe(
        &self,
        store: &Path,
        path: &Path,
        registered: &Registered,
    ) -> Result<Observation, SurveyError> {
        // First of all: a run that has ended by now has recorded what it uses.
        let is_running = is_running(path)?;
        let stamp = stamp_of(&registered.installed);
        let mut uses = BTreeSet::new();
        if is_running {
            uses.extend(self.named(store, registered));
        }
        if self.stamps.get(path) != Some(&stamp) {
            match fs::read(&registered.installed) {
                Ok(bytes) => uses.extend(self.digests_of(&bytes)),
                Err(error) if is_gone(&error) => {}
                // It exists: better believe that all is used.
                Err(_) => uses.extend(self.named(store, registered)),
            }
        }
        Ok(Observation {
            is_running,
            stamp,
            uses,
        })
    }

    fn add_root(&mut self, directory: &Path) -> Result<(), SurveyError> {
        let failed = |error| StoreError::new("list", directory, error);
        let mut found = false;
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            if name.starts_with(INSTALLED_PREFIX) && name.ends_with(b".cfg") {
                found = true;
                let installed = entry.path();
                let bytes = fs::read(&installed)
                    .map_err(|error| StoreError::new("read", &installed, error))?;
                let uses = self.digests_of(&bytes);
                self.add_user(User {
                    installed,
                    is_running: false,
                    uses,
                });
            }
        }
        if found {
            Ok(())
        } else {
            let directory = directory.to_owned();
            Err(SurveyError::NoBuildout { directory })
        }
    }

    /// Adds a user, which may be known from another store.
    fn add_user(&mut self, user: User) {
        let known = self
            .users
            .iter_mut()
            .find(|known| known.installed == user.installed);
        match known {
            Some(known) => {
                known.is_running |= user.is_running;
                known.uses.extend(user.uses);
            }
            None => self.users.push(user),
        }
    }

    fn named<'s>(
        &'s self,
        store: &'s Path,
        registered: &'s Registered,
    ) -> impl Iterator<Item = usize> + 's {
        registered.entries.iter().filter_map(move |name| {
            let (part, digest) = name.rsplit_once('/')?;
            self.with_digest(digest).find(|index| {
                let entry = &self.entries[*index];
                entry.store == store && entry.part == part
            })
        })
    }

    fn digests_of(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        digests_in(bytes, |digest| found.extend(self.with_digest(digest)));
        found
    }

    fn with_digest(&self, digest: &str) -> impl Iterator<Item = usize> + '_ {
        self.by_digest.get(digest).into_iter().flatten().copied()
    }
}

/// Reads the registrations of a store, with their paths.
pub(super) fn registrations(store: &Path) -> Result<Vec<(PathBuf, Registered)>, SurveyError> {
    let directory = users_directory(store);
    let failed = |error| StoreError::new("list", &directory, error);
    let listing = match fs::read_dir(&directory) {
        Ok(listing) => listing,
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error).into()),
    };
    let mut found = Vec::new();
    for entry in listing {
        let path = entry.map_err(failed)?.path();
        // A replacement that was never finished has a hidden name.
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        if path.file_name().is_some_and(hidden) {
            continue;
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(StoreError::new("read", &path, error).into()),
        };
        if let Some(registered) = Registered::parse(&bytes, &path)? {
            found.push((path, registered));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Tells whether a run holds the registration at `path`.
fn is_running(path: &Path) -> Result<bool, SurveyError> {
    let failed = |verb, error| StoreError::new(verb, path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_gone(&error) => return Ok(false),
        Err(error) => return Err(failed("open", error).into()),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(failed("lock", error).into()),
    }
}

fn stamp_of(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let times = [
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ];
    Some((metadata.dev(), metadata.ino(), metadata.len(), times))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
