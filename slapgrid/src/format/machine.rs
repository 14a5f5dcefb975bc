//! The machine's network, as `ip` tells of it: interfaces with their addresses,
//! and routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::address::{Address, Ipv6Range};
use super::error::FormatError;
use super::system::System;

/// The network as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MachineNetwork {
    interfaces: Vec<MachineInterface>,
    routes: Vec<Route>,
    /// Routes to what is the machine's own.
    local_routes: Vec<Route>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MachineInterface {
    pub(super) name: String,
    pub(super) is_up: bool,
    pub(super) addresses: Vec<MachineAddress>,
    /// What it is, if it is a tap or tun interface.
    pub(super) tunnel: Option<Tunnel>,
}

/// What a tap or tun interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tunnel {
    /// `tap` or `tun`.
    pub(super) mode: String,
    /// Who may open it, by name or number.
    pub(super) user: Option<String>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MachineAddress {
    pub(super) address: Address,
    /// It is not known yet whether another machine has it.
    pub(super) is_tentative: bool,
    /// Another machine has it.
    pub(super) is_duplicate: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    destination: String,
    device: String,
    gateway: Option<String>,
}

impl MachineNetwork {
    /// Asks `ip`.
    pub(super) fn read(system: &System<'_>) -> Result<Self, FormatError> {
        let words: [&[&str]; 3] = [
            &["-4", "-json", "route", "show"],
            &["-6", "-json", "route", "show"],
            &["-6", "-json", "route", "show", "table", "local"],
        ];
        let [ipv4, ipv6, local] = words.map(|words| query(system, words));
        Ok(MachineNetwork {
            routes: [ipv4?, ipv6?].concat().iter().filter_map(route).collect(),
            local_routes: local?.iter().filter_map(route).collect(),
            ..Self::read_addresses(system)?
        })
    }

    /// Asks `ip` only for interfaces and addresses.
    pub(super) fn read_addresses(system: &System<'_>) -> Result<Self, FormatError> {
        let interfaces = query(system, &["-details", "-json", "addr", "show"])?;
        Ok(Self::of_interfaces(&interfaces))
    }

    fn of_interfaces(interfaces: &[Value]) -> Self {
        MachineNetwork {
            interfaces: interfaces.iter().filter_map(interface).collect(),
            ..MachineNetwork::default()
        }
    }

    /// Returns the interfaces.
    pub(super) fn interfaces(&self) -> &[MachineInterface] {
        &self.interfaces
    }

    /// Finds an interface.
    pub(super) fn interface(&self, name: &str) -> Option<&MachineInterface> {
        self.interfaces.iter().find(|it| it.name == name)
    }

    /// Finds another interface than this one that has an address.
    pub(super) fn elsewhere(&self, address: IpAddr, name: &str) -> Option<&str> {
        let others = self.interfaces.iter().filter(|it| it.name != name);
        let mut having = others.filter(|it| it.has(address));
        having.next().map(|it| it.name.as_str())
    }

    /// Tells whether there is a route to an address alone.
    pub(super) fn has_route(&self, address: &str, device: &str) -> bool {
        let mut routes = self.routes.iter();
        routes.any(|route| route.destination == address && route.device == device)
    }

    /// Returns the gateways of the routes to a range through an interface.
    pub(super) fn gateways(&self, range: Ipv6Range, device: &str) -> Vec<Option<&str>> {
        let routes = self.routes.iter();
        let routes = routes.filter(|it| it.device == device && leads_to(it, range));
        routes.map(|route| route.gateway.as_deref()).collect()
    }

    /// Tells whether all addresses of a range are the machine's own.
    pub(super) fn is_local(&self, range: Ipv6Range) -> bool {
        let mut routes = self.local_routes.iter();
        routes.any(|route| route.device == "lo" && leads_to(route, range))
    }
}

impl MachineInterface {
    /// Tells whether it has an address.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|it| it.address.ip == address)
    }

    /// Returns its IPv4 addresses.
    pub(super) fn ipv4(&self) -> impl Iterator<Item = (Ipv4Addr, u32)> {
        self.addresses.iter().filter_map(|it| match it.address.ip {
            IpAddr::V4(ip) => Some((ip, it.address.length)),
            IpAddr::V6(_) => None,
        })
    }

    /// Returns its IPv6 addresses that others may reach.
    pub(super) fn global_ipv6(&self) -> impl Iterator<Item = Ipv6Range> {
        self.addresses.iter().filter_map(|it| match it.address.ip {
            IpAddr::V6(ip) if is_global(ip) => Some(Ipv6Range {
                address: ip,
                length: it.address.length,
            }),
            _ => None,
        })
    }
}

/// Tells whether others may reach an address: those of the Internet, and local
/// ones that are unique.
pub(crate) fn is_global(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    first & 0xe000 == 0x2000 || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0
}

fn leads_to(route: &Route, range: Ipv6Range) -> bool {
    let destination = match route.destination.contains('/') {
        true => Ipv6Range::parse(&route.destination),
        false => Ipv6Range::parse(&format!("{}/128", route.destination)),
    };
    destination.is_ok_and(|it| it.length == range.length && it.contains(range.address))
}

