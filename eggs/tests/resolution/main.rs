//! Resolution, compared with that of the real zc.buildout 6.0.1 and 3.0.1 over
//! an index that the test makes.

mod fixtures;
mod ours;
#[path = "../../../buildout-cli/tests/differential/peer.rs"]
#[allow(dead_code, reason = "shared with tests that run its command")]
mod peer;
mod scenario;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use buildout_core::fetch::test_server::{Reply, TestServer};

use fixtures::{Fixture, serve, serve_page, source, tagged_wheel, wheel, write};
use ours::World;
use peer::{Peer, PeerVersion};
use scenario::{Outcome, Step};

/// How a scenario's outcome may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    /// Not at all.
    Full,
    /// The other program fails or picks what the specification calls a defect;
    /// ours is checked in a test of its own.
    Deviates,
}

struct Scenario {
    name: &'static str,
    /// Index in 0 and 1: 6.0.1 and 3.0.1.
    agreement: [Agreement; 2],
    steps: Vec<Step>,
}

/// A directory and a server for one comparison.
struct Site {
    root: tempfile::TempDir,
    server: TestServer,
}

fn target_directory() -> PathBuf {
    // The directory of the test binary is `target/PROFILE/deps`.
    let binary = std::env::current_exe().expect("a test knows itself");
    binary
        .ancestors()
        .nth(3)
        .expect("it is below `target`")
        .to_owned()
}

fn peer(version: PeerVersion) -> Peer {
    match Peer::provide(version, &target_directory().join("peers")) {
        Ok(peer) => peer,
        Err(problem) => panic!("{problem}"),
    }
}

impl Site {
    fn new() -> Self {
        Site {
            root: tempfile::tempdir().expect("a directory can be made"),
            server: TestServer::start(),
        }
    }

    /// An index with the distributions of the specification.
    fn standard() -> Self {
        let site = Self::new();
        serve(&site.server, &standard_fixtures());
        site
    }

    fn path(&self, name: &str) -> String {
        self.root.path().join(name).display().to_string()
    }

    /// A step that asks for eggs, with everything at its default.
    fn step(&self, eggs: &[&str]) -> Step {
        Step {
            eggs: eggs.iter().map(|egg| (*egg).to_owned()).collect(),
            versions: Vec::new(),
            directory: String::new(),
            develop: String::new(),
            index: self.server.url("/simple"),
            find_links: Vec::new(),
            allow_hosts: vec!["*".to_owned()],
            newest: true,
            offline: false,
            prefer_final: true,
            allow_picked_versions: true,
            allow_unknown_extras: false,
            archives: None,
            install_from_cache: false,
            page_cache: None,
        }
    }
}

/// Places the directories of a step below those of a program.
fn placed(mut step: Step, root: &Path, scenario: &str) -> Step {
    let place = root.join(scenario);
    let own = |name: &str| place.join(name).display().to_string();
    for name in ["eggs", "develop-eggs"] {
        fs::create_dir_all(place.join(name)).expect("the test's directory can be written to");
    }
    step.directory = own("eggs");
    step.develop = own("develop-eggs");
    if step.archives.is_some() {
        fs::create_dir_all(place.join("dist")).expect("the test's directory can be written to");
        step.archives = Some(own("dist"));
    }
    step
}

impl Step {
    fn pin(mut self, name: &str, pin: &str) -> Self {
        self.versions.push((name.to_owned(), pin.to_owned()));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Step)) -> Self {
        change(&mut self);
        self
    }
}

