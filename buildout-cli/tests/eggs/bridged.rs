//! Recipes in Python and custom eggs, locked, fetched and installed offline; and
//! who sees the `zc.buildout` that such recipes get.

use crate::index::Index;
use crate::peer::PeerVersion;
use crate::site::{Side, Site};

/// A profile with a recipe in Python, an egg built from source, and an egg that
/// requires `zc.buildout`. What builds and `pkg_resources` come from is PyPI.
fn profile(index: &Index) -> String {
    format!(
        "[buildout]\nparts = said custom app\nfind-links = {}\ndownload-cache = cache\n\
         [said]\nrecipe = saying\npath = ${{buildout:directory}}/said\n\
         [custom]\nrecipe = zc.recipe.egg:custom\negg = plainsd\n\
         [app]\nrecipe = zc.recipe.egg\neggs =\n  user\n  plainsd\ninterpreter = py\n\
         [versions]\nsetuptools = 80.9.0\n",
        index.links()
    )
}

/// Checks that all is installed, with a version of the recipe.
fn check(site: &Site, version: &str) {
    assert_eq!(site.read(Side::Ours, "said"), version);
    site.program("plainsd", &[], "plainsd\n");
    let built = site.names(Side::Ours, "develop-eggs");
    assert!(built[0].starts_with("plainsd-1.0-"), "{built:?}");
    // The app has that of the index; the one that only recipes see is elsewhere.
    site.program(
        "py",
        &["-c", "import zc_buildout as z; z.main()"],
        "zc.buildout 99.0\n",
    );
    let script = site.read(Side::Ours, "bin/py");
    assert!(!script.contains("/zc.buildout-6.0.1-py"), "{script}");
    let own = site.names(Side::Ours, ".buildout/eggs");
    assert_eq!(own.len(), 2, "{own:?}");
}

#[test]
fn recipes_in_python_and_custom_eggs_are_locked_fetched_and_installed_offline() {
    let site = Site::new(PeerVersion::Upstream6);
    let mut index = Index::start(&site, &["saying-2.0"]);
    site.profile(&profile(&index));
    let [output] = site.run_ours(&["lock"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    let lock = site.read(Side::Ours, "buildout.lock");
    for (name, version, file) in [
        ("saying", "1.0", "saying-1.0-py3-none-any.whl"),
        ("plainsd", "1.0", "plainsd-1.0.tar.gz"),
        ("user", "1.0", "user-1.0-py3-none-any.whl"),
        ("zc_buildout", "99.0", "zc_buildout-99.0-py3-none-any.whl"),
    ] {
        let entry = index.entry(name, version, file);
        assert!(lock.contains(&entry), "{name}: {lock}");
    }
    assert!(
        lock.contains("\nname = setuptools\nversion = 80.9.0\n"),
        "{lock}"
    );
    assert!(lock.contains("\nfor = build\n"), "{lock}");
    assert!(site.eggs().is_empty(), "nothing is installed");

    // What is not locked is told.
    for (word, expected) in [
        ("custom:egg=cext", "distribution for cext is not locked\n"),
        (
            "said:recipe=demo",
            "There is no locked distribution for 'demo'.\n",
        ),
    ] {
        let [output] = site.run_ours(&["--locked", word]);
        assert!(output.error().contains(expected), "{}", output.text);
    }

    // A newer recipe appears, and is not taken.
    let whole = Index::start(&site, &[]);
    index.files.extend(whole.files);
    index.publish();
    let [output] = site.run_ours(&["--locked", "fetch"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    let count = index.server.requests().len();
    let [output] = site.run_ours(&["-o", "--locked"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    check(&site, "1.0");
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(
        output.told(),
        "Updating said.\nUpdating custom.\nUpdating app.\n"
    );
    assert!(index.asked_since(count).is_empty(), "nothing was sent");

    let [output] = site.run_ours(&["lock", "--upgrade", "saying"]);
    assert!(
        output.text.contains("Locked saying-2.0-py3-none-any.whl\n"),
        "{}",
        output.text
    );
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    check(&site, "2.0");
}
