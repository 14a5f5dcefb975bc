//! What a computer is to have of the network: what is known stays, the rest is chosen. Nothing is
//! done here.
//!
//! Most is counted out of the interface's network by the number of the partition. What somebody
//! else has, and IPv4 addresses, are chosen by chance: a machine knows little of its neighbours, and
//! two that count would meet at every address.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::address::{Address, End, Ipv4Network, Ipv6Range};
use super::computer::{Computer, Interface, Link, Side};
use super::error::FormatError;
use super::machine::MachineNetwork;

/// How many bits slapos.core has between the networks of interface and partition.
const USUAL_SHIFT: u32 = 16;

/// The end of the numbers that are chosen by chance.
const BY_CHANCE: u64 = 65001;

/// The network out of which the networks of tun interfaces are.
const TUN_NETWORK: &str = "172.16.0.0/12";

/// What of the network is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NetworkWishes {
    pub(super) create_tap: bool,
    pub(super) create_tun: bool,
    pub(super) tun_ipv6: bool,
}

/// A quarter of the numbers of partitions' networks.
#[derive(Clone, Copy, Debug)]
enum Use {
    Range = 1,
    Tap = 2,
    Tun = 3,
}

/// What is known while a plan is made.
pub(super) struct Planner<'a> {
    pub(super) machine: &'a MachineNetwork,
    pub(super) interface: &'a Interface,
    pub(super) wishes: NetworkWishes,
    /// Addresses that other machines have.
    pub(super) refused: &'a BTreeSet<IpAddr>,
    /// Chance.
    pub(super) random: &'a dyn Fn() -> u64,
    /// Whether what the computer has was chosen earlier, and may be chosen anew when the network has
    /// become another one. What is defined may not.
    pub(super) follows_network: bool,
}

/// Returns the addresses of the interface out of whose networks others are chosen: those that no
/// partition has.
///
/// # Errors
///
/// There is none, or no such interface.
fn interface_addresses(
    machine: &MachineNetwork,
    interface: &Interface,
    computer: &Computer,
) -> Result<Vec<Ipv6Range>, FormatError> {
    let name = &interface.ipv6_interface;
    let found = machine
        .interface(name)
        .ok_or_else(|| FormatError::NoInterface {
            name: name.clone(),
            option: "ipv6_interface, or interface_name",
        })?;
    let (theirs, free): (Vec<_>, Vec<_>) = found
        .global_ipv6()
        .partition(|it| is_of_partition(computer, it.address.into()));
    match (theirs.is_empty(), free.is_empty()) {
        (_, false) => Ok(free),
        // Networks may be so small that partitions share the computer's address.
        (false, true) => Ok(theirs),
        (true, true) => Err(FormatError::NoIpv6(name.clone())),
    }
}

/// Returns the computer's own address: the one it has, if the interface does; or else one of the
/// same network, or of the largest one.
///
/// # Errors
///
/// There is none, or no such interface.
pub(super) fn own_address(
    machine: &MachineNetwork,
    interface: &Interface,
    computer: &Computer,
) -> Result<Address, FormatError> {
    let addresses = interface_addresses(machine, interface, computer)?;
    let known = computer.address.map(|it| it.ip);
    let order = |it: &Ipv6Range| {
        let is_known = known == Some(it.address.into());
        let is_near = matches!(known, Some(IpAddr::V6(ip)) if it.contains(ip));
        let length = if is_near { 0 } else { it.length };
        (!is_known, !is_near, length, it.address)
    };
    let best = addresses.into_iter().min_by_key(order);
    best.map(Address::from)
        .ok_or_else(|| FormatError::NoIpv6(interface.ipv6_interface.clone()))
}

