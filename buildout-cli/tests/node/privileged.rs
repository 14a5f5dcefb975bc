//! What only root can do, with files of users of its own: measuring other users' processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::namespaces::{copy_etc, in_namespaces};
use crate::site::{NodeSite, is_root, outcome};

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
    let mut command = in_namespaces(&etc, &format!("set +e\n{script}"));
    command
        .env("HOME", site.root())
        .env("SLAPOS_CONFIGURATION", site.path("slapos.cfg"))
        .current_dir(site.root());
    let text = outcome(&mut command).text;
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
