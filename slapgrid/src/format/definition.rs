//! The definition file: which partitions a computer has, with their addresses.

use crate::configuration::ini::{IniError, IniFile};

use super::computer::{Address, ComputerDefinition, Ipv6Range, PartitionDefinition};

/// What is wrong with a definition file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// It is not in the format of `configparser`.
    #[error(transparent)]
    Ini(#[from] IniError),
    /// A partition that the amount promises is not there.
    #[error("No section: {0:?}")]
    NoSection(String),
    /// An option that must be there is not.
    #[error("No option {option:?} in section: {section:?}")]
    NoOption {
        /// The section.
        section: String,
        /// The option.
        option: &'static str,
    },
    /// An address is not `ADDRESS/NETMASK`.
    #[error("{value:?} in section {section:?} is no address with a netmask")]
    Address {
        /// The section.
        section: String,
        /// The value.
        value: String,
    },
    /// A name that cannot be that of a directory of a partition.
    #[error("pathname {value:?} in section {section:?} cannot be the name of a partition")]
    Name {
        /// The section.
        section: String,
        /// The value.
        value: String,
    },
    /// Two partitions with one directory.
    #[error("pathname {0:?} is given twice")]
    Twice(String),
}

impl DefinitionError {
    /// Returns advice.
    pub fn hint(&self) -> &'static str {
        match self {
            DefinitionError::Ini(error) => error.hint(),
            DefinitionError::NoSection(_) => {
                "add the section, or lower `partition_amount` in `[slapformat]`"
            }
            DefinitionError::NoOption { .. } => {
                "a partition has the options address, pathname, user and network_interface"
            }
            DefinitionError::Address { .. } => {
                "write addresses as `127.0.0.1/255.255.255.255`, and ranges as `2001:db8::/64`"
            }
            DefinitionError::Name { .. } | DefinitionError::Twice(_) => {
                "give each partition a plain name of its own, such as `slappart0`"
            }
        }
    }
}

/// Reads the text of a definition file with so many partitions
/// (`parse_computer_definition`).
///
/// # Errors
///
/// The first mistake.
pub fn parse_definition(text: &str, amount: usize) -> Result<ComputerDefinition, DefinitionError> {
    let file = IniFile::parse(text)?;
    let address = match file.raw("computer", "address") {
        None => None,
        Some(text) => Some(parse_address("computer", text)?),
    };
    let mut partitions: Vec<PartitionDefinition> = Vec::new();
    for number in 0..amount {
        let section = format!("partition_{number}");
        if !file.has_section(&section) {
            return Err(DefinitionError::NoSection(section));
        }
        let partition = parse_partition(&file, &section)?;
        if partitions.iter().any(|known| known.name == partition.name) {
            return Err(DefinitionError::Twice(partition.name));
        }
        partitions.push(partition);
    }
    let software_user = file.raw("computer", "software_user");
    Ok(ComputerDefinition {
        address,
        software_user: software_user.unwrap_or("slapsoft").to_owned(),
        partitions,
    })
}

fn parse_partition(file: &IniFile, section: &str) -> Result<PartitionDefinition, DefinitionError> {
    let required = |option: &'static str| {
        file.raw(section, option)
            .ok_or_else(|| DefinitionError::NoOption {
                section: section.to_owned(),
                option,
            })
    };
    let user = required("user")?.to_owned();
    let addresses = required("address")?.split_whitespace();
    let addresses = addresses.map(|text| parse_address(section, text));
    let addresses = addresses.collect::<Result<_, _>>()?;
    let ipv6_range = match file.raw(section, "ipv6_range").filter(|it| !it.is_empty()) {
        None => None,
        Some(text) => Some(parse_range(section, text)?),
    };
    let interface = required("network_interface")?.to_owned();
    let name = required("pathname")?.to_owned();
    if crate::instance::check_name(&name).is_err() {
        return Err(DefinitionError::Name {
            section: section.to_owned(),
            value: name,
        });
    }
    let capabilities = file.raw(section, "capability_list").map(|list| {
        let lines = list.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(ToOwned::to_owned).collect()
    });
    Ok(PartitionDefinition {
        name,
        user,
        addresses,
        ipv6_range,
        interface,
        capabilities,
    })
}

fn parse_address(section: &str, text: &str) -> Result<Address, DefinitionError> {
    match text.split_once('/') {
        Some((address, netmask)) if !netmask.contains('/') && !address.is_empty() => Ok(Address {
            address: address.to_owned(),
            netmask: netmask.to_owned(),
        }),
        _ => Err(DefinitionError::Address {
            section: section.to_owned(),
            value: text.to_owned(),
        }),
    }
}

fn parse_range(section: &str, text: &str) -> Result<Ipv6Range, DefinitionError> {
    let Address { address, netmask } = parse_address(section, text)?;
    match netmask.parse() {
        Ok(length) if length <= 128 => Ok(Ipv6Range { address, length }),
        _ => Err(DefinitionError::Address {
            section: section.to_owned(),
            value: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[computer]\naddress = 127.0.0.1/255.255.255.255\n\n[partition_0]\naddress = 127.0.0.1/255.255.255.255 ::1/ffff::\npathname = slappart0\nuser = nobody\nnetwork_interface =\nipv6_range = 2001:db8::/65\ncapability_list =\n  a\n  b\n";

    #[test]
    fn a_definition_is_read() {
        let computer = parse_definition(TEXT, 1).unwrap();
        let partition = &computer.partitions[0];
        assert_eq!(computer.software_user, "slapsoft");
        assert_eq!(partition.addresses.len(), 2);
        assert_eq!(partition.addresses[1].netmask, "ffff::");
        let range = partition.ipv6_range.as_ref().unwrap();
        assert_eq!(
            (range.length, range.netmask()),
            (65, "ffff:ffff:ffff:ffff:8000::".to_owned())
        );
        assert_eq!(
            partition.capabilities.as_deref(),
            Some(&["a".to_owned(), "b".to_owned()][..])
        );
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (TEXT.to_owned(), 2, "No section: \"partition_1\""),
            (
                TEXT.replace("user", "usr"),
                1,
                "No option \"user\" in section: \"partition_0\"",
            ),
            (TEXT.replace("::1/ffff::", "::1"), 1, "\"::1\" in section"),
            (
                TEXT.replace("/65", "/129"),
                1,
                "\"2001:db8::/129\" in section",
            ),
            (TEXT.replace("slappart0", "../x"), 1, "pathname \"../x\""),
            (TEXT.replace("slappart0", "etc"), 1, "pathname \"etc\""),
        ];
        for (text, amount, message) in cases {
            let error = parse_definition(&text, amount).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
            assert!(!error.hint().is_empty());
        }
    }
}
