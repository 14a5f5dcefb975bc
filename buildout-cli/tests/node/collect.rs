//! `slapos node collect`: its database is slapos.core's, and what is made of it
//! is what slapos.core makes of the same one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::site::NodeSite;

/// Runs the script with slapos.core's own modules.
fn python(site: &NodeSite, words: &[&str]) -> String {
    let output = Command::new(site.slapos.program("python"))
        .args(["-W", "ignore", "-c", include_str!("collect.py")])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("Python can be run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it is a text")
}

/// A node whose configuration tells what to measure.
fn measured_site() -> NodeSite {
    let site = NodeSite::ordinary(2);
    let configuration = site.path("slapos.cfg");
    let mut text = fs::read_to_string(&configuration).expect("the site works");
    text.push_str("user_base_name = slapuser\npartition_base_name = slappart\n");
    fs::write(&configuration, text).expect("the site works");
    fs::create_dir_all(site.path("inst/var/run")).expect("the site is ours");
    for number in 0..2 {
        fs::create_dir(site.partition(number).join(".slapgrid")).expect("the site is ours");
    }
    site
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.expect("cp can be run").success());
}

/// Returns the members of an archive.
fn members(archive: &Path) -> BTreeMap<String, String> {
    let file = fs::File::open(archive).unwrap_or_else(|error| panic!("{archive:?}: {error}"));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut members = BTreeMap::new();
    for entry in archive.entries().expect("it is an archive") {
        let mut entry = entry.expect("it is an archive");
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry
            .path()
            .expect("it has one")
            .to_string_lossy()
            .into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("it is a text");
        members.insert(name, text);
    }
    members
}

#[test]
fn what_is_collected_is_what_slapos_core_collects() {
    let site = measured_site();
    let text = site.run("node collect").expect(0);
    assert!(text.contains("Finished collecting."), "{text}");
    let data_log = site.path("inst/var/data-log");
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    // The tables are the same, and slapos.core works with ours.
    let ours = python(&site, &["show", &shown(&data_log)]);
    let theirs = python(&site, &["schema", &shown(&site.path("schema"))]);
    assert_eq!(ours, theirs);
    python(&site, &["fill", &shown(&data_log)]);
    let consumption = site.path("inst/var/consumption-report");
    fs::remove_dir_all(&consumption).expect("it was made");

    let other = site.path("other");
    copy(&site.path("inst"), &other);
    site.run("node collect").expect(0);
    let their_log = other.join("var/data-log");
    python(&site, &["report", &shown(&their_log), &shown(&other)]);

    // All of yesterday.
    let archives: Vec<_> = fs::read_dir(&their_log)
        .expect("it is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".tar.gz"))
        .collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
    let ours = members(&data_log.join(&archives[0]));
    let theirs = members(&their_log.join(&archives[0]));
    assert_eq!(ours.len(), 7);
    assert_eq!(ours, theirs);
    let day = archives[0].trim_end_matches(".tar.gz");
    let name = format!("{day}.xml");
    let ours = fs::read_to_string(consumption.join(&name)).expect("it was made");
    let theirs = fs::read_to_string(their_log.join(&name)).expect("it was made");
    assert_eq!(ours, theirs);
    slapgrid::usage::Schema::Computer
        .check(&ours)
        .expect("it is valid");
    // It is sent by the next report.
    let report = site.path("inst/var/xml_report/local").join(&name);
    assert_eq!(fs::read_to_string(report).expect("it was made"), ours);

    // What monitors show: of a minute that both have.
    for number in 0..2 {
        let files = [
            "monitor_resource_process.data.json",
            "monitor_resource_memory.data.json",
            "monitor_resource_io.data.json",
            "monitor_resource.status.json",
            "monitor_process_resource.status.json",
        ];
        for file in files {
            let read = |root: &Path| -> Value {
                let path = root.join(format!("slappart{number}/.slapgrid/monitor/{file}"));
                let text =
                    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
                let mut value: Value = serde_json::from_str(&text).expect("it is JSON");
                if let Some(member) = value.get_mut("date") {
                    *member = Value::Null;
                }
                if let Some(entries) = value.get_mut("data").and_then(Value::as_array_mut) {
                    for entry in entries.iter_mut().skip(1) {
                        let text = entry.as_str().expect("a text");
                        let (_, rest) = text.split_once(", ").expect("a time");
                        *entry = rest.into();
                    }
                }
                value
            };
            assert_eq!(read(&site.path("inst")), read(&other), "{file}");
        }
    }

    // What was dumped is marked, and goes when its days are over.
    let count = |days: &str| {
        let configuration = site.path("slapos.cfg");
        let text = fs::read_to_string(&configuration).expect("the site works");
        let changed = text.replacen(
            "[slapos]\n",
            &format!("[slapos]\ncollect_cache = {days}\n"),
            1,
        );
        fs::write(&configuration, changed).expect("the site works");
        site.run("node collect").expect(0);
        fs::write(&configuration, text).expect("the site works");
        let query = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from user where date = ?', sys.argv[2:]).fetchone()[0])";
        let output = Command::new(site.slapos.program("python"))
            .args(["-c", query])
            .arg(data_log.join("collector.db"))
            .arg(day)
            .output()
            .expect("Python can be run");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_ne!(count("15"), "0");
    assert_eq!(count("1"), "0");
}
