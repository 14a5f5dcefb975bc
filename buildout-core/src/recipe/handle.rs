//! The handles through which recipes reach the configuration.
//!
//! Every use is a [`Call`] with an [`Answer`], so that the same interface
//! works on the engine thread, from a worker, and over a pipe from a child
//! process. All calls are carried out on the engine thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::resolve::OptionMap;
use crate::run::{Failure, Problem};

/// A use of the configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Call {
    /// Initialise a section, constructing its recipe if it has one. Answers
    /// [`Answer::Done`].
    Reach {
        /// The section.
        section: Arc<str>,
    },
    /// Read an option. Answers [`Answer::Text`].
    Get {
        /// The section.
        section: Arc<str>,
        /// The option.
        option: Arc<str>,
    },
    /// Set an option. Answers [`Answer::Done`].
    Set {
        /// The section.
        section: Arc<str>,
        /// The option.
        option: Arc<str>,
        /// The value, typed values in their `!py!` form.
        value: Arc<str>,
    },
    /// Delete an option. Answers [`Answer::Text`] with what was there.
    Delete {
        /// The section.
        section: Arc<str>,
        /// The option.
        option: Arc<str>,
    },
    /// List the options of a section. Answers [`Answer::Names`].
    OptionNames {
        /// The section.
        section: Arc<str>,
    },
    /// List the sections of the configuration. Answers [`Answer::Names`].
    SectionNames,
    /// Copy what is known of a section's options, without resolving more
    /// (`Options.copy`). Answers [`Answer::Options`].
    KnownValues {
        /// The section.
        section: Arc<str>,
    },
    /// Substitute the references of a text, seen from a section
    /// (`Options._sub`). Answers [`Answer::Text`].
    Substitute {
        /// The section that empty section names mean.
        section: Arc<str>,
        /// The text.
        text: Arc<str>,
    },
    /// Add sections from the text of a profile and initialise them
    /// (`Buildout.parse`). Answers [`Answer::Done`].
    AddSections {
        /// The text.
        text: Arc<str>,
    },
    /// Add one section and initialise it (`Buildout.__setitem__`). Answers
    /// [`Answer::Done`].
    AddSection {
        /// The section.
        section: Arc<str>,
        /// Its options.
        options: OptionMap,
    },
    /// Keep an option out of what `Options.copy` gives and `.installed.cfg`
    /// records (`volatileOptions` of slapos.cookbook). Answers
    /// [`Answer::Done`].
    Conceal {
        /// The section.
        section: Arc<str>,
        /// The option.
        option: Arc<str>,
    },
    /// Do nothing but wake the engine thread. Answers [`Answer::Done`].
    Wake,
    /// Compute the signature of a part, which freezes what it depends on.
    /// Answers [`Answer::Text`].
    Signature {
        /// The section.
        section: Arc<str>,
    },
}

/// The answer to a [`Call`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// It is done.
    Done,
    /// A value, or none.
    Text(Option<Arc<str>>),
    /// Names, in upstream's order.
    Names(Vec<Arc<str>>),
    /// Options, in upstream's order.
    Options(OptionMap),
}

/// The configuration of a run, as recipes may use it.
///
/// The provided methods name the calls; implementations only carry them out.
pub trait Buildout {
    /// Carries out `call`.
    ///
    /// # Errors
    ///
    /// What goes wrong while it is carried out, nested constructions included.
    fn call(&self, call: Call) -> Result<Answer, Failure>;

    /// Initialises `section`, constructing its recipe if it has one; the
    /// caller comes to depend on it.
    ///
    /// # Errors
    ///
    /// The section does not exist or cannot be initialised.
    fn reach(&self, section: &str) -> Result<(), Failure> {
        let section = Arc::from(section);
        self.call(Call::Reach { section }).map(|_| ())
    }

    /// Reads `option` of `section`, which is initialised first.
    ///
    /// # Errors
    ///
    /// The section does not exist, or the value cannot be resolved.
    fn get(&self, section: &str, option: &str) -> Result<Option<Arc<str>>, Failure> {
        let answer = self.call(Call::Get {
            section: Arc::from(section),
            option: Arc::from(option),
        })?;
        answer.into_text()
    }

