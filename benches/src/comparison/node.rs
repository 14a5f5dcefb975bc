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
    /// Returns the shortest time without the master's.
    fn own(&self) -> Duration {
        let runs = self.series.samples.iter().zip(&self.with_master);
        let own = runs.map(|(sample, master)| sample.wall.saturating_sub(*master));
        own.min().unwrap_or_default()
    }
}

/// A row of the table.
struct Row<'a> {
    node: &'static str,
    pass: &'static str,
    master: &'static str,
    partitions: usize,
    passes: &'a Passes,
    /// What the ratio is taken to.
    base: &'a Passes,
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
        let growth = quotient(second.own(), first.own());
        let proportion = *more as f64 / *fewer as f64;
        let verdict = report.verdict(
            growth <= proportion * super::PROPORTION_TOLERANCE,
            format_args!("{growth:.1} times the time for {proportion:.0} times the partitions"),
        );
        report.notes.push(format!("{fewer} to {more}: {verdict}"));
    }
    Ok(report)
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
    let mut prepared = Vec::new();
    for node in nodes {
        let site = NodeSite::with_slapproxy(bench, node, partitions)?;
        let pass = site.pass(FIRST_LIMIT);
        let first = first_passes(&site, &pass, site.clock(), 1)?;
        let processed = site.processed();
        prepared.push((node, site, first, processed));
    }
    let mut passes: Vec<Passes> = Vec::new();
    for (_, site, _, _) in &prepared {
        passes.push(again(
            &site.pass(bench.peer_limit),
            site.clock(),
            bench.runs,
        )?);
    }
    let (Some((_, _, first_base, _)), Some(base)) = (prepared.first(), passes.first()) else {
        return Ok(());
    };
    for ((node, _, first, processed), passes) in prepared.iter().zip(&passes) {
        let mut row = Row {
            node: node.label(),
            pass: "first",
            master: "slapproxy",
            partitions,
            passes: first,
            base: first_base,
        };
        let is_ours = *node == Node::Ours;
        let wanted = (is_ours && partitions == 50).then_some(WANTED_FIRST);
        add(report, &row, *processed, is_ours, wanted);
        row = Row {
            pass: "nothing to do",
            passes,
            base,
            ..row
        };
        let wanted = wanted_of(partitions).filter(|_| is_ours);
        add(report, &row, *processed, is_ours, wanted);
    }
    Ok(())
}

/// Measures with the master that answers at once. Returns the passes that had
/// nothing to do.
fn replayed(
    bench: &Bench,
    report: &mut Report,
    partitions: usize,
) -> Result<Passes, ComparisonError> {
    let directory = bench.directory.join(format!("node-replay-{partitions}"));
    let release = site::release_url(&directory);
    let document = computer_document(site::COMPUTER, &release, partitions)
        .map_err(|error| ComparisonError::Master(error.to_string()))?;
    let server = ReplayServer::start(document)
        .map_err(|error| ComparisonError::Master(error.to_string()))?;
    let site = NodeSite::of(bench, Node::Ours, &directory, partitions, server.url())?;
    let pass = site.pass(super::OWN_LIMIT);
    let is_smallest = partitions == REPLAYED[0];
    let first = first_passes(&site, &pass, None, if is_smallest { FIRST_RUNS } else { 1 })?;
    let passes = again(&pass, None, bench.runs)?;
    let mut row = Row {
        node: Node::Ours.label(),
        pass: "first",
        master: "replay",
        partitions,
        passes: &first,
        base: &first,
    };
    let processed = site.processed();
    add(
        report,
        &row,
        processed,
        true,
        is_smallest.then_some(WANTED_FIRST),
    );
    row = Row {
        pass: "nothing to do",
        passes: &passes,
        base: &passes,
        ..row
    };
    add(report, &row, processed, true, wanted_of(partitions));
    Ok(passes)
}

fn wanted_of(partitions: usize) -> Option<Duration> {
    let wanted = WANTED.iter().find(|(number, _)| *number == partitions);
    wanted.map(|(_, time)| *time)
}

/// Measures passes over partitions that are empty before each.
fn first_passes(
    site: &NodeSite,
    pass: &Contender,
    clock: Option<&MasterClock>,
    runs: usize,
) -> Result<Passes, ComparisonError> {
    let mut all: Option<Passes> = None;
    for _ in 0..runs {
        site.empty_partitions()?;
        let passes = again(pass, clock, 1)?;
        match &mut all {
            None => all = Some(passes),
            Some(all) => {
                all.series.samples.extend(passes.series.samples);
                all.series.complaint = passes.series.complaint;
                all.with_master.extend(passes.with_master);
            }
        }
    }
    Ok(all.unwrap_or_else(|| unreachable!("a first pass is measured at least once")))
}

/// Measures passes one after the other.
fn again(
    pass: &Contender,
    clock: Option<&MasterClock>,
    runs: usize,
) -> Result<Passes, ComparisonError> {
    let mut passes = Passes {
        series: Series {
            label: pass.label.clone(),
            samples: Vec::new(),
            complaint: String::new(),
        },
        with_master: Vec::new(),
    };
    for _ in 0..runs.max(1) {
        if passes.series.is_over() {
            break;
        }
        if let Some(clock) = clock {
            clock.take();
        }
        for series in measure(std::slice::from_ref(pass), 1)? {
            passes.series.samples.extend(series.samples);
            passes.series.complaint = series.complaint;
        }
        passes
            .with_master
            .push(clock.map(MasterClock::take).unwrap_or_default());
    }
    Ok(passes)
}

/// Adds a row, with a verdict if it is about ours.
fn add(
    report: &mut Report,
    row: &Row<'_>,
    processed: usize,
    is_ours: bool,
    wanted: Option<Duration>,
) {
    let Row { passes, base, .. } = row;
    let series = &passes.series;
    let remark = if is_ours {
        verdict(report, row, processed, wanted)
    } else {
        series
            .failure()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let ratio = match series.failure() {
        None => table::ratio(passes.own(), base.own()),
        Some(Outcome::TimedOut) => format!("> {}", table::ratio(passes.own(), base.own())),
        Some(_) => String::new(),
    };
    report.table.row(vec![
        row.node.to_owned(),
        row.pass.to_owned(),
        row.master.to_owned(),
        row.partitions.to_string(),
        series.samples.len().to_string(),
        table::time(series.least_wall()),
        table::time(passes.own()),
        table::time(series.median_cpu()),
        table::memory(series.peak_memory()),
        ratio,
        remark,
    ]);
}

fn verdict(
    report: &mut Report,
    row: &Row<'_>,
    processed: usize,
    wanted: Option<Duration>,
) -> String {
    let series = &row.passes.series;
    let failure = report
        .verdict_on_failure(series)
        .or_else(|| report.verdict_on_work("partitions processed", row.partitions, processed));
    if let Some(verdict) = failure {
        return verdict;
    }
    let memory = series.peak_memory() < WANTED_MEMORY;
    let time = wanted.is_none_or(|wanted| row.passes.own() < wanted);
    let text: &dyn Display = match &wanted {
        Some(wanted) => &format!(
            "< {}, < {}",
            table::time(*wanted),
            table::memory(WANTED_MEMORY)
        ),
        None => &format!("< {}", table::memory(WANTED_MEMORY)),
    };
    report.verdict(memory && time, text)
}
