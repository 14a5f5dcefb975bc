//! `init`, `bootstrap` and `completions`.

use std::fs::File;
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
fn bootstrap_makes_the_directories_only() {
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
"
    );
    assert_eq!(site.run(&["bootstrap"]).output(), "");
    assert!(!site.path("made").exists());
    assert!(!site.path(".installed.cfg").exists());
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
