//! What is known about a recipe without running it.

/// What the construction of a recipe does besides reading and setting options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstructionKind {
    /// Nothing: it may be constructed to answer a question.
    Pure,
    /// It acts on the world: it is constructed only in a run that installs.
    ActsOnTheWorld,
}

/// What the installation of a part may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footprint {
    /// What its options name: parallel runs may order it by them.
    Declared,
    /// What its options name, by running commands: it takes a job of the
    /// run's budget, and paths in the buildout that its commands name may be
    /// made by another part's commands.
    Commands,
    /// Anything, as a shell command can: it keeps its place against all.
    Barrier,
}

/// What updating an installed part means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// Nothing is done.
    Nothing,
    /// The recipe decides at each run.
    Runs,
}

/// The documentation of one option, shown by the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionDocumentation {
    /// The option.
    pub name: &'static str,
    /// Its default, as a profile would write it; `None` if it is required.
    pub default: Option<&'static str>,
    /// What it does, in a sentence.
    pub summary: &'static str,
}

/// What the engine must know about a recipe before it runs anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The name that profiles write.
    pub name: &'static str,
    /// What the recipe does, in a sentence.
    pub summary: &'static str,
    /// Rises when the same options come to produce other files; part of the
    /// signature of the parts.
    pub behaviour_version: u32,
    /// What construction does.
    pub construction: ConstructionKind,
    /// What installation may touch.
    pub footprint: Footprint,
    /// What updating means.
    pub update: UpdateKind,
    /// The options.
    pub options: &'static [OptionDocumentation],
}
