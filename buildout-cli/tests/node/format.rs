//! `slapos node format` beside slapos.core's: as root, each in a network and with an `/etc` of its
//! own, in the same path.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;
use slap::test_master::RealSlapos;

use crate::namespaces::{Namespaces, copy_etc};

/// Where every script sees its directory.
const PLACE: &str = "/mnt";

/// The network: an interface with a neighbour, and one for a gateway. The kernel looks for
/// neighbours with the same address at once: slapos.core waits two seconds, which is what it
/// takes if it begins with the usual pause.
const NETWORK: &str = "
mount -t sysfs sysfs /sys
ip link add lan0 type bridge
ip link add port0 type veth peer name neighbour0
ip link set port0 master lan0
for name in lan0 port0 neighbour0; do ip link set $name up; done
echo 0 > /proc/sys/net/ipv6/conf/lan0/router_solicitation_delay
ip addr add 2001:db8::1/64 dev lan0 nodad
ip link add gate0 type bridge
ip link set gate0 up
ip addr add 192.168.7.1/29 dev gate0
";

/// What each script begins with: the programs.
const PROGRAMS: &str = r#"
ours() { echo "--- ours $*" >> log; "$OURS" node format --now -v "$@" >> log 2>&1; }
theirs() { echo "--- theirs $*" >> log; "$THEIRS" node format --now -v --cfg slapos.cfg "$@" >> log 2>&1; }
state() { python3 "$TOOL" /mnt > "$1.state"; }
configure() { printf '%s\n' "$BASE" "$@" > slapos.cfg; }
"#;

/// Starts a master.
const MASTER: &str = r#"
python3 "$TOOL" --master 5000 posted & master=$!
trap 'kill $master' EXIT
until grep -q ':1388 ' /proc/net/tcp; do sleep 0.1; done
"#;

/// Has slapos.core not wait for the kernel where nobody else could have an address: it sleeps two
/// seconds for each.
const NO_NEIGHBOUR: &str = r#"
echo 0 > /proc/sys/net/ipv6/conf/lan0/accept_dad
mkdir python
echo 'import time; sleep = time.sleep; time.sleep = lambda time: sleep(min(time, 0.05))' > python/sitecustomize.py
export PYTHONPATH=/mnt/python
"#;

/// What all configurations have.
const BASE: &str = "[slapos]
software_root = /mnt/soft
instance_root = /mnt/inst
master_url = http://127.0.0.1:5000
computer_id = COMP-1
[slapformat]
computer_xml = /mnt/computer.xml
computer_json = /mnt/computer.json
partition_base_name = slappart
user_base_name = slapuser
tap_base_name = slaptap
ipv4_local_network = 10.0.0.0/16
";

/// A machine that is formatted.
struct Machine {
    root: tempfile::TempDir,
    namespaces: Namespaces,
    slapos: RealSlapos,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::Builder::new().prefix("format-").tempdir();
        let root = root.expect("a temporary directory can be made");
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(root.path(), everybody).expect("it is ours");
        copy_etc(&root.path().join("etc"));
        let shown = root.path().display();
        let namespaces = Namespaces::with_network(&format!(
            "mount --bind {shown}/etc /etc\nmount --bind {shown} {PLACE}\n{NETWORK}"
        ));
        Machine {
            root,
            namespaces,
            slapos: RealSlapos::installed(env!("CARGO_TARGET_TMPDIR")),
        }
    }

    fn start(&self, script: &str) -> Child {
        let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/format_state.py");
        let mut call = self.namespaces.call(Path::new("/bin/sh"), Path::new(PLACE));
        call.args(["-ec", &format!("{PROGRAMS}\n{script}")])
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", PLACE)
            .env("SLAPOS_CONFIGURATION", format!("{PLACE}/slapos.cfg"))
            .env("TOOL", tool)
            .env("OURS", env!("CARGO_BIN_EXE_slapos"))
            .env("THEIRS", self.slapos.program("slapos"))
            .env("BASE", BASE)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the shell can be run")
    }

    /// Runs a script to its end.
    #[track_caller]
    fn run(&self, script: &str) -> String {
        self.end(self.start(script))
    }

    /// Waits for a script.
    #[track_caller]
    fn end(&self, script: Child) -> String {
        let output = script.wait_with_output().expect("it is a child");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{text}\n{}", self.log());
        text
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn state(&self, name: &str) -> Value {
        let path = self.path(&format!("{name}.state"));
        let text = fs::read_to_string(path).expect("the script wrote it");
        serde_json::from_str(&text).expect("Python writes JSON")
    }

    /// Returns what the master got, in order.
    fn posted(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("posted")).expect("something was posted");
        let documents = text.lines().map(|line| {
            let value: Value = serde_json::from_str(line).expect("Python writes JSON");
            assert_eq!(value[0], "/loadComputerConfigurationFromXML");
            value[1]["xml"][0]
                .as_str()
                .expect("it is a text")
                .to_owned()
        });
        documents.collect()
    }
}

