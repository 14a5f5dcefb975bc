//! The texts of the scripts that make programs of eggs.
//!
//! Keeps `zc.buildout.easy_install.scripts`: entry point scripts and scripts of
//! distutils are the same to the byte; the interpreter does the same with a
//! body of ours. Nothing is written here.

mod interpreter;
mod launcher;
mod path_list;
mod shebang;

use std::path::Path;

pub use self::launcher::launcher;
use self::path_list::PathList;
pub use self::shebang::Shebang;

/// A script that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// With relative paths, a script finds the buildout directory above it.
    #[error(
        "the script `{script}` is outside the buildout directory `{directory}`, so its paths cannot be relative to it"
    )]
    OutsideBuildout {
        /// The script.
        script: String,
        /// The buildout directory.
        directory: String,
    },
}

/// What all scripts of a part have in common.
#[derive(Clone, Debug)]
pub struct ScriptEnvironment<'a> {
    /// The first line or lines.
    pub shebang: Shebang<'a>,
    /// What goes in front of `sys.path`: real paths, without repetitions.
    pub path: &'a [String],
    /// Python text that runs before the import; may be empty.
    pub initialization: &'a str,
    /// The buildout directory, if the paths in it are to be relative to it.
    pub relative_to: Option<&'a str>,
}

/// An object that a script calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Callable {
    /// The name by which the script is asked for.
    pub name: String,
    /// The module.
    pub module: String,
    /// The attribute, dots included.
    pub attributes: String,
}

impl ScriptEnvironment<'_> {
    /// Returns the text of the script at `destination`, an absolute path, that
    /// calls an object with `arguments`, a Python text.
    ///
    /// # Errors
    ///
    /// See [`ScriptError`].
    pub fn entry_point_script(
        &self,
        destination: &str,
        callable: &Callable,
        arguments: &str,
    ) -> Result<String, ScriptError> {
        let list = PathList::new(self.path, destination, self.relative_to)?;
        let Callable {
            module, attributes, ..
        } = callable;
        Ok(format!(
            "{}\n{}\nimport sys\nsys.path[0:0] = [\n{}  ]\n{}\nimport {module}\n\n\
             if __name__ == '__main__':\n    sys.exit({module}.{attributes}({arguments}))\n",
            self.shebang.text(),
            list.setup,
            list.entries,
            self.initialization_lines(),
        ))
    }

    /// Returns the text of a script of distutils, with the path put before its
    /// first import. One that is not in Python stays as it is: upstream's test
    /// for that has a flaw, and a shell script does not survive it.
    ///
    /// # Errors
    ///
    /// See [`ScriptError`].
    pub fn distutils_script(
        &self,
        destination: &str,
        original: &str,
    ) -> Result<String, ScriptError> {
        let mut lines = original.split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        if !(first.starts_with("#!") && first.contains("python")) {
            return Ok(original.to_owned());
        }
        let lines: Vec<&str> = lines.collect();
        let is_import = |line: &&str| {
            (line.starts_with("import") || line.starts_with("from"))
                && line.contains("import")
                && !line.contains("__future__")
        };
        let place = lines.iter().position(is_import).unwrap_or(lines.len());
        let (before, after) = lines.split_at(place);
        let list = PathList::new(self.path, destination, self.relative_to)?;
        Ok(format!(
            "{}\n{}\n{}\nimport sys\nsys.path[0:0] = [\n{}  ]\n{}\n\n{}",
            self.shebang.text(),
            before.concat(),
            list.setup,
            list.entries,
            self.initialization_lines(),
            after.concat(),
        ))
    }

    /// Returns the text of an interpreter: Python with the path set.
    ///
    /// # Errors
    ///
    /// See [`ScriptError`].
    pub fn interpreter(&self, destination: &str) -> Result<String, ScriptError> {
        let list = PathList::new(self.path, destination, self.relative_to)?;
        Ok(format!(
            "{}\n{}\nimport sys\n\nsys.path[0:0] = [\n{}  ]\n{}\n\n{}",
            self.shebang.text(),
            list.setup,
            list.entries,
            self.initialization_lines(),
            interpreter::BODY,
        ))
    }

    fn initialization_lines(&self) -> String {
        match self.initialization {
            "" => String::new(),
            text => format!("\n{text}\n"),
        }
    }
}

/// Returns the real path of each entry, without repetitions, as upstream puts
/// them into scripts. What does not exist keeps its name.
pub fn real_paths<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for path in paths {
        let text = path.as_ref().to_string_lossy().into_owned();
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    let real = |path: String| match std::fs::canonicalize(&path) {
        Ok(real) => real.to_string_lossy().into_owned(),
        Err(_) => buildout_core::extends::normalize_path(&path),
    };
    let mut paths: Vec<String> = Vec::new();
    for path in seen.into_iter().map(real) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests;
