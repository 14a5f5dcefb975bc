//! Runs a case on both sides and compares what is seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use buildout_core::event::{ENGINE_LOGGER, Event, Level};

use crate::case::{Case, Difference, Step};
use crate::observation::{Entry, Observation, Outcome};
use crate::peer::Peer;
use crate::support::{Run, TestSite};

/// How long a command of a case may take, in seconds.
const COMMAND_LIMIT: &str = "120";

/// Lines of zc.buildout's own loggers that a recipe is the cause of.
const LINES_OF_HELPERS: [&str; 1] = ["Generated script "];

/// Runs a case on both sides.
///
/// # Errors
///
/// A text that shows all differences that are not meant.
pub(crate) fn compare(case: &Case, peer: &mut Peer) -> Result<(), String> {
    let site = TestSite::new()
        .executable(peer.python())
        .assign("buildout", "offline", "true")
        .assign("buildout", "newest", "false");
    let ours = observe(case, &site, &mut |site| {
        let run = site.install();
        (outcome(&run), log_of(&run))
    });
    // The same directory once more, so that all paths are the same.
    fs::rename(site.path(""), site.path("../ours")).expect("it can be renamed");
    let parts: Vec<String> = section_names(case);
    let theirs = observe(case, &site, &mut |site| {
        let variables: Vec<(String, String)> = site
            .environment()
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .chain([("LC_ALL".to_owned(), "C.UTF-8".to_owned())])
            .collect();
        let arguments = ["-U", "buildout:offline=true", "buildout:newest=false"];
        let arguments = arguments.map(ToOwned::to_owned);
        let (outcome, stdout) = peer.run(&site.path(""), &arguments, &variables);
        let log = stdout.lines().filter(|line| {
            let of_part = |part: &String| line.starts_with(&format!("{part}: "));
            LINES_OF_HELPERS.iter().any(|start| line.starts_with(start))
                || parts.iter().any(of_part)
        });
        (outcome, log.map(ToOwned::to_owned).collect())
    });
    let mut report = Report::new(case);
    for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        if std::env::var_os("RECIPES_SHOW").is_some() {
            eprintln!("{} {}: {:?}", case.name, number + 1, theirs.outcome);
        }
        report.run(number + 1, ours, theirs);
    }
    report.finish(&site)
}

fn text(value: &std::ffi::OsStr) -> String {
    value.to_string_lossy().into_owned()
}

/// Goes through the steps of a case on one side.
fn observe(
    case: &Case,
    site: &TestSite,
    run: &mut dyn FnMut(&TestSite) -> (Outcome, Vec<String>),
) -> Vec<Observation> {
    fs::create_dir_all(site.path("")).expect("the site can be written to");
    for directory in &case.directories {
        fs::create_dir_all(site.path(directory)).expect("the site can be written to");
    }
    for (path, content, mode) in &case.files {
        site.write_with_mode(path, content, *mode);
    }
    site.profile(&case.profile);
    let mut seen = Vec::new();
    for step in &case.steps {
        match step {
            Step::Run => {
                let (outcome, log) = run(site);
                seen.push(Observation::new(&site.path(""), outcome, log));
            }
            Step::Execute(command) => {
                let outcome = execute(site, command);
                seen.push(Observation::new(&site.path(""), outcome, Vec::new()));
            }
            Step::Profile(text) => site.profile(text),
            Step::Write(path, content) => {
                site.write(path, content);
            }
            Step::Remove(path) => {
                fs::remove_file(site.path(path)).expect("the file is there on both sides");
            }
        }
    }
    seen
}

