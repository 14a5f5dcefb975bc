//! The first line of a script.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

/// How much of a file is read to find its first line. Systems read less.
pub(super) const LONGEST_LINE: u64 = 4096;

/// Returns the interpreter of a script that begins with `head`; `None` if it is
/// no script, or names no interpreter and so is run by the shell.
pub(super) fn interpreter(head: &[u8]) -> Option<OsString> {
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| b" \t\r".contains(byte));
    let word = words.find(|word| !word.is_empty())?;
    Some(OsStr::from_bytes(word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_the_interpreter() {
        for (head, expected) in [
            ("#!/bin/sh\necho", Some("/bin/sh")),
            ("#! /usr/bin/env  python3 -s\n", Some("/usr/bin/env")),
            ("#!\t/x/y -e", Some("/x/y")),
            ("#!perl\n", Some("perl")),
            ("#!\n", None),
            ("# !/bin/sh\n", None),
            ("", None),
        ] {
            let found = interpreter(head.as_bytes());
            assert_eq!(found.as_deref(), expected.map(OsStr::new), "{head:?}");
        }
    }
}
