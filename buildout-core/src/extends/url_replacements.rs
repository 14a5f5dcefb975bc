//! `[buildout] url-replace`: where to fetch from instead.

use crate::profile::python_text::{split_lines, split_words};

/// Prefixes of URLs, each with what takes its place. The first one that fits
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlReplacements(Vec<(String, String)>);

/// A line of `url-replace` that is not `PREFIX PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid line of 'url-replace': {line}")]
pub struct InvalidReplacement {
    /// The line.
    pub line: String,
}

impl InvalidReplacement {
    /// Returns what to do about it.
    pub fn hint(&self) -> &'static str {
        "write `PREFIX PREFIX` on each line; the second begins with `http://`, `https://` or `file:///`"
    }
}

impl UrlReplacements {
    /// Reads the value of the option.
    ///
    /// # Errors
    ///
    /// A line does not hold two words, or what is to be fetched from is no URL.
    pub fn parse(value: &str) -> Result<Self, InvalidReplacement> {
        let mut replacements = Vec::new();
        for line in split_lines(value) {
            let words: Vec<&str> = split_words(line).collect();
            match words[..] {
                [] => {}
                [original, replacement] if is_reachable(replacement) => {
                    replacements.push((original.to_owned(), replacement.to_owned()));
                }
                _ => {
                    return Err(InvalidReplacement {
                        line: line.trim().to_owned(),
                    });
                }
            }
        }
        Ok(UrlReplacements(replacements))
    }

    /// Returns where to fetch `url` from, if not from there.
    pub fn replace(&self, url: &str) -> Option<String> {
        let moved = |(original, replacement): &(String, String)| {
            Some(format!("{replacement}{}", url.strip_prefix(original)?))
        };
        self.0.iter().find_map(moved)
    }

    /// Returns what `url` was before, if it is where something is fetched from.
    pub fn restore(&self, url: &str) -> Option<String> {
        let moved = |(original, replacement): &(String, String)| {
            Some(format!("{original}{}", url.strip_prefix(replacement)?))
        };
        self.0.iter().find_map(moved)
    }
}

fn is_reachable(url: &str) -> bool {
    let schemes = ["http://", "https://", "file:///"];
    schemes.iter().any(|scheme| url.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefix_that_fits_counts() {
        let replacements = UrlReplacements::parse(
            "\n  https://a/b/ http://m/1/\n\nhttps://a/ file:///m/2/  \n http://a https://b\n",
        )
        .expect("it is well-formed");
        for (url, replaced) in [
            ("https://a/b/c", Some("http://m/1/c")),
            ("https://a/c?d", Some("file:///m/2/c?d")),
            ("http://a/c", Some("https://b/c")),
            ("ftp://a/c", None),
        ] {
            assert_eq!(replacements.replace(url).as_deref(), replaced);
            if let Some(replaced) = replaced {
                assert_eq!(replacements.restore(replaced).as_deref(), Some(url));
            }
        }
        assert_eq!(UrlReplacements::parse(""), Ok(UrlReplacements::default()));
        for line in [
            "http://a/",
            "http://a/ http://b/ http://c/",
            "http://a/ /b/",
        ] {
            let error = UrlReplacements::parse(&format!("x http://y\n {line}\n"));
            assert_eq!(error.expect_err("malformed").line, line);
        }
    }
}
