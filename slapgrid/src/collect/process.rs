//! What the processes of users do, read from `/proc` as psutil reads it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::machine::rounded;

/// A process at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProcessReading {
    pub(super) process: u32,
    /// The number of the user.
    pub(super) user: u32,
    /// When it began, in seconds since the epoch.
    pub(super) since: f64,
    /// The seconds that it and the children it has waited for computed, or
    /// waited for disks.
    pub(super) cpu_time: f64,
    /// The seconds that it computed itself.
    own_time: f64,
    pub(super) threads: u64,
    /// In bytes.
    pub(super) memory: u64,
    /// Bytes read from and written to disks.
    pub(super) disk_bytes: u64,
    /// Calls that read and wrote.
    pub(super) calls: u64,
    taken: Instant,
}

/// What is needed to read any process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    /// Ticks of a second.
    pub(super) ticks: f64,
    /// Bytes of a page of memory.
    pub(super) page: u64,
    /// When the machine began.
    pub(super) boot_time: f64,
}

impl Units {
    pub(super) fn of_machine(boot_time: f64) -> Self {
        Units {
            ticks: rustix::param::clock_ticks_per_second() as f64,
            page: rustix::param::page_size() as u64,
            boot_time,
        }
    }
}

impl ProcessReading {
    /// Returns what names it also when its number is another's: number and
    /// begin.
    pub(super) fn name(&self) -> String {
        let since = buildout_core::value::Value::Float(self.since);
        format!("{}-{since}", self.process)
    }

    /// Returns how much of a processor it used between two readings, in
    /// percent.
    pub(super) fn used_since(&self, before: &Self) -> f64 {
        let elapsed = self.taken.duration_since(before.taken).as_secs_f64();
        if self.since != before.since || elapsed <= 0.0 {
            return 0.0;
        }
        rounded(
            (self.own_time - before.own_time).max(0.0) * 100.0 / elapsed,
            1,
        )
    }

    /// Reads a process; none if it has ended, or is hidden from this user.
    pub(super) fn take(process: u32, units: Units) -> Option<Self> {
        Self::take_if(process, |_| true, units)
    }

    /// The same of a process that is one of certain users.
    fn take_if(process: u32, is_wanted: impl Fn(u32) -> bool, units: Units) -> Option<Self> {
        let directory = PathBuf::from(format!("/proc/{process}"));
        let read = |name: &str| fs::read_to_string(directory.join(name)).ok();
        let user = user_of(&read("status")?).filter(|user| is_wanted(*user))?;
        let (stat, statm, io) = (read("stat")?, read("statm")?, read("io")?);
        Self::parse(process, user, [&stat, &statm, &io], units)
    }

    fn parse(process: u32, user: u32, texts: [&str; 3], units: Units) -> Option<Self> {
        let [stat, statm, io] = texts;
        // The name before may have anything in it.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |index: usize| fields.get(index)?.parse::<f64>().ok();
        let seconds = |index: usize| Some(field(index)? / units.ticks);
        let own_time = seconds(11)? + seconds(12)?;
        let waited = seconds(39).unwrap_or(0.0);
        let member = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().parse::<u64>().ok()
        };
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(ProcessReading {
            process,
            user,
            since: seconds(19)? + units.boot_time,
            cpu_time: own_time + seconds(13)? + seconds(14)? + waited,
            own_time,
            threads: fields.get(17)?.parse().ok()?,
            memory: pages.checked_mul(units.page)?,
            disk_bytes: member("read_bytes")?.saturating_add(member("write_bytes")?),
            calls: member("syscr")?.saturating_add(member("syscw")?),
            taken: Instant::now(),
        })
    }
}

/// Returns the user of a process from its `status`.
fn user_of(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Reads all processes of users that are wanted, by the processes' numbers.
pub(super) fn processes_of(
    is_wanted: impl Fn(u32) -> bool,
    units: Units,
) -> HashMap<u32, ProcessReading> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(|number: u32| {
            let reading = ProcessReading::take_if(number, &is_wanted, units)?;
            Some((number, reading))
        })
        .collect()
}

/// What people know a process by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProcessName {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    pub(super) user: u32,
    pub(super) since: f64,
}

impl ProcessName {
    /// Reads them; none if the process has ended.
    pub(super) fn of(process: u32, units: Units) -> Option<Self> {
        let reading = ProcessReading::take(process, units)?;
        let directory = PathBuf::from(format!("/proc/{process}"));
        let command = fs::read(directory.join("cmdline")).ok()?;
        let command = words_of(&String::from_utf8_lossy(&command));
        let name = fs::read_to_string(directory.join("comm")).ok()?;
        let name = name.trim_end_matches('\n').to_owned();
        // The system keeps 15 bytes of it.
        let whole = command.first().and_then(|word| Path::new(word).file_name());
        let whole = whole.map(|whole| whole.to_string_lossy().into_owned());
        let name = match whole {
            Some(whole) if name.len() >= 15 && whole.starts_with(&name) => whole,
            _ => name,
        };
        Some(ProcessName {
            name,
            command,
            user: reading.user,
            since: reading.since,
        })
    }
}

/// Returns the words of a command line. Processes that write something else in
/// its place, as nginx does, separate their words by blanks.
fn words_of(command: &str) -> Vec<String> {
    let (line, separator) = match command.strip_suffix('\0') {
        Some(line) if line.contains('\0') || !line.contains(' ') => (line, '\0'),
        Some(line) => (line, ' '),
        None => (command.strip_suffix(' ').unwrap_or(command), ' '),
    };
    match command {
        "" => Vec::new(),
        _ => line.split(separator).map(ToOwned::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 100 50 20 10 20 0 3 0 1000 1 1 1 1 1 1 1 1 1 1 1 1 0 0 0 17 0 0 0 5 0 0";
        let io = "rchar: 9\nwchar: 9\nsyscr: 4\nsyscw: 5\nread_bytes: 4096\nwrite_bytes: 1\ncancelled_write_bytes: 0\n";
        let units = Units {
            ticks: 100.0,
            page: 4096,
            boot_time: 1000.0,
        };
        let reading = ProcessReading::parse(7, 5, [stat, "10 3 1", io], units).unwrap();
        assert_eq!(reading.name(), "7-1010.0");
        assert_eq!((reading.own_time, reading.threads), (1.5, 3));
        assert!((reading.cpu_time - 1.85).abs() < 1e-9, "{reading:?}");
        assert_eq!(reading.memory, 3 * 4096);
        assert_eq!((reading.disk_bytes, reading.calls), (4097, 9));
    }

    #[test]
    fn words_are_those_that_psutil_finds() {
        for (command, words) in [
            ("", &[][..]),
            ("a\0b c\0\0", &["a", "b c", ""]),
            ("a\0", &["a"]),
            ("a b\0", &["a", "b"]),
            ("nginx: master process", &["nginx:", "master", "process"]),
            ("title ", &["title"]),
        ] {
            assert_eq!(words_of(command), words, "{command:?}");
        }
    }

    #[test]
    fn this_process_can_be_read() {
        let units = Units::of_machine(0.0);
        let own = std::process::id();
        let reading = ProcessReading::take(own, units).unwrap();
        let is_ours = |user| user == reading.user;
        assert!(processes_of(is_ours, units).contains_key(&own));
        assert!(processes_of(|_| false, units).is_empty());
        let name = ProcessName::of(own, units).unwrap();
        assert!(name.command[0].ends_with(&name.name), "{name:?}");
    }
}
