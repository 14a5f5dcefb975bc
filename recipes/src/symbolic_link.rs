//! `slapos.cookbook:symbolic.link`: links programs into a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use buildout_core::event::Level;
use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::value::str_repr;

use crate::live_options::LiveOptions as _;
use crate::system_error::failed;

/// A link cannot be made because something else has its name.
#[derive(Debug, thiserror::Error)]
#[error("Target {} already exists but is not a link", str_repr(path))]
struct NotALink {
    path: String,
}

/// The factory of the recipe.
pub(crate) struct SymbolicLinkFactory {
    descriptor: Descriptor,
}

impl SymbolicLinkFactory {
    pub(crate) fn new() -> Self {
        SymbolicLinkFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:symbolic.link",
                summary: "Makes symbolic links in a directory, each named as what it leads to.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: &[
                    OptionDocumentation {
                        name: "target-directory",
                        default: None,
                        summary: "The existing directory that the links are made in.",
                    },
                    OptionDocumentation {
                        name: "link-binary",
                        default: None,
                        summary: "What to link to: paths separated by whitespace.",
                    },
                ],
            },
        }
    }
}

impl Factory for SymbolicLinkFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, _part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        Ok(Box::new(SymbolicLink))
    }
}

struct SymbolicLink;

impl Recipe for SymbolicLink {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let directory = run.read_required("target-directory")?;
        let targets = run.read_required("link-binary")?;
        let mut links = Vec::new();
        for target in split_words(&targets) {
            let link = join(&directory, file_name(target));
            make_link(run, target, &link)?;
            let (shown_link, shown_target) = (str_repr(&link), str_repr(target));
            run.log(
                Level::Debug,
                format!("Created link {shown_link} -> {shown_target}"),
            );
            links.push(link);
        }
        Ok(Installed::Paths(links))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let directory = option("target-directory").unwrap_or_default();
        let targets = option("link-binary").unwrap_or_default();
        let names = split_words(&targets).map(file_name);
        names.map(|name| join(&directory, name)).collect()
    }
}

/// What follows the last slash.
fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// `os.path.join`, for a name without a slash.
fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() || directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

fn make_link(run: &PartRun<'_>, target: &str, link: &str) -> Result<(), RecipeError> {
    let path = run.services().absolute(link);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.is_symlink() => {
            let hint = match link.ends_with('/') {
                true => format!("name a file in `link-binary`: `{target}` ends with a slash"),
                false => format!("remove or rename `{link}`"),
            };
            let path = link.to_owned();
            return Err(RecipeError::user(NotALink { path })
                .at_option("link-binary")
                .with_hint(hint));
        }
        Ok(_) => {
            let current = fs::read_link(&path).map_err(failed("read the link", &path))?;
            if current == Path::new(target) {
                return Ok(());
            }
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Err(_) => run.created(&path),
    }
    symlink(target, &path).map_err(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = RecipeError::from(failed("create the link", &path)(error));
        match is_missing {
            true => error.at_option("target-directory").with_hint(
                "make the directory first, with a part of recipe slapos.cookbook:mkdirectory",
            ),
            false => error,
        }
    })
}
