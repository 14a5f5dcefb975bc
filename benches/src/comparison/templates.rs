//! Many Jinja2 templates in one run, next to Python's Jinja2.

use std::time::Duration;

use super::{Bench, COLUMNS, ComparisonError, OWN_LIMIT, Report, create_directory, words, write};
use crate::measure::{Contender, measure};
use crate::table;
use crate::templates::{CONTEXT, generate};

const TEMPLATES: usize = 200;
const SEED: u64 = 1;
/// How often each template is rendered again for the shortest time.
const ROUNDS: &str = "10";
/// Wanted: so many times faster than the first rendering with Jinja2, which compiles.
const WANTED_FIRST: f64 = 20.0;
/// Wanted: faster than a further rendering with Jinja2.
const WANTED_WARM: f64 = 1.0;

/// What one run of a contender prints.
#[derive(Debug, Clone)]
struct Times {
    /// All templates for the first time.
    first: Duration,
    /// All templates again.
    warm: Duration,
    /// Until Jinja2 is imported.
    import: Duration,
    /// The digest of all texts.
    digest: String,
}

impl Times {
    fn parse(output: &str) -> Option<Self> {
        let mut words = output.split_whitespace();
        let mut time = || words.next()?.parse().ok().map(Duration::from_nanos);
        let (first, warm, import) = (time()?, time()?, time()?);
        let digest = words.next()?.to_owned();
        Some(Times {
            first,
            warm,
            import,
            digest,
        })
    }

    /// Returns the shortest of each.
    fn least(self, other: Option<Times>) -> Self {
        match other {
            None => self,
            Some(other) => Times {
                first: self.first.min(other.first),
                warm: self.warm.min(other.warm),
                import: self.import.min(other.import),
                digest: self.digest,
            },
        }
    }
}

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let directory = bench.directory.join("templates");
    create_directory(&directory)?;
    write(&directory.join("context"), CONTEXT)?;
    for (index, template) in generate(TEMPLATES, SEED).iter().enumerate() {
        write(&directory.join(format!("{index:04}.in")), template)?;
    }
    let script = bench.directory.join("render.py");
    write(&script, include_str!("render.py"))?;

    let arguments = |first: Option<&std::path::Path>, rounds: &str| {
        let script = first.map(|path| path.as_os_str().to_owned());
        script
            .into_iter()
            .chain([directory.as_os_str().to_owned()])
            .chain(words(&[rounds]))
            .collect()
    };
    let ours = |rounds: &str| Contender {
        label: "ours".to_owned(),
        program: bench.render.clone(),
        arguments: arguments(None, rounds),
        directory: directory.clone(),
        limit: OWN_LIMIT,
        environment: Vec::new(),
        removed: Vec::new(),
    };
    let theirs = |rounds: &str| {
        bench.jinja2.as_ref().map(|python| Contender {
            label: "Jinja2".to_owned(),
            program: python.clone(),
            arguments: arguments(Some(&script), rounds),
            directory: directory.clone(),
            limit: bench.peer_limit,
            environment: Vec::new(),
            removed: Vec::new(),
        })
    };

    let (mut our_times, mut their_times) = (None, None);
    for _ in 0..bench.runs.min(5) {
        if let Some(times) = Times::parse(&ours(ROUNDS).output()?) {
            our_times = Some(times.least(our_times));
        }
        if let Some(theirs) = theirs(ROUNDS)
            && let Some(times) = Times::parse(&theirs.output()?)
        {
            their_times = Some(times.least(their_times));
        }
    }
    let contenders: Vec<Contender> = std::iter::once(ours("0")).chain(theirs("0")).collect();
    let series = measure(&contenders, bench.runs)?;

    let mut report = Report::new(
        "templates",
        format!(
            "{TEMPLATES} generated Jinja2 templates with the sizes of SlapOS's, rendered one after \
             the other in one process: for the first time, which compiles them, and again. \
             Wanted: {WANTED_FIRST} times faster than the first rendering with Jinja2, and faster \
             than a further one."
        ),
        &COLUMNS,
    );
    let [our_process, their_process @ ..] = series.as_slice() else {
        return Ok(report);
    };
    let verdict = match report.verdict_on_failure(our_process) {
        Some(verdict) => verdict,
        None => match (&our_times, &their_times) {
            (Some(ours), Some(theirs)) => {
                let is_same = ours.digest == theirs.digest;
                report.verdict(is_same, "the same texts as Jinja2")
            }
            (Some(_), None) => String::new(),
            (None, _) => report.verdict(false, "no times"),
        },
    };
    report.row(our_process, our_process, verdict);
    for process in their_process {
        report.row_beside(process, our_process);
    }
    if let (Some(ours), Some(theirs)) = (our_times, their_times) {
        compare(&mut report, &ours, &theirs);
    }
    Ok(report)
}

/// Adds what was measured within the processes.
fn compare(report: &mut Report, ours: &Times, theirs: &Times) {
    let imported = theirs.first + theirs.import;
    for (what, ours, theirs, wanted) in [
        ("first rendering", ours.first, theirs.first, WANTED_FIRST),
        (
            "first rendering and import",
            ours.first,
            imported,
            WANTED_FIRST,
        ),
        ("further rendering", ours.warm, theirs.warm, WANTED_WARM),
    ] {
        let times = table::quotient(theirs, ours);
        let verdict = report.verdict(times >= wanted, format_args!("at least {wanted} times"));
        report.notes.push(format!(
            "{what}: ours {}, Jinja2 {}: {} ({verdict})",
            table::time(ours),
            table::time(theirs),
            table::ratio(theirs, ours)
        ));
    }
}
