//! `install [PART...]`, the default command.

use buildout_core::run::install;

use super::{Context, SessionKind};
use crate::Stop;
use crate::log::PlainLog;

pub(super) fn run(context: &Context<'_>, parts: &[String]) -> Result<(), Stop> {
    let log = PlainLog::new(context.streams, false);
    context.with_session(&log, SessionKind::Run, |_, session, settings| {
        install(session, settings, parts)?;
        Ok(())
    })
}
