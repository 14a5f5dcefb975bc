//! Runs cases through two programs and reports what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::case::{Case, ROOT, Step};
use crate::diff;
use crate::differences::{DIFFERENCES, Situation};
use crate::files;
use crate::program::{Invocation, Program, Question, search_path};
use crate::shrink::shrink;
use crate::view::View;

/// A proxy that refuses every connection.
const UNREACHABLE: &str = "http://127.0.0.1:9";

/// The two programs that a worker compares.
pub(crate) struct Pair {
    /// The reference.
    pub(crate) peer: Box<dyn Program>,
    /// The program under test.
    pub(crate) subject: Box<dyn Program>,
}

/// What came out of a set of cases.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many cases ran.
    pub(crate) cases: usize,
    /// How many invocations were compared.
    pub(crate) comparisons: usize,
    /// The report of each differing case, by its name.
    pub(crate) failures: BTreeMap<String, String>,
    /// The smallest differing case, made smaller still.
    pub(crate) shrunk: Option<String>,
    /// How often each row of the table of differences masked something.
    pub(crate) masked: BTreeMap<&'static str, usize>,
    /// How many compared invocations the reference ended with an error.
    pub(crate) peer_errors: usize,
}

impl Report {
    /// The verdict for a test: nothing differs.
    ///
    /// # Panics
    /// With the reports of the first differing cases.
    pub(crate) fn assert_equal(&self, rerun: &str) {
        const SHOWN: usize = 4;
        if self.failures.is_empty() {
            return;
        }
        let mut reports: Vec<&String> = self.failures.values().collect();
        reports.sort_by_key(|report| report.len());
        let mut text: String = reports
            .iter()
            .take(SHOWN)
            .map(|report| report.as_str())
            .collect();
        text.push_str(self.shrunk.as_deref().unwrap_or_default());
        let names: Vec<&str> = self.failures.keys().map(String::as_str).collect();
        panic!(
            "{text}\n{} of {} cases differ: {}\n{rerun}\nDIFFERENTIAL_KEEP=1 keeps the directories.",
            self.failures.len(),
            self.cases,
            names.join(" "),
        );
    }

    /// One line about the work done.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} cases, {} comparisons ({} of them errors in the reference), {} differ, masked: {:?}",
            self.cases,
            self.comparisons,
            self.peer_errors,
            self.failures.len(),
            self.masked,
        )
    }
}

/// Compares all cases on a few workers, each with its own pair of programs.
///
/// # Errors
/// Failures of the machinery; differences are in the report.
pub(crate) fn compare_all(
    cases: &[Case],
    workspace: &Path,
    keep: bool,
    start_pair: &(dyn Fn() -> Result<Pair, String> + Sync),
) -> Result<Report, String> {
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::default());
    let workers = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .min(cases.len().max(1));
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| -> Result<(), String> {
                    let mut pair = start_pair()?;
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result =
                            compare_case(case, &mut pair, workspace, keep).map_err(|problem| {
                                format!("case {}: {problem}\n{}", case.name, case.listing())
                            })?;
                        let mut report = report.lock().map_err(|_| "a worker panicked")?;
                        result.add_to(case, &mut report);
                    }
                    Ok(())
                })
            })
            .collect();
        handles
            .into_iter()
            .try_for_each(|handle| handle.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    let mut report = report
        .into_inner()
        .map_err(|_| "a worker panicked".to_owned())?;
    let smallest = cases
        .iter()
        .filter(|case| report.failures.contains_key(&case.name) && !case.compares_files)
        .min_by_key(|case| case.files.values().map(Vec::len).sum::<usize>());
    if let Some(case) = smallest {
        let mut pair = start_pair()?;
        let mut differs = |candidate: &Case| {
            compare_case(candidate, &mut pair, workspace, false)
                .is_ok_and(|result| !result.differences.is_empty())
        };
        if let Some(shrunk) = shrink(case, &mut differs) {
            let result = compare_case(&shrunk, &mut pair, workspace, keep)?;
            report.shrunk = Some(result.describe(&shrunk));
        }
    }
    Ok(report)
}

/// What came out of one case.
#[derive(Debug, Default)]
struct CaseResult {
    comparisons: usize,
    peer_errors: usize,
    masked: Vec<&'static str>,
    differences: String,
}

impl CaseResult {
    fn describe(&self, case: &Case) -> String {
        format!(
            "\n===== case {}\n{}{}",
            case.name,
            case.listing(),
            self.differences
        )
    }

    fn add_to(self, case: &Case, report: &mut Report) {
        report.cases += 1;
        report.comparisons += self.comparisons;
        report.peer_errors += self.peer_errors;
        for id in &self.masked {
            *report.masked.entry(*id).or_default() += 1;
        }
        if !self.differences.is_empty() {
            let text = self.describe(case);
            report.failures.insert(case.name.clone(), text);
        }
    }
}

/// The directories of one case, one for each side.
///
/// While a program runs, its side is moved to the same place for both, so that nothing that depends
/// on a path, such as a digest of a file's URL, can differ.
struct Sides {
    base: PathBuf,
    keep: bool,
}

const PEER: &str = "peer";
const SUBJECT: &str = "ours";

impl Sides {
    fn create(case: &Case, workspace: &Path, keep: bool) -> Result<Self, String> {
        let base = workspace.join(&case.name);
        if base.exists() {
            remove(&base)?;
        }
        let sides = Self { base, keep };
        for side in [PEER, SUBJECT] {
            sides.visit(side, |root| case.materialise(root))?;
        }
        Ok(sides)
    }

