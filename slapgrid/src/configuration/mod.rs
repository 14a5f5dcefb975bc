//! The configuration of a node: `slapos.cfg` with the command line above it.

mod buildout_override;
mod firewall;
pub mod ini;
mod managers;
mod options;
pub mod size;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;

pub use buildout_override::BuildoutOverride;
pub use firewall::{Daemon, FirewallConfiguration};
pub use managers::Manager;
pub use options::Options;

use crate::bang::DEFAULT_BANG_QUOTA;
use crate::configuration::size::parse_size;

/// Where the node's configuration is unless somebody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/opt/slapos/slapos.cfg";

/// The variable that names the node's configuration.
pub const PATH_VARIABLE: &str = "SLAPOS_CONFIGURATION";

/// The variable that names the configuration of a user's commands.
pub const CLIENT_PATH_VARIABLE: &str = "SLAPOS_CLIENT_CONFIGURATION";

/// How long the run of a partition's profile may take unless `partition_timeout`
/// says otherwise. Upstream waits for ever, and with it all other partitions.
const DEFAULT_PARTITION_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long a promise may take unless `promise_timeout` says otherwise.
const DEFAULT_PROMISE_TIMEOUT: usize = 20;

/// What is wrong with a configuration. The texts are upstream's where it has
/// one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// There is no such file.
    #[error("Configuration file does not exist: {}", .0.display())]
    NoFile(PathBuf),
    /// The file cannot be read.
    #[error("failed to read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not in the format of `configparser`.
    #[error("Cannot parse configuration file: {}\n  {mistake}", path.display())]
    Unparsable {
        /// The file.
        path: PathBuf,
        /// The mistake.
        mistake: ini::IniError,
    },
    /// Options that must be there are not.
    #[error("Missing mandatory parameters: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// Options that must have a value have none.
    #[error("Mandatory parameters present but empty: {}", .0.join(", "))]
    Empty(Vec<&'static str>),
    /// An option has a value that means nothing.
    #[error("Invalid value for option {option}: {value:?}")]
    Invalid {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// What would be valid.
        expected: &'static str,
    },
    /// A file that an option names is not there.
    #[error("File {path:?} does not exist.")]
    NoSuchFile {
        /// The file.
        path: PathBuf,
        /// The option.
        option: String,
    },
    /// A directory that an option names is not there.
    #[error("Directory {path:?} does not exist")]
    NoSuchDirectory {
        /// The directory.
        path: PathBuf,
        /// The option.
        option: String,
    },
    /// The node must be root's.
    #[error("This slapos command must be run as root.")]
    NotRoot,
    /// Something that this program does not do.
    #[error("{what} is not supported")]
    Unsupported {
        /// What.
        what: String,
        /// What can be done instead.
        hint: &'static str,
    },
}

impl ConfigurationError {
    /// Returns advice.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ConfigurationError::NoFile(_) => format!(
                "name it with `--cfg` or ${PATH_VARIABLE}; `slapos node init DIRECTORY` makes one"
            ),
            ConfigurationError::Unreadable { .. } => return None,
            ConfigurationError::Unparsable { mistake, .. } => mistake.hint().to_owned(),
            ConfigurationError::Missing(names) | ConfigurationError::Empty(names) => {
                format!("set `{} = ...` in `[slapos]`", names.first().copied()?)
            }
            ConfigurationError::Invalid {
                option, expected, ..
            } => format!("`{option}` is {expected}"),
            ConfigurationError::NoSuchFile { option, .. }
            | ConfigurationError::NoSuchDirectory { option, .. } => {
                format!("make it, or change `{option}`")
            }
            ConfigurationError::NotRoot => {
                "a node without root has `root_check = False` in `[slapos]`".to_owned()
            }
            ConfigurationError::Unsupported { hint, .. } => (*hint).to_owned(),
        })
    }

    /// Returns upstream's exit code for it.
    pub fn exit_code(&self) -> i32 {
        match self {
            ConfigurationError::NotRoot => 5,
            _ => 1,
        }
    }
}

