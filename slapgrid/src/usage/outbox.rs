//! The document that is being sent, so that a crash neither loses nor repeats
//! what was used.
//!
//! It is written down before it is sent, with the files that it was made of.
//! When the master has it, it is renamed in one step; after that the files are
//! removed. Whoever finds it under its first name does not know whether the
//! master has it: only a crash between the master's answer and the renaming
//! sends it again, and then the same bytes, with the same time in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use buildout_core::state::atomic::synchronise_directory;
use buildout_core::state::debris::clear_replacements;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::schema::Schema;
use crate::files::{
    FileError, create_private_directory, failed_to, read_text, remove_file, replace_file,
};
use crate::foreign_directory::ForeignDirectory;

/// The version of the file.
const VERSION: u64 = 1;

/// The longest file that is read: what is written is below half of it.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Where a file of consumption is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// `var/xml_report` of the partition.
    Partition,
    /// `var/xml_report/PARTITION` of `instance_root`.
    Node,
}

impl Place {
    pub(super) const ALL: [Place; 2] = [Place::Partition, Place::Node];

    fn name(self) -> &'static str {
        match self {
            Place::Partition => "partition",
            Place::Node => "node",
        }
    }

    /// Returns the directory for messages.
    pub(super) fn path(self, instance_root: &Path, partition: &str) -> PathBuf {
        match self {
            Place::Partition => instance_root.join(partition).join("var/xml_report"),
            Place::Node => instance_root.join("var/xml_report").join(partition),
        }
    }

    pub(super) fn open(
        self,
        instance_root: &Path,
        partition: &str,
    ) -> io::Result<Option<ForeignDirectory>> {
        match self {
            Place::Partition => {
                let base = instance_root.join(partition);
                ForeignDirectory::open(&base, &["var", "xml_report"])
            }
            Place::Node => ForeignDirectory::open(instance_root, &["var", "xml_report", partition]),
        }
    }
}

/// A file that the document was made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) partition: String,
    pub(super) place: Place,
    pub(super) name: String,
    /// The MD5 of what was read: another file of the same name is another
    /// report.
    digest: String,
}

impl Source {
    pub(super) fn new(partition: &str, place: Place, name: &str, contents: &[u8]) -> Self {
        Source {
            partition: partition.to_owned(),
            place,
            name: name.to_owned(),
            digest: digest(contents),
        }
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str().map(ToOwned::to_owned);
        let place = text("place")?;
        Some(Source {
            partition: text("partition")?,
            place: Place::ALL.into_iter().find(|it| it.name() == place)?,
            name: text("name")?,
            digest: text("digest")?,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "partition": self.partition,
            "place": self.place.name(),
            "name": self.name,
            "digest": self.digest,
        })
    }

    /// Removes the file, if it still is what was read.
    fn remove(&self, instance_root: &Path) -> Result<(), FileError> {
        let path = self
            .place
            .path(instance_root, &self.partition)
            .join(&self.name);
        let remove = || {
            let Some(directory) = self.place.open(instance_root, &self.partition)? else {
                return Ok(());
            };
            match directory.read(&self.name, Schema::LIMIT + 1) {
                Ok(contents) if digest(&contents) == self.digest => directory.remove(&self.name),
                // Gone, or another one by now.
                _ => Ok(()),
            }
        };
        remove().map_err(failed_to("remove", &path))
    }
}

fn digest(contents: &[u8]) -> String {
    Md5::digest(contents)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A document with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) document: String,
    pub(super) sources: Vec<Source>,
}

/// What keeps the outbox from being used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not one of ours.
    #[error("`{}` is no document that waits to be sent; remove it to give it up", .0.display())]
    Garbled(PathBuf),
}

/// The outbox of a node, in `var/slapgrid`.
pub(super) struct Outbox {
    instance_root: PathBuf,
    directory: PathBuf,
}

impl Outbox {
    pub(super) fn of(instance_root: &Path) -> Self {
        Outbox {
            instance_root: instance_root.to_owned(),
            directory: instance_root.join("var/slapgrid"),
        }
    }

    /// The document that the master may not have.
    pub(super) fn waiting_path(&self) -> PathBuf {
        self.directory.join("usage.json")
    }

    /// The document that the master has.
    fn accepted_path(&self) -> PathBuf {
        self.directory.join("usage-accepted.json")
    }

