//! Renders templates given on the standard input, one JSON object in a line,
//! and writes what became of each as a JSON object in a line. With the
//! argument `--time N`, the microseconds of a first rendering by a new engine,
//! and of one of N further ones, are written too. `testdata/jinja2` has
//! programs that make such lines and compare the results with Jinja2's.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use buildout_core::value::{Value, literal};
use buildout_recipes::jinja2::{
    Cause, ContextValue, Extensions, LoadError, LoadedTemplate, NativeEngine, Rendering,
    TemplateEngine, TemplateLoader,
};

struct Templates(HashMap<String, String>);

impl TemplateLoader for Templates {
    fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError> {
        Ok(self.0.get(name).map(|source| LoadedTemplate {
            name: name.into(),
            source: source.as_str().into(),
        }))
    }
}

fn texts(json: &serde_json::Value) -> HashMap<String, String> {
    let entries = json.as_object().into_iter().flatten();
    entries
        .map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let times: u32 = match arguments.next().as_deref() {
        Some("--time") => arguments.next().unwrap_or_default().parse()?,
        _ => 0,
    };
    let engine = NativeEngine::default();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let job: serde_json::Value = serde_json::from_str(&line?)?;
        let mut context = Vec::new();
        let literal = job["context"].as_str().unwrap_or("{}");
        if let Value::Dict(names) = literal::parse(literal)? {
            for (name, value) in &names {
                context.push((name.to_string(), ContextValue::Value(value.clone())));
            }
        }
        for (name, module) in texts(&job["modules"]) {
            context.push((name, ContextValue::Module(module)));
        }
        let rendering = Rendering {
            name: job["name"].as_str().unwrap_or("template").into(),
            source: job["source"].as_str().unwrap_or_default().into(),
            context: context.into(),
            loader: Some(Arc::new(Templates(texts(&job["templates"])))),
            extensions: Extensions {
                expression_statement: job["do"].as_bool().unwrap_or(true),
                loop_controls: job["loopcontrols"].as_bool().unwrap_or(true),
            },
            has_dumps: true,
        };
        let first = Instant::now();
        let fresh = NativeEngine::default();
        let engine = if times > 0 { &fresh } else { &engine };
        let rendered = engine.render(&rendering);
        let first = first.elapsed();
        let mut result = match rendered {
            Ok(text) => serde_json::json!({ "ok": text }),
            Err(error) => serde_json::json!({
                "error": error.cause.exception().unwrap_or("unsupported"),
                "message": error.to_string(),
                "unsupported": matches!(error.cause, Cause::Unsupported(_)),
                "template": &*error.template,
                "line": error.line,
            }),
        };
        if times > 0 {
            let start = Instant::now();
            for _ in 0..times {
                let _ = engine.render(&rendering);
            }
            let elapsed = start.elapsed() / times;
            result["first"] = serde_json::json!(first.as_micros());
            result["microseconds"] = serde_json::json!(elapsed.as_micros());
        }
        writeln!(output, "{result}")?;
    }
    Ok(())
}
