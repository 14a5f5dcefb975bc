//! `slapos node format`: directories for partitions, files that describe them, and the same for the
//! master; as root also users, addresses, and tap and tun interfaces.
//!
//! What a computer is to have is decided first ([`plan`]) and written down, then made. So a format
//! that is killed in between is continued by the next one, with the same addresses.

mod address;
mod archive;
mod computer;
mod configuration;
mod definition;
mod error;
mod machine;
mod network;
mod plan;
mod recorded;
mod system;
mod text;
mod users;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use buildout_core::value::Value;
use slap::{Master, SlapError};

pub use address::{Address, Ipv6Range, NoAddress};
pub use computer::{Computer, Interface, KnownComputer, Link, Partition, Side};
pub use configuration::FormatConfiguration;
pub use definition::{DefinitionError, definition_text, parse_definition};
pub use error::FormatError;
pub(crate) use machine::is_global;
pub use recorded::{RecordError, read_record};
pub use text::{json_text, pretty_xml};

use crate::account::Accounts;
use crate::child::error_chain;
use crate::files::{
    create_directory, create_private_directory, failed_to, names_in, read_text, replace_file,
    update_file,
};
use crate::instance::PARTITION_MODE;
use crate::log::Logger;
use machine::MachineNetwork;
use network::{NetworkMaker, remove_duplicates};
use plan::{Planner, own_address};
use system::System;
use users::{find_user, make_user};

/// The mode of `instance_root` and `software_root`.
const ROOT_MODE: u32 = 0o755;

/// The mode of files that describe.
const FILE_MODE: u32 = 0o644;

/// How often addresses are chosen again because other machines have what was chosen.
const ATTEMPTS: usize = 10;

/// How a format ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatEnd {
    /// The master knows, too.
    Success,
    /// All is made, but the master could not be told.
    Offline,
}

impl FormatEnd {
    /// Returns upstream's exit code for it.
    pub fn exit_code(self) -> i32 {
        match self {
            FormatEnd::Success => 0,
            FormatEnd::Offline => 2,
        }
    }
}

/// Makes the partitions of a computer and tells the master of them
/// (`do_format`). With `dry_run` everything is only read, and what would be made is told.
///
/// # Errors
///
/// Something cannot be read or made.
pub fn format_computer(
    configuration: &FormatConfiguration,
    master: &dyn Master,
    log: &Logger,
    dry_run: bool,
) -> Result<FormatEnd, FormatError> {
    let format = Format {
        configuration,
        system: &System { log, dry_run },
    };
    let mut computer = format.computer()?;
    log.info("Updating computer");
    format.make_system(&mut computer)?;
    if dry_run {
        return Ok(FormatEnd::Success);
    }
    format.make_directories(&computer)?;
    let value = format.describe(&computer)?;
    log.info("Posting information to the master");
    let end = match master.load_computer_configuration(&value) {
        Ok(()) => FormatEnd::Success,
        Err(error) => {
            log.error(format!(
                "failed to transfer information to the master: {}",
                recognised(&error, &configuration.computer_id)
            ));
            FormatEnd::Offline
        }
    };
    log.info("slapos successfully prepared the computer.");
    Ok(end)
}

fn recognised(error: &SlapError, computer: &str) -> String {
    let text = error_chain(error);
    if error.is_not_found() {
        return format!(
            "{text}\nERROR: This SlapOS node is not recognised by SlapOS Master and/or computer_id and certificates don't match. computer_id is {computer}."
        );
    }
    text
}

/// A format that runs.
struct Format<'a> {
    configuration: &'a FormatConfiguration,
    system: &'a System<'a>,
}

