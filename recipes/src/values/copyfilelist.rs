//! `slapos.cookbook:copyfilelist`: copies of files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use buildout_core::event::{ENGINE_LOGGER, Event, Level, LogRecord};
use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::value::str_repr;

use crate::documentation::{FunctionFactory, required};
use crate::live_options::LiveOptions as _;
use crate::output_file::write_if_different;
use crate::system_error::failed;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:copyfilelist",
    summary: "Copies files into a directory, with their modes.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const DIRECTORY: &str = "target-directory";

const FILES: &str = "file-list";

const OPTIONS: &[OptionDocumentation] = &[
    required(
        DIRECTORY,
        "The existing directory to copy into; what has the name of a copy is replaced.",
    ),
    required(FILES, "The files, separated by whitespace."),
];

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, &[], construct)
}

fn construct(_part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    Ok(Box::new(CopyFiles))
}

struct CopyFiles;

impl Recipe for CopyFiles {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let directory = run.read_required(DIRECTORY)?;
        let files = run.read_required(FILES)?;
        let mut copies = Vec::new();
        for file in split_words(&files) {
            let copy = copy_path(&directory, file);
            copy_file(run, file, &copy)?;
            let (from, to) = (str_repr(file), str_repr(&copy));
            run.log(Level::Debug, format!("Created copy {from} -> {to}"));
            copies.push(copy);
        }
        Ok(Installed::Paths(copies))
    }

    /// Upstream's recipe has no `update`, which zc.buildout tells.
    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let part = run.part();
        run.services().events.emit(Event::Log(LogRecord {
            level: Level::Info,
            logger: Arc::from(ENGINE_LOGGER),
            message: format!(
                "The recipe for {part} doesn't define an update method. Using its install method."
            ),
        }));
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let directory = option(DIRECTORY).unwrap_or_default();
        let files = option(FILES).unwrap_or_default();
        split_words(&files)
            .map(|file| copy_path(&directory, file))
            .collect()
    }
}

/// `os.path.join(directory, os.path.basename(file))`.
fn copy_path(directory: &str, file: &str) -> String {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    if directory.is_empty() || directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

fn copy_file(run: &PartRun<'_>, file: &str, copy: &str) -> Result<(), RecipeError> {
    let from = run.services().absolute(file);
    let to = run.services().absolute(copy);
    let unreadable = |error: std::io::Error| {
        RecipeError::from(failed("read", &from)(error))
            .at_option(FILES)
            .with_hint("name files that exist before the part is installed")
    };
    let content = fs::read(&from).map_err(unreadable)?;
    let mode = fs::metadata(&from)
        .map_err(unreadable)?
        .permissions()
        .mode()
        & 0o7777;
    if to.symlink_metadata().is_err() {
        run.created(&to);
    }
    write_if_different(&to, &content, mode).map_err(|error| {
        RecipeError::from(error).at_option(DIRECTORY).with_hint(
            "make the directory first, with a part of recipe slapos.cookbook:mkdirectory",
        )
    })
}
