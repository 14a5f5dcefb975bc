//! `slapos.cookbook:publish` and its kin: tells the master what others need to
//! use the instance.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Buildout as _, Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed,
    OptionDocumentation, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::resolve::OptionMap;
use buildout_core::value::{Dict, Value, decode};

use super::connection::Connection;
use super::failure::master_failure;
use super::json::wrap;
use crate::live_options::missing_option;
use crate::system_error::failed;

/// Where the options of a section that may be published are named.
const PUBLISH: &str = "-publish";

const FAILSAFE_OPTIONS: &[OptionDocumentation] = &[
    EXTENDS,
    PUBLISHED,
    SHARED_REFERENCE,
    OptionDocumentation {
        name: "-error-status-file",
        default: Some(""),
        summary: "A file that exists, and tells why, as long as publishing fails, which is then \
                  tried again in every run; without it, a failure passes unnoticed.",
    },
    OTHERS,
];

const OPTIONS: &[OptionDocumentation] = &[EXTENDS, PUBLISHED, SHARED_REFERENCE, OTHERS];

const EXTENDS: OptionDocumentation = OptionDocumentation {
    name: "-extends",
    default: Some(""),
    summary: "Further sections, whose options are published as well; their own `-extends` counts, \
              too. With it, every run publishes.",
};

const PUBLISHED: OptionDocumentation = OptionDocumentation {
    name: "-publish",
    default: Some(""),
    summary: "The options to publish; without it, all but `recipe` and those whose names start \
              with `-`. It counts for its own section only.",
};

const SHARED_REFERENCE: OptionDocumentation = OptionDocumentation {
    name: "-slave-reference",
    default: Some(""),
    summary: "The shared instance that it is published for, instead of the instance itself.",
};

const OTHERS: OptionDocumentation = OptionDocumentation {
    name: "*",
    default: Some(""),
    summary: "Any other option is published under its name.",
};

/// What distinguishes the recipes.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Whether all is published as one JSON text, which keeps types.
    is_serialised: bool,
    /// Whether a failure is only noted down.
    is_failsafe: bool,
}

struct PublishFactory {
    descriptor: Descriptor,
    kind: Kind,
}

/// Returns the factories of all forms.
pub(super) fn factories() -> Vec<Arc<dyn Factory>> {
    let form = |name, is_serialised, is_failsafe, summary| {
        Arc::new(PublishFactory {
            descriptor: Descriptor {
                name,
                summary,
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: if is_failsafe {
                    FAILSAFE_OPTIONS
                } else {
                    OPTIONS
                },
            },
            kind: Kind {
                is_serialised,
                is_failsafe,
            },
        }) as Arc<dyn Factory>
    };
    vec![
        form(
            "slapos.cookbook:publish",
            false,
            false,
            "Publishes its options as connection parameters of the instance.",
        ),
        form(
            "slapos.cookbook:publish.serialised",
            true,
            false,
            "Publishes its options as connection parameters, in JSON, which keeps their types.",
        ),
        form(
            "slapos.cookbook:publish_failsafe",
            false,
            true,
            "Publishes its options as connection parameters; the run goes on if that fails.",
        ),
        form(
            "slapos.cookbook:publish.serialised_failsafe",
            true,
            true,
            "Publishes its options as connection parameters, in JSON; the run goes on if that \
             fails.",
        ),
    ]
}

