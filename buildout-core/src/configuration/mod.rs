//! The configuration of a run: defaults, the user's defaults, the profile and
//! what it extends, and the command line, merged into what `annotate` shows.
//!
//! Keeps the first half of `Buildout.__init__` of zc.buildout.

mod defaults;
mod dialect_choice;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::dialect::Dialect;
use crate::extends::{
    Conditions, ExtendsError, MergedOption, MergedSection, MergedSections, Origin, Place,
    ProfileLoader, Source, Surroundings, Tree, base_of, is_url, join, load, merge, normalize_path,
    update,
};

pub use defaults::BUILDOUT_SECTION;
pub(crate) use defaults::default_option_names;
pub use dialect_choice::{DIALECT_OPTION, choose_dialect};

/// An assignment `section:option=value` of the command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The section.
    pub section: String,
    /// The option, possibly with an operator.
    pub option: String,
    /// The value.
    pub value: String,
}

impl Assignment {
    /// Makes an assignment to a `[buildout]` option.
    pub fn buildout(option: &str, value: impl Into<String>) -> Self {
        Assignment {
            section: BUILDOUT_SECTION.to_owned(),
            option: option.to_owned(),
            value: value.into(),
        }
    }
}

/// What a configuration is made of.
pub struct ConfigurationRequest<'a> {
    /// The profile, a path or URL; `None` for commands that work without.
    pub profile: Option<String>,
    /// The directory that relative paths start from, absolute.
    pub working_directory: &'a str,
    /// The user's home directory, which `~` in directories means.
    pub home_directory: Option<&'a str>,
    /// The user's `default.cfg`, if it exists and is wanted.
    pub user_defaults: Option<String>,
    /// The command line's assignments, in any order.
    pub assignments: Vec<Assignment>,
    /// The default of `[buildout] executable`.
    pub executable: &'a str,
    /// Reads profiles.
    pub loader: &'a dyn ProfileLoader,
    /// Decides conditions.
    pub conditions: &'a Conditions<'a>,
    /// The dialect, as [`choose_dialect`] found it.
    pub dialect: Dialect,
}

/// The merged configuration, before macros and substitution.
#[derive(Debug)]
pub struct Configuration {
    /// The sections, `[buildout]` first.
    pub sections: MergedSections,
    /// The dialect in force.
    pub dialect: Dialect,
    /// The absolute path or the URL of the profile.
    pub profile: Option<String>,
    /// Entries of `optional-extends` that do not exist, in order.
    pub skipped_extends: Vec<String>,
    trees: Vec<Arc<Tree>>,
}

impl Configuration {
    /// Loads and merges everything.
    ///
    /// # Errors
    ///
    /// See [`ExtendsError`].
    pub fn load(request: ConfigurationRequest<'_>) -> Result<Self, ExtendsError> {
        let surroundings = Surroundings {
            loader: request.loader,
            conditions: request.conditions,
            dialect: &request.dialect,
        };
        let shape = request.dialect.merge;
        let mut sections = MergedSections::default();
        sections.insert(
            Arc::from(BUILDOUT_SECTION),
            Arc::new(defaults::buildout_defaults(
                &request.dialect,
                request.executable,
            )),
        );
        let mut profile = request.profile;
        if let Some(name) = &mut profile
            && !is_url(name)
        {
            *name = normalize_path(&join(request.working_directory, name, false));
            if !request.loader.exists(name) {
                return Err(ExtendsError::MissingProfile { path: name.clone() });
            }
        }
        if let Some(directory) = profile.as_deref().filter(|name| !is_url(name)).map(base_of) {
            let origin = Origin::symbolic(Source::Computed);
            let option = MergedOption::set(directory, origin);
            buildout_of(&mut sections).insert(Arc::from("directory"), option);
        }
        let mut command_line = command_line_sections(request.assignments);
        let overriding = command_line
            .get(BUILDOUT_SECTION)
            .map(|section| (**section).clone())
            .unwrap_or_default();

        let mut trees = Vec::new();
        let mut skipped_extends = Vec::new();
        let mut open = |name: &str, options: &MergedSection, defaults: &MergedSections| {
            let loaded = load(surroundings, name, options, &overriding, defaults)?;
            skipped_extends.extend(loaded.skipped);
            let merged = merge(&loaded.tree)?;
            trees.push(loaded.tree);
            Ok::<_, ExtendsError>(merged)
        };
        let mut user_defaults = MergedSections::default();
        let mut for_download = sections.clone();
        if let Some(name) = &request.user_defaults {
            let none = MergedSections::default();
            user_defaults = open(name, buildout_of(&mut sections), &none)?;
            update(&mut for_download, &user_defaults, shape);
        }
        let download_options = buildout_of(&mut for_download).clone();
        if let Some(name) = &profile {
            let merged = open(name, &download_options, &user_defaults)?;
            update(&mut sections, &merged, shape);
        }
        if let Some(options) = command_line.get_mut(BUILDOUT_SECTION)
            && let Some(extends) = Arc::make_mut(options).shift_remove("extends")
        {
            for name in crate::profile::python_text::split_words(&extends.value) {
                let merged = open(name, &download_options, &user_defaults)?;
                update(&mut sections, &merged, shape);
            }
        }
        update(&mut sections, &command_line, shape);

        let mut configuration = Configuration {
            sections,
            dialect: request.dialect.clone(),
            profile,
            skipped_extends,
            trees,
        };
        configuration.check_dialects()?;
        configuration.complete_versions()?;
        configuration.absolutize(request.working_directory, request.home_directory)?;
        Ok(configuration)
    }

