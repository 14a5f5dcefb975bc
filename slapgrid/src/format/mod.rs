//! `slapos node format`, in its form without root: directories for partitions,
//! files that describe them, and the same for the master.
//!
//! Users, addresses and interfaces are not made: what is configured to be made
//! is an error that says so.

mod computer;
mod definition;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use slap::{Master, SlapError};

pub use computer::{Address, ComputerDefinition, ComputerModel, Ipv6Range, PartitionDefinition};
pub use definition::{DefinitionError, parse_definition};
pub use text::{json_text, pretty_xml};

use crate::child::error_chain;
use crate::configuration::{ConfigurationError, Options};
use crate::files::{FileError, create_directory, failed_to, replace_file, update_file};
use crate::instance::PARTITION_MODE;
use crate::log::Logger;

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
        for (option, default) in [
            ("alter_user", true),
            ("alter_network", true),
            ("create_tap", true),
            ("create_tun", false),
        ] {
            if options.boolean(option, default)? {
                return Err(ConfigurationError::Unsupported {
                    what: format!("{option} = True of [slapformat]"),
                    hint: "set `alter_user`, `alter_network`, `create_tap` and `create_tun` to `False`: users and interfaces are not made yet",
                });
            }
        }
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

/// Makes the roots and the partitions with their modes, and tells each
/// partition what it has.
fn make_directories(computer: &ComputerModel, log: &Logger) -> Result<(), FormatError> {
    for root in [&computer.instance_root, &computer.software_root] {
        if let Some(parent) = root.parent() {
            fs::create_dir_all(parent).map_err(failed_to("create directory", parent))?;
        }
        create_directory(root, ROOT_MODE)?;
    }
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
