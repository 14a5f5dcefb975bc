//! The handles through which recipes reach the configuration.
//!
//! Every use is a [`Call`] with an [`Answer`], so that the same interface
//! works on the engine thread, from a worker, and over a pipe from a child
//! process. All calls are carried out on the engine thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

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

/// A call on its way to the engine thread.
#[derive(Debug)]
pub struct Request {
    /// The call.
    pub(crate) call: Call,
    /// Where the answer goes.
    pub(crate) answer: Sender<Result<Answer, Failure>>,
}

/// A handle for other threads: sends calls to the engine thread and waits.
///
/// Must not be used on the engine thread itself, which would wait for itself.
#[derive(Clone, Debug)]
pub struct RemoteBuildout {
    requests: Sender<Request>,
}

impl RemoteBuildout {
    pub(crate) fn new() -> (Self, Receiver<Request>) {
        let (requests, receiver) = channel();
        (RemoteBuildout { requests }, receiver)
    }

    /// Wakes the engine thread without waiting for it.
    pub(crate) fn wake(&self) {
        let (answer, _) = channel();
        let call = Call::Wake;
        // An engine that is gone need not be woken.
        let _ = self.requests.send(Request { call, answer });
    }
}

impl Buildout for RemoteBuildout {
    fn call(&self, call: Call) -> Result<Answer, Failure> {
        let (answer, receiver) = channel();
        self.requests
            .send(Request { call, answer })
            .map_err(|_| Failure::from(Problem::EngineGone))?;
        match receiver.recv() {
            Ok(answer) => answer,
            Err(_) => Err(Problem::EngineGone.into()),
        }
    }
}
