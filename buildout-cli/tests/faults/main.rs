//! A campaign of faults: a build of 30 parts, with real compiles and with
//! downloads from a server that misbehaves, is killed again and again at random
//! moments. The run that follows must end well, repeat nothing that was
//! finished, and leave what an undisturbed run leaves.
//!
//! ```text
//! FAULTS_SEED=7 FAULTS_COUNT=500 cargo test --release -p buildout-cli --test faults
//! ```
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod every_write;
mod random;
mod read_only;
mod setting;
mod site;

use std::collections::BTreeSet;
use std::time::Instant;

use random::Random;
use setting::setting;
use site::Site;

/// The seed and the number of kills if the environment does not say.
const DEFAULT_SEED: u64 = 20_261_128;
const DEFAULT_COUNT: usize = 12;

/// How often a build is killed before it may end.
const MOST_KILLS: usize = 3;

#[test]
fn a_killed_build_is_completed_and_nothing_finished_is_repeated() {
    let seed = setting("FAULTS_SEED").unwrap_or(DEFAULT_SEED);
    let count = setting("FAULTS_COUNT").map_or(DEFAULT_COUNT, |count| count as usize);
    let site = Site::new();
    let begin = Instant::now();
    let undisturbed = site.run_to_its_end();
    let duration = begin.elapsed();
    let expected = site.contents();
    assert_eq!(undisturbed.installed.len(), site::PARTS, "{undisturbed:?}");
    let mut random = Random::new(seed);
    let mut kills = 0;
    let mut repaired = 0;
    while kills < count {
        site.start_over();
        let mut finished = BTreeSet::new();
        for _ in 0..=random.below(MOST_KILLS) {
            site.misbehave(&mut random);
            let moment = duration.mul_f64(random.share() * 1.1);
            let killed = site.run_and_kill(moment);
            kills += 1;
            let repeated: Vec<_> = killed.begun.intersection(&finished).collect();
            assert!(
                repeated.is_empty(),
                "seed {seed}, kill {kills}: {repeated:?} again"
            );
            repaired += usize::from(killed.told_of_interruption);
            finished.extend(killed.installed);
        }
        site.misbehave(&mut random);
        let last = site.run_to_its_end();
        repaired += usize::from(last.told_of_interruption);
        let repeated: Vec<_> = last.begun.intersection(&finished).collect();
        assert!(
            repeated.is_empty(),
            "seed {seed}, kill {kills}: {repeated:?} again"
        );
        let contents = site.contents();
        let differences: Vec<_> = contents.symmetric_difference(&expected).collect();
        assert!(
            differences.is_empty(),
            "seed {seed}, kill {kills}: {differences:#?}"
        );
        let again = site.run_to_its_end();
        assert!(
            again.begun.is_empty(),
            "seed {seed}, kill {kills}: {:?}",
            again.begun
        );
    }
    println!(
        "{kills} kills within {:.1} s each; {repaired} runs had something to mend",
        duration.as_secs_f64()
    );
    // Most moments are in the middle of something.
    assert!(repaired * 4 > kills, "{repaired} of {kills}");
}

#[test]
fn the_number_of_jobs_changes_nothing_on_disk() {
    let site = Site::new();
    let contents = [1, 2, 8].map(|jobs| {
        site.start_over();
        site.run_with_jobs(jobs);
        site.contents()
    });
    for other in &contents[1..] {
        let differences: Vec<_> = other.symmetric_difference(&contents[0]).collect();
        assert!(differences.is_empty(), "{differences:#?}");
    }
}

#[test]
fn a_disk_that_fills_up_costs_the_run_and_nothing_else() {
    let site = Site::new();
    site.run_to_its_end();
    let expected = site.contents();
    let mut failed = 0;
    // No file may be longer than so many blocks of 512 bytes.
    for blocks in [0, 1, 2, 4, 8, 16, 24, 32, 48] {
        site.start_over();
        let (succeeded, stderr) = site.run_with_file_limit(blocks);
        assert!(!stderr.contains("panicked"), "{blocks}: {stderr}");
        if !succeeded {
            failed += 1;
            assert!(stderr.contains("Error: "), "{blocks}: {stderr}");
        }
        site.run_to_its_end();
        let contents = site.contents();
        let differences: Vec<_> = contents.symmetric_difference(&expected).collect();
        assert!(differences.is_empty(), "{blocks}: {differences:#?}");
    }
    assert!(failed > 3, "{failed} runs failed");
}

#[test]
fn without_a_place_for_its_own_files_a_run_does_nothing() {
    let site = Site::new();
    std::fs::write(site.path(".buildout"), "").unwrap();
    let before = site.contents();
    let (code, stderr) = site.run_and_fail();
    assert_eq!(code, Some(1));
    assert!(stderr.contains("failed to lock"), "{stderr}");
    assert!(stderr.contains(".buildout"), "{stderr}");
    let after = site.contents();
    let made: Vec<_> = after.difference(&before).collect();
    assert!(made.iter().all(|line| line.contains(" dir ")), "{made:?}");
}

#[test]
fn an_interrupted_run_ends_its_commands_and_keeps_what_is_finished() {
    let site = Site::new();
    let begin = Instant::now();
    site.run_to_its_end();
    let duration = begin.elapsed();
    site.start_over();
    let run = site.run_and_interrupt(duration / 2);
    assert_eq!(run.code, Some(130));
    assert!(site.processes().is_empty(), "{:?}", site.processes());
    let last = site.run_to_its_end();
    let repeated: Vec<_> = last.begun.intersection(&run.installed).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
}
