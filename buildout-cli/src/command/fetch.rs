//! `fetch [PART...]`: everything that an offline run needs.

use buildout_core::run::{fetch, no_cache};

use super::{Context, SessionKind};
use crate::Stop;
use crate::log::PlainLog;

pub(super) fn run(context: &Context<'_>, parts: &[String]) -> Result<(), Stop> {
    let log = PlainLog::new(context.streams, false);
    context.with_session(&log, SessionKind::Fetch, |_, session, settings| {
        let has_profiles = !context.remote_profiles().is_empty();
        if has_profiles && settings.extends_cache.is_none() {
            return Err(no_cache(session, "extends-cache", "profiles").into());
        }
        let report = fetch(session, settings, parts)?;
        let (fetched, present) = (report.fetched, report.present);
        let end = match report.doubts {
            0 => "Offline runs have what they need.",
            _ => "Offline runs have what they need, but for what the warnings tell.",
        };
        context.streams.out(&format!(
            "Downloads: {fetched} fetched, {present} were there. {end}\n"
        ));
        Ok(())
    })
}
