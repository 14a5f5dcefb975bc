//! Include graphs: which file extends which, and by what spelling.

use crate::case::ROOT;
use crate::random::Random;

/// How many times the reference may open a file in one run; it copies everything for each.
const MOST_OPENS: u64 = 300;
/// The same for most cases, to keep them quick.
const USUAL_OPENS: u64 = 24;

/// An acyclic graph of files; the first is the root.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Paths relative to the case's directory.
    pub(crate) files: Vec<String>,
    /// For each file, the later files it extends, in order, possibly repeated.
    extends: Vec<Vec<usize>>,
    /// For each file, the entries of its `optional-extends`.
    optional: Vec<Vec<String>>,
}

impl Graph {
    /// A graph of one file.
    pub(crate) fn single(path: String) -> Self {
        Self {
            files: vec![path],
            extends: vec![Vec::new()],
            optional: vec![Vec::new()],
        }
    }

    /// Adds a file that the root extends.
    pub(crate) fn add_leaf(&mut self, path: String) {
        self.extends[0].push(self.files.len());
        self.files.push(path);
        self.extends.push(Vec::new());
        self.optional.push(Vec::new());
    }

    /// Draws a graph of one of a few shapes.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let extends = match random.below(10) {
            0 => vec![Vec::new()],
            1 | 2 => chain(random.between(2, 7)),
            3..=5 => diamonds(random),
            6 => wide(random.between(2, 7)),
            _ => any(random),
        };
        let mut graph = Self {
            files: Vec::new(),
            optional: vec![Vec::new(); extends.len()],
            extends,
        };
        let scattered = random.chance(35);
        for file in 0..graph.extends.len() {
            let directory = if scattered && file > 0 {
                random.pick(&["", "sub/", "sub/deep/", "other/"])
            } else {
                ""
            };
            let name = if file == 0 {
                "buildout.cfg".to_owned()
            } else {
                format!("f{file}.cfg")
            };
            graph.files.push(format!("{directory}{name}"));
        }
        if random.chance(25) {
            graph.repeat_entries(random);
        }
        if random.chance(12) {
            // Upstream looks for the file from the current directory but opens it from the base.
            let leaf = graph.files.len() - 1;
            let entry = if random.chance(60) {
                graph.files[leaf].clone()
            } else {
                "absent.cfg".to_owned()
            };
            if leaf > 0 {
                graph.optional[0].push(entry);
            }
        }
        let limit = if random.chance(4) {
            MOST_OPENS
        } else {
            USUAL_OPENS
        };
        graph.bound(limit);
        graph
    }

    /// Lets some files be extended twice by the same file.
    fn repeat_entries(&mut self, random: &mut Random) {
        let file = random.below(self.extends.len());
        if let Some(first) = self.extends[file].first().copied() {
            self.extends[file].push(first);
        }
    }

    /// Drops entries until a literal traversal opens at most `limit` files.
    fn bound(&mut self, limit: u64) {
        while self.opens() > limit {
            if let Some(entries) = self
                .extends
                .iter_mut()
                .rev()
                .find(|entries| entries.len() > 1)
            {
                entries.pop();
            }
        }
    }

    fn opens(&self) -> u64 {
        let mut opens = vec![0_u64; self.files.len()];
        for file in (0..self.files.len()).rev() {
            let below: u64 = self.extends[file].iter().map(|child| opens[*child]).sum();
            opens[file] = below.saturating_add(1);
        }
        opens[0]
    }

    /// The entries of a file's `extends`, each in some spelling.
    pub(crate) fn entries(&self, file: usize, random: &mut Random) -> Vec<String> {
        let base = directory(&self.files[file]);
        let entries = self.extends[file].iter().map(|child| {
            let target = &self.files[*child];
            match random.below(20) {
                0 => format!("{ROOT}/{target}"),
                1 => format!("./{}", relative(base, target)),
                _ => relative(base, target),
            }
        });
        entries.collect()
    }

    /// The entries of a file's `optional-extends`.
    pub(crate) fn optional_entries(&self, file: usize) -> &[String] {
        &self.optional[file]
    }

    /// The last component of a file's path.
    pub(crate) fn own_name(&self, file: usize) -> &str {
        let path = &self.files[file];
        path.rsplit('/').next().unwrap_or(path)
    }
}

fn chain(length: usize) -> Vec<Vec<usize>> {
    (0..length)
        .map(|file| {
            if file + 1 < length {
                vec![file + 1]
            } else {
                Vec::new()
            }
        })
        .collect()
}

fn wide(width: usize) -> Vec<Vec<usize>> {
    let mut extends = vec![(1..=width).collect()];
    extends.resize(width + 1, Vec::new());
    extends
}

/// Levels of two or three siblings that all extend the one file below them.
fn diamonds(random: &mut Random) -> Vec<Vec<usize>> {
    let mut extends: Vec<Vec<usize>> = vec![Vec::new()];
    let mut bottom = 0;
    for _ in 0..random.between(1, 4) {
        let siblings = random.between(2, 3);
        let first = extends.len();
        let base = first + siblings;
        extends[bottom] = (first..base).collect();
        for _ in 0..siblings {
            extends.push(vec![base]);
        }
        extends.push(Vec::new());
        bottom = base;
    }
    extends
}

/// Any graph in which files extend later ones.
fn any(random: &mut Random) -> Vec<Vec<usize>> {
    let count = random.between(3, 8);
    let mut extends = Vec::new();
    for file in 0..count {
        let mut entries: Vec<usize> = (file + 1..count).filter(|_| random.chance(45)).collect();
        if entries.len() > 1 && random.chance(40) {
            entries.reverse();
        }
        extends.push(entries);
    }
    extends
}

fn directory(path: &str) -> &str {
    path.rfind('/').map_or("", |end| &path[..end])
}

/// The path of `target` from the directory `base`, both relative to the same place.
fn relative(base: &str, target: &str) -> String {
    let mut base: Vec<&str> = base.split('/').filter(|name| !name.is_empty()).collect();
    let mut target: Vec<&str> = target.split('/').collect();
    while target.len() > 1 && base.first() == Some(&target[0]) {
        base.remove(0);
        target.remove(0);
    }
    format!("{}{}", "../".repeat(base.len()), target.join("/"))
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn relative_paths_climb_and_descend() {
        assert_eq!(relative("", "sub/a.cfg"), "sub/a.cfg");
        assert_eq!(relative("sub/deep", "sub/a.cfg"), "../a.cfg");
        assert_eq!(relative("sub", "a.cfg"), "../a.cfg");
    }
}
