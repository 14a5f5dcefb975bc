//! Evaluating sections and options with a stack of our own.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::failure::{Failure, Problem};
use super::session::{ConstructionPolicy, Edge, Part, Session, is_buildout};
use crate::profile::python_text::split_words;
use crate::profile::syntax::PART_DEPENDENCIES_OPTION;
use crate::recipe::{Construction, ConstructionKind, Factory, RecipeError, RecipeReference};
use crate::resolve::{Doing, ResolveProblem, Section, nearest, next_reference, parse_reference};

/// The longest value, in bytes, that substitution may build up.
pub const SUBSTITUTION_LIMIT: usize = 64 * 1024 * 1024;

/// How many places are shown with a failure, the nearest to its cause.
pub const LABEL_LIMIT: usize = 20;

/// The option every section seems to have.
const SECTION_NAME_OPTION: &str = "_buildout_section_name_";

/// What is to be evaluated.
pub(super) enum Goal {
    /// A section, to be initialised.
    Section(Arc<str>),
    /// An option of an initialised section.
    Option { section: Arc<str>, option: Arc<str> },
    /// A text, seen from an initialised section.
    Text { section: Arc<str>, text: Arc<str> },
}

type OptionKey = (Arc<str>, Arc<str>);

enum Frame {
    Section(SectionFrame),
    Value(ValueFrame),
}

/// A section being initialised.
struct SectionFrame {
    name: Arc<str>,
    step: Step,
}

enum Step {
    /// Resolve the options that hold references, in sorted order.
    Cook(std::vec::IntoIter<Arc<str>>),
    /// Read `<part-dependencies>`.
    ReadDependencies,
    /// Initialise the sections it names.
    Dependencies(std::vec::IntoIter<Arc<str>>),
    /// Read `recipe`.
    ReadRecipe,
    /// Construct the recipe.
    Construct,
}

/// A value being substituted.
struct ValueFrame {
    section: Arc<str>,
    /// The option; `None` for a text of a recipe's own.
    option: Option<Arc<str>>,
    text: Arc<str>,
    at: usize,
    out: String,
    purpose: Purpose,
    /// The reference that is being looked up.
    pending: Option<OptionKey>,
    /// Whether the section of that reference is initialised.
    reached: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The section's initialisation resolves the option (`_dosub`).
    Cook,
    /// Something reads the option (`get`); it starts a chain of its own.
    Read,
    /// A reference in a chain reads the option.
    Chain,
}

pub(super) struct Evaluation<'s, 'a> {
    session: &'s Session<'a>,
    stack: Vec<Frame>,
    /// The options of each chain of references in progress.
    chains: Vec<HashSet<OptionKey, FxBuildHasher>>,
    /// What the frame that ended last yields.
    result: Option<Arc<str>>,
}

impl<'s, 'a> Evaluation<'s, 'a> {
    pub(super) fn new(session: &'s Session<'a>) -> Self {
        Evaluation {
            session,
            stack: Vec::new(),
            chains: Vec::new(),
            result: None,
        }
    }

    /// Evaluates `goal`.
    pub(super) fn run(mut self, goal: Goal) -> Result<Option<Arc<str>>, Failure> {
        let started = match goal {
            Goal::Section(name) => self.open_section(name),
            Goal::Option { section, option } => self.read(section, option, Purpose::Read),
            Goal::Text { section, text } => {
                self.chains.push(HashSet::default());
                self.stack.push(Frame::Value(ValueFrame {
                    section,
                    option: None,
                    out: String::with_capacity(text.len()),
                    text,
                    at: 0,
                    purpose: Purpose::Read,
                    pending: None,
                    reached: true,
                }));
                Ok(())
            }
        };
        started.map_err(|failure| self.explain(failure))?;
        loop {
            let step = match self.stack.last() {
                None => return Ok(self.result),
                Some(Frame::Section(_)) => self.step_section(),
                Some(Frame::Value(_)) => self.step_value(),
            };
            step.map_err(|failure| self.explain(failure))?;
        }
    }

