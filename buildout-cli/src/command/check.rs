use super::Context;
use crate::Stop;

pub(super) fn run(_context: &Context<'_>, _words: &[String]) -> Result<(), Stop> {
    Ok(())
}
