//! Processors of their own for processes, by the control groups of the kernel's
//! first version: `cpusets` of the whole machine, one for each processor. The
//! first processor is everybody's, each other one is a single process's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::configuration::{Manager, NodeConfiguration};
use crate::files::{FileError, failed_to};
use crate::log::Logger;

/// Where the kernel shows them.
const ROOT: &str = "/sys/fs/cgroup/cpuset";

/// Where the kernel shows how fast processors are.
const PROCESSORS: &str = "/sys/devices/system/cpu";

/// How fast a processor is to be that somebody has asked for.
const GOVERNOR: &str = "performance";

/// The most processors that a list may have; a mistake of the kernel's or of a
/// test.
const MOST_PROCESSORS: usize = 1 << 16;

/// Where processes are moved between processors.
pub(crate) struct CpuSets {
    root: PathBuf,
}

/// A processor, by its number.
type Processor = u32;

impl CpuSets {
    /// Those of this machine.
    pub(crate) fn of_machine() -> Self {
        CpuSets {
            root: PathBuf::from(ROOT),
        }
    }

    fn processors_file(&self) -> PathBuf {
        self.root.join("cpuset.cpus")
    }

    fn of(&self, processor: Processor) -> PathBuf {
        self.root.join(format!("cpu{processor}"))
    }

    /// Tells whether processes can be moved: [`prepare`](Self::prepare) was
    /// here.
    pub(crate) fn is_prepared(&self) -> bool {
        self.of(0).exists()
    }

    /// Makes a set of each processor. Returns whether this kernel has such
    /// sets.
    pub(crate) fn prepare(&self) -> Result<bool, FileError> {
        if !self.processors_file().exists() {
            return Ok(false);
        }
        for processor in self.processors()? {
            let set = self.of(processor);
            match fs::create_dir(&set) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => result.map_err(failed_to("create directory", &set))?,
            }
            let number = processor.to_string();
            // No process can be in a set without memory.
            for (name, value) in [
                ("cpuset.cpus", &*number),
                ("cpuset.cpu_exclusive", "1"),
                ("cpuset.mems", "0"),
            ] {
                let file = set.join(name);
                fs::write(&file, value).map_err(failed_to("write", &file))?;
            }
        }
        Ok(true)
    }

    /// Returns the processors; the first one is for all processes that have
    /// none of their own.
    pub(crate) fn processors(&self) -> Result<Vec<Processor>, FileError> {
        let file = self.processors_file();
        let text = fs::read_to_string(&file).map_err(failed_to("read", &file))?;
        let processors = parse_processors(text.trim());
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        processors.ok_or_else(|| failed_to("understand", &file)(invalid()))
    }

    /// Returns the processes that have no set, the last one first.
    pub(crate) fn without_set(&self) -> Result<Vec<u32>, FileError> {
        let mut processes = processes_in(&self.root)?;
        processes.sort_unstable_by(|one, other| other.cmp(one));
        Ok(processes)
    }

    /// Returns the processes in the set of a processor.
    pub(crate) fn processes_of(&self, processor: Processor) -> Result<Vec<u32>, FileError> {
        let set = self.of(processor);
        match processes_in(&set) {
            // A processor that was added since.
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            result => result,
        }
    }

    /// Moves a process to a processor.
    pub(crate) fn move_to(&self, process: u32, processor: Processor) -> Result<(), Unmoved> {
        let file = self.of(processor).join("tasks");
        match fs::write(&file, format!("{process}\n")) {
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {
                Err(Unmoved::Gone)
            }
            Err(error) => Err(Unmoved::Refused(failed_to("write", &file)(error))),
            Ok(()) => Ok(()),
        }
    }
}

/// A process that stays where it is.
#[derive(Debug)]
pub(crate) enum Unmoved {
    /// There is no such process.
    Gone,
    /// The kernel refuses; it needs some of its own processes where they are.
    Refused(FileError),
}

fn processes_in(set: &Path) -> Result<Vec<u32>, FileError> {
    let file = set.join("tasks");
    let text = fs::read_to_string(&file).map_err(failed_to("read", &file))?;
    let numbers = text.split_whitespace();
    Ok(numbers.filter_map(|number| number.parse().ok()).collect())
}

/// Reads a list such as `0-3,6`.
fn parse_processors(text: &str) -> Option<Vec<Processor>> {
    let mut processors = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse().ok()?..=last.parse::<Processor>().ok()?;
        processors.extend(range.take(MOST_PROCESSORS));
    }
    Some(processors)
}

/// Lets a processor run as fast as it can, where the kernel has something to
/// say about that.
pub(crate) fn hurry(processor: Processor, log: &Logger) {
    let file = format!("{PROCESSORS}/cpu{processor}/cpufreq/scaling_governor");
    if !Path::new(&file).exists() {
        return;
    }
    if let Err(error) = fs::write(&file, format!("{GOVERNOR}\n")) {
        log.error(format!("Failed to write \"{GOVERNOR}\" to {file}: {error}"));
    }
}

/// Makes the sets that the manager `cpuset` needs, if there is that manager.
///
/// # Errors
///
/// The kernel refuses.
pub fn prepare_processors(
    configuration: &NodeConfiguration,
    log: &Logger,
) -> Result<(), FileError> {
    let mut managers = configuration.managers.iter();
    if !managers.any(|manager| matches!(manager, Manager::Processors { .. })) {
        return Ok(());
    }
    if !CpuSets::of_machine().prepare()? {
        log.warning("CPUSet Manager cannot format computer because cgroups do not exist.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(parse_processors("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_processors("3"), Some(vec![3]));
        for text in ["", "a", "1-", "0-1-2"] {
            assert_eq!(parse_processors(text), None, "{text}");
        }
    }
}
