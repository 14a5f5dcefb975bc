//! `rubygemsrecipe`: Ruby gems in a directory of their own, with wrappers of
//! their programs.
//!
//! RubyGems itself is downloaded and installed into the directory by Ruby, and
//! the program `gem` that this gives installs the gems.

mod dependency;
mod environment;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::exec::command::{Command, CommandError};
use buildout_core::exec::failure::CommandFailure;
use buildout_core::exec::outcome::Outcome;
use buildout_core::exec::output::StreamKind;
use buildout_core::fetch::archive::StripTopLevel;
use buildout_core::profile::python_text::{split_lines, split_words, strip};
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Environment, Factory, Footprint, Installed,
    OptionDocumentation, OptionReader, PartRun, PlannedDownload, Recipe, RecipeError,
    RecipeErrorKind, ResultDocumentation, UpdateKind,
};
use buildout_core::value::str_repr;

use self::dependency::{Dependency, GemVersion, check, dependencies};
use self::environment::GemEnvironment;
use crate::boolean::parse_boolean;
use crate::documentation::{FunctionFactory, option, required, result};
use crate::download_unpacked::Archive;
use crate::location::clear;
use crate::output_file::write_if_different;
use crate::source::Source;
use crate::system_error::failed;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "rubygemsrecipe",
    summary: "Installs Ruby gems into a directory of their own, and programs that run them into `bin`.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Commands,
    update: UpdateKind::Nothing,
    options: OPTIONS,
};

const GEMS: &str = "gems";
const URL: &str = "url";
const VERSION: &str = "version";
const RUBY: &str = "ruby-executable";
const DEPLOYMENT: &str = "deployment";
const ENVIRONMENT: &str = "environment";

const OPTIONS: &[OptionDocumentation] = &[
    required(
        GEMS,
        "The gems, separated by whitespace: `NAME` or `NAME==VERSION`.",
    ),
    option(
        VERSION,
        "",
        "The version of RubyGems to download from its own site; this or `url` is needed.",
    ),
    option(
        URL,
        "",
        "The zip archive of RubyGems, in place of `version`; its name ends in `-VERSION.zip`.",
    ),
    option(RUBY, "ruby", "The program ruby."),
    option(
        DEPLOYMENT,
        "${buildout:allow-picked-versions} negated",
        "Whether every gem and every dependency must be listed with its version: `true` or `false`.",
    ),
    option(
        ENVIRONMENT,
        "",
        "Variables for ruby and the installed programs, one NAME=value in a line; `%(PATH)s`, `%(GEM_HOME)s` and `%(RUBYLIB)s` are what they would be without.",
    ),
    option(
        "gem-options",
        "",
        "What the gems are built with, one option in a line.",
    ),
];

const RESULTS: &[ResultDocumentation] = &[result("location", "The directory of the gems.")];

/// Where RubyGems comes from.
const SITE: &str = "https://rubygems.org/rubygems/rubygems";

/// The mode of the programs in `bin`.
const MODE: u32 = 0o766;

