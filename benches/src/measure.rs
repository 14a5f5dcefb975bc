//! Measures whole processes: wall time, CPU time and peak memory.
//!
//! Linux hands the peak memory of the process that spawns on to the spawned one, across `exec`.
//! So the programs are not spawned by the program that has generated the inputs, but by a fresh
//! and small one: `compare measure`, see [`measure_child`]. What it spawns starts from its few
//! MiB.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use wait4::Wait4 as _;

/// A contender that has run for this long in all is not repeated.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command to measure.
#[derive(Debug, Clone)]
pub struct Contender {
    /// The name in the tables.
    pub label: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its current directory.
    pub directory: PathBuf,
    /// When to kill it.
    pub limit: Duration,
    /// Variables of its environment, besides those of ours.
    pub environment: Vec<(OsString, OsString)>,
    /// Files and directories that are not there when a run begins. What an earlier run
    /// has left is moved aside, within the directory.
    pub removed: Vec<PathBuf>,
}

/// How a measured process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Success,
    /// Another exit code.
    Exit(i32),
    /// A signal, from elsewhere than the time limit.
    Signal(i32),
    /// Killed at the time limit.
    TimedOut,
}

/// One run of a process and of all its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// From before the spawn to the exit.
    pub wall: Duration,
    /// User and system time of the process and of the children it waited for.
    pub cpu: Duration,
    /// Largest resident set, in bytes.
    pub peak_memory: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// All runs of one contender.
#[derive(Debug, Clone)]
pub struct Series {
    /// The name in the tables.
    pub label: String,
    /// The runs in order; never empty.
    pub samples: Vec<Sample>,
    /// The last lines that a failed run wrote to its standard error.
    pub complaint: String,
}

/// A process that could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The operating system refused.
    #[error("failed to {verb} `{}`", program.display())]
    Process {
        /// What was tried.
        verb: &'static str,
        /// The program concerned.
        program: PathBuf,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// What an earlier run has left cannot be moved.
    #[error("failed to move `{}` aside", path.display())]
    MoveAside {
        /// The file or directory.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// The measuring process did not answer with a sample.
    #[error("failed to measure `{}`: {answer}", program.display())]
    Answer {
        /// The program to measure.
        program: PathBuf,
        /// What the measuring process said instead.
        answer: String,
    },
}

/// Measures each contender `runs` times in turn, so that a slow phase of the machine meets all.
///
/// A contender that fails, meets its limit or takes long is not repeated.
///
/// # Errors
/// A program that cannot be spawned.
pub fn measure(contenders: &[Contender], runs: usize) -> Result<Vec<Series>, MeasureError> {
    let mut all: Vec<Series> = contenders
        .iter()
        .map(|contender| Series {
            label: contender.label.clone(),
            samples: Vec::new(),
            complaint: String::new(),
        })
        .collect();
    for _ in 0..runs.max(1) {
        for (contender, series) in contenders.iter().zip(&mut all) {
            if series.is_over() {
                continue;
            }
            let (sample, complaint) = measure_once(contender)?;
            series.samples.push(sample);
            series.complaint = complaint;
        }
    }
    Ok(all)
}

impl Contender {
    /// Runs the command unmeasured and returns what it prints, to check that it does the work.
    ///
    /// # Errors
    /// A program that cannot be spawned. Its exit code is not looked at: the measured runs are.
    pub fn output(&self) -> Result<String, MeasureError> {
        let output = Command::new(&self.program)
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_remove("BUILDOUT_HOME")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| MeasureError::Process {
                verb: "run",
                program: self.program.clone(),
                source,
            })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Measures one run in a fresh measuring process; also returns the end of its standard error.
fn measure_once(contender: &Contender) -> Result<(Sample, String), MeasureError> {
    let failure = |source| MeasureError::Process {
        verb: "start a measuring process for",
        program: contender.program.clone(),
        source,
    };
    for path in &contender.removed {
        move_aside(path, &contender.directory)?;
    }
    let output = Command::new(std::env::current_exe().map_err(failure)?)
        .arg("measure")
        .arg(contender.limit.as_millis().to_string())
        .arg(&contender.program)
        .args(&contender.arguments)
        .current_dir(&contender.directory)
        .env_remove("BUILDOUT_HOME")
        .envs(contender.environment.iter().cloned())
        .stdin(Stdio::null())
        .output()
        .map_err(failure)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaint.lines().collect();
    let complaint = lines[lines.len().saturating_sub(4)..].join("\n");
    let answer = String::from_utf8_lossy(&output.stdout);
    match Sample::from_line(answer.trim()) {
        Some(sample) => Ok((sample, complaint)),
        None => Err(MeasureError::Answer {
            program: contender.program.clone(),
            answer: complaint,
        }),
    }
}

/// Moves what an earlier run has left to a directory of its own. To remove it would
/// slow the next run down: ext4 without a journal does not give inodes out again for
/// minutes after they were freed, and passes over all of them for each new file.
fn move_aside(path: &Path, directory: &Path) -> Result<(), MeasureError> {
    let Some(name) = path.file_name().filter(|_| path.exists()) else {
        return Ok(());
    };
    let aside = tempfile::Builder::new()
        .prefix("aside-")
        .tempdir_in(directory);
    aside
        .and_then(|aside| fs::rename(path, aside.keep().join(name)))
        .map_err(|source| MeasureError::MoveAside {
            path: path.to_owned(),
            source,
        })
}

/// Runs a program in the current process's environment and directory, its standard output
/// thrown away, and measures it. Kills its process group after `limit`.
///
/// To be called by a process that is small and spawns nothing else.
///
/// # Errors
/// A program that cannot be spawned or waited for.
pub fn measure_child(
    program: &PathBuf,
    arguments: impl Iterator<Item = OsString>,
    limit: Duration,
) -> Result<Sample, MeasureError> {
    let failure = |verb| {
        move |source| MeasureError::Process {
            verb,
            program: program.clone(),
            source,
        }
    };
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(failure("start"))?;
    let process = Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let timed_out = end.recv_timeout(limit).is_err();
        if timed_out {
            // The process is not reaped before this thread is joined, so the group is its own.
            let _ = kill_process_group(process, Signal::KILL);
        }
        timed_out
    });
    let wait = waitid(
        WaitId::Pid(process),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    );
    let wall = start.elapsed();
    let _ = ended.send(());
    let timed_out = watchdog.join().unwrap_or(false);
    wait.map_err(io::Error::from).map_err(failure("wait for"))?;
    let usage = child.wait4().map_err(failure("wait for"))?;
    let outcome = match (usage.status.code(), usage.status.signal()) {
        (Some(0), _) => Outcome::Success,
        (Some(code), _) => Outcome::Exit(code),
        (None, _) if timed_out => Outcome::TimedOut,
        (None, signal) => Outcome::Signal(signal.unwrap_or(0)),
    };
    Ok(Sample {
        wall,
        cpu: usage.rusage.utime + usage.rusage.stime,
        peak_memory: usage.rusage.maxrss,
        outcome,
    })
}

