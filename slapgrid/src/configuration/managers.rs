//! What is done for partitions beyond their services: the managers that
//! `[slapos] manager_list` names.

use super::{ConfigurationError, Options};

/// A manager, named as slapos.core names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manager {
    /// `prerm`: the instance's own `etc/prerm` is run before it is removed.
    Prerm,
    /// `portredir`: ports of the machine lead to ports of partitions.
    PortRedirection,
    /// `devperm`: partitions get disks of the machine.
    DevicePermission {
        /// The disks that may be given away; all if none are named.
        allowed: Option<Vec<String>>,
    },
    /// `whitelistfirewall`: partitions say what they may reach.
    Whitelist,
    /// `cpuset`: processes of partitions get processors of their own.
    Processors {
        /// The names of the users who may ask for that.
        users: Vec<String>,
    },
}

/// The section of `devperm`.
const DEVPERM_SECTION: &str = "manager/devperm";

/// Reads `manager_list`.
///
/// # Errors
///
/// A manager is unknown or not supported, or a value cannot be resolved.
pub(super) fn managers(options: &Options) -> Result<Vec<Manager>, ConfigurationError> {
    let list = options.get("manager_list").unwrap_or_default();
    let mut managers = Vec::new();
    for name in list
        .split([',', ' ', '\n', '\t'])
        .filter(|name| !name.is_empty())
    {
        let manager = match name {
            "prerm" => Manager::Prerm,
            "portredir" => Manager::PortRedirection,
            "devperm" => Manager::DevicePermission {
                allowed: allowed_disks(options)?,
            },
            "whitelistfirewall" if options.has_section("firewall") => Manager::Whitelist,
            // Upstream warns, and nothing keeps partitions to their lists.
            "whitelistfirewall" => {
                return Err(options.invalid(
                    "manager_list",
                    name,
                    "without `whitelistfirewall` where there is no section `[firewall]`",
                ));
            }
            "cpuset" => Manager::Processors {
                users: words(options.get("power_user_list").unwrap_or_default()),
            },
            _ => {
                return Err(options.invalid(
                    "manager_list",
                    name,
                    "a list of the managers `cpuset`, `devperm`, `portredir`, `prerm` and `whitelistfirewall`",
                ));
            }
        };
        if !managers.contains(&manager) {
            managers.push(manager);
        }
    }
    Ok(managers)
}

fn allowed_disks(options: &Options) -> Result<Option<Vec<String>>, ConfigurationError> {
    let section = options.section(DEVPERM_SECTION)?;
    Ok(section.get("allowed-disk-for-vm").map(|list| {
        let lines = list.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(ToOwned::to_owned).collect()
    }))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(ToOwned::to_owned).collect()
}
