//! `zc.recipe.egg`, `:scripts` and `:script`: distributions with their scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use buildout_core::dialect::EggLayout;
use buildout_core::event::{ENGINE_LOGGER, Level};
use buildout_core::extends::join;
use buildout_core::profile::python_text::{split_lines, split_words, strip};
use buildout_core::recipe::{
    Construction, Descriptor, DistributionBasis, Factory, Installed, OptionReader, PartRun,
    PlannedDistributions, PlannedDownload, Recipe, RecipeError, ResultDocumentation,
};
use buildout_core::value::str_repr;
use buildout_eggs::distribution::Distribution;
use buildout_eggs::name::{ProjectName, canonical_name};
use buildout_eggs::requirement::Requirement;
use buildout_eggs::script::{Callable, ScriptEnvironment, ScriptError, Shebang, real_paths};
use indexmap::IndexMap;

use super::eggs::{Eggs, PartEggs};
use super::options::SCRIPTS_RESULTS;
use super::run::EggRuns;
use crate::live_options::LiveOptions as _;
use crate::output_file::write_if_different;
use crate::system_error::failed;

/// The mode of a script before the umask.
const SCRIPT_MODE: u32 = 0o777;

/// The factory of the entry points that make scripts.
pub(super) struct ScriptsFactory {
    descriptor: Descriptor,
    runs: Arc<EggRuns>,
}

impl ScriptsFactory {
    pub(super) fn new(descriptor: Descriptor, runs: Arc<EggRuns>) -> Self {
        ScriptsFactory { descriptor, runs }
    }
}

impl Factory for ScriptsFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        SCRIPTS_RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        const PATHS_OPTION: &str = "extra-paths";
        const RELATIVE_OPTION: &str = "relative-paths";
        let eggs = Eggs::construct(part, &self.runs)?;
        let bin = part.buildout_option("bin-directory")?.unwrap_or_default();
        part.set("bin-directory", &bin)?;
        part.set("_b", &bin)?;
        let directory = part.buildout_option("directory")?.unwrap_or_default();
        let paths = part.option(PATHS_OPTION)?.unwrap_or_default();
        let extra_paths: Vec<String> = split_lines(&paths)
            .into_iter()
            .map(strip)
            .filter(|path| !path.is_empty())
            .map(|path| join(&directory, path, false))
            .collect();
        if !extra_paths.is_empty() {
            part.set(PATHS_OPTION, &extra_paths.join("\n"))?;
        }
        let relative = match part.option(RELATIVE_OPTION)? {
            Some(relative) => Some(relative),
            None => part.buildout_option(RELATIVE_OPTION)?,
        };
        let relative_to = match relative.as_deref().unwrap_or("false") {
            "true" => {
                part.set("buildout-directory", &directory)?;
                Some(directory.to_string())
            }
            "false" => None,
            // Upstream asserts.
            other => {
                let shown = str_repr(other);
                let text = format!("Invalid value for '{RELATIVE_OPTION}' option: {shown}");
                return Err(RecipeError::user(text)
                    .at_option(RELATIVE_OPTION)
                    .with_hint("use `true` or `false`"));
            }
        };
        Ok(Box::new(Scripts {
            eggs,
            extra_paths,
            relative_to,
        }))
    }
}

struct Scripts {
    eggs: Eggs,
    extra_paths: Vec<String>,
    /// The buildout directory, if paths are relative.
    relative_to: Option<String>,
}

impl Recipe for Scripts {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let eggs = self.eggs.working_set(run)?;
        let scripts = run.read("scripts")?;
        if scripts.as_deref().is_some_and(str::is_empty) {
            return Ok(Installed::nothing());
        }
        let wanted = scripts.as_deref().map(Wanted::parse);
        let entry_points = read_entry_points(run)?;
        let with_dependencies = read_dependent_scripts(run)?;
        let candidates = self.candidates(&eggs, entry_points, with_dependencies)?;
        self.write_all(run, &eggs, &candidates, wanted.as_ref())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        self.eggs.downloads()
    }

    fn takes_distributions(&self) -> bool {
        true
    }

    fn distributions(
        &self,
        run: &PartRun<'_>,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        self.eggs.plan(run, basis)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let bin = option("bin-directory").unwrap_or_default();
        let Some(scripts) = option("scripts") else {
            // Only the eggs tell.
            return vec![bin.to_string()];
        };
        if scripts.is_empty() {
            // Nothing is made, so the interpreter is not even read.
            return Vec::new();
        }
        let wanted = Wanted::parse(&scripts);
        let interpreter = option("interpreter").filter(|name| !name.is_empty());
        let names = wanted.0.values().map(String::as_str);
        let names = names.chain(interpreter.as_deref());
        names.map(|name| join(&bin, name, false)).collect()
    }
}

