//! The recipes that talk to the master, next to those of slapos.cookbook, with
//! the real master: the same options, the same connection parameters, the same
//! complaints.

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use buildout_core::value::{Value, decode};
use peers::virtual_environment;
use serde_json::{Value as Json, json};
use slap::test_master::{COMPUTER_ID, RealSlapos, TestMaster};
use slap::{InstanceRequest, Master, PartitionReference};
use support::TestSite;

/// Constructs a recipe of slapos.cookbook with options of any type, as SlapOS's
/// fork of zc.buildout has them, which cannot be installed from PyPI. Reads and
/// writes one JSON text a line.
const DRIVER: &str = r#"
import importlib, json, logging, sys, warnings
warnings.simplefilter('ignore')
logging.disable(logging.CRITICAL)
class Options(dict):
    def copy(self):
        return Options(self)
def shown(value):
    if isinstance(value, (set, frozenset)):
        return {'set': sorted(map(shown, value))}
    if isinstance(value, bytes):
        return {'bytes': value.decode()}
    if isinstance(value, tuple):
        return {'tuple': [shown(item) for item in value]}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {'dict': [[shown(key), shown(value[key])] for key in sorted(value)]}
    return value
for line in sys.stdin:
    case = json.loads(line)
    module, name = case['class'].split(':')
    options = Options(case['options'])
    answer = {}
    try:
        recipe = getattr(importlib.import_module(module), name)(
            case['buildout'], case['part'], options)
        recipe.install()
    except Exception as error:
        answer['error'] = str(error)
    answer['options'] = {key: shown(value) for key, value in options.items()}
    print(json.dumps(answer), flush=True)
"#;

/// Returns an environment with slapos.cookbook. Its schemas need a library that
/// is older than what it asks for.
fn cookbook() -> PathBuf {
    virtual_environment(
        "slapos.cookbook-1.0.514",
        &[
            "zc.buildout==3.0.1",
            "setuptools==79.0.1",
            "wheel",
            "slapos.cookbook==1.0.514",
            "slapos.core==1.26.1",
            "jsonschema==4.17.3",
        ],
    )
}

/// Shows a value as the driver does.
fn shown(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(i64::try_from(*value).expect("a small number")),
        Value::Float(value) => json!(value),
        Value::Str(text) => json!(&**text),
        Value::Bytes(bytes) => json!({ "bytes": String::from_utf8_lossy(bytes) }),
        Value::List(items) => items.iter().map(shown).collect(),
        Value::Tuple(items) => json!({ "tuple": items.iter().map(shown).collect::<Json>() }),
        Value::Set(items) | Value::FrozenSet(items) => {
            let mut items: Vec<Json> = items.iter().map(shown).collect();
            items.sort_by_key(Json::to_string);
            json!({ "set": items })
        }
        Value::Dict(dict) => {
            let mut pairs: Vec<(String, Json)> = dict
                .iter()
                .map(|(key, value)| (key.to_string(), shown(value)))
                .collect();
            pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
            let pairs: Json = pairs
                .into_iter()
                .map(|(key, value)| json!([key, value]))
                .collect();
            json!({ "dict": pairs })
        }
    }
}

