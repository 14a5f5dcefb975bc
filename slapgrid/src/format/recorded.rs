//! What the last run wrote of the computer, read again: the file `computer_xml`.

use buildout_core::value::{Dict, Value};

use super::address::{Address, Ipv6Range, NoAddress};
use super::computer::{KnownComputer, Link, Partition, Side};

/// What is wrong with a description.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It is no marshalled value.
    #[error(transparent)]
    Marshal(#[from] slap::marshal::UnmarshalError),
    /// It is something else than a computer.
    #[error("{0} is missing, or is something else than expected")]
    Member(&'static str),
    /// A name that cannot be that of a directory of a partition.
    #[error("{0:?} cannot be the name of a partition")]
    Name(String),
    /// An address that is none.
    #[error(transparent)]
    Address(#[from] NoAddress),
}

/// Reads the description of a computer (`Computer.load`).
///
/// # Errors
///
/// The first mistake.
pub fn read_record(xml: &str) -> Result<KnownComputer, RecordError> {
    let value = slap::marshal::loads(xml)?;
    let Value::Dict(computer) = &value else {
        return Err(RecordError::Member("the computer"));
    };
    let Some(Value::List(partitions)) = computer.get_str("partition_list") else {
        return Err(RecordError::Member("partition_list"));
    };
    let address = text(computer, "address")
        .zip(text(computer, "netmask"))
        .map(|(address, netmask)| Address::with_netmask(address, netmask))
        .transpose()?;
    let partitions = partitions.iter().map(partition);
    Ok(KnownComputer {
        address,
        software_user: text(computer, "software_user").map(ToOwned::to_owned),
        partitions: partitions.collect::<Result<_, _>>()?,
    })
}

fn partition(value: &Value) -> Result<Partition, RecordError> {
    let Value::Dict(partition) = value else {
        return Err(RecordError::Member("a partition"));
    };
    let name = text(partition, "reference").ok_or(RecordError::Member("reference"))?;
    if crate::instance::check_name(name).is_err() {
        return Err(RecordError::Name(name.to_owned()));
    }
    let Some(Value::List(addresses)) = partition.get_str("address_list") else {
        return Err(RecordError::Member("address_list"));
    };
    let user = dict(partition, "user").and_then(|user| text(user, "name"));
    let tap = dict(partition, "tap").map(link).transpose()?;
    Ok(Partition {
        name: name.to_owned(),
        user: user.unwrap_or("root").to_owned(),
        addresses: addresses.iter().map(address).collect::<Result<_, _>>()?,
        ipv6_range: dict(partition, "ipv6_range").map(range).transpose()?,
        tap: tap.unwrap_or_else(|| Link::named(name)),
        tun: dict(partition, "tun").map(link).transpose()?,
        ..Partition::default()
    })
}

fn address(value: &Value) -> Result<Address, RecordError> {
    let Value::Dict(address) = value else {
        return Err(RecordError::Member("an address"));
    };
    let parts = text(address, "addr").zip(text(address, "netmask"));
    let (address, netmask) = parts.ok_or(RecordError::Member("addr or netmask"))?;
    Ok(Address::with_netmask(address, netmask)?)
}

fn range(value: &Dict) -> Result<Ipv6Range, RecordError> {
    let network = text(value, "network").ok_or(RecordError::Member("network of ipv6_range"))?;
    Ok(Ipv6Range::parse(network)?)
}

fn link(value: &Dict) -> Result<Link, RecordError> {
    let name = text(value, "name").ok_or(RecordError::Member("name of tap or tun"))?;
    // Old descriptions have names only.
    let side = |[address, netmask, gateway, network]: [&str; 4]| {
        let member = |name| text(value, name).unwrap_or_default().to_owned();
        Side {
            address: member(address),
            netmask: member(netmask),
            gateway: member(gateway),
            network: member(network),
        }
    };
    Ok(Link {
        name: name.to_owned(),
        ipv4: side(["ipv4_addr", "ipv4_netmask", "ipv4_gateway", "ipv4_network"]),
        ipv6: side(["ipv6_addr", "ipv6_netmask", "ipv6_gateway", "ipv6_network"]),
    })
}

fn text<'a>(dict: &'a Dict, name: &str) -> Option<&'a str> {
    dict.get_str(name)?.as_str()
}

/// Returns a member that is a dictionary with something in it.
fn dict<'a>(dict: &'a Dict, name: &str) -> Option<&'a Dict> {
    match dict.get_str(name)? {
        Value::Dict(member) if !member.is_empty() => Some(member),
        _ => None,
    }
}
