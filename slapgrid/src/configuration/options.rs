//! The options of the node by name, from the file and the command line.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::ConfigurationError;
use super::buildout_override::BuildoutOverride;
use super::ini::IniFile;

/// The options of `[slapos]`, with those of `[networkcache]` over them, and what
/// the command line gives over both (upstream's `merged_options`).
#[derive(Clone, Debug)]
pub struct Options {
    file: IniFile,
    source: PathBuf,
    working_directory: PathBuf,
    values: IndexMap<String, String>,
    buildout_override: BuildoutOverride,
}

impl Options {
    /// Puts the options together. Relative paths start from the working
    /// directory.
    ///
    /// # Errors
    ///
    /// A value of the file cannot be resolved, or `[buildout-override]` has an
    /// option that is none.
    pub fn of(
        file: &IniFile,
        source: &Path,
        working_directory: &Path,
        given: IndexMap<String, String>,
    ) -> Result<Self, ConfigurationError> {
        let unparsable = |mistake| ConfigurationError::Unparsable {
            path: source.to_owned(),
            mistake,
        };
        let mut values = IndexMap::new();
        for section in ["slapos", "networkcache"] {
            values.extend(file.items(section).map_err(unparsable)?);
        }
        values.extend(given);
        let items = file.items(BuildoutOverride::SECTION).map_err(unparsable)?;
        Ok(Options {
            buildout_override: BuildoutOverride::of(items)?,
            file: file.clone(),
            source: source.to_owned(),
            working_directory: working_directory.to_owned(),
            values,
        })
    }

    /// Reads the file `path`.
    ///
    /// # Errors
    ///
    /// It is not there or has mistakes.
    pub fn load(
        path: &Path,
        working_directory: &Path,
        given: IndexMap<String, String>,
    ) -> Result<Self, ConfigurationError> {
        let path = working_directory.join(path);
        let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => ConfigurationError::NoFile(path.clone()),
            _ => ConfigurationError::Unreadable {
                path: path.clone(),
                source,
            },
        })?;
        let file = IniFile::parse(&text).map_err(|mistake| ConfigurationError::Unparsable {
            path: path.clone(),
            mistake,
        })?;
        Self::of(&file, &path, working_directory, given)
    }

    /// Returns the file that was read.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// Returns the same options with those of another section below them.
    pub(crate) fn with_section_below(&self, section: &str) -> Result<Self, ConfigurationError> {
        let mut values =
            self.file
                .items(section)
                .map_err(|mistake| ConfigurationError::Unparsable {
                    path: self.source.clone(),
                    mistake,
                })?;
        values.extend(self.values.clone());
        Ok(Options {
            values,
            ..self.clone()
        })
    }

    /// Returns the options of another section; none if it is not there.
    pub(super) fn section(
        &self,
        section: &str,
    ) -> Result<IndexMap<String, String>, ConfigurationError> {
        if !self.has_section(section) {
            return Ok(IndexMap::new());
        }
        let items = self.file.items(section);
        items.map_err(|mistake| ConfigurationError::Unparsable {
            path: self.source.clone(),
            mistake,
        })
    }

    /// Returns the file's sections.
    pub fn sections(&self) -> &IniFile {
        &self.file
    }

    /// Returns an option as it is.
    pub fn get(&self, option: &str) -> Option<&str> {
        self.values.get(option).map(String::as_str)
    }

    pub(super) fn buildout_override(&self) -> &BuildoutOverride {
        &self.buildout_override
    }

    pub(super) fn has_section(&self, section: &str) -> bool {
        self.file.has_section(section)
    }

    /// Returns options that must have a value.
    pub(crate) fn mandatory<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<[&str; N], ConfigurationError> {
        let missing: Vec<_> = names
            .into_iter()
            .filter(|name| self.get(name).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(ConfigurationError::Missing(missing));
        }
        let empty: Vec<_> = names
            .into_iter()
            .filter(|name| self.get(name) == Some(""))
            .collect();
        if !empty.is_empty() {
            return Err(ConfigurationError::Empty(empty));
        }
        Ok(names.map(|name| self.get(name).unwrap_or("")))
    }

    pub(crate) fn invalid(
        &self,
        option: &str,
        value: &str,
        expected: &'static str,
    ) -> ConfigurationError {
        ConfigurationError::Invalid {
            option: option.to_owned(),
            value: value.to_owned(),
            expected,
        }
    }

    /// Reads `true` or `false`, in any case.
    ///
    /// # Errors
    ///
    /// Another value.
    pub fn boolean(&self, option: &str, default: bool) -> Result<bool, ConfigurationError> {
        match self.get(option) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(self.invalid(option, value, "`True` or `False`")),
        }
    }

    pub(crate) fn number(&self, option: &str) -> Result<Option<i64>, ConfigurationError> {
        let Some(value) = self.get(option).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        match value.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.invalid(option, value, "a whole number")),
        }
    }

    pub(super) fn count(&self, option: &str, default: usize) -> Result<usize, ConfigurationError> {
        match self.get(option) {
            None => Ok(default),
            Some(value) => match value.trim().parse() {
                Ok(0) | Err(_) => Err(self.invalid(option, value, "a number from 1 on")),
                Ok(number) => Ok(number),
            },
        }
    }

    /// Returns a path as an absolute one.
    pub fn absolute(&self, path: &str) -> PathBuf {
        self.working_directory.join(path)
    }

    /// Returns the path that an option names, unless it is empty.
    pub fn path(&self, option: &str) -> Option<PathBuf> {
        let path = self.get(option).filter(|path| !path.is_empty())?;
        Some(self.absolute(path))
    }

    pub(super) fn file(
        &self,
        option: &str,
        exists: &dyn Fn(&Path) -> bool,
    ) -> Result<Option<PathBuf>, ConfigurationError> {
        match self.path(option) {
            Some(path) if !exists(&path) => Err(ConfigurationError::NoSuchFile {
                path,
                option: option.to_owned(),
            }),
            path => Ok(path),
        }
    }
}
