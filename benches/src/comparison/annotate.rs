//! `annotate` of a tree with the shape of SlapOS's ERP5 release.

use super::{Bench, COLUMNS, ComparisonError, Report, SEED};
use crate::measure::measure;
use crate::table::{count, quotient};
use crate::tree::{Tree, TreeShape};

/// Wanted: the whole process takes at most this many times the floor's.
const WANTED_RATIO: f64 = 3.0;
/// Wanted: less memory than this, in MiB.
const WANTED_MEMORY: u64 = 50;

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let tree = Tree::generate(&TreeShape::erp5(), SEED);
    let shape = tree.report();
    let written = bench.write_tree("annotate", &tree)?;
    let mut contenders = vec![
        bench.ours(
            &written.profile_directory,
            &["-c", "software.cfg", "annotate"],
        ),
        bench.floor(&written.directory, &written.list),
    ];
    for peer in &bench.peers {
        contenders.push(bench.peer(
            peer,
            &written.profile_directory,
            &["-c", "software.cfg", "annotate"],
        ));
    }
    let output = contenders[0].output()?;
    let shown = output.lines().filter(|line| line.starts_with('[')).count();
    let series = measure(&contenders, bench.runs)?;

    let mut report = Report::new(
        "annotate",
        format!(
            "`buildout annotate` of a generated tree like SlapOS's ERP5 release: {} files, {} \
             bytes, {} `extends` entries, {} include paths, chain depth {}, {} sections, {} \
             options. The floor reads and hashes the same files. Wanted: at most \
             {WANTED_RATIO}× the floor, below {WANTED_MEMORY} MiB.",
            count(shape.files as u128),
            count(shape.bytes as u128),
            count(shape.edges as u128),
            count(shape.include_paths),
            shape.depth,
            count(shape.sections as u128),
            count(shape.options as u128),
        ),
        &COLUMNS,
    );
    let [ours, floor, peers @ ..] = series.as_slice() else {
        return Ok(report);
    };
    let failure = report
        .verdict_on_failure(ours)
        .or_else(|| report.verdict_on_work("sections shown", shape.sections, shown));
    let verdict = match failure {
        Some(verdict) => verdict,
        None => {
            let ratio = quotient(ours.least_wall(), floor.least_wall());
            let small = ours.peak_memory() < WANTED_MEMORY << 20;
            let time = report.verdict(
                ratio <= WANTED_RATIO,
                format_args!("≤ {WANTED_RATIO}× floor"),
            );
            let memory = report.verdict(small, format_args!("< {WANTED_MEMORY} MiB"));
            format!("{time}; {memory}")
        }
    };
    report.row(ours, floor, verdict);
    let beside = report.verdict_on_failure(floor).unwrap_or_default();
    report.row(floor, floor, beside);
    for peer in peers {
        report.row_beside(peer, floor);
    }
    Ok(report)
}
