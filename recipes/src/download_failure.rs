//! Downloads that fail, told with the option to blame and the next step.

use buildout_core::fetch::DownloadError;
use buildout_core::recipe::{RecipeError, RecipeErrorKind};

/// Tells of a failed download. `option` has the URL, and `pinned_by` the
/// digest if the error is about one.
pub(crate) fn download_error(option: &str, pinned_by: &str, error: DownloadError) -> RecipeError {
    if error.is_cancellation() {
        return RecipeError::new(RecipeErrorKind::Cancelled, error);
    }
    let option = match &error {
        DownloadError::ChecksumMismatch { .. } => pinned_by,
        _ => option,
    };
    let hint = error.hint();
    let error = RecipeError::user(error).at_option(option);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
