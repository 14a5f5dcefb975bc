//! Files and pages of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::fetch::RedactedUrl;

use super::page::{Link, parse_html, percent_decode};

/// A file before it is known of which project.
#[derive(Clone)]
pub(super) enum Found {
    Link(Box<Link>),
    File(PathBuf),
}

impl Found {
    pub(super) fn link(link: Link) -> Self {
        Found::Link(Box::new(link))
    }
}

/// Returns the path that an entry of `find-links` or `index` names; nothing if
/// it is a URL of the network.
pub(super) fn local_path(entry: &str, directory: &Path) -> Option<PathBuf> {
    let scheme = entry.get(..7).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("file://") {
        let rest = &entry[7..];
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let path = path.split('#').next().unwrap_or_default();
        return Some(PathBuf::from(percent_decode(path)));
    }
    (!entry.contains("://")).then(|| directory.join(entry))
}

/// Lists the files of a directory, sorted, and the links of its `index.html`.
pub(super) fn list(directory: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut found: Vec<Found> = Vec::new();
    let page = directory.join("index.html");
    if page.is_file() {
        found.extend(read_local_page(&page));
    }
    found.extend(paths.into_iter().map(Found::File));
    found
}

pub(super) fn is_html(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "html" || extension == "htm")
}

/// Reads the links of a local page.
pub(super) fn read_local_page(path: &Path) -> Vec<Found> {
    let Ok(text) = fs::read(path) else {
        return Vec::new();
    };
    let base = RedactedUrl::new(format!("file://{}", path.display()));
    let text = String::from_utf8_lossy(&text);
    parse_html(&text, &base)
        .into_iter()
        .map(Found::link)
        .collect()
}

pub(super) fn has_archive_name(file_name: &str) -> bool {
    [
        ".whl", ".egg", ".egg.zip", ".tar.gz", ".tar.bz2", ".tar", ".zip", ".tgz",
    ]
    .iter()
    .any(|suffix| file_name.ends_with(suffix))
}
