//! `install [PART...]`, the default command.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use buildout_core::event::EventSink;
use buildout_core::run::{BuildoutSettings, Failure, Session, install_after};
use buildout_core::state::part_logs::PartLogs;

use super::{Context, SessionKind, SessionUse};
use crate::failed_part::Traces;
use crate::reporting::Reporting;
use crate::{Stop, buildout_script};

pub(super) fn run(context: &Context<'_>, parts: &[String]) -> Result<(), Stop> {
    let reporting = Reporting::begin(&context.arguments, context.surroundings, context.streams)?;
    let logs = OnceCell::new();
    let keep_logs = |directory: &Path, sink| -> Arc<dyn EventSink> {
        let run = &context.surroundings.run;
        let made = logs.get_or_init(|| Arc::new(PartLogs::new(directory, run, sink)));
        Arc::<PartLogs>::clone(made)
    };
    let how = SessionUse {
        log: reporting.log(),
        events: reporting.sink(),
        around: &keep_logs,
        kind: SessionKind::Run,
    };
    // Also after a failure: it is how people and slapos.core go on.
    let keep_script = |session: &Session<'_>, settings: &BuildoutSettings| {
        buildout_script::keep(session, settings, &context.surroundings.launched_by)
    };
    let stop = |failure: Failure| Stop::Failure {
        traces: logs
            .get()
            .map(|logs| Box::new(traces(context, &failure, logs))),
        failure,
    };
    let result = context.with_session_in_phases(
        &how,
        |session, settings, failure| {
            // What failed before is told.
            let _ = keep_script(session, settings);
            stop(failure)
        },
        |session, settings, first| {
            let installed = install_after(session, settings, parts, first);
            let kept = keep_script(session, settings);
            installed.map_err(&stop)?;
            Ok(kept?)
        },
    );
    reporting.finish(result)
}

/// Finds what the run left to look at, and completes the logs of what failed.
fn traces(context: &Context<'_>, failure: &Failure, logs: &Arc<PartLogs>) -> Traces {
    for failure in std::iter::once(failure).chain(failure.others()) {
        if let Some(part) = failure.part() {
            logs.note_failure(part, &failure.to_string());
        }
    }
    let command_line = context.command_line_before();
    Traces {
        logs: Arc::clone(logs),
        shell_line: Box::new(move |part| command_line(&["shell", part])),
    }
}
