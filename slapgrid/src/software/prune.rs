//! `slapos node prune`: removes the shared parts that nothing uses.
//!
//! Which are in use is told from the files that name them: what releases have
//! installed, their scripts, other shared parts, and the same of nodes that are
//! instances of this one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use buildout_core::store::{
    Fate, GarbageError, GarbagePolicy, MARKER, Survey, SurveyError, directories, find_garbage,
    forget_removed, remove_garbage,
};

use crate::child::error_chain;
use crate::configuration::ini::IniFile;
use crate::files::{FileError, failed_to, names_in};
use crate::node::{Node, PassEnd};

/// What is wanted of a prune.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneOptions {
    /// Whether it is only told what would be removed.
    pub dry_run: bool,
    /// Directories of further releases whose shared parts are in use.
    pub additional_software: Vec<PathBuf>,
}

/// A prune that cannot be begun: it is not known what is in use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// There is nothing to prune.
    #[error("No shared_part_list options in slapos config")]
    NoSharedParts,
    /// The shared parts, or a user of theirs, cannot be read.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// The same of the shared parts.
    #[error(transparent)]
    Garbage(#[from] GarbageError),
    /// A directory cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Removes the shared parts of the last directory of `shared_part_list` that
/// nothing uses (`do_prune`); those that they alone used go with them.
///
/// # Errors
///
/// It cannot be told what is in use. What cannot be removed is told, and the
/// others go.
pub fn prune(node: &Node, options: &PruneOptions) -> Result<PassEnd, PruneError> {
    let configuration = &node.configuration;
    let store = directories(&configuration.shared_part_list)
        .last()
        .map(PathBuf::from)
        .ok_or(PruneError::NoSharedParts)?;
    let shown = store.display();
    node.log
        .warning(format!("Pruning shared directories at {shown}"));
    if !store.is_dir() {
        node.log.info(format!("{shown} does not exist."));
        return Ok(PassEnd::Success);
    }
    let stores = [fs::canonicalize(&store).map_err(failed_to("resolve", &store))?];
    let mut survey = Survey::of(&stores, &[])?;
    for directory in &options.additional_software {
        if !directory.exists() {
            let shown = directory.display();
            node.log.warning(format!(
                "Additional software directory does not exist: {shown}"
            ));
        }
    }
    let roots = std::iter::once(&configuration.software_root).chain(&options.additional_software);
    for root in roots {
        add_releases(&mut survey, root)?;
    }
    add_inner_nodes(node, &mut survey)?;
    let policy = GarbagePolicy {
        // Python's runs register nowhere: all that use something are above.
        unregistered: true,
        older_than: None,
    };
    let mut end = PassEnd::Success;
    for garbage in find_garbage(&survey, &stores, &policy)? {
        let entry = garbage.entry.location();
        let shown = entry.display();
        if options.dry_run {
            node.log.warning(format!("Unused shared parts at {shown}"));
            continue;
        }
        match remove_garbage(&survey, &garbage) {
            Ok(Fate::Removed) => node
                .log
                .warning(format!("Unused shared parts at {shown} ... removed")),
            Ok(_) => node.log.info(format!(
                "Unused shared parts at {shown} ... are used by now"
            )),
            Err(error) => {
                node.log.error(error_chain(&error));
                end = PassEnd::Failure;
            }
        }
    }
    if !options.dry_run {
        for store in &stores {
            forget_removed(store)?;
        }
    }
    Ok(end)
}

/// Counts what the releases in a directory have installed, and their scripts.
fn add_releases(survey: &mut Survey, software_root: &Path) -> Result<(), PruneError> {
    for name in names_in(software_root)? {
        let release = software_root.join(name);
        if !release.is_dir() {
            continue;
        }
        survey.add_file(&release.join(".installed.cfg"))?;
        let bin = release.join("bin");
        for script in names_in(&bin)? {
            let script = bin.join(script);
            if script.is_file() {
                survey.add_file(&script)?;
            }
        }
    }
    Ok(())
}

/// Counts what the shared parts of another directory say they were made of.
fn add_shared_parts(survey: &mut Survey, store: &Path) -> Result<(), PruneError> {
    for part in names_in(store)? {
        for digest in names_in(&store.join(&part))? {
            let entry = store.join(&part).join(digest);
            for name in names_in(&entry)? {
                if name == MARKER || (name.starts_with('.') && name.ends_with("signature")) {
                    survey.add_file(&entry.join(name))?;
                }
            }
        }
    }
    Ok(())
}

/// Counts what nodes use that are instances of this one, or of these: wherever
/// there is a `slapos.cfg`.
fn add_inner_nodes(node: &Node, survey: &mut Survey) -> Result<(), PruneError> {
    let mut visited = BTreeSet::new();
    let mut waiting = vec![node.configuration.instance_root.clone()];
    while let Some(instance_root) = waiting.pop() {
        if !visited.insert(instance_root.clone()) {
            continue;
        }
        for path in files_named(&instance_root, "slapos.cfg")? {
            let shown = path.display();
            let Some(inner) = InnerNode::read(&path) else {
                node.log
                    .debug(format!("Ignored config at {shown} because of error"));
                continue;
            };
            node.log.debug(format!("Read config: {shown}"));
            add_releases(survey, &inner.software_root)?;
            if let Some(store) = &inner.shared_parts {
                add_shared_parts(survey, store)?;
            }
            waiting.push(inner.instance_root);
        }
    }
    Ok(())
}

/// Where a node has what it uses.
struct InnerNode {
    software_root: PathBuf,
    instance_root: PathBuf,
    shared_parts: Option<PathBuf>,
}

impl InnerNode {
    fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let file = IniFile::parse(&text).ok()?;
        let option = |name: &str| file.get("slapos", name).ok().flatten();
        let shared_parts = option("shared_part_list").unwrap_or_default();
        Some(InnerNode {
            software_root: option("software_root")?.into(),
            instance_root: option("instance_root")?.into(),
            shared_parts: directories(&shared_parts).last().map(PathBuf::from),
        })
    }
}

/// Returns the files of a name below a directory. Links are not followed.
fn files_named(directory: &Path, name: &str) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed_to("list", &directory)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed_to("list", &directory))?;
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if entry.file_name() == name && entry.path().is_file() {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}