/// What the recipe refuses, in upstream's words.
#[derive(Debug, thiserror::Error)]
enum GemProblem {
    #[error("Configuration error, 'gems' option is missing")]
    NoGems,
    #[error("Configuration error, 'url' and 'version' options are mutually exclusive")]
    UrlAndVersion,
    #[error("Can't find rubygems version.")]
    NoVersion,
    #[error("Rubygems version must be >= 2.0.0")]
    OldVersion,
    #[error("Configuration error, version for gem {0} is missing")]
    GemWithoutVersion(String),
    #[error("Configuration error, version for dependency {0} is missing")]
    DependencyWithoutVersion(String),
    #[error("System error, command failed: {error}: {command}")]
    NotRun {
        command: String,
        error: CommandError,
    },
    #[error("System error, command failed with exit code {code}: {command}")]
    Failed {
        code: i32,
        command: String,
        #[source]
        failure: CommandFailure,
    },
    #[error("System error, command received signal {signal}: {command}")]
    Killed {
        signal: i32,
        command: String,
        #[source]
        failure: CommandFailure,
    },
    #[error("RubyGems did not install a program `gem`")]
    NoGemProgram,
}

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let text = |name: &str| -> Result<Option<String>, RecipeError> {
        let value = part.option(name)?.filter(|value| !value.is_empty());
        Ok(value.map(|value| value.to_string()))
    };
    let parts = part.buildout_option("parts-directory")?.unwrap_or_default();
    let parts = parts.trim_end_matches('/').to_owned();
    let location = format!("{parts}/{}", part.part());
    part.set("location", &location)?;
    let gems = text(GEMS)?.unwrap_or_default();
    let gems: Vec<GemVersion> = split_words(&gems).map(GemVersion::parse).collect();
    if gems.is_empty() {
        return Err(RecipeError::user(GemProblem::NoGems)
            .at_option(GEMS)
            .with_hint(format!(
                "add `gems = NAME==VERSION ...` to `[{}]`",
                part.part()
            )));
    }
    let deployment = match text(DEPLOYMENT)? {
        Some(value) => parse_boolean(DEPLOYMENT, &value)?,
        None => {
            let allowed = part.buildout_option("allow-picked-versions")?;
            allowed.is_some_and(|allowed| &*allowed == "false")
        }
    };
    let (url, version) = match (text(URL)?, text(VERSION)?) {
        (Some(_), Some(_)) => {
            return Err(RecipeError::user(GemProblem::UrlAndVersion)
                .at_option(VERSION)
                .with_hint("remove one of the two"));
        }
        (Some(url), None) => {
            let version = version_in(&url).ok_or_else(|| {
                RecipeError::user(GemProblem::NoVersion)
                    .at_option(URL)
                    .with_hint("`url` must end in `-VERSION.zip`")
            })?;
            (url, version)
        }
        (None, Some(version)) => (format!("{SITE}-{version}.zip"), version),
        // Upstream reads the newest version from a page of the site.
        (None, None) => {
            return Err(RecipeError::user(GemProblem::NoVersion)
                .at_option("recipe")
                .with_hint("add `version = ...`, a version of RubyGems such as 3.5.22"));
        }
    };
    if version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u64>().ok())
        < Some(2)
    {
        return Err(RecipeError::user(GemProblem::OldVersion)
            .at_option(if part.option(VERSION)?.is_some() {
                VERSION
            } else {
                URL
            })
            .with_hint("use a newer version of RubyGems"));
    }
    let environment = text(ENVIRONMENT)?.unwrap_or_default();
    Ok(Box::new(RubyGems {
        archive: Archive {
            source: Source::with_fragment(&url, &part.services().directory, URL)?,
            strip: StripTopLevel::Auto,
        },
        source_directory: format!("{parts}/rubygems-{version}"),
        version,
        gems,
        deployment,
        ruby: text(RUBY)?.unwrap_or_else(|| "ruby".to_owned()),
        environment: GemEnvironment::parse(&environment)?,
        gem_options: text("gem-options")?.unwrap_or_default(),
        bin: part
            .buildout_option("bin-directory")?
            .unwrap_or_default()
            .to_string(),
        location,
    }))
}

/// Returns the version in the name of an archive of RubyGems.
fn version_in(url: &str) -> Option<String> {
    let url = url.split('#').next().unwrap_or_default();
    let (_, version) = url.strip_suffix(".zip")?.rsplit_once('-')?;
    let is_version = !version.is_empty()
        && version
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then(|| version.to_owned())
}

struct RubyGems {
    archive: Archive,
    /// Where RubyGems is unpacked.
    source_directory: String,
    version: String,
    gems: Vec<GemVersion>,
    deployment: bool,
    ruby: String,
    environment: GemEnvironment,
    gem_options: String,
    bin: String,
    location: String,
}

