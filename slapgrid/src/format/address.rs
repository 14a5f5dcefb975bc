//! Addresses with their networks, and what is counted out of a network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use buildout_core::value::{Dict, Value};

/// How many bits an IPv6 address has.
const IPV6_BITS: u32 = 128;

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// How many bits of it are the network's.
    pub length: u32,
}

/// A text that is no address with a netmask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address with a netmask")]
pub struct NoAddress(pub String);

impl Address {
    /// Puts an address and its netmask together. What netifaces adds to a
    /// netmask (`ffff::/16`) is left out.
    pub(super) fn with_netmask(address: &str, netmask: &str) -> Result<Self, NoAddress> {
        let netmask = netmask.split('/').next().unwrap_or_default();
        let (ip, mask) = match (address.parse(), netmask.parse()) {
            (Ok(ip), Ok(mask)) => (ip, mask),
            _ => return Err(NoAddress(format!("{address}/{netmask}"))),
        };
        let (ones, count) = match (ip, mask) {
            (IpAddr::V4(_), IpAddr::V4(mask)) => {
                (mask.to_bits().leading_ones(), mask.to_bits().count_ones())
            }
            (IpAddr::V6(_), IpAddr::V6(mask)) => {
                (mask.to_bits().leading_ones(), mask.to_bits().count_ones())
            }
            _ => return Err(NoAddress(format!("{address}/{netmask}"))),
        };
        if ones != count {
            return Err(NoAddress(format!("{address}/{netmask}")));
        }
        Ok(Address { ip, length: ones })
    }

    /// Returns the netmask as an address.
    pub fn netmask(&self) -> IpAddr {
        match self.ip {
            IpAddr::V4(_) => Ipv4Addr::from_bits(ipv4_mask(self.length)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(ipv6_mask(self.length)).into(),
        }
    }

    pub(super) fn value(&self) -> Value {
        let mut dict = Dict::new();
        dict.insert_str("addr", Value::string(self.ip.to_string()));
        dict.insert_str("netmask", Value::string(self.netmask().to_string()));
        Value::Dict(dict)
    }
}

/// `ADDRESS/NETMASK`, as in definition files.
impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        match text.split_once('/') {
            Some((address, netmask)) if !netmask.contains('/') => {
                Address::with_netmask(address, netmask)
            }
            _ => Err(NoAddress(text.to_owned())),
        }
    }
}

/// `ADDRESS/LENGTH`, as `ip` takes it.
impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.ip, self.length)
    }
}

/// A network of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ipv4Network {
    first: u32,
    length: u32,
}

impl Ipv4Network {
    pub(super) fn of(address: Ipv4Addr, length: u32) -> Self {
        let first = address.to_bits() & ipv4_mask(length);
        Ipv4Network { first, length }
    }

    /// Reads `ADDRESS/LENGTH` or `ADDRESS/NETMASK`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.trim().split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let length = match length.parse() {
            Ok(length) if length <= 32 => length,
            _ => Address::with_netmask("0.0.0.0", length).ok()?.length,
        };
        Some(Ipv4Network::of(address, length))
    }

    /// Returns how many addresses it has.
    fn size(self) -> u64 {
        1 << (32 - self.length)
    }

    /// Returns an address by number: 0 is the network's own.
    pub(super) fn address(self, number: u64) -> Option<Ipv4Addr> {
        if number >= self.size() {
            return None;
        }
        let number = u32::try_from(number).ok()?;
        Some(Ipv4Addr::from_bits(self.first + number))
    }

    /// Returns the numbers of the addresses that hosts may have: neither the
    /// network's own, nor that for all of them, in networks that have both.
    pub(super) fn hosts(self) -> std::ops::Range<u64> {
        match self.size() {
            size @ (1 | 2) => 0..size,
            size => 1..size - 1,
        }
    }
}

/// A range of IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Range {
    /// An address of it: the first one, unless somebody else chose it.
    pub address: Ipv6Addr,
    /// The length of the prefix.
    pub length: u32,
}

impl Ipv6Range {
    /// Reads `ADDRESS/LENGTH`.
    pub(super) fn parse(text: &str) -> Result<Self, NoAddress> {
        let range = text.split_once('/').and_then(|(address, length)| {
            Some(Ipv6Range {
                address: address.parse().ok()?,
                length: length.parse().ok().filter(|it| *it <= IPV6_BITS)?,
            })
        });
        range.ok_or_else(|| NoAddress(text.to_owned()))
    }

    /// Returns the netmask.
    pub fn netmask(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(ipv6_mask(self.length))
    }

    /// Returns the address whose other bits are zeros.
    fn first(self) -> u128 {
        self.address.to_bits() & ipv6_mask(self.length)
    }

