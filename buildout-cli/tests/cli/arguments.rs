//! The command line: every option, assignment and command, and exit codes.

use crate::site::TestSite;

const PROFILE: &str = "\
[buildout]
parts =
[x]
lines =
  1
  2
";

/// Command lines and what they print.
#[test]
fn options_and_assignments_mix() {
    let site = TestSite::new(PROFILE)
        .file("other.cfg", "[buildout]\nparts =\nname = other\n")
        .file("../home/.buildout/default.cfg", "[buildout]\nname = user\n");
    let cases: &[(&[&str], &str)] = &[
        (&["query", "name"], "user\n"),
        (&["-c", "other.cfg", "query", "name"], "other\n"),
        (&["-cother.cfg", "query", "name"], "other\n"),
        (&["-UNcother.cfg", "query", "newest"], "false\n"),
        (&["name=line", "query", "name"], "line\n"),
        (
            &["buildout:name = spaced ", "query", "buildout:name"],
            "spaced\n",
        ),
        (&["x:lines+=3", "query", "x:lines"], "1\n2\n3\n"),
        (&["x:lines +=3", "x:lines-=1", "query", "x:lines"], "2\n3\n"),
        // Assignments are sorted, and the last of equals wins.
        (&["a=9", "a=8", "query", "a"], "9\n"),
        (&["-n", "-N", "query", "newest"], "true\n"),
        (&["-N", "-n", "query", "newest"], "true\n"),
        (&["-o", "-O", "query", "offline"], "true\n"),
        (&["-O", "query", "offline"], "false\n"),
        (
            &["-t", "5", "query", "socket-timeout"],
            "Setting socket time out to 5 seconds.\n5\n",
        ),
        (&["-v", "query", "verbosity"], "${buildout:verbosity}\n10\n"),
        (
            &["-vvq", "query", "verbosity"],
            "${buildout:verbosity}\n10\n",
        ),
        (
            &["-q", "query", "verbosity"],
            "${buildout:verbosity}\n-10\n",
        ),
        (&["buildout:extends=other.cfg", "query", "name"], "other\n"),
        (&["query", "eggs-directory"], "@/eggs\n"),
        (&["query", "--resolved", "eggs-directory"], "@/eggs\n"),
        (
            &[
                "--dialect=upstream",
                "query",
                "--resolved",
                "eggs-directory",
            ],
            "@/eggs/v5\n",
        ),
        (
            &["query", "--resolved", "--format", "json", "x:lines"],
            "\"1\\n2\"\n",
        ),
    ];
    // The directories exist, so that no line of the log tells of them.
    site.run(&["bootstrap"]);
    site.run(&["--dialect=upstream", "bootstrap"]);
    for (line, expected) in cases {
        let output = site.run(line);
        assert_eq!(output.stderr, "", "{line:?}");
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(0), *expected),
            "{line:?}"
        );
    }
}

#[test]
fn user_defaults_can_be_moved_and_ignored() {
    let site = TestSite::new(PROFILE)
        .file("../home/.buildout/default.cfg", "[buildout]\nname = home\n")
        .file("moved/default.cfg", "[buildout]\nname = moved\n");
    site.run(&["bootstrap"]);
    assert_eq!(site.run(&["query", "name"]).output(), "home\n");
    let stderr = site.run(&["-U", "query", "name"]).failure();
    assert!(
        stderr.starts_with("Error: Key not found: name\n"),
        "{stderr}"
    );
    let site = site.variable("BUILDOUT_HOME", "moved");
    assert_eq!(site.run(&["query", "name"]).output(), "moved\n");
}

