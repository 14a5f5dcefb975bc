//! `slapos node boot`: what a machine does when it has begun. It waits for its
//! network, prepares its partitions, and has the master's view of them and its
//! own start anew.

use std::fs;
use std::io;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use crate::child::error_chain;
use crate::configuration::{ConfigurationError, Options};
use crate::files::{FileError, failed_to, names_in, remove_file};
use crate::format::{FormatConfiguration, FormatEnd, FormatError, format_computer, is_global};
use crate::node::Node;

/// How long is waited before something is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// What `slapos.cfg` says about the begin of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootConfiguration {
    /// The interface that must have an IPv6 address before anything is done.
    pub ipv6_interface: Option<String>,
    /// How the directories of partitions begin.
    pub partition_base_name: String,
    /// What the master is told.
    pub message: String,
}

impl BootConfiguration {
    /// Reads the options of `[slapformat]`.
    ///
    /// # Errors
    ///
    /// A value cannot be resolved.
    pub fn read(options: &Options, message: &str) -> Result<Self, ConfigurationError> {
        let format = options.with_section_below("slapformat")?;
        let interface = format
            .get("ipv6_interface")
            .or_else(|| format.get("interface_name"));
        let base = format.get("partition_base_name").unwrap_or("slappart");
        Ok(BootConfiguration {
            ipv6_interface: interface
                .filter(|name| !name.is_empty())
                .map(ToOwned::to_owned),
            partition_base_name: base.to_owned(),
            message: message.to_owned(),
        })
    }
}

/// A begin that comes to no end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootError {
    /// The partitions cannot be prepared, and trying again will not help.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A file cannot be read or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Does all of it, and tries again what the network or the master keep it from.
///
/// # Errors
///
/// See [`BootError`].
pub fn boot(
    node: &Node,
    configuration: &BootConfiguration,
    format: &FormatConfiguration,
) -> Result<(), BootError> {
    let log = &node.log;
    if let Some(interface) = &configuration.ipv6_interface {
        log.info(format!("[BOOT] Checking if '{interface}' has IPv6..."));
        while !has_global_address(interface)? {
            log.error(format!(
                "[BOOT] No IPv6 found on interface '{interface}', try again in {} seconds...",
                PAUSE.as_secs()
            ));
            pause(node)?;
        }
    }
    loop {
        log.info("[BOOT] Invoking slapos node format...");
        match format_computer(format, &*node.master, log, false) {
            Ok(FormatEnd::Success) => break,
            Ok(FormatEnd::Offline) => log.error(format!(
                "[BOOT] Fail to post format information, try again in {} seconds...",
                PAUSE.as_secs()
            )),
            Err(error) if !error.may_pass() => return Err(error.into()),
            Err(error) => log.error(format!(
                "[BOOT] Fail to format, try again in {} seconds: {}",
                PAUSE.as_secs(),
                error_chain(&error)
            )),
        }
        pause(node)?;
    }
    loop {
        log.info("[BOOT] Invoking slapos node bang...");
        let computer = &node.configuration.computer_id;
        match node.master.computer_bang(computer, &configuration.message) {
            Ok(()) => break,
            Err(error) => log.error(format!(
                "[BOOT] Fail to bang, try again in {} seconds: {}",
                PAUSE.as_secs(),
                error_chain(&error)
            )),
        }
        pause(node)?;
    }
    forget_times(node, &configuration.partition_base_name)
}

/// Has all partitions processed again, whatever the master says.
fn forget_times(node: &Node, base_name: &str) -> Result<(), BootError> {
    let root = &node.configuration.instance_root;
    for name in names_in(root)? {
        if !name.starts_with(base_name) {
            continue;
        }
        let timestamp: PathBuf = root.join(name).join(".timestamp");
        if remove_file(&timestamp)? {
            node.log.info(format!("Removing {}", timestamp.display()));
        }
    }
    Ok(())
}

fn pause(node: &Node) -> Result<(), BootError> {
    let (wake, waker) = mpsc::channel::<()>();
    let _registration = node.cancellation.on_cancel(move || drop(wake));
    match waker.recv_timeout(PAUSE) {
        Err(mpsc::RecvTimeoutError::Timeout) => Ok(()),
        _ => Err(BootError::Cancelled),
    }
}

/// Tells whether an interface has an IPv6 address that others reach.
fn has_global_address(interface: &str) -> Result<bool, FileError> {
    let path = Path::new("/proc/net/if_inet6");
    match fs::read_to_string(path) {
        Ok(text) => Ok(global_addresses(&text, interface).next().is_some()),
        // The system has no IPv6 yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed_to("read", path)(error)),
    }
}

/// Returns the addresses of an interface that others reach, from
/// `/proc/net/if_inet6`.
fn global_addresses<'a>(text: &'a str, interface: &'a str) -> impl Iterator<Item = Ipv6Addr> + 'a {
    text.lines().filter_map(move |line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, _, _, name] = fields.as_slice() else {
            return None;
        };
        let address = Ipv6Addr::from_bits(u128::from_str_radix(address, 16).ok()?);
        (*name == interface && is_global(address)).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_others_reach_count() {
        let text = "00000000000000000000000000000001 01 80 10 80       lo\nfe800000000000000000000000000001 02 40 20 80     eth0\n20010db8000000000000000000000001 02 40 00 80     eth0\n20010db8000000000000000000000002 03 40 00 80     eth1\n";
        let found: Vec<Ipv6Addr> = global_addresses(text, "eth0").collect();
        assert_eq!(found, ["2001:db8::1".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(global_addresses(text, "lo").count(), 0);
    }
}
