//! What `manager_list` adds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use slap::test_master::COMPUTER_ID;
use slap::{InstanceRequest, Master as _};
use slapgrid::supervisor::ProcessInfo;

use crate::lifecycle::await_process;
use crate::namespaces::Namespaces;
use crate::site::{NodeSite, Outcome, Whose, outcome};

/// A node with managers and an instance without parts.
pub(crate) fn managed(site: NodeSite, managers: &str) -> NodeSite {
    let configuration = site.path("slapos.cfg");
    let text = fs::read_to_string(&configuration).expect("the site works");
    let text = text.replacen(
        "[slapos]\n",
        &format!("[slapos]\nmanager_list = {managers}\n"),
        1,
    );
    fs::write(&configuration, text).expect("the site works");
    site.run("node format --now").expect(0);
    let url = site.profile("plain/software.cfg", "[buildout]\nparts =\n");
    let user = site.master.client();
    user.supply(&url, COMPUTER_ID, "available")
        .expect("the master answers");
    site.run("node software").expect(0);
    fs::write(
        site.release(&url).join("instance.cfg"),
        "[buildout]\nparts =\n",
    )
    .expect("the site works");
    request(&site, "started");
    site
}

pub(crate) fn request(site: &NodeSite, state: &str) {
    let url = site.path("profiles/plain/software.cfg");
    let mut request = InstanceRequest::new(url.to_string_lossy(), "plain");
    request.state = Some(state.to_owned());
    let user = site.master.client();
    user.request(None, &request).expect("the master answers");
}

pub(crate) fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("the site is ours");
    fs::write(path, text).expect("the site is ours");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

pub(crate) fn runs(info: Option<&ProcessInfo>) -> bool {
    info.is_some_and(|info| info.state == "RUNNING")
}

#[test]
fn a_partition_is_removed_when_its_last_programs_have_ended() {
    let site = managed(NodeSite::new(1), "prerm");
    site.run("node instance").expect(0);
    let go = site.path("go");
    let text = format!(
        "#!/bin/sh\nuntil test -e {}; do sleep 0.1; done\n",
        go.display()
    );
    program(&site.partition(0).join("etc/prerm/save"), &text);
    request(&site, "destroyed");
    let text = site.run("node report").expect(0);
    assert!(
        text.contains("Starting pre-delete process 'slappart0-prerm:save'..."),
        "{text}"
    );
    assert!(
        text.contains("There are running processes into the partition"),
        "{text}"
    );
    let first = await_process(&site, "slappart0-prerm:save", runs).expect("it runs");
    // Another run starts nothing again.
    site.run("node report").expect(0);
    let second = site.process("slappart0-prerm:save").expect("it is there");
    assert_eq!(first.process, second.process);
    assert!(site.partition(0).join("buildout.cfg").exists());
    fs::write(&go, "").expect("the site is ours");
    await_process(&site, "slappart0-prerm:save", |info| {
        info.is_some_and(|info| info.state == "EXITED")
    });
    site.run("node report").expect(0);
    assert_eq!(
        fs::read_dir(site.partition(0))
            .expect("it is there")
            .count(),
        0
    );
    assert!(site.process("slappart0-prerm:save").is_none());
    assert!(site.wanted(0).software_release.is_none());
}

