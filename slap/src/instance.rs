//! Asking for an instance.

use buildout_core::value::{Dict, Value};

use crate::computer::{DEFAULT_SOFTWARE_TYPE, take_connection};
use crate::error::SlapError;
use crate::exchange::{Exchange, PartitionReference};
use crate::marshal::{Item, MarshalError, UnmarshalError, dumps};
use crate::state::State;

/// An instance that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceRequest {
    /// The URL of the software's profile.
    pub software_release: String,
    /// The type; `default` if none is asked for.
    pub software_type: Option<String>,
    /// The name by which the requester knows the instance.
    pub title: String,
    /// Whether it is an entry of an instance that several share.
    pub is_shared: bool,
    /// Its parameters.
    pub parameters: Dict,
    /// Where it is to be.
    pub filter: Dict,
    /// The state; without one, a new instance is started and an old one stays
    /// as it is.
    pub state: Option<String>,
}

impl InstanceRequest {
    /// Asks for an instance of a release, with nothing particular about it.
    pub fn new(software_release: impl Into<String>, title: impl Into<String>) -> Self {
        InstanceRequest {
            software_release: software_release.into(),
            software_type: None,
            title: title.into(),
            is_shared: false,
            parameters: Dict::new(),
            filter: Dict::new(),
            state: None,
        }
    }

    /// Makes the call, for a partition or for a user.
    pub(crate) fn exchange(
        &self,
        requester: Option<&PartitionReference>,
    ) -> Result<Exchange, MarshalError> {
        let release = ("software_release", self.software_release.clone());
        let software_type = (
            "software_type",
            self.software_type
                .clone()
                .unwrap_or_else(|| DEFAULT_SOFTWARE_TYPE.to_owned()),
        );
        let title = ("partition_reference", self.title.clone());
        let parameters = (
            "partition_parameter_xml",
            dumps(&Value::Dict(self.parameters.clone()))?,
        );
        let filter = ("filter_xml", dumps(&Value::Dict(self.filter.clone()))?);
        let state = self.state.as_deref().map_or(Value::None, Value::from);
        let state = ("state", dumps(&state)?);
        let shared = ("shared_xml", dumps(&Value::Bool(self.is_shared))?);
        // The orders of upstream's two dicts.
        Ok(match requester {
            None => Exchange::post(
                REQUEST,
                vec![
                    release,
                    title,
                    parameters,
                    filter,
                    software_type,
                    state,
                    shared,
                ],
            ),
            Some(partition) => Exchange::post(
                REQUEST,
                vec![
                    ("computer_id", partition.computer_id.clone()),
                    ("computer_partition_id", partition.partition_id.clone()),
                    release,
                    software_type,
                    title,
                    shared,
                    parameters,
                    filter,
                    state,
                ],
            )
            .as_partition(partition),
        })
    }
}

/// The call that asks for an instance.
pub(crate) const REQUEST: &str = "requestComputerPartition";

/// An instance as a master answers the request for it: upstream's
/// `SoftwareInstance`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SoftwareInstance {
    /// Where it is, once it is somewhere.
    pub partition: Option<PartitionReference>,
    /// Its identifier; a shared one has none.
    pub instance_guid: Option<String>,
    /// Its state; a shared one has none.
    pub requested_state: Option<String>,
    /// What it published.
    pub connection: Dict,
    /// Its parameters, and what the master adds to them.
    pub parameters: Dict,
    /// Its addresses: pairs of interface and address.
    pub ip_list: Value,
    /// Its software.
    pub software_release: Option<String>,
    /// Its type.
    pub software_type: Option<String>,
    /// The end of the last report. Only a real master tells it.
    pub access_status: Option<String>,
}

impl SoftwareInstance {
    /// Reads the object.
    pub(crate) fn read(item: Item) -> Result<Self, UnmarshalError> {
        let mut state = State::of(item, "SoftwareInstance")?;
        let computer_id = state.take_text("slap_computer_id")?;
        let partition_id = state.take_text("slap_computer_partition_id")?;
        let partition = computer_id.zip(partition_id);
        let ip_list = state.take("ip_list").map(Item::into_value).transpose()?;
        Ok(SoftwareInstance {
            partition: partition.map(|(computer_id, partition_id)| PartitionReference {
                computer_id,
                partition_id,
            }),
            instance_guid: state.take_text("_instance_guid")?,
            requested_state: state.take_text("_requested_state")?,
            connection: take_connection(&mut state)?,
            parameters: state.take_dict("_parameter_dict")?.unwrap_or_default(),
            ip_list: ip_list.unwrap_or_else(|| Value::List(Vec::new())),
            software_release: state.take_text("slap_software_release_url")?,
            software_type: state.take_text("slap_software_type")?,
            access_status: state.take_text("_access_status")?,
        })
    }

    /// Returns what the instance published under a name
    /// (`getConnectionParameter`).
    ///
    /// # Errors
    ///
    /// It has not published it yet.
    pub fn connection_parameter(&self, name: &str) -> Result<&Value, SlapError> {
        self.connection
            .get_str(name)
            .ok_or_else(|| SlapError::NotFound {
                subject: format!("{name} not found"),
                detail: String::new(),
            })
    }
}
