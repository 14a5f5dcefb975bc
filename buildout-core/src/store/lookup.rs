//! Where the entry of a part is, or could be built.

use std::fs;
use std::path::{Path, PathBuf};

use super::publish::is_complete;
use super::{MARKER, Signature};
use crate::profile::python_text::{split_lines, strip};

/// How alike an entry must be to be used for a part: the values of
/// `[buildout] shared-part-match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    /// Its signature too: options, recipe, and all that the part depends on.
    /// What the Python recipes build is never that.
    Signature,
    /// Its options, by their digest, as the Python recipes under zc.buildout
    /// 3.0.1 have it.
    #[default]
    Digest,
    /// Its options, whatever else its digest is made of: the entries of
    /// SlapOS's fork, whose signatures only the fork can compute.
    Options,
}

impl Match {
    /// Every value, with its name.
    pub const ALL: [(&'static str, Match); 3] = [
        ("signature", Match::Signature),
        ("digest", Match::Digest),
        ("options", Match::Options),
    ];

    /// Finds a value by its name.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    }
}

/// An entry that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The part.
    pub part: &'a str,
    /// The signature of its options.
    pub options: &'a Signature,
    /// That of its options and the signature that the engine gives the part.
    pub signed: &'a Signature,
    /// How alike it must be.
    pub alike: Match,
}

/// The place of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory of the list, as it is written there.
    pub directory: String,
    /// The path of the entry, as options show it.
    pub location: String,
    /// The signature that names it.
    pub signature: Signature,
}

/// What came of looking for an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is complete at this place.
    Complete(Place),
    /// It can be built at this place.
    Buildable(Place),
    /// No directory of the list can be written to.
    Unavailable,
}

/// Returns the directories of a list (the value of
/// `[buildout] shared-part-list`, one on each line), in order.
pub fn directories(list: &str) -> Vec<&str> {
    split_lines(list)
        .into_iter()
        .map(|line| strip(line).trim_end_matches('/'))
        .filter(|directory| !directory.is_empty())
        .collect()
}

/// Chooses the first place in the directories of `list` that holds the
/// complete entry, else the first whose directory may be written to. Only
/// looks; changes nothing. Relative places are seen from `base`.
pub fn choose(list: &str, base: &Path, wanted: &Wanted<'_>) -> Choice {
    let directories = directories(list);
    let place = |directory: &str, signature: &Signature| Place {
        directory: directory.to_owned(),
        location: format!("{directory}/{}/{}", wanted.part, signature.digest()),
        signature: signature.clone(),
    };
    let complete = |signature: &Signature| {
        let places = directories
            .iter()
            .map(|directory| place(directory, signature));
        places
            .into_iter()
            .find(|place| is_complete(&base.join(&place.location)))
    };
    let alike = || {
        let found = directories.iter().find_map(|directory| {
            let signature = find_alike(&base.join(directory).join(wanted.part), wanted.options)?;
            Some(place(directory, &signature))
        });
        found.filter(|_| wanted.alike == Match::Options)
    };
    let named = match wanted.alike {
        Match::Signature => complete(wanted.signed),
        Match::Digest | Match::Options => {
            complete(wanted.options).or_else(|| complete(wanted.signed))
        }
    };
    if let Some(place) = named.or_else(alike) {
        return Choice::Complete(place);
    }
    let writable = |directory: &&&str| {
        let directory = base.join(directory);
        rustix::fs::access(&directory, rustix::fs::Access::WRITE_OK).is_ok()
    };
    match directories.iter().find(writable) {
        Some(directory) => Choice::Buildable(place(
            directory,
            match wanted.alike {
                Match::Signature => wanted.signed,
                Match::Digest | Match::Options => wanted.options,
            },
        )),
        None => Choice::Unavailable,
    }
}

