//! The two dialects of the profile language, as values.
//!
//! A [`Dialect`] is a set of named policies. Code asks for the policy it needs
//! and never compares dialect names, so that adding a dialect is adding a
//! constructor.

/// How the profiles of an `extends` tree are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeShape {
    /// zc.buildout 6: every file is applied, in post-order and each time it is
    /// reached, to one accumulator.
    Flat,
    /// zc.buildout 3 and the SlapOS fork: the results of the extended files
    /// are merged pairwise, then the file itself.
    Pairwise,
}

/// What a second `option +=` of the same section and file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatedOperators {
    /// The values are joined by a newline (zc.buildout 6).
    Join,
    /// The last one replaces the earlier ones (zc.buildout 3 and the fork).
    LastWins,
}

/// How eggs are named and what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EggLayout {
    /// As pip leaves them for zc.buildout 6: named by their metadata, with the
    /// platform in each name. Scripts of distutils are not made.
    Pip,
    /// As setuptools makes them for zc.buildout 3: named by the file, with the
    /// platform where it matters. Scripts of distutils are made.
    Setuptools,
}

/// How a checkout is made a develop egg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DevelopStyle {
    /// By `setup.py develop` (zc.buildout 3).
    SetupScript,
    /// By `pip install --editable` (zc.buildout 6).
    Editable,
}

/// The name of a dialect, as `--dialect` and `[buildout] dialect` spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialectName {
    /// zc.buildout 6.0.1.
    Upstream,
    /// zc.buildout 3.0.1 with the SlapOS fork's additions.
    Slapos,
}

impl DialectName {
    /// Every dialect, in the order help texts list them.
    pub const ALL: [DialectName; 2] = [DialectName::Slapos, DialectName::Upstream];

    /// Returns the spelling used on the command line and in profiles.
    pub fn as_str(self) -> &'static str {
        match self {
            DialectName::Upstream => "upstream",
            DialectName::Slapos => "slapos",
        }
    }

    /// Parses the spelling used on the command line and in profiles.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// The policies in which the dialects differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Which constructor made this value; for messages only.
    pub name: DialectName,
    /// How the files of an `extends` tree are combined.
    pub merge: MergeShape,
    /// What repeated `+=` and `-=` in one file do.
    pub repeated_operators: RepeatedOperators,
    /// Whether `[buildout] optional-extends` is followed.
    pub optional_extends: bool,
    /// Whether leading `../` of an `extends` entry is resolved textually
    /// against the base, so that equal files have equal names.
    pub normalized_bases: bool,
    /// Whether a section that mentions `${:_profile_base_location_}` gets that
    /// option.
    pub profile_base_location: bool,
    /// Whether `!py!` values are decoded and typed values may be assigned.
    pub typed_values: bool,
    /// Whether `$${` reads as `${`.
    pub dollar_unescape: bool,
    /// Whether a part's signature includes those of the sections it reached.
    pub dependency_signatures: bool,
    /// Whether conditions know the name `multiarch`.
    pub multiarch: bool,
    /// The default of `[buildout] eggs-directory-version`; `None` where the
    /// option does not exist.
    pub eggs_directory_version: Option<&'static str>,
    /// How eggs are named and what is in them.
    pub egg_layout: EggLayout,
    /// How a checkout is made a develop egg.
    pub develop_style: DevelopStyle,
    /// The longest path of an interpreter, in bytes, that scripts name in their
    /// first line; longer ones are started by the shell.
    pub shebang_limit: usize,
    /// The version of zc.buildout whose behaviour this is; the implicit pin of
    /// `[versions]`.
    pub emulated_version: &'static str,
}

impl Dialect {
    /// zc.buildout 6.0.1, to the byte.
    pub fn upstream() -> Self {
        Dialect {
            name: DialectName::Upstream,
            merge: MergeShape::Flat,
            repeated_operators: RepeatedOperators::Join,
            optional_extends: true,
            normalized_bases: false,
            profile_base_location: false,
            typed_values: false,
            dollar_unescape: false,
            dependency_signatures: false,
            multiarch: false,
            eggs_directory_version: Some("v5"),
            egg_layout: EggLayout::Pip,
            develop_style: DevelopStyle::Editable,
            // What Linux reads of the line since 5.1, less `#!`.
            shebang_limit: 253,
            emulated_version: "6.0.1",
        }
    }

    /// zc.buildout 3.0.1 with the SlapOS fork's additions; the default.
    pub fn slapos() -> Self {
        Dialect {
            name: DialectName::Slapos,
            merge: MergeShape::Pairwise,
            repeated_operators: RepeatedOperators::LastWins,
            optional_extends: false,
            normalized_bases: true,
            profile_base_location: true,
            typed_values: true,
            dollar_unescape: true,
            dependency_signatures: true,
            multiarch: true,
            eggs_directory_version: None,
            egg_layout: EggLayout::Setuptools,
            develop_style: DevelopStyle::SetupScript,
            shebang_limit: 125,
            emulated_version: "3.0.1",
        }
    }

    /// Returns the dialect called `name`.
    pub fn named(name: DialectName) -> Self {
        match name {
            DialectName::Upstream => Self::upstream(),
            DialectName::Slapos => Self::slapos(),
        }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::slapos()
    }
}
