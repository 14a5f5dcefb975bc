//! `slapos.cookbook:slapconfiguration` and its kin: what the master and the
//! node say about the instance, as options of a section.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::value::{Dict, Value};
use slap::{ComputerPartition, Master, PartitionReference};

use super::connection::Connection;
use super::failure::master_failure;
use super::json::unwrap;
use super::schema::{self, SchemaOptions};
use super::typed_options::set_value;
use super::{resource, storage};
use crate::live_options::missing_option;

const SERVER_URL: OptionDocumentation = OptionDocumentation {
    name: "server-url",
    default: Some("${:url}"),
    summary: "The master; as a rule `${slap-connection:server-url}`.",
};
const URL: OptionDocumentation = OptionDocumentation {
    name: "url",
    default: None,
    summary: "What `server-url` was once called.",
};
const KEY_FILE: OptionDocumentation = OptionDocumentation {
    name: "key-file",
    default: Some("${:key}"),
    summary: "The key of the certificate that is shown to the master.",
};
const KEY: OptionDocumentation = OptionDocumentation {
    name: "key",
    default: Some(""),
    summary: "What `key-file` was once called.",
};
const CERTIFICATE_FILE: OptionDocumentation = OptionDocumentation {
    name: "cert-file",
    default: Some("${:cert}"),
    summary: "The certificate that is shown to the master.",
};
const CERTIFICATE: OptionDocumentation = OptionDocumentation {
    name: "cert",
    default: Some(""),
    summary: "What `cert-file` was once called.",
};
const COMPUTER_ID: OptionDocumentation = OptionDocumentation {
    name: "computer-id",
    default: Some("${:computer}"),
    summary: "The computer of the instance.",
};
const COMPUTER: OptionDocumentation = OptionDocumentation {
    name: "computer",
    default: None,
    summary: "What `computer-id` was once called.",
};
const PARTITION_ID: OptionDocumentation = OptionDocumentation {
    name: "partition-id",
    default: Some("${:partition}"),
    summary: "The partition of the instance.",
};
const PARTITION: OptionDocumentation = OptionDocumentation {
    name: "partition",
    default: None,
    summary: "What `partition-id` was once called.",
};
const STORAGE_HOME: OptionDocumentation = OptionDocumentation {
    name: "storage-home",
    default: Some(""),
    summary: "A directory with one directory for each disk; those of the partition are linked \
              from `DATA`.",
};
const STATE: OptionDocumentation = OptionDocumentation {
    name: "instance-state",
    default: Some(""),
    summary: "Set by the recipe: the state that is asked for.",
};
const TITLE: OptionDocumentation = OptionDocumentation {
    name: "instance-title",
    default: Some("UNKNOWN Instance"),
    summary: "Set by the recipe: the title of the instance. `root-instance-title` and \
              `root-instance-short-title` are those of the root of its tree, or `UNKNOWN`.",
};
const GUID: OptionDocumentation = OptionDocumentation {
    name: "instance-guid",
    default: Some(""),
    summary: "Set by the recipe: the identifier of the instance.",
};
const SLAP: OptionDocumentation = OptionDocumentation {
    name: "slap-*",
    default: Some(""),
    summary: "Set by the recipe: `slap-software-type`, `slap-software-release-url`, \
              `slap-computer-id` and `slap-computer-partition-id`, as the master tells them.",
};
const SHARED: OptionDocumentation = OptionDocumentation {
    name: "slave-instance-list",
    default: Some(""),
    summary: "Set by the recipe: the list of the shared instances that this one hosts.",
};
const TIMESTAMP: OptionDocumentation = OptionDocumentation {
    name: "timestamp",
    default: Some(""),
    summary: "Set by the recipe: when the request for the instance last changed.",
};
const ADDRESSES: OptionDocumentation = OptionDocumentation {
    name: "ipv4",
    default: Some(""),
    summary: "Set by the recipe: the set of IPv4 addresses; `ipv6` is that of IPv6 addresses. \
              `ipv4-random` and `ipv6-random` are one of them each, always the same.",
};
const STORAGE_DICT: OptionDocumentation = OptionDocumentation {
    name: "storage-dict",
    default: Some(""),
    summary: "Set by the recipe: the links that `storage-home` leads to, by disk.",
};
const CONFIGURATION: OptionDocumentation = OptionDocumentation {
    name: "configuration",
    default: Some(""),
    summary: "Set by the recipe: the dict of all parameters.",
};
const PARAMETER: OptionDocumentation = OptionDocumentation {
    name: "configuration.*",
    default: Some(""),
    summary: "Set by the recipe: one parameter each, unless its name has `=` or `:` in it.",
};
const RESOURCE: OptionDocumentation = OptionDocumentation {
    name: "*",
    default: Some(""),
    summary: "Set by the recipe: what `.slapos-resource`, in the directory of the partition or \
              above, says, unless the option is there already.",
};

