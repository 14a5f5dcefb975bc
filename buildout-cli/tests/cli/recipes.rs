//! `buildout recipes`, and the reference pages that it writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::site::TestSite;

#[test]
fn recipes_are_listed_and_documented() {
    let site = TestSite::empty();
    let list = site.run(&["recipes"]).output();
    let has_line = |start: &str| list.lines().any(|line| line.starts_with(start));
    for name in ["plone.recipe.command  ", "slapos.cookbook:wrapper  "] {
        assert!(has_line(name), "{list}");
    }
    assert!(
        list.lines().all(|line| line.chars().count() <= 100),
        "{list}"
    );
    let text = site
        .run(&["recipes", "slapos.recipe.build:download"])
        .output();
    for line in [
        "slapos.recipe.build:download\n\nDownloads one file.\n",
        "\nOptions:\n  url (required)\n      What to download",
        "  shared = false\n",
        "\nSets:\n  location\n",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let json = ["recipes", "--format=json", "plone.recipe.command"];
    let document: serde_json::Value =
        serde_json::from_str(&site.run(&json).output()).expect("JSON");
    assert_eq!(document["name"], "plone.recipe.command");
    assert_eq!(document["options"][0]["name"], "command");
    assert_eq!(document["options"][0]["required"], true);
    let all = site.run(&["recipes", "--format", "json"]).output();
    let all: serde_json::Value = serde_json::from_str(&all).expect("JSON");
    let count = all["recipes"].as_array().map(Vec::len);
    assert!(count.is_some_and(|count| count > 10), "{all}");
}

#[test]
fn mistakes_have_a_hint() {
    let site = TestSite::empty();
    for (line, expected) in [
        (
            &["recipes", "slapos.recipe.cmi"][..],
            "Error: There is no built-in recipe 'slapos.recipe.cmi'.\n\n\
             hint: there is a recipe `slapos.recipe.cmmi`\n",
        ),
        (
            &["recipes", "zc.recipe.testrunner"],
            "Error: There is no built-in recipe 'zc.recipe.testrunner'.\n\n\
             hint: `buildout recipes` lists them\n",
        ),
        (
            &["recipes", "--format", "yaml"],
            "Error: Invalid value for option --format: yaml\n\n\
             hint: `--format` is `text`, `json` or `markdown`\n",
        ),
        (
            &["recipes", "-o"],
            "Error: No value specified for option -o\n",
        ),
        (
            &["recipes", "a", "b"],
            "Error: The recipes command takes one name, not both `a` and `b`.\n",
        ),
        (
            &["recipes", "--format", "json", "-o", "x"],
            "Error: -o writes the pages of all recipes in Markdown\n\n\
             hint: `buildout recipes -o DIRECTORY`\n",
        ),
    ] {
        assert_eq!(site.run(line).failure(), expected, "{line:?}");
    }
}

/// The pages of the repository are what the recipes say of themselves.
#[test]
fn the_pages_are_those_of_the_recipes() {
    let site = TestSite::empty();
    let output = site.run(&["recipes", "-o", "pages"]).output();
    assert!(output.ends_with(" pages in @/pages\n"), "{output}");
    let written = pages(&site.path("pages"));
    let kept = pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes"));
    let advice = "write the pages anew with `rm -r docs/recipes; buildout recipes -o docs/recipes`";
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&written), names(&kept), "{advice}");
    for (name, page) in written {
        assert_eq!(Some(&page), kept.get(&name), "{name}: {advice}");
    }
}

fn pages(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).expect("a directory of pages");
    let entries = entries.map(|entry| entry.expect("an entry").path());
    let page = |path: std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        let text = fs::read_to_string(&path).expect("a page");
        (name.into_owned(), text)
    };
    entries.map(page).collect()
}
