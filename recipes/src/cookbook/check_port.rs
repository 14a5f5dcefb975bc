//! `slapos.cookbook:check_port_listening`: a script that tells whether a server listens.

use std::sync::Arc;

use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};
use buildout_core::value::str_repr;

use super::generic::{
    EXECUTABLE_MODE, GenericFactory, create_file, interpreter, paths_of, required,
};

pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(GenericFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:check_port_listening",
            summary: "Makes a script that fails with exit code 127 unless a connection can be \
                      made. It needs Python, but no package.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: &[
                OptionDocumentation {
                    name: "path",
                    default: None,
                    summary: "The path of the script.",
                },
                OptionDocumentation {
                    name: "hostname",
                    default: None,
                    summary: "The host, a name or an address.",
                },
                OptionDocumentation {
                    name: "port",
                    default: None,
                    summary: "The port.",
                },
            ],
        },
        install,
        outputs: |option| paths_of(option, &["path"]),
    })
}

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let path = required(run, "path")?;
    let host = str_repr(required(run, "hostname")?);
    let port = required(run, "port")?.trim();
    // A port may also be the name of a service.
    let port = match port.parse::<u16>() {
        Ok(number) => number.to_string(),
        Err(_) => str_repr(port),
    };
    let script = format!(
        "#!{}
# Written by buildout, which replaces what is changed here.
import socket
import sys

address = ({host}, {port})

try:
    socket.create_connection(address).close()
except OSError:
    sys.stderr.write(\"%s on %s isn't listening\\n\" % address)
    sys.exit(127)
",
        interpreter(run)?
    );
    let path = create_file(run, "path", path, &script, EXECUTABLE_MODE)?;
    Ok(Installed::path(path))
}