    /// Puts around `failure` what was being done, and the references that led
    /// there.
    fn explain(&self, failure: Failure) -> Failure {
        let mut doing = Vec::new();
        for frame in &self.stack {
            match frame {
                Frame::Section(frame) => {
                    doing.push(Doing::GettingSection(frame.name.to_string()));
                    doing.push(Doing::InitializingSection(frame.name.to_string()));
                }
                Frame::Value(frame) => {
                    if let Some(option) = &frame.option {
                        let section = frame.section.to_string();
                        doing.push(Doing::GettingOption(section, option.to_string()));
                    }
                }
            }
        }
        let mut failure = failure.during(doing);
        for frame in self.stack.iter().rev() {
            // Finding a place reads the profile, and nobody reads more.
            if failure.labels().len() >= LABEL_LIMIT {
                break;
            }
            let Frame::Value(frame) = frame else {
                continue;
            };
            if let (Some(option), Some((section, target))) = (&frame.option, &frame.pending) {
                let shown = if *section == frame.section {
                    [
                        format!("${{:{target}}}"),
                        format!("${{{section}:{target}}}"),
                    ]
                } else {
                    [format!("${{{section}:{target}}}"), String::new()]
                };
                let needle = shown
                    .iter()
                    .find(|text| !text.is_empty() && frame.text.contains(text.as_str()))
                    .map_or("", String::as_str);
                let place = self.session.option_place(&frame.section, option, needle);
                let text = if failure.labels().is_empty() {
                    "referred to here"
                } else {
                    "needed here"
                };
                failure = failure.with_label(place, text);
            }
        }
        failure
    }

    /// Registers a section and starts to initialise it.
    fn open_section(&mut self, name: Arc<str>) -> Result<(), Failure> {
        let session = self.session;
        let raw = {
            let mut state = session.state.borrow_mut();
            let state = &mut *state;
            if !state.configured.contains_key(&name) {
                let near = nearest(&name, state.configured.keys().map(|name| &**name));
                let hint = section_hint(&name, near);
                let section = name.to_string();
                let doing = vec![Doing::GettingSection(section.clone())];
                return Err(Failure::from(ResolveProblem::MissingSection { section })
                    .during(doing)
                    .with_hint(Some(hint)));
            }
            // Registered first: a section reached again while it is being
            // initialised is used as far as it is known.
            let mut early = Section::new(Arc::clone(&name), Arc::default());
            early.data = state.presets.remove(&name).unwrap_or_default();
            state.sections.insert(Arc::clone(&name), early);
            state.opened.push(Arc::clone(&name));
            state.macros.expand(&name, &state.configured)
        };
        let raw = raw.map_err(|(problem, mut doing)| {
            let mut around = vec![
                Doing::GettingSection(name.to_string()),
                Doing::InitializingSection(name.to_string()),
            ];
            if matches!(problem, ResolveProblem::MacroLoop { .. }) || !doing.is_empty() {
                around.append(&mut doing);
            }
            let (user, macro_name) = match &problem {
                ResolveProblem::MissingMacro { user, name }
                | ResolveProblem::MacroLoop { user, name } => (user.clone(), name.clone()),
                _ => (name.to_string(), String::new()),
            };
            let place = session.option_place_configured(&user, "<", &macro_name);
            let hint = {
                let state = session.state.borrow();
                let names = state.configured.keys().map(|name| &**name);
                match &problem {
                    ResolveProblem::MissingMacro { name, .. } => {
                        section_hint(name, nearest(name, names))
                    }
                    _ => "remove this name, or one before it in the chain".to_owned(),
                }
            };
            Failure::from(problem)
                .during(around)
                .with_label(place, "")
                .with_hint(Some(hint))
        })?;
        let mut keys: Vec<Arc<str>> = raw
            .iter()
            .filter(|(_, option)| option.value.contains("${"))
            .map(|(key, _)| Arc::clone(key))
            .collect();
        keys.sort();
        let mut state = session.state.borrow_mut();
        if let Some(section) = state.sections.get_mut(&name) {
            section.raw = raw;
        }
        self.stack.push(Frame::Section(SectionFrame {
            name,
            step: Step::Cook(keys.into_iter()),
        }));
        Ok(())
    }

