//! A part that fails: what is shown, its log, and `buildout shell`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::site::{Outcome, TestSite};

/// A program in C whose mistake the option `-DRIGHT` mends.
const SOURCE: &str = "\
int main(void) {
#ifndef RIGHT
  return wrong;
#endif
  return 0;
}
";

const MAKEFILE: &str = "\
all: hello
hello: hello.c
\t$(CC) $(CFLAGS) -c hello.c
install:
\ttrue
";

const PROFILE: &str = "\
[buildout]
parts = hello
[hello]
recipe = slapos.recipe.cmmi
path = source
configure-command = true
environment =
  CC = gcc
  LC_ALL = C
  CFLAGS = -Wall ${:more}
more = -DLEFT='it is'
";

fn site() -> TestSite {
    TestSite::new(PROFILE)
        .file("source/hello.c", SOURCE)
        .file("source/Makefile", MAKEFILE)
}

/// Finds the only log of a part.
fn log_of(site: &TestSite, part: &str) -> PathBuf {
    let logs = logs(site, part);
    let [log] = &*logs else {
        panic!("{logs:?}");
    };
    log.clone()
}

/// Finds the logs of a part, oldest first.
fn logs(site: &TestSite, part: &str) -> Vec<PathBuf> {
    let mut logs: Vec<PathBuf> = fs::read_dir(site.path(".buildout/logs"))
        .into_iter()
        .flatten()
        .map(|run| run.expect("an entry").path().join(format!("{part}.log")))
        .filter(|log| log.exists())
        .collect();
    logs.sort();
    logs
}

/// Follows the advice that a failure ends with: the command in backquotes,
/// typed into a shell, with more words after it.
fn follow_hint(site: &TestSite, stderr: &str, more: &str) -> Outcome {
    let hint = stderr.lines().last().expect("a hint");
    let (_, rest) = hint.split_once('`').expect("a command");
    let (line, _) = rest.split_once('`').expect("a whole command");
    site.run_in_shell(&format!("{line} {more}"))
}

#[test]
fn a_failed_build_is_explained_and_can_be_entered() {
    let site = site();
    let outcome = site.run(&[]);
    let stderr = outcome.failure();
    let (command_output, shown) = stderr.split_once("While:\n").expect("the failure");
    assert!(
        command_output.contains("hello.c:3:10: error: 'wrong' undeclared"),
        "{stderr}"
    );
    let log = log_of(&site, "hello");
    let log_name = site.mask(&log.to_string_lossy());
    let expected = format!(
        "  Installing hello.
Error: System error

 --> @/buildout.cfg:4
4 | recipe = slapos.recipe.cmmi
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
part:      hello
command:   set -e;make
directory: @/source
ended:     with exit status 2
error:     compiler, line 3 of the output: hello.c:3:10: error: 'wrong' undeclared (first use in this function)
output:    7 lines:
  gcc -Wall -DLEFT='it is' -c hello.c
  hello.c: In function 'main':
  hello.c:3:10: error: 'wrong' undeclared (first use in this function)
      3 |   return wrong;
        |          ^~~~~
  hello.c:3:10: note: each undeclared identifier is reported only once for each function it appears in
  make: *** [Makefile:3: hello] Error 1
log:       {log_name}
kept:      @/source
hint: look into it with `buildout shell hello`
"
    );
    assert_eq!(shown, expected);

    let log = site.mask(&fs::read_to_string(log).expect("a log"));
    for text in [
        "Installing hello.\n",
        "INFO Using local source directory: source\n",
        "INFO [ENV] CFLAGS = -Wall -DLEFT='it is'\n",
        "\n== configure\n",
        "\nIn @/source:\n$ set -e;true \n(exit status 0)\n",
        "\n== make\n\nIn @/source:\n$ set -e;make \ngcc -Wall",
        "\n(exit status 2)\nERROR Command 'set -e;make ' returned non-zero exit status 2.\n",
        "Error: System error\n",
    ] {
        assert!(log.contains(text), "{text:?} in\n{log}");
    }

    // The advice, followed: the directory and the variables of the build.
    let entered = follow_hint(&site, &stderr, "-- sh -c 'pwd; echo \"$CFLAGS\"; exit 3'");
    assert_eq!(entered.code, Some(3), "{entered:?}");
    assert_eq!(entered.stdout, "@/source\n-Wall -DLEFT='it is'\n");
    // The failing command can be repeated, mended there, and then in the profile.
    let again = site.run(&["shell", "hello", "--", "make"]);
    assert_eq!(again.code, Some(2));
    assert!(
        again.stderr.contains("hello.c:3:10: error: 'wrong'"),
        "{again:?}"
    );
    let mended = site.run(&["shell", "hello", "--", "make", "CFLAGS=-DRIGHT"]);
    assert_eq!(mended.code, Some(0), "{mended:?}");
    let installed = site.run(&["hello:more=-DRIGHT"]);
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let entered = site.run(&["shell", "hello", "--", "sh", "-c", "echo \"$CFLAGS\""]);
    assert_eq!(entered.output(), "-Wall -DRIGHT\n");
}

