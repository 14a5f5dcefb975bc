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
    /// Anything, through parts of its own ([`run_within`](crate::run::run_within)):
    /// it keeps its place against all, and those parts take the jobs.
    Composite,
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

/// The documentation of an option that a recipe sets, for others to refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultDocumentation {
    /// The option.
    pub name: &'static str,
    /// What its value is, in a sentence.
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
    /// The options. A name that ends in `*` stands for all that begin so.
    pub options: &'static [OptionDocumentation],
}

impl Footprint {
    /// Tells whether a part takes a job of the run's budget.
    pub(crate) fn takes_a_job(self) -> bool {
        matches!(self, Footprint::Commands | Footprint::Barrier)
    }
}

impl Descriptor {
    /// Tells whether an option of a part is documented, so that the recipe may
    /// read it. Names that begin with an underscore belong to the engine; a
    /// recipe that documents nothing may read anything.
    ///
    /// Debug builds insist on it wherever a recipe reads an option, so that
    /// every test of a recipe also checks its documentation.
    pub fn documents(&self, option: &str) -> bool {
        let names = self.options.iter().map(|known| known.name);
        self.options.is_empty()
            || option == "recipe"
            || option.starts_with('_')
            || is_named(names, option)
    }
}

/// Tells whether `option` is one of these names, of which those that end in `*`
/// stand for all that begin so.
pub(super) fn is_named(mut names: impl Iterator<Item = &'static str>, option: &str) -> bool {
    names.any(|name| match name.strip_suffix('*') {
        Some(start) => option.starts_with(start),
        None => name == option,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_recipe_documents_it_may_read() {
        const fn option(name: &'static str) -> OptionDocumentation {
            OptionDocumentation {
                name,
                default: Some(""),
                summary: "",
            }
        }
        const OPTIONS: &[OptionDocumentation] = &[option("url"), option("config-*")];
        let mut descriptor = Descriptor {
            name: "a",
            summary: "",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Nothing,
            options: OPTIONS,
        };
        for (name, expected) in [
            ("url", true),
            ("recipe", true),
            ("_profile_base_location_", true),
            ("config-x", true),
            ("urls", false),
            ("config", false),
        ] {
            assert_eq!(descriptor.documents(name), expected, "{name}");
        }
        descriptor.options = &[];
        assert!(descriptor.documents("anything"));
    }
}
