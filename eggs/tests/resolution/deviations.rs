//! Where resolution is meant to differ from zc.buildout, and what only ours
//! does: metadata before wheels, remembered pages, work ahead.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use buildout_core::fetch::test_server::{Fault, Reply};
use buildout_eggs::settings::WheelPolicy;
use serde_json::json;

use crate::fixtures::{
    Fixture, json_file, namespace_wheel, serve, serve_json, source, tagged_wheel, wheel, write,
};
use crate::ours::World;
use crate::scenario::{Outcome, Step};
use crate::{Site, placed};

/// Python is asked once.
static WORLD: OnceLock<World> = OnceLock::new();

impl Site {
    /// Runs a step, in the directories of the test.
    fn run(&self, step: Step) -> Outcome {
        let step = placed(step, self.root.path(), "ours");
        WORLD
            .get_or_init(World::of_this_machine)
            .run(&step, self.root.path(), true)
    }

    /// Returns the targets that were asked for, with the ranges, sorted.
    fn targets(&self) -> Vec<String> {
        let mut targets: Vec<String> = self
            .server
            .requests()
            .iter()
            .map(|request| match request.header("Range") {
                Some(range) => format!("{} {range}", request.target),
                None => request.target.clone(),
            })
            .collect();
        targets.sort();
        targets
    }

    /// Serves a wheel below `/files/` and its metadata beside it.
    fn serve_with_metadata(&self, fixture: &Fixture) {
        let target = format!("/files/{}", fixture.file_name);
        self.server.reply(&target, Reply::ok(fixture.bytes.clone()));
        let metadata = Reply::ok(fixture.metadata());
        self.server.reply(&format!("{target}.metadata"), metadata);
    }

    fn file_url(&self, fixture: &Fixture) -> String {
        self.server.url(&format!("/files/{}", fixture.file_name))
    }

    /// Serves wheels and pages in JSON that announce their metadata.
    fn serve_announced(&self, fixtures: &[Fixture]) {
        for fixture in fixtures {
            self.serve_with_metadata(fixture);
            let project = fixture.file_name.split('-').next().expect("it has a name");
            let digest = buildout_core::fetch::Digests::of(fixture.metadata().as_bytes());
            let digest = digest.hex(buildout_core::fetch::Algorithm::Sha256);
            let extra = json!({"core-metadata": {"sha256": digest}});
            let file = json_file(&self.file_url(fixture), fixture, extra);
            serve_json(&self.server, project, vec![file]);
        }
    }
}

fn succeeded(outcome: &Outcome) -> Vec<&str> {
    assert_eq!(outcome.error, None, "{:?}", outcome.log);
    outcome.members.iter().map(String::as_str).collect()
}

#[test]
fn a_withdrawn_file_is_taken_only_where_it_is_pinned() {
    let site = Site::new();
    let yanked = wheel("demo", "0.3", &[]).attribute("data-yanked=\"it is broken\"");
    serve(&site.server, &[wheel("demo", "0.2", &[]), yanked]);
    let outcome = site.run(site.step(&["demo"]));
    assert_eq!(succeeded(&outcome), ["demo 0.2"]);
    let outcome = site.run(site.step(&["demo>0.2"]));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'demo>0.2'.")
    );
    let hint = outcome.hint.expect("it tells why");
    assert!(
        hint.contains("it was withdrawn and is not pinned"),
        "{hint}"
    );
    let outcome = site.run(site.step(&["demo"]).pin("demo", "0.3"));
    assert_eq!(succeeded(&outcome), ["demo 0.3"]);
    assert_eq!(
        outcome.log[0],
        "demo-0.3-py3-none-any.whl was withdrawn: it is broken"
    );
}

#[test]
fn the_wheel_with_the_best_tag_is_taken() {
    let site = Site::new();
    let own = WORLD.get_or_init(World::of_this_machine).own_tag();
    // zc.buildout takes the one whose location is the greatest text.
    serve(
        &site.server,
        &[
            tagged_wheel("demo", "1.0", &own, &["Requires-Dist: own"]),
            tagged_wheel("demo", "1.0", "py3-none-any", &["Requires-Dist: any"]),
            wheel("own", "1", &[]),
            wheel("any", "1", &[]),
        ],
    );
    let outcome = site.run(site.step(&["demo"]));
    assert_eq!(succeeded(&outcome), ["demo 1.0", "own 1"]);
}

