//! One directory, two programs in turn: what the reference installed is ours to go on with, and the
//! other way round.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::Dialect;
use crate::peer::Peer;
use crate::program::{Invocation, Outcome, Program, Question, RealCommand, search_path};

const PROFILE: &str = "\
[buildout]
parts = directory command template
newest = false

[directory]
recipe = slapos.recipe.build:mkdirectory
path = ${buildout:directory}/made

[command]
recipe = plone.recipe.command
command = echo ${directory:path} >> log
update-command = ${:command}
text =
  two lines

    and a margin

[template]
recipe = slapos.recipe.template
url = ${buildout:directory}/template.in
output = ${buildout:directory}/template.out
";

/// A directory and the two programs.
pub(crate) struct Site {
    root: PathBuf,
    peer: RealCommand,
    ours: RealCommand,
}

impl Site {
    /// Makes the directory below `parent`.
    pub(crate) fn create(
        parent: &Path,
        dialect: Dialect,
        peer: &Peer,
        ours: &Path,
    ) -> Result<Self, String> {
        let root = parent.join(dialect.name());
        let failed = |error: std::io::Error| format!("cannot make {}: {error}", root.display());
        fs::create_dir_all(root.join("home")).map_err(failed)?;
        let profile = match dialect {
            Dialect::Slapos => PROFILE.to_owned(),
            // Its environment has fewer recipes.
            Dialect::Upstream => PROFILE
                .replace("directory command template", "command")
                .replace("${directory:path}", "made"),
        };
        fs::write(root.join("buildout.cfg"), profile).map_err(failed)?;
        fs::write(root.join("template.in"), "${directory:path}\n").map_err(failed)?;
        Ok(Site {
            root,
            peer: RealCommand::peer(&peer.buildout),
            ours: RealCommand::ours(ours, dialect.name(), &peer.python),
        })
    }

    /// Runs the reference; it must succeed. Returns its standard output.
    pub(crate) fn run_peer(&mut self, arguments: &[&str]) -> Result<String, String> {
        let root = self.root.clone();
        succeed(run(&mut self.peer, &root, arguments)?)
    }

    /// Runs our program; it must succeed. Returns its standard output.
    pub(crate) fn run_ours(&mut self, arguments: &[&str]) -> Result<String, String> {
        let root = self.root.clone();
        succeed(run(&mut self.ours, &root, arguments)?)
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(name)).map_err(|error| format!("{name}: {error}"))
    }
}

fn run(program: &mut RealCommand, root: &Path, arguments: &[&str]) -> Result<Outcome, String> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let environment = vec![
        ("HOME".to_owned(), root.join("home").display().to_string()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("PATH".to_owned(), search_path()),
    ];
    program.run(&Invocation {
        question: Question::Run,
        directory: root,
        arguments: &arguments,
        environment: &environment,
    })
}

fn succeed(outcome: Outcome) -> Result<String, String> {
    let stdout = String::from_utf8_lossy(&outcome.stdout).into_owned();
    if outcome.code == Some(0) {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    Err(format!("exit code {:?}\n{stdout}{stderr}", outcome.code))
}

/// The lines of a log that tell what happens to parts.
pub(crate) fn actions(log: &str) -> Vec<&str> {
    let verbs = ["Installing ", "Updating ", "Uninstalling "];
    let acts = |line: &&str| verbs.iter().any(|verb| line.starts_with(verb));
    log.lines().filter(acts).collect()
}
