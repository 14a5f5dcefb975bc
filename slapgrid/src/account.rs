//! Users of this machine, from its files: `/etc/passwd` and `/etc/group`. Users
//! that only a directory service knows are not found.

use std::fs;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The number.
    pub user: u32,
    /// The number of the main group.
    pub group: u32,
    /// The home directory.
    pub home: String,
    /// The program that is started when the user logs in.
    pub shell: String,
}

/// The users and groups of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    accounts: Vec<Account>,
    groups: Vec<Group>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    number: u32,
    /// The names of its members.
    members: Vec<String>,
}

impl Accounts {
    /// Reads those of this machine; files that cannot be read count as empty.
    pub fn of_machine() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    /// Reads the texts of both files; lines that are none are skipped.
    pub fn parse(passwd: &str, group: &str) -> Self {
        let account = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, user, group, _, home, shell, ..] = fields.as_slice() else {
                return None;
            };
            Some(Account {
                name: (*name).to_owned(),
                user: user.parse().ok()?,
                group: group.parse().ok()?,
                home: (*home).to_owned(),
                shell: (*shell).to_owned(),
            })
        };
        let members = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, number, members, ..] = fields.as_slice() else {
                return None;
            };
            let members = members.split(',').filter(|name| !name.is_empty());
            Some(Group {
                name: (*name).to_owned(),
                number: number.parse().ok()?,
                members: members.map(ToOwned::to_owned).collect(),
            })
        };
        Accounts {
            accounts: passwd.lines().filter_map(account).collect(),
            groups: group.lines().filter_map(members).collect(),
        }
    }

    /// Finds a user by number.
    pub fn by_number(&self, user: u32) -> Option<&Account> {
        self.accounts.iter().find(|account| account.user == user)
    }

    /// Finds a user by name.
    pub fn by_name(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// Finds a group by name and returns its number.
    pub fn group_by_name(&self, name: &str) -> Option<u32> {
        let group = self.groups.iter().find(|group| group.name == name);
        group.map(|group| group.number)
    }

    /// Returns the groups of a user, `group` first (as `initgroups` does).
    pub fn groups_of(&self, name: &str, group: u32) -> Vec<u32> {
        let mut groups = vec![group];
        for group in &self.groups {
            let is_member = group.members.iter().any(|member| member == name);
            if is_member && !groups.contains(&group.number) {
                groups.push(group.number);
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_with_their_groups() {
        let accounts = Accounts::parse(
            "root:x:0:0:root:/root:/bin/sh\nbroken\nslap:x:1000:1001::/srv/slap:/bin/sh\n",
            "kvm:x:7:other,slap\nslap:x:1001:slap\n",
        );
        let slap = accounts.by_name("slap").unwrap();
        assert_eq!(accounts.by_number(1000), Some(slap));
        assert_eq!(slap.home, "/srv/slap");
        assert_eq!(accounts.groups_of("slap", 1001), [1001, 7]);
        assert_eq!(accounts.by_name("broken"), None);
    }
}
