//! The threads that install and update parts.
//!
//! The engine thread hands out jobs and meanwhile carries out the calls of the
//! recipes. A thread is started when there is work and none is idle. A part
//! whose recipe runs commands takes a token of the job budget first, so there
//! may be more threads than jobs: parts that run no commands do not wait for
//! those that do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use super::failure::{Failure, Problem};
use super::record::SharedJournal;
use crate::event::PartAction;
use crate::exec::jobserver::{JobServer, JobToken};
use crate::recipe::{
    CreatedPaths, Factory, Installed, PartRun, Recipe, RecipeError, RemoteBuildout, RunServices,
    RunShare,
};
use crate::resolve::OptionMap;

/// Work on a part.
pub(super) struct Job {
    /// The part's place in the run.
    pub(super) place: usize,
    pub(super) part: Arc<str>,
    pub(super) recipe: Box<dyn Recipe>,
    /// Who made the recipe.
    pub(super) factory: Arc<dyn Factory>,
    pub(super) action: PartAction,
    pub(super) options: OptionMap,
    /// Whether it takes a token of the budget.
    pub(super) runs_commands: bool,
    /// Where it notes what it does.
    pub(super) journal: Option<SharedJournal>,
}

/// What came of a job.
pub(super) struct JobResult {
    pub(super) place: usize,
    runs_commands: bool,
    pub(super) recipe: Box<dyn Recipe>,
    pub(super) created: CreatedPaths,
    pub(super) result: std::thread::Result<Result<Installed, RecipeError>>,
}

/// What all workers use.
#[derive(Clone)]
pub(super) struct Tools<'t> {
    pub(super) remote: &'t RemoteBuildout,
    pub(super) services: &'t RunServices,
    pub(super) share: &'t RunShare,
}

/// The threads, and the ways to and from them.
pub(super) struct Workers<'scope, 't> {
    scope: &'scope Scope<'scope, 't>,
    tools: Tools<'t>,
    limit: usize,
    started: usize,
    busy: usize,
    running_commands: usize,
    jobs: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    results: Sender<JobResult>,
    finished: Receiver<JobResult>,
}

impl<'scope, 't> Workers<'scope, 't> {
    /// Prepares for at most `limit` threads in `scope`; starts none yet.
    pub(super) fn new(scope: &'scope Scope<'scope, 't>, tools: Tools<'t>, limit: usize) -> Self {
        let (jobs, waiting) = channel();
        let (results, finished) = channel();
        Workers {
            scope,
            tools,
            limit,
            started: 0,
            busy: 0,
            running_commands: 0,
            jobs,
            waiting: Arc::new(Mutex::new(waiting)),
            results,
            finished,
        }
    }

    /// Tells whether a further job would start at once.
    pub(super) fn have_room(&self) -> bool {
        self.busy < self.limit
    }

    /// Tells whether any job is being worked on.
    pub(super) fn are_busy(&self) -> bool {
        self.busy > 0
    }

    /// Returns how many of the parts being worked on run commands.
    pub(super) fn running_commands(&self) -> usize {
        self.running_commands
    }

    /// Hands out a job.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(super) fn give(&mut self, job: Job) -> Result<(), Failure> {
        if self.busy == self.started {
            let waiting = Arc::clone(&self.waiting);
            let results = self.results.clone();
            let tools = self.tools.clone();
            std::thread::Builder::new()
                .name("part".to_owned())
                .spawn_scoped(self.scope, move || work(&waiting, &results, &tools))
                .map_err(Problem::Thread)?;
            self.started += 1;
        }
        self.busy += 1;
        self.running_commands += usize::from(job.runs_commands);
        self.jobs.send(job).map_err(|_| Problem::EngineGone)?;
        Ok(())
    }

    /// Returns where finished jobs arrive; each must be [taken](Self::took).
    pub(super) fn finished(&self) -> &Receiver<JobResult> {
        &self.finished
    }

    /// Notes that a finished job was taken.
    pub(super) fn took(&mut self, done: &JobResult) {
        self.busy -= 1;
        self.running_commands -= usize::from(done.runs_commands);
    }
}

/// A thread: works on one job after the other until there are none any more.
fn work(waiting: &Mutex<Receiver<Job>>, results: &Sender<JobResult>, tools: &Tools<'_>) {
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = job else {
            return;
        };
        if results.send(carry_out(job, tools)).is_err() {
            return;
        }
        tools.remote.wake();
    }
}

fn carry_out(mut job: Job, tools: &Tools<'_>) -> JobResult {
    let is_installation = job.action == PartAction::Install;
    let created = CreatedPaths::new(Arc::clone(&job.part), is_installation, job.journal);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _token = match tools.share.jobs().filter(|_| job.runs_commands) {
            Some(jobs) => Some(take_token(jobs, tools.services)?),
            None => None,
        };
        let run = PartRun::new(
            Arc::clone(&job.part),
            Some(&*job.factory),
            &job.options,
            tools.remote,
            tools.services,
            &created,
            tools.share,
        );
        match job.action {
            PartAction::Update => job.recipe.update(&run),
            _ => job.recipe.install(&run),
        }
    }));
    JobResult {
        place: job.place,
        runs_commands: job.runs_commands,
        recipe: job.recipe,
        created,
        result,
    }
}

fn take_token<'j>(
    jobs: &'j JobServer,
    services: &RunServices,
) -> Result<JobToken<'j>, RecipeError> {
    match jobs.acquire(&services.cancellation) {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(Failure::from(Problem::Cancelled).into()),
        Err(error) => Err(RecipeError::internal("OSError", error)),
    }
}
