//! `slapos node format`: directories for partitions, files that describe them,
//! and the same for the master; as root also users, and the addresses and tap
//! interfaces that the definition file names.
//!
//! Addresses are not made up: what is configured to be is an error that says
//! so.

mod computer;
mod definition;
mod network;
mod system;
mod text;
mod users;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use slap::{Master, SlapError};

pub use computer::{Address, ComputerDefinition, ComputerModel, Ipv6Range, PartitionDefinition};
pub use definition::{DefinitionError, parse_definition};
pub use text::{json_text, pretty_xml};

use crate::account::Account;
use crate::child::error_chain;
use crate::configuration::{ConfigurationError, Options};
use crate::files::{FileError, create_directory, failed_to, replace_file, update_file};
use crate::instance::PARTITION_MODE;
use crate::log::Logger;
use network::{Interfaces, allow_nonlocal_addresses, make_addresses, make_range, make_tap};
use system::System;
use users::make_user;

/// The mode of `instance_root` and `software_root`.
const ROOT_MODE: u32 = 0o755;

/// The mode of files that describe.
const FILE_MODE: u32 = 0o644;

/// A computer that cannot be formatted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The configuration is wrong, or wants what is not done.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The definition file is wrong.
    #[error("{}: {source}", path.display())]
    Definition {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DefinitionError,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name that the system's programs do not take.
    #[error("{0:?} cannot be the name of a user")]
    UserName(String),
    /// The same of interfaces.
    #[error("{0:?} cannot be the name of an interface")]
    InterfaceName(String),
    /// A user was made and is not there.
    #[error("there is no user {0}, although it was made")]
    NoUser(String),
    /// An address that is none, or has a netmask that is none.
    #[error("{address}/{netmask} is no address with a netmask")]
    Address {
        /// The address.
        address: String,
        /// The netmask.
        netmask: String,
    },
    /// A partition should have a range of addresses, and none is named.
    #[error("{0} has no `ipv6_range`, and none is made up")]
    NoRange(String),
    /// An address that the computer has elsewhere.
    #[error("cannot add {address} to {wanted}: {interface} has it")]
    AddressElsewhere {
        /// The address.
        address: IpAddr,
        /// Where it should be.
        wanted: String,
        /// Where it is.
        interface: String,
    },
    /// A program of the system failed.
    #[error("`{command}` failed: {text}")]
    Program {
        /// The program with its arguments.
        command: String,
        /// What it said.
        text: String,
    },
    /// The computer cannot be written down.
    #[error(transparent)]
    Marshal(#[from] slap::marshal::MarshalError),
}

impl FormatError {
    /// Returns advice.
    pub fn hint(&self) -> Option<String> {
        match self {
            FormatError::Configuration(error) => error.hint(),
            FormatError::Definition { source, .. } => Some(source.hint().to_owned()),
            FormatError::UserName(_)
            | FormatError::InterfaceName(_)
            | FormatError::Address { .. } => {
                Some("correct it in the definition file (`input_definition_file`)".to_owned())
            }
            FormatError::NoRange(_) => Some(
                "name one in the definition file, or set `partition_has_ipv6_range = False` in `[slapformat]`"
                    .to_owned(),
            ),
            FormatError::AddressElsewhere { .. } => Some(
                "remove it there, or set `interface_name` and `ipv6_interface` in `[slapformat]`"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Returns upstream's exit code for it.
    pub fn exit_code(&self) -> i32 {
        match self {
            FormatError::Configuration(error) => error.exit_code(),
            _ => 1,
        }
    }
}

/// What `[slapformat]` and `[slapos]` say about the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatConfiguration {
    /// What is known without the definition file.
    software_root: PathBuf,
    instance_root: PathBuf,
    computer_id: String,
    definition: PathBuf,
    amount: usize,
    computer_xml: PathBuf,
    computer_json: Option<PathBuf>,
    instance_storage_home: Option<String>,
    ipv6_interface: Option<String>,
    partition_has_ipv6_range: bool,
    tap_gateway_interface: String,
    tap_ipv6: bool,
    /// Whether users are made.
    alter_user: bool,
    /// What is made of the network, if anything.
    network: Option<NetworkConfiguration>,
}

impl FormatConfiguration {
    /// Reads the options of `[slapformat]`, over which those of `[slapos]` go
    /// and the command line.
    ///
    /// # Errors
    ///
    /// The first mistake, or what is wanted and not done.
    pub fn read(options: &Options, is_root: bool) -> Result<Self, ConfigurationError> {
        let options = options.with_section_below("slapformat")?;
        let [
            computer_id,
            instance_root,
            _,
            software_root,
            computer_xml,
            amount,
        ] = options.mandatory([
            "computer_id",
            "instance_root",
            "master_url",
            "software_root",
            "computer_xml",
            "partition_amount",
        ])?;
        if options.boolean("root_check", true)? && !is_root {
            return Err(ConfigurationError::NotRoot);
        }
        let alter_user = options.boolean("alter_user", true)?;
        let alter_network = options.boolean("alter_network", true)?;
        if (alter_user || alter_network) && !is_root {
            return Err(ConfigurationError::Unsupported {
                what: "making users, addresses and interfaces without root".to_owned(),
                hint: "set `alter_user` and `alter_network` in `[slapformat]` to `False`, or be root",
            });
        }
        let network = match alter_network {
            true => Some(NetworkConfiguration::read(&options)?),
            false => None,
        };
        let Some(definition) = options.path("input_definition_file") else {
            return Err(ConfigurationError::Unsupported {
                what: "finding the computer's addresses (no input_definition_file)".to_owned(),
                hint: "describe the partitions in a file, and set `input_definition_file` in `[slapformat]`",
            });
        };
        if options
            .get("output_definition_file")
            .is_some_and(|it| !it.is_empty())
        {
            return Err(ConfigurationError::Unsupported {
                what: "output_definition_file".to_owned(),
                hint: "the definition file of this node is `input_definition_file`",
            });
        }
        let text = |option: &str| {
            let value = options.get(option).filter(|value| !value.is_empty());
            value.map(ToOwned::to_owned)
        };
        Ok(FormatConfiguration {
            software_root: options.absolute(software_root),
            instance_root: options.absolute(instance_root),
            computer_id: computer_id.to_owned(),
            definition,
            amount: amount.trim().parse().map_err(|_| {
                options.invalid("partition_amount", amount, "a number of partitions")
            })?,
            computer_xml: options.absolute(computer_xml),
            computer_json: options.path("computer_json"),
            instance_storage_home: text("instance_storage_home"),
            ipv6_interface: text("ipv6_interface"),
            partition_has_ipv6_range: options.boolean("partition_has_ipv6_range", true)?,
            tap_gateway_interface: text("tap_gateway_interface").unwrap_or_default(),
            tap_ipv6: options.boolean("tap_ipv6", true)?,
            alter_user,
            network,
        })
    }
}

/// What is made of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NetworkConfiguration {
    interfaces: Interfaces,
    create_tap: bool,
    has_ranges: bool,
}

impl NetworkConfiguration {
    /// Reads the options, and refuses those by which addresses would be made
    /// up.
    fn read(options: &Options) -> Result<Self, ConfigurationError> {
        let create_tap = options.boolean("create_tap", true)?;
        let refusals = [
            ("create_tun", options.boolean("create_tun", false)?),
            ("tap_ipv6", create_tap && options.boolean("tap_ipv6", true)?),
            (
                "tap_gateway_interface",
                create_tap && options.path("tap_gateway_interface").is_some(),
            ),
        ];
        for (option, is_wanted) in refusals {
            if is_wanted {
                return Err(ConfigurationError::Unsupported {
                    what: format!("{option} of [slapformat] with alter_network = True"),
                    hint: "set `create_tun` and `tap_ipv6` to `False`, and remove `tap_gateway_interface`: only what the definition file names is made",
                });
            }
        }
        let [interface] = options.mandatory(["interface_name"])?;
        let ipv6 = options
            .get("ipv6_interface")
            .filter(|name| !name.is_empty());
        Ok(NetworkConfiguration {
            interfaces: Interfaces {
                ipv4: interface.to_owned(),
                ipv6: ipv6.unwrap_or(interface).to_owned(),
            },
            create_tap,
            has_ranges: options.boolean("partition_has_ipv6_range", true)?,
        })
    }
}

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
/// (`do_format`). With `dry_run` everything is only read.
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
    let definition = &configuration.definition;
    let shown = definition.display();
    log.info(format!("Using definition file '{shown}'"));
    let text = fs::read_to_string(definition).map_err(failed_to("read", definition))?;
    let definition = parse_definition(&text, configuration.amount).map_err(|source| {
        FormatError::Definition {
            path: definition.clone(),
            source,
        }
    })?;
    log.info("Updating computer");
    let computer = ComputerModel {
        definition,
        reference: configuration.computer_id.clone(),
        instance_root: configuration.instance_root.clone(),
        software_root: configuration.software_root.clone(),
        instance_storage_home: configuration.instance_storage_home.clone(),
        ipv6_interface: configuration.ipv6_interface.clone(),
        partition_has_ipv6_range: configuration.partition_has_ipv6_range,
        tap_gateway_interface: configuration.tap_gateway_interface.clone(),
        tap_ipv6: configuration.tap_ipv6,
        os_type: os_type(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let value = computer.value();
    if dry_run {
        return Ok(FormatEnd::Success);
    }
    make_system(configuration, &computer, log)?;
    make_directories(&computer, log)?;
    if let Some(path) = &configuration.computer_json {
        update_file(path, json_text(&value, 2).as_bytes(), FILE_MODE)?;
    }
    let xml = pretty_xml(&slap::marshal::dumps(&value)?);
    keep_old(&configuration.computer_xml, &xml)?;
    update_file(&configuration.computer_xml, xml.as_bytes(), FILE_MODE)?;
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

/// Makes the users, addresses and interfaces of the computer, and gives users
/// what is theirs.
fn make_system(
    configuration: &FormatConfiguration,
    computer: &ComputerModel,
    log: &Logger,
) -> Result<(), FormatError> {
    let system = System { log };
    let definition = &computer.definition;
    if configuration.alter_user {
        let software_user = definition.software_user.as_str();
        make_roots(computer)?;
        let owner = make_user(&system, software_user, &computer.software_root, None)?;
        give(&computer.software_root, &owner)?;
        for partition in &definition.partitions {
            let path = computer.partition_path(partition);
            let owner = make_user(&system, &partition.user, &path, Some(software_user))?;
            create_directory(&path, PARTITION_MODE)?;
            give(&path, &owner)?;
        }
    }
    if let Some(network) = &configuration.network {
        let addresses = definition.partitions.iter().flat_map(|it| &it.addresses);
        let addresses = definition.address.iter().chain(addresses);
        make_addresses(&system, &network.interfaces, addresses)?;
        if network.has_ranges {
            allow_nonlocal_addresses()?;
            for partition in &definition.partitions {
                make_range(&system, partition)?;
            }
        }
        if network.create_tap {
            for partition in &definition.partitions {
                make_tap(&system, partition)?;
            }
        }
    }
    Ok(())
}

fn give(path: &Path, owner: &Account) -> Result<(), FormatError> {
    std::os::unix::fs::chown(path, Some(owner.user), Some(owner.group))
        .map_err(failed_to("set the owner of", path))?;
    Ok(())
}

/// Makes the roots and the partitions with their modes, and tells each
/// partition what it has.
fn make_directories(computer: &ComputerModel, log: &Logger) -> Result<(), FormatError> {
    make_roots(computer)?;
    for partition in &computer.definition.partitions {
        let path = computer.partition_path(partition);
        create_directory(&path, PARTITION_MODE)?;
        let text = json_text(&computer.partition_value(partition), 4);
        let file = path.join(".slapos-resource");
        if update_file(&file, text.as_bytes(), FILE_MODE)? {
            log.info(format!("Partition resources saved to {}", partition.name));
        }
    }
    Ok(())
}

fn make_roots(computer: &ComputerModel) -> Result<(), FormatError> {
    for root in [&computer.instance_root, &computer.software_root] {
        if let Some(parent) = root.parent() {
            fs::create_dir_all(parent).map_err(failed_to("create directory", parent))?;
        }
        create_directory(root, ROOT_MODE)?;
    }
    Ok(())
}

/// Keeps the description that is replaced, by its time.
fn keep_old(path: &Path, new: &str) -> Result<(), FormatError> {
    let Ok(old) = fs::read(path) else {
        return Ok(());
    };
    if old == new.as_bytes() {
        return Ok(());
    }
    let time: String = crate::clock::log_time(SystemTime::now())
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{time}"));
    replace_file(Path::new(&name), &old, FILE_MODE, None)?;
    Ok(())
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