#[test]
fn every_form_of_pin_is_understood_each_time() {
    let site = Site::standard();
    for (pin, expected) in [
        ("0.2.*", "demo 0.2"),
        ("~=0.1", "demo 0.3"),
        ("!=0.3", "demo 0.2"),
    ] {
        for _ in 0..2 {
            let outcome = site.run(site.step(&["demo"]).pin("demo", pin));
            assert_eq!(succeeded(&outcome)[0], expected, "{pin}");
        }
    }
    let outcome = site.run(site.step(&["demo"]).pin("demo", "=0.3"));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Invalid specifier: '=0.3' (`[versions]` pins `demo`)")
    );
}

#[test]
fn slapos_takes_wheels_only_where_a_pin_says_so() {
    let site = Site::standard();
    let pinned = |step: Step| step.with(|step| step.wheels = WheelPolicy::Pinned);
    let outcome = site.run(pinned(site.step(&["demo"])));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'demo'.")
    );
    assert_eq!(
        outcome.hint.as_deref(),
        Some(
            "A file is there but not used: demo-0.1-py3-none-any.whl: `wheels = pinned`, and no \
             pin ends in `:whl`."
        )
    );
    let outcome = site.run(pinned(
        site.step(&["both", "sdnewer", "cc"]).pin("cc", "1.0:whl"),
    ));
    assert_eq!(succeeded(&outcome), ["both 1.0", "sdnewer 1.1", "cc 1.0"]);
    let outcome = site.run(pinned(site.step(&["sd"]).pin("sd", "1.0:whl")));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'sd==1.0'.")
    );
}

#[test]
fn a_patched_version_is_built_from_the_version() {
    let site = Site::new();
    // The test's supply does not patch, so that the version comes out wrong.
    serve(
        &site.server,
        &[wheel("demo", "1.2", &[]), source("demo", "1.2", &[])],
    );
    let outcome = site.run(site.step(&["demo"]).pin("demo", "1.2+SlapOSPatched001"));
    assert_eq!(
        outcome.error.as_deref(),
        Some(
            "Installing demo-1.2.zip caused installation of demo 1.2, which does not satisfy \
             'demo==1.2+SlapOSPatched001'"
        )
    );
    let eggs = site.root.path().join("ours/eggs");
    let name = fs::read_dir(&eggs).expect("it is there").count();
    assert_eq!(name, 1, "only the source was taken");
    serve(&site.server, &[source("demo", "1.2+slapospatched001", &[])]);
    let links = write(
        &site.root.path().join("links"),
        &[source("other", "1.2+slapospatched001", &[])],
    );
    fs::rename(
        links.join("other-1.2+slapospatched001.zip"),
        links.join("other-1.2.zip"),
    )
    .expect("it is there");
    let step = site
        .step(&["other>=1.2"])
        .pin("other", "1.2+SlapOSPatched001");
    let step = step.with(|step| step.find_links = vec![links.display().to_string()]);
    let outcome = site.run(step);
    assert_eq!(succeeded(&outcome), ["other 1.2+slapospatched001"]);
}

#[test]
fn a_wheel_of_a_directory_tells_by_itself_for_which_python_it_is() {
    let site = Site::new();
    let links = write(
        &site.root.path().join("links"),
        &[
            wheel("demo", "1.0", &["Requires-Python: >=3"]),
            wheel("demo", "2.0", &["Requires-Python: >=4"]),
        ],
    );
    let links = vec![links.display().to_string()];
    let outcome = site.run(site.step(&["demo"]).with(|step| step.find_links = links));
    assert_eq!(succeeded(&outcome), ["demo 1.0"]);
}

#[test]
fn a_wrong_digest_is_found_before_anything_is_installed() {
    let site = Site::new();
    let fixture = wheel("cc", "2.0", &[]);
    let url = site.file_url(&fixture);
    site.serve_with_metadata(&fixture);
    let extra = json!({"hashes": {"sha256": "0".repeat(64)}});
    serve_json(&site.server, "cc", vec![json_file(&url, &fixture, extra)]);
    let outcome = site.run(site.step(&["cc"]));
    assert_eq!(
        outcome.error.as_deref(),
        Some("sha256 validation failed for cc-2.0-py3-none-any.whl; possible download problem?")
    );
    let extra = json!({"hashes": {"blake2b": "00"}});
    serve_json(&site.server, "cc", vec![json_file(&url, &fixture, extra)]);
    let outcome = site.run(site.step(&["cc"]));
    let error = outcome.error.expect("it cannot be verified");
    assert!(
        error.ends_with("cannot be verified: checksum algorithm `blake2b` is not supported (use md5, sha256 or sha512)"),
        "{error}"
    );
    let extra = json!({"core-metadata": {"sha256": "0".repeat(64)}});
    serve_json(&site.server, "cc", vec![json_file(&url, &fixture, extra)]);
    let error = site.run(site.step(&["cc"])).error.expect("they are others");
    assert!(
        error.contains("are not those that the index announces"),
        "{error}"
    );
    let eggs = site.root.path().join("ours/eggs");
    assert_eq!(fs::read_dir(eggs).expect("it is there").count(), 0);
}

