//! The promises of slapos.toolbox under this node and under slapos.core, on the
//! same partition: what they leave is the same but for times.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::site::NodeSite;
use crate::toolbox::{Toolbox, prepare, write_promise};

/// Plugins with their configuration. `URL` is that of the master, `PORT` its
/// port, `HERE` the partition. Each but those of slapos.core's executables is
/// another module of slapos.toolbox, or another way through it.
const PLUGINS: [(&str, &str, &str); 30] = [
    ("url", "check_url_available", "{'url': 'URL/'}"),
    (
        "url_code",
        "check_url_available",
        "{'url': 'URL/nowhere', 'frequency': 5}",
    ),
    (
        "url_refused",
        "check_url_available",
        "{'url': 'http://127.0.0.1:1/', 'timeout': '3'}",
    ),
    (
        "socket_listens",
        "check_socket_listening",
        "{'host': '127.0.0.1', 'port': 'PORT'}",
    ),
    (
        "socket_refused",
        "check_socket_listening",
        "{'host': '127.0.0.1', 'port': '1'}",
    ),
    (
        "file_there",
        "check_file_state",
        "{'filename': 'HERE/data', 'state': 'not-empty'}",
    ),
    (
        "file_absent",
        "check_file_state",
        "{'filename': 'HERE/none', 'state': 'absent'}",
    ),
    (
        "file_missing",
        "check_file_state",
        "{'filename': 'HERE/é', 'state': 'empty'}",
    ),
    (
        "file_testless",
        "check_file_state",
        "{'filename': 'HERE/none', 'state': 'empty', 'perdiodic-only': 'true'}",
    ),
    (
        "file_anomalyless",
        "check_file_state",
        "{'filename': 'HERE/none', 'state': 'empty', 'report-anomaly': 'false'}",
    ),
    (
        "file_neither",
        "check_file_state",
        "{'filename': 'HERE/data', 'state': 'empty', 'perdiodic-only': 'true', 'report-anomaly': 'false'}",
    ),
    // It is never begun, and so due every time.
    (
        "file_wrong",
        "check_file_state",
        "{'result-count': '1', 'failure-amount': '2'}",
    ),
    ("command", "check_command_execute", "{'command': 'true'}"),
    (
        "command_fails",
        "check_command_execute",
        "{'command': 'echo in $PWD; echo two >&2; exit 3'}",
    ),
    (
        "command_twice",
        "check_command_execute",
        "{'command': 'false', 'result_count': '3', 'failure_amount': '2'}",
    ),
    (
        "http_log",
        "check_error_on_http_log",
        "{'log-file': 'HERE/http.log'}",
    ),
    (
        "zope_log",
        "check_error_on_zope_longrequest_log",
        "{'log-file': 'HERE/zope.log', 'error-threshold': '1'}",
    ),
    (
        "oru_sync",
        "check_oru_sync",
        "{'netconf-log': 'HERE/netconf.log'}",
    ),
    (
        "oru_lof",
        "check_oru_lof",
        "{'netconf-log': 'HERE/netconf.log'}",
    ),
    (
        "gps",
        "check_gps_lock",
        "{'amarisoft-stats-log': 'HERE/stats.log', 'stats-period': '5'}",
    ),
    (
        "certificate",
        "check_certificate",
        "{'certificate': 'HERE/data'}",
    ),
    (
        "service",
        "check_service_state",
        "{'service': 'x', 'expect': 'any'}",
    ),
    (
        "interface",
        "check_interface_up",
        "{'ifname': 'x', 'testing': 'True'}",
    ),
    (
        "bootstrap",
        "monitor_bootstrap_status",
        "{'process-pid-file': 'HERE/none', 'status-file': 'HERE/none'}",
    ),
    (
        "cache_wrapper",
        "trafficserver_cache_availability",
        "{'wrapper-path': 'HERE/etc/promise/good'}",
    ),
    (
        "frontend",
        "validate_frontend_configuration",
        "{'verification-script': '/bin/false'}",
    ),
    (
        "deployment",
        "check_partition_deployment_state",
        "{'monitor-url': 'http://m'}",
    ),
    (
        "websocket_refused",
        "check_websocket_available",
        "{'url': 'ws://127.0.0.1:1/'}",
    ),
    (
        "surykatka",
        "check_surykatka_json",
        "{'json-file': 'HERE/none', 'report': 'http_query', 'url': 'http://u'}",
    ),
    (
        "space",
        "monitor_partition_space",
        "{'collectordb': 'HERE/none', 'threshold-ratio': '0.1'}",
    ),
];

