//! A provider like a bridge to Python: one child hosts all recipes of the
//! distribution `egg`, behind a pair of channels that stand for its pipe.
//!
//! The child has a single thread, so a request that arrives while it waits
//! for an answer is carried out in between: calls nest in both directions.
//! What its recipes do, the options of their parts say:
//!
//! - `construct` and `install` list steps: `SECTION:OPTION` reads an option,
//!   `panic` panics, `fail` fails, `threads` reads all options named by
//!   `threads` from as many threads of the engine's side at once;
//! - construction sets `out` to `PART(` what was read `)`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use buildout_core::recipe::{
    Answer, Buildout as _, Call, Construction, ConstructionKind, Descriptor, Factory, Footprint,
    Installed, PartRun, Provider, Recipe, RecipeError, RecipeReference, Registry, RemoteBuildout,
    UpdateKind,
};

/// What the engine's side sends to the child.
enum ToChild {
    /// Do something for a part.
    Request {
        id: u64,
        part: String,
        action: &'static str,
    },
    /// The answer to a call of the child.
    Answer { call: u64, value: ChildResult },
    /// End.
    Quit,
}

/// What the child sends, always for the request it is carrying out.
enum FromChild {
    /// A call to the engine.
    Call { call: u64, what: Call },
    /// The request is done.
    Done(ChildResult),
}

/// Only text crosses the pipe.
type ChildResult = Result<String, ChildFailure>;

#[derive(Clone, Debug)]
enum ChildFailure {
    Error(String),
    Panic(String),
}

/// The engine's side of the pipe.
pub(crate) struct Bridge {
    to_child: Mutex<Sender<ToChild>>,
    waiting: Arc<Mutex<HashMap<u64, Sender<FromChild>>>>,
    next: AtomicU64,
    deepest: Arc<AtomicUsize>,
    /// A handle that outlives its run, kept by the step `keep`.
    pub(crate) kept: Mutex<Vec<RemoteBuildout>>,
    descriptor: Descriptor,
}

impl Bridge {
    pub(crate) fn start() -> Arc<Self> {
        let (to_child, requests) = channel();
        let (to_engine, replies) = channel::<(u64, FromChild)>();
        let deepest = Arc::new(AtomicUsize::new(0));
        let mut child = Child {
            requests,
            to_engine,
            current: Vec::new(),
            answers: HashMap::new(),
            calls: 0,
            deepest: Arc::clone(&deepest),
        };
        std::thread::spawn(move || child.run());
        let waiting: Arc<Mutex<HashMap<u64, Sender<FromChild>>>> = Arc::default();
        let router = Arc::clone(&waiting);
        std::thread::spawn(move || {
            for (id, message) in replies {
                let to = router.lock().unwrap().get(&id).cloned();
                if let Some(to) = to {
                    let _ = to.send(message);
                }
            }
        });
        Arc::new(Bridge {
            to_child: Mutex::new(to_child),
            waiting,
            next: AtomicU64::new(0),
            deepest,
            kept: Mutex::default(),
            descriptor: Descriptor {
                name: "egg",
                summary: "Runs in the child.",
                behaviour_version: 0,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Barrier,
                update: UpdateKind::Runs,
                options: &[],
            },
        })
    }

    pub(crate) fn registry(self: &Arc<Self>) -> Registry {
        super::scripted::mini().with(Arc::new(EggProvider(Arc::clone(self))))
    }

    /// Returns how many requests the child had open at once.
    pub(crate) fn deepest(&self) -> usize {
        self.deepest.load(Ordering::Relaxed)
    }

    fn send(&self, message: ToChild) {
        let _ = self.to_child.lock().unwrap().send(message);
    }

    /// Has the child do something, carrying out its calls meanwhile.
    fn request(
        &self,
        part: &str,
        action: &'static str,
        remote: &RemoteBuildout,
    ) -> Result<String, RecipeError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, messages) = channel();
        self.waiting.lock().unwrap().insert(id, sender);
        let part = part.to_owned();
        self.send(ToChild::Request { id, part, action });
        let mut cause = None;
        let result = loop {
            match messages.recv().expect("the child lives") {
                FromChild::Done(result) => break result,
                FromChild::Call { call, what } => {
                    let value = match remote.call(what) {
                        Ok(Answer::Text(text)) => Ok(text.as_deref().unwrap_or("").to_owned()),
                        Ok(_) => Ok(String::new()),
                        Err(failure) => {
                            let text = failure.to_string();
                            cause = Some(failure);
                            Err(ChildFailure::Error(text))
                        }
                    };
                    self.send(ToChild::Answer { call, value });
                }
            }
        };
        self.waiting.lock().unwrap().remove(&id);
        match (result, cause) {
            (Ok(text), _) => Ok(text),
            // The engine's own failure knows more than its text.
            (Err(_), Some(failure)) => Err(failure.into()),
            (Err(ChildFailure::Error(text)), None) => Err(RecipeError::user(text)),
            (Err(ChildFailure::Panic(text)), None) => panic!("{text}"),
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.send(ToChild::Quit);
    }
}