/// Returns the signature of an entry below `directory` that has these
/// options: of several, the one whose digest comes first, so that the choice
/// is always the same. An entry that is not named by its marker is passed
/// over.
fn find_alike(directory: &Path, options: &Signature) -> Option<Signature> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries.into_iter().find_map(|entry| {
        let text = fs::read_to_string(entry.join(MARKER)).ok()?;
        let signature = Signature::of_text(text);
        let is_named = entry.file_name()?.to_str()? == signature.digest();
        (is_named && signature.has_options_of(options)).then_some(signature)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::state::installed::SIGNATURE_OPTION;

    fn signature(text: Option<&str>) -> Signature {
        let text = text.map(|text| (SIGNATURE_OPTION, text));
        Signature::of(text.into_iter().chain([("recipe", "x")]))
    }

    /// What is chosen: whether it is complete, and the location.
    fn chosen(list: &str, base: &Path, alike: Match) -> Option<(bool, String)> {
        let wanted = Wanted {
            part: "p",
            options: &signature(None),
            signed: &signature(Some("ours")),
            alike,
        };
        match choose(list, base, &wanted) {
            Choice::Complete(place) => Some((true, place.location)),
            Choice::Buildable(place) => Some((false, place.location)),
            Choice::Unavailable => None,
        }
    }

    fn complete(store: &Path, signature: &Signature) {
        let entry = store.join("p").join(signature.digest());
        fs::create_dir_all(&entry).expect("it can be made");
        fs::write(entry.join(MARKER), signature.text()).expect("it can be written");
    }

    #[test]
    fn lists_are_lines_without_final_slashes() {
        let found = directories("\n  /a/b//\n\n c d \r\n/\n");
        assert_eq!(found, ["/a/b", "c d"]);
    }

    #[test]
    fn a_complete_entry_wins_over_an_earlier_directory() {
        let base = tempfile::tempdir().expect("a directory can be made");
        let list = "missing\none\ntwo";
        for name in ["one", "two"] {
            fs::create_dir(base.path().join(name)).expect("it can be made");
        }
        let digest = signature(None).digest().to_owned();
        let buildable = Some((false, format!("one/p/{digest}")));
        let chosen = |list: &str| chosen(list, base.path(), Match::Digest);
        assert_eq!(chosen(list), buildable);
        let entry = base.path().join("two/p").join(&digest);
        fs::create_dir_all(&entry).expect("it can be made");
        assert_eq!(chosen(list), buildable);
        fs::write(entry.join(MARKER), "{}").expect("it can be written");
        assert_eq!(chosen(list), Some((true, format!("two/p/{digest}"))));
        assert_eq!(chosen("missing"), None);
        assert_eq!(chosen(""), None);
    }

    #[test]
    fn entries_are_found_by_digest_then_signature_then_options() {
        let base = tempfile::tempdir().expect("a directory can be made");
        let store = base.path().join("s");
        fs::create_dir(&store).expect("it can be made");
        let at = |text| Some((true, format!("s/p/{}", signature(text).digest())));
        let to_build = |text| Some((false, format!("s/p/{}", signature(text).digest())));
        let chosen = |alike| chosen("s", base.path(), alike);

        // What only the fork can name.
        complete(&store, &signature(Some("foreign")));
        assert_eq!(chosen(Match::Options), at(Some("foreign")));
        assert_eq!(chosen(Match::Digest), to_build(None));
        assert_eq!(chosen(Match::Signature), to_build(Some("ours")));
        complete(&store, &signature(Some("ours")));
        for (_, alike) in Match::ALL {
            assert_eq!(chosen(alike), at(Some("ours")));
        }
        complete(&store, &signature(None));
        assert_eq!(chosen(Match::Options), at(None));
        assert_eq!(chosen(Match::Digest), at(None));
        assert_eq!(chosen(Match::Signature), at(Some("ours")));
    }

    #[test]
    fn an_entry_that_its_marker_does_not_name_is_not_alike() {
        let base = tempfile::tempdir().expect("a directory can be made");
        let entry = base.path().join("s/p/0123");
        fs::create_dir_all(&entry).expect("it can be made");
        fs::write(entry.join(MARKER), signature(None).text()).expect("it can be written");
        let buildable = (false, format!("s/p/{}", signature(None).digest()));
        assert_eq!(chosen("s", base.path(), Match::Options), Some(buildable));
    }

    #[test]
    fn a_directory_that_cannot_be_written_to_is_passed_over() {
        let base = tempfile::tempdir().expect("a directory can be made");
        for (name, mode) in [("closed", 0o555), ("open", 0o755)] {
            let path = base.path().join(name);
            fs::create_dir(&path).expect("it can be made");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        }
        // Nothing is closed to root.
        let expected = match rustix::process::getuid().is_root() {
            true => "closed/p/",
            false => "open/p/",
        };
        let found = chosen("closed\nopen", base.path(), Match::Digest);
        let (complete, location) = found.expect("one is open");
        assert!(!complete && location.starts_with(expected), "{location}");
    }
}
