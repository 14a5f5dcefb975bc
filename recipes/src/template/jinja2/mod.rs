//! `slapos.recipe.template:jinja2`: files made from Jinja2 templates.
//!
//! The [`context`] is evaluated when the recipe is constructed, and the
//! template is rendered when the part is installed, by a
//! [`TemplateEngine`]. What that refuses before it renders is given to
//! [`python`], if there is one with Jinja2.

mod context;
mod loader;
mod python;

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, PlannedDownload, Recipe, RecipeError, RunServices, UpdateKind,
};
use buildout_core::value::str_repr;

use self::context::read_context;
use self::loader::Loader;
use self::python::PythonRendering;
use super::output::Output;
use super::source::Source;
use crate::jinja2::{
    Cause, ContextValue, Extensions, NativeEngine, Rendering, TemplateEngine, TemplateError,
};
use crate::system_error::failed;

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "output",
        default: None,
        summary: "The file to make; directories above it are made too.",
    },
    OptionDocumentation {
        name: "url",
        default: Some(""),
        summary: "The template, a path or URL.",
    },
    OptionDocumentation {
        name: "inline",
        default: Some(""),
        summary: "The template itself, instead of url.",
    },
    OptionDocumentation {
        name: "md5sum",
        default: Some(""),
        summary: "The checksum that the template from url must have; with it, an update has \
                  nothing to do.",
    },
    OptionDocumentation {
        name: "mode",
        default: Some(""),
        summary: "The mode of the file in octal; by default the umask decides, and a script with \
                  an interpreter that exists is executable.",
    },
    OptionDocumentation {
        name: "context",
        default: Some(""),
        summary: "The names of the template, one in a line: raw NAME TEXT, key NAME \
                  SECTION:OPTION, json NAME JSON, jsonkey NAME SECTION:OPTION, section NAME SECTION, \
                  or import NAME MODULE.",
    },
    OptionDocumentation {
        name: "import-list",
        default: Some(""),
        summary: "The templates that can be included, one in a line: file or folder NAME \
                  SECTION:OPTION, or rawfile or rawfolder NAME PATH.",
    },
    OptionDocumentation {
        name: "import-delimiter",
        default: Some("/"),
        summary: "What stands between the name of a folder and that of a template in it.",
    },
    OptionDocumentation {
        name: "extensions",
        default: Some(""),
        summary: "Extensions of Jinja2: jinja2.ext.do and jinja2.ext.loopcontrols are known.",
    },
    OptionDocumentation {
        name: "once",
        default: Some(""),
        summary: "A file made after the first rendering; while it exists nothing is done.",
    },
    OptionDocumentation {
        name: "update",
        default: Some("false"),
        summary: "Whether each update renders again, even a template that cannot change.",
    },
    OptionDocumentation {
        name: "encoding",
        default: Some("utf-8"),
        summary: "The encoding of templates and output; only UTF-8 is supported.",
    },
    OptionDocumentation {
        name: "rendered",
        default: Some(""),
        summary: "The older name of output.",
    },
    OptionDocumentation {
        name: "template",
        default: Some(""),
        summary: "With rendered, the template: a path or URL, or inline: and the text.",
    },
];

/// What the recipe refuses.
#[derive(Debug, thiserror::Error)]
enum Jinja2Problem {
    #[error("{} is not in tuple", str_repr(value))]
    NotABoolean { value: String },
    #[error("Not supported yet: the encoding {} of a template.", str_repr(name))]
    Encoding { name: String },
    #[error("Not supported yet: the extension {} of templates.", str_repr(name))]
    Extension { name: String },
}

/// An exception of Python's own Jinja2.
#[derive(Debug, thiserror::Error)]
#[error("{class}: {message}")]
struct PythonException {
    class: String,
    message: String,
}

/// The factory of the recipe.
pub(crate) struct Jinja2Factory {
    descriptor: Descriptor,
    /// All parts share what it has compiled.
    engine: NativeEngine,
}

impl Jinja2Factory {
    pub(crate) fn new() -> Self {
        Jinja2Factory {
            descriptor: Descriptor {
                name: "slapos.recipe.template:jinja2",
                summary: "Makes a file from a Jinja2 template.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: OPTIONS,
            },
            engine: NativeEngine::default(),
        }
    }
}

impl Factory for Jinja2Factory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let once = part.option("once")?.filter(|once| !once.is_empty());
        check_encoding(part)?;
        let always_updates = read_update(part)?;
        let loader = Loader::from_options(part)?;
        let (output, source) = match part.option("output")? {
            Some(path) => (
                Output::new(part, "output", &path)?,
                Source::from_options(part)?,
            ),
            None => older_options(part)?,
        };
        let extensions = read_extensions(part)?;
        let context = Arc::from(read_context(part)?);
        Ok(Box::new(Jinja2Template {
            output,
            source,
            once,
            always_updates,
            loader,
            extensions,
            context,
            has_dumps: part.dialect().typed_values,
            engine: Box::new(self.engine.clone()),
        }))
    }
}

fn check_encoding(part: &Construction<'_>) -> Result<(), RecipeError> {
    let encoding = part.option("encoding")?;
    let Some(name) = encoding.filter(|name| !matches!(&*name.to_lowercase(), "utf-8" | "utf8"))
    else {
        return Ok(());
    };
    let name = name.to_string();
    Err(RecipeError::user(Jinja2Problem::Encoding { name })
        .at_option("encoding")
        .with_hint("convert the templates to UTF-8 and remove the option"))
}

