//! Carries out the calls that the process makes while it works for a part.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::recipe::{
    Answer, Buildout as _, Call, PartRun, RecipeError, RecipeErrorKind, RemoteBuildout, RunServices,
};
use buildout_core::resolve::{OptionMap, ResolveProblem};
use buildout_core::run::{Failure, Problem};
use buildout_core::state::installed::InstalledFile;
use serde_json::{Value, json};

use crate::distributions::{Distributions, Purpose, Search};
use crate::download::download;
use crate::entry_points::metadata_beside_link;
use crate::interpreter::{CallFailure, unknown_call};

/// What a part may have the engine do.
pub(crate) struct Desk<'a> {
    pub(crate) buildout: &'a RemoteBuildout,
    pub(crate) run: &'a PartRun<'a>,
    /// Whether the part is being installed or updated, and not constructed.
    pub(crate) installs: bool,
    pub(crate) distributions: &'a dyn Distributions,
}

type Outcome = Result<Value, CallFailure>;

impl Desk<'_> {
    /// Carries out a call.
    pub(crate) fn carry_out(&self, name: &str, arguments: &[Value]) -> Outcome {
        match (name, arguments) {
            ("reach", [section]) => {
                let section = text(section)?;
                self.call(Call::Reach { section })?;
                Ok(Value::Null)
            }
            ("get", [section, option]) => self.get(text(section)?, text(option)?),
            ("required", [section, option]) => self.required(&text(section)?, &text(option)?),
            ("set", [section, option, value]) => {
                self.call(Call::Set {
                    section: text(section)?,
                    option: text(option)?,
                    value: text(value)?,
                })?;
                Ok(Value::Null)
            }
            ("delete", [section, option]) => {
                let (section, option) = (text(section)?, text(option)?);
                let answer = self.call(Call::Delete { section, option })?;
                Ok(answer_value(answer))
            }
            ("names", [section]) => {
                let section = text(section)?;
                Ok(answer_value(self.call(Call::OptionNames { section })?))
            }
            ("values", [section]) => self.values(&text(section)?),
            ("copy", [section]) => {
                let section = text(section)?;
                Ok(answer_value(self.call(Call::KnownValues { section })?))
            }
            ("sections", []) => Ok(answer_value(self.call(Call::SectionNames)?)),
            ("parts", []) => Ok(answer_value(self.call(Call::Parts)?)),
            ("substitute", [section, Value::Array(texts)]) => {
                let section = text(section)?;
                let mut values = Vec::with_capacity(texts.len());
                for found in texts {
                    let (section, text) = (Arc::clone(&section), text(found)?);
                    let answer = self.call(Call::Substitute { section, text })?;
                    values.push(answer_value(answer));
                }
                Ok(Value::Array(values))
            }
            ("add_sections", [profile]) => {
                let text = text(profile)?;
                self.call(Call::AddSections { text })?;
                Ok(Value::Null)
            }
            ("add_section", [section, Value::Array(pairs)]) => {
                let section = text(section)?;
                let options = pairs.iter().map(pair).collect::<Result<_, _>>()?;
                self.call(Call::AddSection { section, options })?;
                Ok(Value::Null)
            }
            ("signature", [section]) => {
                let section = text(section)?;
                Ok(answer_value(self.call(Call::Signature { section })?))
            }
            ("make_volatile", [section, Value::Array(options)]) => {
                let section = text(section)?;
                let options = options.iter().map(text).collect::<Result<_, _>>()?;
                self.call(Call::MakeVolatile { section, options })?;
                Ok(Value::Null)
            }
            ("created", paths) => self.created(paths),
            ("download", [request]) => download(self, request),
            ("install", [request]) => self.install(request),
            ("installed", []) => self.installed(),
            ("build" | "develop", _) => {
                let text = format!(
                    "zc.buildout.easy_install.{name} is not supported for recipes in Python."
                );
                let hint = "build the egg in a part with `recipe = zc.recipe.egg:custom` or \
                            `:develop`, and refer to that part";
                Err(RecipeError::user(text).with_hint(hint).into())
            }
            _ => Err(unknown_call(name)),
        }
    }

    pub(crate) fn services(&self) -> &RunServices {
        self.run.services()
    }

    fn call(&self, call: Call) -> Result<Answer, CallFailure> {
        self.buildout.call(call).map_err(CallFailure::from)
    }

    fn get(&self, section: Arc<str>, option: Arc<str>) -> Outcome {
        Ok(answer_value(self.call(Call::Get { section, option })?))
    }

    fn required(&self, section: &str, option: &str) -> Outcome {
        match self.get(Arc::from(section), Arc::from(option))? {
            Value::Null => Err(missing_option(section, option).into()),
            value => Ok(value),
        }
    }

    /// Returns all options of a section, resolved.
    fn values(&self, section: &Arc<str>) -> Outcome {
        let names = self.call(Call::OptionNames {
            section: Arc::clone(section),
        })?;
        let Answer::Names(names) = names else {
            return Err(Failure::from(Problem::UnexpectedAnswer).into());
        };
        let mut values = Vec::with_capacity(names.len());
        for name in names {
            let value = self.get(Arc::clone(section), Arc::clone(&name))?;
            values.push(json!([&*name, value]));
        }
        Ok(Value::Array(values))
    }

    fn created(&self, paths: &[Value]) -> Outcome {
        if !self.installs {
            let text = "Attempt to register a created path while not installing";
            return Err(RecipeError::internal("TypeError", text).into());
        }
        for path in paths {
            self.run.created(&*text(path)?);
        }
        Ok(Value::Null)
    }

    /// Finds distributions for a recipe.
    fn install(&self, request: &Value) -> Outcome {
        let list = |name: &str| -> Vec<String> {
            let items = request[name].as_array().into_iter().flatten();
            items
                .filter_map(|item| item.as_str().map(ToOwned::to_owned))
                .collect()
        };
        let paths = |name: &str| -> Vec<PathBuf> {
            list(name)
                .into_iter()
                .map(|path| self.services().absolute(path))
                .collect()
        };
        let search = Search {
            destination: request["dest"]
                .as_str()
                .map(|path| self.services().absolute(path)),
            path: paths("path"),
            index: request["index"].as_str().map(ToOwned::to_owned),
            find_links: list("links"),
            allow_hosts: list("allow_hosts"),
            newest: request["newest"].as_bool().unwrap_or(true),
            allow_unknown_extras: request["allow_unknown_extras"].as_bool().unwrap_or(false),
            active: paths("active"),
            purpose: Purpose::Installation {
                versions: request["versions"].as_object().map(|versions| {
                    let pins = versions.iter();
                    pins.filter_map(|(name, pin)| Some((name.clone(), pin.as_str()?.to_owned())))
                        .collect()
                }),
            },
        };
        let found = self
            .distributions
            .require(&list("specs"), &search, self.run)?;
        let mut locations: Vec<(String, Option<String>)> = Vec::with_capacity(found.len());
        for distribution in found {
            let location = distribution.location.to_string_lossy().into_owned();
            if locations.iter().any(|(known, _)| *known == location) {
                continue;
            }
            let metadata = metadata_beside_link(&distribution)
                .map_err(|error| RecipeError::internal("OSError", error))?;
            let metadata = metadata.map(|path| path.to_string_lossy().into_owned());
            locations.push((location, metadata));
        }
        Ok(json!(locations))
    }

    /// Returns what is recorded of the parts that are installed.
    fn installed(&self) -> Outcome {
        let file = self.buildout.get("buildout", "installed")?;
        let Some(file) = file.filter(|file| !file.is_empty()) else {
            return Ok(json!([]));
        };
        let record = InstalledFile::new(&self.services().directory, &file)
            .load()
            .map_err(|error| CallFailure::from(Failure::from(Problem::State(error))))?;
        let parts: Vec<Value> = record
            .unwrap_or_default()
            .parts
            .into_iter()
            .map(|(name, part)| {
                let mut options: serde_json::Map<String, Value> = part
                    .options
                    .into_iter()
                    .map(|(name, value)| (name, Value::from(value)))
                    .collect();
                let installed = part.installed.join("\n");
                options.insert("__buildout_installed__".to_owned(), Value::from(installed));
                json!([name, options])
            })
            .collect();
        Ok(Value::Array(parts))
    }
}

