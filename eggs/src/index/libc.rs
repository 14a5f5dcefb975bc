//! Which C library a program is linked with: wheels are made for one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A C library and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libc {
    /// The GNU C library.
    Glibc {
        /// 2 in 2.36.
        major: u32,
        /// 36 in 2.36.
        minor: u32,
    },
    /// musl.
    Musl {
        /// 1 in 1.2.5.
        major: u32,
        /// 2 in 1.2.5.
        minor: u32,
    },
}

/// A dynamic loader has some hundred kilobytes.
const LOADER_LIMIT: u64 = 16 * 1024 * 1024;

impl Libc {
    /// Finds out with which library a program is linked, from its dynamic
    /// loader, whose file names its version. Nothing for a static program, for
    /// one that is no ELF file, and for another library.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of_executable(executable: &Path) -> io::Result<Option<Self>> {
        let Some(loader) = loader_of(executable)? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        File::open(&loader)?
            .take(LOADER_LIMIT)
            .read_to_end(&mut content)?;
        let is_musl = loader
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("ld-musl"));
        Ok(if is_musl {
            musl_version(&content)
        } else {
            glibc_version(&content)
        })
    }
}

/// Returns the path in the program header `PT_INTERP`.
fn loader_of(executable: &Path) -> io::Result<Option<PathBuf>> {
    const INTERPRETER: u32 = 3;
    let file = File::open(executable)?;
    let mut header = [0; 64];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    if !header.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let is_wide = header[4] == 2;
    let is_little = header[5] == 1;
    let number = |bytes: &[u8]| {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if is_little {
            bytes.iter().rev().fold(0, add)
        } else {
            bytes.iter().fold(0, add)
        }
    };
    let (table, size, count) = if is_wide {
        (
            number(&header[32..40]),
            number(&header[54..56]),
            number(&header[56..58]),
        )
    } else {
        (
            number(&header[28..32]),
            number(&header[42..44]),
            number(&header[44..46]),
        )
    };
    for index in 0..count {
        let mut entry = [0; 56];
        let length = if is_wide { 56 } else { 32 };
        let Some(at) = table.checked_add(index * size) else {
            return Ok(None);
        };
        if file.read_exact_at(&mut entry[..length], at).is_err() {
            return Ok(None);
        }
        if number(&entry[..4]) != u64::from(INTERPRETER) {
            continue;
        }
        let (offset, size) = if is_wide {
            (number(&entry[8..16]), number(&entry[32..40]))
        } else {
            (number(&entry[4..8]), number(&entry[16..20]))
        };
        let mut path = vec![0; usize::try_from(size.min(4096)).unwrap_or_default()];
        if file.read_exact_at(&mut path, offset).is_err() {
            return Ok(None);
        }
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        return Ok(std::str::from_utf8(path).ok().map(PathBuf::from));
    }
    Ok(None)
}

/// glibc's files say `stable release version 2.36.`
fn glibc_version(content: &[u8]) -> Option<Libc> {
    const WORDS: &[u8] = b" release version ";
    let at = content
        .windows(WORDS.len())
        .position(|window| window == WORDS)?;
    let (major, minor) = leading_version(&content[at + WORDS.len()..])?;
    Some(Libc::Glibc { major, minor })
}

/// musl's loader holds its version as a text of its own.
fn musl_version(content: &[u8]) -> Option<Libc> {
    let is_version = |text: &&[u8]| {
        let text = text.split(|byte| *byte == b'-').next().unwrap_or_default();
        let parts: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
        parts.len() == 3
            && parts
                .iter()
                .all(|part| (1..4).contains(&part.len()) && part.iter().all(u8::is_ascii_digit))
    };
    let version = content.split(|byte| *byte == 0).find(is_version)?;
    let (major, minor) = leading_version(version)?;
    Some(Libc::Musl { major, minor })
}

/// Reads `2.36` at the beginning.
fn leading_version(bytes: &[u8]) -> Option<(u32, u32)> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
    let mut numbers = text.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_loaders() {
        let glibc = b"\0ld.so (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\n\0";
        assert_eq!(
            glibc_version(glibc),
            Some(Libc::Glibc {
                major: 2,
                minor: 36
            })
        );
        let musl = b"x\0musl libc (x86_64)\nVersion %s\n\0 1.2.3\01.2.5\0";
        assert_eq!(musl_version(musl), Some(Libc::Musl { major: 1, minor: 2 }));
        assert_eq!(glibc_version(b"release version x"), None);
    }

    #[test]
    fn a_program_of_this_machine_tells_its_library() {
        let shell = Path::new("/bin/sh");
        let libc = Libc::of_executable(shell).expect("it can be read");
        assert!(libc.is_some(), "a dynamic program has a loader");
        let text = tempfile::NamedTempFile::new().expect("a file can be made");
        assert_eq!(Libc::of_executable(text.path()).expect("it is read"), None);
    }
}
