//! Conformance of shared parts.

mod support;

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