/// Command lines that are refused: the first line, exactly, and exit code 1
/// without anything on stdout or on disk.
#[test]
fn mistakes_on_the_command_line_leave_everything_alone() {
    let site = TestSite::new(PROFILE);
    site.run(&["bootstrap"]);
    let before = site.tree();
    let cases: &[(&[&str], &str)] = &[
        (&["-x"], "Error: Invalid option -x\n"),
        (
            &["--foo"],
            "Error: Invalid option --\n\nhint: there is no option `--foo`, and `buildout --help` lists them\n",
        ),
        (
            &["--oflline"],
            "Error: Invalid option --\n\nhint: there is no option `--oflline`; there is `--offline`\n",
        ),
        (
            &["plan", "-v"],
            "Error: Invalid option -v for plan\n\nhint: `buildout plan --help` lists its options; \
             those of `buildout` itself come before the command\n",
        ),
        (
            &["why", "p", "--fomat=json"],
            "Error: Invalid option --fomat=json for why\n",
        ),
        (&["-c"], "Error: No file name specified for option -c\n"),
        (&["-t"], "Error: No timeout value specified for option -t\n"),
        (&["-t", "soon"], "Error: Timeout value must be numeric -t\n"),
        (&["bogus"], "Error: invalid command: bogus\n"),
        (&[""], "Error: Invalid option: \n"),
        (&["a:b:c=d"], "Error: Invalid option: a:b:c=d\n"),
        (&["=x"], "Error: Invalid option: =x\n"),
        (
            &["--dialect"],
            "Error: No value specified for option --dialect\n",
        ),
        (
            &["--dialect", "x"],
            "Error: Invalid value for option --dialect: x\n",
        ),
        (
            &["--python"],
            "Error: No value specified for option --python\n",
        ),
        (
            &["query"],
            "Error: The query command requires a single argument.\n",
        ),
        (
            &["query", "a", "b"],
            "Error: The query command requires a single argument.\n",
        ),
        (&["query", "a:b:c"], "Error: Invalid option: a:b:c\n"),
        (&["query", "zz"], "Error: Key not found: zz\n"),
        (&["query", "zz:a"], "Error: Section not found: zz\n"),
        (
            &["query", "a", "--format", "json"],
            "Error: query --format json needs --resolved\n",
        ),
        (
            &["annotate", "--format", "yaml"],
            "Error: Invalid value for option --format: yaml\n",
        ),
        (
            &["annotate", "--format"],
            "Error: No value specified for option --format\n",
        ),
        (
            &["completions"],
            "Error: The completions command requires a shell.\n",
        ),
        (
            &["completions", "ksh"],
            "Error: The completions command requires a shell.\n",
        ),
        (&["init", "a\nb"], "Error: 'a\\nb' is no requirement.\n"),
        (
            &["setup", "."],
            "Error: The commands setup and runsetup run a setup.py and need Python; this program has no part in that.\n",
        ),
        (
            &["runsetup", "."],
            "Error: The commands setup and runsetup run a setup.py and need Python; this program has no part in that.\n",
        ),
    ];
    for (line, expected) in cases {
        let outcome = site.run(line);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(1), ""),
            "{line:?}"
        );
        let (first, rest) = outcome
            .stderr
            .split_at(expected.len().min(outcome.stderr.len()));
        assert_eq!(first, *expected, "{line:?}");
        assert!(
            rest.is_empty() || rest.starts_with("\nhint: "),
            "{line:?}: {rest}"
        );
    }
    assert_eq!(site.tree(), before);
}

#[test]
fn help_and_version_need_no_profile() {
    let site = TestSite::empty();
    let help = site.run(&["--help"]).output();
    assert!(help.contains("Usage: buildout"), "{help}");
    for flag in ["-h", "-W", "-A", "-vh"] {
        assert_eq!(site.run(&[flag, "ignored", "-x"]).output(), help, "{flag}");
    }
    let version = format!("buildout version {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(site.run(&["--version"]).output(), version);
    assert_eq!(site.tree(), TestSite::empty().tree());
}

/// The help of each command, without a profile and whatever else is there.
#[test]
fn each_command_has_its_own_help() {
    let site = TestSite::empty();
    let overview = site.run(&["--help"]).output();
    let commands = overview.split("\nOptions:").next().unwrap_or_default();
    let names = commands.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("  ")?.split_once(' ')?;
        (!name.is_empty()).then_some(name)
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let help = site.run(&[name, "--help"]).output();
        assert!(help.contains(&format!("Usage: buildout {name}")), "{help}");
        for line in [[name, "-h", "x"], [name, "x", "--help"]] {
            assert_eq!(site.run(&line).output(), help, "{line:?}");
        }
    }
    let garbage = site.run(&["shared", "gc", "--help"]).output();
    assert!(garbage.contains("Usage: buildout shared gc"), "{garbage}");
    assert!(garbage.contains("--older-than <DAYS>"), "{garbage}");
    assert_eq!(site.tree(), TestSite::empty().tree());
}

/// What follows the command belongs to it.
#[test]
fn arguments_of_install_are_parts() {
    let site = TestSite::new(
        "[buildout]\nparts = a b\n\
         [a]\nrecipe = plone.recipe.command\ncommand = true\n\
         [b]\nrecipe = plone.recipe.command\ncommand = true\n",
    );
    let output = site.run(&["-N", "install", "b"]).output();
    assert!(
        output.ends_with("Installing b.\nb: Running 'true'\n"),
        "{output}"
    );
    assert!(!output.contains("Installing a."), "{output}");
    let stderr = site.run(&["install", "-v"]).failure();
    assert!(
        stderr.contains("Error: The referenced section, '-v', was not defined.\n"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with("hint: `-v` is taken for a name here; options come before the command\n"),
        "{stderr}"
    );
}
