//! `install [PART...]`, the default command.

use buildout_core::run::{ConstructionPolicy, install};

use super::{Context, SessionUse};
use crate::Stop;
use crate::reporting::Reporting;

pub(super) fn run(context: &Context<'_>, parts: &[String]) -> Result<(), Stop> {
    let reporting = Reporting::begin(&context.arguments, context.surroundings, context.streams)?;
    let how = SessionUse {
        log: reporting.log(),
        events: reporting.sink(),
        construct: ConstructionPolicy::All,
        create_caches: true,
    };
    let result = context.with_session_for(how, |_, session, settings| {
        install(session, settings, parts)?;
        Ok(())
    });
    reporting.finish(result)
}
