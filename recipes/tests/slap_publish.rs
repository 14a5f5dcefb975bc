//! `publish`, `publish-early` and `request.edge`, next to those of
//! slapos.cookbook under zc.buildout 3.0.1, with the real master.

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use buildout_core::value::Value;
use peers::virtual_environment;
use slap::test_master::{COMPUTER_ID, RealSlapos, TestMaster};
use slap::{Exchange, InstanceRequest, Master, PartitionReference, ReplayMaster, RunMaster};
use support::TestSite;

struct Lab {
    site: TestSite,
    master: TestMaster,
    peer: PathBuf,
}

/// Whose run it is; each has an instance of its own.
#[derive(Clone, Copy)]
enum Side {
    Ours,
    Theirs,
}

impl Side {
    fn partition(self) -> PartitionReference {
        let id = match self {
            Side::Ours => "slappart0",
            Side::Theirs => "slappart1",
        };
        PartitionReference::new(COMPUTER_ID, id)
    }
}

impl Lab {
    fn start() -> Self {
        let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
        let site = TestSite::new();
        let master = TestMaster::start(&slapos, &site.root().join("master"));
        let names: Vec<String> = (0..8).map(|number| format!("slappart{number}")).collect();
        master.format(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for title in ["ours", "theirs"] {
            let request = InstanceRequest::new("/software.cfg", title);
            let instance = master.client().request(None, &request);
            instance.expect("there is a place");
        }
        Lab {
            site,
            master,
            peer: virtual_environment(
                "slapos.cookbook-1.0.514",
                &[
                    "zc.buildout==3.0.1",
                    "setuptools==79.0.1",
                    "wheel",
                    "slapos.cookbook==1.0.514",
                    "slapos.core==1.26.1",
                    "jsonschema==4.17.3",
                ],
            ),
        }
    }

    fn profile(&self, side: Side, text: &str) -> String {
        let partition = side.partition();
        format!(
            "[buildout]\nnewest = false\n{text}\n[slap-connection]\ncomputer-id = {}\n\
             partition-id = {}\nserver-url = {}\nsoftware-release-url = /software.cfg\n",
            partition.computer_id,
            partition.partition_id,
            self.master.url()
        )
    }

    /// Runs both with a profile, and checks that both published the same;
    /// returns what.
    fn run(&self, text: &str) -> String {
        self.site.profile(&self.profile(Side::Ours, text));
        self.site.install().succeeded();
        self.run_theirs(text);
        let ours = self.connection(Side::Ours);
        assert_eq!(ours, self.connection(Side::Theirs), "{text}");
        assert_eq!(
            self.installed("buildout"),
            self.installed("theirs"),
            "{text}"
        );
        ours
    }

    fn run_theirs(&self, text: &str) {
        let profile = self.profile(Side::Theirs, text);
        self.site.write("../theirs/buildout.cfg", profile);
        let output = Command::new(self.peer.join("bin/buildout"))
            .arg("-U")
            .current_dir(self.site.path("../theirs"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.site.path("../home"))
            .env("LANG", "C.UTF-8")
            .env("PYTHONWARNINGS", "ignore")
            .output()
            .expect("the peer starts");
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn connection(&self, side: Side) -> String {
        let known = self.master.client().computer_partition(&side.partition());
        Value::Dict(known.expect("it is known").connection).repr()
    }

    /// Returns the options of parts that are recorded, but for what names the
    /// side. zc.buildout appends a new list of the parts now and then.
    fn installed(&self, directory: &str) -> String {
        let text = self.site.read(format!("../{directory}/.installed.cfg"));
        let is_compared = |line: &str| {
            !line.contains("signature__")
                && !line.starts_with("installed_develop")
                && !line.starts_with("parts =")
        };
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| is_compared(line))
            .map(|line| {
                line.replace("slappart1", "slappart0")
                    .replace("/theirs", "/buildout")
            })
            .collect();
        lines.sort();
        lines.dedup();
        lines.join("\n")
    }
}

#[test]
fn options_are_published_as_by_the_cookbook() {
    let lab = Lab::start();
    let plain = "parts = publish\n[publish]\nrecipe = slapos.cookbook:publish\nurl = http://[::1]/?a&b\n\
                 text = é <&> \" ' ${:url}\n-hidden = no\n";
    assert_eq!(
        lab.run(plain),
        "{'text': 'é <&> \" \\' http://[::1]/?a&b', 'url': 'http://[::1]/?a&b'}"
    );
    let chosen = "parts = publish\n[publish]\nrecipe = slapos.cookbook:publish.serialised\n\
                  -publish = one two\none = 1\ntwo = é\nthree = 3\n";
    assert_eq!(
        lab.run(chosen),
        r#"{'_': '{"one": "1", "two": "\\u00e9"}'}"#
    );
    let extended = "parts = publish\n[publish]\nrecipe = slapos.cookbook:publish\n\
                    -extends = first second\nown = 1\n\n[first]\na = ${second:b}\n-not = x\n\
                    -extends = third\n\n[second]\nb = 2\n-publish = b\nc = 3\n\n[third]\nd = 4\n";
    assert_eq!(
        lab.run(extended),
        "{'a': '2', 'b': '2', 'd': '4', 'own': '1'}"
    );
    // Again, which is an update: what was published elsewhere is replaced.
    for side in [Side::Ours, Side::Theirs] {
        let nothing = Default::default();
        let result = lab
            .master
            .client()
            .set_connection(&side.partition(), &nothing, None);
        result.expect("it is taken");
    }
    assert_eq!(
        lab.run(extended),
        "{'a': '2', 'b': '2', 'd': '4', 'own': '1'}"
    );
    assert_eq!(lab.run(plain), lab.connection(Side::Ours));
    for side in [Side::Ours, Side::Theirs] {
        let nothing = Default::default();
        let result = lab
            .master
            .client()
            .set_connection(&side.partition(), &nothing, None);
        result.expect("it is taken");
    }
    // Without `-extends`, an update says nothing.
    assert_eq!(lab.run(plain), "{}");
}

#[test]
fn a_failure_is_noted_in_a_file_if_that_is_wanted() {
    let mut lab = Lab::start();
    let text = "parts = publish\n[publish]\n\
                recipe = slapos.cookbook:publish.serialised_failsafe\n\
                -error-status-file = ${buildout:directory}/failed\na = 1\n";
    lab.master.stop();
    lab.site.profile(&lab.profile(Side::Ours, text));
    lab.site.install().succeeded();
    lab.run_theirs(text);
    let theirs = lab.site.read("../theirs/failed");
    let ours = lab.site.read("failed");
    let words = ours.lines().next().expect("it says why");
    assert!(words.ends_with("The original error was:"), "{ours}");
    assert!(theirs.contains(words), "{theirs}");
    lab.master.restart();
    assert_eq!(lab.run(text), r#"{'_': '{"a": "1"}'}"#);
    for directory in ["buildout", "theirs"] {
        assert!(!lab.site.exists(format!("../{directory}/failed")));
    }
}

#[test]
fn early_values_stay_as_they_were_published() {
    let lab = Lab::start();
    let early = |secret: &str, more: &str| {
        format!(
            "parts = publish\n[publish-early]\nrecipe = slapos.cookbook:publish-early\n-init =\n  \
             password generated:secret\n  port generated:port\n  again other:value\n{more}\n\
             [generated]\nsecret = {secret}\nport = 80\nkept = ${{:port}}\n\n\
             [other]\nvalue = ${{publish-early:password}}!\n\n\
             [publish]\nrecipe = slapos.cookbook:publish.serialised\n-extends = publish-early\n\
             url = http://x:${{publish-early:port}}/${{publish-early:password}}\n"
        )
    };
    let first =
        r#"{'_': '{"again": "s1!", "password": "s1", "port": "80", "url": "http://x:80/s1"}'}"#;
    assert_eq!(lab.run(&early("s1", "")), first);
    // The other secret is not taken, and the record does not know of any.
    assert_eq!(lab.run(&early("s2", "")), first);
    let recorded = lab.site.read(".installed.cfg");
    assert!(!recorded.contains("password = "), "{recorded}");
    // It can be forced.
    assert_eq!(
        lab.run(&early("s3", "password = forced")),
        r#"{'_': '{"again": "s1!", "password": "forced", "port": "80", "url": "http://x:80/forced"}'}"#
    );
}

#[test]
fn a_section_that_is_used_too_early_is_an_error() {
    let lab = Lab::start();
    let text = "parts = publish-early\n[publish-early]\nrecipe = slapos.cookbook:publish-early\n\
                -init = a generated:secret\nused = ${generated:secret}\n[generated]\nsecret = s\n";
    lab.site.profile(&lab.profile(Side::Ours, text));
    assert_eq!(
        lab.site.install().error(),
        "Error: generated section was already initialized\n\
         hint: nothing may refer to the section before this part"
    );
}

#[test]
fn each_country_gets_a_request() {
    let lab = Lab::start();
    let edge = "parts = edge\n[edge]\nrecipe = slapos.cookbook:request.edge\n\
                <= slap-connection\ncountry-list = fr,de\nsoftware-url = /software.cfg\n\
                shared = true\nreturn = url\n";
    // Both are entries of the instances themselves, which have to publish.
    lab.site.profile(&lab.profile(Side::Ours, edge));
    let failed = lab.site.install();
    assert_eq!(
        failed.recipe_error().to_string(),
        "'Connection parameter url not found. Status of requested instance is: started. If this \
         error persists, check status of this instance.'"
    );
    let host = lab
        .master
        .client()
        .computer_partition(&Side::Ours.partition());
    let host = host.expect("it is known");
    let Some(Value::List(entries)) = host.parameters.get_str("slave_instance_list") else {
        panic!("{host:?}");
    };
    let mut references: Vec<String> = Vec::new();
    for entry in entries {
        let Value::Dict(entry) = entry else {
            panic!("{entry:?}");
        };
        references.push(
            entry
                .get_str("slave_reference")
                .expect("it has one")
                .to_string(),
        );
    }
    references.sort();
    assert_eq!(references, ["ours_de-edge", "ours_fr-edge"]);
    for reference in references {
        let mut connection = buildout_core::value::Dict::new();
        connection.insert_str("url", format!("http://{reference}"));
        let result = lab.master.client().set_connection(
            &Side::Ours.partition(),
            &connection,
            Some(&reference),
        );
        result.expect("it is taken");
    }
    lab.site.install().succeeded();
    for country in ["fr", "de"] {
        assert_eq!(
            lab.site
                .recorded_raw("edge", &format!("connection-url-{country}")),
            Some(format!("http://ours_{country}-edge"))
        );
    }
}

/// A node gives the master to the run; nothing else is asked then.
#[test]
fn the_master_of_the_run_is_used_if_it_is_meant() {
    let partition = "<marshal><object id=\"i2\" module=\"slapos.slap.slap\" \
                     class=\"ComputerPartition\"><tuple/><dictionary id=\"i3\">\
                     <string>_computer_id</string><string>local</string>\
                     <string>_connection_dict</string><dictionary id=\"i4\"/>\
                     <string>_partition_id</string><string>slappart0</string>\
                     </dictionary></object></marshal>";
    let replay = Arc::new(
        ReplayMaster::new()
            .with("registerComputerPartition", partition)
            .with("setComputerPartitionConnectionXml", "done"),
    );
    let site = TestSite::with_profile(
        "[buildout]\nparts = publish\n[publish]\nrecipe = slapos.cookbook:publish\na = 1\n\
         [slap-connection]\ncomputer-id = local\npartition-id = slappart0\n\
         server-url = http://master.example\nsoftware-release-url = /software.cfg\n",
    );
    let master = RunMaster::new(
        "http://master.example/",
        Arc::clone(&replay) as Arc<dyn Master>,
    );
    site.extend(move |extensions| extensions.set(master.clone()));
    site.install().succeeded();
    let asked: Vec<String> = replay.asked().iter().map(Exchange::target).collect();
    assert_eq!(asked, ["setComputerPartitionConnectionXml"]);
}
