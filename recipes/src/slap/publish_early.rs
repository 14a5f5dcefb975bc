//! `slapos.cookbook:publish-early`: values that are generated once, kept by the
//! master, and known before anything else is requested.

use std::sync::Arc;

use buildout_core::profile::python_text::{split_lines, split_words};
use buildout_core::recipe::{
    Call, Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed,
    OptionDocumentation, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::resolve::OptionMap;
use buildout_core::value::{Dict, Value};
use indexmap::IndexMap;

use super::connection::Connection;
use super::failure::master_failure;
use super::json::{unwrap, wrap};
use super::typed_options::{option_text, set_value, typed_value};

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "-init",
        default: None,
        summary: "Lines `NAME SECTION:OPTION`: `NAME` is published with the value that the \
                  section gives to its option, which it finds set to what was published before. \
                  From then on the value is an option of this part, and of the section no more.",
    },
    OptionDocumentation {
        name: "-publish",
        default: Some(""),
        summary: "Set by the recipe: all that a part which extends this one publishes.",
    },
    OptionDocumentation {
        name: "*",
        default: Some(""),
        summary: "An option with a name of `-init` forces the value; its section is left alone.",
    },
];

/// A line of `-init` that cannot be understood.
#[derive(Debug, thiserror::Error)]
enum InitProblem {
    #[error("not enough values to unpack (expected 2, got {0})")]
    TooFew(usize),
    #[error("too many values to unpack (expected 2)")]
    TooMany,
}

struct PublishEarlyFactory {
    descriptor: Descriptor,
}

/// Returns the factory of the recipe.
pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(PublishEarlyFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:publish-early",
            summary: "Publishes values that other sections generate, before anything is \
                      requested, and keeps them as they were published.",
            behaviour_version: 1,
            construction: ConstructionKind::ActsOnTheWorld,
            footprint: Footprint::Declared,
            update: UpdateKind::Nothing,
            options: OPTIONS,
        },
    })
}

impl Factory for PublishEarlyFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let connection = Connection::of_section(part)?;
        let sections = read_init(part)?;
        if !sections.is_empty() {
            initialise(part, &connection, &sections)?;
        }
        Ok(Box::new(PublishEarly))
    }
}

struct PublishEarly;

impl Recipe for PublishEarly {
    fn install(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::Unchanged)
    }
}

/// For each section, the names that are published and its options.
type Sections = IndexMap<String, IndexMap<String, String>>;

fn read_init(part: &Construction<'_>) -> Result<Sections, RecipeError> {
    let init = part.required("-init")?;
    let problem = |problem: InitProblem| {
        RecipeError::internal("ValueError", problem)
            .at_option("-init")
            .with_hint("each line is `NAME SECTION:OPTION`")
    };
    let pair = |mut words: Vec<String>| match (words.pop(), words.pop(), words.len()) {
        (Some(second), Some(first), 0) => Ok((first, second)),
        (_, Some(_), _) => Err(problem(InitProblem::TooMany)),
        (Some(_), None, _) => Err(problem(InitProblem::TooFew(1))),
        (None, ..) => Err(problem(InitProblem::TooFew(0))),
    };
    let mut sections = Sections::new();
    for line in split_lines(&init) {
        if line.is_empty() {
            continue;
        }
        let (name, target) = pair(split_words(line).map(ToOwned::to_owned).collect())?;
        if part.option(&name)?.is_some() {
            continue;
        }
        let (section, option) = pair(target.split(':').map(ToOwned::to_owned).collect())?;
        sections.entry(section).or_default().insert(name, option);
    }
    Ok(sections)
}

fn initialise(
    part: &Construction<'_>,
    connection: &Connection,
    sections: &Sections,
) -> Result<(), RecipeError> {
    let master = connection.master(part.services());
    let own = master
        .computer_partition(&connection.partition)
        .map_err(master_failure)?;
    let before = match unwrap(Value::Dict(own.connection))? {
        Value::Dict(dict) => dict,
        other => {
            let text = format!("the instance published {}, not an object", other.repr());
            return Err(RecipeError::internal("TypeError", text));
        }
    };
    let mut published = Dict::new();
    let mut is_new = false;
    for (section, names) in sections {
        let mut presets = OptionMap::default();
        let mut kept = Dict::new();
        for (name, option) in names {
            if let Some(value) = before.get_str(name) {
                presets.insert(
                    Arc::from(option.as_str()),
                    option_text(part, option, value)?.into(),
                );
                kept.insert_str(option.as_str(), value.clone());
            }
        }
        if !part.buildout().reach_with(section, presets)? {
            let text = format!("{section} section was already initialized");
            return Err(RecipeError::user(text)
                .at_option("-init")
                .with_hint("nothing may refer to the section before this part"));
        }
        let mut now = Dict::new();
        for (name, option) in names {
            let Some(text) = part.buildout().get(section, option)? else {
                continue;
            };
            let value = typed_value(part, &text)?;
            set_value(part, name, &value)?;
            part.buildout().delete(section, option)?;
            published.insert_str(name.as_str(), value.clone());
            now.insert_str(option.as_str(), value);
        }
        is_new |= now != kept;
    }
    if is_new {
        let connection_parameters = wrap(&Value::Dict(published.clone()))?;
        master
            .set_connection(&connection.partition, &connection_parameters, None)
            .map_err(master_failure)?;
    }
    let mut names: Vec<String> = part
        .option_names()?
        .iter()
        .filter(|name| &***name != "recipe" && !name.starts_with('-'))
        .map(ToString::to_string)
        .collect();
    let mut volatile: Vec<Arc<str>> = Vec::new();
    for name in published.keys() {
        names.push(name.to_string());
        volatile.push(Arc::from(name.to_string()));
    }
    part.set("-publish", &names.join(" "))?;
    volatile.push(Arc::from("-publish"));
    part.buildout().call(Call::MakeVolatile {
        section: part.part().into(),
        options: volatile,
    })?;
    Ok(())
}
