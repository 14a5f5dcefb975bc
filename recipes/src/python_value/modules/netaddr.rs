//! `netaddr`: addresses and networks, without arithmetic on them.

use std::any::Any;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use super::super::function::Type;
use super::super::iterator::FromFunction;
use super::super::{Arguments, Exception, Iterate, Native, Object, Raised};
use super::{Member, Module};

pub(super) static NETADDR: Module = Module {
    name: "netaddr",
    members: &[
        (
            "IPAddress",
            Member::Object(|| {
                Object::native(Type {
                    name: "IPAddress",
                    construct: new_address,
                    has_instance: |object| object.downcast::<Address>().is_some(),
                })
            }),
        ),
        (
            "IPNetwork",
            Member::Object(|| {
                Object::native(Type {
                    name: "IPNetwork",
                    construct: new_network,
                    has_instance: |object| object.downcast::<Network>().is_some(),
                })
            }),
        ),
    ],
};

/// The text of an address as the C library writes it: the last 32 bits are
/// like an IPv4 address if nearly nothing is in front of them.
pub(super) fn ipv6_text(address: Ipv6Addr) -> String {
    let bits = u128::from(address);
    match u32::try_from(bits) {
        Ok(low) if low > 0xffff => format!("::{}", Ipv4Addr::from(low)),
        _ => address.to_string(),
    }
}

fn format_error(message: String) -> Exception {
    Exception::new("netaddr.core.AddrFormatError", message)
}

fn integer(number: u128) -> Raised<Object> {
    i128::try_from(number)
        .map(Object::Int)
        .map_err(|_| Exception::overflow())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Four,
    Six,
}

impl Version {
    fn width(self) -> u32 {
        match self {
            Version::Four => 32,
            Version::Six => 128,
        }
    }

    fn number(self) -> Object {
        Object::Int(match self {
            Version::Four => 4,
            Version::Six => 6,
        })
    }

    /// The bits of a mask for the hosts of networks of a prefix.
    fn host_mask(self, prefix: u32) -> u128 {
        match self.width() - prefix {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    fn all(self) -> u128 {
        self.host_mask(0)
    }

    fn text(self, bits: u128) -> String {
        match self {
            Version::Four => Ipv4Addr::from(bits as u32).to_string(),
            Version::Six => ipv6_text(Ipv6Addr::from(bits)),
        }
    }

    fn parse(self, text: &str) -> Option<u128> {
        match self {
            Version::Four => {
                let address: Ipv4Addr = text.parse().ok()?;
                Some(u32::from(address).into())
            }
            Version::Six => text.parse::<Ipv6Addr>().ok().map(u128::from),
        }
    }
}

/// Reads the version that may be given with an address.
fn versions(version: Option<Object>) -> Raised<&'static [Version]> {
    match version {
        None | Some(Object::None) => Ok(&[Version::Four, Version::Six]),
        Some(version) => match version.as_int() {
            Some(4) => Ok(&[Version::Four]),
            Some(6) => Ok(&[Version::Six]),
            _ => Err(Exception::value_error(format!(
                "{} is an invalid IP version!",
                super::super::repr(&version)?
            ))),
        },
    }
}

/// An `IPAddress`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Address {
    version: Version,
    bits: u128,
}

fn new_address(arguments: Arguments) -> Raised<Object> {
    let [given, version] = arguments.bind("IPAddress", ["addr", "version"], 1)?;
    let given = given.unwrap_or_default();
    if let Object::Undefined(undefined) = &given {
        return Err(undefined.error());
    }
    if let Some(address) = given.downcast::<Address>() {
        return Ok(Object::native(*address));
    }
    let wanted = versions(version)?;
    if let Some(number) = given.as_int() {
        let bits = u128::try_from(number).ok();
        let found = bits.and_then(|bits| {
            let fits = |version: &&Version| bits <= version.all();
            Some((bits, *wanted.iter().find(fits)?))
        });
        let Some((bits, version)) = found else {
            return Err(format_error(format!("bad address format: {number}")));
        };
        return Ok(Object::native(Address { version, bits }));
    }
    let Some(text) = given.as_str() else {
        return Err(Exception::type_error("unexpected type for an address"));
    };
    if text.contains('/') {
        return Err(Exception::value_error(
            "IPAddress() does not support netmasks or subnet prefixes! See documentation for \
             details.",
        ));
    }
    for version in wanted {
        if let Some(bits) = version.parse(text) {
            let version = *version;
            return Ok(Object::native(Address { version, bits }));
        }
    }
    Err(format_error(format!(
        "failed to detect a valid IP address from {}",
        buildout_core::value::str_repr(text)
    )))
}

impl Address {
    fn text(self) -> String {
        self.version.text(self.bits)
    }
}

impl Native for Address {
    fn type_name(&self) -> &str {
        "IPAddress"
    }

    fn qualified_type_name(&self) -> String {
        "netaddr.ip.IPAddress".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("IPAddress('{}')", self.text()))
    }

    fn to_str(&self) -> Raised<String> {
        Ok(self.text())
    }

    fn is_truthy(&self) -> bool {
        self.bits != 0
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok(Some(match name {
            "value" => integer(self.bits)?,
            "version" => self.version.number(),
            _ => return Ok(None),
        }))
    }

    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        Ok(other.downcast::<Address>().map(|other| self == other))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An `IPNetwork`: an address in a network.
#[derive(Clone, Copy)]
struct Network {
    version: Version,
    bits: u128,
    prefix: u32,
}

