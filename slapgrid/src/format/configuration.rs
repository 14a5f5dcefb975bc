//! What `[slapformat]` and `[slapos]` say about the format.

use std::path::PathBuf;

use super::address::Ipv4Network;
use super::computer::Interface;
use super::definition::DEFAULT_SOFTWARE_USER;
use super::plan::NetworkWishes;
use crate::configuration::{ConfigurationError, Options};

/// How many networks each partition needs: for its range, its tap and its tun interface, and one
/// that stays free for single addresses.
const NETWORKS_OF_PARTITION: u128 = 4;

/// How many tun interfaces their network is enough for.
const TUN_LIMIT: usize = 1 << 18;

/// What `[slapformat]` and `[slapos]` say about the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatConfiguration {
    /// Where the caller logs as well, unless it is told another file (`log_file`).
    pub log_file: Option<PathBuf>,
    pub(super) software_root: PathBuf,
    pub(super) instance_root: PathBuf,
    pub(super) computer_id: String,
    pub(super) input_definition: Option<PathBuf>,
    pub(super) output_definition: Option<PathBuf>,
    pub(super) amount: usize,
    pub(super) computer_xml: PathBuf,
    pub(super) computer_json: Option<PathBuf>,
    pub(super) certificates: Option<PathBuf>,
    pub(super) instance_storage_home: Option<String>,
    pub(super) software_user: Option<String>,
    pub(super) partition_base_name: String,
    pub(super) user_base_name: String,
    pub(super) tap_base_name: String,
    pub(super) ipv6_interface: Option<String>,
    pub(super) partition_has_ipv6_range: bool,
    pub(super) tap_gateway_interface: String,
    pub(super) tap_ipv6: bool,
    /// Whether users are made.
    pub(super) alter_user: bool,
    /// Whether the network is changed.
    pub(super) alter_network: bool,
    /// What of it is made.
    pub(super) wishes: NetworkWishes,
    /// The interface that is looked at, if any.
    pub(super) interface: Option<Interface>,
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
            _,
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
        for option in ["bridge_name", "no_bridge"] {
            if options.get(option).is_some_and(|it| !it.is_empty()) {
                return Err(ConfigurationError::Unsupported {
                    what: format!("{option} of [slapformat]"),
                    hint: "name the bridge with `interface_name`, as any other interface",
                });
            }
        }
        let alter_user = options.boolean("alter_user", true)?;
        let alter_network = options.boolean("alter_network", true)?;
        if (alter_user || alter_network) && !is_root {
            return Err(ConfigurationError::Unsupported {
                what: "making users, addresses and interfaces without root".to_owned(),
                hint: "set `alter_user` and `alter_network` in `[slapformat]` to `False`, or be root",
            });
        }
        let amount = number(&options, "partition_amount", "a number of partitions", 0)?;
        let input_definition = options.path("input_definition_file");
        let wishes = NetworkWishes {
            create_tap: options.boolean("create_tap", true)?,
            create_tun: options.boolean("create_tun", false)?,
            tun_ipv6: options.boolean("tun_ipv6", true)?,
        };
        if wishes.create_tun && amount > TUN_LIMIT {
            let value = amount.to_string();
            let expected = "at most 262144 with `create_tun`";
            return Err(options.invalid("partition_amount", &value, expected));
        }
        // Without changes to the network, a definition says all that is needed.
        let interface = match alter_network || input_definition.is_none() {
            true => Some(read_interface(&options, alter_network, amount)?),
            false => None,
        };
        let raw = |option: &str| options.get(option).map(ToOwned::to_owned);
        let text = |option: &str| raw(option).filter(|value| !value.is_empty());
        let base = |option: &str, default: &str| text(option).unwrap_or(default.to_owned());
        Ok(FormatConfiguration {
            log_file: options.path("log_file"),
            software_root: options.absolute(software_root),
            instance_root: options.absolute(instance_root),
            computer_id: computer_id.to_owned(),
            input_definition,
            output_definition: options.path("output_definition_file"),
            amount,
            computer_xml: options.absolute(computer_xml),
            computer_json: options.path("computer_json"),
            certificates: options.path("certificate_repository_path"),
            instance_storage_home: raw("instance_storage_home"),
            software_user: text("software_user"),
            partition_base_name: base("partition_base_name", "slappart"),
            user_base_name: base("user_base_name", "slapuser"),
            tap_base_name: base("tap_base_name", "slaptap"),
            ipv6_interface: raw("ipv6_interface"),
            partition_has_ipv6_range: options.boolean("partition_has_ipv6_range", true)?,
            tap_gateway_interface: raw("tap_gateway_interface").unwrap_or_default(),
            tap_ipv6: options.boolean("tap_ipv6", true)?,
            alter_user,
            alter_network,
            wishes,
            interface,
        })
    }

    /// Returns the user who owns the releases: the configured one, the one that is known, or the
    /// usual one.
    pub(super) fn software_user(&self, known: Option<String>) -> String {
        let configured = match self.input_definition {
            // As upstream, a definition knows better.
            Some(_) => None,
            None => self.software_user.clone(),
        };
        let user = configured.or(known);
        user.unwrap_or_else(|| DEFAULT_SOFTWARE_USER.to_owned())
    }
}

fn read_interface(
    options: &Options,
    alter_network: bool,
    amount: usize,
) -> Result<Interface, ConfigurationError> {
    let [name] = options.mandatory(["interface_name"])?;
    let ipv4_local_network = match alter_network {
        true => options.mandatory(["ipv4_local_network"])?[0],
        // Nothing is chosen out of it.
        false => options.get("ipv4_local_network").unwrap_or_default(),
    };
    if alter_network && Ipv4Network::parse(ipv4_local_network).is_none() {
        let expected = "a network, such as `10.0.0.0/16`";
        return Err(options.invalid("ipv4_local_network", ipv4_local_network, expected));
    }
    let shift = number(
        options,
        "ipv6_prefixshift",
        "a number of bits, up to 64",
        16,
    )?;
    let fits = |shift: u32| (1 << shift) >= NETWORKS_OF_PARTITION * amount as u128;
    let shift = match u32::try_from(shift) {
        Ok(shift) if (2..=64).contains(&shift) && fits(shift) => shift,
        _ => {
            let expected = "from 2 to 64, and enough bits for four networks of each partition";
            return Err(options.invalid("ipv6_prefixshift", &shift.to_string(), expected));
        }
    };
    let ipv6 = options.get("ipv6_interface").filter(|it| !it.is_empty());
    Ok(Interface {
        name: name.to_owned(),
        ipv4_local_network: ipv4_local_network.to_owned(),
        ipv6_interface: ipv6.unwrap_or(name).to_owned(),
        ipv6_prefixshift: shift,
    })
}

fn number(
    options: &Options,
    option: &str,
    expected: &'static str,
    default: usize,
) -> Result<usize, ConfigurationError> {
    let Some(text) = options.get(option) else {
        return Ok(default);
    };
    let number = text.trim().parse();
    number.map_err(|_| options.invalid(option, text, expected))
}
