//! Templates, rendered by our engine and by Jinja2 from PyPI.

#[path = "../../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use buildout_core::value::{Value, literal};
use buildout_recipes::jinja2::{
    Cause, ContextValue, Extensions, LoadError, LoadedTemplate, NativeEngine, Rendering,
    TemplateEngine, TemplateLoader,
};
use peers::{from_hexadecimal, python, to_hexadecimal, virtual_environment};

/// Renders what the standard input has: one template in a line, in hexadecimal
/// digits. The environment is the recipe's; the further arguments are modules and
/// extensions.
const RENDER: &str = r#"
import sys, ast, importlib, six
from jinja2 import Environment, StrictUndefined, DictLoader
def check(x, *args):
    if x:
        return ""
    raise AssertionError(*args)
builtins = {x.__name__: x for x in (
    abs, all, any, bin, bool, bytes, callable, chr, complex, dict, divmod, enumerate, filter,
    float, format, frozenset, hex, int, isinstance, iter, len, list, map, max, min, next, oct,
    ord, pow, range, repr, reversed, round, set, six, sorted, str, sum, tuple, zip)}
builtins["assert"] = check
included = bytes.fromhex(sys.argv[2]).decode()
LIB = "{% set shared = [] %}{% macro add(x) %}{% set unused = shared.append(x) %}{{ n is defined }}{{ shared }}{% endmacro %}{% set _private = 1 %}text"
for line in sys.stdin:
    context = ast.literal_eval(sys.argv[1])
    extensions = ["jinja2.ext.loopcontrols"]
    for name in sys.argv[3:]:
        if name.startswith("jinja2.ext."):
            extensions.append(name)
        else:
            context[name.replace(".", "_")] = importlib.import_module(name)
    environment = Environment(
        extensions=extensions, undefined=StrictUndefined, loader=DictLoader({"part": included, "lib": LIB}))
    try:
        text = environment.from_string(bytes.fromhex(line).decode()).render(builtins, **context)
        print("ok", text.encode().hex())
    except Exception as error:
        name = type(error).__module__ + "." + type(error).__name__
        name = name.removeprefix("builtins.")
        print("error", (name + ": " + str(error)).encode().hex())
"#;

/// The names of every template, as a Python dict.
pub(super) const CONTEXT: &str = r#"{'n': 3, 'zero': 0, 'f': 1.5, 'big': 1e16, 's': "it's <b> & \"q\"",
'empty': '', 't': True, 'none': None, 'l': [1, 'a', 2.0, None, (1,)], 'words': ['b', 'a'],
'tup': (1, 2), 'd': {'b': 1, 'A': [1], 'c-d': {'x': 'y'}}, 'pairs': [('k', 1), ('l', 2)],
'mixed': {1: 'int', 'a': 'str'}, 'unicode': 'é\u00a0\u2028x', 'bools': [True, False],
'numbers': {3: 'c', 1: 'a', 2.5: 'b'}, 'keys': {'items': 1, 'x': 2}}"#;

/// A template that others include.
const INCLUDED: &str = "<{{ n }}{% set inner = 1 %}{{ x | default('-') }}>\n";

/// A library that others import.
const LIBRARY: &str = "{% set shared = [] %}{% macro add(x) %}{% set unused = shared.append(x) %}\
                       {{ n is defined }}{{ shared }}{% endmacro %}{% set _private = 1 %}text";

/// What one of the two programs makes of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Rendered {
    Text(String),
    Error(String),
    Refused(String),
}

/// What a template is given.
#[derive(Clone, Copy)]
pub(super) struct Setting<'s> {
    pub(super) context: &'s str,
    /// Python modules; `a.b` is named `a_b`.
    pub(super) modules: &'s [&'s str],
    /// Whether there is `jinja2.ext.do`.
    pub(super) with_do: bool,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Setting {
            context: CONTEXT,
            modules: &[],
            with_do: false,
        }
    }
}

