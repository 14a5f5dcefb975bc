//! The recipes that make directories, links, wrappers, and run commands.

mod support;

use std::fs;
use std::process::Command;

use support::TestSite;

#[test]
fn directories_are_made_and_never_removed() {
    let site = TestSite::with_profile(
        "[buildout]
parts = directories
[directories]
recipe = slapos.cookbook:mkdirectory
home = ${buildout:directory}/home
etc = ${:home}/sub/etc
relative = relative
empty =
mode = 0750
        ",
    );
    let run = site.install().succeeded();
    assert_eq!(
        run.log()[4..],
        [
            "INFO Installing directories.",
            "WARNING Section `directories` contains unused option(s): 'empty' 'etc' 'mode' \
             'relative'.\nThis may be an indication for either a typo in the option's name or a \
             bug in the used recipe.",
        ]
    );
    for (directory, mode) in [
        ("home", 0o750),
        ("home/sub", 0o755),
        ("home/sub/etc", 0o750),
        ("relative", 0o750),
    ] {
        assert_eq!(site.mode(directory), mode, "{directory}");
    }
    assert!(
        site.read(".installed.cfg")
            .contains("[directories]\n__buildout_installed__ = \n")
    );

    // What has disappeared comes back, and existing modes stay.
    fs::remove_dir(site.path("relative")).expect("it is empty");
    fs::set_permissions(site.path("home"), {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(0o700)
    })
    .expect("it is ours");
    site.install().succeeded();
    assert!(site.exists("relative"));
    assert_eq!(site.mode("home"), 0o700);

    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert!(site.exists("home/sub/etc"));
}

#[test]
fn directories_that_cannot_be_made_are_named() {
    let site = TestSite::with_profile(
        "[buildout]
parts = directories
[directories]
recipe = slapos.recipe.build:mkdirectory
data = ${buildout:directory}/file/data
        ",
    );
    site.write("file", "");
    let error = site.install().error();
    assert_eq!(
        error,
        "FileExistsError: failed to create directory `[ROOT]/buildout/file`: File exists (os \
         error 17)"
    );
}

#[test]
fn a_mode_must_be_octal() {
    let site = TestSite::with_profile(
        "[buildout]
parts = directories
[directories]
recipe = slapos.recipe.build:mkdirectory
mode = rwx
        ",
    );
    assert_eq!(
        site.install().error(),
        "ValueError: invalid literal for int() with base 8: 'rwx'\nhint: write the mode in octal \
         digits, such as `0640`"
    );
}

const LINKS: &str = "[buildout]
parts = links
[links]
recipe = slapos.cookbook:symbolic.link
target-directory = ${buildout:bin-directory}
link-binary = /bin/sh
  /bin/cat
";

#[test]
fn links_follow_the_options() {
    let site = TestSite::with_profile(LINKS);
    let run = site.install().succeeded();
    assert_eq!(site.tree("bin"), "cat -> /bin/cat\nsh -> /bin/sh");
    assert_eq!(
        run.log_of("links"),
        [
            "DEBUG Created link '[ROOT]/buildout/bin/sh' -> '/bin/sh'",
            "DEBUG Created link '[ROOT]/buildout/bin/cat' -> '/bin/cat'",
        ]
    );

    // An update repairs a link that leads elsewhere.
    fs::remove_file(site.path("bin/sh")).expect("it is a link");
    std::os::unix::fs::symlink("/nowhere", site.path("bin/sh")).expect("linked");
    site.install().succeeded();
    assert_eq!(site.tree("bin"), "cat -> /bin/cat\nsh -> /bin/sh");

    site.profile(&LINKS.replace("/bin/cat", "/bin/ls"));
    site.install().succeeded();
    assert_eq!(site.tree("bin"), "ls -> /bin/ls\nsh -> /bin/sh");
}

