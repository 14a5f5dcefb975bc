//! The newer interface of some masters: one POST of JSON for each call.
//!
//! Not all masters have it: [`JsonRpc::is_offered`] asks. What does not exist
//! is forbidden here, so it is [`SlapError::Unauthorized`]; the master's words
//! are its [detail](SlapError::detail).

use serde_json::{Map, Value, json};

use crate::error::SlapError;
use crate::exchange::{Exchange, PartitionReference};
use crate::master::Master;

/// A JSON object.
pub type Object = Map<String, Value>;

/// The interface of a master.
#[derive(Clone, Copy)]
pub struct JsonRpc<'m> {
    master: &'m dyn Master,
}

/// An instance as this interface describes it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstanceDocument {
    /// Its title.
    pub title: String,
    /// Its identifier.
    pub instance_guid: String,
    /// The URL of its software.
    pub software_release_uri: String,
    /// Its type.
    pub software_type: String,
    /// The state that is asked for.
    pub state: String,
    /// What it published.
    pub connection_parameters: Object,
    /// Its parameters.
    pub parameters: Object,
    /// Where it was to be.
    pub sla_parameters: Object,
    /// Whether it is an entry of an instance that several share.
    pub is_shared: bool,
    /// The title of the root of its tree.
    pub root_instance_title: String,
    /// Its addresses: interface and address.
    pub ip_list: Vec<Value>,
    /// All that is known of its addresses.
    pub full_ip_list: Vec<Value>,
    /// Where it is.
    pub partition: PartitionReference,
    /// When the request for it last changed, in seconds since the epoch.
    pub processing_timestamp: i64,
    /// The end of the last report.
    pub access_status_message: String,
}

/// An instance that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewInstance {
    /// The name by which the requester knows it.
    pub title: String,
    /// The URL of its software.
    pub software_release_uri: String,
    /// Its type.
    pub software_type: String,
    /// Its parameters.
    pub parameters: Object,
    /// Where it is to be.
    pub sla_parameters: Object,
    /// Its state; `started` if none is given.
    pub state: Option<String>,
    /// Whether it is an entry of an instance that several share.
    pub is_shared: bool,
}

/// One row of the list of a computer's instances.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceRow {
    /// Its title.
    pub title: String,
    /// Its identifier.
    pub instance_guid: String,
    /// The state that is asked for.
    pub state: String,
    /// The partition it is in.
    pub partition_id: String,
    /// The URL of its software.
    pub software_release_uri: String,
}

/// One row of the list of the entries that an instance hosts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HostedRow {
    /// Its title.
    pub title: String,
    /// Its identifier.
    pub instance_guid: String,
    /// Its type.
    pub software_type: String,
    /// The state that is asked for.
    pub state: String,
    /// Its parameters.
    pub parameters: Object,
    /// The partition that hosts it.
    pub partition_id: String,
}

/// One row of the list of a computer's software.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstallationRow {
    /// The URL of the software.
    pub software_release_uri: String,
    /// The state that is asked for: `available` or `destroyed`.
    pub state: String,
}

impl<'m> JsonRpc<'m> {
    /// Takes a master, whether it has the interface or not.
    pub fn new(master: &'m dyn Master) -> Self {
        JsonRpc { master }
    }

