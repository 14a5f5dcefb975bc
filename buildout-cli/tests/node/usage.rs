//! Reports of consumption: what our node sends next to what slapos.core's
//! does, and what is left when the master or the node fails in between.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use slap::test_master::{COMPUTER_ID, RealSlapos};
use slap::{InstanceRequest, Master as _};
use slapgrid::usage::Schema;

use crate::relay::{Fate, relay_node};
use crate::setting::setting;
use crate::site::NodeSite;

/// How consumption is reported.
const USAGE: &str = "POST /useComputer";

const MOVEMENT: &str = "<resource>service_module/users</resource><title>Users of &lt;all&gt; kinds &amp; é</title><reference>whatever</reference><quantity>1.5</quantity><price>0</price><VAT/><category>a</category>";

fn consumption(movements: usize) -> String {
    let movement = format!("<movement>{MOVEMENT}</movement>");
    format!("<consumption>{}</consumption>", movement.repeat(movements))
}

const COMPUTER: &str = "<?xml version='1.0' encoding='utf-8'?><journal><transaction type=\"Sale Packing List\"><start_date/><stop_date/><reference>day</reference><currency/><payment_mode/><arrow type=\"Destination\"/><movement><resource>r</resource><quantity>1</quantity><price>0</price><VAT/></movement></transaction></journal>";

/// A node with an instance that is made by hand: its release has no parts.
fn with_instance(site: NodeSite) -> NodeSite {
    site.run("node format --now").expect(0);
    let url = site.profile("plain/software.cfg", "[buildout]\nparts =\n");
    let user = site.master.client();
    user.supply(&url, COMPUTER_ID, "available")
        .expect("the master answers");
    let request = InstanceRequest::new(url.as_str(), "plain");
    user.request(None, &request).expect("the master answers");
    site
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("the site is ours");
    fs::write(path, text).expect("the site is ours");
}

/// Lets the instance report by a program, and leaves reports of all kinds.
fn leave_reports(site: &NodeSite) {
    let script = site.partition(0).join("etc/report/count");
    let text = format!(
        "#!/bin/sh\nset -e\nmkdir -p ../../var/xml_report\necho '{}' > \"$1\"\n",
        consumption(1)
    );
    write(&script, &text);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let reports = site.partition(0).join("var/xml_report");
    write(&reports.join("broken.xml"), "<consumption>");
    write(
        &reports.join("wrong.xml"),
        "<consumption><movement/></consumption>",
    );
    let node = site.path("inst/var/xml_report");
    write(&node.join("slappart0/by-node.xml"), &consumption(2));
    write(&node.join(COMPUTER_ID).join("2026-11-22.xml"), COMPUTER);
    write(&node.join(COMPUTER_ID).join("wrong.xml"), "<journal/>");
}

