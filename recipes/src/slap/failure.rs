//! What a recipe says if the master does not do as it is asked.

use buildout_core::recipe::RecipeError;
use slap::SlapError;

/// Makes the failure of a recipe, with upstream's class.
pub(super) fn master_failure(error: SlapError) -> RecipeError {
    let hint = error.hint();
    let failure = RecipeError::internal(error.upstream_exception(), error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