/// Promises that are programs.
const PROGRAMS: [(&str, &str); 4] = [
    ("good", "echo all is well"),
    ("bad.sh", "echo one; echo two >&2; echo three; exit 1"),
    ("silent", "exit 7"),
    ("lines", "printf 'a\\r\\n\\n  b é\\n\\n'; exit 2"),
];

/// Other files that plugins look at.
const FILES: [(&str, &str); 4] = [
    ("data", "something\n"),
    (
        "http.log",
        "[Sun Nov 22 01:29:51 2026] [error] [client 1.2.3.4] (110)Connection timed out\n",
    ),
    (
        "zope.log",
        "2026-11-22 01:29:51,123 - dp.request - INFO - longrequest\n",
    ),
    (
        "netconf.log",
        "{\"data\": {\"notification\": {\"alarm-notif\": {\"fault-id\": \"18\", \"is-cleared\": \"false\", \"affected-objects\": {\"name\": \"x\"}}}}}\n",
    ),
];

/// Returns what promises left, by file, without times and what comes of them.
pub(crate) fn left(partition: &Path) -> BTreeMap<String, String> {
    let mut left = BTreeMap::new();
    for folder in ["cache", "result", "log"] {
        let directory = partition.join(".slapgrid/promise").join(folder);
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = fs::read_to_string(entry.path()).expect("it is a text");
            let text = match folder {
                "cache" => timeless_cache(&text),
                "result" => timeless_result(&text),
                // Data of other forms, of which times are part.
                _ if name.ends_with(".json.log") => String::new(),
                _ => timeless_log(&text),
            };
            left.insert(format!("{folder}/{name}"), text);
        }
    }
    left
}

fn timeless_result(text: &str) -> String {
    let value: Value = serde_json::from_str(text).expect("a result");
    let date = value["result"]["date"].as_str().expect("a date");
    assert!(date.ends_with("+0000") && date.starts_with("20"), "{date}");
    with_number(&text.replace(date, "DATE"), "execution-time", "T")
}

/// Replaces a number in a document, as text: read and written again, it might
/// be another one.
fn with_number(text: &str, name: &str, number: &str) -> String {
    let name = format!("\"{name}\": ");
    let (before, after) = text.split_once(&name).expect("it has that number");
    let end = after.find([',', '}']).expect("it goes on");
    format!("{before}{name}{number}{}", &after[end..])
}

fn timeless_cache(text: &str) -> String {
    let value: Value = serde_json::from_str(text).expect("a cache");
    let number = |name: &str| value[name].as_f64().expect("a number");
    let wait = number("next_run_after") - number("timestamp");
    let is_due_later = wait > 0.0;
    if is_due_later && !text.contains(POSTPONED) {
        assert!((wait - number("periodicity") * 60.0).abs() < 0.01, "{text}");
    }
    let text = with_number(text, "next_run_after", "T");
    let mut text = with_number(&text, "timestamp", "T");
    // slapos.core names the code that it runs programs with.
    let module = value["module_file"].as_str().expect("a path");
    if module.ends_with("slapos/grid/promise/wrapper.py") || module.contains("/etc/promise/") {
        text = with_number(&text.replace(module, "WRAPPER"), "module_file_mtime", "T");
    }
    format!("{text} due later: {is_due_later}")
}

/// Transactions are numbered; what only one promise of each check does, whoever
/// comes first, is left out.
fn timeless_log(text: &str) -> String {
    let mut transactions: Vec<&str> = Vec::new();
    let mut timeless = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, " - ").collect();
        let [date, level, transaction, message] = words.as_slice() else {
            timeless.push_str(&format!("{line}\n"));
            continue;
        };
        if message.starts_with("Bang with message ") {
            continue;
        }
        assert_eq!(date.len(), "2026-11-22 01:29:51".len(), "{line}");
        let number = transactions.iter().position(|known| *known == *transaction);
        let number = number.unwrap_or_else(|| {
            transactions.push(*transaction);
            transactions.len() - 1
        });
        timeless.push_str(&format!("{level} - {number} - {message}\n"));
    }
    timeless
}

/// A time at which promises are not due.
const POSTPONED: &str = "9999999999.5";

/// Has promises not be due for long, however slow the machine is.
fn postpone(partition: &Path) {
    let caches = fs::read_dir(partition.join(".slapgrid/promise/cache")).expect("there are some");
    for path in caches.flatten().map(|cache| cache.path()) {
        let text = fs::read_to_string(&path).expect("it is a text");
        fs::write(&path, with_number(&text, "next_run_after", POSTPONED)).expect("it is ours");
    }
}