#[test]
fn ports_lead_to_partitions_as_with_slapos_core() {
    let site = managed(NodeSite::ordinary(1), "portredir");
    site.run("node instance").expect(0);
    // What is carried is socat's business; here it only has to be run.
    program(&site.path("bin/socat"), "#!/bin/sh\nexec sleep 1000000\n");
    let path = format!("{}:/usr/bin:/bin", site.path("bin").display());
    let ours = |words: &str| -> Outcome { outcome(site.command(words).env("PATH", &path)) };
    let request = site.partition(0).join(".slapos-port-redirect");
    let text = r#"[{"srcPort": 12345, "destPort": "80", "destAddress": "::1"},
        {"type": "udp", "srcPort": 12346, "srcAddress": "127.0.0.1", "destPort": 53, "destAddress": "10.0.0.1"},
        {"srcPort": "high", "destPort": 1, "destAddress": "::1"}]"#;
    fs::write(&request, text).expect("the site is ours");
    let missing = site.run("node instance").expect(1);
    assert!(
        missing.contains("the program socat is not installed"),
        "{missing}"
    );
    let told = ours("node instance").expect(0);
    assert!(
        told.contains("Bad port provided: srcPort = \"high\""),
        "{told}"
    );
    let name = "slappart0-socat:socat-tcp-12345";
    let process = await_process(&site, name, runs).expect("it runs").process;
    let file: PathBuf = site.path("inst/etc/supervisord.conf.d/slappart0-socat.conf");
    let written = fs::read_to_string(&file).expect("it was written");
    // slapos.core writes the same, so nothing is started anew.
    outcome(site.python_command("node instance").env("PATH", &path)).expect(0);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), written);
    assert_eq!(site.process(name).expect("it runs").process, process);
    // Also when the whole partition is processed, ports stay open.
    ours("node instance --force").expect(0);
    assert_eq!(site.process(name).expect("it runs").process, process);
    fs::remove_file(&request).expect("it was written");
    ours("node instance").expect(0);
    let end = Instant::now() + Duration::from_secs(60);
    while site.process(name).is_some() {
        assert!(Instant::now() < end, "it goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!file.exists());
}

#[test]
fn disks_that_are_none_are_not_given_away() {
    let site = managed(NodeSite::new(1), "devperm");
    let request = site.partition(0).join(".slapos-disk-permission");
    fs::write(
        &request,
        "[{\"disk\": \"/etc/passwd\"}, {\"disk\": \"/nothing\"}, {}]",
    )
    .expect("the site is ours");
    let text = site.run("node instance").expect(0);
    assert!(
        text.contains("Disk \"/etc/passwd\" is not detected by lsblk list"),
        "{text}"
    );
    assert!(text.contains("Problem resolving link: /nothing"), "{text}");
    assert!(text.contains("Disk is None: {}"), "{text}");
}

#[test]
fn disks_are_given_away_as_with_slapos_core() {
    let site = managed(NodeSite::new(1), "devperm");
    site.run("node instance").expect(0);
    let list = Command::new("lsblk")
        .args(["--noheadings", "--nodeps", "--output", "PATH,TYPE,MAJ:MIN"])
        .output()
        .expect("lsblk can be run");
    let list = String::from_utf8(list.stdout).expect("it is a text");
    let disk = list.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [path, "disk", numbers] => Some((path, numbers.replace(':', " "))),
            _ => None,
        }
    });
    let (disk, numbers) = disk.expect("this test needs a machine with a disk that lsblk lists");
    // Only its file is given away, and that is in devices of the test's own.
    let namespaces = Namespaces::of_mounts(&format!(
        "cd {base}
mkdir dev
mount -t tmpfs dev dev
cp -a /dev/null /dev/zero /dev/random /dev/urandom dev
mkdir -m 1777 dev/shm
mount --move dev /dev
mkdir -p $(dirname {disk})
mknod {disk} b {numbers}",
        base = site.root().display()
    ));
    let link = site.path("disk");
    std::os::unix::fs::symlink(disk, &link).expect("the site is ours");
    let request = site.partition(0).join(".slapos-disk-permission");
    let text = format!("[{{\"disk\": \"{}\"}}]", link.display());
    fs::write(&request, text).expect("the site is ours");
    let configuration = site.path("slapos.cfg");
    let unlimited = fs::read_to_string(&configuration).expect("the site works");
    let limited =
        |to: &str| format!("{unlimited}[manager/devperm]\nallowed-disk-for-vm =\n  {to}\n");
    let system = |words: &str| {
        let mut command = namespaces.call(Path::new("sh"), site.root());
        outcome(command.args(["-c", words])).expect(0)
    };
    let owner = || system(&format!("stat -c %U:%G {disk}"));
    let before = owner();
    let begin = format!("chown {} {disk}", before.trim());
    for whose in [Whose::Ours, Whose::Theirs] {
        let pass = site.command_of(whose, "node instance");
        let run = || outcome(&mut namespaces.entered(&pass)).expect(0);
        fs::write(&configuration, limited("/dev/other")).expect("the site works");
        let told = run();
        let refusal = format!("Disk {disk} not in allowed disk list /dev/other");
        assert!(told.contains(&refusal), "{told}");
        assert_eq!(owner(), before);
        for text in [&unlimited, &limited(disk)] {
            fs::write(&configuration, text).expect("the site works");
            let told = run();
            let transfer = format!("Transfer ownership of {disk} to nobody");
            assert!(told.contains(&transfer), "{told}");
            assert_eq!(owner(), "nobody:disk\n");
            // It is only told of once.
            assert!(!run().contains("Transfer ownership"));
            system(&begin);
        }
    }
}