/// The scripts to make: the name an egg gives, and that of the file.
struct Wanted(IndexMap<String, String>);

impl Wanted {
    fn parse(text: &str) -> Self {
        let pair = |word: &str| match word.split_once('=') {
            Some((name, file)) => (name.to_owned(), file.to_owned()),
            None => (word.to_owned(), word.to_owned()),
        };
        Wanted(split_words(text).map(pair).collect())
    }

    fn warn_of_missing(&self, run: &PartRun<'_>, candidates: &Candidates) {
        let is_known = |name: &str| {
            candidates.callables.iter().any(|known| known.name == name)
                // Upstream warns of these and makes them.
                || candidates.distutils.iter().any(|(known, _)| known == name)
        };
        for (name, file) in self.0.iter().filter(|(name, _)| !is_known(name)) {
            let message = match name == file {
                true => format!(
                    "Could not generate script '{name}' as it is not defined in the egg entry points."
                ),
                false => format!(
                    "Could not generate script '{name}' as script '{file}' is not defined in the egg entry points."
                ),
            };
            log(run, Level::Warning, message);
        }
    }
}

/// What may become scripts.
#[derive(Default)]
struct Candidates {
    callables: Vec<Callable>,
    /// The scripts of distutils, with their texts.
    distutils: Vec<(String, String)>,
}

impl Scripts {
    fn candidates(
        &self,
        eggs: &PartEggs,
        entry_points: Vec<Callable>,
        with_dependencies: bool,
    ) -> Result<Candidates, RecipeError> {
        let mut candidates = Candidates::default();
        let mut names: Vec<ProjectName> = Vec::new();
        for text in &eggs.requirements {
            let requirement = Requirement::parse(text).map_err(RecipeError::user)?;
            let applies = requirement.applies(&*eggs.shared.markers, "");
            if applies.map_err(RecipeError::user)? {
                names.push(requirement.name);
            }
        }
        for name in &names {
            let Some(distribution) = eggs.working_set.find(name) else {
                // The resolution has put each of them there.
                continue;
            };
            self.add(distribution, &mut candidates)?;
        }
        candidates.callables.extend(entry_points);
        if with_dependencies {
            for distribution in &eggs.working_set {
                let name = distribution.name();
                let is_asked_for = eggs.requirements.iter().any(|text| text == name);
                if canonical_name(name) != "setuptools" && !is_asked_for {
                    self.add(distribution, &mut candidates)?;
                }
            }
        }
        Ok(candidates)
    }

    fn add(
        &self,
        distribution: &Distribution,
        candidates: &mut Candidates,
    ) -> Result<(), RecipeError> {
        let scripts = distribution.entry_points().group("console_scripts");
        candidates
            .callables
            .extend(scripts.iter().map(|entry| Callable {
                name: entry.name.clone(),
                module: entry.module.clone(),
                attributes: entry.attributes.clone(),
            }));
        if self.eggs.dialect().egg_layout == EggLayout::Pip {
            return Ok(());
        }
        let mut paths = match distribution.link() {
            Some(link) => link.scripts.clone(),
            None => files_in(&distribution.location().join("EGG-INFO/scripts"))?,
        };
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.to_lowercase().ends_with(".exe") {
                continue;
            }
            let bytes = fs::read(&path).map_err(failed("read", &path))?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            candidates.distutils.push((name.into_owned(), text));
        }
        Ok(())
    }

    fn write_all(
        &self,
        run: &PartRun<'_>,
        eggs: &PartEggs,
        candidates: &Candidates,
        wanted: Option<&Wanted>,
    ) -> Result<Installed, RecipeError> {
        let locations = eggs.working_set.iter().map(|found| found.location());
        let extra = self.extra_paths.iter().map(Path::new);
        let path = real_paths(locations.chain(extra));
        let initialization = run.read("initialization")?.unwrap_or_default();
        let arguments = run.read("arguments")?.unwrap_or_default();
        let python = eggs.shared.python.to_string_lossy();
        let environment = ScriptEnvironment {
            shebang: Shebang::new(&python, self.eggs.dialect().shebang_limit),
            path: &path,
            initialization: &initialization,
            relative_to: self.relative_to.as_deref(),
        };
        let bin = run.read_required("bin-directory")?;
        let file_for = |name: &str| {
            let file = match wanted {
                Some(wanted) => wanted.0.get(name)?.as_str(),
                None => name,
            };
            Some(join(&bin, file, false))
        };
        let mut made = Vec::new();
        for callable in &candidates.callables {
            if let Some(file) = file_for(&callable.name) {
                let text = environment.entry_point_script(&file, callable, &arguments);
                write_script(run, &file, &text.map_err(script_error)?, "script")?;
                made.push(file);
            }
        }
        if let Some(wanted) = wanted {
            wanted.warn_of_missing(run, candidates);
        }
        for (name, original) in &candidates.distutils {
            if let Some(file) = file_for(name) {
                let text = environment.distutils_script(&file, original);
                write_script(run, &file, &text.map_err(script_error)?, "script")?;
                made.push(file);
            }
        }
        if let Some(name) = run.read("interpreter")?.filter(|name| !name.is_empty()) {
            let file = join(&bin, &name, false);
            let text = environment.interpreter(&file).map_err(script_error)?;
            write_script(run, &file, &text, "interpreter")?;
            made.push(file);
        }
        Ok(Installed::Paths(made))
    }
}