impl Recipe for RubyGems {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let location = run.services().absolute(&self.location);
        clear(&location, &run.services().directory)?;
        run.created(&location);
        fs::create_dir_all(&location).map_err(failed("create directory", &location))?;
        let result = self.fill(run, &location);
        if result.is_err() {
            // What failed is more important than what cannot be cleared away.
            let _ = clear(&location, &run.services().directory);
        }
        result?;
        let mut paths = vec![self.location.clone()];
        let mut programs = Vec::new();
        let bin = location.join("bin");
        for entry in fs::read_dir(&bin).map_err(failed("read", &bin))? {
            programs.push(entry.map_err(failed("read", &bin))?.path());
        }
        programs.sort();
        for program in programs {
            paths.push(self.write_program(run, &program)?);
        }
        Ok(Installed::Paths(paths))
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.location.clone()]
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        vec![self.archive.source.planned()]
    }
}

impl RubyGems {
    fn fill(&self, run: &PartRun<'_>, location: &Path) -> Result<(), RecipeError> {
        run.enter_phase("rubygems");
        self.install_rubygems(run, location)?;
        let bin = location.join("bin");
        let program = gem_program(&bin)?;
        for gem in &self.gems {
            if self.deployment {
                self.check_dependencies(run, &program, gem)?;
            }
            run.enter_phase("gem");
            run.log(Level::Info, format!("installing ruby gem \"{}\"", gem.name));
            let mut words = vec![
                program.to_string_lossy().into_owned(),
                "install".to_owned(),
                "--no-document".to_owned(),
                format!("--bindir={}", bin.display()),
            ];
            if self.deployment {
                words.push("--ignore-dependencies".to_owned());
            }
            words.push(gem.name.clone());
            words.extend(
                gem.version
                    .iter()
                    .map(|version| format!("--version={version}")),
            );
            words.push("--".to_owned());
            let options = split_lines(&self.gem_options).into_iter().map(strip);
            let options = options.filter(|option| !option.is_empty());
            words.extend(options.map(ToOwned::to_owned));
            self.run_ruby(run, &run.services().directory, &words)?;
        }
        Ok(())
    }

    fn install_rubygems(&self, run: &PartRun<'_>, location: &Path) -> Result<(), RecipeError> {
        let source = run.services().absolute(&self.source_directory);
        clear(&source, &run.services().directory)?;
        run.created(&source);
        fs::create_dir_all(&source).map_err(failed("create directory", &source))?;
        let unpacked = self.archive.unpack(&run.downloader(), &source);
        let words = [
            "setup.rb".to_owned(),
            "all".to_owned(),
            format!("--prefix={}", location.display()),
            "--no-rdoc".to_owned(),
            "--no-ri".to_owned(),
        ];
        let made = unpacked.and_then(|()| self.run_ruby(run, &source, &words));
        clear(&source, &run.services().directory)?;
        made.map(drop)
    }