/// Runs a script for each program, side by side, where `format` is ours in one and slapos.core's in
/// the other.
fn run_both(script: &str) -> [Machine; 2] {
    let machines = [Machine::new(), Machine::new()];
    let scripts = ["ours", "theirs"].map(|program| {
        let other = if program == "ours" { "theirs" } else { "ours" };
        format!("{MASTER}format() {{ {program} \"$@\"; }}\nother() {{ {other} \"$@\"; }}\n{script}")
    });
    let children = [
        machines[0].start(&scripts[0]),
        machines[1].start(&scripts[1]),
    ];
    for (machine, child) in machines.iter().zip(children) {
        machine.end(child);
    }
    machines
}

#[track_caller]
fn assert_equal(one: &Value, other: &Value, what: &str) {
    let pretty = |value| serde_json::to_string_pretty(value).expect("it is JSON");
    let (one, other) = (pretty(one), pretty(other));
    let pairs = one.lines().zip(other.lines());
    let differences: Vec<_> = pairs.filter(|(one, other)| one != other).take(10).collect();
    assert!(one == other, "{what}: {differences:#?}");
}

/// Returns the calls of programs that change something, since the last begin of ours.
fn changes(log: &str) -> Vec<&str> {
    let last = log.rsplit("--- ours").next().unwrap_or_default();
    last.lines().filter(|it| it.contains("Running: ")).collect()
}

#[test]
fn everything_is_chosen_and_made_as_slapos_core_does() {
    let machines = run_both(&format!(
        "{NO_NEIGHBOUR}configure 'interface_name = lan0' 'partition_amount = 2' 'create_tun = True' 'tap_gateway_interface = gate0' 'instance_storage_home = /mnt/storage' 'certificate_repository_path = /mnt/certificates'
mkdir -p storage/data1 storage/other
format
state first
other
state second
for name in slaptap0 slaptap1 slaptun0; do ip link del $name; done
ip addr flush dev lan0
ip addr add 2001:db8::1/64 dev lan0 nodad
format
state third"
    ));
    let [ours, theirs] = &machines;
    for name in ["first", "third"] {
        let (ours, theirs) = (ours.state(name), theirs.state(name));
        let taps = &ours["computer"]["partition_list"][1]["tap"];
        assert_eq!(taps["ipv4_addr"], "192.168.7.3", "{taps}");
        assert_equal(&ours, &theirs, name);
    }
    for machine in &machines {
        // Either program goes on with what the other one did, and changes nothing.
        assert_equal(&machine.state("first"), &machine.state("second"), "again");
        assert_equal(&machine.state("first"), &machine.state("third"), "reboot");
        let documents = machine.posted();
        assert_eq!(documents.len(), 3);
        let xml = fs::read_to_string(machine.path("computer.xml")).expect("it is written");
        let load = |text: &str| slap::marshal::loads(text).expect("it is marshalled");
        assert_eq!(load(&documents[2]), load(&xml));
    }
    let log = theirs.log();
    assert!(log.contains("--- ours"), "{log}");
    assert_eq!(changes(&log), [""; 0], "{log}");
}

