//! Building a wheel, step by step.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::exec::command::{Command, CommandError};
use buildout_core::exec::failure::CommandFailure;
use buildout_core::exec::shell_quote::quote;
use buildout_core::recipe::Environment;

use super::requirements::{Answer, PROGRAM, Product, asks_for_more, read_answer};
use super::setup_cfg::edit_setup_cfg;
use super::tree::unpack_source;
use super::{BuildError, Commands, failed};

/// Where the requirements of a build come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// They are resolved and put on the path of the build.
    #[default]
    Resolved,
    /// Only what is named beforehand is there: SlapOS's `setup-eggs`.
    Named,
}

/// Patches for a source tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patches {
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// The program.
    pub program: String,
    /// Its options.
    pub options: Vec<String>,
    /// The number in the version of what is built.
    pub revision: u32,
}

/// What a build is told besides the source.
#[derive(Clone, Debug, Default)]
pub struct BuildSettings {
    /// Options of the command `build_ext`.
    pub build_ext: Vec<(String, String)>,
    /// Variables that differ from those of the run.
    pub variables: Environment,
    /// Paths in front of all others: the `setup-eggs`.
    pub path: Vec<PathBuf>,
    /// Where requirements come from.
    pub isolation: Isolation,
    /// What is changed in the source before.
    pub patches: Option<Patches>,
}

/// Resolves requirements and returns what goes on a path for them, with pip,
/// setuptools and wheel.
pub type Provide<'b> =
    dyn Fn(&[String]) -> Result<Vec<PathBuf>, Box<dyn std::error::Error + Send + Sync>> + Sync + 'b;

/// Builds with one Python.
pub struct Builder<'b> {
    /// The executable.
    pub python: &'b Path,
    /// Runs the commands.
    pub commands: &'b dyn Commands,
    /// The variables of the run.
    pub environment: &'b Environment,
    /// Where temporary files go.
    pub temporary_directory: &'b Path,
    /// Has what builds ask for.
    pub provide: &'b Provide<'b>,
}

/// The directories of one build, which go away with it.
pub(crate) struct Workplace {
    directory: tempfile::TempDir,
}

impl Workplace {
    pub(crate) fn new(parent: &Path) -> Result<Self, BuildError> {
        let directory = tempfile::Builder::new()
            .prefix("buildout-build-")
            .tempdir_in(parent)
            .map_err(failed("create a directory in", parent))?;
        for name in ["out", "empty"] {
            let path = directory.path().join(name);
            fs::create_dir(&path).map_err(failed("create", &path))?;
        }
        Ok(Workplace { directory })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Builder<'_> {
    /// Builds a wheel of an archive and puts it into `destination`, a
    /// directory; `what` names the distribution in messages.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    pub fn build_wheel(
        &self,
        archive: &Path,
        what: &str,
        settings: &BuildSettings,
        destination: &Path,
    ) -> Result<PathBuf, BuildError> {
        let place = Workplace::new(self.temporary_directory)?;
        let source = unpack_source(archive, &place.path("source"))?;
        if let Some(patches) = &settings.patches {
            self.apply(patches, &source, what, settings)?;
        }
        configure(&source, settings)?;
        let path = self.path(&place, &source, what, settings, Product::Wheel)?;
        let out = place.path("out");
        let arguments = [
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "--no-cache-dir",
            "-q",
            "-w",
        ];
        let mut arguments: Vec<OsString> = arguments.map(OsString::from).to_vec();
        arguments.extend([out.clone().into(), source.clone().into()]);
        self.run_python(arguments, &place, &path, settings, what)?;
        take_wheel(&out, destination, what)
    }

    /// Returns the path for a build: what is named, and what the project asks
    /// for.
    pub(crate) fn path(
        &self,
        place: &Workplace,
        source: &Path,
        what: &str,
        settings: &BuildSettings,
        product: Product,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let provide = |requirements: &[String]| {
            let mut path = settings.path.clone();
            let provided = (self.provide)(requirements);
            path.extend(provided.map_err(|source| BuildError::Requirements {
                what: what.to_owned(),
                source,
            })?);
            Ok(path)
        };
        let tools = provide(&[])?;
        if !is_asked(source, settings) {
            return Ok(tools);
        }
        let ask = |path: &[PathBuf], provided: &str| {
            self.ask(place, source, (what, settings, product), path, provided)
        };
        let mut path = tools;
        let mut answer = ask(&path, "")?;
        if answer.more.is_none() {
            path = provide(&answer.requires)?;
            answer = ask(&path, "provided")?;
        }
        let more = answer.more.unwrap_or_default();
        if more.is_empty() {
            return Ok(path);
        }
        let mut requirements = answer.requires;
        requirements.extend(more);
        provide(&requirements)
    }

    /// Asks a project what its build needs besides `path`.
    fn ask(
        &self,
        place: &Workplace,
        source: &Path,
        (what, settings, product): (&str, &BuildSettings, Product),
        path: &[PathBuf],
        provided: &str,
    ) -> Result<Answer, BuildError> {
        let answer = place.path("requires.json");
        let arguments: [OsString; 6] = [
            "-c".into(),
            PROGRAM.into(),
            answer.clone().into(),
            source.into(),
            product.hook().into(),
            provided.into(),
        ];
        self.run_python(arguments, place, path, settings, what)?;
        read_answer(&answer)
    }

