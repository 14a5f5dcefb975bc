//! Where the text of a template goes.

use std::path::Path;

use buildout_core::recipe::{Construction, RecipeError, RunServices};
use rustix::fs::{Access, access};

use crate::octal_mode::parse_octal_mode;
use crate::output_file::{create_parent, write_if_different};

/// The file to write.
#[derive(Debug)]
pub(super) struct Output {
    /// The path as the profile has it.
    path: String,
    /// The option that has it.
    option: &'static str,
    /// The mode, if the profile has one.
    mode: Option<u32>,
}

impl Output {
    /// Reads the mode; the path is that of `option`.
    pub(super) fn new(
        part: &Construction<'_>,
        option: &'static str,
        path: &str,
    ) -> Result<Self, RecipeError> {
        let mode = part.option("mode")?.filter(|mode| !mode.is_empty());
        let mode = match mode {
            Some(mode) => Some(
                parse_octal_mode(&mode)
                    .map_err(|error| RecipeError::from(error).at_option("mode"))?,
            ),
            None => None,
        };
        Ok(Output {
            path: path.to_owned(),
            option,
            mode,
        })
    }

    /// Returns the path as the profile has it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Writes the file, with the directories above it.
    ///
    /// Without a mode in the profile, the file is executable if it names an
    /// interpreter that is there.
    pub(super) fn write(&self, services: &RunServices, content: &[u8]) -> Result<(), RecipeError> {
        let path = services.absolute(&self.path);
        let mode = match self.mode {
            Some(mode) => mode,
            None if names_interpreter(&services.directory, content) => 0o777 & !services.umask,
            None => 0o666 & !services.umask,
        };
        create_parent(&path)
            .and_then(|()| write_if_different(&path, content, mode))
            .map_err(|error| RecipeError::from(error).at_option(self.option))
    }
}

/// Tells whether a text starts with `#!` and the path of something executable.
fn names_interpreter(directory: &Path, content: &[u8]) -> bool {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let Some(rest) = content.strip_prefix(b"#!") else {
        return false;
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or(rest);
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    let program = line.split(is_space).find(|word| !word.is_empty());
    program.is_some_and(|program| {
        let path = directory.join(OsStr::from_bytes(program));
        access(&path, Access::EXEC_OK).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_must_be_executable() {
        for (content, expected) in [
            ("#!/bin/sh\necho", true),
            ("#! /bin/sh -e", true),
            ("#!\t/bin/sh\r\n", true),
            ("#!/nonexistent/sh\n", false),
            ("#!/etc/passwd\n", false),
            ("#!\n/bin/sh\n", false),
            ("#!", false),
            ("/bin/sh", false),
            (" #!/bin/sh", false),
            ("#!sh\n", false),
        ] {
            let is_executable = names_interpreter(Path::new("/etc"), content.as_bytes());
            assert_eq!(is_executable, expected, "{content:?}");
        }
        assert!(names_interpreter(Path::new("/bin"), b"#!sh\n"));
    }
}
