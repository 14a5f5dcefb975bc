//! Work ahead of the decisions: pages and metadata that they are going to need.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use rustc_hash::FxHashSet;

use crate::marker::MarkerEnvironment;
use crate::requirement::Requirement;

use super::chooser::{Choice, Chooser};
use super::member::Member;

/// Walks from requirement to requirement on some threads, choosing for each as
/// if it came alone. What is fetched for that is there when its turn comes, and
/// what is chosen here has no other effect, so that neither the result nor a
/// message depends on time.
pub(super) struct Speculation {
    shared: Arc<Shared>,
}

struct Shared {
    chooser: Arc<Chooser>,
    environment: Arc<MarkerEnvironment>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Requirement>,
    seen: FxHashSet<String>,
    is_stopped: bool,
}

impl Speculation {
    /// Starts to walk from `requirements` on up to `threads` threads. They end
    /// after their current request when the value goes away.
    pub(super) fn start(
        chooser: &Arc<Chooser>,
        environment: &Arc<MarkerEnvironment>,
        requirements: &[Requirement],
        threads: usize,
    ) -> Self {
        let shared = Arc::new(Shared {
            chooser: Arc::clone(chooser),
            environment: Arc::clone(environment),
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        for requirement in requirements {
            shared.add(requirement);
        }
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            // Where no thread can be started, the decisions fetch by themselves.
            let started = thread::Builder::new()
                .name("eggs ahead".to_owned())
                .spawn(move || shared.work());
            if started.is_err() {
                break;
            }
        }
        Speculation { shared }
    }
}

impl Drop for Speculation {
    fn drop(&mut self) {
        self.shared.with(|queue| queue.is_stopped = true);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, requirement: &Requirement) {
        // What is wrong is found, and told, when its turn comes.
        let Ok(requirement) = self.chooser.constrain(requirement) else {
            return;
        };
        let identity = requirement.identity();
        self.with(|queue| {
            if queue.seen.insert(identity) {
                queue.waiting.push_back(requirement);
            }
        });
        self.changed.notify_one();
    }

    fn next(&self) -> Option<Requirement> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.is_stopped {
                return None;
            }
            if let Some(requirement) = queue.waiting.pop_front() {
                return Some(requirement);
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        while let Some(requirement) = self.next() {
            for dependency in self.dependencies(&requirement).unwrap_or_default() {
                self.add(&dependency);
            }
        }
    }

    fn dependencies(&self, requirement: &Requirement) -> Option<Vec<Requirement>> {
        let member = match self.chooser.choose(requirement, || ()).ok()? {
            Choice::Have(member) => member,
            Choice::Get(candidate) if candidate.is_wheel() => {
                let metadata = self.chooser.index.metadata(&candidate).ok()?;
                Member::coming(candidate, metadata)
            }
            Choice::Get(_) | Choice::Nothing(_) => return None,
        };
        member
            .requires(&requirement.extras, &self.environment, true)
            .ok()
    }
}