    /// Asks the master whether it has the interface.
    ///
    /// # Errors
    ///
    /// The master is out of reach, or fails.
    pub fn is_offered(&self) -> Result<bool, SlapError> {
        match self.hateoas_url() {
            Ok(_) => Ok(true),
            Err(
                SlapError::NotFound { .. }
                | SlapError::GarbledJson { .. }
                | SlapError::Status { status: 405, .. },
            ) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Carries out any call, such as `get.v0.hateoas_url`.
    ///
    /// # Errors
    ///
    /// The call fails, or is not answered with an object.
    pub fn call(&self, name: &str, arguments: &Value) -> Result<Object, SlapError> {
        self.call_for(name, arguments, None)
    }

    fn call_for(
        &self,
        name: &str,
        arguments: &Value,
        partition: Option<&PartitionReference>,
    ) -> Result<Object, SlapError> {
        let path = format!("slapos.{name}");
        let mut exchange = Exchange::post_json(&path, arguments.to_string());
        exchange.partition = partition.cloned();
        let text = self.master.call(&exchange)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(garbled(&path, "it is no object")),
            Err(error) => Err(garbled(&path, &error.to_string())),
        }
    }

    /// Carries out a call that is answered with a title.
    fn tell(&self, name: &str, arguments: &Value) -> Result<String, SlapError> {
        let object = self.call(name, arguments)?;
        text(name, &object, "title")
    }

    /// Carries out a call that is answered with a list.
    fn list<T>(
        &self,
        name: &str,
        arguments: &Value,
        row: impl Fn(&Object) -> Result<T, SlapError>,
    ) -> Result<Vec<T>, SlapError> {
        let object = self.call(name, arguments)?;
        let Some(Value::Array(rows)) = object.get("result_list") else {
            return Err(missing(name, "result_list"));
        };
        rows.iter()
            .map(|value| match value {
                Value::Object(object) => row(object),
                _ => Err(missing(name, "result_list")),
            })
            .collect()
    }

    /// Lists the software of a computer.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn installations(&self, computer_id: &str) -> Result<Vec<InstallationRow>, SlapError> {
        let name = "allDocs.v0.compute_node_software_installation_list";
        self.list(name, &json!({ "computer_guid": computer_id }), |row| {
            Ok(InstallationRow {
                software_release_uri: text(name, row, "software_release_uri")?,
                state: text(name, row, "state")?,
            })
        })
    }

