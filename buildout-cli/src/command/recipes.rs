//! `recipes [NAME] [--format text|json|markdown] [-o DIRECTORY]`: the built-in
//! recipes, listed and documented.

use std::fs;

use super::Context;
use crate::Stop;
use crate::recipe_reference::{RecipeReferences, document, markdown, text};

/// The forms of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReferenceFormat {
    Text,
    Json,
    Markdown,
}

/// What is asked for.
struct Wanted {
    name: Option<String>,
    format: ReferenceFormat,
    directory: Option<String>,
}

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let wanted = parse(words)?;
    let recipes = RecipeReferences::of(&buildout_recipes::registry());
    if let Some(directory) = &wanted.directory {
        return write(context, &recipes, directory);
    }
    let Some(name) = &wanted.name else {
        context.streams.out(&match wanted.format {
            ReferenceFormat::Text => recipes.list(),
            ReferenceFormat::Json => format!("{:#}\n", recipes.document()),
            ReferenceFormat::Markdown => {
                let pages = recipes.pages().into_iter();
                let pages = pages.map(|(_, page)| page);
                pages.collect::<Vec<_>>().join("\n")
            }
        });
        return Ok(());
    };
    let Some(found) = recipes.find(name) else {
        let stop = Stop::message(format!("There is no built-in recipe '{name}'."));
        return Err(match recipes.near(name) {
            Some(near) => stop.with_hint(format!("there is a recipe `{near}`")),
            None => stop.with_hint("`buildout recipes` lists them"),
        });
    };
    context.streams.out(&match wanted.format {
        ReferenceFormat::Text => text(found),
        ReferenceFormat::Json => format!("{:#}\n", document(found)),
        ReferenceFormat::Markdown => markdown(found),
    });
    Ok(())
}

/// Writes the reference pages.
fn write(context: &Context<'_>, recipes: &RecipeReferences, directory: &str) -> Result<(), Stop> {
    let working_directory = &context.surroundings.working_directory;
    let directory = std::path::Path::new(working_directory).join(directory);
    let failed = |verb: &str, path: &std::path::Path, error: std::io::Error| {
        Stop::message(format!("failed to {verb} `{}`: {error}", path.display()))
    };
    fs::create_dir_all(&directory).map_err(|error| failed("create", &directory, error))?;
    let pages = recipes.pages();
    for (name, page) in &pages {
        let path = directory.join(name);
        fs::write(&path, page).map_err(|error| failed("write", &path, error))?;
    }
    let count = pages.len();
    let shown = directory.display();
    context.streams.out(&format!("{count} pages in {shown}\n"));
    Ok(())
}

fn parse(words: &[String]) -> Result<Wanted, Stop> {
    let mut wanted = Wanted {
        name: None,
        format: ReferenceFormat::Text,
        directory: None,
    };
    let mut format = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut take = |option: &str| {
            let missing = || Stop::message(format!("No value specified for option {option}"));
            words.next().map(String::as_str).ok_or_else(missing)
        };
        let value = match word.strip_prefix("--format=") {
            Some(value) => Some(value),
            None if word == "--format" => Some(take("--format")?),
            None => None,
        };
        if let Some(value) = value {
            format = Some(match value {
                "text" => ReferenceFormat::Text,
                "json" => ReferenceFormat::Json,
                "markdown" => ReferenceFormat::Markdown,
                other => {
                    let text = format!("Invalid value for option --format: {other}");
                    return Err(
                        Stop::message(text).with_hint("`--format` is `text`, `json` or `markdown`")
                    );
                }
            });
        } else if word == "-o" {
            wanted.directory = Some(take("-o")?.to_owned());
        } else if let Some(name) = wanted.name.replace(word.clone()) {
            return Err(Stop::message(format!(
                "The recipes command takes one name, not both `{name}` and `{word}`."
            )));
        }
    }
    wanted.format = format.unwrap_or(wanted.format);
    if wanted.directory.is_some()
        && (wanted.name.is_some() || !matches!(format, None | Some(ReferenceFormat::Markdown)))
    {
        return Err(
            Stop::message("-o writes the pages of all recipes in Markdown")
                .with_hint("`buildout recipes -o DIRECTORY`"),
        );
    }
    Ok(wanted)
}
