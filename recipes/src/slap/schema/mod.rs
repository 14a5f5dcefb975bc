//! Parameters that fit a schema: `slapconfiguration.jsonschema`.

mod description;
mod documents;
mod message;
mod release;
mod validation;

use std::path::Path;

use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::{Dict, Value};
use slap::ComputerPartition;

pub use self::description::Serialisation;
pub use self::documents::DocumentError;
pub use self::release::ReleaseSchema;

use self::description::{SoftwareDescription, unreadable};
use self::documents::{Documents, file_uri};
use self::validation::{Invalid, Rules, validate};
use super::json::{MAGIC_KEY, from_json, loads, unwrap};
use super::typed_options::set_value;
use crate::live_options::missing_option;

/// The option with the shared instances that the master tells.
const SHARED_LIST: &str = "slave-instance-list";

/// Tells the master that parameters do not fit; those of a shared instance if
/// one is named.
pub(super) type Report<'r> = dyn Fn(&str, Option<&str>) + 'r;

/// Whose parameters something is done for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scope {
    main: bool,
    shared: bool,
}

/// The options of the recipe.
#[derive(Debug)]
pub(super) struct SchemaOptions {
    validate: Scope,
    set_default: Scope,
    unstringify: Scope,
    report_error: Scope,
    unwrap_shared: bool,
    description: String,
    software_type: String,
}

impl SchemaOptions {
    /// Reads them.
    pub(super) fn read(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let scope = |option: &str, default: &str| {
            let value = part.option(option)?;
            let value = value.as_deref().unwrap_or(default);
            parse_scope(option, value)
        };
        let unwrap_shared = part.option("unwrap-shared")?;
        let unwrap_shared = unwrap_shared.as_deref().unwrap_or("true").to_lowercase();
        let software_type = part.option("slap-software-type")?;
        Ok(SchemaOptions {
            validate: scope("validate-parameters", "all")?,
            set_default: scope("set-default", "none")?,
            unstringify: scope("unstringify", "none")?,
            report_error: scope("report-error", "all")?,
            unwrap_shared: !matches!(&*unwrap_shared, "false" | "0" | "no"),
            description: part.required("jsonschema")?.to_string(),
            software_type: software_type
                .ok_or_else(|| missing_option(part.part(), "slap-software-type"))?
                .to_string(),
        })
    }
}

fn parse_scope(option: &str, value: &str) -> Result<Scope, RecipeError> {
    let (main, shared) = match value {
        "none" => (false, false),
        "main" => (true, false),
        "shared" => (false, true),
        "all" => (true, true),
        other => {
            let repr = |text: &str| Value::from(text).repr();
            return Err(RecipeError::user(format!(
                "{} is not a valid value for option {}. Accepted values are ('none', 'main', \
                 'shared', 'all')",
                repr(other),
                repr(option)
            ))
            .at_option(option)
            .with_hint("choose one of the accepted values"));
        }
    };
    Ok(Scope { main, shared })
}

/// Returns the parameters as they are to be, and replaces the list of shared
/// instances (`JsonSchema._expandParameterDict`).
pub(super) fn apply(
    part: &Construction<'_>,
    options: &SchemaOptions,
    instance: &ComputerPartition,
    parameters: Value,
    report: &Report<'_>,
) -> Result<Value, RecipeError> {
    let documents = Documents::default();
    let uri = description_uri(&part.services().directory, &options.description);
    let description = SoftwareDescription::read(&documents, uri, &options.software_type)
        .map_err(|error| unreadable(error).at_option("jsonschema"))?;
    let shared = match instance.parameters.get_str("slave_instance_list") {
        Some(Value::List(shared)) => shared.clone(),
        _ => Vec::new(),
    };
    let mut parameters = parameters;
    if description.serialisation()? == Serialisation::JsonInXml {
        parameters = unwrap(parameters)?;
        if options.unwrap_shared && !options.validate.shared && !shared.is_empty() {
            let unwrapped = shared.iter().map(unwrap_entry);
            let unwrapped = unwrapped.collect::<Result<Vec<_>, _>>()?;
            set_value(part, SHARED_LIST, &Value::List(unwrapped))?;
        }
    }
    if options.validate.main {
        let rules = Rules {
            set_defaults: options.set_default.main,
            unstringify: options.unstringify.main,
        };
        let schema = description.request_schema()?;
        parameters =
            validate_main(&documents, &schema, rules, parameters).inspect_err(|error| {
                if options.report_error.main {
                    report(&error.to_string(), None);
                }
            })?;
    }
    if options.validate.shared {
        let rules = Rules {
            set_defaults: options.set_default.shared,
            unstringify: options.unstringify.shared,
        };
        part.buildout().delete(part.part(), SHARED_LIST)?;
        let mut valid = Vec::new();
        let mut invalid = Vec::new();
        if !shared.is_empty() {
            let schema = description.shared_request_schema()?;
            for entry in shared {
                let (reference, entry, errors) =
                    validate_shared(&documents, &schema, rules, entry)?;
                let mut item = Dict::new();
                item.insert_str("reference", reference.as_str());
                item.insert_str("parameters", entry);
                if errors.is_empty() {
                    valid.push(Value::Dict(item));
                    continue;
                }
                let text = lines(&errors);
                if options.report_error.shared {
                    report(&text, Some(&reference));
                }
                item.insert_str("errors", text);
                invalid.push(Value::Dict(item));
            }
        }
        set_value(part, "valid-shared-instance-list", &Value::List(valid))?;
        set_value(part, "invalid-shared-instance-list", &Value::List(invalid))?;
    }
    Ok(parameters)
}

