//! What a partition's own monitor shows of it: files in `.slapgrid/monitor`.
//!
//! The partition's user owns the directory, and may put links anywhere in it:
//! none is followed.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use buildout_core::value::Value;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fstat, mkdirat, open, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use serde_json::{Map, json};

use super::CollectError;
use super::database::Database;
use super::machine::rounded;
use super::process::{ProcessName, Units};
use super::time::Minute;
use crate::account::Accounts;
use crate::clock::log_time;
use crate::files::failed_to;

/// A number as Python rounds it to two digits: nothing stays the integer 0.
fn shown(number: Option<f64>) -> serde_json::Value {
    match number {
        None | Some(0.0) => json!(0),
        Some(number) => json!(rounded(number, 2)),
    }
}

/// The same of something that was divided: nothing is `0.0`.
fn divided(number: Option<f64>, divisor: f64) -> serde_json::Value {
    json!(rounded(number.unwrap_or(0.0) / divisor, 2))
}

/// A line of a file that grows, and the member that tells whether there is
/// anything to tell.
struct Series {
    file: &'static str,
    heading: &'static str,
    members: Vec<(&'static str, serde_json::Value)>,
    telling: usize,
}

/// Writes the files of a partition, if it has something installed.
pub(super) fn write_monitor(
    database: &Database,
    partition: &str,
    path: &Path,
    minute: &Minute,
    units: Units,
    accounts: &Accounts,
) -> Result<(), CollectError> {
    let directory = match open_monitor(path) {
        Ok(Some(directory)) => directory,
        Ok(None) => return Ok(()),
        Err(error) => return Err(failed_to("open", &path.join(".slapgrid/monitor"))(error).into()),
    };
    let failed = |error| failed_to("write", &path.join(".slapgrid/monitor"))(error);
    let mut status = Map::new();
    for series in series_of(database, partition, minute)? {
        begin(&directory, series.file, series.heading).map_err(failed)?;
        if series.members[series.telling].1.as_f64() == Some(0.0) {
            continue;
        }
        let mut entry = format!("{} {}", minute.date, minute.begin);
        for (_, value) in &series.members {
            entry.push_str(&format!(", {}", python_number(value)));
        }
        append(&directory, series.file, series.heading, &entry).map_err(failed)?;
        for (name, value) in series.members {
            status.insert(name.to_owned(), value);
        }
        status.insert(
            "date".to_owned(),
            json!(format!("{} {}", minute.date, minute.begin)),
        );
    }
    let status = serde_json::Value::Object(status).to_string();
    replace(&directory, "monitor_resource.status.json", &status).map_err(failed)?;
    let processes = processes_of(database, partition, minute, units, accounts)?;
    if !processes.is_empty() {
        let processes = serde_json::Value::Array(processes).to_string();
        replace(
            &directory,
            "monitor_process_resource.status.json",
            &processes,
        )
        .map_err(failed)?;
    }
    Ok(())
}

fn python_number(value: &serde_json::Value) -> String {
    match value.as_i64() {
        Some(number) => number.to_string(),
        None => Value::Float(value.as_f64().unwrap_or(0.0)).to_string(),
    }
}

/// Asks what a partition used in a minute
/// (`getPartitionConsumptionStatusList`).
fn series_of(
    database: &Database,
    partition: &str,
    minute: &Minute,
) -> Result<[Series; 3], CollectError> {
    let parameters = [&*minute.date, partition, &*minute.begin, &*minute.end];
    let query = "SELECT count(pid), SUM(cpu_percent), SUM(cpu_time), SUM(cpu_num_threads), SUM(memory_percent), SUM(memory_rss), SUM(io_rw_counter), SUM(io_cycles_counter) FROM user WHERE date = ? AND partition = ? AND time BETWEEN ? AND ?";
    let (count, sums) = database
        .row(query, parameters, |row| {
            let mut sums = [None; 7];
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum = row.get::<_, Option<f64>>(place + 1)?;
            }
            Ok((row.get::<_, i64>(0)?, sums))
        })?
        .unwrap_or_default();
    let query = "SELECT SUM(disk_used) FROM folder WHERE date = ? AND partition = ? AND time BETWEEN ? AND ?";
    let disk = database.row(query, parameters, |row| row.get::<_, Option<f64>>(0))?;
    let disk = disk.flatten();
    let [cpu, time, threads, memory_percent, memory, io, calls] = sums;
    Ok([
        Series {
            file: "monitor_resource_process.data.json",
            heading: "date, total process, CPU percent, CPU time, CPU threads",
            members: vec![
                ("total_process", json!(count)),
                ("cpu_percent", shown(cpu)),
                ("cpu_time", divided(time, 60.0)),
                ("cpu_num_threads", shown(threads)),
            ],
            telling: 0,
        },
        Series {
            file: "monitor_resource_memory.data.json",
            heading: "date, memory used percent, memory used",
            members: vec![
                ("memory_percent", shown(memory_percent)),
                ("memory_rss", divided(memory, 1024.0 * 1024.0)),
            ],
            telling: 1,
        },
        Series {
            file: "monitor_resource_io.data.json",
            heading: "date, io rw counter, io cycles counter, disk used",
            members: vec![
                ("io_rw_counter", shown(io)),
                ("io_cycles_counter", shown(calls)),
                (
                    "disk_used",
                    disk.map_or(json!(0), |disk| divided(Some(disk), 1024.0)),
                ),
            ],
            telling: 0,
        },
    ])
}

