//! `collector.db`: what was measured, for the days that are kept. slapos.core,
//! monitors and dashboards read the same file, so tables and columns are its
//! (`slapos.collect.db`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, Transaction, params};

use super::machine::{Disk, MachineReading};
use super::process::ProcessReading;
use super::temperature::Temperature;
use super::time::Stamp;

/// The tables with their columns, but for those that all have.
const TABLES: [(&str, &str); 7] = [
    (
        "user",
        "partition text, pid real, process text, cpu_percent real, cpu_time real, cpu_num_threads real, memory_percent real, memory_rss real, io_rw_counter real, io_cycles_counter real",
    ),
    ("folder", "partition text, disk_used real"),
    (
        "computer",
        "cpu_num_core real, cpu_frequency real, cpu_type text, memory_size real, memory_type text, partition_list text",
    ),
    (
        "system",
        "loadavg real, cpu_percent real, memory_used real, memory_free real, net_in_bytes real, net_in_errors real, net_in_dropped real, net_out_bytes real, net_out_errors real, net_out_dropped real",
    ),
    (
        "disk",
        "partition text, used text, free text, mountpoint text",
    ),
    (
        "temperature",
        "sensor_id name, temperature real, alarm integer",
    ),
    (
        "heating",
        "model_id name, sensor_id name, initial_temperature real, final_temperature real, delta_time real, zero_emission_ratio real",
    ),
];

/// The table whose rows are kept for ever.
const KEPT: &str = "heating";

/// How long another program that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the database `{}` cannot be used: {source}", path.display())]
pub struct DatabaseError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// The database.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens `collector.db` in a directory; its tables are made.
    pub(super) fn open(directory: &Path) -> Result<Self, DatabaseError> {
        let path = directory.join("collector.db");
        match open(&path) {
            Ok(connection) => Ok(Database { connection, path }),
            Err(source) => Err(DatabaseError { path, source }),
        }
    }

    fn failed(&self, source: rusqlite::Error) -> DatabaseError {
        DatabaseError {
            path: self.path.clone(),
            source,
        }
    }

    /// Adds rows, all or none of them.
    pub(super) fn add(
        &mut self,
        rows: impl FnOnce(&Rows<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), DatabaseError> {
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            rows(&Rows(&transaction))?;
            transaction.commit()
        };
        write(&mut self.connection).map_err(|error| DatabaseError {
            path: self.path.clone(),
            source: error,
        })
    }

    /// Returns one row, if there is one.
    pub(super) fn row<T>(
        &self,
        query: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, DatabaseError> {
        let row = self.connection.query_row(query, parameters, read);
        row.optional().map_err(|error| self.failed(error))
    }

    /// Calls `take` for each row.
    pub(super) fn rows(
        &self,
        query: &str,
        parameters: impl Params,
        mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), DatabaseError> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare(query)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        };
        read(&self.connection).map_err(|error| self.failed(error))
    }

    /// Returns the tables there are.
    pub(super) fn tables(&self) -> Result<Vec<String>, DatabaseError> {
        let mut names = Vec::new();
        let query = "SELECT name FROM sqlite_master WHERE type = 'table'";
        self.rows(query, [], |row| {
            names.push(row.get(0)?);
            Ok(())
        })?;
        Ok(names)
    }

    /// Returns the days before `today` of which nothing was dumped.
    pub(super) fn days_to_dump(&self, today: &str) -> Result<Vec<String>, DatabaseError> {
        let mut days = Vec::new();
        let query =
            "SELECT DISTINCT date FROM system WHERE reported = 0 AND date != ? ORDER BY date";
        self.rows(query, [today], |row| {
            days.push(row.get(0)?);
            Ok(())
        })?;
        Ok(days)
    }

    /// Notes that a day was dumped.
    pub(super) fn mark_dumped(&mut self, day: &str) -> Result<(), DatabaseError> {
        let tables = self.tables()?;
        self.add(|rows| {
            for table in &tables {
                let update =
                    format!("UPDATE \"{table}\" SET reported = 1 WHERE date = ? AND reported = 0");
                rows.0.execute(&update, [day])?;
            }
            Ok(())
        })
    }

    /// Removes what was dumped and is not of the days from `first` to `last`.
    pub(super) fn forget_dumped(&mut self, first: &str, last: &str) -> Result<(), DatabaseError> {
        let tables = self.tables()?;
        let mut removed = 0;
        self.add(|rows| {
            for table in tables.iter().filter(|table| *table != KEPT) {
                let delete = format!(
                    "DELETE FROM \"{table}\" WHERE reported = 1 AND (date < ? OR date > ?)"
                );
                removed += rows.0.execute(&delete, [first, last])?;
            }
            Ok(())
        })?;
        if removed == 0 {
            return Ok(());
        }
        let vacuum = self.connection.execute_batch("VACUUM");
        vacuum.map_err(|error| self.failed(error))
    }

    /// Returns when the disk usage of each partition was last measured.
    pub(super) fn folder_times(&self) -> Result<HashMap<String, String>, DatabaseError> {
        let mut times = HashMap::new();
        let query = "SELECT partition, max(date || ' ' || time) FROM folder GROUP BY partition";
        self.rows(query, [], |row| {
            times.insert(row.get(0)?, row.get(1)?);
            Ok(())
        })?;
        Ok(times)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    for (table, columns) in TABLES {
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} ({columns}, date text, time text, reported integer NULL DEFAULT 0);
             CREATE INDEX IF NOT EXISTS {table}_date_reported_index ON {table} (date, reported);"
        ))?;
    }
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS user_partition_date_time ON user (partition, date, time);",
    )?;
    Ok(connection)
}

