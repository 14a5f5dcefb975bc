//! Running git.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use buildout_core::event::{Event, OutputStream};
use buildout_core::exec::command::{Command, CommandError, Finished};
use buildout_core::exec::failure::CommandFailure;
use buildout_core::exec::output::StreamKind;
use buildout_core::recipe::{
    Construction, Environment, PartRun, RecipeError, RecipeErrorKind, RunServices,
};
use buildout_core::state::installed::InstalledFile;
use buildout_core::value::str_repr;

use super::mirror::Mirror;
use super::{BRANCH, EXECUTABLE, GitClone, LOCATION, REPOSITORY, REVISION};

/// Git did not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitFailure {
    /// It ended without success.
    #[error(transparent)]
    Ended(CommandFailure),
    /// It did not run to its end.
    #[error(transparent)]
    NotRun(CommandError),
    /// Something around it went wrong.
    #[error(transparent)]
    Other(RecipeError),
}

/// A command that failed, in Python's words.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.python_text())]
struct CalledProcessError(#[source] CommandFailure);

impl GitFailure {
    /// Returns the failure where upstream has an exception. A program that does
    /// not start is the one of `option`.
    pub(super) fn into_exception(self, option: &str) -> RecipeError {
        match self {
            GitFailure::Ended(failure) => {
                let error = CalledProcessError(failure);
                RecipeError::internal("subprocess.CalledProcessError", error)
            }
            GitFailure::NotRun(error @ CommandError::Cancelled { .. }) => {
                RecipeError::new(RecipeErrorKind::Cancelled, error)
            }
            GitFailure::NotRun(error) => RecipeError::internal("FileNotFoundError", error)
                .at_option(option)
                .with_hint("install git, or name the program with `git-executable`"),
            GitFailure::Other(error) => error,
        }
    }
}

/// Tells whether git reaches a repository without the network.
pub(super) fn is_local(repository: &str) -> bool {
    let colon = repository.find(':');
    let slash = repository.find('/').unwrap_or(repository.len());
    // `host:path` is ssh; a path may hold a colon after a slash.
    repository.starts_with("file://") || colon.is_none_or(|colon| colon > slash)
}

/// Returns the environment for git, which nobody can answer a question.
pub(super) fn environment(services: &RunServices) -> Environment {
    let mut environment = services.environment();
    environment
        .entry("GIT_TERMINAL_PROMPT".into())
        .or_insert_with(|| "0".into());
    environment
}

/// Git for the installation of a part.
pub(super) struct Git<'a, 'r> {
    run: &'a PartRun<'r>,
    executable: &'a str,
    /// What makes a mirror stand in for the repository.
    stand_in: Vec<String>,
    environment: Environment,
}

impl<'a, 'r> Git<'a, 'r> {
    /// With a mirror, git does not use the network.
    pub(super) fn of(
        run: &'a PartRun<'r>,
        executable: &'a str,
        mirror: Option<Mirror>,
        repository: &str,
    ) -> Self {
        let mut environment = environment(run.services());
        let mut stand_in = Vec::new();
        if let Some(mirror) = mirror {
            environment.insert("GIT_ALLOW_PROTOCOL".into(), "file".into());
            let path = mirror.path().display();
            stand_in = vec![
                "-c".to_owned(),
                format!("url.{path}.insteadOf={repository}"),
            ];
        }
        Git {
            run,
            executable,
            stand_in,
            environment,
        }
    }

    /// Runs git in a directory; its output is that of the part.
    pub(super) fn run(
        &self,
        directory: &Path,
        arguments: &[impl AsRef<str>],
    ) -> Result<(), GitFailure> {
        let words = self.stand_in.iter().map(String::as_str);
        let words: Vec<&str> = words.chain(arguments.iter().map(AsRef::as_ref)).collect();
        let command = Command::new(self.executable, words, directory, self.environment.clone());
        match self.run.run_command(&command) {
            Ok(finished) if finished.outcome.is_success() => Ok(()),
            Ok(finished) => Err(GitFailure::Ended(CommandFailure::new(&command, finished))),
            Err(error) => Err(GitFailure::NotRun(error)),
        }
    }
}

/// Runs git outside an installation and returns what it wrote to standard
/// output. What it wrote to standard error is output of `part`, if there is one.
pub(super) fn ask(
    services: &RunServices,
    part: Option<&str>,
    command: &Command,
) -> Result<(Finished, String), CommandError> {
    let mut answer = Vec::new();
    let part: Option<Arc<str>> = part.map(Arc::from);
    let mut sink = |stream: StreamKind, line: &[u8]| match (stream, &part) {
        (StreamKind::Stdout, _) => {
            answer.extend_from_slice(line);
            answer.push(b'\n');
        }
        (StreamKind::Stderr, Some(part)) => services.events.emit(Event::Output {
            part: Arc::clone(part),
            stream: OutputStream::Stderr,
            bytes: [line, b"\n"].concat(),
        }),
        (StreamKind::Stderr, None) => {}
    };
    let finished = command.run(&mut sink, &services.cancellation)?;
    Ok((finished, String::from_utf8_lossy(&answer).into_owned()))
}

/// A branch that the repository does not have.
#[derive(Debug, thiserror::Error)]
#[error("{} has no {}", str_repr(repository), match &**reference {
    "HEAD" => "commit".to_owned(),
    branch => format!("branch {}", str_repr(branch)),
})]
struct NoSuchReference {
    repository: String,
    reference: String,
}