#[test]
fn a_conflict_is_found_without_any_wheel() {
    let site = Site::new();
    site.serve_announced(&[
        wheel("ca", "1.0", &["Requires-Dist: cc<2"]),
        wheel("cb", "1.0", &["Requires-Dist: cc>=2"]),
        wheel("cc", "2.0", &[]),
    ]);
    let outcome = site.run(site.step(&["ca", "cb"]));
    let error = outcome.error.expect("they contradict each other");
    assert!(error.starts_with("There is a version conflict."), "{error}");
    assert_eq!(
        site.targets(),
        [
            "/files/ca-1.0-py3-none-any.whl.metadata",
            "/files/cb-1.0-py3-none-any.whl.metadata",
            "/files/cc-2.0-py3-none-any.whl.metadata",
            "/simple/ca/",
            "/simple/cb/",
            "/simple/cc/",
        ]
    );
    let eggs = site.root.path().join("ours/eggs");
    assert_eq!(fs::read_dir(eggs).expect("it is there").count(), 0);
}

#[test]
fn metadata_are_read_from_the_end_of_a_wheel() {
    let site = Site::new();
    let lines: Vec<String> = (0..20_000)
        .map(|line| format!("X-{line}: {line}"))
        .collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.push("Requires-Dist: nosuch");
    let long = wheel("long", "1.0", &lines);
    let short = wheel("short", "1.0", &["Requires-Dist: long"]);
    assert!(
        long.bytes.len() > 64 * 1024,
        "more than one piece is needed"
    );
    serve(&site.server, &[short, long]);
    let outcome = site.run(site.step(&["short"]));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'nosuch'.")
    );
    let targets = site.targets();
    let whole: Vec<_> = targets
        .iter()
        .filter(|target| target.ends_with(".whl"))
        .collect();
    assert_eq!(whole, [] as [&String; 0], "{targets:?}");
    let probes = targets
        .iter()
        .filter(|target| target.ends_with(".metadata"));
    assert_eq!(probes.count(), 1, "a server is asked once: {targets:?}");
    let pieces = targets.iter().filter(|target| target.contains("bytes="));
    assert!(pieces.count() >= 3, "{targets:?}");
}

#[test]
fn a_server_without_pieces_gives_the_whole_wheel() {
    let site = Site::new();
    let fixture = wheel("demo", "1.0", &["Requires-Dist: nosuch"]);
    let target = format!("/files/{}", fixture.file_name);
    site.server.reply(&target, Reply::ok(fixture.bytes.clone()));
    let extra = json!({"core-metadata": false});
    let file = json_file(&site.file_url(&fixture), &fixture, extra);
    serve_json(&site.server, "demo", vec![file]);
    let outcome = site.run(site.step(&["demo"]));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'nosuch'.")
    );
    assert!(site.targets().contains(&target));
}

#[test]
fn what_is_pinned_and_there_needs_no_request() {
    let site = Site::standard();
    let step = || {
        site.step(&["demo"])
            .pin("demo", "0.3")
            .pin("demoneeded", "1.1")
    };
    succeeded(&site.run(step()));
    let before = site.targets().len();
    succeeded(&site.run(step()));
    assert_eq!(site.targets().len(), before);
}

#[test]
fn offline_sends_nothing_and_sees_all_that_is_there() {
    let site = Site::standard();
    succeeded(&site.run(site.step(&["demo"])));
    let before = site.targets().len();
    let outcome = site.run(site.step(&["demo"]).with(|step| step.offline = true));
    assert_eq!(succeeded(&outcome), ["demo 0.3", "demoneeded 1.1"]);
    let outcome = site.run(site.step(&["cc"]).with(|step| step.offline = true));
    assert_eq!(
        outcome.error.as_deref(),
        Some(
            "We don't have a distribution for cc\n\
             and can't install one in offline (no-install) mode.\n"
        )
    );
    assert_eq!(site.targets().len(), before);
}

