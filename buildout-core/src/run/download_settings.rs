//! The options of `[buildout]` about downloads that upstream does not have.

use std::path::PathBuf;
use std::sync::Arc;

use super::failure::{Failure, Problem};
use super::settings::Reader;
use crate::extends::{UrlReplacements, join};
use crate::fetch::{ClientCertificate, HashPolicy, TlsSettings};
use crate::profile::python_text::split_words;
use crate::value::str_repr;

/// How many downloads run at once, unless `parallel-downloads` says.
pub const DEFAULT_PARALLEL_DOWNLOADS: usize = 6;

/// Reads `require-hashes`.
pub(super) fn require_hashes(reader: &Reader<'_, '_>) -> Result<HashPolicy, Failure> {
    const OPTION: &str = "require-hashes";
    let value = reader.optional(OPTION)?;
    match value.as_deref() {
        None | Some("" | "off") => Ok(HashPolicy::Off),
        Some("warn") => Ok(HashPolicy::Warn),
        Some("on") => Ok(HashPolicy::On),
        Some(other) => Err(invalid(
            reader,
            OPTION,
            other,
            "use `off`, `warn` or `on`".to_owned(),
        )),
    }
}

/// Reads `url-replace`.
pub(super) fn url_replacements(reader: &Reader<'_, '_>) -> Result<UrlReplacements, Failure> {
    const OPTION: &str = "url-replace";
    let value = reader.optional(OPTION)?.unwrap_or_default();
    UrlReplacements::parse(&value).map_err(|reason| {
        let hint = reason.hint().to_owned();
        let message = reason.to_string();
        let place = reader.place(OPTION, &reason.line);
        Failure::from(Problem::Setting {
            option: OPTION,
            message,
        })
        .with_label(place, "")
        .with_hint(Some(hint))
    })
}

/// Reads `parallel-downloads`.
pub(super) fn parallel_downloads(reader: &Reader<'_, '_>) -> Result<usize, Failure> {
    const OPTION: &str = "parallel-downloads";
    let value = reader.optional(OPTION)?;
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(DEFAULT_PARALLEL_DOWNLOADS);
    };
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(invalid(
            reader,
            OPTION,
            &value,
            format!(
                "use a number from 1 on; without the option it is {DEFAULT_PARALLEL_DOWNLOADS}"
            ),
        )),
    }
}

/// Reads `ca-bundle`, `client-certificate`, `client-key` and
/// `client-certificate-hosts`; paths are relative to `directory`.
pub(super) fn tls(reader: &Reader<'_, '_>, directory: &str) -> Result<TlsSettings, Failure> {
    let certificate = file(reader, "client-certificate", directory)?;
    let key = file(reader, "client-key", directory)?;
    let hosts = given(reader, "client-certificate-hosts")?.unwrap_or_default();
    let hosts: Vec<String> = split_words(&hosts).map(str::to_owned).collect();
    let client = match certificate {
        Some(certificate) if hosts.is_empty() => {
            let value = certificate.to_string_lossy().into_owned();
            return Err(incomplete(
                reader,
                "client-certificate",
                &value,
                "`client-certificate` is for no host",
                "set `client-certificate-hosts` to the hosts that may see it",
            ));
        }
        Some(certificate) => Some(ClientCertificate {
            certificate,
            key,
            hosts,
        }),
        None => {
            for (option, is_set) in [
                ("client-key", key.is_some()),
                ("client-certificate-hosts", !hosts.is_empty()),
            ] {
                if is_set {
                    return Err(incomplete(
                        reader,
                        option,
                        "",
                        &format!("`{option}` without `client-certificate`"),
                        "set `client-certificate` too",
                    ));
                }
            }
            None
        }
    };
    Ok(TlsSettings {
        ca_bundle: file(reader, "ca-bundle", directory)?,
        client,
    })
}

fn given(reader: &Reader<'_, '_>, option: &str) -> Result<Option<Arc<str>>, Failure> {
    Ok(reader.optional(option)?.filter(|value| !value.is_empty()))
}

/// Reads the path of a file that must exist.
fn file(
    reader: &Reader<'_, '_>,
    option: &'static str,
    directory: &str,
) -> Result<Option<PathBuf>, Failure> {
    let Some(value) = given(reader, option)? else {
        return Ok(None);
    };
    let path = PathBuf::from(join(directory, &value, false));
    if path.is_file() {
        return Ok(Some(path));
    }
    let message = format!("There is no file `{}` for '{option}'.", path.display());
    Err(reader.unusable(option, message, "name a file in PEM form"))
}

fn invalid(reader: &Reader<'_, '_>, option: &'static str, value: &str, hint: String) -> Failure {
    let message = format!("Invalid value for '{option}' option: {}", str_repr(value));
    let place = reader.place(option, value);
    Failure::from(Problem::Setting { option, message })
        .with_label(place, "")
        .with_hint(Some(hint))
}

fn incomplete(
    reader: &Reader<'_, '_>,
    option: &'static str,
    value: &str,
    message: &str,
    hint: &str,
) -> Failure {
    let message = message.to_owned();
    Failure::from(Problem::Setting { option, message })
        .with_label(reader.place(option, value), "")
        .with_hint(Some(hint.to_owned()))
}
