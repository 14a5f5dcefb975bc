//! `slapos.cookbook:request` and its kin: asks the master for an instance that
//! this one needs, and takes over what that one publishes.

use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::resolve::OptionMap;
use buildout_core::value::{Dict, Value};
use slap::{
    DEFAULT_SOFTWARE_TYPE, InstanceRequest, Master, PartitionReference, ProductQuery, SlapError,
    SoftwareInstance,
};

use super::connection::{Connection, SECTION};
use super::failure::master_failure;
use super::json::{MAGIC_KEY, loads, wrap};
use super::typed_options::{set_value, typed_value};
use crate::live_options::missing_option;

pub(super) const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "server-url",
        default: None,
        summary: "The master; as a rule taken from `[slap-connection]`.",
    },
    OptionDocumentation {
        name: "key-file",
        default: Some(""),
        summary: "The key of the certificate that is shown to the master.",
    },
    OptionDocumentation {
        name: "cert-file",
        default: Some(""),
        summary: "The certificate that is shown to the master.",
    },
    OptionDocumentation {
        name: "computer-id",
        default: None,
        summary: "The computer of the instance that asks.",
    },
    OptionDocumentation {
        name: "partition-id",
        default: None,
        summary: "The partition of the instance that asks.",
    },
    OptionDocumentation {
        name: "name",
        default: None,
        summary: "The name by which this instance knows the one it asks for.",
    },
    OptionDocumentation {
        name: "software-url",
        default: None,
        summary: "The URL of the software's profile, or `product.NAME` for the best release of a \
                  product.",
    },
    OptionDocumentation {
        name: "software-type",
        default: Some("default"),
        summary: "The type of the instance, one of those the software has.",
    },
    OptionDocumentation {
        name: "shared",
        default: Some("false"),
        summary: "Whether to ask for an entry of an instance that several share: `true`, `yes`, \
                  `y` or `1`.",
    },
    OptionDocumentation {
        name: "state",
        default: Some("${slap-connection:requested}"),
        summary: "The state the instance is to have; `started`, unless this one is asked to be \
                  stopped.",
    },
    OptionDocumentation {
        name: "config-*",
        default: Some(""),
        summary: "A parameter of the instance.",
    },
    OptionDocumentation {
        name: "sla-*",
        default: Some(""),
        summary: "What the place of the instance must be like, such as `sla-computer_guid`; an \
                  empty one asks for nothing.",
    },
    OptionDocumentation {
        name: "return",
        default: Some(""),
        summary: "What the instance is to publish; each becomes an option `connection-NAME`, \
                  which is empty as long as it is not published.",
    },
    OptionDocumentation {
        name: "requested-state",
        default: Some(""),
        summary: "Set by the recipe: the state that was asked for.",
    },
    OptionDocumentation {
        name: "instance-guid",
        default: Some(""),
        summary: "Set by the recipe: the identifier of the instance, which `instance_guid` has, \
                  too; not of a shared one.",
    },
    OptionDocumentation {
        name: "instance-state",
        default: Some(""),
        summary: "Set by the recipe: the state the master knows; not of a shared instance.",
    },
    OptionDocumentation {
        name: "instance-status",
        default: Some(""),
        summary: "Set by the recipe: the end of the last report of the instance; not of a shared \
                  one.",
    },
];

/// What distinguishes the recipes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Whether parameters travel as one JSON text, which keeps types.
    pub(super) is_serialised: bool,
    /// Whether the part is installed even if the instance is not there yet.
    pub(super) is_optional: bool,
}

struct RequestFactory {
    descriptor: Descriptor,
    kind: Kind,
}

/// Returns the factories of all forms but `request.edge`.
pub(super) fn factories() -> Vec<Arc<dyn Factory>> {
    let form = |name, is_serialised, is_optional, summary| {
        Arc::new(RequestFactory {
            descriptor: Descriptor {
                name,
                summary,
                behaviour_version: 1,
                construction: ConstructionKind::ActsOnTheWorld,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: OPTIONS,
            },
            kind: Kind {
                is_serialised,
                is_optional,
            },
        }) as Arc<dyn Factory>
    };
    vec![
        form(
            "slapos.cookbook:request",
            false,
            false,
            "Asks the master for an instance, and fails until it has published what is needed.",
        ),
        form(
            "slapos.cookbook:request.serialised",
            true,
            false,
            "Asks the master for an instance, with parameters in JSON, and fails until it has \
             published what is needed.",
        ),
        form(
            "slapos.cookbook:requestoptional",
            false,
            true,
            "Asks the master for an instance, and goes on without what it has not published.",
        ),
        form(
            "slapos.cookbook:requestoptional.serialised",
            true,
            true,
            "Asks the master for an instance, with parameters in JSON, and goes on without what \
             it has not published.",
        ),
    ]
}

