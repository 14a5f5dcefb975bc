//! Addresses, their ranges and tap interfaces of partitions, made by `ip`: those that the
//! definition file names. Nothing is made up, and nothing is taken away.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::FormatError;
use super::computer::{Address, PartitionDefinition};
use super::system::System;
use crate::files::failed_to;

/// The longest name of an interface.
const LONGEST_NAME: usize = 15;

/// Where addresses are put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interfaces {
    /// For IPv4 addresses.
    pub(super) ipv4: String,
    /// For IPv6 addresses.
    pub(super) ipv6: String,
}

impl Interfaces {
    fn of(&self, address: IpAddr) -> &str {
        if address.is_ipv4() {
            &self.ipv4
        } else {
            &self.ipv6
        }
    }
}

/// Makes the addresses of the computer and of a partition that are not there.
pub(super) fn make_addresses<'a>(
    system: &System<'_>,
    interfaces: &Interfaces,
    addresses: impl IntoIterator<Item = &'a Address>,
) -> Result<(), FormatError> {
    for name in [&interfaces.ipv4, &interfaces.ipv6] {
        check_name(name)?;
    }
    for address in addresses {
        let (ip, length) = parse(address)?;
        let known = system.run("ip", &["-o", "addr", "show"])?;
        let wanted = interfaces.of(ip);
        match interface_with(&known, ip) {
            Some(interface) if interface == wanted => {}
            Some(interface) => {
                return Err(FormatError::AddressElsewhere {
                    address: ip,
                    wanted: wanted.to_owned(),
                    interface: interface.to_owned(),
                });
            }
            None => {
                let text = format!("{ip}/{length}");
                system.run("ip", &["addr", "add", &text, "dev", wanted])?;
                system.log.info(format!("Added address {text} to {wanted}"));
            }
        }
    }
    Ok(())
}

/// Makes the tap interface of a partition, which its user may open.
pub(super) fn make_tap(
    system: &System<'_>,
    partition: &PartitionDefinition,
) -> Result<(), FormatError> {
    let name = partition.interface.as_str();
    if name.is_empty() {
        return Ok(());
    }
    check_name(name)?;
    let known = system.run("ip", &["-o", "link", "show"])?;
    let is_there = known.lines().any(|line| {
        let own = line.split(": ").nth(1).unwrap_or_default();
        own.split('@').next() == Some(name)
    });
    if !is_there {
        let user = partition.user.as_str();
        let words = ["tuntap", "add", "dev", name, "mode", "tap", "user", user];
        system.run("ip", &words)?;
        system.log.info(format!("Added interface {name}"));
    }
    system.run("ip", &["link", "set", name, "up"])?;
    Ok(())
}

/// Lets everybody bind to addresses that no interface has, as those of a
/// partition's range are.
pub(super) fn allow_nonlocal_addresses() -> Result<(), FormatError> {
    let path = Path::new("/proc/sys/net/ipv6/ip_nonlocal_bind");
    fs::write(path, "1").map_err(failed_to("write", path))?;
    Ok(())
}

/// Has all addresses of a partition's range lead to this computer.
pub(super) fn make_range(
    system: &System<'_>,
    partition: &PartitionDefinition,
) -> Result<(), FormatError> {
    let range = partition.ipv6_range.as_ref();
    let range = range.ok_or_else(|| FormatError::NoRange(partition.name.clone()))?;
    let address: Ipv6Addr = range.address.parse().map_err(|_| FormatError::Address {
        address: range.address.clone(),
        netmask: range.length.to_string(),
    })?;
    let network = format!("{address}/{}", range.length);
    let words = ["-6", "route", "show", "table", "local", &network];
    if system.run("ip", &words)?.trim().is_empty() {
        let words = ["-6", "route", "add", "local", &network, "dev", "lo"];
        system.run("ip", &words)?;
        system.log.info(format!("Added range {network}"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), FormatError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_fine = !name.is_empty()
        && !name.starts_with(['-', '.'])
        && name.len() <= LONGEST_NAME
        && name.bytes().all(is_plain);
    if is_fine {
        return Ok(());
    }
    Err(FormatError::InterfaceName(name.to_owned()))
}

/// Reads an address with its netmask, which is an address too, as a number of
/// bits.
fn parse(address: &Address) -> Result<(IpAddr, u32), FormatError> {
    let unreadable = || FormatError::Address {
        address: address.address.clone(),
        netmask: address.netmask.clone(),
    };
    let ip: IpAddr = address.address.parse().map_err(|_| unreadable())?;
    let mask = &address.netmask;
    let (ones, is_mask) = match ip {
        IpAddr::V4(_) => {
            let bits = mask
                .parse::<Ipv4Addr>()
                .map_err(|_| unreadable())?
                .to_bits();
            (
                bits.leading_ones(),
                bits.count_ones() == bits.leading_ones(),
            )
        }
        IpAddr::V6(_) => {
            let bits = mask
                .parse::<Ipv6Addr>()
                .map_err(|_| unreadable())?
                .to_bits();
            (
                bits.leading_ones(),
                bits.count_ones() == bits.leading_ones(),
            )
        }
    };
    if is_mask {
        Ok((ip, ones))
    } else {
        Err(unreadable())
    }
}

/// Finds the interface that has an address, in what `ip -o addr show` writes.
fn interface_with(known: &str, address: IpAddr) -> Option<&str> {
    known.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let interface = words.next()?;
        let family = words.next()?;
        let own = words.next()?.split('/').next()?;
        let is_address = matches!(family, "inet" | "inet6") && own.parse() == Ok(address);
        is_address.then_some(interface)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(address: &str, netmask: &str) -> Address {
        Address {
            address: address.to_owned(),
            netmask: netmask.to_owned(),
        }
    }

    #[test]
    fn netmasks_are_lengths() {
        for (text, mask, length) in [
            ("10.0.0.1", "255.255.255.255", Some(32)),
            ("10.0.0.1", "255.255.0.0", Some(16)),
            ("2001:db8::1", "ffff:ffff::", Some(32)),
            ("10.0.0.1", "255.0.255.0", None),
            ("10.0.0.1", "ffff::", None),
            ("x", "255.0.0.0", None),
        ] {
            let found = parse(&address(text, mask)).ok().map(|(_, length)| length);
            assert_eq!(found, length, "{text}/{mask}");
        }
    }

    #[test]
    fn addresses_are_found_whatever_their_spelling() {
        let known = "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet6 2001:db8::5/64 scope global\n";
        let find = |text: &str| interface_with(known, text.parse().unwrap());
        assert_eq!(find("2001:db8:0::5"), Some("eth0"));
        assert_eq!(find("127.0.0.1"), Some("lo"));
        assert_eq!(find("127.0.0.2"), None);
    }
}