/// What `slapos.cfg` and the command line say about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfiguration {
    /// The file that was read.
    pub path: PathBuf,
    /// Where releases are built.
    pub software_root: PathBuf,
    /// Where partitions are.
    pub instance_root: PathBuf,
    /// The master.
    pub master_url: String,
    /// What the master calls this node.
    pub computer_id: String,
    /// The key of the node's certificate.
    pub key_file: Option<PathBuf>,
    /// The node's certificate.
    pub cert_file: Option<PathBuf>,
    /// The certificates of the masters to trust.
    pub master_ca_file: Option<PathBuf>,
    /// Where the partitions' certificates are kept.
    pub certificate_repository_path: Option<PathBuf>,
    /// Directories of shared parts, a line each.
    pub shared_part_list: String,
    /// Directories of parts that only builds use, a line each.
    pub build_time_part_list: String,
    /// The file that names a running `node software`.
    pub pidfile_software: PathBuf,
    /// The file that names a running `node instance`.
    pub pidfile_instance: PathBuf,
    /// The file that names a running `node report`.
    pub pidfile_report: PathBuf,
    /// Whether supervisord is somebody else's business.
    pub forbid_supervisord_automatic_launch: bool,
    /// After how many seconds a partition is processed again although nothing
    /// changed; never if negative, always if 0.
    pub maximum_periodicity: i64,
    /// How long a partition's profile may run; `None` for ever.
    pub partition_timeout: Option<Duration>,
    /// How long a promise may take.
    pub promise_timeout: Duration,
    /// How many promises are run at once, of all partitions.
    pub parallel_promises: usize,
    /// How many bangs an hour a partition has.
    pub bang_quota: u32,
    /// The bytes that must be free before a release is built.
    pub software_min_free_space: u64,
    /// The bytes that must be free before an instance is made.
    pub instance_min_free_space: u64,
    /// Handed to instances.
    pub instance_storage_home: String,
    /// Handed to instances.
    pub ipv4_global_network: String,
    /// At most so many seconds are slept before a run.
    pub maximal_delay: u64,
    /// Whether failures of builds are shown with all causes.
    pub buildout_debug: bool,
    /// Whether everything is processed, current or not (`develop`, `force`).
    pub force: bool,
    /// The program supervisord; none if the node is to provide it for itself.
    pub supervisord: Option<PathBuf>,
    /// How many partitions are processed at once.
    pub parallel_partitions: usize,
    /// How many releases are built at once.
    pub parallel_releases: usize,
    /// Assignments above every profile that the node runs.
    pub buildout_override: BuildoutOverride,
    /// The options of `[networkcache]` that builds get.
    pub networkcache: IndexMap<String, String>,
    /// What is done for partitions beyond their services (`manager_list`).
    pub managers: Vec<Manager>,
    /// How partitions are kept apart; none if they are not.
    pub firewall: Option<FirewallConfiguration>,
    /// What is configured and not done, to be told.
    pub not_done: Vec<String>,
}

/// The options of `[networkcache]` that builds get, as upstream hands them on.
const NETWORKCACHE_OPTIONS: [&str; 9] = [
    "signature-private-key-file",
    "upload-cache-url",
    "upload-dir-url",
    "shacache-ca-file",
    "shacache-cert-file",
    "shacache-key-file",
    "shadir-ca-file",
    "shadir-cert-file",
    "shadir-key-file",
];

/// The file options of `[networkcache]`, which must exist.
const NETWORKCACHE_FILES: [&str; 7] = [
    "signature-private-key-file",
    "shacache-ca-file",
    "shacache-cert-file",
    "shacache-key-file",
    "shadir-ca-file",
    "shadir-cert-file",
    "shadir-key-file",
];

