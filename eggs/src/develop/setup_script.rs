//! `setup.py develop`, and the scripts that it tells of.

use std::fs;
use std::path::{Path, PathBuf};

use crate::installed::scripts_note;
use crate::source::{BuildError, failed};

/// Runs a `setup.py` with setuptools in place of distutils, as if it had been
/// started by its name in its directory.
pub(super) const PROGRAM: &str = "
import os, sys
import setuptools

del sys.argv[0]
__file__ = sys.argv[0]
os.chdir(os.path.dirname(__file__))
with open(__file__, 'rb') as stream:
    code = compile(stream.read(), __file__, 'exec')
del stream
exec(code)
";

/// What setuptools writes into the stand-ins of a project's scripts.
const MARKER: &str = "EASY-INSTALL-DEV-SCRIPT";

/// Notes beside the link which scripts of the checkout stand-ins were made for;
/// returns the note, if there is one.
pub(super) fn note_scripts(
    made: &Path,
    names: &[String],
    link: &Path,
) -> Result<Option<PathBuf>, BuildError> {
    let mut scripts = Vec::new();
    for name in names {
        let path = made.join(name);
        let text = match path.is_file() {
            true => fs::read(&path).map_err(failed("read", &path))?,
            false => continue,
        };
        let text = String::from_utf8_lossy(&text);
        if text.contains(MARKER) {
            scripts.extend(text.lines().find_map(stood_for));
        }
    }
    let note = scripts_note(link);
    if scripts.is_empty() {
        let _ = fs::remove_file(&note);
        return Ok(None);
    }
    fs::write(&note, scripts.join("\n")).map_err(failed("write", &note))?;
    Ok(Some(note))
}

/// Reads the path in a line `__file__ = '...'`.
fn stood_for(line: &str) -> Option<String> {
    let value = line.trim().strip_prefix("__file__ =")?.trim();
    let value = buildout_core::value::literal::parse(value).ok()?;
    value.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_lead_to_scripts() {
        let site = tempfile::tempdir().unwrap();
        let link = site.path().join("p.egg-link");
        let stand_in =
            "#!python\n# EASY-INSTALL-DEV-SCRIPT: 'p==1','run'\n__file__ = '/co/it\\'s/run'\n";
        fs::write(site.path().join("run"), stand_in).unwrap();
        fs::write(site.path().join("other"), "no").unwrap();
        let names = ["other", "run"].map(ToOwned::to_owned);
        let note = note_scripts(site.path(), &names, &link).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&note).unwrap(), "/co/it's/run");
        assert_eq!(note_scripts(site.path(), &names[..1], &link).unwrap(), None);
        assert!(!note.exists());
    }
}
