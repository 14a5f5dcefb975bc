//! Names of profiles: paths and URLs, and how an `extends` entry is joined to
//! the base of the file that holds it. Pure text; keeps what `_open` of
//! zc.buildout does with its `base` and `filename`.

/// Tells whether `text` starts like a URL (`scheme://`).
pub fn is_url(text: &str) -> bool {
    let Some(end) = memchr::memchr(b':', text.as_bytes()) else {
        return false;
    };
    end > 0
        && text[end..].starts_with("://")
        && text[..end]
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
}

/// Returns the base that entries of the profile `source` are relative to: its
/// directory, or its URL up to the last slash.
pub fn base_of(source: &str) -> &str {
    let Some(slash) = memchr::memrchr(b'/', source.as_bytes()) else {
        return "";
    };
    if is_url(source) {
        return &source[..slash];
    }
    // `os.path.dirname` keeps a root that consists of slashes only.
    let head = source[..slash].trim_end_matches('/');
    if head.is_empty() {
        &source[..=slash]
    } else {
        head
    }
}

/// Returns the name of the profile that `entry` means in a file whose base is
/// `base`. With `normalized`, each leading `../` strips one component of the
/// base first, as the SlapOS fork does.
pub fn join(base: &str, entry: &str, normalized: bool) -> String {
    let mut joined = String::with_capacity(base.len() + 1 + entry.len());
    push_joined(&mut joined, base, entry, normalized);
    joined
}

/// Appends what [`join`] returns to the empty `joined`.
pub(super) fn push_joined(joined: &mut String, base: &str, entry: &str, normalized: bool) {
    if entry.starts_with('/') || is_url(entry) {
        joined.push_str(entry);
        return;
    }
    let (mut base, mut entry) = (base, entry);
    if normalized {
        while let Some(rest) = entry.strip_prefix("../") {
            let Some(parent) = parent_of(base) else {
                break;
            };
            base = parent;
            entry = rest;
        }
    }
    joined.push_str(base);
    if !base.is_empty() && (!base.ends_with('/') || is_url(base)) {
        joined.push('/');
    }
    joined.push_str(entry);
}

/// Returns `base` without its last component, unless there is none to strip
/// or it is itself a reference to a parent.
fn parent_of(base: &str) -> Option<&str> {
    let start = if is_url(base) {
        // The host is not a component that `../` may strip.
        let host = base.find("://")? + 3;
        host + base[host..].find('/')?
    } else {
        0
    };
    let slash = start + base[start..].rfind('/')?;
    if matches!(&base[slash + 1..], "" | "." | "..") {
        return None;
    }
    Some(if slash == 0 { "/" } else { &base[..slash] })
}

/// Resolves `.` and `..` textually, as `os.path.normpath` does.
pub fn normalize_path(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases() {
        let cases = [
            ("/w/a.cfg", "/w"),
            ("/a.cfg", "/"),
            ("a.cfg", ""),
            ("/w/sub/../a.cfg", "/w/sub/.."),
            ("http://h/a/b.cfg", "http://h/a"),
            ("http://h/a.cfg?x=1", "http://h"),
        ];
        for (source, base) in cases {
            assert_eq!(base_of(source), base, "{source}");
        }
    }

    #[test]
    fn joins() {
        let cases = [
            ("/w", "a.cfg", "/w/a.cfg", "/w/a.cfg"),
            ("/w/sub", "../a.cfg", "/w/sub/../a.cfg", "/w/a.cfg"),
            ("/w/s/t", "../../a.cfg", "/w/s/t/../../a.cfg", "/w/a.cfg"),
            ("/w", "./../a.cfg", "/w/./../a.cfg", "/w/./../a.cfg"),
            ("/w", "../../a.cfg", "/w/../../a.cfg", "/../a.cfg"),
            ("/w", "/x/a.cfg", "/x/a.cfg", "/x/a.cfg"),
            ("/w", "http://h/a.cfg", "http://h/a.cfg", "http://h/a.cfg"),
            (
                "http://h/a",
                "../b.cfg",
                "http://h/a/../b.cfg",
                "http://h/b.cfg",
            ),
            (
                "http://h",
                "../b.cfg",
                "http://h/../b.cfg",
                "http://h/../b.cfg",
            ),
            ("http://h/a", "/b.cfg", "/b.cfg", "/b.cfg"),
            ("", "a.cfg", "a.cfg", "a.cfg"),
        ];
        for (base, entry, plain, normalized) in cases {
            assert_eq!(join(base, entry, false), plain, "{base} {entry}");
            assert_eq!(join(base, entry, true), normalized, "{base} {entry}");
        }
    }

    #[test]
    fn normalization() {
        let cases = [
            ("/a/./b/../c", "/a/c"),
            ("/../a", "/a"),
            ("../a/..", ".."),
            ("", "."),
            ("a//b/", "a/b"),
        ];
        for (path, expected) in cases {
            assert_eq!(normalize_path(path), expected, "{path}");
        }
    }
}
