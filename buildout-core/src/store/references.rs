//! Which entries something refers to, found by looking for their digests.
//!
//! The digest of an entry is in every path of it, however the path is written
//! and through whatever links it leads; and 32 hexadecimal digits are there
//! for no other reason. So the digests in the bytes of a file tell what it
//! refers to: a marker, whose options name what the part was built with, a
//! library with an `rpath`, a script. Only what is compressed or encoded
//! hides its references, and options are neither.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::entry::StoreError;

/// How many digits a digest has.
const DIGITS: usize = 32;

/// How much of a file is looked at at once.
const BLOCK: usize = 256 * 1024;

/// Longer than a path may be.
const CONTEXT: usize = 4096 + DIGITS;

/// Tells whether a name is that of an entry.
pub(super) fn is_digest(name: &[u8]) -> bool {
    name.len() == DIGITS && name.iter().copied().all(is_digit)
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Finds the digests in `bytes`; `found` gets the position of each.
fn find_digests(bytes: &[u8], mut found: impl FnMut(usize)) {
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + DIGITS) {
        // The last byte that is no digit excludes every window up to it.
        match window.iter().rposition(|byte| !is_digit(*byte)) {
            Some(position) => start += position + 1,
            None => {
                found(start);
                start += 1;
            }
        }
    }
}

/// Tells `found` all digests in `bytes`.
pub(super) fn digests_in(bytes: &[u8], mut found: impl FnMut(&str)) {
    find_digests(bytes, |start| {
        if let Ok(digest) = std::str::from_utf8(&bytes[start..start + DIGITS]) {
            found(digest);
        }
    });
}

/// Adds the names `PART/DIGEST` of the paths in `bytes` that lead into one of
/// `stores`, as these are written.
pub(super) fn paths_in(bytes: &[u8], stores: &[&[u8]], names: &mut BTreeSet<String>) {
    find_digests(bytes, |start| {
        let (before, rest) = bytes.split_at(start);
        let (digest, after) = rest.split_at(DIGITS);
        if after.first().copied().is_some_and(is_digit) {
            return;
        }
        let Some(before) = before.strip_suffix(b"/") else {
            return;
        };
        let Some(slash) = before.iter().rposition(|byte| *byte == b'/') else {
            return;
        };
        let (store, part) = (&before[..slash], &before[slash + 1..]);
        if !part.is_empty() && stores.iter().any(|known| store.ends_with(known)) {
            let text = |bytes| String::from_utf8_lossy(bytes);
            names.insert(format!("{}/{}", text(part), text(digest)));
        }
    });
}

/// Shows `look` all that the entry at `location` consists of, in blocks that
/// overlap by more than a path: contents of files, and targets of links.
pub(super) fn look_through(
    location: &Path,
    mut look: impl FnMut(&Path, &[u8]),
) -> Result<(), StoreError> {
    for entry in WalkDir::new(location) {
        let looked = entry
            .map_err(|error| StoreError::of_walk(location, error))
            .and_then(|entry| look_at(&entry, &mut look));
        match looked {
            // An entry that is being built changes.
            Err(error) if error.is_missing() => {}
            result => result?,
        }
    }
    Ok(())
}

fn look_at(entry: &DirEntry, look: &mut impl FnMut(&Path, &[u8])) -> Result<(), StoreError> {
    let path = entry.path();
    let kind = entry.file_type();
    let failed = |error| StoreError::new("read", path, error);
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(failed)?;
        look(path, target.as_os_str().as_bytes());
    } else if kind.is_file() {
        let file = File::open(path).map_err(failed)?;
        for_each_block(file, BLOCK, |bytes| look(path, bytes)).map_err(failed)?;
    }
    Ok(())
}

fn for_each_block(
    mut reader: impl Read,
    block: usize,
    mut look: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let read = reader.by_ref().take(block as u64).read_to_end(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        look(&bytes);
        let keep = bytes.len().min(CONTEXT);
        bytes.drain(..bytes.len() - keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "ffffffffffffffffffffffffffffffff";

    fn digests(bytes: &[u8]) -> Vec<String> {
        let mut digests = BTreeSet::new();
        digests_in(bytes, |digest| {
            digests.insert(digest.to_owned());
        });
        digests.into_iter().collect()
    }

    #[test]
    fn digests_are_found_wherever_they_are() {
        assert_eq!(digests(b""), [""; 0]);
        assert_eq!(digests(&ONE.as_bytes()[1..]), [""; 0]);
        assert_eq!(digests(ONE.to_uppercase().as_bytes()), [""; 0]);
        for before in 0..70 {
            let text = format!("{}/{ONE}/lib\0{TWO}", "g".repeat(before));
            assert_eq!(digests(text.as_bytes()), [ONE, TWO], "{before}");
        }
        // In a longer row of digits every place may be the one.
        assert_eq!(digests(format!("{TWO}0").as_bytes()).len(), 2);
    }

    #[test]
    fn paths_are_those_into_the_stores() {
        let text = format!(
            "-I/s/zlib/{ONE}/include:/s/a b/{TWO} /t/x/{ONE} https://h/{ONE} /s/{ONE} /s/y/{TWO}0"
        );
        let mut names = BTreeSet::new();
        paths_in(text.as_bytes(), &[b"/s"], &mut names);
        let names: Vec<String> = names.into_iter().collect();
        assert_eq!(names, [format!("a b/{TWO}"), format!("zlib/{ONE}")]);
    }

    #[test]
    fn what_two_blocks_share_is_found() {
        for before in 0..100 {
            let text = format!("{}{ONE}{}", "-".repeat(before), "-".repeat(50));
            let mut found = BTreeSet::new();
            let mut look = |bytes: &[u8]| {
                digests_in(bytes, |digest| {
                    found.insert(digest.to_owned());
                });
            };
            for_each_block(text.as_bytes(), 7, &mut look).expect("memory can be read");
            assert_eq!(found.into_iter().collect::<Vec<_>>(), [ONE], "{before}");
        }
        let long = "x".repeat(3 * CONTEXT);
        let mut blocks = Vec::new();
        for_each_block(long.as_bytes(), CONTEXT, |bytes| blocks.push(bytes.len()))
            .expect("memory can be read");
        assert_eq!(blocks, [CONTEXT, 2 * CONTEXT, 2 * CONTEXT]);
    }
}
