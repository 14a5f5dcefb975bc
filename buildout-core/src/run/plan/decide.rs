//! Whether an installed part can stay.

use std::sync::Arc;

use super::super::signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX, SignatureText};
use super::reason::Reason;
use crate::resolve::OptionMap;
use crate::state::installed::InstalledPart;

/// Compares the record of a part with its options now (signature included) and
/// with what `exists`, and returns why it cannot stay; nothing if it can.
///
/// A signature that a Python buildout made says nothing here: such a part is
/// current if all else agrees.
pub(crate) fn decide(
    record: &InstalledPart,
    new: &OptionMap,
    exists: impl Fn(&str) -> bool,
) -> Vec<Reason> {
    let mut reasons = changes(record, new);
    let now = new.get(SIGNATURE_OPTION);
    if let (Some(old), Some(now)) = (native_signature(record), now) {
        reasons.extend(signature_reasons(old, now));
    }
    if reasons.is_empty() {
        let paths = record.installed.iter().map(String::as_str);
        let missing = paths.filter(|path| !path.is_empty() && !exists(path));
        reasons.extend(missing.map(|path| Reason::FileMissing {
            path: Arc::from(path),
        }));
    }
    reasons
}

/// Returns what differs in the options of a part, but for the signature: what
/// is recorded first, then what is new.
pub(crate) fn changes(record: &InstalledPart, new: &OptionMap) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (option, old) in &record.options {
        if option != SIGNATURE_OPTION {
            let name = Arc::from(&**option);
            let now = new.get(option.as_str());
            reasons.extend(Reason::of_option(&name, Some(old), now));
        }
    }
    for (option, now) in new {
        if **option != *SIGNATURE_OPTION && !record.options.contains_key(&**option) {
            reasons.extend(Reason::of_option(option, None, Some(now)));
        }
    }
    reasons
}

/// Returns the recorded signature if it is one of ours.
fn native_signature(record: &InstalledPart) -> Option<&str> {
    let signature = record.signature()?;
    signature.starts_with(SIGNATURE_PREFIX).then_some(signature)
}

/// Returns what differs between two signatures of ours: the recipe, or the
/// sections that the part depends on.
fn signature_reasons(old: &str, new: &str) -> Vec<Reason> {
    if old == new {
        return Vec::new();
    }
    let (old, new) = (SignatureText::parse(old), SignatureText::parse(new));
    let mut reasons = Vec::new();
    if old.recipe != new.recipe {
        reasons.push(Reason::RecipeChanged {
            old: Arc::from(old.recipe),
            new: Arc::from(new.recipe),
        });
    }
    let changed = new
        .dependencies
        .iter()
        .filter(|(section, digest)| old.dependencies.get(*section) != Some(digest));
    let gone = old
        .dependencies
        .iter()
        .filter(|(section, _)| !new.dependencies.contains_key(*section));
    reasons.extend(changed.chain(gone).map(|(section, _)| Reason::Dependency {
        section: Arc::from(*section),
        reason: None,
    }));
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(signature: &str, installed: &[&str]) -> InstalledPart {
        let options = [("recipe", "r"), ("a", "1"), (SIGNATURE_OPTION, signature)];
        InstalledPart {
            options: options
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            installed: installed.iter().map(ToString::to_string).collect(),
        }
    }

    fn decided(record: &InstalledPart, options: &[(&str, &str)]) -> Vec<String> {
        let new = options
            .iter()
            .map(|(name, value)| (Arc::from(*name), Arc::from(*value)))
            .collect();
        let reasons = decide(record, &new, |path| path != "gone");
        reasons.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_difference_is_a_reason() {
        let signature = "native:r:default:1 x y:00000000000000000000000000000000 \
                         z:11111111111111111111111111111111";
        let same = [("recipe", "r"), ("a", "1"), (SIGNATURE_OPTION, signature)];
        let record = record(signature, &["there", ""]);
        assert!(decided(&record, &same).is_empty());
        let other = "native:r:default:2 x y:00000000000000000000000000000002 \
                     q:11111111111111111111111111111111";
        let reasons = decided(&record, &[("a", "2"), ("b", ""), (SIGNATURE_OPTION, other)]);
        assert_eq!(
            reasons,
            [
                "option `a` changed",
                "option `recipe` is gone",
                "option `b` is new",
                "recipe changed from r:default:1 to r:default:2",
                "`q` changed",
                "`x y` changed",
                "`z` changed",
            ]
        );
    }

    #[test]
    fn a_foreign_signature_says_nothing_and_a_missing_file_something() {
        let same = [
            ("recipe", "r"),
            ("a", "1"),
            (SIGNATURE_OPTION, "native:r:default:1"),
        ];
        let foreign = record("r-790cf22f6d15d48a0a92b0ae897e8e6e", &["gone", "there"]);
        assert_eq!(decided(&foreign, &same), ["`gone` is missing"]);
        let foreign = record("r-790cf22f6d15d48a0a92b0ae897e8e6e", &["there"]);
        assert!(decided(&foreign, &same).is_empty());
    }
}