#[test]
fn without_users_and_network_only_directories_and_files_are_made() {
    let script = "configure 'interface_name = lan0' 'partition_amount = 2' 'alter_user = False' 'alter_network = False' 'root_check = False' 'log_file = /mnt/format.log'
for name in slapuser0 slapuser1; do useradd --system $name; done
format
state first";
    let [ours, theirs] = &run_both(script);
    assert_equal(&ours.state("first"), &theirs.state("first"), "first");
    assert_eq!(ours.state("first")["computer"]["address"], "2001:db8::1");
    assert_eq!(changes(&ours.log()), [""; 0], "{}", ours.log());
    for machine in [ours, theirs] {
        let log = fs::read_to_string(machine.path("format.log")).expect("it is configured");
        assert!(log.contains("Updating computer"), "{log}");
    }
    // More takes root.
    ours.run(
        "configure 'interface_name = lan0' 'partition_amount = 2' 'root_check = False'
code=0
unshare --user --map-user=65534 --map-group=65534 \"$OURS\" node format --now >> log 2>&1 || code=$?
[ $code = 1 ]",
    );
    let log = ours.log();
    assert!(log.contains("without root is not supported"), "{log}");
}

#[test]
fn more_partitions_are_added_around_what_others_have() {
    // What is counted for the second partition is on another interface, and for the third one on
    // another machine. IPv4 addresses change their interface.
    let script = "configure 'interface_name = gate0' 'ipv6_interface = lan0' 'partition_amount = 1' 'create_tap = False'
format
state first
ip addr add 2001:db8::3/128 dev gate0
unshare --net sleep 1000 & neighbour=$!
trap 'kill $master $neighbour' EXIT
until ! [ /proc/self/ns/net -ef /proc/$neighbour/ns/net ]; do sleep 0.1; done
ip link set neighbour0 netns $neighbour
nsenter --net --target $neighbour sh -ec 'ip link set neighbour0 up; ip addr add 2001:db8::4/64 dev neighbour0 nodad'
configure 'interface_name = lan0' 'ipv6_interface = lan0' 'partition_amount = 3' 'create_tap = False'
format
state second
ours
state third";
    let [ours, theirs] = &run_both(script);
    for name in ["first", "second", "third"] {
        assert_equal(&ours.state(name), &theirs.state(name), name);
    }
    for machine in [ours, theirs] {
        assert_equal(&machine.state("second"), &machine.state("third"), "again");
        assert_eq!(changes(&machine.log()), [""; 0], "{}", machine.log());
        let second = machine.state("second");
        let partitions = &second["computer"]["partition_list"];
        for (number, chosen) in ["2001:db8::2", "IPv6 of 1", "IPv6 of 2"].iter().enumerate() {
            assert_eq!(partitions[number]["address_list"][1]["addr"], *chosen);
        }
    }
}

#[test]
fn definitions_say_what_is_made_and_are_written() {
    // Ours writes what it has chosen, and from that slapos.core makes the same elsewhere.
    let first = Machine::new();
    first.run(&format!(
        "{MASTER}configure 'interface_name = lan0' 'partition_amount = 2'
ours -o definition.cfg
state first
ours --dry_run -i definition.cfg
cp definition.cfg written.cfg
ours -i definition.cfg -o definition.cfg
cmp definition.cfg written.cfg
state second"
    ));
    assert_equal(&first.state("first"), &first.state("second"), "again");
    assert_eq!(changes(&first.log()), [""; 0], "{}", first.log());
    let second = Machine::new();
    fs::copy(first.path("definition.cfg"), second.path("definition.cfg")).expect("it is written");
    second.run(&format!(
        "{MASTER}{NO_NEIGHBOUR}configure 'interface_name = lan0' 'partition_amount = 2'
theirs -i definition.cfg
state first"
    ));
    assert_equal(&first.state("first"), &second.state("first"), "defined");
}

