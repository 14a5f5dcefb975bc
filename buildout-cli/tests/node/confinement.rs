//! Where instances are made: without network but for their master, beside a
//! release that nobody can write to, and on disks that may be full.
//!
//! Each test runs itself again, in namespaces of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use slap::test_master::RealSlapos;

use crate::lifecycle::{await_process, runs};
use crate::site::{NodeSite, is_root};

/// Tells a test that it is in its namespaces; and, if a disk was asked for,
/// where that is.
const INSIDE: &str = "NODE_TEST_INSIDE";

/// Turns loopback on (`SIOCSIFFLAGS` with `IFF_UP` and `IFF_RUNNING`).
const LOOPBACK: &str = "import fcntl, socket, struct; \
    fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh22x', b'lo', 0x41))";

/// Runs a test of this file again: with loopback as its only network, and, of
/// `disk` megabytes if that is no 0, a disk of its own. Returns the place of the
/// disk if this is the run within.
fn in_namespaces(test: &str, disk: u32) -> Option<String> {
    if let Ok(place) = std::env::var(INSIDE) {
        return Some(place);
    }
    // It may have to be fetched.
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let this = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("unshare");
    let mut back = String::new();
    if !is_root() {
        // The disk and the network are made by who is root there; the test is
        // run by who it was.
        command.args(["--user", "--map-root-user"]);
        let own = fs::metadata("/proc/self").expect("it is there");
        back = format!(
            "unshare --user --map-user={} --map-group={} ",
            own.uid(),
            own.gid()
        );
    }
    let mount = match disk {
        0 => String::new(),
        _ => format!("mount -t tmpfs -o size={disk}m none \"$PLACE\" && "),
    };
    let output = command
        .args(["--net", "--mount", "sh", "-c"])
        .arg(format!(
            "\"$PYTHON\" -c \"$LOOPBACK\" && {mount}exec {back}\"$0\" \"$@\""
        ))
        .arg(this)
        .args(["--exact", test, "--nocapture"])
        .env("PYTHON", slapos.program("python"))
        .env("LOOPBACK", LOOPBACK)
        .env("PLACE", place.path())
        .env(INSIDE, place.path())
        .stdin(Stdio::null())
        .output()
        .expect("unshare can be run");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "within its namespaces:\n{text}");
    assert!(text.contains("1 passed"), "{text}");
    None
}

/// Makes a tree one that cannot be written to; where root is, not even by it.
fn make_read_only(tree: &Path) {
    if is_root() {
        for options in [&["--bind"][..], &["-o", "remount,bind,ro"]] {
            let status = Command::new("mount")
                .args(options)
                .args([tree, tree])
                .status();
            assert!(status.expect("mount can be run").success());
        }
        let probe = fs::write(tree.join("probe"), "");
        assert!(probe.is_err(), "it can be written to");
        return;
    }
    let status = Command::new("chmod").args(["-R", "a-w"]).arg(tree).status();
    assert!(status.expect("chmod can be run").success());
}

#[test]
fn instances_need_no_network_and_do_not_write_to_their_release() {
    let test = "confinement::instances_need_no_network_and_do_not_write_to_their_release";
    if in_namespaces(test, 0).is_none() {
        return;
    }
    let site = NodeSite::new(1);
    let url = site.release_with_instance(
        "confined",
        "[buildout]
parts = publish facts greeting
[master]
recipe = slapos.cookbook:slapconfiguration
url = ${slap-connection:server-url}
computer = ${slap-connection:computer-id}
partition = ${slap-connection:partition-id}
[publish]
recipe = slapos.cookbook:publish
colour = ${master:configuration.colour}
[facts]
recipe = plone.recipe.command
command = id -u > user; cat /proc/net/dev > network; touch ${slap-connection:software-release-url}.x 2> release || echo refused >> release
[directory]
recipe = slapos.cookbook:mkdirectory
service = ${buildout:directory}/etc/service
[greeting]
recipe = slapos.cookbook:wrapper
command-line = sleep 1000000
wrapper-path = ${directory:service}/greeting
",
    );
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    make_read_only(&site.path("soft"));
    let request = format!("request confined {url} --parameters colour=red");
    site.run(&request).expect(0);
    site.run("node instance").expect(0);
    let partition = site.partition(0);
    let fact = |name: &str| fs::read_to_string(partition.join(name)).unwrap();
    let owner = fs::metadata(&partition).unwrap().uid();
    assert_eq!(fact("user").trim(), owner.to_string());
    if is_root() {
        assert_ne!(owner, 0);
    }
    // Two lines of headings, and loopback.
    let network = fact("network");
    assert_eq!(network.lines().count(), 3, "{network}");
    assert!(network.contains("lo:"), "{network}");
    assert!(site.run(&request).expect(0).contains("\"colour\": \"red\""));
    await_process(&site, "slappart0:greeting-on-watch", runs);
    // It goes on so.
    site.run("node instance --force").expect(0);
    let text = site.run("node software").expect(0);
    assert!(!text.contains("Installing"), "{text}");
}

