//! `slapos.cookbook:dropbear.add_authorized_key`: lets the owner of a key log in.

use std::fs;
use std::sync::Arc;

use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{GenericFactory, create_directory, join, paths_of, required};
use crate::output_file::write_if_different;

const FILE_NAME: &str = "authorized_keys";

pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(GenericFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:dropbear.add_authorized_key",
            summary: "Writes the file `.ssh/authorized_keys` of a home directory.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: &[
                OptionDocumentation {
                    name: "home",
                    default: None,
                    summary: "The existing home directory.",
                },
                OptionDocumentation {
                    name: "key",
                    default: None,
                    summary: "All that the file is to hold: a public key as OpenSSH writes it.",
                },
            ],
        },
        install,
        outputs: |option| {
            let homes = paths_of(option, &["home"]);
            homes.iter().map(|home| join(home, ".ssh")).collect()
        },
    })
}

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let key = required(run, "key")?;
    let directory = create_directory(run, "home", required(run, "home")?, ".ssh")?;
    let path = join(&directory, FILE_NAME);
    let file = run.services().absolute(&path);
    if !fs::read(&file).is_ok_and(|current| current == key.as_bytes()) {
        if fs::symlink_metadata(&file).is_err() {
            run.created(&file);
        }
        let mode = 0o666 & !run.services().umask;
        write_if_different(&file, key.as_bytes(), mode)
            .map_err(|error| RecipeError::from(error).at_option("home"))?;
    }
    Ok(Installed::path(path))
}
