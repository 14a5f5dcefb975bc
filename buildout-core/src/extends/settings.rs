//! How profiles are downloaded: the few `[buildout]` options that matter
//! before there is a configuration.

use super::error::ExtendsError;
use super::option::MergedSection;
use super::update::update_section;
use super::url_replacements::UrlReplacements;
use crate::profile::python_text::split_words;

/// How to get the text of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadSettings {
    /// Whether nothing may be downloaded.
    pub offline: bool,
    /// Whether the cache is only a fallback.
    pub newest: bool,
    /// The cache directory, absolute if `directory` is known.
    pub extends_cache: Option<String>,
    /// `ca-bundle`, like the cache; without effect if it has references, as the
    /// following.
    pub ca_bundle: Option<String>,
    /// `client-certificate`.
    pub client_certificate: Option<String>,
    /// `client-key`.
    pub client_key: Option<String>,
    /// `client-certificate-hosts`.
    pub client_certificate_hosts: Vec<String>,
    /// `url-replace`.
    pub url_replacements: UrlReplacements,
}

impl DownloadSettings {
    /// Reads the settings from `[buildout]` options, over which `overriding`
    /// ones are merged first.
    ///
    /// # Errors
    ///
    /// `newest` is no boolean, `extends-cache` refers to another option, or a line
    /// of `url-replace` is malformed.
    pub fn new(options: &MergedSection, overriding: &MergedSection) -> Result<Self, ExtendsError> {
        let mut merged = options.clone();
        update_section(&mut merged, overriding);
        let value = |name: &str| merged.get(name).map(|option| &*option.value);
        let newest = match value("newest").unwrap_or("false") {
            "true" => true,
            "false" => false,
            other => {
                return Err(ExtendsError::InvalidBoolean {
                    option: "newest",
                    value: other.to_owned(),
                    place: None,
                });
            }
        };
        let extends_cache = value("extends-cache").filter(|value| !value.is_empty());
        if let Some(value) = extends_cache
            && value
                .find("${")
                .is_some_and(|start| value[start..].contains('}'))
        {
            return Err(ExtendsError::ExtendsCacheReference {
                value: value.to_owned(),
                place: None,
            });
        }
        let directory = value("directory").unwrap_or("");
        let literal =
            |name: &str| value(name).filter(|value| !value.is_empty() && !value.contains("${"));
        let path = |name: &str| {
            let path = literal(name)?;
            Some(super::location::join(directory, path, false))
        };
        let replacements = UrlReplacements::parse(literal("url-replace").unwrap_or_default());
        let hosts = literal("client-certificate-hosts").unwrap_or_default();
        Ok(DownloadSettings {
            offline: ["offline", "install-from-cache"]
                .iter()
                .any(|name| value(name) == Some("true")),
            newest,
            extends_cache: extends_cache
                .map(|cache| super::location::join(directory, cache, false)),
            ca_bundle: path("ca-bundle"),
            client_certificate: path("client-certificate"),
            client_key: path("client-key"),
            client_certificate_hosts: split_words(hosts).map(str::to_owned).collect(),
            url_replacements: replacements.map_err(|reason| ExtendsError::InvalidReplacement {
                reason,
                place: None,
            })?,
        })
    }
}
