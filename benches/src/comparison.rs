//! The comparisons: each makes its inputs, measures ours and the others, and returns a report.

mod annotate;
mod bridge;
mod eggs;
mod node;
mod noop;
mod promises;
mod resolve;
mod scale;
mod templates;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs, io};

use slap::test_master::RealSlapos;

use crate::measure::{Contender, MeasureError, Outcome, Series};
use crate::peers::{EggPeers, Peer};
use crate::table::{self, Table};
use crate::tree::{Tree, TreeError};

/// The seed of all generated trees.
const SEED: u64 = 1;
/// When one of our own processes, or the floor, is given up.
const OWN_LIMIT: Duration = Duration::from_secs(120);
/// How much more than in proportion a time may grow and still count as in proportion: the
/// larger input no longer fits the caches that the smaller one fits.
const PROPORTION_TOLERANCE: f64 = 1.25;

/// One of the comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Benchmark {
    /// `annotate` of a tree like SlapOS's ERP5 release.
    Annotate,
    /// `annotate` of larger trees.
    Scale,
    /// A run that has nothing to do.
    Noop,
    /// Resolution of many references.
    Resolve,
    /// Jinja2 templates.
    Templates,
    /// Python distributions.
    Eggs,
    /// Recipes in Python that do nothing.
    Bridge,
    /// A node's passes over its partitions.
    Node,
    /// Promises of a node.
    Promises,
}

impl Benchmark {
    /// All comparisons in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Annotate,
        Self::Scale,
        Self::Noop,
        Self::Resolve,
        Self::Templates,
        Self::Eggs,
        Self::Bridge,
        Self::Node,
        Self::Promises,
    ];

    /// Tells whether zc.buildout is one of the contenders.
    pub fn measures_zc_buildout(self) -> bool {
        matches!(
            self,
            Self::Annotate | Self::Scale | Self::Noop | Self::Resolve
        )
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annotate => "annotate",
            Self::Scale => "scale",
            Self::Noop => "noop",
            Self::Resolve => "resolve",
            Self::Templates => "templates",
            Self::Eggs => "eggs",
            Self::Bridge => "bridge",
            Self::Node => "node",
            Self::Promises => "promises",
        }
    }

    /// Makes the inputs, measures and reports.
    ///
    /// # Errors
    /// Inputs that cannot be written and programs that cannot be started. A contender that
    /// fails or is too slow is no error: the report says so.
    pub fn run(self, bench: &Bench) -> Result<Report, ComparisonError> {
        match self {
            Self::Annotate => annotate::run(bench),
            Self::Scale => scale::run(bench),
            Self::Noop => noop::run(bench),
            Self::Resolve => resolve::run(bench),
            Self::Templates => templates::run(bench),
            Self::Eggs => eggs::run(bench),
            Self::Bridge => bridge::run(bench),
            Self::Node => node::run(bench),
            Self::Promises => promises::run(bench),
        }
    }
}

/// Who is measured, how often and where.
#[derive(Debug)]
pub struct Bench {
    /// Our `buildout` program.
    pub buildout: PathBuf,
    /// Our `slapos` program.
    pub slapos: PathBuf,
    /// The real slapos.core, for its master and supervisord.
    pub slapos_core: Option<RealSlapos>,
    /// Whether slapos.core's node is measured as well.
    pub measures_peers: bool,
    /// The `floor` program.
    pub floor: PathBuf,
    /// The `render` program.
    pub render: PathBuf,
    /// A Python with Jinja2, to compare templates with.
    pub jinja2: Option<PathBuf>,
    /// Whom installations of eggs are compared with.
    pub eggs: Option<EggPeers>,
    /// The releases of zc.buildout to compare with; may be empty.
    pub peers: Vec<Peer>,
    /// When a peer is given up.
    pub peer_limit: Duration,
    /// Runs of each contender.
    pub runs: usize,
    /// An existing directory for the inputs.
    pub directory: PathBuf,
}