#[test]
fn what_is_no_link_is_not_replaced() {
    let site = TestSite::with_profile(LINKS);
    site.write("bin/cat", "precious");
    assert_eq!(
        site.install().error(),
        "Error: Target '[ROOT]/buildout/bin/cat' already exists but is not a link\nhint: remove \
         or rename `[ROOT]/buildout/bin/cat`"
    );
    assert_eq!(site.read("bin/cat"), "precious");
    assert!(!site.exists("bin/sh"), "half a part is no part");
    fs::remove_file(site.path("bin/cat")).expect("it is there");
    site.install().succeeded();

    site.profile(&LINKS.replace("${buildout:bin-directory}", "${buildout:directory}/none"));
    let error = site.install().error();
    assert!(
        error.starts_with(
            "FileNotFoundError: failed to create the link `[ROOT]/buildout/none/sh`: "
        ),
        "{error}"
    );
}

const COMMAND: &str = "[buildout]
parts = command
[command]
recipe = plone.recipe.command
command = echo in $PWD; false
  exit 3
update-command = echo again
";

#[test]
fn commands_run_at_installation_and_update() {
    let site = TestSite::with_profile(COMMAND);
    let run = site.install().succeeded();
    assert_eq!(run.output(), "in [ROOT]/buildout\n");
    assert_eq!(
        run.log_of("command"),
        ["INFO Running 'echo in $PWD; false\nexit 3'"]
    );
    let run = site.install().succeeded();
    assert_eq!(run.output(), "again\n");
    assert_eq!(run.log_of("command"), ["INFO Running echo again"]);
}

#[test]
fn a_location_that_is_never_made_reinstalls() {
    let site = TestSite::with_profile(&format!(
        "{COMMAND}location = ${{buildout:directory}}/made ${{buildout:directory}}/never\n"
    ));
    site.write("made", "");
    site.install().succeeded();
    let run = site.install().succeeded();
    assert_eq!(run.output(), "in [ROOT]/buildout\n");
    assert!(!site.exists("made"), "it was removed with the part");
}

#[test]
fn failures_of_commands_count_on_demand() {
    let stop = |value: &str| format!("{COMMAND}stop-on-error = {value}\n");
    for value in ["yes", "On", "TRUE"] {
        let run = TestSite::with_profile(&stop(value)).install();
        let text = "Non zero exit code (3) while running command.";
        assert_eq!(run.error(), format!("Error: {text}"), "{value}");
        assert_eq!(run.log_of("command")[1], format!("ERROR {text}"));
    }
    for value in ["no", "off", "False"] {
        TestSite::with_profile(&stop(value)).install().succeeded();
    }
    let run = TestSite::with_profile(&stop("1")).install();
    let text = "Invalid value '1' for 'stop_on_error', use 'yes', 'on', 'true', 'no', 'off' or \
                false.";
    assert_eq!(
        run.error(),
        format!("Error: {text}\nhint: write `stop-on-error = true` or remove the option")
    );
    assert_eq!(run.log_of("command"), [format!("ERROR {text}")]);

    let killed = stop("yes").replace("exit 3", "kill -TERM $$");
    let run = TestSite::with_profile(&killed).install();
    assert_eq!(
        run.error(),
        "Error: Non zero exit code (-15) while running command."
    );

    let run = TestSite::with_profile(
        "[buildout]\nparts = command\n[command]\nrecipe = plone.recipe.command\ncommand =\n",
    )
    .install();
    assert_eq!(
        run.error(),
        "Error: No command specified\nhint: add `command = ...` to `[command]`"
    );
}

const WRAPPER: &str = "[buildout]
parts = wrapper
[wrapper]
recipe = slapos.cookbook:wrapper
command-line = /bin/echo 'hello  world' \"$HOME\" a;b
wrapper-path = ${buildout:bin-directory}/hello
";

#[test]
fn wrappers_execute_the_command() {
    let site = TestSite::with_profile(&format!(
        "{WRAPPER}environment =\n  NAME = it's\n  OTHER=1 = 2\n"
    ));
    site.install().succeeded();
    assert_eq!(site.mode("bin/hello"), 0o700);
    assert_eq!(
        site.read("bin/hello"),
        "#!/bin/sh -e\nexport NAME='it'\"'\"'s'\nexport OTHER='1 = 2'\nexec /bin/echo 'hello  \
         world' '$HOME' 'a;b' \\\n\t\"$@\"\n"
    );
    let output = Command::new(site.path("bin/hello"))
        .args(["x  y", ""])
        .output()
        .expect("the wrapper starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "hello  world $HOME a;b x  y \n"
    );
    let installed = site.read(".installed.cfg");
    for line in [
        "_d = %(__buildout_directory__)s/develop-eggs",
        "_e = %(__buildout_directory__)s/eggs",
    ] {
        let line = line.replace(
            "%(__buildout_directory__)s",
            &site.path("").to_string_lossy(),
        );
        let line = line.replace("//", "/");
        assert!(installed.contains(&line), "{line} is in {installed}");
    }
}