impl Factory for RequestFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let mut options = OptionMap::default();
        for name in part.option_names()? {
            // All are read, those that mean nothing here included.
            if let Some(value) = part.buildout().get(part.part(), &name)? {
                options.insert(name, value);
            }
        }
        let mut outcome = Requested::make(part, &options, self.kind)?;
        for (option, value) in outcome.take_outputs() {
            set_value(part, &option, &value)?;
        }
        Ok(Box::new(Request {
            requested: outcome,
            kind: self.kind,
        }))
    }
}

struct Request {
    requested: Requested,
    kind: Kind,
}

impl Recipe for Request {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if self.kind.is_optional {
            self.requested.warn(run);
        } else {
            self.requested.check(run)?;
        }
        Ok(Installed::nothing())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }
}

/// What came of a request.
pub(super) struct Requested {
    master: Arc<dyn Master>,
    /// The instance, or why there is none yet.
    result: Result<Option<SoftwareInstance>, Arc<SlapError>>,
    is_shared: bool,
    /// The first parameter that was not published.
    missing: Option<String>,
    outputs: Vec<(String, Value)>,
}

impl Requested {
    /// Sends the request that `options` describe.
    pub(super) fn make(
        part: &Construction<'_>,
        options: &OptionMap,
        kind: Kind,
    ) -> Result<Self, RecipeError> {
        let get = |option: &str| options.get(option).map(|value| &**value);
        let required =
            |option: &str| get(option).ok_or_else(|| missing_option(part.part(), option));
        let mut software_url = required("software-url")?.to_owned();
        let title = required("name")?;
        let returned: Vec<&str> = split_words(get("return").unwrap_or_default()).collect();
        if returned.is_empty() {
            part.log(
                Level::Debug,
                "No parameter to return to main instance.Be careful about that...",
            );
        }
        let software_type = get("software-type").unwrap_or(DEFAULT_SOFTWARE_TYPE);
        for obsolete in ["config", "sla"] {
            if get(obsolete).is_some() {
                return Err(RecipeError::user(
                    "'config' & 'sla' options are obsolete. Clean up your software release.",
                )
                .at_option(obsolete)
                .with_hint(format!(
                    "remove `{obsolete}`: every option `{obsolete}-NAME` counts"
                )));
            }
        }
        let mut filter = Dict::new();
        let mut parameters = Dict::new();
        for (name, text) in options {
            if let Some(name) = name.strip_prefix("sla-") {
                let value = typed_value(part, text)?;
                if value.is_truthy() {
                    filter.insert_str(name, value);
                }
            } else if let Some(name) = name.strip_prefix("config-") {
                parameters.insert_str(name, typed_value(part, text)?);
            }
        }
        if kind.is_serialised {
            parameters = wrap(&Value::Dict(parameters))?;
        }
        let is_shared = matches!(
            &*get("shared").unwrap_or("false").to_lowercase(),
            "y" | "yes" | "1" | "true"
        );
        // An instance that is destroyed must not destroy the others.
        let own_state = part.buildout().get(SECTION, "requested")?;
        let default_state = own_state
            .as_deref()
            .filter(|state| matches!(*state, "started" | "stopped"))
            .unwrap_or("started");
        let state = get("state").unwrap_or(default_state);
        let path = |option: &str| get(option).filter(|path| !path.is_empty()).map(Into::into);
        let connection = Connection {
            server_url: required("server-url")?.to_owned(),
            key_file: path("key-file"),
            certificate_file: path("cert-file"),
            partition: PartitionReference::new(required("computer-id")?, required("partition-id")?),
        };
        let master = connection.master(part.services());
        if let Some(product) = software_url.strip_prefix("product.") {
            software_url = best_release(part, &*master, product)?;
        }
        let request = InstanceRequest {
            software_type: Some(software_type.to_owned()),
            is_shared,
            parameters,
            filter,
            state: Some(state.to_owned()),
            ..InstanceRequest::new(software_url, title)
        };
        let mut requested = Requested {
            master,
            result: Ok(None),
            is_shared,
            missing: None,
            outputs: vec![("requested-state".to_owned(), Value::from(state))],
        };
        let published = requested.send(part, &connection, &request, &returned, kind)?;
        for name in returned {
            let value = published.get_str(name).cloned().unwrap_or_else(|| {
                requested.missing.get_or_insert_with(|| name.to_owned());
                Value::from("")
            });
            requested
                .outputs
                .push((format!("connection-{name}"), value));
        }
        Ok(requested)
    }

