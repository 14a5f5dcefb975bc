//! Documents for tools: `annotate --format json` and `query --resolved`.

use serde_json::{Value, json};

use crate::site::{MASK, TestSite};

/// Every recipe of this profile would leave a trace if it were run.
const PROFILE: &str = "\
[buildout]
extends = base.cfg
parts = a directory
eggs-directory = ${:directory}/made
download-cache = cache
extends-cache = cached

[a]
recipe = plone.recipe.command
command = touch made
list += two

[typed]
<= macro
tuple = !py!(1, 2)
table = !py!{'a': [1, None, True]}
number = !py!3

[macro]
text = one ${a:list} $${shell}

[directory]
recipe = slapos.recipe.build:mkdirectory
path = ${buildout:directory}/parts/made

[wrong]
a = ${typed:text}
b = ${nowhere:x}

[python]
recipe = some.python.recipe

[user]
x = ${python:location}
";

fn site() -> TestSite {
    TestSite::new(PROFILE).file("base.cfg", "[a]\nlist = one\n")
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn annotate_json_has_values_and_histories() {
    let site = site();
    let before = site.tree();
    let all = document(&site.run(&["annotate", "--format", "json"]).output());
    assert_eq!(site.tree(), before, "nothing is made");
    let names: Vec<&String> = all.as_object().expect("an object").keys().collect();
    // The profile's order: the files that are extended come first.
    assert_eq!(
        names,
        [
            "buildout",
            "a",
            "typed",
            "macro",
            "directory",
            "wrong",
            "python",
            "user",
            "versions"
        ]
    );
    let set = |line: u32, file: &str, value: &str| {
        json!({
            "operation": "SET",
            "source": format!("{MASK}/{file}"),
            "line": line,
            "value": value,
        })
    };
    let mut added = set(11, "buildout.cfg", "two");
    added["operation"] = json!("ADD");
    assert_eq!(
        all["a"],
        json!({
            "list": {"value": "one\ntwo", "history": [set(2, "base.cfg", "one"), added]},
            "recipe": {
                "value": "plone.recipe.command",
                "history": [set(9, "buildout.cfg", "plone.recipe.command")],
            },
            "command": {"value": "touch made", "history": [set(10, "buildout.cfg", "touch made")]},
        })
    );
    assert_eq!(
        all["buildout"]["newest"],
        json!({"value": "true", "history": [
            {"operation": "SET", "source": "DEFAULT_VALUE", "line": null, "value": "true"},
        ]})
    );
    // Values are raw: neither macros nor references nor typed values count.
    assert_eq!(all["typed"]["<"]["value"], "macro");
    assert_eq!(all["typed"]["tuple"]["value"], "!py!(1, 2)");
    assert_eq!(all["user"]["x"]["value"], "${python:location}");

    let line = ["a:command=false", "annotate", "--format=json", "macro", "a"];
    let some = document(&site.run(&line).output());
    let names: Vec<&String> = some.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["a", "macro"]);
    assert_eq!(
        some["a"]["command"]["history"][1],
        json!({"operation": "OVERRIDE", "source": "COMMAND_LINE_VALUE", "line": null, "value": "false"})
    );
}

#[test]
fn resolved_values_are_one_document_and_nothing_happens() {
    let site = site();
    let before = site.tree();
    for verbosity in ["-q", "-v", "-vv", "newest=true"] {
        let outcome = site.run(&[verbosity, "query", "--resolved", "--format", "json"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(
            outcome.stderr,
            "\
[wrong] left out: The referenced section, 'nowhere', was not defined.
[python] left out: the recipe 'some.python.recipe' acts on the world when it is constructed
[user] left out: the recipe 'some.python.recipe' acts on the world when it is constructed
"
        );
        let all = document(&outcome.stdout);
        assert_eq!(all["a"]["list"], "one\ntwo");
        assert_eq!(
            all["typed"],
            json!({
                "text": "one one\ntwo ${shell}",
                "tuple": {"!py": "(1, 2)"},
                "table": {"a": [1, null, true]},
                "number": 3,
            })
        );
        assert_eq!(all["buildout"]["bin-directory"], format!("{MASK}/bin"));
        assert_eq!(all.get("wrong"), None);
    }
    assert_eq!(site.tree(), before, "nothing is made");
}

#[test]
fn one_resolved_value() {
    let site = site();
    let before = site.tree();
    let text = |key| site.run(&["query", "--resolved", key]).output();
    assert_eq!(text("typed:text"), "one one\ntwo ${shell}\n");
    assert_eq!(text("directory"), format!("{MASK}\n"));
    assert_eq!(text("typed:tuple"), "!py!(1, 2)\n");
    let json = |key| {
        document(
            &site
                .run(&["query", "--resolved", "--format", "json", key])
                .output(),
        )
    };
    assert_eq!(json("typed:text"), "one one\ntwo ${shell}");
    assert_eq!(json("typed:tuple"), json!({"!py": "(1, 2)"}));
    assert_eq!(json("typed:number"), 3);
    let stderr = site.run(&["query", "--resolved", "wrong:b"]).failure();
    assert!(stderr.contains("| b = ${nowhere:x}\n"), "{stderr}");
    let stderr = site.run(&["query", "--resolved", "typed:texd"]).failure();
    assert!(
        stderr.contains("Error: Missing option: typed:texd\n"),
        "{stderr}"
    );
    assert_eq!(site.tree(), before, "nothing is made");
}

/// A recipe that acts when it is constructed is not constructed for a query:
/// its section is left out, and it says why.
#[test]
fn no_document_depends_on_a_profile_that_can_be_installed() {
    let site = TestSite::new("[buildout]\nparts = gone\n[a]\nb = c\n");
    assert_eq!(site.run(&["query", "--resolved", "a:b"]).output(), "c\n");
    let stderr = site.run(&[]).failure();
    assert!(stderr.contains("Error: The referenced section, 'gone', was not defined.\n"));
}
