//! Our client with the real master, `slapos proxy`.

use buildout_core::value::{Dict, Value};
use slap::test_master::{COMPUTER_ID, Loopback, RealSlapos, TestMaster};
use slap::{
    HttpMaster, HttpMasterOptions, InstanceRequest, Master, PartitionReference, ProductQuery,
    SlapError,
};

const SOFTWARE: &str = "https://software.example/software.cfg?a=1&b=<2>";

struct Site {
    directory: tempfile::TempDir,
    master: TestMaster,
}

impl Site {
    fn start(partitions: &[&str]) -> Self {
        let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let master = TestMaster::start(&slapos, directory.path());
        master.format(partitions);
        Site { directory, master }
    }
}

fn parameters(entries: &[(&str, &str)]) -> Dict {
    let mut dict = Dict::new();
    for (name, value) in entries {
        dict.insert_str(*name, *value);
    }
    dict
}

fn repr(dict: &Dict) -> String {
    Value::Dict(dict.clone()).repr()
}

#[test]
fn an_instance_is_requested_published_and_destroyed() {
    let site = Site::start(&["slappart0", "slappart1"]);
    let master = site.master.client();
    let supplied = master.supply(SOFTWARE, COMPUTER_ID, "available");
    assert_eq!(
        supplied.expect("the master takes it"),
        format!("Supplied '{SOFTWARE}' to be available")
    );

    let mut request = InstanceRequest::new(SOFTWARE, "first");
    request.parameters = parameters(&[("name", "é <&> \"'"), ("empty", "")]);
    let instance = master.request(None, &request).expect("there is a place");
    let partition = PartitionReference::new(COMPUTER_ID, "slappart0");
    assert_eq!(instance.partition.as_ref(), Some(&partition));
    assert_eq!(instance.instance_guid.as_deref(), Some("local-slappart0"));
    assert_eq!(instance.requested_state.as_deref(), Some("started"));
    assert_eq!(instance.software_release.as_deref(), Some(SOFTWARE));
    assert_eq!(instance.software_type.as_deref(), Some("default"));
    assert!(instance.connection.is_empty());
    assert!(matches!(
        instance.connection_parameter("url"),
        Err(SlapError::NotFound { subject, .. }) if subject == "url not found"
    ));

    let computer = master
        .full_computer_information(COMPUTER_ID)
        .expect("the computer is known");
    assert_eq!(computer.computer_id, COMPUTER_ID);
    let [release] = &computer.software_releases[..] else {
        panic!("{computer:?}");
    };
    assert_eq!(release.url, SOFTWARE);
    assert!(!release.is_destroyed());
    let [busy, free] = &computer.partitions[..] else {
        panic!("{computer:?}");
    };
    assert_eq!(busy.reference, partition);
    assert_eq!(busy.state().ok(), Some("started"));
    assert_eq!(busy.software_release().expect("it is busy").url, SOFTWARE);
    assert_eq!(busy.software_type().ok(), Some("default"));
    assert_eq!(
        busy.parameters.get_str("name").and_then(Value::as_str),
        Some("é <&> \"'")
    );
    assert!(busy.timestamp().is_some());
    assert_eq!(free.state().ok(), Some("destroyed"));
    assert!(
        free.software_release()
            .expect_err("it is free")
            .is_not_found()
    );
    assert!(free.software_type().expect_err("it is free").is_not_ready());
    let registered = master.computer_partition(&partition);
    assert_eq!(&registered.expect("the partition is known"), busy);

    // The same request changes nothing, another parameter does.
    let timestamp = |name| {
        let partition = PartitionReference::new(COMPUTER_ID, name);
        let partition = master.computer_partition(&partition);
        partition.expect("the partition is known").timestamp()
    };
    let before = timestamp("slappart0");
    master.request(None, &request).expect("it is there");
    assert_eq!(timestamp("slappart0"), before);
    request.parameters.insert_str("name", "other");
    master.request(None, &request).expect("it is there");
    let changed = timestamp("slappart0");
    assert_ne!(changed, before);

    // A child, in the name of the partition; what it publishes reaches both.
    let mut child = InstanceRequest::new(SOFTWARE, "child");
    child.software_type = Some("special".to_owned());
    child.state = Some("stopped".to_owned());
    child.filter = parameters(&[("computer_guid", COMPUTER_ID)]);
    let instance = master
        .request(Some(&partition), &child)
        .expect("there is a place");
    assert_eq!(instance.requested_state.as_deref(), Some("stopped"));
    assert_eq!(instance.software_type.as_deref(), Some("special"));
    let of_child = instance.partition.expect("it has a place");
    let connection = parameters(&[("url", "http://[::1]/?a&b"), ("_", "{\"x\": [1, \"<\"]}")]);
    master
        .set_connection(&of_child, &connection, None)
        .expect("it is taken");
    let instance = master
        .request(Some(&partition), &child)
        .expect("it is there");
    assert_eq!(repr(&instance.connection), {
        let mut sorted = Dict::new();
        sorted.insert_str("_", "{\"x\": [1, \"<\"]}");
        sorted.insert_str("url", "http://[::1]/?a&b");
        repr(&sorted)
    });
    assert_ne!(timestamp("slappart0"), changed);

    // No third place.
    let error = master
        .request(None, &InstanceRequest::new(SOFTWARE, "third"))
        .expect_err("both are busy");
    assert!(error.is_not_found());
    assert_eq!(
        error.hint().as_deref(),
        Some("the master says: No free computer partition found for: third")
    );

    // A shared instance in the child.
    let mut shared = InstanceRequest::new(SOFTWARE, "entry");
    shared.software_type = Some("special".to_owned());
    shared.is_shared = true;
    let entry = master
        .request(Some(&partition), &shared)
        .expect("the child can host it");
    assert_eq!((entry.instance_guid, entry.requested_state), (None, None));
    let host = master.computer_partition(&of_child).expect("it is known");
    let hosted = host.parameters.get_str("slave_instance_list");
    let hosted = hosted.expect("it hosts one").repr();
    assert!(
        hosted.contains("first_entry") || hosted.contains("entry"),
        "{hosted}"
    );
    let reference = {
        let Some(Value::List(entries)) = host.parameters.get_str("slave_instance_list") else {
            panic!("{hosted}");
        };
        let Value::Dict(entry) = &entries[0] else {
            panic!("{hosted}");
        };
        entry
            .get_str("slave_reference")
            .and_then(Value::as_str)
            .expect("it has a reference")
            .to_owned()
    };
    master
        .set_connection(&of_child, &parameters(&[("u", "1")]), Some(&reference))
        .expect("it is taken");
    let entry = master
        .request(Some(&partition), &shared)
        .expect("it is there");
    assert_eq!(repr(&entry.connection), "{'u': '1'}");

    // A root waits for its children; then all is free again.
    assert_eq!(
        master.destroyed(&partition).expect("the master answers"),
        "Not destroying yet because this partition has child partitions: child"
    );
    assert_eq!(
        master.destroyed(&of_child).expect("the master answers"),
        "OK"
    );
    assert_eq!(
        master.destroyed(&partition).expect("the master answers"),
        "OK"
    );
    master
        .destroyed_software_release(SOFTWARE, COMPUTER_ID)
        .expect("it is gone");
    let computer = master.full_computer_information(COMPUTER_ID);
    assert!(computer.expect("it is known").software_releases.is_empty());
}

