//! Events as JSON, for other programs. `docs/events.md` documents each variant
//! and member; a test keeps it complete.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::run::Reason;

use super::{DownloadEnd, Event, OutputStream, PartAction};

impl PartAction {
    /// Returns the name in machine formats.
    pub fn name(self) -> &'static str {
        match self {
            PartAction::Install => "install",
            PartAction::Update => "update",
            PartAction::Uninstall => "uninstall",
        }
    }
}

impl DownloadEnd {
    /// Returns the name in machine formats.
    pub fn name(self) -> &'static str {
        match self {
            DownloadEnd::Complete => "complete",
            DownloadEnd::Failed => "failed",
        }
    }
}

impl OutputStream {
    /// Returns the name in machine formats.
    pub fn name(self) -> &'static str {
        match self {
            OutputStream::Stdout => "stdout",
            OutputStream::Stderr => "stderr",
        }
    }
}

impl Event {
    /// Returns the name of the variant in machine formats.
    pub fn name(&self) -> &'static str {
        match self {
            Event::ExtendsSkipped { .. } => "extends_skipped",
            Event::DirectoryCreated { .. } => "directory_created",
            Event::Configured { .. } => "configured",
            Event::PartsOrdered { .. } => "parts_ordered",
            Event::InstallationStarted { .. } => "installation_started",
            Event::PartStarted { .. } => "part_started",
            Event::PartFinished { .. } => "part_finished",
            Event::PartFailed { .. } => "part_failed",
            Event::PartPhase { .. } => "part_phase",
            Event::Waiting { .. } => "waiting",
            Event::DownloadStarted { .. } => "download_started",
            Event::DownloadProgress { .. } => "download_progress",
            Event::DownloadFinished { .. } => "download_finished",
            Event::UninstallRecipe { .. } => "uninstall_recipe",
            Event::PartChanged { .. } => "part_changed",
            Event::OptionChanged { .. } => "option_changed",
            Event::UnusedOptions { .. } => "unused_options",
            Event::NothingReturned { .. } => "nothing_returned",
            Event::PathRefused { .. } => "path_refused",
            Event::Log(_) => "log",
            Event::Output { .. } => "output",
        }
    }

    /// Returns what the event tells, without its name. Values of options are
    /// left out of `configured`: they are many, and some are secret.
    pub fn to_json(&self) -> Map<String, Value> {
        let value = match self {
            Event::ExtendsSkipped { name } => json!({ "name": name }),
            Event::DirectoryCreated { path } => json!({ "path": path }),
            Event::Configured { sections } => {
                let names: Vec<&str> = sections.iter().map(|(name, _)| &**name).collect();
                json!({ "sections": names })
            }
            Event::PartsOrdered { order } => {
                let pairs: Vec<[&str; 2]> = order
                    .iter()
                    .map(|order| [&*order.before, &*order.after])
                    .collect();
                json!({ "order": pairs })
            }
            Event::InstallationStarted { parts, jobs } => {
                json!({ "parts": texts(parts), "jobs": jobs })
            }
            Event::PartStarted { part, action }
            | Event::PartFinished { part, action }
            | Event::PartFailed { part, action } => {
                json!({ "part": &**part, "action": action.name() })
            }
            Event::PartPhase { part, phase } => json!({ "part": &**part, "phase": &**phase }),
            Event::Waiting { part, what } => json!({ "part": part.as_deref(), "what": what }),
            Event::DownloadStarted {
                download,
                part,
                url,
            } => json!({ "download": download.0, "part": part.as_deref(), "url": url }),
            Event::DownloadProgress {
                download,
                received,
                total,
            } => json!({ "download": download.0, "received": received, "total": total }),
            Event::DownloadFinished {
                download,
                received,
                end,
            } => json!({ "download": download.0, "received": received, "end": end.name() }),
            Event::UninstallRecipe { part } | Event::NothingReturned { part } => {
                json!({ "part": &**part })
            }
            Event::PartChanged { part, reasons } => {
                let reasons: Vec<Value> = reasons.iter().map(Reason::to_json).collect();
                json!({ "part": &**part, "reasons": reasons })
            }
            Event::OptionChanged {
                part,
                option,
                old,
                new,
            } => json!({
                "part": &**part,
                "option": &**option,
                "old": old.as_deref(),
                "new": new.as_deref(),
            }),
            Event::UnusedOptions { section, options } => {
                json!({ "section": &**section, "options": texts(options) })
            }
            Event::PathRefused { part, path } => {
                json!({ "part": &**part, "path": path.to_string_lossy() })
            }
            Event::Log(record) => json!({
                "level": record.level.name(),
                "logger": &*record.logger,
                "message": record.message,
            }),
            Event::Output {
                part,
                stream,
                bytes,
            } => json!({
                "part": &**part,
                "stream": stream.name(),
                "text": String::from_utf8_lossy(bytes),
            }),
        };
        match value {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

fn texts(names: &[Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::event::{DownloadId, Level, PartOrder};

    /// Returns an event of the variant after that of `event`, to walk through
    /// all of them: a new variant does not compile until it has its place.
    fn next(event: Option<&Event>) -> Option<Event> {
        let part = || Arc::from("zlib");
        let action = PartAction::Install;
        let download = DownloadId(1);
        Some(match event {
            None => Event::ExtendsSkipped {
                name: "local.cfg".to_owned(),
            },
            Some(Event::ExtendsSkipped { .. }) => Event::DirectoryCreated {
                path: "/site/bin".to_owned(),
            },
            Some(Event::DirectoryCreated { .. }) => Event::Configured {
                sections: vec![(part(), crate::resolve::OptionMap::default())],
            },
            Some(Event::Configured { .. }) => Event::PartsOrdered {
                order: vec![PartOrder {
                    before: part(),
                    after: Arc::from("nginx"),
                }],
            },
            Some(Event::PartsOrdered { .. }) => Event::InstallationStarted {
                parts: vec![part()],
                jobs: 4,
            },
            Some(Event::InstallationStarted { .. }) => Event::PartStarted {
                part: part(),
                action,
            },
            Some(Event::PartStarted { .. }) => Event::PartFinished {
                part: part(),
                action: PartAction::Update,
            },
            Some(Event::PartFinished { .. }) => Event::PartFailed {
                part: part(),
                action: PartAction::Uninstall,
            },
            Some(Event::PartFailed { .. }) => Event::PartPhase {
                part: part(),
                phase: Arc::from("make"),
            },
            Some(Event::PartPhase { .. }) => Event::Waiting {
                part: None,
                what: "the lock".to_owned(),
            },
            Some(Event::Waiting { .. }) => Event::DownloadStarted {
                download,
                part: Some(part()),
                url: "http://host/zlib.tar.gz".to_owned(),
            },
            Some(Event::DownloadStarted { .. }) => Event::DownloadProgress {
                download,
                received: 10,
                total: Some(20),
            },
            Some(Event::DownloadProgress { .. }) => Event::DownloadFinished {
                download,
                received: 20,
                end: DownloadEnd::Complete,
            },
            Some(Event::DownloadFinished { .. }) => Event::UninstallRecipe { part: part() },
            Some(Event::UninstallRecipe { .. }) => Event::PartChanged {
                part: part(),
                reasons: vec![Reason::NeverInstalled],
            },
            Some(Event::PartChanged { .. }) => Event::OptionChanged {
                part: part(),
                option: Arc::from("url"),
                old: Some(Arc::from("a")),
                new: None,
            },
            Some(Event::OptionChanged { .. }) => Event::UnusedOptions {
                section: part(),
                options: vec![Arc::from("urll")],
            },
            Some(Event::UnusedOptions { .. }) => Event::NothingReturned { part: part() },
            Some(Event::NothingReturned { .. }) => Event::PathRefused {
                part: part(),
                path: PathBuf::from("/etc"),
            },
            Some(Event::PathRefused { .. }) => Event::engine_log(Level::Info, "text"),
            Some(Event::Log(_)) => Event::Output {
                part: part(),
                stream: OutputStream::Stderr,
                bytes: b"caf\xe9\n".to_vec(),
            },
            Some(Event::Output { .. }) => return None,
        })
    }

    fn all() -> Vec<Event> {
        std::iter::successors(next(None), |event| next(Some(event))).collect()
    }

    #[test]
    fn the_document_has_every_variant_and_member() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.md");
        let document = std::fs::read_to_string(path).unwrap();
        let documented: Vec<(&str, Vec<&str>)> = document
            .split("\n### `")
            .skip(1)
            .map(|section| {
                let name = section.split('`').next().unwrap();
                let rows = section.lines().take_while(|line| !line.starts_with("## "));
                let members = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next());
                (name, members.collect())
            })
            .collect();
        let events = all();
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.name(), event.to_json()))
            .collect();
        let in_code: Vec<(&str, Vec<&str>)> = told
            .iter()
            .map(|(name, json)| (*name, json.keys().map(String::as_str).collect()))
            .collect();
        assert_eq!(documented, in_code);
    }

    #[test]
    fn bytes_are_shown_as_far_as_they_are_text() {
        let output = all().pop().unwrap();
        let expected = json!({"part": "zlib", "stream": "stderr", "text": "caf\u{fffd}\n"});
        assert_eq!(Value::Object(output.to_json()), expected);
    }
}
