//! What the real node, the real command line and the real master said to each
//! other (slapos.core 1.26.1), read and said again by us.

use std::collections::BTreeMap;

use buildout_core::value::{Dict, Value};
use serde_json::Value as Json;
use slap::json_rpc::{JsonRpc, NewInstance};
use slap::marshal::{dumps_item, loads, loads_item};
use slap::{
    Answer, InstanceRequest, Master, Method, PartitionReference, ProductQuery, ReplayMaster,
    SlapError,
};

const TRAFFIC: &str = include_str!("data/traffic.jsonl");

struct Recorded {
    /// Whether it was slapos.core that asked, and not a hand-made request.
    by_client: bool,
    method: Method,
    path: String,
    query: String,
    authorization: Option<String>,
    body: String,
    answer: Answer,
}

impl Recorded {
    fn all() -> Vec<Self> {
        TRAFFIC.lines().map(Self::read).collect()
    }

    fn read(line: &str) -> Self {
        let line: Json = serde_json::from_str(line).expect("a line of JSON");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let target = text("path");
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let content_type = line["content_type"].as_str();
        Recorded {
            by_client: line["client"] == true,
            method: match (line["method"].as_str(), content_type) {
                (Some("GET"), _) => Method::Get,
                (_, Some("application/json")) => Method::PostJson,
                _ => Method::Post,
            },
            path: path.to_owned(),
            query: query.to_owned(),
            authorization: line["authorization"].as_str().map(ToOwned::to_owned),
            body: text("request"),
            answer: Answer {
                status: line["status"].as_u64().expect("a status") as u16,
                body: text("answer"),
                ..Answer::ok("http://master.example/", "")
            },
        }
    }

    /// Returns the fields of the form or the query.
    fn fields(&self) -> BTreeMap<String, String> {
        let text = match self.method {
            Method::Get => &self.query,
            Method::Post => &self.body,
            Method::PostJson => "",
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), unquote_plus(value)))
            .collect()
    }

    fn prepared(&self) -> ReplayMaster {
        let master = ReplayMaster::new();
        master.answer(&self.path, self.answer.clone());
        master
    }
}