#[test]
fn reports_are_taken() {
    let site = Site::start(&["slappart0"]);
    let master = site.master.client();
    let request = InstanceRequest::new(SOFTWARE, "first");
    let instance = master.request(None, &request).expect("there is a place");
    let partition = instance.partition.expect("it has a place");
    for result in [
        master.building_software_release(SOFTWARE, COMPUTER_ID),
        master.available_software_release(SOFTWARE, COMPUTER_ID),
        master.software_release_error(SOFTWARE, COMPUTER_ID, "it\nfailed"),
        master.started(&partition),
        master.stopped(&partition),
        master.instance_error(&partition, "it failed", None),
        master.instance_error(&partition, "it failed", Some("entry")),
        master.instance_bang(&partition, "again"),
        master.computer_bang(COMPUTER_ID, "again"),
        master.report_usage(COMPUTER_ID, "<usage/>"),
        master.report_usage(COMPUTER_ID, ""),
        master.rename_instance(&partition, "renamed", None),
    ] {
        result.expect("the master takes it");
    }
    let renamed = master.computer_partition(&partition).expect("it is known");
    let title = renamed.parameters.get_str("instance_title");
    assert_eq!(title.and_then(Value::as_str), Some("renamed"));
    let certificate = master.partition_certificate(&partition);
    assert_eq!(certificate.expect("it answers").certificate, "");
    assert_eq!(
        master.partition_status(&partition).expect("it answers"),
        Value::from("Not implemented.")
    );
    assert_eq!(master.run_id().expect("it answers").len(), 32);
    let releases = master.releases_of_product(&ProductQuery::Product("kvm"));
    assert!(releases.expect("it answers").is_empty());

    // What this master does not have, or fails at.
    let missing = master.set_related_instances(&partition, &["a".to_owned()]);
    assert!(missing.expect_err("it has not").is_not_found());
    assert!(master.hateoas_url().expect_err("it has not").is_not_found());
    assert!(
        master
            .tree_addresses(&partition)
            .is_err_and(|error| error.is_not_found())
    );
    let unknown = master.releases_of_product(&ProductQuery::SameProductAs(SOFTWARE));
    let unknown = unknown.expect_err("it fails");
    assert!(
        matches!(unknown, SlapError::Server { status: 500, .. }),
        "{unknown}"
    );
    assert!(unknown.is_master_lost());
    assert_eq!(
        unknown.to_string(),
        format!(
            "500 Server Error: INTERNAL SERVER ERROR for url: \
             {}/getSoftwareReleaseListFromSoftwareProduct?software_release_url=\
             https%3A%2F%2Fsoftware.example%2Fsoftware.cfg%3Fa%3D1%26b%3D%3C2%3E",
            site.master.url()
        )
    );
    let stranger = PartitionReference::new(COMPUTER_ID, "slappart9");
    let refused = master.request(Some(&stranger), &request);
    assert!(matches!(
        refused.expect_err("there is no such partition"),
        SlapError::Status { status: 400, .. }
    ));
}

