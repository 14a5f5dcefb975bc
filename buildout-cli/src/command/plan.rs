//! `plan [PART...]`: what a run would do, and why.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use buildout_core::run::{ConstructionPolicy, Plan, PlannedAction, PlannedPart, Reason};

use super::{Context, Format, take_options};
use crate::Stop;
use crate::log::PlainLog;
use crate::reasons::reason_text;

/// The exit code when a run would do something.
pub(crate) const CHANGES: i32 = 2;

/// How many dependants are named before the rest is counted.
const NAMED_DEPENDANTS: usize = 6;

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let (format, _, parts) = take_options(words, &[])?;
    let log = PlainLog::new(context.streams, true);
    context.with_session(
        &log,
        ConstructionPolicy::PureOnly,
        |_, session, settings| {
            let plan = Plan::new(session, settings, &parts)?;
            match format {
                Format::Json => context.streams.out(&format!("{:#}\n", plan.to_json())),
                Format::Text => context.streams.out(&plan_text(&plan)),
            }
            if plan.has_changes() {
                return Err(Stop::Code(CHANGES));
            }
            Ok(())
        },
    )
}

/// Shows a plan: where changes begin, with what follows from each.
fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    let (beginnings, dependants) = fold(plan);
    for planned in &beginnings {
        text.push_str(&format!("{} {}", verb(planned.action), planned.part));
        match &planned.reasons[..] {
            [] => {
                let recipe = planned.recipe.as_deref().unwrap_or_default();
                text.push_str(&format!(
                    "?\n  its recipe `{recipe}` acts on the world when it is constructed, so only a run can tell\n"
                ));
            }
            [reason] if reason.values() == (None, None) => {
                text.push_str(&format!(": {reason}\n"));
            }
            reasons => {
                text.push('\n');
                for reason in reasons {
                    text.push_str(&reason_text(reason, "  "));
                }
            }
        }
        if let Some(parts) = dependants.get(&planned.part) {
            text.push_str(&dependants_text(parts));
        }
    }
    let is_part = |section: &Arc<str>| beginnings.iter().any(|planned| planned.part == *section);
    for (section, parts) in dependants.iter().filter(|(section, _)| !is_part(section)) {
        let reason = parts[0].reasons.iter().find(
            |reason| matches!(reason, Reason::Dependency { section: root, .. } if root == section),
        );
        text.push_str(&format!("Section {section} changed\n"));
        if let Some(Reason::Dependency {
            reason: Some(reason),
            ..
        }) = reason
        {
            text.push_str(&reason_text(reason, "  "));
        }
        text.push_str(&dependants_text(parts));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&summary(plan));
    text
}

type Dependants<'p> = BTreeMap<Arc<str>, Vec<&'p PlannedPart>>;

/// Tells the parts where changes begin from those that only follow, by the
/// section where their change begins.
fn fold(plan: &Plan) -> (Vec<&PlannedPart>, Dependants<'_>) {
    let mut beginnings = Vec::new();
    let mut dependants = Dependants::new();
    for planned in plan
        .parts
        .iter()
        .filter(|planned| planned.action.is_change())
    {
        match planned.reasons.first() {
            Some(Reason::Dependency { section, .. }) => {
                let parts = dependants.entry(Arc::clone(section)).or_default();
                parts.push(planned);
            }
            _ => beginnings.push(planned),
        }
    }
    (beginnings, dependants)
}

fn dependants_text(parts: &[&PlannedPart]) -> String {
    let names: Vec<&str> = parts.iter().map(|planned| &*planned.part).collect();
    let shown = names.len().min(NAMED_DEPENDANTS);
    let rest = match names.len() - shown {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    let count = match names.len() {
        1 => "1 dependant".to_owned(),
        count => format!("{count} dependants"),
    };
    format!("  and its {count}: {}{rest}\n", names[..shown].join(", "))
}

fn verb(action: PlannedAction) -> &'static str {
    match action {
        PlannedAction::Install => "Install",
        PlannedAction::Reinstall => "Reinstall",
        PlannedAction::Uninstall => "Uninstall",
        _ => "Perhaps",
    }
}

fn summary(plan: &Plan) -> String {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for planned in &plan.parts {
        *counts.entry(planned.action.name()).or_default() += 1;
    }
    let count = |action: PlannedAction| counts.get(action.name()).copied().unwrap_or(0);
    let mut said: Vec<String> = [
        PlannedAction::Install,
        PlannedAction::Reinstall,
        PlannedAction::Uninstall,
    ]
    .into_iter()
    .filter(|action| count(*action) > 0)
    .map(|action| format!("{} to {}", count(action), action.name()))
    .collect();
    if said.is_empty() {
        said.push("Nothing to do".to_owned());
    }
    let updated = count(PlannedAction::Update);
    let stay = count(PlannedAction::Keep) + updated;
    let note = match updated {
        0 => String::new(),
        updated => format!(" ({updated} of them updated in every run)"),
    };
    let unknown = match count(PlannedAction::Unknown) {
        0 => String::new(),
        unknown => format!("; {unknown} unknown"),
    };
    format!("{}; {stay} stay{note}{unknown}.\n", said.join(", "))
}