fn new_network(arguments: Arguments) -> Raised<Object> {
    let [given, version] = arguments.bind("IPNetwork", ["addr", "version"], 1)?;
    let given = given.unwrap_or_default();
    if let Object::Undefined(undefined) = &given {
        return Err(undefined.error());
    }
    if let Some(network) = given.downcast::<Network>() {
        return Ok(Object::native(*network));
    }
    if let Some(Address { version, bits }) = given.downcast::<Address>().copied() {
        let prefix = version.width();
        return Ok(Object::native(Network {
            version,
            bits,
            prefix,
        }));
    }
    let Some(text) = given.as_str() else {
        return Err(Exception::type_error(format!(
            "unexpected type <class '{}'> for addr arg",
            given.type_name()
        )));
    };
    for version in versions(version)? {
        if let Some(network) = Network::parse(*version, text) {
            return Ok(Object::native(network));
        }
    }
    Err(format_error(format!("invalid IPNetwork {text}")))
}

impl Network {
    fn parse(version: Version, text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let bits = version.parse(address)?;
        let prefix = match prefix {
            None => version.width(),
            Some(prefix) => match prefix.parse::<u32>() {
                Ok(prefix) => prefix,
                Err(_) => prefix_of_mask(version, version.parse(prefix)?)?,
            },
        };
        (prefix <= version.width()).then_some(Network {
            version,
            bits,
            prefix,
        })
    }

    fn first(&self) -> u128 {
        self.bits & !self.version.host_mask(self.prefix)
    }

    fn last(&self) -> u128 {
        self.bits | self.version.host_mask(self.prefix)
    }

    fn address(&self, bits: u128) -> Object {
        let version = self.version;
        Object::native(Address { version, bits })
    }

    fn has(&self, version: Version, first: u128, last: u128) -> bool {
        self.version == version && self.first() <= first && last <= self.last()
    }
}

/// The prefix that a mask for networks or one for hosts means.
fn prefix_of_mask(version: Version, mask: u128) -> Option<u32> {
    let hosts = [version.all() & !mask, mask];
    (0..=version.width()).find(|prefix| hosts.contains(&version.host_mask(*prefix)))
}

impl Native for Network {
    fn type_name(&self) -> &str {
        "IPNetwork"
    }

    fn qualified_type_name(&self) -> String {
        "netaddr.ip.IPNetwork".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("IPNetwork('{}')", self.to_str()?))
    }

    fn to_str(&self) -> Raised<String> {
        Ok(format!("{}/{}", self.version.text(self.bits), self.prefix))
    }

    fn length(&self) -> Raised<Option<usize>> {
        let size = self.last() - self.first();
        match usize::try_from(size)
            .ok()
            .and_then(|size| size.checked_add(1))
        {
            Some(size) if size <= isize::MAX as usize => Ok(Some(size)),
            _ => Err(Exception::index_error(
                "range contains more than 9223372036854775807 (sys.maxsize) IP addresses! Use \
                 the .size property instead.",
            )),
        }
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let (first, last) = (self.first(), self.last());
        Ok(Some(match name {
            // Networks of one or two addresses have none.
            "broadcast" => match self.version.width() - self.prefix > 1 {
                true => self.address(last),
                false => Object::None,
            },
            "cidr" => Object::native(Network {
                bits: first,
                ..*self
            }),
            "first" => integer(first)?,
            "hostmask" => self.address(self.version.host_mask(self.prefix)),
            "ip" => self.address(self.bits),
            "last" => integer(last)?,
            "netmask" => {
                let hosts = self.version.host_mask(self.prefix);
                self.address(self.version.all() & !hosts)
            }
            "network" => self.address(first),
            "prefixlen" => Object::Int(self.prefix.into()),
            "size" => match (last - first).checked_add(1) {
                Some(size) => integer(size)?,
                None => return Err(Exception::overflow()),
            },
            "value" => integer(self.bits)?,
            "version" => self.version.number(),
            _ => return Ok(None),
        }))
    }

    fn is_subscriptable(&self) -> bool {
        true
    }

    fn item(&self, key: &Object) -> Raised<Object> {
        let index = super::super::methods::int_argument(key)?;
        let offset = index.unsigned_abs();
        let (first, last) = (self.first(), self.last());
        let found = match index < 0 {
            true => last.checked_sub(offset - 1).filter(|bits| *bits >= first),
            false => first.checked_add(offset).filter(|bits| *bits <= last),
        };
        match found {
            Some(bits) => Ok(self.address(bits)),
            None => Err(Exception::index_error(
                "index out range for address range size!",
            )),
        }
    }

    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        let mut next = Some(self.first());
        Ok(Some(Box::new(FromFunction(move || {
            let Some(bits) = next else {
                return Ok(None);
            };
            next = bits.checked_add(1).filter(|next| *next <= self.last());
            Ok(Some(self.address(bits)))
        }))))
    }

    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        Ok(other.downcast::<Network>().map(|other| {
            self.version == other.version
                && self.first() == other.first()
                && self.prefix == other.prefix
        }))
    }

    fn contains(&self, item: &Object) -> Raised<Option<bool>> {
        if let Some(address) = item.downcast::<Address>() {
            return Ok(Some(self.has(address.version, address.bits, address.bits)));
        }
        let network = match item.downcast::<Network>() {
            Some(network) => *network,
            None => {
                let made = new_network(Arguments::positional(vec![item.clone()]))?;
                match made.downcast::<Network>() {
                    Some(network) => *network,
                    None => return Ok(Some(false)),
                }
            }
        };
        Ok(Some(self.has(
            network.version,
            network.first(),
            network.last(),
        )))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