/// Renders templates with Jinja2.
pub(super) fn theirs(templates: &[&str], setting: &Setting<'_>) -> Vec<Rendered> {
    let environment = virtual_environment(
        "jinja2-3.1.6-six-netaddr",
        &["jinja2==3.1.6", "six", "netaddr==1.3.0"],
    );
    let mut input = String::new();
    for template in templates {
        let _ = writeln!(input, "{}", to_hexadecimal(template));
    }
    let context = setting.context.replace('\n', " ");
    let included = to_hexadecimal(INCLUDED);
    let mut arguments = vec![OsStr::new(&context), OsStr::new(&included)];
    if setting.with_do {
        arguments.push(OsStr::new("jinja2.ext.do"));
    }
    arguments.extend(setting.modules.iter().map(OsStr::new));
    let output = python(environment.join("bin/python"), RENDER, &arguments, &input);
    let results = output.lines().map(|line| {
        let (kind, text) = line.split_once(' ').expect("a kind and a text");
        let text = from_hexadecimal(text);
        match kind {
            "ok" => Rendered::Text(text),
            _ => Rendered::Error(text),
        }
    });
    results.collect()
}

struct Templates;

/// Keeps its threads from one template to the next.
static ENGINE: LazyLock<NativeEngine> = LazyLock::new(NativeEngine::default);

impl TemplateLoader for Templates {
    fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError> {
        let source = match name {
            "part" => INCLUDED,
            "lib" => LIBRARY,
            _ => return Ok(None),
        };
        Ok(Some(LoadedTemplate {
            name: name.into(),
            source: source.into(),
        }))
    }
}

/// Renders a template with our engine.
pub(super) fn ours(template: &str, setting: &Setting<'_>) -> Rendered {
    let Ok(Value::Dict(names)) = literal::parse(&setting.context.replace('\n', " ")) else {
        panic!("the context is a dict");
    };
    let mut context: Vec<(String, ContextValue)> = names
        .iter()
        .map(|(name, value)| (name.to_string(), ContextValue::Value(value.clone())))
        .collect();
    for module in setting.modules {
        let name = module.replace('.', "_");
        context.push((name, ContextValue::Module((*module).to_owned())));
    }
    let result = ENGINE.render(&Rendering {
        name: "template".into(),
        source: template.into(),
        context: context.into(),
        loader: Some(Arc::new(Templates)),
        extensions: Extensions {
            expression_statement: setting.with_do,
            loop_controls: true,
        },
        has_dumps: false,
    });
    match result {
        Ok(text) => Rendered::Text(text),
        Err(error) => match &error.cause {
            Cause::Unsupported(what) => Rendered::Refused(what.clone()),
            cause => {
                let class = cause.exception().unwrap_or_default();
                Rendered::Error(format!("{class}: {error}"))
            }
        },
    }
}

/// Compares both for each template; the class of an error must be the same,
/// and its text if a name is not defined. Returns those that fail.
pub(super) fn compare<'t>(templates: &[&'t str], setting: &Setting<'_>) -> Vec<&'t str> {
    let mut differences = Vec::new();
    let mut failing = Vec::new();
    for (template, theirs) in templates.iter().zip(theirs(templates, setting)) {
        let ours = ours(template, setting);
        let is_same = match (&ours, &theirs) {
            (Rendered::Error(ours), Rendered::Error(theirs)) => {
                class(ours) == class(theirs) && (!ours.contains("UndefinedError") || ours == theirs)
            }
            (ours, theirs) => ours == theirs,
        };
        if !matches!(theirs, Rendered::Text(_)) {
            failing.push(*template);
        }
        if !is_same {
            differences.push(format!(
                "{template}\n  ours   {ours:?}\n  theirs {theirs:?}"
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    failing
}

/// Errors of syntax have several classes in Jinja2 and Python.
fn class(text: &str) -> &str {
    let class = text.split(':').next().unwrap_or_default();
    match class.rsplit('.').next() {
        Some("TemplateAssertionError" | "TemplateSyntaxError") => "SyntaxError",
        _ => class,
    }
}
