//! What a run did and when, gathered from its events.

use std::sync::Arc;
use std::time::Duration;

use super::critical_path::{CriticalPath, critical_path};
use super::{DownloadEnd, DownloadId, Event, PartAction, PartOrder};

/// How the work on a part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartEnd {
    /// Well.
    Finished,
    /// It failed, or the run ended before it did.
    Failed,
}

/// A phase of the work on a part; it lasts until the next one, or to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseSpan {
    /// The phase.
    pub phase: Arc<str>,
    /// When it began.
    pub start: Duration,
}

/// The work on a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSpan {
    /// The part.
    pub part: Arc<str>,
    /// What is done.
    pub action: PartAction,
    /// When it began.
    pub start: Duration,
    /// When and how it ended; `None` while it goes on.
    pub end: Option<(Duration, PartEnd)>,
    /// The phases so far, in order.
    pub phases: Vec<PhaseSpan>,
}

impl PartSpan {
    /// Returns how long the work took, or has taken until `now`.
    pub fn duration(&self, now: Duration) -> Duration {
        let end = self.end.map_or(now, |(end, _)| end);
        end.saturating_sub(self.start)
    }
}

/// A download from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadSpan {
    /// The download.
    pub download: DownloadId,
    /// The part that wants it.
    pub part: Option<Arc<str>>,
    /// The address, without credentials.
    pub url: String,
    /// When it began.
    pub start: Duration,
    /// When and how it ended; `None` while it goes on.
    pub end: Option<(Duration, DownloadEnd)>,
    /// Bytes so far.
    pub received: u64,
    /// Bytes in all, if the server said so.
    pub total: Option<u64>,
}

/// What a run did and when. Whoever has a clock notes each event with the time
/// since the run began; times must not decrease.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The parts to install or update, in order.
    pub parts: Vec<Arc<str>>,
    /// Which of them must precede which.
    pub order: Vec<PartOrder>,
    /// How many jobs may run at once; 0 until it is known.
    pub jobs: usize,
    /// The work on parts, in the order it began.
    pub work: Vec<PartSpan>,
    /// The downloads, in the order they began.
    pub downloads: Vec<DownloadSpan>,
    /// What the whole run waits for.
    pub waiting: Option<String>,
}

impl Timeline {
    /// Takes note of an event that happened `at` this time.
    pub fn note(&mut self, at: Duration, event: &Event) {
        match event {
            Event::PartsOrdered { order } => self.order.clone_from(order),
            Event::InstallationStarted { parts, jobs } => {
                self.parts.clone_from(parts);
                self.jobs = *jobs;
                self.waiting = None;
            }
            Event::PartStarted { part, action } => {
                self.waiting = None;
                self.work.push(PartSpan {
                    part: Arc::clone(part),
                    action: *action,
                    start: at,
                    end: None,
                    phases: Vec::new(),
                });
            }
            Event::PartFinished { part, .. } => self.end(part, at, PartEnd::Finished),
            Event::PartFailed { part, .. } => self.end(part, at, PartEnd::Failed),
            Event::PartPhase { part, phase } => self.enter_phase(part, Arc::clone(phase), at),
            Event::Waiting { part, what } => match part {
                Some(part) => {
                    let phase = Arc::from(format!("waiting for {what}"));
                    self.enter_phase(part, phase, at);
                }
                None => self.waiting = Some(what.clone()),
            },
            Event::DownloadStarted {
                download,
                part,
                url,
            } => self.downloads.push(DownloadSpan {
                download: *download,
                part: part.clone(),
                url: url.clone(),
                start: at,
                end: None,
                received: 0,
                total: None,
            }),
            Event::DownloadProgress {
                download,
                received,
                total,
            } => {
                if let Some(span) = self.download(*download) {
                    span.received = *received;
                    span.total = *total;
                }
            }
            Event::DownloadFinished {
                download,
                received,
                end,
            } => {
                if let Some(span) = self.download(*download) {
                    span.received = *received;
                    span.end = Some((at, *end));
                }
            }
            _ => {}
        }
    }

