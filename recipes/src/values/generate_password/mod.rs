//! `slapos.cookbook:generate.password`: a password that stays the same, and
//! hashes of it.
//!
//! The password is an option, but never recorded. A hash is computed when
//! something refers to `passwd-SCHEME`, and stored with the password, so that
//! it stays the same too.

mod crypt;
mod scheme;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::value::Value;

use self::scheme::{SchemeError, hash};
use crate::cookbook::generic::is_true;
use crate::documentation::{FunctionFactory, option, result};
use crate::python_int::int_option;
use crate::python_value::Object;
use crate::python_value::modules::json;
use crate::values::randomness;
use crate::values::stored_value::{read_stored, write_stored};

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:generate.password",
    summary: "Generates a password, stores it, and offers hashes of it.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const STORAGE_PATH: &str = "storage-path";

const PASSWORD: &str = "passwd";

/// What the names of hashes start with.
const HASH_PREFIX: &str = "passwd-";

const OPTIONS: &[OptionDocumentation] = &[
    option(
        "bytes",
        "16",
        "How many characters the password has: ASCII letters and digits.",
    ),
    option(
        STORAGE_PATH,
        "${buildout:parts-directory}/${:_buildout_section_name_}",
        "The file that keeps the password and its hashes for later runs; it can be read by whom the umask allows. If it is empty, nothing is stored.",
    ),
    option(
        "create-once",
        "True",
        "Whether the file stays when the part is removed: y, yes, 1 or true, in any case.",
    ),
    option(PASSWORD, "", "The password, if it is known already."),
];

const RESULTS: &[ResultDocumentation] = &[
    result(
        PASSWORD,
        "The password; it is not recorded in `.installed.cfg`.",
    ),
    result(
        "passwd-*",
        "A hash of the password in a scheme of passlib: `passwd-sha256-crypt`, `passwd-sha512-crypt`, `passwd-md5-crypt`, `passwd-apr-md5-crypt`, `passwd-ldap-salted-sha1` and its kin, or `passwd-hex-sha256` and its kin.",
    ),
];

const LETTERS_AND_DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

/// The password under the empty name, and hashes of it by option.
type Secrets = BTreeMap<String, String>;

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let create_once = part
        .option("create-once")?
        .is_none_or(|value| is_true(&value));
    let path = match part.option(STORAGE_PATH)? {
        Some(path) => path.to_string(),
        None => {
            let parts = part.buildout_option("parts-directory")?.unwrap_or_default();
            let path = format!("{}/{}", parts.trim_end_matches('/'), part.part());
            part.set(STORAGE_PATH, &path)?;
            path
        }
    };
    let given = part.option(PASSWORD)?.filter(|given| !given.is_empty());
    let mut stored = Secrets::new();
    if !path.is_empty() {
        let text = read_stored(&part.services().absolute(&path))
            .map_err(|error| RecipeError::from(error).at_option(STORAGE_PATH))?;
        stored = text.map(|text| read_secrets(&text)).unwrap_or_default();
    }
    let mut secrets = stored.clone();
    if let Some(given) = given
        && secrets.get("").map(String::as_str) != Some(&*given)
    {
        // Hashes of another password are worth nothing.
        secrets = Secrets::from([(String::new(), given.to_string())]);
    }
    if secrets.get("").is_none_or(String::is_empty) {
        let bytes = part.option("bytes")?;
        let length = bytes.map_or(Ok(16), |bytes| int_option("bytes", &bytes))?;
        let length = usize::try_from(length).unwrap_or_default();
        secrets.insert(String::new(), randomness::text(length, LETTERS_AND_DIGITS)?);
    }
    let password = secrets.get("").cloned().unwrap_or_default();
    part.set_volatile(PASSWORD, &password)?;
    Ok(Box::new(Password {
        path,
        create_once,
        stored,
        secrets: Mutex::new(secrets),
    }))
}

/// Reads what is stored: an object of JSON, or, as older versions wrote it, the
/// password alone.
fn read_secrets(text: &str) -> Secrets {
    let text = text.trim_matches('\n');
    let plain = || Secrets::from([(String::new(), text.to_owned())]);
    let Ok(Object::Dict(document)) = json::read(text) else {
        return plain();
    };
    if document.get_str("").is_none() {
        return plain();
    }
    let entry = |(name, value): (Object, Object)| {
        let (name, value) = (name.as_str()?.to_owned(), value.as_str()?.to_owned());
        Some((name, value))
    };
    document.to_vec().into_iter().filter_map(entry).collect()
}

struct Password {
    /// The file; empty if nothing is stored.
    path: String,
    create_once: bool,
    /// What the file held.
    stored: Secrets,
    secrets: Mutex<Secrets>,
}

impl Password {
    fn store(&self, run: &PartRun<'_>) -> Result<PathBuf, RecipeError> {
        let path = run.services().absolute(&self.path);
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = secrets.iter();
        let entries = entries.map(|(name, value)| (Arc::from(&**name), Value::string(&**value)));
        let document = json::sorted_document(entries, false)
            .map_err(|raised| RecipeError::internal(raised.class(), raised.message()))?;
        write_stored(run.services(), &path, &document, 0o666).map_err(|error| {
            RecipeError::from(error)
                .at_option(STORAGE_PATH)
                .with_hint("the directory of the file must exist")
        })?;
        Ok(path)
    }
}

impl Recipe for Password {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if self.path.is_empty() {
            return Ok(Installed::Unchanged);
        }
        let is_new = !run.services().absolute(&self.path).exists();
        let path = self.store(run)?;
        if self.create_once {
            return Ok(Installed::Unchanged);
        }
        if is_new {
            run.created(path);
        }
        Ok(Installed::path(&*self.path))
    }

    /// Stores what is new. Upstream forgets a hash that is asked for after the
    /// password was stored, and so makes another one in each run.
    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let is_stored = *self.secrets.lock().unwrap_or_else(PoisonError::into_inner) == self.stored;
        if !is_stored && !self.path.is_empty() {
            self.store(run)?;
        }
        Ok(Installed::Unchanged)
    }

    fn computed_option(&self, option: &str) -> Option<Result<Arc<str>, RecipeError>> {
        let name = option.strip_prefix(HASH_PREFIX)?;
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = secrets.get(option) {
            return Some(Ok(Arc::from(&**known)));
        }
        let password = secrets.get("").cloned().unwrap_or_default();
        match hash(name, &password) {
            Ok(hash) => {
                secrets.insert(option.to_owned(), hash.clone());
                Some(Ok(Arc::from(hash)))
            }
            Err(SchemeError::Unknown) => None,
            Err(SchemeError::Unsupported(error)) => Some(Err(RecipeError::user(error)
                .with_hint("use `passwd-sha512-crypt`, or another one of `buildout recipes slapos.cookbook:generate.password`"))),
            Err(SchemeError::NoRandomness(error)) => Some(Err(error)),
        }
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        let path = (!self.path.is_empty()).then(|| self.path.clone());
        path.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_hold_the_password_alone() {
        for (text, expected) in [
            ("secret\n", &[("", "secret")][..]),
            ("123", &[("", "123")]),
            ("\"quoted\"", &[("", "\"quoted\"")]),
            ("{\"a\": \"b\"}", &[("", "{\"a\": \"b\"}")]),
            ("", &[("", "")]),
            (
                "{\"\": \"x\", \"passwd-md5-crypt\": \"$1$\"}",
                &[("", "x"), ("passwd-md5-crypt", "$1$")],
            ),
        ] {
            let found = read_secrets(text);
            let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (&**k, &**v)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
