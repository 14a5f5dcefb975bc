//! `slapos.recipe.build:gitclone`: a working copy of a git repository.
//!
//! All is done by the program git. A part that names no revision gets the
//! newest one of its branch as an option when it is constructed, so that it is
//! installed anew when the branch moves; under `--locked` it gets the one of
//! the lock file instead. `buildout fetch` keeps a [`mirror`] of a repository
//! from the network, which offline runs clone.

mod mirror;
mod program;
mod uninstall;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::fetch::RedactedUrl;
use buildout_core::lock::RevisionSource;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, FetchedCopies, Footprint, Installed,
    OptionDocumentation, OptionReader, PartRun, PlannedRevision, Recipe, RecipeError,
    ResultDocumentation, RunServices, UninstallRun, Uninstalled, UpdateKind,
};

use self::mirror::Mirror;
use self::program::{Git, GitFailure, is_local, look_up};
use crate::cookbook::generic::is_true;
use crate::documentation::{option, required, result};
use crate::location::clear;
use crate::python_int::int_option;
use crate::system_error::failed;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.recipe.build:gitclone",
    summary: "Clones a git repository and checks out a revision or the end of a branch.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Commands,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const REPOSITORY: &str = "repository";
const BRANCH: &str = "branch";
const REVISION: &str = "revision";
const LOCATION: &str = "location";
const EXECUTABLE: &str = "git-executable";
const SPARSE: &str = "sparse-checkout";
const USE_CACHE: &str = "use-cache";
const DEVELOP: &str = "develop";

const OPTIONS: &[OptionDocumentation] = &[
    required(REPOSITORY, "The repository: a URL, or a path."),
    option(
        BRANCH,
        "",
        "The branch; without it, the one that the repository offers first.",
    ),
    option(
        REVISION,
        "",
        "The revision to check out, which a branch does not change any more. Without it, the newest one of the branch is looked up in each run, or taken from `buildout.lock` with `--locked`.",
    ),
    option(
        LOCATION,
        "${buildout:parts-directory}/${:_buildout_section_name_}",
        "The directory of the working copy.",
    ),
    option(
        EXECUTABLE,
        "git",
        "The program git. If the revision is looked up before a part has made it, the `git` of the environment does that.",
    ),
    option(
        DEVELOP,
        "false",
        "Whether an existing working copy is left alone: it is never updated, and stays when the part is removed as long as it holds work that is nowhere else.",
    ),
    option(
        "depth",
        "",
        "How many commits of history are fetched; all without it.",
    ),
    option(
        "shared",
        "false",
        "Whether the objects of a local repository are used in place instead of copied.",
    ),
    option(
        SPARSE,
        "",
        "Patterns of the files to check out, one in each line; without it, all files.",
    ),
    option(
        "ignore-ssl-certificate",
        "false",
        "Whether the certificate of an https server does not matter.",
    ),
    option(
        "ignore-cloning-submodules",
        "false",
        "Whether submodules are left out.",
    ),
    option(
        USE_CACHE,
        "false",
        "Whether a network cache may stand in for the repository. There is none here: only the message of a failure differs.",
    ),
];

const RESULTS: &[ResultDocumentation] = &[
    result(LOCATION, "The directory of the working copy."),
    result(
        REVISION,
        "The revision that was looked up, if the part names none.",
    ),
];

/// What the recipe refuses, in upstream's words where it has some.
#[derive(Debug, thiserror::Error)]
enum GitCloneProblem {
    #[error("repository parameter is mandatory.")]
    NoRepository,
    #[error("Impossible to clone repository.")]
    NotCloned(#[source] GitFailure),
    #[error("Impossible to clone repository and impossible to download from cache.")]
    NeitherClonedNorCached(#[source] GitFailure),
    #[error("Unknown error while cloning repository.")]
    NothingCloned,
    #[error("`use-cache` works neither with `sparse-checkout` nor with `ignore-ssl-certificate`")]
    CacheOfPartialCopy,
    #[error("Not supported: `use-cache` with the network cache of [networkcache].")]
    NetworkCache,
    #[error(
        "Couldn't clone {} in offline mode.",
        buildout_core::value::str_repr(repository)
    )]
    Offline { repository: String },
}

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    Arc::new(GitCloneFactory)
}

