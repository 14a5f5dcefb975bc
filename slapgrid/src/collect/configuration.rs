//! What `slapos.cfg` says about measuring: `[slapformat]` names the partitions
//! and their users, `[collect]` says how often their disks are measured.

use std::path::PathBuf;
use std::time::Duration;

use crate::configuration::{ConfigurationError, Options};

/// A partition that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredPartition {
    /// The name of its user, by which the database knows it.
    pub user: String,
    /// Its directory.
    pub path: PathBuf,
}

/// What is measured, and how long it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectConfiguration {
    /// `instance_root`.
    pub instance_root: PathBuf,
    /// What the master calls the computer.
    pub computer_id: String,
    /// The partitions.
    pub partitions: Vec<MeasuredPartition>,
    /// Over how long the use of processors is measured.
    pub interval: Duration,
    /// For how many days what was dumped is kept (`collect_cache`).
    pub kept_days: u32,
    /// How often the disks of a partition are measured; none if they are not,
    /// or never (`report_disk_usage`, `disk_snapshot_time_cycle`).
    pub disk_cycle: Option<Duration>,
    /// The file that says which process measures.
    pub pid_file: PathBuf,
}

/// Over how long the use of processors is measured, as slapos.core does.
const INTERVAL: Duration = Duration::from_secs(5);

impl CollectConfiguration {
    /// Reads the options.
    ///
    /// # Errors
    ///
    /// The first mistake, or what is wanted and not measured.
    pub fn read(options: &Options) -> Result<Self, ConfigurationError> {
        let format = options.with_section_below("slapformat")?;
        let [instance_root, computer_id, amount, user, partition] = format.mandatory([
            "instance_root",
            "computer_id",
            "partition_amount",
            "user_base_name",
            "partition_base_name",
        ])?;
        let amount: usize = amount
            .trim()
            .parse()
            .map_err(|_| format.invalid("partition_amount", amount, "a number of partitions"))?;
        let instance_root = format.absolute(instance_root);
        let partitions = (0..amount).map(|number| MeasuredPartition {
            user: format!("{user}{number}"),
            path: instance_root.join(format!("{partition}{number}")),
        });
        let collect = options.with_section_below("collect")?;
        let seconds = collect.number("disk_snapshot_time_cycle")?.unwrap_or(86400);
        let cycle = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        if format
            .get("heating_sensor_id")
            .is_some_and(|it| !it.is_empty())
        {
            return Err(ConfigurationError::Unsupported {
                what: "measuring how well the machine heats (heating_sensor_id)".to_owned(),
                hint: "remove `heating_sensor_id` from `[slapformat]`; temperatures are measured without",
            });
        }
        if switched(&collect, "disk_snapshot_use_quota", false)? {
            return Err(ConfigurationError::Unsupported {
                what: "taking disk usage from quotas (disk_snapshot_use_quota)".to_owned(),
                hint: "remove `disk_snapshot_use_quota` from `[collect]`: what files occupy is added up",
            });
        }
        let folder = collect.path("disk_snapshot_process_pid_foder");
        let folder = folder.unwrap_or_else(|| instance_root.join("var/run"));
        Ok(CollectConfiguration {
            partitions: partitions.collect(),
            computer_id: computer_id.to_owned(),
            interval: INTERVAL,
            kept_days: match options.number("collect_cache")? {
                None => 15,
                Some(days) => u32::try_from(days).map_err(|_| {
                    options.invalid("collect_cache", &days.to_string(), "a number of days")
                })?,
            },
            disk_cycle: switched(&collect, "report_disk_usage", true)?.then_some(cycle),
            pid_file: folder.join("slapos-collect.pid"),
            instance_root,
        })
    }
}

/// Reads a switch of `[collect]`, which has more words than others.
fn switched(options: &Options, option: &str, default: bool) -> Result<bool, ConfigurationError> {
    let Some(value) = options.get(option) else {
        return Ok(default);
    };
    match value.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(options.invalid(option, value, "`true` or `false`")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use indexmap::IndexMap;

    use super::*;
    use crate::configuration::ini::IniFile;

    #[test]
    fn what_is_not_measured_is_an_error_that_names_the_option() {
        let read = |format: &str, collect: &str| {
            let text = format!(
                "[slapos]\ninstance_root = /inst\ncomputer_id = c\n\
                 [slapformat]\npartition_amount = 1\nuser_base_name = u\n\
                 partition_base_name = p\n{format}\n[collect]\n{collect}\n"
            );
            let file = IniFile::parse(&text).expect("it is well-formed");
            let source = Path::new("slapos.cfg");
            let options = Options::of(&file, source, Path::new("/"), IndexMap::new());
            CollectConfiguration::read(&options.expect("its values are good"))
        };
        for (format, collect) in [
            ("", ""),
            ("heating_sensor_id =", "disk_snapshot_use_quota = false"),
        ] {
            assert!(read(format, collect).is_ok(), "{format:?} {collect:?}");
        }
        for (format, collect, option) in [
            ("heating_sensor_id = s", "", "heating_sensor_id"),
            (
                "",
                "disk_snapshot_use_quota = true",
                "disk_snapshot_use_quota",
            ),
        ] {
            let error = read(format, collect).expect_err("it is wanted");
            assert!(error.to_string().contains(option), "{error}");
        }
    }
}