#[test]
fn pages_are_remembered() {
    let site = Site::new();
    site.serve_announced(&[wheel("demo", "1.0", &[])]);
    let cached = |step: Step| {
        let cache = site.path("pages");
        step.with(|step| step.page_cache = Some(cache))
    };
    let forget_eggs = || {
        fs::remove_dir_all(site.root.path().join("ours")).expect("it is there");
    };
    succeeded(&site.run(cached(site.step(&["demo"]))));
    forget_eggs();
    // A page is asked for again, and not sent again.
    site.server
        .reply("/simple/demo/", Reply::status(304, "Not Modified"));
    succeeded(&site.run(cached(site.step(&["demo"]))));
    let requests = site.server.requests();
    let tags: Vec<_> = requests
        .iter()
        .filter(|request| request.target == "/simple/demo/")
        .map(|request| request.header("If-None-Match"))
        .collect();
    assert_eq!(tags, [None, Some("\"demo\"")]);
    forget_eggs();
    // That of a pinned version need not be asked for.
    succeeded(&site.run(cached(site.step(&["demo"]).pin("demo", "1.0"))));
    let pages = site.targets();
    let pages = pages.iter().filter(|target| *target == "/simple/demo/");
    assert_eq!(pages.count(), 2);
    // Another version may have come since.
    serve_json(&site.server, "demo", Vec::new());
    let outcome = site.run(cached(site.step(&["demo"]).pin("demo", "2.0")));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'demo==2.0'.")
    );
}

#[test]
fn pages_are_fetched_side_by_side() {
    let site = Site::new();
    let names = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"];
    for name in names {
        let fixture = wheel(name, "1.0", &[]);
        site.serve_with_metadata(&fixture);
        let page = format!("<a href='{}'>x</a>", site.file_url(&fixture));
        // No page comes before all have been asked for.
        let reply = Reply::ok(page)
            .header("Content-Type", "text/html")
            .fault(Fault::Together(names.len()));
        site.server.reply(&format!("/simple/{name}/"), reply);
    }
    let start = Instant::now();
    let outcome = site.run(site.step(&names));
    assert_eq!(succeeded(&outcome).len(), names.len());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "nobody waited in vain"
    );
}

#[test]
fn what_is_too_large_is_not_read() {
    let site = Site::new();
    let page = Reply::ok("<a>")
        .header("Content-Type", "text/html")
        .fault(Fault::AnnounceLength(1 << 40));
    site.server.reply("/simple/demo/", page);
    let outcome = site.run(site.step(&["demo"]));
    assert_eq!(
        outcome.error.as_deref(),
        Some("Couldn't find a distribution for 'demo'.")
    );
    let hint = outcome.hint.expect("it tells why");
    assert!(
        hint.contains("the resource is larger than 33554432 bytes"),
        "{hint}"
    );
    // A small archive of large metadata.
    let filler = " ".repeat(9 * 1024 * 1024);
    let bomb = wheel("bomb", "1.0", &[&filler]);
    serve(&site.server, &[bomb]);
    let error = site.run(site.step(&["bomb"])).error.expect("it is refused");
    assert!(
        error.contains("its metadata are larger than 8388608 bytes"),
        "{error}"
    );
}

#[test]
fn a_page_that_cannot_be_read_is_named() {
    let site = Site::new();
    let broken = Reply::status(500, "Broken");
    site.server.reply("/simple/demo/", broken);
    let outcome = site.run(site.step(&["demo"]));
    let hint = outcome.hint.expect("it tells why");
    let url = site.server.url("/simple/demo/");
    assert_eq!(
        hint,
        format!("Not all could be asked: {url}: HTTP Error 500: Broken.")
    );
    // What is there still serves.
    let links = write(&site.root.path().join("links"), &[wheel("demo", "1", &[])]);
    let links = vec![links.display().to_string()];
    let outcome = site.run(site.step(&["demo"]).with(|step| step.find_links = links));
    assert_eq!(succeeded(&outcome), ["demo 1"]);
}

#[test]
fn an_unknown_extra_costs_nothing_else_where_it_is_allowed() {
    let site = Site::standard();
    let step = site.step(&["extbad"]);
    let outcome = site.run(step.with(|step| step.allow_unknown_extras = true));
    assert_eq!(succeeded(&outcome), ["extbad 1.0", "extdemo 1.0", "cc 2.0"]);
}

#[test]
fn links_that_cannot_be_read_are_told_and_do_no_harm() {
    let site = Site::standard();
    let links = vec![site.server.url("/nowhere/"), site.path("missing")];
    let outcome = site.run(site.step(&["bigdemo"]).with(|step| step.find_links = links));
    assert_eq!(succeeded(&outcome).len(), 3);
    let url = site.server.url("/nowhere/");
    let told = |text: &str| {
        outcome
            .root_log
            .iter()
            .filter(|record| *record == text)
            .count()
    };
    assert_eq!(told(&format!("HTTP error: Not Found: {url}")), 1);
    assert_eq!(told(&format!("Not found: {}", site.path("missing"))), 1);
}

