//! `slapos.cookbook:zero-knowledge.write` and `slapos.cookbook:zero-knowledge.read`: options in a
//! file that users edit.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{
    Answer, Call, Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed,
    OptionDocumentation, OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation,
    UpdateKind,
};

use super::config_parser::{ConfigError, ConfigParser};
use super::generic::{join, overwrite};
use crate::system_error::failed;

const FILE_NAME: OptionDocumentation = OptionDocumentation {
    name: "filename",
    default: Some(""),
    summary: "The file, seen from the buildout directory.",
};

const FILE_PATH: OptionDocumentation = OptionDocumentation {
    name: "file-path",
    default: Some(""),
    summary: "The path of the file; it must be there unless `filename` is.",
};

const READ_RESULTS: &[ResultDocumentation] = &[ResultDocumentation {
    name: "*",
    summary: "The options of all sections of the file; of those with one name, the last.",
}];

/// Neither of the two options is there. Upstream's two recipes differ in a pair of quotation marks.
#[derive(Debug, thiserror::Error)]
#[error("You have to provide the parameter either \"filename\" or {}", match quoted {
    true => "\"file-path\"",
    false => "file-path",
})]
struct NoFile {
    quoted: bool,
}

/// Returns the path of the file, and the option that names it.
fn file_path(part: &Construction<'_>, quoted: bool) -> Result<(String, &'static str), RecipeError> {
    let name = part.option("filename")?;
    if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
        let directory = part.buildout_option("directory")?.unwrap_or_default();
        return Ok((join(&directory, strip(name)), "filename"));
    }
    if name.is_none() && part.option("file-path")?.is_none() {
        return Err(RecipeError::user(NoFile { quoted })
            .with_hint(format!("add `filename = ...` to `[{}]`", part.part())));
    }
    Ok((strip(&part.required("file-path")?).to_owned(), "file-path"))
}

fn read(path: &Path) -> Result<Option<String>, RecipeError> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let error = io::Error::new(io::ErrorKind::InvalidData, error);
                Err(failed("read", path)(error).into())
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error).into()),
    }
}

impl From<ConfigError> for RecipeError {
    fn from(error: ConfigError) -> Self {
        let (exception, hint) = (error.exception(), error.hint());
        RecipeError::internal(exception, error).with_hint(hint)
    }
}

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    [
        Arc::new(WriteFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:zero-knowledge.write",
                summary: "Writes its options into a section of a file, named as the part. What the \
                          file has already stays, so that users can change it there.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: &[
                    FILE_NAME,
                    FILE_PATH,
                    OptionDocumentation {
                        name: "*",
                        default: Some(""),
                        summary: "Any other option goes into the file. Names are in lower case \
                                  there, and `%` must be doubled.",
                    },
                ],
            },
        }),
        Arc::new(ReadFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:zero-knowledge.read",
                summary: "Sets its options to those of all sections of a file, if it exists.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Nothing,
                options: &[FILE_NAME, FILE_PATH],
            },
        }),
    ]
}

struct WriteFactory {
    descriptor: Descriptor,
}

impl Factory for WriteFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let (path, option) = file_path(part, true)?;
        // Upstream copies the options without reading them, so that they count as unused unless
        // something else reads them.
        let call = Call::KnownValues {
            section: part.part().into(),
        };
        let known = match part.buildout().call(call)? {
            Answer::Options(options) => options,
            _ => Default::default(),
        };
        let is_own = |name: &str| name == "recipe" || name == option;
        let options = known.iter().filter(|(name, _)| !is_own(name));
        let options = options.map(|(name, value)| (Arc::clone(name), Arc::clone(value)));
        Ok(Box::new(Write {
            path,
            path_option: option,
            options: options.collect(),
        }))
    }
}

struct Write {
    path: String,
    path_option: &'static str,
    options: Vec<(Arc<str>, Arc<str>)>,
}

impl Recipe for Write {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let path = run.services().absolute(&self.path);
        let text = read(&path).map_err(|error| error.at_option(self.path_option))?;
        let mut file = ConfigParser::read(&text.unwrap_or_default(), &self.path)
            .map_err(|error| RecipeError::from(error).at_option(self.path_option))?;
        let section = run.part();
        if file.sections().all(|known| known != section) {
            file.reset_section(section);
        }
        for (name, value) in &self.options {
            // The name is looked for as it stands: what users wrote for one with capital letters
            // does not last.
            if file.has_option(section, name) == Some(true) {
                continue;
            }
            file.set(section, name, value)
                .map_err(|error| RecipeError::from(error).at_option(&**name))?;
        }
        overwrite(run, self.path_option, &self.path, &file.text())?;
        // The file has what users wrote: removing the part must not remove it.
        Ok(Installed::Unchanged)
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.path.clone()]
    }
}

struct ReadFactory {
    descriptor: Descriptor,
}

impl Factory for ReadFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        READ_RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let (path, option) = file_path(part, false)?;
        let place: PathBuf = part.services().absolute(&path);
        let Some(text) = read(&place).map_err(|error| error.at_option(option))? else {
            return Ok(Box::new(Read));
        };
        let failed = |error: ConfigError| RecipeError::from(error).at_option(option);
        let file = ConfigParser::read(&text, &path).map_err(failed)?;
        for section in file.sections() {
            for (name, value) in file.items(section).map_err(failed)? {
                part.set(&name, &value)?;
            }
        }
        Ok(Box::new(Read))
    }
}

struct Read;

impl Recipe for Read {
    fn install(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::nothing())
    }

    fn update(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::nothing())
    }
}
