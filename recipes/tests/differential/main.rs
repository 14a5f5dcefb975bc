//! Our recipes against the real ones from PyPI, under zc.buildout 3.0.1.
//!
//! A case is a small profile and what is done with it (`case.rs`; the cases are in `cases/`, a
//! module for each family of recipes). Each goes through our engine and recipes in this process
//! and through zc.buildout with the real recipes in a resident driver, one after the other in
//! directories of the same path. After every run all files (bytes, modes, links), the parsed
//! `.installed.cfg`, what the recipes logged and how the run ended are compared. What differs on
//! purpose is a [`Difference`](case::Difference) of the case, with its reason; one that hides
//! nothing fails.
//!
//! `RECIPES_CASE=NAME` runs only the cases whose names contain the text, and `RECIPES_SHOW=1` shows
//! how each run and command of the real ones ended.

#[path = "../../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "each family of recipes uses its own selection")]
mod case;
mod cases;
mod comparison;
mod observation;
mod peer;

use case::Case;
use peer::Peer;

/// Compares all cases, on two threads.
///
/// # Panics
///
/// A case differs.
fn compare(cases: Vec<Case>) {
    let wanted = std::env::var("RECIPES_CASE").unwrap_or_default();
    let cases: Vec<Case> = cases
        .into_iter()
        .filter(|case| case.name.contains(&wanted))
        .collect();
    let python = peer::environment().join("bin/python");
    let failures: Vec<String> = std::thread::scope(|scope| {
        let (python, cases) = (&python, &cases);
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let mut peer = Peer::start(python);
                    let own = cases.iter().skip(worker).step_by(2);
                    own.filter_map(|case| comparison::compare(case, &mut peer).err())
                        .collect::<Vec<String>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("no comparison panics"))
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} cases differ\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}

#[test]
fn recipes_that_write_files_agree_with_the_real_ones() {
    compare(cases::files());
}

#[test]
fn recipes_that_compute_values_agree_with_the_real_ones() {
    compare(cases::values());
}