    /// Starts to read an option of a registered section; its value arrives in
    /// `result`.
    fn read(
        &mut self,
        section: Arc<str>,
        option: Arc<str>,
        purpose: Purpose,
    ) -> Result<(), Failure> {
        let mut state = self.session.state.borrow_mut();
        let found = state.sections.get_mut(&section);
        let Some(found) = found else {
            self.result = None;
            return Ok(());
        };
        if let Some(value) = found.resolved(&option) {
            self.result = Some(Arc::clone(value));
            return Ok(());
        }
        let Some(text) = found.unresolved(&option).cloned() else {
            drop(state);
            self.result = self.session.computed_option(&section, &option)?;
            return Ok(());
        };
        if !text.contains("${") {
            found.data.insert(option, Arc::clone(&text));
            self.result = Some(text);
            return Ok(());
        }
        drop(state);
        if purpose != Purpose::Chain {
            self.chains.push(HashSet::default());
        }
        self.push_value(section, option, text, purpose);
        Ok(())
    }

    fn push_value(
        &mut self,
        section: Arc<str>,
        option: Arc<str>,
        text: Arc<str>,
        purpose: Purpose,
    ) {
        if let Some(chain) = self.chains.last_mut() {
            chain.insert((Arc::clone(&section), Arc::clone(&option)));
        }
        self.stack.push(Frame::Value(ValueFrame {
            section,
            option: Some(option),
            out: String::with_capacity(text.len()),
            text,
            at: 0,
            purpose,
            pending: None,
            reached: true,
        }));
    }

    fn step_section(&mut self) -> Result<(), Failure> {
        let Some(Frame::Section(frame)) = self.stack.last_mut() else {
            return Ok(());
        };
        let name = Arc::clone(&frame.name);
        match &mut frame.step {
            Step::Cook(keys) => {
                let Some(option) = keys.next() else {
                    if is_buildout(&name) {
                        self.stack.pop();
                    } else {
                        frame.step = Step::ReadDependencies;
                        let option = Arc::from(PART_DEPENDENCIES_OPTION);
                        self.read(name, option, Purpose::Read)?;
                    }
                    return Ok(());
                };
                let state = self.session.state.borrow();
                let text = state
                    .sections
                    .get(&name)
                    .and_then(|section| section.raw.get(&option))
                    .map(|option| Arc::clone(&option.value));
                drop(state);
                if let Some(text) = text {
                    self.chains.push(HashSet::default());
                    self.push_value(name, option, text, Purpose::Cook);
                }
            }
            Step::ReadDependencies => {
                let names: Vec<Arc<str>> = match self.result.take() {
                    Some(list) => split_words(&list).map(Arc::from).collect(),
                    None => Vec::new(),
                };
                frame.step = Step::Dependencies(names.into_iter());
            }
            Step::Dependencies(names) => match names.next() {
                Some(dependency) => {
                    let mut state = self.session.state.borrow_mut();
                    state.note_edge(Edge {
                        from: name,
                        option: None,
                        to: Arc::clone(&dependency),
                    });
                    let known = state.sections.contains_key(&dependency);
                    drop(state);
                    if !known {
                        self.open_section(dependency)?;
                    }
                }
                None => {
                    frame.step = Step::ReadRecipe;
                    self.read(name, Arc::from("recipe"), Purpose::Read)?;
                }
            },
            Step::ReadRecipe => match self.result.take() {
                Some(recipe) if !recipe.is_empty() => frame.step = Step::Construct,
                _ => {
                    self.stack.pop();
                }
            },
            Step::Construct => {
                self.construct(&name)?;
                self.stack.pop();
            }
        }
        Ok(())
    }

    fn construct(&mut self, name: &Arc<str>) -> Result<(), Failure> {
        let session = self.session;
        let factory = self.factory(name)?;
        let recipe = session.owned(name, || {
            let services = session.services();
            let construction =
                Construction::new(Arc::clone(name), &*factory, session, services, session);
            let made = catch_unwind(AssertUnwindSafe(|| factory.construct(&construction)));
            recipe_result(session, name, made)
        })?;
        let part = Part {
            factory,
            recipe: Some(recipe),
        };
        let mut state = session.state.borrow_mut();
        state.parts.insert(Arc::clone(name), part);
        Ok(())
    }

