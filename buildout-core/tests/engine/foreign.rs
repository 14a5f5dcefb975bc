//! Directories that a Python buildout installed.

use buildout_core::run::{SIGNATURE_OPTION, SIGNATURE_PREFIX};

use super::scripted::mini;
use super::site::Site;

const FOREIGN: &str = "slapos.recipe.cmmi-0.23 zc.buildout-3.0.1 data:0123456789abcdef";

/// Something that makes a part outdated.
type Change = fn(&Site);

/// A site where a Python buildout installed `a`.
fn taken_over() -> Site {
    let site = Site::new(
        "[buildout]\nparts = a\n[a]\nrecipe = mini\ntext = 1\nx = ${data:x}\n[data]\nx = 1\ny = 1\n",
    );
    site.install(mini()).succeeded();
    let mut state = site.state();
    let options = &mut state.parts["a"].options;
    options.insert(SIGNATURE_OPTION.to_owned(), FOREIGN.to_owned());
    site.save_state(&state);
    site
}

fn signature(site: &Site) -> String {
    site.state().parts["a"].options[SIGNATURE_OPTION].clone()
}

#[test]
fn a_foreign_signature_is_kept_while_nothing_else_differs() {
    let site = taken_over();
    let before = site.read(".installed.cfg");
    for _ in 0..2 {
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Updating a."]);
        assert_eq!(site.read(".installed.cfg"), before);
    }
    // What the foreign signature says of dependencies cannot be checked.
    site.edit("y = 1", "y = 2");
    let run = site.install(mini()).succeeded();
    assert_eq!(run.log(), ["Updating a."]);
    assert_eq!(signature(&site), FOREIGN);
}

#[test]
fn a_reinstallation_signs_in_our_way() {
    let changes: [(&str, Change); 2] = [
        ("an option", |site| site.edit("text = 1", "text = 2")),
        ("a missing file", |site| {
            std::fs::remove_file(site.path("parts/a.txt")).unwrap();
        }),
    ];
    for (what, change) in changes {
        let site = taken_over();
        change(&site);
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Uninstalling a.", "Installing a."], "{what}");
        let signature = signature(&site);
        assert!(signature.starts_with(SIGNATURE_PREFIX), "{signature}");
        // From now on, dependencies count.
        site.edit("y = 1", "y = 2");
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Uninstalling a.", "Installing a."], "{what}");
    }
}

#[test]
fn a_record_without_a_signature_is_foreign() {
    let site = taken_over();
    let mut state = site.state();
    state.parts["a"].options.remove(SIGNATURE_OPTION);
    site.save_state(&state);
    let run = site.install(mini()).succeeded();
    assert_eq!(run.log(), ["Updating a."]);
}