    /// Lists the instances of a computer.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instances(&self, computer_id: &str) -> Result<Vec<InstanceRow>, SlapError> {
        let name = "allDocs.v0.compute_node_instance_list";
        self.list(name, &json!({ "computer_guid": computer_id }), |row| {
            Ok(InstanceRow {
                title: text(name, row, "title")?,
                instance_guid: text(name, row, "instance_guid")?,
                state: text(name, row, "state")?,
                partition_id: text(name, row, "compute_partition_id")?,
                software_release_uri: text(name, row, "software_release_uri")?,
            })
        })
    }

    /// Lists the entries that an instance hosts.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn hosted_instances(&self, instance_guid: &str) -> Result<Vec<HostedRow>, SlapError> {
        let name = "allDocs.v0.instance_node_instance_list";
        self.list(name, &json!({ "instance_guid": instance_guid }), |row| {
            Ok(HostedRow {
                title: text(name, row, "title")?,
                instance_guid: text(name, row, "instance_guid")?,
                software_type: text(name, row, "software_type")?,
                state: text(name, row, "state")?,
                parameters: object(name, row, "parameters")?,
                partition_id: text(name, row, "compute_partition_id")?,
            })
        })
    }

    /// Lists the titles of a user's instance trees.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instance_trees(&self) -> Result<Vec<String>, SlapError> {
        let name = "allDocs.v0.instance_tree_list";
        self.list(name, &json!({}), |row| text(name, row, "title"))
    }

    /// Lists a user's computers.
    ///
    /// # Errors
    ///
    /// The call fails; it is not settled, and few masters have it.
    pub fn computers(&self) -> Result<Vec<String>, SlapError> {
        let name = "allDocs.WIP.compute_node_list";
        self.list(name, &json!({}), |row| text(name, row, "computer_guid"))
    }

    /// Describes an instance.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instance(&self, instance_guid: &str) -> Result<InstanceDocument, SlapError> {
        let name = "get.v0.software_instance";
        let answer = self.call(name, &json!({ "instance_guid": instance_guid }))?;
        InstanceDocument::read(name, &answer)
    }

    /// Describes the instance in a partition.
    ///
    /// # Errors
    ///
    /// The call fails; the partition may be free.
    pub fn instance_in(
        &self,
        partition: &PartitionReference,
    ) -> Result<InstanceDocument, SlapError> {
        let name = "get.v0.compute_partition";
        let arguments = json!({
            "computer_guid": partition.computer_id,
            "compute_partition_id": partition.partition_id,
        });
        InstanceDocument::read(name, &self.call(name, &arguments)?)
    }

    /// Describes the root of an instance tree.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instance_tree(&self, title: &str) -> Result<InstanceDocument, SlapError> {
        let name = "get.v0.instance_tree";
        let answer = self.call(name, &json!({ "title": title }))?;
        InstanceDocument::read(name, &answer)
    }

    /// Asks for an instance, in the name of a partition or as a user.
    ///
    /// # Errors
    ///
    /// The call fails; [`SlapError::NotReady`] if the master has still to find
    /// a place for it.
    pub fn request(
        &self,
        requester: Option<&PartitionReference>,
        instance: &NewInstance,
    ) -> Result<InstanceDocument, SlapError> {
        let name = "post.v0.software_instance";
        let mut arguments = json!({
            "title": instance.title,
            "software_release_uri": instance.software_release_uri,
            "software_type": instance.software_type,
            "parameters": instance.parameters,
            "sla_parameters": instance.sla_parameters,
            "shared": instance.is_shared,
        });
        if let Some(state) = &instance.state {
            arguments["state"] = json!(state);
        }
        let answer = self.call_for(name, &arguments, requester)?;
        // A master that has still to find a place answers with a status, a
        // name and a message.
        if answer.contains_key("status") && !answer.contains_key("instance_guid") {
            return Err(SlapError::NotReady {
                subject: format!("slapos.{name}"),
            });
        }
        InstanceDocument::read(name, &answer)
    }

    /// Returns where the interface for people's programs is.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn hateoas_url(&self) -> Result<String, SlapError> {
        let name = "get.v0.hateoas_url";
        text(name, &self.call(name, &json!({}))?, "hateoas_url")
    }

    /// Returns the status of a computer as the master words it.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn computer_status(&self, computer_id: &str) -> Result<String, SlapError> {
        let name = "get.v0.compute_node_status";
        let answer = self.call(name, &json!({ "computer_guid": computer_id }))?;
        text(name, &answer, "text")
    }

    /// Returns the certificate of an instance and its key.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instance_certificate(&self, instance_guid: &str) -> Result<(String, String), SlapError> {
        let name = "get.v0.software_instance_certificate";
        let answer = self.call(name, &json!({ "instance_guid": instance_guid }))?;
        Ok((
            text(name, &answer, "certificate")?,
            text(name, &answer, "key")?,
        ))
    }

    /// Has a certificate made for a computer; returns it and its key.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn generate_computer_certificate(
        &self,
        computer_id: &str,
    ) -> Result<(String, String), SlapError> {
        let name = "post.v0.compute_node_certificate";
        let answer = self.call(name, &json!({ "computer_guid": computer_id }))?;
        Ok((
            text(name, &answer, "certificate")?,
            text(name, &answer, "key")?,
        ))
    }

    /// Has the certificate of a computer revoked.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn revoke_computer_certificate(&self, computer_id: &str) -> Result<String, SlapError> {
        self.tell(
            "remove.v0.compute_node_certificate",
            &json!({ "computer_guid": computer_id }),
        )
    }

    /// Asks for software on a computer, or for its removal.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn supply(&self, url: &str, computer_id: &str, state: &str) -> Result<String, SlapError> {
        let arguments = json!({
            "computer_guid": computer_id,
            "software_release_uri": url,
            "state": state,
        });
        self.tell("post.v0.software_installation", &arguments)
    }

    /// Reports the state of software: `building`, `available` or `destroyed`.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn report_installation(
        &self,
        url: &str,
        computer_id: &str,
        state: &str,
    ) -> Result<String, SlapError> {
        let arguments = json!({
            "computer_guid": computer_id,
            "software_release_uri": url,
            "reported_state": state,
        });
        self.tell("put.v0.software_installation_reported_state", &arguments)
    }

    /// Reports that software cannot be built.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn installation_error(
        &self,
        url: &str,
        computer_id: &str,
        message: &str,
    ) -> Result<String, SlapError> {
        let arguments = json!({
            "computer_guid": computer_id,
            "software_release_uri": url,
            "message": message,
        });
        self.tell("put.v0.software_installation_error", &arguments)
    }

    /// Reports the state of an instance: `started`, `stopped` or `destroyed`.
    ///
    /// # Errors
    ///
    /// The call fails; a destroyed root with children is refused.
    pub fn report_instance(&self, instance_guid: &str, state: &str) -> Result<String, SlapError> {
        self.tell(
            "put.v0.software_instance_reported_state",
            &json!({ "instance_guid": instance_guid, "reported_state": state }),
        )
    }

    /// Reports a failure of an instance.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instance_error(&self, instance_guid: &str, message: &str) -> Result<String, SlapError> {
        self.tell(
            "put.v0.software_instance_error",
            &json!({ "instance_guid": instance_guid, "message": message }),
        )
    }

    /// Publishes what others need to use an instance.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn set_connection(
        &self,
        instance_guid: &str,
        connection: &Object,
    ) -> Result<String, SlapError> {
        self.tell(
            "put.v0.software_instance_connection_parameter",
            &json!({
                "instance_guid": instance_guid,
                "connection_parameter_dict": connection,
            }),
        )
    }

    /// Has the tree of an instance processed again.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn instance_bang(&self, instance_guid: &str, message: &str) -> Result<String, SlapError> {
        self.tell(
            "put.v0.software_instance_bang",
            &json!({ "instance_guid": instance_guid, "message": message }),
        )
    }

    /// Renames an instance.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn rename_instance(&self, instance_guid: &str, title: &str) -> Result<String, SlapError> {
        self.tell(
            "put.v0.software_instance_title",
            &json!({ "instance_guid": instance_guid, "title": title }),
        )
    }

    /// Has all instances of a computer processed again.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn computer_bang(&self, computer_id: &str, message: &str) -> Result<String, SlapError> {
        self.tell(
            "put.v0.compute_node_bang",
            &json!({ "computer_guid": computer_id, "message": message }),
        )
    }

    /// Describes a computer: its partitions, each with `partition_id` and
    /// `ip_list`.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn format(&self, computer_id: &str, partitions: &[Value]) -> Result<String, SlapError> {
        self.tell(
            "put.v0.compute_node_format",
            &json!({ "computer_guid": computer_id, "compute_partition_list": partitions }),
        )
    }

    /// Reports what a computer used, as XML.
    ///
    /// # Errors
    ///
    /// The call fails.
    pub fn report_usage(&self, computer_id: &str, usage: &str) -> Result<String, SlapError> {
        self.tell(
            "post.v0.compute_node_usage",
            &json!({ "computer_guid": computer_id, "tioxml": usage }),
        )
    }
}

