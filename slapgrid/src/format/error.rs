//! Why a computer cannot be formatted.

use std::path::PathBuf;

use super::definition::DefinitionError;
use super::recorded::RecordError;
use crate::configuration::ConfigurationError;
use crate::files::FileError;

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
    /// The description of the last run is wrong.
    #[error("{}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RecordError,
    },
    /// There are more partitions than wanted.
    #[error(
        "Requested amount of computer partitions ({wanted}) is lower than already configured ({there}), cannot continue"
    )]
    FewerPartitions {
        /// `partition_amount`.
        wanted: usize,
        /// How many there are.
        there: usize,
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
    /// An interface is not there.
    #[error("there is no interface {name} ({option})")]
    NoInterface {
        /// Its name.
        name: String,
        /// The option that names it.
        option: &'static str,
    },
    /// An interface has no address out of which others could be chosen.
    #[error("No IPv6 found on interface {0} to construct IPv6 with.")]
    NoIpv6(String),
    /// The gateway of tap interfaces has no address.
    #[error("Could not find IPv4 adress on interface {0}.")]
    NoGatewayAddress(String),
    /// The network of the gateway is too small.
    #[error("Could not create {partitions} tap interfaces from address {address}.")]
    SmallGatewayNetwork {
        /// How many are wanted.
        partitions: usize,
        /// The address of the gateway, with its network.
        address: String,
    },
    /// The network of an interface is too small.
    #[error(
        "The IPv6 range has prefixlen {length} which is too big for generating IPv6 range for partitions."
    )]
    SmallNetwork {
        /// The length of a partition's prefix.
        length: u32,
    },
    /// What a partition would get is in use, and it gets nothing else.
    #[error(
        "{what} for partition {partition} is already taken; aborting because IPv6 prefixshift is {shift} != 16"
    )]
    Taken {
        /// An address or a range.
        what: String,
        /// The partition.
        partition: String,
        /// `ipv6_prefixshift`.
        shift: u32,
    },
    /// Nothing free was found.
    #[error("no free {what} was found for partition {partition}")]
    NothingFree {
        /// What was looked for.
        what: String,
        /// The partition.
        partition: String,
    },
    /// An interface that should be a tap or tun interface is another one.
    #[error("the interface {name} is there, and is no {mode} interface")]
    NoTunnel {
        /// The interface.
        name: String,
        /// `tap` or `tun`.
        mode: &'static str,
    },
    /// An address that stays unusable.
    #[error("{interface} does not get to know whether another machine has {address}")]
    Tentative {
        /// The address.
        address: String,
        /// The interface.
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
        let text = match self {
            FormatError::Configuration(error) => return error.hint(),
            FormatError::Definition { source, .. } => source.hint(),
            FormatError::Record { .. } => {
                "restore it from the ZIP file beside it, or remove it to have addresses chosen anew"
            }
            FormatError::FewerPartitions { .. } => {
                "set `partition_amount` in `[slapformat]` to at least as many: none is ever removed"
            }
            FormatError::UserName(_) => {
                "correct it in the definition file, or `user_base_name` in `[slapformat]`"
            }
            FormatError::InterfaceName(_) => {
                "names have up to 15 letters, digits, `_`, `.` and `-`; correct it in the definition file or in `[slapformat]`"
            }
            FormatError::NoInterface { option, .. } => {
                return Some(format!(
                    "`ip link` shows which there are; correct `{option}` in `[slapformat]`"
                ));
            }
            FormatError::NoIpv6(name) => {
                return Some(format!(
                    "give it one (`ip -6 addr add ADDRESS/64 dev {name}`), or name another interface with `ipv6_interface` in `[slapformat]`"
                ));
            }
            FormatError::NoGatewayAddress(_) => {
                "give it one, or correct `tap_gateway_interface` in `[slapformat]`"
            }
            FormatError::SmallGatewayNetwork { .. } => {
                "give the gateway (`tap_gateway_interface`) an address in a larger network"
            }
            FormatError::SmallNetwork { .. } => {
                "give the interface an address in a larger network, lower `ipv6_prefixshift`, or set `partition_has_ipv6_range`, `tap_ipv6` and `tun_ipv6` in `[slapformat]` to `False`"
            }
            FormatError::Taken { .. } | FormatError::NothingFree { .. } => {
                "remove what has it (`ip addr` shows interfaces), or give the interface another network"
            }
            FormatError::NoTunnel { .. } => {
                "remove it, or choose another name with `tap_base_name` in `[slapformat]` or in the definition file"
            }
            FormatError::Tentative { interface, .. } => {
                return Some(format!(
                    "see that it is up and connected: `ip link set {interface} up`, `ip addr show {interface}`"
                ));
            }
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Tells whether another attempt may succeed without anybody changing the
    /// configuration.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self,
            FormatError::Configuration(_)
                | FormatError::Definition { .. }
                | FormatError::Record { .. }
                | FormatError::FewerPartitions { .. }
                | FormatError::UserName(_)
                | FormatError::InterfaceName(_)
        )
    }

    /// Returns upstream's exit code for it.
    pub fn exit_code(&self) -> i32 {
        match self {
            FormatError::Configuration(error) => error.exit_code(),
            _ => 1,
        }
    }
}
