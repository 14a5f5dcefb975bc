//! `slapos service list` and `slapos service info`.

use serde_json::{Map, Value};

use super::super::arguments::ListingCommand;
use super::super::context::Context;
use super::hateoas::{Hateoas, field, member};
use crate::Stop;

const TREES: &str = "portal_type:\"Instance Tree\" AND validation_state:validated";

pub(in super::super) fn run(context: &Context<'_>, command: &ListingCommand) -> Result<(), Stop> {
    match command {
        ListingCommand::List { client } => {
            let master = Hateoas::of(context, client.cfg.as_deref())?;
            let rows = master.search(TREES)?;
            let mut services: Vec<(&str, &str)> = rows
                .iter()
                .map(|row| (member(row, "title"), member(row, "url_string")))
                .collect();
            services.sort_unstable();
            let services: Map<String, Value> = services
                .into_iter()
                .map(|(title, url)| (title.to_owned(), Value::from(url)))
                .collect();
            let document = Value::Object(services);
            context.streams.out(&format!("{document:#}\n"));
            Ok(())
        }
        ListingCommand::Info { client, reference } => {
            let master = Hateoas::of(context, client.cfg.as_deref())?;
            let query = format!("{TREES} AND title:=\"{reference}\"");
            let rows = master.search(&query)?;
            let Some(row) = rows.first() else {
                context
                    .log
                    .warning(format!("Instance {reference} does not exist."));
                return Err(Stop::Code(2));
            };
            let document = master.traverse(member(row, "relative_url"))?;
            context
                .streams
                .out(&format!("{:#}\n", information(&document)));
            Ok(())
        }
    }
}

/// Returns what slapos.core shows of an instance.
fn information(document: &Value) -> Value {
    let text = |name: &str| field(document, name).cloned().unwrap_or_default();
    let connection = text("my_connection_parameter_list");
    let connection = match connection {
        Value::Array(parameters) => Value::Object(
            parameters
                .iter()
                .map(|parameter| {
                    let value = parameter.get("connection_value").cloned();
                    let name = member(parameter, "connection_key").to_owned();
                    (name, value.unwrap_or_default())
                })
                .collect(),
        ),
        other => other,
    };
    let shared = text("my_root_slave");
    let shared = matches!(shared, Value::Bool(true)) || shared.as_i64().is_some_and(|it| it != 0);
    let mut members = Map::new();
    for (name, value) in [
        ("software-url", text("my_url_string")),
        ("software-type", text("my_source_reference")),
        ("shared", Value::Bool(shared)),
        ("requested-state", text("my_slap_state")),
        ("instance-parameters", text("my_text_content")),
        ("connection-parameters", connection),
    ] {
        members.insert(name.to_owned(), value);
    }
    Value::Object(members)
}
