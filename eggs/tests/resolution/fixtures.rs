//! The archives of the test, and an index of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use buildout_core::fetch::test_server::{Reply, TestServer};
use buildout_core::fetch::{Algorithm, Digests};
use zip::write::SimpleFileOptions;

/// One archive.
pub(crate) struct Fixture {
    pub(crate) file_name: String,
    pub(crate) bytes: Vec<u8>,
    attributes: String,
}

fn metadata(name: &str, version: &str, lines: &[&str]) -> String {
    let mut text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn archive(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive
            .start_file(name, SimpleFileOptions::default())
            .expect("memory can be written to");
        archive
            .write_all(text.as_bytes())
            .expect("memory can be written to");
    }
    archive
        .finish()
        .expect("memory can be written to")
        .into_inner()
}

/// Makes a wheel for any Python; `lines` are added to its metadata.
pub(crate) fn wheel(name: &str, version: &str, lines: &[&str]) -> Fixture {
    tagged_wheel(name, version, "py3-none-any", lines)
}

pub(crate) fn tagged_wheel(name: &str, version: &str, tag: &str, lines: &[&str]) -> Fixture {
    let module = name.replace(['-', '.'], "_");
    let base = format!("{module}-{version}");
    let info = format!("{base}.dist-info");
    let files = [
        (format!("{module}.py"), format!("version = {version:?}\n")),
        (format!("{info}/METADATA"), metadata(name, version, lines)),
        (
            format!("{info}/WHEEL"),
            format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"),
        ),
        (format!("{info}/top_level.txt"), format!("{module}\n")),
        (
            format!("{info}/RECORD"),
            format!("{module}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"),
        ),
    ];
    Fixture {
        file_name: format!("{base}-{tag}.whl"),
        bytes: archive(&files),
        attributes: String::new(),
    }
}

/// Makes a source archive.
pub(crate) fn source(name: &str, version: &str, lines: &[&str]) -> Fixture {
    let base = format!("{name}-{version}");
    let files = [
        (format!("{base}/PKG-INFO"), metadata(name, version, lines)),
        (format!("{base}/setup.py"), String::new()),
    ];
    Fixture {
        file_name: format!("{base}.zip"),
        bytes: archive(&files),
        attributes: String::new(),
    }
}

impl Fixture {
    /// Adds an attribute to its link.
    pub(crate) fn attribute(mut self, attribute: &str) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(attribute);
        self
    }

    fn project(&self) -> String {
        let stem = self.file_name.split("-").next().unwrap_or_default();
        stem.to_lowercase().replace(['_', '.'], "-")
    }
}

/// Serves an index of archives below `/simple/`, and the archives.
pub(crate) fn serve(server: &TestServer, fixtures: &[Fixture]) {
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for fixture in fixtures {
        let name = &fixture.file_name;
        let target = format!("/files/{name}");
        server.reply(
            &target,
            Reply::ok(fixture.bytes.clone()).ranges(&format!("\"{name}\"")),
        );
        let digest = Digests::of(&fixture.bytes).hex(Algorithm::Sha256);
        let link = format!(
            "<a href=\"../../files/{name}#sha256={digest}\"{}>{name}</a>\n",
            fixture.attributes
        );
        pages.entry(fixture.project()).or_default().push_str(&link);
    }
    for (project, links) in pages {
        serve_page(server, &project, &links);
    }
}

pub(crate) fn serve_page(server: &TestServer, project: &str, links: &str) {
    let page = format!("<!DOCTYPE html><html><body>\n{links}</body></html>");
    let reply = Reply::ok(page).header("Content-Type", "text/html; charset=utf-8");
    server.reply(&format!("/simple/{project}/"), reply);
}

/// Writes archives to a directory, and returns it.
pub(crate) fn write(directory: &Path, fixtures: &[Fixture]) -> PathBuf {
    std::fs::create_dir_all(directory).expect("the test's directory can be written to");
    for fixture in fixtures {
        let mut file =
            File::create(directory.join(&fixture.file_name)).expect("the directory is ours");
        file.write_all(&fixture.bytes).expect("the disk has room");
    }
    directory.to_owned()
}
