//! `portredir`: `.slapos-port-redirect` of a partition says which ports of the
//! machine lead to which of its own. `socat` carries what comes there, under
//! supervisord; as root if the port is one that only root may open.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::super::error::PartitionError;
use super::super::partition::{Partition, text_of};
use super::super::wanted::RequestedState;
use crate::configuration::Manager;
use crate::files::{failed_to, read_text, remove_file, update_file};
use crate::supervisor::configuration::{Program, group_text};
use crate::supervisor::{Groups, update};

/// What the instance asks for.
const REQUEST: &str = ".slapos-port-redirect";

/// The longest request that is read.
const LIMIT: u64 = 1024 * 1024;

/// The end of the name of the group that redirects.
pub(in super::super) const REDIRECTION_GROUP: &str = "-socat";

/// The first port that everybody may open.
const FIRST_FREE_PORT: u16 = 1024;

/// A port of the machine that leads to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Redirection {
    protocol: &'static str,
    source_port: u16,
    source_address: Option<IpAddr>,
    destination_port: u16,
    destination_address: IpAddr,
}

impl Redirection {
    /// Reads an entry of a request; the destination is the partition's IPv6
    /// address unless it is named.
    fn parse(entry: &Value, own_address: Option<IpAddr>) -> Result<Self, String> {
        let kind = entry.get("type").map_or(Some("tcp"), Value::as_str);
        let protocol = match kind.map(str::to_ascii_lowercase).as_deref() {
            Some("tcp") => "tcp",
            Some("udp") => "udp",
            _ => return Err(format!("Bad source redirection type: {}", entry["type"])),
        };
        let port = |name: &str| {
            let value = &entry[name];
            let number = match value.as_str() {
                Some(text) => text.trim().parse().ok(),
                None => value.as_u64().and_then(|number| number.try_into().ok()),
            };
            number.ok_or_else(|| format!("Bad port provided: {name} = {value}"))
        };
        let address = |name: &str| match entry.get(name).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => {
                let address = value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
                let address =
                    address.ok_or_else(|| format!("Bad address provided: {name} = {value}"));
                address.map(Some)
            }
        };
        let destination = address("destAddress")?.or(own_address);
        Ok(Redirection {
            protocol,
            source_port: port("srcPort")?,
            source_address: address("srcAddress")?,
            destination_port: port("destPort")?,
            destination_address: destination
                .ok_or("Bad address provided: the partition has no IPv6 address")?,
        })
    }

    fn name(&self) -> String {
        format!("socat-{}-{}", self.protocol, self.source_port)
    }

    /// Returns the command line.
    fn command(&self, socat: &str) -> String {
        let version = |address: IpAddr| if address.is_ipv6() { 6 } else { 4 };
        let protocol = self.protocol.to_ascii_uppercase();
        let mut source = format!(
            "{protocol}{}-LISTEN:{}",
            self.source_address.map_or(4, version),
            self.source_port
        );
        if let Some(address) = self.source_address {
            source.push_str(&format!(",bind={address}"));
        }
        let destination = match self.destination_address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        format!(
            "{socat} {source},fork {protocol}{}:{destination}:{}",
            version(self.destination_address),
            self.destination_port
        )
    }

    fn program(&self, socat: &str) -> Program {
        Program {
            identity: self.name(),
            name: self.name(),
            command: self.command(socat),
            as_root: self.source_port < FIRST_FREE_PORT,
        }
    }
}

