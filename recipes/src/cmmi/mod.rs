//! `slapos.recipe.cmmi`: configure, make, make install.

mod build;
mod commands;
mod environment_script;
mod options;
mod shebang;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::extends::is_url;
use buildout_core::fetch::archive::StripTopLevel;
use buildout_core::profile::python_text::{split_words, strip};
use buildout_core::recipe::{
    Construction, Descriptor, Factory, Installed, OptionReader, PartRun, PlannedDownload, Recipe,
    RecipeError, ResultDocumentation,
};

use crate::boolean::parse_boolean;
use crate::download_unpacked::{Archive, STRIP_OPTION};
use crate::environment::Variables;
use crate::location::{InstallPolicy, Location};
use crate::source::Source;

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    Arc::new(CmmiFactory)
}

/// What stands for the location in every option.
const PLACEHOLDER: &str = "@@LOCATION@@";

/// The options that name a function in Python.
const HOOKS: [&str; 3] = ["pre-configure-hook", "pre-make-hook", "post-make-hook"];

/// What a failed build leaves behind is there to be looked at.
const POLICY: InstallPolicy = InstallPolicy {
    keep_on_error: true,
    make_location: true,
};

/// The option that names patches.
const PATCHES_OPTION: &str = "patches";

struct CmmiFactory;

impl Factory for CmmiFactory {
    fn descriptor(&self) -> &Descriptor {
        &options::DESCRIPTOR
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        options::RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let location = Location::choose(part)?;
        set_location(part, &location)?;
        set_prefix(part, &location)?;
        let is_given = |option: &str| -> Result<Option<Arc<str>>, RecipeError> {
            Ok(part.option(option)?.filter(|value| !value.is_empty()))
        };
        let url = is_given("url")?;
        let path = is_given("path")?;
        match (&url, &path) {
            (Some(_), Some(_)) => {
                return Err(RecipeError::user(
                    "You must use either \"url\" or \"path\", not both!",
                )
                .at_option("path")
                .with_hint("remove `url` or `path`"));
            }
            (Some(_), None) => {
                part.set("compile-directory", &format!("{}/.build", location.text()))?;
            }
            (None, Some(path)) => part.set("compile-directory", path)?,
            (None, None) => {
                return Err(
                    RecipeError::user("You must provide either \"url\" or \"path\".")
                        .at_option("recipe")
                        .with_hint("add `url = ...`, an archive, or `path = ...`, a directory"),
                );
            }
        }
        for name in part.option_names()? {
            if let Some(value) = part.buildout().get(part.part(), &name)?
                && value.contains(PLACEHOLDER)
            {
                let value = value.replace(PLACEHOLDER, location.text());
                part.buildout().set(part.part(), &name, &value)?;
            }
        }
        let variables = Variables::read(part)?;
        refuse_hooks(part)?;
        let archive = match url {
            Some(_) => Some(Archive {
                source: Source::read(part)?,
                strip: strip_policy(part)?,
            }),
            None => None,
        };
        let keep = keep_compile_directory(part)?;
        let patches = remote_patches(part)?;
        Ok(Box::new(Cmmi {
            location,
            archive,
            patches,
            variables,
            keep_compile_directory: keep,
        }))
    }
}

/// Sets `location`, which a profile may write only to refer to it.
fn set_location(part: &Construction<'_>, location: &Location) -> Result<(), RecipeError> {
    if let Some(written) = part.option("location")?
        && written.replace(PLACEHOLDER, location.text()) != location.text()
    {
        return Err(RecipeError::user("invalid 'location' value")
            .at_option("location")
            .with_hint(format!(
                "the location cannot be chosen: write `location = {PLACEHOLDER}` to refer to it, or remove the option"
            )));
    }
    part.set("location", location.text())
}

/// Sets `prefix` to the location if it is not set; a shared part must not
/// install anywhere else.
fn set_prefix(part: &Construction<'_>, location: &Location) -> Result<(), RecipeError> {
    let Some(prefix) = part.option("prefix")?.filter(|prefix| !prefix.is_empty()) else {
        return part.set("prefix", location.text());
    };
    let real = |text: &str| real_path(&part.services().absolute(text));
    let prefix = real(&prefix.replace(PLACEHOLDER, location.text()));
    let is_inside =
        prefix.starts_with(location.text()) || prefix.starts_with(real(location.text()));
    if is_inside {
        return Ok(());
    }
    location.refuse_sharing(
        "prefix",
        "'prefix' can't be outside location",
        "remove `prefix`, or set `shared = false`",
    )
}

/// Resolves the links in the part of an absolute path that exists.
fn real_path(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            };
        }
    }
    path.to_owned()
}

fn refuse_hooks(part: &Construction<'_>) -> Result<(), RecipeError> {
    for hook in HOOKS {
        if part
            .option(hook)?
            .is_some_and(|value| !strip(&value).is_empty())
        {
            return Err(RecipeError::user(format!(
                "option '{hook}' is not supported: it names a function in Python"
            ))
            .at_option(hook)
            .with_hint(format!(
                "remove `{hook}` and do its work in a shell command: `pre-configure`, `pre-build`, `pre-install` or `post-install`"
            )));
        }
    }
    Ok(())
}

/// Reads `strip-top-level-dir`, which is off by default here.
fn strip_policy(part: &Construction<'_>) -> Result<StripTopLevel, RecipeError> {
    match part.option(STRIP_OPTION)?.filter(|value| !value.is_empty()) {
        Some(value) if parse_boolean(STRIP_OPTION, &value)? => Ok(StripTopLevel::Force),
        _ => Ok(StripTopLevel::Never),
    }
}

/// Reads `keep-compile-dir` of the part or else of `[buildout]`. Upstream does
/// so when the build is over, too late for a mistake.
fn keep_compile_directory(part: &Construction<'_>) -> Result<bool, RecipeError> {
    const OPTION: &str = "keep-compile-dir";
    let own = part.option(OPTION)?.filter(|value| !value.is_empty());
    let value = match own {
        Some(value) => Some(value),
        None => part.buildout_option(OPTION)?,
    };
    value.map_or(Ok(false), |value| parse_boolean(OPTION, &value))
}

/// Returns the patches that are elsewhere. One that is not written well is told
/// of when it is applied.
fn remote_patches(part: &Construction<'_>) -> Result<Vec<Source>, RecipeError> {
    let patches = part.option(PATCHES_OPTION)?.unwrap_or_default();
    let remote = split_words(&patches).filter(|patch| is_url(patch));
    Ok(remote
        .filter_map(|patch| Source::with_fragment(patch, Path::new(""), PATCHES_OPTION).ok())
        .collect())
}

/// The recipe of a part.
struct Cmmi {
    location: Location,
    /// The archive to build; without one, `compile-directory` is used as it is.
    archive: Option<Archive>,
    /// The patches that have to be downloaded.
    patches: Vec<Source>,
    variables: Variables,
    keep_compile_directory: bool,
}

impl Recipe for Cmmi {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.location
            .install(run, POLICY, || build::build(self, run))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let build = || build::build(self, run);
        self.location.update(run, POLICY, build, || Ok(()))
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let prefix = option("prefix").filter(|prefix| !prefix.is_empty());
        let prefix = prefix.map(|prefix| prefix.to_string());
        let mut outputs = vec![self.location.text().to_owned()];
        outputs.extend(prefix.filter(|prefix| *prefix != outputs[0]));
        outputs
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        let archive = self.archive.iter().map(|archive| &archive.source);
        archive.chain(&self.patches).map(Source::planned).collect()
    }

    fn is_done(&self) -> bool {
        self.location.is_complete()
    }
}
