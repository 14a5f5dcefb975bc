//! `annotate [SECTION...] [--format json]`.

use super::{Context, Format, SessionKind, take_options};
use crate::Stop;
use crate::annotate::{Annotation, annotation_json};
use crate::log::PlainLog;

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let (format, _, chosen) = take_options(words, &[])?;
    if format == Format::Json {
        // Only the document, and nothing made: no session.
        let configuration = context.load()?;
        let document = annotation_json(&configuration, &chosen);
        context.streams.out(&format!("{document:#}\n"));
        return Ok(());
    }
    let log = PlainLog::new(context.streams, false);
    context.with_session(&log, SessionKind::Run, |configuration, _, settings| {
        let annotation = Annotation {
            directory: &settings.directory.to_string_lossy(),
            verbose: settings.verbose,
            chosen: &chosen,
        };
        annotation.write(configuration, &|piece| context.streams.out(piece));
        Ok(())
    })
}