    /// In a deployment, nothing may be installed that is not listed with a
    /// version that all others accept.
    fn check_dependencies(
        &self,
        run: &PartRun<'_>,
        program: &Path,
        gem: &GemVersion,
    ) -> Result<(), RecipeError> {
        let needs = |error: GemProblem, name: &str| {
            RecipeError::user(error)
                .at_option(GEMS)
                .with_hint(format!("write `{name}==VERSION` in `gems`"))
        };
        let Some(version) = &gem.version else {
            let error = GemProblem::GemWithoutVersion(gem.name.clone());
            return Err(needs(error, &gem.name));
        };
        let mut pattern = format!("^{}$", gem.name.replace('.', "\\."));
        let major = self
            .version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u64>().ok());
        if major < Some(3) {
            pattern = format!("/{pattern}/");
        }
        let words = [
            program.to_string_lossy().into_owned(),
            "dependency".to_owned(),
            "-rv".to_owned(),
            version.clone(),
            pattern,
        ];
        let answer = self.run_ruby(run, &run.services().directory, &words)?;
        for Dependency { name, constraints } in dependencies(&answer) {
            let listed = self.gems.iter().find(|listed| listed.name == name);
            let Some(listed) = listed else {
                let error = GemProblem::DependencyWithoutVersion(name.clone());
                return Err(needs(error, &name));
            };
            for constraint in &constraints {
                check(constraint, listed, &gem.name).map_err(|error| {
                    RecipeError::user(error)
                        .at_option(GEMS)
                        .with_hint(format!("choose another version of `{name}`"))
                })?;
            }
        }
        Ok(())
    }

    /// Runs ruby and returns what it wrote to standard output.
    fn run_ruby(
        &self,
        run: &PartRun<'_>,
        directory: &Path,
        words: &[String],
    ) -> Result<String, RecipeError> {
        let mut environment: Environment = run.services().environment();
        for (name, value) in self.environment.compute(run, &self.location)? {
            environment.insert(name.into(), value.into());
        }
        environment.insert("PREFIX".into(), self.location.clone().into());
        let command = Command::new(&self.ruby, words, directory, environment);
        let list = std::iter::once(&self.ruby).chain(words);
        let list: Vec<String> = list.map(|word| str_repr(word).to_string()).collect();
        let list = format!("[{}]", list.join(", "));
        let finished = match run.run_command(&command) {
            Ok(finished) => finished,
            Err(error @ CommandError::Cancelled { .. }) => {
                return Err(RecipeError::new(RecipeErrorKind::Cancelled, error));
            }
            Err(error) => {
                let problem = GemProblem::NotRun {
                    command: list,
                    error,
                };
                return Err(RecipeError::user(problem)
                    .at_option(RUBY)
                    .with_hint("install Ruby, or name the program with `ruby-executable`"));
            }
        };
        let outcome = finished.outcome;
        // The answers that are read are short: the last lines are all.
        let lines = finished.tail.lines();
        let answer = lines.filter(|line| line.stream == StreamKind::Stdout);
        let output: String = answer
            .map(|line| format!("{}\n", String::from_utf8_lossy(&line.bytes)))
            .collect();
        let (command_text, failure) = (list, || CommandFailure::new(&command, finished));
        let problem = match outcome {
            Outcome::Exited(0) => return Ok(output),
            Outcome::Exited(code) => GemProblem::Failed {
                code,
                command: command_text,
                failure: failure(),
            },
            Outcome::Signalled(signal) => GemProblem::Killed {
                signal,
                command: command_text,
                failure: failure(),
            },
        };
        Err(RecipeError::user(problem).at_option(GEMS))
    }

    /// Writes the program in `bin` that runs one of the gems' programs in their
    /// environment, and returns its path.
    fn write_program(&self, run: &PartRun<'_>, program: &Path) -> Result<String, RecipeError> {
        let mut text = "#!/bin/sh".to_owned();
        for (name, value) in self.environment.compute(run, &self.location)? {
            text.push_str(&format!("\nexport {name}='{value}'"));
        }
        text.push_str(&format!("\n{} \"$@\"\n\n", program.display()));
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("{}/{name}", self.bin.trim_end_matches('/'));
        let file = run.services().absolute(&path);
        if file.symlink_metadata().is_err() {
            run.created(&file);
        }
        write_if_different(&file, text.as_bytes(), MODE)?;
        Ok(path)
    }
}

/// Finds the program gem, whose name may end in the version of Ruby.
fn gem_program(bin: &Path) -> Result<PathBuf, RecipeError> {
    let entries = fs::read_dir(bin).into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("gem"))
        .map(|entry| entry.path())
        .collect();
    programs.sort();
    let first = programs.into_iter().next();
    first
        .ok_or_else(|| RecipeError::internal("IndexError", GemProblem::NoGemProgram).at_option(URL))
}