    /// Ends what still goes on: the run is over.
    pub fn close(&mut self, at: Duration) {
        self.waiting = None;
        for span in self.work.iter_mut().filter(|span| span.end.is_none()) {
            span.end = Some((at, PartEnd::Failed));
        }
        for span in self.downloads.iter_mut().filter(|span| span.end.is_none()) {
            span.end = Some((at, DownloadEnd::Failed));
        }
    }

    /// Returns the installations and updates, in the order they began.
    pub fn installations(&self) -> impl Iterator<Item = &PartSpan> {
        self.work
            .iter()
            .filter(|span| span.action != PartAction::Uninstall)
    }

    /// Returns the work that goes on.
    pub fn running(&self) -> impl Iterator<Item = &PartSpan> {
        self.work.iter().filter(|span| span.end.is_none())
    }

    /// Returns the chain of parts that bounds the time of the run, however
    /// many jobs there are.
    pub fn critical_path(&self) -> CriticalPath {
        let times: Vec<(Arc<str>, Duration)> = self
            .installations()
            .filter_map(|span| {
                let (end, _) = span.end?;
                Some((Arc::clone(&span.part), span.duration(end)))
            })
            .collect();
        critical_path(&times, &self.order)
    }

    /// The work on `part` that goes on. It began late, so this looks from the
    /// end.
    fn open(&mut self, part: &str) -> Option<&mut PartSpan> {
        let mut spans = self.work.iter_mut().rev();
        spans.find(|span| *span.part == *part && span.end.is_none())
    }

    fn end(&mut self, part: &str, at: Duration, end: PartEnd) {
        if let Some(span) = self.open(part) {
            span.end = Some((at, end));
        }
    }

    fn enter_phase(&mut self, part: &str, phase: Arc<str>, start: Duration) {
        if let Some(span) = self.open(part) {
            span.phases.push(PhaseSpan { phase, start });
        }
    }

    fn download(&mut self, download: DownloadId) -> Option<&mut DownloadSpan> {
        let mut spans = self.downloads.iter_mut().rev();
        spans.find(|span| span.download == download)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn interleaved_events_become_spans() {
        let part = |name: &str| Arc::<str>::from(name);
        let started = |name, action| Event::PartStarted {
            part: part(name),
            action,
        };
        let mut timeline = Timeline::default();
        let events = [
            (
                0,
                Event::Waiting {
                    part: None,
                    what: "a lock".to_owned(),
                },
            ),
            (1, started("a", PartAction::Uninstall)),
            (
                2,
                Event::PartFinished {
                    part: part("a"),
                    action: PartAction::Uninstall,
                },
            ),
            (3, started("a", PartAction::Install)),
            (4, started("b", PartAction::Update)),
            (
                5,
                Event::PartPhase {
                    part: part("a"),
                    phase: part("make"),
                },
            ),
            (
                6,
                Event::Waiting {
                    part: Some(part("b")),
                    what: "c".to_owned(),
                },
            ),
            (
                7,
                Event::PartFailed {
                    part: part("b"),
                    action: PartAction::Update,
                },
            ),
            (
                8,
                Event::PartPhase {
                    part: part("b"),
                    phase: part("too late"),
                },
            ),
        ];
        for (at, event) in &events {
            timeline.note(seconds(*at), event);
        }
        assert_eq!(timeline.waiting, None);
        let running: Vec<&str> = timeline.running().map(|span| &*span.part).collect();
        assert_eq!(running, ["a"]);
        timeline.close(seconds(9));
        let spans: Vec<_> = timeline
            .installations()
            .map(|span| {
                let phases: Vec<_> = span.phases.iter().map(|p| (&*p.phase, p.start)).collect();
                (&*span.part, span.start, span.end, phases)
            })
            .collect();
        assert_eq!(
            spans,
            [
                (
                    "a",
                    seconds(3),
                    Some((seconds(9), PartEnd::Failed)),
                    vec![("make", seconds(5))]
                ),
                (
                    "b",
                    seconds(4),
                    Some((seconds(7), PartEnd::Failed)),
                    vec![("waiting for c", seconds(6))]
                ),
            ]
        );
    }
}
