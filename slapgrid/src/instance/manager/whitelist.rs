//! `whitelistfirewall`: `.slapos-whitelist-firewall` of a partition names the
//! IPv4 addresses that its user may reach. A chain of firewalld accepts them
//! and rejects all others.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use md5::{Digest as _, Md5};
use serde_json::Value;

use super::super::error::PartitionError;
use super::super::partition::Partition;
use crate::child::error_chain;
use crate::configuration::FirewallConfiguration;
use crate::files::{failed_to, read_text, remove_file, replace_file};
use crate::firewalld::{FirewallError, Firewalld};

/// What the instance asks for.
const REQUEST: &str = ".slapos-whitelist-firewall";

/// The digest of the request that is followed; empty while it is about to be.
const DIGEST: &str = ".slapos-whitelist-firewall.md5sum";

/// The longest request that is read.
const LIMIT: u64 = 1024 * 1024;

const FILTER: [&str; 2] = ["ipv4", "filter"];

/// What a partition has in firewalld.
struct Whitelist {
    chain: String,
    user: String,
}

impl Whitelist {
    /// Words about the chain.
    fn chain<'a>(&'a self, act: &'a str) -> Vec<&'a str> {
        permanent(act, &[&self.chain])
    }

    /// Words about the rule that leads what the user sends to the chain.
    fn owner_rule<'a>(&'a self, act: &'a str) -> Vec<&'a str> {
        let words = ["OUTPUT", "0", "-m", "owner", "--uid-owner", &self.user];
        permanent(act, &[&words[..], &["-j", &self.chain]].concat())
    }

    /// Words about the last rule of the chain.
    fn rejection(&self) -> Vec<&str> {
        permanent("--add-rule", &[&self.chain, "0", "-j", "REJECT"])
    }

    /// Words about a rule of the chain for an address.
    fn acceptance<'a>(&'a self, address: &'a str) -> Vec<&'a str> {
        let words = [&self.chain, "0", "-d", address, "-j", "ACCEPT"];
        permanent("--add-rule", &words)
    }
}

fn permanent<'a>(act: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    [&["--direct", "--permanent", act], &FILTER[..], words].concat()
}

