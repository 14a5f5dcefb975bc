//! `find-links`: directories, files and pages with files of any project.

use buildout_core::event::Level;
use buildout_core::fetch::RedactedUrl;

use super::local::{Found, has_archive_name, is_html, list, local_path, read_local_page};
use super::offer::{Note, Offer};
use super::package_index::{Index, Once, download_warning, lock};
use super::page::Link;
use crate::name::ProjectName;

/// What `find-links` gives.
#[derive(Default)]
pub(super) struct LinkedFiles {
    links: Vec<Found>,
    unreachable: Vec<String>,
    notes: Vec<Note>,
}

impl Index {
    /// Adds entries to `find-links`, unless they are there: what the files
    /// `dependency_links.txt` of distributions name.
    pub fn add_find_links(&self, entries: impl IntoIterator<Item = String>) {
        let mut added = lock(&self.added);
        let before = added.len();
        for entry in entries {
            let is_known =
                self.find_links.contains(&entry) || added.iter().any(|(known, _)| *known == entry);
            if !is_known {
                added.push((entry, Once::default()));
            }
        }
        if added.len() > before {
            // What was known of projects may be too little now.
            lock(&self.offers).clear();
            lock(&self.kept_offers).clear();
        }
    }

    pub(super) fn add_linked(&self, project: &ProjectName, offer: &mut Offer) {
        let linked = self.linked.get_or_init(|| self.find_linked());
        self.add_files(linked, project, offer);
        let added = lock(&self.added).clone();
        for (entry, linked) in added {
            let linked = linked.get_or_init(|| {
                let mut linked = LinkedFiles::default();
                self.add_entry(&entry, &mut linked);
                linked
            });
            self.add_files(linked, project, offer);
        }
    }

    fn add_files(&self, linked: &LinkedFiles, project: &ProjectName, offer: &mut Offer) {
        for found in &linked.links {
            let candidate = self.candidate(found.clone(), project, false);
            offer.candidates.extend(candidate);
        }
        offer.unreachable.extend(linked.unreachable.iter().cloned());
        offer.notes.extend(linked.notes.iter().cloned());
    }

    /// Reads all that `find-links` names, the download cache first.
    fn find_linked(&self) -> LinkedFiles {
        let mut linked = LinkedFiles::default();
        if let Some(archives) = self.archives.as_ref().filter(|_| !self.is_locked()) {
            linked.links.extend(list(archives));
        }
        for entry in &self.find_links {
            self.add_entry(entry, &mut linked);
        }
        linked
    }

    fn add_entry(&self, entry: &str, linked: &mut LinkedFiles) {
        if let Some(path) = local_path(entry, &self.access.directory) {
            if path.is_dir() {
                linked.links.extend(list(&path));
            } else if !path.exists() {
                let message = format!("Not found: {entry}");
                linked.notes.push(Note::root(Level::Warning, message));
            } else if is_html(&path) {
                linked.links.extend(read_local_page(&path));
            } else {
                linked.links.push(Found::File(path));
            }
            return;
        }
        let url = RedactedUrl::new(entry);
        let link = Link::to(&url);
        if !self.may_ask() || !self.hosts.allow(entry) {
            return;
        }
        if has_archive_name(&link.file_name) {
            linked.links.push(Found::link(link));
            return;
        }
        match self.page(&url, &|_| true) {
            Ok(Some(links)) => linked.links.extend(links.into_iter().map(Found::link)),
            Ok(None) => {
                let message = format!("HTTP error: Not Found: {url}");
                linked.notes.push(Note::root(Level::Warning, message));
            }
            Err(error) => {
                linked.notes.push(download_warning(&url, &error));
                linked.unreachable.push(format!("{url}: {error}"));
            }
        }
    }
}
