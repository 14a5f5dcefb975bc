//! Where the text of a template comes from.

use std::fs;
use std::sync::Arc;

use buildout_core::fetch::{DownloadRequest, ExpectedDigests, RedactedUrl};
use buildout_core::recipe::{Construction, PlannedDownload, RecipeError, RunServices};

use crate::download_failure::download_error;
use crate::system_error::failed;

/// What the recipes refuse, in upstream's words.
#[derive(Debug, thiserror::Error)]
enum SourceProblem {
    #[error("options 'inline' & 'url' conflict")]
    InlineAndUrl,
    #[error("options 'inline' & 'md5sum' conflict")]
    InlineAndMd5sum,
    #[error("one of the options 'inline' 'url' is required")]
    Nothing,
    #[error("the template `{url}` is not UTF-8: invalid byte at offset {offset}")]
    NotUtf8 { url: RedactedUrl, offset: usize },
}

/// The text of a template, or where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The text itself.
    Inline(Arc<str>),
    /// A URL or path.
    Url {
        url: Arc<str>,
        /// The option that has it.
        option: &'static str,
        /// The MD5 checksum, if the profile has one.
        md5sum: Option<Arc<str>>,
    },
}

impl Source {
    /// Reads the options `url` and `inline`, of which exactly one is needed.
    /// An empty one counts as absent.
    pub(super) fn from_options(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let given = |option| -> Result<Option<Arc<str>>, RecipeError> {
            Ok(part.option(option)?.filter(|value| !value.is_empty()))
        };
        let md5sum = given("md5sum")?;
        match (given("inline")?, given("url")?) {
            (Some(_), Some(_)) => Err(RecipeError::user(SourceProblem::InlineAndUrl)
                .at_option("inline")
                .with_hint("remove one of them")),
            (Some(_), None) if md5sum.is_some() => {
                Err(RecipeError::user(SourceProblem::InlineAndMd5sum)
                    .at_option("md5sum")
                    .with_hint("remove `md5sum`: it is for a template from `url`"))
            }
            (Some(text), None) => Ok(Source::Inline(text)),
            (None, Some(url)) => Ok(Source::Url {
                url,
                option: "url",
                md5sum,
            }),
            (None, None) => Err(RecipeError::user(SourceProblem::Nothing)
                .with_hint("add `url = ...` with the path of the template")),
        }
    }

    /// Tells whether the text cannot change while the options do not, so that
    /// an update has nothing to do.
    pub(super) fn is_fixed(&self) -> bool {
        match self {
            Source::Inline(_) => true,
            Source::Url { md5sum, .. } => md5sum.is_some(),
        }
    }

    /// Returns what errors call the template.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Source::Inline(_) => Arc::from("<inline>"),
            Source::Url { url, .. } => Arc::clone(url),
        }
    }

    /// Returns the option that has the template or its URL.
    pub(super) fn option(&self) -> &'static str {
        match self {
            Source::Inline(_) => "inline",
            Source::Url { option, .. } => option,
        }
    }

    /// Returns the download of the text, if it has a URL; what is wrong with it
    /// shows when it is read.
    pub(super) fn planned(&self) -> Option<PlannedDownload> {
        let Source::Url {
            url,
            option,
            md5sum,
        } = self
        else {
            return None;
        };
        let request = request(url, md5sum.as_deref()).ok()?;
        Some(PlannedDownload { request, option })
    }

    /// Returns the text, downloaded and checked if it has a URL.
    pub(super) fn read(&self, services: &RunServices) -> Result<Arc<str>, RecipeError> {
        match self {
            Source::Inline(text) => Ok(Arc::clone(text)),
            Source::Url {
                url,
                option,
                md5sum,
            } => read_url(services, url, option, md5sum.as_deref()),
        }
    }
}

fn read_url(
    services: &RunServices,
    url: &str,
    option: &str,
    md5sum: Option<&str>,
) -> Result<Arc<str>, RecipeError> {
    let request = request(url, md5sum)?;
    let downloaded = services
        .downloader()
        .download(&request)
        .map_err(|error| download_error(option, "md5sum", error))?;
    let bytes = fs::read(downloaded.path())
        .map_err(failed("read", downloaded.path()))
        .map_err(|error| RecipeError::from(error).at_option(option))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::from(text)),
        Err(error) => {
            let problem = SourceProblem::NotUtf8 {
                url: RedactedUrl::new(url),
                offset: error.utf8_error().valid_up_to(),
            };
            let error = RecipeError::internal("UnicodeDecodeError", problem);
            Err(error.at_option(option))
        }
    }
}

fn request(url: &str, md5sum: Option<&str>) -> Result<DownloadRequest, RecipeError> {
    let expected = match md5sum {
        Some(md5sum) => ExpectedDigests::md5(md5sum)
            .map_err(|error| RecipeError::user(error).at_option("md5sum"))?,
        None => ExpectedDigests::none(),
    };
    Ok(DownloadRequest::new(RedactedUrl::new(url)).expecting(expected))
}