fn standard_fixtures() -> Vec<Fixture> {
    let needs_demoneeded = ["Requires-Dist: demoneeded"];
    vec![
        wheel("demo", "0.1", &needs_demoneeded),
        wheel("demo", "0.2", &needs_demoneeded),
        wheel("demo", "0.3", &needs_demoneeded),
        wheel("demo", "0.4rc1", &needs_demoneeded),
        wheel("demoneeded", "1.0", &[]),
        wheel("demoneeded", "1.1", &[]),
        wheel("demoneeded", "1.2rc1", &[]),
        wheel("bigdemo", "0.1", &["Requires-Dist: demo"]),
        wheel("lowpre", "1.0a1", &[]),
        wheel("ca", "1.0", &["Requires-Dist: cc<2"]),
        wheel("cb", "1.0", &["Requires-Dist: cc>=2"]),
        wheel("cc", "1.0", &[]),
        wheel("cc", "2.0", &[]),
        wheel(
            "extdemo",
            "1.0",
            &[
                "Provides-Extra: x",
                "Requires-Dist: cc",
                "Requires-Dist: demoneeded; extra == 'x'",
            ],
        ),
        wheel("extuser", "1.0", &["Requires-Dist: extdemo[x]"]),
        wheel("extbad", "1.0", &["Requires-Dist: extdemo[nope]"]),
        wheel("My.Dotted-Pkg", "1.0", &[]),
        wheel(
            "marked",
            "1.0",
            &[
                "Requires-Dist: cc; python_version < '3'",
                "Requires-Dist: demoneeded; python_version >= '3'",
            ],
        ),
        source("sd", "1.0", &["Requires-Dist: cc<2"]),
        wheel("sdnewer", "1.0", &[]),
        source("sdnewer", "1.1", &[]),
        wheel("both", "1.0", &[]),
        source("both", "1.0", &[]),
        wheel("newpy", "1.0", &[]),
        wheel("newpy", "2.0", &[]).attribute("data-requires-python=\"&gt;=4\""),
        wheel(
            "chain1",
            "1",
            &["Requires-Dist: chain2", "Requires-Dist: cc"],
        ),
        wheel(
            "chain2",
            "1",
            &["Requires-Dist: chain3>=1", "Requires-Dist: demo"],
        ),
        wheel(
            "chain3",
            "1",
            &["Requires-Dist: chain1", "Requires-Dist: bigdemo"],
        ),
        source(
            "chain3",
            "2",
            &["Requires-Dist: chain1", "Requires-Dist: both"],
        ),
        tagged_wheel("foreign", "1.0", "cp27-cp27m-win32", &[]),
        tagged_wheel("foreign", "0.9", "py2.py3-none-any", &[]),
    ]
}