fn unquote_plus(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                let digits = std::str::from_utf8(&digits).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn dict(document: &str) -> Dict {
    match loads(document).expect("a document") {
        Value::Dict(dict) => dict,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_document_is_written_as_it_was_read() {
    let mut count = 0;
    for recorded in Recorded::all() {
        let mut documents: Vec<String> = recorded.fields().into_values().collect();
        documents.push(recorded.answer.body.clone());
        for document in documents {
            if document.starts_with("<marshal>") {
                let item = loads_item(&document).expect(&document);
                assert_eq!(dumps_item(&item).expect(&document), document);
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count} documents");
}

#[test]
fn what_slapos_core_said_is_said_again() {
    let mut count = 0;
    for recorded in Recorded::all() {
        if !recorded.by_client || recorded.method == Method::PostJson {
            continue;
        }
        count += 1;
        let fields = recorded.fields();
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let partition =
            PartitionReference::new(field("computer_id"), field("computer_partition_id"));
        let (url, computer) = (field("url"), field("computer_id"));
        let slave = Some(field("slave_reference"));
        let master = recorded.prepared();
        let result = match &*recorded.path {
            "getHateoasUrl" => master.hateoas_url().map(drop),
            "loadComputerConfigurationFromXML" => {
                let configuration = loads(field("xml")).expect("a document");
                master.load_computer_configuration(&configuration)
            }
            "supplySupply" => master.supply(url, computer, field("state")).map(drop),
            "requestComputerPartition" => {
                let state = loads(field("state")).expect("a document");
                let shared = loads(field("shared_xml")).expect("a document");
                let request = InstanceRequest {
                    software_release: field("software_release").to_owned(),
                    software_type: Some(field("software_type").to_owned()),
                    title: field("partition_reference").to_owned(),
                    is_shared: shared.is_truthy(),
                    parameters: dict(field("partition_parameter_xml")),
                    filter: dict(field("filter_xml")),
                    state: state.as_str().map(ToOwned::to_owned),
                };
                let requester = recorded.authorization.is_some().then_some(&partition);
                master.request(requester, &request).map(drop)
            }
            "getFullComputerInformation" => master.full_computer_information(computer).map(drop),
            "registerComputerPartition" => master
                .computer_partition(&PartitionReference::new(
                    field("computer_reference"),
                    field("computer_partition_reference"),
                ))
                .map(drop),
            "buildingSoftwareRelease" => master.building_software_release(url, computer),
            "availableSoftwareRelease" => master.available_software_release(url, computer),
            "destroyedSoftwareRelease" => master.destroyed_software_release(url, computer),
            "softwareReleaseError" => {
                master.software_release_error(url, computer, field("error_log"))
            }
            "softwareInstanceError" => master.instance_error(&partition, field("error_log"), slave),
            "startedComputerPartition" => master.started(&partition),
            "stoppedComputerPartition" => master.stopped(&partition),
            "destroyedComputerPartition" => master.destroyed(&partition).map(drop),
            "softwareInstanceBang" => master.instance_bang(&partition, field("message")),
            "softwareInstanceRename" => {
                master.rename_instance(&partition, field("new_name"), slave)
            }
            "setComputerPartitionConnectionXml" => {
                let slave = slave.filter(|slave| *slave != "None");
                master.set_connection(&partition, &dict(field("connection_xml")), slave)
            }
            "getComputerPartitionCertificate" => master.partition_certificate(&partition).map(drop),
            "getSoftwareReleaseListFromSoftwareProduct" => {
                let product = ProductQuery::Product(field("software_product_reference"));
                master.releases_of_product(&product).map(drop)
            }
            "updateComputerPartitionRelatedInstanceList" => {
                let Value::List(titles) = loads(field("instance_reference_xml")).expect("a list")
                else {
                    panic!("{}", recorded.body);
                };
                let titles: Vec<_> = titles.iter().map(Value::to_string).collect();
                master.set_related_instances(&partition, &titles)
            }
            "computerBang" => master.computer_bang(computer, field("message")),
            "useComputer" => master.report_usage(computer, field("use_string")),
            other => panic!("nothing says `{other}`"),
        };
        let asked = master.asked();
        let asked = asked.first().expect("one was asked");
        assert_eq!(asked.method, recorded.method, "{}", recorded.path);
        let target = match recorded.query.as_str() {
            "" => recorded.path.clone(),
            query => format!("{}?{query}", recorded.path),
        };
        assert_eq!(asked.target(), target);
        assert_eq!(asked.body().unwrap_or_default(), recorded.body);
        let authorization = asked
            .partition
            .as_ref()
            .map(PartitionReference::authorization);
        assert_eq!(authorization, recorded.authorization, "{}", recorded.path);
        match (recorded.answer.status, result) {
            (200, result) => result.expect(&recorded.body),
            (404, Err(error)) => assert!(error.is_not_found(), "{error}"),
            (500, Err(error)) => assert!(matches!(error, SlapError::Server { .. }), "{error}"),
            (400, Err(error)) => assert!(matches!(error, SlapError::Status { .. }), "{error}"),
            (status, result) => panic!("{status}: {result:?}"),
        }
    }
    assert!(count > 30, "{count} exchanges");
}

#[test]
fn the_newer_interface_is_understood() {
    let mut count = 0;
    for recorded in Recorded::all() {
        if recorded.method != Method::PostJson {
            continue;
        }
        count += 1;
        let master = recorded.prepared();
        let rpc = JsonRpc::new(&master);
        let arguments: Json = serde_json::from_str(&recorded.body).expect("JSON");
        let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let computer = text("computer_guid");
        let guid = text("instance_guid");
        let url = text("software_release_uri");
        let name = recorded.path.strip_prefix("slapos.").expect("its name");
        let result = match name {
            "get.v0.hateoas_url" => rpc.hateoas_url().map(drop),
            "allDocs.v0.compute_node_software_installation_list" => {
                rpc.installations(&computer).map(drop)
            }
            "allDocs.v0.compute_node_instance_list" => rpc.instances(&computer).map(drop),
            "allDocs.v0.instance_node_instance_list" => rpc.hosted_instances(&guid).map(drop),
            "allDocs.v0.instance_tree_list" => rpc.instance_trees().map(drop),
            "allDocs.WIP.compute_node_list" => rpc.computers().map(drop),
            "get.v0.software_instance" => rpc.instance(&guid).map(drop),
            "get.v0.compute_partition" => {
                let partition = PartitionReference::new(computer, text("compute_partition_id"));
                rpc.instance_in(&partition).map(drop)
            }
            "get.v0.instance_tree" => rpc.instance_tree(&text("title")).map(drop),
            "get.v0.compute_node_status" => rpc.computer_status(&computer).map(drop),
            "get.v0.software_instance_certificate" => rpc.instance_certificate(&guid).map(drop),
            "post.v0.software_instance" => {
                let parameters = arguments["parameters"].as_object();
                let instance = NewInstance {
                    title: text("title"),
                    software_release_uri: url,
                    software_type: text("software_type"),
                    parameters: parameters.cloned().unwrap_or_default(),
                    sla_parameters: Default::default(),
                    state: Some(text("state")),
                    is_shared: false,
                };
                rpc.request(None, &instance).map(drop)
            }
            "post.v0.software_installation" => {
                rpc.supply(&url, &computer, &text("state")).map(drop)
            }
            "put.v0.software_installation_reported_state" => rpc
                .report_installation(&url, &computer, &text("reported_state"))
                .map(drop),
            "put.v0.software_instance_reported_state" => rpc
                .report_instance(&guid, &text("reported_state"))
                .map(drop),
            "put.v0.software_instance_connection_parameter" => {
                let connection = arguments["connection_parameter_dict"].as_object();
                rpc.set_connection(&guid, connection.expect("an object"))
                    .map(drop)
            }
            "put.v0.software_instance_bang" => rpc.instance_bang(&guid, &text("message")).map(drop),
            "put.v0.software_instance_title" => {
                rpc.rename_instance(&guid, &text("title")).map(drop)
            }
            "put.v0.compute_node_bang" => rpc.computer_bang(&computer, &text("message")).map(drop),
            other => panic!("nothing says `{other}`"),
        };
        let asked = master.asked();
        let said: Json = serde_json::from_str(&asked[0].body().expect("JSON")).expect("JSON");
        // The recorded requests leave out what may be left out.
        for (key, value) in arguments.as_object().expect("an object") {
            assert_eq!(said[key], *value, "{name}");
        }
        match recorded.answer.status {
            200 => result.expect(&recorded.body),
            _ => {
                let answer: Json = serde_json::from_str(&recorded.answer.body).expect("JSON");
                let error = result.expect_err("it failed");
                assert_eq!(error.detail(), answer["title"].as_str(), "{name}");
            }
        }
    }
    assert!(count > 20, "{count} exchanges");
}
