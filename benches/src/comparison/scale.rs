//! `annotate` of trees that grow in width and in depth.

use std::time::Duration;

use super::{Bench, ComparisonError, PROPORTION_TOLERANCE, Report, SEED};
use crate::measure::measure;
use crate::table::{self, count, quotient, ratio};
use crate::tree::{Tree, TreeShape};

/// A way for a tree to grow.
type Growth = fn(TreeShape, usize) -> TreeShape;

const COLUMNS: [&str; 13] = [
    "tree",
    "files",
    "kB",
    "edges",
    "include paths",
    "depth",
    "ours",
    "CPU",
    "peak memory",
    "floor",
    "ours/floor",
    "growth",
    "verdict",
];

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let mut report = Report::new(
        "scale",
        format!(
            "`buildout annotate` of the same kind of tree with 2, 4 and 8 times the files, wider \
             (same depth) and deeper (chains as many times longer). Times are the shortest of \
             the whole process, CPU is our median. Growth is ours, relative to the tree of one \
             time the size. Wanted: growth in proportion to the edges, with {:.0} % of tolerance.",
            (PROPORTION_TOLERANCE - 1.0) * 100.0
        ),
        &COLUMNS,
    );
    let directions: [(&str, Growth); 2] =
        [("wider", TreeShape::wider), ("deeper", TreeShape::deeper)];
    for (direction, grow) in directions {
        let mut base: Option<(Duration, usize)> = None;
        for times in [1, 2, 4, 8] {
            let label = format!("{times}× {direction}");
            let tree = Tree::generate(&grow(TreeShape::erp5(), times), SEED);
            let shape = tree.report();
            let written = bench.write_tree(&format!("scale-{direction}-{times}"), &tree)?;
            let series = measure(
                &[
                    bench.ours(
                        &written.profile_directory,
                        &["-c", "software.cfg", "annotate"],
                    ),
                    bench.floor(&written.directory, &written.list),
                ],
                bench.runs,
            )?;
            let [ours, floor] = series.as_slice() else {
                continue;
            };
            let wall = ours.least_wall();
            let (base_wall, base_edges) = *base.get_or_insert((wall, shape.edges));
            let verdict = match report.verdict_on_failure(ours) {
                Some(verdict) => verdict,
                None if times == 1 => String::new(),
                None => {
                    let wanted = PROPORTION_TOLERANCE * shape.edges as f64 / base_edges as f64;
                    report.verdict(
                        quotient(wall, base_wall) <= wanted,
                        format_args!("≤ {wanted:.2}×"),
                    )
                }
            };
            report.table.row(vec![
                label,
                count(shape.files as u128),
                count(shape.bytes as u128 / 1000),
                count(shape.edges as u128),
                count(shape.include_paths),
                shape.depth.to_string(),
                table::time(wall),
                table::time(ours.median_cpu()),
                table::memory(ours.peak_memory()),
                table::time(floor.least_wall()),
                ratio(wall, floor.least_wall()),
                ratio(wall, base_wall),
                verdict,
            ]);
        }
    }
    Ok(report)
}
