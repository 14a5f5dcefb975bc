//! Pinned wheels, which are fetched and unpacked before all is decided.

use buildout_core::fetch::{Algorithm, Digests};

use crate::index::Index;
use crate::peer::PeerVersion;
use crate::site::Site;

/// A file of each of two projects, one of which requires the other.
const FILES: [&str; 2] = [
    "/files/demo-0.2-py3-none-any.whl",
    "/files/demoneeded-1.0-py3-none-any.whl",
];

fn site(needed: &str) -> (Site, Index) {
    let site = Site::new(PeerVersion::Upstream6).with_own_caches();
    let index = Index::start(&site, &[]);
    index.describe(|_, bytes| Digests::of(bytes).hex(Algorithm::Sha256));
    site.profile(&format!(
        "[buildout]\nparts = app\nindex = {}\nwheels = any\n[versions]\ndemo = 0.2\n\
         demoneeded = {needed}\n[app]\nrecipe = zc.recipe.egg\neggs = demo\n",
        index.url()
    ));
    (site, index)
}

/// Returns what was asked for, sorted: it is asked for side by side.
fn asked(index: &Index) -> Vec<String> {
    let mut asked = index.asked_since(0);
    asked.sort();
    asked
}

#[test]
fn pages_and_wheels_are_all_that_is_asked_for() {
    let (site, index) = site("1.0");
    let [output] = site.run_ours(&[]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    assert!(
        output.text.contains("Got demo 0.2.\n") && output.text.contains("Got demoneeded 1.0.\n"),
        "{}",
        output.text
    );
    site.program("demo", &[], "demo 0.2\n");
    let [demo, needed] = FILES;
    assert_eq!(
        asked(&index),
        [demo, needed, "/simple/demo/", "/simple/demoneeded/"]
    );
}

#[test]
fn a_wheel_that_is_another_one_is_fetched_once_and_not_kept() {
    let (site, index) = site("1.0");
    index.describe(|name, bytes| match name.starts_with("demoneeded") {
        true => "0".repeat(64),
        false => Digests::of(bytes).hex(Algorithm::Sha256),
    });
    for _ in 0..2 {
        let count = index.server.requests().len();
        let [output] = site.run_ours(&[]);
        assert_ne!(output.code, Some(0), "{}", output.text);
        assert!(
            output.text.contains(
                "sha256 validation failed for demoneeded-1.0-py3-none-any.whl; possible download \
                 problem?"
            ),
            "{}",
            output.text
        );
        let asked = index.asked_since(count);
        let of_wheel = asked.iter().filter(|target| **target == FILES[1]);
        assert_eq!(of_wheel.count(), 1, "{asked:?}");
    }
}

#[test]
fn a_conflict_leaves_the_eggs_as_they_were() {
    // `demo` requires any version, of which there is none.
    let (site, index) = site("7.0");
    let [output] = site.run_ours(&[]);
    assert_ne!(output.code, Some(0), "{}", output.text);
    assert!(
        output
            .text
            .contains("Couldn't find a distribution for 'demoneeded==7.0'."),
        "{}",
        output.text
    );
    assert!(asked(&index).contains(&FILES[0].to_owned()));
    assert!(site.eggs().is_empty());
}