    /// Writes a document down that is to be sent.
    pub(super) fn put(&self, outgoing: &Outgoing) -> Result<(), OutboxError> {
        let sources: Vec<Value> = outgoing.sources.iter().map(Source::to_json).collect();
        let text = json!({
            "version": VERSION,
            "document": outgoing.document,
            "sources": sources,
        });
        create_private_directory(&self.directory)?;
        let path = self.waiting_path();
        replace_file(&path, text.to_string().as_bytes(), 0o600, None)?;
        Ok(())
    }

    /// Returns the document that the master may not have.
    pub(super) fn waiting(&self) -> Result<Option<Outgoing>, OutboxError> {
        clear_replacements(&self.waiting_path());
        read(&self.waiting_path())
    }

    /// Notes that the master has it, and removes what it was made of.
    pub(super) fn accept(&self) -> Result<(), OutboxError> {
        let (from, to) = (self.waiting_path(), self.accepted_path());
        fs::rename(&from, &to).map_err(failed_to("rename", &from))?;
        synchronise_directory(&self.directory)
            .map_err(io::Error::other)
            .map_err(failed_to("synchronise", &self.directory))?;
        self.finish()
    }

    /// Removes the files of a document that the master has, if a crash left
    /// any.
    pub(super) fn finish(&self) -> Result<(), OutboxError> {
        let path = self.accepted_path();
        let Some(accepted) = read(&path)? else {
            return Ok(());
        };
        for source in &accepted.sources {
            source.remove(&self.instance_root)?;
        }
        remove_file(&path)?;
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<Outgoing>, OutboxError> {
    let text = match read_text(path, LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed_to("read", path)(error).into()),
    };
    let parse = || {
        let value: Value = serde_json::from_str(&text).ok()?;
        (value.get("version")?.as_u64()? == VERSION).then_some(())?;
        let sources = value.get("sources")?.as_array()?.iter().map(Source::of);
        Some(Outgoing {
            document: value.get("document")?.as_str()?.to_owned(),
            sources: sources.collect::<Option<_>>()?,
        })
    };
    match parse() {
        Some(outgoing) => Ok(Some(outgoing)),
        None => Err(OutboxError::Garbled(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Site {
        root: tempfile::TempDir,
        outbox: Outbox,
        outgoing: Outgoing,
    }

    impl Site {
        /// A node with a report in each of the two places.
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let mut sources = Vec::new();
            for place in Place::ALL {
                let directory = place.path(root.path(), "slappart0");
                fs::create_dir_all(&directory).unwrap();
                fs::write(directory.join("report"), "<x/>").unwrap();
                sources.push(Source::new("slappart0", place, "report", b"<x/>"));
            }
            Site {
                outbox: Outbox::of(root.path()),
                root,
                outgoing: Outgoing {
                    document: "<é/>".to_owned(),
                    sources,
                },
            }
        }

        fn reports(&self) -> usize {
            let paths = Place::ALL.map(|it| it.path(self.root.path(), "slappart0"));
            paths.iter().filter(|it| it.join("report").exists()).count()
        }
    }

    #[test]
    fn a_document_is_kept_until_the_master_has_it() {
        let site = Site::new();
        assert_eq!(site.outbox.waiting().unwrap(), None);
        site.outbox.put(&site.outgoing).unwrap();
        assert_eq!(site.outbox.waiting().unwrap(), Some(site.outgoing.clone()));
        assert_eq!(site.reports(), 2);
        site.outbox.accept().unwrap();
        assert_eq!(site.outbox.waiting().unwrap(), None);
        assert_eq!(site.reports(), 0);
    }

    #[test]
    fn a_crash_after_the_answer_sends_nothing_again() {
        let site = Site::new();
        site.outbox.put(&site.outgoing).unwrap();
        let waiting = site.outbox.waiting_path();
        fs::rename(&waiting, site.outbox.accepted_path()).unwrap();
        site.outbox.finish().unwrap();
        assert_eq!(site.outbox.waiting().unwrap(), None);
        assert_eq!(site.reports(), 0);
        site.outbox.finish().unwrap();
    }

    #[test]
    fn another_report_of_the_same_name_stays() {
        let site = Site::new();
        site.outbox.put(&site.outgoing).unwrap();
        let path = Place::Partition.path(site.root.path(), "slappart0");
        fs::write(path.join("report"), "<y/>").unwrap();
        site.outbox.accept().unwrap();
        assert_eq!(site.reports(), 1);
    }

    #[test]
    fn what_is_not_ours_is_not_sent() {
        let site = Site::new();
        site.outbox.put(&site.outgoing).unwrap();
        fs::write(site.outbox.waiting_path(), "{\"version\": 2}").unwrap();
        let error = site.outbox.waiting().unwrap_err();
        assert!(error.to_string().contains("is no document that waits"));
    }
}