const OPTIONS: &[OptionDocumentation] = &[
    SERVER_URL,
    URL,
    KEY_FILE,
    KEY,
    CERTIFICATE_FILE,
    CERTIFICATE,
    COMPUTER_ID,
    COMPUTER,
    PARTITION_ID,
    PARTITION,
    STORAGE_HOME,
    STATE,
    TITLE,
    GUID,
    SLAP,
    SHARED,
    TIMESTAMP,
    ADDRESSES,
    STORAGE_DICT,
    CONFIGURATION,
    PARAMETER,
    RESOURCE,
];

const SCHEMA_OPTIONS: &[OptionDocumentation] = &[
    SERVER_URL,
    URL,
    KEY_FILE,
    KEY,
    CERTIFICATE_FILE,
    CERTIFICATE,
    COMPUTER_ID,
    COMPUTER,
    PARTITION_ID,
    PARTITION,
    STORAGE_HOME,
    OptionDocumentation {
        name: "jsonschema",
        default: None,
        summary: "The description of the software, as a rule `software.cfg.json`; it names the \
                  schemas, and says whether parameters are in JSON.",
    },
    OptionDocumentation {
        name: "validate-parameters",
        default: Some("all"),
        summary: "Which parameters must fit their schema: those of the instance (`main`), those \
                  of the shared instances (`shared`), `all`, or `none`. With `shared` or `all`, \
                  `valid-shared-instance-list` and `invalid-shared-instance-list` replace \
                  `slave-instance-list`.",
    },
    OptionDocumentation {
        name: "set-default",
        default: Some("none"),
        summary: "Where the defaults of the schema are filled in: `main`, `shared`, `all` or \
                  `none`.",
    },
    OptionDocumentation {
        name: "unstringify",
        default: Some("none"),
        summary: "Where texts become the integers and booleans that the schema wants: `main`, \
                  `shared`, `all` or `none`.",
    },
    OptionDocumentation {
        name: "report-error",
        default: Some("all"),
        summary: "Which parameters that do not fit are reported to the master: `main`, `shared`, \
                  `all` or `none`.",
    },
    OptionDocumentation {
        name: "unwrap-shared",
        default: Some("true"),
        summary: "Whether parameters in JSON are taken apart in `slave-instance-list`, if the \
                  shared ones are not validated; not with `false`, `no` or `0`.",
    },
    STATE,
    TITLE,
    GUID,
    SLAP,
    SHARED,
    TIMESTAMP,
    ADDRESSES,
    STORAGE_DICT,
    CONFIGURATION,
    PARAMETER,
    RESOURCE,
];

/// How parameters are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Serialised,
    JsonSchema,
}

struct ConfigurationFactory {
    descriptor: Descriptor,
    form: Form,
}

/// Returns the factories of all forms.
pub(super) fn factories() -> Vec<Arc<dyn Factory>> {
    let form = |name, form, summary| {
        Arc::new(ConfigurationFactory {
            descriptor: Descriptor {
                name,
                summary,
                behaviour_version: 1,
                // It asks the master, and reports parameters that do not fit.
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Nothing,
                options: if form == Form::JsonSchema {
                    SCHEMA_OPTIONS
                } else {
                    OPTIONS
                },
            },
            form,
        }) as Arc<dyn Factory>
    };
    vec![
        form(
            "slapos.cookbook:slapconfiguration",
            Form::Plain,
            "Makes what the master says about the instance options of the section.",
        ),
        form(
            "slapos.cookbook:slapconfiguration.serialised",
            Form::Serialised,
            "Makes what the master says about the instance options of the section; its \
             parameters are in JSON.",
        ),
        form(
            "slapos.cookbook:slapconfiguration.jsonschema",
            Form::JsonSchema,
            "Makes what the master says about the instance options of the section, with \
             parameters that fit a JSON schema.",
        ),
    ]
}

impl Factory for ConfigurationFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let connection = read_connection(part)?;
        let master = connection.master(part.services());
        let instance = master
            .computer_partition(&connection.partition)
            .map_err(master_failure)?;
        let parameters = describe(part, &instance)?;
        let parameters = Value::Dict(parameters);
        let configuration = match self.form {
            Form::Plain => parameters,
            Form::Serialised => unwrap(parameters)?,
            Form::JsonSchema => {
                let options = SchemaOptions::read(part)?;
                let report = |text: &str, shared: Option<&str>| {
                    report_error(part, &*master, &connection.partition, text, shared);
                };
                schema::apply(part, &options, &instance, parameters, &report)?
            }
        };
        set_value(part, "configuration", &configuration)?;
        if let Value::Dict(parameters) = &configuration {
            for (name, value) in parameters {
                let name = name.to_string();
                if !has_delimiter(&name) {
                    set_value(part, &format!("configuration.{name}"), value)?;
                }
            }
        }
        Ok(Box::new(SlapConfiguration))
    }
}

struct SlapConfiguration;

impl Recipe for SlapConfiguration {
    fn install(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::nothing())
    }

    fn update(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::nothing())
    }
}

