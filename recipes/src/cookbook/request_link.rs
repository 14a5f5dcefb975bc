//! What the requests for certificates and for keys have in common: links to what an authority is
//! going to make, and a wrapper that waits for it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use buildout_core::recipe::{PartRun, RecipeError};
use buildout_core::value::str_repr;

use super::generic::{create_program, required};
use super::launcher::Launcher;
use crate::system_error::failed;

/// Something that should be a link.
#[derive(Debug, thiserror::Error)]
#[error("{}{} should be a symbolic link.", str_repr(path), kind)]
struct NotALink {
    path: String,
    /// What upstream calls it, with a space before it.
    kind: &'static str,
}

/// A link to make.
pub(super) struct RequestLink<'r> {
    /// The option that names it.
    pub(super) option: &'static str,
    /// Its path.
    pub(super) path: &'r str,
    /// What it leads to.
    pub(super) target: &'r str,
}

/// Makes links in place of those that are there. `kind` is what upstream calls something else of
/// that name, with a space before it.
///
/// # Errors
///
/// Something else has one of the names, or a link cannot be made.
pub(super) fn make_links(
    run: &PartRun<'_>,
    links: &[RequestLink<'_>],
    kind: &'static str,
) -> Result<(), RecipeError> {
    for link in links {
        let place = run.services().absolute(link.path);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_symlink() => {
                fs::remove_file(&place).map_err(failed("remove", &place))?;
            }
            Ok(_) => {
                let path = link.path.to_owned();
                return Err(RecipeError::internal("OSError", NotALink { path, kind })
                    .at_option(link.option)
                    .with_hint(format!("remove or rename `{}`", link.path)));
            }
            Err(_) => {}
        }
    }
    for link in links {
        let place = run.services().absolute(link.path);
        run.created(&place);
        symlink(link.target, &place).map_err(|error| {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let error = RecipeError::from(failed("create the link", &place)(error));
            let error = error.at_option(link.option);
            match is_missing {
                true => error.with_hint(
                    "make the directory first, with a part of recipe slapos.cookbook:mkdirectory",
                ),
                false => error,
            }
        })?;
    }
    Ok(())
}

/// Makes the wrapper of the part, which executes its `executable` once there are some files.
///
/// # Errors
///
/// An option is missing, or the wrapper cannot be written.
pub(super) fn create_waiting_wrapper(
    run: &PartRun<'_>,
    files: [String; 2],
) -> Result<String, RecipeError> {
    let wrapper = required(run, "wrapper")?;
    let launcher = Launcher {
        arguments: vec![required(run, "executable")?.to_owned()],
        awaited_files: files.into(),
        ..Launcher::default()
    };
    create_program(run, "wrapper", wrapper, &launcher.shell_script())
}
