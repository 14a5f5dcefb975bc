//! `[firewall]`: partitions are reached only from their own tree of instances.

use std::path::{Path, PathBuf};

use super::{ConfigurationError, Options};

/// The section.
const SECTION: &str = "firewall";

/// What asks firewalld unless `firewall_cmd` says otherwise.
const DEFAULT_COMMAND: &str = "firewall-cmd";

/// Where slapos.core has the daemons run.
const USUAL_DIRECTORY: &str = "/opt/slapos";

/// What `[firewall]` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallConfiguration {
    /// What asks firewalld and changes its rules; for the shell, which adds
    /// words to it.
    pub command: String,
    /// What has firewalld take what was changed, for the shell, if it is not the
    /// same program. Upstream starts it anew then, and nothing is filtered
    /// meanwhile.
    pub reload_command: Option<String>,
    /// Addresses and networks that reach every partition, not yet checked.
    pub authorized_sources: Vec<String>,
    /// What supervisord runs for it.
    pub daemons: Vec<Daemon>,
}

/// A program that supervisord runs for the whole node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Its name.
    pub name: &'static str,
    /// The lower ones are started first.
    pub priority: u32,
    /// What is run.
    pub command: String,
    /// Where it is run.
    pub directory: PathBuf,
    /// Its log.
    pub log: String,
}

impl Daemon {
    /// The names of all that there may be.
    pub const NAMES: [&str; 2] = ["firewall", "dbus"];
}

impl FirewallConfiguration {
    /// Reads the section; none if it is not there.
    ///
    /// # Errors
    ///
    /// A value makes no sense, or needs root.
    pub(super) fn read(
        options: &Options,
        exists: &dyn Fn(&Path) -> bool,
        is_root: bool,
    ) -> Result<Option<Self>, ConfigurationError> {
        if !options.has_section(SECTION) {
            return Ok(None);
        }
        let section = options.section(SECTION)?;
        let text = |option: &str| {
            let value = section.get(option).map(String::as_str);
            value.filter(|value| !value.is_empty())
        };
        let usual = Path::new(USUAL_DIRECTORY);
        let directory = match exists(usual) {
            true => usual,
            false => Path::new("/"),
        };
        let daemons = [
            ("firewall", 5, "firewall_executable", "log_file"),
            ("dbus", 1, "dbus_executable", "dbus_log_file"),
        ];
        let mut running = Vec::new();
        // Somebody else runs them where nodes are tested.
        let is_testing = text("testing").is_some();
        for (name, priority, option, log) in daemons {
            let Some(command) = text(option).filter(|_| !is_testing) else {
                continue;
            };
            if !is_root {
                return Err(ConfigurationError::Unsupported {
                    what: format!("{option} of [firewall] without root"),
                    hint: "remove it from `[firewall]`, or be root",
                });
            }
            running.push(Daemon {
                name,
                priority,
                command: command.to_owned(),
                directory: directory.to_owned(),
                log: text(log).map_or_else(|| format!("/var/log/{name}.log"), ToOwned::to_owned),
            });
        }
        let sources = text("authorized_sources").unwrap_or_default();
        let sources = sources.lines().map(str::trim);
        Ok(Some(FirewallConfiguration {
            command: text("firewall_cmd").unwrap_or(DEFAULT_COMMAND).to_owned(),
            reload_command: text("reload_config_cmd").map(ToOwned::to_owned),
            authorized_sources: sources
                .filter(|source| !source.is_empty())
                .map(ToOwned::to_owned)
                .collect(),
            daemons: running,
        }))
    }
}