impl InstanceDocument {
    fn read(name: &str, answer: &Object) -> Result<Self, SlapError> {
        let timestamp = answer.get("processing_timestamp").and_then(Value::as_i64);
        let is_shared = answer.get("shared").and_then(Value::as_bool);
        Ok(InstanceDocument {
            title: text(name, answer, "title")?,
            instance_guid: text(name, answer, "instance_guid")?,
            software_release_uri: text(name, answer, "software_release_uri")?,
            software_type: text(name, answer, "software_type")?,
            state: text(name, answer, "state")?,
            connection_parameters: object(name, answer, "connection_parameters")?,
            parameters: object(name, answer, "parameters")?,
            sla_parameters: object(name, answer, "sla_parameters")?,
            is_shared: is_shared.ok_or_else(|| missing(name, "shared"))?,
            root_instance_title: text(name, answer, "root_instance_title")?,
            ip_list: array(name, answer, "ip_list")?,
            full_ip_list: array(name, answer, "full_ip_list")?,
            partition: PartitionReference {
                computer_id: text(name, answer, "computer_guid")?,
                partition_id: text(name, answer, "compute_partition_id")?,
            },
            processing_timestamp: timestamp.ok_or_else(|| missing(name, "processing_timestamp"))?,
            access_status_message: text(name, answer, "access_status_message")?,
        })
    }
}

fn text(name: &str, object: &Object, key: &str) -> Result<String, SlapError> {
    let value = object.get(key).and_then(Value::as_str);
    value
        .map(ToOwned::to_owned)
        .ok_or_else(|| missing(name, key))
}

fn object(name: &str, object: &Object, key: &str) -> Result<Object, SlapError> {
    let value = object.get(key).and_then(Value::as_object);
    value.cloned().ok_or_else(|| missing(name, key))
}

fn array(name: &str, object: &Object, key: &str) -> Result<Vec<Value>, SlapError> {
    let value = object.get(key).and_then(Value::as_array);
    value.cloned().ok_or_else(|| missing(name, key))
}

fn missing(name: &str, key: &str) -> SlapError {
    garbled(&format!("slapos.{name}"), &format!("it has no `{key}`"))
}

fn garbled(path: &str, detail: &str) -> SlapError {
    SlapError::GarbledJson {
        path: path.to_owned(),
        detail: detail.to_owned(),
    }
}
