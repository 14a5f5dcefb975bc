//! Which environment variables parts see: `environment-policy` in `[buildout]`.
//!
//! With `inherit`, the default and what zc.buildout does, parts see all
//! variables that the run was started with, and none enters a signature. With
//! `clean` they see only those of a list, and the values enter the signature
//! of every part, so that nothing unseen changes what is built.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use md5::{Digest, Md5};

use super::failure::{Failure, Problem};
use super::session::Session;
use crate::configuration::BUILDOUT_SECTION;
use crate::fetch::encode_hex;
use crate::profile::python_text::split_words;
use crate::recipe::Environment;
use crate::state::OWN_DIRECTORY;
use crate::value::str_repr;

/// The variables that parts see with `environment-policy = clean`, besides
/// those of `environment-allow`. A star stands for any end of a name.
pub const CLEAN_VARIABLES: [&str; 5] = ["LANG", "LANGUAGE", "LC_*", "PATH", "TZ"];

const POLICY_OPTION: &str = "environment-policy";
const ALLOW_OPTION: &str = "environment-allow";

/// The variable that gets a value of ours: programs keep settings and caches in
/// the home directory, which are nobody's business here.
const HOME: &str = "HOME";

/// The name of that directory in [`OWN_DIRECTORY`].
const HOME_DIRECTORY: &str = "home";

/// Reads the policy and has the run of `session` follow it. With
/// `make_home`, the home directory of clean environments is made.
///
/// # Errors
///
/// An option cannot be resolved or has an unusable value, or the directory
/// cannot be made.
pub(super) fn apply_policy(
    session: &Session<'_>,
    directory: &Path,
    make_home: bool,
) -> Result<(), Failure> {
    let policy = session.get_stored(BUILDOUT_SECTION, POLICY_OPTION)?;
    match policy.as_deref() {
        None | Some("" | "inherit") => return Ok(()),
        Some("clean") => {}
        Some(other) => {
            let message = format!(
                "Invalid value for '{POLICY_OPTION}' option: {}",
                str_repr(other)
            );
            return Err(unusable(session, POLICY_OPTION, other, message)
                .with_hint(Some("use `inherit` or `clean`".to_owned())));
        }
    }
    let allowed = session
        .get_stored(BUILDOUT_SECTION, ALLOW_OPTION)?
        .unwrap_or_default();
    for pattern in split_words(&allowed) {
        let name = pattern.strip_suffix('*').unwrap_or(pattern);
        if name.contains(['=', '*']) {
            let message = format!("{} is no name of a variable", str_repr(pattern));
            return Err(
                unusable(session, ALLOW_OPTION, pattern, message).with_hint(Some(
                    "list names, such as `HOME`, or beginnings of names, such as `LC_*`; values come from the environment"
                        .to_owned(),
                )),
            );
        }
    }
    let services = session.services();
    let patterns: Vec<&str> = CLEAN_VARIABLES
        .into_iter()
        .chain(split_words(&allowed))
        .collect();
    let mut environment = services.initial_environment();
    environment.retain(|name, _| patterns.iter().any(|pattern| matches(name, pattern)));
    let digest = digest(&environment);
    if !environment.contains_key(OsStr::new(HOME)) {
        let home = directory.join(OWN_DIRECTORY).join(HOME_DIRECTORY);
        if make_home {
            fs::create_dir_all(&home).map_err(|source| {
                let path = home.clone();
                Problem::Io {
                    verb: "create directory",
                    path,
                    source,
                }
            })?;
        }
        environment.insert(OsString::from(HOME), home.into());
    }
    services.set_clean_environment(environment, digest);
    Ok(())
}

fn unusable(session: &Session<'_>, option: &'static str, text: &str, message: String) -> Failure {
    let place = session.option_place(BUILDOUT_SECTION, option, text);
    Failure::from(Problem::Setting { option, message }).with_label(place, "")
}

fn matches(name: &OsStr, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.as_bytes().starts_with(beginning.as_bytes()),
        None => name == pattern,
    }
}

/// Returns a digest of names and values, neither of which has a zero byte.
fn digest(environment: &Environment) -> Arc<str> {
    let mut digest = Md5::new();
    for (name, value) in environment {
        for text in [name, value] {
            digest.update(text.as_bytes());
            digest.update([0]);
        }
    }
    Arc::from(encode_hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_end_of_a_name() {
        for (name, pattern, expected) in [
            ("PATH", "PATH", true),
            ("PATHS", "PATH", false),
            ("LC_ALL", "LC_*", true),
            ("LC", "LC_*", false),
            ("ANY", "*", true),
        ] {
            assert_eq!(matches(OsStr::new(name), pattern), expected, "{name}");
        }
    }
}