struct EggProvider(Arc<Bridge>);

impl Provider for EggProvider {
    fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>> {
        let found = recipe.distribution == "egg";
        found.then(|| Arc::new(EggFactory(Arc::clone(&self.0))) as Arc<dyn Factory>)
    }

    fn descriptors(&self) -> Vec<Descriptor> {
        Vec::new()
    }
}

struct EggFactory(Arc<Bridge>);

impl Factory for EggFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.0.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let name = part.part();
        part.on_other_thread(|remote| self.0.request(name, "construct", &remote))?;
        Ok(Box::new(EggRecipe(Arc::clone(&self.0))))
    }
}

struct EggRecipe(Arc<Bridge>);

impl EggRecipe {
    fn act(&self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if run.option("keep").is_some() {
            self.0.kept.lock().unwrap().push(run.buildout().clone());
        }
        // Besides the child, threads of our own use the handle.
        let sections: Vec<&str> = run.option("threads").unwrap_or("").split(' ').collect();
        let sections: Vec<&str> = sections.into_iter().filter(|s| !s.is_empty()).collect();
        let results: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = sections
                .iter()
                .map(|section| {
                    let remote = run.buildout().clone();
                    scope.spawn(move || match remote.get(section, "out") {
                        Ok(value) => value.as_deref().unwrap_or("").to_owned(),
                        Err(failure) => failure.to_string(),
                    })
                })
                .collect();
            let own = self.0.request(run.part(), "install", run.buildout());
            let others = threads.into_iter().map(|t| t.join().unwrap());
            let others: Vec<String> = others.collect();
            own.map(|own| [vec![own], others].concat())
        })?;
        run.log(buildout_core::event::Level::Info, results.join(" "));
        Ok(Installed::nothing())
    }
}

impl Recipe for EggRecipe {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.act(run)
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.act(run)
    }
}

/// The child: knows nothing but its pipe.
struct Child {
    requests: Receiver<ToChild>,
    to_engine: Sender<(u64, FromChild)>,
    /// The requests being carried out, innermost last.
    current: Vec<u64>,
    /// Answers to calls that are not the innermost one.
    answers: HashMap<u64, ChildResult>,
    calls: u64,
    deepest: Arc<AtomicUsize>,
}

impl Child {
    fn run(&mut self) {
        while let Ok(ToChild::Request { id, part, action }) = self.requests.recv() {
            self.carry_out(id, &part, action);
        }
    }

    fn carry_out(&mut self, id: u64, part: &str, action: &str) {
        self.current.push(id);
        self.deepest
            .fetch_max(self.current.len(), Ordering::Relaxed);
        let result = catch_unwind(AssertUnwindSafe(|| self.act(part, action)));
        let result = result.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(ChildFailure::Panic(text.unwrap_or_default()))
        });
        self.current.pop();
        let _ = self.to_engine.send((id, FromChild::Done(result)));
    }

    fn act(&mut self, part: &str, action: &str) -> ChildResult {
        let mut read = Vec::new();
        for step in self.get(part, action)?.split_whitespace() {
            match step.split_once(':') {
                Some((section, option)) => read.push(self.get(section, option)?),
                None if step == "panic" => panic!("the child fell in {part}"),
                None => return Err(ChildFailure::Error(format!("{step} in {part}"))),
            }
        }
        let value = format!("{part}({})", read.join(" "));
        if action == "construct" {
            self.call(Call::Set {
                section: Arc::from(part),
                option: Arc::from("out"),
                value: Arc::from(&*value),
            })?;
        }
        Ok(value)
    }

    fn get(&mut self, section: &str, option: &str) -> ChildResult {
        self.call(Call::Get {
            section: Arc::from(section),
            option: Arc::from(option),
        })
    }

    /// Calls the engine, carrying out its requests until it answers.
    fn call(&mut self, what: Call) -> ChildResult {
        self.calls += 1;
        let call = self.calls;
        let id = *self.current.last().expect("only requests make calls");
        let _ = self.to_engine.send((id, FromChild::Call { call, what }));
        loop {
            if let Some(value) = self.answers.remove(&call) {
                return value;
            }
            match self.requests.recv() {
                Ok(ToChild::Request { id, part, action }) => self.carry_out(id, &part, action),
                Ok(ToChild::Answer { call, value }) => {
                    self.answers.insert(call, value);
                }
                Ok(ToChild::Quit) | Err(_) => {
                    return Err(ChildFailure::Error("the pipe is closed".to_owned()));
                }
            }
        }
    }
}