    /// Finds who makes the recipe of a part. Apart from
    /// [`construct`](Self::construct), which nests, for the sake of its stack.
    fn factory(&self, name: &Arc<str>) -> Result<Arc<dyn Factory>, Failure> {
        let session = self.session;
        let recipe = session.get_stored(name, "recipe")?.unwrap_or_default();
        let place = || session.option_place(name, "recipe", &recipe);
        let Some(reference) = RecipeReference::parse(&recipe) else {
            return Err(Failure::from(Problem::RecipeReference {
                part: name.to_string(),
                value: recipe.to_string(),
            })
            .with_label(place(), "")
            .with_hint(Some(
                "write `distribution` or `distribution:entry`".to_owned(),
            )));
        };
        let Some(factory) = session.options.registry.find(&reference) else {
            let descriptors = session.options.registry.descriptors();
            let names: Vec<&str> = descriptors.iter().map(|known| known.name).collect();
            let hint = match nearest(&recipe, names.iter().copied()) {
                Some(near) => format!("there is a recipe `{near}`"),
                None => format!("the built-in recipes are {}", names.join(", ")),
            };
            return Err(Failure::from(Problem::UnknownRecipe {
                part: name.to_string(),
                recipe: recipe.to_string(),
            })
            .during(vec![Doing::LoadingRecipe(reference.distribution)])
            .with_label(place(), "")
            .with_hint(Some(hint)));
        };
        if session.options.construct == ConstructionPolicy::PureOnly
            && factory.descriptor().construction == ConstructionKind::ActsOnTheWorld
        {
            return Err(Problem::NotConstructed {
                part: name.to_string(),
                recipe: recipe.to_string(),
            }
            .into());
        }
        Ok(factory)
    }

    fn step_value(&mut self) -> Result<(), Failure> {
        let session = self.session;
        let Some(Frame::Value(frame)) = self.stack.last_mut() else {
            return Ok(());
        };
        if !std::mem::replace(&mut frame.reached, true)
            && let Some((section, option)) = frame.pending.clone()
        {
            return self.follow(section, option);
        }
        if let Some((section, option)) = &frame.pending {
            let value = match self.result.take() {
                Some(value) => value,
                None => {
                    let own = if **option == *SECTION_NAME_OPTION {
                        Some(Arc::clone(&frame.section))
                    } else {
                        None
                    };
                    match own {
                        Some(name) => name,
                        None => return Err(missing_reference(session, section, option)),
                    }
                }
            };
            frame.out.push_str(&value);
            frame.pending = None;
            if frame.out.len() > SUBSTITUTION_LIMIT {
                return Err(ResolveProblem::ValueTooLong {
                    section: frame.section.to_string(),
                    option: frame.option.as_deref().unwrap_or("").to_owned(),
                    limit: SUBSTITUTION_LIMIT,
                }
                .into());
            }
        }
        let Some(range) = next_reference(&frame.text, frame.at) else {
            frame.out.push_str(&frame.text[frame.at..]);
            self.finish_value();
            return Ok(());
        };
        frame.out.push_str(&frame.text[frame.at..range.start]);
        frame.at = range.end;
        let reference = parse_reference(&frame.text[range.clone()]).map_err(|error| {
            let place = frame.option.as_deref().and_then(|option| {
                session.option_place(&frame.section, option, &frame.text[range.clone()])
            });
            Failure::from(ResolveProblem::from(error))
                .with_label(place, "")
                .with_hint(Some(
                    "references look like `${section:option}`; write `$${` for a literal `${`"
                        .to_owned(),
                ))
        })?;
        let section: Arc<str> = if reference.section.is_empty() {
            Arc::clone(&frame.section)
        } else {
            Arc::from(reference.section)
        };
        let option: Arc<str> = Arc::from(reference.option);
        frame.pending = Some((Arc::clone(&section), Arc::clone(&option)));
        let mut state = session.state.borrow_mut();
        state.note_edge(Edge {
            from: Arc::clone(&frame.section),
            option: frame.option.clone(),
            to: Arc::clone(&section),
        });
        let known = state.sections.contains_key(&section);
        drop(state);
        if known {
            self.follow(section, option)
        } else {
            frame.reached = false;
            self.open_section(section)
        }
    }

