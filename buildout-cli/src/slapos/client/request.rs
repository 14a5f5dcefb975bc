//! `slapos request`.

use std::path::Path;
use std::sync::Arc;

use buildout_core::fetch::HttpClient;
use buildout_core::value::{Dict, Value};
use buildout_recipes::{ReleaseSchema, Serialisation};
use slap::{InstanceRequest, Master as _};
use slapgrid::error_chain;

use super::super::arguments::RequestArguments;
use super::super::context::Context;
use crate::Stop;

/// The exit code if the master has still to find a place.
const NOT_READY: i32 = 2;

pub(in super::super) fn run(
    context: &Context<'_>,
    arguments: &RequestArguments,
) -> Result<(), Stop> {
    let master = super::master(context, arguments.client.cfg.as_deref())?;
    let url = super::release_of(context, &master, &arguments.software_url)?;
    let reference = &arguments.reference;
    context.log.info(format!(
        "Validating request parameters for {reference} as an instance of {url} ..."
    ));
    let schema = schema_of(context, &url, arguments);
    let mut request = InstanceRequest::new(url.clone(), reference.clone());
    request.software_type.clone_from(&arguments.software_type);
    request.state.clone_from(&arguments.state);
    request.is_shared = arguments.slave;
    request.filter = pairs(&arguments.node)?;
    request.parameters = match &arguments.parameters_file {
        None => pairs(&arguments.parameters)?,
        Some(file) => from_file(context, file, form_of(arguments, schema.as_ref()))?,
    };
    if let Some(schema) = &schema {
        check(context, schema, &request);
    }
    context.log.info(format!(
        "Requesting {reference} as an instance of {url} ..."
    ));
    let instance = match master.request(None, &request) {
        Err(error) if error.is_not_ready() => {
            context.log.warning(
                "Instance requested. Master is provisioning it. Please rerun in a couple of minutes to get connection information.",
            );
            return Err(Stop::Code(NOT_READY));
        }
        result => result.map_err(|error| context.fail_master(&error))?,
    };
    let state = instance.requested_state.as_deref().unwrap_or("unknown");
    context
        .log
        .info(format!("Instance requested.\nState is : {state}."));
    context.log.info("Connection parameters of instance are:");
    context
        .streams
        .out(&format!("{}\n", shown(&instance.connection)));
    context
        .log
        .info("You can rerun the command to get up-to-date information.");
    Ok(())
}

/// Reads what the release says of its parameters. That it says nothing prevents
/// no request.
fn schema_of(
    context: &Context<'_>,
    url: &str,
    arguments: &RequestArguments,
) -> Option<ReleaseSchema> {
    let directory = Path::new(&context.surroundings.working_directory);
    let transport = HttpClient::new(crate::command::client_options(context.surroundings));
    let software_type = arguments.software_type.as_deref();
    match ReleaseSchema::read(url, software_type, directory, Arc::new(transport)) {
        Ok(schema) => Some(schema),
        Err(error) => {
            context.log.warning(error_chain(&error));
            None
        }
    }
}

/// Warns of parameters that do not fit; they are requested all the same, as
/// slapos.core does.
fn check(context: &Context<'_>, schema: &ReleaseSchema, request: &InstanceRequest) {
    match schema.check(&request.parameters, request.is_shared) {
        Ok(lines) if lines.is_empty() => {}
        Ok(lines) => context.log.warning(format!(
            "Request parameters do not validate against schema definition:\n  {}",
            lines.join("\n  ")
        )),
        Err(error) => context.log.warning(format!(
            "Error validating request parameters against schema definition:\n{}",
            error_chain(&error)
        )),
    }
}

/// Returns how parameters of a file travel: as is asked for, else as the release
/// wants it, else as JSON.
fn form_of(arguments: &RequestArguments, schema: Option<&ReleaseSchema>) -> Serialisation {
    match arguments.force_serialisation.as_deref() {
        Some("xml") => Serialisation::Xml,
        Some(_) => Serialisation::JsonInXml,
        None => schema
            .and_then(|schema| schema.serialisation().ok())
            .unwrap_or(Serialisation::JsonInXml),
    }
}

/// Shows parameters as JSON; those that travel as JSON in one are taken out.
fn shown(connection: &Dict) -> String {
    let json = connection.get_str("_").and_then(Value::as_str);
    let inner = json.and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok());
    let document = inner.unwrap_or_else(|| {
        let members = connection
            .iter()
            .map(|(name, value)| (name.to_string(), serde_json::Value::from(value.to_string())));
        serde_json::Value::Object(members.collect())
    });
    format!("{document:#}")
}

fn pairs(words: &[String]) -> Result<Dict, Stop> {
    let mut dict = Dict::new();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            return Err(Stop::message(format!("{word:?} is not NAME=VALUE")));
        };
        if dict.get_str(name).is_some() {
            return Err(Stop::message(format!(
                "Multiple values provided for the same key '{name}'"
            )));
        }
        dict.insert_str(name, Value::string(value));
    }
    Ok(dict)
}

/// Reads parameters from a file with a JSON object.
fn from_file(context: &Context<'_>, file: &str, form: Serialisation) -> Result<Dict, Stop> {
    if !file.ends_with(".json") {
        return Err(Stop::message(format!(
            "parameters in the form of {file} are not supported"
        ))
        .with_hint("write them as an object in a file that ends in `.json`"));
    }
    let path = Path::new(&context.surroundings.working_directory).join(file);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Stop::message(format!("failed to read `{}`: {error}", path.display())))?;
    let document: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Stop::message(format!("{}: {error}", path.display())))?;
    let serde_json::Value::Object(members) = &document else {
        return Err(Stop::message(format!("{} is no object", path.display())));
    };
    let mut dict = Dict::new();
    let is_wrapped = members.len() == 1 && members.contains_key("_");
    if form == Serialisation::JsonInXml && !is_wrapped {
        dict.insert_str("_", Value::string(format!("{document:#}")));
        return Ok(dict);
    }
    for (name, value) in members {
        let serde_json::Value::String(text) = value else {
            return Err(Stop::message(format!(
                "parameter {name} of {} is no text",
                path.display()
            ))
            .with_hint("`--force-serialisation json-in-xml` sends any JSON"));
        };
        dict.insert_str(name.as_str(), Value::string(text.as_str()));
    }
    Ok(dict)
}