#[test]
fn wrappers_are_named_after_hashed_files() {
    let site = TestSite::with_profile(
        "[buildout]
parts = wrapper
[template]
recipe = slapos.recipe.template
inline = made
output = ${buildout:directory}/made
[wrapper]
recipe = slapos.cookbook:wrapper
command-line = /bin/true
wrapper-path = ${buildout:bin-directory}/true
hash-files = ${template:output}
hash-existing-files = existing
        ",
    );
    site.write("existing", "1\n");
    site.install().succeeded();
    let names = |site: &TestSite| site.tree("bin");
    // MD5 of `4\nmade2\n1\n`, from md5sum.
    assert_eq!(names(&site), "true-34a210a5f39e8d20d896a52ade66c0c7 700");

    // A change beforehand reinstalls.
    site.write("existing", "2\n");
    let run = site.install().succeeded();
    assert!(run.log().contains(&"INFO Uninstalling wrapper.".to_owned()));
    let second = names(&site);
    assert_ne!(second, "true-34a210a5f39e8d20d896a52ade66c0c7 700");
    assert_eq!(second.lines().count(), 1);

    // A change that only the update sees is refused.
    site.write("made", "other");
    let error = site.install().error();
    assert!(
        error.starts_with("Error: unstable wrapper path ('[ROOT]/buildout/bin/true-"),
        "{error}"
    );
}

#[test]
fn wrappers_refuse() {
    for (options, expected) in [
        (
            "hash-files = /etc/passwd /etc/missing /etc/group",
            "Error: hash-files must only list files that are generated by buildout:\n  \
             /etc/passwd\n  /etc/group\nhint: move these files to `hash-existing-files`",
        ),
        (
            "hash-existing-files = missing",
            "FileNotFoundError: failed to read `[ROOT]/buildout/missing`: No such file or \
             directory (os error 2)",
        ),
        (
            "sig-ign = SIGHUP",
            "ValueError: invalid signal value: SIGHUP\nhint: name a signal without `SIG`, such \
             as `HUP` or `RTMIN+1`",
        ),
        (
            "redirect-signal = USR1",
            "Error: redirect-signal without redirecting any output makes no sense\nhint: add \
             `redirect-stdout = FILE`, or remove `redirect-signal`",
        ),
        (
            "private-tmpfs = 128M",
            "Error: failed to split '128M' into size and path\nhint: write one `SIZE PATH` in each \
             line, such as `128M /tmp/private`",
        ),
        (
            "environment = NAME",
            "ValueError: line 'NAME' of the environment has no `=`\nhint: write one `NAME=value` \
             in each line",
        ),
        (
            "command-line = /bin/echo 'x",
            "ValueError: No closing quotation\nhint: quotation marks and backslashes mean what \
             they mean in a shell",
        ),
        (
            "command-line =",
            "AssertionError: the command line is empty",
        ),
    ] {
        let site = TestSite::with_profile(&format!("{WRAPPER}{options}\n"));
        assert_eq!(site.install().error(), expected, "{options}");
        assert_eq!(site.tree("bin"), "", "{options}");
    }
    let site = TestSite::with_profile(&format!(
        "{WRAPPER}sig-ign = HUP\npidfile =\nreserve-cpu = no\n"
    ));
    site.install().succeeded();
    assert!(site.read("bin/hello").contains("\ntrap '' HUP\nexec"));

    let site = TestSite::with_profile(&WRAPPER.replace("command-line", "command"));
    assert_eq!(
        site.install().error(),
        "Error: Missing option: wrapper:command-line\nhint: add `command-line = ...` to \
         `[wrapper]`"
    );
}
