//! Making an egg of an unpacked wheel.
//!
//! The egg has its metadata twice. `EGG-INFO` is what `pkg_resources` finds in
//! a flat listing of the eggs directory, and where it looks for scripts;
//! `X.dist-info` is what `importlib.metadata` reads. zc.buildout 3 writes only
//! the one, 6 only the other, and each then fails to see some of its eggs. The
//! latter keeps the name that the wheel gives it, which pip takes apart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use buildout_core::dialect::EggLayout;
use buildout_core::state::debris::STAGED_PREFIX;
use rustc_hash::FxHashSet;

use super::link::Linker;
use super::{EggTarget, LinkMode, UnpackedWheel, WheelError, failed};
use crate::installed::read_entry;
use crate::metadata::{Record, RequiresDist, write_requires_txt};
use crate::name::ProjectName;

/// The directory of an egg's own metadata.
const EGG_INFO: &str = "EGG-INFO";

/// What an old-style namespace package holds.
const DECLARATION: &str = "__import__('pkg_resources').declare_namespace(__name__)\n";

/// Decides whether a requirement applies with an extra, or without one, and
/// returns it without its marker then.
pub type RequirementFilter<'f> = dyn Fn(&RequiresDist, Option<&str>) -> Option<String> + 'f;

/// How an egg is made.
pub struct EggMaking<'m> {
    /// How it is named and laid out.
    pub layout: EggLayout,
    /// The Python that it is for.
    pub target: &'m EggTarget,
    /// Whether the wheel was built here.
    pub was_built: bool,
    /// How its files come from the wheel.
    pub link: LinkMode,
    /// Evaluates markers: `requires.txt` is written without them.
    pub filter: &'m RequirementFilter<'m>,
}

impl UnpackedWheel {
    /// Makes the egg in `eggs`, a directory that exists, and returns its path.
    /// One that is there already is left as it is if it has the same project
    /// and version.
    ///
    /// # Errors
    ///
    /// The system refuses, or something else has the name.
    pub fn make_egg(&self, eggs: &Path, making: &EggMaking<'_>) -> Result<PathBuf, WheelError> {
        let base = making.target.base_name(
            making.layout,
            &self.file_name,
            &self.metadata,
            making.was_built,
        );
        let place = eggs.join(format!("{base}.egg"));
        if self.is_made(&place) {
            return Ok(place);
        }
        let staged = tempfile::Builder::new()
            .prefix(STAGED_PREFIX)
            .tempdir_in(eggs)
            .map_err(failed("create a directory in", eggs))?;
        let egg = staged.path().join("egg");
        let mut filling = Filling {
            wheel: self,
            making,
            linker: Linker::new(making.link),
            egg: &egg,
            record: Record::default(),
            linked: FxHashSet::default(),
        };
        filling.fill()?;
        match fs::rename(&egg, &place) {
            Ok(()) => Ok(place),
            Err(_) if self.is_made(&place) => Ok(place),
            Err(error) => Err(failed("make the egg", &place)(error)),
        }
    }

    /// Tells whether `place` is the egg of this wheel.
    fn is_made(&self, place: &Path) -> bool {
        let found = read_entry(place).ok().flatten();
        found.is_some_and(|found| {
            found.version() == self.metadata.version
                && ProjectName::new(found.name()) == ProjectName::new(&self.metadata.name)
        })
    }
}

/// The making of one egg.
struct Filling<'m> {
    wheel: &'m UnpackedWheel,
    making: &'m EggMaking<'m>,
    linker: Linker,
    egg: &'m Path,
    record: Record,
    /// The files of the wheel that were linked, by their places.
    linked: FxHashSet<String>,
}