fn script_error(error: ScriptError) -> RecipeError {
    RecipeError::user(error)
        .at_option("relative-paths")
        .with_hint(
            "set `relative-paths = false`, or `bin-directory` to one in the buildout directory",
        )
}

/// Writes a script unless it has the text already; then its mode stays, too.
fn write_script(run: &PartRun<'_>, file: &str, text: &str, kind: &str) -> Result<(), RecipeError> {
    let path = Path::new(file);
    if fs::read(path).is_ok_and(|current| current == text.as_bytes()) {
        return Ok(());
    }
    if path.symlink_metadata().is_err() {
        run.created(path);
    }
    let mode = SCRIPT_MODE & !run.services().umask;
    write_if_different(path, text.as_bytes(), mode)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(failed("set the mode of", path))?;
    log(
        run,
        Level::Info,
        format!("Generated {kind} {}.", str_repr(file)),
    );
    Ok(())
}

/// Reads `entry-points`: what `NAME=module:attribute` looks like is upstream's
/// pattern.
fn read_entry_points(run: &PartRun<'_>) -> Result<Vec<Callable>, RecipeError> {
    const OPTION: &str = "entry-points";
    let text = run.read(OPTION)?.unwrap_or_default();
    let mut callables = Vec::new();
    for word in split_words(&text) {
        let Some(callable) = parse_entry_point(word) else {
            run.log(
                Level::Error,
                format!("Cannot parse the entry point {word}."),
            );
            return Err(RecipeError::user("Invalid entry point")
                .at_option(OPTION)
                .with_hint(format!("write `NAME=module:function` for `{word}`")));
        };
        callables.push(callable);
    }
    Ok(callables)
}

fn parse_entry_point(word: &str) -> Option<Callable> {
    let (name, target) = word.split_once('=')?;
    let (module, attributes) = target.split_once(':')?;
    let is_dotted = |text: &str| {
        text.split('.')
            .all(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    let is_one = !name.is_empty() && is_dotted(module) && is_dotted(attributes);
    is_one.then(|| Callable {
        name: name.to_owned(),
        module: module.to_owned(),
        attributes: attributes.to_owned(),
    })
}

fn read_dependent_scripts(run: &PartRun<'_>) -> Result<bool, RecipeError> {
    const OPTION: &str = "dependent-scripts";
    match run.read(OPTION)?.as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let text = format!("Invalid value for {OPTION} option: {other}");
            Err(RecipeError::user(text)
                .at_option(OPTION)
                .with_hint("use `true` or `false`"))
        }
    }
}

fn files_in(directory: &Path) -> Result<Vec<std::path::PathBuf>, RecipeError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", directory)(error).into()),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed("read", directory))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// Logs as `zc.buildout.easy_install` does, not under the name of the part.
fn log(run: &PartRun<'_>, level: Level, message: String) {
    run.services()
        .log(&Arc::from(ENGINE_LOGGER), level, message);
}
