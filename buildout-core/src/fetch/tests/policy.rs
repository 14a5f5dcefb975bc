//! Downloads that are refused for what they are: unpinned, or not locked.

use super::*;

#[test]
fn the_policy_for_unpinned_downloads() {
    let mut site = Site::new();
    site.server.reply("/a", Reply::ok("hello"));
    site.options.require_hashes = HashPolicy::On;
    let url = site.server.url("/a");
    let text = site.fetch("/a").unwrap_err();
    assert_eq!(
        text,
        format!("Refusing to download '{url}' without a checksum.")
    );
    assert_eq!(site.server.requests(), [], "it was not even tried");
    let pinned = site.request("/a").expecting(md5_of(b"hello"));
    site.get(&pinned).unwrap();
    // A file of this machine can be looked at.
    fs::write(site.path("local"), "x").unwrap();
    site.get(&DownloadRequest::new("local")).unwrap();

    site.options.require_hashes = HashPolicy::Warn;
    site.lines();
    site.get(&pinned).unwrap();
    assert_eq!(site.lines().len(), 1);
    site.get(&site.request("/a")).unwrap();
    let sha256 = Digests::of(b"hello").hex(Algorithm::Sha256);
    assert_eq!(
        site.lines()[1],
        format!("Warning {url} has no checksum; pin it with `sha256 = {sha256}`")
    );
}

#[test]
fn only_what_is_locked_comes_in() {
    let mut site = Site::cached();
    site.server.reply("/a", Reply::ok("hello"));
    site.server.reply("/b", Reply::ok("hello"));
    site.server.reply("/copy", Reply::ok("hello"));
    let url = site.server.url("/a");
    // Put into the cache before there was a lock.
    site.get(&site.request("/a")).unwrap();
    let locked = LockedDigests::from([(url.clone(), Digests::of(b"hello").sha256)]);
    site.options.locked = Some(Arc::new(locked));
    site.get(&site.request("/a")).unwrap();
    let text = site.fetch("/b").unwrap_err();
    assert_eq!(
        text,
        format!("'{}' is not in the lock file.", site.server.url("/b"))
    );

    let mismatch = |site: &Site| {
        let text = site.fetch("/a").unwrap_err();
        let start = format!("'{url}' is not what the lock file records: SHA256 checksum is ");
        assert!(text.starts_with(&start), "{text}");
    };
    let key = cache_key(&url, false).unwrap();
    fs::write(site.path("cache").join(&key), "edited").unwrap();
    mismatch(&site);
    fs::remove_file(site.path("cache").join(&key)).unwrap();
    site.server.reply("/a", Reply::ok("moved"));
    mismatch(&site);
    assert_eq!(site.files("cache"), [""; 0]);
    // Another source may still have the locked bytes.
    let mut request = site.request("/a");
    request.alternate_urls.push(site.server.url("/copy").into());
    let downloaded = site.get(&request).unwrap();
    assert_eq!(fs::read(downloaded.path()).unwrap(), b"hello");
}
