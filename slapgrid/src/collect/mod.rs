//! `slapos node collect`: what the machine and its partitions use, measured
//! once, and told in files (`slapos.collect` of slapos.core).
//!
//! It is run every minute. All of it goes into a database; from there come
//! curves of the day, archives of earlier days, documents for
//! `slapos node report`, and what each partition's monitor shows.

mod configuration;
mod consumption;
mod database;
mod disk_usage;
mod dump;
mod machine;
mod monitor;
mod process;
mod temperature;
mod time;

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use buildout_core::exec::cancel::CancellationToken;

pub use configuration::{CollectConfiguration, MeasuredPartition};
pub use database::DatabaseError;

use crate::account::Accounts;
use crate::child::error_chain;
use crate::files::{FileError, create_directory, failed_to, replace_file};
use crate::log::Logger;
use database::Database;
use machine::MachineReading;
use process::{Units, processes_of};
use time::{Minute, Stamp, day_before};

/// A failure to measure, or to tell of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// The mode of directories that others read.
const MODE: u32 = 0o755;

/// For how many days back documents of consumption are made.
const REPORTED_DAYS: u32 = 2;

/// Partitions that use less are not worth a row, in kibibytes.
const LEAST_DISK_USAGE: u64 = 1024;

/// Measures once (`do_collect`).
///
/// # Errors
///
/// Something cannot be measured, written or read. What fails of one partition
/// is told, and the others go on.
pub fn collect(
    configuration: &CollectConfiguration,
    accounts: &Accounts,
    log: &Logger,
    cancellation: &CancellationToken,
) -> Result<(), CollectError> {
    log.info("Collecting data...");
    let var = configuration.instance_root.join("var");
    let (data_log, consumption) = (var.join("data-log"), var.join("consumption-report"));
    let reports = var.join("xml_report").join(&configuration.computer_id);
    for directory in [
        &var,
        &data_log,
        &consumption,
        &var.join("xml_report"),
        &reports,
    ] {
        create_directory(directory, MODE)?;
    }
    let now = SystemTime::now();
    let stamp = Stamp::of(now);
    let mut database = Database::open(&data_log)?;
    let units = Units::of_machine(MachineReading::boot_time()?);
    measure(
        &mut database,
        configuration,
        accounts,
        units,
        &stamp,
        log,
        cancellation,
    )?;
    measure_disks(&mut database, configuration, &stamp, log, cancellation)?;
    log.info("Writing csv, XML and JSON files...");
    dump::dump_system(&database, &stamp.date, &data_log)?;
    dump::dump_days(&mut database, &stamp.date, &data_log)?;
    let users: Vec<&str> = configuration
        .partitions
        .iter()
        .map(|partition| partition.user.as_str())
        .collect();
    for days in 1..=REPORTED_DAYS {
        let day = day_before(now, days);
        let name = format!("{day}.xml");
        let made = consumption.join(&name);
        if made.exists() || consumption.join(format!("{name}.uploaded")).exists() {
            continue;
        }
        let text =
            consumption::consumption_of_day(&database, &configuration.computer_id, &users, &day)?;
        // What is to be sent first: the other one says that it was made.
        for path in [&reports.join(&name), &made] {
            replace_file(path, text.as_bytes(), 0o644, None)?;
        }
    }
    let minute = Minute::before(SystemTime::now());
    for partition in &configuration.partitions {
        let (user, path) = (&partition.user, &partition.path);
        if let Err(error) = monitor::write_monitor(&database, user, path, &minute, units, accounts)
        {
            log.warning(error_chain(&error));
        }
    }
    let first = day_before(now, configuration.kept_days.saturating_sub(1));
    database.forget_dumped(&first, &stamp.date)?;
    log.info("Finished collecting.");
    log.info("=".repeat(80));
    Ok(())
}

/// Measures the machine and the processes of the partitions' users, and keeps
/// that.
fn measure(
    database: &mut Database,
    configuration: &CollectConfiguration,
    accounts: &Accounts,
    units: Units,
    stamp: &Stamp,
    log: &Logger,
    cancellation: &CancellationToken,
) -> Result<(), CollectError> {
    let users: HashMap<u32, &str> = configuration
        .partitions
        .iter()
        .filter_map(|partition| {
            let account = accounts.by_name(&partition.user)?;
            Some((account.user, partition.user.as_str()))
        })
        .collect();
    let is_measured = |user| users.contains_key(&user);
    let before = MachineReading::take()?;
    let processes_before = processes_of(is_measured, units);
    wait(configuration.interval, cancellation)?;
    let machine = MachineReading::take()?;
    let processes = processes_of(is_measured, units);
    let temperatures = temperature::temperatures().unwrap_or_else(|error| {
        log.warning(error_chain(&failed_to("run", Path::new("sensors"))(error)));
        Vec::new()
    });
    database.add(|rows| {
        rows.machine(&machine, machine.time.used_since(before.time), stamp)?;
        for temperature in &temperatures {
            rows.temperature(temperature, stamp)?;
        }
        for process in processes.values() {
            let Some(user) = users.get(&process.user) else {
                continue;
            };
            let earlier = processes_before.get(&process.process);
            let cpu = earlier.map_or(0.0, |earlier| process.used_since(earlier));
            let memory = process.memory as f64 / machine.memory.total.max(1) as f64 * 100.0;
            rows.process(user, process, cpu, memory, stamp)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Measures the disks of the partitions whose turn it is; each takes its time,
/// and is kept by itself.
fn measure_disks(
    database: &mut Database,
    configuration: &CollectConfiguration,
    stamp: &Stamp,
    log: &Logger,
    cancellation: &CancellationToken,
) -> Result<(), CollectError> {
    let Some(cycle) = configuration.disk_cycle else {
        return Ok(());
    };
    let latest = match cycle.is_zero() {
        true => HashMap::new(),
        false => database.folder_times()?,
    };
    let due = Stamp::of(
        SystemTime::now()
            .checked_sub(cycle)
            .unwrap_or(SystemTime::UNIX_EPOCH),
    );
    let due = due.text();
    for partition in &configuration.partitions {
        let user = &partition.user;
        if latest.get(user).is_some_and(|latest| *latest > due) {
            log.debug(format!(
                "The disks of {user} were measured a short time ago"
            ));
            continue;
        }
        let is_cancelled = || cancellation.is_cancelled();
        let kibibytes = disk_usage::kibibytes_of_partition(&partition.path, &is_cancelled);
        let kibibytes = kibibytes.ok_or(CollectError::Cancelled)?;
        if kibibytes > LEAST_DISK_USAGE {
            database.add(|rows| rows.folder(user, kibibytes, stamp))?;
        }
    }
    Ok(())
}

fn wait(interval: Duration, cancellation: &CancellationToken) -> Result<(), CollectError> {
    let (wake, waker) = mpsc::channel::<()>();
    let _registration = cancellation.on_cancel(move || drop(wake));
    match waker.recv_timeout(interval) {
        Err(mpsc::RecvTimeoutError::Timeout) => Ok(()),
        _ => Err(CollectError::Cancelled),
    }
}
