//! The log on stdout: levels, formats and the dump of the configuration.

use crate::site::TestSite;

const PROFILE: &str = "\
[buildout]
parts = a
log-format = ${log:format}
[log]
format =
[a]
recipe = plone.recipe.command
command = echo out; echo err >&2
unused = 1
";

const UNUSED: &str = "\
Section `a` contains unused option(s): 'unused'.
This may be an indication for either a typo in the option's name or a bug in the used recipe.
";

#[test]
fn verbosity_chooses_what_is_told() {
    let directories = "\
Creating directory '@/eggs'.
Creating directory '@/bin'.
Creating directory '@/parts'.
Creating directory '@/develop-eggs'.
";
    let running = "a: Running 'echo out; echo err >&2'\n";
    let cases: &[(&[&str], String)] = &[
        (
            &[],
            format!("{directories}Installing a.\n{running}out\n{UNUSED}"),
        ),
        (&["-q"], format!("out\n{UNUSED}")),
        (&["-qq"], "out\n".to_owned()),
        (&["log-level=WARNING"], format!("out\n{UNUSED}")),
        (&["log-level=20", "-q"], format!("out\n{UNUSED}")),
    ];
    for (line, expected) in cases {
        let outcome = TestSite::new(PROFILE).run(line);
        // Upstream drops the trailing blank line that it may print, too.
        assert_eq!(outcome.stdout, *expected, "{line:?}");
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (Some(0), "err\n"),
            "{line:?}"
        );
    }
}

#[test]
fn a_format_is_python_s() {
    let outcome = TestSite::new(PROFILE)
        .run(&["log:format=%(levelname)-8s|%(levelno)d|%(name)12s|%(message)s%%"]);
    assert_eq!(
        outcome.stdout,
        "\
INFO    |20| zc.buildout|Creating directory '@/eggs'.%
INFO    |20| zc.buildout|Creating directory '@/bin'.%
INFO    |20| zc.buildout|Creating directory '@/parts'.%
INFO    |20| zc.buildout|Creating directory '@/develop-eggs'.%
INFO    |20| zc.buildout|Installing a.%
INFO    |20|           a|Running 'echo out; echo err >&2'%
out
WARNING |30| zc.buildout|Section `a` contains unused option(s): 'unused'.
This may be an indication for either a typo in the option's name or a bug in the used recipe.%
"
    );
    let stderr = TestSite::new(PROFILE)
        .run(&["log:format=%(asctime)s %(message)s"])
        .failure();
    assert!(
        stderr.contains("log-format: unsupported field `asctime`"),
        "{stderr}"
    );
}

#[test]
fn the_greatest_verbosity_shows_the_configuration() {
    let outcome = TestSite::new(PROFILE).run(&["-vv"]);
    let (_, dump) = outcome
        .stdout
        .split_once("\nConfiguration data:\n")
        .expect("a dump");
    assert!(
        dump.contains("[a]\ncommand = echo out; echo err >&2\n"),
        "{dump}"
    );
    assert!(dump.contains("\ndirectory = @\n"), "{dump}");
    // It reads every option, so none is unused.
    assert!(
        !outcome.stdout.contains("unused option(s)"),
        "{}",
        outcome.stdout
    );
    let outcome = TestSite::new(PROFILE).run(&["-v"]);
    assert!(!outcome.stdout.contains("Configuration data:"));
    assert!(outcome.stdout.contains(UNUSED));
}