impl Planner<'_> {
    /// Completes what the computer has. Returns what an operator should know.
    ///
    /// # Errors
    ///
    /// Something that is needed is not there or not free.
    pub(super) fn plan(&self, computer: &mut Computer) -> Result<Vec<String>, FormatError> {
        let name = &self.interface.name;
        if self.machine.interface(name).is_none() {
            return Err(FormatError::NoInterface {
                name: name.clone(),
                option: "interface_name",
            });
        }
        computer.address = Some(own_address(self.machine, self.interface, computer)?);
        let addresses = interface_addresses(self.machine, self.interface, computer)?;
        let largest = addresses
            .into_iter()
            .min_by_key(|it| (it.length, it.address));
        let base =
            largest.ok_or_else(|| FormatError::NoIpv6(self.interface.ipv6_interface.clone()))?;
        let mut notes = Vec::new();
        self.plan_ipv4_taps(computer)?;
        for index in 0..computer.partitions.len() {
            self.plan_ipv6_tap(computer, index, base, &mut notes)?;
            self.plan_tun(computer, index, base, &mut notes)?;
            self.plan_addresses(computer, index, base, &mut notes)?;
            self.plan_range(computer, index, base, &mut notes)?;
        }
        Ok(notes)
    }

    /// Gives each tap interface an address in the network of the gateway, or takes it.
    fn plan_ipv4_taps(&self, computer: &mut Computer) -> Result<(), FormatError> {
        if !self.wishes.create_tap {
            return Ok(());
        }
        let name = computer.tap_gateway_interface.clone();
        if name.is_empty() {
            for partition in &mut computer.partitions {
                partition.tap.ipv4 = Side::default();
            }
            return Ok(());
        }
        let gateway = self
            .machine
            .interface(&name)
            .ok_or_else(|| FormatError::NoInterface {
                name: name.clone(),
                option: "tap_gateway_interface",
            })?;
        let (address, length) = gateway
            .ipv4()
            .next()
            .ok_or(FormatError::NoGatewayAddress(name))?;
        let network = Ipv4Network::of(address, length);
        let netmask = Address {
            ip: address.into(),
            length,
        };
        let partitions = computer.partitions.len();
        // Upstream counts all addresses but the network's and the gateway's.
        let mut free = (1..).map_while(|number| network.address(number));
        let mut free = std::iter::from_fn(|| free.find(|it| *it != address));
        for partition in &mut computer.partitions {
            let next = free
                .next()
                .ok_or_else(|| FormatError::SmallGatewayNetwork {
                    partitions,
                    address: netmask.to_string(),
                })?;
            if partition.tap.ipv4.address.is_empty() {
                let own = network.address(0).unwrap_or(address);
                partition.tap.ipv4 = Side {
                    address: next.to_string(),
                    netmask: netmask.netmask().to_string(),
                    gateway: address.to_string(),
                    network: own.to_string(),
                };
            }
        }
        Ok(())
    }

    fn plan_ipv6_tap(
        &self,
        computer: &mut Computer,
        index: usize,
        base: Ipv6Range,
        notes: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        if !self.wishes.create_tap {
            return Ok(());
        }
        if !computer.tap_ipv6 {
            computer.partitions[index].tap.ipv6 = Side::default();
            return Ok(());
        }
        let known = &computer.partitions[index].tap.ipv6;
        let known = known.address.parse().ok().filter(|it| base.contains(*it));
        let (address, netmask) = match known {
            Some(address) => (address, computer.partitions[index].tap.ipv6.netmask.clone()),
            None => {
                let range = self.range(computer, index, base, Use::Tap, notes)?;
                (range.address, range.netmask().to_string())
            }
        };
        // Upstream always has 16 bits here; with a larger shift, networks of partitions would be one.
        let shift = self.interface.ipv6_prefixshift.max(USUAL_SHIFT);
        let network = Ipv6Range {
            address,
            length: base.length + shift,
        };
        if network.length > 127 {
            return Err(FormatError::SmallNetwork {
                length: network.length,
            });
        }
        let gateway = network.gateway();
        computer.partitions[index].tap.ipv6 = Side {
            address: address.to_string(),
            netmask,
            gateway: gateway.to_string(),
            network: format!("{gateway}/{}", network.length),
        };
        Ok(())
    }

    fn plan_tun(
        &self,
        computer: &mut Computer,
        index: usize,
        base: Ipv6Range,
        notes: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        let partitions = computer.partitions.len();
        let partition = &mut computer.partitions[index];
        if partition.tun.is_none() && self.wishes.create_tun {
            partition.tun = Some(tun(index, partitions));
        }
        let Some(tun) = &partition.tun else {
            return Ok(());
        };
        if !tun.ipv6.address.is_empty() || !self.wishes.tun_ipv6 {
            return Ok(());
        }
        let range = self.range(computer, index, base, Use::Tun, notes)?;
        let gateway = range.gateway();
        if let Some(tun) = &mut computer.partitions[index].tun {
            tun.ipv6 = Side {
                address: gateway.to_string(),
                netmask: range.netmask().to_string(),
                gateway: String::new(),
                network: format!("{gateway}/{}", range.length),
            };
        }
        Ok(())
    }

    fn plan_addresses(
        &self,
        computer: &mut Computer,
        index: usize,
        base: Ipv6Range,
        notes: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        let partition = &mut computer.partitions[index];
        let was_empty = partition.addresses.is_empty();
        let mut is_ipv6_lost = false;
        let name = &partition.name;
        partition.addresses.retain(|it| {
            let stays = self.stays(*it);
            if !stays {
                is_ipv6_lost = true;
                notes.push(format!(
                    "Impossible to add old public IPv6 {} of {name}. Generating new IPv6 address.",
                    it.ip
                ));
            }
            stays
        });
        if was_empty {
            let address = self.free_ipv4(computer, index)?;
            computer.partitions[index].addresses.push(address);
        }
        if was_empty || is_ipv6_lost {
            let ip = self.free_ipv6(computer, index, base, notes)?;
            computer.partitions[index].addresses.push(Address {
                ip: ip.into(),
                length: base.length,
            });
        }
        Ok(())
    }

    /// Tells whether an address that a partition has stays its own.
    fn stays(&self, address: Address) -> bool {
        let IpAddr::V6(ip) = address.ip else {
            return true;
        };
        if self.refused.contains(&address.ip) {
            return false;
        }
        let interface = self.machine.interface(&self.interface.ipv6_interface);
        !self.follows_network
            || interface.is_some_and(|interface| {
                interface.has(address.ip) || interface.global_ipv6().any(|it| it.contains(ip))
            })
    }

    fn free_ipv4(&self, computer: &Computer, index: usize) -> Result<Address, FormatError> {
        let network = &self.interface.ipv4_local_network;
        let nothing = || FormatError::NothingFree {
            what: format!("address of {network} (ipv4_local_network)"),
            partition: computer.partitions[index].name.clone(),
        };
        let numbers = Ipv4Network::parse(network).ok_or_else(nothing)?;
        let hosts = numbers.hosts();
        let is_free = |ip: IpAddr| {
            let mut interfaces = self.machine.interfaces().iter();
            !interfaces.any(|it| it.has(ip)) && !is_of_partition(computer, ip)
        };
        let found = self.beginning_anywhere(hosts).find_map(|number| {
            let ip = numbers.address(number).map(IpAddr::V4)?;
            is_free(ip).then_some(Address { ip, length: 32 })
        });
        found.ok_or_else(nothing)
    }

    /// Returns all numbers of a range in their order, beginning anywhere.
    fn beginning_anywhere(&self, numbers: Range<u64>) -> impl Iterator<Item = u64> + use<> {
        let count = numbers.end.saturating_sub(numbers.start);
        let begin = (self.random)().checked_rem(count).unwrap_or(0);
        (0..count).map(move |step| numbers.start + (begin + step) % count)
    }

    /// Returns the address that follows from the partition's number, or any other one of the network
    /// if somebody has that.
    fn free_ipv6(
        &self,
        computer: &Computer,
        index: usize,
        base: Ipv6Range,
        notes: &mut Vec<String>,
    ) -> Result<Ipv6Addr, FormatError> {
        let name = &self.interface.ipv6_interface;
        let is_free = |ip: Ipv6Addr| {
            let ip = IpAddr::V6(ip);
            !self.refused.contains(&ip) && self.machine.elsewhere(ip, name).is_none()
        };
        let is_nobody_s = |ip: Ipv6Addr| {
            let own = computer.address.map(|it| it.ip);
            is_free(ip) && own != Some(ip.into()) && !is_of_partition(computer, ip.into())
        };
        // 0 is the network's own, and 1 is that of a router.
        let number = index as u128 + 2;
        let hosts = 1_u128.checked_shl(base.host_bits()).unwrap_or(u128::MAX);
        if number >= hosts {
            // In a network that small, partitions share addresses.
            let number = if hosts > 2 {
                index as u128 % (hosts - 2) + 2
            } else {
                number
            };
            let address = base.host(number);
            if is_free(address) {
                return Ok(address);
            }
        } else if is_nobody_s(base.host(number)) {
            return Ok(base.host(number));
        }
        let taken = Ipv6Range {
            address: base.host(number),
            length: base.length,
        };
        self.may_be_by_chance(computer, index, &taken, notes)?;
        // Neither the network's own, nor a router's.
        let numbers = 2..u64::try_from(hosts).map_or(BY_CHANCE, |hosts| hosts.min(BY_CHANCE));
        let mut found = self
            .beginning_anywhere(numbers)
            .map(|it| base.host(it.into()));
        let found = found.find(|ip| is_nobody_s(*ip));
        found.ok_or_else(|| FormatError::NothingFree {
            what: format!("address of {base}"),
            partition: computer.partitions[index].name.clone(),
        })
    }

    fn plan_range(
        &self,
        computer: &mut Computer,
        index: usize,
        base: Ipv6Range,
        notes: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        computer.partitions[index].ipv6_range = match computer.partitions[index].ipv6_range {
            _ if !computer.partition_has_ipv6_range => None,
            Some(known) => Some(known),
            None => Some(self.range(computer, index, base, Use::Range, notes)?),
        };
        Ok(())
    }

    /// Returns the range that follows from the partition's number, or any other one if somebody has
    /// that.
    fn range(
        &self,
        computer: &Computer,
        index: usize,
        base: Ipv6Range,
        purpose: Use,
        notes: &mut Vec<String>,
    ) -> Result<Ipv6Range, FormatError> {
        let shift = self.interface.ipv6_prefixshift;
        let small = || FormatError::SmallNetwork {
            length: base.length + shift,
        };
        let end = match purpose {
            Use::Tap => End::Last,
            Use::Range | Use::Tun => End::First,
        };
        let used = used_ranges(computer);
        let own = &computer.partitions[index].tap.name;
        let is_free = |range: Ipv6Range| {
            let ip = IpAddr::V6(range.address);
            !used.iter().any(|it| it.overlaps(range)) && self.machine.elsewhere(ip, own).is_none()
        };
        let number = ((purpose as u128) << (shift - 2)) + index as u128 + 1;
        let counted = base.part(shift, number, end).ok_or_else(small)?;
        if is_free(counted) {
            return Ok(counted);
        }
        self.may_be_by_chance(computer, index, &counted, notes)?;
        let ranges = self.beginning_anywhere(1..BY_CHANCE);
        let mut ranges = ranges.filter_map(|number| base.part(shift, number.into(), end));
        let found = ranges.find(|range| is_free(*range));
        found.ok_or_else(|| FormatError::NothingFree {
            what: format!("range of {base}"),
            partition: computer.partitions[index].name.clone(),
        })
    }

    /// Notes that what was counted is in use, if something else may be taken.
    fn may_be_by_chance(
        &self,
        computer: &Computer,
        index: usize,
        taken: &Ipv6Range,
        notes: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        let partition = &computer.partitions[index].name;
        let shift = self.interface.ipv6_prefixshift;
        if shift != USUAL_SHIFT {
            return Err(FormatError::Taken {
                what: taken.to_string(),
                partition: partition.clone(),
                shift,
            });
        }
        notes.push(format!(
            "Falling back to random address selection for partition {partition} because {taken} is already taken"
        ));
        Ok(())
    }
}

