//! One case: a profile, files, and what is done with them.

/// A step of a case.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Run the program, and compare.
    Run,
    /// Run a shell command in the buildout directory, such as a script that a recipe wrote, and
    /// compare what it prints, how it ends and what it leaves.
    Execute(String),
    /// Replace the profile.
    Profile(String),
    /// Write a file.
    Write(String, String),
    /// Remove a file or a link.
    Remove(String),
}

/// Something that differs on purpose.
#[derive(Clone, Debug)]
pub(crate) enum Difference {
    /// The content of a file; that it is there, and its mode, are compared.
    Content(String),
    /// A value in `.installed.cfg`: a part and an option, which both sides have.
    Value(String, String),
    /// What the recipes log.
    Log,
    /// The text of an error; that there is one, and its class, are compared.
    ErrorText,
    /// The whole outcome of the first run, which only one side survives. Nothing else of the
    /// case is compared.
    Outcome,
}

/// A case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) profile: String,
    /// Path, content and mode of files in the buildout directory.
    pub(crate) files: Vec<(String, String, u32)>,
    pub(crate) directories: Vec<String>,
    pub(crate) steps: Vec<Step>,
    /// What differs, and why.
    pub(crate) differences: Vec<(Difference, &'static str)>,
}

impl Case {
    /// A case that runs its profile twice: an installation and an update.
    pub(crate) fn new(name: &'static str, profile: impl Into<String>) -> Self {
        Case {
            name,
            profile: profile.into(),
            files: Vec::new(),
            directories: Vec::new(),
            steps: vec![Step::Run, Step::Run],
            differences: Vec::new(),
        }
    }

    /// Adds a file that exists beforehand.
    #[must_use]
    pub(crate) fn file(mut self, path: &str, content: &str) -> Self {
        self.files
            .push((path.to_owned(), content.to_owned(), 0o644));
        self
    }

    /// Adds a program that exists beforehand.
    #[must_use]
    pub(crate) fn program(mut self, path: &str, content: &str) -> Self {
        self.files
            .push((path.to_owned(), content.to_owned(), 0o755));
        self
    }

    /// Adds directories that exist beforehand.
    #[must_use]
    pub(crate) fn directories(mut self, paths: &[&str]) -> Self {
        let paths = paths.iter().map(ToString::to_string);
        self.directories.extend(paths);
        self
    }

    /// Adds a step: a shell command.
    #[must_use]
    pub(crate) fn executes(mut self, command: impl Into<String>) -> Self {
        self.steps.push(Step::Execute(command.into()));
        self
    }

    /// Replaces the steps.
    #[must_use]
    pub(crate) fn steps(mut self, steps: impl Into<Vec<Step>>) -> Self {
        self.steps = steps.into();
        self
    }

    /// The profile has a mistake: it is run once.
    #[must_use]
    pub(crate) fn fails(self) -> Self {
        self.steps([Step::Run])
    }

    /// Adds something that differs on purpose.
    #[must_use]
    pub(crate) fn differs(mut self, difference: Difference, reason: &'static str) -> Self {
        self.differences.push((difference, reason));
        self
    }

    /// The content of a file differs on purpose.
    #[must_use]
    pub(crate) fn differs_in_content(self, path: &str, reason: &'static str) -> Self {
        self.differs(Difference::Content(path.to_owned()), reason)
    }
}
