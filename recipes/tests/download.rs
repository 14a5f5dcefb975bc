//! Conformance of slapos.recipe.build:download and :download-unpacked.

mod support;

use std::os::unix::fs::{MetadataExt as _, symlink};

use buildout_core::fetch::test_server::{Reply, TestServer};
use support::{Run, TestSite};

fn install(site: &TestSite, recipe: &str, options: &str) -> Run {
    site.profile(&format!(
        "[buildout]\nparts = a\n[a]\nrecipe = slapos.recipe.build:{recipe}\n{options}"
    ));
    site.install()
}

#[test]
fn a_file_gets_the_name_of_the_part() {
    let site = TestSite::new();
    site.write_with_mode("source.txt", "content", 0o640);
    let run = install(&site, "download", "url = source.txt\n").succeeded();
    assert_eq!(
        run.usual_log(),
        [
            "INFO Creating directory '[ROOT]/buildout/eggs'.",
            "INFO Creating directory '[ROOT]/buildout/bin'.",
            "INFO Creating directory '[ROOT]/buildout/parts'.",
            "INFO Creating directory '[ROOT]/buildout/develop-eggs'.",
            "INFO Installing a."
        ]
    );
    assert_eq!(site.tree("parts"), "a/ 755\na/a 640");
    assert_eq!(site.read("parts/a/a"), "content");
    for (option, value) in [
        ("__buildout_installed__", "[ROOT]/buildout/parts/a"),
        ("location", "[ROOT]/buildout/parts/a"),
        ("target", "[ROOT]/buildout/parts/a/a"),
    ] {
        assert_eq!(site.recorded("a", option).as_deref(), Some(value));
    }
    // Unlike upstream's hard link, a later change of the source is not seen.
    let inode = |path: &str| site.path(path).metadata().expect("it exists").ino();
    assert_ne!(inode("source.txt"), inode("parts/a/a"));

    // Without a checksum, every update downloads again.
    site.write("source.txt", "new");
    let run = site.install().succeeded();
    assert_eq!(run.usual_log(), ["INFO Updating a."]);
    assert_eq!(site.read("parts/a/a"), "new");
}

#[test]
fn names_and_destinations_can_be_chosen() {
    let site = TestSite::new();
    site.write("source.txt", "content");
    install(
        &site,
        "download",
        "url = source.txt\nfilename = sub/name.txt\n",
    )
    .succeeded();
    assert_eq!(site.tree("parts"), "a/ 755\na/name.txt 644");

    let destination = "url = source.txt\ndestination = ${buildout:directory}/deep/er/c.txt\n";
    install(&site, "download", destination).succeeded();
    assert_eq!(site.tree("parts"), "");
    assert_eq!(site.tree("deep"), "er/ 755\ner/c.txt 644");
    let destination = Some("[ROOT]/buildout/deep/er/c.txt");
    assert_eq!(
        site.recorded("a", "__buildout_installed__").as_deref(),
        destination
    );
    assert_eq!(site.recorded("a", "target").as_deref(), destination);
    assert_eq!(site.recorded("a", "location"), None);
}

#[test]
fn pinned_files_are_not_downloaded_again() {
    let server = TestServer::start();
    server.reply("/file", Reply::ok("content"));
    let site = TestSite::new();
    site.write("reference", "content");
    let md5 = site.md5("reference");
    let url = server.url("/file");
    let options = format!("url = {url}\nmd5sum = {md5}\nfilename = f\n");
    let run = install(&site, "download", &options).succeeded();
    assert!(
        run.usual_log().contains(&format!("INFO Downloading {url}")),
        "{:?}",
        run.usual_log()
    );
    assert_eq!(site.mode("parts/a/f"), 0o644);
    site.install().succeeded();
    assert_eq!(server.requests().len(), 1);

    let options = options.replace(&md5, "00000000000000000000000000000000");
    let error = install(&site, "download", &options).error();
    assert_eq!(
        error,
        format!(
            "Error: MD5 checksum mismatch downloading '{url}'\nhint: its MD5 checksum is {md5}: write that one if you trust what was found"
        )
    );
    assert!(!site.exists("parts/a"));

    let options = format!("url = {url}#sha256={}\n", "0".repeat(64));
    let error = install(&site, "download", &options).error();
    assert!(
        error.starts_with("Error: SHA256 checksum mismatch downloading"),
        "{error}"
    );

    let options = format!("url = {url}\nmd5sum = {md5}\noffline = true\n");
    let error = install(&site, "download", &options).error();
    assert!(
        error.starts_with(&format!(
            "Error: Couldn't download '{url}' in offline mode."
        )),
        "{error}"
    );
    let options = format!("url = {url}x\nalternate-url = {url}\n");
    install(&site, "download", &options).succeeded();
}

#[test]
fn the_settings_of_the_buildout_hold() {
    let server = TestServer::start();
    server.reply("/file", Reply::ok("content"));
    let url = server.url("/file");
    let profile = |buildout: &str| {
        format!(
            "[buildout]\nparts = a\n{buildout}\n[a]\nrecipe = slapos.recipe.build:download\nurl = {url}\n"
        )
    };
    let site = TestSite::with_profile(&profile("offline = true"));
    let error = site.install().error();
    assert!(error.contains("in offline mode"), "{error}");
    site.profile(&profile("download-cache = ${buildout:directory}/cache"));
    site.install().succeeded();
    site.profile(&profile(
        "download-cache = ${buildout:directory}/cache\noffline = true",
    ));
    site.install().succeeded();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(site.read("parts/a/a"), "content");
}