/// Runs a shell command in the buildout directory.
fn execute(site: &TestSite, command: &str) -> Outcome {
    let output = Command::new("timeout")
        .args([COMMAND_LIMIT, "/bin/sh", "-c", command])
        .current_dir(site.path(""))
        .env_clear()
        .envs(site.environment())
        .stdin(Stdio::null())
        .output()
        .expect("a shell starts");
    assert_ne!(output.status.code(), Some(124), "it ends: {command}");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome::Exited {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn outcome(run: &Run) -> Outcome {
    match &run.result {
        Ok(_) => Outcome::Success,
        Err(failure) => match failure.upstream_exception() {
            None => Outcome::UserError(failure.to_string()),
            Some(class) => {
                let class = class.rsplit('.').next().unwrap_or(class);
                Outcome::Internal(class.to_owned(), failure.to_string())
            }
        },
    }
}

/// What our recipes logged, as zc.buildout shows it.
fn log_of(run: &Run) -> Vec<String> {
    let records = run.events.iter().filter_map(Event::log_record);
    let shown = records.filter(|record| record.level >= Level::Info);
    let lines = shown.filter_map(|record| {
        let line = record.message.lines().next().unwrap_or_default();
        match &*record.logger {
            ENGINE_LOGGER => LINES_OF_HELPERS
                .iter()
                .any(|start| line.starts_with(start))
                .then(|| line.to_owned()),
            part => Some(format!("{part}: {line}")),
        }
    });
    lines.collect()
}

fn section_names(case: &Case) -> Vec<String> {
    let profiles = case.steps.iter().filter_map(|step| match step {
        Step::Profile(text) => Some(text),
        _ => None,
    });
    let lines = profiles
        .chain([&case.profile])
        .flat_map(|text| text.lines());
    let names = lines.filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    names.map(ToOwned::to_owned).collect()
}

/// The differences of a case.
struct Report<'c> {
    case: &'c Case,
    text: String,
    /// Which of the differences that are meant were met.
    met: Vec<bool>,
}

impl<'c> Report<'c> {
    fn new(case: &'c Case) -> Self {
        Report {
            case,
            text: String::new(),
            met: vec![false; case.differences.len()],
        }
    }

    /// Tells whether a difference is meant, and remembers that it was met.
    fn is_meant(&mut self, wanted: impl Fn(&Difference) -> bool) -> bool {
        let differences = self.case.differences.iter();
        let place = differences
            .map(|(difference, _)| difference)
            .position(wanted);
        if let Some(place) = place {
            self.met[place] = true;
        }
        place.is_some()
    }

    fn add(&mut self, run: usize, what: &str, theirs: &str, ours: &str) {
        let _ = write!(
            self.text,
            "\nobservation {run}: {what}\n--- theirs\n{theirs}\n--- ours\n{ours}\n"
        );
    }

    fn run(&mut self, run: usize, ours: &Observation, theirs: &Observation) {
        let same_outcome = match (&ours.outcome, &theirs.outcome) {
            (Outcome::Internal(ours, _), Outcome::Internal(theirs, _)) => ours == theirs,
            (Outcome::UserError(ours), Outcome::UserError(theirs)) => {
                ours == theirs || self.is_meant(|it| matches!(it, Difference::ErrorText))
            }
            (ours, theirs) => ours == theirs,
        };
        if !same_outcome {
            if self.is_meant(|it| matches!(it, Difference::Outcome)) {
                return;
            }
            let shown = |outcome: &Outcome| format!("{outcome:?}");
            self.add(
                run,
                "outcome",
                &shown(&theirs.outcome),
                &shown(&ours.outcome),
            );
        }
        self.entries(run, &ours.tree, &theirs.tree);
        self.values(run, &ours.installed, &theirs.installed);
        if ours.log != theirs.log && !self.is_meant(|it| matches!(it, Difference::Log)) {
            self.add(run, "log", &theirs.log.join("\n"), &ours.log.join("\n"));
        }
    }

    fn entries(
        &mut self,
        run: usize,
        ours: &BTreeMap<String, Entry>,
        theirs: &BTreeMap<String, Entry>,
    ) {
        for path in all_keys(ours, theirs) {
            let what = format!("`{path}`");
            match (ours.get(path), theirs.get(path)) {
                (Some(ours), Some(theirs)) if ours.kind != theirs.kind => {
                    self.add(run, &what, &theirs.kind, &ours.kind);
                }
                (Some(ours), Some(theirs)) if ours.content != theirs.content => {
                    let meant =
                        |it: &Difference| matches!(it, Difference::Content(own) if own == path);
                    if !self.is_meant(meant) {
                        let shown =
                            |entry: &Entry| String::from_utf8_lossy(&entry.content).into_owned();
                        self.add(run, &what, &shown(theirs), &shown(ours));
                    }
                }
                (Some(_), Some(_)) => {}
                (ours, theirs) => {
                    let shown = |entry: Option<&Entry>| {
                        entry.map_or("(not there)".to_owned(), |entry| entry.kind.clone())
                    };
                    self.add(run, &what, &shown(theirs), &shown(ours));
                }
            }
        }
    }

    fn values(
        &mut self,
        run: usize,
        ours: &BTreeMap<String, String>,
        theirs: &BTreeMap<String, String>,
    ) {
        for name in all_keys(ours, theirs) {
            let (ours, theirs) = (ours.get(name), theirs.get(name));
            if ours == theirs {
                continue;
            }
            let meant = |it: &Difference| matches!(it, Difference::Value(part, option) if *name == format!("{part} {option}"));
            if ours.is_some() && theirs.is_some() && self.is_meant(meant) {
                continue;
            }
            let shown = |value: Option<&String>| {
                value.map_or("(not there)".to_owned(), |value| format!("{value:?}"))
            };
            let what = format!("`.installed.cfg`: {name}");
            self.add(run, &what, &shown(theirs), &shown(ours));
        }
    }

    fn finish(mut self, site: &TestSite) -> Result<(), String> {
        for ((difference, reason), met) in self.case.differences.iter().zip(&self.met) {
            if !met {
                let _ = write!(
                    self.text,
                    "\nnothing differs that {difference:?} ({reason}) would explain\n"
                );
            }
        }
        if self.text.is_empty() {
            return Ok(());
        }
        let text = site.mask(&self.text);
        Err(format!("=== case `{}`\n{text}", self.case.name))
    }
}

fn all_keys<'m, V>(
    ours: &'m BTreeMap<String, V>,
    theirs: &'m BTreeMap<String, V>,
) -> Vec<&'m String> {
    let mut keys: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    keys.sort();
    keys.dedup();
    keys
}
