//! `slapos node instance`: passes with nothing to do, and first ones.

mod site;

use std::fmt::Display;
use std::time::Duration;

use self::site::{Node, NodeSite};
use super::{Bench, ComparisonError, Report};
use crate::master::{MasterClock, ReplayServer, computer_document};
use crate::measure::{Contender, Outcome, Series, measure};
use crate::table::{self, quotient};

/// How many partitions there are with the real master.
const REAL: [usize; 3] = [1, 10, 50];
/// How many with the one that answers at once.
const REPLAYED: [usize; 3] = [50, 500, 2000];
/// How often a first pass is measured: all that it makes is removed before.
const FIRST_RUNS: usize = 3;
/// When a first pass of slapos.core's node is given up.
const FIRST_LIMIT: Duration = Duration::from_secs(900);
/// Wanted of a pass with nothing to do, by the number of partitions.
const WANTED: [(usize, Duration); 2] = [
    (50, Duration::from_millis(100)),
    (500, Duration::from_millis(500)),
];
/// Wanted of the first pass over 50 partitions.
const WANTED_FIRST: Duration = Duration::from_secs(3);
/// Wanted: the largest resident set of a pass, in bytes.
const WANTED_MEMORY: u64 = 100 << 20;

const COLUMNS: [&str; 11] = [
    "node",
    "pass",
    "master",
    "partitions",
    "runs",
    "wall min",
    "without the master",
    "CPU",
    "peak memory",
    "ratio",
    "verdict",
];

/// The runs of one node.
struct Passes {
    series: Series,
    /// How long the master had requests, for each run.
    with_master: Vec<Duration>,
}

impl Passes {
    fn new(pass: &Contender) -> Self {
        Passes {
            series: Series {
                label: pass.label.clone(),
                samples: Vec::new(),
                complaint: String::new(),
            },
            with_master: Vec::new(),
        }
    }

    /// Measures one more run, if that is worth its time.
    fn run(
        &mut self,
        pass: &Contender,
        clock: Option<&MasterClock>,
    ) -> Result<(), ComparisonError> {
        if self.series.is_over() {
            return Ok(());
        }
        if let Some(clock) = clock {
            clock.take();
        }
        for series in measure(std::slice::from_ref(pass), 1)? {
            self.series.samples.extend(series.samples);
            self.series.complaint = series.complaint;
        }
        let with_master = clock.map(MasterClock::take);
        self.with_master.push(with_master.unwrap_or_default());
        Ok(())
    }

    /// Returns the shortest time without the master's.
    fn own(&self) -> Duration {
        let runs = self.series.samples.iter().zip(&self.with_master);
        let own = runs.map(|(sample, master)| sample.wall.saturating_sub(*master));
        own.min().unwrap_or_default()
    }
}

/// A row of the table.
struct Row<'a> {
    node: Node,
    pass: &'static str,
    master: &'static str,
    partitions: usize,
    /// How many of them were processed to their end.
    processed: usize,
    passes: &'a Passes,
    /// What the ratio is taken to.
    base: &'a Passes,
    /// What is wanted of the time, of ours.
    wanted: Option<Duration>,
}

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let mut report = Report::new(
        "node",
        format!(
            "`slapos node instance` over empty instances: with nothing to do, and for the first \
             time, when each gets its profile and a run of buildout. `slapproxy` is the real \
             master; a clock in front of it tells how long it had requests, and the time without \
             that is what counts. `replay` answers at once. Nodes of slapos.core and ours have a \
             master and directories of their own. Wanted: 50 partitions below {}, 500 below {}, \
             50 for the first time below {}, time in proportion, below {}.",
            table::time(WANTED[0].1),
            table::time(WANTED[1].1),
            table::time(WANTED_FIRST),
            table::memory(WANTED_MEMORY),
        ),
        &COLUMNS,
    );
    for partitions in REAL {
        beside_slapos_core(bench, &mut report, partitions)?;
    }
    let mut passes = Vec::new();
    for partitions in REPLAYED {
        passes.push((partitions, replayed(bench, &mut report, partitions)?));
    }
    for pair in passes.windows(2) {
        let [(fewer, first), (more, second)] = pair else {
            continue;
        };
        let growth = quotient(*second, *first);
        let proportion = *more as f64 / *fewer as f64;
        let verdict = report.verdict(
            growth <= proportion * super::PROPORTION_TOLERANCE,
            format_args!("{growth:.1} times the time for {proportion:.0} times the partitions"),
        );
        report.notes.push(format!("{fewer} to {more}: {verdict}"));
    }
    Ok(report)
}

/// A node that is measured.
struct Measured {
    node: Node,
    site: NodeSite,
    first: Passes,
    again: Passes,
}

