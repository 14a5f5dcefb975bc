//! `collective.recipe.template`.

mod support;

use support::TestSite;

const PROFILE: &str = "[buildout]
parts = template
[s]
y = Y
[template]
recipe = collective.recipe.template
input = template.in
output = ${buildout:directory}/deep/er/output
x = XX
";

#[test]
fn references_are_replaced_and_all_that_is_made_is_tracked() {
    let site = TestSite::with_profile(PROFILE);
    site.write_with_mode("template.in", "x=${x} s=${s:y} d=$${x} $$x\n", 0o640);
    site.install().succeeded();
    assert_eq!(site.read("deep/er/output"), "x=XX s=Y d=$XX $$x\n");
    assert_eq!(site.mode("deep/er/output"), 0o640);
    site.write("deep/er/output", "edited");
    site.install().succeeded();
    assert_eq!(site.read("deep/er/output"), "x=XX s=Y d=$XX $$x\n");
    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert!(!site.exists("deep"));
}

#[test]
fn texts_within_the_profile_and_modes() {
    for (source, expected) in [
        ("inline =\n  first ${:x}\n  second", "first XX\nsecond"),
        ("input = inline:\n  first ${:x}", "first XX"),
    ] {
        let profile = PROFILE.replace("input = template.in", source);
        let site = TestSite::with_profile(&format!("{profile}mode = 755\n"));
        site.install().succeeded();
        assert_eq!(site.read("deep/er/output"), expected);
        assert_eq!(site.mode("deep/er/output"), 0o755);
    }
}

#[test]
fn a_file_that_must_not_be_replaced_is_kept() {
    let site = TestSite::with_profile(&format!("{PROFILE}overwrite = no\n"));
    site.write("template.in", "1");
    site.install().succeeded();
    assert_eq!(site.read("deep/er/output"), "1");
    site.write("template.in", "2");
    site.install().succeeded();
    assert_eq!(site.read("deep/er/output"), "1");
}

#[test]
fn what_is_wrong_is_named() {
    for (from, to, expected) in [
        (
            "input = template.in",
            "",
            "Error: No input file, inline template, or URL specified.",
        ),
        (
            "input = template.in",
            "input = template.in\ninline = x",
            "Error: Too many input sources.",
        ),
        (
            "input = template.in",
            "input = missing.in",
            "Error: Input file 'missing.in' does not exist.",
        ),
        ("output =", "out =", "Error: No output file specified."),
        (
            "x = XX",
            "timeout = 2",
            "Error: Not supported: a timeout of the recipe's own.",
        ),
        (
            "x = XX",
            "input-encoding = latin-1",
            "Error: Not supported: the encoding 'latin-1' of a template.",
        ),
        (
            "x = XX",
            "z = 1",
            "Error: Referenced option does not exist: template x",
        ),
    ] {
        let site = TestSite::with_profile(&PROFILE.replace(from, to));
        site.write("template.in", "${x}");
        let error = site.install().error();
        assert_eq!(error.lines().next(), Some(expected), "{error}");
        assert!(!site.exists("deep"));
    }
}
