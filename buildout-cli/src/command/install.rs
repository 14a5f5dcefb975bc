//! `install [PART...]`, the default command.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use buildout_core::event::EventSink;
use buildout_core::exec::failure::CommandFailure;
use buildout_core::run::{ConstructionPolicy, Failure, install};
use buildout_core::state::part_logs::PartLogs;

use super::Context;
use crate::Stop;
use crate::failed_part::Scene;
use crate::log::PlainLog;

pub(super) fn run(context: &Context<'_>, parts: &[String]) -> Result<(), Stop> {
    let log = PlainLog::new(context.streams, false);
    let logs = OnceCell::new();
    let keep_logs = |directory: &Path, sink| -> Arc<dyn EventSink> {
        let run = &context.surroundings.run;
        let made = logs.get_or_init(|| Arc::new(PartLogs::new(directory, run, sink)));
        Arc::<PartLogs>::clone(made)
    };
    context.with_session_and_sink(
        &log,
        ConstructionPolicy::All,
        keep_logs,
        |_, session, settings| {
            install(session, settings, parts).map_err(|failure| Stop::Failure {
                scene: Box::new(
                    logs.get()
                        .map(|logs| scene(context, &failure, logs))
                        .unwrap_or_default(),
                ),
                failure,
            })?;
            Ok(())
        },
    )
}

/// Collects what a failed part left to look at.
fn scene(context: &Context<'_>, failure: &Failure, logs: &PartLogs) -> Scene {
    let Some(part) = failure.part() else {
        return Scene::default();
    };
    logs.note_failure(part, &failure.to_string());
    let hint = CommandFailure::find(failure).map(|_| {
        let line = context.command_line(&["shell", part]);
        format!("look into it with `{line}`")
    });
    Scene {
        log: logs.path(part),
        hint,
    }
}
