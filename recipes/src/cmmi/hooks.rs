//! Functions in Python that a build calls between its commands.

use std::path::Path;
use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{
    Construction, Environment, PartRun, PythonFunction, PythonFunctions, RecipeError,
};

use crate::source::Source;

/// The hook before `pre-configure`.
pub(super) const PRE_CONFIGURE: &str = "pre-configure-hook";
/// The hook before `pre-build`.
pub(super) const PRE_MAKE: &str = "pre-make-hook";
/// The hook before `post-install`.
pub(super) const POST_MAKE: &str = "post-make-hook";

/// What calls the hooks of a part, if it has any.
pub(super) struct Hooks(Option<Arc<dyn PythonFunctions>>);

impl Hooks {
    /// Finds who can call the hooks that the part has.
    ///
    /// # Errors
    ///
    /// Nobody can.
    pub(super) fn read(part: &Construction<'_>) -> Result<Self, RecipeError> {
        for option in [PRE_CONFIGURE, PRE_MAKE, POST_MAKE] {
            let value = part.option(option)?.unwrap_or_default();
            if strip(&value).is_empty() {
                continue;
            }
            let functions = part.python_functions()?.ok_or_else(|| {
                RecipeError::user(format!(
                    "option '{option}' is not supported: it names a function in Python"
                ))
                .at_option(option)
                .with_hint(format!(
                    "remove `{option}` and do its work in a shell command: `pre-configure`, `pre-build`, `pre-install` or `post-install`"
                ))
            })?;
            return Ok(Hooks(Some(functions)));
        }
        Ok(Hooks(None))
    }

    /// Calls the hook of an option, `URL[#md5=DIGEST]:FUNCTION`, if there is
    /// one; returns the variables of the build as it leaves them.
    ///
    /// # Errors
    ///
    /// The file cannot be had, or the function fails.
    pub(super) fn call(
        &self,
        option: &'static str,
        run: &PartRun<'_>,
        directory: &Path,
        variables: impl FnOnce() -> Result<Environment, RecipeError>,
    ) -> Result<Option<Environment>, RecipeError> {
        let value = strip(run.option(option).unwrap_or_default());
        let Some(functions) = self.0.as_ref().filter(|_| !value.is_empty()) else {
            return Ok(None);
        };
        run.enter_phase(option);
        run.log(Level::Info, format!("Executing {option}"));
        let Some((url, name)) = value.rsplit_once(':') else {
            return Err(
                RecipeError::user(format!("{option} names no function: {value}"))
                    .at_option(option)
                    .with_hint(format!("write `{value}:FUNCTION`")),
            );
        };
        let source = Source::with_fragment(url, directory, option)?;
        let file = source.download(&run.downloader(), None)?;
        let variables = functions.call(
            &PythonFunction {
                file: file.path(),
                name: strip(name),
                directory,
                variables: &variables()?,
            },
            run,
        );
        variables.map(Some).map_err(|error| error.at_option(option))
    }
}
