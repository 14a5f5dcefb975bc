//! The definition file: which partitions a computer has, with their addresses.

use super::address::{Address, Ipv6Range, NoAddress};
use super::computer::{Computer, KnownComputer, Link, Partition};
use crate::configuration::ini::{IniError, IniFile};

/// The user who owns the releases unless somebody else is named.
pub(super) const DEFAULT_SOFTWARE_USER: &str = "slapsoft";

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
    #[error("section {section:?}: {source}")]
    Address {
        /// The section.
        section: String,
        /// The value.
        source: NoAddress,
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
pub fn parse_definition(text: &str, amount: usize) -> Result<KnownComputer, DefinitionError> {
    let file = IniFile::parse(text)?;
    let address = file.raw("computer", "address");
    let address = address.map(str::parse).transpose();
    let mut partitions: Vec<Partition> = Vec::new();
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
    Ok(KnownComputer {
        address: address.map_err(in_section("computer"))?,
        software_user: file.raw("computer", "software_user").map(ToOwned::to_owned),
        partitions,
    })
}

fn in_section(section: &str) -> impl Fn(NoAddress) -> DefinitionError {
    move |source| DefinitionError::Address {
        section: section.to_owned(),
        source,
    }
}

fn parse_partition(file: &IniFile, section: &str) -> Result<Partition, DefinitionError> {
    let required = |option: &'static str| {
        file.raw(section, option)
            .ok_or_else(|| DefinitionError::NoOption {
                section: section.to_owned(),
                option,
            })
    };
    let user = required("user")?.to_owned();
    let addresses = required("address")?.split_whitespace().map(str::parse);
    let addresses: Result<Vec<Address>, _> = addresses.collect();
    let range = file.raw(section, "ipv6_range").filter(|it| !it.is_empty());
    let range = range.map(Ipv6Range::parse).transpose();
    let interface = required("network_interface")?;
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
    Ok(Partition {
        name,
        user,
        addresses: addresses.map_err(in_section(section))?,
        ipv6_range: range.map_err(in_section(section))?,
        tap: Link::named(interface),
        capabilities,
        ..Partition::default()
    })
}

/// Returns the text of a definition file of a computer
/// (`write_computer_definition`).
pub fn definition_text(computer: &Computer) -> String {
    let written = |it: &Address| format!("{}/{}", it.ip, it.netmask());
    let mut text = String::from("[computer]\n");
    if let Some(address) = &computer.address {
        text.push_str(&format!("address = {}\n", written(address)));
    }
    if computer.software_user != DEFAULT_SOFTWARE_USER {
        text.push_str(&format!("software_user = {}\n", computer.software_user));
    }
    for (number, partition) in computer.partitions.iter().enumerate() {
        let addresses: Vec<String> = partition.addresses.iter().map(written).collect();
        text.push_str(&format!(
            "\n[partition_{number}]\naddress = {}\n",
            addresses.join(" ")
        ));
        if let Some(range) = partition.ipv6_range {
            text.push_str(&format!("ipv6_range = {range}\n"));
        }
        text.push_str(&format!(
            "user = {}\nnetwork_interface = {}\npathname = {}\n",
            partition.user, partition.tap.name, partition.name
        ));
    }
    // As Python ends each section.
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[computer]\naddress = 127.0.0.1/255.255.255.255\n\n[partition_0]\naddress = 127.0.0.1/255.255.255.255 ::1/ffff::\npathname = slappart0\nuser = nobody\nnetwork_interface =\nipv6_range = 2001:db8::/65\ncapability_list =\n  a\n  b\n";

    #[test]
    fn a_definition_is_read() {
        let computer = parse_definition(TEXT, 1).unwrap();
        let partition = &computer.partitions[0];
        assert_eq!(computer.software_user, None);
        assert_eq!(partition.addresses.len(), 2);
        assert_eq!(partition.addresses[1].to_string(), "::1/16");
        let range = partition.ipv6_range.unwrap();
        assert_eq!(range.netmask().to_string(), "ffff:ffff:ffff:ffff:8000::");
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
            (
                TEXT.replace("::1/ffff::", "::1"),
                1,
                "section \"partition_0\": \"::1\" is no",
            ),
            (
                TEXT.replace("/65", "/129"),
                1,
                "section \"partition_0\": \"2001:db8::/129\"",
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