#[test]
fn the_advice_repeats_what_chose_the_configuration() {
    let site = TestSite::empty()
        .file("place/.keep", "")
        .file("program/Makefile", "all:\n\techo $$GREETING; exit 1\n");
    let place = site.path("place");
    let profile = format!("[buildout]\ndirectory = {}\nparts =\n", place.display());
    site.write("my profiles/other.cfg", profile);
    let stderr = site
        .run(&[
            "-qNc",
            "my profiles/other.cfg",
            "buildout:parts=hello",
            "hello:recipe=slapos.recipe.cmmi",
            "hello:configure-command=true",
            "hello:path=../program",
            "hello:environment=GREETING=it's me",
        ])
        .failure();
    let entered = follow_hint(&site, &stderr, "-- sh -c 'pwd; echo $GREETING'");
    assert_eq!(entered.output(), "@/program\nit's me\n", "{stderr}");
}

#[test]
fn a_shell_is_started_without_its_own_files() {
    for shell in ["/bin/sh", "/bin/bash"] {
        let site = site()
            .file("../home/.bashrc", "CFLAGS=spoilt")
            .variable("SHELL", shell)
            .file("input", "echo \"$CFLAGS in $(pwd)\"\nexit 7\n");
        site.run(&[]).failure();
        let outcome = site.run_in_shell("buildout shell hello < input");
        assert_eq!(outcome.code, Some(7), "{outcome:?}");
        assert_eq!(outcome.stdout, "-Wall -DLEFT='it is' in @/source\n");
        assert_eq!(
            outcome.stderr,
            "In @/source with the environment of part hello; `exit` leads back.\n"
        );
    }
}

#[test]
fn a_shell_without_a_build_is_refused_with_advice_that_helps() {
    let site = TestSite::new(
        "[buildout]\nparts = hello\n[hello]\nrecipe = slapos.recipe.cmmi\nurl = hello.tar\n\
         configure-command = true\nenvironment = GREETING = moin\n",
    )
    .file("hello-1/Makefile", "all install:\n\t@echo making\n");
    let packed = site.run_program("tar", &["-cf", "hello.tar", "hello-1"]);
    assert_eq!(packed.code, Some(0), "{packed:?}");

    let stderr = site.run(&["shell", "hallo"]).failure();
    assert_eq!(
        stderr,
        "Error: There is no part hallo.\n\nhint: there is a section `[hello]`\n"
    );
    let stderr = site.run(&["shell", "hello"]).failure();
    assert_eq!(
        stderr,
        "Error: Part hello has run no command here yet.\n\n\
         hint: `buildout install hello` runs its commands, if its recipe has any\n"
    );
    assert_eq!(follow_hint(&site, &stderr, "").code, Some(0));
    let stderr = site.run(&["shell", "hello"]).failure();
    assert_eq!(
        stderr,
        "Error: The build directory of part hello is not there any more: @/parts/hello/.build/hello-1\n\n\
         hint: `buildout hello:keep-compile-dir=true install hello` builds it again and keeps the directory\n"
    );
    assert_eq!(follow_hint(&site, &stderr, "").code, Some(0));
    let entered = site.run(&["shell", "hello", "--", "sh", "-c", "pwd; echo $GREETING"]);
    assert_eq!(entered.output(), "@/parts/hello/.build/hello-1\nmoin\n");

    for line in [&["shell"][..], &["shell", "a", "b"], &["shell", "a", "--"]] {
        let stderr = site.run(line).failure();
        assert!(
            stderr.starts_with("Error: The shell command requires a part"),
            "{stderr}"
        );
    }
    let outcome = site.run(&["shell", "hello", "--", "no-such-program"]);
    assert_eq!(
        outcome.failure(),
        "Error: failed to start `no-such-program`: No such file or directory (os error 2)\n"
    );
}

#[test]
fn errors_of_real_programs_are_recognised() {
    let site = TestSite::empty()
        .file("call.c", "int f(void);\nint main(void) { return f(); }\n")
        .file("text", "one\n")
        .file(
            "text.patch",
            "--- text\n+++ text\n@@ -1,1 +1,1 @@\n-two\n+three\n",
        )
        .file("sums", format!("{}  text\n", "0".repeat(64)))
        .file(
            "configure",
            "echo 'checking for C... no'; echo 'configure: error: no C' >&2; exit 1\n",
        )
        .file("Makefile", "all: nothing\n");
    for (command, error) in [
        ("gcc call.c", "linker"),
        ("gcc no-such.c", "compiler"),
        ("sh configure", "configure"),
        ("make", "make"),
        ("patch -p0 < text.patch", "patch"),
        ("sha256sum -c sums", "checksum"),
        ("cat text > /dev/full", "disk full"),
        ("no-such-program", "missing program"),
        ("sh -c 'kill -9 $$'; exit 1", "killed"),
    ] {
        site.write(
            "buildout.cfg",
            format!(
                "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\n\
                 stop-on-error = true\ncommand = export LC_ALL=C; {command}\n"
            ),
        );
        let stderr = site.run(&[]).failure();
        let expected = format!("\nerror:     {error}, line ");
        assert!(stderr.contains(&expected), "{command}\n{stderr}");
    }
}

