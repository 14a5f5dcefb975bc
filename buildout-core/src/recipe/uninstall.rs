//! What a recipe may use while its part is uninstalled.

use std::sync::Arc;

use super::part_run::RunServices;
use crate::event::{Event, Level};
use crate::resolve::OptionMap;

/// The uninstallation of a part, before anything of it is removed.
pub struct UninstallRun<'a> {
    part: Arc<str>,
    options: &'a OptionMap,
    services: &'a RunServices,
}

/// What becomes of the paths that the part installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninstalled {
    /// They are removed.
    Remove,
    /// They stay, and nothing knows them any more: upstream's recipes empty
    /// `__buildout_installed__`.
    Keep,
}

impl<'a> UninstallRun<'a> {
    pub(crate) fn new(part: Arc<str>, options: &'a OptionMap, services: &'a RunServices) -> Self {
        UninstallRun {
            part,
            options,
            services,
        }
    }

    /// Returns the name of the part.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Returns the options as they were recorded.
    pub fn options(&self) -> &OptionMap {
        self.options
    }

    /// Returns one of them.
    pub fn option(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(|value| &**value)
    }

    /// Returns what the engine offers besides the configuration.
    pub fn services(&self) -> &RunServices {
        self.services
    }

    /// Tells that the recipe takes part in the uninstallation; to be called
    /// before anything else is done.
    pub fn begin(&self) {
        self.services.events.emit(Event::UninstallRecipe {
            part: Arc::clone(&self.part),
        });
    }

    /// Logs as upstream's recipes do, under the name of the part.
    pub fn log(&self, level: Level, message: impl Into<String>) {
        self.services.log(&self.part, level, message.into());
    }

    /// Prints text as upstream's recipes do with `print`.
    pub fn print(&self, text: &str) {
        self.services.print(&self.part, text);
    }
}
