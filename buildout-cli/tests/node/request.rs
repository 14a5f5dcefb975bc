//! `slapos request` and what the release says of its parameters, next to
//! slapos.core's command.

use std::fs;

use buildout_core::fetch::test_server::{Reply, TestServer};

use crate::site::NodeSite;

const DESCRIPTION: &str = r#"{
    "name": "Colours",
    "serialisation": "json-in-xml",
    "software-type": {
        "default": {
            "title": "Default",
            "request": "schemas/colours.json",
            "response": "schemas/colours.json",
            "index": 0
        },
        "plain": {
            "title": "Plain",
            "serialisation": "xml",
            "request": "schemas/colours.json",
            "response": "schemas/colours.json",
            "index": 1
        }
    }
}"#;

const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["colour"],
    "additionalProperties": false,
    "properties": {
        "colour": {"enum": ["red", "blue"]},
        "shades": {"$ref": "numbers.json#/small"}
    }
}"#;

const NUMBERS: &str = r#"{"small": {"type": "integer", "maximum": 9}}"#;

/// The lines that tell what does not fit, in an order of their own: Python's
/// library begins with what the schema has first.
fn complaints(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with("  $"));
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    lines
}

#[test]
fn parameters_are_compared_with_the_schema_of_the_release() {
    let site = NodeSite::new(4);
    site.run("node format --now").expect(0);
    let url = site.profile("colours/software.cfg", "[buildout]\nparts =\n");
    site.profile("colours/software.cfg.json", DESCRIPTION);
    site.profile("colours/schemas/colours.json", SCHEMA);
    site.profile("colours/schemas/numbers.json", NUMBERS);
    let parameters = |text: &str| site.profile("parameters.json", text);
    let warning = "Request parameters do not validate against schema definition:";

    let wrong = parameters(r#"{"shades": 12, "size": true, "$schema": "x"}"#);
    let words = ["request", "hello", &url, "--parameters-file", &wrong];
    let text = site.run(&words.join(" ")).expect(0);
    assert!(text.contains(warning), "{text}");
    let theirs = site.master.slapos(&words);
    assert!(theirs.contains(warning), "{theirs}");
    assert_eq!(complaints(&text), complaints(&theirs));
    assert_eq!(complaints(&text).len(), 3, "{text}");
    // It is requested all the same: what the release says may be wrong.
    assert!(
        text.contains("Requesting hello as an instance of"),
        "{text}"
    );
    let wanted = site.wanted(0);
    assert!(wanted.parameters.get_str("_").is_some(), "{wanted:?}");

    let right = parameters(r#"{"colour": "red", "shades": 9}"#);
    let text = site
        .run(&format!("request hello {url} --parameters-file {right}"))
        .expect(0);
    assert!(!text.contains("schema"), "{text}");
    // The type says how parameters travel, unless the user does.
    let plain = parameters(r#"{"colour": "red"}"#);
    let request = format!("request plain {url} --type plain --parameters-file {plain}");
    let text = site.run(&request).expect(0);
    assert!(!text.contains("schema"), "{text}");
    let colour = site.wanted(1).parameters.get_str("colour").cloned();
    assert_eq!(colour.map(|it| it.to_string()).as_deref(), Some("red"));
    let text = site
        .run(&format!("request words {url} --parameters colour=green"))
        .expect(0);
    assert_eq!(
        complaints(&text),
        ["  $.colour: 'green' is not one of ['red', 'blue']"]
    );
    let text = site
        .run(&format!("request words {url} --type unknown"))
        .expect(0);
    assert!(
        text.contains("Error validating request parameters against schema definition:"),
        "{text}"
    );
    assert!(
        text.contains("'unknown' seems to have no JSON schema"),
        "{text}"
    );
}

#[test]
fn schemas_are_fetched_from_where_the_release_is() {
    let site = NodeSite::new(1);
    site.run("node format --now").expect(0);
    let server = TestServer::start();
    server.reply("/a/software.cfg.json", Reply::ok(DESCRIPTION));
    server.reply("/a/schemas/colours.json", Reply::ok(SCHEMA));
    server.reply("/a/schemas/numbers.json", Reply::ok(NUMBERS));
    let wrong = site.profile("parameters.json", r#"{"colour": "red", "shades": 12}"#);
    let url = server.url("/a/software.cfg");
    let text = site
        .run(&format!("request remote {url} --parameters-file {wrong}"))
        .expect(0);
    assert_eq!(
        complaints(&text),
        ["  $.shades: 12 is greater than the maximum of 9"]
    );
    // A release need not say anything.
    let url = server.url("/b/software.cfg");
    let text = site
        .run(&format!("request remote {url} --parameters-file {wrong}"))
        .expect(0);
    assert!(
        text.contains(&format!(
            "Unable to load JSON {url}.json: the server answers 404"
        )),
        "{text}"
    );
    assert!(text.contains("Requesting remote"), "{text}");
    fs::remove_file(wrong).unwrap();
}
