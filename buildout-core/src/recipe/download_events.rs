//! What downloads report, as events of the run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use crate::event::{DownloadEnd, DownloadId, Event, EventSink, Level};
use crate::exec::cancel::CancellationToken;
use crate::fetch::{FetchEvent, FetchObserver, LogLevel};

/// How many bytes come in between two events of progress.
const PROGRESS_STEP: u64 = 256 * 1024;

/// Gives the downloads of a run their identities.
#[derive(Debug, Default)]
pub(super) struct DownloadIds(AtomicU64);

impl DownloadIds {
    fn next(&self) -> DownloadId {
        DownloadId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Turns what downloads report into events. Each thread makes one download at
/// a time.
pub(super) struct DownloadEvents {
    events: Arc<dyn EventSink>,
    cancellation: CancellationToken,
    ids: Arc<DownloadIds>,
    part: Option<Arc<str>>,
    running: Mutex<HashMap<ThreadId, Running>>,
}

struct Running {
    download: DownloadId,
    received: u64,
    /// How many bytes were told of.
    told: u64,
}

impl DownloadEvents {
    /// Reports downloads that `part` wants; `None` if none does yet.
    pub(super) fn new(
        events: Arc<dyn EventSink>,
        cancellation: CancellationToken,
        ids: Arc<DownloadIds>,
        part: Option<Arc<str>>,
    ) -> Self {
        DownloadEvents {
            events,
            cancellation,
            ids,
            part,
            running: Mutex::default(),
        }
    }

    fn with_running<T>(&self, work: impl FnOnce(&mut HashMap<ThreadId, Running>) -> T) -> T {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut running)
    }

    fn begin(&self, url: String) {
        let download = self.ids.next();
        let running = Running {
            download,
            received: 0,
            told: 0,
        };
        self.with_running(|all| all.insert(thread::current().id(), running));
        self.events.emit(Event::DownloadStarted {
            download,
            part: self.part.clone(),
            url,
        });
    }

    fn progress(&self, received: u64, total: Option<u64>) {
        let told = self.with_running(|all| {
            let running = all.get_mut(&thread::current().id())?;
            running.received = received;
            // A transfer that starts again has fewer bytes than before.
            if received.abs_diff(running.told) < PROGRESS_STEP && Some(received) != total {
                return None;
            }
            running.told = received;
            Some(running.download)
        });
        if let Some(download) = told {
            self.events.emit(Event::DownloadProgress {
                download,
                received,
                total,
            });
        }
    }

    fn end(&self, end: DownloadEnd) {
        let ended = self.with_running(|all| all.remove(&thread::current().id()));
        if let Some(running) = ended {
            self.events.emit(Event::DownloadFinished {
                download: running.download,
                received: running.received,
                end,
            });
        }
    }
}

impl FetchObserver for DownloadEvents {
    fn observe(&self, event: &FetchEvent<'_>) {
        if let Some((level, message)) = event.log_line() {
            let level = match level {
                LogLevel::Debug => Level::Debug,
                LogLevel::Info => Level::Info,
                LogLevel::Warning => Level::Warning,
            };
            self.events.emit(Event::engine_log(level, message));
        }
        match event {
            FetchEvent::Requested { url } => self.begin(url.to_string()),
            FetchEvent::Progress {
                received, total, ..
            } => self.progress(*received, *total),
            FetchEvent::Finished { .. } => self.end(DownloadEnd::Complete),
            FetchEvent::Failed { .. } => self.end(DownloadEnd::Failed),
            _ => {}
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::RedactedUrl;

    #[derive(Default)]
    struct Shown(Mutex<Vec<String>>);

    impl EventSink for Shown {
        fn emit(&self, event: Event) {
            let line = match event {
                Event::DownloadStarted {
                    download,
                    part,
                    url,
                } => {
                    format!("{} started {url} for {part:?}", download.0)
                }
                Event::DownloadProgress {
                    download,
                    received,
                    total,
                } => format!("{} has {received} of {total:?}", download.0),
                Event::DownloadFinished {
                    download,
                    received,
                    end,
                } => format!("{} ended with {received}: {end:?}", download.0),
                Event::Log(record) => record.message,
                other => format!("{other:?}"),
            };
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn progress_is_told_in_steps() {
        let shown = Arc::new(Shown::default());
        let observer = DownloadEvents::new(
            Arc::<Shown>::clone(&shown),
            CancellationToken::new(),
            Arc::default(),
            Some(Arc::from("a")),
        );
        let url = &RedactedUrl::new("http://me:secret@h/a");
        let total = Some(600_000);
        observer.observe(&FetchEvent::Started { url });
        observer.observe(&FetchEvent::Requested { url });
        for received in (0..=600_000).step_by(100_000) {
            observer.observe(&FetchEvent::Progress {
                url,
                received,
                total,
            });
        }
        let size = 600_000;
        observer.observe(&FetchEvent::Finished { url, size });
        observer.observe(&FetchEvent::Requested { url });
        observer.observe(&FetchEvent::Failed { url });
        assert_eq!(
            *shown.0.lock().unwrap(),
            [
                "Downloading http://me:****@h/a",
                "0 started http://me:****@h/a for Some(\"a\")",
                "0 has 300000 of Some(600000)",
                "0 has 600000 of Some(600000)",
                "0 ended with 600000: Complete",
                "1 started http://me:****@h/a for Some(\"a\")",
                "1 ended with 0: Failed",
            ]
        );
    }
}
