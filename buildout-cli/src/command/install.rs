//! `install [PART...]`, the default command.

use buildout_core::run::{ConstructionPolicy, install};

use super::Context;
use crate::Stop;
use crate::reporting::Reporting;

pub(super) fn run(context: &Context<'_>, parts: &[String]) -> Result<(), Stop> {
    let reporting = Reporting::begin(&context.arguments, context.surroundings, context.streams)?;
    let result = context.with_session_telling(
        reporting.log(),
        reporting.sink(),
        ConstructionPolicy::All,
        |_, session, settings| {
            install(session, settings, parts)?;
            Ok(())
        },
    );
    reporting.finish(result)
}
