//! The texts of supervisord's files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::layout::Layout;
use crate::bang::DEFAULT_BANG_QUOTA;
use crate::configuration::Daemon;

/// The end of the names of processes that the watchdog watches.
pub const WATCHED: &str = "-on-watch";

/// How many events supervisord keeps while the watchdog cannot tell the master.
/// It forgets more than ten unless it is told otherwise, and services of many
/// partitions may end at once.
const WAITING_EVENTS: u32 = 10_000;

/// How long a service may take to end when it is asked to.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Returns `supervisord.conf`, with this command for the watchdog.
pub fn main_text(layout: &Layout, watchdog: &str) -> String {
    let groups = layout.groups();
    let groups = groups.display();
    let socket = layout.socket();
    let socket = socket.display();
    let log = layout.log();
    let log = log.display();
    let pid = layout.pid_file();
    let pid = pid.display();
    format!(
        "[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = {groups}/*.conf

[supervisorctl]
serverurl = unix://{socket}

[supervisord]
loglevel = info
logfile = {log}
logfile_maxbytes = 50MB
nodaemon = false
pidfile = {pid}
logfile-backups = 10
# Do not set minfds. select() does not support file descriptors
# greater than 1023.
# minfds = \n
[unix_http_server]
file={socket}
chmod=0700

[eventlistener:watchdog]
command={watchdog}
events=PROCESS_STATE_EXITED, PROCESS_STATE_FATAL
buffer_size={WAITING_EVENTS}
"
    )
}

/// The watchdog's option for a quota of bangs that is not the default.
pub const BANG_QUOTA_OPTION: &str = "--bang-quota";

/// Returns the command line of the watchdog for supervisord.
pub fn watchdog_command(
    program: &str,
    master_url: &str,
    certificates: Option<&Path>,
    computer: &str,
    instance_root: &Path,
    bang_quota: u32,
) -> String {
    let mut command = format!("{program} --master-url '{master_url}' ");
    if let Some(certificates) = certificates {
        let _ = write!(
            command,
            " --certificate-repository-path '{}'",
            certificates.display()
        );
    }
    let root = instance_root.display();
    let _ = write!(
        command,
        " --computer-id '{computer}' --instance-root '{root}'"
    );
    if bang_quota != DEFAULT_BANG_QUOTA {
        let _ = write!(command, " {BANG_QUOTA_OPTION} {bang_quota}");
    }
    command
}

/// A program of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The name in the configuration, without the group's.
    pub identity: String,
    /// The name of its process.
    pub name: String,
    /// What is run.
    pub command: String,
    /// Whether it is run as root, and not as the group's owner.
    pub as_root: bool,
}

/// Who runs the programs of a group, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOwner {
    /// The partition's directory.
    pub directory: String,
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
    /// The user's name.
    pub user_name: String,
    /// The user's home directory.
    pub home: String,
    /// That of root, for programs that it runs.
    pub root_home: String,
}

/// Returns the programs of a partition, from the names in `etc/run` and in
/// `etc/service`, which are watched. A name in both is the service's.
pub fn programs(directory: &str, runners: &[String], services: &[String]) -> Vec<Program> {
    let mut programs: Vec<Program> = runners
        .iter()
        .map(|name| Program {
            identity: name.clone(),
            name: name.clone(),
            command: format!("{directory}/etc/run/{name}"),
            as_root: false,
        })
        .collect();
    for name in services {
        let program = Program {
            identity: name.clone(),
            name: format!("{name}{WATCHED}"),
            command: format!("{directory}/etc/service/{name}"),
            as_root: false,
        };
        match programs.iter_mut().find(|known| known.identity == *name) {
            Some(known) => *known = program,
            None => programs.push(program),
        }
    }
    programs
}

/// Returns the file of a group.
pub fn group_text(group: &str, programs: &[Program], owner: &GroupOwner) -> String {
    let list: Vec<String> = programs
        .iter()
        .map(|program| format!("{group}_{}", program.identity))
        .collect();
    let mut text = format!("[group:{group}]\nprograms={}\n", list.join(","));
    let directory = &owner.directory;
    for program in programs {
        let identity = format!("{group}_{}", program.identity);
        let Program {
            name,
            command,
            as_root,
            ..
        } = program;
        let (user, user_group, user_name, home) = if *as_root {
            (0, 0, "root", &*owner.root_home)
        } else {
            (owner.user, owner.group, &*owner.user_name, &*owner.home)
        };
        let _ = write!(
            text,
            "
[program:{identity}]
directory={directory}
command={command}
process_name={name}
autostart=false
autorestart=false
startsecs=0
startretries=0
exitcodes=0
stopsignal=TERM
stopwaitsecs={stop}
stopasgroup=true
killasgroup=true
user={user}
group={user_group}
serverurl=AUTO
redirect_stderr=true
stdout_logfile={directory}/.{identity}.log
stdout_logfile_maxbytes=100KB
stdout_logfile_backups=1
stderr_logfile={directory}/.{identity}.log
stderr_logfile_maxbytes=100KB
stderr_logfile_backups=1
environment=USER=\"{user_name}\",LOGNAME=\"{user_name}\",HOME=\"{home}\"
",
            stop = STOP_LIMIT.as_secs(),
        );
    }
    text
}