    fn follow(&mut self, section: Arc<str>, option: Arc<str>) -> Result<(), Failure> {
        let key = (Arc::clone(&section), Arc::clone(&option));
        let again = self.chains.last().is_some_and(|chain| chain.contains(&key));
        let unresolved = {
            let state = self.session.state.borrow();
            let found = state.sections.get(&section);
            found.is_some_and(|found| {
                found.resolved(&option).is_none()
                    && found
                        .unresolved(&option)
                        .is_some_and(|text| text.contains("${"))
            })
        };
        if again && unresolved {
            let (section, option) = (section.to_string(), option.to_string());
            let doing = vec![Doing::GettingOption(section.clone(), option.clone())];
            return Err(Failure::from(ResolveProblem::Circular { section, option })
                .during(doing)
                .with_hint(Some(
                    "give one of these options a value without a reference".to_owned(),
                )));
        }
        self.read(section, option, Purpose::Chain)
    }

    fn finish_value(&mut self) {
        let Some(Frame::Value(frame)) = self.stack.pop() else {
            return;
        };
        let value: Arc<str> = Arc::from(frame.out);
        if let Some(option) = frame.option {
            let mut state = self.session.state.borrow_mut();
            if let Some(section) = state.sections.get_mut(&frame.section) {
                let stored = Arc::clone(&value);
                match frame.purpose {
                    Purpose::Cook => {
                        section.cooked.insert(Arc::clone(&option), stored);
                    }
                    Purpose::Read | Purpose::Chain => {
                        section.data.insert(Arc::clone(&option), stored);
                    }
                }
            }
            if frame.purpose == Purpose::Chain
                && let Some(chain) = self.chains.last_mut()
            {
                chain.remove(&(frame.section, option));
            }
        }
        if frame.purpose != Purpose::Chain {
            self.chains.pop();
        }
        self.result = Some(value);
    }
}

fn section_hint(section: &str, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("there is a section `[{near}]`"),
        None if section.starts_with('-') => {
            format!("`{section}` is taken for a name here; options come before the command")
        }
        None => format!("add a section `[{section}]`"),
    }
}

fn missing_reference(session: &Session<'_>, section: &str, option: &str) -> Failure {
    let names = session.known_options(section);
    let near = nearest(option, names.iter().map(|name| &**name));
    let hint = match near {
        Some(near) => format!("`[{section}]` has an option `{near}`"),
        None => format!("add `{option} = ...` to `[{section}]`"),
    };
    Failure::from(ResolveProblem::MissingReference {
        section: section.to_owned(),
        option: option.to_owned(),
    })
    .with_hint(Some(hint))
}

/// Turns what a recipe returned, or its panic, into the engine's own terms.
pub(super) fn recipe_result<T>(
    session: &Session<'_>,
    part: &str,
    result: std::thread::Result<Result<T, RecipeError>>,
) -> Result<T, Failure> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(match error.into_failure() {
            Ok(failure) if matches!(failure.problem(), Problem::Resolve(_)) => {
                failure.with_only_label(session.section_place(part), "in this section")
            }
            Ok(failure) => failure,
            Err(error) => {
                let place = error
                    .option()
                    .and_then(|option| session.option_place(part, option, ""));
                let hint = error.hint().map(ToOwned::to_owned);
                // What is missing has no place; its section has.
                let section = (error.option().is_some() || hint.is_some())
                    .then(|| session.section_place(part))
                    .flatten();
                let doing = error.doing().iter().cloned().map(Doing::Recipe).collect();
                Failure::from(Problem::Recipe {
                    part: part.to_owned(),
                    error,
                })
                .during(doing)
                .with_label(place, "")
                .with_only_label(section, "in this section")
                .with_hint(hint)
            }
        }),
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(Problem::RecipePanicked {
                part: part.to_owned(),
                message,
            }
            .into())
        }
    }
}