struct GitCloneFactory;

impl Factory for GitCloneFactory {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let mut clone = GitClone::read(part)?;
        if clone.given_revision.is_none() && !clone.develop {
            clone.looked_up = look_up(part, &clone)?;
            if let Some(revision) = &clone.looked_up {
                part.set(REVISION, revision)?;
            }
        }
        Ok(Box::new(clone))
    }

    fn uninstall_part(&self, run: &UninstallRun<'_>) -> Option<Result<Uninstalled, RecipeError>> {
        run.begin();
        Some(uninstall::uninstall(run))
    }
}

/// The working copy of a part.
#[derive(Debug)]
struct GitClone {
    repository: String,
    branch: Option<String>,
    /// A branch that counts for nothing, since there is a revision.
    overridden_branch: Option<String>,
    given_revision: Option<String>,
    looked_up: Option<String>,
    location: String,
    executable: String,
    sparse: Option<String>,
    depth: Option<i128>,
    develop: bool,
    shared: bool,
    use_cache: bool,
    ignore_certificate: bool,
    ignore_submodules: bool,
}

impl GitClone {
    fn read(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let text = |name: &str| -> Result<Option<String>, RecipeError> {
            let value = part.option(name)?.filter(|value| !value.is_empty());
            Ok(value.map(|value| value.to_string()))
        };
        let truth = |name: &str| Ok::<_, RecipeError>(text(name)?.is_some_and(|v| is_true(&v)));
        let location = match text(LOCATION)? {
            Some(location) => location,
            None => {
                let parts = part.buildout_option("parts-directory")?.unwrap_or_default();
                format!("{}/{}", parts.trim_end_matches('/'), part.part())
            }
        };
        part.set(LOCATION, &location)?;
        let (branch, given_revision) = (text(BRANCH)?, text(REVISION)?);
        let depth = text("depth")?;
        let depth = depth.map(|depth| int_option("depth", &depth)).transpose()?;
        let shared = truth("shared")?;
        let sparse = text(SPARSE)?;
        let ignore_certificate = truth("ignore-ssl-certificate")?;
        let use_cache = truth(USE_CACHE)? && !shared && depth.is_none();
        let Some(repository) = text(REPOSITORY)? else {
            return Err(RecipeError::user(GitCloneProblem::NoRepository)
                .at_option(REPOSITORY)
                .with_hint(format!("add `{REPOSITORY} = ...` to `[{}]`", part.part())));
        };
        if use_cache {
            if sparse.is_some() || ignore_certificate {
                let error = GitCloneProblem::CacheOfPartialCopy;
                return Err(RecipeError::internal("NotImplementedError", error)
                    .at_option(USE_CACHE)
                    .with_hint("set `use-cache = false`"));
            }
            refuse_network_cache(part)?;
        }
        let (overridden_branch, branch) = match given_revision {
            Some(_) => (branch, None),
            None => (None, branch),
        };
        Ok(GitClone {
            repository,
            branch,
            overridden_branch,
            given_revision,
            looked_up: None,
            location,
            executable: text(EXECUTABLE)?.unwrap_or_else(|| "git".to_owned()),
            sparse,
            depth,
            develop: truth(DEVELOP)?,
            shared,
            use_cache,
            ignore_certificate,
            ignore_submodules: truth("ignore-cloning-submodules")?,
        })
    }

    /// Returns the revision to check out; without one, the end of the branch.
    fn revision(&self) -> Option<&str> {
        self.given_revision.as_deref().or(self.looked_up.as_deref())
    }

    fn reference(&self) -> &str {
        self.branch.as_deref().unwrap_or("HEAD")
    }

