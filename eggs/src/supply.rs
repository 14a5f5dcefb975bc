//! The eggs of a buildout: what is there, and what is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::dialect::EggLayout;
use buildout_core::fetch::archive::{StripTopLevel, UnpackOptions, unpack};
use buildout_core::fetch::{Downloaded, encode_hex};
use buildout_core::state::debris::STAGED_PREFIX;
use rustc_hash::FxHashMap;

use crate::distribution::Distribution;
use crate::index::{Candidate, CandidateKind};
use crate::installed::{EggDirectory, ListingError, read_entry};
use crate::marker::MarkerEnvironment;
use crate::metadata::{MetadataError, RequiresDist};
use crate::name::ProjectName;
use crate::requirement::Requirement;
use crate::resolve::{Inventory, Order, Supply, SupplyError};
use crate::source::{BuildSettings, Builder};
use crate::wheel::{EggMaking, EggTarget, LinkMode, UnpackedWheel, WheelError, WheelStore};

/// An egg that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EggError {
    /// Its archive is none.
    #[error("failed to unpack the egg `{egg}`")]
    Unpack {
        /// The file name.
        egg: String,
        /// Why.
        #[source]
        source: buildout_core::fetch::archive::UnpackError,
    },
    /// What was made has no metadata.
    #[error("the egg `{}` has no metadata", path.display())]
    NoMetadata {
        /// The egg.
        path: PathBuf,
    },
    /// Its metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A file cannot be made or read.
    #[error("failed to {verb} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

