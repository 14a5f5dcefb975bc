//! `graph [--format FORMAT] [--sections] [-o FILE] [PART...]`.

use std::path::Path;
use std::sync::Arc;

use buildout_core::run::{ConstructionPolicy, part_graph};

use super::{Context, SessionUse};
use crate::log::PlainLog;
use crate::{Stop, graph};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GraphFormat {
    Dot,
    Mermaid,
    Svg,
}

impl GraphFormat {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "dot" => Some(GraphFormat::Dot),
            "mermaid" => Some(GraphFormat::Mermaid),
            "svg" => Some(GraphFormat::Svg),
            _ => None,
        }
    }

    /// Returns the format that the name of a file stands for.
    fn of_file(name: &str) -> Option<Self> {
        match Path::new(name).extension()?.to_str()? {
            "dot" | "gv" => Some(GraphFormat::Dot),
            "mmd" | "mermaid" => Some(GraphFormat::Mermaid),
            "svg" => Some(GraphFormat::Svg),
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
struct Request {
    format: Option<GraphFormat>,
    sections: bool,
    output: Option<String>,
    parts: Vec<String>,
}

impl Request {
    fn parse(words: &[String]) -> Result<Self, Stop> {
        let mut request = Request::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = |option: &str| -> Result<Option<String>, Stop> {
                if word != option {
                    let inline = word.strip_prefix(option).and_then(|w| w.strip_prefix('='));
                    return Ok(inline.map(ToOwned::to_owned));
                }
                let missing = || Stop::message(format!("No value specified for option {option}"));
                words.next().cloned().map(Some).ok_or_else(missing)
            };
            if let Some(format) = value("--format")? {
                let parsed = GraphFormat::parse(&format).ok_or_else(|| {
                    Stop::message(format!("Invalid value for option --format: {format}"))
                        .with_hint("`--format` is `dot`, `mermaid` or `svg`")
                })?;
                request.format = Some(parsed);
            } else if let Some(output) = value("-o")? {
                request.output = Some(output);
            } else if word == "--sections" {
                request.sections = true;
            } else if word.starts_with('-') {
                return Err(Stop::message(format!("Invalid option {word}")).with_hint(
                    "`buildout graph [--format dot|mermaid|svg] [--sections] [-o FILE] [PART...]`",
                ));
            } else {
                request.parts.push(word.clone());
            }
        }
        Ok(request)
    }

    fn format(&self) -> GraphFormat {
        let of_file = || self.output.as_deref().and_then(GraphFormat::of_file);
        self.format.or_else(of_file).unwrap_or(GraphFormat::Dot)
    }
}

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let request = Request::parse(words)?;
    // stdout carries the document, and nothing is to be made for it.
    let log = PlainLog::new(context.streams, true);
    let how = SessionUse {
        log: &log,
        events: Arc::<PlainLog>::clone(&log),
        construct: ConstructionPolicy::All,
        create_caches: false,
    };
    context.with_session_for(how, |_, session, settings| {
        let graph = part_graph(session, settings, &request.parts, request.sections)?;
        let document = match request.format() {
            GraphFormat::Dot => graph::dot(&graph),
            GraphFormat::Mermaid => graph::mermaid(&graph),
            GraphFormat::Svg => graph::svg(&graph),
        };
        let Some(name) = &request.output else {
            context.streams.out(&document);
            return Ok(());
        };
        let path = Path::new(&context.surroundings.working_directory).join(name);
        std::fs::write(&path, document)
            .map_err(|error| Stop::message(format!("failed to write `{name}`: {error}")))
    })
}