    /// Returns an option before macros and substitution.
    pub fn option(&self, section: &str, option: &str) -> Option<&MergedOption> {
        self.sections.get(section)?.get(option)
    }

    /// Returns the include graphs: of the user's defaults, the profile and the
    /// profiles named on the command line, where they exist.
    pub fn trees(&self) -> &[Arc<Tree>] {
        &self.trees
    }

    /// Returns the place of `origin` in its profile, underlining `needle`.
    pub fn place(&self, origin: &Origin, needle: &str) -> Option<Place> {
        self.trees
            .iter()
            .find_map(|tree| tree.place(origin, needle))
    }

    /// A profile that asks for another dialect than the one already in force
    /// was not written for this run.
    fn check_dialects(&self) -> Result<(), ExtendsError> {
        let in_force = self.dialect.name.as_str();
        for tree in &self.trees {
            if let Some((asked, place)) = dialect_choice::conflict(tree, in_force) {
                return Err(ExtendsError::DialectConflict {
                    asked,
                    in_force,
                    place: Box::new(place),
                });
            }
        }
        Ok(())
    }

    /// The implicit pins of `[versions]`.
    fn complete_versions(&mut self) -> Result<(), ExtendsError> {
        let default = || Origin::symbolic(Source::Default);
        let buildout = buildout_of(&mut self.sections);
        if !buildout.contains_key("versions") {
            let option = MergedOption::set("versions", default());
            buildout.insert(Arc::from("versions"), option);
            self.sections.entry(Arc::from("versions")).or_default();
        }
        let Some(name) = self.option(BUILDOUT_SECTION, "versions").cloned() else {
            return Ok(());
        };
        if name.value.is_empty() {
            return Ok(());
        }
        let pin = format!(">={}", self.dialect.emulated_version);
        let Some(versions) = self.sections.get_mut(&name.value) else {
            let place = name.origin().and_then(|o| self.place(&o, &name.value));
            return Err(ExtendsError::MissingVersionsSection {
                section: name.value.to_string(),
                place: place.map(Box::new),
            });
        };
        for (project, pin) in [("zc.buildout", pin.as_str()), ("zc.recipe.egg", ">=2.0.6")] {
            if !versions.contains_key(project) {
                Arc::make_mut(versions)
                    .insert(Arc::from(project), MergedOption::set(pin, default()));
            }
        }
        Ok(())
    }

    /// Makes the shared directories absolute, seen from the file that set
    /// them.
    fn absolutize(&mut self, working: &str, home: Option<&str>) -> Result<(), ExtendsError> {
        for name in ["download-cache", "eggs-directory", "extends-cache"] {
            let directory = self
                .option(BUILDOUT_SECTION, "directory")
                .map(|option| option.value.to_string());
            let Some(option) = buildout_of(&mut self.sections).get_mut(name) else {
                continue;
            };
            let value = option.value.to_string();
            if value.contains("${") || value.starts_with('/') {
                continue;
            }
            let base = match option.origin().map(|origin| origin.source) {
                Some(Source::Profile(source)) if is_url(&source) => {
                    return Err(ExtendsError::AmbiguousDirectory {
                        option: name,
                        value,
                        source_name: source,
                    });
                }
                Some(Source::Profile(source)) => base_of(&source).to_owned(),
                _ => directory.unwrap_or_else(|| working.to_owned()),
            };
            let expanded = expand_home(&value, home);
            let absolute = join(&join(working, &base, false), &expanded, false);
            option.set_directory(normalize_path(&absolute));
        }
        Ok(())
    }
}

/// `os.path.expanduser`, for the user who runs the command.
fn expand_home(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    }
}

fn buildout_of(sections: &mut MergedSections) -> &mut MergedSection {
    Arc::make_mut(sections.entry(Arc::from(BUILDOUT_SECTION)).or_default())
}

/// Groups assignments as upstream does: sorted, so that of two assignments to
/// one option the greater value wins, whatever their order on the line.
fn command_line_sections(mut assignments: Vec<Assignment>) -> MergedSections {
    assignments.sort();
    let mut sections: MergedSections = IndexMap::default();
    for assignment in assignments {
        let origin = Origin::symbolic(Source::CommandLine);
        let option = MergedOption::set(assignment.value, origin);
        let section = sections.entry(Arc::from(assignment.section)).or_default();
        Arc::make_mut(section).insert(Arc::from(assignment.option), option);
    }
    sections
}
