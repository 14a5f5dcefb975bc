//! A configuration being resolved: sections initialised on first use, recipes
//! constructed, references recorded.
//!
//! Keeps `Buildout.__getitem__`, `Options._initialize`, `Options.get` and
//! `Options._sub` of zc.buildout. Upstream recurses; here a chain of references
//! is followed with a stack of our own ([`super::evaluation`]), however long it
//! is. Only recipes that reach into other sections from their construction
//! nest on the thread's stack, to a documented depth.
//!
//! A session lives on one thread, the engine thread. Others use it through
//! [`RemoteBuildout`], whose calls [`Session::serve_requests`] carries out.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use super::evaluation::{Evaluation, Goal, recipe_result};
use super::failure::Failure;
use super::signature::Signatures;
use crate::configuration::{BUILDOUT_SECTION, Configuration};
use crate::dialect::Dialect;
use crate::extends::{
    Conditions, MergedOption, MergedSection, MergedSections, Origin, Source, join,
};
use crate::profile::python_text::{dedent, split_words};
use crate::profile::syntax::parse;
use crate::recipe::{
    AfterServing, Answer, Buildout, Call, Caller, Extension, ExtensionRun, Factory, OpenQueue,
    Recipe, Registry, RemoteBuildout, RequestQueue, RunServices, Serve,
};
use crate::resolve::{Macros, OptionMap, ResolveProblem, Section};
use crate::symbols::Symbols;

/// How deep the constructions of recipes may nest in each other. Only recipes
/// that reach over from their constructors nest, not references, however
/// long their chains are. A level takes some 13 KiB of the engine thread's
/// stack in a debug build, and the recipe may take as much: this many fit into
/// the 2 MiB that threads have by default.
pub const CONSTRUCTION_LIMIT: usize = 64;

/// A reference from one section to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The section that refers.
    pub from: Arc<str>,
    /// The option whose value holds the reference; `None` if the recipe or
    /// `=>` reached over.
    pub option: Option<Arc<str>>,
    /// The section referred to.
    pub to: Arc<str>,
}

/// What a session is made of.
pub struct SessionOptions<'a> {
    /// The configuration.
    pub configuration: &'a Configuration,
    /// The recipes.
    pub registry: Registry,
    /// What recipes get besides the configuration.
    pub services: &'a RunServices,
    /// Decides the conditions of sections that recipes add.
    pub conditions: &'a Conditions<'a>,
    /// Whether recipes are constructed at all; without, the values that they
    /// would set are missing.
    pub construct: ConstructionPolicy,
}

/// Which recipes a session constructs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstructionPolicy {
    /// All.
    All,
    /// Only those whose construction does nothing to the world; the others
    /// are a failure of the section.
    PureOnly,
}

/// The part that a section becomes if it has a recipe.
pub(crate) struct Part {
    pub(crate) factory: Arc<dyn Factory>,
    /// The recipe; away while a worker has it.
    pub(crate) recipe: Option<Box<dyn Recipe>>,
}

/// The state of a session; borrowed for moments only.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) sections: HashMap<Arc<str>, Section, FxBuildHasher>,
    pub(crate) configured: MergedSections,
    pub(crate) macros: Macros,
    pub(crate) parts: IndexMap<Arc<str>, Part, FxBuildHasher>,
    /// For each section, those it refers to or reached.
    pub(crate) dependencies: HashMap<Arc<str>, IndexSet<Arc<str>, FxBuildHasher>, FxBuildHasher>,
    pub(crate) edges: IndexSet<Edge, FxBuildHasher>,
    /// The sections whose recipes are being constructed, innermost last.
    pub(crate) owners: Vec<Arc<str>>,
    pub(crate) signatures: Signatures,
    /// The sections in the order their initialisation began.
    pub(crate) opened: Vec<Arc<str>>,
    /// Options that a section about to be opened has from the start.
    pub(crate) presets: HashMap<Arc<str>, OptionMap>,
}

/// A configuration being resolved.
pub struct Session<'a> {
    pub(crate) options: SessionOptions<'a>,
    pub(crate) state: RefCell<State>,
    depth: Cell<usize>,
    requests: RequestQueue,
    /// The extensions, once they are started.
    extensions: OnceCell<Vec<Arc<dyn Extension>>>,
}

