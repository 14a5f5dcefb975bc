//! Where the entry of a part is, or could be built.

use std::path::{Path, PathBuf};

use super::publish::is_complete;
use crate::profile::python_text::{split_lines, strip};

/// A place where an entry may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// A directory of the list.
    pub directory: String,
    /// The entry's place in it.
    pub location: String,
}

/// What came of looking for an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is complete at this place.
    Complete(String),
    /// It can be built at this place.
    Buildable(String),
    /// No directory of the list can be written to.
    Unavailable,
}

/// Returns the places of an entry in the directories of `list` (the value of
/// `[buildout] shared-part-list`, one on each line), in order.
pub fn candidates(list: &str, part: &str, digest: &str) -> Vec<Candidate> {
    split_lines(list)
        .into_iter()
        .map(|line| strip(line).trim_end_matches('/'))
        .filter(|directory| !directory.is_empty())
        .map(|directory| Candidate {
            directory: directory.to_owned(),
            location: format!("{directory}/{part}/{digest}"),
        })
        .collect()
}

/// Chooses the first place that holds the complete entry, else the first whose
/// directory may be written to. Only looks; changes nothing. Relative places
/// are seen from `base`.
pub fn choose(candidates: &[Candidate], base: &Path) -> Choice {
    let at = |path: &str| -> PathBuf { base.join(path) };
    let complete = candidates
        .iter()
        .find(|candidate| is_complete(&at(&candidate.location)));
    if let Some(candidate) = complete {
        return Choice::Complete(candidate.location.clone());
    }
    let writable = |candidate: &&Candidate| {
        let directory = at(&candidate.directory);
        rustix::fs::access(&directory, rustix::fs::Access::WRITE_OK).is_ok()
    };
    match candidates.iter().find(writable) {
        Some(candidate) => Choice::Buildable(candidate.location.clone()),
        None => Choice::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::MARKER;
    use super::*;

    #[test]
    fn lists_are_lines_without_final_slashes() {
        let found = candidates("\n  /a/b//\n\n c d \r\n/\n", "part", "00");
        let locations: Vec<&str> = found.iter().map(|c| &*c.location).collect();
        assert_eq!(locations, ["/a/b/part/00", "c d/part/00"]);
        assert_eq!(found[0].directory, "/a/b");
    }

    #[test]
    fn a_complete_entry_wins_over_an_earlier_directory() {
        let base = tempfile::tempdir().expect("a directory can be made");
        let list = "missing\none\ntwo";
        for name in ["one", "two"] {
            std::fs::create_dir(base.path().join(name)).expect("it can be made");
        }
        let found = candidates(list, "p", "d");
        assert_eq!(
            choose(&found, base.path()),
            Choice::Buildable("one/p/d".to_owned())
        );
        let entry = base.path().join("two/p/d");
        std::fs::create_dir_all(&entry).expect("it can be made");
        assert_eq!(
            choose(&found, base.path()),
            Choice::Buildable("one/p/d".to_owned())
        );
        std::fs::write(entry.join(MARKER), "{}").expect("it can be written");
        assert_eq!(
            choose(&found, base.path()),
            Choice::Complete("two/p/d".to_owned())
        );
        assert_eq!(choose(&found[..1], base.path()), Choice::Unavailable);
        assert_eq!(choose(&[], base.path()), Choice::Unavailable);
    }
    #[test]
    fn a_directory_that_cannot_be_written_to_is_passed_over() {
        let base = tempfile::tempdir().expect("a directory can be made");
        for (name, mode) in [("closed", 0o555), ("open", 0o755)] {
            let path = base.path().join(name);
            std::fs::create_dir(&path).expect("it can be made");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("it is ours");
        }
        let found = candidates("closed\nopen", "p", "d");
        // Nothing is closed to root.
        let expected = match rustix::process::getuid().is_root() {
            true => "closed/p/d",
            false => "open/p/d",
        };
        assert_eq!(
            choose(&found, base.path()),
            Choice::Buildable(expected.to_owned())
        );
    }
}
