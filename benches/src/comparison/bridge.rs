//! Recipes in Python that do nothing: what is left is the cost of having them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Bench, COLUMNS, ComparisonError, Report, create_directory, write};
use crate::measure::{Contender, MeasureError, Series, measure};
use crate::workload::{EMPTY_RECIPE, EMPTY_RECIPE_ENTRY_POINTS, empty_parts};

/// The parts of the profiles.
const PARTS: [usize; 3] = [0, 1, 100];
/// Wanted: a run with one such part takes less than this more than one with none.
const WANTED_FOR_RUN: Duration = Duration::from_millis(100);
/// Wanted: each further part takes less than this.
const WANTED_FOR_PART: Duration = Duration::from_millis(5);

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let python = python()?;
    let mut contenders: Vec<Contender> = Vec::new();
    for parts in PARTS {
        let directory = prepare(bench, parts)?;
        let mut contender = bench.ours(&directory, &["-N", "--python", &python]);
        contender.label = format!("{parts} parts");
        contenders.push(contender);
    }
    // The first run installs setuptools, which every recipe may import, and the parts.
    let output = contenders[2].output()?;
    let installed = output.matches("Installing part-").count();
    measure(&contenders, 1)?;
    let series = measure(&contenders, bench.runs)?;
    let mut report = Report::new(
        "bridge",
        format!(
            "`buildout -N` over installed parts whose recipe is in Python and does nothing. \
             Wanted: below {} ms for the first part, below {} ms for each further one, in CPU \
             time of both processes, which other load does not lengthen.",
            WANTED_FOR_RUN.as_millis(),
            WANTED_FOR_PART.as_millis(),
        ),
        &COLUMNS,
    );
    let [none, one, many] = series.as_slice() else {
        return Ok(report);
    };
    report.row(none, none, String::new());
    let for_run = one.median_cpu().saturating_sub(none.median_cpu());
    let verdict = judge(
        &mut report,
        one,
        for_run,
        WANTED_FOR_RUN,
        "for the first part",
    );
    report.row(one, none, verdict);
    let further = u32::try_from(PARTS[2] - PARTS[1]).unwrap_or(u32::MAX);
    let for_part = many.median_cpu().saturating_sub(one.median_cpu()) / further;
    let verdict = match report.verdict_on_work("parts installed", PARTS[2], installed) {
        Some(verdict) => verdict,
        None => judge(
            &mut report,
            many,
            for_part,
            WANTED_FOR_PART,
            "for each further part",
        ),
    };
    report.row(many, none, verdict);
    Ok(report)
}

fn judge(
    report: &mut Report,
    series: &Series,
    cost: Duration,
    wanted: Duration,
    what: &str,
) -> String {
    report.verdict_on_failure(series).unwrap_or_else(|| {
        let milliseconds = cost.as_secs_f64() * 1000.0;
        let text = format!("{milliseconds:.2} ms {what}, < {} ms", wanted.as_millis());
        report.verdict(cost < wanted, text)
    })
}

/// Returns the Python of the `PATH` as it calls itself: a version manager's script that
/// chooses it is not what is measured.
fn python() -> Result<String, ComparisonError> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .map_err(|source| MeasureError::Process {
            verb: "run",
            program: PathBuf::from("python3"),
            source,
        })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes a buildout with a link to the recipe, as that of a checkout.
fn prepare(bench: &Bench, parts: usize) -> Result<PathBuf, ComparisonError> {
    let directory = bench.directory.join(format!("bridge-{parts}"));
    let checkout = directory.join("checkout");
    let metadata = checkout.join("donothing.egg-info");
    let links = directory.join("develop-eggs");
    for directory in [&metadata, &links] {
        create_directory(directory)?;
    }
    let file = |directory: &Path, name: &str, text: &str| write(&directory.join(name), text);
    file(&checkout, "donothing.py", EMPTY_RECIPE)?;
    file(&metadata, "entry_points.txt", EMPTY_RECIPE_ENTRY_POINTS)?;
    file(
        &metadata,
        "PKG-INFO",
        "Metadata-Version: 2.1\nName: donothing\nVersion: 1.0\n",
    )?;
    let link = format!("{}\n.", checkout.display());
    file(&links, "donothing.egg-link", &link)?;
    file(&directory, "buildout.cfg", &empty_parts(parts))?;
    Ok(directory)
}
