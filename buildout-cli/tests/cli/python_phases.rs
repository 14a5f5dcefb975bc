//! Profiles that say which Python they are for, and make it.

use std::path::Path;

use crate::pythons::{make_wheel_of_saying, shared_cache, two_pythons};
use crate::site::TestSite;

/// As SlapOS's profiles do it: a part makes the Python, a snippet in Python chooses it.
/// `OTHER` is the Python that the part's is a virtual environment of.
const PROFILE: &str = "
[buildout]
parts = text script said
python = python
extensions = slapos.rebootstrap
rebootstrap-prepend-paths = more
find-links = ${:directory}/links
versions = versions

[versions]
setuptools = 80.9.0
saying = 1.0

[python]
recipe = saying
output = ${buildout:directory}/chosen
executable = ${made:executable}

[made]
recipe = plone.recipe.command
command = echo made >> ${buildout:directory}/count && OTHER -m venv --without-pip ${:location}
location = ${buildout:parts-directory}/made
executable = ${:location}/bin/python
stop-on-error = true
noted = ${buildout:executable} ${version:python}

[more]
recipe = slapos.cookbook:mkdirectory
location = ${buildout:directory}/more

[version]
python = host

[version:python_version == 'BUILT']
python = built

[text]
recipe = slapos.recipe.template
output = ${buildout:directory}/text
inline = ${version:python} ${buildout:executable}

[script]
recipe = zc.recipe.egg
eggs = saying

[said]
recipe = saying
output = ${buildout:directory}/out
";

fn profile(minor: u32, python: &Path) -> String {
    PROFILE
        .replace("OTHER", &python.to_string_lossy())
        .replace("BUILT", &format!("3.{minor}"))
}

#[test]
fn a_profile_makes_its_python_first() {
    let [(host, host_python), (built, other)] = two_pythons();
    let site = TestSite::new(profile(built, &other)).variable("XDG_CACHE_HOME", &shared_cache());
    make_wheel_of_saying(&site);
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let told: Vec<&str> = outcome.stdout.lines().collect();
    let at = |line: &str| told.iter().position(|told| *told == line);
    let switch = at("Going on with the Python of [python]: @/parts/made/bin/python");
    let steps = [
        at("Installing made."),
        at("Installing python."),
        at("Installing more."),
        switch,
        at("Updating made."),
        at("Updating python."),
        at("Installing text."),
        at("Installing said."),
    ];
    assert!(steps.is_sorted() && steps[0].is_some(), "{outcome:?}");
    // The snippet was run by the Python of the host, all else is for the one that was made.
    assert_eq!(site.read("chosen"), format!("python 3.{host}"));
    assert_eq!(site.read("out"), format!("python 3.{built}"));
    let made = site.path("parts/made/bin/python");
    let made = made.to_string_lossy();
    assert_eq!(site.read("text"), format!("built {made}"));
    let script = site.path("bin/saying");
    let said = site.run_program(&script.to_string_lossy(), &[]).output();
    assert_eq!(said, format!("python 3.{built}\n"));
    for script in ["bin/saying", "bin/buildout"] {
        let text = site.read(script);
        assert!(text.starts_with(&format!("#!{made}\n")), "{text}");
    }
    let egg = format!("site/eggs/saying-1.0-py3.{built}.egg ");
    let tree = site.tree();
    assert!(tree.iter().any(|line| line.starts_with(&egg)), "{tree:?}");
    assert_eq!(site.read("count"), "made\n");

    // Another run has nothing to do, nor has one after the snippet's Python is gone.
    let updates = "Updating made.\nUpdating python.\nUpdating more.\nUpdating text.\n\
                   Updating script.\nUpdating said.\n";
    let before = site.read(".installed.cfg");
    assert_eq!(site.run(&[]).output(), updates);
    assert_eq!(
        site.run(&["--python", "/nowhere/python3"]).output(),
        updates
    );
    assert_eq!(site.read(".installed.cfg"), before);
    assert_eq!(site.read("count"), "made\n");
    let value = site.run(&["query", "version:python"]).output();
    assert_eq!(value, "built\n");

    // It is made anew from the Python of the host.
    let other_profile =
        profile(built, &other).replace("stop-on-error = true", "stop-on-error = yes");
    site.write("buildout.cfg", &other_profile);
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("Uninstalling made.\n"),
        "{outcome:?}"
    );
    assert!(
        !outcome.stdout.contains("Installing text.\n"),
        "{outcome:?}"
    );
    assert_eq!(site.read("count"), "made\nmade\n");
    assert_eq!(site.run(&[]).output(), updates);

    // A profile that is for another Python again.
    let host_profile = other_profile.replace("python = python\n", "");
    site.write(
        "buildout.cfg",
        host_profile.replace("extensions = slapos.rebootstrap\n", ""),
    );
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(site.read("out"), format!("python 3.{host}"));
    let text = format!("host {}", host_python.display());
    assert_eq!(site.read("text"), text);
}

