//! `init`, `bootstrap` and `completions`.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use crate::site::TestSite;

#[test]
fn init_makes_a_directory_that_works() {
    let site = TestSite::empty();
    assert_eq!(
        site.run(&["init"]).output(),
        "\
Creating '@/buildout.cfg'.
Creating directory '@/eggs'.
Creating directory '@/bin'.
Creating directory '@/parts'.
Creating directory '@/develop-eggs'.
Generated script '@/bin/buildout'.
"
    );
    assert_eq!(site.read("buildout.cfg"), "[buildout]\nparts =\n");
    assert_eq!(site.run(&[]).output(), "");
    let before = site.tree();
    assert_eq!(
        site.run(&["init"]).failure(),
        "Error: '@/buildout.cfg' already exists.\n\n\
         hint: `buildout` without a command installs it\n"
    );
    assert_eq!(site.tree(), before);
    // Another profile in the same directory.
    let output = site.run(&["-c", "other.cfg", "init"]).output();
    assert_eq!(output, "Creating '@/other.cfg'.\n");
    let stderr = site.run(&["-c", "no/such.cfg", "init"]).failure();
    assert!(
        stderr.starts_with("While:\n  Initializing.\nError: failed to create `@/no/such.cfg`: "),
        "{stderr}"
    );
}

#[test]
fn bootstrap_makes_the_directories_and_the_script_only() {
    let site = TestSite::new(
        "[buildout]\nparts = a\nbin-directory = tools\n\
         [a]\nrecipe = plone.recipe.command\ncommand = touch made\n",
    );
    assert_eq!(
        site.run(&["bootstrap"]).output(),
        "\
Creating directory '@/eggs'.
Creating directory '@/tools'.
Creating directory '@/parts'.
Creating directory '@/develop-eggs'.
Generated script '@/tools/buildout'.
"
    );
    assert_eq!(site.run(&["bootstrap"]).output(), "");
    assert!(!site.path("made").exists());
    assert!(!site.path(".installed.cfg").exists());
    // A run leaves other directories than `bin` alone: in a partition it would
    // be a service.
    site.remove("tools/buildout");
    site.run(&[]).output();
    assert!(!site.path("tools/buildout").exists());
}

#[test]
fn a_run_leaves_a_script_that_names_the_python() {
    let site = TestSite::new(
        "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\n\
         command = echo $0 > made; exit ${:code}\nstop-on-error = true\ncode = 1\n",
    );
    // Also after a failure: it is how one goes on.
    site.run(&[]).failure();
    let script = site.read("bin/buildout");
    let python = site.run(&["query", "buildout:executable"]).output();
    let shebang = format!("#!{}\n", python.trim_end());
    assert!(script.starts_with(&shebang), "{script}");
    let path = site.path("bin/buildout").to_string_lossy().into_owned();
    let output = site.run_program(&path, &["-q", "a:code=0"]).output();
    assert_eq!(output, "");
    assert!(site.path("made").exists());
    // As slapos.core runs it.
    let output = site.run_program(python.trim_end(), &[&path, "-U", "query", "a:code"]);
    assert_eq!(output.output(), "1\n");
    // It is not replaced without need, and mended if someone else made one.
    let inode = |path: &str| site.path(path).metadata().expect("a file").ino();
    let before = inode("bin/buildout");
    site.run(&["a:code=0"]).output();
    assert_eq!(inode("bin/buildout"), before);
    site.write("bin/buildout", "#!/bin/false\n");
    site.run(&["a:code=0"]).output();
    assert_eq!(site.read("bin/buildout"), script);
    // Another Python, and a machine without one.
    site.run(&["--python", "/bin/sh", "a:code=0"]).output();
    assert!(
        site.read("bin/buildout")
            .starts_with("#!/bin/sh\n# Runs buildout")
    );
    site.run(&["buildout:executable=/nowhere/python", "a:code=0"])
        .output();
    let script = site.read("bin/buildout");
    assert!(script.starts_with("#!/bin/sh\nexec /"), "{script}");
    let output = site.run_program(&path, &["query", "a:code"]).output();
    assert_eq!(output, "1\n");
}

#[test]
fn every_shell_has_completions_and_bash_takes_them() {
    let site = TestSite::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = site.run(&["completions", shell]).output();
        for word in ["buildout", "annotate", "dialect"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = site.run(&["completions", "bash"]).output();
    site.write("completions.bash", script);
    let path = site.path("completions.bash");
    let status = Command::new("bash").arg("-n").arg(&path).status();
    assert!(status.expect("bash starts").success());
    // They complete, too.
    site.write(
        "use.bash",
        "source ./completions.bash\n\
         COMP_WORDS=(buildout anno) COMP_CWORD=1\n\
         _buildout buildout anno buildout\n\
         echo \"${COMPREPLY[@]}\"\n",
    );
    let output = Command::new("bash")
        .arg("use.bash")
        .current_dir(site.path("."))
        .stdin(File::open("/dev/null").expect("/dev/null"))
        .output()
        .expect("bash starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "annotate\n",
        "{output:?}"
    );
}
