//! What the master wants of a partition, checked: its answers are input like
//! any other.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use buildout_core::value::{Dict, Value};
use slap::{ComputerPartition, PartitionReference};

/// What an instance is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedState {
    /// Installed, with its services running.
    Started,
    /// Installed, without services.
    Stopped,
    /// Gone.
    Destroyed,
}

impl RequestedState {
    /// Reads the master's word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "started" => Some(RequestedState::Started),
            "stopped" => Some(RequestedState::Stopped),
            "destroyed" => Some(RequestedState::Destroyed),
            _ => None,
        }
    }

    /// Returns the master's word.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestedState::Started => "started",
            RequestedState::Stopped => "stopped",
            RequestedState::Destroyed => "destroyed",
        }
    }
}

/// What the master wants of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPartition {
    /// The partition.
    pub reference: PartitionReference,
    /// The release; none if the partition is free.
    pub release: Option<String>,
    /// The state, as the master words it.
    pub state: String,
    /// The type, for the log.
    pub software_type: Option<String>,
    /// The time of the last change, as a text to be compared.
    pub timestamp: Option<String>,
    /// How the master understood the last report. Only some masters tell.
    pub access_status: Option<String>,
    /// How many days the partition is kept after its end.
    pub retention_delay: Option<String>,
    /// Its first IPv6 address.
    pub ipv6_address: Option<IpAddr>,
    /// Its IPv4 addresses that others reach through its own interface.
    pub routed_addresses: Vec<Ipv4Addr>,
    /// Who may reach them beside its own tree of instances.
    pub access: WantedAccess,
}

/// Who may reach an instance. Addresses and networks are as the master words
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedAccess {
    /// Whether everybody else is kept out (`fw_restricted_access`).
    pub is_restricted: bool,
    /// Who may reach it (`fw_authorized_sources`).
    pub authorized: Vec<String>,
    /// Who may not, where everybody else may (`fw_rejected_sources`).
    pub rejected: Vec<String>,
}

impl WantedAccess {
    fn of(filter: &Dict) -> Self {
        let text = |name: &str| filter.get_str(name).map(ToString::to_string);
        let words = |name: &str| {
            let words = text(name).unwrap_or_default();
            words.split_whitespace().map(ToOwned::to_owned).collect()
        };
        WantedAccess {
            is_restricted: text("fw_restricted_access").is_none_or(|word| word != "off"),
            authorized: words("fw_authorized_sources"),
            rejected: words("fw_rejected_sources"),
        }
    }
}

/// Something of a partition that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusablePartition {
    /// The name leads elsewhere.
    #[error("the master names a partition {0:?}, which cannot be one")]
    Name(String),
}

/// The names that `instance_root` needs for itself.
const RESERVED: [&str; 2] = ["etc", "var"];

impl WantedPartition {
    /// Takes what the master says.
    ///
    /// # Errors
    ///
    /// The name is no plain name of a directory.
    pub fn of(partition: &ComputerPartition) -> Result<Self, UnusablePartition> {
        let name = &partition.reference.partition_id;
        check_name(name)?;
        let text = |value: Option<&Value>| {
            value
                .filter(|value| !matches!(value, Value::None))
                .map(ToString::to_string)
        };
        Ok(WantedPartition {
            reference: partition.reference.clone(),
            release: partition
                .software_release
                .as_ref()
                .map(|release| release.url.clone())
                .filter(|url| !url.is_empty()),
            state: partition.requested_state.clone().unwrap_or_default(),
            software_type: text(partition.parameters.get_str("slap_software_type")),
            timestamp: partition.timestamp(),
            access_status: partition.access_status.clone(),
            retention_delay: text(partition.filter.get_str("retention_delay")),
            ipv6_address: ipv6_address(partition),
            routed_addresses: routed_addresses(partition),
            access: WantedAccess::of(&partition.filter),
        })
    }

    /// Returns the partition's name.
    pub fn name(&self) -> &str {
        &self.reference.partition_id
    }

    /// Returns its directory.
    pub fn path(&self, instance_root: &Path) -> PathBuf {
        instance_root.join(self.name())
    }

    /// Tells whether nobody uses the partition.
    pub fn is_free(&self) -> bool {
        self.state == "destroyed" && self.release.is_none()
    }

    /// Tells whether the last report that the master knows was an error; none
    /// if it does not tell.
    pub fn has_error(&self) -> Option<bool> {
        let status = self.access_status.as_deref().filter(|it| !it.is_empty());
        status.map(|status| status.starts_with("#error"))
    }
}

/// Finds an IPv6 address among those of a partition.
fn ipv6_address(partition: &ComputerPartition) -> Option<IpAddr> {
    let mut addresses = own_addresses(partition).map(|(_, address)| address);
    addresses.find(|text| text.contains(':'))?.parse().ok()
}

/// Finds the IPv4 addresses of the interfaces that slapos.core protects.
fn routed_addresses(partition: &ComputerPartition) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    for (interface, address) in own_addresses(partition) {
        if let Ok(address) = address.parse()
            && interface.starts_with("route_")
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

fn own_addresses(partition: &ComputerPartition) -> impl Iterator<Item = (&str, &str)> {
    let lists = ["ip_list", "full_ip_list"].map(|name| partition.parameters.get_str(name));
    lists.into_iter().flatten().flat_map(address_pairs)
}

/// Returns the pairs of an interface and an address in a list of the master's;
/// there may be more to each.
pub(super) fn address_pairs(list: &Value) -> impl Iterator<Item = (&str, &str)> {
    let pairs = members(list).into_iter().flatten();
    pairs.filter_map(|pair| match members(pair)? {
        [interface, address, ..] => Some((interface.as_str()?, address.as_str()?)),
        _ => None,
    })
}

pub(super) fn members(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(members) | Value::Tuple(members) => Some(members),
        _ => None,
    }
}

/// Checks that a name is that of a directory of a partition.
///
/// # Errors
///
/// It is not: it may lead elsewhere, or mean something to supervisord.
pub fn check_name(name: &str) -> Result<(), UnusablePartition> {
    let is_plain = !name.is_empty()
        && !name.starts_with(['.', '-'])
        && !RESERVED.contains(&name)
        && name.len() < 128
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
    if is_plain {
        return Ok(());
    }
    Err(UnusablePartition::Name(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["slappart0", "a-b_c.d"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in [
            "", ".", "..", "../x", "a/b", "etc", "var", "a\nb", "a:b", "-c", "a b",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
