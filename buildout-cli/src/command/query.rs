//! `query [SECTION:]OPTION`, and `query --resolved`.

use std::sync::Arc;

use buildout_core::resolve::{ResolveProblem, nearest};
use buildout_core::run::{Failure, Session};
use buildout_core::value::{Value as PythonValue, decode, is_encoded};
use serde_json::{Value, json};

use super::{Context, Format, SessionKind, take_options};
use crate::Stop;
use crate::log::PlainLog;
use buildout_core::redaction::redacted;

const RESOLVED: &str = "--resolved";

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let (format, switches, keys) = take_options(words, &[RESOLVED])?;
    if switches.iter().any(|switch| switch == RESOLVED) {
        return resolved(context, format, &keys);
    }
    if format == Format::Json {
        return Err(
            Stop::message("query --format json needs --resolved").with_hint(
                "`annotate --format json` shows unresolved values and where they come from",
            ),
        );
    }
    let log = PlainLog::new(context.streams, false);
    context.with_session(&log, SessionKind::Run, |_, session, settings| {
        let (section, option) = split_key(&keys)?;
        if settings.verbose {
            context.streams.out(&format!("${{{section}:{option}}}\n"));
        }
        match session.configured_value(&section, &option) {
            Some(value) => {
                context.streams.out(&format!("{value}\n"));
                Ok(())
            }
            None => Err(not_found(session, &section, &option)),
        }
    })
}

/// Takes the single key apart; a bare option belongs to `[buildout]`.
fn split_key(keys: &[String]) -> Result<(String, String), Stop> {
    let [key] = keys else {
        return Err(Stop::message(
            "The query command requires a single argument.",
        ));
    };
    match key.split_once(':') {
        None => Ok(("buildout".to_owned(), key.clone())),
        Some((section, option)) if !option.contains(':') => {
            Ok((section.to_owned(), option.to_owned()))
        }
        Some(_) => Err(Stop::message(format!("Invalid option: {key}"))),
    }
}

fn not_found(session: &Session<'_>, section: &str, option: &str) -> Stop {
    let sections = session.section_names();
    if !sections.iter().any(|name| **name == *section) {
        let stop = Stop::message(format!("Section not found: {section}"));
        return match nearest(section, sections.iter().map(|name| &**name)) {
            Some(near) => stop.with_hint(format!("there is a section `[{near}]`")),
            None => stop,
        };
    }
    Stop::message(format!("Key not found: {option}"))
        .with_hint("options from macros are shown by `query --resolved SECTION:OPTION`")
}

/// Values after macros and substitution, with nothing made and nothing
/// installed.
fn resolved(context: &Context<'_>, format: Format, keys: &[String]) -> Result<(), Stop> {
    let log = PlainLog::new(context.streams, true);
    context.with_session(&log, SessionKind::Look, |_, session, _| {
        if keys.is_empty() && format == Format::Json {
            let (document, left_out) = all_sections(session);
            context.streams.out(&format!("{document:#}\n"));
            for (section, failure) in left_out {
                let reason = failure.to_string();
                let reason = redacted(reason.trim_end()).replace('\n', "\n  ");
                context
                    .streams
                    .err(&format!("[{section}] left out: {reason}\n"));
            }
            return Ok(());
        }
        let (section, option) = split_key(keys)?;
        let value = session.get_stored(&section, &option)?.ok_or_else(|| {
            let problem = ResolveProblem::MissingOption {
                section: section.clone(),
                option: option.clone(),
            };
            Failure::from(problem)
        })?;
        let value = session.read_form(value);
        match format {
            Format::Text => context.streams.out(&format!("{value}\n")),
            Format::Json => {
                let value = json_value(session, value);
                context.streams.out(&format!("{value:#}\n"));
            }
        }
        Ok(())
    })
}

type LeftOut = Vec<(Arc<str>, Failure)>;

fn all_sections(session: &Session<'_>) -> (Value, LeftOut) {
    let mut document = serde_json::Map::new();
    let mut left_out = Vec::new();
    for section in session.section_names() {
        // Each section is resolved as if it were asked for first: what a failure
        // leaves half done must not show in another section.
        match session.attempt(|| section_values(session, &section)) {
            Ok(values) => {
                document.insert(section.to_string(), values);
            }
            Err(failure) => left_out.push((section, failure)),
        }
    }
    (Value::Object(document), left_out)
}

fn section_values(session: &Session<'_>, section: &Arc<str>) -> Result<Value, Failure> {
    session.reach(section)?;
    let mut values = serde_json::Map::new();
    for option in session.known_options(section) {
        if let Some(value) = session.get_stored(section, &option)? {
            let value = json_value(session, session.read_form(value));
            values.insert(option.to_string(), value);
        }
    }
    Ok(Value::Object(values))
}

/// Text as it is; a typed value as JSON, or as `{"!py": text}` where JSON has
/// no such type.
fn json_value(session: &Session<'_>, text: Arc<str>) -> Value {
    if session.dialect().typed_values
        && is_encoded(&text)
        && let Ok(Some(value)) = decode(&text)
    {
        return match python_json(&value) {
            Some(value) => value,
            None => json!({ "!py": value.repr() }),
        };
    }
    Value::String(text.to_string())
}

fn python_json(value: &PythonValue) -> Option<Value> {
    let text = value.to_json_text().ok()?;
    serde_json::from_str(&text).ok()
}