impl Measured {
    /// Measures the first pass, so often, each over empty partitions.
    fn first(node: Node, site: NodeSite, runs: usize) -> Result<Self, ComparisonError> {
        let pass = site.pass(FIRST_LIMIT);
        let mut first = Passes::new(&pass);
        for _ in 0..runs {
            site.empty_partitions()?;
            first.run(&pass, site.clock())?;
        }
        Ok(Measured {
            node,
            site,
            first,
            again: Passes::new(&pass),
        })
    }

    /// Measures one pass that has nothing to do.
    fn again(&mut self, limit: Duration) -> Result<(), ComparisonError> {
        self.again.run(&self.site.pass(limit), self.site.clock())
    }

    /// Adds both rows; ratios are taken to `base`.
    fn add(&self, report: &mut Report, master: &'static str, partitions: usize, base: &Self) {
        let row = |pass, passes, base, wanted| Row {
            node: self.node,
            pass,
            master,
            partitions,
            processed: self.site.processed(),
            passes,
            base,
            wanted,
        };
        let wanted = (partitions == WANTED[0].0).then_some(WANTED_FIRST);
        row("first", &self.first, &base.first, wanted).add(report);
        let wanted = WANTED.iter().find(|(number, _)| *number == partitions);
        let wanted = wanted.map(|(_, time)| *time);
        row("nothing to do", &self.again, &base.again, wanted).add(report);
    }
}

/// Measures with the real master.
fn beside_slapos_core(
    bench: &Bench,
    report: &mut Report,
    partitions: usize,
) -> Result<(), ComparisonError> {
    let mut nodes = vec![Node::Ours];
    if bench.measures_peers {
        nodes.push(Node::SlaposCore);
    }
    let mut measured = Vec::new();
    for node in nodes {
        let site = NodeSite::with_slapproxy(bench, node, partitions)?;
        measured.push(Measured::first(node, site, 1)?);
    }
    for _ in 0..bench.runs {
        for node in &mut measured {
            node.again(bench.peer_limit)?;
        }
    }
    for node in &measured {
        node.add(report, "slapproxy", partitions, &measured[0]);
    }
    Ok(())
}

/// Measures with the master that answers at once. Returns the shortest pass that
/// had nothing to do.
fn replayed(
    bench: &Bench,
    report: &mut Report,
    partitions: usize,
) -> Result<Duration, ComparisonError> {
    let directory = bench.directory.join(format!("node-replay-{partitions}"));
    let release = site::release_url(&directory);
    let failed = |error: &dyn Display| ComparisonError::Master(error.to_string());
    let document =
        computer_document(site::COMPUTER, &release, partitions).map_err(|error| failed(&error))?;
    let server = ReplayServer::start(document).map_err(|error| failed(&error))?;
    let site = NodeSite::of(bench, Node::Ours, &directory, partitions, server.url())?;
    let runs = match partitions {
        50 => FIRST_RUNS,
        _ => 1,
    };
    let mut measured = Measured::first(Node::Ours, site, runs)?;
    for _ in 0..bench.runs {
        measured.again(super::OWN_LIMIT)?;
    }
    measured.add(report, "replay", partitions, &measured);
    Ok(measured.again.own())
}

impl Row<'_> {
    /// Adds the row to the table, with a verdict if it is about ours.
    fn add(&self, report: &mut Report) {
        let series = &self.passes.series;
        let remark = match self.node {
            Node::Ours => self.verdict(report),
            Node::SlaposCore => {
                let failure = series.failure().map(ToString::to_string);
                failure.unwrap_or_default()
            }
        };
        let ratio = table::ratio(self.passes.own(), self.base.own());
        let ratio = match series.failure() {
            None => ratio,
            Some(Outcome::TimedOut) => format!("> {ratio}"),
            Some(_) => String::new(),
        };
        report.table.row(vec![
            self.node.label().to_owned(),
            self.pass.to_owned(),
            self.master.to_owned(),
            self.partitions.to_string(),
            series.samples.len().to_string(),
            table::time(series.least_wall()),
            table::time(self.passes.own()),
            table::time(series.median_cpu()),
            table::memory(series.peak_memory()),
            ratio,
            remark,
        ]);
    }

    fn verdict(&self, report: &mut Report) -> String {
        let series = &self.passes.series;
        let failure = report.verdict_on_failure(series).or_else(|| {
            report.verdict_on_work("partitions processed", self.partitions, self.processed)
        });
        if let Some(verdict) = failure {
            return verdict;
        }
        let is_small = series.peak_memory() < WANTED_MEMORY;
        let memory = table::memory(WANTED_MEMORY);
        match self.wanted {
            None => report.verdict(is_small, format_args!("< {memory}")),
            Some(wanted) => report.verdict(
                is_small && self.passes.own() < wanted,
                format_args!("< {}, < {memory}", table::time(wanted)),
            ),
        }
    }
}