fn scenarios(site: &Site) -> Vec<Scenario> {
    use Agreement::{Deviates, Full};
    let mut scenarios = Vec::new();
    let mut add = |name, agreement, steps: Vec<Step>| {
        scenarios.push(Scenario {
            name,
            agreement,
            steps,
        });
    };
    let step = |eggs: &[&str]| site.step(eggs);
    let again = |step: Step| vec![step.clone(), step];
    add("dependencies", [Full, Full], again(step(&["bigdemo"])));
    add(
        "several",
        [Full, Full],
        again(step(&["extuser", "bigdemo", "cb", "marked"])),
    );
    add("circle", [Full, Full], again(step(&["chain1", "newpy"])));
    add(
        "pre-releases",
        [Full, Full],
        again(step(&["demo"]).with(|step| step.prefer_final = false)),
    );
    add("only-a-pre-release", [Full, Full], again(step(&["lowpre"])));
    add(
        "pin-against-request",
        [Full, Full],
        vec![step(&["demo ==0.2"]).pin("demo", "0.3")],
    );
    add(
        "pin-against-dependency",
        [Full, Full],
        vec![step(&["ca"]).pin("cc", "2.0")],
    );
    add("conflict", [Full, Full], vec![step(&["ca", "cb"])]);
    add(
        "conflict-other-order",
        [Full, Full],
        vec![step(&["cb", "ca"])],
    );
    add(
        "conflict-with-request",
        [Full, Full],
        vec![step(&["ca", "cc>=2"])],
    );
    add(
        "picking-forbidden",
        [Full, Full],
        vec![step(&["demo"]).with(|step| step.allow_picked_versions = false)],
    );
    add(
        "picking-forbidden-all-pinned",
        [Full, Full],
        vec![
            step(&["demo"])
                .pin("demo", "0.3")
                .pin("demoneeded", "1.1")
                .with(|step| step.allow_picked_versions = false),
        ],
    );
    add(
        "pinned-conditions",
        [Full, Full],
        again(
            step(&["demo"])
                .pin("demo", "<0.3")
                .pin("demoneeded", ">=1.0,<1.1"),
        ),
    );
    add(
        "pinned-condition-and-request",
        [Full, Full],
        vec![step(&["demo>=0.3"]).pin("demo", "<0.3")],
    );
    add(
        "pin-of-a-pre-release",
        [Full, Full],
        again(step(&["demo"]).pin("demo", "0.4rc1")),
    );
    add("unknown", [Full, Full], vec![step(&["nosuchpkg"])]);
    add(
        "unknown-version",
        [Full, Full],
        vec![step(&["cc"]).pin("cc", "3")],
    );
    add("extras", [Full, Full], again(step(&["extuser"])));
    add("unknown-extra", [Full, Full], vec![step(&["extbad"])]);
    add(
        // The others forget what is always required, too.
        "unknown-extra-allowed",
        [Deviates, Deviates],
        vec![step(&["extbad"]).with(|step| step.allow_unknown_extras = true)],
    );
    add(
        "markers",
        [Full, Full],
        again(step(&[
            "ca ; python_version < '3'",
            "cc ; python_version >= '3'",
        ])),
    );
    for (name, egg) in [
        ("spelling-1", "my-dotted.pkg"),
        ("spelling-2", "My.Dotted-Pkg"),
        ("spelling-3", "my_dotted_pkg"),
    ] {
        add(name, [Full, Deviates], again(step(&[egg])));
    }
    add(
        "sources",
        [Full, Full],
        again(step(&["sd", "sdnewer", "both"])),
    );
    add("requires-python", [Full, Full], again(step(&["newpy"])));
    add("foreign-wheel", [Full, Full], again(step(&["foreign"])));
    add(
        "hosts",
        [Full, Full],
        vec![step(&["demo"]).with(|step| step.allow_hosts = vec!["elsewhere".to_owned()])],
    );
    add(
        "not-newest",
        [Full, Full],
        vec![
            step(&["demo"]).pin("demo", "0.1"),
            step(&["demo"]).with(|step| step.newest = false),
            step(&["demo"]),
            step(&["demo"]).with(|step| step.newest = false),
        ],
    );
    add(
        "offline-missing",
        [Full, Full],
        vec![step(&["demo"]).with(|step| step.offline = true)],
    );
    let links = write(
        &site.root.path().join("links"),
        &[
            wheel("demo", "0.5", &[]),
            wheel("linked", "1.0", &["Requires-Dist: demo"]),
            source("linked", "1.1", &[]),
        ],
    );
    let links = links.display().to_string();
    add(
        "find-links",
        [Full, Full],
        again(step(&["linked"]).with(|step| step.find_links = vec![links.clone()])),
    );
    add(
        "find-links-page",
        [Full, Full],
        again(
            step(&["paged"])
                .with(|step| step.find_links = vec![site.server.url("/simple/paged-links/")]),
        ),
    );
    add(
        "download-cache",
        [Full, Full],
        vec![
            step(&["bigdemo", "sd"]).with(|step| step.archives = Some(String::new())),
            step(&["bigdemo", "sd"]).with(|step| {
                step.archives = Some(String::new());
                step.install_from_cache = true;
            }),
        ],
    );
    add(
        "wrong-digest",
        [Deviates, Deviates],
        vec![step(&["tampered"])],
    );
    add(
        // Files of an index that is a directory have no digests.
        "index-directory",
        [Full, Full],
        again(step(&["demo"]).with(|step| step.index = site.path("index"))),
    );
    scenarios
}

fn run_peer(peer: &Peer, steps: &[Step]) -> Vec<Outcome> {
    let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/resolution/driver.py");
    let mut child = Command::new(&peer.python)
        .arg("-I")
        .arg(driver)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the peer's Python starts");
    let input = serde_json::Value::from_iter(steps.iter().map(Step::to_json)).to_string();
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin
        .write_all(input.as_bytes())
        .expect("the driver reads it");
    drop(stdin);
    let output = child.wait_with_output().expect("the driver ends");
    let outcomes: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "the driver failed: {error}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
    let outcomes = outcomes.as_array().expect("it writes a list");
    outcomes.iter().map(Outcome::from_json).collect()
}

