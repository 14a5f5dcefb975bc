//! Checking parameters, and bringing them into the form that the schema wants
//! (`DefaultValidator`).
//!
//! The schemas that apply to a value are those on a way through the whole
//! schema that is valid: a branch of `oneOf` that does not fit gives neither
//! defaults nor types, whatever parts of it fit.

use buildout_core::recipe::RecipeError;
use jsonschema::{Keyword, ValidationError, Validator};
use serde_json::{Value as Json, json};

use super::documents::{Documents, MARK, Properties, encode, join_pointer};
use super::message::{json_path, message, repr};

/// How deep defaults may hold defaults.
const DEFAULT_DEPTH: usize = 50;

/// What is done besides checking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Missing properties get their defaults.
    pub(super) set_defaults: bool,
    /// Texts become integers and booleans, where those are wanted.
    pub(super) unstringify: bool,
}

/// A value that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    /// Where it is.
    pub(super) path: String,
    /// In what way.
    pub(super) message: String,
}

/// Checks an instance against the schema at a URI, and returns it as it is to
/// be.
pub(super) fn validate(
    documents: &Documents,
    schema: &str,
    mut instance: Json,
    rules: Rules,
) -> Result<Result<Json, Vec<Invalid>>, RecipeError> {
    let validator = build(documents, schema, rules)?;
    let errors = errors_of(&validator, &instance);
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    if !rules.unstringify && !rules.set_defaults {
        return Ok(Ok(instance));
    }
    let applied = applied(documents, &validator, &instance);
    if rules.unstringify {
        unstringify(documents, &applied, &mut instance);
    }
    if rules.set_defaults {
        let filler = Filler { documents, rules };
        let mut errors = Vec::new();
        filler.fill(&applied, &mut instance, &mut errors, 0)?;
        if !errors.is_empty() {
            return Ok(Err(errors));
        }
    }
    // What was changed may no longer fit.
    let errors = errors_of(&validator, &instance);
    Ok(if errors.is_empty() {
        Ok(instance)
    } else {
        Err(errors)
    })
}

fn build(documents: &Documents, schema: &str, rules: Rules) -> Result<Validator, RecipeError> {
    let is_lenient = rules.unstringify;
    jsonschema::options()
        .with_retriever(documents.clone())
        // Python's library checks no formats unless it is asked to.
        .should_validate_formats(false)
        .with_keyword("type", move |_, value, _| type_keyword(value, is_lenient))
        .build(&json!({ "$ref": schema }))
        .map_err(|error| {
            RecipeError::internal("jsonschema.exceptions.SchemaError", error.to_string())
                .at_option("jsonschema")
                .with_hint(format!("mend the schema {schema}"))
        })
}

fn errors_of(validator: &Validator, instance: &Json) -> Vec<Invalid> {
    validator
        .iter_errors(instance)
        .map(|error| Invalid {
            path: json_path(&error),
            message: message(&error),
        })
        .collect()
}

/// Returns the properties that apply, each with where in the instance.
fn applied(
    documents: &Documents,
    validator: &Validator,
    instance: &Json,
) -> Vec<(Properties, String)> {
    let evaluation = validator.evaluate(instance);
    let numbers = evaluation.iter_annotations().filter_map(|entry| {
        let number = entry.annotations.value().get(MARK)?.as_u64()?;
        let number = usize::try_from(number).ok()?;
        Some((number, entry.instance_location.as_str().to_owned()))
    });
    numbers
        .filter_map(|(number, location)| Some((documents.properties(number)?, location)))
        .collect()
}

fn unstringify(documents: &Documents, applied: &[(Properties, String)], instance: &mut Json) {
    for (properties, location) in applied {
        let Some(Json::Object(object)) = instance.pointer_mut(location) else {
            continue;
        };
        for (name, schema) in &properties.schemas {
            let Some(Json::String(text)) = object.get(name) else {
                continue;
            };
            let Some(types) = documents.keyword("type", schema, &properties.uri) else {
                continue;
            };
            let converted = type_names(&types)
                .into_iter()
                .find_map(|name| from_text(name, text));
            if let Some(value) = converted {
                object.insert(name.clone(), value);
            }
        }
    }
}

