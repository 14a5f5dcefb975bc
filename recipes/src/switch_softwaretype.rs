//! `slapos.cookbook:switch-softwaretype`: runs the profile of the software type
//! that an instance has, as a buildout within the part.
//!
//! The sub-run has a record of its own, `.installed-PART.cfg`. It gets the
//! sections `[slap-connection]` and `[slap-configuration]` as they are, the
//! latter through `slapos.cookbook:switch-softwaretype.noop`, so that nobody
//! asks for the parameters again.

use std::sync::Arc;

use buildout_core::configuration::Assignment;
use buildout_core::event::Level;
use buildout_core::recipe::{
    Buildout, Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed,
    OptionDocumentation, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::resolve::nearest;
use buildout_core::run::{SubRun, run_within};
use buildout_core::value::{Dict, Value, decode, encode, is_encoded};

use crate::documentation::{FunctionFactory, option};
use crate::live_options::required_option;
use crate::only_options::OnlyOptions;

static SWITCH: Descriptor = Descriptor {
    name: "slapos.cookbook:switch-softwaretype",
    summary: "Runs the profile of the software type that `[slap-configuration] slap-software-type` names, as a buildout within this one.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Composite,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

/// The option that maps types to profiles that the chosen ones are merged over.
const OVERRIDE: &str = "override";

const OPTIONS: &[OptionDocumentation] = &[
    option(
        OVERRIDE,
        "",
        "A dictionary of software types and profiles: such a profile is run, and the chosen one is merged over it, as one that `buildout:extends` names on the command line.",
    ),
    option(
        "*",
        "",
        "Any other option is a software type; its value `SECTION:OPTION` names the option that holds the path of the profile.",
    ),
];

static NOOP: Descriptor = Descriptor {
    name: "slapos.cookbook:switch-softwaretype.noop",
    summary: "Sets the options that the run around this one has in the section; switch-softwaretype uses it.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: NOOP_OPTIONS,
};

const NOOP_OPTIONS: &[OptionDocumentation] = &[
    option(
        NOOP_KEY,
        "",
        "The options as a typed dictionary; it is taken away.",
    ),
    option("*", "", "Whatever the dictionary holds."),
];

/// The option that carries the options of a section.
const NOOP_KEY: &str = "-switch-softwaretype.noop";

const CONFIGURATION: &str = "slap-configuration";
const CONNECTION: &str = "slap-connection";
const SOFTWARE_TYPE: &str = "slap-software-type";

/// The name that old masters give to the type `default`.
const OLD_DEFAULT: &str = "RootSoftwareInstance";

/// The options of `[buildout]` that the sub-run takes over; the last ones are
/// ours.
const TAKEN_OVER: [&str; 9] = [
    "offline",
    "verbosity",
    "newest",
    "directory",
    "eggs-directory",
    "develop-eggs-directory",
    "jobs",
    "on-failure",
    "run-lock",
];

/// What the recipe refuses, in upstream's words.
#[derive(Debug, thiserror::Error)]
enum SwitchProblem {
    #[error(
        "The section to retrieve slap partition parameters (with slapos.cookbook:slapconfiguration recipe or a derived one) must be named [slap-configuration]."
    )]
    NoConfiguration,
    #[error(
        "The software type 'RootSoftwareInstance' isn't mapped. We even tried 'default' but it isn't mapped either."
    )]
    DefaultNotMapped,
    #[error("This software type ({0}) isn't mapped. 'default' is the default software type.")]
    NotMapped(String),
    #[error(
        "The software types in the section [{0}] must be separated by a colon such as: 'section:key', where key is usually 'rendered'. Don't use: ${{section:key}}"
    )]
    NoReference(String),
}

/// Returns the factories.
pub(crate) fn factories() -> [Arc<dyn Factory>; 2] {
    [
        FunctionFactory::shared(&SWITCH, &[], construct_switch),
        FunctionFactory::shared(&NOOP, &[], construct_noop),
    ]
}

fn has_section(buildout: &dyn Buildout, section: &str) -> Result<bool, RecipeError> {
    let sections = buildout.section_names()?;
    Ok(sections.iter().any(|name| **name == *section))
}

fn construct_switch(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let no_configuration = || {
        RecipeError::user(SwitchProblem::NoConfiguration)
            .at_option("recipe")
            .with_hint(format!(
                "add a section `[{CONFIGURATION}]` with `{SOFTWARE_TYPE} = ...`"
            ))
    };
    if !has_section(part.buildout(), CONFIGURATION)? {
        return Err(no_configuration());
    }
    let software_type = part.buildout().get(CONFIGURATION, SOFTWARE_TYPE)?;
    let mut software_type = software_type.ok_or_else(no_configuration)?;
    let mut mapped = part.option(&software_type)?;
    if mapped.is_none() {
        if *software_type != *OLD_DEFAULT {
            return Err(not_mapped(part, &software_type)?);
        }
        software_type = Arc::from("default");
        mapped = part.option(&software_type)?;
        if mapped.is_some() {
            part.log(
                Level::Info,
                "The software_type 'RootSoftwareInstance' is deprecated. We used 'default' instead. Please change the software_type of your instance to 'default'.",
            );
        }
    }
    let mapped = mapped.ok_or_else(|| {
        RecipeError::user(SwitchProblem::DefaultNotMapped)
            .at_option("recipe")
            .with_hint(format!(
                "add `default = SECTION:OPTION` to `[{}]`",
                part.part()
            ))
    })?;
    let (section, key) = match mapped.split_once(':') {
        Some((section, key)) if !key.contains(':') => (section, key),
        _ => {
            let problem = SwitchProblem::NoReference(part.part().to_owned());
            return Err(RecipeError::user(problem)
                .at_option(&*software_type)
                .with_hint(format!("write `{software_type} = SECTION:OPTION`")));
        }
    };
    part.buildout().reach(section)?;
    let profile = part.buildout().get(section, key)?;
    let profile = profile.ok_or_else(|| crate::live_options::missing_option(section, key))?;
    let overridden = overriding_profile(part, &software_type)?;
    Ok(Box::new(Switch {
        profile: profile.to_string(),
        overridden,
    }))
}

