//! `slapos.cookbook:uuid`: a UUID that stays the same.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};

use crate::documentation::{FunctionFactory, required, result};
use crate::live_options::required_option;
use crate::values::randomness;
use crate::values::stored_value::{read_stored, write_stored};

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:uuid",
    summary: "Generates a random UUID and stores it.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const CACHE_FILE: &str = "cache-file";

const OPTIONS: &[OptionDocumentation] = &[required(
    CACHE_FILE,
    "The file that keeps the UUID for later runs; it stays when the part is removed.",
)];

const RESULTS: &[ResultDocumentation] = &[result(
    "uuid",
    "The UUID: 32 hexadecimal digits without dashes.",
)];

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let path = required_option(part, CACHE_FILE)?.to_string();
    let stored = read_stored(&part.services().absolute(&path))
        .map_err(|error| RecipeError::from(error).at_option(CACHE_FILE))?;
    let stored = stored.as_deref().and_then(parse_uuid);
    let is_new = stored.is_none();
    let uuid = match stored {
        Some(stored) => stored,
        None => generate()?,
    };
    part.set("uuid", &uuid)?;
    Ok(Box::new(Uuid { path, uuid, is_new }))
}

/// Reads a UUID as Python's `uuid.UUID(hex=...)` does.
fn parse_uuid(text: &str) -> Option<String> {
    let text = text.replace("urn:", "").replace("uuid:", "");
    let digits = text.trim_matches(['{', '}']).replace('-', "");
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then(|| digits.to_ascii_lowercase())
}

/// Makes a random UUID, version 4.
fn generate() -> Result<String, RecipeError> {
    let mut bytes: [u8; 16] = randomness::bytes()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

struct Uuid {
    path: String,
    uuid: String,
    /// Whether the file does not hold it yet.
    is_new: bool,
}

impl Recipe for Uuid {
    /// Upstream writes the file when the recipe is constructed.
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if self.is_new {
            let path = run.services().absolute(&self.path);
            write_stored(run.services(), &path, &self.uuid, 0o666).map_err(|error| {
                RecipeError::from(error)
                    .at_option(CACHE_FILE)
                    .with_hint("the directory of the file must exist")
            })?;
            self.is_new = false;
        }
        Ok(Installed::nothing())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.path.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_many_spellings() {
        let digits = "0123456789abcdef0123456789abcdef";
        for text in [
            digits,
            "01234567-89AB-cdef-0123-456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "urn:uuid:0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(parse_uuid(text).as_deref(), Some(digits), "{text}");
        }
        for text in ["", "0123", "0123456789abcdef0123456789abcdeg"] {
            assert_eq!(parse_uuid(text), None, "{text}");
        }
        let generated = generate().expect("randomness");
        assert_eq!(parse_uuid(&generated).as_deref(), Some(&*generated));
        assert_eq!(generated.as_bytes()[12], b'4', "{generated}");
    }
}