/// Returns the files of reports that are left.
fn left(site: &NodeSite) -> Vec<String> {
    let mut names = Vec::new();
    let directories = [
        site.partition(0).join("var/xml_report"),
        site.path("inst/var/xml_report/slappart0"),
        site.path("inst/var/xml_report").join(COMPUTER_ID),
    ];
    for directory in directories {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        names.extend(entries.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    }
    names.sort();
    names
}

/// Returns the documents among the requests.
fn documents(requests: &[(String, String)]) -> Vec<String> {
    requests
        .iter()
        .filter(|(target, _)| target == USAGE)
        .map(|(_, form)| {
            let (_, value) = form.split_once("use_string=").expect("the field is there");
            decoded(value.split('&').next().unwrap_or_default())
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.replace('+', " ").into_bytes();
    let mut decoded = Vec::new();
    let mut place = 0;
    while place < bytes.len() {
        if bytes[place] == b'%' {
            let digits = std::str::from_utf8(&bytes[place + 1..place + 3]).expect("digits");
            decoded.push(u8::from_str_radix(digits, 16).expect("digits"));
            place += 3;
        } else {
            decoded.push(bytes[place]);
            place += 1;
        }
    }
    String::from_utf8(decoded).expect("documents are UTF-8")
}

/// Takes the time of a document out.
fn without_time(document: &str) -> String {
    let (before, rest) = document.split_once("<stop_date>").expect("it has one");
    let (_, after) = rest.split_once("</stop_date>").expect("it has one");
    format!("{before}{after}")
}

#[test]
fn documents_are_those_of_slapos_core() {
    let scenario = |run: &dyn Fn(&NodeSite)| {
        let site = with_instance(NodeSite::ordinary(2));
        leave_reports(&site);
        let requests = relay_node(&site, |_| Fate::Answered);
        run(&site);
        let sent = documents(&requests.lock().expect("no panic"));
        (sent, left(&site))
    };
    let (ours, left_by_ours) = scenario(&|site| {
        let text = site.run("node report").expect(0);
        assert!(
            text.contains(
                "wrong.xml` is not valid and left as it is: line 1: <movement> has no <resource>"
            ),
            "{text}"
        );
    });
    let (theirs, left_by_theirs) = scenario(&|site| {
        site.run_python("node report").expect(0);
    });
    assert_eq!(left_by_ours, ["broken.xml", "wrong.xml", "wrong.xml"]);
    // There the second directory of a partition keeps what was taken from it,
    // to be sent again.
    assert_eq!(
        left_by_theirs,
        ["broken.xml", "by-node.xml", "wrong.xml", "wrong.xml"]
    );
    assert_eq!(ours.len(), 2, "{ours:?}");
    // First that of the computer, as it is.
    assert_eq!(ours[0], COMPUTER);
    assert_eq!(ours[0], theirs[0]);
    // slapos.core does not escape what it has read, and so sends nothing of
    // these; the same reports without such characters are below.
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    Schema::Computer.check(&ours[1]).expect("it is valid");
    assert_eq!(ours[1].matches("<movement>").count(), 3);
    assert_eq!(
        ours[1].matches("<reference>slappart0</reference>").count(),
        3
    );
    assert!(
        ours[1].contains("Users of &lt;all&gt; kinds &amp; é"),
        "{}",
        ours[1]
    );
}

#[test]
fn plain_reports_are_put_together_as_slapos_core_does() {
    let scenario = |run: &dyn Fn(&NodeSite)| {
        let site = with_instance(NodeSite::ordinary(2));
        let plain = consumption(2).replace("&lt;all&gt; kinds &amp; é", "plain");
        let node = site.path("inst/var/xml_report");
        write(&site.partition(0).join("var/xml_report/a.xml"), &plain);
        write(&node.join("slappart0/b.xml"), &plain);
        let requests = relay_node(&site, |_| Fate::Answered);
        run(&site);
        let sent = documents(&requests.lock().expect("no panic"));
        let sent: Vec<String> = sent.iter().map(|it| without_time(it)).collect();
        (sent, left(&site))
    };
    let (ours, left_by_ours) = scenario(&|site| {
        site.run("node report").expect(0);
    });
    assert_eq!(left_by_ours, Vec::<String>::new());
    let (theirs, _) = scenario(&|site| {
        site.run_python("node report").expect(0);
    });
    // An empty element becomes the word None there.
    let theirs: Vec<String> = theirs
        .iter()
        .map(|it| it.replace("<VAT>None</VAT>", "<VAT></VAT>"))
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 1);
}

#[test]
fn what_the_master_does_not_take_is_kept_and_sent_again() {
    let site = with_instance(NodeSite::new(2));
    let report = site.partition(0).join("var/xml_report/a.xml");
    write(&report, &consumption(1));
    // A program that reports is its partition's.
    let script = site.partition(0).join("etc/report/count");
    write(&script, "#!/bin/sh\nid -u > ../../uid\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let refusing = Arc::new(AtomicBool::new(true));
    let refuses = Arc::clone(&refusing);
    let requests = relay_node(&site, move |target| match target {
        USAGE if refuses.load(Ordering::Relaxed) => Fate::Failed,
        _ => Fate::Answered,
    });
    let text = site.run("node report").expect(1);
    assert!(text.contains("Cannot report usage: "), "{text}");
    assert!(report.exists());
    let owner = fs::metadata(site.partition(0)).expect("it is there").uid();
    let ran_as = fs::read_to_string(site.partition(0).join("uid")).expect("it ran");
    assert_eq!(ran_as.trim(), owner.to_string());
    // The instance is not removed with what it used.
    let user = site.master.client();
    let url = site.path("profiles/plain/software.cfg");
    let mut request = InstanceRequest::new(url.to_string_lossy(), "plain");
    request.state = Some("destroyed".to_owned());
    user.request(None, &request).expect("the master answers");
    let text = site.run("node report").expect(1);
    assert!(
        text.contains("Ignoring destruction of 'slappart0'"),
        "{text}"
    );
    assert!(report.exists());
    refusing.store(false, Ordering::Relaxed);
    // One more by now.
    write(
        &site.path("inst/var/xml_report/slappart0/b.xml"),
        &consumption(1),
    );
    site.run("node report").expect(0);
    assert_eq!(left(&site), Vec::<String>::new());
    assert!(site.wanted(0).software_release.is_none());
    let sent = documents(&requests.lock().expect("no panic"));
    // Each time the same, and then the new one.
    assert_eq!(sent.len(), 4);
    assert!(sent[..3].iter().all(|document| *document == sent[0]));
    assert_eq!(sent[3].matches("<movement>").count(), 1);
}

#[test]
fn a_node_that_is_killed_while_it_sends_sends_the_same_again() {
    let site = with_instance(NodeSite::ordinary(2));
    let report = site.partition(0).join("var/xml_report/a.xml");
    write(&report, &consumption(1));
    let victim = Arc::new(Mutex::new(None));
    let killing = Arc::clone(&victim);
    let requests = relay_node(&site, move |target| match target {
        USAGE => Fate::Killing(Arc::clone(&killing)),
        _ => Fate::Answered,
    });
    {
        // It is known before anything is sent.
        let mut victim = victim.lock().expect("no panic");
        let mut command = site.command("node report");
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        *victim = Some(command.spawn().expect("the program can be run"));
    }
    let end = Instant::now() + Duration::from_secs(120);
    while documents(&requests.lock().expect("no panic")).is_empty() {
        assert!(Instant::now() < end, "nothing was sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    while victim.lock().expect("no panic").is_some() {
        assert!(Instant::now() < end, "nobody was killed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(report.exists());
    site.run("node report").expect(0);
    assert!(!report.exists());
    let sent = documents(&requests.lock().expect("no panic"));
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
    site.run("node report").expect(0);
    assert_eq!(documents(&requests.lock().expect("no panic")).len(), 2);
}

/// Reads a JSON list of pairs, and prints for each whether the document is
/// valid by slapos.core's own schema, as its node decides that.
const DRIVER: &str = r#"
import json, os, sys
from lxml import etree
import slapos.slap
directory = os.path.join(os.path.dirname(slapos.slap.__file__), "doc")
schemas = {
    kind: etree.XMLSchema(etree.parse(os.path.join(directory, kind + "_consumption.xsd")))
    for kind in ("partition", "computer")
}
def is_valid(kind, text):
    try:
        return schemas[kind].validate(etree.fromstring(text.encode()))
    except etree.XMLSyntaxError:
        return False
print(json.dumps([is_valid(*pair) for pair in json.load(sys.stdin)]))
"#;

/// A small generator of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % limit
    }
}

#[test]
fn documents_are_valid_as_for_lxml() {
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let valid = [
        ("partition", consumption(2)),
        ("computer", COMPUTER.to_owned()),
    ];
    // Pieces that are put in the place of others, valid or not.
    let pieces = [
        "<VAT/>",
        "<VAT>x</VAT>",
        "<price>0</price>",
        "<price/>",
        "<category/>",
        "<title/>",
        "<quantity>1.5</quantity>",
        "<quantity> -1e-3\n</quantity>",
        "<quantity>INF</quantity>",
        "<quantity>+INF</quantity>",
        "<quantity>-NaN</quantity>",
        "<quantity>.5</quantity>",
        "<quantity>5.</quantity>",
        "<quantity>.</quantity>",
        "<quantity>1e</quantity>",
        "<quantity>1 2</quantity>",
        "<quantity>0x1</quantity>",
        "<quantity>١</quantity>",
        "<quantity>1<!-- c -->5</quantity>",
        "<resource/>",
        "<reference/>",
        "<movement/>",
        "<arrow type='x'/>",
        "<arrow/>",
        "<source/>",
        "<!-- comment -->",
        "<?pi x?>",
        "text",
        " \n",
        "<VAT x='1'/>",
        "<VAT xmlns='u'/>",
        "<VAT><b/></VAT>",
        "<a:VAT xmlns:a='u'/>",
        "&#65;",
        "",
        "<currency/>",
        "<transaction type='t'/>",
        "<VAT><![CDATA[<x>]]></VAT>",
        "<",
    ];
    let count = std::env::var("USAGE_DOCUMENTS").ok();
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(3000);
    let mut numbers = Numbers(7);
    let mut documents: Vec<(&str, String)> = valid.to_vec();
    while documents.len() < count {
        let (kind, text) = &valid[numbers.below(2)];
        let mut text = text.clone();
        for _ in 0..=numbers.below(2) {
            let starts: Vec<usize> = text.match_indices('<').map(|(place, _)| place).collect();
            let begin = numbers.below(starts.len());
            let end = begin + numbers.below(3).min(starts.len() - 1 - begin);
            let piece = pieces[numbers.below(pieces.len())];
            text.replace_range(starts[begin]..starts[end], piece);
            if text.is_empty() {
                break;
            }
        }
        documents.push((*kind, text));
    }
    let theirs = judged_by_lxml(&slapos.program("python"), &documents);
    let mut accepted = 0;
    for ((kind, text), theirs) in documents.iter().zip(theirs) {
        let schema = match *kind {
            "partition" => Schema::Partition,
            _ => Schema::Computer,
        };
        let ours = schema.check(text);
        assert_eq!(ours.is_ok(), theirs, "{kind}: {text}\n{ours:?}");
        accepted += usize::from(theirs);
    }
    // Both kinds are met.
    assert!(accepted > count / 100 && accepted < count / 2, "{accepted}");
}

fn judged_by_lxml(python: &PathBuf, documents: &[(&str, String)]) -> Vec<bool> {
    let mut process = Command::new(python)
        .args(["-c", DRIVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python can be run");
    let input = serde_json::json!(documents).to_string();
    let mut stdin = process.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = process.wait_with_output().expect("it is a child");
    writer.join().expect("no panic").expect("Python reads");
    serde_json::from_slice(&output.stdout).expect("Python prints JSON")
}

#[test]
fn whenever_a_node_is_killed_nothing_is_lost_or_counted_twice() {
    let rounds = setting("USAGE_KILLS").map_or(8, |count| count as u32);
    let site = with_instance(NodeSite::ordinary(1));
    let requests = relay_node(&site, |_| Fate::Answered);
    let begin = Instant::now();
    site.run("node report").expect(0);
    let whole = begin.elapsed();
    for round in 0..rounds {
        let name = format!("inst/var/xml_report/slappart0/{round}.xml");
        let text = consumption(1).replace("users", &format!("round-{round}"));
        write(&site.path(&name), &text);
        let mut command = site.command("node report");
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut node = command.spawn().expect("the program can be run");
        std::thread::sleep(whole * round / rounds);
        // It may have ended.
        let _ = node.kill();
        node.wait().expect("it is a child");
    }
    site.run("node report").expect(0);
    assert_eq!(left(&site), Vec::<String>::new());
    // What was sent again was the same document.
    let sent = documents(&requests.lock().expect("no panic"));
    let distinct: BTreeSet<&String> = sent.iter().collect();
    for round in 0..rounds {
        let resource = format!("service_module/round-{round}<");
        let with_it = distinct.iter().filter(|it| it.contains(&resource));
        assert_eq!(with_it.count(), 1, "{round}: {sent:#?}");
    }
}
