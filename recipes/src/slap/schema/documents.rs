//! The files that schemas are in.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use buildout_core::extends::{base_of, join};
use buildout_core::fetch::{FetchError, RedactedUrl, Transport, TransportRequest};
use jsonschema::{Retrieve, Uri};
use serde_json::{Map, Value as Json};

/// A keyword that no schema uses: the number of a set of properties. What the
/// library returns as its annotation tells which properties apply to what.
pub(super) const MARK: &str = "x-properties-number";

/// Where values are, and not schemas.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// The longest document of the network that is read, in bytes.
const REMOTE_LIMIT: u64 = 16 * 1024 * 1024;

/// A document that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Its file cannot be read.
    #[error("Unable to load JSON {uri}: {source}")]
    Read {
        /// The document.
        uri: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is no JSON.
    #[error("Unable to load JSON {uri}: {source}")]
    Json {
        /// The document.
        uri: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It is in the network, which is not asked.
    #[error("Unable to load JSON {uri}: only schemas in files are supported")]
    Remote {
        /// The document.
        uri: String,
    },
    /// Its server is not there.
    #[error("Unable to load JSON {uri}: {source}")]
    Fetch {
        /// The document.
        uri: String,
        /// Why not.
        source: FetchError,
    },
    /// Its server does not have it.
    #[error("Unable to load JSON {uri}: the server answers {status} {reason}")]
    Status {
        /// The document.
        uri: String,
        /// The status.
        status: u16,
        /// Its name.
        reason: String,
    },
}

/// The documents read so far. Copies share them.
#[derive(Clone, Default)]
pub(super) struct Documents {
    known: Arc<Mutex<Known>>,
    /// What asks the network; if there is none, nothing does.
    transport: Option<Arc<dyn Transport>>,
}

#[derive(Default)]
struct Known {
    /// As they are, but for the marks.
    documents: HashMap<String, Json>,
    /// The sets of properties, by number.
    properties: Vec<Properties>,
}

/// The `properties` of a schema somewhere.
#[derive(Clone, Debug)]
pub(super) struct Properties {
    /// The document.
    pub(super) uri: String,
    /// Where they are in it, as a JSON pointer.
    pub(super) pointer: String,
    /// The schemas by name.
    pub(super) schemas: Map<String, Json>,
}

impl Documents {
    /// Reads documents of the network as well.
    pub(super) fn of_network(transport: Arc<dyn Transport>) -> Self {
        Documents {
            transport: Some(transport),
            ..Self::default()
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a document, without fragment.
    pub(super) fn read(&self, uri: &str) -> Result<Json, DocumentError> {
        if let Some(document) = self.known().documents.get(uri) {
            return Ok(document.clone());
        }
        let text = match path_of(uri) {
            Some(path) => fs::read_to_string(path).map_err(|source| DocumentError::Read {
                uri: uri.to_owned(),
                source,
            })?,
            None => self.fetch(uri)?,
        };
        let mut document = serde_json::from_str(&text).map_err(|source| DocumentError::Json {
            uri: uri.to_owned(),
            source,
        })?;
        let mut known = self.known();
        mark(&mut document, uri, "", &mut known.properties);
        known.documents.insert(uri.to_owned(), document.clone());
        Ok(document)
    }

    fn fetch(&self, uri: &str) -> Result<String, DocumentError> {
        let url = RedactedUrl::new(uri);
        let uri = url.to_string();
        let Some(transport) = &self.transport else {
            return Err(DocumentError::Remote { uri });
        };
        let response = match transport.get(&TransportRequest::new(url)) {
            Ok(response) => response,
            Err(source) => return Err(DocumentError::Fetch { uri, source }),
        };
        if response.status != 200 {
            return Err(DocumentError::Status {
                uri,
                status: response.status,
                reason: response.reason,
            });
        }
        let mut text = String::new();
        match response.body.take(REMOTE_LIMIT).read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(source) => Err(DocumentError::Read { uri, source }),
        }
    }

    /// Returns a set of properties by its number.
    pub(super) fn properties(&self, number: usize) -> Option<Properties> {
        self.known().properties.get(number).cloned()
    }

    /// Looks for a keyword of a schema, behind any number of `$ref`
    /// (`fetch_key`).
    pub(super) fn keyword(&self, keyword: &str, schema: &Json, uri: &str) -> Option<Json> {
        let mut schema = schema.clone();
        let mut uri = uri.to_owned();
        // A circle of references has no keyword at its end.
        for _ in 0..100 {
            if let Some(value) = schema.get(keyword) {
                return Some(value.clone());
            }
            let reference = schema.get("$ref")?.as_str()?;
            let (target, fragment) = reference.split_once('#').unwrap_or((reference, ""));
            if !target.is_empty() {
                uri = resolve(&uri, target)?;
            }
            let document = self.read(&uri).ok()?;
            schema = document.pointer(&decode(fragment))?.clone();
        }
        None
    }
}

impl Retrieve for Documents {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        let uri = uri.as_str();
        let (document, _) = uri.split_once('#').unwrap_or((uri, ""));
        Ok(self.read(document)?)
    }
}

/// Gives every set of properties in a schema its number.
fn mark(schema: &mut Json, uri: &str, pointer: &str, properties: &mut Vec<Properties>) {
    match schema {
        Json::Object(object) => {
            for (name, value) in object.iter_mut() {
                if !VALUES.contains(&name.as_str()) {
                    let pointer = join_pointer(pointer, name);
                    mark(value, uri, &pointer, properties);
                }
            }
            if let Some(Json::Object(schemas)) = object.get("properties")
                && !schemas.is_empty()
                && !pointer.ends_with("/properties")
            {
                properties.push(Properties {
                    uri: uri.to_owned(),
                    pointer: join_pointer(pointer, "properties"),
                    schemas: schemas.clone(),
                });
                let number = properties.len() - 1;
                object.insert(MARK.to_owned(), Json::from(number));
            }
        }
        Json::Array(items) => {
            for (position, item) in items.iter_mut().enumerate() {
                let pointer = join_pointer(pointer, &position.to_string());
                mark(item, uri, &pointer, properties);
            }
        }
        _ => {}
    }
}

/// Adds a step to a JSON pointer.
pub(super) fn join_pointer(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// Returns the URI of a file.
pub(super) fn file_uri(path: &Path) -> String {
    let mut normal = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    format!("file://{}", encode(normal.as_os_str().as_bytes()))
}

/// Writes bytes so that they can be part of a URI.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(*byte));
            }
            other => {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

/// Returns the file of a URI; none if it is one of the network.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.starts_with('/')
        .then(|| PathBuf::from(std::ffi::OsString::from_vec(decode_bytes(path))))
}

/// Returns what a reference in the document `base` means.
pub(super) fn resolve(base: &str, target: &str) -> Option<String> {
    if target.contains(':') {
        return Some(target.to_owned());
    }
    let Some(base) = path_of(base) else {
        return Some(join(base_of(base), target, true));
    };
    let target = PathBuf::from(std::ffi::OsString::from_vec(decode_bytes(target)));
    Some(file_uri(&base.parent()?.join(target)))
}

fn decode(text: &str) -> String {
    String::from_utf8_lossy(&decode_bytes(text)).into_owned()
}

fn decode_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => [*high, *low]
                .iter()
                .map(|digit| char::from(*digit).to_digit(16))
                .try_fold(0, |value, digit| Some(value * 16 + digit?)),
            _ => None,
        };
        match escaped.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}
