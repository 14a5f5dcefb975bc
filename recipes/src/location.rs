//! Where a part is installed: alone in the parts directory, or shared with
//! other buildouts.
//!
//! Keeps `Shared` of slapos.recipe.build. The place is chosen while the part
//! is constructed, from its options as they are then; nothing is changed
//! before the installation.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::event::Level;
use buildout_core::recipe::{Construction, Installed, PartRun, RecipeError};
use buildout_core::state::removal::{RemovalError, RemovalScope};
use buildout_core::store::{
    Choice, PublishError, Signature, candidates, choose, is_complete, publish,
};
use buildout_core::value::str_repr;

use crate::boolean::boolean_option;
use crate::environment;
use crate::system_error::failed;

/// Where a part is installed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    /// The path as options show it.
    text: String,
    /// Whether `shared = true`.
    wants_sharing: bool,
    /// The signature if the part is shared in fact.
    signature: Option<Signature>,
    /// Whether it was complete when it was chosen.
    complete: bool,
}

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
            if let Some(section) = part.option(environment::OPTION)?
                && !section.is_empty()
                && !section.contains('=')
            {
                part.buildout().reach(&section)?;
            }
            let list = part.buildout_option("shared-part-list")?;
            if let Some(list) = list.filter(|list| !list.is_empty())
                && let Some((text, signature)) = choose_shared(part, &list)?
            {
                let complete = is_complete(&part.services().absolute(&text));
                return Ok(Location {
                    text,
                    wants_sharing,
                    signature: Some(signature),
                    complete,
                });
            }
        }
        let parts = part.buildout_option("parts-directory")?.unwrap_or_default();
        Ok(Location {
            text: format!("{}/{}", parts.trim_end_matches('/'), part.part()),
            wants_sharing,
            signature: None,
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
        if self.signature.is_some() && is_complete(&path) {
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
        if self.signature.is_none() || is_complete(&path) {
            update()?;
        } else {
            run.log(Level::Info, "shared part must be rebuilt");
            self.rebuild(run, &path, policy, build)?;
        }
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
        match &self.signature {
            None => Ok(Installed::path(location())),
            Some(signature) => {
                publish(path, signature).map_err(publish_error)?;
                Ok(Installed::nothing())
            }
        }
    }
}

fn publish_error(error: PublishError) -> RecipeError {
    RecipeError::internal("OSError", error)
}

/// Looks for a place in the shared directories; reads all options of the part.
fn choose_shared(
    part: &Construction<'_>,
    list: &str,
) -> Result<Option<(String, Signature)>, RecipeError> {
    let mut options = Vec::new();
    for name in part.option_names()? {
        if let Some(value) = part.option(&name)? {
            options.push((name, value));
        }
    }
    let signature = Signature::of(options.iter().map(|(name, value)| (&**name, &**value)));
    let found = candidates(list, part.part(), signature.digest());
    match choose(&found, &part.services().directory) {
        Choice::Complete(text) => {
            part.log(Level::Info, format!("shared at {text} (already built)"));
            Ok(Some((text, signature)))
        }
        Choice::Buildable(text) => {
            part.log(
                Level::Info,
                format!("will be shared at {text} (needs to build)"),
            );
            Ok(Some((text, signature)))
        }
        Choice::Unavailable => Ok(None),
    }
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
