//! A run over many installed parts that has nothing to do.

use std::path::PathBuf;
use std::time::Duration;

use super::{Bench, COLUMNS, ComparisonError, Report, create_directory, write};
use crate::measure::{Contender, measure};
use crate::workload::directories;

const PARTS: usize = 300;
/// Wanted: the whole process takes less than this.
const WANTED: Duration = Duration::from_millis(20);

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    // Each contender has a buildout of its own: none is to find the state another one wrote.
    let mut contenders: Vec<Contender> = Vec::new();
    let ours = prepare(bench, "ours")?;
    contenders.push(bench.ours(&ours, &["-N"]));
    for peer in bench.peers.iter().filter(|peer| peer.release.has_recipes) {
        let directory = prepare(bench, peer.release.version)?;
        contenders.push(bench.peer(peer, &directory, &["-N"]));
    }
    // The first run installs the parts.
    measure(&contenders, 1)?;
    let installed = (0..PARTS)
        .filter(|part| ours.join(format!("data/{part:04}")).is_dir())
        .count();
    let series = measure(&contenders, bench.runs)?;

    let mut report = Report::new(
        "noop",
        format!(
            "`buildout -N` over {PARTS} installed parts of `slapos.recipe.build:mkdirectory`, \
             with nothing to do. Wanted: below {} ms for the whole process.",
            WANTED.as_millis()
        ),
        &COLUMNS,
    );
    let [ours, peers @ ..] = series.as_slice() else {
        return Ok(report);
    };
    let failure = report
        .verdict_on_failure(ours)
        .or_else(|| report.verdict_on_work("parts installed", PARTS, installed));
    let verdict = match failure {
        Some(verdict) => verdict,
        None => report.verdict(
            ours.median_wall() < WANTED,
            format_args!("< {} ms", WANTED.as_millis()),
        ),
    };
    report.row(ours, ours, verdict);
    for peer in peers {
        report.row_beside(peer, ours);
    }
    Ok(report)
}

fn prepare(bench: &Bench, name: &str) -> Result<PathBuf, ComparisonError> {
    let directory = bench.directory.join(format!("noop-{name}"));
    create_directory(&directory)?;
    write(&directory.join("buildout.cfg"), &directories(PARTS))?;
    Ok(directory)
}
