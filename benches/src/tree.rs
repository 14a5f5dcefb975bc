//! Generated trees of profiles with the shape of SlapOS's.
//!
//! SlapOS's ERP5 release reaches 248 files with 364 kB through 176,680 include paths: the files
//! form a dense acyclic graph, and an engine that opens a file each time it is reached does not
//! come to an end. The trees made here have the same numbers and the same kinds of content, and
//! can be made wider (more components) and deeper (longer chains).
//!
//! A tree depends on its [`TreeShape`] and seed only: two versions are measured on the same bytes.

mod content;
mod document;
mod graph;
mod names;
mod options;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use document::Document;
use graph::{GraphShape, IncludeGraph};

use crate::random::Random;

/// How many times more include paths each further chain of the original depth brings.
///
/// The natural growth would be the number of paths itself (176,680 times), which leaves 128
/// bits at eight times the depth. This factor is reached with edges in proportion to the files,
/// and is just as far beyond following each path.
const PATHS_PER_DEPTH: u128 = 300;

/// What a tree should look like, or, in a report, does look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeShape {
    /// Number of distinct files.
    pub files: usize,
    /// Size of all files together.
    pub bytes: usize,
    /// Files on the longest chain of `extends`, the root and the leaf included.
    pub depth: usize,
    /// `extends` entries in all files together.
    pub edges: usize,
    /// Files that are opened when each include path is followed, the root included.
    pub include_paths: u128,
    /// Distinct section names.
    pub sections: usize,
    /// Distinct pairs of section and option, without `extends`; `<` counts as an option.
    pub options: usize,
}

impl TreeShape {
    /// The shape of SlapOS's ERP5 release, measured at its `software/erp5/software.cfg`.
    pub fn erp5() -> Self {
        Self {
            files: 248,
            bytes: 364_087,
            depth: 23,
            edges: 913,
            include_paths: 176_680,
            sections: 616,
            options: 3_770,
        }
    }

    /// The same kind of tree with `times` as many components at the same depth.
    pub fn wider(self, times: usize) -> Self {
        Self {
            depth: self.depth,
            include_paths: self.include_paths * times as u128,
            ..self.larger(times)
        }
    }

    /// The same kind of tree with `times` as many components in chains `times` as long.
    pub fn deeper(self, times: usize) -> Self {
        let growth = (1..times).fold(1u128, |growth, _| growth.saturating_mul(PATHS_PER_DEPTH));
        Self {
            depth: self.depth * times,
            include_paths: self.include_paths.saturating_mul(growth),
            ..self.larger(times)
        }
    }

    fn larger(self, times: usize) -> Self {
        Self {
            files: self.files * times,
            bytes: self.bytes * times,
            edges: self.edges * times,
            sections: self.sections * times,
            options: self.options * times,
            ..self
        }
    }
}

/// A generated tree of profiles.
#[derive(Debug)]
pub struct Tree {
    documents: Vec<Document>,
    graph: IncludeGraph,
}

/// A tree that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`", path.display())]
pub struct TreeError {
    verb: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Tree {
    /// Generates the tree of the given shape and seed.
    pub fn generate(shape: &TreeShape, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let graph = IncludeGraph::generate(
            GraphShape {
                files: shape.files,
                edges: shape.edges,
                depth: shape.depth,
                include_paths: shape.include_paths,
            },
            &mut random,
        );
        let documents = content::documents(shape, &graph, &mut random);
        Self { documents, graph }
    }

    /// Counts what has been generated. The include paths are counted file by file from the
    /// leaves up, not by following them.
    pub fn report(&self) -> TreeShape {
        let mut sections: HashMap<&str, HashSet<&str>> = HashMap::new();
        for section in self.documents.iter().flat_map(|file| &file.sections) {
            let keys = section.options.iter().map(|option| option.key.as_str());
            sections
                .entry(&section.name)
                .or_default()
                .extend(keys.filter(|&key| key != "extends"));
        }
        let root = self.graph.root();
        TreeShape {
            files: self.documents.len(),
            bytes: self.documents.iter().map(|file| file.render().len()).sum(),
            depth: self.graph.levels[root],
            edges: self.graph.edge_count(),
            include_paths: self.graph.paths_below()[root],
            sections: sections.len(),
            options: sections.values().map(HashSet::len).sum(),
        }
    }

    /// The profile to run, below the directory given to [`Tree::write`].
    pub fn root_profile(&self) -> &str {
        &self.documents[self.graph.root()].path
    }

    /// Paths of all files, below the directory given to [`Tree::write`].
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.documents.iter().map(|file| file.path.as_str())
    }

    /// Writes all files below `directory`, which is created if it is missing.
    ///
    /// # Errors
    /// A directory or file that cannot be made.
    pub fn write(&self, directory: &Path) -> Result<(), TreeError> {
        for file in &self.documents {
            let path = directory.join(&file.path);
            let parent = path.parent().unwrap_or(directory);
            fs::create_dir_all(parent).map_err(|source| TreeError {
                verb: "create directory",
                path: parent.to_owned(),
                source,
            })?;
            fs::write(&path, file.render()).map_err(|source| TreeError {
                verb: "write",
                path,
                source,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
