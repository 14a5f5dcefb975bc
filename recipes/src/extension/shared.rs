//! `slapos.extension.shared`: marks a buildout directory whose parts others may
//! share.

use std::fs::File;

use buildout_core::recipe::{Extension, ExtensionRun, RecipeError};

use crate::system_error::failed;

/// The file that marks it.
const MARKER: &str = ".shared";

/// The extension.
pub(super) struct Shared;

impl Extension for Shared {
    fn finish(&self, run: &ExtensionRun<'_>) -> Result<(), RecipeError> {
        let parts = run.buildout().get("buildout", "shared-parts")?;
        if parts.is_some_and(|parts| !parts.is_empty()) {
            let path = run.services().absolute(MARKER);
            File::create(&path).map_err(failed("create", &path))?;
        }
        Ok(())
    }
}
