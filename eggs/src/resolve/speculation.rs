//! Work ahead of the decisions: pages, metadata and wheels that they are going to need.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use rustc_hash::FxHashSet;

use crate::index::Candidate;
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
    waiting: VecDeque<Task>,
    seen: FxHashSet<String>,
    /// How many threads may still be started, and how many of those that were wait.
    unstarted: usize,
    idle: usize,
    is_stopped: bool,
}

enum Task {
    /// To choose for a requirement, and to go on with what the choice requires.
    Choose(Requirement),
    /// To unpack a wheel that is going to be installed.
    Unpack(Arc<Candidate>),
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
        let queue = Queue {
            unstarted: threads,
            ..Queue::default()
        };
        let shared = Arc::new(Shared {
            chooser: Arc::clone(chooser),
            environment: Arc::clone(environment),
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        });
        for requirement in requirements {
            shared.add(requirement);
        }
        Speculation { shared }
    }
}

impl Drop for Speculation {
    fn drop(&mut self) {
        self.shared.with(|queue| queue.is_stopped = true);
        self.shared.changed.notify_all();
        // The process may end now, and is not to leave half a wheel.
        self.shared.chooser.index.await_unpacking();
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(self: &Arc<Self>, requirement: &Requirement) {
        // What is wrong is found, and told, when its turn comes.
        let Ok(requirement) = self.chooser.constrain(requirement) else {
            return;
        };
        let identity = requirement.identity();
        if self.with(|queue| queue.seen.insert(identity)) {
            self.push(Task::Choose(requirement));
        }
    }

    /// Leaves a task to a thread that has nothing to do, or to a new one.
    fn push(self: &Arc<Self>, task: Task) {
        let is_thread_missing = self.with(|queue| {
            queue.waiting.push_back(task);
            let is_missing = queue.waiting.len() > queue.idle && queue.unstarted > 0;
            queue.unstarted -= usize::from(is_missing);
            is_missing
        });
        if is_thread_missing {
            let shared = Arc::clone(self);
            // Where no thread can be started, the decisions fetch by themselves.
            let _ = thread::Builder::new()
                .name("eggs ahead".to_owned())
                .spawn(move || shared.work());
        }
        self.changed.notify_one();
    }

    fn next(&self) -> Option<Task> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.is_stopped {
                return None;
            }
            if let Some(task) = queue.waiting.pop_front() {
                return Some(task);
            }
            queue.idle += 1;
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn work(self: &Arc<Self>) {
        while let Some(task) = self.next() {
            match task {
                Task::Choose(requirement) => {
                    for dependency in self.dependencies(&requirement).unwrap_or_default() {
                        self.add(&dependency);
                    }
                }
                Task::Unpack(wheel) => self
                    .chooser
                    .index
                    .unpack_ahead(&wheel, &|| self.is_wanted()),
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.with(|queue| !queue.is_stopped)
    }

    fn dependencies(self: &Arc<Self>, requirement: &Requirement) -> Option<Vec<Requirement>> {
        let member = match self.chooser.choose(requirement, || ()).ok()? {
            Choice::Have(member) => member,
            Choice::Get(candidate) if candidate.is_wheel() => {
                if self.chooser.is_certain(requirement, &candidate)
                    && !self
                        .chooser
                        .is_fetched_for_metadata(requirement, &candidate)
                {
                    self.push(Task::Unpack(Arc::clone(&candidate)));
                }
                let is_wanted = || self.is_wanted();
                let metadata = self.chooser.metadata(requirement, &candidate, &is_wanted);
                let metadata = metadata.ok()?;
                Member::coming(candidate, metadata)
            }
            Choice::Get(_) | Choice::Nothing(_) => return None,
        };
        member
            .requires(&requirement.extras, &self.environment, true)
            .ok()
    }
}
