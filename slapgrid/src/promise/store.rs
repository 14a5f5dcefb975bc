//! The files of a partition's promises, below `.slapgrid/promise`.
//!
//! They belong to the partition's user, who may put links in their places: none
//! is followed, neither at the end of a path nor on its way.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fchown, fstat, mkdirat, open, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::cache::{PromiseCache, with_next_run};
use super::result::PromiseResult;
use crate::child::Owner;
use crate::files::{FileError, failed_to};

/// The longest cache or result that is read.
const LONGEST_DOCUMENT: u64 = 256 * 1024;

/// How much is read of the end of a log.
const READ_OF_LOG: u64 = 1024 * 1024;

/// The mode of files, as the umask of whatever the node runs makes it.
const FILE_MODE: u32 = 0o640;

/// What slapos.core kept here once, and removes.
const DEPRECATED: [&str; 4] = [
    "promise_stats.json",
    "promise_status.json",
    "global.json",
    "public.json",
];

/// What is kept of each promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folder {
    Cache,
    Result,
    Log,
}

impl Folder {
    fn name(self) -> &'static str {
        match self {
            Folder::Cache => "cache",
            Folder::Result => "result",
            Folder::Log => "log",
        }
    }

    fn file(self, title: &str) -> String {
        match self {
            Folder::Cache => title.to_owned(),
            Folder::Result => format!("{title}.status.json"),
            Folder::Log => format!("{title}.log"),
        }
    }
}

/// The files of a partition's promises.
pub(super) struct PromiseStore {
    partition: PathBuf,
    /// To whom files are given, where the node is root.
    owner: Option<Owner>,
}

impl PromiseStore {
    /// Returns the files of the promises of the partition in a directory.
    pub(super) fn of(partition: &Path, owner: Option<Owner>) -> Self {
        PromiseStore {
            partition: partition.to_owned(),
            owner,
        }
    }

    /// Returns what is remembered of a promise: none if it is void, because
    /// its code is not there any more.
    pub(super) fn cache(&self, title: &str) -> Option<PromiseCache> {
        let text = self.read(Folder::Cache, title, LONGEST_DOCUMENT)?;
        PromiseCache::parse(&text).filter(|cache| cache.module_file.exists())
    }

    pub(super) fn set_cache(&self, title: &str, cache: &PromiseCache) -> Result<(), FileError> {
        self.replace(Folder::Cache, title, &cache.to_text())
    }

    /// Has a promise be due at another time; one without a cache is due anyway.
    pub(super) fn set_next_run(&self, title: &str, next_run_after: f64) -> Result<(), FileError> {
        let text = self.read(Folder::Cache, title, LONGEST_DOCUMENT);
        match text.and_then(|text| with_next_run(&text, next_run_after)) {
            Some(text) => self.replace(Folder::Cache, title, &text),
            None => Ok(()),
        }
    }

    /// Returns the last result of a promise.
    pub(super) fn result(&self, title: &str) -> Option<PromiseResult> {
        PromiseResult::parse(&self.read(Folder::Result, title, LONGEST_DOCUMENT)?)
    }

    pub(super) fn set_result(&self, result: &PromiseResult) -> Result<(), FileError> {
        self.replace(Folder::Result, &result.title, &result.to_text())
    }

    /// Returns the end of the log of a promise.
    pub(super) fn log(&self, title: &str) -> String {
        self.read(Folder::Log, title, READ_OF_LOG)
            .unwrap_or_default()
    }

    /// Adds to the log of a promise.
    pub(super) fn append_log(&self, title: &str, text: &str) -> Result<(), FileError> {
        let name = Folder::Log.file(title);
        let append = || {
            let folder = self.make_folder(Folder::Log)?;
            let flags = OFlags::APPEND | OFlags::WRONLY | OFlags::CREATE;
            let file = openat(&folder, &name, flags | SAFE, Mode::from_raw_mode(FILE_MODE))?;
            check_regular(&file)?;
            self.give(&file)?;
            File::from(file).write_all(text.as_bytes())
        };
        append().map_err(failed_to("write", &self.path(Folder::Log, &name)))
    }

    /// Removes what slapos.core kept of these promises in other forms, as it
    /// does itself (`PromiseProcess._cleanupDeprecated`).
    pub(super) fn remove_deprecated(&self, is_promise: impl Fn(&str) -> bool) {
        let Ok(place) = self.place(false) else {
            return;
        };
        let Ok(entries) = Dir::read_from(&place) else {
            return;
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let stem = name
                .strip_suffix(".timestamp")
                .or_else(|| name.strip_suffix(".periodicity"));
            if DEPRECATED.contains(&name) || stem.is_some_and(&is_promise) {
                // It is tried again the next time.
                let _ = unlinkat(&place, name, AtFlags::empty());
            }
            if name == "history" {
                let path = self.partition.join(".slapgrid/promise/history");
                // Nothing reads it any more.
                let _ = std::fs::remove_dir_all(path);
            }
        }
    }

    fn path(&self, folder: Folder, name: &str) -> PathBuf {
        let promise = self.partition.join(".slapgrid/promise");
        promise.join(folder.name()).join(name)
    }