impl Factory for PublishFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let connection = Connection::of_section(part)?;
        // The sections that the installation is going to read become
        // dependencies of the part.
        let mut sections: Vec<Arc<str>> = Vec::new();
        let mut left = vec![Arc::from(part.part())];
        while let Some(name) = left.pop() {
            if sections.contains(&name) {
                continue;
            }
            let extends = part.buildout().get(&name, "-extends")?;
            left.extend(split_words(&extends.unwrap_or_default()).map(Arc::from));
            sections.push(name);
        }
        let own = |option: &str| -> Result<Option<String>, RecipeError> {
            let value = part.option(option)?;
            Ok(value.map(|value| value.to_string()))
        };
        Ok(Box::new(Publish {
            connection,
            sections,
            shared_reference: own("-slave-reference")?.filter(|value| !value.is_empty()),
            error_status_file: own("-error-status-file")?.filter(|_| self.kind.is_failsafe),
            kind: self.kind,
            is_typed: part.dialect().typed_values,
        }))
    }

    fn uninstall(&self, _part: &str, options: &OptionMap) -> Option<Result<(), RecipeError>> {
        if !self.kind.is_failsafe {
            return None;
        }
        let path = Path::new(&**options.get("-error-status-file")?);
        if !path.exists() {
            return None;
        }
        Some(fs::remove_file(path).map_err(|error| failed("remove", path)(error).into()))
    }
}

struct Publish {
    connection: Connection,
    /// The part itself, and what it extends.
    sections: Vec<Arc<str>>,
    shared_reference: Option<String>,
    error_status_file: Option<String>,
    kind: Kind,
    is_typed: bool,
}

impl Publish {
    /// Reads what is to be published. An option of the part itself comes
    /// before one of a section that it extends; upstream leaves that to chance.
    fn published(&self, run: &PartRun<'_>) -> Result<Dict, RecipeError> {
        let buildout = run.buildout();
        let mut published = Dict::new();
        for section in self.sections.iter().rev() {
            let names: Vec<Arc<str>> = match buildout.get(section, PUBLISH)? {
                Some(names) => split_words(&names).map(Arc::from).collect(),
                None => {
                    let names = buildout.option_names(section)?.into_iter();
                    names
                        .filter(|name| &**name != "recipe" && !name.starts_with('-'))
                        .collect()
                }
            };
            for name in names {
                let Some(text) = buildout.get(section, &name)? else {
                    return Err(missing_option(section, &name));
                };
                let typed = if self.is_typed {
                    decode(&text).map_err(|error| RecipeError::internal("ValueError", error))?
                } else {
                    None
                };
                published.insert_str(name, typed.unwrap_or_else(|| Value::string(text)));
            }
        }
        Ok(published)
    }

    fn publish(&self, run: &PartRun<'_>, published: Dict) -> Result<(), RecipeError> {
        let connection = if self.kind.is_serialised {
            wrap(&Value::Dict(published))?
        } else {
            published
        };
        self.connection
            .master(run.services())
            .set_connection(
                &self.connection.partition,
                &connection,
                self.shared_reference.as_deref(),
            )
            .map_err(master_failure)
    }

    /// Writes down why publishing failed, or that it did not.
    fn note_outcome(
        &self,
        run: &PartRun<'_>,
        outcome: Result<(), RecipeError>,
    ) -> Result<(), RecipeError> {
        let Some(file) = &self.error_status_file else {
            return Ok(());
        };
        let path = run.services().absolute(file);
        match outcome {
            Err(error) => {
                // Upstream writes Python's traceback, which ends like this.
                let text = format!("{error}\n");
                Ok(fs::write(&path, text).map_err(failed("write", &path))?)
            }
            Ok(()) if path.exists() => Ok(fs::remove_file(&path).map_err(failed("remove", &path))?),
            Ok(()) => Ok(()),
        }
    }
}

impl Recipe for Publish {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let published = self.published(run)?;
        let outcome = self.publish(run, published);
        if self.kind.is_failsafe {
            self.note_outcome(run, outcome)?;
        } else {
            outcome?;
        }
        Ok(Installed::nothing())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if self.kind.is_failsafe {
            match &self.error_status_file {
                // Upstream does not even look at `-extends` then.
                None => return Ok(Installed::Unchanged),
                Some(file) if run.services().absolute(file).exists() => return self.install(run),
                Some(_) => {}
            }
        }
        // What a section that is extended has become is not seen otherwise.
        if self.sections.len() > 1 {
            self.install(run)
        } else {
            Ok(Installed::nothing())
        }
    }
}
