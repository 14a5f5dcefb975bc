//! The test support itself: a run without parts, and one that fails.

mod support;

use support::TestSite;

#[test]
fn a_site_runs_its_profile() {
    let site = TestSite::with_profile("[buildout]\nparts =\n");
    let run = site.install().succeeded();
    assert!(
        run.log()
            .contains(&"INFO Creating directory '[ROOT]/buildout/parts'.".to_owned()),
        "{:?}",
        run.log()
    );
    assert_eq!(site.tree("parts"), "");
}

#[test]
fn a_site_shows_failures() {
    let site = TestSite::with_profile("[buildout]\nparts = a\n[a]\nrecipe = nobody:has-it\n");
    let error = site.install().error();
    assert!(
        error.starts_with("Error: There is no recipe 'nobody:has-it'"),
        "{error}"
    );
}
