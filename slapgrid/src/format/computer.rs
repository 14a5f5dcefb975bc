//! A computer with its partitions, as a master and the partitions see it.

use std::path::{Path, PathBuf};

use buildout_core::value::{Dict, Value};

use super::address::{Address, Ipv6Range};

/// The interface out of whose networks addresses are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// `interface_name`.
    pub name: String,
    /// `ipv4_local_network`.
    pub ipv4_local_network: String,
    /// `ipv6_interface`, or the same.
    pub ipv6_interface: String,
    /// `ipv6_prefixshift`.
    pub ipv6_prefixshift: u32,
}

/// What a tap or tun interface has of IPv4 or IPv6. What it does not have is
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Its address.
    pub address: String,
    /// The netmask of it.
    pub netmask: String,
    /// The gateway.
    pub gateway: String,
    /// The network.
    pub network: String,
}

/// A tap or tun interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its name, empty if there is none.
    pub name: String,
    /// What it has of IPv4.
    pub ipv4: Side,
    /// What it has of IPv6.
    pub ipv6: Side,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// The name of its directory.
    pub name: String,
    /// The name of its user.
    pub user: String,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its range of addresses.
    pub ipv6_range: Option<Ipv6Range>,
    /// Its tap interface.
    pub tap: Link,
    /// Its tun interface.
    pub tun: Option<Link>,
    /// Its directories on other disks.
    pub external_storage: Vec<PathBuf>,
    /// What it may do, if that is said.
    pub capabilities: Option<Vec<String>>,
}

/// A computer with all that is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computer {
    /// What the master calls it.
    pub reference: String,
    /// Where addresses are, if any are chosen or made.
    pub interface: Option<Interface>,
    /// The partitions.
    pub partitions: Vec<Partition>,
    /// The computer's own address.
    pub address: Option<Address>,
    /// `ipv6_interface`, if set.
    pub ipv6_interface: Option<String>,
    /// `partition_has_ipv6_range`.
    pub partition_has_ipv6_range: bool,
    /// The name of the user who owns the releases.
    pub software_user: String,
    /// `tap_gateway_interface`.
    pub tap_gateway_interface: String,
    /// `tap_ipv6`.
    pub tap_ipv6: bool,
    /// `software_root`.
    pub software_root: PathBuf,
    /// `instance_root`.
    pub instance_root: PathBuf,
    /// `instance_storage_home`, if set.
    pub instance_storage_home: Option<String>,
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

impl Interface {
    fn value(&self) -> Value {
        Value::Dict(dict([
            ("name", text(&self.name)),
            ("ipv4_local_network", text(&self.ipv4_local_network)),
            ("ipv6_interface", text(&self.ipv6_interface)),
            ("ipv6_prefixshift", Value::Int(self.ipv6_prefixshift.into())),
        ]))
    }
}

impl Link {
    /// Returns one without addresses.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Link {
            name: name.into(),
            ..Link::default()
        }
    }

    fn value(&self) -> Value {
        Value::Dict(dict([
            ("name", text(&self.name)),
            ("ipv4_addr", text(&self.ipv4.address)),
            ("ipv4_netmask", text(&self.ipv4.netmask)),
            ("ipv4_gateway", text(&self.ipv4.gateway)),
            ("ipv4_network", text(&self.ipv4.network)),
            ("ipv6_addr", text(&self.ipv6.address)),
            ("ipv6_netmask", text(&self.ipv6.netmask)),
            ("ipv6_gateway", text(&self.ipv6.gateway)),
            ("ipv6_network", text(&self.ipv6.network)),
        ]))
    }
}

impl Partition {
    /// Takes what it has not from what it had earlier.
    pub(super) fn complete(&mut self, earlier: &Partition) {
        if self.addresses.is_empty() {
            self.addresses.clone_from(&earlier.addresses);
        }
        self.ipv6_range = self.ipv6_range.or(earlier.ipv6_range);
        if self.tap.name == earlier.tap.name {
            self.tap = earlier.tap.clone();
        }
        self.tun.clone_from(&earlier.tun);
    }
}

impl Computer {
    /// Returns the directory of a partition.
    pub fn partition_path(&self, partition: &Partition) -> PathBuf {
        self.instance_root.join(&partition.name)
    }

    /// Returns what the partition is told in `.slapos-resource`.
    pub fn partition_value(&self, partition: &Partition) -> Value {
        let addresses = partition.addresses.iter().map(Address::value);
        let path = path_text(&self.partition_path(partition));
        let range = partition.ipv6_range.map(Ipv6Range::value);
        let storage = partition.external_storage.iter();
        let user = dict([
            ("name", text(&partition.user)),
            ("shell", text("/bin/sh")),
            (
                "additional_group_list",
                Value::List(vec![text(&self.software_user)]),
            ),
            ("path", path.clone()),
        ]);
        let mut value = dict([
            ("reference", text(&partition.name)),
            ("path", path),
            ("user", Value::Dict(user)),
            ("address_list", Value::List(addresses.collect())),
            (
                "ipv6_range",
                range.unwrap_or_else(|| Value::Dict(Dict::new())),
            ),
            ("tap", partition.tap.value()),
            (
                "tun",
                partition.tun.as_ref().map_or(Value::None, Link::value),
            ),
            (
                "external_storage_list",
                Value::List(storage.map(|path| path_text(path)).collect()),
            ),
        ]);
        if let Some(capabilities) = &partition.capabilities {
            let list = capabilities.iter().map(|it| text(it));
            value.insert_str("capability_list", Value::List(list.collect()));
        }
        Value::Dict(value)
    }

    /// Returns what the master is told.
    pub fn value(&self) -> Value {
        let address = self.address.map(|it| it.ip.to_string());
        let netmask = self.address.map(|it| it.netmask().to_string());
        let partitions = self.partitions.iter();
        let partitions = partitions.map(|partition| self.partition_value(partition));
        Value::Dict(dict([
            ("reference", text(&self.reference)),
            (
                "interface",
                self.interface
                    .as_ref()
                    .map_or(Value::None, Interface::value),
            ),
            ("partition_list", Value::List(partitions.collect())),
            ("address", optional(address.as_deref())),
            ("netmask", optional(netmask.as_deref())),
            ("ipv6_interface", optional(self.ipv6_interface.as_deref())),
            (
                "partition_has_ipv6_range",
                Value::Bool(self.partition_has_ipv6_range),
            ),
            ("software_user", text(&self.software_user)),
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

/// What is known of a computer before it is formatted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownComputer {
    /// Its own address.
    pub address: Option<Address>,
    /// The name of the user who owns the releases, if that is said.
    pub software_user: Option<String>,
    /// The partitions.
    pub partitions: Vec<Partition>,
}