impl Filling<'_> {
    fn fill(&mut self) -> Result<(), WheelError> {
        fs::create_dir(self.egg).map_err(failed("create", self.egg))?;
        let wheel = self.wheel;
        let data = wheel.data.as_deref();
        for entry in sorted_entries(&wheel.directory)? {
            if data != Some(&entry.name) {
                let source = wheel.directory.join(&entry.name);
                self.link(source, entry.name, entry.is_directory)?;
            }
        }
        if let Some(data) = data {
            self.place_data(&wheel.directory.join(data))?;
        }
        self.write_egg_info()?;
        self.declare_namespaces()?;
        self.write_record()
    }

    /// Puts what the wheel has for other places where an egg has them. Headers
    /// have no place.
    fn place_data(&mut self, data: &Path) -> Result<(), WheelError> {
        for scheme in sorted_entries(data)? {
            let source = data.join(&scheme.name);
            match &*scheme.name {
                "purelib" | "platlib" | "data" => {
                    for entry in sorted_entries(&source)? {
                        let source = source.join(&entry.name);
                        self.link(source, entry.name, entry.is_directory)?;
                    }
                }
                "scripts" => {
                    self.make_directory(EGG_INFO)?;
                    let place = format!("{EGG_INFO}/scripts");
                    self.link(source, place, scheme.is_directory)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Links a file, or all files below a directory, to a place in the egg.
    fn link(
        &mut self,
        source: PathBuf,
        place: String,
        is_directory: bool,
    ) -> Result<(), WheelError> {
        let mut left = vec![(source, place, is_directory)];
        while let Some((source, place, is_directory)) = left.pop() {
            if is_directory {
                self.make_directory(&place)?;
                let entries = sorted_entries(&source)?.into_iter().rev();
                left.extend(entries.map(|entry| {
                    let place = format!("{place}/{}", entry.name);
                    (source.join(&entry.name), place, entry.is_directory)
                }));
                continue;
            }
            let destination = self.egg.join(&place);
            self.linker
                .link(&source, &destination)
                .map_err(failed("link to", &destination))?;
            self.linked.insert(place);
        }
        Ok(())
    }

    fn make_directory(&self, place: &str) -> Result<(), WheelError> {
        let path = self.egg.join(place);
        fs::create_dir_all(&path).map_err(failed("create", &path))
    }

    fn write_egg_info(&mut self) -> Result<(), WheelError> {
        self.make_directory(EGG_INFO)?;
        let source = self.wheel.directory.join(&self.wheel.dist_info);
        for (name, own_name) in [
            ("METADATA", "PKG-INFO"),
            ("entry_points.txt", "entry_points.txt"),
            ("namespace_packages.txt", "namespace_packages.txt"),
            ("top_level.txt", "top_level.txt"),
            ("WHEEL", "WHEEL"),
        ] {
            let file = source.join(name);
            if file.is_file() {
                self.link(file, format!("{EGG_INFO}/{own_name}"), false)?;
            }
        }
        let text = self.requires_txt();
        if !text.is_empty() {
            self.write(&format!("{EGG_INFO}/requires.txt"), &text)?;
        }
        self.write(&format!("{EGG_INFO}/not-zip-safe"), "\n")
    }

    fn requires_txt(&self) -> String {
        let metadata = &self.wheel.metadata;
        let requires = |extra: Option<&str>| -> Vec<String> {
            let requires = metadata.requires.iter();
            requires
                .filter_map(|requirement| (self.making.filter)(requirement, extra))
                .collect()
        };
        let base = requires(None);
        let of_extra = |extra: &String| {
            let more = requires(Some(extra)).into_iter();
            (
                extra.clone(),
                more.filter(|line| !base.contains(line)).collect(),
            )
        };
        let mut extras: Vec<(String, Vec<String>)> = metadata.extras.iter().map(of_extra).collect();
        extras.sort();
        write_requires_txt(&base, &extras)
    }

    /// Makes old-style namespace packages what eggs of the dialect have.
    fn declare_namespaces(&mut self) -> Result<(), WheelError> {
        for package in &self.wheel.metadata.namespace_packages {
            let is_plain = package
                .split('.')
                .all(|name| !name.is_empty() && !name.contains('/'));
            if !is_plain {
                continue;
            }
            let place = package.replace('.', "/");
            let directory = self.egg.join(&place);
            let file = directory.join("__init__.py");
            match self.making.layout {
                EggLayout::Setuptools if !file.exists() => {
                    self.make_directory(&place)?;
                    self.write(&format!("{place}/__init__.py"), DECLARATION)?;
                }
                EggLayout::Pip if file.exists() && is_lone_declaration(&directory, &file) => {
                    // It is a link: the wheel keeps its own.
                    fs::remove_file(&file).map_err(failed("remove", &file))?;
                    self.linked.remove(&format!("{place}/__init__.py"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn write(&self, place: &str, text: &str) -> Result<(), WheelError> {
        let path = self.egg.join(place);
        // A link to a file of the wheel must not be written through.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replace", &path)(error));
            }
            _ => {}
        }
        fs::write(&path, text).map_err(failed("write", &path))
    }

    /// Writes the list of files as they are placed in the egg.
    fn write_record(&mut self) -> Result<(), WheelError> {
        let source = self
            .wheel
            .directory
            .join(&self.wheel.dist_info)
            .join("RECORD");
        let text = match fs::read(&source) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed("read", &source)(error)),
        };
        let data = self.wheel.data.as_deref();
        for mut entry in Record::parse(&text).entries {
            let placed = match entry.path.split_once('/') {
                Some((top, rest)) if Some(top) == data => match rest.split_once('/') {
                    Some(("purelib" | "platlib" | "data", rest)) => Some(rest.to_owned()),
                    Some(("scripts", rest)) => Some(format!("{EGG_INFO}/scripts/{rest}")),
                    _ => None,
                },
                _ => Some(entry.path.clone()),
            };
            let placed = placed
                .filter(|placed| self.linked.contains(placed) || self.egg.join(placed).is_file());
            if let Some(placed) = placed {
                entry.path = placed;
                self.record.entries.push(entry);
            }
        }
        let record = std::mem::take(&mut self.record);
        let dist_info = &self.wheel.dist_info;
        self.write(&format!("{dist_info}/RECORD"), &record.to_text())?;
        self.write(&format!("{dist_info}/INSTALLER"), "buildout\n")
    }
}

/// Tells whether a package has nothing but a declaration of its namespace, as
/// zc.buildout 6 sees it: then every file in the directory is gone but that
/// one, which is short.
fn is_lone_declaration(directory: &Path, file: &Path) -> bool {
    let others = fs::read_dir(directory).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry.file_name() != "__init__.py" && entry.file_type().is_ok_and(|kind| kind.is_file())
        })
    });
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    !others
        && lines.len() <= 6
        && lines
            .iter()
            .any(|line| line.contains("pkg_resources") || line.contains("pkgutil"))
}

/// What is in a directory of a wheel, where nothing is a link.
struct Entry {
    name: String,
    is_directory: bool,
}

fn sorted_entries(directory: &Path) -> Result<Vec<Entry>, WheelError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        let entry = entry.map_err(failed("read", directory))?;
        let kind = entry.file_type().map_err(failed("examine", entry.path()))?;
        let name = entry.file_name().into_string().map_err(|name| {
            let source = io::Error::new(io::ErrorKind::InvalidData, "the name is not UTF-8");
            failed("read", directory.join(name))(source)
        })?;
        entries.push(Entry {
            name,
            is_directory: kind.is_dir(),
        });
    }
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(entries)
}
