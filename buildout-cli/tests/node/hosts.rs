//! How many hosts of promises there are at once, and when they end.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::promises::{configure, result};
use crate::site::NodeSite;
use crate::toolbox::{Toolbox, prepare, write_promise};

/// What the command line of hosts, and of promises that they fork, has.
const BOOTSTRAP: &str = "json.loads(sys.stdin.readline())";

/// Returns the hosts that a node runs now: they are its children, and what they
/// fork are theirs.
fn hosts_of(node: u32) -> BTreeSet<u32> {
    let parent = format!("PPid:\t{node}\n");
    let processes = fs::read_dir("/proc").expect("it is there").flatten();
    let numbers = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    numbers
        .filter(|process| {
            let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
            let [status, command] =
                ["status", "cmdline"].map(|name| String::from_utf8_lossy(&read(name)).into_owned());
            status.contains(&parent) && command.contains(BOOTSTRAP)
        })
        .collect()
}

fn is_there(process: &str) -> bool {
    fs::exists(format!("/proc/{process}")).expect("it can be asked")
}

#[test]
fn there_are_half_as_many_hosts_as_promises_at_once() {
    let toolbox = Toolbox::installed("1.26.1");
    let site = NodeSite::ordinary(3);
    prepare(&site, Some(&toolbox), 3);
    configure(&site, "parallel_promises = 4\nparallel_partitions = 3");
    // Each has a path of its own, and so needs another host.
    let keys = 6;
    for number in 0..keys {
        let text = toolbox.sensing("time.sleep(0.2)\nself.logger.info(str(os.getppid()))");
        let own = format!("sys.path[0:0] = (\n  '/nonexistent/{number}',");
        let text = text.replacen("sys.path[0:0] = (", &own, 1);
        let partition = site.partition(number % 3);
        write_promise(&site, &partition, &format!("p{number}.py"), &text);
    }
    let mut command = site.command("node promise");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut node = command.spawn().expect("the program can be run");
    let (mut most, mut seen) = (0, BTreeSet::new());
    let status = loop {
        let hosts = hosts_of(node.id());
        most = most.max(hosts.len());
        seen.extend(hosts);
        if let Some(status) = node.try_wait().expect("it is a child") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{status}");
    assert_eq!(most, 2);
    let hosts: BTreeSet<u32> = (0..keys)
        .map(|number| {
            let (_, _, text) = result(&site.partition(number % 3), &format!("p{number}"));
            text.parse().expect("a number of a process")
        })
        .collect();
    assert_eq!(hosts.len(), keys);
    assert!(hosts.is_subset(&seen), "{hosts:?} {seen:?}");
    // They end with the pass.
    for host in hosts {
        assert!(!is_there(&host.to_string()), "{host}");
    }
}

#[test]
fn a_host_with_nothing_to_do_ends_while_a_pass_goes_on() {
    let toolbox = Toolbox::installed("1.26.1");
    let site = NodeSite::ordinary(1);
    prepare(&site, Some(&toolbox), 1);
    configure(&site, "promise_timeout = 600");
    let partition = site.partition(0);
    let sense =
        "with open('host', 'w') as f: f.write(str(os.getppid()))\nself.logger.info('begun')";
    write_promise(&site, &partition, "first.py", &toolbox.sensing(sense));
    // Programs come after plugins.
    let wait = "while test -d /proc/$(cat host); do sleep 0.1; done; echo it has ended";
    write_promise(&site, &partition, "second", wait);
    site.run("node promise").expect(0);
    let (_, failed, text) = result(&partition, "second");
    assert_eq!((failed, &*text), (false, "it has ended"));
}
