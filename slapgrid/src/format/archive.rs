//! Earlier descriptions of the computer, kept in a ZIP file beside it, each with its time.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::FILE_MODE;
use crate::clock::log_time;
use crate::files::{FileError, failed_to, replace_file, update_file};
use crate::log::Logger;

/// Replaces a description by another one, and keeps what it was. Files are replaced in one step
/// each, the archive first. An archive that cannot be read is put aside. Returns whether anything
/// changed.
///
/// # Errors
///
/// A file cannot be written.
pub(super) fn replace_description(
    path: &Path,
    text: &str,
    log: &Logger,
) -> Result<bool, FileError> {
    match fs::read(path) {
        Ok(old) if old == text.as_bytes() => return Ok(false),
        Ok(old) => keep(path, &old, log)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed_to("read", path)(error)),
    }
    update_file(path, text.as_bytes(), FILE_MODE)
}

fn keep(path: &Path, old: &[u8], log: &Logger) -> Result<(), FileError> {
    let archive = with_suffix(path, ".zip");
    // Of `YYYY-mm-dd HH:MM:SS`, what upstream takes.
    let time = log_time(SystemTime::now());
    let time = format!("{}-{}", time[..10].replace('-', ""), &time[11..16]);
    let name = with_suffix(path, &format!(".{time}"));
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let before = match fs::read(&archive) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed_to("read", &archive)(error)),
    };
    let written = match with_entry(before, &name, old) {
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let aside = with_suffix(&archive, &format!("_broken_{time}"));
            log.warning(format!(
                "{} is put aside as {}: {error}",
                archive.display(),
                aside.display()
            ));
            fs::rename(&archive, &aside).map_err(failed_to("rename", &archive))?;
            with_entry(Vec::new(), &name, old)
        }
    };
    let bytes =
        written.map_err(|error| failed_to("write", &archive)(std::io::Error::other(error)))?;
    replace_file(&archive, &bytes, FILE_MODE, None)
}

fn with_entry(before: Vec<u8>, name: &str, contents: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let (mut writer, name) = if before.is_empty() {
        (ZipWriter::new(Cursor::new(before)), name.to_owned())
    } else {
        let taken = ZipArchive::new(Cursor::new(before.as_slice()))?;
        let taken = taken.file_names().map(|name| Ok(name?.into_owned()));
        let taken: Vec<String> = taken.collect::<Result<_, zip::result::ZipError>>()?;
        // Two changes within a minute.
        let mut names =
            std::iter::once(name.to_owned()).chain((1..).map(|number| format!("{name}-{number}")));
        let name = names.find(|name| !taken.contains(name));
        let writer = ZipWriter::new_append(Cursor::new(before))?;
        (writer, name.unwrap_or_default())
    };
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.start_file(name, options)?;
    writer.write_all(contents)?;
    Ok(writer.finish()?.into_inner())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silence;

    impl crate::log::LogSink for Silence {
        fn record(&self, _: &buildout_core::event::LogRecord) {}
    }

    #[test]
    fn earlier_descriptions_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("computer.xml");
        let log = Logger::new(std::sync::Arc::new(Silence));
        let replace = |text: &str| replace_description(&path, text, &log).unwrap();
        assert!(replace("one"));
        assert!(!replace("one"));
        let archive = directory.path().join("computer.xml.zip");
        assert!(!archive.exists());
        assert!(replace("two"));
        assert!(replace("three"));
        let kept = || {
            let mut archive = ZipArchive::new(fs::File::open(&archive).unwrap()).unwrap();
            let texts = (0..archive.len()).map(|index| {
                let mut entry = archive.by_index(index).unwrap();
                assert!(entry.name().unwrap().starts_with("computer.xml.2"));
                std::io::read_to_string(&mut entry).unwrap()
            });
            texts.collect::<Vec<_>>()
        };
        assert_eq!(kept(), ["one", "two"]);
        fs::write(&archive, "no archive").unwrap();
        assert!(replace("four"));
        assert_eq!(kept(), ["three"]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
