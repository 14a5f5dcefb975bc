//! What the machine does, read from `/proc` as psutil reads it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::files::{FileError, failed_to};

/// The time that all processors have had, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessorTime {
    total: u64,
    idle: u64,
}

impl ProcessorTime {
    /// Reads `/proc/stat`.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let mut times = line
            .split_whitespace()
            .map(|time| time.parse().unwrap_or(0));
        // user, nice, system, idle, iowait, irq, softirq, steal; the times of
        // guests are in those of users.
        let times: [u64; 8] = std::array::from_fn(|_| times.next().unwrap_or(0));
        Some(ProcessorTime {
            total: times.iter().sum(),
            idle: times[3],
        })
    }

    /// Returns which part of the time since `before` was used, in percent.
    pub(super) fn used_since(self, before: Self) -> f64 {
        let total = self.total.saturating_sub(before.total);
        let idle = self.idle.saturating_sub(before.idle);
        if total == 0 {
            return 0.0;
        }
        100.0 - rounded(idle as f64 * 100.0 / total as f64, 1)
    }
}

/// Rounds as Python's `round` does.
pub(super) fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.digits$}").parse().unwrap_or(value)
}

/// The memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) total: u64,
    pub(super) available: u64,
}

impl Memory {
    /// Reads `/proc/meminfo`.
    fn parse(meminfo: &str) -> Option<Self> {
        let member = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
            let number = line.trim_start_matches(':').split_whitespace().next()?;
            number.parse::<u64>().ok()?.checked_mul(1024)
        };
        Some(Memory {
            total: member("MemTotal")?,
            available: member("MemAvailable").or_else(|| member("MemFree"))?,
        })
    }
}

/// What went through all network interfaces since the machine began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) bytes: u64,
    pub(super) errors: u64,
    pub(super) dropped: u64,
}

/// Reads `/proc/net/dev`: what came in, and what went out.
fn parse_traffic(dev: &str) -> (Traffic, Traffic) {
    let (mut received, mut sent) = (Traffic::default(), Traffic::default());
    for line in dev.lines() {
        let Some((_, numbers)) = line.rsplit_once(':') else {
            continue;
        };
        let numbers: Vec<u64> = numbers
            .split_whitespace()
            .map(|number| number.parse().unwrap_or(0))
            .collect();
        let number = |index: usize| numbers.get(index).copied().unwrap_or(0);
        for (traffic, first) in [(&mut received, 0), (&mut sent, 8)] {
            traffic.bytes = traffic.bytes.saturating_add(number(first));
            traffic.errors = traffic.errors.saturating_add(number(first + 2));
            traffic.dropped = traffic.dropped.saturating_add(number(first + 3));
        }
    }
    (received, sent)
}

/// A file system of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) device: String,
    pub(super) mount_point: String,
    /// In bytes; what only root may use counts as neither used nor free.
    pub(super) total: u64,
    pub(super) used: u64,
    pub(super) free: u64,
}

/// Returns devices with their first mount points, from `/proc/filesystems` and
/// `/proc/self/mounts`.
fn parse_mounts(filesystems: &str, mounts: &str) -> Vec<(String, String)> {
    let of_disks = filesystems.lines().filter_map(|line| {
        let is_virtual = line.starts_with("nodev");
        let name = line.trim_start_matches("nodev").trim();
        (!is_virtual || name == "zfs").then_some(name)
    });
    let of_disks: HashSet<&str> = of_disks.collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split(' ').map(unescaped);
        let (Some(device), Some(point), Some(kind)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let device = match &*device {
            "/dev/root" | "rootfs" => root_device().unwrap_or(device),
            _ => device,
        };
        let is_disk = of_disks.contains(kind.as_str()) && device != "none" && !device.is_empty();
        if is_disk && seen.insert(device.clone()) {
            found.push((device, point));
        }
    }
    found
}

/// Returns the device of the root file system by another name than that which it
/// was mounted by at the machine's begin, as psutil does.
fn root_device() -> Option<String> {
    let root = rustix::fs::stat("/").ok()?;
    let (major, minor) = (
        rustix::fs::major(root.st_dev),
        rustix::fs::minor(root.st_dev),
    );
    let event = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent")).ok()?;
    let name = event
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    let path = format!("/dev/{name}");
    Path::new(&path).exists().then_some(path)
}

/// Reads a word of `/proc/self/mounts`, where blanks are `\040`.
fn unescaped(word: &str) -> String {
    let mut text = word.to_owned();
    for (escape, character) in [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ] {
        text = text.replace(escape, character);
    }
    text
}