#[test]
fn a_format_that_is_killed_is_continued() {
    let machine = Machine::new();
    machine.run(&format!(
        "{MASTER}{NO_NEIGHBOUR}configure 'interface_name = lan0' 'partition_amount = 3' 'create_tun = True' 'tap_gateway_interface = gate0'
killed=0
for time in $(seq 5 25 400); do
  code=0
  timeout --signal KILL $(printf 0.%03d $time) \"$OURS\" node format --now > /dev/null 2>&1 || code=$?
  [ $code = 0 ] || killed=$((killed + 1))
done
[ $killed -gt 3 ]
ours
state first
ours
state second"
    ));
    let first = machine.state("first");
    assert_equal(&first, &machine.state("second"), "again");
    assert_eq!(changes(&machine.log()), [""; 0], "{}", machine.log());
    // Nothing is left of the attempts: each partition has its two addresses, and the machine no more.
    let lan = first["interfaces"]["lan0"]["addresses"].as_array();
    assert_eq!(lan.map(Vec::len), Some(1 + 3 * 2), "{lan:?}");
    assert_eq!(
        first["interfaces"].as_object().map(|it| it.len()),
        Some(5 + 3 * 2)
    );
}

/// A configuration that does not fit the machine, what is said of it, and the advice.
const MISTAKES: [(&str, &str, &str); 12] = [
    (
        "ip addr flush dev lan0\nconfigure 'interface_name = lan0' 'partition_amount = 1'",
        "No IPv6 found on interface lan0 to construct IPv6 with.",
        "ip -6 addr add ADDRESS/64 dev lan0",
    ),
    (
        "configure 'interface_name = lan7' 'partition_amount = 1'",
        "there is no interface lan7",
        "`ip link` shows which there are",
    ),
    (
        "configure 'interface_name = lan0' 'partition_amount = 1' 'tap_gateway_interface = port0'",
        "Could not find IPv4 adress on interface port0.",
        "correct `tap_gateway_interface`",
    ),
    (
        "ip addr add 192.168.8.1/30 dev port0\nconfigure 'interface_name = lan0' 'partition_amount = 3' 'tap_gateway_interface = port0'",
        "Could not create 3 tap interfaces from address 192.168.8.1/30.",
        "in a larger network",
    ),
    (
        "ip addr flush dev lan0\nip addr add 2001:db8::1/120 dev lan0 nodad\nconfigure 'interface_name = lan0' 'partition_amount = 1'",
        "The IPv6 range has prefixlen 136 which is too big",
        "lower `ipv6_prefixshift`",
    ),
    (
        "configure 'interface_name = lan0' 'partition_amount = 5' 'ipv6_prefixshift = 4'",
        "Invalid value for option ipv6_prefixshift: \"4\"",
        "enough bits for four networks of each partition",
    ),
    (
        "configure 'interface_name = lan0' 'partition_amount = 1' 'no_bridge = true'",
        "no_bridge of [slapformat] is not supported",
        "name the bridge with `interface_name`",
    ),
    (
        "configure 'partition_amount = 1'",
        "Missing mandatory parameters: interface_name",
        "interface_name",
    ),
    (
        "ip link add slaptap0 type bridge\nconfigure 'interface_name = lan0' 'partition_amount = 1'",
        "the interface slaptap0 is there, and is no tap interface",
        "tap_base_name",
    ),
    (
        "ip link add cable0 type veth peer name cable1\nip link set cable0 up\nip addr add 2001:db8:1::1/64 dev cable0 nodad\nconfigure 'interface_name = cable0' 'partition_amount = 1'",
        "cable0 does not get to know whether another machine has 2001:db8:1::2",
        "`ip link set cable0 up`",
    ),
    (
        "configure 'interface_name = lan0' 'partition_amount = 1'\nours || true\nconfigure 'interface_name = lan0' 'partition_amount = 0'",
        "Requested amount of computer partitions (0) is lower than already configured (1)",
        "set `partition_amount`",
    ),
    (
        "echo '<marshal/>' > computer.xml\nconfigure 'interface_name = lan0' 'partition_amount = 1'",
        "/mnt/computer.xml: ",
        "restore it from the ZIP file beside it",
    ),
];

#[test]
fn what_does_not_fit_the_machine_is_said_with_advice() {
    for (script, message, hint) in MISTAKES {
        let machine = Machine::new();
        machine.run(&format!("{script}\ncode=0\nours || code=$?\n[ $code = 1 ]"));
        let log = machine.log();
        assert!(log.contains(message), "{message}: {log}");
        let advice = log.rsplit("hint: ").next().unwrap_or_default();
        assert!(advice.contains(hint), "{hint}: {log}");
    }
}
