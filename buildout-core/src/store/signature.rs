//! What identifies an entry: the options of its part.

use std::collections::BTreeMap;

use crate::extends::PROFILE_BASE_LOCATION;
use crate::fetch::{Algorithm, Digests};
use crate::redaction::redacted;
use crate::state::installed::SIGNATURE_OPTION;
use crate::value::{JsonCharacters, push_json_text};

/// The options of a part as JSON, and the digest of that text.
///
/// The text is what `json.dumps` of Python makes with sorted keys, an
/// indentation of two, and characters outside ASCII kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    text: String,
    digest: String,
}

impl Signature {
    /// Makes the signature of a part with these options.
    ///
    /// The option `_profile_base_location_` is left out, and in the other
    /// values its value is replaced by a reference to it, so that a profile
    /// may be moved. The passwords of URLs are hidden: others can read the
    /// entry.
    ///
    /// zc.buildout 3.0.1 gives recipes no signature of the part at this point.
    /// The SlapOS fork adds it to the options, under [`SIGNATURE_OPTION`], so
    /// that an entry also depends on what the part refers to by name only; for
    /// that, add it to `options`.
    pub fn of<'a>(options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut options: BTreeMap<&str, &str> = options.into_iter().collect();
        let base = options.remove(PROFILE_BASE_LOCATION);
        let reference = format!("${{:{PROFILE_BASE_LOCATION}}}");
        let mut text = String::from("{");
        let push = |value: &str, text: &mut String| {
            push_json_text(value, JsonCharacters::Any, text);
        };
        for (position, (name, value)) in options.into_iter().enumerate() {
            text.push_str(if position == 0 { "\n  " } else { ",\n  " });
            push(name, &mut text);
            text.push_str(": ");
            match base {
                Some(base) if !base.is_empty() => {
                    push(&redacted(&value.replace(base, &reference)), &mut text);
                }
                _ => push(&redacted(value), &mut text),
            }
        }
        text.push_str(if text.len() > 1 { "\n}" } else { "}" });
        Self::of_text(text)
    }

    /// Takes the content of a marker as it is.
    pub fn of_text(text: String) -> Self {
        let digest = Digests::of(text.as_bytes()).hex(Algorithm::Md5);
        Signature { text, digest }
    }

    /// Tells whether both have the same options, once the signature of the
    /// part is dropped from both. What was not written in the form of these
    /// texts is equal to nothing else.
    pub fn has_options_of(&self, other: &Signature) -> bool {
        // Texts in JSON have no line ends, so each line is one option.
        fn options(text: &str) -> impl Iterator<Item = &str> {
            let name = format!("  \"{SIGNATURE_OPTION}\": ");
            text.split('\n')
                .filter(move |line| !line.starts_with(&name))
                .map(|line| line.strip_suffix(',').unwrap_or(line))
        }
        options(&self.text).eq(options(&other.text))
    }

    /// Returns the content of the marker: JSON without a final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the MD5 of the text in hexadecimal digits, the name of the
    /// entry.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::reference::ask_python;

    #[test]
    fn the_text_is_what_python_writes() {
        let awkward: String = ('\0'..='\u{a0}').collect::<String>() + "é€\u{2028}\u{1f600}";
        let texts = [awkward.as_str(), "", "plain", "two\nlines\\"];
        let script = "
import json
def answer(text):
    return json.dumps({text: text, 'b': 'x', 'B': text}, ensure_ascii=False, indent=2,
                      sort_keys=True, separators=(',', ': '))
";
        for (text, expected) in texts.iter().zip(ask_python(script, &texts)) {
            let options = [(*text, *text), ("b", "x"), ("B", *text)];
            assert_eq!(Signature::of(options).text(), expected, "{text:?}");
        }
        assert_eq!(Signature::of([]).text(), "{}");
    }

    #[test]
    fn options_are_compared_without_the_signature_of_the_part() {
        let of = |signature: Option<&str>, text: &str| {
            let signature = signature.map(|signature| (SIGNATURE_OPTION, signature));
            Signature::of(signature.into_iter().chain([("_a", text), ("recipe", "x")]))
        };
        let plain = of(None, "two\nlines");
        for other in [of(Some("a"), "two\nlines"), plain.clone()] {
            assert!(plain.has_options_of(&other) && other.has_options_of(&plain));
            assert!(of(Some("b"), "two\nlines").has_options_of(&other));
            assert!(!of(None, "two\nlines,").has_options_of(&other));
        }
        assert_ne!(plain.digest(), of(Some("a"), "two\nlines").digest());
        let last = Signature::of([("A", "x"), (SIGNATURE_OPTION, "s")]);
        assert!(last.has_options_of(&Signature::of([("A", "x")])));
        assert!(!Signature::of_text("{}".to_owned()).has_options_of(&plain));
    }

    #[test]
    fn the_digest_does_not_depend_on_where_the_profile_is() {
        let of = |base: &str, patch: &str| {
            Signature::of([
                ("patches", patch),
                ("recipe", "slapos.recipe.cmmi"),
                ("_profile_base_location_", base),
            ])
        };
        let signature = of("/a/b", "/a/b/fix.patch");
        assert_eq!(
            signature.text(),
            "{\n  \"patches\": \"${:_profile_base_location_}/fix.patch\",\n  \"recipe\": \"slapos.recipe.cmmi\"\n}"
        );
        assert_eq!(signature.digest(), "0e033515e74039a2f2d99b26ed704849");
        assert_eq!(signature, of("https://h/p", "https://h/p/fix.patch"));
        assert_ne!(signature, of("/a", "/a/b/fix.patch"));
        // An empty base location is not everywhere.
        assert!(of("", "x").text().contains("\"patches\": \"x\""));
    }
}
