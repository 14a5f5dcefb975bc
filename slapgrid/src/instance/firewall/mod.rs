//! The firewall of a partition: its own addresses are reached from its tree of
//! instances, and from whom the configuration and the master name
//! (`_setupComputerPartitionFirewall`).

mod rule;

use std::net::Ipv4Addr;

use buildout_core::value::Value;
use serde_json::json;

use super::error::PartitionError;
use super::partition::Partition;
use super::wanted::{address_pairs, members};
use crate::configuration::FirewallConfiguration;
use crate::files::{failed_to, read_owned_text, replace_file};
use crate::firewalld::Firewalld;
use rule::{Access, Act, Rule, Source};

/// The longest record that is read.
const LIMIT: u64 = 4 * 1024 * 1024;

impl Partition<'_> {
    /// Lets only those reach the partition's addresses who may.
    pub(super) fn protect(&self) -> Result<(), PartitionError> {
        let Some(configuration) = &self.node.configuration.firewall else {
            return Ok(());
        };
        self.log.info("Configuring firewall...");
        let mut rules = Vec::new();
        let own = &self.wanted.routed_addresses;
        if !own.is_empty() {
            let access = self.access(configuration)?;
            rules.extend(own.iter().flat_map(|address| access.rules(*address)));
        }
        self.bring_rules(configuration, &rules)
    }

    /// Removes the rules of the partition.
    pub(super) fn remove_protection(&self) -> Result<(), PartitionError> {
        let Some(configuration) = &self.node.configuration.firewall else {
            return Ok(());
        };
        self.log.info("Removing firewall configuration...");
        self.bring_rules(configuration, &[])
    }

    /// Finds out who may reach the partition.
    fn access(&self, configuration: &FirewallConfiguration) -> Result<Access, PartitionError> {
        let own = &self.wanted.routed_addresses;
        let tree = self.node.master.tree_addresses(&self.wanted.reference)?;
        let peers = peers(&tree).ok_or_else(|| {
            PartitionError::TreeAddresses(self.name().to_owned(), tree.to_string())
        })?;
        let peers = peers.into_iter().filter(|peer| !own.contains(peer));
        let peers = peers.map(Source::from);
        let wanted = &self.wanted.access;
        let authorized = self.sources(&wanted.authorized);
        let of_node = self.sources(&configuration.authorized_sources);
        if wanted.is_restricted {
            return Ok(Access::Only(
                peers.chain(authorized).chain(of_node).collect(),
            ));
        }
        Ok(Access::AllBut {
            rejected: self.sources(&wanted.rejected),
            accepted: peers.chain(of_node).chain(authorized).collect(),
        })
    }

    /// Returns those of the texts that are IPv4 addresses or networks.
    fn sources(&self, texts: &[String]) -> Vec<Source> {
        let source = |text: &String| {
            let source = Source::parse(text);
            if source.is_none() {
                self.log
                    .warning(format!("IP/Network address {text} is not valid. ignored.."));
            }
            source
        };
        texts.iter().filter_map(source).collect()
    }

    /// Has firewalld follow these rules instead of those that are recorded
    /// (`_checkAddFirewallRules`).
    ///
    /// What is recorded is always at least what there is: a run that is killed
    /// leaves a record of the old rules and the new ones, and a note that
    /// firewalld does not follow them yet.
    fn bring_rules(
        &self,
        configuration: &FirewallConfiguration,
        rules: &[Rule],
    ) -> Result<(), PartitionError> {
        let recorded = self.recorded_rules()?;
        let is_begun = self.state.is_firewall_begun();
        if rules.is_empty() && recorded.as_ref().is_none_or(Vec::is_empty) && !is_begun {
            return Ok(());
        }
        let old = recorded.clone().unwrap_or_default();
        let mut firewalld = Firewalld::of(self.node, configuration, &self.log);
        let both: Vec<Rule> = old
            .iter()
            .chain(rules.iter().filter(|rule| !old.contains(rule)))
            .cloned()
            .collect();
        let mut must_reload = is_begun;
        let mut change = |rule: &Rule, when: bool, act: Act| -> Result<(), PartitionError> {
            let mut call = |act| {
                let words = rule.words(act);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                match act {
                    Act::Query => firewalld.ask(&words),
                    Act::Add | Act::Remove => firewalld.change(&words).map(|()| true),
                }
            };
            if call(Act::Query)? != when {
                return Ok(());
            }
            if !must_reload {
                self.state.begin_firewall()?;
                self.record_rules(&both)?;
                must_reload = true;
            }
            call(act)?;
            Ok(())
        };
        for rule in old.iter().filter(|rule| !rules.contains(rule)) {
            change(rule, true, Act::Remove)?;
        }
        for rule in rules {
            change(rule, false, Act::Add)?;
        }
        if must_reload {
            self.log.info("Reloading firewall configuration...");
            firewalld.reload_as_configured()?;
        }
        if must_reload || recorded.as_deref() != Some(rules) {
            self.record_rules(rules)?;
        }
        self.state.end_firewall()?;
        Ok(())
    }

    /// Returns the rules that are recorded in the partition, if there is a
    /// record. Its user could put another file there, which is not believed:
    /// removing rules may open what belongs to others.
    fn recorded_rules(&self) -> Result<Option<Vec<Rule>>, PartitionError> {
        let path = self.state.firewall_rules();
        let text = match read_owned_text(&path, LIMIT, self.node.surroundings.user) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let error = failed_to("read", &path)(error);
                self.log.warning(crate::child::error_chain(&error));
                return Ok(None);
            }
        };
        let texts: Vec<String> = serde_json::from_str(&text).unwrap_or_else(|error| {
            let shown = path.display();
            self.log.warning(format!("`{shown}` is not used: {error}"));
            Vec::new()
        });
        let rule = |text: &String| {
            let rule = Rule::parse(text);
            if rule.is_none() {
                self.log
                    .warning(format!("{text:?} is no rule of the firewall, ignored"));
            }
            rule
        };
        Ok(Some(texts.iter().filter_map(rule).collect()))
    }

    fn record_rules(&self, rules: &[Rule]) -> Result<(), PartitionError> {
        let texts: Vec<String> = rules
            .iter()
            .map(|rule| json!(rule.to_string()).to_string())
            .collect();
        // As Python separates.
        let text = format!("[{}]", texts.join(", "));
        replace_file(&self.state.firewall_rules(), text.as_bytes(), 0o644, None)?;
        Ok(())
    }
}

/// Reads the addresses of a tree of instances: pairs of an interface and an
/// address. Only IPv4 has rules.
fn peers(tree: &Value) -> Option<Vec<Ipv4Addr>> {
    members(tree)?;
    let pairs = address_pairs(tree).filter_map(|(_, address)| address.parse().ok());
    Some(pairs.collect())
}
