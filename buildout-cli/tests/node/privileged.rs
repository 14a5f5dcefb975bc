//! What only root can do, in a network of its own and with files of users of
//! its own: `slapos node format` with users and addresses, and measuring other
//! users' processes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::site::{NodeSite, is_root};

/// A node that makes users, addresses and interfaces.
fn site() -> NodeSite {
    let site = NodeSite::new(2);
    let mut definition = String::from("[computer]\naddress = 2001:db8::1/ffff:ffff:ffff:ffff::\n");
    for number in 0..2 {
        definition.push_str(&format!(
            "[partition_{number}]\naddress = 10.0.0.{number}/255.255.255.255 2001:db8::1{number}/ffff:ffff:ffff:ffff::\npathname = slappart{number}\nuser = slapuser{number}\nnetwork_interface = slaptap{number}\nipv6_range = 2001:db8:0:1{number}::/80\n"
        ));
    }
    fs::write(site.path("definition.cfg"), definition).expect("the site works");
    configure(
        &site,
        "alter_user = True\nalter_network = True\ncreate_tap = True\ntap_ipv6 = False\ninterface_name = lo\n",
    );
    site
}

fn configure(site: &NodeSite, options: &str) {
    let path = site.path("slapos.cfg");
    let text = fs::read_to_string(&path).expect("the site works");
    let (before, _) = text.split_once("alter_user").expect("it is there");
    fs::write(&path, format!("{before}{options}")).expect("the site works");
}

/// Copies `/etc`.
fn copy_etc(to: &Path) {
    let copied = Command::new("cp").arg("-a").arg("/etc").arg(to).status();
    assert!(copied.expect("cp can be run").success());
}