/// Returns the names that the keyword `type` has.
fn type_names(types: &Json) -> Vec<&str> {
    match types {
        Json::String(name) => vec![name],
        Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Returns the value of a type that a text stands for.
fn from_text(name: &str, text: &str) -> Option<Json> {
    match name {
        "integer" => {
            // Python allows digits to be parted, and spaces around.
            let digits = text.trim();
            let is_parted = digits.contains('_')
                && !digits.starts_with('_')
                && !digits.ends_with('_')
                && !digits.contains("__");
            let digits = if is_parted {
                digits.replace('_', "")
            } else {
                digits.to_owned()
            };
            digits.parse::<i64>().ok().map(Json::from)
        }
        "boolean" => match text {
            "True" => Some(Json::Bool(true)),
            "False" => Some(Json::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}

struct Filler<'d> {
    documents: &'d Documents,
    rules: Rules,
}

impl Filler<'_> {
    /// Gives missing properties their defaults, and those theirs.
    fn fill(
        &self,
        applied: &[(Properties, String)],
        instance: &mut Json,
        errors: &mut Vec<Invalid>,
        depth: usize,
    ) -> Result<(), RecipeError> {
        let mut filled: Vec<(String, String, Vec<Found>)> = Vec::new();
        for (properties, location) in applied {
            let Some(Json::Object(object)) = instance.pointer(location) else {
                continue;
            };
            for (name, schema) in &properties.schemas {
                if object.contains_key(name) {
                    continue;
                }
                let default = self.documents.keyword("default", schema, &properties.uri);
                let Some(default) = default else {
                    continue;
                };
                let value = self.complete(properties, name, default, errors, depth)?;
                let found = Found {
                    value,
                    schema: schema.clone(),
                    uri: properties.uri.clone(),
                };
                let known = filled
                    .iter_mut()
                    .find(|(place, known, _)| place == location && known == name);
                match known {
                    Some((.., all)) => all.push(found),
                    None => filled.push((location.clone(), name.clone(), vec![found])),
                }
            }
        }
        if !errors.is_empty() {
            return Ok(());
        }
        for (location, name, all) in filled {
            let value = one_of(&name, all)?;
            if let Some(Json::Object(object)) = instance.pointer_mut(&location) {
                object.insert(name, value);
            }
        }
        Ok(())
    }

    /// Checks a default, and fills in the defaults within it.
    fn complete(
        &self,
        properties: &Properties,
        name: &str,
        mut default: Json,
        errors: &mut Vec<Invalid>,
        depth: usize,
    ) -> Result<Json, RecipeError> {
        if depth >= DEFAULT_DEPTH {
            let text = format!("the defaults of {name} hold defaults without end");
            return Err(RecipeError::user(text).at_option("set-default"));
        }
        let pointer = join_pointer(&properties.pointer, name);
        let uri = format!("{}#{}", properties.uri, encode(pointer.as_bytes()));
        let validator = build(self.documents, &uri, self.rules)?;
        let of_default = errors_of(&validator, &default);
        if !of_default.is_empty() {
            let start = format!("$.default of {name}");
            errors.extend(of_default.into_iter().map(|error| Invalid {
                path: error.path.replacen('$', &start, 1),
                message: error.message,
            }));
            return Ok(default);
        }
        let applied = applied(self.documents, &validator, &default);
        self.fill(&applied, &mut default, errors, depth + 1)?;
        Ok(default)
    }
}

/// A default, and where it comes from.
struct Found {
    value: Json,
    schema: Json,
    uri: String,
}

/// Returns the default of a property, on which all schemas must agree.
fn one_of(name: &str, all: Vec<Found>) -> Result<Json, RecipeError> {
    let first = all.first().map(|found| found.value.clone());
    let first = first.unwrap_or_default();
    if all.iter().all(|found| found.value == first) {
        return Ok(first);
    }
    let shown: Vec<String> = all
        .iter()
        .map(|found| {
            let mut schema = found.schema.clone();
            if let Json::Object(schema) = &mut schema {
                schema.shift_remove(MARK);
            }
            let uri = Json::from(found.uri.as_str());
            format!(
                "({}, {}, {})",
                repr(&found.value),
                repr(&schema),
                repr(&uri)
            )
        })
        .collect();
    let shown = shown.join(", ");
    Err(
        RecipeError::user(format!("Conflicting defaults for key {name}: [{shown}]"))
            .at_option("set-default")
            .with_hint("let the schemas agree on one default"),
    )
}

/// The keyword `type`, which may take a text for the integer or the boolean
/// that it stands for.
struct TypeKeyword {
    names: Vec<String>,
    is_lenient: bool,
}

/// Makes the keyword for the names of its types.
fn type_keyword<'a>(
    types: &'a Json,
    is_lenient: bool,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let names = type_names(types).into_iter().map(ToOwned::to_owned);
    Ok(Box::new(TypeKeyword {
        names: names.collect(),
        is_lenient,
    }))
}

impl TypeKeyword {
    fn fits(&self, instance: &Json) -> bool {
        self.names.iter().any(|name| {
            is_of_type(name, instance)
                || (self.is_lenient
                    && instance
                        .as_str()
                        .is_some_and(|text| from_text(name, text).is_some()))
        })
    }
}

impl<'i> Keyword<'i> for TypeKeyword {
    fn validate(&self, instance: &'i Json) -> Result<(), ValidationError<'i>> {
        if self.fits(instance) {
            return Ok(());
        }
        let names: Vec<String> = self
            .names
            .iter()
            .map(|name| repr(&Json::from(name.as_str())))
            .collect();
        Err(ValidationError::custom(format!(
            "{} is not of type {}",
            repr(instance),
            names.join(", ")
        )))
    }

    fn is_valid(&self, instance: &'i Json) -> bool {
        self.fits(instance)
    }
}

fn is_of_type(name: &str, instance: &Json) -> bool {
    match name {
        "null" => instance.is_null(),
        "boolean" => instance.is_boolean(),
        "string" => instance.is_string(),
        "array" => instance.is_array(),
        "object" => instance.is_object(),
        "number" => instance.is_number(),
        "integer" => match instance {
            Json::Number(number) => {
                number.is_i64()
                    || number.is_u64()
                    || number.as_f64().is_some_and(|float| float.fract() == 0.0)
            }
            _ => false,
        },
        _ => false,
    }
}
