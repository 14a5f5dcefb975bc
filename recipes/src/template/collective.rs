//! `collective.recipe.template`: a text with the references of profiles, where
//! a name without a section is an option of the part.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::profile::python_text::is_python_space;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::value::str_repr;

use super::source::Source;
use crate::octal_mode::parse_octal_mode;
use crate::output_file::write_if_different;
use crate::system_error::failed;

/// What the recipe refuses, in upstream's words where it has some.
#[derive(Debug, thiserror::Error)]
enum CollectiveProblem {
    #[error("No input file, inline template, or URL specified.")]
    NoInput,
    #[error("No output file specified.")]
    NoOutput,
    #[error("Too many input sources.")]
    TooManyInputs,
    #[error("Input file '{path}' does not exist.")]
    MissingInput { path: String },
    #[error("the template `{path}` is not UTF-8: invalid byte at offset {offset}")]
    NotUtf8 { path: String, offset: usize },
    #[error("Not supported: the encoding {} of a template.", str_repr(name))]
    Encoding { name: String },
    #[error("Not supported: a timeout of the recipe's own.")]
    Timeout,
}

/// The factory of the recipe.
pub(crate) struct CollectiveTemplateFactory {
    descriptor: Descriptor,
}

impl CollectiveTemplateFactory {
    pub(crate) fn new() -> Self {
        CollectiveTemplateFactory {
            descriptor: Descriptor {
                name: "collective.recipe.template",
                summary: "Makes a file from a text with references such as ${option} and \
                          ${section:option}.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: OPTIONS,
            },
        }
    }
}

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "output",
        default: None,
        summary: "The file to make; directories above it are made, and removed with it.",
    },
    OptionDocumentation {
        name: "input",
        default: Some(""),
        summary: "The path of the template, or inline: and the text. The file gets the mode of \
                  the template.",
    },
    OptionDocumentation {
        name: "inline",
        default: Some(""),
        summary: "The text itself, instead of input.",
    },
    OptionDocumentation {
        name: "url",
        default: Some(""),
        summary: "The URL of the template, instead of input.",
    },
    OptionDocumentation {
        name: "mode",
        default: Some(""),
        summary: "The mode of the file in octal.",
    },
    OptionDocumentation {
        name: "overwrite",
        default: Some("true"),
        summary: "Whether a file that exists is replaced; if not, it is never removed either.",
    },
    OptionDocumentation {
        name: "input-encoding",
        default: Some("utf-8"),
        summary: "The encoding of the template; only UTF-8 is supported.",
    },
    OptionDocumentation {
        name: "output-encoding",
        default: Some("utf-8"),
        summary: "The encoding of the file; only UTF-8 is supported.",
    },
    OptionDocumentation {
        name: "timeout",
        default: Some(""),
        summary: "Not supported: the limits of all downloads apply.",
    },
];

impl Factory for CollectiveTemplateFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let (input, inline, url) = (
            part.option("input")?,
            part.option("inline")?,
            part.option("url")?,
        );
        if input.is_none() && inline.is_none() && url.is_none() {
            return Err(RecipeError::user(CollectiveProblem::NoInput)
                .with_hint("add `input = ...` with the path of the template"));
        }
        let Some(output) = part.option("output")? else {
            return Err(RecipeError::user(CollectiveProblem::NoOutput)
                .with_hint("add `output = ...` with the path of the file to make"));
        };
        if input.is_some() && (inline.is_some() || url.is_some()) {
            return Err(RecipeError::user(CollectiveProblem::TooManyInputs)
                .at_option("input")
                .with_hint("remove all but one of `input`, `inline` and `url`"));
        }
        for option in ["input-encoding", "output-encoding"] {
            check_encoding(part, option)?;
        }
        if part.option("timeout")?.is_some() {
            return Err(RecipeError::user(CollectiveProblem::Timeout)
                .at_option("timeout")
                .with_hint("remove it: the timeouts of all downloads apply"));
        }
        let (source, mode) = match (inline, input, url) {
            (Some(text), ..) => (strip(&text), None),
            (None, Some(input), _) => read_input(part, &input)?,
            (None, None, Some(url)) => {
                let source = Source::Url {
                    url,
                    option: "url",
                    md5sum: None,
                };
                (source.read(part.services())?.to_string(), None)
            }
            (None, None, None) => (String::new(), None),
        };
        let mode = match part.option("mode")? {
            Some(mode) => Some(
                parse_octal_mode(&mode)
                    .map_err(|error| RecipeError::from(error).at_option("mode"))?,
            ),
            None => mode,
        };
        let overwrite = part.option("overwrite")?;
        let overwrite = overwrite
            .is_none_or(|value| matches!(&*value.to_lowercase(), "y" | "yes" | "1" | "true"));
        Ok(Box::new(CollectiveTemplate {
            content: substitute(part, &source)?,
            path: part.services().absolute(&*output),
            output: output.to_string(),
            mode,
            overwrite,
        }))
    }
}

