//! Patches for the sources of eggs, as SlapOS has them.
//!
//! The pin of a patched egg ends in `+SlapOSPatchedNNN`; so it differs from the
//! egg without the patches, and from that with others.

use std::path::{Path, PathBuf};

use buildout_core::extends::is_url;
use buildout_core::fetch::Downloaded;
use buildout_core::profile::python_text::{split_words, strip};
use buildout_core::recipe::{Construction, PartRun, PlannedDownload, RecipeError};
use buildout_eggs::name::{ProjectName, canonical_name};
use buildout_eggs::resolve::{Order, SupplyError, WorkingSet};
use buildout_eggs::source::{BuildSettings, Patches};
use buildout_eggs::version::patch_marker;

use crate::source::Source;

/// How the options end that name patches.
const SUFFIX: &str = "-patches";
/// The option of the one egg that a part patches.
const PLAIN: &str = "patches";

/// What a part says about the patches of one egg.
#[derive(Clone, Debug)]
struct Declared {
    /// The project; none for the one egg of `:custom`.
    project: Option<String>,
    option: String,
    files: Vec<String>,
    program: String,
    options: Vec<String>,
    revision: u32,
}

/// What a part says about patches.
#[derive(Clone, Debug, Default)]
pub(super) struct EggPatches {
    declared: Vec<Declared>,
}

/// A pin that does not say what the patches make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum PatchedVersion {
    #[error(
        "{project} is to be patched, so its pin must end in `+SlapOSPatched{revision:03}`: it asks for {version}"
    )]
    Differs {
        project: String,
        revision: u32,
        version: String,
    },
}

impl EggPatches {
    /// Reads the options `EGG-patches` and their kin.
    pub(super) fn read(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let names = part.option_names()?;
        let eggs: Vec<String> = names
            .iter()
            .filter_map(|name| name.strip_suffix(SUFFIX))
            .filter(|egg| !egg.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        let mut declared = Vec::new();
        for egg in &eggs {
            // What has no prefix is meant for the only egg.
            let prefixes = match eggs.len() {
                1 => vec![format!("{egg}-"), String::new()],
                _ => vec![format!("{egg}-")],
            };
            declared.extend(read_one(part, Some(egg), &prefixes)?);
        }
        Ok(EggPatches { declared })
    }

    /// Reads the options of `:custom`, which patches its one egg.
    pub(super) fn read_custom(part: &Construction<'_>, egg: &str) -> Result<Self, RecipeError> {
        let prefixes = [format!("{egg}-"), String::new()];
        let declared = read_one(part, None, &prefixes)?;
        Ok(EggPatches {
            declared: declared.into_iter().collect(),
        })
    }

    /// Returns the patches that have to be downloaded; what is wrong with one is
    /// told when its turn comes.
    pub(super) fn downloads(&self) -> Vec<PlannedDownload> {
        let files = self.declared.iter().flat_map(|declared| &declared.files);
        let sources = files
            .filter(|file| is_url(file))
            .filter_map(|file| Source::with_fragment(file, Path::new(""), PLAIN).ok());
        sources.map(|source| source.planned()).collect()
    }

    /// Has all patches at hand.
    pub(super) fn fetch(&self, run: &PartRun<'_>) -> Result<FetchedPatches, RecipeError> {
        let mut fetched = Vec::new();
        for declared in &self.declared {
            let mut files = Vec::new();
            for file in &declared.files {
                let directory = &run.services().directory;
                let source = Source::with_fragment(file, directory, PLAIN)
                    .map_err(|error| error.at_option(declared.option.clone()))?;
                files.push(source.download(&run.downloader(), None)?);
            }
            fetched.push((declared.clone(), files));
        }
        Ok(FetchedPatches { fetched })
    }
}

fn read_one(
    part: &Construction<'_>,
    egg: Option<&str>,
    prefixes: &[String],
) -> Result<Option<Declared>, RecipeError> {
    let read = |name: &str| {
        for prefix in prefixes {
            let option = format!("{prefix}{name}");
            // The egg is part of the name, so none of these is documented.
            if let Some(value) = part.buildout().get(part.part(), &option)? {
                return Ok::<_, RecipeError>(Some((option, value)));
            }
        }
        Ok(None)
    };
    let Some((option, files)) = read(PLAIN)? else {
        return Ok(None);
    };
    let files: Vec<String> = split_words(&files).map(ToOwned::to_owned).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let options = read("patch-options")?;
    let options = options.as_ref().map_or("-p0", |(_, options)| options);
    let program = read("patch-binary")?;
    let program = program.as_ref().map_or("patch", |(_, program)| program);
    let revision = match read("patch-revision")? {
        Some((option, text)) => strip(&text).parse().map_err(|_| {
            RecipeError::user(format!("Invalid patch revision: {text}"))
                .at_option(option)
                .with_hint("write a number")
        })?,
        None => u32::try_from(files.len()).unwrap_or(u32::MAX),
    };
    Ok(Some(Declared {
        project: egg.map(ToOwned::to_owned),
        option,
        files,
        program: strip(program).to_owned(),
        options: split_words(options).map(ToOwned::to_owned).collect(),
        revision,
    }))
}

/// Patches that are at hand.
pub(super) struct FetchedPatches {
    fetched: Vec<(Declared, Vec<Downloaded>)>,
}

impl FetchedPatches {
    /// Returns how the source of an order is built.
    pub(super) fn build_settings(&self, order: &Order<'_>) -> Result<BuildSettings, SupplyError> {
        Ok(BuildSettings {
            patches: self.patches_for(order)?,
            ..BuildSettings::default()
        })
    }