fn query(system: &System<'_>, words: &[&str]) -> Result<Vec<Value>, FormatError> {
    let text = system.ask("ip", words)?;
    // Nothing is an answer, too.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&text).map_err(|error| FormatError::Program {
        command: format!("ip {}", words.join(" ")),
        text: format!("what it writes is no list in JSON: {error}"),
    })
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn interface(value: &Value) -> Option<MachineInterface> {
    let flags = value.get("flags").and_then(Value::as_array);
    let addresses = value.get("addr_info").and_then(Value::as_array);
    Some(MachineInterface {
        name: member(value, "ifname")?.to_owned(),
        is_up: flags.is_some_and(|flags| flags.iter().any(|it| it == "UP")),
        addresses: addresses
            .into_iter()
            .flatten()
            .filter_map(address)
            .collect(),
        tunnel: value.get("linkinfo").and_then(tunnel),
    })
}

fn tunnel(value: &Value) -> Option<Tunnel> {
    if member(value, "info_kind") != Some("tun") {
        return None;
    }
    let data = value.get("info_data")?;
    Some(Tunnel {
        mode: member(data, "type")?.to_owned(),
        user: data.get("user").map(|user| match user {
            Value::String(name) => name.clone(),
            number => number.to_string(),
        }),
    })
}

fn address(value: &Value) -> Option<MachineAddress> {
    let length = value.get("prefixlen")?.as_u64()?;
    Some(MachineAddress {
        address: Address {
            ip: member(value, "local")?.parse().ok()?,
            length: u32::try_from(length).ok()?,
        },
        is_tentative: flag(value, "tentative"),
        is_duplicate: flag(value, "dadfailed"),
    })
}

fn route(value: &Value) -> Option<Route> {
    Some(Route {
        destination: member(value, "dst")?.to_owned(),
        device: member(value, "dev")?.to_owned(),
        gateway: member(value, "gateway").map(ToOwned::to_owned),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// Returns a machine whose interfaces have addresses.
    pub(in super::super) fn machine(interfaces: &[(&str, &[&str])]) -> MachineNetwork {
        let address = |text: &&str| {
            let (local, length) = text.split_once('/').unwrap();
            json!({"local": local, "prefixlen": length.parse::<u32>().unwrap()})
        };
        let interfaces: Vec<Value> = interfaces
            .iter()
            .map(|(name, addresses)| {
                let addresses: Vec<Value> = addresses.iter().map(address).collect();
                json!({"ifname": name, "flags": ["UP"], "addr_info": addresses})
            })
            .collect();
        MachineNetwork::of_interfaces(&interfaces)
    }

    #[test]
    fn what_ip_tells_is_understood() {
        let text = r#"[{"ifname":"tap0","flags":["BROADCAST"],"linkinfo":{"info_kind":"tun","info_data":{"type":"tap","user":"slapuser0"}},
            "addr_info":[{"local":"2001:db8::5","prefixlen":64,"tentative":true,"dadfailed":true},{"local":"fe80::1","prefixlen":64},{}]},
            {"ifname":"tap1","flags":["UP"],"linkinfo":{"info_kind":"tun","info_data":{"type":"tun"}}},{"flags":[]}]"#;
        let interfaces: Vec<Value> = serde_json::from_str(text).unwrap();
        let mut machine = MachineNetwork::of_interfaces(&interfaces);
        let tap = machine.interface("tap0").unwrap();
        assert!(!tap.is_up && tap.addresses[0].is_tentative && tap.addresses[0].is_duplicate);
        assert_eq!(tap.global_ipv6().count(), 1);
        let user = |name: &str| {
            machine
                .interface(name)
                .unwrap()
                .tunnel
                .clone()
                .unwrap()
                .user
        };
        assert_eq!(user("tap0").as_deref(), Some("slapuser0"));
        assert_eq!(user("tap1"), None);
        let ip = "2001:db8:0:0::5".parse().unwrap();
        assert_eq!(machine.elsewhere(ip, "tap1"), Some("tap0"));
        assert_eq!(machine.elsewhere(ip, "tap0"), None);

        let routes = json!([{"dst": "2001:db8:0:0:8001::/80", "dev": "tap0", "gateway": "2001:db8::8001:0:0:1"}, {"dst": "2001:db8::7", "dev": "lo"}, {}]);
        let routes: Vec<Route> = routes
            .as_array()
            .unwrap()
            .iter()
            .filter_map(route)
            .collect();
        machine.local_routes.clone_from(&routes);
        machine.routes = routes;
        let range = |text: &str| Ipv6Range::parse(text).unwrap();
        let gateways = machine.gateways(range("2001:db8::8001:0:0:1/80"), "tap0");
        assert_eq!(gateways, [Some("2001:db8::8001:0:0:1")]);
        assert!(machine.is_local(range("2001:db8::7/128")));
        assert!(!machine.is_local(range("2001:db8::7/127")));
        assert!(
            machine.has_route("2001:db8::7", "lo") && !machine.has_route("2001:db8::7", "tap0")
        );
    }

    #[test]
    fn addresses_that_others_reach_are_those_of_netaddr() {
        for (text, expected) in [
            ("2001:db8::1", true),
            ("fd00::1", true),
            ("fec0::1", true),
            ("fe80::1", false),
            ("::1", false),
            ("::", false),
            ("ff02::1", false),
            ("64:ff9b::1", false),
        ] {
            assert_eq!(is_global(text.parse().unwrap()), expected, "{text}");
        }
    }
}