#[test]
fn wrong_options_are_refused() {
    let directory = "[buildout]\nparts = a\n";
    let cases = [
        (
            "download",
            "url = x\nmode = 755\n",
            "Error: option 'mode' not supported\nhint: ",
        ),
        (
            "download",
            "url = x\nshared = true\n",
            "Error: When shared=true, option 'md5sum' must be set\nhint: ",
        ),
        (
            "download",
            "url = x\nshared = true\nmd5sum = 00000000000000000000000000000000\ndestination = x\n",
            "Error: When shared=true, option 'destination' can't be set\nhint: ",
        ),
        ("download", "", "Error: Missing option: a:url"),
        (
            "download",
            "url = x\nfilename = sub/\n",
            "Error: 'sub/' is not the name of a file\nhint: ",
        ),
        (
            "download",
            "url = x\nmd5sum = 00000000000000000000000000000000\nsha256 = 00\n",
            "Error: `00` is not a SHA256 checksum of 64 hexadecimal digits\nhint: ",
        ),
        (
            "download",
            "url = x#00000000000000000000000000000000\nmd5sum = 00000000000000000000000000000001\n",
            "Error: `url` and `md5sum` demand different MD5 checksums.\nhint: ",
        ),
        (
            "download-unpacked",
            "url = buildout.cfg\n",
            "Error: Not a recognized archive type: [ROOT]/buildout/buildout.cfg\nhint: ",
        ),
        (
            "download-unpacked",
            "url = x\nstrip-top-level-dir = yes\n",
            "ValueError: tuple.index(x): x not in tuple\nhint: ",
        ),
        (
            "download-unpacked",
            "url = x\ndestination = ${buildout:directory}/..\n",
            "Error: refusing to remove `[ROOT]/buildout/..`: it contains the buildout directory\nhint: ",
        ),
    ];
    for (recipe, options, expected) in cases {
        let site = TestSite::with_profile(directory);
        let error = install(&site, recipe, options).error();
        assert!(error.starts_with(expected), "{options}\n{error}");
        assert!(site.exists("buildout.cfg"), "{options}");
        assert!(!site.exists("parts/a"), "{options}");
    }
}

#[test]
fn a_link_in_the_way_is_replaced_and_not_followed() {
    let site = TestSite::new();
    site.archive("one.tar.gz", &[("top/read", "", 0o644)]);
    site.write("precious/keep", "");
    symlink("precious", site.path("elsewhere")).expect("it can be made");
    let options = "url = one.tar.gz\ndestination = elsewhere\n";
    install(&site, "download-unpacked", options).succeeded();
    assert_eq!(site.tree("elsewhere"), "read 644");
    assert_eq!(site.tree("precious"), "keep 644");
}

#[test]
fn archives_are_unpacked_and_stripped() {
    let site = TestSite::new();
    site.archive(
        "one.tar.gz",
        &[
            ("top/bin/tool", "#!/bin/sh\n", 0o755),
            ("top/read", "", 0o644),
        ],
    );
    site.archive(
        "two.tar.gz",
        &[("top/read", "", 0o644), ("other", "", 0o600)],
    );
    let stripped = "bin/ 755\nbin/tool 755\nread 644";
    let kept = "top/ 755\ntop/bin/ 755\ntop/bin/tool 755\ntop/read 644";
    let two = "other 600\ntop/ 755\ntop/read 644";
    for (archive, strip, expected) in [
        ("one", "", stripped),
        ("one", "strip-top-level-dir = true", stripped),
        ("one", "strip-top-level-dir = false", kept),
        ("two", "", two),
    ] {
        let options = format!("url = {archive}.tar.gz\n{strip}\n");
        install(&site, "download-unpacked", &options).succeeded();
        assert_eq!(site.tree("parts/a"), expected, "{options}");
        for option in ["location", "target", "__buildout_installed__"] {
            assert_eq!(
                site.recorded("a", option).as_deref(),
                Some("[ROOT]/buildout/parts/a")
            );
        }
    }
    let options = "url = two.tar.gz\nstrip-top-level-dir = true\n";
    let error = install(&site, "download-unpacked", options).error();
    assert!(
        error.starts_with("Error: cannot strip the top-level directory of"),
        "{error}"
    );
    assert!(!site.exists("parts/a"));

    let options = "url = two.tar.gz\ndestination = elsewhere\nenvironment = A=1\n";
    let run = install(&site, "download-unpacked", options).succeeded();
    assert_eq!(site.tree("elsewhere"), two);
    assert_eq!(site.recorded("a", "location").as_deref(), Some("elsewhere"));
    assert_eq!(run.log_of("a"), Vec::<String>::new());
    // What is there stays, whatever becomes of the archive.
    site.write("two.tar.gz", "");
    assert_eq!(site.install().succeeded().usual_log(), ["INFO Updating a."]);
    assert_eq!(site.tree("elsewhere"), two);
}
