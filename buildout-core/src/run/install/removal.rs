//! Uninstalling: what changed, what is no longer wanted, and what a failed part
//! has made.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::evaluation::recipe_result;
use super::super::failure::{Failure, Problem};
use super::super::history::PastAction;
use super::super::plan::{PlannedAction, Reason, Survey};
use super::super::session::known_values;
use super::super::signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
use super::Installation;
use crate::event::{Event, Level, PartAction};
use crate::recipe::{CreatedPaths, RecipeReference, UninstallRun, Uninstalled};
use crate::resolve::{Doing, OptionMap};
use crate::state::installed::InstalledPart;
use crate::state::removal::RemovalScope;

impl Installation<'_, '_> {
    /// Uninstalls what changed and what is no longer wanted, last part first.
    pub(super) fn uninstall(
        &mut self,
        survey: &mut Survey,
        parts: &[Arc<str>],
        all: bool,
    ) -> Result<(), Failure> {
        let recorded: Vec<Arc<str>> = self
            .record
            .parts()
            .keys()
            .rev()
            .map(|name| Arc::from(&**name))
            .collect();
        let wanted: HashSet<&Arc<str>> = parts.iter().collect();
        for part in recorded {
            let (action, reasons) = if wanted.contains(&part) {
                (PlannedAction::Reinstall, self.reasons(survey, &part))
            } else if all {
                (PlannedAction::Uninstall, vec![Reason::NoLongerWanted])
            } else {
                continue;
            };
            if reasons.is_empty() {
                continue;
            }
            self.tell_reasons(&part, &reasons);
            self.note_action(&part, action, reasons);
            self.uninstall_part(&part)
                .map_err(|f| f.during(vec![Doing::UninstallingPart(part.to_string())]))?;
        }
        Ok(())
    }

    fn tell_reasons(&self, part: &Arc<str>, reasons: &[Reason]) {
        self.emit(Event::PartChanged {
            part: Arc::clone(part),
            reasons: reasons.to_vec(),
        });
        let Some(record) = self.record.parts().get(&**part) else {
            return;
        };
        // As upstream lists them: by name, the new ones last.
        let now = known_values(&self.session.state.borrow(), part);
        let signature = record.signature();
        let is_ours = signature.is_some_and(|text| text.starts_with(SIGNATURE_PREFIX));
        let counts = |option: &str| is_ours || option != SIGNATURE_OPTION;
        let recorded = record.options.iter().filter(|(option, _)| counts(option));
        let told = recorded.map(|(option, old)| {
            let option: Arc<str> = Arc::from(&**option);
            let new = now.get(&option).cloned();
            (option, Some(Arc::from(&**old)), new)
        });
        let is_new = |option: &Arc<str>| !record.options.contains_key(&**option) && counts(option);
        let new = now.iter().filter(|(option, _)| is_new(option));
        let new = new.map(|(option, new)| (Arc::clone(option), None, Some(Arc::clone(new))));
        if reasons.contains(&Reason::NoLongerWanted) {
            return;
        }
        for (option, old, new) in told.chain(new).filter(|(_, old, new)| old != new) {
            self.emit(Event::OptionChanged {
                part: Arc::clone(part),
                option,
                old,
                new,
            });
        }
    }

    pub(super) fn note_action(
        &mut self,
        part: &Arc<str>,
        action: PlannedAction,
        reasons: Vec<Reason>,
    ) {
        let past = PastAction {
            action,
            failed: false,
            reasons,
        };
        self.actions.insert(Arc::clone(part), past);
    }

    fn uninstall_part(&mut self, part: &Arc<str>) -> Result<(), Failure> {
        self.emit(Event::PartStarted {
            part: Arc::clone(part),
            action: PartAction::Uninstall,
        });
        let Some(record) = self.record.parts().get(&**part) else {
            return Ok(());
        };
        match self.run_uninstall_recipe(part, record)? {
            Uninstalled::Remove => self.remove_paths(part, &record.installed)?,
            Uninstalled::Keep => {}
        }
        self.record.remove(part)?;
        self.report.uninstalled.push(Arc::clone(part));
        self.emit(Event::PartFinished {
            part: Arc::clone(part),
            action: PartAction::Uninstall,
        });
        Ok(())
    }

    fn run_uninstall_recipe(
        &self,
        part: &Arc<str>,
        record: &InstalledPart,
    ) -> Result<Uninstalled, Failure> {
        let recipe = record.options.get("recipe").map_or("", String::as_str);
        let Some(factory) = RecipeReference::parse(recipe)
            .and_then(|reference| self.session.options.registry.find(&reference))
        else {
            return Ok(Uninstalled::Remove);
        };
        let mut options: OptionMap = record
            .options
            .iter()
            .map(|(name, value)| (Arc::from(&**name), Arc::from(&**value)))
            .collect();
        let installed = record.installed.join("\n");
        options.insert(Arc::from("__buildout_installed__"), Arc::from(installed));
        let run = UninstallRun::new(Arc::clone(part), &options, self.session.services());
        match factory.uninstall_part(&run) {
            Some(result) => recipe_result(self.session, part, Ok(result)),
            None => Ok(Uninstalled::Remove),
        }
    }

    /// Removes recorded paths, as far as they lie in the buildout.
    pub(super) fn remove_paths(&self, part: &str, paths: &[String]) -> Result<(), Failure> {
        let scope = RemovalScope::new(&self.settings.directory).map_err(Problem::Removal)?;
        let report = scope.remove(paths.iter().map(String::as_str));
        for path in report.refused_outside {
            self.emit(Event::PathRefused {
                part: Arc::from(part),
                path,
            });
        }
        if report.failures.is_empty() {
            return Ok(());
        }
        Err(Problem::Uninstall {
            part: part.to_owned(),
            failures: report.failures,
        }
        .into())
    }

    /// Removes what a failed installation or update noted as made, but for
    /// what is recorded: a failed update keeps what was there before.
    pub(super) fn clean_up(&self, part: &Arc<str>, created: &CreatedPaths) {
        let directory = &self.settings.directory;
        let record = self.record.parts().get(&**part);
        let recorded: HashSet<PathBuf> = record
            .iter()
            .flat_map(|record| &record.installed)
            .map(|path| directory.join(path))
            .collect();
        let paths: Vec<String> = created
            .list()
            .into_iter()
            .filter(|path| !recorded.contains(&directory.join(path)))
            .filter_map(|path| path.into_os_string().into_string().ok())
            .collect();
        self.clear_away(part, &paths);
    }

    /// Removes what nobody needs. What cannot be removed must not hide why
    /// the recipe failed.
    pub(super) fn clear_away(&self, part: &str, paths: &[String]) {
        if let Err(failures) = self.remove_paths(part, paths) {
            let message = format!("Couldn't clean up after part {part}: {failures}");
            self.emit(Event::engine_log(Level::Warning, message));
        }
    }
}