/// A comparison that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// A program could not be run.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A generated tree could not be written.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// There is no master for a node, or no release.
    #[error("a node cannot be measured: {0}")]
    Master(String),
    /// Another input could not be written.
    #[error("failed to {verb} `{}`", path.display())]
    Input {
        /// What was tried.
        verb: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// A section of the printed report.
#[derive(Debug)]
pub struct Report {
    title: &'static str,
    /// What was measured, on which input.
    description: String,
    table: Table,
    notes: Vec<String>,
    misses: usize,
}

impl Report {
    fn new(title: &'static str, description: String, columns: &[&str]) -> Self {
        Self {
            title,
            description,
            table: Table::new(columns),
            notes: Vec::new(),
            misses: 0,
        }
    }

    /// How many wanted values were missed.
    pub fn misses(&self) -> usize {
        self.misses
    }

    /// Returns the text of a verdict and counts it.
    fn verdict(&mut self, met: bool, text: impl fmt::Display) -> String {
        if met {
            format!("met: {text}")
        } else {
            self.misses += 1;
            format!("MISSED: {text}")
        }
    }

    /// Returns the verdict on a run of ours that had to succeed, if it did not.
    fn verdict_on_failure(&mut self, series: &Series) -> Option<String> {
        let failure = series.failure()?;
        if !series.complaint.is_empty() {
            self.notes.push(format!(
                "{}: {}",
                series.label,
                series.complaint.replace('\n', " / ")
            ));
        }
        self.misses += 1;
        Some(format!("MISSED: {failure}"))
    }

    /// Returns the verdict on a run of ours that succeeded but did less than it should have.
    fn verdict_on_work(&mut self, what: &str, wanted: usize, found: usize) -> Option<String> {
        (found < wanted).then(|| {
            self.misses += 1;
            format!("MISSED: {found} of {wanted} {what}")
        })
    }

    /// Adds a row for a contender that is only there to compare with.
    fn row_beside(&mut self, series: &Series, base: &Series) {
        let remark = match series.failure() {
            // The exception's text, where Python has raised one.
            Some(failure @ Outcome::Exit(_)) => match series.complaint.lines().last() {
                Some(line) => format!("{failure}: {}", line.trim()),
                None => failure.to_string(),
            },
            Some(failure) => failure.to_string(),
            None => String::new(),
        };
        self.row(series, base, remark);
    }

    /// Adds a row of [`COLUMNS`]; the ratio is that of the shortest wall times.
    ///
    /// All ratios compare the shortest runs: other load on the machine can only lengthen a run.
    fn row(&mut self, series: &Series, base: &Series, remark: String) {
        let ratio = table::ratio(series.least_wall(), base.least_wall());
        let ratio = match series.failure() {
            None => ratio,
            // It would have taken longer.
            Some(Outcome::TimedOut) => format!("> {ratio}"),
            // It has not done the work.
            Some(_) => String::new(),
        };
        self.table.row(vec![
            series.label.clone(),
            series.samples.len().to_string(),
            table::time(series.least_wall()),
            table::time(series.median_wall()),
            table::time(series.median_cpu()),
            table::memory(series.peak_memory()),
            ratio,
            remark,
        ]);
    }
}

/// The columns of a table with a row for each contender.
const COLUMNS: [&str; 8] = [
    "program",
    "runs",
    "wall min",
    "median",
    "CPU",
    "peak memory",
    "ratio",
    "verdict",
];

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "## {}\n\n{}\n", self.title, self.description)?;
        write!(formatter, "{}", self.table)?;
        for note in &self.notes {
            write!(formatter, "\n{note}\n")?;
        }
        Ok(())
    }
}

impl Bench {
    fn slapos_core(&self) -> Result<&RealSlapos, ComparisonError> {
        let slapos = self.slapos_core.as_ref();
        slapos.ok_or_else(|| ComparisonError::Master("slapos.core is not installed".to_owned()))
    }

    /// Our program with the options that all measured commands have, in `directory`.
    fn ours(&self, directory: &Path, arguments: &[&str]) -> Contender {
        Contender {
            label: "ours".to_owned(),
            program: self.buildout.clone(),
            arguments: words(&["--dialect", "slapos", "-U"])
                .chain(words(arguments))
                .collect(),
            directory: directory.to_owned(),
            limit: OWN_LIMIT,
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn floor(&self, directory: &Path, list: &Path) -> Contender {
        Contender {
            label: "floor".to_owned(),
            program: self.floor.clone(),
            arguments: vec![list.as_os_str().to_owned()],
            directory: directory.to_owned(),
            limit: OWN_LIMIT,
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn peer(&self, peer: &Peer, directory: &Path, arguments: &[&str]) -> Contender {
        Contender {
            label: peer.release.label(),
            program: peer.program.clone(),
            arguments: words(&["-U"]).chain(words(arguments)).collect(),
            directory: directory.to_owned(),
            limit: self.peer_limit,
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Writes a tree into a directory of its own, with the list of its files for the floor.
    fn write_tree(&self, name: &str, tree: &Tree) -> Result<WrittenTree, ComparisonError> {
        let directory = self.directory.join(name);
        tree.write(&directory)?;
        let list = directory.join("files.txt");
        let paths: Vec<&str> = tree.paths().collect();
        write(&list, &paths.join("\n"))?;
        let profile = directory.join(tree.root_profile());
        Ok(WrittenTree {
            profile_directory: profile.parent().unwrap_or(&directory).to_owned(),
            directory,
            list,
        })
    }
}

/// Where a tree has been written.
struct WrittenTree {
    directory: PathBuf,
    /// Where `software.cfg` lies, the root of the tree.
    profile_directory: PathBuf,
    /// The file that lists all files, relative to `directory`.
    list: PathBuf,
}

fn words<'a>(arguments: &'a [&'a str]) -> impl Iterator<Item = OsString> + 'a {
    arguments.iter().map(OsString::from)
}

fn write(path: &Path, text: &str) -> Result<(), ComparisonError> {
    fs::write(path, text).map_err(|source| ComparisonError::Input {
        verb: "write",
        path: path.to_owned(),
        source,
    })
}

fn create_directory(path: &Path) -> Result<(), ComparisonError> {
    fs::create_dir_all(path).map_err(|source| ComparisonError::Input {
        verb: "create directory",
        path: path.to_owned(),
        source,
    })
}