/// Downloads are refused whether or not there is a network: the node says
/// `offline` after all that the release says.
#[test]
fn instances_download_nothing_whatever_their_profile_says() {
    let site = NodeSite::new(1);
    let file = site.profile("payload", "something");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = site.release_with_instance(
        "online",
        &format!(
            "[buildout]
parts = payload
offline = false
[payload]
recipe = slapos.recipe.build:download
url = http://{address}{file}
"
        ),
    );
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    site.run(&format!("request online {url}")).expect(0);
    let text = site.run("node instance").expect(1);
    assert!(text.contains("offline"), "{text}");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody has asked");
}

#[test]
fn a_full_disk_is_reported_and_forgotten_when_there_is_space() {
    let test = "confinement::a_full_disk_is_reported_and_forgotten_when_there_is_space";
    let Some(disk) = in_namespaces(test, 24) else {
        return;
    };
    let site = NodeSite::new(2);
    // The instances are on the small disk.
    let instances = Path::new(&disk).join("inst");
    fs::remove_dir_all(site.path("inst")).unwrap();
    for path in [Path::new(&disk), &instances] {
        let _ = fs::create_dir(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(&instances, site.path("inst")).unwrap();
    site.give(&instances);
    for number in 0..2 {
        let path = site.partition(number);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        site.give(&path);
    }
    let text = fs::read_to_string(site.path("slapos.cfg")).unwrap();
    let text = text.replace(
        "instance_min_free_space = 1M",
        "instance_min_free_space = 0",
    );
    fs::write(site.path("slapos.cfg"), text).unwrap();
    let url = site.own_release();
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    let request = |colour: &str| {
        for number in 0..2 {
            let words = format!("request hello{number} {url} --parameters colour={colour}");
            site.run(&words).expect(0);
        }
    };
    request("red");
    site.run("node instance").expect(0);
    let services = ["slappart0", "slappart1"].map(|name| format!("{name}:greeting-on-watch"));
    let processes = || {
        services
            .each_ref()
            .map(|name| await_process(&site, name, runs).map(|info| info.process))
    };
    let first = processes();
    let profile = site.partition(0).join("buildout.cfg");
    let written = fs::read(&profile).unwrap();

    // Some pages come free in a pass; the next profile needs more of them.
    let template = site.release(&url).join("instance.cfg");
    let mut text = fs::read_to_string(&template).unwrap();
    text.push_str(&"\n# Nothing.".repeat(10_000));
    fs::write(&template, text).unwrap();
    let filler = instances.join("filler");
    fill(&filler);
    request("blue");
    let text = site.run("node instance").expect(1);
    assert!(text.contains("No space left on device"), "{text}");
    // What was there is there, and runs.
    assert_eq!(fs::read(&profile).unwrap(), written);
    assert_eq!(processes(), first);
    // It stays so as long as there is no space, and is told in each pass.
    let text = site.run("node instance").expect(1);
    assert!(text.contains("No space left on device"), "{text}");

    fs::remove_file(&filler).unwrap();
    site.run("node instance").expect(0);
    assert_eq!(processes(), first);
    for number in 0..2 {
        let partition = site.partition(number);
        let timestamp = fs::read_to_string(partition.join(".timestamp")).unwrap();
        assert_eq!(Some(timestamp), site.wanted(number).timestamp());
        let names = fs::read_dir(&partition).unwrap().flatten();
        let left = names.filter(|entry| entry.file_name().to_string_lossy().ends_with(".tmp"));
        assert_eq!(left.count(), 0);
        let error = format!(".slapgrid-slappart{number}-error.log");
        assert!(!partition.join(error).exists());
    }
}

/// Takes all the space that is left.
fn fill(filler: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(filler).expect("its inode fits");
    let mut size = 1 << 20;
    while size > 0 {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
        size /= 2;
    }
}
