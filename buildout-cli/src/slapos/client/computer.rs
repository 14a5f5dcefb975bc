//! `slapos computer list` and `slapos computer info`.

use super::super::arguments::ListingCommand;
use super::super::context::Context;
use super::hateoas::{Hateoas, field, member};
use crate::Stop;

const COMPUTERS: &str = "portal_type:\"Compute Node\" AND validation_state:validated";

pub(in super::super) fn run(context: &Context<'_>, command: &ListingCommand) -> Result<(), Stop> {
    match command {
        ListingCommand::List { client } => {
            let master = Hateoas::of(context, client.cfg.as_deref())?;
            let rows = master.search(COMPUTERS)?;
            if rows.is_empty() {
                context.streams.out("No existing computer.\n");
                return Ok(());
            }
            context.streams.out("List of Computers:\n");
            for row in &rows {
                let (reference, title) = (member(row, "reference"), member(row, "title"));
                context.streams.out(&format!("{reference} {title}\n"));
            }
            Ok(())
        }
        ListingCommand::Info { client, reference } => {
            let master = Hateoas::of(context, client.cfg.as_deref())?;
            let query = format!("{COMPUTERS} AND reference:=\"{reference}\"");
            let rows = master.search(&query)?;
            let Some(row) = rows.first() else {
                context
                    .log
                    .warning(format!("Computer {reference} does not exist."));
                return Err(Stop::Code(2));
            };
            let document = master.traverse(member(row, "relative_url"))?;
            let text = |name: &str| {
                let value = field(&document, name).and_then(|value| value.as_str());
                value.unwrap_or_default().to_owned()
            };
            context.streams.out(&format!(
                "Computer Reference: {}\nComputer Title    : {}\n",
                text("my_reference"),
                text("my_title")
            ));
            Ok(())
        }
    }
}
