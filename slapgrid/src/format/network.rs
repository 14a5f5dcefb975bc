//! The network as it is to be, made by `ip`: addresses, their ranges, tap and tun interfaces. What
//! is there stays, and nothing is taken away but addresses that turn out to be another machine's.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::address::{Address, Ipv6Range};
use super::computer::{Computer, Interface, Link, Partition};
use super::error::FormatError;
use super::machine::MachineNetwork;
use super::plan::NetworkWishes;
use super::system::System;
use crate::files::failed_to;

/// The longest name of an interface.
const LONGEST_NAME: usize = 15;

/// How long it may take until it is known whether another machine has an address: about two seconds
/// on most networks.
const DETECTION: Duration = Duration::from_secs(5);

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(100);

/// Where what makes the network finds everything.
pub(super) struct NetworkMaker<'a> {
    pub(super) system: &'a System<'a>,
    pub(super) machine: &'a MachineNetwork,
    pub(super) interface: &'a Interface,
    pub(super) wishes: NetworkWishes,
}

impl NetworkMaker<'_> {
    /// Makes what the computer has and the machine has not. `owner` tells the user of a partition's
    /// interfaces.
    pub(super) fn make(
        &self,
        computer: &Computer,
        owner: &dyn Fn(&Partition) -> String,
    ) -> Result<(), FormatError> {
        if computer.partition_has_ipv6_range {
            self.allow_nonlocal_addresses()?;
        }
        for partition in &computer.partitions {
            let owner = owner(partition);
            if self.wishes.create_tap && !partition.tap.name.is_empty() {
                self.make_tap(&partition.tap, &owner)?;
            }
            if let Some(tun) = &partition.tun {
                self.make_tun(tun, &owner)?;
            }
            for address in &partition.addresses {
                let interface = match address.ip {
                    IpAddr::V4(_) => &self.interface.name,
                    IpAddr::V6(_) => &self.interface.ipv6_interface,
                };
                if let Some(other) = self.machine.elsewhere(address.ip, interface) {
                    self.system.log.warning(format!(
                        "{other} has the address {} of {interface}, too",
                        address.ip
                    ));
                }
                self.add_address(*address, interface, &[])?;
            }
            if let Some(range) = partition.ipv6_range {
                self.make_range(range)?;
            }
        }
        Ok(())
    }

    /// Lets everybody bind to addresses that no interface has, as those of a
    /// partition's range are.
    fn allow_nonlocal_addresses(&self) -> Result<(), FormatError> {
        let path = Path::new("/proc/sys/net/ipv6/ip_nonlocal_bind");
        let is_allowed = fs::read_to_string(path).is_ok_and(|it| it.trim() == "1");
        if is_allowed || self.system.dry_run {
            return Ok(());
        }
        fs::write(path, "1").map_err(failed_to("write", path))?;
        Ok(())
    }

    fn add_address(
        &self,
        address: Address,
        interface: &str,
        more: &[&str],
    ) -> Result<(), FormatError> {
        let found = self.machine.interface(interface);
        if found.is_some_and(|it| it.has(address.ip)) {
            return Ok(());
        }
        let text = address.to_string();
        let words = [&["addr", "add", &text, "dev", interface], more].concat();
        self.system.run("ip", &words)?;
        let log = &self.system.log;
        log.info(format!("Added address {text} to {interface}"));
        Ok(())
    }

    /// Makes an interface that its user may open.
    fn make_tunnel(&self, name: &str, mode: &'static str, owner: &str) -> Result<(), FormatError> {
        check_name(name)?;
        let up = ["link", "set", name, "up"];
        let Some(found) = self.machine.interface(name) else {
            let words = ["tuntap", "add", "dev", name, "mode", mode, "user", owner];
            self.system.run("ip", &words)?;
            self.system.log.info(format!("Added interface {name}"));
            return self.system.run("ip", &up);
        };
        let tunnel = found.tunnel.as_ref().filter(|it| it.mode == mode);
        let tunnel = tunnel.ok_or_else(|| FormatError::NoTunnel {
            name: name.to_owned(),
            mode,
        })?;
        let user = tunnel.user.as_deref().unwrap_or("root");
        if user != owner {
            self.system.log.warning(format!(
                "Wrong owner of TUN/TAP interface {name}! Not touching it. Expected {owner} got {user}"
            ));
        }
        if !found.is_up {
            self.system.run("ip", &up)?;
        }
        Ok(())
    }

    fn make_tap(&self, tap: &Link, owner: &str) -> Result<(), FormatError> {
        let name = tap.name.as_str();
        self.make_tunnel(name, "tap", owner)?;
        let ipv4 = tap.ipv4.address.as_str();
        if !ipv4.is_empty() && !self.machine.has_route(ipv4, name) {
            self.system
                .run("ip", &["route", "add", ipv4, "dev", name])?;
        }
        let ipv6 = &tap.ipv6;
        let Ok(address) = Address::with_netmask(&ipv6.address, &ipv6.netmask) else {
            return Ok(());
        };
        // What is in the network is reached through the gateway.
        self.add_address(address, name, &["noprefixroute"])?;
        let gateway = ipv6.gateway.as_str();
        if !self.machine.has_route(gateway, name) {
            let words = ["-6", "route", "add", gateway, "dev", name];
            self.system.run("ip", &words)?;
        }
        let Ok(range) = Ipv6Range::parse(&ipv6.network) else {
            return Ok(());
        };
        let network = ipv6.network.as_str();
        let gateways = self.machine.gateways(range, name);
        if !gateways.contains(&Some(gateway)) {
            let words = ["-6", "route", "add", network, "dev", name, "via", gateway];
            if !gateways.is_empty() {
                // Of a version of slapos.core that had no gateways.
                self.system
                    .run("ip", &["-6", "route", "del", network, "dev", name])?;
            }
            self.system.run("ip", &words)?;
        }
        Ok(())
    }

    fn make_tun(&self, tun: &Link, owner: &str) -> Result<(), FormatError> {
        self.make_tunnel(&tun.name, "tun", owner)?;
        for side in [&tun.ipv4, &tun.ipv6] {
            if let Ok(address) = Address::with_netmask(&side.address, &side.netmask) {
                self.add_address(address, &tun.name, &[])?;
            }
        }
        Ok(())
    }

    /// Has all addresses of a range lead to this computer.
    fn make_range(&self, range: Ipv6Range) -> Result<(), FormatError> {
        if self.machine.is_local(range) {
            return Ok(());
        }
        let text = range.to_string();
        let words = ["-6", "route", "add", "local", &text, "dev", "lo"];
        self.system.run("ip", &words)?;
        self.system.log.info(format!("Added range {text}"));
        Ok(())
    }
}

