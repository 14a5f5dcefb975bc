//! `graph`: which part needs which, and what a run would do to each.

use crate::site::TestSite;

const PROFILE: &str = "\
[buildout]
parts = page report
[library]
recipe = plone.recipe.command
command = true
location = parts/library
[paths]
library = ${library:location}
[page]
recipe = plone.recipe.command
command = echo ${paths:library}
[report]
recipe = plone.recipe.command
command = echo ${page:command} ${library:location}
";

/// The lines of a DOT document that `wanted` accepts, without attributes.
fn lines(document: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = document.lines().filter(|line| wanted(line));
    lines
        .map(|line| {
            line.split([';', '['])
                .next()
                .unwrap_or(line)
                .trim()
                .to_owned()
        })
        .collect()
}

fn edges(document: &str) -> Vec<String> {
    lines(document, |line| line.contains("->"))
}

fn nodes(document: &str, state: &str) -> Vec<String> {
    let tooltip = format!("tooltip = \"{state}\"");
    lines(document, |line| line.contains(&tooltip))
}

#[test]
fn sections_are_folded_unless_they_are_asked_for() {
    let site = TestSite::new(PROFILE);
    let document = site.run(&["graph"]).output();
    let mut found = edges(&document);
    found.sort();
    assert_eq!(
        found,
        [
            r#""library" -> "page""#,
            r#""library" -> "report""#,
            r#""page" -> "report""#,
        ]
    );
    assert_eq!(
        nodes(&document, "new"),
        [r#""library""#, r#""page""#, r#""report""#]
    );
    assert_eq!(nodes(&document, "section"), [""; 0]);

    let document = site.run(&["graph", "--sections", "page"]).output();
    let mut found = edges(&document);
    found.sort();
    assert_eq!(found, [r#""library" -> "paths""#, r#""paths" -> "page""#]);
    assert_eq!(nodes(&document, "new"), [r#""library""#, r#""page""#]);
    assert_eq!(
        nodes(&document, "section"),
        [r#""buildout""#, r#""paths""#, r#""versions""#]
    );
}

#[test]
fn states_are_what_a_run_would_do() {
    let site = TestSite::new(PROFILE);
    site.write("parts/library/file", "");
    let old = "\n[old]\nrecipe = plone.recipe.command\ncommand = true\n";
    site.write("buildout.cfg", format!("{PROFILE}{old}"));
    site.run(&["buildout:parts+=old"]).output();
    let state = site.read(".installed.cfg");
    let document = site.run(&["page:command=false", "graph"]).output();
    assert_eq!(nodes(&document, "current"), [r#""library""#]);
    // The other refers to its command.
    assert_eq!(nodes(&document, "changed"), [r#""page""#, r#""report""#]);
    assert_eq!(nodes(&document, "unwanted"), [r#""old""#]);
    assert_eq!(site.read(".installed.cfg"), state, "nothing is installed");
    // Of some parts nothing is known about the others.
    let document = site.run(&["graph", "page"]).output();
    assert_eq!(nodes(&document, "unwanted"), [""; 0]);
}

#[test]
fn a_file_is_written_in_the_format_of_its_name() {
    let site = TestSite::new(PROFILE);
    for (line, file, start) in [
        (&["-o", "a.svg"][..], "a.svg", "<svg "),
        (&["-o", "a.mmd"], "a.mmd", "flowchart LR\n"),
        (&["-o=a.gv", "report"], "a.gv", "digraph "),
        (
            &["--format=mermaid", "-o", "b.svg"],
            "b.svg",
            "flowchart LR\n",
        ),
    ] {
        let line: Vec<&str> = ["graph"].iter().chain(line).copied().collect();
        assert_eq!(site.run(&line).output(), "", "{line:?}");
        assert!(site.read(file).starts_with(start), "{line:?}");
    }
    let document = site.run(&["graph", "--format", "svg"]).output();
    assert_eq!(document, site.read("a.svg"));
}

#[test]
fn mistakes() {
    let site = TestSite::new(PROFILE);
    for (line, text) in [
        (
            &["graph", "--format", "png"][..],
            "Error: Invalid value for option --format: png\n\nhint: `--format` is `dot`, `mermaid` or `svg`\n",
        ),
        (
            &["graph", "-o"],
            "Error: No value specified for option -o\n",
        ),
        (
            &["graph", "-x"],
            "Error: Invalid option -x\n\nhint: `buildout graph [--format dot|mermaid|svg] [--sections] [-o FILE] [PART...]`\n",
        ),
        (
            &["graph", "-o", "no/a.svg"],
            "Error: failed to write `no/a.svg`: No such file or directory (os error 2)\n",
        ),
    ] {
        assert_eq!(site.run(line).failure(), text);
    }
    let stderr = site.run(&["graph", "pag"]).failure();
    assert!(
        stderr.contains("Error: The referenced section, 'pag', was not defined.\n"),
        "{stderr}"
    );
}