/// Returns an argument that must be a text.
fn text(value: &Value) -> Result<Arc<str>, CallFailure> {
    match value.as_str() {
        Some(text) => Ok(Arc::from(text)),
        None => Err(CallFailure::from(RecipeError::internal(
            "TypeError",
            format!("a string is needed, not {value}"),
        ))),
    }
}

fn pair(value: &Value) -> Result<(Arc<str>, Arc<str>), CallFailure> {
    match value.as_array().map(Vec::as_slice) {
        Some([name, value]) => Ok((text(name)?, text(value)?)),
        _ => Err(unknown_call("add_section")),
    }
}

fn answer_value(answer: Answer) -> Value {
    match answer {
        Answer::Text(text) => text.map_or(Value::Null, |text| Value::from(&*text)),
        Answer::Names(names) => names.iter().map(|name| Value::from(&**name)).collect(),
        Answer::Options(options) => pairs(&options),
        _ => Value::Null,
    }
}

fn pairs(options: &OptionMap) -> Value {
    options
        .iter()
        .map(|(name, value)| json!([&**name, &**value]))
        .collect()
}

/// Makes upstream's `Missing option: PART:OPTION`.
fn missing_option(section: &str, option: &str) -> Failure {
    let problem = ResolveProblem::MissingOption {
        section: section.to_owned(),
        option: option.to_owned(),
    };
    let hint = format!("add `{option} = ...` to `[{section}]`");
    Failure::from(problem).with_hint(Some(hint))
}

impl From<Failure> for CallFailure {
    fn from(failure: Failure) -> Self {
        let (kind, text) = match failure.problem() {
            _ if failure.is_cancelled() => ("cancelled", failure.to_string()),
            Problem::Resolve(ResolveProblem::MissingSection { section }) => {
                ("missing section", section.clone())
            }
            Problem::Resolve(
                ResolveProblem::MissingOption { .. } | ResolveProblem::MissingReference { .. },
            ) => ("missing option", failure.to_string()),
            Problem::Resolve(ResolveProblem::SectionExists { .. }) => ("key", failure.to_string()),
            _ if failure.is_exit() => ("exit", failure.exit_code().to_string()),
            _ if failure.upstream_exception().is_some() => ("internal", failure.to_string()),
            _ => ("user", failure.to_string()),
        };
        CallFailure {
            kind,
            text,
            error: Box::new(failure.into()),
        }
    }
}

impl From<RecipeError> for CallFailure {
    fn from(error: RecipeError) -> Self {
        let kind = match error.kind() {
            RecipeErrorKind::User => "user",
            RecipeErrorKind::Cancelled => "cancelled",
            RecipeErrorKind::Exit(_) => "exit",
            RecipeErrorKind::Internal { .. } => "internal",
        };
        CallFailure {
            kind,
            text: error.to_string(),
            error: Box::new(error),
        }
    }
}
