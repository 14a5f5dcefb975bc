//! `slapos.recipe.template`: a text with the references of profiles.

use std::sync::Arc;

use buildout_core::profile::python_text::universal_newlines;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, PlannedDownload, Recipe, RecipeError, UpdateKind,
};

use super::output::Output;
use super::source::Source;

/// The factory of the recipe.
pub(crate) struct PlainTemplateFactory {
    descriptor: Descriptor,
}

impl PlainTemplateFactory {
    pub(crate) fn new() -> Self {
        PlainTemplateFactory {
            descriptor: Descriptor {
                name: "slapos.recipe.template",
                summary: "Makes a file from a text with references such as ${section:option}.",
                behaviour_version: 1,
                // A template may have to be downloaded, as a profile may.
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: &[
                    OptionDocumentation {
                        name: "output",
                        default: None,
                        summary: "The file to make; directories above it are made too.",
                    },
                    OptionDocumentation {
                        name: "url",
                        default: Some(""),
                        summary: "The template, a path or URL; $$ in it stands for a dollar sign.",
                    },
                    OptionDocumentation {
                        name: "inline",
                        default: Some(""),
                        summary: "The text itself, instead of url.",
                    },
                    OptionDocumentation {
                        name: "md5sum",
                        default: Some(""),
                        summary: "The checksum that the template from url must have; with it, an \
                                  update has nothing to do.",
                    },
                    OptionDocumentation {
                        name: "mode",
                        default: Some(""),
                        summary: "The mode of the file in octal; by default the umask decides, \
                                  and a script with an interpreter that exists is executable.",
                    },
                ],
            },
        }
    }
}

impl Factory for PlainTemplateFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let output = Output::new(part, "output", &part.required("output")?)?;
        let source = Source::from_options(part)?;
        let text = source.read(part.services())?;
        let text = match &source {
            Source::Inline(_) => text,
            Source::Url { .. } => substitute(part, &text)?,
        };
        Ok(Box::new(PlainTemplate {
            output,
            text,
            source,
        }))
    }
}

/// Replaces the references of a template, seen from the part, which comes to
/// depend on their sections. `$$` makes a dollar sign and ends whatever
/// reference was open.
fn substitute(part: &Construction<'_>, text: &str) -> Result<Arc<str>, RecipeError> {
    let text = universal_newlines(text);
    let mut pieces = Vec::new();
    for piece in text.split("$$") {
        pieces.push(part.buildout().substitute(part.part(), piece)?);
    }
    Ok(Arc::from(pieces.join("$")))
}

struct PlainTemplate {
    output: Output,
    text: Arc<str>,
    source: Source,
}

impl Recipe for PlainTemplate {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.output.write(run.services(), self.text.as_bytes())?;
        Ok(Installed::path(self.output.path()))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if !self.source.is_fixed() {
            self.install(run)?;
        }
        Ok(Installed::Unchanged)
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.output.path().to_owned()]
    }

    fn constructed_with(&self) -> Vec<PlannedDownload> {
        self.source.planned().into_iter().collect()
    }
}
