//! `slapos.cookbook:urlparse`: the pieces of a URL.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, OptionDocumentation, Recipe,
    RecipeError, ResultDocumentation, UpdateKind,
};

use crate::documentation::{FunctionFactory, required, result};
use crate::live_options::required_option;
use crate::only_options::OnlyOptions;
use crate::python_value::modules::urllib::{ParsedUrl, parse_url};

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:urlparse",
    summary: "Takes a URL apart, as Python's urllib.parse does.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: OPTIONS,
};

const OPTIONS: &[OptionDocumentation] = &[required("url", "The URL.")];

const RESULTS: &[ResultDocumentation] = &[
    result("scheme", "The scheme, such as `https`."),
    result("username", "The user; empty without one."),
    result("password", "The password; empty without one."),
    result(
        "host",
        "The host in lower case, an IPv6 address without its brackets.",
    ),
    result("port", "The port; empty without one."),
    result("path", "The path, without slashes around it."),
    result("params", "The parameters of the last segment of the path."),
    result("query", "The query."),
    result("fragment", "The fragment."),
];

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let url = required_option(part, "url")?;
    let ParsedUrl {
        scheme,
        username,
        password,
        hostname,
        port,
        path,
        params,
        query,
        fragment,
    } = parse_url(&url).map_err(|raised| {
        RecipeError::internal(raised.class(), raised.message())
            .at_option("url")
            .with_hint("a port is a number up to 65535, and an IPv6 address stands in brackets")
    })?;
    for (option, value) in [
        ("scheme", &*scheme),
        ("username", &username),
        ("password", &password),
        ("host", &hostname),
        ("port", &port),
        ("path", path.trim_matches('/')),
        ("params", &params),
        ("query", &query),
        ("fragment", &fragment),
    ] {
        part.set(option, value)?;
    }
    Ok(Box::new(OnlyOptions))
}
