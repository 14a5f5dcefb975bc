//! What a recipe may use while it is constructed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::error::RecipeError;
use super::handle::{Answer, Buildout, Call, Caller, RemoteBuildout};
use super::part_run::RunServices;
use super::registry::{Factory, documents};
use crate::dialect::Dialect;
use crate::event::Level;
use crate::resolve::ResolveProblem;
use crate::run::{Failure, Problem};

/// What a construction needs of the session besides its calls.
pub(crate) trait Serve {
    /// Returns the dialect in force.
    fn dialect(&self) -> &Dialect;

    /// Runs `work` on another thread and carries out its calls until it ends.
    fn serve(&self, work: Box<dyn FnOnce(RemoteBuildout) + Send + '_>);
}

/// The construction of the recipe of one part.
pub struct Construction<'a> {
    part: Arc<str>,
    factory: &'a dyn Factory,
    buildout: &'a dyn Buildout,
    services: &'a RunServices,
    server: &'a dyn Serve,
}

impl<'a> Construction<'a> {
    pub(crate) fn new(
        part: Arc<str>,
        factory: &'a dyn Factory,
        buildout: &'a dyn Buildout,
        services: &'a RunServices,
        server: &'a dyn Serve,
    ) -> Self {
        Construction {
            part,
            factory,
            buildout,
            services,
            server,
        }
    }

    /// Returns the name of the part.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Returns the configuration, to reach other sections.
    pub fn buildout(&self) -> &dyn Buildout {
        self.buildout
    }

    /// Returns what the engine offers besides the configuration.
    pub fn services(&self) -> &RunServices {
        self.services
    }

    /// Returns the dialect in force, which decides whether options have types.
    pub fn dialect(&self) -> &Dialect {
        self.server.dialect()
    }

    /// Reads an option of the part; an empty value counts as present.
    ///
    /// # Errors
    ///
    /// The value cannot be resolved.
    pub fn option(&self, option: &str) -> Result<Option<Arc<str>>, RecipeError> {
        debug_assert!(
            documents(self.factory, option),
            "{} reads `{option}`, which it does not document",
            self.factory.descriptor().name
        );
        Ok(self.buildout.get(&self.part, option)?)
    }

    /// Reads an option of the part that must exist.
    ///
    /// # Errors
    ///
    /// It does not exist (`Missing option: PART:OPTION`) or cannot be
    /// resolved.
    pub fn required(&self, option: &str) -> Result<Arc<str>, RecipeError> {
        match self.option(option)? {
            Some(value) => Ok(value),
            None => Err(
                Failure::from(Problem::Resolve(ResolveProblem::MissingOption {
                    section: self.part.to_string(),
                    option: option.to_owned(),
                }))
                .into(),
            ),
        }
    }

    /// Reads an option of `[buildout]`.
    ///
    /// # Errors
    ///
    /// The value cannot be resolved.
    pub fn buildout_option(&self, option: &str) -> Result<Option<Arc<str>>, RecipeError> {
        Ok(self.buildout.get("buildout", option)?)
    }

    /// Sets an option of the part.
    ///
    /// # Errors
    ///
    /// The engine is gone.
    pub fn set(&self, option: &str, value: &str) -> Result<(), RecipeError> {
        debug_assert!(
            self.factory.results().is_empty() || documents(self.factory, option),
            "{} sets `{option}`, which it does not document",
            self.factory.descriptor().name
        );
        Ok(self.buildout.set(&self.part, option, value)?)
    }

    /// Sets an option of the part that is not recorded.
    ///
    /// # Errors
    ///
    /// The engine is gone.
    pub fn set_concealed(&self, option: &str, value: &str) -> Result<(), RecipeError> {
        self.set(option, value)?;
        Ok(self.buildout.conceal(&self.part, option)?)
    }

    /// Lists the options of the part, in upstream's order.
    ///
    /// # Errors
    ///
    /// The engine is gone.
    pub fn option_names(&self) -> Result<Vec<Arc<str>>, RecipeError> {
        Ok(self.buildout.option_names(&self.part)?)
    }

    /// Computes the signature of the part, which freezes what it depends on.
    ///
    /// # Errors
    ///
    /// The engine is gone.
    pub fn signature(&self) -> Result<Arc<str>, RecipeError> {
        let section = Arc::clone(&self.part);
        match self.buildout.call(Call::Signature { section })? {
            Answer::Text(Some(signature)) => Ok(signature),
            _ => Err(Failure::from(Problem::UnexpectedAnswer).into()),
        }
    }

    /// Logs as upstream's recipes do, under the name of the part.
    pub fn log(&self, level: Level, message: impl Into<String>) {
        self.services.log(&self.part, level, message.into());
    }

    /// Runs `work` on another thread, with a handle it may use and clone, and
    /// serves that handle until `work` ends. This is how the recipes of a
    /// child process are constructed: its calls nest in this one. What is
    /// reached through the handle becomes a dependency of this part.
    ///
    /// # Panics
    ///
    /// `work` does; the panic goes on in the caller, and so becomes that of
    /// the recipe.
    pub fn on_other_thread<T: Send>(&self, work: impl FnOnce(RemoteBuildout) -> T + Send) -> T {
        let mut result = None;
        {
            let slot = &mut result;
            let caller = Caller::Construction(Arc::clone(&self.part));
            self.server.serve(Box::new(move |remote| {
                let remote = remote.for_caller(caller);
                *slot = Some(catch_unwind(AssertUnwindSafe(|| work(remote))));
            }));
        }
        match result {
            Some(Ok(value)) => value,
            Some(Err(panic)) => resume_unwind(panic),
            // `serve` returns when the work has ended.
            None => unreachable!("the work was not run"),
        }
    }
}