fn check_encoding(part: &Construction<'_>, option: &'static str) -> Result<(), RecipeError> {
    let encoding = part.option(option)?;
    match encoding.filter(|name| !matches!(&*name.to_lowercase(), "utf-8" | "utf8")) {
        None => Ok(()),
        Some(name) => {
            let name = name.to_string();
            Err(RecipeError::user(CollectiveProblem::Encoding { name })
                .at_option(option)
                .with_hint("convert the template to UTF-8 and remove the option"))
        }
    }
}

fn strip(text: &str) -> String {
    text.trim_start_matches(is_python_space).to_owned()
}

/// Reads the file, or what follows `inline:` if there is no such file.
fn read_input(part: &Construction<'_>, input: &str) -> Result<(String, Option<u32>), RecipeError> {
    let path = part.services().absolute(input);
    if path.exists() {
        let failed_at = |error| RecipeError::from(error).at_option("input");
        let bytes = fs::read(&path)
            .map_err(failed("read", &path))
            .map_err(failed_at)?;
        let metadata = fs::metadata(&path)
            .map_err(failed("examine", &path))
            .map_err(failed_at)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let problem = CollectiveProblem::NotUtf8 {
                path: input.to_owned(),
                offset: error.utf8_error().valid_up_to(),
            };
            RecipeError::internal("UnicodeDecodeError", problem).at_option("input")
        })?;
        return Ok((text, Some(metadata.permissions().mode() & 0o7777)));
    }
    match input.strip_prefix("inline:") {
        Some(text) => Ok((strip(text), None)),
        None => {
            let path = input.to_owned();
            Err(RecipeError::user(CollectiveProblem::MissingInput { path }).at_option("input"))
        }
    }
}

/// Replaces the references of a template. Nothing escapes them: a dollar sign
/// in front of one stays.
fn substitute(part: &Construction<'_>, text: &str) -> Result<Arc<str>, RecipeError> {
    let text = name_sections(part.part(), text);
    let mut result = String::new();
    for (index, piece) in text.split("$${").enumerate() {
        let piece = match index {
            0 => piece.to_owned(),
            _ => {
                result.push('$');
                format!("${{{piece}")
            }
        };
        result.push_str(&part.buildout().substitute(part.part(), &piece)?);
    }
    Ok(Arc::from(result))
}

/// Adds the section to references without one.
fn name_sections(section: &str, text: &str) -> String {
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        named.push_str(&rest[..at + 2]);
        rest = &rest[at + 2..];
        // The name has one character or more, which may be any but a colon.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('}').map(|end| first + end);
        if let Some(end) = end.filter(|end| !rest[..*end].contains(':')) {
            named.push_str(section);
            named.push(':');
            named.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
        }
    }
    named.push_str(rest);
    named
}

struct CollectiveTemplate {
    content: Arc<str>,
    output: String,
    /// The same, absolute.
    path: PathBuf,
    mode: Option<u32>,
    overwrite: bool,
}

impl Recipe for CollectiveTemplate {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let path = &self.path;
        if !self.overwrite && path.is_file() {
            return Ok(Installed::nothing());
        }
        let mut created = Vec::new();
        for directory in missing_parents(path) {
            fs::create_dir(&directory)
                .map_err(failed("create directory", &directory))
                .map_err(|error| RecipeError::from(error).at_option("output"))?;
            run.created(&directory);
            created.push(directory.to_string_lossy().into_owned());
        }
        let mode = self.mode.unwrap_or(0o666 & !run.services().umask);
        write_if_different(path, self.content.as_bytes(), mode)
            .map_err(|error| RecipeError::from(error).at_option("output"))?;
        if self.overwrite {
            created.push(self.output.clone());
        }
        Ok(Installed::Paths(created))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        match fs::read(&self.path) {
            Ok(current) if current == self.content.as_bytes() => Ok(Installed::Unchanged),
            _ => self.install(run),
        }
    }

    /// Which part makes and so removes a directory must not depend on who is
    /// faster: directories that are missing are outputs as well.
    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        let directories = missing_parents(&self.path).into_iter();
        let mut outputs: Vec<String> = directories
            .map(|directory| directory.to_string_lossy().into_owned())
            .collect();
        outputs.push(self.output.clone());
        outputs
    }
}

/// Lists the directories above a path that do not exist, the outermost first.
fn missing_parents(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> = path
        .ancestors()
        .skip(1)
        .take_while(|directory| !directory.exists())
        .map(Path::to_path_buf)
        .collect();
    missing.reverse();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_without_a_section_get_one() {
        for (text, expected) in [
            ("x=${x} s=${s:y}", "x=${p:x} s=${s:y}"),
            ("d=$${x} $$x", "d=$${p:x} $$x"),
            ("${a\nb}${", "${p:a\nb}${"),
            ("${}} ${a${b:c}", "${p:}} ${a${b:c}"),
            ("${é}", "${p:é}"),
        ] {
            assert_eq!(name_sections("p", text), expected);
        }
    }
}