    fn give(&self, file: &OwnedFd) -> io::Result<()> {
        if let Some(Owner { user, group }) = self.owner {
            fchown(file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        }
        Ok(())
    }

    /// Opens `.slapgrid/promise`.
    fn place(&self, make: bool) -> io::Result<OwnedFd> {
        let partition = open(&self.partition, DIRECTORY, Mode::empty())?;
        let place = self.enter(&partition, ".slapgrid", make)?;
        self.enter(&place, "promise", make)
    }

    fn enter(&self, place: &OwnedFd, name: &str, make: bool) -> io::Result<OwnedFd> {
        match openat(place, name, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) if make => {}
            result => return Ok(result?),
        }
        match mkdirat(place, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let place = openat(place, name, DIRECTORY, Mode::empty())?;
        self.give(&place)?;
        Ok(place)
    }

    fn make_folder(&self, folder: Folder) -> io::Result<OwnedFd> {
        self.enter(&self.place(true)?, folder.name(), true)
    }

    /// Returns the end of a file.
    fn read(&self, folder: Folder, title: &str, limit: u64) -> Option<String> {
        let place = self
            .enter(&self.place(false).ok()?, folder.name(), false)
            .ok()?;
        let name = folder.file(title);
        let file = openat(&place, &name, OFlags::RDONLY | SAFE, Mode::empty()).ok()?;
        let size = check_regular(&file).ok()?;
        let mut file = File::from(file);
        if size > limit {
            file.seek(SeekFrom::Start(size - limit)).ok()?;
        }
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Replaces a file in one step.
    fn replace(&self, folder: Folder, title: &str, text: &str) -> Result<(), FileError> {
        let name = folder.file(title);
        let replace = || {
            let place = self.make_folder(folder)?;
            // Nobody else writes here at this time; what a killed run left in
            // this place is overwritten.
            let temporary = format!("{name}.tmp");
            match unlinkat(&place, &temporary, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let mode = Mode::from_raw_mode(FILE_MODE);
            let file = openat(&place, &temporary, flags | SAFE, mode)?;
            self.give(&file)?;
            File::from(file).write_all(text.as_bytes())?;
            // A result that is lost with the machine is found anew.
            renameat(&place, &temporary, &place, &name)?;
            Ok(())
        };
        replace().map_err(failed_to("write", &self.path(folder, &name)))
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

const SAFE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Returns the size of a file that is neither a pipe nor a device.
fn check_regular(file: &OwnedFd) -> io::Result<u64> {
    let stat = fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(u64::try_from(stat.st_size).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn cache(module: &Path) -> PromiseCache {
        PromiseCache {
            is_tested: true,
            is_anomaly_detected: true,
            periodicity: 2.0,
            next_run_after: 7.5,
            timestamp: 1.5,
            module_file: module.to_owned(),
            module_file_mtime: 1.25,
        }
    }

    #[test]
    fn what_is_kept_is_found_as_long_as_the_code_is_there() {
        let partition = tempfile::tempdir().unwrap();
        let module = partition.path().join("module.py");
        fs::write(&module, "").unwrap();
        let store = PromiseStore::of(partition.path(), None);
        assert_eq!(store.cache("a"), None);
        store.set_cache("a", &cache(&module)).unwrap();
        assert_eq!(store.cache("a"), Some(cache(&module)));
        store.set_next_run("a", 1.0).unwrap();
        assert_eq!(store.cache("a").unwrap().next_run_after, 1.0);
        fs::remove_file(&module).unwrap();
        assert_eq!(store.cache("a"), None);
        store.append_log("a", "one\n").unwrap();
        store.append_log("a", "two\n").unwrap();
        assert_eq!(store.log("a"), "one\ntwo\n");
    }

    #[test]
    fn links_and_pipes_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = root.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("a.log"), "kept").unwrap();
        let partition = root.path().join("partition");
        let promise = partition.join(".slapgrid/promise");
        fs::create_dir_all(promise.join("log")).unwrap();
        symlink(&elsewhere, promise.join("cache")).unwrap();
        symlink(elsewhere.join("a.log"), promise.join("log/a.log")).unwrap();
        let store = PromiseStore::of(&partition, None);
        assert!(store.set_cache("a", &cache(Path::new("/m"))).is_err());
        assert!(store.append_log("a", "x").is_err());
        assert_eq!(store.log("a"), "");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
        assert_eq!(fs::read(elsewhere.join("a.log")).unwrap(), b"kept");
    }

    #[test]
    fn what_is_deprecated_is_removed() {
        let partition = tempfile::tempdir().unwrap();
        let promise = partition.path().join(".slapgrid/promise");
        fs::create_dir_all(promise.join("history")).unwrap();
        for name in ["a.py.timestamp", "b.timestamp", "global.json", "kept.json"] {
            fs::write(promise.join(name), "").unwrap();
        }
        let store = PromiseStore::of(partition.path(), None);
        store.remove_deprecated(|name| name == "a.py");
        let names = crate::files::names_in(&promise).unwrap();
        assert_eq!(names, ["b.timestamp", "kept.json"]);
    }
}