    /// Takes the options that the recipe sets.
    pub(super) fn take_outputs(&mut self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.outputs)
    }

    /// Asks the master, and returns what the instance published of what is
    /// wanted. What may pass by itself is kept for the installation.
    fn send(
        &mut self,
        part: &Construction<'_>,
        connection: &Connection,
        request: &InstanceRequest,
        returned: &[&str],
        kind: Kind,
    ) -> Result<Dict, RecipeError> {
        let answer = self.master.request(Some(&connection.partition), request);
        let answer = match answer {
            // Upstream only notices that there is no instance yet where it
            // asks for something of it.
            Err(error) if error.is_not_ready() && returned.is_empty() && !kind.is_serialised => {
                if !self.is_shared {
                    part.log(
                        Level::Warning,
                        "Impossible to fetch instance GUID nor state.",
                    );
                }
                return Ok(Dict::new());
            }
            answer => answer,
        };
        let instance = match answer {
            Ok(instance) => instance,
            Err(error) if is_passing(&error) => {
                part.log(Level::Warning, failure_text(request));
                self.result = Err(Arc::new(error));
                return Ok(Dict::new());
            }
            Err(error) => return Err(master_failure(error)),
        };
        let published = published(&instance, returned, kind)?;
        if !self.is_shared {
            self.describe(part, &instance)?;
        }
        self.result = Ok(Some(instance));
        Ok(published)
    }

    /// Sets the options that tell of the instance itself.
    fn describe(
        &mut self,
        part: &Construction<'_>,
        instance: &SoftwareInstance,
    ) -> Result<(), RecipeError> {
        let is_typed = part.dialect().typed_values;
        let (mut guid, mut state) = (
            instance.instance_guid.clone(),
            instance.requested_state.clone(),
        );
        if (guid.is_none() || state.is_none())
            && let Some(partition) = &instance.partition
        {
            match self.master.computer_partition(partition) {
                Ok(known) => {
                    guid = guid.or(known.instance_guid);
                    state = state.or(known.requested_state);
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(master_failure(error)),
            }
        }
        let told = guid.is_some() && state.is_some();
        if let Some(guid) = guid {
            // Upstream encodes it, which makes it `bytes` under Python 3.
            let guid = if is_typed {
                Value::bytes(guid.into_bytes())
            } else {
                Value::from(guid)
            };
            self.outputs
                .push(("instance-guid".to_owned(), guid.clone()));
            self.outputs.push(("instance_guid".to_owned(), guid));
            if let Some(state) = state {
                self.outputs
                    .push(("instance-state".to_owned(), Value::from(state)));
            }
        }
        if !told {
            part.log(
                Level::Warning,
                "Impossible to fetch instance GUID nor state.",
            );
            return Ok(());
        }
        match &instance.access_status {
            Some(status) => self
                .outputs
                .push(("instance-status".to_owned(), Value::from(status.as_str()))),
            None if is_typed => self
                .outputs
                .push(("instance-status".to_owned(), Value::None)),
            // Where options are texts, there is nothing to say.
            None => {}
        }
        Ok(())
    }

    /// Fails if the instance is not there, or has not published what is
    /// needed.
    pub(super) fn check(&self, run: &PartRun<'_>) -> Result<(), RecipeError> {
        if let Err(error) = &self.result {
            let hint = error.hint().unwrap_or_else(|| {
                "the master has still to find a place for the instance; run again later".to_owned()
            });
            let failure =
                RecipeError::internal(error.upstream_exception(), SharedError(Arc::clone(error)));
            return Err(failure.with_hint(hint));
        }
        if let Some(missing) = &self.missing {
            let status = self.status();
            let text = format!(
                "Connection parameter {missing} not found. Status of requested instance is: \
                 {status}. If this error persists, check status of this instance."
            );
            run.log(Level::Error, text.clone());
            // Python shows the key of such an error as it would write it.
            let shown = Value::from(text).repr();
            return Err(RecipeError::internal("KeyError", shown)
                .at_option("return")
                .with_hint("run again when the node has processed the requested instance"));
        }
        Ok(())
    }

    /// Says what is missing, and goes on.
    fn warn(&self, run: &PartRun<'_>) {
        if let Err(error) = &self.result {
            run.log(Level::Warning, "Optional request failed.");
            if !error.is_not_found() {
                run.log(Level::Debug, error.to_string());
            }
        } else if let Some(missing) = &self.missing {
            let status = self.status();
            run.log(
                Level::Warning,
                format!(
                    "Connection parameter {missing} not found. Requested instance is currently \
                     {status}. If this error persists, check status of this instance."
                ),
            );
        }
    }

    /// Returns the state of the instance, in words.
    fn status(&self) -> String {
        let not_ready = || "not ready yet".to_owned();
        let Ok(Some(instance)) = &self.result else {
            return not_ready();
        };
        match (&instance.requested_state, &instance.partition) {
            (Some(state), _) => state.clone(),
            (None, None) => not_ready(),
            // That of the instance which hosts a shared one.
            (None, Some(partition)) => match self.master.computer_partition(partition) {
                Ok(host) => host.requested_state.unwrap_or_else(not_ready),
                Err(_) => not_ready(),
            },
        }
    }
}

