//! Downloads over real sockets, from a server that misbehaves on demand.

mod ahead;
mod credentials;
mod policy;
mod transfer;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::test_server::{Fault, Reply, TestServer};
use super::*;

/// Collects log lines, other events in short, and pauses.
#[derive(Default)]
struct Recorder {
    lines: Mutex<Vec<String>>,
    progress: Mutex<Vec<(u64, Option<u64>)>>,
    pauses: Mutex<Vec<Duration>>,
    cancel_after: Option<u64>,
}

impl FetchObserver for Recorder {
    fn observe(&self, event: &FetchEvent<'_>) {
        if let Some((level, line)) = event.log_line() {
            self.lines.lock().unwrap().push(format!("{level:?} {line}"));
        }
        if let FetchEvent::Progress {
            received, total, ..
        } = event
        {
            self.progress.lock().unwrap().push((*received, *total));
        }
    }

    fn is_cancelled(&self) -> bool {
        let progress = self.progress.lock().unwrap();
        let received = progress.last().map_or(0, |(received, _)| *received);
        self.cancel_after.is_some_and(|limit| received >= limit)
    }
}

impl Sleeper for Recorder {
    fn sleep(&self, duration: Duration) {
        self.pauses.lock().unwrap().push(duration);
    }
}

/// A server, a private directory, and what one downloader did.
struct Site {
    server: TestServer,
    directory: tempfile::TempDir,
    recorder: Arc<Recorder>,
    options: DownloaderOptions,
    client: ClientOptions,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir(root.join("cache")).unwrap();
        fs::create_dir(root.join("tmp")).unwrap();
        Self {
            server: TestServer::start(),
            options: DownloaderOptions::new(&root, root.join("tmp")),
            directory,
            recorder: Arc::default(),
            client: ClientOptions::default(),
        }
    }

    fn cached() -> Self {
        let mut site = Self::new();
        site.options.cache = Some("cache".into());
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.directory.path()).unwrap().join(name)
    }

    fn downloader(&self) -> Downloader {
        let client = HttpClient::new(self.client.clone());
        Downloader::new(Arc::new(client), self.options.clone())
            .with_observer(self.recorder.clone())
            .with_sleeper(self.recorder.clone())
    }

    fn get(&self, request: &DownloadRequest) -> Result<Downloaded, DownloadError> {
        self.downloader().download(request)
    }

    fn request(&self, target: &str) -> DownloadRequest {
        DownloadRequest::new(self.server.url(target))
    }

    /// Downloads to a path, and returns the bytes or the error's text.
    fn fetch(&self, target: &str) -> Result<Vec<u8>, String> {
        let request = self.request(target).to(Destination::Path("out".into()));
        match self.get(&request) {
            Ok(downloaded) => Ok(fs::read(downloaded.path()).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.recorder.lines.lock().unwrap())
    }

    fn files(&self, directory: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn md5_of(bytes: &[u8]) -> ExpectedDigests {
    ExpectedDigests::md5(&Digests::of(bytes).hex(Algorithm::Md5)).unwrap()
}

fn wrong_md5() -> ExpectedDigests {
    ExpectedDigests::md5(&"0".repeat(32)).unwrap()
}

/// Bytes that differ everywhere, so that a wrong offset shows.
fn long_body() -> Vec<u8> {
    (0..600_000u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn temporary_files_go_away() {
    let site = Site::new();
    site.server.reply("/a", Reply::ok("hello"));
    let downloaded = site
        .get(&site.request("/a").expecting(md5_of(b"hello")))
        .unwrap();
    assert!(downloaded.is_temporary() && downloaded.path().starts_with(site.path("tmp")));
    assert_eq!(downloaded.size, 5);
    assert_eq!(downloaded.digests, Some(Digests::of(b"hello")));
    assert_eq!(
        fs::metadata(downloaded.path()).unwrap().mode() & 0o777,
        0o600
    );
    drop(downloaded);
    assert_eq!(site.files("tmp"), [""; 0]);
    let url = site.server.url("/a");
    assert_eq!(site.lines(), [format!("Info Downloading {url}")]);
    let request = &site.server.requests()[0];
    assert_eq!(request.header("Accept-Encoding"), Some("identity"));
    assert!(
        request
            .header("User-Agent")
            .unwrap()
            .starts_with("buildout/")
    );
}

#[test]
fn the_cache_serves_without_network_and_shares_no_inode() {
    let site = Site::cached();
    site.server.reply("/d/a.tgz", Reply::ok("hello"));
    let request = site.request("/d/a.tgz").to(Destination::Path("out".into()));
    let url = site.server.url("/d/a.tgz");
    let cached = site.path("cache/a.tgz");
    let first = site.get(&request).unwrap();
    assert_eq!(first.origin, Origin::Network(RedactedUrl::new(&*url)));
    assert_eq!(
        site.lines(),
        [
            format!("Debug Searching cache at {}/", site.path("cache").display()),
            format!("Debug Cache miss; will cache {url} as {}", cached.display()),
            format!("Info Downloading {url}"),
        ]
    );
    let second = site.get(&request).unwrap();
    assert_eq!(second.path(), site.path("out"));
    assert_eq!(second.origin, Origin::Cache);
    assert_eq!(site.server.requests().len(), 1);
    assert_eq!(
        site.lines()[1..],
        [format!("Debug Using cache file {}", cached.display())]
    );
    // Editing the output or closing its mode must leave the cache alone.
    fs::write(site.path("out"), "edited").unwrap();
    fs::set_permissions(site.path("out"), fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(fs::read(&cached).unwrap(), b"hello");
    assert_eq!(fs::metadata(&cached).unwrap().nlink(), 1);
    assert_ne!(fs::metadata(&cached).unwrap().mode() & 0o777, 0o400);
    // Anywhere means the entry itself.
    let third = site.get(&site.request("/d/a.tgz")).unwrap();
    assert_eq!((third.path(), third.is_temporary()), (&*cached, false));
    // The wrong entry stays, and is an error in upstream's words.
    let error = site.get(&request.expecting(wrong_md5())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "MD5 checksum mismatch for cached download from '{url}' at '{}'",
            cached.display()
        )
    );
    let DownloadError::ChecksumMismatch { mismatch, .. } = error else {
        panic!("not a mismatch");
    };
    assert_eq!(mismatch.actual, "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(site.files("cache"), ["a.tgz"]);
}

#[test]
fn cache_entries_can_have_hashed_names_and_a_namespace() {
    let mut site = Site::cached();
    site.options.namespace = Some("ns".into());
    site.options.hash_name = true;
    site.server.reply("/a?b", Reply::ok("x"));
    let downloaded = site.get(&site.request("/a?b")).unwrap();
    let key = Digests::of(site.server.url("/a?b").as_bytes()).hex(Algorithm::Md5);
    assert_eq!(downloaded.path(), site.path("cache/ns").join(key));
    assert_eq!(
        site.lines()[0],
        format!(
            "Debug Searching cache at {}",
            site.path("cache/ns").display()
        )
    );
}

#[test]
fn wrong_bytes_never_reach_cache_or_destination() {
    for cached in [false, true] {
        let site = if cached { Site::cached() } else { Site::new() };
        site.server.reply("/a", Reply::ok("hello"));
        fs::write(site.path("out"), "old").unwrap();
        let request = site.request("/a").to(Destination::Path("out".into()));
        let url = site.server.url("/a");
        let error = site
            .get(&request.clone().expecting(wrong_md5()))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("MD5 checksum mismatch downloading '{url}'")
        );
        let mut sha512 = md5_of(b"hello");
        sha512.set(Algorithm::Sha512, &"0".repeat(128)).unwrap();
        let error = site.get(&request.expecting(sha512)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("SHA512 checksum mismatch downloading '{url}'")
        );
        assert_eq!(site.files("cache"), [""; 0]);
        assert_eq!(site.files(""), ["cache", "out", "tmp"]);
        assert_eq!(fs::read(site.path("out")).unwrap(), b"old");
    }
}

#[test]
fn fallback_refreshes_the_entry_or_uses_it() {
    use CacheUse::{FallbackOnAnyFailure, FallbackOnNetworkFailure};
    let mut site = Site::cached();
    site.options.retry = RetryPolicy::never();
    let entry = site.path("cache/a");
    let mut check = |cache_use, offline, reply: Reply, expected, result: Result<&str, &str>| {
        site.options.cache_use = cache_use;
        site.options.offline = offline;
        site.server.reply("/a", reply);
        fs::write(&entry, "old").unwrap();
        let outcome = site.get(&site.request("/a").expecting(expected));
        match (outcome, result) {
            (Ok(downloaded), Ok(text)) => {
                assert_eq!(fs::read_to_string(downloaded.path()).unwrap(), text);
            }
            (Err(error), Err(text)) => {
                assert!(error.to_string().contains(text), "{error}");
                assert_eq!(fs::read_to_string(&entry).unwrap(), "old");
            }
            (outcome, _) => panic!("{outcome:?} is not {result:?}"),
        }
    };
    let none = ExpectedDigests::none;
    let gone = || Reply::status(404, "Not Found");
    for cache_use in [FallbackOnNetworkFailure, FallbackOnAnyFailure] {
        check(cache_use, false, Reply::ok("new"), none(), Ok("new"));
        check(cache_use, true, Reply::ok("new"), none(), Ok("old"));
        check(
            cache_use,
            false,
            Reply::status(503, "Busy"),
            none(),
            Ok("old"),
        );
        check(
            cache_use,
            false,
            Reply::ok("new").fault(Fault::Drop),
            none(),
            Ok("old"),
        );
        let mismatch = "MD5 checksum mismatch downloading";
        check(
            cache_use,
            false,
            Reply::ok("new"),
            md5_of(b"old"),
            Err(mismatch),
        );
    }
    check(FallbackOnAnyFailure, false, gone(), none(), Ok("old"));
    check(
        FallbackOnNetworkFailure,
        false,
        gone(),
        none(),
        Err("HTTP Error 404"),
    );
}

#[test]
fn offline_and_missing_directories() {
    let mut site = Site::new();
    let mut request = DownloadRequest::new("http://h/it's");
    request.offline = Some(true);
    let text = |error: DownloadError| error.to_string();
    assert_eq!(
        text(site.get(&request).unwrap_err()),
        "Couldn't download \"http://h/it's\" in offline mode."
    );
    let only = request.clone().to(Destination::CacheOnly);
    assert_eq!(
        text(site.get(&only).unwrap_err()),
        "Couldn't cache \"http://h/it's\": no download cache is set."
    );
    site.options.cache = Some("/nonexistent/downloads".into());
    assert_eq!(
        text(site.get(&request).unwrap_err()),
        "The directory:\n'/nonexistent/downloads'\nto be used as a download cache doesn't exist.\n"
    );
    site.options.cache = Some("cache".into());
    request.url = "http://h/..".into();
    assert_eq!(
        text(site.get(&request).unwrap_err()),
        "Couldn't name a cache entry after 'http://h/..'."
    );
}

#[test]
fn local_resources_are_used_in_place_or_copied() {
    let mut site = Site::new();
    site.options.offline = true;
    fs::write(site.path("file"), "hello").unwrap();
    let plain = site.get(&DownloadRequest::new("file#fragment")).unwrap();
    assert_eq!(plain.path(), site.path("file"));
    assert_eq!(plain.origin, Origin::Local);
    let url = format!("file://{}", site.path("file").display());
    let request = DownloadRequest::new(&*url).to(Destination::Path("out".into()));
    let copied = site
        .get(&request.clone().expecting(md5_of(b"hello")))
        .unwrap();
    assert_eq!(fs::read(copied.path()).unwrap(), b"hello");
    assert_eq!(fs::metadata(site.path("file")).unwrap().nlink(), 1);
    // Onto itself: nothing to do, where upstream fails.
    site.get(&request.clone().to(Destination::Path("file".into())))
        .unwrap();
    assert_eq!(fs::read(site.path("file")).unwrap(), b"hello");
    for (request, text) in [
        (
            DownloadRequest::new("file").expecting(wrong_md5()),
            "MD5 checksum mismatch for local resource at 'file'.".to_owned(),
        ),
        (
            DownloadRequest::new(""),
            "Couldn't find local resource ''.".to_owned(),
        ),
        (
            DownloadRequest::new("gone"),
            format!(
                "Couldn't find local resource '{}'.",
                site.path("gone").display()
            ),
        ),
        (
            DownloadRequest::new("tmp").expecting(wrong_md5()),
            format!(
                "Couldn't compute the checksum of directory '{}'.",
                site.path("tmp").display()
            ),
        ),
    ] {
        assert_eq!(site.get(&request).unwrap_err().to_string(), text);
    }
    fs::write(site.path("tmp/inner"), "x").unwrap();
    site.get(&DownloadRequest::new("tmp").to(Destination::Path("tree".into())))
        .unwrap();
    assert_eq!(fs::read(site.path("tree/inner")).unwrap(), b"x");
    assert_eq!(site.lines()[0], "Debug Using local resource file#fragment");
}

#[test]
fn the_cache_follows_local_resources() {
    let mut site = Site::cached();
    site.options.hash_name = true;
    let key = Digests::of(b"file").hex(Algorithm::Md5);
    let request = DownloadRequest::new("file");
    for text in ["one", "two"] {
        fs::write(site.path("file"), text).unwrap();
        let cached = site
            .get(&request.clone().expecting(md5_of(text.as_bytes())))
            .unwrap();
        assert_eq!(cached.path(), site.path("cache").join(&key));
        assert_eq!(fs::read_to_string(cached.path()).unwrap(), text);
    }
    assert_eq!(fs::metadata(site.path("file")).unwrap().nlink(), 1);
    fs::remove_file(site.path("file")).unwrap();
    assert_eq!(site.get(&request).unwrap().origin, Origin::Cache);
    assert_eq!(site.files("cache"), [key]);
    // An entry that belongs to a URL with the same last component stays.
    site.options.hash_name = false;
    fs::write(site.path("cache/file"), "of another URL").unwrap();
    fs::write(site.path("file"), "three").unwrap();
    let plain = site.get(&request.expecting(md5_of(b"three"))).unwrap();
    assert_eq!(plain.path(), site.path("file"));
    assert_eq!(
        fs::read(site.path("cache/file")).unwrap(),
        b"of another URL"
    );
}

#[test]
fn redirects_are_followed_and_other_sources_tried() {
    let site = Site::cached();
    site.server.reply("/moved", Reply::redirect("/a"));
    site.server.reply("/a", Reply::ok("hello"));
    site.server.reply("/wrong", Reply::ok("bad"));
    let mut request = site.request("/gone").expecting(md5_of(b"hello"));
    request.alternate_urls = ["/wrong", "/moved", "/unused"]
        .map(|target| RedactedUrl::new(site.server.url(target)))
        .to_vec();
    let downloaded = site.get(&request).unwrap();
    assert_eq!(
        downloaded.origin,
        Origin::Network(request.alternate_urls[1].clone())
    );
    assert_eq!(downloaded.path(), site.path("cache/gone"));
    let lines = site.lines();
    assert!(lines[3].ends_with("HTTP Error 404: File not found; trying the next source"));
    // If none works, the error is about the URL the profile names.
    let mut request = site.request("/gone2");
    request.alternate_urls = vec![site.server.url("/gone3").into()];
    let text = site.get(&request).unwrap_err().to_string();
    assert!(text.contains("/gone2: HTTP Error 404"), "{text}");
}

#[test]
fn concurrent_downloads_of_one_resource_agree() {
    let site = Site::cached();
    let body = long_body();
    site.server.reply("/a", Reply::ok(body.clone()));
    let request = site.request("/a").expecting(md5_of(&body));
    thread::scope(|scope| {
        for _ in 0..6 {
            // Separate downloaders, as separate processes have.
            scope.spawn(|| site.get(&request).unwrap());
        }
    });
    assert_eq!(site.files("cache"), ["a"]);
    assert!(fs::read(site.path("cache/a")).unwrap() == body);
    let progress = site.recorder.progress.lock().unwrap().clone();
    let size = body.len() as u64;
    assert!(progress.contains(&(size, Some(size))));
}