impl Format<'_> {
    /// Returns the computer with what is known of it: what the definition file says, or what the last
    /// run wrote, with as many partitions as wanted.
    fn computer(&self) -> Result<Computer, FormatError> {
        let configuration = self.configuration;
        let log = self.system.log;
        let known = match &configuration.input_definition {
            Some(path) => {
                log.info(format!("Using definition file '{}'", path.display()));
                self.defined(path)?
            }
            None => {
                let known = self.recorded()?.unwrap_or_else(|| {
                    let id = &configuration.computer_id;
                    log.warning(format!("Creating new computer data with id '{id}'"));
                    KnownComputer::default()
                });
                self.with_new_partitions(known)?
            }
        };
        let mut computer = Computer {
            reference: configuration.computer_id.clone(),
            interface: configuration.interface.clone(),
            partitions: known.partitions,
            address: known.address,
            ipv6_interface: configuration.ipv6_interface.clone(),
            partition_has_ipv6_range: configuration.partition_has_ipv6_range,
            software_user: configuration.software_user(known.software_user),
            tap_gateway_interface: configuration.tap_gateway_interface.clone(),
            tap_ipv6: configuration.tap_ipv6,
            instance_root: configuration.instance_root.clone(),
            software_root: configuration.software_root.clone(),
            instance_storage_home: configuration.instance_storage_home.clone(),
            os_type: os_type(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let storage = storage_roots(configuration.instance_storage_home.as_deref())?;
        for partition in &mut computer.partitions {
            let storage = storage.iter().map(|root| root.join(&partition.name));
            partition.external_storage = storage.collect();
        }
        Ok(computer)
    }

    /// Reads the definition file. What it leaves open and the last run chose stays.
    fn defined(&self, path: &Path) -> Result<KnownComputer, FormatError> {
        let text = fs::read_to_string(path).map_err(failed_to("read", path))?;
        let parsed = parse_definition(&text, self.configuration.amount);
        let mut known = parsed.map_err(|source| FormatError::Definition {
            path: path.to_owned(),
            source,
        })?;
        if self.configuration.alter_network
            && let Some(recorded) = self.recorded()?
        {
            for partition in &mut known.partitions {
                let same = |it: &&Partition| it.name == partition.name;
                if let Some(earlier) = recorded.partitions.iter().find(same) {
                    partition.complete(earlier);
                }
            }
        }
        Ok(known)
    }

    /// Reads what the last run wrote; nothing if there was none.
    fn recorded(&self) -> Result<Option<KnownComputer>, FormatError> {
        let path = &self.configuration.computer_xml;
        let xml = match fs::read_to_string(path) {
            Ok(xml) => xml,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed_to("read", path)(error).into()),
        };
        let log = self.system.log;
        log.debug(format!(
            "Loading previous computer data from '{}'",
            path.display()
        ));
        let known = read_record(&xml).map_err(|source| FormatError::Record {
            path: path.clone(),
            source,
        })?;
        Ok(Some(known))
    }

    fn with_new_partitions(&self, mut known: KnownComputer) -> Result<KnownComputer, FormatError> {
        let wanted = self.configuration.amount;
        let there = known.partitions.len();
        if wanted < there {
            return Err(FormatError::FewerPartitions { wanted, there });
        }
        if wanted > there {
            let log = self.system.log;
            log.info(format!("Adding {} new partitions", wanted - there));
        }
        let configuration = self.configuration;
        known
            .partitions
            .extend((there..wanted).map(|index| Partition {
                name: format!("{}{index}", configuration.partition_base_name),
                user: format!("{}{index}", configuration.user_base_name),
                tap: Link::named(format!("{}{index}", configuration.tap_base_name)),
                ..Partition::default()
            }));
        Ok(known)
    }

    /// Decides what the computer has of the network, writes it down, and makes it, and the users.
    fn make_system(&self, computer: &mut Computer) -> Result<(), FormatError> {
        let configuration = self.configuration;
        let Some(interface) = &configuration.interface else {
            return self.make_users(computer);
        };
        if !configuration.alter_network {
            let machine = MachineNetwork::read_addresses(self.system)?;
            computer.address = Some(own_address(&machine, interface, computer)?);
            return self.make_users(computer);
        }
        let mut refused = BTreeSet::new();
        for _ in 0..ATTEMPTS {
            let machine = &MachineNetwork::read(self.system)?;
            let planner = Planner {
                machine,
                interface,
                wishes: configuration.wishes,
                refused: &refused,
                random: &|| RandomState::new().hash_one(0),
                follows_network: configuration.input_definition.is_none(),
            };
            for note in planner.plan(computer)? {
                self.system.log.warning(note);
            }
            self.record(&computer.value())?;
            self.make_users(computer)?;
            let maker = NetworkMaker {
                system: self.system,
                machine,
                interface,
                wishes: configuration.wishes,
            };
            maker.make(computer, &|partition| self.owner(partition))?;
            let duplicates = remove_duplicates(self.system, computer, interface)?;
            if duplicates.is_empty() {
                return Ok(());
            }
            refused.extend(duplicates);
        }
        Err(FormatError::NothingFree {
            what: "address, that no other machine has,".to_owned(),
            partition: configuration.partition_base_name.clone(),
        })
    }

    /// Returns who may open the interfaces of a partition.
    fn owner(&self, partition: &Partition) -> String {
        let is_there = Accounts::of_machine().by_name(&partition.user).is_some();
        let is_made = self.configuration.alter_user && self.system.dry_run;
        match is_there || is_made {
            true => partition.user.clone(),
            false => "root".to_owned(),
        }
    }

    fn make_users(&self, computer: &Computer) -> Result<(), FormatError> {
        if !self.configuration.alter_user {
            return Ok(());
        }
        let software_user = computer.software_user.as_str();
        make_user(self.system, software_user, &computer.software_root, None)?;
        for partition in &computer.partitions {
            let path = computer.partition_path(partition);
            make_user(self.system, &partition.user, &path, Some(software_user))?;
        }
        Ok(())
    }

    /// Makes the roots and the partitions with their modes and owners, and tells each partition what
    /// it has.
    fn make_directories(&self, computer: &Computer) -> Result<(), FormatError> {
        for root in [&computer.instance_root, &computer.software_root] {
            if let Some(parent) = root.parent() {
                fs::create_dir_all(parent).map_err(failed_to("create directory", parent))?;
            }
            create_directory(root, ROOT_MODE)?;
        }
        self.give(&computer.software_root, &computer.software_user)?;
        for partition in &computer.partitions {
            let path = computer.partition_path(partition);
            for directory in std::iter::once(&path).chain(&partition.external_storage) {
                create_directory(directory, PARTITION_MODE)?;
                self.give(directory, &partition.user)?;
            }
            let text = json_text(&computer.partition_value(partition), 4);
            let file = path.join(".slapos-resource");
            // Its user may have put anything there.
            let is_there = read_text(&file, text.len() as u64 + 1).is_ok_and(|it| it == text);
            if !is_there {
                replace_file(&file, text.as_bytes(), FILE_MODE, None)?;
                let log = self.system.log;
                log.info(format!("Partition resources saved to {}", partition.name));
            }
        }
        if let Some(path) = &self.configuration.certificates {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed_to("create directory", parent))?;
            }
            create_private_directory(path)?;
        }
        Ok(())
    }

    /// Gives a path to a user, where users are made.
    fn give(&self, path: &Path, user: &str) -> Result<(), FormatError> {
        if !self.configuration.alter_user {
            return Ok(());
        }
        let owner = find_user(user)?;
        std::os::unix::fs::chown(path, Some(owner.user), Some(owner.group))
            .map_err(failed_to("set the owner of", path))?;
        Ok(())
    }

    /// Writes the files that describe the computer, and returns what the master is told.
    fn describe(&self, computer: &Computer) -> Result<Value, FormatError> {
        let configuration = self.configuration;
        if let Some(path) = &configuration.output_definition {
            update_file(path, definition_text(computer).as_bytes(), FILE_MODE)?;
            self.system.log.info(format!(
                "Stored computer definition in '{}'",
                path.display()
            ));
        }
        let value = computer.value();
        if let Some(path) = &configuration.computer_json {
            update_file(path, json_text(&value, 2).as_bytes(), FILE_MODE)?;
        }
        self.record(&value)?;
        Ok(value)
    }

    /// Writes down what the next run goes on from.
    fn record(&self, value: &Value) -> Result<(), FormatError> {
        if self.system.dry_run {
            return Ok(());
        }
        let xml = pretty_xml(&slap::marshal::dumps(value)?);
        let path = &self.configuration.computer_xml;
        archive::replace_description(path, &xml, self.system.log)?;
        Ok(())
    }
}

