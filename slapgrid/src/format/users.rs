//! The users of partitions and releases, made by the programs of the system:
//! each has a group of its own, no password, and is in the group of releases.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::FormatError;
use super::system::System;
use crate::account::{Account, Accounts};

/// The shell of users.
const SHELL: &str = "/bin/sh";

/// The longest name of a user that the system's programs take.
const LONGEST_NAME: usize = 32;

/// Where the system keeps passwords.
const SHADOW: &str = "/etc/shadow";

/// How long is waited for another program that changes the files of users.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often that is tried.
const PAUSE: Duration = Duration::from_millis(200);

/// What the system's programs say of such a program.
const LOCKED: &str = "try again later";

/// Makes a user, or brings one that is there in line: its home, its group, its shell, and `group`
/// besides.
///
/// # Errors
///
/// It cannot be made. A user that cannot be changed, because processes of it run, is a warning.
pub(super) fn make_user(
    system: &System<'_>,
    name: &str,
    home: &Path,
    group: Option<&str>,
) -> Result<(), FormatError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match try_to_make_user(system, name, home, group) {
            Err(FormatError::Program { text, .. })
                if text.contains(LOCKED) && Instant::now() < end =>
            {
                // It may be what a killed format has started.
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

fn try_to_make_user(
    system: &System<'_>,
    name: &str,
    home: &Path,
    group: Option<&str>,
) -> Result<(), FormatError> {
    check_name(name)?;
    let accounts = Accounts::of_machine();
    if accounts.group_by_name(name).is_none() {
        system.run("groupadd", &[name])?;
    }
    let home = home.to_string_lossy();
    let mut words = vec!["-d", &home, "-g", name, "-s", SHELL];
    match accounts.by_name(name) {
        None => {
            words.push("-r");
            if let Some(group) = group {
                words.extend(["-G", group]);
            }
            words.push(name);
            system.run("useradd", &words)?;
        }
        Some(account) if !is_as_wanted(&accounts, account, &home, group) => {
            if let Some(group) = group {
                words.extend(["-aG", group]);
            }
            words.push(name);
            match system.run("usermod", &words) {
                Err(FormatError::Program { command, text }) if !text.contains(LOCKED) => {
                    let log = system.log;
                    log.warning(format!("`{command}` failed: {text}"));
                }
                result => result?,
            }
        }
        Some(_) => {}
    }
    let shadow = fs::read_to_string(SHADOW).unwrap_or_default();
    if !is_locked(&shadow, name) {
        system.run("passwd", &["-l", name])?;
    }
    Ok(())
}

/// Finds a user that was made.
pub(super) fn find_user(name: &str) -> Result<Account, FormatError> {
    let accounts = Accounts::of_machine();
    let account = accounts.by_name(name).cloned();
    account.ok_or_else(|| FormatError::NoUser(name.to_owned()))
}

fn is_as_wanted(accounts: &Accounts, account: &Account, home: &str, group: Option<&str>) -> bool {
    let groups = accounts.groups_of(&account.name, account.group);
    let has_group = |name: &str| {
        let number = accounts.group_by_name(name);
        number.is_some_and(|number| groups.contains(&number))
    };
    account.home == home
        && account.shell == SHELL
        && accounts.group_by_name(&account.name) == Some(account.group)
        && group.is_none_or(has_group)
}

/// Tells whether nobody can be a user by a password, from the file of passwords.
fn is_locked(shadow: &str, name: &str) -> bool {
    shadow.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(name) && fields.next().is_some_and(|it| it.starts_with('!'))
    })
}

/// Checks that a name is one that the system's programs take, and nothing
/// else: names come from a file.
fn check_name(name: &str) -> Result<(), FormatError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if begins_well && name.len() <= LONGEST_NAME && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(FormatError::UserName(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_more_are_refused() {
        for name in ["slapuser0", "_x-y", "Slap_1"] {
            check_name(name).unwrap();
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        for name in ["", "-r", "a b", "a:b", "1a", "é", &long] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn users_that_are_as_wanted_are_left_alone() {
        let accounts = Accounts::parse(
            "slapuser0:x:999:998::/inst/slappart0:/bin/sh\n",
            "slapsoft:x:997:slapuser0\nslapuser0:x:998:\nother:x:5:\n",
        );
        let account = accounts.by_name("slapuser0").unwrap();
        let is = |home: &str, group| is_as_wanted(&accounts, account, home, group);
        assert!(is("/inst/slappart0", Some("slapsoft")));
        assert!(is("/inst/slappart0", None));
        assert!(!is("/inst/slappart1", Some("slapsoft")));
        assert!(!is("/inst/slappart0", Some("other")));
        assert!(is_locked("a:*:1\nslapuser0:!:1:\n", "slapuser0"));
        for shadow in [
            "slapuser0::1:\n",
            "slapuser0:$6$x:1:\n",
            "slapuser00:!:1:\n",
            "",
        ] {
            assert!(!is_locked(shadow, "slapuser0"), "{shadow}");
        }
    }
}