/// The option of `[buildout]` that names extensions.
pub(super) const EXTENSIONS_OPTION: &str = "extensions";

impl<'a> Session<'a> {
    /// Starts with nothing initialised.
    pub fn new(options: SessionOptions<'a>) -> Self {
        let state = State {
            configured: options.configuration.sections.clone(),
            ..State::default()
        };
        Session {
            options,
            state: RefCell::new(state),
            depth: Cell::new(0),
            requests: RequestQueue::new(),
            extensions: OnceCell::new(),
        }
    }

    /// Returns the dialect in force.
    pub fn dialect(&self) -> &Dialect {
        &self.options.configuration.dialect
    }

    /// Returns what recipes get besides the configuration.
    pub fn services(&self) -> &'a RunServices {
        self.options.services
    }

    /// Returns a handle for other threads. Its calls are carried out while the
    /// engine thread serves: during constructions and installations. Once an
    /// installation is over, they fail.
    pub fn remote(&self) -> &RemoteBuildout {
        self.requests.remote()
    }

    /// Lets calls of handles through until the guard is dropped, for good.
    pub(crate) fn serve_run(&self) -> OpenQueue<'_> {
        self.requests.open(AfterServing::Closed)
    }

    /// Makes the standard directories absolute before anything is resolved,
    /// in case another section reads one of them. Values with references are
    /// left for later.
    pub(crate) fn absolutise_directories(&self) {
        let mut state = self.state.borrow_mut();
        let Some(section) = state.configured.get_mut(BUILDOUT_SECTION) else {
            return;
        };
        let section = Arc::make_mut(section);
        let Some(directory) = section.get("directory").map(|o| Arc::clone(&o.value)) else {
            return;
        };
        for name in ["bin", "parts", "eggs", "develop-eggs"] {
            if let Some(option) = section.get_mut(&*format!("{name}-directory"))
                && !option.value.contains("${")
            {
                option.value = Arc::from(join(&directory, &option.value, false));
            }
        }
    }

    /// Returns an option as the configuration has it, before macros and
    /// substitution; upstream's `query`.
    pub fn configured_value(&self, section: &str, option: &str) -> Option<Arc<str>> {
        let state = self.state.borrow();
        let found = state.configured.get(section)?.get(option)?;
        Some(Arc::clone(&found.value))
    }

    /// Returns the parts constructed so far, in the order their construction
    /// was completed.
    pub fn parts(&self) -> Vec<Arc<str>> {
        self.state.borrow().parts.keys().cloned().collect()
    }

    /// Returns the references noticed so far, in order.
    pub fn edges(&self) -> Vec<Edge> {
        self.state.borrow().edges.iter().cloned().collect()
    }

    /// Returns the names of the sections of the configuration, with those that
    /// recipes added.
    pub fn section_names(&self) -> Vec<Arc<str>> {
        self.state.borrow().configured.keys().cloned().collect()
    }

    /// Returns the names of the sections initialised so far, sorted.
    pub fn initialised_sections(&self) -> Vec<Arc<str>> {
        let state = self.state.borrow();
        let mut names: Vec<Arc<str>> = state.sections.keys().cloned().collect();
        names.sort();
        names
    }

    /// Initialises `section`, with all it refers to, and constructs its
    /// recipe.
    ///
    /// # Errors
    ///
    /// See [`Problem`](super::Problem).
    pub fn reach(&self, section: &str) -> Result<(), Failure> {
        if self.state.borrow().sections.contains_key(section) {
            return Ok(());
        }
        Evaluation::new(self)
            .run(Goal::Section(Arc::from(section)))
            .map(|_| ())
    }

    /// Reads an option, initialising its section first; in its stored form,
    /// without unescaping.
    ///
    /// # Errors
    ///
    /// See [`Problem`](super::Problem).
    pub fn get_stored(&self, section: &str, option: &str) -> Result<Option<Arc<str>>, Failure> {
        self.reach(section)?;
        let known = |state: &State| {
            let section = state.sections.get(section)?;
            section.resolved(option).cloned()
        };
        if let Some(value) = known(&self.state.borrow()) {
            return Ok(Some(value));
        }
        Evaluation::new(self).run(Goal::Option {
            section: Arc::from(section),
            option: Arc::from(option),
        })
    }

    /// Asks the recipe of a part for an option that the part does not have.
    pub(super) fn computed_option(
        &self,
        part: &Arc<str>,
        option: &str,
    ) -> Result<Option<Arc<str>>, Failure> {
        let take = || self.state.borrow_mut().parts.get_mut(part)?.recipe.take();
        let Some(recipe) = take() else {
            return Ok(None);
        };
        let computed = catch_unwind(AssertUnwindSafe(|| recipe.computed_option(option)));
        if let Some(found) = self.state.borrow_mut().parts.get_mut(part) {
            found.recipe = Some(recipe);
        }
        match computed {
            Ok(None) => Ok(None),
            Ok(Some(result)) => recipe_result(self, part, Ok(result)).map(Some),
            Err(panic) => recipe_result(self, part, Err(panic)),
        }
    }

    /// Returns the extensions of the profile that there are, having started
    /// them the first time.
    ///
    /// # Errors
    ///
    /// An extension cannot start.
    pub(super) fn extensions(&self) -> Result<&[Arc<dyn Extension>], Failure> {
        if let Some(started) = self.extensions.get() {
            return Ok(started);
        }
        let names = self.get_stored(BUILDOUT_SECTION, EXTENSIONS_OPTION)?;
        let names = names.unwrap_or_default();
        let registry = &self.options.registry;
        let found: Vec<Arc<dyn Extension>> = split_words(&names)
            .filter_map(|name| registry.extension(name))
            .collect();
        // Set before: what they reach must not start them again.
        let found = self.extensions.get_or_init(|| found);
        let looks_only = self.options.construct == ConstructionPolicy::PureOnly;
        for extension in found {
            let run = ExtensionRun::new(self, self.services());
            match recipe_result(self, BUILDOUT_SECTION, Ok(extension.start(&run))) {
                // What cannot be looked into is told of where it is wanted.
                Err(failure)
                    if looks_only
                        && matches!(failure.problem(), super::Problem::NotConstructed { .. }) => {}
                result => result?,
            }
        }
        Ok(found)
    }

    /// Tells the extensions that all parts are installed.
    ///
    /// # Errors
    ///
    /// An extension fails.
    pub(super) fn finish_extensions(&self) -> Result<(), Failure> {
        for extension in self.extensions()? {
            let run = ExtensionRun::new(self, self.services());
            recipe_result(self, BUILDOUT_SECTION, Ok(extension.finish(&run)))?;
        }
        Ok(())
    }

    /// Returns `value` as recipes read it: the fork unescapes `$${`.
    pub fn read_form(&self, value: Arc<str>) -> Arc<str> {
        if self.dialect().dollar_unescape && value.contains("$${") {
            Arc::from(value.replace("$${", "${"))
        } else {
            value
        }
    }

    /// Reads an option that must exist.
    ///
    /// # Errors
    ///
    /// See [`Problem`](super::Problem); `Missing option: SECTION:OPTION`.
    pub fn required(&self, section: &str, option: &str) -> Result<Arc<str>, Failure> {
        match self.get(section, option)? {
            Some(value) => Ok(value),
            None => Err(self.missing_option(section, option)),
        }
    }

    /// Makes the failure for an option that does not exist, with the section's
    /// place and a near name.
    pub(crate) fn missing_option(&self, section: &str, option: &str) -> Failure {
        let problem = ResolveProblem::MissingOption {
            section: section.to_owned(),
            option: option.to_owned(),
        };
        let names = self.known_options(section);
        let near = crate::resolve::nearest(option, names.iter().map(|name| &**name));
        let hint = match near {
            Some(near) => format!("`[{section}]` has an option `{near}`"),
            None => format!("add `{option} = ...` to `[{section}]`"),
        };
        let place = self.section_place(section);
        Failure::from(problem)
            .with_label(place, "in this section")
            .with_hint(Some(hint))
    }

    /// Runs `work`; if it fails, forgets the sections it initialised, as if it
    /// had not been tried.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub fn attempt<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let known = self.state.borrow().opened.len();
        let result = work();
        if result.is_err() {
            let mut state = self.state.borrow_mut();
            let state = &mut *state;
            for section in state.opened.drain(known..) {
                state.sections.remove(&section);
                state.parts.shift_remove(&section);
            }
        }
        result
    }

    /// Returns the names of the options of an initialised section; none of
    /// another.
    pub fn known_options(&self, section: &str) -> Vec<Arc<str>> {
        let state = self.state.borrow();
        match state.sections.get(section) {
            Some(section) => section.option_names(),
            None => Vec::new(),
        }
    }

    /// Returns the place of any option of `section`, to point at the section.
    pub(crate) fn section_place(&self, section: &str) -> Option<crate::extends::Place> {
        let state = self.state.borrow();
        let options = state.configured.get(section)?;
        let origins = options.values().filter_map(MergedOption::origin);
        let origin = origins.into_iter().find(|origin| origin.line.is_some())?;
        self.options.configuration.place(&origin, "")
    }

    /// Returns the place where the configuration sets an option, underlining
    /// `needle`.
    pub fn option_place(
        &self,
        section: &str,
        option: &str,
        needle: &str,
    ) -> Option<crate::extends::Place> {
        let state = self.state.borrow();
        let origin = match state.sections.get(section) {
            Some(section) => section.origin(option),
            None => state.configured.get(section)?.get(option)?.origin(),
        };
        self.options.configuration.place(&origin?, needle)
    }

    /// The same for the option as the configuration has it, before macros.
    pub(crate) fn option_place_configured(
        &self,
        section: &str,
        option: &str,
        needle: &str,
    ) -> Option<crate::extends::Place> {
        let state = self.state.borrow();
        let origin = state.configured.get(section)?.get(option)?.origin()?;
        self.options.configuration.place(&origin, needle)
    }

    /// Runs `work`, noting that it is done for the part `owner`.
    pub(crate) fn owned<T>(
        &self,
        owner: &Arc<str>,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.depth.get() >= CONSTRUCTION_LIMIT {
            let limit = CONSTRUCTION_LIMIT;
            return Err(ResolveProblem::TooDeep { limit }.into());
        }
        self.depth.set(self.depth.get() + 1);
        self.state.borrow_mut().owners.push(Arc::clone(owner));
        let result = work();
        self.state.borrow_mut().owners.pop();
        self.depth.set(self.depth.get() - 1);
        result
    }

    /// Notes that `caller` reached `section`.
    fn note_reached(&self, caller: &Caller, section: &Arc<str>) {
        let mut state = self.state.borrow_mut();
        let owner = match caller {
            Caller::Innermost => state.owners.last().cloned(),
            Caller::Construction(part) => Some(Arc::clone(part)),
            Caller::Installation => None,
        };
        if let Some(owner) = owner {
            state.note_edge(Edge {
                from: owner,
                option: None,
                to: Arc::clone(section),
            });
        }
    }

    /// Carries out the calls of other threads until `until` has something.
    /// Whoever puts something there wakes the engine thread afterwards, so one
    /// blocking receive serves both.
    pub(crate) fn serve_until<T>(&self, until: &Receiver<T>) -> Option<T> {
        loop {
            if let Ok(value) = until.try_recv() {
                return Some(value);
            }
            let request = self.requests.next()?;
            let answer = self.call_for(&request.caller, request.call);
            // A caller that has gone away does not want the answer.
            let _ = request.answer.send(answer);
        }
    }

    fn set(&self, section: &Arc<str>, option: &Arc<str>, value: Arc<str>) -> Result<(), Failure> {
        self.reach(section)?;
        let mut state = self.state.borrow_mut();
        if let Some(section) = state.sections.get_mut(section) {
            section.data.insert(Arc::clone(option), value);
        }
        Ok(())
    }

    /// Tells whether an option is kept out of what is recorded.
    pub(super) fn is_volatile(&self, section: &str, option: &str) -> bool {
        let state = self.state.borrow();
        let section = state.sections.get(section);
        section.is_some_and(|section| section.volatile.contains(option))
    }

    fn delete(&self, section: &Arc<str>, option: &str) -> Result<Option<Arc<str>>, Failure> {
        self.reach(section)?;
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(found) = state.sections.get_mut(section) else {
            return Ok(None);
        };
        let mut value = found.data.shift_remove(option);
        if found.raw.contains_key(option) {
            let removed = Arc::make_mut(&mut found.raw).shift_remove(option);
            value = value.or(removed.map(|option| option.value));
            // Upstream shares these options with the configuration unless
            // macros made a copy.
            if let Some(configured) = state.configured.get_mut(section)
                && !configured.contains_key(crate::profile::syntax::MACRO_OPTION)
            {
                Arc::make_mut(configured).shift_remove(option);
                state.macros.forget(section);
            }
        }
        let cooked = found.cooked.remove(option);
        Ok(cooked.or(value))
    }

    fn add_section(&self, name: &Arc<str>, options: MergedSection) -> Result<(), Failure> {
        let mut state = self.state.borrow_mut();
        if state.configured.contains_key(name) {
            let section = name.to_string();
            return Err(ResolveProblem::SectionExists { section }.into());
        }
        state.configured.insert(Arc::clone(name), Arc::new(options));
        Ok(())
    }

    fn add_sections(&self, caller: &Caller, text: &str) -> Result<(), Failure> {
        let mut symbols = Symbols::default();
        let profile = parse(
            &dedent(text),
            self.dialect().repeated_operators,
            &mut symbols,
            &mut |header| (self.options.conditions)(&header),
        )
        .map_err(|error| Failure::from(crate::extends::added_text_error(error, text)))?;
        let mut names = Vec::new();
        for section in &profile.sections {
            let name = Arc::clone(symbols.name(section.name));
            let options = section.options.iter().map(|option| {
                let key = Arc::clone(symbols.name(option.key));
                let origin = Origin::symbolic(Source::Computed);
                (key, MergedOption::set(Arc::clone(&option.value), origin))
            });
            self.add_section(&name, options.collect())?;
            names.push(name);
        }
        for name in names {
            self.note_reached(caller, &name);
            self.reach(&name)?;
        }
        Ok(())
    }
}