/// Has promises be due again.
pub(crate) fn forget_caches(partition: &Path) {
    fs::remove_dir_all(partition.join(".slapgrid/promise/cache")).expect("there are some");
}

/// Returns the promises that a log tells were run.
fn checked_promises(log: &str) -> Vec<&str> {
    let names = log
        .lines()
        .filter_map(|line| line.split_once("Checking promise "));
    names
        .map(|(_, name)| name.trim_end_matches("..."))
        .collect()
}

/// Counts the bangs that the logs of promises tell of.
fn bangs(partition: &Path) -> usize {
    let logs = fs::read_dir(partition.join(".slapgrid/promise/log")).expect("there are some");
    let texts = logs.flatten().map(|log| fs::read_to_string(log.path()));
    let texts = texts.map(|text| text.expect("it is a text"));
    texts
        .map(|text| text.matches("Bang with message ").count())
        .sum()
}

#[track_caller]
pub(crate) fn assert_same(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let names: Vec<&String> = theirs.keys().collect();
    assert_eq!(ours.keys().collect::<Vec<_>>(), names);
    for (name, text) in theirs {
        assert_eq!(&ours[name], text, "{name}");
    }
}

fn compare(core: &str) {
    let toolbox = Toolbox::installed(core);
    let site = NodeSite::ordinary(1);
    prepare(&site, Some(&toolbox), 1);
    let partition = site.partition(0);
    let url = site.master.url();
    let (_, port) = url.rsplit_once(':').expect("it has a port");
    for (name, module, configuration) in PLUGINS {
        let configuration = configuration
            .replace("URL", url)
            .replace("PORT", port)
            .replace("HERE", &partition.display().to_string());
        let text = toolbox.plugin(module, &configuration);
        write_promise(&site, &partition, &format!("{name}.py"), &text);
    }
    for (name, text) in PROGRAMS {
        write_promise(&site, &partition, name, text);
    }
    for (name, text) in FILES {
        fs::write(partition.join(name), text).expect("the site is ours");
    }

    // slapos.core first, in three checks.
    let (code, text) = toolbox.run(&site, &partition, "--force");
    assert_eq!(code, 2, "{text}");
    let tested = left(&partition);
    assert!(tested.len() > 80, "{:?}", tested.keys());
    forget_caches(&partition);
    let (code, text) = toolbox.run(&site, &partition, "--check-anomaly");
    assert_eq!(code, 2, "{text}");
    let checked = left(&partition);
    // By the order of the directory, one of those that do not bang may be first.
    assert!(bangs(&partition) <= 1);
    // What it left is read here: nothing is due.
    let before = site.wanted(0).timestamp();
    fs::write(
        partition.join(".timestamp"),
        before.as_deref().unwrap_or_default(),
    )
    .expect("the site is ours");
    postpone(&partition);
    let text = site.run("node instance").expect(0);
    assert_eq!(checked_promises(&text), ["file_wrong.py"]);
    assert!(
        text.contains(" promises didn't need to be checked."),
        "{text}"
    );
    let mut kept = left(&partition);
    kept.retain(|name, _| !name.starts_with("cache/"));
    let mut wanted = checked.clone();
    wanted.retain(|name, _| !name.starts_with("cache/"));
    assert_same(&kept, &wanted);

    // Then this node, with nothing left.
    fs::remove_dir_all(partition.join(".slapgrid")).expect("the site is ours");
    let text = site.run("node promise").expect(2);
    assert!(text.contains("failed with output: "), "{text}");
    assert_same(&left(&partition), &tested);
    forget_caches(&partition);
    let text = site.run("node instance").expect(0);
    assert!(text.contains("Bang with message "), "{text}");
    assert_same(&left(&partition), &checked);
    assert_eq!(bangs(&partition), 1);
    assert_ne!(site.wanted(0).timestamp(), before);
    // What this node left is read there: nothing is due.
    postpone(&partition);
    let (code, text) = toolbox.run(&site, &partition, "--check-anomaly");
    assert_eq!(code, 2, "{text}");
    assert_eq!(checked_promises(&text), ["file_wrong.py"]);
}

#[test]
fn promises_leave_what_slapos_core_1_26_1_leaves() {
    compare("1.26.1");
}

#[test]
fn promises_leave_what_slapos_core_1_22_1_leaves() {
    compare("1.22.1");
}