/// Returns the newest revision of the branch; `None` if nobody answers, which
/// the installation will tell, or if the lock does not have it, which is told
/// with everything else that it does not have.
pub(super) fn look_up(
    part: &Construction<'_>,
    clone: &GitClone,
) -> Result<Option<String>, RecipeError> {
    let services = part.services();
    if let Some(lock) = services.lock() {
        return Ok(lock.revisions.get(&clone.source()).cloned());
    }
    let place = match clone.stand_in(services) {
        None => clone.repository.clone(),
        Some(Ok(mirror)) => mirror.path().to_string_lossy().into_owned(),
        // Nothing newer can be had than what is installed.
        Some(Err(_)) => return recorded(part, clone),
    };
    // A part may still have to make the program that it names.
    let mut programs = vec![clone.executable.as_str()];
    if clone.executable != "git" {
        programs.push("git");
    }
    for program in programs {
        let mut words: Vec<&str> = Vec::new();
        if clone.ignore_certificate {
            words.extend(["-c", "http.sslVerify=false"]);
        }
        words.extend(["ls-remote", "-q", &place, clone.reference()]);
        let directory = services.directory.clone();
        let command = Command::new(program, words, directory, environment(services));
        let problem = match ask(services, Some(part.part()), &command) {
            Err(error @ CommandError::Cancelled { .. }) => {
                return Err(RecipeError::new(RecipeErrorKind::Cancelled, error));
            }
            Err(error) => error_text(&error),
            Ok((finished, _)) if !finished.outcome.is_success() => {
                CommandFailure::new(&command, finished).python_text()
            }
            Ok((_, answer)) => return found(clone, &answer).map(Some),
        };
        services.print(
            &Arc::from(part.part()),
            &format!(
                "Ignoring git error when fetching revision from remote with {program}: {problem}"
            ),
        );
    }
    Ok(None)
}

fn error_text(error: &CommandError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Reads the answer of `ls-remote`: a revision and a reference in each line. The
/// branch itself counts before others whose names end like it; upstream takes
/// the first line.
fn found(clone: &GitClone, answer: &str) -> Result<String, RecipeError> {
    let exact = format!("refs/heads/{}", clone.reference());
    let lines = || answer.lines().filter_map(|line| line.split_once('\t'));
    let line = lines()
        .find(|(_, name)| *name == exact)
        .or_else(|| lines().next());
    match line {
        Some((revision, _)) => Ok(revision.to_owned()),
        None => {
            let error = NoSuchReference {
                repository: clone.source().repository,
                reference: clone.reference().to_owned(),
            };
            let option = if clone.branch.is_some() {
                BRANCH
            } else {
                REPOSITORY
            };
            Err(RecipeError::user(error)
                .at_option(option)
                .with_hint("`git ls-remote REPOSITORY` lists what there is"))
        }
    }
}

/// Returns the revision of the part as it is installed, from the same branch of
/// the same repository.
fn recorded(part: &Construction<'_>, clone: &GitClone) -> Result<Option<String>, RecipeError> {
    let installed = part.buildout_option("installed")?.unwrap_or_default();
    let file = InstalledFile::new(&part.services().directory, &installed);
    // What is wrong with the file is told by the run itself.
    let state = file.load().ok().flatten().unwrap_or_default();
    let Some(record) = state.parts.get(part.part()) else {
        return Ok(None);
    };
    let option = |name: &str| {
        record
            .options
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    };
    let is_same = option(REPOSITORY) == clone.source().repository
        && option(BRANCH) == clone.branch.as_deref().unwrap_or_default()
        && option(LOCATION) == clone.location;
    let revision = Some(option(REVISION)).filter(|revision| is_same && !revision.is_empty());
    Ok(revision.map(ToOwned::to_owned))
}

/// Returns the words of a command as they are run outside an installation.
pub(super) fn command(
    services: &RunServices,
    program: &str,
    directory: &Path,
    words: &[impl AsRef<str>],
) -> Command {
    let words = words.iter().map(|word| OsString::from(word.as_ref()));
    Command::new(program, words, directory, environment(services))
}

/// Turns a command that does not start into an error.
pub(super) fn not_started(error: CommandError) -> RecipeError {
    GitFailure::NotRun(error).into_exception(EXECUTABLE)
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn what_needs_the_network_is_told_from_its_name() {
        for (repository, expected) in [
            ("/srv/git/repository", true),
            ("../repository", true),
            ("./odd:name", true),
            ("file:///srv/git", true),
            ("https://example.com/repository.git", false),
            ("git@example.com:repository.git", false),
            ("ssh://example.com/repository", false),
        ] {
            assert_eq!(is_local(repository), expected, "{repository}");
        }
    }
}
