//! The built-in recipes described: for a terminal, as Markdown and as JSON,
//! all from what the recipes say of themselves.

use std::fmt::Write as _;
use std::sync::Arc;

use buildout_core::recipe::{
    ConstructionKind, Factory, OptionDocumentation, RecipeReference, Registry, UpdateKind,
};
use buildout_core::resolve::nearest;
use serde_json::{Value, json};

/// How wide a text is on a terminal.
const WIDTH: usize = 100;

/// The page that lists the others.
pub(crate) const INDEX: &str = "README.md";

/// The built-in recipes, by name.
pub(crate) struct RecipeReferences {
    factories: Vec<Arc<dyn Factory>>,
}

impl RecipeReferences {
    /// Collects the recipes that `registry` knows beforehand.
    pub(crate) fn of(registry: &Registry) -> Self {
        let known = registry.descriptors().into_iter();
        let factories = known.filter_map(|descriptor| {
            let reference = RecipeReference::parse(descriptor.name)?;
            registry.find(&reference)
        });
        RecipeReferences {
            factories: factories.collect(),
        }
    }

    /// Returns the recipe that profiles name so.
    pub(crate) fn find(&self, name: &str) -> Option<&dyn Factory> {
        let wanted = RecipeReference::parse(name)?;
        let known = |factory: &&Arc<dyn Factory>| {
            RecipeReference::parse(factory.descriptor().name).as_ref() == Some(&wanted)
        };
        self.factories.iter().find(known).map(|found| &**found)
    }

    /// Returns the name that is most like a mistyped one: also one whose entry
    /// point alone was written.
    pub(crate) fn near(&self, name: &str) -> Option<&'static str> {
        let names = || self.factories.iter().map(|known| known.descriptor().name);
        let is_entry = |known: &&str| {
            known
                .rsplit_once(':')
                .is_some_and(|(_, entry)| entry == name)
        };
        names().find(is_entry).or_else(|| nearest(name, names()))
    }

    /// Lists names and summaries.
    pub(crate) fn list(&self) -> String {
        let names = self.factories.iter().map(|known| known.descriptor().name);
        let width = names.map(str::len).max().unwrap_or_default();
        let mut text = String::new();
        for factory in &self.factories {
            let descriptor = factory.descriptor();
            let name = descriptor.name;
            let lines = wrapped(descriptor.summary, WIDTH.saturating_sub(width + 2));
            for (index, line) in lines.iter().enumerate() {
                let name = if index == 0 { name } else { "" };
                let _ = writeln!(text, "{name:width$}  {line}");
            }
        }
        text
    }

    /// Returns all of it for programs.
    pub(crate) fn document(&self) -> Value {
        let all = self.factories.iter().map(|known| document(&**known));
        json!({ "recipes": all.collect::<Value>() })
    }

    /// Returns the reference pages, by file name: an index and one page for
    /// each recipe.
    pub(crate) fn pages(&self) -> Vec<(String, String)> {
        let mut index = String::from(
            "<!-- Written by `buildout recipes -o docs/recipes`; do not edit. -->\n\n\
             # The built-in recipes\n\n\
             | recipe | |\n|---|---|\n",
        );
        let mut pages = Vec::new();
        for factory in &self.factories {
            let descriptor = factory.descriptor();
            let page = page_name(descriptor.name);
            let _ = writeln!(
                index,
                "| [{}]({page}) | {} |",
                descriptor.name,
                cell(descriptor.summary)
            );
            pages.push((page, markdown(&**factory)));
        }
        pages.push((INDEX.to_owned(), index));
        pages
    }
}

/// Returns the file name of a recipe's page.
fn page_name(recipe: &str) -> String {
    format!("{}.md", recipe.replace(':', "-"))
}

