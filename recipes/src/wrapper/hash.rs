//! The hash that stands for the content of some files.

use std::fs;
use std::path::Path;

use buildout_core::fetch::encode_hex;
use md5::{Digest as _, Md5};

use crate::system_error::{SystemError, failed};

/// Returns upstream's `generateHashFromFiles`: the MD5 of, for each file, its
/// length in decimal digits, a newline, and its content. Relative paths start
/// from `directory`.
pub(super) fn hash_files(directory: &Path, files: &[String]) -> Result<String, SystemError> {
    let mut hasher = Md5::new();
    for file in files {
        let path = directory.join(file);
        let content = fs::read(&path).map_err(failed("read", &path))?;
        hasher.update(format!("{}\n", content.len()));
        hasher.update(&content);
    }
    Ok(encode_hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_keeps_files_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, content: &str| {
            fs::write(directory.path().join(name), content).expect("written");
        };
        write("a", "1\n");
        write("b", "");
        let hash = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(ToString::to_string).collect();
            hash_files(directory.path(), &files)
        };
        // MD5 of `2\n1\n0\n` and of `0\n2\n1\n`, from md5sum.
        assert_eq!(
            hash(&["a", "b"]).expect("readable"),
            "b6faf5d7597d945dc1b2ed730bff4736"
        );
        assert_ne!(
            hash(&["a", "b"]).expect("readable"),
            hash(&["b", "a"]).expect("readable")
        );
        assert!(hash(&["missing"]).is_err());
    }
}
