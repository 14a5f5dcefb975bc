//! Pages of indexes that were read before.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use buildout_core::fetch::{Algorithm, Digests, RedactedUrl};

use super::client::Document;

/// The first line of an entry. An entry of another version is as good as none.
const HEADING: &str = "buildout page 1";

/// Stands for the URL that was asked for.
const SAME_URL: &str = "-";

/// Keeps pages in a directory, by URL. A cache that cannot be read or written
/// is as good as none.
#[derive(Clone, Debug)]
pub(super) struct PageCache {
    directory: PathBuf,
}

/// A page that was kept.
pub(super) struct CachedPage {
    /// What the server calls this state of the page.
    pub(super) entity_tag: Option<String>,
    pub(super) document: Document,
}

impl PageCache {
    pub(super) fn new(directory: &Path) -> Self {
        PageCache {
            directory: directory.to_owned(),
        }
    }

    /// The name of an entry tells nothing of the URL, which may have a
    /// password; nor does the entry itself.
    fn path(&self, url: &RedactedUrl) -> PathBuf {
        let digest = Digests::of(url.exposed().as_bytes());
        self.directory.join(digest.hex(Algorithm::Sha256))
    }

    pub(super) fn get(&self, url: &RedactedUrl) -> Option<CachedPage> {
        let content = fs::read(self.path(url)).ok()?;
        let end = content.windows(2).position(|window| window == b"\n\n")?;
        let head = std::str::from_utf8(&content[..end]).ok()?;
        let mut lines = head.lines();
        if lines.next() != Some(HEADING) {
            return None;
        }
        let length: usize = lines.next()?.parse().ok()?;
        let document_url = match lines.next()? {
            SAME_URL => url.clone(),
            redirected => RedactedUrl::new(redirected),
        };
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = content.get(end + 2..).filter(|body| body.len() == length)?;
        let document = Document {
            url: document_url,
            status: 200,
            headers,
            body: body.to_vec(),
        };
        Some(CachedPage {
            entity_tag: document.header("ETag").map(str::to_owned),
            document,
        })
    }

    pub(super) fn put(&self, url: &RedactedUrl, document: &Document) {
        // Failing to remember is no failure.
        let _ = self.try_put(url, document);
    }

    fn try_put(&self, url: &RedactedUrl, document: &Document) -> std::io::Result<()> {
        let redirected = match &document.url {
            same if same == url => SAME_URL,
            // It is no use to remember where a login led to.
            other if other.to_string() == other.exposed() => other.exposed(),
            _ => return Ok(()),
        };
        fs::create_dir_all(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        write!(file, "{HEADING}\n{}\n{redirected}\n", document.body.len())?;
        for name in ["Content-Type", "ETag"] {
            if let Some(value) = document.header(name) {
                writeln!(file, "{name}: {value}")?;
            }
        }
        file.write_all(b"\n")?;
        file.write_all(&document.body)?;
        file.persist(self.path(url))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let cache = PageCache::new(&directory.path().join("pages"));
        let url = RedactedUrl::new("http://me:secret@h/a/");
        assert!(cache.get(&url).is_none());
        let document = Document {
            url: url.clone(),
            status: 200,
            headers: vec![
                ("content-type".to_owned(), "text/html".to_owned()),
                ("etag".to_owned(), "\"x\"".to_owned()),
                ("set-cookie".to_owned(), "secret".to_owned()),
            ],
            body: b"line\n\nline".to_vec(),
        };
        cache.put(&url, &document);
        let page = cache.get(&url).unwrap();
        assert_eq!(page.document.body, document.body);
        assert_eq!(page.document.url, url);
        assert_eq!(page.document.header("content-type"), Some("text/html"));
        assert_eq!(page.entity_tag.as_deref(), Some("\"x\""));
        let path = cache.path(&url);
        let content = fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains("secret"));
        fs::write(&path, &content[..content.len() - 1]).unwrap();
        assert!(cache.get(&url).is_none(), "a damaged entry is none");
    }
}