impl State {
    pub(crate) fn note_edge(&mut self, edge: Edge) {
        if edge.from == edge.to {
            return;
        }
        let reached = self.dependencies.entry(Arc::clone(&edge.from)).or_default();
        reached.insert(Arc::clone(&edge.to));
        self.edges.insert(edge);
    }
}

impl Buildout for Session<'_> {
    fn call(&self, call: Call) -> Result<Answer, Failure> {
        self.call_for(&Caller::Innermost, call)
    }
}

impl Session<'_> {
    /// Carries out a call. Constructions nest through here, so each kind of
    /// call has a function of its own: what one needs on the stack is not
    /// taken for all.
    fn call_for(&self, caller: &Caller, call: Call) -> Result<Answer, Failure> {
        match call {
            Call::Wake => Ok(Answer::Done),
            Call::Reach { section } => self.answer_reach(caller, &section),
            Call::Get { section, option } => self.answer_get(caller, &section, &option),
            Call::Set {
                section,
                option,
                value,
            } => self.set(&section, &option, value).map(|()| Answer::Done),
            Call::Delete { section, option } => self.delete(&section, &option).map(Answer::Text),
            Call::OptionNames { section } => self.answer_option_names(caller, &section),
            Call::SectionNames => Ok(Answer::Names(self.section_names())),
            Call::Parts => Ok(Answer::Names(self.parts())),
            Call::KnownValues { section } => self.answer_known_values(caller, &section),
            Call::Substitute { section, text } => self.answer_substitute(section, text),
            Call::AddSections { text } => self.add_sections(caller, &text).map(|()| Answer::Done),
            Call::AddSection { section, options } => {
                self.answer_add_section(caller, &section, options)
            }
            Call::Signature { section } => self.answer_signature(&section),
            Call::ReachWith { section, options } => {
                self.answer_reach_with(caller, &section, options)
            }
            Call::MakeVolatile { section, options } => {
                self.make_volatile(&section, options).map(|()| Answer::Done)
            }
        }
    }

    fn answer_reach(&self, caller: &Caller, section: &Arc<str>) -> Result<Answer, Failure> {
        self.note_reached(caller, section);
        self.reach(section).map(|()| Answer::Done)
    }

    fn answer_reach_with(
        &self,
        caller: &Caller,
        section: &Arc<str>,
        options: OptionMap,
    ) -> Result<Answer, Failure> {
        self.note_reached(caller, section);
        let mut state = self.state.borrow_mut();
        if state.sections.contains_key(section) {
            return Ok(Answer::Flag(false));
        }
        state.presets.insert(Arc::clone(section), options);
        drop(state);
        let result = self.reach(section);
        // A section that does not exist was not opened.
        self.state.borrow_mut().presets.remove(section);
        result.map(|()| Answer::Flag(true))
    }

    fn make_volatile(&self, section: &Arc<str>, options: Vec<Arc<str>>) -> Result<(), Failure> {
        self.reach(section)?;
        let mut state = self.state.borrow_mut();
        if let Some(section) = state.sections.get_mut(section) {
            section.volatile.extend(options);
        }
        Ok(())
    }

    fn answer_get(
        &self,
        caller: &Caller,
        section: &Arc<str>,
        option: &str,
    ) -> Result<Answer, Failure> {
        self.note_reached(caller, section);
        let value = self.get_stored(section, option)?;
        Ok(Answer::Text(value.map(|value| self.read_form(value))))
    }

    fn answer_option_names(&self, caller: &Caller, section: &Arc<str>) -> Result<Answer, Failure> {
        self.note_reached(caller, section);
        self.reach(section)?;
        Ok(Answer::Names(self.known_options(section)))
    }

    fn answer_known_values(&self, caller: &Caller, section: &Arc<str>) -> Result<Answer, Failure> {
        self.note_reached(caller, section);
        self.reach(section)?;
        Ok(Answer::Options(known_values(&self.state.borrow(), section)))
    }

    fn answer_substitute(&self, section: Arc<str>, text: Arc<str>) -> Result<Answer, Failure> {
        self.reach(&section)?;
        let value = Evaluation::new(self).run(Goal::Text { section, text })?;
        Ok(Answer::Text(value))
    }

    fn answer_add_section(
        &self,
        caller: &Caller,
        section: &Arc<str>,
        options: OptionMap,
    ) -> Result<Answer, Failure> {
        let origin = || Origin::symbolic(Source::Computed);
        let options = options
            .into_iter()
            .map(|(name, value)| (name, MergedOption::set(value, origin())));
        self.add_section(section, options.collect())?;
        self.note_reached(caller, section);
        self.reach(section).map(|()| Answer::Done)
    }

    fn answer_signature(&self, section: &Arc<str>) -> Result<Answer, Failure> {
        self.reach(section)?;
        let signature = self.freeze_signature(section)?;
        Ok(Answer::Text(Some(signature)))
    }
}

