//! Downloads made ahead of those who want them.

use std::time::Instant;

use super::*;

/// Waits until the server was asked for all of these.
fn wait_for(server: &TestServer, targets: &[&str]) {
    let end = Instant::now() + Duration::from_secs(20);
    let asked = |target: &&str| server.requests().iter().any(|r| r.target == **target);
    while !targets.iter().all(asked) {
        assert!(Instant::now() < end, "{:?}", server.requests());
        thread::sleep(Duration::from_millis(5));
    }
}

fn count(site: &Site, target: &str) -> usize {
    let requests = site.server.requests();
    requests.iter().filter(|r| r.target == target).count()
}

#[test]
fn what_was_made_ahead_is_taken_and_logged_then() {
    for cached in [false, true] {
        let site = if cached { Site::cached() } else { Site::new() };
        site.server.reply("/a", Reply::ok("aaa"));
        site.server.reply("/b", Reply::ok("bbb"));
        let requests = ["/a", "/b", "/a"].map(|target| site.request(target));
        let plain = site.downloader();
        let prefetcher = Arc::new(Prefetcher::start(&plain, requests, 6));
        wait_for(&site.server, &["/a", "/b"]);
        assert_eq!(site.lines(), [""; 0], "nothing is logged yet");
        let downloader = plain.with_prefetcher(Some(Arc::clone(&prefetcher)));
        let url = site.server.url("/a");
        let line = format!("Info Downloading {url}");

        let first = site.request("/a").to(Destination::Path("out".into()));
        let first = downloader.download(&first).unwrap();
        assert_eq!(first.origin, Origin::Network(url.into()));
        assert_eq!(fs::read(site.path("out")).unwrap(), b"aaa");
        let mode = fs::metadata(site.path("out")).unwrap().mode() & 0o777;
        assert_ne!(mode, 0o600, "it is no temporary file");
        let lines = site.lines();
        assert_eq!(lines.last(), Some(&line));
        assert_eq!(lines.len(), if cached { 3 } else { 1 });

        let second = downloader.download(&site.request("/a")).unwrap();
        assert_eq!(fs::read(second.path()).unwrap(), b"aaa");
        assert_eq!(second.is_temporary(), !cached);
        assert_eq!((count(&site, "/a"), count(&site, "/b")), (1, 1));
        drop((second, downloader, prefetcher));
        assert_eq!(site.files("tmp"), [""; 0], "what nobody took is gone");
    }
}

#[test]
fn failures_are_left_to_the_one_who_wants_the_download() {
    let site = Site::new();
    site.server.reply("/bad", Reply::ok("other bytes"));
    let wanted = [
        site.request("/gone"),
        site.request("/bad").expecting(wrong_md5()),
    ];
    let plain = site.downloader();
    let prefetcher = Prefetcher::start(&plain, wanted.clone(), 1);
    wait_for(&site.server, &["/gone", "/bad"]);
    let downloader = plain.with_prefetcher(Some(Arc::new(prefetcher)));
    let texts = wanted.map(|request| downloader.download(&request).unwrap_err().to_string());
    assert!(
        texts[0].ends_with("HTTP Error 404: File not found"),
        "{texts:?}"
    );
    assert!(texts[1].starts_with("MD5 checksum mismatch"), "{texts:?}");
}

#[test]
fn they_start_at_once_but_for_the_limit() {
    let site = Site::cached();
    let targets = ["/1", "/2", "/3", "/4", "/5", "/6", "/7"];
    for (index, target) in targets.into_iter().enumerate() {
        let reply = Reply::ok(target);
        // The first three are answered when all three were asked for.
        let together = reply.clone().fault(Fault::Together(3));
        site.server
            .reply(target, if index < 3 { together } else { reply });
    }
    let plain = site.downloader();
    let requests = targets.map(|target| site.request(target));
    let prefetcher = Arc::new(Prefetcher::start(&plain, requests, 3));
    wait_for(&site.server, &targets);
    let downloader = plain.with_prefetcher(Some(prefetcher));
    for target in targets {
        downloader.download(&site.request(target)).unwrap();
        assert_eq!(count(&site, target), 1);
    }
    assert_eq!(site.server.peak(), 3);
}

#[test]
fn one_that_is_on_its_way_is_waited_for() {
    let site = Site::new();
    let slow = Fault::StallAfter(1, Duration::from_millis(200));
    site.server.script(
        "/a",
        [
            Reply::ok("aaa").ranges("\"1\"").fault(slow),
            Reply::ok("aaa").ranges("\"1\""),
        ],
    );
    let plain = site.downloader();
    let prefetcher = Arc::new(Prefetcher::start(&plain, [site.request("/a")], 1));
    wait_for(&site.server, &["/a"]);
    let downloader = plain.with_prefetcher(Some(prefetcher));
    let downloaded = downloader.download(&site.request("/a")).unwrap();
    assert_eq!(fs::read(downloaded.path()).unwrap(), b"aaa");
    // One request, and one that continued what broke off.
    let ranges: Vec<_> = site.server.requests();
    let ranges: Vec<_> = ranges
        .iter()
        .map(|request| request.header("Range"))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=1-")]);
    let lines = site.lines();
    assert!(lines[1].contains(" again in "), "{lines:?}");
}
