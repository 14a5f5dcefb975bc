//! `slapos.recipe.template`.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use buildout_core::dialect::DialectName;
use support::TestSite;

const PROFILE: &str = "[buildout]
parts = template
[values]
one = 1
[template]
recipe = slapos.recipe.template
url = template.in
output = ${buildout:directory}/deep/er/output
own = mine
";

fn site(template: &str) -> TestSite {
    let site = TestSite::with_profile(PROFILE);
    site.write("template.in", template);
    site
}

#[test]
fn references_of_a_file_are_substituted() {
    let site = site("#!/bin/sh\necho ${values:one} $${x:y} $$z ${:own} $$$$ {{ x }}\r\n");
    site.install().succeeded();
    assert_eq!(
        site.read("deep/er/output"),
        "#!/bin/sh\necho 1 ${x:y} $z mine $$ {{ x }}\n"
    );
    assert_eq!(site.mode("deep/er/output"), 0o755);
    assert_eq!(site.mode("deep"), 0o755);
    let installed = site.read(".installed.cfg");
    let output = site.path("deep/er/output");
    let line = format!("__buildout_installed__ = {}\n", output.display());
    assert!(installed.contains(&line), "{installed}");
}

#[test]
fn the_mode_follows_text_and_option() {
    for (template, options, mode) in [
        ("text\n", "", 0o644),
        ("#!/nonexistent/sh\n", "", 0o644),
        ("#! /bin/sh -e\n", "", 0o755),
        ("#!/bin/sh\n", "mode = 600\n", 0o600),
        ("text\n", "mode = 0751\n", 0o751),
        ("text\n", "mode =\n", 0o644),
    ] {
        let site = site(template);
        site.profile(&format!("{PROFILE}{options}"));
        site.install().succeeded();
        assert_eq!(site.mode("deep/er/output"), mode, "{template:?} {options}");
    }
}

#[test]
fn an_update_follows_the_template_and_keeps_what_is_equal() {
    let site = site("one\n");
    site.install().succeeded();
    let inode = |site: &TestSite| {
        let metadata = fs::metadata(site.path("deep/er/output"));
        metadata.expect("it exists").ino()
    };
    let first = inode(&site);
    site.install().succeeded();
    assert_eq!(inode(&site), first);
    site.write("template.in", "two\n");
    let run = site.install().succeeded();
    assert_eq!(
        run.log(),
        [
            "DEBUG Using local resource template.in",
            "INFO Updating template."
        ]
    );
    assert_eq!(site.read("deep/er/output"), "two\n");

    // With a checksum there is nothing to follow.
    let pinned = format!("{PROFILE}md5sum = c193497a1a06b2c72230e6146ff47080\n");
    site.profile(&pinned);
    site.install().succeeded();
    site.write("deep/er/output", "edited\n");
    site.install().succeeded();
    assert_eq!(site.read("deep/er/output"), "edited\n");

    site.write("template.in", "three\n");
    let error = site.install().error();
    assert_eq!(
        error,
        "Error: MD5 checksum mismatch for local resource at 'template.in'.\nhint: its MD5 \
         checksum is febe6995bad457991331348f7b9c85fa: write that one if you trust what was found"
    );
    site.profile(&pinned.replace(
        "c193497a1a06b2c72230e6146ff47080",
        "febe6995bad457991331348f7b9c85fa",
    ));
    site.install().succeeded();
    assert_eq!(site.read("deep/er/output"), "three\n");
}

#[test]
fn sections_that_a_template_refers_to_are_installed_first() {
    let site = site("${made:output}\n");
    site.profile(&format!(
        "{PROFILE}
[made]
recipe = slapos.recipe.template
inline = made
output = ${{buildout:directory}}/made
"
    ));
    let run = site.install().succeeded();
    let installed: Vec<String> = run
        .log()
        .into_iter()
        .filter(|line| line.contains("Installing"))
        .collect();
    assert_eq!(
        installed,
        ["INFO Installing made.", "INFO Installing template."]
    );
}

#[test]
fn inline_text_is_the_value_of_the_option() {
    let profile = "[buildout]
parts = template
[template]
recipe = slapos.recipe.template
inline =
  first ${:value}
    $${x:y} $$z
output = relative
value = 1
";
    let site = TestSite::with_profile(profile);
    site.install().succeeded();
    assert_eq!(site.read("relative"), "first 1\n  ${x:y} $$z");
    let installed = site.read(".installed.cfg");
    assert!(
        installed.contains("__buildout_installed__ = relative\n"),
        "{installed}"
    );

    let site = TestSite::with_profile(profile).dialect(DialectName::Upstream);
    site.install().succeeded();
    assert_eq!(site.read("relative"), "first 1\n  $${x:y} $$z");
}

#[test]
fn what_is_wrong_is_named() {
    let none = PROFILE.replace("url = template.in\n", "");
    for (profile, template, expected) in [
        (
            format!("{PROFILE}inline = x\n"),
            "",
            "Error: options 'inline' & 'url' conflict\nhint: remove one of them",
        ),
        (
            format!("{none}inline = x\nmd5sum = 00\n"),
            "",
            "Error: options 'inline' & 'md5sum' conflict\nhint: remove `md5sum`: it is for a \
             template from `url`",
        ),
        (
            none.clone(),
            "",
            "Error: one of the options 'inline' 'url' is required\nhint: add `url = ...` with \
             the path of the template",
        ),
        (
            PROFILE.to_owned(),
            "${z:x}",
            "Error: The referenced section, 'z', was not defined.\nhint: add a section `[z]`",
        ),
        (
            PROFILE.to_owned(),
            "${values:two}",
            "Error: Referenced option does not exist: values two\nhint: add `two = ...` to \
             `[values]`",
        ),
        (
            PROFILE.replace("template.in", "missing.in"),
            "",
            "Error: Couldn't find local resource '[ROOT]/buildout/missing.in'.\nhint: write the path \
             of a file that exists, or a URL",
        ),
        (
            PROFILE.replace("output =", "out ="),
            "",
            "Error: Missing option: template:output",
        ),
        (
            format!("{PROFILE}md5sum = 123\n"),
            "",
            "Error: `123` is not a MD5 checksum of 32 hexadecimal digits",
        ),
        (
            PROFILE.replace("/deep/er/output", "/template.in/output"),
            "",
            "NotADirectoryError: failed to create `[ROOT]/buildout/template.in/output`: not a \
             directory",
        ),
    ] {
        let site = site(template);
        site.profile(&profile);
        assert_eq!(site.install().error(), expected);
    }
    let site = TestSite::with_profile(PROFILE);
    site.write("template.in", b"ab\xff");
    assert_eq!(
        site.install().error(),
        "UnicodeDecodeError: the template `template.in` is not UTF-8: invalid byte at offset 2"
    );
}