impl Serve for Session<'_> {
    fn dialect(&self) -> &Dialect {
        Session::dialect(self)
    }

    fn registry(&self) -> &Registry {
        &self.options.registry
    }

    fn peek(&self, section: &str, option: &str) -> Result<Option<Arc<str>>, Failure> {
        let section = Arc::from(section);
        let option = Arc::from(option);
        let call = Call::Get { section, option };
        match self.call_for(&Caller::Installation, call)? {
            Answer::Text(value) => Ok(value),
            _ => Err(super::Problem::UnexpectedAnswer.into()),
        }
    }

    fn serve(&self, work: Box<dyn FnOnce(RemoteBuildout) + Send + '_>) {
        let (done, finished) = std::sync::mpsc::channel();
        let remote = self.remote().clone();
        std::thread::scope(|scope| {
            let _open = self.requests.open(AfterServing::AsBefore);
            scope.spawn(move || {
                let _done = WakeOnDrop {
                    done,
                    remote: remote.clone(),
                };
                work(remote);
            });
            self.serve_until(&finished);
        });
    }
}

/// Tells the engine thread that work has ended, even if it panicked.
pub(crate) struct WakeOnDrop {
    done: std::sync::mpsc::Sender<()>,
    remote: RemoteBuildout,
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        let _ = self.done.send(());
        self.remote.wake();
    }
}

/// The sections that `[buildout]` and friends share.
pub(crate) fn is_buildout(section: &str) -> bool {
    section == BUILDOUT_SECTION
}

/// The options that a part had when its turn came, in stored form.
pub(crate) fn known_values(state: &State, section: &str) -> OptionMap {
    let section = state.sections.get(section);
    section.map(Section::known_values).unwrap_or_default()
}