/// Waits until it is known of each partition's IPv6 address whether another machine has it, takes
/// those away and returns them.
pub(super) fn remove_duplicates(
    system: &System<'_>,
    computer: &Computer,
    interface: &Interface,
) -> Result<BTreeSet<IpAddr>, FormatError> {
    if system.dry_run {
        return Ok(BTreeSet::new());
    }
    let name = interface.ipv6_interface.as_str();
    let addresses = computer.partitions.iter().flat_map(|it| &it.addresses);
    let own: BTreeSet<IpAddr> = addresses.map(|it| it.ip).collect();
    let end = Instant::now() + DETECTION;
    loop {
        let machine = MachineNetwork::read_addresses(system)?;
        let found = machine.interface(name).into_iter();
        let found = found.flat_map(|it| &it.addresses);
        let found: Vec<_> = found.filter(|it| own.contains(&it.address.ip)).collect();
        let unknown = found.iter().find(|it| it.is_tentative && !it.is_duplicate);
        if let Some(unknown) = unknown {
            if Instant::now() < end {
                std::thread::sleep(PAUSE);
                continue;
            }
            return Err(FormatError::Tentative {
                address: unknown.address.ip.to_string(),
                interface: name.to_owned(),
            });
        }
        let duplicates: Vec<_> = found.iter().filter(|it| it.is_duplicate).collect();
        for it in &duplicates {
            system.run("ip", &["addr", "del", &it.address.to_string(), "dev", name])?;
        }
        return Ok(duplicates.into_iter().map(|it| it.address.ip).collect());
    }
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