    /// Sets `option` of `section`.
    ///
    /// # Errors
    ///
    /// The section cannot be initialised.
    fn set(&self, section: &str, option: &str, value: &str) -> Result<(), Failure> {
        let call = Call::Set {
            section: Arc::from(section),
            option: Arc::from(option),
            value: Arc::from(value),
        };
        self.call(call).map(|_| ())
    }

    /// Deletes `option` of `section` and returns what was there.
    ///
    /// # Errors
    ///
    /// The section cannot be initialised.
    fn delete(&self, section: &str, option: &str) -> Result<Option<Arc<str>>, Failure> {
        let answer = self.call(Call::Delete {
            section: Arc::from(section),
            option: Arc::from(option),
        })?;
        answer.into_text()
    }

    /// Keeps `option` of `section` out of what is recorded, as a secret or a
    /// value that must not cause a new installation.
    ///
    /// # Errors
    ///
    /// The section cannot be initialised.
    fn conceal(&self, section: &str, option: &str) -> Result<(), Failure> {
        let call = Call::Conceal {
            section: Arc::from(section),
            option: Arc::from(option),
        };
        self.call(call).map(|_| ())
    }

    /// Lists the options of `section` in upstream's order.
    ///
    /// # Errors
    ///
    /// The section cannot be initialised.
    fn option_names(&self, section: &str) -> Result<Vec<Arc<str>>, Failure> {
        let section = Arc::from(section);
        match self.call(Call::OptionNames { section })? {
            Answer::Names(names) => Ok(names),
            _ => Err(Problem::UnexpectedAnswer.into()),
        }
    }

    /// Lists the sections of the configuration.
    ///
    /// # Errors
    ///
    /// The engine is gone.
    fn section_names(&self) -> Result<Vec<Arc<str>>, Failure> {
        match self.call(Call::SectionNames)? {
            Answer::Names(names) => Ok(names),
            _ => Err(Problem::UnexpectedAnswer.into()),
        }
    }

    /// Substitutes the references of `text`, seen from `section`.
    ///
    /// # Errors
    ///
    /// A reference cannot be resolved.
    fn substitute(&self, section: &str, text: &str) -> Result<Arc<str>, Failure> {
        let answer = self.call(Call::Substitute {
            section: Arc::from(section),
            text: Arc::from(text),
        })?;
        Ok(answer.into_text()?.unwrap_or_default())
    }

    /// Adds the sections of the profile `text` and initialises them.
    ///
    /// # Errors
    ///
    /// The text is no profile, a section exists, or one cannot be initialised.
    fn add_sections(&self, text: &str) -> Result<(), Failure> {
        let text = Arc::from(text);
        self.call(Call::AddSections { text }).map(|_| ())
    }
}

impl Answer {
    fn into_text(self) -> Result<Option<Arc<str>>, Failure> {
        match self {
            Answer::Text(text) => Ok(text),
            _ => Err(Problem::UnexpectedAnswer.into()),
        }
    }
}

/// Who makes a call, and so comes to depend on what it reaches.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The construction that is innermost when the call is carried out.
    Innermost,
    /// The construction of this part, whatever nests in it meanwhile.
    Construction(Arc<str>),
    /// An installation or update: what a part depends on is settled by then.
    Installation,
}

/// A call on its way to the engine thread.
#[derive(Debug)]
pub struct Request {
    /// The call.
    pub(crate) call: Call,
    /// Who makes it.
    pub(crate) caller: Caller,
    /// Where the answer goes.
    pub(crate) answer: Sender<Result<Answer, Failure>>,
}

/// The way to the engine thread, which the engine closes when nobody will
/// carry out calls any more.
#[derive(Debug, Default)]
struct Gate(Mutex<GateState>);

