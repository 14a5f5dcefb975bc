//! Where a part is installed: alone in the parts directory, or shared with
//! other buildouts.
//!
//! Keeps `Shared` of slapos.recipe.build. The place is chosen while the part
//! is constructed, from its options as they are then; nothing is changed
//! before the installation. Then a shared part is claimed for the run, and
//! built with a lock, unless it is complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::recipe::{
    Buildout as _, Construction, Installed, PartRun, RecipeError, RecipeErrorKind,
};
use buildout_core::state::installed::SIGNATURE_OPTION;
use buildout_core::state::removal::{RemovalError, RemovalScope};
use buildout_core::store::{
    Choice, EntryLock, LockError, Match, Place, PublishError, Signature, Wanted, choose,
    is_complete, publish, seal,
};
use buildout_core::value::str_repr;

use crate::boolean::boolean_option;
use crate::environment;
use crate::system_error::failed;

/// What stands for a clean environment in the signature of a shared part.
const ENVIRONMENT_KEY: &str = "__environment__";

/// Where a part is installed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    /// The path as options show it.
    text: String,
    /// Whether `shared = true`.
    wants_sharing: bool,
    /// The entry if the part is shared in fact.
    entry: Option<Place>,
    /// Whether it was complete when it was chosen.
    complete: bool,
}

/// The option of `[buildout]` that lists directories of shared parts.
const LIST_OPTION: &str = "shared-part-list";

/// The option of `[buildout]` that says how alike an entry must be.
const MATCH_OPTION: &str = "shared-part-match";

/// The file that a run records in if it records nothing.
const DEFAULT_INSTALLED: &str = ".installed.cfg";

/// How an installation treats its location.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstallPolicy {
    /// Whether what there is stays when the installation fails, to look at.
    pub(crate) keep_on_error: bool,
    /// Whether the location is made before; else only its parent.
    pub(crate) make_location: bool,
}

/// A result that is not as it should be. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum ResultError {
    #[error("{} was not created", str_repr(location))]
    NotCreated { location: String },
    #[error("{} is not a directory", str_repr(location))]
    NotADirectory { location: String },
}

/// A location that cannot be emptied.
#[derive(Debug, thiserror::Error)]
enum ClearError {
    #[error("refusing to remove `{}`: it contains the buildout directory", path.display())]
    HoldsTheBuildout { path: PathBuf },
    #[error("failed to remove `{}`: {}", path.display(), .failures.first().map_or_else(|| "it is no usable path".to_owned(), ToString::to_string))]
    Removal {
        path: PathBuf,
        failures: Vec<RemovalError>,
    },
}

impl Location {
    /// Chooses the location of a part.
    ///
    /// # Errors
    ///
    /// `shared` is neither `true` nor `false`, or an option cannot be resolved.
    pub(crate) fn choose(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let wants_sharing = boolean_option(part, "shared")?.unwrap_or(false);
        if wants_sharing {
            // The section is named, not quoted, by the options: the part must
            // depend on it from here on.
            if let Some(section) = part.buildout().get(part.part(), environment::OPTION)?
                && !section.is_empty()
                && !section.contains('=')
            {
                part.buildout().reach(&section)?;
            }
            let list = part.buildout_option(LIST_OPTION)?;
            if let Some(list) = list.filter(|list| !list.is_empty())
                && let Some(place) = choose_shared(part, &list)?
            {
                let complete = is_complete(&part.services().absolute(&place.location));
                return Ok(Location {
                    text: place.location.clone(),
                    wants_sharing,
                    entry: Some(place),
                    complete,
                });
            }
        }
        let parts = part.buildout_option("parts-directory")?.unwrap_or_default();
        Ok(Location {
            text: format!("{}/{}", parts.trim_end_matches('/'), part.part()),
            wants_sharing,
            entry: None,
            complete: false,
        })
    }