/// What the machine does at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MachineReading {
    pub(super) processors: usize,
    pub(super) time: ProcessorTime,
    pub(super) load: f64,
    pub(super) memory: Memory,
    pub(super) received: Traffic,
    pub(super) sent: Traffic,
    pub(super) disks: Vec<Disk>,
}

impl MachineReading {
    /// Looks at the machine.
    ///
    /// # Errors
    ///
    /// `/proc` is not there, or says something else.
    pub(super) fn take() -> Result<Self, FileError> {
        let stat = read_proc("stat")?;
        let time = ProcessorTime::parse(&stat).ok_or_else(|| unreadable("stat"))?;
        let processors = stat.lines().filter(|line| {
            line.strip_prefix("cpu")
                .is_some_and(|it| !it.starts_with(' '))
        });
        let memory = Memory::parse(&read_proc("meminfo")?).ok_or_else(|| unreadable("meminfo"))?;
        let load = read_proc("loadavg")?;
        let load = load.split(' ').next().and_then(|load| load.parse().ok());
        let (received, sent) = parse_traffic(&read_proc("net/dev")?);
        let mounts = parse_mounts(&read_proc("filesystems")?, &read_proc("self/mounts")?);
        Ok(MachineReading {
            processors: processors.count(),
            time,
            load: load.ok_or_else(|| unreadable("loadavg"))?,
            memory,
            received,
            sent,
            disks: mounts.into_iter().filter_map(measure).collect(),
        })
    }

    /// Returns when the machine began, in seconds since the epoch.
    pub(super) fn boot_time() -> Result<f64, FileError> {
        let stat = read_proc("stat")?;
        let time = stat.lines().find_map(|line| line.strip_prefix("btime "));
        let time = time.and_then(|time| time.trim().parse().ok());
        time.ok_or_else(|| unreadable("stat"))
    }
}

/// Asks a file system how full it is; one that does not tell is left out.
fn measure((device, mount_point): (String, String)) -> Option<Disk> {
    let space = rustix::fs::statvfs(Path::new(&mount_point)).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
    Some(Disk {
        device,
        mount_point,
        total: bytes(space.f_blocks),
        used: bytes(space.f_blocks.saturating_sub(space.f_bfree)),
        free: bytes(space.f_bavail),
    })
}

fn read_proc(name: &str) -> Result<String, FileError> {
    let path = Path::new("/proc").join(name);
    fs::read_to_string(&path).map_err(failed_to("read", &path))
}

fn unreadable(name: &str) -> FileError {
    let path = Path::new("/proc").join(name);
    failed_to("understand", &path)(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read() {
        let before = ProcessorTime::parse("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1\n").unwrap();
        let after = ProcessorTime::parse("cpu  20 0 20 160 0 0 0 0 5 0\n").unwrap();
        assert_eq!(after.used_since(before), 20.0);
        assert_eq!(after.used_since(after), 0.0);
        let memory = Memory::parse("MemTotal:       10 kB\nMemFree: 1 kB\nMemAvailable:    4 kB\n");
        let expected = Memory {
            total: 10240,
            available: 4096,
        };
        assert_eq!(memory, Some(expected));
        let dev = "Inter-|   Receive\n face |bytes\n    lo:  10 1 2 3 0 0 0 0  20 1 4 5 0 0 0 0\n  eth0: 100 1 0 1 0 0 0 0 200 1 0 1 0 0 0 0\n";
        let (received, sent) = parse_traffic(dev);
        assert_eq!(
            (received.bytes, received.errors, received.dropped),
            (110, 2, 4)
        );
        assert_eq!((sent.bytes, sent.errors, sent.dropped), (220, 4, 6));
    }

    #[test]
    fn only_disks_are_measured_and_each_once() {
        let filesystems = "nodev\tsysfs\nnodev\tzfs\n\text4\n";
        let mounts = "sysfs /sys sysfs rw 0 0\n/dev/vda / ext4 rw 0 0\n/dev/vda /a ext4 rw 0 0\ntank /my\\040disk zfs rw 0 0\n";
        let pair = |device: &str, point: &str| (device.to_owned(), point.to_owned());
        assert_eq!(
            parse_mounts(filesystems, mounts),
            [pair("/dev/vda", "/"), pair("tank", "/my disk")]
        );
    }

    #[test]
    fn this_machine_can_be_read() {
        let reading = MachineReading::take().unwrap();
        assert!(reading.processors > 0 && reading.memory.total > reading.memory.available);
        assert!(MachineReading::boot_time().unwrap() > 0.0);
    }
}
