//! Cases of which the output of Jinja2 3.1.6 was recorded.

use std::collections::HashMap;
use std::sync::Arc;

use buildout_core::value::{Dict, Value};
use buildout_recipes::jinja2::{
    ContextValue, Extensions, LoadError, LoadedTemplate, NativeEngine, Rendering, TemplateEngine,
    TemplateLoader,
};

const CASES: &str = include_str!("data/jinja2-cases.json");

struct Templates(HashMap<String, String>);

impl TemplateLoader for Templates {
    fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError> {
        Ok(self.0.get(name).map(|source| LoadedTemplate {
            name: name.into(),
            source: source.as_str().into(),
        }))
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::from(integer),
            None => Value::Float(number.as_f64().expect("a number")),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(entries) => {
            let mut dict = Dict::new();
            for (key, item) in entries {
                dict.insert_str(key.as_str(), value(item));
            }
            Value::Dict(dict)
        }
    }
}

#[test]
fn all_cases_render_as_recorded() {
    let cases: serde_json::Value = serde_json::from_str(CASES).expect("the cases are JSON");
    let modules = &cases["engine"]["modules"];
    let cases = cases["cases"].as_array().expect("a list of cases");
    assert_eq!(cases.len(), 104);
    let engine = NativeEngine::default();
    let mut failures = Vec::new();
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let mut context = Vec::new();
        for (name, json) in case["context"].as_object().expect("a context") {
            context.push((name.clone(), ContextValue::Value(value(json))));
        }
        for name in case["modules"].as_array().expect("a list of modules") {
            let name = name.as_str().expect("a name");
            if name != "six" {
                let module = modules[name].as_str().unwrap_or(name);
                context.push((name.to_owned(), ContextValue::Module(module.to_owned())));
            }
        }
        let templates: HashMap<String, String> = case["templates"]
            .as_object()
            .expect("templates")
            .iter()
            .map(|(name, source)| (name.clone(), source.as_str().expect("text").to_owned()))
            .collect();
        let result = engine.render(&Rendering {
            name: "case".into(),
            source: text("template").into(),
            context: context.into(),
            loader: Some(Arc::new(Templates(templates))),
            extensions: Extensions {
                expression_statement: true,
                loop_controls: true,
            },
            has_dumps: true,
        });
        let outcome = match (&result, case["expected"].as_str()) {
            (Ok(text), Some(expected)) if text == expected => continue,
            (Err(error), None) => {
                let class = error.cause.exception().unwrap_or("none");
                let class = class.rsplit('.').next().unwrap_or_default();
                let actual = format!("{class}: {error}");
                if actual == text("error") {
                    continue;
                }
                actual
            }
            (result, _) => format!("{result:?}"),
        };
        failures.push(format!(
            "{}: {}\n  ours   {outcome}\n  theirs {} {}",
            text("id"),
            text("template"),
            case["expected"],
            case["error"],
        ));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