/// What ours does not do before a failure: get distributions. What is left are
/// the records about the failure.
fn without_installations(log: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for record in log {
        if record.starts_with("Got ")
            && kept
                .last()
                .is_some_and(|last| last.starts_with("Getting distribution for "))
        {
            kept.pop();
        } else {
            kept.push(record.clone());
        }
    }
    kept
}

fn compare(peer: &Outcome, ours: &Outcome, is_first: bool) -> Vec<String> {
    let mut differences = Vec::new();
    let mut check = |what: &str, peer: String, ours: String| {
        if peer != ours {
            differences.push(format!("{what}\n    peer: {peer}\n    ours: {ours}"));
        }
    };
    check(
        "error",
        format!("{:?}", peer.error),
        format!("{:?}", ours.error),
    );
    if peer.error.is_some() {
        check(
            "log",
            format!("{:#?}", without_installations(&peer.log)),
            format!("{:#?}", without_installations(&ours.log)),
        );
        return differences;
    }
    check(
        "log",
        format!("{:#?}", peer.log),
        format!("{:#?}", ours.log),
    );
    check(
        "picked",
        format!("{:?}", peer.picked),
        format!("{:?}", ours.picked),
    );
    let (mut peer, mut ours) = (peer.members.clone(), ours.members.clone());
    if is_first {
        // The first run of zc.buildout has another order than all later ones.
        peer.sort();
        ours.sort();
    }
    check("members", format!("{peer:?}"), format!("{ours:?}"));
    differences
}

fn compare_with(version: PeerVersion, column: usize) {
    let site = Site::standard();
    serve_page(
        &site.server,
        "tampered",
        &format!(
            "<a href=\"../../files/tampered-1.0-py3-none-any.whl#sha256={}\">x</a>",
            "0".repeat(64)
        ),
    );
    serve_page(
        &site.server,
        "paged-links",
        "<a href=\"../../files/paged-1.0-py3-none-any.whl\">x</a> <a href=\"../paged/\">y</a>",
    );
    for project in ["paged", "tampered"] {
        let fixture = wheel(project, "1.0", &[]);
        let target = format!("/files/{}", fixture.file_name);
        site.server.reply(&target, Reply::ok(fixture.bytes));
    }
    for project in ["demo", "demoneeded"] {
        let fixtures: Vec<Fixture> = standard_fixtures()
            .into_iter()
            .filter(|fixture| fixture.file_name.starts_with(&format!("{project}-")))
            .collect();
        write(&site.root.path().join("index").join(project), &fixtures);
    }
    let peer = peer(version);
    let scenarios = scenarios(&site);
    let steps = |program: &str| -> Vec<Step> {
        let root = site.root.path().join(program);
        scenarios
            .iter()
            .flat_map(|scenario| {
                scenario
                    .steps
                    .iter()
                    .map(|step| placed(step.clone(), &root, scenario.name))
            })
            .collect()
    };
    let peer_outcomes = run_peer(&peer, &steps("peer"));
    let world = World::of_python(&peer.python);
    let our_steps = steps("ours");
    let mut differences = Vec::new();
    let mut number = 0;
    for scenario in &scenarios {
        for index in 0..scenario.steps.len() {
            let ours = world.run(&our_steps[number], site.root.path(), column == 0);
            let found = compare(&peer_outcomes[number], &ours, index == 0);
            number += 1;
            match scenario.agreement[column] {
                Agreement::Full => differences.extend(
                    found
                        .into_iter()
                        .map(|found| format!("{}, step {index}: {found}", scenario.name)),
                ),
                // A deviation that is none any more has to be noticed.
                Agreement::Deviates if found.is_empty() => {
                    differences.push(format!("{}, step {index}: agrees", scenario.name));
                }
                Agreement::Deviates => {}
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn resolutions_agree_with_zc_buildout_6() {
    compare_with(PeerVersion::Upstream6, 0);
}

#[test]
fn resolutions_agree_with_zc_buildout_3() {
    compare_with(PeerVersion::Slapos3, 1);
}
