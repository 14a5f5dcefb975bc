//! What identifies an entry: the options of its part.

use std::collections::BTreeMap;

use crate::extends::PROFILE_BASE_LOCATION;
use crate::fetch::{Algorithm, Digests};
use crate::redaction::redacted;
use crate::value::push_json_text;

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
    /// Plain zc.buildout gives recipes no signature of the part at this point;
    /// the SlapOS fork adds it to the options, so that an entry also depends
    /// on what the part refers to by name only. Digests here are those of the
    /// former: what a part takes from other sections it takes as values of
    /// its options.
    pub fn of<'a>(options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut options: BTreeMap<&str, &str> = options.into_iter().collect();
        let base = options.remove(PROFILE_BASE_LOCATION);
        let reference = format!("${{:{PROFILE_BASE_LOCATION}}}");
        let mut text = String::from("{");
        for (position, (name, value)) in options.into_iter().enumerate() {
            text.push_str(if position == 0 { "\n  " } else { ",\n  " });
            push_json_text(name, &mut text);
            text.push_str(": ");
            match base {
                Some(base) if !base.is_empty() => {
                    push_json_text(&redacted(&value.replace(base, &reference)), &mut text);
                }
                _ => push_json_text(&redacted(value), &mut text),
            }
        }
        text.push_str(if text.len() > 1 { "\n}" } else { "}" });
        let digest = Digests::of(text.as_bytes()).hex(Algorithm::Md5);
        Signature { text, digest }
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
