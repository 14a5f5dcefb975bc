//! Mirrors of repositories in the download cache, for runs without network.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::exec::command::CommandError;
use buildout_core::exec::failure::CommandFailure;
use buildout_core::fetch::{Algorithm, Digests};
use buildout_core::recipe::{RecipeError, RecipeErrorKind, RunServices};

use super::program::{ask, command, not_started};
use super::{GitClone, GitCloneProblem, GitFailure, REPOSITORY};
use crate::location::clear;
use crate::system_error::failed;

/// The directory of mirrors in the download cache.
const DIRECTORY: &str = "git";

/// A bare copy of a repository with all its branches.
#[derive(Clone, Debug)]
pub(super) struct Mirror(PathBuf);

impl Mirror {
    /// Returns the mirror of a repository, whether it exists or not.
    pub(super) fn of(cache: &Path, repository: &str) -> Self {
        let name = Digests::of(repository.as_bytes()).hex(Algorithm::Md5);
        Mirror(cache.join(DIRECTORY).join(format!("{name}.git")))
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Tells whether it is there.
    pub(super) fn exists(&self) -> bool {
        self.0.is_dir()
    }

    /// Brings the mirror up to date and tells whether the network was needed:
    /// it is not if the revision that the part names is there.
    ///
    /// # Errors
    ///
    /// Git fails.
    pub(super) fn bring(
        &self,
        services: &RunServices,
        clone: &GitClone,
    ) -> Result<bool, RecipeError> {
        if self.exists() {
            if let Some(revision) = clone.revision()
                && self.holds(services, clone, revision)?
            {
                return Ok(false);
            }
            git(services, clone, &self.0, &["remote", "update", "--prune"])?;
            return Ok(true);
        }
        let directory = self.0.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory).map_err(failed("create directory", directory))?;
        // A mirror is complete or not there.
        let staged = self.0.with_extension("part");
        clear(&staged, &services.directory)?;
        let target = staged.to_string_lossy();
        let words = ["clone", "--mirror", &clone.repository, &target];
        let made = git(services, clone, directory, &words);
        if made.is_err() {
            // What failed is more important than what cannot be cleared away.
            let _ = clear(&staged, &services.directory);
        }
        made?;
        fs::rename(&staged, &self.0).map_err(failed("rename", &staged))?;
        Ok(true)
    }

    fn holds(
        &self,
        services: &RunServices,
        clone: &GitClone,
        revision: &str,
    ) -> Result<bool, RecipeError> {
        // A name could mean something newer by now.
        let is_number = revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_number {
            return Ok(false);
        }
        let object = format!("{revision}^{{commit}}");
        let words = ["cat-file", "-e", &object];
        let command = command(services, &clone.executable, &self.0, &words);
        let (finished, _) = ask(services, None, &command).map_err(not_started)?;
        Ok(finished.outcome.is_success())
    }
}

/// Runs git outside an installation; a failure is that of cloning.
fn git(
    services: &RunServices,
    clone: &GitClone,
    directory: &Path,
    words: &[&str],
) -> Result<(), RecipeError> {
    let mut all = Vec::new();
    if clone.ignore_certificate {
        all.extend(["-c", "http.sslVerify=false"]);
    }
    all.extend(words);
    let command = command(services, &clone.executable, directory, &all);
    match ask(services, None, &command) {
        Ok((finished, _)) if finished.outcome.is_success() => Ok(()),
        Ok((finished, _)) => {
            let failure = GitFailure::Ended(CommandFailure::new(&command, finished));
            Err(RecipeError::user(GitCloneProblem::NotCloned(failure)).at_option(REPOSITORY))
        }
        Err(error @ CommandError::Cancelled { .. }) => {
            Err(RecipeError::new(RecipeErrorKind::Cancelled, error))
        }
        Err(error) => Err(not_started(error)),
    }
}
