//! `zc.buildout.download`, by the engine's means.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::fetch::{
    CacheUse, Destination, DownloadError, DownloadRequest, ExpectedDigests, RedactedUrl,
};
use buildout_core::recipe::{RecipeError, RecipeErrorKind};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::interpreter::CallFailure;

/// Downloads what `request` asks for; answers with the path, and whether it is
/// a temporary file of the caller's.
pub(crate) fn download(desk: &Desk<'_>, request: &Value) -> Result<Value, CallFailure> {
    let text = |name: &str| request[name].as_str().filter(|text| !text.is_empty());
    let flag = |name: &str| request[name].as_bool().unwrap_or(false);
    let url = text("url").unwrap_or_default();
    let mut wanted = DownloadRequest::new(url);
    if let Some(digest) = text("md5sum") {
        let expected = ExpectedDigests::md5(digest);
        wanted.expected = expected.map_err(|error| CallFailure::from(RecipeError::user(error)))?;
    }
    if let Some(path) = text("path") {
        wanted.destination = Destination::Path(PathBuf::from(path));
    }
    let alternates = request["alternates"].as_array().into_iter().flatten();
    wanted.alternate_urls = alternates
        .filter_map(Value::as_str)
        .map(RedactedUrl::from)
        .collect();
    let part = Some(Arc::from(desk.run.part()));
    let downloader = desk.services().downloader_with(part, |options| {
        options.cache = text("cache").map(PathBuf::from);
        options.namespace = text("namespace").map(PathBuf::from);
        options.hash_name = flag("hash_name");
        options.offline = flag("offline");
        if let Some(directory) = text("directory") {
            options.directory = PathBuf::from(directory);
        }
        if flag("fallback") {
            options.cache_use = CacheUse::FallbackOnAnyFailure;
        }
    });
    let found = downloader.download(&wanted).map_err(failure)?;
    if !found.is_temporary() {
        return Ok(json!([found.path().to_string_lossy(), false]));
    }
    // The file goes with `found`, but the recipe is to have it.
    let kept = tempfile::Builder::new()
        .prefix("buildout-")
        .tempfile_in(&desk.services().temporary_directory)
        .and_then(|file| file.into_temp_path().keep().map_err(|error| error.error))
        .and_then(|kept| fs::rename(found.path(), &kept).map(|()| kept))
        .map_err(|error| CallFailure::from(RecipeError::internal("OSError", error)))?;
    Ok(json!([kept.to_string_lossy(), true]))
}

fn failure(error: DownloadError) -> CallFailure {
    let is_checksum = matches!(error, DownloadError::ChecksumMismatch { .. });
    let kind = match error.is_cancellation() {
        true => RecipeErrorKind::Cancelled,
        false => RecipeErrorKind::User,
    };
    let hint = error.hint();
    let mut error = RecipeError::new(kind, error);
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    let mut failure = CallFailure::from(error);
    if is_checksum {
        failure.kind = "checksum";
    }
    failure
}
