//! Differential tests: our `buildout` against the real zc.buildout, side by side.
//!
//! Nothing expected is recorded. Each case runs live through both programs, in two directories of
//! the same contents, and everything a user or a tool can see is compared: stdout byte for byte,
//! exit codes, the first block of stderr, resolved values, and in whole runs the files on disk and
//! the installed state. The deliberate differences are the rows of `differences.rs`.
//!
//! The reference is zc.buildout 6.0.1 for the `upstream` dialect and 3.0.1 for `slapos`, installed
//! from PyPI into `target/peers` by the first test that needs it (see `peer.rs`) and kept warm by
//! `driver.py`. Without `python3` or, the first time, the network, the tests fail and say so.
//!
//! Variables for work on a failure:
//!
//! - `DIFFERENTIAL_SEED=N` runs only that seed of the generated cases, in both dialects;
//! - `DIFFERENTIAL_SEEDS=FIRST..LAST` runs another range of seeds than the fixed one;
//! - `DIFFERENTIAL_CASE=NAME` runs only that case of `testdata/cases`;
//! - `DIFFERENTIAL_KEEP=1` keeps the directories of the cases that ran;
//! - `DIFFERENTIAL_SUBJECT=PATH` puts another build of our program in our place, `peer` the reference
//!   itself, and `other` the reference of the other dialect, to look at the machinery.

mod case;
mod comparison;
mod diff;
mod differences;
mod files;
mod generator;
mod peer;
mod program;
mod random;
mod remote;
mod shrink;
mod takeover;
mod view;
mod written;

use std::path::{Path, PathBuf};

use buildout_core::fetch::test_server::TestServer;
use tempfile::TempDir;

use case::{Case, Dialect, Step};
use comparison::{Pair, Report, compare_all};
use peer::{Peer, PeerVersion};
use program::{Driver, RealCommand};

/// The seeds that every run of the suite goes through in the `upstream` dialect.
const SEEDS: std::ops::Range<u64> = 1..501;
/// The seeds that also run in the `slapos` dialect, against 3.0.1.
const SLAPOS_SEEDS: std::ops::Range<u64> = 1..121;
/// The seeds that also go through the reference's real command instead of the driver.
const REAL_COMMAND_SEEDS: std::ops::Range<u64> = 1..51;

/// Returns where peers live: beside the build's other products.
fn peers_root() -> PathBuf {
    // CARGO_TARGET_TMPDIR is `target/tmp`.
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp).join("peers")
}

/// A fresh directory for the cases of one test, removed at its end unless it is to be kept.
struct Workspace {
    directory: Option<TempDir>,
    path: PathBuf,
}

impl Workspace {
    fn create(test: &str) -> Result<Self, String> {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let failed = |error: std::io::Error| {
            format!("cannot make a directory in {}: {error}", parent.display())
        };
        std::fs::create_dir_all(parent).map_err(failed)?;
        let parent = parent.canonicalize().map_err(failed)?;
        let prefix = format!("differential-{test}-");
        let directory = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(parent)
            .map_err(failed)?;
        if setting("DIFFERENTIAL_KEEP").is_some() {
            return Ok(Self {
                directory: None,
                path: directory.keep(),
            });
        }
        Ok(Self {
            path: directory.path().to_owned(),
            directory: Some(directory),
        })
    }

    /// Compares cases below this directory.
    fn compare(
        &self,
        cases: &[Case],
        start_pair: &(dyn Fn() -> Result<Pair, String> + Sync),
    ) -> Result<Report, String> {
        compare_all(cases, &self.path, self.directory.is_none(), start_pair)
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The program under test for a dialect.
fn subject(dialect: Dialect, peer: &Peer) -> Result<Box<dyn program::Program>, String> {
    let version = match setting("DIFFERENTIAL_SUBJECT").as_deref() {
        None => {
            let executable = Path::new(env!("CARGO_BIN_EXE_buildout"));
            return Ok(Box::new(RealCommand::ours(
                executable,
                dialect.name(),
                &peer.python,
            )));
        }
        Some("peer") => dialect.peer(),
        Some("other") if dialect == Dialect::Slapos => PeerVersion::Upstream6,
        Some("other") => PeerVersion::Slapos3,
        Some(path) => {
            return Ok(Box::new(RealCommand::ours(
                Path::new(path),
                dialect.name(),
                &peer.python,
            )));
        }
    };
    let stand_in = Peer::provide(version, &peers_root())?;
    Ok(Box::new(Driver::start(&stand_in.python)?))
}

/// Compares cases of one dialect with the reference in its driver.
fn compare(test: &str, dialect: Dialect, cases: &[Case]) -> Result<Report, String> {
    let peer = Peer::provide(dialect.peer(), &peers_root())?;
    let start_pair = || {
        Ok(Pair {
            peer: Box::new(Driver::start(&peer.python)?),
            subject: subject(dialect, &peer)?,
        })
    };
    Workspace::create(test)?.compare(cases, &start_pair)
}

/// The hand-written cases of one dialect.
fn written_cases(dialect: Dialect) -> Result<Vec<Case>, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cases");
    let mut cases = written::read_cases(&directory)?;
    cases.retain(|case| case.dialect == dialect);
    if let Some(name) = setting("DIFFERENTIAL_CASE") {
        cases.retain(|case| case.name == name);
    }
    Ok(cases)
}

/// The seeds to run: the fixed ones, unless a variable names others.
fn seeds(fixed: std::ops::Range<u64>) -> Result<std::ops::Range<u64>, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|error| format!("seed {text:?}: {error}"))
    };
    if let Some(seed) = setting("DIFFERENTIAL_SEED") {
        let seed = number(&seed)?;
        return Ok(seed..seed + 1);
    }
    match setting("DIFFERENTIAL_SEEDS") {
        Some(range) => {
            let (first, last) = range
                .split_once("..")
                .ok_or("DIFFERENTIAL_SEEDS is FIRST..LAST")?;
            Ok(number(first)?..number(last)? + 1)
        }
        None => Ok(fixed),
    }
}