impl Partition<'_> {
    /// Brings the redirections in step with what a started instance asks for.
    pub(super) fn redirect_ports(&self) -> Result<(), PartitionError> {
        let group = format!("{}{REDIRECTION_GROUP}", self.name());
        let file = self.node.layout().group(&group);
        let programs = self.redirections()?;
        if programs.is_empty() {
            if remove_file(&file)? {
                update(self.supervisor, Groups::Of(self.name()), &self.log)?;
            }
            return Ok(());
        }
        let text = group_text(&group, &programs, &self.group_owner()?);
        update_file(&file, text.as_bytes(), 0o600)?;
        update(self.supervisor, Groups::Of(self.name()), &self.log)?;
        for program in &programs {
            let process = format!("{group}:{}", program.name);
            if !self.supervisor.process(&process)?.is_running() {
                self.supervisor.begin_process(&process)?;
            }
        }
        Ok(())
    }

    /// Tells whether its redirections are seen to when the rest is done.
    pub(in super::super) fn has_redirections(&self) -> bool {
        let managers = &self.node.configuration.managers;
        managers.contains(&Manager::PortRedirection)
    }

    /// Returns the programs that redirect; what is wrong with a request is
    /// told, and the others count.
    fn redirections(&self) -> Result<Vec<Program>, PartitionError> {
        let is_started = RequestedState::parse(&self.wanted.state) == Some(RequestedState::Started);
        let path = self.path.join(REQUEST);
        if !is_started {
            return Ok(Vec::new());
        }
        let text = match read_text(&path, LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed_to("read", &path)(error).into()),
        };
        let entries = match serde_json::from_str(&text) {
            Ok(Value::Array(entries)) => entries,
            Ok(_) => {
                self.log
                    .warning("Bad port redirection config file: it is no list");
                return Ok(Vec::new());
            }
            Err(error) => {
                self.log
                    .warning(format!("Bad port redirection config file: {error}"));
                return Ok(Vec::new());
            }
        };
        let mut redirections: Vec<Redirection> = Vec::new();
        for entry in &entries {
            match Redirection::parse(entry, self.wanted.ipv6_address) {
                Ok(found) if redirections.iter().any(|it| it.name() == found.name()) => {
                    let name = found.name();
                    self.log.warning(format!("{name} is asked for twice"));
                }
                Ok(found) => redirections.push(found),
                Err(problem) => self.log.warning(problem),
            }
        }
        if redirections.is_empty() {
            return Ok(Vec::new());
        }
        let socat = text_of(&self.find_program("socat")?);
        Ok(redirections.iter().map(|it| it.program(&socat)).collect())
    }

    /// Finds a program of the machine.
    fn find_program(&self, name: &'static str) -> Result<PathBuf, PartitionError> {
        let environment = &self.node.surroundings.environment;
        let path = environment.get(std::ffi::OsStr::new("PATH"));
        let directories = path.into_iter().flat_map(std::env::split_paths);
        let mut candidates = directories.map(|directory| directory.join(name));
        candidates
            .find(|candidate| candidate.is_file())
            .ok_or(PartitionError::NoProgram(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn command(entry: &Value) -> Result<String, String> {
        let own = "2001:db8::1".parse().ok();
        Redirection::parse(entry, own).map(|it| format!("{}: {}", it.name(), it.command("socat")))
    }

    #[test]
    fn entries_become_commands_of_socat() {
        let cases = [
            (
                json!({"srcPort": 1234, "destPort": "4321"}),
                "socat-tcp-1234: socat TCP4-LISTEN:1234,fork TCP6:[2001:db8::1]:4321",
            ),
            (
                json!({"type": "UDP", "srcPort": 53, "srcAddress": "::1", "destPort": 5353, "destAddress": "127.0.0.1"}),
                "socat-udp-53: socat UDP6-LISTEN:53,bind=::1,fork UDP4:127.0.0.1:5353",
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(command(&entry).as_deref(), Ok(expected));
        }
        for entry in [
            json!({"type": "sctp", "srcPort": 1, "destPort": 1}),
            json!({"srcPort": 70000, "destPort": 1}),
            json!({"srcPort": 1}),
            json!({"srcPort": 1, "destPort": 1, "srcAddress": "1.2.3.4,fork EXEC:sh"}),
            json!(7),
        ] {
            assert!(command(&entry).is_err(), "{entry}");
        }
    }
}