fn failed(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> EggError {
    move |source| EggError::Io {
        verb,
        path: path.into(),
        source,
    }
}

/// Directories of eggs that several users of a run look into.
///
/// They are listed when a user begins ([`refresh`](Self::refresh)); what was
/// read of an egg stays known.
#[derive(Debug)]
pub struct EggDirectories {
    target: EggTarget,
    directories: Mutex<FxHashMap<PathBuf, EggDirectory>>,
}

impl EggDirectories {
    /// Starts without any.
    pub fn new(target: EggTarget) -> Self {
        EggDirectories {
            target,
            directories: Mutex::default(),
        }
    }

    /// Lists a directory again.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn refresh(&self, path: &Path) -> Result<(), ListingError> {
        let listed = EggDirectory::list(path, &self.target)?;
        let mut directories = self.lock();
        match directories.get_mut(path) {
            Some(known) => known.replace_entries(listed),
            None => {
                directories.insert(path.to_owned(), listed);
            }
        }
        Ok(())
    }

    /// Returns the distributions of a project in a directory.
    ///
    /// # Errors
    ///
    /// The directory has not been listed and cannot be read.
    pub fn of_project(
        &self,
        path: &Path,
        project: &ProjectName,
    ) -> Result<Vec<Arc<Distribution>>, ListingError> {
        let mut directories = self.lock();
        if let Some(known) = directories.get_mut(path) {
            return Ok(known.of_project(project.canonical()));
        }
        let mut listed = EggDirectory::list(path, &self.target)?;
        let found = listed.of_project(project.canonical());
        directories.insert(path.to_owned(), listed);
        Ok(found)
    }

    /// Notes that an egg or a link has been made.
    pub fn note(&self, made: &Path) {
        let (Some(directory), Some(name)) = (made.parent(), made.file_name()) else {
            return;
        };
        if let Some(known) = self.lock().get_mut(directory) {
            known.note(name.to_string_lossy().into_owned());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<PathBuf, EggDirectory>> {
        self.directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decides how an order is built, if it has to be built.
pub type BuildSettingsOf<'s> = dyn Fn(&Order<'_>) -> Result<BuildSettings, SupplyError> + Sync + 's;

/// Finds distributions in some of the directories.
#[derive(Debug)]
pub struct EggInventory {
    /// The listings of the run.
    pub directories: Arc<EggDirectories>,
    /// Where eggs are looked for.
    pub search_path: Vec<PathBuf>,
}

impl Inventory for EggInventory {
    fn installed(&self, project: &ProjectName) -> Result<Vec<Arc<Distribution>>, SupplyError> {
        let mut found = Vec::new();
        for directory in &self.search_path {
            found.extend(self.directories.of_project(directory, project)?);
        }
        Ok(found)
    }
}

/// Keeps eggs in a directory.
pub struct EggSupply<'s> {
    /// The listings of the run.
    pub directories: &'s EggDirectories,
    /// Where eggs are made.
    pub destination: PathBuf,
    /// The wheels of the user.
    pub wheels: &'s WheelStore,
    /// How eggs are named and laid out.
    pub layout: EggLayout,
    /// The Python that they are for.
    pub target: &'s EggTarget,
    /// How their files come from the wheels.
    pub link: LinkMode,
    /// The facts that markers ask for.
    pub markers: &'s MarkerEnvironment,
    /// Builds source archives.
    pub builder: &'s Builder<'s>,
    /// How they are built.
    pub build_settings: &'s BuildSettingsOf<'s>,
}

impl Supply for EggSupply<'_> {
    fn install(&self, order: &Order<'_>) -> Result<Arc<Distribution>, SupplyError> {
        fs::create_dir_all(&self.destination).map_err(failed("create", &self.destination))?;
        let egg = match order.candidate.kind {
            CandidateKind::Wheel(_) => self.install_wheel(order)?,
            CandidateKind::Egg => self.install_egg(order)?,
            CandidateKind::Source => self.install_source(order)?,
        };
        self.directories.note(&egg);
        let found = read_entry(&egg).map_err(EggError::from)?;
        let found = found.ok_or(EggError::NoMetadata { path: egg })?;
        Ok(Arc::new(found))
    }
}

impl EggSupply<'_> {
    fn install_wheel(&self, order: &Order<'_>) -> Result<PathBuf, SupplyError> {
        let name = &order.candidate.file_name;
        let known = match order.candidate.sha256() {
            Some(sha256) => self.wheels.find(&sha256, name)?,
            None => None,
        };
        let wheel = match known {
            Some(wheel) => wheel,
            None => {
                let archive = order.archive()?;
                let sha256 = sha256_of(&archive)?;
                self.wheels.unpack(archive.path(), &sha256, name)?
            }
        };
        Ok(self.make_egg(&wheel, false)?)
    }

    fn make_egg(&self, wheel: &UnpackedWheel, was_built: bool) -> Result<PathBuf, WheelError> {
        let filter = |requirement: &RequiresDist, extra: Option<&str>| {
            unmarked(requirement, extra, self.markers)
        };
        wheel.make_egg(
            &self.destination,
            &EggMaking {
                layout: self.layout,
                target: self.target,
                was_built,
                link: self.link,
                filter: &filter,
            },
        )
    }

    /// Unpacks a zipped egg into a directory of its name.
    fn install_egg(&self, order: &Order<'_>) -> Result<PathBuf, SupplyError> {
        let name = &order.candidate.file_name;
        let name = name.strip_suffix(".zip").unwrap_or(name);
        let place = self.destination.join(name);
        if place.join("EGG-INFO").is_dir() {
            return Ok(place);
        }
        let archive = order.archive()?;
        let staged = tempfile::Builder::new()
            .prefix(STAGED_PREFIX)
            .tempdir_in(&self.destination)
            .map_err(failed("create a directory in", &self.destination))?;
        let contents = staged.path().join("egg");
        let options = UnpackOptions {
            strip_top_level: StripTopLevel::Never,
            ..UnpackOptions::default()
        };
        let unpacked = unpack(archive.path(), &contents, &options);
        let summary = unpacked.map_err(|source| EggError::Unpack {
            egg: name.to_owned(),
            source,
        })?;
        if let Some(skipped) = summary.skipped.first() {
            return Err(Box::new(WheelError::Refused {
                wheel: name.to_owned(),
                what: format!("its entry `{}` would be outside the egg", skipped.name),
            }));
        }
        match fs::rename(&contents, &place) {
            Ok(()) => Ok(place),
            Err(_) if place.join("EGG-INFO").is_dir() => Ok(place),
            Err(error) => Err(failed("make the egg", &place)(error).into()),
        }
    }

    fn install_source(&self, order: &Order<'_>) -> Result<PathBuf, SupplyError> {
        let settings = (self.build_settings)(order)?;
        let archive = order.archive()?;
        let temporary = self.builder.temporary_directory;
        let place = tempfile::Builder::new()
            .prefix("buildout-wheel-")
            .tempdir_in(temporary)
            .map_err(failed("create a directory in", temporary))?;
        // What is downloaded to a temporary file does not have the name.
        let named = place.path().join(&order.candidate.file_name);
        if fs::hard_link(archive.path(), &named).is_err() {
            fs::copy(archive.path(), &named).map_err(failed("copy", archive.path()))?;
        }
        let what = described(order.candidate);
        let wheel = self
            .builder
            .build_wheel(&named, &what, &settings, place.path())?;
        let name = wheel.file_name().unwrap_or_default().to_string_lossy();
        // It is for this egg alone.
        let store = WheelStore::new(place.path().join("wheels"));
        let unpacked = store.unpack(&wheel, "built", &name)?;
        Ok(self.make_egg(&unpacked, true)?)
    }
}

/// Names a candidate as upstream's messages do.
fn described(candidate: &Candidate) -> String {
    format!("{} {}", candidate.project, candidate.version)
}

pub(crate) fn sha256_of(archive: &Downloaded) -> Result<String, EggError> {
    let sha256 = archive.sha256.ok_or(io::ErrorKind::IsADirectory.into());
    let sha256 = sha256.map_err(failed("read", archive.path()))?;
    Ok(encode_hex(&sha256))
}

/// Returns a requirement without its marker if it is meant with an extra, or
/// without one. What is no requirement is left out, as setuptools does.
pub(crate) fn unmarked(
    declared: &RequiresDist,
    extra: Option<&str>,
    markers: &MarkerEnvironment,
) -> Option<String> {
    let mut requirement = Requirement::parse(&declared.requirement).ok()?;
    let applies = requirement.applies(markers, extra.unwrap_or_default());
    requirement.marker = None;
    applies.unwrap_or(false).then(|| requirement.to_string())
}