    fn source(&self) -> RevisionSource {
        RevisionSource {
            repository: RedactedUrl::from(&*self.repository).to_string(),
            reference: self.reference().to_owned(),
        }
    }

    /// Returns the mirror that stands in for the repository in this run, which
    /// is only one without network.
    fn stand_in(&self, services: &RunServices) -> Option<Result<Mirror, RecipeError>> {
        let downloader = services.downloader();
        if !downloader.options().offline || is_local(&self.repository) {
            return None;
        }
        let cache = downloader.options().cache.as_deref();
        let mirror = cache.map(|cache| Mirror::of(cache, &self.repository));
        Some(mirror.filter(Mirror::exists).ok_or_else(|| {
            let repository = RedactedUrl::from(&*self.repository).to_string();
            RecipeError::user(GitCloneProblem::Offline { repository })
                .at_option(REPOSITORY)
                .with_hint("run `buildout -O fetch` once; offline runs then find everything")
        }))
    }

    fn clone(&self, run: &PartRun<'_>, git: &Git<'_, '_>, path: &Path) -> Result<(), GitFailure> {
        let mut arguments: Vec<String> = Vec::new();
        let mut push = |words: &[&str]| arguments.extend(words.iter().map(ToString::to_string));
        if !self.ignore_submodules {
            push(&["-c", "protocol.file.allow=always"]);
        }
        push(&["clone", &self.repository, &self.location]);
        let mut configuration = Vec::new();
        if self.shared {
            push(&["--shared"]);
        }
        if self.sparse.is_some() {
            push(&["--no-checkout"]);
            configuration.push("core.sparseCheckout=true");
        }
        if let Some(branch) = &self.branch {
            push(&["--branch", branch]);
        }
        if self.ignore_certificate {
            configuration.push("http.sslVerify=false");
        }
        if let Some(depth) = self.depth {
            push(&[&format!("--depth={depth}")]);
        }
        if !self.ignore_submodules {
            configuration.push("submodule.recurse=true");
            push(&["--recurse-submodules"]);
        }
        for assignment in configuration {
            push(&["--config", assignment]);
        }
        run.enter_phase("clone");
        git.run(&run.services().directory, &arguments)?;
        if !path.exists() {
            let error = RecipeError::user(GitCloneProblem::NothingCloned);
            return Err(GitFailure::Other(error));
        }
        if let Some(sparse) = &self.sparse {
            let file = path.join(".git/info/sparse-checkout");
            fs::create_dir_all(path.join(".git/info"))
                .and_then(|()| fs::write(&file, format!("{sparse}\n")))
                .map_err(|error| GitFailure::Other(failed("write", &file)(error).into()))?;
        }
        if self.sparse.is_some() || self.revision().is_some() {
            run.enter_phase("check out");
            self.reset(git, path, self.revision())?;
        }
        if !self.ignore_submodules {
            run.enter_phase("submodules");
            git.run(path, &["submodule", "update", "--init", "--recursive"])?;
        }
        Ok(())
    }

    fn reset(
        &self,
        git: &Git<'_, '_>,
        path: &Path,
        revision: Option<&str>,
    ) -> Result<(), GitFailure> {
        let arguments = ["reset", "--hard"].into_iter().chain(revision);
        git.run(path, &arguments.collect::<Vec<_>>())
    }

    fn refresh(&self, run: &PartRun<'_>, path: &Path) -> Result<(), RecipeError> {
        delete_compiled_python(path)?;
        let mirror = self.stand_in(run.services()).transpose();
        // What cannot be fetched offline is there, or resetting will tell.
        let is_offline = !matches!(mirror, Ok(None));
        let git = Git::of(
            run,
            &self.executable,
            mirror.ok().flatten(),
            &self.repository,
        );
        let update = || -> Result<(), GitFailure> {
            if !is_offline {
                run.enter_phase("fetch");
                git.run(path, &["fetch", "--all"])?;
            }
            self.reset(&git, path, Some(self.revision().unwrap_or("@{upstream}")))?;
            if !self.ignore_submodules {
                git.run(
                    path,
                    &["submodule", "update", "--init", "-f", "--recursive"],
                )?;
            }
            Ok(())
        };
        update().map_err(|failure| failure.into_exception(EXECUTABLE))
    }
}

