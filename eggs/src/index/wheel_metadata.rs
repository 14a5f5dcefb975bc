//! The metadata of a wheel, without the wheel if that is possible.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use buildout_core::fetch::{DigestMismatch, Digests, Downloaded, FetchError, RedactedUrl};
use zip::ZipArchive;

use super::archive_error::ArchiveError;
use super::candidate::{Candidate, CandidateLocation, MetadataFile};
use super::client::{Client, GZIP, METADATA_LIMIT};
use crate::metadata::{Metadata, MetadataError};
use crate::name::ProjectName;

/// How much of the end of a wheel is asked for first: the directory of the
/// archive, and with most tools the metadata just before it.
const TAIL: u64 = 64 * 1024;

/// The most that is fetched of a wheel in pieces, in bytes.
const PIECES_LIMIT: u64 = 16 * 1024 * 1024;

/// Metadata that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelMetadataError {
    /// The network failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The wheel could not be downloaded.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The metadata are not those that the index announced.
    #[error("the metadata of `{file_name}` are not those that the index announces: {mismatch}")]
    Digest {
        /// The wheel.
        file_name: String,
        /// What differs.
        mismatch: DigestMismatch,
    },
    /// The wheel is no archive.
    #[error("`{file_name}` is no wheel: {detail}")]
    NoWheel {
        /// The file.
        file_name: String,
        /// What is wrong.
        detail: String,
    },
    /// The metadata say nothing.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// What is known of the servers of wheels.
#[derive(Debug, Default)]
pub(super) struct Servers {
    /// By scheme and host: whether they have `URL.metadata`, which an index
    /// need not say.
    have_metadata: Mutex<HashMap<String, bool>>,
}

/// Gets the metadata of a wheel. `whole` makes the wheel itself available,
/// verified, which is the last resort.
pub(super) fn wheel_metadata(
    candidate: &Candidate,
    client: &Client,
    servers: &Servers,
    whole: &dyn Fn() -> Result<Downloaded, ArchiveError>,
) -> Result<Metadata, WheelMetadataError> {
    let text = match &candidate.location {
        CandidateLocation::File(path) => read_file(candidate, path)?,
        CandidateLocation::Url(url) => match fetch(candidate, url, client, servers)? {
            Some(text) => text,
            None => {
                let archive = whole()?;
                read_file(candidate, archive.path())?
            }
        },
    };
    let text = String::from_utf8_lossy(&text);
    Ok(Metadata::of_headers(
        &text,
        Path::new(&candidate.file_name),
    )?)
}

fn read_file(candidate: &Candidate, path: &Path) -> Result<Vec<u8>, WheelMetadataError> {
    File::open(path)
        .and_then(|file| read_metadata(file, &candidate.project))
        .map_err(|error| WheelMetadataError::NoWheel {
            file_name: candidate.file_name.clone(),
            detail: error.to_string(),
        })
}

/// Fetches the metadata, as a file of their own or out of the wheel; nothing
/// if the server gives neither.
fn fetch(
    candidate: &Candidate,
    url: &RedactedUrl,
    client: &Client,
    servers: &Servers,
) -> Result<Option<Vec<u8>>, WheelMetadataError> {
    let server = server_of(url);
    let known = || {
        let servers = servers.have_metadata.lock();
        let servers = servers.unwrap_or_else(PoisonError::into_inner);
        servers.get(&server).copied()
    };
    let may_have = match &candidate.metadata_file {
        MetadataFile::Present(_) => true,
        MetadataFile::Absent => false,
        MetadataFile::Unknown => known() != Some(false),
    };
    if may_have {
        let (path, query) = match url.exposed().find('?') {
            Some(at) => url.exposed().split_at(at),
            None => (url.exposed(), ""),
        };
        let metadata_url = RedactedUrl::new(format!("{path}.metadata{query}"));
        let packed = [("Accept-Encoding", GZIP.to_owned())];
        let document = match client.get(&metadata_url, &packed, METADATA_LIMIT) {
            Err(error @ FetchError::Cancelled) => return Err(error.into()),
            result => result.ok().filter(|document| document.status == 200),
        };
        let is_there = document.is_some();
        if candidate.metadata_file == MetadataFile::Unknown {
            // One wheel without metadata says nothing of the others if those of
            // some are there.
            let mut servers = servers
                .have_metadata
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let known = servers.entry(server).or_insert(is_there);
            *known |= is_there;
        }
        if let Some(document) = document {
            if let MetadataFile::Present(expected) = &candidate.metadata_file {
                expected
                    .verify(&Digests::of(&document.body))
                    .map_err(|mismatch| WheelMetadataError::Digest {
                        file_name: candidate.file_name.clone(),
                        mismatch,
                    })?;
            }
            return Ok(Some(document.body));
        }
    }
    let mut failure = None;
    let pieces = Pieces::open(client, url, candidate.size, &mut failure);
    let read = pieces.and_then(|pieces| read_metadata(pieces, &candidate.project).ok());
    match failure {
        // What fails for lack of ranges is tried with the whole wheel; nobody
        // waits for what was stopped.
        Some(error @ FetchError::Cancelled) => Err(error.into()),
        _ => Ok(read),
    }
}