/// Returns the file of a program of the whole node.
pub fn daemon_text(daemon: &Daemon) -> String {
    let Daemon {
        name,
        priority,
        command,
        directory,
        log,
    } = daemon;
    format!(
        "[program:{name}]
directory={directory}
command={command}
process_name={name}
priority={priority}
autostart=true
autorestart=true
startsecs=0
startretries=0
exitcodes=0
stopsignal=TERM
stopwaitsecs={stop}
user=0
group=0
serverurl=AUTO
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=100KB
stdout_logfile_backups=1
stderr_logfile={log}
stderr_logfile_maxbytes=100KB
stderr_logfile_backups=1
",
        directory = directory.display(),
        stop = STOP_LIMIT.as_secs(),
    )
}

/// A name that cannot be written into a file of supervisord: it would end a
/// line or begin an expression. A partition's user chooses the names of its
/// services, and must not write options for root's supervisord.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name {0:?} cannot be that of a service")]
pub struct UnusableName(pub String);

/// Checks the names of services.
///
/// # Errors
///
/// The first unusable one.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), UnusableName> {
    for name in names {
        let forbidden = |character: char| {
            character.is_control() || matches!(character, ',' | '%' | ';' | '[' | ']' | ' ')
        };
        if name.contains(forbidden) {
            return Err(UnusableName(name.clone()));
        }
    }
    Ok(())
}

/// Tells whether the file `name` belongs to a partition: its group, or one of
/// its further groups.
pub fn is_file_of(name: &str, partition: &str) -> bool {
    let Some(rest) = name.strip_prefix(partition) else {
        return false;
    };
    rest.starts_with('-') || (rest.starts_with('.') && !rest[1..].contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> GroupOwner {
        GroupOwner {
            directory: "INSTANCE_ROOT/slappart0".to_owned(),
            user: 65534,
            group: 65534,
            user_name: "nobody".to_owned(),
            home: "/nonexistent".to_owned(),
            root_home: "/".to_owned(),
        }
    }

    #[test]
    fn a_group_is_written_as_recorded() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let owner = owner();
        let programs = programs(&owner.directory, &names(&["once"]), &names(&["web"]));
        let text = group_text("slappart0", &programs, &owner);
        assert!(text.starts_with(
            "[group:slappart0]\nprograms=slappart0_once,slappart0_web\n\n[program:slappart0_once]\ndirectory=INSTANCE_ROOT/slappart0\ncommand=INSTANCE_ROOT/slappart0/etc/run/once\nprocess_name=once\nautostart=false\n"
        ));
        assert!(text.ends_with(
            "\n\n[program:slappart0_web]
directory=INSTANCE_ROOT/slappart0
command=INSTANCE_ROOT/slappart0/etc/service/web
process_name=web-on-watch
autostart=false
autorestart=false
startsecs=0
startretries=0
exitcodes=0
stopsignal=TERM
stopwaitsecs=60
stopasgroup=true
killasgroup=true
user=65534
group=65534
serverurl=AUTO
redirect_stderr=true
stdout_logfile=INSTANCE_ROOT/slappart0/.slappart0_web.log
stdout_logfile_maxbytes=100KB
stdout_logfile_backups=1
stderr_logfile=INSTANCE_ROOT/slappart0/.slappart0_web.log
stderr_logfile_maxbytes=100KB
stderr_logfile_backups=1
environment=USER=\"nobody\",LOGNAME=\"nobody\",HOME=\"/nonexistent\"
"
        ));
    }

    #[test]
    fn files_of_a_partition_are_told_from_those_of_others() {
        for (name, expected) in [
            ("slappart1.conf", true),
            ("slappart1-prerm.conf", true),
            ("slappart10.conf", false),
            ("slappart1.b.conf", false),
            ("slappart", false),
        ] {
            assert_eq!(is_file_of(name, "slappart1"), expected, "{name}");
        }
    }

    #[test]
    fn no_name_can_add_a_line() {
        for name in ["a\nuser=0", "a,b", "%(x)s", "a ; b"] {
            assert!(check_names([&name.to_owned()]).is_err(), "{name:?}");
        }
        assert_eq!(check_names([&"web-1_ü.sh".to_owned()]), Ok(()));
    }

    #[test]
    fn the_watchdog_is_told_of_certificates_if_there_are_any() {
        let root = Path::new("/i");
        assert_eq!(
            watchdog_command("W", "http://m", None, "c", root, 9),
            "W --master-url 'http://m'  --computer-id 'c' --instance-root '/i'"
        );
        assert_eq!(
            watchdog_command("W", "http://m", Some(Path::new("/r")), "c", root, 3),
            "W --master-url 'http://m'  --certificate-repository-path '/r' --computer-id 'c' --instance-root '/i' --bang-quota 3"
        );
    }
}