/// Describes a recipe for a terminal.
pub(crate) fn text(factory: &dyn Factory) -> String {
    let descriptor = factory.descriptor();
    let mut text = format!("{}\n\n", descriptor.name);
    for line in wrapped(descriptor.summary, WIDTH) {
        let _ = writeln!(text, "{line}");
    }
    for line in wrapped(&behaviour(factory), WIDTH) {
        let _ = writeln!(text, "{line}");
    }
    let mut block = |title: &str, entries: Vec<(String, &str)>| {
        if !entries.is_empty() {
            let _ = write!(text, "\n{title}:\n");
        }
        for (head, summary) in entries {
            let _ = writeln!(text, "  {head}");
            for line in wrapped(summary, WIDTH - 6) {
                let _ = writeln!(text, "      {line}");
            }
        }
    };
    let options = descriptor.options.iter();
    let head = |option: &OptionDocumentation| match option.default {
        None => format!("{} (required)", option.name),
        Some("") => option.name.to_owned(),
        Some(default) => format!("{} = {default}", option.name),
    };
    block(
        "Options",
        options
            .map(|option| (head(option), option.summary))
            .collect(),
    );
    let results = factory.results().iter();
    block(
        "Sets",
        results
            .map(|result| (result.name.to_owned(), result.summary))
            .collect(),
    );
    text
}

/// Describes a recipe as a page of Markdown.
pub(crate) fn markdown(factory: &dyn Factory) -> String {
    let descriptor = factory.descriptor();
    let mut page = format!(
        "<!-- Written by `buildout recipes -o docs/recipes`; do not edit. -->\n\n\
         # {}\n\n{} {}\n",
        descriptor.name,
        descriptor.summary,
        behaviour(factory)
    );
    if !descriptor.options.is_empty() {
        page.push_str("\n## Options\n\n| option | default | |\n|---|---|---|\n");
    }
    for option in descriptor.options {
        let default = match option.default {
            None => "required".to_owned(),
            Some("") => String::new(),
            Some(default) => format!("`{}`", cell(default)),
        };
        let (name, summary) = (cell(option.name), cell(option.summary));
        let _ = writeln!(page, "| `{name}` | {default} | {summary} |");
    }
    if !factory.results().is_empty() {
        page.push_str("\n## Sets\n\n| option | |\n|---|---|\n");
    }
    for result in factory.results() {
        let (name, summary) = (cell(result.name), cell(result.summary));
        let _ = writeln!(page, "| `{name}` | {summary} |");
    }
    page
}

/// Describes a recipe for programs.
pub(crate) fn document(factory: &dyn Factory) -> Value {
    let descriptor = factory.descriptor();
    let options = descriptor.options.iter().map(|option| {
        json!({
            "name": option.name,
            "required": option.default.is_none(),
            "default": option.default,
            "summary": option.summary,
        })
    });
    let results = factory.results().iter();
    let results = results.map(|result| json!({ "name": result.name, "summary": result.summary }));
    json!({
        "name": descriptor.name,
        "summary": descriptor.summary,
        "behaviour-version": descriptor.behaviour_version,
        "acts-when-constructed": descriptor.construction == ConstructionKind::ActsOnTheWorld,
        "updates": descriptor.update == UpdateKind::Runs,
        "options": options.collect::<Value>(),
        "sets": results.collect::<Value>(),
    })
}

/// Says what the engine does with the recipe.
fn behaviour(factory: &dyn Factory) -> String {
    let descriptor = factory.descriptor();
    let update = match descriptor.update {
        UpdateKind::Nothing => "Nothing is done to a part that is up to date.",
        UpdateKind::Runs => "A part that is up to date is looked after in each run.",
    };
    match descriptor.construction {
        ConstructionKind::Pure => update.to_owned(),
        ConstructionKind::ActsOnTheWorld => format!(
            "{update} It acts as soon as the part is reached, so `plan` and `query` do not look into the part."
        ),
    }
}

/// Makes a text fit into a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Breaks a text between words into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible", 3), ["incomprehensible"]);
        assert!(wrapped("", 7).is_empty());
    }

    #[test]
    fn names_that_are_nearly_right_are_recognised() {
        let recipes = RecipeReferences::of(&buildout_recipes::registry());
        for (name, near) in [
            ("slapos.recipe.cmi", Some("slapos.recipe.cmmi")),
            ("mkdirectory", Some("slapos.cookbook:mkdirectory")),
            ("something.else.entirely", None),
        ] {
            assert_eq!(recipes.near(name), near, "{name}");
        }
        let same = recipes.find("slapos.recipe.template:default");
        let name = same.map(|found| found.descriptor().name);
        assert_eq!(name, Some("slapos.recipe.template"));
    }
}