impl NodeConfiguration {
    /// Reads the options of a node. `exists` tells what is in the file system,
    /// `is_root` whether this process may change users, `processors` how many
    /// there are.
    ///
    /// # Errors
    ///
    /// The first mistake, in upstream's order.
    pub fn read(
        options: &Options,
        exists: &dyn Fn(&Path) -> bool,
        is_root: bool,
        processors: usize,
    ) -> Result<Self, ConfigurationError> {
        let [software_root, instance_root, master_url, computer_id] = options.mandatory([
            "software_root",
            "instance_root",
            "master_url",
            "computer_id",
        ])?;
        let root_check = options.boolean("root_check", true)?;
        if root_check && !is_root {
            return Err(ConfigurationError::NotRoot);
        }
        refuse_unsupported(options)?;
        let key_file = options.file("key_file", exists)?;
        let cert_file = options.file("cert_file", exists)?;
        let repository = options.path("certificate_repository_path");
        if key_file.is_some() || cert_file.is_some() {
            options.mandatory(["key_file", "cert_file", "certificate_repository_path"])?;
        }
        if let Some(path) = repository.as_ref().filter(|path| !exists(path)) {
            return Err(ConfigurationError::NoSuchDirectory {
                path: path.clone(),
                option: "certificate_repository_path".to_owned(),
            });
        }
        for option in NETWORKCACHE_FILES {
            options.file(option, exists)?;
        }
        let size = |option: &str| match options.get(option) {
            None => Ok(1000 << 20),
            Some(text) => parse_size(text)
                .ok_or_else(|| options.invalid(option, text, "a number of bytes, such as `1000M`")),
        };
        let pidfile = |option: &str, name: &str| {
            let path = options.path(option).or_else(|| options.path("pidfile"));
            path.unwrap_or_else(|| Path::new("/opt/slapos").join(name))
        };
        let networkcache = NETWORKCACHE_OPTIONS
            .iter()
            .filter_map(|name| {
                let value = options.get(name)?;
                Some(((*name).to_owned(), value.to_owned()))
            })
            .collect();
        Ok(NodeConfiguration {
            path: options.source().to_owned(),
            software_root: options.absolute(software_root),
            instance_root: options.absolute(instance_root),
            master_url: master_url.to_owned(),
            computer_id: computer_id.to_owned(),
            key_file,
            cert_file,
            master_ca_file: options.file("master_ca_file", exists)?,
            certificate_repository_path: repository,
            shared_part_list: options.get("shared_part_list").unwrap_or("").to_owned(),
            build_time_part_list: options.get("build_time_part_list").unwrap_or("").to_owned(),
            pidfile_software: pidfile("pidfile_software", "slapgrid-sr.pid"),
            pidfile_instance: pidfile("pidfile_instance", "slapgrid-cp.pid"),
            pidfile_report: pidfile("pidfile_report", "slapgrid-ur.pid"),
            forbid_supervisord_automatic_launch: options
                .boolean("forbid_supervisord_automatic_launch", false)?,
            maximum_periodicity: options.number("maximum_periodicity")?.unwrap_or(86400),
            partition_timeout: partition_timeout(options)?,
            promise_timeout: promise_timeout(options)?,
            parallel_promises: options.count("parallel_promises", processors.max(2) * 4)?,
            bang_quota: bang_quota(options)?,
            software_min_free_space: size("software_min_free_space")?,
            instance_min_free_space: size("instance_min_free_space")?,
            instance_storage_home: options
                .get("instance_storage_home")
                .unwrap_or("")
                .to_owned(),
            ipv4_global_network: options.get("ipv4_global_network").unwrap_or("").to_owned(),
            maximal_delay: options
                .number("maximal_delay")?
                .and_then(|seconds| u64::try_from(seconds).ok())
                .unwrap_or(0),
            buildout_debug: options.boolean("buildout_debug", false)?,
            force: options.boolean("develop", false)? || options.boolean("force", false)?,
            supervisord: options.path("supervisord"),
            parallel_partitions: options.count("parallel_partitions", processors.max(2) * 2)?,
            parallel_releases: options.count("parallel_releases", processors.max(2))?,
            buildout_override: options.buildout_override().clone(),
            networkcache,
            managers: managers::managers(options)?,
            firewall: FirewallConfiguration::read(options, exists, is_root)?,
            not_done: not_done(options),
        })
    }
}

fn partition_timeout(options: &Options) -> Result<Option<Duration>, ConfigurationError> {
    let seconds = match options.number("partition_timeout")? {
        Some(seconds) => Some(seconds),
        None => options.number("partition-timeout")?,
    };
    Ok(match seconds {
        None => Some(DEFAULT_PARTITION_TIMEOUT),
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds.unsigned_abs())),
    })
}

/// Upstream reads it from the command line only.
fn promise_timeout(options: &Options) -> Result<Duration, ConfigurationError> {
    let seconds = options.count("promise_timeout", DEFAULT_PROMISE_TIMEOUT)?;
    Ok(Duration::from_secs(
        u64::try_from(seconds).unwrap_or(u64::MAX),
    ))
}

