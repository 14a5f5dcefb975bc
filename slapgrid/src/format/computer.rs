//! A computer with its partitions, as a master and the partitions see it.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use buildout_core::value::{Dict, Value};

/// An address with its netmask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: String,
    /// The netmask.
    pub netmask: String,
}

/// A range of IPv6 addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6Range {
    /// The first address.
    pub address: String,
    /// The length of the prefix, up to 128.
    pub length: u32,
}

impl Ipv6Range {
    /// Returns the netmask.
    pub fn netmask(&self) -> String {
        let bits = u128::MAX.checked_shl(128 - self.length).unwrap_or(0);
        Ipv6Addr::from_bits(bits).to_string()
    }

    fn to_dict(&self) -> Dict {
        dict([
            ("addr", Value::string(self.address.as_str())),
            ("netmask", Value::string(self.netmask())),
            (
                "network",
                Value::string(format!("{}/{}", self.address, self.length)),
            ),
            ("prefixlen", Value::Int(self.length.into())),
        ])
    }
}

/// A partition of the definition file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDefinition {
    /// The name of its directory.
    pub name: String,
    /// The name of its user.
    pub user: String,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its range of addresses.
    pub ipv6_range: Option<Ipv6Range>,
    /// The name of its tap interface, empty if it has none.
    pub interface: String,
    /// What it may do, if that is said.
    pub capabilities: Option<Vec<String>>,
}

/// What a definition file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputerDefinition {
    /// The computer's address.
    pub address: Option<Address>,
    /// The name of the user who owns the releases.
    pub software_user: String,
    /// The partitions.
    pub partitions: Vec<PartitionDefinition>,
}

/// A computer with all that is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputerModel {
    /// What the definition file says.
    pub definition: ComputerDefinition,
    /// What the master calls it.
    pub reference: String,
    /// `instance_root`.
    pub instance_root: PathBuf,
    /// `software_root`.
    pub software_root: PathBuf,
    /// `instance_storage_home`, if set.
    pub instance_storage_home: Option<String>,
    /// `ipv6_interface`, if set.
    pub ipv6_interface: Option<String>,
    /// `partition_has_ipv6_range`.
    pub partition_has_ipv6_range: bool,
    /// `tap_gateway_interface`.
    pub tap_gateway_interface: String,
    /// `tap_ipv6`.
    pub tap_ipv6: bool,
    /// The system: a JSON list.
    pub os_type: String,
    /// The version of this program.
    pub version: String,
}

fn dict<const N: usize>(entries: [(&str, Value); N]) -> Dict {
    let mut dict = Dict::new();
    for (name, value) in entries {
        dict.insert_str(name, value);
    }
    dict
}

fn text(text: &str) -> Value {
    Value::string(text)
}

fn optional(value: Option<&str>) -> Value {
    value.map_or(Value::None, text)
}

fn path_text(path: &Path) -> Value {
    Value::string(path.to_string_lossy())
}

/// The members of a tap interface without addresses.
const TAP_MEMBERS: [&str; 8] = [
    "ipv4_addr",
    "ipv4_netmask",
    "ipv4_gateway",
    "ipv4_network",
    "ipv6_addr",
    "ipv6_netmask",
    "ipv6_gateway",
    "ipv6_network",
];

impl ComputerModel {
    /// Returns the directory of a partition.
    pub fn partition_path(&self, partition: &PartitionDefinition) -> PathBuf {
        self.instance_root.join(&partition.name)
    }

    /// Returns what the partition is told in `.slapos-resource`.
    pub fn partition_value(&self, partition: &PartitionDefinition) -> Value {
        let addresses = partition.addresses.iter().map(|address| {
            Value::Dict(dict([
                ("addr", text(&address.address)),
                ("netmask", text(&address.netmask)),
            ]))
        });
        let path = path_text(&self.partition_path(partition));
        let range = partition.ipv6_range.as_ref().map(Ipv6Range::to_dict);
        let mut tap = dict([("name", text(&partition.interface))]);
        for member in TAP_MEMBERS {
            tap.insert_str(member, text(""));
        }
        let groups = vec![text(&self.definition.software_user)];
        let user = dict([
            ("name", text(&partition.user)),
            ("shell", text("/bin/sh")),
            ("additional_group_list", Value::List(groups)),
            ("path", path.clone()),
        ]);
        let mut value = dict([
            ("reference", text(&partition.name)),
            ("path", path),
            ("user", Value::Dict(user)),
            ("address_list", Value::List(addresses.collect())),
            ("ipv6_range", Value::Dict(range.unwrap_or_default())),
            ("tap", Value::Dict(tap)),
            ("tun", Value::None),
            ("external_storage_list", Value::List(Vec::new())),
        ]);
        if let Some(capabilities) = &partition.capabilities {
            let list = capabilities.iter().map(|it| text(it));
            value.insert_str("capability_list", Value::List(list.collect()));
        }
        Value::Dict(value)
    }

    /// Returns what the master is told.
    pub fn value(&self) -> Value {
        let definition = &self.definition;
        let address = definition.address.as_ref();
        let partitions = definition.partitions.iter();
        let partitions = partitions.map(|partition| self.partition_value(partition));
        Value::Dict(dict([
            ("reference", text(&self.reference)),
            ("interface", Value::None),
            ("partition_list", Value::List(partitions.collect())),
            ("address", optional(address.map(|it| it.address.as_str()))),
            ("netmask", optional(address.map(|it| it.netmask.as_str()))),
            ("ipv6_interface", optional(self.ipv6_interface.as_deref())),
            (
                "partition_has_ipv6_range",
                Value::Bool(self.partition_has_ipv6_range),
            ),
            ("software_user", text(&definition.software_user)),
            ("tap_gateway_interface", text(&self.tap_gateway_interface)),
            ("tap_ipv6", Value::Bool(self.tap_ipv6)),
            ("software_root", path_text(&self.software_root)),
            ("instance_root", path_text(&self.instance_root)),
            (
                "instance_storage_home",
                optional(self.instance_storage_home.as_deref()),
            ),
            // Nobody outside is asked for it.
            ("public_ipv4_address", Value::None),
            ("os_type", text(&self.os_type)),
            // There is no Python in the node.
            ("python_version", Value::None),
            ("slapos_version", text(&self.version)),
        ]))
    }
}
