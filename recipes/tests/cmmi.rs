//! Conformance of slapos.recipe.cmmi, with real archives and commands.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use buildout_core::exec::failure::{CommandFailure, FailureCause};
use buildout_core::exec::outcome::Outcome;
use buildout_core::recipe::RecipeErrorKind;
use support::{Run, TestSite};

/// A configure script that tells how it was called and makes a Makefile that
/// does the same.
const CONFIGURE: &str = r#"#!/bin/sh
echo "configure $*"
echo "in $(pwd)"
echo "FOO=$FOO"
prefix=${1#--prefix=}
cat > Makefile <<END
all:
	@echo "make all X=\$(X)"
install:
	@echo "make install X=\$(X) prefix=\$(prefix)"
	mkdir -p $prefix/bin
	cp tool $prefix/bin
END
"#;

/// How long a busy machine may take for what is quick.
const PATIENCE: Duration = Duration::from_secs(60);

const TOOL: &str = "#!/bin/sh\necho tool\n";

fn site_with_package() -> TestSite {
    let site = TestSite::new();
    site.archive(
        "pkg-1.0.tar.gz",
        &[
            ("pkg-1.0/configure", CONFIGURE, 0o755),
            ("pkg-1.0/tool", TOOL, 0o755),
        ],
    );
    site
}

fn part(options: &str) -> String {
    format!("[buildout]\nparts = pkg\n[pkg]\nrecipe = slapos.recipe.cmmi\n{options}")
}

fn install(site: &TestSite, options: &str) -> Run {
    site.profile(&part(options));
    site.install()
}

#[test]
fn an_archive_is_configured_made_and_installed() {
    let site = site_with_package();
    let options = "url = pkg-1.0.tar.gz\nversion = 1\nconfigure-options =\n  --with-x=1\n  --v=%(version)s\nmake-options = X=1\n";
    let run = install(&site, options).succeeded();
    assert_eq!(
        run.output(),
        "configure --prefix=[ROOT]/buildout/parts/pkg --with-x=1 --v=1
in [ROOT]/buildout/parts/pkg/.build/pkg-1.0
FOO=
make all X=1
make install X=1 prefix=
mkdir -p [ROOT]/buildout/parts/pkg/bin
cp tool [ROOT]/buildout/parts/pkg/bin
"
    );
    assert_eq!(site.tree("parts/pkg"), "bin/ 755\nbin/tool 755");
    for (option, value) in [
        ("__buildout_installed__", "[ROOT]/buildout/parts/pkg"),
        ("location", "[ROOT]/buildout/parts/pkg"),
        ("prefix", "[ROOT]/buildout/parts/pkg"),
        ("compile-directory", "[ROOT]/buildout/parts/pkg/.build"),
    ] {
        assert_eq!(site.recorded("pkg", option).as_deref(), Some(value));
    }
    assert!(
        !run.usual_log().iter().any(|line| line.contains("unused")),
        "{:?}",
        run.usual_log()
    );

    let again = site.install().succeeded();
    assert_eq!(again.usual_log(), ["INFO Updating pkg."]);
    assert_eq!(again.output(), "");
}

#[test]
fn a_directory_is_built_in_place() {
    let site = TestSite::new();
    site.write("src/Makefile", "all:\ninstall:\n\t@echo \"$(prefix)\"\n");
    let run = install(&site, "path = src\nconfigure-command = true\n").succeeded();
    assert_eq!(
        run.log_of("pkg"),
        ["INFO Using local source directory: src"]
    );
    assert!(
        run.output().ends_with("[ROOT]/buildout/parts/pkg\n"),
        "{}",
        run.output()
    );
    assert_eq!(site.tree("parts"), "pkg/ 755");
    assert!(site.exists("src/Makefile"));
}

#[test]
fn without_make_nothing_is_made() {
    let site = site_with_package();
    let options = "url = pkg-1.0.tar.gz\nconfigure-command = :\nmake-binary =\nmake-targets =\n";
    let run = install(&site, options).succeeded();
    assert_eq!(run.output(), "");
    assert_eq!(site.tree("parts"), "pkg/ 755");
}

#[test]
fn a_failing_command_stops_the_build_and_leaves_it_to_be_looked_at() {
    let site = site_with_package();
    let options = "url = pkg-1.0.tar.gz\nenvironment = FOO = it's %(HOME)s\npost-install = echo post; false; echo unreachable\n";
    let run = install(&site, options);
    assert_eq!(
        run.log_of("pkg"),
        [
            "INFO [ENV] FOO = it's [ROOT]/home",
            "INFO Executing post-install",
            "ERROR Command 'set -e;echo post; false; echo unreachable' returned non-zero exit status 1.",
            "ERROR Compilation error. The package is left as is at [ROOT]/buildout/parts/pkg/.build/pkg-1.0 where you can inspect what went wrong.\nA shell script slapos.recipe.build.env.sh has been generated. You can source it in your shell to reproduce build environment.",
        ]
    );
    assert!(run.output().ends_with("post\n"), "{}", run.output());
    assert_eq!(run.error(), "Error: System error");
    let failure = CommandFailure::find(run.recipe_error()).expect("the command");
    let directory = site.path("parts/pkg/.build/pkg-1.0");
    let directory = directory.canonicalize().expect("it is kept");
    assert_eq!(
        failure.command(),
        "set -e;echo post; false; echo unreachable"
    );
    assert_eq!(failure.directory(), directory);
    assert_eq!(failure.kept_tree(), Some(&*directory));
    let FailureCause::Ended { outcome, tail, .. } = failure.cause() else {
        panic!("{failure}");
    };
    assert_eq!(*outcome, Outcome::Exited(1));
    let lines: Vec<_> = tail.lines().map(|line| &*line.bytes).collect();
    assert_eq!(lines, [b"post"]);
    assert_eq!(site.recorded("pkg", "recipe"), None);

    // The script brings the environment back.
    let output = Command::new("sh")
        .args(["-c", ". ./slapos.recipe.build.env.sh && echo \"FOO=$FOO\""])
        .current_dir(&directory)
        .output()
        .expect("a shell can be run");
    let shown = site.mask(&String::from_utf8_lossy(&output.stdout));
    assert!(
        shown.ends_with("\ninstall with:\n  make  install\nFOO=it's [ROOT]/home\n"),
        "{shown}"
    );

    // A later success starts from nothing.
    install(&site, "url = pkg-1.0.tar.gz\n").succeeded();
    assert_eq!(site.tree("parts/pkg"), "bin/ 755\nbin/tool 755");
}

#[test]
fn the_environment_reaches_the_commands_sorted_and_formatted() {
    for environment in [
        "environment =\n  FOO = bar %(HOME)s\n  A=100%%\n",
        "environment = variables\n[variables]\nFOO = bar %(HOME)s\nA = 100%%\n",
    ] {
        let site = site_with_package();
        let options = format!("url = pkg-1.0.tar.gz\nkeep-compile-dir = true\n{environment}");
        let run = install(&site, &options).succeeded();
        assert_eq!(
            run.log_of("pkg"),
            [
                "INFO [ENV] A = 100%",
                "INFO [ENV] FOO = bar [ROOT]/home",
                "INFO A shell script slapos.recipe.build.env.sh has been generated."
            ]
        );
        assert!(
            run.output().contains("\nFOO=bar [ROOT]/home\n"),
            "{}",
            run.output()
        );
        let script = site.mask(&site.read("parts/pkg/.build/pkg-1.0/slapos.recipe.build.env.sh"));
        assert!(
            script.starts_with("export A=100%\nexport FOO='bar [ROOT]/home'\necho "),
            "{script}"
        );
    }
}

#[test]
fn a_percent_sign_is_doubled() {
    let site = site_with_package();
    let run = install(&site, "url = pkg-1.0.tar.gz\npre-configure = echo 100%%\n").succeeded();
    assert!(run.output().starts_with("100%\n"), "{}", run.output());
    let run = install(
        &site,
        "url = pkg-1.0.tar.gz\npre-configure = echo 50% done\n",
    );
    assert_eq!(
        run.error(),
        "TypeError: %d format: a real number is required, not Options\nhint: write `%(NAME)s` to insert a value, and `%%` for a percent sign"
    );
}

#[test]
fn promises_only_warn() {
    let site = site_with_package();
    let options = "url = pkg-1.0.tar.gz\npromises =\n  ${buildout:parts-directory}/pkg/bin/tool\n  parts/pkg/nope\n";
    let run = install(&site, options).succeeded();
    assert_eq!(
        run.log_of("pkg"),
        ["WARNING could not find promise 'parts/pkg/nope'"]
    );
}

#[test]
fn scripts_with_long_first_lines_are_wrapped() {
    let site = site_with_package();
    let interpreter = format!("/{}/sh", "x".repeat(200));
    let options = format!(
        "url = pkg-1.0.tar.gz\npost-install =\n  printf '#!{interpreter}\\n' > %(location)s/bin/long\n  chmod 750 %(location)s/bin/long\n"
    );
    install(&site, &options).succeeded();
    assert_eq!(
        site.tree("parts/pkg/bin"),
        "long 750\nlong.shebang 750\ntool 755"
    );
    assert_eq!(site.read("parts/pkg/bin/long").lines().count(), 5);
}

#[test]
fn the_location_is_available_to_the_options() {
    let site = site_with_package();
    let options = "url = pkg-1.0.tar.gz\nlocation = @@LOCATION@@\nenvironment = FOO=${:location}/foo\npost-install = echo %(location)s @@LOCATION@@\n";
    let run = install(&site, options).succeeded();
    assert!(
        run.output()
            .contains("\nFOO=[ROOT]/buildout/parts/pkg/foo\n"),
        "{}",
        run.output()
    );
    assert!(
        run.output()
            .ends_with("[ROOT]/buildout/parts/pkg [ROOT]/buildout/parts/pkg\n"),
        "{}",
        run.output()
    );
}

#[test]
fn patches_are_fetched_checked_and_applied() {
    const PATCH: &str =
        "--- tool\n+++ tool\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-echo tool\n+echo patched\n";
    let site = site_with_package();
    site.write("with space/fix.patch", PATCH);
    let patch = site.write("fix.patch", PATCH);
    let md5 = site.md5("fix.patch");
    let options = format!(
        "url = pkg-1.0.tar.gz\npatches =\n  {}#{md5}\n",
        patch.display()
    );
    let run = install(&site, &options).succeeded();
    assert_eq!(run.log_of("pkg"), ["INFO Applying patches"]);
    assert!(
        run.output().starts_with("patching file tool\n"),
        "{}",
        run.output()
    );
    assert!(site.read("parts/pkg/bin/tool").contains("echo patched"));

    let wrong = options.replace(&md5, "00000000000000000000000000000000");
    let error = install(&site, &wrong).error();
    assert_eq!(
        error,
        format!(
            "Error: MD5 checksum mismatch for local resource at '[ROOT]/buildout/fix.patch'.\nhint: its MD5 checksum is {md5}: write that one if you trust what was found"
        )
    );

    let options = "url = pkg-1.0.tar.gz\npatches = fix.patch\npatch-binary = echo\npatch-options = -a\n  -b\npre-configure = false\n";
    let run = install(&site, options);
    // A relative patch lies beside the sources.
    assert!(
        run.error().starts_with(
            "Error: Couldn't find local resource '[ROOT]/buildout/parts/pkg/.build/pkg-1.0/fix.patch'."
        ),
        "{}",
        run.error()
    );
}

#[test]
fn wrong_options_are_refused() {
    let cases = [
        (
            "",
            "Error: You must provide either \"url\" or \"path\".\nhint: add",
        ),
        (
            "url = a\npath = b\n",
            "Error: You must use either \"url\" or \"path\", not both!\nhint: remove",
        ),
        (
            "url = a\nlocation = /foo\n",
            "Error: invalid 'location' value\nhint: ",
        ),
        (
            "url = a\nshared = true\nprefix = /opt/x\n",
            "Error: When shared=true, 'prefix' can't be outside location\nhint: ",
        ),
        (
            "url = a\nshared = True\n",
            "ValueError: tuple.index(x): x not in tuple\nhint: `shared` is 'True': write `true` or `false`",
        ),
        (
            "url = a\nkeep-compile-dir = yes\n",
            "ValueError: tuple.index(x): x not in tuple\nhint: `keep-compile-dir` is 'yes'",
        ),
        (
            "url = a\nenvironment = A=1\n  B\n",
            "Error: Line 'B' in environment is incorrect\nhint: ",
        ),
        (
            "url = a\nenvironment = nope\n",
            "Error: The referenced section, 'nope', was not defined.",
        ),
        (
            "url = a\npre-make-hook = hook.py#00:f\n",
            "Error: option 'pre-make-hook' is not supported: it names a function in Python\nhint: ",
        ),
        (
            "url = a\nconfigure-options = %(nope)s\n",
            "Error: Missing option: pkg:nope\nhint: ",
        ),
        (
            "path = nope\n",
            "FileNotFoundError: failed to read `[ROOT]/buildout/nope`: ",
        ),
        (
            "url = a\nmd5sum = 12\n",
            "Error: `12` is not a MD5 checksum of 32 hexadecimal digits\nhint: ",
        ),
        (
            "url = nope.tar.gz\n",
            "Error: Couldn't find local resource '[ROOT]/buildout/nope.tar.gz'.\nhint: ",
        ),
    ];
    for (options, expected) in cases {
        let site = TestSite::new();
        let error = install(&site, options).error();
        assert!(error.starts_with(expected), "{options}\n{error}");
    }
}

#[test]
fn a_build_can_be_cancelled() {
    let site = site_with_package();
    site.profile(&part(
        "url = pkg-1.0.tar.gz\npre-configure = touch ${buildout:directory}/started; sleep 600\n",
    ));
    let started = Instant::now();
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| site.install());
        while !site.exists("started") {
            assert!(started.elapsed() < PATIENCE, "the command never started");
            std::thread::sleep(Duration::from_millis(5));
        }
        site.cancellation().cancel();
        run.join().expect("it does not panic")
    });
    assert!(started.elapsed() < PATIENCE, "the command went on");
    assert_eq!(run.recipe_error().kind(), RecipeErrorKind::Cancelled);
    assert_eq!(run.log_of("pkg"), ["INFO Executing pre-configure"]);
}

#[test]
fn an_unknown_variable_is_named() {
    let site = site_with_package();
    let options = "url = pkg-1.0.tar.gz\nenvironment = A = %(NO_SUCH)s\n";
    let run = install(&site, options);
    assert!(
        run.error()
            .starts_with("KeyError: 'NO_SUCH'\nhint: the value of `A` refers to `NO_SUCH`"),
        "{}",
        run.error()
    );
}