#[derive(Debug, Default)]
struct GateState {
    requests: Option<Sender<Request>>,
    /// The thread that carries out the calls, once it is known.
    engine: Option<ThreadId>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, GateState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle for other threads: sends calls to the engine thread and waits.
///
/// Calls that nest need no care as long as each is made with the handle of
/// the innermost construction or installation that it belongs to: the parts
/// reached through a handle are dependencies of the part it was made for. A
/// section that another thread is just having constructed is seen as far as
/// it is known, as sections that refer to each other in a circle are.
///
/// Used after the run, or on the engine thread itself, which would wait for
/// itself, calls fail at once.
#[derive(Clone, Debug)]
pub struct RemoteBuildout {
    gate: Arc<Gate>,
    caller: Caller,
}

impl RemoteBuildout {
    /// Returns the handle for `caller`.
    pub(crate) fn for_caller(&self, caller: Caller) -> Self {
        RemoteBuildout {
            gate: Arc::clone(&self.gate),
            caller,
        }
    }

    /// Wakes the engine thread without waiting for it.
    pub(crate) fn wake(&self) {
        // An engine that is gone need not be woken.
        let _ = self.send(Call::Wake);
    }

    fn send(&self, call: Call) -> Result<Receiver<Result<Answer, Failure>>, Failure> {
        let (answer, receiver) = channel();
        let request = Request {
            call,
            caller: self.caller.clone(),
            answer,
        };
        // Sent under the lock, so that closing misses no request.
        let state = self.gate.state();
        if state.engine == Some(thread::current().id()) {
            return Err(Problem::EngineThread.into());
        }
        let sent = state.requests.as_ref().map(|to| to.send(request));
        match sent {
            Some(Ok(())) => Ok(receiver),
            Some(Err(_)) | None => Err(Problem::EngineGone.into()),
        }
    }
}

impl Buildout for RemoteBuildout {
    fn call(&self, call: Call) -> Result<Answer, Failure> {
        match self.send(call)?.recv() {
            Ok(answer) => answer,
            Err(_) => Err(Problem::EngineGone.into()),
        }
    }
}

/// The engine's end of the handles.
#[derive(Debug)]
pub(crate) struct RequestQueue {
    remote: RemoteBuildout,
    sender: Sender<Request>,
    receiver: Receiver<Request>,
}

impl RequestQueue {
    /// Makes the queue; calls made before anything is served wait.
    pub(crate) fn new() -> Self {
        let (sender, receiver) = channel();
        let gate = Gate::default();
        gate.state().requests = Some(sender.clone());
        RequestQueue {
            remote: RemoteBuildout {
                gate: Arc::new(gate),
                caller: Caller::Innermost,
            },
            sender,
            receiver,
        }
    }

    /// Returns a handle.
    pub(crate) fn remote(&self) -> &RemoteBuildout {
        &self.remote
    }

    /// Lets calls through until the guard is dropped; then they fail, the
    /// waiting ones included, unless they were let through before.
    /// The calling thread is the one that carries them out.
    pub(crate) fn open(&self, after: AfterServing) -> OpenQueue<'_> {
        let mut state = self.remote.gate.state();
        let was_open = state.requests.replace(self.sender.clone()).is_some();
        state.engine = Some(thread::current().id());
        drop(state);
        OpenQueue {
            queue: self,
            stays_open: was_open && after == AfterServing::AsBefore,
        }
    }

    /// Waits for the next request.
    pub(crate) fn next(&self) -> Option<Request> {
        self.receiver.recv().ok()
    }

    fn close(&self) {
        self.remote.gate.state().requests = None;
        // Who waits for an answer learns that there will be none.
        while self.receiver.try_recv().is_ok() {}
    }
}

/// What becomes of calls when the engine thread stops serving them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterServing {
    /// They wait if they would have waited before.
    AsBefore,
    /// They fail: the run is over.
    Closed,
}

/// The time during which calls are let through.
pub(crate) struct OpenQueue<'q> {
    queue: &'q RequestQueue,
    stays_open: bool,
}

impl Drop for OpenQueue<'_> {
    fn drop(&mut self) {
        // A panic of the engine thread ends the serving for good, and other
        // threads must not wait for it.
        if !self.stays_open || thread::panicking() {
            self.queue.close();
        }
    }
}
