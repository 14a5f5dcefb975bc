//! What can go wrong on the way, and what is done about it.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;
use crate::extends::UrlReplacements;

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
    let lie = Reply::status(206, "Partial Content")
        .header("Content-Range", &format!("bytes 7-9/{}", body.len()));
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
        let requests = site.server.requests().into_iter();
        let mut requests: Vec<_> = requests
            .filter(|request| request.target == target)
            .collect();
        // Nothing is asked for again that is not needed.
        assert_eq!(requests.len(), if name == "lie" { 3 } else { 2 }, "{name}");
        requests.retain(|request| request.header("Range").is_some());
        assert_eq!(requests.len(), ranges, "{name}");
        for request in requests {
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

/// What a server is asked for that never says a word.
fn url_of_silence(server: &TcpListener) -> String {
    format!("http://{}/", server.local_addr().unwrap())
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
    let text = site
        .get(&DownloadRequest::new(url_of_silence(&silent)))
        .unwrap_err()
        .to_string();
    assert!(
        text.ends_with("<urlopen error timed out> (no data for 200ms)"),
        "{text}"
    );
    // What a run says counts, not what its client was made with.
    site.client = ClientOptions::default();
    let client = Arc::new(HttpClient::new(site.client.clone()));
    let transport = MirrorTransport::new(client, UrlReplacements::default());
    transport.set_stall_timeout(Some(Duration::from_millis(300)));
    let request = TransportRequest::new(url_of_silence(&silent));
    let text = transport.get(&request).unwrap_err().to_string();
    assert!(text.ends_with("(no data for 300ms)"), "{text}");

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
fn a_transport_can_be_injected() {
    struct Canned;
    impl Transport for Canned {
        fn get(&self, request: &TransportRequest) -> Result<TransportResponse, FetchError> {
            assert_eq!(request.url.exposed(), "slap:x");
            Ok(TransportResponse {
                url: request.url.clone(),
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