/// An error that the installation reports, whenever it runs.
#[derive(Debug)]
struct SharedError(Arc<SlapError>);

impl std::fmt::Display for SharedError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Says whether a failure may pass by itself: those that upstream catches.
fn is_passing(error: &SlapError) -> bool {
    matches!(
        error,
        SlapError::NotFound { .. } | SlapError::Server { .. } | SlapError::NotReady { .. }
    )
}

fn failure_text(request: &InstanceRequest) -> String {
    let repr = |text: &str| Value::from(text).repr();
    let option = |text: &Option<String>| match text {
        Some(text) => repr(text),
        None => "None".to_owned(),
    };
    format!(
        "Request for {} with software release {} and software type {} failed with \
         partition_parameter_kw={}, filter_kw={}, shared={}, state={}.",
        repr(&request.title),
        repr(&request.software_release),
        option(&request.software_type),
        Value::Dict(request.parameters.clone()).repr(),
        Value::Dict(request.filter.clone()).repr(),
        Value::Bool(request.is_shared).repr(),
        option(&request.state),
    )
}

/// Returns what an instance published, as far as it is wanted.
fn published(
    instance: &SoftwareInstance,
    returned: &[&str],
    kind: Kind,
) -> Result<Dict, RecipeError> {
    if kind.is_serialised {
        let Some(text) = instance.connection.get_str(MAGIC_KEY) else {
            return Ok(Dict::new());
        };
        return match loads(&text.to_string())? {
            Value::Dict(dict) => Ok(dict),
            other => {
                let text = format!("the instance published {}, not an object", other.repr());
                Err(RecipeError::internal("TypeError", text))
            }
        };
    }
    let mut published = Dict::new();
    for name in returned {
        if let Some(value) = instance.connection.get_str(name) {
            published.insert_str(*name, value.to_string());
        }
    }
    Ok(published)
}

/// Returns the URL of the best release of a product; if there is none, the
/// name stays, and the master will not know it.
fn best_release(
    part: &Construction<'_>,
    master: &dyn Master,
    product: &str,
) -> Result<String, RecipeError> {
    part.log(
        Level::Info,
        "Getting best Software Release corresponding to this Software Product...",
    );
    let releases = master
        .releases_of_product(&ProductQuery::Product(product))
        .map_err(master_failure)?;
    match releases.into_iter().next() {
        Some(release) => {
            part.log(Level::Info, format!("Found as {release}."));
            Ok(release)
        }
        None => {
            part.log(
                Level::Warning,
                "Error on get software release : No Software Release corresponding to this \
                 Software Product has been found. ",
            );
            Ok(format!("product.{product}"))
        }
    }
}