#[test]
fn the_real_command_line_sees_what_we_did() {
    let site = Site::start(&["slappart0"]);
    let master = site.master.client();
    let mut request = InstanceRequest::new(SOFTWARE, "first");
    request.parameters = parameters(&[("name", "value")]);
    let instance = master.request(None, &request).expect("there is a place");
    let partition = instance.partition.expect("it has a place");
    master
        .set_connection(&partition, &parameters(&[("url", "http://x/?a&b")]), None)
        .expect("it is taken");
    let shown = site.master.slapos(&["service info", "first"]);
    for expected in ["http://x/?a&b", "'name': 'value'", SOFTWARE] {
        assert!(
            shown.contains(expected) || shown.contains(&expected.replace('\'', "\"")),
            "{expected}\n{shown}"
        );
    }
    assert!(site.directory.path().join("proxy.db").exists());
}

#[test]
fn a_master_is_reached_at_an_address_of_the_newer_kind() {
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut master = TestMaster::start_at(&slapos, directory.path(), Loopback::V6);
    master.format(&["slappart0"]);
    // As many write it, without brackets.
    let url = master.url().replace(['[', ']'], "");
    let client = HttpMaster::new(HttpMasterOptions::new(url));
    let computer = client.full_computer_information(COMPUTER_ID);
    assert_eq!(computer.expect("it is known").partitions.len(), 1);

    master.stop();
    let error = client.run_id().expect_err("nobody listens");
    assert!(error.is_master_lost());
    let text = error.to_string();
    assert!(
        text.starts_with("Couldn't connect to the server."),
        "{text}"
    );
    assert!(text.contains("[Errno 111] Connection refused"), "{text}");
    master.restart();
    let computer = client.full_computer_information(COMPUTER_ID);
    assert_eq!(computer.expect("it is known").partitions.len(), 1);
}