const RERUN_SEED: &str = "DIFFERENTIAL_SEED=N reruns one seed.";
const RERUN_CASE: &str = "DIFFERENTIAL_CASE=NAME reruns one case.";

#[test]
fn written_cases_agree_with_upstream() -> Result<(), String> {
    let report = compare(
        "written",
        Dialect::Upstream,
        &written_cases(Dialect::Upstream)?,
    )?;
    eprintln!("{}", report.summary());
    report.assert_equal(RERUN_CASE);
    Ok(())
}

#[test]
fn written_cases_agree_with_3_0_1() -> Result<(), String> {
    let report = compare(
        "written-slapos",
        Dialect::Slapos,
        &written_cases(Dialect::Slapos)?,
    )?;
    eprintln!("{}", report.summary());
    report.assert_equal(RERUN_CASE);
    Ok(())
}

#[test]
fn remote_profiles_agree_with_upstream() -> Result<(), String> {
    let server = TestServer::start();
    for (test, dialect) in [
        ("remote", Dialect::Upstream),
        ("remote-slapos", Dialect::Slapos),
    ] {
        let report = compare(test, dialect, &remote::cases(&server, dialect))?;
        eprintln!("{}", report.summary());
        report.assert_equal("");
    }
    Ok(())
}

#[test]
fn generated_cases_agree_with_upstream() -> Result<(), String> {
    let cases: Vec<Case> = seeds(SEEDS)?
        .map(|seed| generator::case(seed, Dialect::Upstream))
        .collect();
    let report = compare("generated", Dialect::Upstream, &cases)?;
    eprintln!("{}", report.summary());
    report.assert_equal(RERUN_SEED);
    Ok(())
}

#[test]
fn generated_cases_agree_with_3_0_1() -> Result<(), String> {
    let cases: Vec<Case> = seeds(SLAPOS_SEEDS)?
        .map(|seed| generator::case(seed, Dialect::Slapos))
        .collect();
    let report = compare("generated-slapos", Dialect::Slapos, &cases)?;
    eprintln!("{}", report.summary());
    report.assert_equal(RERUN_SEED);
    Ok(())
}

#[test]
fn generated_cases_agree_with_the_real_command() -> Result<(), String> {
    // Starting Python costs half a second, so each of these cases asks one thing, in turn.
    let peer = Peer::provide(PeerVersion::Upstream6, &peers_root())?;
    let mut cases: Vec<Case> = seeds(REAL_COMMAND_SEEDS)?
        .map(|seed| generator::case(seed, Dialect::Upstream))
        .collect();
    for (index, case) in cases.iter_mut().enumerate() {
        case.steps.retain(|step| matches!(step, Step::Run(_)));
        let chosen = index % case.steps.len();
        case.steps = vec![case.steps[chosen].clone()];
    }
    let start_pair = || {
        Ok(Pair {
            peer: Box::new(RealCommand::peer(&peer.buildout)),
            subject: subject(Dialect::Upstream, &peer)?,
        })
    };
    let report = Workspace::create("real")?.compare(&cases, &start_pair)?;
    eprintln!("{}", report.summary());
    report.assert_equal(RERUN_SEED);
    Ok(())
}