    /// Returns the patches for the source of an order. What they make is known
    /// beforehand: a pin that says otherwise is told of before anything is
    /// built.
    pub(super) fn patches_for(&self, order: &Order<'_>) -> Result<Option<Patches>, SupplyError> {
        let project = order.candidate.project.canonical();
        let found = self.fetched.iter().find(|(declared, _)| {
            let of_egg = declared.project.as_ref();
            of_egg.is_none_or(|egg| canonical_name(egg) == project)
        });
        let Some((declared, files)) = found else {
            return Ok(None);
        };
        let pinned = order.requirement.specifiers.single_version();
        if let Some(version) = pinned {
            let number = patch_marker(version).and_then(|(_, marker)| {
                let digits = marker.trim_start_matches(|c: char| !c.is_ascii_digit());
                digits.parse::<u32>().ok()
            });
            if number != Some(declared.revision) {
                return Err(PatchedVersion::Differs {
                    project: order.candidate.project.to_string(),
                    revision: declared.revision,
                    version: version.to_owned(),
                }
                .into());
            }
        }
        let path = |file: &Downloaded| file.path().to_owned();
        Ok(Some(Patches {
            files: files.iter().map(path).collect::<Vec<PathBuf>>(),
            program: declared.program.clone(),
            options: declared.options.clone(),
            revision: declared.revision,
        }))
    }

    /// Checks that what has patches was built with them.
    pub(super) fn check(&self, found: &WorkingSet) -> Result<(), RecipeError> {
        for (declared, _) in &self.fetched {
            let Some(egg) = &declared.project else {
                continue;
            };
            let Some(distribution) = found.find(&ProjectName::new(egg.as_str())) else {
                continue;
            };
            if patch_marker(distribution.version()).is_none() {
                let error = PatchedVersion::Differs {
                    project: egg.clone(),
                    revision: declared.revision,
                    version: distribution.version().to_owned(),
                };
                return Err(RecipeError::user(error)
                    .at_option(declared.option.clone())
                    .with_hint(format!(
                        "pin `{egg} = {}+SlapOSPatched{:03}` in `[versions]`",
                        distribution.version(),
                        declared.revision
                    )));
            }
        }
        Ok(())
    }
}
