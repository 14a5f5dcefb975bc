//! `slapos.cookbook:switch-softwaretype`: a buildout within a part.

mod support;

use support::TestSite;

const OUTER: &str = "[buildout]
parts = sw
[slap-connection]
computer-id = comp
[slap-configuration]
slap-software-type = foo
numbers = !py![1, 2]
[profile]
recipe = slapos.recipe.template
output = ${buildout:directory}/foo.cfg
url = ${buildout:directory}/foo.in
[sw]
recipe = slapos.cookbook:switch-softwaretype
foo = profile:output
default = profile:output
";

const INNER: &str = "[buildout]
parts = made
[made]
recipe = slapos.recipe.template:jinja2
output = $${buildout:directory}/made
inline = {{ n[1] }} {{ t }} {{ c }}
context =
  key n slap-configuration:numbers
  key t slap-configuration:slap-software-type
  key c slap-connection:computer-id
";

#[test]
fn the_profile_of_the_type_is_run_within() {
    let site = TestSite::with_profile(OUTER);
    site.write("foo.in", INNER);
    let run = site.install().succeeded();
    assert_eq!(site.read("made"), "2 foo comp");
    assert_eq!(
        run.work_log(),
        [
            "INFO Installing profile.",
            "INFO Installing sw.",
            "INFO Installing slap-configuration.",
            "INFO Installing made.",
            "WARNING The sw install returned None.  A path or iterable os paths should be returned.",
            "WARNING Section `sw` contains unused option(s): 'default'.\nThis may be an \
             indication for either a typo in the option's name or a bug in the used recipe.",
        ]
    );
    let inner = site.read(".installed-sw.cfg");
    assert!(inner.contains("[made]\n"), "{inner}");
    assert!(!site.read(".installed.cfg").contains("[made]"));

    // The run within is made at each update, and finds its work done.
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        [
            "INFO Updating profile.",
            "INFO Updating sw.",
            "INFO Updating slap-configuration.",
            "INFO Updating made.",
        ]
    );

    // A parameter that changes reaches it.
    site.profile(&OUTER.replace("[1, 2]", "[1, 3]"));
    site.install().succeeded();
    assert_eq!(site.read("made"), "3 foo comp");
}

#[test]
fn several_jobs_do_not_wait_for_each_other() {
    let site = TestSite::with_profile(OUTER).assign("buildout", "jobs", "2");
    let commands: String = (0..4)
        .map(|n| format!("[c{n}]\nrecipe = plone.recipe.command\ncommand = touch c{n}\n"))
        .collect();
    let parts = INNER.replace("parts = made", "parts = made c0 c1 c2 c3");
    site.write("foo.in", format!("{parts}{commands}"));
    site.install().succeeded();
    for n in 0..4 {
        assert!(site.exists(format!("c{n}")), "{n}");
    }
}

#[test]
fn an_overriding_profile_is_below_the_chosen_one() {
    let site = TestSite::new();
    let path = site.path("override.cfg").to_string_lossy().into_owned();
    site.profile(&format!("{OUTER}override = !py!{{'foo': '{path}'}}\n"));
    site.write("foo.in", INNER);
    site.write("override.cfg", "[made]\ninline = from below\nmode = 0600\n");
    site.install().succeeded();
    // So says zc.buildout 3.0.1, which merges `extends` of the command line last.
    assert_eq!(site.read("made"), "2 foo comp");
    assert_eq!(site.mode("made"), 0o600);
}

#[test]
fn failures_within_are_those_of_the_part() {
    let site = TestSite::with_profile(OUTER);
    site.write("foo.in", INNER.replace("parts = made", "parts = nowhere"));
    let run = site.install();
    assert_eq!(
        run.error(),
        "Error: The referenced section, 'nowhere', was not defined.\nhint: add a section \
         `[nowhere]`"
    );
    site.write("foo.in", INNER);
    site.install().succeeded();
    assert!(site.exists("made"));
}

#[test]
fn mistakes_have_upstreams_words_and_a_hint() {
    let site = TestSite::new();
    site.write("foo.in", INNER);
    for (from, to, expected) in [
        (
            "slap-software-type = foo",
            "other = foo",
            "Error: The section to retrieve slap partition parameters (with \
             slapos.cookbook:slapconfiguration recipe or a derived one) must be named \
             [slap-configuration].\nhint: add a section `[slap-configuration]` with \
             `slap-software-type = ...`",
        ),
        (
            "slap-software-type = foo",
            "slap-software-type = fop",
            "Error: This software type (fop) isn't mapped. 'default' is the default software \
             type.\nhint: `[sw]` maps `foo`",
        ),
        (
            "foo = profile:output",
            "foo = ${profile:output}",
            "Error: The software types in the section [sw] must be separated by a colon such as: \
             'section:key', where key is usually 'rendered'. Don't use: ${section:key}\nhint: \
             write `foo = SECTION:OPTION`",
        ),
        (
            "foo = profile:output",
            "foo = profile:none",
            "Error: Missing option: profile:none\nhint: add `none = ...` to `[profile]`",
        ),
    ] {
        site.profile(&OUTER.replace(from, to));
        assert_eq!(site.install().error(), expected, "{to}");
    }
    // The old name of the default.
    site.profile(&OUTER.replace("type = foo", "type = RootSoftwareInstance"));
    let run = site.install().succeeded();
    assert_eq!(
        run.log_of("sw")[0],
        "INFO The software_type 'RootSoftwareInstance' is deprecated. We used 'default' instead. \
         Please change the software_type of your instance to 'default'."
    );
    assert_eq!(site.read("made"), "2 RootSoftwareInstance comp");
}
