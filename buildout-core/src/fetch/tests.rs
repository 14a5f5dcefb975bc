//! Downloads over real sockets, from a server that misbehaves on demand.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
fn temporary_files_go_away_unless_kept() {
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
    let kept = site.get(&site.request("/a")).unwrap().into_path().unwrap();
    assert_eq!(fs::read(kept).unwrap(), b"hello");
    let url = site.server.url("/a");
    let line = format!("Info Downloading {url}");
    assert_eq!(site.lines(), [line.clone(), line]);
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
fn failures_are_told_in_upstreams_words() {
    let site = Site::new();
    for (target, reply) in [
        ("/401", Reply::status(401, "Unauthorized")),
        (
            "/short",
            Reply::ok("x".repeat(40)).fault(Fault::AnnounceLength(100)),
        ),
        ("/loop", Reply::redirect("/loop")),
    ] {
        site.server.reply(target, reply);
    }
    for (target, text) in [
        ("/nope", "HTTP Error 404: File not found"),
        ("/401", "HTTP Error 401: Unauthorized"),
        (
            "/short",
            "<urlopen error retrieval incomplete: got only 40 out of 100 bytes>",
        ),
        ("/loop", "redirected more than 10 times"),
    ] {
        let url = site.server.url(target);
        assert_eq!(
            site.fetch(target),
            Err(format!("Error downloading extends for URL {url}: {text}"))
        );
    }
    // Final answers are asked for once, a cut body again.
    let count = |target| {
        let requests = site.server.requests();
        requests
            .iter()
            .filter(|request| request.target == target)
            .count()
    };
    assert_eq!((count("/nope"), count("/401"), count("/short")), (1, 1, 4));

    let closed_port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("https://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        // A server that speaks no TLS answers the handshake in clear text.
        for peer in listener.incoming() {
            let mut peer = peer.unwrap();
            peer.read_exact(&mut [0; 64]).unwrap();
            peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    for (url, text) in [
        (
            format!("http://{closed_port}/x"),
            "<urlopen error [Errno 111] Connection refused>",
        ),
        (
            "foo:bar".to_owned(),
            "<urlopen error unknown url type: foo>",
        ),
        ("http:///?x".to_owned(), "<urlopen error no host given>"),
        (plain, "<urlopen error [SSL] "),
        (
            "http://me:secret@[::1/x".to_owned(),
            "<urlopen error invalid IPv6 address>",
        ),
    ] {
        let error = site.get(&DownloadRequest::new(&*url)).unwrap_err();
        let mut shown = error.to_string();
        let cause = std::iter::successors(Some(&error as &dyn std::error::Error), |error| {
            (*error).source()
        });
        for cause in cause {
            shown.push_str(&format!("\n{cause} {cause:?}"));
        }
        assert!(shown.contains(text), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
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
    site.options.cache = Some("/nonexistent".into());
    assert_eq!(
        text(site.get(&request).unwrap_err()),
        "The directory:\n'/nonexistent'\nto be used as a download cache doesn't exist.\n"
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
fn transient_failures_are_repeated_after_growing_pauses() {
    let site = Site::new();
    site.server.script(
        "/a",
        [
            Reply::status(500, "Oops"),
            Reply::ok("").fault(Fault::Drop),
            Reply::status(503, "Busy").header("Retry-After", "7"),
            Reply::ok("hello"),
        ],
    );
    assert_eq!(site.fetch("/a"), Ok(b"hello".to_vec()));
    let pauses = site.recorder.pauses.lock().unwrap().clone();
    assert_eq!(pauses.len(), 3);
    assert!(
        pauses[1] > pauses[0] / 2 && pauses[2] == Duration::from_secs(7),
        "{pauses:?}"
    );
    let lines = site.lines();
    assert!(lines[1].starts_with("Warning Downloading "), "{lines:?}");
    assert!(lines[1].ends_with(" s: HTTP Error 500: Oops"), "{lines:?}");
}

#[test]
fn cut_bodies_are_resumed_where_they_broke() {
    let body = long_body();
    let whole = || Reply::ok(body.clone()).ranges("\"v1\"");
    let mut site = Site::new();
    site.client.stall_timeout = Duration::from_millis(1500);
    // The last replies: continued; changed meanwhile; no ranges; a lie.
    let changed = Reply::ok(body[4..].to_vec()).ranges("\"v2\"");
    let lie = Reply::status(206, "Partial Content").header("Content-Range", "bytes 7-9/10");
    let stall = Fault::StallAfter(900_000, Duration::from_secs(20));
    for (name, first, then, expected, ranges) in [
        (
            "cut",
            whole().fault(Fault::CutAfter(900_000)),
            vec![whole()],
            &body[..],
            1,
        ),
        ("stall", whole().fault(stall), vec![whole()], &body[..], 1),
        (
            "changed",
            whole().fault(Fault::CutAfter(900_000)),
            vec![changed],
            &body[4..],
            1,
        ),
        (
            "plain",
            Reply::ok(body.clone()).fault(Fault::CutAfter(900_000)),
            vec![Reply::ok(body.clone())],
            &body[..],
            0,
        ),
        (
            "lie",
            whole().fault(Fault::CutAfter(900_000)),
            vec![lie, whole()],
            &body[..],
            1,
        ),
    ] {
        let target = format!("/{name}");
        site.server.script(&target, [first].into_iter().chain(then));
        let request = site.request(&target).expecting(md5_of(expected));
        let downloaded = site
            .get(&request)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(downloaded.size, expected.len() as u64, "{name}");
        assert!(fs::read(downloaded.path()).unwrap() == expected, "{name}");
        let resumed: Vec<_> = site
            .server
            .requests()
            .into_iter()
            .filter(|request| request.target == target && request.header("Range").is_some())
            .collect();
        assert_eq!(resumed.len(), ranges, "{name}");
        for request in resumed {
            let start = request.header("Range").unwrap();
            assert_ne!(start, "bytes=0-");
            assert_eq!(request.header("If-Range"), Some("\"v1\""));
        }
    }
}

#[test]
fn a_complete_body_without_length_may_be_confirmed_by_416() {
    // The connection is reset after everything came: the server says so.
    let body = long_body();
    let server_says = Reply::status(416, "Range Not Satisfiable")
        .header("Content-Range", &format!("bytes */{}", body.len()));
    let site = Site::new();
    let chunked = format!("{:x}\r\n", body.len()).into_bytes();
    let cut = [&chunked[..], &body, b"\r\n"].concat();
    let first = Reply::ok(cut)
        .header("Transfer-Encoding", "chunked")
        .header("ETag", "\"v1\"")
        .fault(Fault::NoLength);
    site.server.script("/a", [first, server_says]);
    assert!(site.fetch("/a").unwrap() == body);
    assert_eq!(site.server.requests().len(), 2);
}

#[test]
fn stalls_and_sizes_are_limited() {
    let mut site = Site::new();
    site.options.retry = RetryPolicy::never();
    site.client.stall_timeout = Duration::from_millis(200);
    let long = Duration::from_secs(20);
    site.server
        .reply("/body", Reply::ok("xy").fault(Fault::StallAfter(1, long)));
    let text = site.fetch("/body").unwrap_err();
    assert!(
        text.ends_with("<urlopen error timed out> (no data for 200ms)"),
        "{text}"
    );
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let text = site
        .get(&DownloadRequest::new(url))
        .unwrap_err()
        .to_string();
    assert!(
        text.ends_with("<urlopen error timed out> (no data for 200ms)"),
        "{text}"
    );

    site.client = ClientOptions::default();
    for (target, reply) in [
        (
            "/announced",
            Reply::ok("x").fault(Fault::AnnounceLength(1 << 40)),
        ),
        ("/silent", Reply::ok(long_body()).fault(Fault::NoLength)),
    ] {
        site.server.reply(target, reply);
        let mut request = site.request(target);
        request.maximum_size = Some(1_000_000);
        let text = site.get(&request).unwrap_err().to_string();
        assert!(
            text.ends_with(": the resource is larger than 1000000 bytes"),
            "{text}"
        );
    }
    assert_eq!(site.files("tmp"), [""; 0]);
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
fn credentials_are_sent_and_never_shown() {
    let site = Site::new();
    let url = site
        .server
        .url("/private")
        .replace("http://", "http://me:secret@");
    let error = site.get(&DownloadRequest::new(&*url)).unwrap_err();
    let shown = format!("{error} {error:?} {:?}", site.lines());
    assert!(
        shown.contains("me:****@") && !shown.contains("secret"),
        "{shown}"
    );
    let authorization = site.server.requests()[0]
        .header("Authorization")
        .map(str::to_owned);
    assert_eq!(authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
}

#[test]
fn proxies_are_used_as_given() {
    let mut site = Site::new();
    let proxy = TestServer::start();
    proxy.reply("http://far.invalid/a", Reply::ok("by proxy"));
    site.server.reply("/a", Reply::ok("direct"));
    site.client.proxies.push(ProxyRule {
        scope: ProxyScope::Http,
        url: proxy.url("").into(),
        except: Some("127.0.0.1".to_owned()),
    });
    let far = site
        .get(&DownloadRequest::new("http://far.invalid/a"))
        .unwrap();
    assert_eq!(fs::read(far.path()).unwrap(), b"by proxy");
    assert_eq!(site.fetch("/a"), Ok(b"direct".to_vec()));
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn downloads_can_be_cancelled() {
    let mut site = Site::new();
    site.recorder = Arc::new(Recorder {
        cancel_after: Some(1),
        ..Recorder::default()
    });
    site.server.reply("/a", Reply::ok(long_body()));
    let text = site.fetch("/a").unwrap_err();
    assert!(text.ends_with(": download cancelled"), "{text}");
    assert_eq!(site.files(""), ["cache", "tmp"]);
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

#[test]
fn a_transport_can_be_injected() {
    struct Canned;
    impl Transport for Canned {
        fn get(&self, request: &TransportRequest) -> Result<TransportResponse, FetchError> {
            assert_eq!(request.url.exposed(), "slap:x");
            Ok(TransportResponse {
                status: 200,
                reason: "OK".to_owned(),
                headers: vec![("content-length".to_owned(), "2".to_owned())],
                body: Box::new(&b"abc"[..]),
            })
        }
    }
    let options = DownloaderOptions {
        retry: RetryPolicy::never(),
        ..DownloaderOptions::new(Path::new("/"), std::env::temp_dir())
    };
    let downloader = Downloader::new(Arc::new(Canned), options);
    let error = downloader
        .download(&DownloadRequest::new("slap:x"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Error downloading extends for URL slap:x: \
         invalid reply: the body is longer than announced"
    );
}

#[test]
fn certificates_are_verified() {
    let mut site = Site::new();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(site.directory.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let made = run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ],
    );
    assert!(made.wait_with_output().unwrap().status.success());
    let script = "import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('certificate.pem', 'key.pem')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
server.serve_forever()";
    let mut server = run("python3", &["-c", script]);
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let request =
        DownloadRequest::new(format!("https://127.0.0.1:{}/certificate.pem", port.trim()));
    let untrusted = site.get(&request);
    let certificate = fs::read(site.path("certificate.pem")).unwrap();
    site.client.root_certificates.push(certificate.clone());
    let trusted = site.get(&request);
    server.kill().unwrap();
    server.wait().unwrap();
    let text = untrusted.unwrap_err().to_string();
    assert!(
        text.contains("<urlopen error [SSL] invalid peer certificate: "),
        "{text}"
    );
    assert_eq!(fs::read(trusted.unwrap().path()).unwrap(), certificate);
    // A certificate does not get better by waiting.
    assert_eq!(*site.recorder.pauses.lock().unwrap(), []);
}
