//! A directory that somebody else writes to, such as one of a partition's user:
//! no link in its path or among its files is followed, so whoever owns it has
//! the node read and remove nothing elsewhere.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, unlinkat};

/// A directory of somebody else, open.
pub(crate) struct ForeignDirectory {
    directory: OwnedFd,
}

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl ForeignDirectory {
    /// Opens `base/names[0]/names[1]...`; none if something of it is not there.
    ///
    /// # Errors
    ///
    /// Something of it is no directory, or cannot be opened.
    pub(crate) fn open(base: &Path, names: &[&str]) -> io::Result<Option<Self>> {
        let mut directory = match open(base, DIRECTORY, Mode::empty()) {
            Ok(directory) => directory,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        for name in names {
            directory = match openat(&directory, *name, DIRECTORY, Mode::empty()) {
                Ok(directory) => directory,
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Some(ForeignDirectory { directory }))
    }

    /// Returns the names in it, sorted. Those that are no UTF-8 are left out:
    /// nothing that the node looks for has such a name.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let entry = entry?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads the first `limit` bytes of a regular file.
    ///
    /// # Errors
    ///
    /// It is not there, cannot be read, or is something else.
    pub(crate) fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.directory, name, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
        if kind != FileType::RegularFile {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut contents = Vec::new();
        File::from(file).take(limit).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Removes a file; none is fine.
    ///
    /// # Errors
    ///
    /// It cannot be removed.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let secret = root.path().join("secret");
        fs::create_dir(&secret).unwrap();
        fs::write(secret.join("file"), "secret").unwrap();
        let partition = root.path().join("partition");
        fs::create_dir_all(partition.join("var/reports")).unwrap();
        symlink(&secret, partition.join("link")).unwrap();
        symlink(secret.join("file"), partition.join("var/reports/file")).unwrap();
        fs::write(partition.join("var/reports/own"), "own").unwrap();
        let open = |names: &[&str]| ForeignDirectory::open(&partition, names);
        assert!(open(&["link"]).is_err());
        assert!(open(&["var", "other"]).unwrap().is_none());
        let reports = open(&["var", "reports"]).unwrap().unwrap();
        assert_eq!(reports.names().unwrap(), ["file", "own"]);
        assert!(reports.read("file", 100).is_err());
        assert_eq!(reports.read("own", 2).unwrap(), b"ow");
        reports.remove("file").unwrap();
        reports.remove("own").unwrap();
        reports.remove("own").unwrap();
        assert!(secret.join("file").exists());
    }
}
