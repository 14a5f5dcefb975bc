//! Conformance of shared parts.

mod support;

use buildout_core::store::Signature;
use support::{Run, TestSite};

const MAKEFILE: &str = "all:\ninstall:\n\tmkdir -p $(prefix)/bin\n\ttouch $(prefix)/bin/x\n\tln -s x $(prefix)/bin/y\n";

/// What slapos.recipe.cmmi 0.23 under zc.buildout 3.0.1 names the entry of
/// [`PART`], and what it writes into the marker.
const DIGEST: &str = "40532310cd755fb6c9dcae58c99cd3d4";
const MARKER: &str = r#"{
  "configure-command": "true",
  "environment": "FOO=@@LOCATION@@/foo",
  "path": "src",
  "recipe": "slapos.recipe.cmmi",
  "shared": "true",
  "text": "é\"\\\ntwo"
}"#;
const PART: &str = "recipe = slapos.recipe.cmmi
shared = true
path = src
configure-command = true
environment = FOO=@@LOCATION@@/foo
text = é\"\\
 two
";

fn site() -> TestSite {
    let site = TestSite::new();
    site.write("src/Makefile", MAKEFILE);
    site.write("../shared/keep", "");
    site
}

fn install(site: &TestSite, options: &str) -> Run {
    site.profile(&format!(
        "[buildout]\nparts = pkg\nshared-part-list =\n  ../missing\n  ${{buildout:directory}}/../shared/\n[pkg]\n{options}"
    ));
    site.install()
}

#[test]
fn an_entry_is_the_one_that_the_python_recipe_would_make() {
    let site = site();
    let run = install(&site, PART).succeeded();
    let entry = format!("[ROOT]/buildout/../shared/pkg/{DIGEST}");
    assert_eq!(
        run.log_of("pkg"),
        [
            format!("INFO will be shared at {entry} (needs to build)"),
            "INFO Using local source directory: src".to_owned(),
            format!("INFO [ENV] FOO = {entry}/foo"),
        ]
    );
    assert_eq!(
        site.tree("../shared/pkg"),
        format!(
            "{DIGEST}/ 555
{DIGEST}/.buildout-shared.json 444
{DIGEST}/bin/ 555
{DIGEST}/bin/x 444
{DIGEST}/bin/y -> x"
        )
    );
    assert_eq!(
        site.read(format!("../shared/pkg/{DIGEST}/.buildout-shared.json")),
        MARKER
    );
    for (option, value) in [("__buildout_installed__", ""), ("location", &*entry)] {
        assert_eq!(site.recorded("pkg", option).as_deref(), Some(value));
    }

    let run = site.install().succeeded();
    assert_eq!(
        run.usual_log(),
        [
            format!("INFO pkg: shared at {entry} (already built)"),
            "INFO Updating pkg.".to_owned()
        ]
    );
    assert_eq!(run.output(), "");
}

#[test]
fn another_buildout_uses_the_entry() {
    let site = site();
    install(&site, PART).succeeded();
    std::fs::remove_file(site.path(".installed.cfg")).expect("it exists");
    let run = site.install().succeeded();
    let entry = format!("[ROOT]/buildout/../shared/pkg/{DIGEST}");
    assert_eq!(
        run.usual_log(),
        [
            format!("INFO pkg: shared at {entry} (already built)"),
            "INFO Installing pkg.".to_owned(),
            "INFO pkg: shared part is already installed".to_owned(),
        ]
    );
    assert_eq!(run.output(), "");

    // Other options are another entry; uninstalling leaves the first.
    let run = install(&site, &format!("{PART}patch-options = -p0 -l\n")).succeeded();
    assert!(run.output().contains("touch "), "{}", run.output());
    let entries = site.tree("../shared/pkg");
    let entries = entries.lines().filter(|line| line.ends_with("/ 555"));
    assert_eq!(entries.filter(|line| !line.contains("bin")).count(), 2);
    assert!(site.exists(format!("../shared/pkg/{DIGEST}/bin/x")));
}

#[test]
fn an_entry_without_its_marker_is_built_again() {
    let site = site();
    install(&site, PART).succeeded();
    let entry = site.path(format!("../shared/pkg/{DIGEST}"));
    site.make_writable();
    std::fs::remove_file(entry.join(".buildout-shared.json")).expect("it exists");
    std::fs::write(entry.join("bin/rest"), "of a build that was killed").expect("it is ours");
    let run = site.install().succeeded();
    let entry = format!("[ROOT]/buildout/../shared/pkg/{DIGEST}");
    assert_eq!(
        run.log_of("pkg"),
        [
            format!("INFO will be shared at {entry} (needs to build)"),
            "INFO shared part must be rebuilt".to_owned(),
            "INFO Using local source directory: src".to_owned(),
            format!("INFO [ENV] FOO = {entry}/foo"),
        ]
    );
    assert!(!site.exists(format!("../shared/pkg/{DIGEST}/bin/rest")));
    assert_eq!(
        site.recorded("pkg", "__buildout_installed__").as_deref(),
        Some("")
    );
}

#[test]
fn what_fails_is_not_complete() {
    let site = site();
    // A failed build is kept to be looked at, a failed download is not.
    let run = install(&site, &format!("{PART}post-install = false\n"));
    assert!(run.error().starts_with("Error: System error"));
    let entries = site.tree("../shared/pkg");
    assert!(entries.contains("bin/x 644"), "{entries}");
    assert!(!entries.contains(".buildout-shared.json"), "{entries}");

    let zeros = "0".repeat(32);
    let options = format!(
        "recipe = slapos.recipe.build:download\nshared = true\nurl = src/Makefile\nmd5sum = {zeros}\n"
    );
    install(&site, &options).error();
    assert_eq!(site.tree("../shared/pkg"), entries);
}