    /// Moves a side to the common place for the time of `action`.
    fn visit<T>(
        &self,
        side: &str,
        action: impl FnOnce(&Path) -> Result<T, String>,
    ) -> Result<T, String> {
        let (stored, place) = (self.base.join(side), self.base.join("here"));
        let rename = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| {
                format!(
                    "cannot rename {} to {}: {error}",
                    from.display(),
                    to.display()
                )
            })
        };
        if stored.exists() {
            rename(&stored, &place)?;
        }
        let result = action(&place);
        rename(&place, &stored)?;
        result
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed does no harm below `target`.
            let _ = remove(&self.base);
        }
    }
}

fn compare_case(
    case: &Case,
    pair: &mut Pair,
    workspace: &Path,
    keep: bool,
) -> Result<CaseResult, String> {
    const SHOWN: usize = 2;
    let sides = Sides::create(case, workspace, keep)?;
    let mut result = CaseResult::default();
    let mut shown = 0;
    for (number, step) in case.steps.iter().enumerate() {
        let (question, arguments) = match step {
            Step::Run(arguments) => (Question::Run, arguments),
            Step::Resolve(arguments) => (Question::Resolve, arguments),
            Step::Copy(..) | Step::Remove(_) => {
                for side in [PEER, SUBJECT] {
                    sides.visit(side, |root| apply(step, root))?;
                }
                continue;
            }
        };
        let mut peer = sides.visit(PEER, |root| {
            invoke(case, pair.peer.as_mut(), question, arguments, root)
        })?;
        if peer.code.is_none() {
            return Err(format!(
                "the reference was killed in step {}",
                step.describe()
            ));
        }
        let answer = sides.visit(SUBJECT, |root| {
            invoke(case, pair.subject.as_mut(), question, arguments, root)
        });
        let mut subject = match answer {
            Ok(view) => view,
            Err(problem) => {
                write_difference(
                    &mut result.differences,
                    number,
                    step,
                    &format!("ours: {problem}\n"),
                );
                continue;
            }
        };
        result.comparisons += 1;
        result.peer_errors += usize::from(peer.code != Some(0));
        subject.answer_in_kind(&peer.complaint);
        let situation = Situation {
            dialect: case.dialect,
            arguments,
        };
        for row in DIFFERENCES {
            let before = (peer.clone(), subject.clone());
            (row.mask)(&situation, &mut peer, &mut subject);
            if before.0 != before.1 && before != (peer.clone(), subject.clone()) {
                result.masked.push(row.id);
            }
        }
        let (expected, actual) = (peer.render(), subject.render());
        if expected == actual {
            continue;
        }
        shown += 1;
        if shown <= SHOWN {
            let mut text = diff::unified(&expected, &actual);
            for line in subject.raw_stderr.lines().take(20) {
                let _ = writeln!(text, "  our stderr: {line}");
            }
            write_difference(&mut result.differences, number, step, &text);
        } else {
            write_difference(&mut result.differences, number, step, "differs too\n");
        }
    }
    if keep && !result.differences.is_empty() {
        let _ = writeln!(result.differences, "kept in {}", sides.base.display());
    }
    Ok(result)
}

fn write_difference(text: &mut String, number: usize, step: &Step, difference: &str) {
    let _ = write!(
        text,
        "\n----- step {}: {}\n(- reference, + ours)\n{difference}",
        number + 1,
        step.describe(),
    );
}

fn invoke(
    case: &Case,
    program: &mut dyn Program,
    question: Question,
    arguments: &[String],
    root: &Path,
) -> Result<View, String> {
    let root_text = root.to_str().ok_or("a directory name is not UTF-8")?;
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| argument.replace(ROOT, root_text))
        .collect();
    let mut environment = vec![
        ("HOME".to_owned(), format!("{root_text}/home")),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("PATH".to_owned(), search_path()),
        // Nothing listens there: no case may depend on the network.
        ("http_proxy".to_owned(), UNREACHABLE.to_owned()),
        ("https_proxy".to_owned(), UNREACHABLE.to_owned()),
    ];
    environment.extend(
        case.environment
            .iter()
            .map(|(name, value)| (name.clone(), value.replace(ROOT, root_text))),
    );
    let outcome = program.run(&Invocation {
        question,
        directory: root,
        arguments: &arguments,
        environment: &environment,
    })?;
    let mut view = View::new(&outcome, question, root)?;
    if case.compares_files {
        view.files = files::snapshot(root)?;
    }
    Ok(view)
}

fn apply(step: &Step, root: &Path) -> Result<(), String> {
    match step {
        Step::Copy(from, to) => {
            let (from, to) = (root.join(from), root.join(to));
            fs::copy(&from, &to).map_err(|error| {
                format!(
                    "cannot copy {} to {}: {error}",
                    from.display(),
                    to.display()
                )
            })?;
            Ok(())
        }
        Step::Remove(path) => remove(&root.join(path)),
        Step::Run(_) | Step::Resolve(_) => Ok(()),
    }
}

fn remove(path: &Path) -> Result<(), String> {
    let removed = match fs::symlink_metadata(path) {
        // A step may remove what only one of the programs made.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
    removed.map_err(|error| format!("cannot remove {}: {error}", path.display()))
}
