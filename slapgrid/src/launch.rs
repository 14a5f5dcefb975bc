//! Starting a program as another user, from a process of its own.
//!
//! The node runs this program again, which becomes the other user and then the
//! other program: a process with one thread of its own can do that without
//! anything going wrong half way, and nothing of the node is shared with what
//! it starts.

use std::io;

use rustix::fs::Mode;
use rustix::process::{
    Gid, Signal, Uid, getgid, getpid, getppid, getuid, set_child_subreaper, setsid,
};
use rustix::thread::{
    set_thread_gid, set_thread_groups, set_thread_res_gid, set_thread_res_uid, set_thread_uid,
};

/// The word for a program that leads a session.
const SESSION: &str = "session";

/// A user to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: u32,
    /// The main group.
    pub group: u32,
    /// All groups.
    pub groups: Vec<u32>,
}

/// What a launched program is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Its umask.
    pub umask: u32,
    /// The process whose end is its end.
    pub parent: u32,
    /// Its user; that of this process if none.
    pub identity: Option<Identity>,
    /// Whether it leads a session, and takes in all that it started and that
    /// lost its parent: so it can be ended with all of that.
    pub leads_session: bool,
    /// Program and arguments.
    pub words: Vec<String>,
}

/// A launch that fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchFailure {
    /// The words are not those of [`Launch::command_words`].
    #[error("launch is how this program starts others; it is not for people")]
    Words,
    /// Root is nobody to run a partition's programs as.
    #[error("Dropping privileges to uid = {user} or gid = {group} is too dangerous")]
    Root {
        /// The user.
        user: u32,
        /// The group.
        group: u32,
    },
    /// The system refuses.
    #[error("failed to {verb}: {source}")]
    System {
        /// What was tried.
        verb: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// It would be possible to become root again.
    #[error(
        "After dropping to uid = {user} and gid = {group} it was possible to go back which is fatal."
    )]
    NotDropped {
        /// The user.
        user: u32,
        /// The group.
        group: u32,
    },
    /// The node is gone already.
    #[error("the process that started this one is gone")]
    Orphan,
}

impl Identity {
    /// Refuses root.
    ///
    /// # Errors
    ///
    /// [`LaunchFailure::Root`].
    pub fn checked(self) -> Result<Self, LaunchFailure> {
        if self.user == 0 || self.group == 0 {
            return Err(LaunchFailure::Root {
                user: self.user,
                group: self.group,
            });
        }
        Ok(self)
    }
}

impl Launch {
    /// Returns the words of the command line that [`parse`](Self::parse) reads,
    /// without those of the program.
    pub fn command_words(&self) -> Vec<String> {
        let identity = match &self.identity {
            None => "-".to_owned(),
            Some(identity) => {
                let groups: Vec<String> = identity.groups.iter().map(u32::to_string).collect();
                format!("{}:{}:{}", identity.user, identity.group, groups.join(","))
            }
        };
        let mut words = vec![
            format!("{:03o}", self.umask),
            self.parent.to_string(),
            identity,
            if self.leads_session { SESSION } else { "-" }.to_owned(),
            "--".to_owned(),
        ];
        words.extend(self.words.iter().cloned());
        words
    }

    /// Reads a command line.
    ///
    /// # Errors
    ///
    /// It is not one of ours.
    pub fn parse(words: &[String]) -> Result<Self, LaunchFailure> {
        let [umask, parent, identity, session, separator, words @ ..] = words else {
            return Err(LaunchFailure::Words);
        };
        if separator != "--" || words.is_empty() {
            return Err(LaunchFailure::Words);
        }
        Ok(Launch {
            umask: u32::from_str_radix(umask, 8).map_err(|_| LaunchFailure::Words)?,
            parent: parent.parse().map_err(|_| LaunchFailure::Words)?,
            identity: match identity.as_str() {
                "-" => None,
                text => Some(
                    parse_identity(text)
                        .ok_or(LaunchFailure::Words)?
                        .checked()?,
                ),
            },
            leads_session: match session.as_str() {
                SESSION => true,
                "-" => false,
                _ => return Err(LaunchFailure::Words),
            },
            words: words.to_vec(),
        })
    }

    /// Makes this thread what the program is to be. The caller becomes the
    /// program next, from this thread.
    ///
    /// # Errors
    ///
    /// The system refuses. Nothing may be run then.
    pub fn apply(&self) -> Result<(), LaunchFailure> {
        rustix::process::umask(Mode::from_raw_mode(self.umask));
        if self.leads_session {
            setsid().map_err(system("lead a session"))?;
            set_child_subreaper(Some(getpid())).map_err(system("take in orphans"))?;
        }
        if let Some(identity) = &self.identity {
            become_user(identity)?;
        }
        // A change of the user forgets this, so it comes last.
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))
            .map_err(system("tie this process to the node"))?;
        let parent = getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
        if u32::try_from(parent).ok() != Some(self.parent) {
            return Err(LaunchFailure::Orphan);
        }
        Ok(())
    }
}

fn parse_identity(text: &str) -> Option<Identity> {
    let mut fields = text.split(':');
    let (user, group, groups) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Identity {
        user: user.parse().ok()?,
        group: group.parse().ok()?,
        groups: groups
            .split(',')
            .map(|group| group.parse().ok())
            .collect::<Option<_>>()?,
    })
}

fn system(verb: &'static str) -> impl Fn(rustix::io::Errno) -> LaunchFailure {
    move |error| LaunchFailure::System {
        verb,
        source: error.into(),
    }
}

fn become_user(identity: &Identity) -> Result<(), LaunchFailure> {
    let (old_user, old_group) = (getuid(), getgid());
    let (user, group) = (Uid::from_raw(identity.user), Gid::from_raw(identity.group));
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    set_thread_groups(&groups).map_err(system("set the groups"))?;
    set_thread_res_gid(group, group, group).map_err(system("change the group"))?;
    set_thread_res_uid(user, user, user).map_err(system("change the user"))?;
    let is_back = set_thread_uid(old_user).is_ok()
        || set_thread_gid(old_group).is_ok()
        || set_thread_groups(&[old_group]).is_ok();
    if is_back || getuid() != user || getgid() != group {
        return Err(LaunchFailure::NotDropped {
            user: identity.user,
            group: identity.group,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for identity in [
            None,
            Some(Identity {
                user: 7,
                group: 8,
                groups: vec![8, 9],
            }),
        ] {
            let launch = Launch {
                umask: 0o027,
                parent: 12,
                leads_session: identity.is_some(),
                identity,
                words: vec!["a b".to_owned(), "--".to_owned()],
            };
            assert_eq!(Launch::parse(&launch.command_words()).unwrap(), launch);
        }
    }

    #[test]
    fn root_and_nonsense_are_refused() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
            Launch::parse(&words)
        };
        let refused = parse("027 1 0:5:5 - -- sh");
        assert!(matches!(refused, Err(LaunchFailure::Root { .. })));
        for line in [
            "",
            "027 1 - - --",
            "027 1 x - -- sh",
            "9 1 - - -- sh",
            "027 1 - - sh sh",
            "027 1 - x -- sh",
        ] {
            assert!(matches!(parse(line), Err(LaunchFailure::Words)), "{line}");
        }
    }
}
