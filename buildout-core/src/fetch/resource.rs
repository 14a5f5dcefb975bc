//! What a locator names, and the name of its cache entry.

use std::path::{Path, PathBuf};

use super::digest::{Algorithm, Digests};

/// A locator, told apart as upstream's `urlparse(url, 'file')` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// A file or directory of this machine. The path is as written, without
    /// query and fragment and not percent-decoded, as upstream uses it.
    Local(PathBuf),
    /// Something for the transport.
    Remote,
}

impl Resource {
    pub(crate) fn parse(url: &str) -> Self {
        match split_scheme(url) {
            (Some(scheme), _) if !scheme.eq_ignore_ascii_case("file") => Self::Remote,
            (_, rest) => {
                let path = path_of(rest);
                Self::Local(PathBuf::from(path))
            }
        }
    }
}

/// Splits off a URL scheme, if there is one.
fn split_scheme(url: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = url.split_once(':') else {
        return (None, url);
    };
    let mut characters = scheme.chars();
    let is_scheme = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.')
        });
    if is_scheme {
        (Some(scheme), rest)
    } else {
        (None, url)
    }
}

/// Splits what follows the scheme into authority and path.
fn split_authority(rest: &str) -> (&str, &str) {
    let Some(rest) = rest.strip_prefix("//") else {
        return ("", rest);
    };
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

fn path_of(rest: &str) -> &str {
    let (_, path) = split_authority(rest);
    path.split(['?', '#']).next().unwrap_or_default()
}

/// Returns the file name of a resource's cache entry; none if it has none.
///
/// With `hash_name`, that is the MD5 of the locator as written; otherwise the
/// last component of the path that is not empty, else the host and port. Two
/// URLs with the same last component share an entry: upstream's naming, kept
/// for existing caches.
///
/// Upstream's `Download.filename` never returns for `/` and makes up `:` for a
/// URL without a path; both are fixed. A name that would leave the cache
/// directory (`..`) is none.
pub fn cache_key(url: &str, hash_name: bool) -> Option<String> {
    if hash_name {
        return Some(Digests::of(url.as_bytes()).hex(Algorithm::Md5));
    }
    let (scheme, rest) = split_scheme(url);
    let is_local = scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case("file"));
    // `;parameters` are no part of the path, in the schemes that have them.
    let path = match path_of(rest) {
        path if is_local => path,
        path => {
            let name_start = path.rfind('/').map_or(0, |slash| slash + 1);
            let parameters = path[name_start..].find(';');
            &path[..parameters.map_or(path.len(), |start| name_start + start)]
        }
    };
    let name = match path.rsplit('/').find(|name| !name.is_empty()) {
        Some(name) => name,
        None if is_local => return None,
        None => {
            let (authority, _) = split_authority(rest);
            authority.rsplit('@').next().unwrap_or_default()
        }
    };
    let usable = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    usable.then(|| name.to_owned())
}

/// Returns the path of a local resource; relative ones start at `directory`.
pub(crate) fn local_path(path: &Path, directory: &Path) -> PathBuf {
    if path.is_absolute() {
        path.to_owned()
    } else {
        directory.join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_local_from_remote() {
        for (url, path) in [
            ("a/b.tgz", Some("a/b.tgz")),
            ("/a/b#0123", Some("/a/b")),
            ("file:///a/b?x", Some("/a/b")),
            ("file://host/a%20b", Some("/a%20b")),
            ("FILE:a", Some("a")),
            ("./c:d", Some("./c:d")),
            ("http://h/a", None),
            ("foo:bar", None),
        ] {
            let expected = match path {
                Some(path) => Resource::Local(PathBuf::from(path)),
                None => Resource::Remote,
            };
            assert_eq!(Resource::parse(url), expected, "{url}");
        }
    }

    #[test]
    fn names_cache_entries() {
        for (url, key) in [
            ("http://h/a/b.tgz?x=1", Some("b.tgz")),
            ("http://h/a/b.tgz#md5=1", Some("b.tgz")),
            ("http://h/a/b;v=1", Some("b")),
            ("http://h/a/", Some("a")),
            ("http://h", Some("h")),
            ("http://me:pw@h:80/?a/b", Some("h:80")),
            ("http://h/a/..", None),
            ("/", None),
            ("", None),
            ("file:///a/b/", Some("b")),
            ("a//", Some("a")),
        ] {
            assert_eq!(cache_key(url, false).as_deref(), key, "{url}");
        }
        assert_eq!(
            cache_key("http://h/", true).as_deref(),
            Some("3eb97db993daeb10a9d427baf5c2b7b2")
        );
    }
}
