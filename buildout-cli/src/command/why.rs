//! `why PART`: what was done to a part last, and what is done to it next.

use std::sync::Arc;

use buildout_core::resolve::nearest;
use buildout_core::run::{
    ConstructionPolicy, History, PastAction, Plan, PlannedAction, PlannedPart, Reason,
};
use serde_json::{Value, json};

use super::{Context, Format, take_options};
use crate::Stop;
use crate::log::PlainLog;
use crate::reasons::reason_text;

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let (format, _, parts) = take_options(words, &[])?;
    let [part] = &parts[..] else {
        return Err(Stop::message("The why command requires a single part.")
            .with_hint("`buildout plan` tells it of all parts"));
    };
    let log = PlainLog::new(context.streams, true);
    context.with_session(
        &log,
        ConstructionPolicy::PureOnly,
        |_, session, settings| {
            let plan = Plan::new(session, settings, &[])?;
            let history = History::of(&settings.directory);
            let (past, next) = (history.part(part), plan.part(part));
            if past.is_none() && next.is_none() {
                let names = plan.parts.iter().map(|planned| &*planned.part);
                let stop = Stop::message(format!("There is no part {part}, and there was none."));
                return Err(match nearest(part, names) {
                    Some(near) => stop.with_hint(format!("there is a part `{near}`")),
                    None => stop.with_hint("`buildout plan` lists the parts"),
                });
            }
            match format {
                Format::Json => {
                    let document = json!({
                        "part": part,
                        "last": past.map_or(Value::Null, past_json),
                        "next": next.map_or(Value::Null, next_json),
                    });
                    context.streams.out(&format!("{document:#}\n"));
                }
                Format::Text => context.streams.out(&text(part, past, next, &plan)),
            }
            Ok(())
        },
    )
}

fn reasons_json(reasons: &[Reason]) -> Vec<Value> {
    reasons.iter().map(Reason::to_json).collect()
}

fn past_json(past: &PastAction) -> Value {
    json!({
        "action": past.action.name(),
        "failed": past.failed,
        "reasons": reasons_json(&past.reasons),
    })
}

fn next_json(next: &PlannedPart) -> Value {
    json!({"action": next.action.name(), "reasons": reasons_json(&next.reasons)})
}

fn text(part: &str, past: Option<&PastAction>, next: Option<&PlannedPart>, plan: &Plan) -> String {
    let mut text = String::new();
    match past {
        None => text.push_str(&format!("Last: nothing is known of {part}\n")),
        Some(past) => {
            let done = match past.action {
                PlannedAction::Uninstall => "uninstalled",
                PlannedAction::Reinstall => "installed anew",
                _ => "installed",
            };
            let ended = if past.failed { ", which failed" } else { "" };
            text.push_str(&format!("Last: {part} was {done}{ended}\n"));
            push_reasons(&mut text, &past.reasons);
        }
    }
    let Some(next) = next else {
        text.push_str(&format!("Next: nothing; {part} is no part any more\n"));
        return text;
    };
    match next.action {
        PlannedAction::Keep => text.push_str("Next: it stays as it is\n"),
        PlannedAction::Update => text.push_str("Next: it stays, and is updated as in every run\n"),
        PlannedAction::Unknown => {
            let recipe = next.recipe.as_deref().unwrap_or_default();
            text.push_str(&format!(
                "Next: only a run can tell; its recipe `{recipe}` acts on the world when it is constructed\n"
            ));
        }
        action => {
            text.push_str(&format!("Next: {}\n", action.name()));
            push_reasons(&mut text, &next.reasons);
            let name: Arc<str> = Arc::from(part);
            let follows = |planned: &&PlannedPart| {
                planned.reasons.iter().any(
                    |reason| matches!(reason, Reason::Dependency { section, .. } if *section == name),
                )
            };
            let names: Vec<&str> = plan
                .parts
                .iter()
                .filter(follows)
                .map(|planned| &*planned.part)
                .collect();
            if !names.is_empty() {
                text.push_str(&format!("  and so also: {}\n", names.join(", ")));
            }
        }
    }
    text
}

fn push_reasons(text: &mut String, reasons: &[Reason]) {
    for reason in reasons {
        text.push_str(&reason_text(reason, "  "));
    }
}