#[test]
fn dependency_links_of_a_checkout_are_followed() {
    let site = Site::new();
    let links = write(
        &site.root.path().join("links"),
        &[wheel("linked", "1", &[])],
    );
    let checkout = site.root.path().join("checkout");
    let info = checkout.join("mine.egg-info");
    fs::create_dir_all(&info).expect("the test's directory can be written to");
    for (name, text) in [
        (
            "PKG-INFO",
            "Metadata-Version: 2.1\nName: mine\nVersion: 1\n".to_owned(),
        ),
        ("requires.txt", "linked\n".to_owned()),
        ("dependency_links.txt", format!("{}\n", links.display())),
    ] {
        fs::write(info.join(name), text).expect("the directory is ours");
    }
    let step = placed(site.step(&["mine"]), site.root.path(), "ours");
    let link = format!("{}\n.", checkout.display());
    fs::write(format!("{}/mine.egg-link", step.develop), link).expect("the directory is ours");
    assert_eq!(succeeded(&site.run(step)), ["mine 1", "linked 1"]);
}

#[test]
fn the_url_of_a_requirement_is_not_used_silently() {
    let site = Site::standard();
    let outcome = site.run(site.step(&["cc @ http://elsewhere/cc-9.zip"]));
    assert_eq!(succeeded(&outcome), ["cc 2.0"]);
    assert_eq!(
        outcome.log[0],
        "The URL of cc @ http://elsewhere/cc-9.zip is not used: the index decides"
    );
}

#[test]
fn a_package_shared_in_the_old_way_brings_setuptools() {
    let site = Site::new();
    let declaration = "__import__('pkg_resources').declare_namespace(__name__)\n";
    serve(
        &site.server,
        &[
            namespace_wheel("old.one", declaration),
            namespace_wheel(
                "new.one",
                "__path__ = __import__('pkgutil').extend_path(__path__, __name__)",
            ),
            wheel("setuptools", "70.0", &[]),
            wheel("setuptools", "82.0", &[]),
        ],
    );
    let outcome = site.run(site.step(&["new.one"]));
    assert_eq!(succeeded(&outcome), ["new.one 1.0"]);
    let outcome = site.run(site.step(&["old.one"]));
    assert_eq!(succeeded(&outcome), ["old.one 1.0", "setuptools 70.0"]);
    assert_eq!(
        outcome.log,
        [
            "Getting distribution for 'old.one'.",
            "Got old.one 1.0.",
            "Getting distribution for 'setuptools<82'.",
            "Got setuptools 70.0.",
        ]
    );
    let step = || site.step(&["old.one"]).pin("setuptools", "82.0");
    let outcome = site.run(step());
    assert_eq!(succeeded(&outcome), ["old.one 1.0", "setuptools 82.0"]);
}

#[test]
fn deciding_installs_nothing() {
    let site = Site::standard();
    let step = placed(site.step(&["bigdemo", "sdnewer"]), site.root.path(), "ours");
    let files = WORLD
        .get_or_init(World::of_this_machine)
        .decide(&step, site.root.path());
    assert_eq!(
        files,
        [
            "bigdemo-0.1-py3-none-any.whl",
            "sdnewer-1.1.zip",
            "demo-0.3-py3-none-any.whl",
            "demoneeded-1.1-py3-none-any.whl",
        ]
    );
    assert_eq!(
        fs::read_dir(&step.directory).expect("it is there").count(),
        0
    );
}

#[test]
fn bad_requirements_are_told_with_their_owner() {
    let site = Site::new();
    serve(
        &site.server,
        &[
            wheel("bad", "1.0", &["Requires-Dist: other >= what"]),
            wheel(
                "half",
                "1.0",
                &[
                    "Provides-Extra: x",
                    "Requires-Dist: other >= what; extra == 'x'",
                ],
            ),
        ],
    );
    let error = site.run(site.step(&["bad"])).error.expect("it is bad");
    assert!(
        error.starts_with("bad 1.0 requires 'other >= what', which cannot be understood: "),
        "{error}"
    );
    let outcome = site.run(site.step(&["half"]));
    assert_eq!(succeeded(&outcome), ["half 1.0"]);
    let error = site.run(site.step(&["half[x]"])).error.expect("it is bad");
    assert!(error.starts_with("half 1.0 requires"), "{error}");
    let error = site
        .run(site.step(&["no requirement"]))
        .error
        .expect("it is none");
    assert!(error.ends_with("\n    no requirement\n       ^"), "{error}");
}