/// Returns the URI of the description in a file, whose suffix `.json` may be
/// missing.
fn description_uri(directory: &Path, location: &str) -> String {
    let path = location.strip_prefix("file://").unwrap_or(location);
    let path = path.strip_suffix(".json").unwrap_or(path);
    file_uri(&directory.join(format!("{path}.json")))
}

fn validate_main(
    documents: &Documents,
    schema: &str,
    rules: Rules,
    parameters: Value,
) -> Result<Value, RecipeError> {
    let parameters = match parameters {
        Value::Dict(dict) => dict,
        _ => Dict::new(),
    };
    let json = to_json(&Value::Dict(parameters))?;
    match validate(documents, schema, json, rules)? {
        Ok(json) => Ok(from_json(&json)?),
        Err(errors) => Err(
            RecipeError::user(format!("Invalid parameters:\n{}", lines(&errors)))
                .with_hint("request the instance with parameters that fit its schema"),
        ),
    }
}

/// Returns the reference of a shared instance, its parameters, and why they do
/// not fit.
fn validate_shared(
    documents: &Documents,
    schema: &str,
    rules: Rules,
    entry: Value,
) -> Result<(String, Value, Vec<Invalid>), RecipeError> {
    let Value::Dict(mut entry) = entry else {
        let text = "the master tells a shared instance that is no dict";
        return Err(RecipeError::internal("TypeError", text));
    };
    let Some(reference) = entry.remove(&Value::from("slave_reference")) else {
        return Err(RecipeError::internal("KeyError", "'slave_reference'"));
    };
    let entry = unwrap(Value::Dict(entry))?;
    Ok(
        match validate(documents, schema, to_json(&entry)?, rules)? {
            Ok(json) => (reference.to_string(), from_json(&json)?, Vec::new()),
            Err(errors) => (reference.to_string(), entry, errors),
        },
    )
}

/// Puts the parameters of a shared instance beside what the master says of it.
fn unwrap_entry(entry: &Value) -> Result<Value, RecipeError> {
    let Value::Dict(entry) = entry else {
        return Ok(entry.clone());
    };
    let mut entry = entry.clone();
    let parameters = match entry.remove(&Value::from(MAGIC_KEY)) {
        Some(Value::Str(text)) => loads(&text)?,
        other => other.unwrap_or_default(),
    };
    if let Value::Dict(parameters) = parameters {
        for (name, value) in &parameters {
            if !entry.contains_key(name) {
                entry.insert_str(name.to_string(), value.clone());
            }
        }
    }
    Ok(Value::Dict(entry))
}

/// Writes one line for each error.
fn lines(errors: &[Invalid]) -> String {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| format!("  {}: {}", error.path, error.message))
        .collect();
    lines.join("\n")
}

/// Returns a value as the library for schemas wants it.
fn to_json(value: &Value) -> Result<serde_json::Value, RecipeError> {
    let text = value
        .to_json_text()
        .map_err(|error| RecipeError::internal("TypeError", error))?;
    serde_json::from_str(&text)
        .map_err(|error| RecipeError::internal("json.decoder.JSONDecodeError", error))
}