/// Rows that are added together.
pub(super) struct Rows<'a>(&'a Transaction<'a>);

impl Rows<'_> {
    /// A process of a partition's user, with its part of a processor and of the
    /// memory in percent.
    pub(super) fn process(
        &self,
        partition: &str,
        reading: &ProcessReading,
        cpu: f64,
        memory: f64,
        stamp: &Stamp,
    ) -> rusqlite::Result<()> {
        self.0
            .execute(
                "INSERT INTO user (partition, pid, process, cpu_percent, cpu_time, cpu_num_threads, memory_percent, memory_rss, io_rw_counter, io_cycles_counter, date, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                partition,
                f64::from(reading.process),
                reading.name(),
                cpu,
                reading.cpu_time,
                reading.threads as f64,
                memory,
                reading.memory as f64,
                reading.disk_bytes as f64,
                reading.calls as f64,
                stamp.date,
                stamp.time,
            ],
            )
            .map(drop)
    }

    /// The kibibytes that a partition uses.
    pub(super) fn folder(
        &self,
        partition: &str,
        kibibytes: u64,
        stamp: &Stamp,
    ) -> rusqlite::Result<()> {
        self.0
            .execute(
                "INSERT INTO folder (partition, disk_used, date, time) VALUES (?, ?, ?, ?)",
                params![partition, kibibytes as f64, stamp.date, stamp.time],
            )
            .map(drop)
    }

    /// The machine, and what it does; `cpu` in percent.
    pub(super) fn machine(
        &self,
        machine: &MachineReading,
        cpu: f64,
        stamp: &Stamp,
    ) -> rusqlite::Result<()> {
        let disks = machine.disks.iter();
        let disks: Vec<String> = disks
            .map(|disk| format!("{}={}", disk.device, disk.total))
            .collect();
        self.0.execute(
            "INSERT INTO computer (cpu_num_core, cpu_frequency, cpu_type, memory_size, memory_type, partition_list, date, time) VALUES (?, 0, '0', ?, '0', ?, ?, ?)",
            params![
                machine.processors as f64,
                machine.memory.total as f64,
                disks.join(";"),
                stamp.date,
                stamp.time
            ],
        )?;
        let (memory, received, sent) = (machine.memory, machine.received, machine.sent);
        self.0.execute(
            "INSERT INTO system (loadavg, cpu_percent, memory_used, memory_free, net_in_bytes, net_in_errors, net_in_dropped, net_out_bytes, net_out_errors, net_out_dropped, date, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                machine.load,
                cpu,
                memory.total.saturating_sub(memory.available) as f64,
                memory.available as f64,
                received.bytes as f64,
                received.errors as f64,
                received.dropped as f64,
                sent.bytes as f64,
                sent.errors as f64,
                sent.dropped as f64,
                stamp.date,
                stamp.time
            ],
        )?;
        for disk in &machine.disks {
            self.disk(disk, stamp)?;
        }
        Ok(())
    }

    fn disk(&self, disk: &Disk, stamp: &Stamp) -> rusqlite::Result<()> {
        self.0
            .execute(
                "INSERT INTO disk (partition, used, free, mountpoint, date, time) VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    disk.device,
                    disk.used.to_string(),
                    disk.free.to_string(),
                    disk.mount_point,
                    stamp.date,
                    stamp.time
                ],
            )
            .map(drop)
    }

    pub(super) fn temperature(
        &self,
        temperature: &Temperature,
        stamp: &Stamp,
    ) -> rusqlite::Result<()> {
        self.0
            .execute(
                "INSERT INTO temperature (sensor_id, temperature, alarm, date, time) VALUES (?, ?, ?, ?, ?)",
                params![
                    temperature.sensor,
                    temperature.degrees,
                    temperature.alarm,
                    stamp.date,
                    stamp.time
                ],
            )
            .map(drop)
    }
}

/// Returns a value as Python writes it into CSV.
pub(super) fn python_text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => buildout_core::value::Value::Float(number).to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
    }
}