/// The running driver.
struct Driver {
    process: Child,
    cases: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new(cookbook().join("bin/python"))
            .args(["-c", DRIVER])
            .env_clear()
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the driver starts");
        Driver {
            cases: process.stdin.take().expect("it is a pipe"),
            answers: BufReader::new(process.stdout.take().expect("it is a pipe")),
            process,
        }
    }

    /// Runs a recipe of slapos.cookbook.
    fn run(&mut self, case: &Json) -> Json {
        writeln!(self.cases, "{case}").expect("the driver listens");
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the driver answers");
        serde_json::from_str(&line).expect("the driver answers in JSON")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It holds no state worth an orderly end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Lab {
    site: TestSite,
    master: TestMaster,
    driver: Driver,
}

impl Lab {
    fn start(partitions: &[&str]) -> Self {
        let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
        let site = TestSite::new();
        let master = TestMaster::start(&slapos, &site.root().join("master"));
        master.format(partitions);
        Lab {
            site,
            master,
            driver: Driver::start(),
        }
    }

    /// Makes an instance and returns its partition.
    fn instance(&self, request: &InstanceRequest) -> PartitionReference {
        let instance = self.master.client().request(None, request);
        let partition = instance.expect("there is a place").partition;
        partition.expect("it has a place")
    }

    /// Installs `[part]` with our recipe, and shows the outcome as the driver
    /// does.
    fn ours(&self, profile: &str, part: &str) -> Json {
        self.site.profile(profile);
        // What is recorded must come from this run.
        let installed = self.site.path(".installed.cfg");
        if installed.exists() {
            std::fs::remove_file(&installed).expect("it is ours");
        }
        let run = self.site.install();
        let mut answer = serde_json::Map::new();
        if run.result.is_err() {
            answer.insert("error".to_owned(), json!(run.recipe_error().to_string()));
            return Json::Object(answer);
        }
        let mut options = serde_json::Map::new();
        for name in self.site.recorded_options(part) {
            if name.starts_with("__buildout_") || name == "recipe" {
                continue;
            }
            let text = self.site.recorded_raw(part, &name).expect("it is listed");
            let value = decode(&text).expect(&text);
            let value = value.unwrap_or_else(|| Value::from(text));
            options.insert(name, shown(&value));
        }
        answer.insert("options".to_owned(), Json::Object(options));
        Json::Object(answer)
    }
}

/// Writes a section of a profile.
fn section(name: &str, options: &Json) -> String {
    let mut text = format!("[{name}]\n");
    for (option, value) in options.as_object().expect("an object") {
        let value = value.as_str().expect("a text").replace('\n', "\n  ");
        text += &format!("{option} = {value}\n");
    }
    text
}

fn slap_connection(lab: &Lab, partition: &PartitionReference) -> Json {
    json!({
        "computer-id": partition.computer_id,
        "partition-id": partition.partition_id,
        "server-url": lab.master.url(),
        "software-release-url": "/software.cfg",
    })
}

fn assert_same(theirs: &Json, ours: &Json, what: &str) {
    if theirs.get("error").is_some() || ours.get("error").is_some() {
        assert_eq!(theirs["error"], ours["error"], "{what}");
        return;
    }
    let pretty = |answer: &Json| {
        let options = answer["options"].as_object().expect("options");
        let mut names: Vec<_> = options.keys().collect();
        names.sort();
        let lines = names
            .into_iter()
            .map(|name| format!("{name}: {}\n", options[name]));
        lines.collect::<String>()
    };
    assert_eq!(pretty(theirs), pretty(ours), "{what}");
}

/// The description of a release, with schemas.
fn write_schemas(site: &TestSite) -> PathBuf {
    let description = json!({
        "name": "Test", "description": "Test", "serialisation": "json-in-xml",
        "software-type": {
            "default": {
                "title": "Default", "description": "Default", "index": 0,
                "software-type": "default",
                "request": "instance schema.json", "response": "instance schema.json",
            },
            "default-shared": {
                "title": "Shared", "description": "Shared", "index": 1,
                "software-type": "default", "shared": true,
                "request": "schemas/shared.json", "response": "schemas/shared.json",
            },
            "plain": {
                "title": "Plain", "description": "Plain", "index": 2, "serialisation": "xml",
                "software-type": "plain",
                "request": "schemas/plain.json", "response": "schemas/plain.json",
            },
        },
    });
    site.write("../release/software.cfg.json", description.to_string());
    let instance = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["num"],
        "properties": {
            "num": {"type": "integer", "minimum": 2, "maximum": 100, "title": "A number"},
            "name": {"type": "string", "default": "d\u{e9}faut", "minLength": 2, "pattern": "^[^ ]+$"},
            "nested": {"$ref": "#/$defs/nested"},
            "other": {"$ref": "schemas/other.json#/definitions/other"},
            "flag": {"type": ["null", "boolean"]},
            "list": {"type": "array", "items": {"$ref": "#/$defs/nested"}, "maxItems": 2},
            "choice": {"enum": ["p", 1, null, true]},
            "kind": {
                "oneOf": [
                    {"type": "object", "required": ["kind"], "properties": {
                        "kind": {"const": "a"}, "x": {"default": 1}, "y": {"type": "integer"}}},
                    {"type": "object", "required": ["kind"], "properties": {
                        "kind": {"const": "b"}, "x": {"default": 2}, "y": {"type": "string"}}},
                ],
            },
            "deep": {"type": "object", "default": {}, "properties": {
                "a": {"type": "object", "default": {"set": 1}, "properties": {
                    "b": {"type": "integer", "default": 9}}}}},
        },
        "$defs": {"nested": {"type": "object", "properties": {
            "q": {"type": "integer", "default": 5}, "r": {"type": "boolean"}}}},
    });
    site.write("../release/instance schema.json", instance.to_string());
    let other = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {
            "other": {"type": "object", "properties": {
                "far": {"$ref": "shared.json#/properties/n"}}},
        },
    });
    site.write("../release/schemas/other.json", other.to_string());
    let shared = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"n": {"type": "integer", "default": 7}, "t": {"type": "string"}},
    });
    site.write("../release/schemas/shared.json", shared.to_string());
    let plain = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"n": {"type": "integer"}, "_": {"type": "string"}},
    });
    site.write("../release/schemas/plain.json", plain.to_string())
        .parent()
        .and_then(Path::parent)
        .expect("it is below the release")
        .join("software.cfg.json")
}