fn not_mapped(part: &Construction<'_>, software_type: &str) -> Result<RecipeError, RecipeError> {
    let names = part.option_names()?;
    let near = nearest(software_type, names.iter().map(|name| &**name));
    let hint = match near {
        Some(near) => format!("`[{}]` maps `{near}`", part.part()),
        None => format!(
            "add `{software_type} = SECTION:OPTION` to `[{}]`",
            part.part()
        ),
    };
    let problem = SwitchProblem::NotMapped(software_type.to_owned());
    Ok(RecipeError::user(problem)
        .at_option("recipe")
        .with_hint(hint))
}

/// Returns the profile that the one of the software type is merged over. Anything but
/// a dictionary that has the type counts for nothing, as in upstream's recipe.
fn overriding_profile(
    part: &Construction<'_>,
    software_type: &str,
) -> Result<Option<String>, RecipeError> {
    let Some(text) = part.option(OVERRIDE)? else {
        return Ok(None);
    };
    let Ok(Some(Value::Dict(profiles))) = decode(&text) else {
        return Ok(None);
    };
    match profiles.get(&Value::string(software_type)) {
        Some(Value::Str(profile)) => Ok(Some(profile.to_string())),
        _ => Ok(None),
    }
}

struct Switch {
    profile: String,
    /// The profile that it is merged over.
    overridden: Option<String>,
}

impl Recipe for Switch {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let buildout = run.buildout();
        let mut assignments = vec![Assignment::buildout(
            "installed",
            format!(".installed-{}.cfg", run.part()),
        )];
        if self.overridden.is_some() {
            assignments.push(Assignment::buildout("extends", &*self.profile));
        }
        for option in TAKEN_OVER {
            if let Some(value) = buildout.get("buildout", option)? {
                assignments.push(Assignment::buildout(option, &*value));
            }
        }
        let mut assign = |section: &str, option: &str, value: &str| {
            assignments.push(Assignment {
                section: section.to_owned(),
                option: option.to_owned(),
                value: value.to_owned(),
            });
        };
        // A profile that is run without a master has no connection.
        if has_section(buildout, CONNECTION)? {
            for option in buildout.option_names(CONNECTION)? {
                if let Some(value) = buildout.get(CONNECTION, &option)? {
                    assign(CONNECTION, &option, &value);
                }
            }
        }
        assign(
            CONFIGURATION,
            NOOP_KEY,
            &typed_section(buildout, CONFIGURATION)?,
        );
        assign(CONFIGURATION, "recipe", NOOP.name);
        let sub = SubRun {
            profile: self
                .overridden
                .clone()
                .unwrap_or_else(|| self.profile.clone()),
            assignments,
        };
        run_within(run, &sub)?;
        Ok(Installed::Unchanged)
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }
}

/// Returns the options of a section as a typed dictionary.
fn typed_section(buildout: &dyn Buildout, section: &str) -> Result<String, RecipeError> {
    let mut dict = Dict::default();
    for name in buildout.option_names(section)? {
        let Some(text) = buildout.get(section, &name)? else {
            continue;
        };
        let typed = match is_encoded(&text) {
            true => decode(&text).ok().flatten(),
            false => None,
        };
        let value = typed.unwrap_or_else(|| Value::Str(Arc::clone(&text)));
        dict.insert_str(name, value);
    }
    encode(&Value::Dict(dict)).map_err(|error| RecipeError::internal("ValueError", error))
}

fn construct_noop(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let text = required_option(part, NOOP_KEY)?;
    let decoded = decode(&text)
        .map_err(|error| RecipeError::internal("ValueError", error).at_option(NOOP_KEY))?;
    let Some(Value::Dict(values)) = decoded else {
        return Err(
            RecipeError::internal("AttributeError", "the value is no dictionary")
                .at_option(NOOP_KEY)
                .with_hint("only slapos.cookbook:switch-softwaretype uses this recipe"),
        );
    };
    part.buildout().delete(part.part(), NOOP_KEY)?;
    for (name, value) in values.iter() {
        let Value::Str(name) = name else {
            continue;
        };
        let text = match value {
            Value::Str(text) => text.to_string(),
            other => encode(other).map_err(|error| RecipeError::internal("ValueError", error))?,
        };
        part.set(name, &text)?;
    }
    Ok(Box::new(OnlyOptions))
}