/// Runs a script as root with a network of its own and another `/etc`.
fn in_namespaces(site: &NodeSite, etc: &Path, script: &str) -> String {
    let output = Command::new("unshare")
        .args(["--mount", "--net", "sh", "-ec"])
        .arg(format!(
            "mount --bind {etc} /etc\nip link set lo up\nset +e\n{script}",
            etc = etc.display()
        ))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", site.root())
        .env("SLAPOS_CONFIGURATION", site.path("slapos.cfg"))
        .current_dir(site.root())
        .stdin(Stdio::null())
        .output()
        .expect("unshare can be run");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Returns what the files of users say about those of the node, without their
/// numbers.
fn users(etc: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (name, number) in [("passwd", 2), ("group", 2), ("shadow", 2)] {
        let text = fs::read_to_string(etc.join(name)).expect("it was copied");
        for line in text.lines().filter(|line| line.starts_with("slap")) {
            let mut fields: Vec<&str> = line.split(':').collect();
            fields[number] = "";
            if name == "passwd" {
                fields[3] = "";
            }
            found.push(format!("{name}: {}", fields.join(":")));
        }
    }
    found.sort();
    found
}

#[test]
fn users_addresses_and_interfaces_are_made_once() {
    let site = site();
    let program = site.path("slapos");
    if !is_root() {
        let text = site.run("node format --now").expect(1);
        assert!(text.contains("without root is not supported"), "{text}");
        return;
    }
    let etc = site.path("etc");
    copy_etc(&etc);
    let script = format!(
        "{program} node format --now -v; echo code=$?\nip -o addr show; ip -o link show; ip -6 route show table local; cat /proc/sys/net/ipv6/ip_nonlocal_bind\nstat -c '%n is %U:%G %a' inst/slappart* soft\necho AGAIN\n{program} node format --now -v; echo code=$?",
        program = program.display()
    );
    let text = in_namespaces(&site, &etc, &script);
    let (first, second) = text.split_once("AGAIN\n").expect("both ran");
    // The master is in another network: only it could not be told.
    assert!(first.contains("code=2"), "{text}");
    assert!(second.contains("code=2"), "{text}");
    for number in 0..2 {
        for expected in [
            format!("inet 10.0.0.{number}/32 "),
            format!("inet6 2001:db8::1{number}/64 "),
            format!("local 2001:db8:0:1{number}::/80 dev lo"),
            format!(": slaptap{number}: <"),
            format!("inst/slappart{number} is slapuser{number}:slapuser{number} 750"),
        ] {
            assert!(first.contains(&expected), "{expected}: {text}");
        }
    }
    assert!(first.contains("inet6 2001:db8::1/64 "), "{text}");
    assert!(first.contains("soft is slapsoft:slapsoft 755"), "{text}");
    // What is there is left alone. The log is on the other stream, after all
    // of this.
    let adds = [
        "Running: useradd",
        "Running: usermod",
        "Running: ip addr add",
        "Running: ip tuntap",
        "Running: ip -6 route add",
    ];
    let counts = adds.map(|add| text.matches(add).count());
    assert_eq!(counts, [3, 0, 5, 2, 2], "{text}");

    // The users are those that slapos.core makes.
    configure(
        &site,
        "alter_user = True\nalter_network = False\ncreate_tap = False\npartition_has_ipv6_range = False\n",
    );
    let other = site.path("other-etc");
    copy_etc(&other);
    let script = format!(
        "{} node format --now --cfg slapos.cfg; echo code=$?",
        site.slapos.program("slapos").display()
    );
    let text = in_namespaces(&site, &other, &script);
    assert_eq!(users(&etc), users(&other), "{text}");
    assert_eq!(users(&etc).len(), 9);
}

/// Prints a row of each table but for times, and what may differ between two
/// moments.
const ROWS: &str = r#"
import json, sqlite3, sys
def rows(path, query):
    return sqlite3.connect(path).execute(query).fetchall()
queries = [
    "SELECT partition, pid, process, cpu_num_threads, memory_percent, memory_rss, io_rw_counter, io_cycles_counter, reported FROM user ORDER BY pid",
    "SELECT cpu_num_core, cpu_frequency, cpu_type, memory_size, memory_type, partition_list, reported FROM computer",
    "SELECT partition, mountpoint, reported, typeof(used), typeof(free) FROM disk ORDER BY partition",
    "SELECT partition, disk_used FROM folder ORDER BY partition",
    "SELECT count(*), memory_used + memory_free, typeof(loadavg), cpu_percent BETWEEN 0 AND 100 FROM system",
    "SELECT count(*) FROM temperature",
]
print(json.dumps([[rows(path, query) for query in queries] for path in sys.argv[1:]]))
"#;

#[test]
fn machines_and_processes_are_measured_as_slapos_core_does() {
    if !is_root() {
        // What an ordinary user can measure is measured in another test.
        return;
    }
    let site = NodeSite::new(2);
    let configuration = site.path("slapos.cfg");
    let mut text = fs::read_to_string(&configuration).expect("the site works");
    text.push_str("user_base_name = slapuser\npartition_base_name = slappart\n");
    fs::write(&configuration, &text).expect("the site works");
    let instances = site.path("inst");
    let other = site.path("other");
    fs::create_dir_all(instances.join("var/run")).expect("the site is ours");
    fs::write(site.partition(0).join("data"), vec![1; 3 << 20]).expect("the site is ours");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(&instances)
        .arg(&other)
        .status();
    assert!(copied.expect("cp can be run").success());
    let text = text.replace(
        &format!("instance_root = {}", instances.display()),
        &format!("instance_root = {}", other.display()),
    );
    fs::write(site.path("other.cfg"), text).expect("the site works");
    let etc = site.path("etc");
    copy_etc(&etc);
    let passwd = fs::read_to_string(etc.join("passwd")).expect("it was copied");
    let passwd =
        format!("{passwd}slapuser0:x:42420:42420::/:/bin/sh\nslapuser1:x:42421:42421::/:/bin/sh\n");
    fs::write(etc.join("passwd"), passwd).expect("it was copied");
    // slapos.core cannot do without it, and a machine need not have it.
    let sensors = site.path("bin/sensors");
    fs::create_dir(site.path("bin")).expect("the site is ours");
    fs::write(&sensors, "#!/bin/sh\necho 'No sensors found!'\nexit 1\n").expect("the site is ours");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&sensors, executable).expect("it is ours");
    let script = format!(
        "PATH={bin}:$PATH
for user in 42420 42421; do setpriv --reuid=$user --regid=$user --clear-groups sleep 1000000 & processes=\"$processes $!\"; done
for process in $processes; do until grep -q sleep /proc/$process/comm; do sleep 0.1; done; done
{ours} node collect & our=$!
{theirs} node collect --cfg other.cfg & their=$!
wait $our; echo ours=$?
wait $their; echo theirs=$?
kill $processes",
        bin = site.path("bin").display(),
        ours = site.path("slapos").display(),
        theirs = site.slapos.program("slapos").display(),
    );
    let text = in_namespaces(&site, &etc, &script);
    assert!(
        text.contains("ours=0\n") && text.contains("theirs=0\n"),
        "{text}"
    );
    let database = |root: &Path| root.join("var/data-log/collector.db");
    let output = Command::new(site.slapos.program("python"))
        .args(["-c", ROWS])
        .args([database(&instances), database(&other)])
        .output()
        .expect("Python can be run");
    let rows: Value = serde_json::from_slice(&output.stdout).expect("Python prints JSON");
    assert_eq!(rows[0], rows[1]);
    // Two processes, and the partition with more than a mebibyte.
    assert_eq!(rows[0][0].as_array().map(Vec::len), Some(2));
    assert_eq!(rows[0][3].as_array().map(Vec::len), Some(1));
}
