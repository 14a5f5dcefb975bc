//! Where the dynamic loader finds libraries, as `ld.so(8)` describes it.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    elf::{self, DynamicObject},
    loader_directories::default_directories,
};

/// Finds libraries, and remembers the files it has read.
pub(super) struct Loader {
    default_directories: Vec<PathBuf>,
    objects: HashMap<PathBuf, Option<Rc<DynamicObject>>>,
}

/// A library among those that are loaded together.
struct Loaded {
    path: PathBuf,
    object: Rc<DynamicObject>,
    /// Who needed it first, by its place among them.
    parent: Option<usize>,
}

impl Loader {
    /// Makes a loader with this configuration of the system.
    pub(super) fn new(configuration: &Path) -> Self {
        Loader {
            default_directories: default_directories(configuration),
            objects: HashMap::new(),
        }
    }

    /// Reads a binary; `None` if it is not linked dynamically.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no working binary.
    pub(super) fn object(&mut self, path: &Path) -> io::Result<Option<Rc<DynamicObject>>> {
        if let Some(known) = self.objects.get(path) {
            return Ok(known.clone());
        }
        let object = elf::read(path)?.map(Rc::new);
        self.objects.insert(path.to_owned(), object.clone());
        Ok(object)
    }

    /// Loads a program or library with all it needs, breadth first, and returns
    /// what is not found: who needs it, and its name.
    ///
    /// # Errors
    ///
    /// The file itself cannot be read.
    pub(super) fn unresolved(&mut self, path: &Path) -> io::Result<Vec<(PathBuf, OsString)>> {
        let Some(object) = self.object(path)? else {
            return Ok(Vec::new());
        };
        let mut loaded = vec![Loaded {
            path: path.to_owned(),
            object,
            parent: None,
        }];
        // A library that is there already serves everyone who needs its name.
        let mut names = HashSet::new();
        let mut missing = Vec::new();
        let mut current = 0;
        while current < loaded.len() {
            let object = Rc::clone(&loaded[current].object);
            for library in &object.needed {
                if !names.insert(library.clone()) {
                    continue;
                }
                match self.find(library, &loaded, current) {
                    Some((path, object)) => {
                        names.extend(object.name.clone());
                        loaded.push(Loaded {
                            path,
                            object,
                            parent: Some(current),
                        });
                    }
                    None => missing.push((loaded[current].path.clone(), library.clone())),
                }
            }
            current += 1;
        }
        Ok(missing)
    }

    /// Finds a library that the one at `current` needs.
    fn find(
        &mut self,
        library: &OsStr,
        loaded: &[Loaded],
        current: usize,
    ) -> Option<(PathBuf, Rc<DynamicObject>)> {
        let needing = &loaded[current];
        let candidates = if is_path(library) {
            expanded(library, &needing.path).into_iter().collect()
        } else {
            let mut directories = Vec::new();
            if needing.object.runpath.is_none() {
                // A run path of the old kind also serves the libraries below.
                let mut holder = Some(needing);
                while let Some(Loaded {
                    path,
                    object,
                    parent,
                }) = holder
                {
                    if object.runpath.is_none() {
                        directories.extend(expanded_all(object.rpath.as_deref(), path));
                    }
                    holder = parent.map(|parent| &loaded[parent]);
                }
            }
            let runpath = needing.object.runpath.as_deref();
            directories.extend(expanded_all(runpath, &needing.path));
            if needing.object.uses_defaults {
                directories.extend(self.default_directories.iter().cloned());
            }
            directories
                .iter()
                .map(|directory| directory.join(library))
                .collect::<Vec<_>>()
        };
        let kind = loaded[0].object.kind;
        candidates.into_iter().find_map(|path| {
            // What is no library, or one for another machine, is passed over.
            let object = self.object(&path).ok().flatten()?;
            (object.kind == kind).then_some((path, object))
        })
    }
}

/// Tells whether a needed library is given by its path.
pub(super) fn is_path(library: &OsStr) -> bool {
    library.as_bytes().contains(&b'/')
}

fn expanded_all<'a>(
    entries: Option<&'a [OsString]>,
    file: &'a Path,
) -> impl Iterator<Item = PathBuf> + 'a {
    let entries = entries.into_iter().flatten();
    entries.filter_map(move |entry| expanded(entry, file))
}

/// Puts the directory of `file` in the place of `$ORIGIN`. `None` if the result
/// depends on more than that: on the current directory, or on `$LIB` and
/// `$PLATFORM`, which each system has its own values for.
pub(super) fn expanded(entry: &OsStr, file: &Path) -> Option<PathBuf> {
    let origin = file.parent()?.as_os_str().as_bytes();
    let mut path = Vec::new();
    let mut rest = entry.as_bytes();
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        path.extend_from_slice(&rest[..dollar]);
        path.extend_from_slice(origin);
        rest = &rest[dollar + 1..];
        rest = rest
            .strip_prefix(b"{ORIGIN}")
            .or_else(|| rest.strip_prefix(b"ORIGIN"))?;
    }
    path.extend_from_slice(rest);
    let path = PathBuf::from(OsString::from_vec(path));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_the_directory_of_the_file() {
        for (entry, expected) in [
            ("$ORIGIN/../lib", Some("/part/bin/../lib")),
            ("${ORIGIN}", Some("/part/bin")),
            ("/a/lib", Some("/a/lib")),
            ("/a/$LIB", None),
            ("$ORIGIN/$PLATFORM", None),
            ("lib", None),
            ("", None),
        ] {
            let found = expanded(OsStr::new(entry), Path::new("/part/bin/program"));
            assert_eq!(found.as_deref(), expected.map(Path::new), "{entry}");
        }
    }
}
