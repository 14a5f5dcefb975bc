//! Which dialect a run speaks.

use crate::site::TestSite;

/// What the `eggs-directory` is tells the dialects apart.
fn dialect(site: &TestSite, line: &[&str]) -> String {
    let mut words = line.to_vec();
    words.extend(["query", "--resolved", "eggs-directory"]);
    match site.run(&words).output().as_str() {
        "@/eggs/v5\n" => "upstream".to_owned(),
        "@/eggs\n" => "slapos".to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn the_nearest_choice_counts() {
    let profile = |dialect: &str| format!("[buildout]\nparts =\n{dialect}\n");
    let site = TestSite::new(profile(""));
    assert_eq!(dialect(&site, &[]), "slapos", "the default");
    site.write(
        "../home/.buildout/default.cfg",
        "[buildout]\ndialect = upstream\n",
    );
    assert_eq!(dialect(&site, &[]), "upstream", "the user's defaults");
    assert_eq!(dialect(&site, &["-U"]), "slapos", "no user's defaults");
    let site = TestSite::new(profile("dialect = upstream"));
    assert_eq!(dialect(&site, &[]), "upstream", "the profile");
    let site = TestSite::new(profile(""));
    assert_eq!(
        dialect(&site, &["buildout:dialect=upstream"]),
        "upstream",
        "an assignment"
    );
    assert_eq!(
        dialect(&site, &["dialect=upstream"]),
        "upstream",
        "an assignment"
    );
    assert_eq!(
        dialect(&site, &["--dialect", "upstream"]),
        "upstream",
        "the option"
    );
    assert_eq!(
        dialect(&site, &["--dialect=upstream"]),
        "upstream",
        "the option"
    );
}

/// A choice that another one overrides has to agree with it: the profile was
/// not written for the other dialect.
#[test]
fn a_profile_for_the_other_dialect_is_refused() {
    let site = TestSite::new("[buildout]\nextends = a.cfg\nparts =\n")
        .file("a.cfg", "[buildout]\nextends = b.cfg\n")
        .file("b.cfg", "[buildout]\nname = x\ndialect =\n  upstream\n");
    assert_eq!(
        site.run(&[]).failure(),
        "\
While:
  Initializing.
Error: this profile asks for the dialect `upstream`, but `slapos` is in force

 --> @/b.cfg:4
4 |   upstream
  |   ^^^^^^^^
hint: remove this line, or choose `--dialect` other than `slapos`
"
    );
    assert_eq!(dialect(&site, &["--dialect", "upstream"]), "upstream");
}

#[test]
fn the_choice_cannot_depend_on_a_condition() {
    let site = TestSite::new("[buildout:linux]\ndialect = upstream\n[buildout]\nparts =\n");
    assert_eq!(
        site.run(&[]).failure(),
        "\
While:
  Initializing.
Error: the dialect cannot depend on a condition

 --> @/buildout.cfg:2
2 | dialect = upstream
  |           ^^^^^^^^
hint: move this line to a `[buildout]` without a condition, or use `--dialect`
"
    );
    assert_eq!(dialect(&site, &["--dialect", "upstream"]), "upstream");
    site.write("buildout.cfg", "[buildout]\nparts =\ndialect = upstream\n");
    assert_eq!(dialect(&site, &[]), "upstream");
}
