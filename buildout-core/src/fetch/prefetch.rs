//! Downloads ahead of the parts that want them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::digest::ExpectedDigests;
use super::download::{Destination, DownloadRequest, Downloaded, Downloader, Origin};
use super::observer::{FetchEvent, FetchObserver, LogLevel};
use super::redact::RedactedUrl;

/// How often a thread that waits looks whether its run was cancelled.
const CANCELLATION_INTERVAL: Duration = Duration::from_millis(50);

/// How long the end of a run waits for the transfers that it cuts off. A
/// server that is silent must not keep a program from ending.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fetches what a run is going to want, on threads of its own, in the order
/// given and each thing once.
///
/// A [`Downloader`] that [knows of it](Downloader::with_prefetcher) takes what
/// is there and waits for what is not, which then comes next. What could not
/// be fetched it tries by itself, and tells why not.
///
/// Nothing is logged at the time. Whoever takes a download logs what there was
/// to log, so that a log reads as if it had been made just then.
///
/// The bytes are in the download cache, or in temporary files that are gone
/// when the prefetcher and those who took them are.
pub struct Prefetcher {
    shared: Arc<Shared>,
}

/// What makes two requests the same download.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    url: RedactedUrl,
    expected: ExpectedDigests,
}

impl Key {
    fn of(request: &DownloadRequest) -> Self {
        Key {
            url: request.url.clone(),
            expected: request.expected.clone(),
        }
    }
}

/// A download that is complete, with the lines to log.
#[derive(Clone)]
pub(super) struct Prefetched {
    pub(super) downloaded: Downloaded,
    pub(super) lines: Vec<(LogLevel, String)>,
}

enum Stage {
    Waiting(Box<DownloadRequest>),
    Running,
    Complete(Box<Prefetched>),
}

struct Job {
    stage: Stage,
    /// How many are going to take it.
    takers: usize,
}

/// The jobs that may still be of use.
#[derive(Default)]
struct Jobs {
    queue: VecDeque<Key>,
    known: HashMap<Key, Job>,
    threads: usize,
    stopped: bool,
}

impl Jobs {
    /// Makes a job that nobody has begun the next one.
    fn promote(&mut self, key: &Key) {
        if let Some(at) = self.queue.iter().position(|queued| queued == key)
            && let Some(key) = self.queue.remove(at)
        {
            self.queue.push_front(key);
        }
    }
}

#[derive(Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prefetcher {
    /// Starts to fetch `requests` by means of `downloader`, `limit` at a time.
    pub fn start(
        downloader: &Downloader,
        requests: impl IntoIterator<Item = DownloadRequest>,
        limit: usize,
    ) -> Self {
        let mut jobs = Jobs::default();
        for request in requests {
            let key = Key::of(&request);
            match jobs.known.entry(key.clone()) {
                Entry::Occupied(mut job) => job.get_mut().takers += 1,
                Entry::Vacant(place) => {
                    place.insert(Job {
                        stage: Stage::Waiting(Box::new(request)),
                        takers: 1,
                    });
                    jobs.queue.push_back(key);
                }
            }
        }
        jobs.threads = limit.max(1).min(jobs.queue.len());
        let threads = jobs.threads;
        let shared = Arc::new(Shared {
            jobs: Mutex::new(jobs),
            changed: Condvar::new(),
        });
        for _ in 0..threads {
            let worker = Worker {
                shared: Arc::clone(&shared),
                current: None,
            };
            let downloader = downloader.clone();
            thread::spawn(move || worker.run(&downloader));
        }
        Prefetcher { shared }
    }

    /// Takes a download, if it was or is to be fetched; waits for it, unless
    /// `is_cancelled`.
    pub(super) fn take(
        &self,
        request: &DownloadRequest,
        is_cancelled: impl Fn() -> bool,
    ) -> Option<Prefetched> {
        let key = Key::of(request);
        let mut jobs = self.shared.lock();
        jobs.promote(&key);
        while !matches!(jobs.known.get(&key)?.stage, Stage::Complete(_)) {
            if is_cancelled() {
                return None;
            }
            jobs = self
                .shared
                .changed
                .wait_timeout(jobs, CANCELLATION_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let job = jobs.known.get_mut(&key)?;
        job.takers -= 1;
        let Stage::Complete(prefetched) = &job.stage else {
            return None;
        };
        // What is in the cache is found there by those who come later.
        let is_last = job.takers == 0 || !prefetched.downloaded.is_temporary();
        let taken = Prefetched::clone(prefetched);
        if is_last {
            jobs.known.remove(&key);
        }
        Some(taken)
    }
}

impl Drop for Prefetcher {
    fn drop(&mut self) {
        let mut jobs = self.shared.lock();
        jobs.stopped = true;
        jobs.queue.clear();
        jobs.known.clear();
        let end = Instant::now() + PATIENCE;
        while jobs.threads > 0 && Instant::now() < end {
            jobs = self
                .shared
                .changed
                .wait_timeout(jobs, CANCELLATION_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// One thread; tells when it is gone, even if it panicked.
struct Worker {
    shared: Arc<Shared>,
    /// What it fetches.
    current: Option<Key>,
}

impl Worker {
    fn run(mut self, downloader: &Downloader) {
        while let Some(request) = self.next() {
            let observer = Arc::new(Deferred {
                inner: Arc::clone(downloader.observer()),
                shared: Arc::clone(&self.shared),
                lines: Mutex::default(),
            });
            let result = downloader
                .clone()
                .with_observer(Arc::<Deferred>::clone(&observer))
                .download(&request);
            // What was in the cache, or cannot be had, the part will see.
            let fetched = result
                .ok()
                .filter(|downloaded| matches!(downloaded.origin, Origin::Network(_)));
            self.finish(fetched.map(|downloaded| Prefetched {
                downloaded,
                lines: std::mem::take(&mut *observer.lock()),
            }));
        }
    }

    fn next(&mut self) -> Option<DownloadRequest> {
        let mut jobs = self.shared.lock();
        let key = jobs.queue.pop_front()?;
        let job = jobs.known.get_mut(&key)?;
        let Stage::Waiting(request) = std::mem::replace(&mut job.stage, Stage::Running) else {
            return None;
        };
        self.current = Some(key);
        Some(DownloadRequest {
            destination: Destination::Anywhere,
            ..*request
        })
    }

    fn finish(&mut self, fetched: Option<Prefetched>) {
        let Some(key) = self.current.take() else {
            return;
        };
        let mut jobs = self.shared.lock();
        match (fetched, jobs.known.get_mut(&key)) {
            (Some(fetched), Some(job)) => job.stage = Stage::Complete(Box::new(fetched)),
            _ => {
                jobs.known.remove(&key);
            }
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.finish(None);
        self.shared.lock().threads -= 1;
        self.shared.changed.notify_all();
    }
}

/// Keeps what is to be logged, and passes on the rest.
struct Deferred {
    inner: Arc<dyn FetchObserver>,
    shared: Arc<Shared>,
    lines: Mutex<Vec<(LogLevel, String)>>,
}

impl Deferred {
    fn lock(&self) -> MutexGuard<'_, Vec<(LogLevel, String)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FetchObserver for Deferred {
    fn observe(&self, event: &FetchEvent<'_>) {
        // Whoever takes the download gives that warning.
        if let FetchEvent::Unpinned { .. } = event {
            return;
        }
        match event.log_line() {
            Some(line) => self.lock().push(line),
            None => self.inner.observe(event),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled() || self.shared.lock().stopped
    }
}
