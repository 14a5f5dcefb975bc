//! The commands of users, who have instances on nodes.

pub(super) mod computer;
mod hateoas;
pub(super) mod request;
pub(super) mod service;
pub(super) mod supply;

use slap::{HttpMaster, HttpMasterOptions};
use slapgrid::configuration::Options;

use super::context::Context;
use crate::Stop;

/// Returns the value of an option of `[slapconsole]`, else of `[slapos]`.
fn option(options: &Options, name: &str) -> Option<String> {
    let console = options.sections().get("slapconsole", name).ok().flatten();
    console
        .or_else(|| options.get(name).map(ToOwned::to_owned))
        .filter(|value| !value.is_empty())
}

/// Returns the options with which a user reaches the master.
fn master_options(context: &Context<'_>, options: &Options) -> Result<HttpMasterOptions, Stop> {
    let Some(url) = options.get("master_url").filter(|url| !url.is_empty()) else {
        return Err(Stop::message("No option 'master_url'")
            .with_hint("set `master_url = ...` in `[slapos]`"));
    };
    let home = context.surroundings.home().unwrap_or_default();
    let file = |name: &str| {
        let path = option(options, name)?;
        let path = match path.strip_prefix("~/") {
            Some(rest) => format!("{home}/{rest}"),
            None => path,
        };
        Some(options.absolute(&path))
    };
    let mut master = HttpMasterOptions::new(url);
    master.key_file = file("key_file");
    master.certificate_file = file("cert_file");
    master.ca_file = file("master_ca_file");
    if url.starts_with("https") && (master.key_file.is_none() || master.certificate_file.is_none())
    {
        return Err(Stop::message("No option 'key_file' and/or 'cert_file'")
            .with_hint("set both in `[slapconsole]`"));
    }
    Ok(master)
}

/// Returns the master of a user.
fn master(context: &Context<'_>, cfg: Option<&str>) -> Result<HttpMaster, Stop> {
    let options = context.client_options(cfg)?;
    Ok(HttpMaster::new(master_options(context, &options)?))
}

/// Returns the release that a text names: `product.NAME` is the best release of
/// a product.
fn release_of(context: &Context<'_>, master: &HttpMaster, text: &str) -> Result<String, Stop> {
    use slap::{Master as _, ProductQuery};
    let Some(product) = text.strip_prefix("product.") else {
        return Ok(text.to_owned());
    };
    let releases = master
        .releases_of_product(&ProductQuery::Product(product))
        .map_err(|error| context.fail_master(&error))?;
    releases.into_iter().next().ok_or_else(|| {
        Stop::message(format!(
            "the master knows no release of the product {product}"
        ))
    })
}
