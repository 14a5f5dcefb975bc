//! The budget of jobs of a pass.
//!
//! Each build has one job by itself and takes more from the pipe of the budget,
//! as every client of GNU make's job server. The job of the first build is not
//! in the pipe, those of others are. A build that is killed takes the jobs that
//! it held with it; so nobody waits for a job when no build is at work that
//! could give one back.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::exec::jobserver::{JobServer, JobToken};

/// The jobs that builds share.
pub(super) struct Budget {
    jobs: JobServer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many builds are at work.
    active: usize,
    /// Those who wait; each is woken when a build ends.
    waiting: Vec<CancellationToken>,
}

/// A build's right to be at work.
pub(super) struct Share<'b> {
    budget: &'b Budget,
    token: Option<JobToken<'b>>,
}

impl Budget {
    /// Makes a budget of so many jobs, at least two.
    pub(super) fn new(jobs: usize, temporary: &Path) -> io::Result<Self> {
        Ok(Budget {
            jobs: JobServer::new(jobs - 1, temporary)?,
            state: Mutex::default(),
        })
    }

    /// Returns the pipe.
    pub(super) fn jobs(&self) -> &JobServer {
        &self.jobs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job; none if the node is asked to stop, or the pipe is
    /// broken.
    pub(super) fn share(&self, cancellation: &CancellationToken) -> Option<Share<'_>> {
        loop {
            if cancellation.is_cancelled() {
                return None;
            }
            let woken = cancellation.child();
            {
                let mut state = self.state();
                if state.active == 0 {
                    state.active = 1;
                    return Some(Share {
                        budget: self,
                        token: None,
                    });
                }
                state.waiting.push(woken.clone());
            }
            if let Some(token) = self.jobs.acquire(&woken).ok()? {
                self.state().active += 1;
                return Some(Share {
                    budget: self,
                    token: Some(token),
                });
            }
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        // Who waits is woken when the job is back.
        self.token = None;
        let waiting = {
            let mut state = self.budget.state();
            state.active -= 1;
            std::mem::take(&mut state.waiting)
        };
        for woken in waiting {
            woken.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_took_its_jobs_with_it_keeps_no_other_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(2, directory.path()).unwrap();
        let cancellation = CancellationToken::new();
        let first = budget.share(&cancellation).unwrap();
        let second = budget.share(&cancellation).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.share(&cancellation).is_some());
            drop(first);
            // The job of this one never comes back.
            let mut second = second;
            std::mem::forget(second.token.take());
            drop(second);
            assert!(waiting.join().unwrap());
        });
        assert_eq!(budget.state().active, 0);
    }

    #[test]
    fn who_waits_is_sent_away_when_the_node_stops() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(2, directory.path()).unwrap();
        let cancellation = CancellationToken::new();
        let _first = budget.share(&cancellation).unwrap();
        let _second = budget.share(&cancellation).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.share(&cancellation).is_none());
            cancellation.cancel();
            assert!(waiting.join().unwrap());
        });
    }
}