impl Recipe for GitClone {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let path = run.services().absolute(&self.location);
        if path.exists() {
            run.print("destination directory already exists.");
            if self.develop {
                return Ok(Installed::path(&*self.location));
            }
            run.print("Deleting it.");
            clear(&path, &run.services().directory)?;
        }
        if let (Some(branch), Some(revision)) = (&self.overridden_branch, &self.given_revision) {
            run.print(&format!(
                "Warning: \"branch\" parameter with value \"{branch}\" is ignored. Checking out to revision {revision}."
            ));
        }
        let mirror = self.stand_in(run.services()).transpose()?;
        let git = Git::of(run, &self.executable, mirror, &self.repository);
        run.created(&path);
        match self.clone(run, &git, &path) {
            Ok(()) => Ok(Installed::path(&*self.location)),
            Err(failure @ GitFailure::Ended(_)) => {
                run.print("Unable to download from git repository. Trying from network cache...");
                clear(&path, &run.services().directory)?;
                let problem = match self.use_cache {
                    false => GitCloneProblem::NotCloned(failure),
                    true => GitCloneProblem::NeitherClonedNorCached(failure),
                };
                Err(RecipeError::user(problem).at_option(REPOSITORY))
            }
            Err(failure) => Err(failure.into_exception(EXECUTABLE)),
        }
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let path = run.services().absolute(&self.location);
        if !path.exists() {
            return self.install(run);
        }
        if !self.develop && self.given_revision.is_none() {
            self.refresh(run, &path)?;
        }
        Ok(Installed::Unchanged)
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.location.clone()]
    }

    fn revisions(&self) -> Vec<PlannedRevision> {
        if self.given_revision.is_some() || self.develop {
            return Vec::new();
        }
        vec![PlannedRevision {
            source: self.source(),
            revision: self.looked_up.clone(),
            option: REPOSITORY,
        }]
    }

    fn wants_fetch(&self) -> bool {
        !is_local(&self.repository)
    }

    fn fetch(&self, services: &RunServices, cache: &Path) -> Result<FetchedCopies, RecipeError> {
        let mirror = Mirror::of(cache, &self.repository);
        let is_fetched = mirror.bring(services, self)?;
        Ok(FetchedCopies {
            fetched: usize::from(is_fetched),
            present: usize::from(!is_fetched),
        })
    }
}

/// A network cache is not used, so one that is there must not be passed over.
fn refuse_network_cache(part: &Construction<'_>) -> Result<(), RecipeError> {
    const SECTION: &str = "networkcache";
    let sections = part.buildout().section_names()?;
    if !sections.iter().any(|name| **name == *SECTION) {
        return Ok(());
    }
    for option in ["download-dir-url", "upload-dir-url"] {
        let value = part.buildout().get(SECTION, option)?;
        if value.is_some_and(|value| !value.is_empty()) {
            return Err(RecipeError::user(GitCloneProblem::NetworkCache)
                .at_option(USE_CACHE)
                .with_hint("remove `use-cache`; `buildout fetch` keeps a copy for offline runs"));
        }
    }
    Ok(())
}

/// Deletes what Python compiled, so that modules that are gone cannot be
/// imported any more.
fn delete_compiled_python(top: &Path) -> Result<(), RecipeError> {
    let mut left: Vec<PathBuf> = vec![top.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).map_err(failed("read", &directory))? {
            let path = entry.map_err(failed("read", &directory))?.path();
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            let is_compiled = path
                .extension()
                .is_some_and(|extension| extension == "pyc" || extension == "pyo");
            if metadata.is_dir() {
                left.push(path);
            } else if is_compiled
                && let Err(error) = fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(failed("remove", &path)(error).into());
            }
        }
    }
    Ok(())
}