#[test]
fn a_python_that_is_there_is_the_one_of_the_run() {
    let [_, (minor, python)] = two_pythons();
    let python = python.to_string_lossy();
    let site = TestSite::new(format!(
        "[buildout]\nparts = text\npython = there\n[there]\nexecutable = {python}\n\
         [text]\nrecipe = slapos.recipe.template\noutput = ${{buildout:directory}}/text\n\
         inline = ${{version:python}} ${{buildout:executable}}\n\
         [version:python_version == '3.{minor}']\npython = there\n"
    ));
    let told = site.run(&[]).output();
    assert!(told.ends_with("\nInstalling text.\n"), "{told}");
    assert_eq!(site.read("text"), format!("there {python}"));
    assert_eq!(site.run(&[]).output(), "Updating text.\n");
}

#[test]
fn what_needs_a_python_before_there_is_one_is_named() {
    let [_, (minor, python)] = two_pythons();
    let site = TestSite::new(profile(minor, &python));
    make_wheel_of_saying(&site);
    let failure = site.run(&["--python", "/nowhere/python3"]).failure();
    // Conditions come first.
    assert!(failure.contains("[version:python_version"), "{failure}");
    let condition = format!("[version:python_version == '3.{minor}']\npython = built\n");
    site.write(
        "buildout.cfg",
        profile(minor, &python).replace(&condition, ""),
    );
    let failure = site.run(&["--python", "/nowhere/python3"]).failure();
    assert!(
        failure.contains("Error: failed to run `/nowhere/python3` to find out about Python\n")
            && failure.contains("recipe = saying\n")
            && failure.contains(
                "hint: [python] needs a Python: name one with `--python`, or put a `python3` on \
                 the `PATH`"
            ),
        "{failure}"
    );
}

#[test]
fn a_python_that_is_not_made_is_an_error() {
    let site = TestSite::new(
        "[buildout]\nparts =\npython = py\n[py]\nrecipe = plone.recipe.command\ncommand = true\n\
         executable = ${buildout:directory}/py\n",
    );
    let failure = site.run(&[]).failure();
    assert!(
        failure.contains(
            "Error: the parts that [py] needs are installed, and there is no Python `@/py`\n"
        ),
        "{failure}"
    );
    // One that cannot be made is told as any part that fails.
    site.write(
        "buildout.cfg",
        "[buildout]\nparts =\npython = py\n[py]\nrecipe = plone.recipe.command\ncommand = false\n\
         executable = ${buildout:directory}/py\nstop-on-error = true\n",
    );
    let failure = site.run(&[]).failure();
    assert!(
        failure.contains("  Installing py.\n")
            && failure.contains("\nlog:       @/.buildout/logs/"),
        "{failure}"
    );
    assert!(site.path("bin/buildout").exists());
}