    /// Tells whether it is that of a shared part that is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the path as options show it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Moves a part that is not shared to another place.
    pub(crate) fn move_to(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    /// Fails if the part wants to be shared, which `reason` forbids.
    ///
    /// # Errors
    ///
    /// The part has `shared = true`.
    pub(crate) fn refuse_sharing(
        &self,
        option: &str,
        reason: &str,
        hint: &str,
    ) -> Result<(), RecipeError> {
        if !self.wants_sharing {
            return Ok(());
        }
        Err(RecipeError::user(format!("When shared=true, {reason}"))
            .at_option(option)
            .with_hint(hint))
    }

    /// Installs: empties the location, has `build` fill it, and completes a
    /// shared part. A shared part that is complete is left as it is.
    ///
    /// # Errors
    ///
    /// Those of `build`, and those of dealing with the location.
    pub(crate) fn install(
        &self,
        run: &PartRun<'_>,
        policy: InstallPolicy,
        build: impl FnOnce() -> Result<(), RecipeError>,
    ) -> Result<Installed, RecipeError> {
        let path = run.services().absolute(&self.text);
        let Some(entry) = &self.entry else {
            return self.rebuild(run, &path, policy, build);
        };
        claim(run, entry);
        if is_complete(&path) {
            mend(run, &path);
            run.log(Level::Info, "shared part is already installed");
            return Ok(Installed::nothing());
        }
        let _lock = lock(run, &path)?;
        if is_complete(&path) {
            // Another run has built it meanwhile.
            run.log(Level::Info, "shared part is already installed");
            return Ok(Installed::nothing());
        }
        self.rebuild(run, &path, policy, build)
    }

    /// Updates: rebuilds a shared part that has vanished, else does what
    /// `update` does.
    ///
    /// # Errors
    ///
    /// As [`install`](Self::install), and those of `update`.
    pub(crate) fn update(
        &self,
        run: &PartRun<'_>,
        policy: InstallPolicy,
        build: impl FnOnce() -> Result<(), RecipeError>,
        update: impl FnOnce() -> Result<(), RecipeError>,
    ) -> Result<Installed, RecipeError> {
        let path = run.services().absolute(&self.text);
        let Some(entry) = &self.entry else {
            update()?;
            return Ok(Installed::Unchanged);
        };
        claim(run, entry);
        if !is_complete(&path) {
            let _lock = lock(run, &path)?;
            if !is_complete(&path) {
                run.log(Level::Info, "shared part must be rebuilt");
                self.rebuild(run, &path, policy, build)?;
                return Ok(Installed::Unchanged);
            }
        }
        mend(run, &path);
        update()?;
        Ok(Installed::Unchanged)
    }

    fn rebuild(
        &self,
        run: &PartRun<'_>,
        path: &Path,
        policy: InstallPolicy,
        build: impl FnOnce() -> Result<(), RecipeError>,
    ) -> Result<Installed, RecipeError> {
        clear(path, &run.services().directory)?;
        let result = self.fill(path, policy, build);
        if result.is_err() && !policy.keep_on_error {
            // What failed is more important than what cannot be cleared away.
            let _ = clear(path, &run.services().directory);
        }
        result
    }

    fn fill(
        &self,
        path: &Path,
        policy: InstallPolicy,
        build: impl FnOnce() -> Result<(), RecipeError>,
    ) -> Result<Installed, RecipeError> {
        let to_make = if policy.make_location {
            Some(path)
        } else {
            path.parent()
        };
        if let Some(directory) = to_make {
            fs::create_dir_all(directory).map_err(failed("create", directory))?;
        }
        build()?;
        let location = || self.text.clone();
        match fs::metadata(path) {
            Ok(metadata) if self.wants_sharing && !metadata.is_dir() => {
                let location = location();
                return Err(RecipeError::user(ResultError::NotADirectory { location }));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let location = location();
                return Err(RecipeError::user(ResultError::NotCreated { location }));
            }
            Err(error) => return Err(failed("examine", path)(error).into()),
        }
        match &self.entry {
            None => Ok(Installed::path(location())),
            Some(entry) => {
                publish(path, &entry.signature).map_err(publish_error)?;
                Ok(Installed::nothing())
            }
        }
    }
}

fn publish_error(error: PublishError) -> RecipeError {
    RecipeError::internal("OSError", error)
}

/// Makes a complete shared part read-only, if a build that was killed had not come to it. What is
/// somebody else's is left to them.
fn mend(run: &PartRun<'_>, path: &Path) {
    match seal(path) {
        Err(error) if !error.is_refusal() => run.log(
            Level::Warning,
            format!("the shared part can be changed by mistake: {error}"),
        ),
        _ => {}
    }
}

/// Registers the run as a user of a shared part. A store that others keep can
/// be used without that.
fn claim(run: &PartRun<'_>, entry: &Place) {
    let services = run.services();
    let installed = match run.buildout().get("buildout", "installed") {
        Ok(Some(path)) if !path.is_empty() => services.absolute(&*path),
        _ => services.absolute(DEFAULT_INSTALLED),
    };
    let store = services.absolute(&entry.directory);
    let digest = entry.signature.digest();
    match services
        .claims
        .claim(&store, run.part(), digest, &installed)
    {
        Err(error) if !error.is_refusal() => run.log(
            Level::Warning,
            format!("`buildout shared gc` will not know that this part is used: {error}"),
        ),
        _ => {}
    }
}

/// Locks a shared part that is to be built, and waits for whoever builds it.
fn lock(run: &PartRun<'_>, path: &Path) -> Result<EntryLock, RecipeError> {
    let waiting = |holder: Option<u32>| {
        let path = path.display();
        run.waits_for(match holder {
            Some(process) => format!("process {process}, which builds the shared part `{path}`"),
            None => format!("another process, which builds the shared part `{path}`"),
        });
    };
    let cancellation = &run.services().cancellation;
    EntryLock::acquire(path, cancellation, waiting).map_err(|error| match error {
        LockError::Cancelled { .. } => RecipeError::new(RecipeErrorKind::Cancelled, error),
        error => RecipeError::internal("OSError", error),
    })
}

/// Looks for a place in the shared directories; reads all options of the part.
fn choose_shared(part: &Construction<'_>, list: &str) -> Result<Option<Place>, RecipeError> {
    let mut options = Vec::new();
    for name in part.option_names()? {
        if let Some(value) = part.buildout().get(part.part(), &name)? {
            options.push((name, value));
        }
    }
    if let Some(digest) = part.services().environment_digest() {
        // What was built in another environment is another part.
        options.push((Arc::from(ENVIRONMENT_KEY), digest));
    }
    let options = options.iter().map(|(name, value)| (&**name, &**value));
    // Asked for in every run, as the fork does: from here on the part depends on nothing more.
    let signature = part.signature()?;
    let signed = [(SIGNATURE_OPTION, &*signature)];
    let wanted = Wanted {
        part: part.part(),
        options: &Signature::of(options.clone()),
        signed: &Signature::of(options.chain(signed)),
        alike: match_option(part)?,
    };
    let (place, message) = match choose(list, &part.services().directory, &wanted) {
        Choice::Complete(place) => {
            let message = format!("shared at {} (already built)", place.location);
            (place, message)
        }
        Choice::Buildable(place) => {
            let message = format!("will be shared at {} (needs to build)", place.location);
            (place, message)
        }
        Choice::Unavailable => return Ok(None),
    };
    part.log(Level::Info, message);
    Ok(Some(place))
}

fn match_option(part: &Construction<'_>) -> Result<Match, RecipeError> {
    let Some(value) = part.buildout_option(MATCH_OPTION)? else {
        return Ok(Match::default());
    };
    Match::parse(&value).ok_or_else(|| {
        RecipeError::user(format!(
            "Invalid value for '{MATCH_OPTION}' option: {}",
            str_repr(&value)
        ))
        .with_hint(format!(
            "`{MATCH_OPTION}` of [buildout] is `signature`, `digest` (the default) or `options`"
        ))
    })
}

/// Removes what is at `path`, a file, a link or a directory with everything in
/// it, even what is read-only. Upstream does so even to a directory that
/// contains the buildout.
///
/// # Errors
///
/// It contains the buildout, or cannot be removed.
pub(crate) fn clear(path: &Path, buildout: &Path) -> Result<(), RecipeError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        // Something on the way is no directory: making the location will tell.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(()),
        Err(error) => return Err(failed("examine", path)(error).into()),
        Ok(metadata) => {
            let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if metadata.is_dir() && real(buildout).starts_with(real(path)) {
                let path = path.to_owned();
                return Err(RecipeError::user(ClearError::HoldsTheBuildout { path })
                    .with_hint("install the part into a directory of its own"));
            }
        }
    }
    let stuck = |failures: Vec<RemovalError>| {
        let path = path.to_owned();
        RecipeError::internal("OSError", ClearError::Removal { path, failures })
    };
    let (Some(parent), Some(text)) = (path.parent(), path.to_str()) else {
        return Err(stuck(Vec::new()));
    };
    let scope = RemovalScope::new(parent).map_err(|error| stuck(vec![error]))?;
    let report = scope.remove([text]);
    if !report.failures.is_empty() || !report.refused_outside.is_empty() {
        return Err(stuck(report.failures));
    }
    Ok(())
}