/// Reports a failure to the master; that this fails is only logged.
fn report_error(
    part: &Construction<'_>,
    master: &dyn Master,
    partition: &PartitionReference,
    text: &str,
    shared: Option<&str>,
) {
    if let Err(error) = master.instance_error(partition, text, shared) {
        part.log(
            Level::Warning,
            format!("The master does not know of the error: {error}"),
        );
    }
}

/// Says whether a name has a character in it that ends names in a profile.
fn has_delimiter(name: &str) -> bool {
    let first_line = name.split('\n').next().unwrap_or_default();
    first_line.contains(['=', ':'])
}

fn read_connection(part: &Construction<'_>) -> Result<Connection, RecipeError> {
    let read = |new: &str, old: &str| -> Result<Option<String>, RecipeError> {
        let value = part.option(new)?.filter(|value| !value.is_empty());
        let value = match value {
            Some(value) => Some(value),
            None => part.option(old)?,
        };
        Ok(value.map(|value| value.to_string()))
    };
    let required = |new: &str, old: &str| {
        let value = read(new, old)?;
        value.ok_or_else(|| missing_option(part.part(), old))
    };
    let path = |new: &str, old: &str| -> Result<_, RecipeError> {
        let value = read(new, old)?.filter(|value| !value.is_empty());
        Ok(value.map(Into::into))
    };
    Ok(Connection {
        server_url: required("server-url", "url")?,
        key_file: path("key-file", "key")?,
        certificate_file: path("cert-file", "cert")?,
        partition: PartitionReference::new(
            required("computer-id", "computer")?,
            required("partition-id", "partition")?,
        ),
    })
}

/// Sets the options that every form has, and returns the parameters that are
/// left (`fetch_parameter_dict`).
fn describe(part: &Construction<'_>, instance: &ComputerPartition) -> Result<Dict, RecipeError> {
    let mut parameters = instance.parameters.clone();
    let mut take = |name: &str| parameters.remove(&Value::from(name));
    let state = instance.state().map_err(master_failure)?;
    part.set("instance-state", state)?;
    for name in [
        "slap_software_type",
        "slap_computer_partition_id",
        "slap_computer_id",
        "slap_software_release_url",
        "slave_instance_list",
        "timestamp",
    ] {
        if let Some(value) = take(name) {
            set_value(part, &name.replace('_', "-"), &value)?;
        }
    }
    for (name, unknown) in [
        ("instance_title", "UNKNOWN Instance"),
        ("root_instance_title", "UNKNOWN"),
        ("root_instance_short_title", "UNKNOWN"),
    ] {
        let value = take(name).unwrap_or_else(|| Value::from(unknown));
        set_value(part, &name.replace('_', "-"), &value)?;
    }
    let guid = instance.instance_guid().map_err(master_failure)?;
    part.set("instance-guid", guid)?;
    let Some(addresses) = take("ip_list") else {
        return Err(RecipeError::internal("KeyError", "'ip_list'")
            .with_hint("the master tells no addresses of the partition"));
    };
    take("full_address_list");
    // Upstream computes routes from it, and drops them.
    take("full_ip_list");
    set_addresses(part, &addresses)?;
    let partition_id = part.option("slap-computer-partition-id")?;
    let storages = storage::link(part, partition_id.as_deref())?;
    set_value(part, "storage-dict", &Value::Dict(storages))?;
    for (name, value) in resource::read(part)? {
        if part.option(&name)?.is_none() {
            set_value(part, &name, &value)?;
        }
    }
    Ok(parameters)
}

fn set_addresses(part: &Construction<'_>, addresses: &Value) -> Result<(), RecipeError> {
    let mut ipv4: Vec<Value> = Vec::new();
    let mut ipv6: Vec<Value> = Vec::new();
    let pairs = match addresses {
        Value::List(pairs) | Value::Tuple(pairs) => pairs.as_slice(),
        _ => &[],
    };
    for pair in pairs {
        let (Value::Tuple(pair) | Value::List(pair)) = pair else {
            return Err(unusable_address(pair));
        };
        let [_, Value::Str(address)] = &pair[..] else {
            return Err(unusable_address(&Value::Tuple(pair.clone())));
        };
        if address.parse::<Ipv4Addr>().is_ok() {
            ipv4.push(Value::Str(Arc::clone(address)));
        } else if address.parse::<Ipv6Addr>().is_ok() {
            ipv6.push(Value::Str(Arc::clone(address)));
        }
    }
    for (option, addresses) in [("ipv4", ipv4), ("ipv6", ipv6)] {
        let least = addresses.iter().filter_map(Value::as_str).min();
        let least = least.map(ToOwned::to_owned);
        let set =
            Value::set(addresses).map_err(|error| RecipeError::internal("TypeError", error))?;
        set_value(part, option, &set)?;
        if let Some(least) = least {
            part.set(&format!("{option}-random"), &least)?;
        }
    }
    Ok(())
}

fn unusable_address(pair: &Value) -> RecipeError {
    let text = format!("the master tells an address that is none: {}", pair.repr());
    RecipeError::internal("ValueError", text)
}