    /// Has setuptools leave `X.egg-info` in a checkout, as it does wherever it is asked
    /// what an editable build needs: by that, scripts that have the checkout on their
    /// path find its metadata.
    pub(crate) fn leave_egg_info(
        &self,
        place: &Workplace,
        checkout: &Path,
        what: &str,
        settings: &BuildSettings,
        path: &[PathBuf],
    ) -> Result<(), BuildError> {
        if is_asked(checkout, settings) || !checkout.join("setup.py").is_file() {
            return Ok(());
        }
        let how = (what, settings, Product::Editable);
        self.ask(place, checkout, how, path, "provided")?;
        Ok(())
    }

    /// Runs Python from an empty directory, so that nothing there is imported.
    pub(crate) fn run_python(
        &self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        place: &Workplace,
        path: &[PathBuf],
        settings: &BuildSettings,
        what: &str,
    ) -> Result<(), BuildError> {
        let environment = self.environment_with(path, settings);
        let command = Command::new(self.python, arguments, place.path("empty"), environment);
        self.run(&command, |source| BuildError::Command {
            what: what.to_owned(),
            source: Box::new(source),
        })
    }

    fn run(
        &self,
        command: &Command,
        explain: impl FnOnce(CommandFailure) -> BuildError,
    ) -> Result<(), BuildError> {
        match self.commands.run(command) {
            Ok(finished) if finished.outcome.is_success() => Ok(()),
            Ok(finished) => Err(explain(CommandFailure::new(command, finished))),
            Err(CommandError::Cancelled { .. }) => Err(BuildError::Cancelled),
            Err(error) => Err(explain(CommandFailure::new(command, error))),
        }
    }

    /// Returns the variables of a build. What configures pip is left out: it
    /// has nothing to fetch and no place of its own to install into.
    fn environment_with(&self, path: &[PathBuf], settings: &BuildSettings) -> Environment {
        let mut environment = self.environment.clone();
        environment.extend(settings.variables.clone());
        environment.retain(|name, _| !name.to_string_lossy().starts_with("PIP_"));
        let inherited = environment.get(&OsString::from("PYTHONPATH"));
        let inherited = inherited.filter(|path| !path.is_empty()).cloned();
        let paths = path.iter().map(|path| path.clone().into_os_string());
        let joined = paths.chain(inherited).collect::<Vec<_>>();
        let joined = joined.join(&OsString::from(":"));
        if !settings.path.is_empty() {
            let extra: Vec<OsString> = settings.path.iter().map(|path| path.into()).collect();
            environment.insert("PYTHONEXTRAPATH".into(), extra.join(&OsString::from(":")));
        }
        environment.insert("PYTHONPATH".into(), joined);
        environment.insert("PIP_CONFIG_FILE".into(), "/dev/null".into());
        environment.insert("PIP_DISABLE_PIP_VERSION_CHECK".into(), "1".into());
        environment.insert("PIP_ROOT_USER_ACTION".into(), "ignore".into());
        environment.insert("PYTHONNOUSERSITE".into(), "1".into());
        environment
    }

    fn apply(
        &self,
        patches: &Patches,
        source: &Path,
        what: &str,
        settings: &BuildSettings,
    ) -> Result<(), BuildError> {
        let mut environment = self.environment.clone();
        environment.extend(settings.variables.clone());
        for patch in &patches.files {
            let shown = patch.to_string_lossy();
            let options: Vec<_> = patches.options.iter().map(|option| quote(option)).collect();
            let program = quote(&patches.program);
            let script = format!("{program} {} < {}", options.join(" "), quote(&shown));
            let command = Command::shell(script, source, environment.clone());
            self.run(&command, |source| BuildError::Patch {
                what: what.to_owned(),
                patch: shown.clone().into_owned(),
                source: Box::new(source),
            })?;
        }
        Ok(())
    }
}

/// Tells whether a project is asked what its build needs.
fn is_asked(source: &Path, settings: &BuildSettings) -> bool {
    settings.isolation == Isolation::Resolved && asks_for_more(source)
}

/// Writes the options of a build into the project's `setup.cfg`.
fn configure(source: &Path, settings: &BuildSettings) -> Result<(), BuildError> {
    let tag = settings.patches.as_ref().map(|patches| {
        let tag = format!("+SlapOSPatched{:03}", patches.revision);
        vec![("tag_build".to_owned(), tag)]
    });
    if settings.build_ext.is_empty() && tag.is_none() {
        return Ok(());
    }
    let path = source.join("setup.cfg");
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    if !settings.build_ext.is_empty() {
        text = edit_setup_cfg(&text, "build_ext", &settings.build_ext);
    }
    if let Some(tag) = tag {
        text = edit_setup_cfg(&text, "egg_info", &tag);
    }
    // It may be a link to somewhere else.
    let _ = fs::remove_file(&path);
    fs::write(&path, text).map_err(failed("write", &path))
}

/// Moves the one wheel in `out` to `destination`.
fn take_wheel(out: &Path, destination: &Path, what: &str) -> Result<PathBuf, BuildError> {
    let mut wheels = Vec::new();
    for entry in fs::read_dir(out).map_err(failed("read", out))? {
        let path = entry.map_err(failed("read", out))?.path();
        if path.extension().is_some_and(|suffix| suffix == "whl") {
            wheels.push(path);
        }
    }
    let [wheel] = &wheels[..] else {
        return Err(BuildError::NoWheel {
            what: what.to_owned(),
            found: wheels.len(),
        });
    };
    let place = destination.join(wheel.file_name().unwrap_or_default());
    // They may be on different file systems.
    fs::copy(wheel, &place).map_err(failed("write", &place))?;
    Ok(place)
}
