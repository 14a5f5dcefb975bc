//! What a master says about a computer, its partitions and its software.

use buildout_core::value::{Dict, Value};

use crate::error::SlapError;
use crate::exchange::PartitionReference;
use crate::instance_xml::parse_instance_xml;
use crate::marshal::{Item, UnmarshalError};
use crate::state::State;

/// The type of an instance that asks for none.
pub const DEFAULT_SOFTWARE_TYPE: &str = "default";

/// What [`DEFAULT_SOFTWARE_TYPE`] was once called.
pub const OLD_DEFAULT_SOFTWARE_TYPE: &str = "RootSoftwareInstance";

/// Everything a node has to do: upstream's `Computer`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Computer {
    /// The computer.
    pub computer_id: String,
    /// Its partitions, in the master's order.
    pub partitions: Vec<ComputerPartition>,
    /// The software to be there, or to be removed, in the master's order.
    pub software_releases: Vec<SoftwareRelease>,
}

impl Computer {
    /// Reads the object.
    pub(crate) fn read(item: Item) -> Result<Self, UnmarshalError> {
        let mut state = State::of(item, "Computer")?;
        let partitions = state.take_list("_computer_partition_list")?;
        let software_releases = state.take_list("_software_release_list")?;
        Ok(Computer {
            computer_id: state.require_text("_computer_id")?,
            partitions: partitions
                .into_iter()
                .map(ComputerPartition::read)
                .collect::<Result<_, _>>()?,
            software_releases: software_releases
                .into_iter()
                .map(SoftwareRelease::read)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// What a partition is to be: upstream's `ComputerPartition`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComputerPartition {
    /// The partition.
    pub reference: PartitionReference,
    /// The instance in it. See [`instance_guid`](Self::instance_guid).
    pub instance_guid: Option<String>,
    /// See [`state`](Self::state).
    pub requested_state: Option<String>,
    /// See [`software_release`](Self::software_release).
    pub software_release: Option<SoftwareRelease>,
    /// The parameters, with what the master adds to them (`timestamp`,
    /// `ip_list`, `slap_software_type`, …).
    pub parameters: Dict,
    /// What was published.
    pub connection: Dict,
    /// The end of the last report, `#error …` if it was one. Only a real
    /// master tells it.
    pub access_status: Option<String>,
    /// What was asked of the place of the instance. Only a real master tells
    /// it.
    pub filter: Dict,
}

impl ComputerPartition {
    /// Reads the object.
    pub(crate) fn read(item: Item) -> Result<Self, UnmarshalError> {
        let mut state = State::of(item, "ComputerPartition")?;
        let software_release = state.take("_software_release_document");
        Ok(ComputerPartition {
            reference: PartitionReference {
                computer_id: state.require_text("_computer_id")?,
                partition_id: state.require_text("_partition_id")?,
            },
            instance_guid: state.take_text("_instance_guid")?,
            requested_state: state.take_text("_requested_state")?,
            software_release: software_release.map(SoftwareRelease::read).transpose()?,
            parameters: state.take_dict("_parameter_dict")?.unwrap_or_default(),
            connection: take_connection(&mut state)?,
            access_status: state.take_text("_access_status")?,
            filter: state.take_dict("_filter_dict")?.unwrap_or_default(),
        })
    }

    /// Returns the state that is asked for: `started`, `stopped` or
    /// `destroyed` (`getState`).
    ///
    /// # Errors
    ///
    /// The master has not told it yet.
    pub fn state(&self) -> Result<&str, SlapError> {
        self.told(self.requested_state.as_deref(), "requested state")
    }

    /// Returns the identifier of the instance (`getInstanceGuid`).
    ///
    /// # Errors
    ///
    /// The master has not told it yet.
    pub fn instance_guid(&self) -> Result<&str, SlapError> {
        self.told(self.instance_guid.as_deref(), "instance guid")
    }

    /// Returns the software of the instance (`getSoftwareRelease`).
    ///
    /// # Errors
    ///
    /// There is none: the partition is free.
    pub fn software_release(&self) -> Result<&SoftwareRelease, SlapError> {
        self.software_release
            .as_ref()
            .ok_or_else(|| SlapError::NotFound {
                subject: format!(
                    "No software release information for partition {}",
                    self.reference.partition_id
                ),
                detail: String::new(),
            })
    }

    /// Returns the software type of the instance (`getType`).
    ///
    /// # Errors
    ///
    /// The master has not told it yet.
    pub fn software_type(&self) -> Result<&str, SlapError> {
        let written = self.parameters.get_str("slap_software_type");
        let written = written.and_then(Value::as_str).filter(|it| !it.is_empty());
        self.told(written, "software type")
    }

    /// Returns when the request for the instance last changed, as the master
    /// writes it: seconds since the epoch.
    pub fn timestamp(&self) -> Option<String> {
        let timestamp = self.parameters.get_str("timestamp");
        timestamp
            .filter(|value| !matches!(value, Value::None))
            .map(Value::to_string)
    }

    fn told<'a>(&self, value: Option<&'a str>, what: &str) -> Result<&'a str, SlapError> {
        value.ok_or_else(|| SlapError::NotReady {
            subject: format!("{what} of partition {}", self.reference.partition_id),
        })
    }
}

/// Takes what was published; old masters send only the XML.
pub(crate) fn take_connection(state: &mut State) -> Result<Dict, UnmarshalError> {
    if let Some(dict) = state.take_dict("_connection_dict")? {
        return Ok(dict);
    }
    match state.take_text("connection_xml")? {
        Some(xml) => parse_instance_xml(&xml),
        None => Ok(Dict::new()),
    }
}

/// Software that a computer is to have: upstream's `SoftwareRelease`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoftwareRelease {
    /// The URL of its profile.
    pub url: String,
    /// The computer.
    pub computer_id: Option<String>,
    /// What is asked for.
    pub requested_state: String,
}

impl SoftwareRelease {
    /// Names a release that is asked for.
    pub fn new(url: impl Into<String>, computer_id: impl Into<String>) -> Self {
        SoftwareRelease {
            url: url.into(),
            computer_id: Some(computer_id.into()),
            requested_state: "available".to_owned(),
        }
    }

    /// Reads the object.
    pub(crate) fn read(item: Item) -> Result<Self, UnmarshalError> {
        let mut state = State::of(item, "SoftwareRelease")?;
        Ok(SoftwareRelease {
            url: state.require_text("_software_release")?,
            computer_id: state.take_text("_computer_guid")?,
            requested_state: state
                .take_text("_requested_state")?
                .unwrap_or_else(|| "available".to_owned()),
        })
    }

    /// Says whether the release is to be removed.
    pub fn is_destroyed(&self) -> bool {
        self.requested_state == "destroyed"
    }
}