fn read_update(part: &Construction<'_>) -> Result<bool, RecipeError> {
    match part.option("update")?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => {
            let value = value.to_owned();
            let error = RecipeError::internal("ValueError", Jinja2Problem::NotABoolean { value });
            Err(error.at_option("update").with_hint("use `true` or `false`"))
        }
    }
}

/// The options that `output`, `url` and `inline` have replaced.
fn older_options(part: &Construction<'_>) -> Result<(Output, Source), RecipeError> {
    if part.option("rendered")?.is_none() {
        // The error names the option that profiles should have.
        part.required("output")?;
    }
    let output = Output::new(part, "rendered", &part.required("rendered")?)?;
    let template = part.required("template")?;
    let source = match template.strip_prefix("inline:") {
        Some(text) => Source::Inline(Arc::from(text.trim_start_matches(['\r', '\n']))),
        None => Source::Url {
            url: template,
            option: "template",
            md5sum: part.option("md5sum")?.filter(|md5sum| !md5sum.is_empty()),
        },
    };
    Ok((output, source))
}

fn read_extensions(part: &Construction<'_>) -> Result<Extensions, RecipeError> {
    let mut extensions = Extensions::default();
    for name in split_words(&part.option("extensions")?.unwrap_or_default()) {
        match name {
            "jinja2.ext.do" => extensions.expression_statement = true,
            "jinja2.ext.loopcontrols" => extensions.loop_controls = true,
            _ => {
                let name = name.to_owned();
                return Err(
                    RecipeError::user(Jinja2Problem::Extension { name }).at_option("extensions")
                );
            }
        }
    }
    Ok(extensions)
}

struct Jinja2Template {
    output: Output,
    source: Source,
    once: Option<Arc<str>>,
    always_updates: bool,
    loader: Loader,
    extensions: Extensions,
    context: Arc<[(String, ContextValue)]>,
    has_dumps: bool,
    engine: Box<dyn TemplateEngine>,
}

impl Recipe for Jinja2Template {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let services = run.services();
        let marker = self.once.as_deref().map(|once| services.absolute(once));
        if marker.as_deref().is_some_and(Path::exists) {
            return Ok(Installed::Unchanged);
        }
        let source = self.source.read(services)?;
        let rendering = Rendering {
            name: self.source.name(),
            source,
            context: Arc::clone(&self.context),
            loader: self.loader.as_templates(),
            extensions: self.extensions,
            has_dumps: self.has_dumps,
        };
        let rendered = match self.engine.render(&rendering) {
            Err(error) if matches!(error.cause, Cause::Unsupported(_)) => {
                self.render_with_python(services, &rendering, error)?
            }
            rendered => rendered.map_err(|error| self.explain(error))?,
        };
        self.output.write(services, rendered.as_bytes())?;
        let Some(marker) = marker else {
            return Ok(Installed::path(self.output.path()));
        };
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&marker)
            .map_err(failed("create", &marker))
            .map_err(|error| RecipeError::from(error).at_option("once"))?;
        Ok(Installed::Unchanged)
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        // Upstream also takes the older form of an inline template for one
        // that may change; rendering it again gives the same text.
        if self.always_updates || !self.source.is_fixed() {
            self.install(run)?;
        }
        Ok(Installed::Unchanged)
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.output.path().to_owned()]
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        self.source.planned().into_iter().collect()
    }

    fn update_downloads(&self) -> Vec<PlannedDownload> {
        if self.always_updates || !self.source.is_fixed() {
            self.downloads()
        } else {
            Vec::new()
        }
    }
}

impl Jinja2Template {
    /// Renders what our engine refused, if there is a Python that can.
    fn render_with_python(
        &self,
        services: &RunServices,
        rendering: &Rendering,
        refused: TemplateError,
    ) -> Result<String, RecipeError> {
        match python::render(services, rendering, &self.loader)? {
            PythonRendering::Text(text) => Ok(text),
            PythonRendering::Raised {
                class,
                message,
                line,
            } => {
                let line = line.map_or(String::new(), |line| format!("line {line} of "));
                let hint = format!("see {line}template `{}`", rendering.name);
                Err(RecipeError::user(PythonException { class, message })
                    .at_option(self.source.option())
                    .with_hint(hint))
            }
            PythonRendering::Unavailable(reason) => {
                let place = format!("line {} of template `{}`", refused.line, refused.template);
                Err(RecipeError::user(refused)
                    .at_option(self.source.option())
                    .with_hint(format!(
                        "{place}: write this in another way, or have a `python3` with jinja2, six \
                         and what the template imports in the search path ({reason})"
                    )))
            }
        }
    }

    /// Adds the place in the template, which the text of upstream lacks.
    fn explain(&self, error: TemplateError) -> RecipeError {
        let place = format!("line {} of template `{}`", error.line, error.template);
        let hint = match &error.cause {
            Cause::Unsupported(_) => format!("{place}: write this in another way"),
            Cause::TemplateNotFound(_) => {
                let aliases = self.loader.aliases();
                format!("{place}: the names in `import-list` are {aliases}")
            }
            _ => format!("see {place}"),
        };
        let error = match error.cause.exception() {
            Some(exception) => RecipeError::internal(exception, error),
            None => RecipeError::user(error),
        };
        error.at_option(self.source.option()).with_hint(hint)
    }
}
