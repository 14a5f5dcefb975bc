//! Names of files that belong to a part, whatever the part is called.

use std::fmt::Write as _;

use crate::fetch::{Algorithm, Digests};

/// Names of files may have 255 bytes; this leaves room for an extension.
const LONGEST: usize = 200;

/// Returns a file name for a part: its own where that is plain, with other
/// bytes written as `%XX`. Different parts have different names.
pub(super) fn part_file_name(part: &str) -> String {
    let mut name = String::with_capacity(part.len());
    for (position, byte) in part.bytes().enumerate() {
        let is_plain =
            byte.is_ascii_alphanumeric() || b"_-+@".contains(&byte) || byte == b'.' && position > 0;
        if is_plain {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    if name.is_empty() {
        // No name becomes this one: a percent sign is written as `%25`.
        return "%".to_owned();
    }
    if name.len() > LONGEST {
        let digest = Digests::of(part.as_bytes()).hex(Algorithm::Md5);
        name.truncate(LONGEST - digest.len() - 2);
        name.push_str("%-");
        name.push_str(&digest);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_file_name_of_its_own() {
        for (part, name) in [
            ("hello-program", "hello-program"),
            ("zlib-1.3_x@y+z", "zlib-1.3_x@y+z"),
            ("a/../b", "a%2f..%2fb"),
            ("..", "%2e."),
            (".hidden", "%2ehidden"),
            ("50% \u{e9}", "50%25%20%c3%a9"),
            ("", "%"),
        ] {
            assert_eq!(part_file_name(part), name);
        }
        let long = "x".repeat(300);
        let (one, other) = (format!("{long}1"), format!("{long}2"));
        assert_ne!(part_file_name(&one), part_file_name(&other));
        assert_eq!(part_file_name(&one).len(), LONGEST);
    }
}