    /// Returns the first address that is not the network's own.
    pub(super) fn gateway(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.first() | 1)
    }

    pub(super) fn contains(self, address: Ipv6Addr) -> bool {
        address.to_bits() & ipv6_mask(self.length) == self.first()
    }

    pub(super) fn overlaps(self, other: Ipv6Range) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Returns how many bits are left for hosts.
    pub(super) fn host_bits(self) -> u32 {
        IPV6_BITS - self.length
    }

    /// Returns the address of a number within it.
    pub(super) fn host(self, number: u128) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.first() | number & !ipv6_mask(self.length))
    }

    /// Returns a range within it, of its `number` in the `shift` bits that
    /// follow; none if hardly an address would be left. Of the range's
    /// addresses, it names the first or the last one.
    pub(super) fn part(self, shift: u32, number: u128, end: End) -> Option<Ipv6Range> {
        let length = self.length + shift;
        if length >= IPV6_BITS {
            return None;
        }
        let first = self.first() | number << (IPV6_BITS - length);
        let address = match end {
            End::First => first,
            End::Last => first | !ipv6_mask(length),
        };
        Some(Ipv6Range {
            address: Ipv6Addr::from_bits(address),
            length,
        })
    }

    pub(super) fn value(self) -> Value {
        let mut dict = Dict::new();
        dict.insert_str("addr", Value::string(self.address.to_string()));
        dict.insert_str("netmask", Value::string(self.netmask().to_string()));
        dict.insert_str("network", Value::string(self.to_string()));
        dict.insert_str("prefixlen", Value::Int(self.length.into()));
        Value::Dict(dict)
    }
}

impl From<Ipv6Range> for Address {
    fn from(range: Ipv6Range) -> Self {
        Address {
            ip: range.address.into(),
            length: range.length,
        }
    }
}

impl fmt::Display for Ipv6Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

fn ipv4_mask(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

fn ipv6_mask(length: u32) -> u128 {
    u128::MAX.checked_shl(IPV6_BITS - length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks_are_lengths() {
        for (text, length) in [
            ("10.0.0.1/255.255.255.255", Some(32)),
            ("10.0.0.1/255.255.0.0", Some(16)),
            ("2001:db8::1/ffff:ffff::", Some(32)),
            ("10.0.0.1/255.0.255.0", None),
            ("10.0.0.1/ffff::", None),
            ("x/255.0.0.0", None),
            ("10.0.0.1", None),
        ] {
            let address: Result<Address, _> = text.parse();
            assert_eq!(address.as_ref().ok().map(|it| it.length), length, "{text}");
            if let Ok(address) = address {
                assert_eq!(format!("{}/{}", address.ip, address.netmask()), text);
            }
        }
        let address = Address::with_netmask("2001:db8::1", "ffff::/16").unwrap();
        assert_eq!(address.to_string(), "2001:db8::1/16");
    }

    #[test]
    fn addresses_of_networks_are_counted() {
        let network = Ipv4Network::parse("10.0.3.7/255.255.255.252").unwrap();
        assert_eq!(network, Ipv4Network::parse("10.0.3.4/30").unwrap());
        assert_eq!(network.hosts(), 1..3);
        assert_eq!(network.address(1), Some(Ipv4Addr::new(10, 0, 3, 5)));
        assert_eq!(network.address(4), None);
        let all = Ipv4Network::parse("0.0.0.0/0").unwrap();
        assert_eq!(all.hosts().end, (1 << 32) - 1);
        for text in ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/255.0.255.0"] {
            assert_eq!(Ipv4Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_are_parts_of_a_network() {
        let network = Ipv6Range::parse("2001:db8::1/64").unwrap();
        let part = |number, end| network.part(16, number, end).unwrap();
        assert_eq!(
            part(0x4001, End::First).to_string(),
            "2001:db8:0:0:4001::/80"
        );
        let last = part(0x8001, End::Last);
        assert_eq!(last.to_string(), "2001:db8::8001:ffff:ffff:ffff/80");
        assert_eq!(last.gateway().to_string(), "2001:db8::8001:0:0:1");
        assert_eq!(network.host(2).to_string(), "2001:db8::2");
        assert!(network.overlaps(last) && last.overlaps(network));
        assert!(!last.overlaps(part(0x8002, End::First)));
        let small = Ipv6Range::parse("2001:db8::/112").unwrap();
        assert_eq!(small.part(16, 1, End::First), None);
        assert_eq!(Ipv6Range::parse("2001:db8::/129").ok(), None);
        assert_eq!(
            Ipv6Range::parse("::/0").unwrap().netmask().to_string(),
            "::"
        );
    }
}
