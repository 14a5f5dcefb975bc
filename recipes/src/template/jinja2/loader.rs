//! `import-list`: the templates that a template can include.

use std::path::Path;
use std::sync::Arc;

use buildout_core::extends::normalize_path;
use buildout_core::profile::python_text::split_lines;
use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::{Value, str_repr};

use crate::jinja2::{LoadError, LoadedTemplate, TemplateLoader};

use super::context::{ContextProblem, read_key, split_entry};

/// The default of `import-delimiter`.
const DEFAULT_DELIMITER: &str = "/";

/// Where one alias leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(String),
    Folder(String),
}

/// Finds templates by the names that templates use.
#[derive(Clone, Debug, Default)]
pub(super) struct Loader {
    places: Vec<(String, Place)>,
    delimiter: String,
}

impl Loader {
    /// Reads the options `import-list` and `import-delimiter`.
    pub(super) fn from_options(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let delimiter = part.option("import-delimiter")?;
        let mut loader = Loader {
            places: Vec::new(),
            delimiter: delimiter.as_deref().unwrap_or(DEFAULT_DELIMITER).to_owned(),
        };
        let list = part.option("import-list")?.unwrap_or_default();
        for line in split_lines(&list) {
            if line.is_empty() {
                continue;
            }
            loader
                .add(part, line)
                .map_err(|error| error.at_option("import-list"))?;
        }
        Ok(loader)
    }

    fn add(&mut self, part: &Construction<'_>, line: &str) -> Result<(), RecipeError> {
        let (kind, alias, expression) = split_entry(line)?;
        if self.places.iter().any(|(known, _)| known == alias) {
            let alias = alias.to_owned();
            return Err(ContextProblem::DuplicateImport { alias }.into());
        }
        let path = match kind {
            "rawfile" | "rawfolder" => expression.to_owned(),
            "file" | "folder" => read_key(part, expression)?,
            _ => {
                let kind = kind.to_owned();
                return Err(RecipeError::from(ContextProblem::UnknownType { kind })
                    .with_hint("the types are file, rawfile, folder and rawfolder"));
            }
        };
        let path = part.services().absolute(path);
        let path = normalize_path(&path.to_string_lossy());
        let place = match kind {
            "rawfile" | "file" => Place::File(path),
            _ => Place::Folder(path),
        };
        self.places.push((alias.to_owned(), place));
        Ok(())
    }

    /// Returns the path of the template that `name` means, if it is there.
    ///
    /// The alias of a file is its name; below the alias of a folder, names
    /// must stay in it. (Upstream compares texts and so also lets `../x` reach
    /// a neighbour whose name begins with that of the folder.)
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let (alias, rest) = match name.split_once(&*self.delimiter) {
            Some(split) if !self.delimiter.is_empty() => split,
            _ => (name, ""),
        };
        let (_, place) = self.places.iter().find(|(known, _)| known == alias)?;
        let path = match place {
            Place::File(path) if rest.is_empty() => path.clone(),
            Place::File(_) => return None,
            Place::Folder(folder) => {
                let relative = rest.replace(&*self.delimiter, "/");
                let path = normalize_path(&format!("{folder}/{relative}"));
                if !Path::new(&path).starts_with(folder) {
                    return None;
                }
                path
            }
        };
        Path::new(&path).is_file().then_some(path)
    }

    /// Returns the templates, if there are any.
    pub(super) fn as_templates(&self) -> Option<Arc<dyn TemplateLoader>> {
        match self.places.is_empty() {
            true => None,
            false => Some(Arc::new(self.clone())),
        }
    }

    /// Returns what stands between the parts of a name.
    pub(super) fn delimiter(&self) -> &str {
        &self.delimiter
    }

    /// Lists alias, kind and path of all templates.
    pub(super) fn describe(&self) -> Vec<Value> {
        let places = self.places.iter().map(|(alias, place)| {
            let (kind, path) = match place {
                Place::File(path) => ("file", path),
                Place::Folder(path) => ("folder", path),
            };
            Value::Tuple(vec![
                alias.as_str().into(),
                kind.into(),
                path.as_str().into(),
            ])
        });
        places.collect()
    }

    /// Lists the aliases, for hints.
    pub(super) fn aliases(&self) -> String {
        let aliases = self.places.iter().map(|(alias, _)| str_repr(alias));
        aliases.collect::<Vec<_>>().join(", ")
    }
}

impl TemplateLoader for Loader {
    fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError> {
        let Some(path) = self.find(name) else {
            return Ok(None);
        };
        let source = std::fs::read(&path).map_err(|error| LoadError {
            exception: "OSError",
            message: format!("failed to read `{path}`: {error}"),
        })?;
        let source = String::from_utf8(source).map_err(|error| LoadError {
            exception: "UnicodeDecodeError",
            message: format!("`{path}` is not UTF-8: {}", error.utf8_error()),
        })?;
        Ok(Some(LoadedTemplate {
            name: path.into(),
            source: source.into(),
        }))
    }
}