#[test]
fn without_a_usable_directory_a_part_is_private() {
    for list in ["", "shared-part-list =\n", "shared-part-list = missing\n"] {
        let site = site();
        site.profile(&format!("[buildout]\nparts = pkg\n{list}[pkg]\n{PART}"));
        let run = site.install().succeeded();
        assert!(
            !run.usual_log().concat().contains("shared"),
            "{:?}",
            run.usual_log()
        );
        assert_eq!(
            site.tree("parts/pkg"),
            "bin/ 755\nbin/x 644\nbin/y -> x",
            "{list}"
        );
        assert_eq!(
            site.recorded("pkg", "__buildout_installed__").as_deref(),
            Some("[ROOT]/buildout/parts/pkg")
        );
    }
}

#[test]
fn downloads_can_be_shared() {
    let site = site();
    let md5 = site.md5("src/Makefile");
    site.archive("archive.tar.gz", &[("top/file", "", 0o644)]);
    let archive_md5 = site.md5("archive.tar.gz");
    for (recipe, url, md5, expected) in [
        ("download", "src/Makefile", md5, "pkg 444"),
        (
            "download-unpacked",
            "archive.tar.gz",
            archive_md5,
            "file 444",
        ),
    ] {
        let options = format!(
            "recipe = slapos.recipe.build:{recipe}\nshared = true\nurl = {url}\nmd5sum = {md5}\n"
        );
        install(&site, &options).succeeded();
        let location = site.recorded("pkg", "location").expect("it is recorded");
        let location = location.replace(support::ROOT, &site.root().to_string_lossy());
        assert_eq!(
            site.tree(&location),
            format!(".buildout-shared.json 444\n{expected}")
        );
        assert_eq!(site.mode(&location), 0o555);
    }
    // Unlike with upstream's hard links, the source keeps its mode.
    assert_eq!(site.mode("src/Makefile"), 0o644);
}

/// Installs with a value of `shared-part-match`.
fn install_alike(site: &TestSite, alike: &str, options: &str) -> Run {
    site.profile(&format!(
        "[buildout]\nparts = pkg\nshared-part-list = ${{buildout:directory}}/../shared\nshared-part-match = {alike}\n[pkg]\n{options}"
    ));
    site.install()
}

#[test]
fn entries_of_the_fork_are_found_by_their_options_on_request() {
    let site = site();
    // What SlapOS's fork is said to write: the options, and its own signature.
    let options = [
        ("__buildout_signature__", "slapos.recipe.cmmi-0.23 zlib:123"),
        ("configure-command", "true"),
        ("path", "src"),
        ("recipe", "slapos.recipe.cmmi"),
        ("shared", "true"),
    ];
    let foreign = Signature::of(options);
    let entry = format!("../shared/pkg/{}", foreign.digest());
    site.write(format!("{entry}/.buildout-shared.json"), foreign.text());
    let part = "recipe = slapos.recipe.cmmi\nshared = true\npath = src\nconfigure-command = true\n";

    let run = install_alike(&site, "options", part).succeeded();
    let found = format!("[ROOT]/buildout/{entry}");
    assert_eq!(
        run.log_of("pkg"),
        [
            format!("INFO shared at {found} (already built)"),
            "INFO shared part is already installed".to_owned(),
        ]
    );
    assert_eq!(site.recorded("pkg", "location"), Some(found.clone()));
    // If it vanishes it is built again as what it was.
    std::fs::remove_dir_all(site.path(&entry)).expect("it is ours");
    let run = install_alike(&site, "options", part).succeeded();
    assert!(run.usual_log().concat().contains("needs to build"));

    site.write(format!("{entry}/.buildout-shared.json"), foreign.text());
    site.make_writable();
    let run = install_alike(&site, "digest", part).succeeded();
    assert!(!run.usual_log().concat().contains(foreign.digest()));
}

#[test]
fn with_signatures_what_a_part_depends_on_counts() {
    let site = site();
    let part = |value: &str| {
        format!(
            "recipe = slapos.recipe.cmmi\nshared = true\npath = src\nconfigure-command = true\nenvironment = variables\n[variables]\nFOO = {value}\n"
        )
    };
    // The Python recipes name both alike, and so does the default.
    for (alike, expected) in [("digest", 1), ("signature", 3)] {
        for value in ["a", "b"] {
            install_alike(&site, alike, &part(value)).succeeded();
        }
        let entries = std::fs::read_dir(site.path("../shared/pkg")).expect("it was made");
        assert_eq!(entries.count(), expected, "{alike}");
    }
    // Ours are found by the default as well.
    let tree = site.tree("../shared/pkg");
    let plain = tree
        .lines()
        .filter_map(|line| line.strip_suffix("/.buildout-shared.json 444"))
        .find(|name| {
            let marker = site.read(format!("../shared/pkg/{name}/.buildout-shared.json"));
            !marker.contains("__buildout_signature__")
        })
        .expect("it was made first");
    site.make_writable();
    std::fs::remove_dir_all(site.path(format!("../shared/pkg/{plain}"))).expect("it is ours");
    let run = install_alike(&site, "digest", &part("b")).succeeded();
    assert!(
        run.usual_log().concat().contains("(already built)"),
        "{:?}",
        run.usual_log()
    );

    let error = install_alike(&site, "name", &part("b")).error();
    assert_eq!(
        error,
        "Error: Invalid value for 'shared-part-match' option: 'name'\nhint: `shared-part-match` of [buildout] is `signature`, `digest` (the default) or `options`"
    );
}