#[test]
fn an_instance_is_configured_as_by_the_cookbook() {
    let mut lab = Lab::start(&["slappart0", "slappart1"]);
    let description = write_schemas(&lab.site);
    lab.site.write(
        "../.slapos-resource",
        r#"{"tun": {"ipv4_addr": "10.0.0.1", "n": 1}, "user": null, "instance_title": "not this"}"#,
    );
    let mut request = InstanceRequest::new("/software.cfg", "first");
    for (name, value) in [
        ("plain", "value"),
        ("with space", "\u{e9} $ ; <&>"),
        ("key:colon", "x"),
        ("key=sign", "y"),
        ("empty", ""),
    ] {
        request.parameters.insert_str(name, value);
    }
    let partition = lab.instance(&request);
    let mut shared = InstanceRequest::new("/software.cfg", "entry");
    shared.is_shared = true;
    shared
        .parameters
        .insert_str("_", r#"{"n": "3", "t": "text"}"#);
    lab.master
        .client()
        .request(None, &shared)
        .expect("it is hosted");
    shared.title = "wrong".to_owned();
    shared.parameters.insert_str("_", r#"{"n": "three"}"#);
    lab.master
        .client()
        .request(None, &shared)
        .expect("it is hosted");

    let directory = lab.site.path("");
    let directory = directory.to_string_lossy().trim_end_matches('/').to_owned();
    let connection = json!({
        "url": lab.master.url(),
        "computer": COMPUTER_ID,
        "partition": partition.partition_id,
    });
    let forms = [
        ("slapconfiguration", "Recipe"),
        ("slapconfiguration.serialised", "Serialised"),
        ("slapconfiguration.jsonschema", "JsonSchema"),
    ];
    let parameters = [
        // As they are, or in JSON.
        None,
        Some(r#"{"num": "3"}"#),
        Some(r#"{"num": 7, "nested": {"r": "True"}, "other": {}, "list": [{"q": "8"}, {}]}"#),
        Some(r#"{"num": 7, "kind": {"kind": "b", "y": "1"}, "flag": "False", "deep": {}}"#),
        Some(r#"{"num": 7, "kind": {"kind": "a", "y": "1"}, "name": "n\u00e9", "choice": 1}"#),
        Some(r#"{"num": 1}"#),
        Some(r#"{"num": 101}"#),
        Some(r#"{"num": 7.5}"#),
        Some(r#"{"num": [1, "a", null, true, {"b": 1.5}]}"#),
        Some(r#"{"num": 7, "name": "x"}"#),
        Some(r#"{"num": 7, "name": "x y"}"#),
        Some(r#"{"num": 7, "list": [{}, {}, {}]}"#),
        Some(r#"{"num": 7, "list": [{"q": "x"}]}"#),
        Some(r#"{"num": 7, "choice": "q"}"#),
        Some(r#"{"num": 7, "kind": {"kind": "c"}}"#),
        Some(r#"{"num": 7, "more": 1, "most": 2}"#),
        Some(r#"{"num": 7, "other": {"far": "x"}}"#),
        Some(r#"{}"#),
        Some(r#"[1]"#),
    ];
    let extras = [
        json!({}),
        json!({"set-default": "all", "unstringify": "all"}),
        json!({"set-default": "main", "validate-parameters": "main"}),
        json!({"unstringify": "shared", "validate-parameters": "shared"}),
        json!({"validate-parameters": "none", "unwrap-shared": "no"}),
        json!({"validate-parameters": "none"}),
        json!({"set-default": "some"}),
    ];
    let mut compared = 0;
    for text in parameters {
        if let Some(text) = text {
            request.parameters = Default::default();
            request.parameters.insert_str("_", text);
            lab.instance(&request);
        }
        let mut cases = Vec::new();
        for (recipe, class) in forms {
            let is_schema = class == "JsonSchema";
            for extra in if is_schema { &extras[..] } else { &extras[..1] } {
                let mut options = connection.clone();
                if is_schema {
                    options["jsonschema"] = json!(description);
                }
                for (name, value) in extra.as_object().expect("an object") {
                    options[name] = value.clone();
                }
                cases.push((recipe, class, options));
            }
        }
        for (recipe, class, options) in &cases {
            let theirs = lab.driver.run(&json!({
                "class": format!("slapos.recipe.slapconfiguration:{class}"),
                "part": "slap-configuration",
                "buildout": {"buildout": {"directory": directory}},
                "options": options,
            }));
            let mut ours = options.clone();
            ours["recipe"] = json!(format!("slapos.cookbook:{recipe}"));
            let profile = format!(
                "[buildout]\nparts = slap-configuration\n\n{}",
                section("slap-configuration", &ours)
            );
            let ours = lab.ours(&profile, "slap-configuration");
            assert_same(&theirs, &ours, &format!("{recipe} {text:?} {options}"));
            compared += 1;
        }
    }
    assert_eq!(compared, parameters.len() * (2 + extras.len()));
}

#[test]
fn instances_are_requested_as_by_the_cookbook() {
    let mut lab = Lab::start(&["slappart0", "slappart1", "slappart2", "slappart3"]);
    let own = lab.instance(&InstanceRequest::new("/software.cfg", "root"));
    let connection = slap_connection(&lab, &own);
    let classes = [
        ("request", "Recipe"),
        ("request.serialised", "RequestJSONEncoded"),
        ("requestoptional", "RequestOptional"),
        ("requestoptional.serialised", "RequestOptionalJSONEncoded"),
    ];
    let extras = [
        json!({}),
        json!({"config-a": "1", "config-b": "\u{e9} <&>", "sla-computer_guid": "local", "sla-x": ""}),
        json!({"return": "url port", "software-type": "special"}),
        json!({"state": "stopped"}),
        json!({"shared": "true", "return": "url"}),
        json!({"shared": "yes", "software-url": "/nowhere.cfg", "return": "url"}),
        json!({"config": "a"}),
        json!({"sla-computer_guid": "elsewhere", "name": "missing", "return": "url"}),
    ];
    let child = PartitionReference::new(COMPUTER_ID, "slappart1");
    // Nothing published, texts, JSON.
    let published = [
        json!({}),
        json!({"url": "http://x/?a&b", "port": "80"}),
        json!({"_": r#"{"url": ["a", {"b": null}], "port": 80}"#}),
    ];
    let mut compared = 0;
    for published in published {
        let mut cases = Vec::new();
        for (recipe, class) in classes {
            for extra in &extras {
                let mut options = connection.clone();
                options["name"] = json!("child");
                options["software-url"] = json!("/software.cfg");
                for (name, value) in extra.as_object().expect("an object") {
                    options[name] = value.clone();
                }
                cases.push((recipe, class, options));
            }
        }
        for (recipe, class, options) in &cases {
            let mut slap_connection = connection.clone();
            slap_connection["requested"] = json!("started");
            let mut connection_parameters = buildout_core::value::Dict::new();
            for (name, value) in published.as_object().expect("an object") {
                connection_parameters.insert_str(name.as_str(), value.as_str().expect("a text"));
            }
            lab.master
                .client()
                .set_connection(&child, &connection_parameters, None)
                .expect("it is taken");
            let theirs = lab.driver.run(&json!({
                "class": format!("slapos.recipe.request:{class}"),
                "part": "request",
                "buildout": {
                    "buildout": {"directory": "/"}, "slap-connection": slap_connection,
                },
                "options": options,
            }));
            let mut ours = options.clone();
            ours["recipe"] = json!(format!("slapos.cookbook:{recipe}"));
            let profile = format!(
                "[buildout]\nparts = request\n\n{}\n{}",
                section("slap-connection", &slap_connection),
                section("request", &ours)
            );
            let ours = lab.ours(&profile, "request");
            assert_same(&theirs, &ours, &format!("{recipe} {options}"));
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * classes.len() * extras.len());
}
