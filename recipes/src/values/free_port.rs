//! `slapos.cookbook:free_port`: a port that nobody uses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, OptionDocumentation, Recipe,
    RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::state::installed::InstalledFile;
use rustix::net::{AddressFamily, SocketType, bind, socket};

use crate::documentation::{FunctionFactory, option, result};
use crate::only_options::OnlyOptions;
use crate::python_int::int_option;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:free_port",
    summary: "Finds a TCP port that nobody uses, the lowest of a range; the part keeps it then.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: OPTIONS,
};

const OPTIONS: &[OptionDocumentation] = &[
    option(
        "ip",
        "",
        "The IPv4 or IPv6 address that the port is to be free on; without one, the port is 0.",
    ),
    option("minimum", "1024", "The lowest port."),
    option(
        "maximum",
        "49151",
        "The port above the highest one. If it equals `minimum`, that is the port, free or not.",
    ),
];

const RESULTS: &[ResultDocumentation] = &[result(
    "port",
    "The port; `0` if none is free, and then the next run looks again.",
)];

/// The file that a run records in if `[buildout]` does not say.
const DEFAULT_INSTALLED: &str = ".installed.cfg";

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let port = match recorded(part)? {
        Some(port) => port,
        None => find(part)?.to_string(),
    };
    part.set("port", &port)?;
    Ok(Box::new(OnlyOptions))
}

/// Returns the port that the part has: its own service may use it by now.
fn recorded(part: &Construction<'_>) -> Result<Option<String>, RecipeError> {
    let installed = part.buildout_option("installed")?.unwrap_or_default();
    let installed = match &*installed {
        "" => DEFAULT_INSTALLED,
        installed => installed,
    };
    let file = InstalledFile::new(&part.services().directory, installed);
    // What is wrong with the file is told by the run itself.
    let state = file.load().ok().flatten().unwrap_or_default();
    let port = state
        .parts
        .get(part.part())
        .and_then(|record| record.options.get("port"));
    Ok(port.filter(|port| *port != "0").cloned())
}

fn find(part: &Construction<'_>) -> Result<i128, RecipeError> {
    let number = |name: &str, default: i128| match part.option(name)? {
        Some(text) => int_option(name, &text),
        None => Ok(default),
    };
    let (minimum, maximum) = (number("minimum", 1024)?, number("maximum", 49151)?);
    if minimum == maximum {
        return Ok(minimum);
    }
    let ip = part.option("ip")?.unwrap_or_default();
    let address = |port: u16| {
        let v4 = ip
            .parse::<Ipv4Addr>()
            .map(|ip| SocketAddr::from((ip, port)));
        v4.or_else(|_| {
            ip.parse::<Ipv6Addr>()
                .map(|ip| SocketAddr::from((ip, port)))
        })
    };
    for port in minimum..maximum {
        let Ok(port) = u16::try_from(port) else {
            // Python's socket refuses a port outside its range, which upstream
            // does not catch.
            let error = RecipeError::internal("OverflowError", "bind(): port must be 0-65535.");
            let name = if port < 0 { "minimum" } else { "maximum" };
            return Err(error.at_option(name).with_hint("ports go from 0 to 65535"));
        };
        match address(port) {
            Err(_) => return Ok(0),
            Ok(address) if is_free(&address) => return Ok(i128::from(port)),
            Ok(_) => {}
        }
    }
    Ok(0)
}

/// Tells whether a socket can be bound to the address.
fn is_free(address: &SocketAddr) -> bool {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    // Without `SO_REUSEADDR`, which a listener of the standard library has: a
    // port whose last connection is just being closed is not free.
    socket(family, SocketType::STREAM, None).is_ok_and(|socket| bind(&socket, address).is_ok())
}