/// Returns the directories `dataN` of `instance_storage_home`, in the order of their numbers.
fn storage_roots(home: Option<&str>) -> Result<Vec<PathBuf>, FormatError> {
    let Some(home) = home.filter(|home| !home.is_empty()).map(Path::new) else {
        return Ok(Vec::new());
    };
    let names = names_in(home)?;
    let numbered = names.iter().filter_map(|name| {
        let number = name.strip_prefix("data")?;
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        is_number.then_some((number.len(), name))
    });
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort();
    let roots = numbered.into_iter().map(|(_, name)| home.join(name));
    Ok(roots.collect())
}

/// Describes the system: kernel, distribution, its version and name.
fn os_type() -> String {
    let kernel = rustix::system::uname();
    let platform = format!(
        "{}-{}-{}",
        kernel.sysname().to_string_lossy(),
        kernel.release().to_string_lossy(),
        kernel.machine().to_string_lossy()
    );
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let member = |name: &str| {
        let line = release.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.trim_matches('"').to_owned())
        });
        line.unwrap_or_default()
    };
    let list = [platform, member("ID"), member("VERSION_ID"), member("NAME")];
    let list = serde_json::json!(list).to_string();
    // As Python separates.
    list.replace("\",\"", "\", \"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_in_directories_with_numbers() {
        let home = tempfile::tempdir().unwrap();
        for name in ["data10", "data2", "data", "data-3", "other1"] {
            fs::create_dir(home.path().join(name)).unwrap();
        }
        let roots = storage_roots(home.path().to_str()).unwrap();
        assert_eq!(roots, ["data2", "data10"].map(|it| home.path().join(it)));
        assert_eq!(storage_roots(Some("")).unwrap(), [""; 0].map(PathBuf::from));
        assert_eq!(storage_roots(None).unwrap(), [""; 0].map(PathBuf::from));
    }
}