impl Sample {
    /// The line in which a measuring process reports: nanoseconds, nanoseconds, bytes, outcome.
    pub fn to_line(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Success => "exit 0".to_owned(),
            Outcome::Exit(code) => format!("exit {code}"),
            Outcome::Signal(signal) => format!("signal {signal}"),
            Outcome::TimedOut => "limit 0".to_owned(),
        };
        format!(
            "{} {} {} {outcome}",
            self.wall.as_nanos(),
            self.cpu.as_nanos(),
            self.peak_memory
        )
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let wall = Duration::from_nanos(words.next()?.parse().ok()?);
        let cpu = Duration::from_nanos(words.next()?.parse().ok()?);
        let peak_memory = words.next()?.parse().ok()?;
        let outcome = match (words.next()?, words.next()?.parse().ok()?) {
            ("exit", 0) => Outcome::Success,
            ("exit", code) => Outcome::Exit(code),
            ("signal", signal) => Outcome::Signal(signal),
            _ => Outcome::TimedOut,
        };
        Some(Self {
            wall,
            cpu,
            peak_memory,
            outcome,
        })
    }
}

impl Series {
    /// Shortest wall time.
    pub fn least_wall(&self) -> Duration {
        self.walls().into_iter().min().unwrap_or_default()
    }

    /// Median wall time; of an even number of runs the lower middle one.
    pub fn median_wall(&self) -> Duration {
        median(self.walls())
    }

    /// Median CPU time.
    pub fn median_cpu(&self) -> Duration {
        median(self.samples.iter().map(|sample| sample.cpu).collect())
    }

    /// Largest resident set of all runs, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let peaks = self.samples.iter().map(|sample| sample.peak_memory);
        peaks.max().unwrap_or(0)
    }

    /// How the first run that did not succeed ended.
    pub fn failure(&self) -> Option<&Outcome> {
        let outcomes = self.samples.iter().map(|sample| &sample.outcome);
        outcomes.into_iter().find(|&it| *it != Outcome::Success)
    }

    fn walls(&self) -> Vec<Duration> {
        self.samples.iter().map(|sample| sample.wall).collect()
    }

    /// Tells whether no further run is worth its time: one has failed, or they
    /// have taken long enough.
    pub fn is_over(&self) -> bool {
        self.failure().is_some() || self.total_wall() > PATIENCE
    }

    fn total_wall(&self) -> Duration {
        self.samples.iter().map(|sample| sample.wall).sum()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => write!(formatter, "success"),
            Self::Exit(code) => write!(formatter, "exit code {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
            Self::TimedOut => write!(formatter, "killed at the time limit"),
        }
    }
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_its_line() {
        for outcome in [
            Outcome::Success,
            Outcome::Exit(3),
            Outcome::Signal(11),
            Outcome::TimedOut,
        ] {
            let sample = Sample {
                wall: Duration::from_nanos(1_234_567),
                cpu: Duration::from_micros(3),
                peak_memory: 1 << 20,
                outcome,
            };
            assert_eq!(Sample::from_line(&sample.to_line()), Some(sample));
        }
        assert_eq!(Sample::from_line(""), None);
        assert_eq!(Sample::from_line("1 2 3"), None);
    }

    #[test]
    fn the_median_is_the_lower_middle() {
        let seconds = |values: &[u64]| values.iter().map(|&s| Duration::from_secs(s)).collect();
        assert_eq!(median(seconds(&[5, 1, 3])), Duration::from_secs(3));
        assert_eq!(median(seconds(&[5, 1, 3, 4])), Duration::from_secs(3));
    }
}