/// Asks what each process used (`getPartitionProcessConsumptionList`).
fn processes_of(
    database: &Database,
    partition: &str,
    minute: &Minute,
    units: Units,
    accounts: &Accounts,
) -> Result<Vec<serde_json::Value>, CollectError> {
    let query = "SELECT count(pid), SUM(cpu_percent) AS cpu, SUM(cpu_time), MAX(cpu_num_threads), SUM(memory_percent), SUM(memory_rss), pid, SUM(io_rw_counter), SUM(io_cycles_counter) FROM user WHERE date = ? AND partition = ? AND time BETWEEN ? AND ? GROUP BY pid ORDER BY cpu DESC";
    let mut processes = Vec::new();
    let parameters = [&*minute.date, partition, &*minute.begin, &*minute.end];
    database.rows(query, parameters, |row| {
        let count: f64 = row.get(0)?;
        let sum = |place| row.get::<_, Option<f64>>(place);
        if count == 0.0 {
            return Ok(());
        }
        let process: f64 = row.get(6)?;
        let mut resource = json!({
            "pid": process,
            "cpu_percent": divided(sum(1)?, count),
            "cpu_time": divided(sum(2)?, 60.0),
            "cpu_num_threads": divided(sum(3)?, count),
            "memory_percent": divided(sum(4)?, count),
            "memory_rss": divided(sum(5)?, 1024.0 * 1024.0),
            "io_rw_counter": divided(sum(7)?, count),
            "io_cycles_counter": divided(sum(8)?, count),
        });
        if let Some(name) = ProcessName::of(process as u32, units) {
            let user = accounts.by_number(name.user);
            let user = user.map_or_else(|| name.user.to_string(), |user| user.name.clone());
            let since = std::time::Duration::from_secs_f64(name.since.max(0.0));
            resource["name"] = json!(name.name);
            resource["command"] = json!(name.command);
            resource["user"] = json!(user);
            resource["date"] = json!(log_time(UNIX_EPOCH + since));
        }
        processes.push(resource);
        Ok(())
    })?;
    Ok(processes)
}

/// Opens `.slapgrid/monitor` of a partition, which is made; none if there is no
/// `.slapgrid`.
fn open_monitor(partition: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = open(partition, flags, Mode::empty())
        .and_then(|place| openat(&place, ".slapgrid", flags, Mode::empty()));
    let place = match opened {
        Ok(place) => place,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match mkdirat(&place, "monitor", Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Some(openat(&place, "monitor", flags, Mode::empty())?))
}

/// The mode of the files.
const MODE: u32 = 0o644;

fn replace(directory: &OwnedFd, name: &str, text: &str) -> io::Result<()> {
    let temporary = format!(".{name}.tmp");
    let _ = unlinkat(directory, &*temporary, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(directory, &*temporary, flags, Mode::from_raw_mode(MODE))?;
    std::fs::File::from(file).write_all(text.as_bytes())?;
    Ok(renameat(directory, &*temporary, directory, name)?)
}

/// What a growing file ends with.
const END: &[u8] = b"]}";

/// Begins a growing file, unless there is one that can grow.
fn begin(directory: &OwnedFd, name: &str, heading: &str) -> io::Result<()> {
    if open_growing(directory, name)?.is_some() {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = Value::Float(now.unwrap_or_default().as_secs_f64());
    let text = format!("{{\"date\": {now}, \"data\": [\"{heading}\"]}}");
    replace(directory, name, &text)
}

/// Adds an entry at the end, in one write: a file of years is not read for it.
fn append(directory: &OwnedFd, name: &str, heading: &str, entry: &str) -> io::Result<()> {
    let mut file = match open_growing(directory, name)? {
        Some(file) => file,
        None => {
            begin(directory, name, heading)?;
            match open_growing(directory, name)? {
                Some(file) => file,
                // Somebody takes it away as fast as it is made.
                None => return Ok(()),
            }
        }
    };
    file.seek(SeekFrom::End(-2))?;
    file.write_all(format!(",\"{entry}\"]}}").as_bytes())
}

/// Opens a file that entries can be added to; none if it is not there, or is
/// something else.
fn open_growing(directory: &OwnedFd, name: &str) -> io::Result<Option<std::fs::File>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = fstat(&file)?;
    let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    // Another name of it may be anywhere.
    if !is_plain || stat.st_nlink != 1 || stat.st_size < 2 {
        return Ok(None);
    }
    let mut file = std::fs::File::from(file);
    let mut end = [0; 2];
    file.seek(SeekFrom::End(-2))?;
    file.read_exact(&mut end)?;
    Ok((end == END).then_some(file))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_growing_file_stays_a_document_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".slapgrid")).unwrap();
        let directory = open_monitor(root.path()).unwrap().unwrap();
        let file = root.path().join(".slapgrid/monitor/f");
        begin(&directory, "f", "a, b").unwrap();
        append(&directory, "f", "a, b", "1, 2").unwrap();
        append(&directory, "f", "a, b", "3, 4").unwrap();
        let read = || -> serde_json::Value {
            serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()
        };
        assert_eq!(read()["data"], json!(["a, b", "1, 2", "3, 4"]));
        // What cannot grow is begun again.
        fs::write(&file, "{\"date\": 1").unwrap();
        append(&directory, "f", "a, b", "5, 6").unwrap();
        assert_eq!(read()["data"], json!(["a, b", "5, 6"]));
        let secret = root.path().join("secret");
        fs::write(&secret, "{\"data\": []}").unwrap();
        for linked in [std::os::unix::fs::symlink, fs::hard_link] {
            fs::remove_file(&file).unwrap();
            linked(&secret, &file).unwrap();
            append(&directory, "f", "a, b", "7, 8").unwrap();
            assert_eq!(read()["data"], json!(["a, b", "7, 8"]));
            assert_eq!(fs::read_to_string(&secret).unwrap(), "{\"data\": []}");
        }
    }
}
