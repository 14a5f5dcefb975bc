//! An index that the test serves.

use std::collections::BTreeMap;
use std::fs;

use buildout_core::fetch::test_server::{Reply, TestServer};
use buildout_core::fetch::{Algorithm, Digests};
use serde_json::{Value, json};

use crate::site::Site;

/// An index over the files of the fixtures.
pub(crate) struct Index {
    pub(crate) server: TestServer,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Index {
    /// Serves all files but those whose names begin with one of `withheld`.
    pub(crate) fn start(site: &Site, withheld: &[&str]) -> Self {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(site.fixture("links")).expect("it was made") {
            let path = entry.expect("it is read").path();
            let name = path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            if !withheld.iter().any(|prefix| name.starts_with(prefix)) {
                files.insert(name, fs::read(&path).expect("it is read"));
            }
        }
        let index = Index {
            server: TestServer::start(),
            files,
        };
        index.publish();
        index
    }

    pub(crate) fn publish(&self) {
        let mut pages: BTreeMap<String, String> = BTreeMap::new();
        for (name, bytes) in &self.files {
            let project = name.split('-').next().expect("a name").replace('_', "-");
            let digest = Digests::of(bytes).hex(Algorithm::Sha256);
            let link = format!("<a href=\"../../files/{name}#sha256={digest}\">{name}</a>\n");
            pages
                .entry(project.to_lowercase())
                .or_default()
                .push_str(&link);
            let reply = Reply::ok(bytes.clone()).ranges(&format!("\"{name}\""));
            self.server.reply(&format!("/files/{name}"), reply);
        }
        for (project, page) in pages {
            let reply = Reply::ok(page).header("Content-Type", "text/html");
            self.server.reply(&format!("/simple/{project}/"), reply);
        }
    }

    /// Publishes the pages of projects in JSON, with sizes, and digests made by `digest_of`.
    pub(crate) fn describe(&self, digest_of: impl Fn(&str, &[u8]) -> String) {
        let mut pages: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (name, bytes) in &self.files {
            let project = name.split('-').next().expect("a name").replace('_', "-");
            pages
                .entry(project.to_lowercase())
                .or_default()
                .push(json!({
                    "filename": name,
                    "url": format!("../../files/{name}"),
                    "hashes": {"sha256": digest_of(name, bytes)},
                    "size": bytes.len(),
                }));
        }
        for (project, files) in pages {
            let page = json!({"meta": {"api-version": "1.1"}, "files": files});
            let reply = Reply::ok(page.to_string());
            let reply = reply.header("Content-Type", "application/vnd.pypi.simple.v1+json");
            self.server.reply(&format!("/simple/{project}/"), reply);
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("/simple")
    }

    /// Returns what was asked for since the last `count` requests.
    pub(crate) fn asked_since(&self, count: usize) -> Vec<String> {
        let requests = self.server.requests();
        let targets = requests[count..]
            .iter()
            .map(|request| request.target.clone());
        targets.collect()
    }

    /// Returns the entry that a lock must have of a file.
    pub(crate) fn entry(&self, name: &str, version: &str, file: &str) -> String {
        let bytes = &self.files[file];
        format!(
            "\n[distribution {file}]\nname = {name}\nversion = {version}\nurl = {}\n\
             sha256 = {}\nsize = {}\n",
            self.server.url(&format!("/files/{file}")),
            Digests::of(bytes).hex(Algorithm::Sha256),
            bytes.len()
        )
    }
}