fn server_of(url: &RedactedUrl) -> String {
    let text = url.exposed();
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find('/').map_or(text.len(), |at| start + at);
    text[..end].to_owned()
}

/// Reads `METADATA` out of a wheel. Where several directories have one, the one
/// that is named after the project counts.
pub(super) fn read_metadata(file: impl Read + Seek, project: &ProjectName) -> io::Result<Vec<u8>> {
    let mut archive = ZipArchive::new(file).map_err(io::Error::other)?;
    let directory_of = |name: &str| {
        let directory = name.strip_suffix(".dist-info/METADATA")?;
        (!directory.contains('/')).then(|| directory.to_owned())
    };
    let mut found: Vec<(String, String)> = archive
        .file_names()
        .filter_map(|name| {
            let name = name.ok()?;
            Some((name.to_string(), directory_of(&name)?))
        })
        .collect();
    if found.len() > 1 {
        found.retain(|(_, directory)| {
            let name = directory.split('-').next().unwrap_or_default();
            ProjectName::new(name) == *project
        });
    }
    let [(name, _)] = found.as_slice() else {
        return Err(io::Error::other("it has not one `METADATA`"));
    };
    let entry = archive.by_name(name).map_err(io::Error::other)?;
    let mut text = Vec::new();
    entry.take(METADATA_LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > METADATA_LIMIT {
        return Err(io::Error::other(format!(
            "its metadata are larger than {METADATA_LIMIT} bytes"
        )));
    }
    Ok(text)
}

/// A file of the network of which pieces are fetched as they are read.
struct Pieces<'a> {
    client: &'a Client,
    url: &'a RedactedUrl,
    size: u64,
    position: u64,
    /// Start and bytes of what was fetched.
    pieces: Vec<(u64, Vec<u8>)>,
    fetched: u64,
    failure: &'a mut Option<FetchError>,
}

impl<'a> Pieces<'a> {
    /// Fetches the end; nothing if the server does not give pieces.
    fn open(
        client: &'a Client,
        url: &'a RedactedUrl,
        size: Option<u64>,
        failure: &'a mut Option<FetchError>,
    ) -> Option<Self> {
        let range = match size {
            Some(0) => return None,
            Some(size) => format!("bytes={}-{}", size.saturating_sub(TAIL), size - 1),
            None => format!("bytes=-{TAIL}"),
        };
        let (start, total, bytes) = match get_range(client, url, range, TAIL) {
            Ok(piece) => piece?,
            Err(error) => {
                *failure = Some(error);
                return None;
            }
        };
        if start + bytes.len() as u64 != total {
            return None;
        }
        Some(Pieces {
            client,
            url,
            size: total,
            position: 0,
            fetched: bytes.len() as u64,
            pieces: vec![(start, bytes)],
            failure,
        })
    }

    /// Returns what is there from the position on.
    fn at_hand(&self) -> Option<&[u8]> {
        self.pieces.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(self.position.checked_sub(*start)?).ok()?;
            bytes.get(offset..).filter(|rest| !rest.is_empty())
        })
    }

    fn fetch_here(&mut self) -> io::Result<()> {
        let end = (self.position + TAIL).min(self.size);
        self.fetched += end - self.position;
        if self.fetched > PIECES_LIMIT {
            return Err(io::Error::other("too much of it would have to be fetched"));
        }
        let range = format!("bytes={}-{}", self.position, end - 1);
        match get_range(self.client, self.url, range, TAIL) {
            Ok(Some((start, _, bytes))) if start == self.position && !bytes.is_empty() => {
                self.pieces.push((start, bytes));
                Ok(())
            }
            Ok(_) => Err(io::Error::other("the server gave another piece")),
            Err(error) => {
                let text = error.to_string();
                *self.failure = Some(error);
                Err(io::Error::other(text))
            }
        }
    }
}

/// Fetches a range: its start, the size of the whole, and the bytes. Nothing if
/// the server gives something else.
fn get_range(
    client: &Client,
    url: &RedactedUrl,
    range: String,
    limit: u64,
) -> Result<Option<(u64, u64, Vec<u8>)>, FetchError> {
    let headers = [("Range", range), ("Accept-Encoding", "identity".to_owned())];
    let document = client.get(url, &headers, limit)?;
    if document.status != 206 {
        return Ok(None);
    }
    let place = document.header("Content-Range").and_then(|range| {
        let (range, total) = range.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (start, _) = range.split_once('-')?;
        Some((start.parse().ok()?, total.parse().ok()?))
    });
    Ok(place.map(|(start, total)| (start, total, document.body)))
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.at_hand().is_none() {
            self.fetch_here()?;
        }
        let Some(rest) = self.at_hand() else {
            return Ok(0);
        };
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Pieces<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