impl Partition<'_> {
    /// Keeps the partition's user to the addresses that it asks for, if it
    /// does.
    pub(super) fn keep_to_whitelist(&self) -> Result<(), PartitionError> {
        let Some(configuration) = &self.node.configuration.firewall else {
            return Ok(());
        };
        let path = self.path.join(REQUEST);
        let text = match read_text(&path, LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.forget_whitelist(configuration);
            }
            Err(error) => return Err(failed_to("read", &path)(error).into()),
        };
        let shown = path.display();
        let addresses = match serde_json::from_str(&text) {
            Ok(Value::Array(entries)) => self.whitelisted(&entries),
            Ok(_) => {
                let text = format!("Bad whitelist firewall config {shown}: it is no list");
                self.log.warning(text);
                return Ok(());
            }
            Err(error) => {
                let text = format!("Bad whitelist firewall config {shown}: {error}");
                self.log.warning(text);
                return Ok(());
            }
        };
        let mut digest = String::new();
        for byte in Md5::digest(text.as_bytes()) {
            let _ = write!(digest, "{byte:02x}");
        }
        self.log
            .info(format!("Configuring partition {}.", self.name()));
        let whitelist = self.whitelist()?;
        let mut firewalld = self.firewalld(configuration);
        let is_new = !firewalld.ask(&whitelist.chain("--query-chain"))?;
        if is_new {
            self.state.begin_firewall()?;
            firewalld.change(&whitelist.chain("--add-chain"))?;
        }
        let digest_path = self.path.join(DIGEST);
        let known = read_text(&digest_path, LIMIT).unwrap_or_default();
        if !is_new && known.trim() == digest && !self.state.is_firewall_begun() {
            let name = self.name();
            let text = format!("Skipped up-to-date rules for partition {name}.");
            self.log.debug(text);
            return Ok(());
        }
        self.state.begin_firewall()?;
        replace_file(&digest_path, b"", 0o644, None)?;
        firewalld.change(&whitelist.chain("--remove-rules"))?;
        for address in &addresses {
            firewalld.change(&whitelist.acceptance(&address.to_string()))?;
        }
        firewalld.change(&whitelist.rejection())?;
        if !firewalld.ask(&whitelist.owner_rule("--query-rule"))? {
            firewalld.change(&whitelist.owner_rule("--add-rule"))?;
        }
        firewalld.reload()?;
        self.state.end_firewall()?;
        replace_file(&digest_path, digest.as_bytes(), 0o644, None)?;
        self.log
            .info(format!("Updated rules for partition {}.", self.name()));
        Ok(())
    }

    /// Removes the chain of the partition before it is removed itself.
    pub(super) fn remove_whitelist(&self) -> Result<(), PartitionError> {
        let configuration = &self.node.configuration.firewall;
        let Some(configuration) = configuration.as_ref().filter(|_| self.path.exists()) else {
            return Ok(());
        };
        if self.remove_chain(configuration)? {
            let text = format!("Cleaned up firewall for partition {}.", self.name());
            self.log.info(text);
        }
        remove_file(&self.path.join(DIGEST))?;
        Ok(())
    }

    /// Removes the chain of a partition that asks for none.
    fn forget_whitelist(
        &self,
        configuration: &FirewallConfiguration,
    ) -> Result<(), PartitionError> {
        match self.remove_chain(configuration) {
            Ok(true) => self.log.info(format!(
                "File {} does not exists, removed configuration for partition {}.",
                self.path.join(REQUEST).display(),
                self.name()
            )),
            Ok(false) => {}
            // It can only be kept to too little by that, which costs no partition
            // that has nothing to do with firewalld its pass.
            Err(PartitionError::Firewall(error @ FirewallError::Refused { .. })) => {
                self.log.warning(error_chain(&error));
            }
            Err(error) => return Err(error),
        }
        remove_file(&self.path.join(DIGEST))?;
        Ok(())
    }

    /// Removes what the partition has in firewalld. Returns whether it had
    /// anything (`_cleanUpPartitionFirewall`).
    fn remove_chain(&self, configuration: &FirewallConfiguration) -> Result<bool, PartitionError> {
        let whitelist = self.whitelist()?;
        let mut firewalld = self.firewalld(configuration);
        let mut is_changed = false;
        if firewalld.ask(&whitelist.chain("--query-chain"))? {
            self.state.begin_firewall()?;
            firewalld.change(&whitelist.chain("--remove-rules"))?;
            firewalld.change(&whitelist.chain("--remove-chain"))?;
            is_changed = true;
        }
        if firewalld.ask(&whitelist.owner_rule("--query-rule"))? {
            self.state.begin_firewall()?;
            firewalld.change(&whitelist.owner_rule("--remove-rule"))?;
            is_changed = true;
        }
        if is_changed || self.state.is_firewall_begun() {
            firewalld.reload()?;
            self.state.end_firewall()?;
        }
        Ok(is_changed)
    }

    fn whitelist(&self) -> Result<Whitelist, PartitionError> {
        Ok(Whitelist {
            chain: format!("{}-whitelist", self.name()),
            user: self.owner()?.user.to_string(),
        })
    }

    fn firewalld<'a>(&'a self, configuration: &'a FirewallConfiguration) -> Firewalld<'a> {
        Firewalld::of(self.node, configuration, &self.log)
    }

    /// Returns the IPv4 addresses among the entries; what is none is told.
    fn whitelisted(&self, entries: &[Value]) -> Vec<Ipv4Addr> {
        let address = |entry: &Value| match address_of(entry) {
            Some(IpAddr::V4(address)) => Some(address),
            Some(IpAddr::V6(_)) => {
                self.log.warning(format!("Entry {entry} is not an IPv4"));
                None
            }
            None => {
                self.log.warning(format!("Entry {entry} is not a real IP"));
                None
            }
        };
        entries.iter().filter_map(address).collect()
    }
}

/// Reads what Python's `ipaddress.ip_address` reads: texts, and numbers.
fn address_of(entry: &Value) -> Option<IpAddr> {
    match entry {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let number = number.as_u64()?;
            Some(match u32::try_from(number) {
                Ok(number) => Ipv4Addr::from(number).into(),
                Err(_) => std::net::Ipv6Addr::from(u128::from(number)).into(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_read_as_python_reads_them() {
        for (entry, expected) in [
            (json!("10.0.0.1"), Some("10.0.0.1")),
            (json!(167_772_161), Some("10.0.0.1")),
            (json!("::1"), Some("::1")),
            (json!("10.0.0.01"), None),
            (json!("10.0.0.0/8"), None),
            (json!("10.0.0.1 -j ACCEPT"), None),
            (json!(-1), None),
            (json!(null), None),
        ] {
            let address = expected.map(|text| text.parse().unwrap());
            assert_eq!(address_of(&entry), address, "{entry}");
        }
    }
}