fn bang_quota(options: &Options) -> Result<u32, ConfigurationError> {
    let Some(quota) = options.number("bang_quota")? else {
        return Ok(DEFAULT_BANG_QUOTA);
    };
    u32::try_from(quota).map_err(|_| {
        options.invalid(
            "bang_quota",
            &quota.to_string(),
            "how many bangs an hour a partition has, 0 for none",
        )
    })
}

/// Refuses what would be done otherwise than is configured.
fn refuse_unsupported(options: &Options) -> Result<(), ConfigurationError> {
    if let Some(path) = options.get("buildout").filter(|path| !path.is_empty()) {
        return Err(ConfigurationError::Unsupported {
            what: format!("another buildout (buildout = {path})"),
            hint: "remove `buildout` from `[slapos]`: this program is one",
        });
    }
    Ok(())
}

/// Returns what is configured and costs only time when it is not done.
fn not_done(options: &Options) -> Vec<String> {
    let mut texts = Vec::new();
    let binary = [
        "download-binary-cache-url",
        "download-binary-dir-url",
        "upload-binary-cache-url",
        "upload-binary-dir-url",
    ];
    let set: Vec<&str> = binary
        .into_iter()
        .filter(|option| options.get(option).is_some_and(|url| !url.is_empty()))
        .collect();
    if !set.is_empty() {
        texts.push(format!(
            "The cache of built releases ({}) is not supported: releases are built here.",
            set.join(", ")
        ));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::ini::IniFile;
    use super::*;

    const MINIMAL: &str = "[slapos]\nsoftware_root = /s\ninstance_root = i\nmaster_url = http://m\ncomputer_id = c\nroot_check = False\n";

    fn read_as(
        text: &str,
        given: &[(&str, &str)],
        is_root: bool,
    ) -> Result<NodeConfiguration, ConfigurationError> {
        let file = IniFile::parse(text).unwrap();
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let options = Options::of(
            &file,
            Path::new("/etc/slapos.cfg"),
            Path::new("/cwd"),
            given,
        )?;
        NodeConfiguration::read(&options, &|path| path.starts_with("/there"), is_root, 2)
    }

    fn read(text: &str) -> Result<NodeConfiguration, ConfigurationError> {
        read_as(text, &[], false)
    }

    #[test]
    fn defaults_are_upstream_s() {
        let node = read(MINIMAL).unwrap();
        assert_eq!(node.maximum_periodicity, 86400);
        assert_eq!(node.software_min_free_space, 1000 << 20);
        assert_eq!(
            node.pidfile_instance,
            Path::new("/opt/slapos/slapgrid-cp.pid")
        );
        assert_eq!(node.instance_root, Path::new("/cwd/i"));
        assert_eq!(node.promise_timeout, Duration::from_secs(20));
        assert_eq!(node.bang_quota, 9);
        assert!(!node.forbid_supervisord_automatic_launch);
        assert!(node.not_done.is_empty());
    }

    #[test]
    fn the_command_line_wins_and_networkcache_is_above_slapos() {
        let text = format!(
            "{MINIMAL}maximum_periodicity = 5\nupload-dir-url = a\n[networkcache]\nupload-dir-url = b\ndownload-binary-cache-url = c\n"
        );
        let node = read_as(&text, &[("maximum_periodicity", "7")], false).unwrap();
        assert_eq!(node.maximum_periodicity, 7);
        assert_eq!(node.networkcache["upload-dir-url"], "b");
        assert!(node.not_done[0].contains("download-binary-cache-url"));
    }

    #[test]
    fn managers_have_sections_of_their_own() {
        let text = format!(
            "{MINIMAL}manager_list = prerm, devperm prerm\n[manager/devperm]\nallowed-disk-for-vm =\n  /dev/vdb\n  /dev/vdc\n"
        );
        let allowed = Some(vec!["/dev/vdb".to_owned(), "/dev/vdc".to_owned()]);
        assert_eq!(
            read(&text).unwrap().managers,
            [Manager::Prerm, Manager::DevicePermission { allowed }]
        );
    }

    #[test]
    fn the_firewall_has_defaults_and_daemons() {
        assert_eq!(read(MINIMAL).unwrap().firewall, None);
        let text = format!(
            "{MINIMAL}manager_list = whitelistfirewall cpuset\npower_user_list = a b\n[firewall]\n"
        );
        let node = read(&text).unwrap();
        let users = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            node.managers,
            [Manager::Whitelist, Manager::Processors { users }]
        );
        let firewall = node.firewall.unwrap();
        assert_eq!(firewall.command, "firewall-cmd");
        assert_eq!(firewall.reload_command, None);
        assert_eq!(firewall.daemons, []);
        let text = format!(
            "{MINIMAL}[firewall]\nfirewall_executable = F\ndbus_executable = D\ndbus_log_file = L\nauthorized_sources =\n  10.0.0.1\n  10.1.0.0/16\n"
        );
        let firewall = read_as(&text, &[], true).unwrap().firewall.unwrap();
        assert_eq!(firewall.authorized_sources, ["10.0.0.1", "10.1.0.0/16"]);
        let daemons = firewall.daemons.iter();
        let daemons: Vec<_> = daemons
            .map(|it| (it.name, &*it.command, &*it.log))
            .collect();
        assert_eq!(
            daemons,
            [
                ("firewall", "F", "/var/log/firewall.log"),
                ("dbus", "D", "L")
            ]
        );
        let testing = read_as(&format!("{text}testing = true\n"), &[], true).unwrap();
        assert_eq!(testing.firewall.unwrap().daemons, []);
    }

    #[test]
    fn mistakes_have_upstream_s_words_and_a_hint() {
        let without = |option: &str| {
            let lines = MINIMAL.lines().filter(|line| !line.starts_with(option));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        let cases = [
            (
                without("master_url"),
                "Missing mandatory parameters: master_url",
            ),
            (
                MINIMAL.replace("= /s", "="),
                "Mandatory parameters present but empty: software_root",
            ),
            (
                without("root_check"),
                "This slapos command must be run as root.",
            ),
            (
                format!("{MINIMAL}key_file = /there/k\n"),
                "Missing mandatory parameters: cert_file, certificate_repository_path",
            ),
            (
                format!("{MINIMAL}key_file = /not/k\n"),
                "File \"/not/k\" does not exist.",
            ),
            (
                format!("{MINIMAL}certificate_repository_path = /not\n"),
                "Directory \"/not\" does not exist",
            ),
            (
                format!("{MINIMAL}instance_min_free_space = lots\n"),
                "Invalid value for option instance_min_free_space: \"lots\"",
            ),
            (
                format!("{MINIMAL}maximum_periodicity = often\n"),
                "Invalid value for option maximum_periodicity: \"often\"",
            ),
            (
                format!("{MINIMAL}bang_quota = -1\n"),
                "Invalid value for option bang_quota: \"-1\"",
            ),
            (
                format!("{MINIMAL}[firewall]\nfirewall_executable = firewalld\n"),
                "firewall_executable of [firewall] without root is not supported",
            ),
            (
                format!("{MINIMAL}manager_list = prerm, whitelistfirewall\n"),
                "Invalid value for option manager_list: \"whitelistfirewall\"",
            ),
            (
                format!("{MINIMAL}manager_list = prerm portredirect\n"),
                "Invalid value for option manager_list: \"portredirect\"",
            ),
        ];
        for (text, message) in cases {
            let error = read(&text).expect_err(message);
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some(), "{message}");
        }
        assert_eq!(read(&without("root_check")).unwrap_err().exit_code(), 5);
        read_as(&without("root_check"), &[], true).unwrap();
    }

    #[test]
    fn assignments_above_profiles_are_known_by_name() {
        let text = format!(
            "{MINIMAL}[buildout-override]\nindex = https://i/\nurl-replace =\n  a b\n  c d\n"
        );
        let node = read(&text).unwrap();
        assert_eq!(
            node.buildout_override.assignments(),
            ["buildout:index=https://i/", "buildout:url-replace=a b\nc d"]
        );
        let unknown = read(&format!("{MINIMAL}[buildout-override]\nparts = x\n")).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "option parts of [buildout-override] is not supported"
        );
    }
}
