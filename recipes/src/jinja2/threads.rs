//! The threads that render: they have the stack for the deepest nesting that
//! the limits let pass, and keep the templates that they have compiled.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::cache::Cache;
use super::engine::{Rendering, TemplateError};

/// The stack of a thread, in bytes: enough for the deepest nesting, also
/// without optimisation. Only what is used is taken.
const STACK_SIZE: usize = 512 << 20;

/// What a thread does for one rendering.
pub(super) type Render = fn(&Rc<Cache>, &Rendering) -> Result<String, TemplateError>;

/// What became of a rendering; an error outside is a panic.
type Answer = Result<Result<String, TemplateError>, Box<dyn Any + Send>>;

/// Threads that have nothing to do, the one that rendered last at the end.
#[derive(Default)]
pub(super) struct Threads {
    idle: Mutex<Vec<Thread>>,
}

/// A thread, which ends when this is dropped.
struct Thread {
    /// Nothing only while it is dropped.
    renderings: Option<Sender<Rendering>>,
    answers: Receiver<Answer>,
    handle: Option<JoinHandle<()>>,
}

impl Threads {
    /// Renders on a thread that has nothing to do, or on a new one.
    ///
    /// # Errors
    ///
    /// A thread is needed and cannot be started.
    pub(super) fn render(
        &self,
        render: Render,
        rendering: &Rendering,
    ) -> io::Result<Result<String, TemplateError>> {
        let idle = self.idle().pop();
        let thread = match idle {
            Some(thread) => thread,
            None => Thread::start(render)?,
        };
        let sent = thread
            .renderings
            .as_ref()
            .is_some_and(|renderings| renderings.send(rendering.clone()).is_ok());
        let answer = match sent {
            true => thread.answers.recv(),
            false => return Err(io::Error::other("a thread that renders has ended")),
        };
        match answer {
            Ok(Ok(result)) => {
                self.idle().push(thread);
                Ok(result)
            }
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => Err(io::Error::other("a thread that renders has ended")),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Thread>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Thread {
    fn start(render: Render) -> io::Result<Self> {
        let (renderings, incoming) = channel::<Rendering>();
        let (outgoing, answers) = channel();
        let handle = std::thread::Builder::new()
            .name("templates".to_owned())
            .stack_size(STACK_SIZE)
            .spawn(move || {
                let cache = Rc::new(Cache::default());
                while let Ok(rendering) = incoming.recv() {
                    // After a panic the thread is not used again.
                    let answer = catch_unwind(AssertUnwindSafe(|| render(&cache, &rendering)));
                    drop(rendering);
                    if outgoing.send(answer).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Thread {
            renderings: Some(renderings),
            answers,
            handle: Some(handle),
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.renderings = None;
        if let Some(handle) = self.handle.take() {
            // Panics were answered.
            let _ = handle.join();
        }
    }
}
