//! `slapos.recipe.build:mkdirectory` and `slapos.cookbook:mkdirectory`: makes
//! directories.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use buildout_core::recipe::{
    Answer, Call, Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed,
    OptionDocumentation, OptionReader, PartRun, Recipe, RecipeError, UpdateKind,
};

use crate::octal_mode::parse_octal_mode;
use crate::system_error::failed;

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "mode",
        default: Some("0777"),
        summary: "The mode of new directories in octal, less the umask; directories above \
                  them get the default.",
    },
    OptionDocumentation {
        name: "*",
        default: Some(""),
        summary: "Any other option, whatever its name, is the path of a directory to make; an \
                  empty one is skipped.",
    },
];

/// The factory of the recipe, under one of its names.
pub(crate) struct MakeDirectoryFactory {
    descriptor: Descriptor,
}

impl MakeDirectoryFactory {
    pub(crate) fn new(name: &'static str) -> Self {
        MakeDirectoryFactory {
            descriptor: Descriptor {
                name,
                summary: "Makes directories, which stay when the part is removed.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: OPTIONS,
            },
        }
    }
}

impl Factory for MakeDirectoryFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        // Upstream copies the options without reading them, so that they count
        // as unused unless something else reads them.
        let call = Call::KnownValues {
            section: part.part().into(),
        };
        let options = match part.buildout().call(call)? {
            Answer::Options(options) => options,
            _ => Default::default(),
        };
        let mode = match options.get("mode") {
            Some(text) => parse_octal_mode(text)
                .map_err(|error| RecipeError::from(error).at_option("mode"))?,
            None => 0o777,
        };
        let mut directories: Vec<(String, String)> = options
            .iter()
            .filter(|(name, path)| !matches!(&***name, "recipe" | "mode") && !path.is_empty())
            .map(|(name, path)| (path.to_string(), name.to_string()))
            .collect();
        directories.sort();
        Ok(Box::new(MakeDirectory { directories, mode }))
    }
}

struct MakeDirectory {
    /// Path and option, sorted by path.
    directories: Vec<(String, String)>,
    mode: u32,
}

impl Recipe for MakeDirectory {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        for (path, option) in &self.directories {
            let path = run.services().absolute(path);
            if !path.is_dir() {
                make_directory(&path, self.mode & !run.services().umask)
                    .map_err(|error| error.at_option(option))?;
            }
        }
        // The directories will hold data of users: removing the part must not
        // remove them.
        Ok(Installed::nothing())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        let directories = self.directories.iter();
        directories.map(|(path, _)| path.clone()).collect()
    }
}

/// `os.makedirs`: the mode is only for the directory itself.
fn make_directory(path: &Path, mode: u32) -> Result<(), RecipeError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed("create directory", parent))?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        // Another part, or another process, made it in the meantime.
        Err(_) if path.is_dir() => Ok(()),
        result => Ok(result.map_err(failed("create directory", path))?),
    }
}