#[test]
fn the_first_error_of_a_long_output_is_shown_with_its_end() {
    let site = TestSite::new(
        "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\nstop-on-error = true\ncommand =\n  \
         echo start\n  echo 'a.c:1:2: error: the one'\n  seq 1000\n  exit 4\n",
    );
    let stderr = site.run(&[]).failure();
    let (_, shown) = stderr.split_once("\npart: ").expect("the part");
    let last: String = (981..=1000).map(|line| format!("  {line}\n")).collect();
    let log = site.mask(&log_of(&site, "a").to_string_lossy());
    let (before, after) = shown.split_once("\nerror: ").expect("an error");
    assert!(
        before.ends_with("\ndirectory: @\nended:     with exit status 4"),
        "{shown}"
    );
    assert_eq!(
        after,
        format!(
            "    compiler, line 2 of the output: a.c:1:2: error: the one\noutput:    the last 20 of 1002 lines:\n{last}\
             log:       {log}\nhint: look into it with `buildout shell a`\n"
        )
    );
    // The log has everything.
    let log = fs::read_to_string(log_of(&site, "a")).expect("a log");
    for line in [
        "start\n",
        "a.c:1:2: error: the one\n",
        "1\n2\n3\n",
        "\n1000\n",
    ] {
        assert!(log.contains(line), "{line}");
    }
}

#[test]
fn the_logs_of_the_newest_runs_are_kept_and_only_of_parts_that_did_something() {
    let site = TestSite::new(
        "[buildout]\nparts = loud a/b\n[loud]\nrecipe = plone.recipe.command\ncommand = echo loud\n\
         update-command = ${:command}\n[a/b]\nrecipe = slapos.cookbook:mkdirectory\nx = made\n",
    );
    for _ in 0..12 {
        let outcome = site.run(&[]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }
    let logs = logs(&site, "loud");
    assert_eq!(logs.len(), 10);
    let text = fs::read_to_string(&logs[9]).expect("a log");
    assert_eq!(
        site.mask(&text),
        "Updating loud.\nINFO Running echo loud\n\nIn @:\n$ echo loud\nloud\n(exit status 0)\n\nDone.\n"
    );
    assert!(logs_of_all(&site).iter().all(|name| name == "loud.log"));
    // A part's name need not be one of a file.
    let site = TestSite::new(
        "[buildout]\nparts = ../x\n[../x]\nrecipe = plone.recipe.command\ncommand = echo x\n",
    );
    site.run(&[]);
    assert_eq!(logs_of_all(&site), ["%2e.%2fx.log"]);
}

fn logs_of_all(site: &TestSite) -> Vec<String> {
    let runs = fs::read_dir(site.path(".buildout/logs")).expect("logs");
    runs.flat_map(|run| fs::read_dir(run.expect("a run").path()).expect("a run"))
        .map(|log| {
            log.expect("a log")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn a_log_that_cannot_be_written_is_told_once_and_stops_nothing() {
    let profile = "[buildout]\nparts = a b\n[a]\nrecipe = plone.recipe.command\ncommand = echo a\n\
                   [b]\nrecipe = plone.recipe.command\ncommand = echo b\n";
    // Something is in the way.
    let site = TestSite::new(profile).file(".buildout/logs", "");
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let told = outcome
        .stdout
        .matches("The logs of parts are not complete: failed to create `@/.buildout/logs/");
    assert_eq!(told.count(), 1, "{outcome:?}");
    assert!(outcome.stdout.contains("\nb\n"), "{outcome:?}");
}

#[test]
fn records_of_environments_are_private_and_hold_no_more_than_the_profile() {
    let site = site().variable("TOKEN", "secret");
    site.run(&[]).failure();
    let path = site.path(".buildout/environments/hello");
    let mode = fs::metadata(&path).expect("a record").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let record = site.read(".buildout/environments/hello");
    assert!(record.contains("CFLAGS=-Wall"), "{record}");
    assert!(!record.contains("secret"), "{record}");
    let entered = site.run(&["shell", "hello", "--", "sh", "-c", "echo $TOKEN"]);
    assert_eq!(entered.output(), "secret\n");
}
