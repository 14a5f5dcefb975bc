//! From the supply of a release to the removal of everything.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use slapgrid::supervisor::ProcessInfo;

use crate::site::NodeSite;

const SERVICE: &str = "slappart0:greeting-on-watch";

/// Waits for a process to be as it should.
#[track_caller]
pub(crate) fn await_process(
    site: &NodeSite,
    name: &str,
    is_right: impl Fn(Option<&ProcessInfo>) -> bool,
) -> Option<ProcessInfo> {
    for _ in 0..600 {
        let info = site.process(name);
        if is_right(info.as_ref()) {
            return info;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{name} is {:?}", site.process(name));
}

/// Tells whether a process is there and runs.
pub(crate) fn runs(info: Option<&ProcessInfo>) -> bool {
    info.is_some_and(|info| info.state == "RUNNING")
}

#[test]
fn a_release_is_built_and_its_instance_runs_changes_stops_and_goes() {
    let site = NodeSite::new(2);
    let url = site.own_release();

    // The partitions are made known.
    site.run("node format --now").expect(0);
    let resource = fs::read_to_string(site.partition(0).join(".slapos-resource")).unwrap();
    assert!(
        resource.starts_with("{\n    \"address_list\": [\n"),
        "{resource}"
    );
    assert!(site.wanted(0).software_release.is_none());

    // The release is supplied by the real client, and built.
    site.master.slapos(&["supply", &url, "local"]);
    site.run("node software").expect(0);
    let release = site.release(&url);
    assert!(release.join("instance.cfg").exists());
    let marker = fs::metadata(release.join(".completed")).unwrap();
    assert_eq!(
        fs::read_to_string(release.join("buildout.cfg"))
            .unwrap()
            .lines()
            .nth(1),
        Some(&*format!("extends = {url}"))
    );
    // Nothing is left to do.
    let text = site.run("node software").expect(0);
    assert!(!text.contains("Installing"), "{text}");
    assert_eq!(
        fs::metadata(release.join(".completed")).unwrap().ino(),
        marker.ino()
    );

    // An instance is requested by the real client, and installed.
    site.master.slapos(&["request", "hello", &url]);
    let text = site.run("node instance").expect(0);
    assert!(text.contains("Requested start of slappart0..."), "{text}");
    let service = await_process(&site, SERVICE, runs).unwrap();
    let partition = site.partition(0);
    let profile = partition.join("buildout.cfg");
    let mode = fs::metadata(&profile).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o640);
    let profile = fs::read_to_string(profile).unwrap();
    assert!(
        profile.contains(&format!("server-url = {}\n", site.master.url())),
        "{profile}"
    );
    let timestamp = fs::read_to_string(partition.join(".timestamp")).unwrap();
    assert_eq!(Some(timestamp), site.wanted(0).timestamp());
    let delay = fs::read_to_string(partition.join(".slapos-retention-lock-delay")).unwrap();
    assert_eq!(delay, "0.0");
    assert_eq!(
        fs::read_link(partition.join("software_release")).unwrap(),
        release
    );
    // The service is run as the partition's owner.
    let owner = fs::metadata(&partition).unwrap().uid();
    assert_eq!(
        fs::metadata(format!("/proc/{}", service.process))
            .unwrap()
            .uid(),
        owner
    );

    // Another run changes nothing, and neither does slapos.core's node.
    let text = site.run("node instance -v").expect(0);
    assert!(text.contains("Partition already up-to-date."), "{text}");
    let file = fs::read(site.path("inst/etc/supervisord.conf.d/slappart0.conf")).unwrap();
    site.run_python("node instance --force").expect(0);
    assert_eq!(
        fs::read(site.path("inst/etc/supervisord.conf.d/slappart0.conf")).unwrap(),
        file
    );
    let again = await_process(&site, SERVICE, runs).unwrap();
    assert_eq!(again.process, service.process);
    // Ours goes on where that one was.
    let text = site.run("node instance -v").expect(0);
    assert!(text.contains("Partition already up-to-date."), "{text}");

    // People see it.
    let text = site.run("node list").expect(0);
    assert!(
        text.contains("slappart0     started    up to date  hello"),
        "{text}"
    );
    let text = site.run("node status").expect(0);
    assert!(text.contains("RUNNING"), "{text}");

    // A new parameter has it processed; the service did not change.
    site.run(&format!("request hello {url} --parameters colour=red"))
        .expect(0);
    let text = site.run("node instance").expect(0);
    assert!(
        text.contains("Processing Computer Partition slappart0."),
        "{text}"
    );
    assert_eq!(
        await_process(&site, SERVICE, runs).unwrap().process,
        service.process
    );

    // It is stopped, and started again.
    site.run(&format!(
        "request hello {url} --parameters colour=red --state stopped"
    ))
    .expect(0);
    site.run("node instance").expect(0);
    assert!(
        !site
            .path("inst/etc/supervisord.conf.d/slappart0.conf")
            .exists()
    );
    await_process(&site, SERVICE, |info| info.is_none());
    site.run(&format!(
        "request hello {url} --parameters colour=red --state started"
    ))
    .expect(0);
    site.run("node instance").expect(0);
    await_process(&site, SERVICE, runs);

    // It is destroyed: stopped first, removed by the report.
    site.run(&format!(
        "request hello {url} --parameters colour=red --state destroyed"
    ))
    .expect(0);
    site.run("node instance").expect(0);
    await_process(&site, SERVICE, |info| info.is_none());
    assert!(partition.join("buildout.cfg").exists());
    site.run("node report").expect(0);
    assert_eq!(fs::read_dir(&partition).unwrap().count(), 0);
    assert!(site.wanted(0).software_release.is_none());

    // The release goes last.
    site.run(&format!("remove {url} local")).expect(0);
    let text = site.run("node software").expect(0);
    assert!(text.contains("Destroyed"), "{text}");
    assert!(!release.exists());
}

#[test]
fn ours_goes_on_in_the_directories_of_slapos_core() {
    let site = NodeSite::ordinary(1);
    site.run("node format --now").expect(0);
    // Its buildout has no native recipes, and parts need none here.
    let url = site.profile("plain/software.cfg", "[buildout]\nparts =\n");
    site.master.slapos(&["supply", &url, "local"]);
    site.run_python("node software").expect(0);
    let release = site.release(&url);
    fs::write(release.join("instance.cfg"), "[buildout]\nparts =\n").unwrap();
    site.master.slapos(&["request", "plain", &url]);
    site.run_python("node instance").expect(0);
    let profile = fs::read(site.partition(0).join("buildout.cfg")).unwrap();

    let text = site.run("node software").expect(0);
    assert!(!text.contains("Installing"), "{text}");
    let text = site.run("node instance -v").expect(0);
    assert!(text.contains("Partition already up-to-date."), "{text}");
    // The same bytes, also when it is processed.
    site.run("node instance --force").expect(0);
    let again = fs::read(site.partition(0).join("buildout.cfg")).unwrap();
    assert_eq!(String::from_utf8(again), String::from_utf8(profile));
}