/// The driver is a faithful stand-in for the real command.
#[test]
fn the_driver_is_the_real_command() -> Result<(), String> {
    let peer = Peer::provide(PeerVersion::Upstream6, &peers_root())?;
    let mut cases: Vec<Case> = (1001..1009)
        .map(|seed| generator::case(seed, Dialect::Upstream))
        .collect();
    for case in &mut cases {
        case.steps.retain(|step| matches!(step, Step::Run(_)));
        case.steps.truncate(2);
    }
    let start_pair = || {
        Ok(Pair {
            peer: Box::new(Driver::start(&peer.python)?),
            subject: Box::new(RealCommand::peer(&peer.buildout)),
        })
    };
    let report = Workspace::create("driver")?.compare(&cases, &start_pair)?;
    report.assert_equal("");
    Ok(())
}

/// A directory changes hands and comes back, without a part being installed again by us.
#[test]
fn a_directory_is_taken_over_and_handed_back() -> Result<(), String> {
    for dialect in [Dialect::Slapos, Dialect::Upstream] {
        let peer = Peer::provide(dialect.peer(), &peers_root())?;
        let workspace = Workspace::create("takeover")?;
        let ours = Path::new(env!("CARGO_BIN_EXE_buildout"));
        let mut site = takeover::Site::create(&workspace.path, dialect, &peer, ours)?;
        let parts: &[&str] = match dialect {
            Dialect::Slapos => &["directory", "command", "template"],
            Dialect::Upstream => &["command"],
        };
        let each = |verb: &str| -> Vec<String> {
            parts.iter().map(|part| format!("{verb} {part}.")).collect()
        };
        let log = site.run_peer(&[])?;
        assert_eq!(takeover::actions(&log), each("Installing"));

        let log = site.run_ours(&[])?;
        assert_eq!(takeover::actions(&log), each("Updating"), "{dialect:?}");
        // Nothing changed, so what the reference wrote is still all there is to say.
        let log = site.run_ours(&[])?;
        assert_eq!(takeover::actions(&log), each("Updating"), "{dialect:?}");
        assert_eq!(site.read("log")?.lines().count(), 3);

        // Back again. The reference may reinstall what we recorded, but it goes on.
        site.run_peer(&[])?;
        let log = site.run_ours(&[])?;
        assert_eq!(takeover::actions(&log), each("Updating"), "{dialect:?}");
        // A part that changed is ours from then on, and the reference goes on with that, too.
        let log = site.run_ours(&["command:text=changed"])?;
        let mut changed = each("Updating");
        let index = parts
            .iter()
            .position(|part| *part == "command")
            .unwrap_or_default();
        changed[index] = "Installing command.".to_owned();
        changed.insert(0, "Uninstalling command.".to_owned());
        assert_eq!(takeover::actions(&log), changed, "{dialect:?}");
        site.run_peer(&["command:text=changed"])?;
        // It can also remove everything.
        let log = site.run_peer(&["buildout:parts="])?;
        assert_eq!(takeover::actions(&log).len(), parts.len(), "{log}");
    }
    Ok(())
}

/// The machinery sees real differences: the two releases differ in exactly the known cases.
#[test]
fn known_differences_of_the_releases_are_found() -> Result<(), String> {
    /// Cases that behave the same in both releases, and cases that do not.
    const ALIKE: [&str; 4] = [
        "inline-values",
        "block-values",
        "diamond-plain",
        "macro-operators",
    ];
    const DIFFERENT: [&str; 4] = [
        "diamond-add",
        "operator-without-blank",
        "file-included-twice",
        "several-additions-in-one-file",
    ];
    let (new, old) = (
        Peer::provide(PeerVersion::Upstream6, &peers_root())?,
        Peer::provide(PeerVersion::Slapos3, &peers_root())?,
    );
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cases");
    let mut cases = written::read_cases(&directory)?;
    cases.retain(|case| {
        ALIKE.contains(&case.name.as_str()) || DIFFERENT.contains(&case.name.as_str())
    });
    assert_eq!(
        cases.len(),
        ALIKE.len() + DIFFERENT.len(),
        "a named case is gone"
    );
    for case in &mut cases {
        // `[buildout]` itself has other defaults in the two releases.
        let words = ["annotate", "p", "q", "m", "l", "r"];
        case.steps = vec![Step::Run(words.map(str::to_owned).to_vec())];
        // Made in advance, so that neither reports making it.
        case.files.insert("eggs/v5/made".to_owned(), Vec::new());
    }
    let start_pair = || {
        Ok(Pair {
            peer: Box::new(Driver::start(&new.python)?),
            subject: Box::new(Driver::start(&old.python)?),
        })
    };
    let report = Workspace::create("releases")?.compare(&cases, &start_pair)?;
    let mut expected = DIFFERENT.to_vec();
    expected.sort_unstable();
    let found: Vec<&str> = report.failures.keys().map(String::as_str).collect();
    assert_eq!(found, expected);
    assert!(
        report.failures["diamond-add"].contains("(- reference, + ours)"),
        "a report shows a diff: {}",
        report.failures["diamond-add"],
    );
    Ok(())
}