fn is_of_partition(computer: &Computer, ip: IpAddr) -> bool {
    let mut addresses = computer.partitions.iter().flat_map(|it| &it.addresses);
    addresses.any(|address| address.ip == ip)
}

/// Returns the ranges that partitions and their interfaces have.
fn used_ranges(computer: &Computer) -> Vec<Ipv6Range> {
    let range = |side: &Side| {
        let address = Address::with_netmask(&side.address, &side.netmask).ok()?;
        match address.ip {
            IpAddr::V6(ip) => Some(Ipv6Range {
                address: ip,
                length: address.length,
            }),
            IpAddr::V4(_) => None,
        }
    };
    let mut ranges = Vec::new();
    for partition in &computer.partitions {
        ranges.extend(partition.ipv6_range);
        ranges.extend(range(&partition.tap.ipv6));
        ranges.extend(partition.tun.as_ref().and_then(|it| range(&it.ipv6)));
    }
    ranges
}

/// Returns the tun interface of a partition: each has an equal part of one network.
fn tun(index: usize, partitions: usize) -> Link {
    let mut link = Link::named(format!("slaptun{index}"));
    let bits = partitions.next_power_of_two().trailing_zeros();
    let Some(all) = Ipv4Network::parse(TUN_NETWORK) else {
        return link;
    };
    let length = 12 + bits;
    let number = ((index as u64) << (32 - length)) + 1;
    let Some(ip) = all.address(number) else {
        return link;
    };
    let address = Address {
        ip: ip.into(),
        length,
    };
    let netmask = address.netmask();
    link.ipv4 = Side {
        address: ip.to_string(),
        netmask: netmask.to_string(),
        gateway: String::new(),
        network: format!("{ip}/{netmask}"),
    };
    link
}

#[cfg(test)]
mod tests;
