//! `slapos.cookbook:generate.mac`: a MAC address that stays the same.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};

use crate::documentation::{FunctionFactory, option, required, result};
use crate::live_options::required_option;
use crate::values::randomness;
use crate::values::stored_value::{read_stored, write_stored};

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:generate.mac",
    summary: "Generates a locally administered MAC address and stores it.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const STORAGE_PATH: &str = "storage-path";

const MAC_ADDRESS: &str = "mac-address";

const OPTIONS: &[OptionDocumentation] = &[
    required(
        STORAGE_PATH,
        "The file that keeps the address for later runs; it is removed with the part.",
    ),
    option(MAC_ADDRESS, "", "The address, if it is known already."),
];

const RESULTS: &[ResultDocumentation] = &[result(
    MAC_ADDRESS,
    "The address: `fe:` and five random bytes, or what the file holds.",
)];

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let path = required_option(part, STORAGE_PATH)?.to_string();
    let given = part.option(MAC_ADDRESS)?.filter(|given| !given.is_empty());
    if let Some(given) = given {
        let address = given.to_string();
        return Ok(Box::new(Mac {
            path,
            address,
            is_new: false,
        }));
    }
    let stored = read_stored(&part.services().absolute(&path))
        .map_err(|error| RecipeError::from(error).at_option(STORAGE_PATH))?
        .filter(|stored| !stored.is_empty());
    let is_new = stored.is_none();
    let address = match stored {
        Some(stored) => stored,
        None => {
            let random: [u8; 5] = randomness::bytes()?;
            let octets = random.iter().map(|octet| format!(":{octet:02x}"));
            // The first octet says that the address is locally administered.
            format!("fe{}", octets.collect::<String>())
        }
    };
    part.set(MAC_ADDRESS, &address)?;
    Ok(Box::new(Mac {
        path,
        address,
        is_new,
    }))
}

struct Mac {
    path: String,
    address: String,
    is_new: bool,
}

impl Recipe for Mac {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let path = run.services().absolute(&self.path);
        if !path.exists() {
            run.created(&path);
        }
        write_stored(run.services(), &path, &self.address, 0o666)
            .map_err(|error| RecipeError::from(error).at_option(STORAGE_PATH))?;
        Ok(Installed::path(&*self.path))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        match self.is_new {
            true => self.install(run),
            false => Ok(Installed::Unchanged),
        }
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.path.clone()]
    }
}
