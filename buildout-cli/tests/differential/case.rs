//! One case: files, an environment, and the steps that both programs go through.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::peer::PeerVersion;

/// The text that stands for the case's own directory in files, arguments and outputs.
pub(crate) const ROOT: &str = "@ROOT@";

/// A dialect of our program, and with it the peer to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Against zc.buildout 6.0.1.
    Upstream,
    /// Against zc.buildout 3.0.1.
    Slapos,
}

impl Dialect {
    /// The value of our `--dialect`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Slapos => "slapos",
        }
    }

    /// The peer that the dialect follows.
    pub(crate) fn peer(self) -> PeerVersion {
        match self {
            Self::Upstream => PeerVersion::Upstream6,
            Self::Slapos => PeerVersion::Slapos3,
        }
    }
}

/// One step of a case. Every `Run` and `Resolve` is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Run the program with these arguments.
    Run(Vec<String>),
    /// Compare all resolved values under these options and assignments.
    Resolve(Vec<String>),
    /// Copy a file of the case over another.
    Copy(String, String),
    /// Remove a file or a directory with its contents.
    Remove(String),
}

impl Step {
    /// The step as a line of a `commands` file.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Run(arguments) => format!("buildout {}", quote(arguments)),
            Self::Resolve(arguments) => format!("buildout {} (resolved values)", quote(arguments)),
            Self::Copy(from, to) => format!("copy {from} {to}"),
            Self::Remove(path) => format!("remove {path}"),
        }
    }
}

fn quote(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments
        .iter()
        .map(|argument| {
            if argument.is_empty() || argument.contains(|c: char| c.is_whitespace() || c == '\'') {
                format!("{argument:?}")
            } else {
                argument.clone()
            }
        })
        .collect();
    quoted.join(" ")
}

/// A case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// A directory name, unique in its test.
    pub(crate) name: String,
    /// The dialect to run under.
    pub(crate) dialect: Dialect,
    /// Contents by path relative to the case's directory; [`ROOT`] in them is replaced.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Variables beside `HOME`, `PATH` and `LANG`; [`ROOT`] in values is replaced.
    pub(crate) environment: Vec<(String, String)>,
    /// What is done, in order.
    pub(crate) steps: Vec<Step>,
    /// Whether the files left on disk and the installed state are compared after each step.
    pub(crate) compares_files: bool,
}

impl Case {
    /// An empty case.
    pub(crate) fn new(name: impl Into<String>, dialect: Dialect) -> Self {
        Self {
            name: name.into(),
            dialect,
            files: BTreeMap::new(),
            environment: Vec::new(),
            steps: Vec::new(),
            compares_files: false,
        }
    }

    /// Writes the case's files below `root`, with an empty `home` when the case has none.
    pub(crate) fn materialise(&self, root: &Path) -> Result<(), String> {
        let root_text = root.to_str().ok_or("a directory name is not UTF-8")?;
        make_directory(&root.join("home"))?;
        for (path, contents) in &self.files {
            let path = root.join(path);
            if let Some(parent) = path.parent() {
                make_directory(parent)?;
            }
            // Contents need not be UTF-8, and the placeholder is rare: look before replacing.
            let replaced = replace_bytes(contents, ROOT.as_bytes(), root_text.as_bytes());
            fs::write(&path, replaced)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// The profile files as one readable text, for reports.
    pub(crate) fn listing(&self) -> String {
        let mut text = String::new();
        for (path, contents) in &self.files {
            text.push_str(&format!("--- {path}\n"));
            let contents = String::from_utf8_lossy(contents);
            for line in contents.split_inclusive('\n') {
                let visible = line
                    .trim_end_matches('\n')
                    .replace('\t', "→\t")
                    .replace('\r', "␍");
                text.push_str(&format!("    {visible}\n"));
            }
        }
        for (name, value) in &self.environment {
            text.push_str(&format!("--- environment {name}={value}\n"));
        }
        text
    }
}

fn make_directory(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("cannot create {}: {error}", path.display()))
}

/// Replaces every occurrence of `from`.
pub(crate) fn replace_bytes(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(from) {
            result.extend_from_slice(to);
            rest = after;
        } else {
            result.push(*first);
            rest = &rest[1..];
        }
    }
    result
}
