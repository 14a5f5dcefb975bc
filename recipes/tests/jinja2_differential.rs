//! `slapos.recipe.template:jinja2` against Jinja2 itself: a template gives the
//! same text, fails in both, or is refused as not supported. A text that
//! differs is never written.

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
mod support;

use std::ffi::OsStr;
use std::fmt::Write as _;

use peers::{from_hexadecimal, python, to_hexadecimal, virtual_environment};
use support::TestSite;

/// Renders what the standard input has: one template in a line, in hexadecimal
/// digits. The environment is the recipe's.
const RENDER: &str = r#"
import sys, ast
from jinja2 import Environment, StrictUndefined, DictLoader
def check(x, *args):
    if x:
        return ""
    raise AssertionError(*args)
context = ast.literal_eval(sys.argv[1])
builtins = {x.__name__: x for x in (
    abs, all, any, bin, bool, bytes, callable, chr, complex, dict, divmod, enumerate, filter,
    float, format, frozenset, hex, int, isinstance, iter, len, list, map, max, min, next, oct,
    ord, pow, range, repr, reversed, round, set, sorted, str, sum, tuple, zip)}
builtins["assert"] = check
included = bytes.fromhex(sys.argv[2]).decode()
for line in sys.stdin:
    extensions = ["jinja2.ext.loopcontrols"]
    environment = Environment(
        extensions=extensions, undefined=StrictUndefined, loader=DictLoader({"part": included}))
    try:
        text = environment.from_string(bytes.fromhex(line).decode()).render(builtins, **context)
        print("ok", text.encode().hex())
    except Exception as error:
        name = type(error).__module__ + "." + type(error).__name__
        name = name.removeprefix("builtins.")
        print("error", (name + ": " + str(error)).encode().hex())
"#;

/// The names of every template, as a Python dict.
const CONTEXT: &str = r#"{'n': 3, 'zero': 0, 'f': 1.5, 'big': 1e16, 's': "it's <b> & \"q\"",
'empty': '', 't': True, 'none': None, 'l': [1, 'a', 2.0, None, (1,)], 'words': ['b', 'a'],
'tup': (1, 2), 'd': {'b': 1, 'A': [1], 'c-d': {'x': 'y'}}, 'pairs': [('k', 1), ('l', 2)],
'mixed': {1: 'int', 'a': 'str'}, 'unicode': 'é\u00a0\u2028x', 'bools': [True, False],
'numbers': {3: 'c', 1: 'a', 2.5: 'b'}, 'keys': {'items': 1, 'x': 2}}"#;

/// A template that others include.
const INCLUDED: &str = "<{{ n }}{% set inner = 1 %}{{ x | default('-') }}>\n";

/// Templates that ours must render.
const RENDERED: &[&str] = &[
    "",
    "\n",
    "a\n",
    "a\n\n",
    "a\r\nb\rc\r\n",
    "  {{ n }}  ",
    "{{ n }}{{ zero }}{{ f }}{{ big }}{{ s }}{{ empty }}{{ t }}{{ none }}",
    "{{ l }} {{ tup }} {{ d }} {{ words }} {{ bools }} {{ pairs }} {{ numbers }}",
    "{{ unicode }}|{{ [unicode] }}",
    "{{ [] }}{{ {} }}{{ () }}{{ (1,) }}{{ (1, 2) }}{{ [1, [2.0, none]] }}{{ {'a': true, 1: 'b'} }}",
    "{{ {1: 'a', true: 'b', 1.0: 'c'} }}",
    "{{ 'a\\n\\t\\'\\\"\\\\' }} {{ \"it's\" }} {{ ['it\\'s', '\"', '\\n'] }}",
    "{{ 'a' 'b' \"c\" }}",
    "{{ 0 }} {{ 10 }} {{ 1.0 }} {{ 0.1 + 0.2 }} {{ 100000000000000000000 }} {{ 12345678901234567890.5 }}",
    "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}",
    "{{ d.b }} {{ d['b'] }} {{ d['c-d'] }} {{ d['c-d'].x }} {{ d['c-d']['x'] }}",
    "{{ l[0] }} {{ l[-1] }} {{ l[4][0] }} {{ l.1 }} {{ tup[1] }} {{ s[0] }} {{ unicode[-1] }} {{ l[true] }}",
    "{{ keys['items'] }} {{ mixed[1] }} {{ mixed[1.0] }} {{ numbers[2.5] }}",
    "{{ d.missing is defined }} {{ missing is defined }} {{ d is defined }} {{ missing is undefined }}",
    "{{ missing is not defined }} {{ not missing is defined }}",
    "{% if n %}yes{% else %}no{% endif %}",
    "{% if zero %}1{% elif empty %}2{% elif n == 3 %}3{% else %}4{% endif %}",
    "{% if l and d and s and t %}all{% endif %}{% if [] or {} or () or '' or 0 or 0.0 or none %}x{% endif %}",
    "{% if not n %}a{% endif %}{% if not zero %}b{% endif %}",
    "{{ '' or 'd' }} {{ 'a' and 'b' }} {{ none or [] }} {{ 0 or false }} {{ not '' }} {{ 1 and 0 }}",
    "{{ n == 3 }} {{ n == 3.0 }} {{ t == 1 }} {{ '1' == 1 }} {{ [1] == [1] }} {{ (1,) == [1] }} {{ {'a': 1} == {'a': 1.0} }}",
    "{{ n != 3 }} {{ n < 4 }} {{ n <= 3 }} {{ n > 2.5 }} {{ n >= 4 }} {{ 'a' < 'b' }} {{ '10' < '9' }} {{ [1, 2] < [1, 3] }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 0 <= n <= 5 }} {{ 1 in [1] not in [true] }} {{ 1 == true != 2 }}",
    "{{ 1 in l }} {{ 'a' in l }} {{ 'z' not in l }} {{ 'b' in d }} {{ 'it' in s }} {{ '' in s }} {{ 2 in tup }} {{ 1.0 in mixed }}",
    "{{ 1 ~ 2 }} {{ 'a' ~ n ~ f ~ none ~ t ~ l ~ big }} {{ 1 ~ 2 * 3 }} {{ 'a' ~ 1 + 2 if false else 0 }}",
    "{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 1 + 2 }} {{ 1 + 2.5 }} {{ t + t }} {{ 5 - 7 }} {{ 3 * 4 }}",
    "{{ 7 / 2 }} {{ 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ -7 // -2 }} {{ -8 // 2 }} {{ 1.5 * 2 }} {{ 1 - 2 - 3 }}",
    "{{ -n }} {{ -f }} {{ -t }} {{ -n + 1 }} {{ - n * 2 }} {{ -l[0] }}",
    "{{ 'a' if n else 'b' }}{{ 'c' if zero else 'd' }}{{ 'e' if zero else 'f' if empty else 'g' }}",
    "{% set x = 1 %}{{ x }}{% set x = x + 1 %}{{ x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, %}{{ c }}{% set (e, g) = tup %}{{ e }}{{ g }}",
    "{% if t %}{% set y = 5 %}{% endif %}{{ y }}",
    "{% if zero %}{% set n = 5 %}{% endif %}{{ n }}",
    "{% set x = 0 %}{% for i in [1, 2, 3] %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% for i in [1, 2] %}{% set y = i %}{% endfor %}{{ y is defined }}{{ i is defined }}",
    "{% for n in [1, 2] %}{{ n }}{% endfor %}{{ n }}",
    "{% set n = n + 1 %}{% for i in words %}{{ n }}{% endfor %}",
    "{{ n }}{% for i in words %}{{ n }}{% endfor %}{% set n = 7 %}{{ n }}",
    "{% for i in l %}{{ i }},{% endfor %}|{% for i in tup %}{{ i }}{% endfor %}|{% for k in d %}{{ k }}{% endfor %}",
    "{% for c in 'aé' %}[{{ c }}]{% endfor %}{% for i in [] %}x{% endfor %}{% for i in '' %}x{% endfor %}",
    "{% for k, v in pairs %}{{ k }}={{ v }};{% endfor %}{% for (k, v) in pairs %}{{ v }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3)), ('x', 'yz')] %}{{ a }}{{ b }}{{ c }} {% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}{{ d | dictsort }}{{ {} | dictsort }}{{ numbers | dictsort }}",
    "{{ {'b': 1, 'B': 2, 'a': 3} | dictsort }}",
    "{% for i in range(3) %}{{ i }}{% endfor %}|{% for i in range(1, 3) %}{{ i }}{% endfor %}|{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}|{% for i in range(0) %}x{% endfor %}|{% for i in range(3, 1) %}x{% endfor %}|{% for i in range(-3, 4, 3) %}{{ i }}{% endfor %}",
    "{% for i in words %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
    "{% for i in words %}{% for j in tup %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for i in words %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for i in [1, 2, 3, 4] %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [1, 2] %}{% for j in [1, 2] %}{% if j == 2 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{{ s | e }}|{{ s | escape }}|{{ n | e }}|{{ l | e }}|{{ none | e }}|{{ '/' | e }}|{{ s|upper|e }}",
    "{{ 'aB é' | upper }}{{ 'aB É' | lower }}{{ n | upper }}[{{ ' a \\n' | trim }}]{{ 'straße' | upper }}",
    "{{ l | length }}{{ d | count }}{{ s | length }}{{ unicode | length }}{{ tup | length }}{{ len(l) }}{{ len('é') }}",
    "{{ missing | default('x') }}{{ d.missing | d(1) }}{{ empty | default('y') }}|{{ empty | default('y', true) }}{{ n | default(0) }}{{ missing | d }}",
    "{{ missing | default(alsomissing | default('z')) }}",
    "{{ words | join }}{{ words | join(', ') }}{{ l | join('-') }}{{ d | join('+') }}{{ 'abc' | join('.') }}{{ [] | join(',') }}{{ [1, 2] | join(0) }}",
    "{{ d | list }}{{ 'ab' | list }}{{ tup | list }}{{ list(tup) }}{{ n | string }}{{ [n | string] }}",
    "{{ words | first }}{{ 'xy' | first }}{{ d | first }}",
    "{{ n is number }}{{ t is number }}{{ s is string }}{{ n is string }}{{ d is mapping }}{{ l is mapping }}{{ none is none }}{{ n is none }}",
    "{{ t is boolean }}{{ n is boolean }}{{ t is true }}{{ 1 is true }}{{ false is false }}{{ 0 is false }}{{ n is integer }}{{ t is integer }}{{ f is float }}{{ n is float }}",
    "{{ missing is none }}{{ missing is string }}{{ missing is number }}{{ n is not none }}",
    "{{ repr(s) }} {{ repr('a\\n') }} {{ repr(l) }} {{ repr(none) }} {{ str(f) }} {{ str(big) }} {{ str(l) }}",
    "[{{ assert(n == 3, 'never') }}]",
    "a{# comment {{ x }} {% y %} #}b{#- c -#} d {#- e #} f {# g -#} h",
    "a {%- if n -%} b {%- endif -%} c",
    "a {{- n -}} b\n {{- n }}\n{{ n -}} \n c",
    "{% raw %}{{ x }} {% y %} {# z #}{% endraw %} ${a:b} $${c} {{ '{{' }} {{ '}}' }} {{ '{%' }}",
    "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "a {% raw -%} b {% endraw %} c {% raw %} d {%- endraw %} e",
    "{%raw%}a{%endraw%}{{n}}{%if n%}x{%endif%}{#c#}",
    "${{ '{' }}{{ n }}} {{ {'a': {'b': 1}} }} { { } } {} }} %} #}",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ [1, 2][1] }}{{ (1, 2)[0] }}{{ 'abc'[1] }}",
    "line 1\n{% set x = 1 %}\nline 3\n{% if x %}\nline 5\n{% endif %}\n",
    "# not a line statement\n## nor a comment\n% x\n",
    "{% include 'part' %}|{% set x = 4 %}{% include 'part' with context %}{{ inner is defined }}",
    "{% for x in words %}{% include 'part' %}{% endfor %}",
    "{% set x = missing %}{{ x is defined }}{% set y = d.nothing %}{{ y | default('none') }}",
    "{{ (1 + 2) * 3 }}{{ ((n)) }}{{ (s) }}{{ not (n == 3) }}{{ (n == 3) is true }}",
    "{{ n\n+\n1 }}{%\nif\nn\n%}x{% endif %}",
    "{{ d['c-d']\n['x'] }}{{ [\n1,\n2,\n] }}{{ {'a': 1,} }}",
    "{{ [n, f][n - 2] }}{{ d['b'] + l[0] }}{{ -l[0] * 2 }}{{ n|string ~ 'x' }}{{ 'a' in 'abc' and 1 in [1] }}",
    "{% for name in ('client_body', 'proxy') %}{{ name }}_temp {% endfor %}",
    "é{{ n }}\u{2028}{{- n }}\u{a0}{{- n -}}\u{3000}x",
    "{% set list = [1] %}{{ list }}{% set range = 5 %}{{ range }}",
    "{{ 'a' if zero }}|{{ 'b' if n }}|{{ 'c' if not n }}",
    "{% if n is defined and n > 2 or missing is defined %}x{% endif %}",
    "{{ 1 if n is defined else 2 }}{{ 'a' if s is string and n is number else 'b' }}",
    "{{ '\\x41' }}",
    "{{ 'a\\/b' }}",
    "{{ 0x1f }}",
    "{{ 1_000 }}",
    "{{ 2 ** 10 }}",
    "{{ 7 % 4 }}",
    "{{ '%s' % n }}",
    "{{ 'ab' * 2 }}",
    "{{ l[1:] }}",
    "{{ d.items }}",
    "{{ d['items'] is defined }}",
    "{{ d.get('b') }}",
    "{{ words | sort }}",
    "{{ s | replace('a', 'b') }}",
    "{{ d | tojson }}",
    "{{ n is divisibleby 3 }}",
    "{{ (s | e) ~ '<' }}",
    "{{ s | e | upper }}",
    "{% set x = s | e %}{{ x }}",
    "{% set x %}a{% endset %}{{ x }}",
    "{% macro m() %}{% endmacro %}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% filter upper %}a{% endfilter %}",
    "{% block b %}a{% endblock %}",
    "{% for i in words if i %}{{ i }}{% endfor %}",
    "{% for i in [] %}{% else %}none{% endfor %}",
    "{% include 'part' ignore missing %}",
    "{% include 'part' without context %}",
    "{% include ['part'] %}",
    "{{ range(3) | list }}",
    "{{ dict(a=1) }}",
    "{%+ if n +%}x{% endif %}",
    "a\u{1c}{{- n }}",
    "{{ {(1, 2): 3} }}",
    "{{ ('x' if zero) ~ 'y' }}",
];

/// Templates that fail in Jinja2, and must fail here.
const FAILING: &[&str] = &[
    "{{ missing }}",
    "{{ d.missing }}",
    "{{ d['missing'] }}",
    "{{ l[9] }}",
    "{{ n.x }}",
    "{{ none.x }}",
    "{{ d.missing.deeper }}",
    "{% if missing %}{% endif %}",
    "{% if not missing %}{% endif %}",
    "{{ missing == 1 }}",
    "{{ 1 != missing }}",
    "{{ missing ~ 'a' }}",
    "{{ missing or 1 }}",
    "{{ missing | upper }}",
    "{{ missing | length }}",
    "{{ missing | e }}",
    "{% for i in missing %}{% endfor %}",
    "{{ [] | first }}",
    "{{ 'a' + 1 }}",
    "{{ 1 < 'a' }}",
    "{{ 1 in 5 }}",
    "{{ 1 in 'a' }}",
    "{{ [] in d }}",
    "{{ {[]: 1} }}",
    "{{ 1 / 0 }}",
    "{{ 1 // 0 }}",
    "{{ n | length }}",
    "{{ l | dictsort }}",
    "{% for i in 5 %}{% endfor %}",
    "{% for a, b in [(1,)] %}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
    "{% set a, b = 1 %}",
    "{{ assert(false, 'boom') }}",
    "{{ assert(false) }}",
    "{{ 1 | nosuch }}",
    "{{ 1 is nosuch }}",
    "{% do l %}",
    "{% nosuch %}",
    "{% if %}",
    "{% if n %}",
    "{{ n",
    "{% endif %}",
    "{{ }}",
    "{{ 1 2 }}",
    "{{ 007 }}",
    "{# x",
    "{{ n +}}",
    "{% include 'nowhere' %}",
    "{% for i in range(1, 2, 0) %}{% endfor %}",
    "{% for loop in l %}{% endfor %}",
    "{% break %}",
    "{% for b in words %}{{ n2 }}{% endfor %}{% set n2 = 2 %}",
    "{{ loop.index }}",
    "{{ n is defined if false else 1 }}",
    "{{ n is number is boolean }}",
    "{{ n is not number is not boolean }}",
    "{% raw %}x",
];

/// What one of the two programs makes of a template.
#[derive(Debug, PartialEq)]
enum Rendered {
    Text(String),
    Error(String),
    Refused(String),
}

/// Renders templates with Jinja2.
fn theirs(templates: &[&str], context: &str) -> Vec<Rendered> {
    let environment = virtual_environment("jinja2-3.1.6", &["jinja2==3.1.6"]);
    let mut input = String::new();
    for template in templates {
        let _ = writeln!(input, "{}", to_hexadecimal(template));
    }
    let context = context.replace('\n', " ");
    let included = to_hexadecimal(INCLUDED);
    let arguments = [OsStr::new(&context), OsStr::new(&included)];
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

/// Renders a template with the recipe, in a whole installation.
fn ours(site: &TestSite, template: &str) -> Rendered {
    site.write("template.in", template);
    let run = site.install();
    if run.result.is_ok() {
        return Rendered::Text(site.read("output"));
    }
    let error = run.error();
    let text = error
        .split("\nhint: ")
        .next()
        .unwrap_or_default()
        .to_owned();
    match text.starts_with("Error: Not supported yet in templates: ") {
        true => Rendered::Refused(text),
        false => Rendered::Error(text),
    }
}

/// Makes a site with a part that gives a dict to a template.
fn site(context: &str) -> TestSite {
    use buildout_core::value::{Value, literal};

    let Ok(Value::Dict(context)) = literal::parse(&context.replace('\n', " ")) else {
        panic!("the context is a dict");
    };
    let mut profile = "[buildout]
parts = template
[template]
recipe = slapos.recipe.template:jinja2
url = template.in
output = output
extensions = jinja2.ext.loopcontrols
import-list = rawfile part part.in
context =
"
    .to_owned();
    let mut values = "[values]\n".to_owned();
    for (name, value) in &context {
        let _ = writeln!(profile, "  key {name} values:{name}");
        // `encode` would sort the keys of dicts.
        let _ = writeln!(values, "{name} = !py!{}", value.repr());
    }
    let site = TestSite::with_profile(&(profile + &values));
    site.write("part.in", INCLUDED);
    site
}

#[test]
fn templates_are_rendered_as_by_jinja2() {
    let site = site(CONTEXT);
    for (template, expected) in RENDERED.iter().zip(theirs(RENDERED, CONTEXT)) {
        assert!(
            matches!(expected, Rendered::Text(_)),
            "{template}: {expected:?}"
        );
        assert_eq!(ours(&site, template), expected, "{template}");
    }
}

#[test]
fn what_fails_in_jinja2_fails() {
    let site = site(CONTEXT);
    for (template, expected) in FAILING.iter().zip(theirs(FAILING, CONTEXT)) {
        let Rendered::Error(expected) = expected else {
            panic!("{template}: {expected:?}");
        };
        // Errors of syntax have several classes in Jinja2 and Python.
        let class = |text: &str| {
            let class = text.split(':').next().unwrap_or_default();
            match class.rsplit('.').next() {
                Some("TemplateAssertionError" | "TemplateSyntaxError") => "SyntaxError".to_owned(),
                _ => class.to_owned(),
            }
        };
        match ours(&site, template) {
            Rendered::Text(text) => panic!("{template}: {text:?} instead of {expected}"),
            Rendered::Refused(_) => {}
            Rendered::Error(text) if class(&text).ends_with("UndefinedError") => {
                assert_eq!(text, expected, "{template}");
            }
            Rendered::Error(text) => {
                assert_eq!(
                    class(&text),
                    class(&expected),
                    "{template}: {text} {expected}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_supported_is_refused_and_not_rendered() {
    let site = site(CONTEXT);
    for (template, expected) in REFUSED.iter().zip(theirs(REFUSED, CONTEXT)) {
        let actual = ours(&site, template);
        assert!(
            matches!(actual, Rendered::Refused(_)),
            "{template}: {actual:?}, by Jinja2 {expected:?}"
        );
    }
}

#[test]
fn templates_of_the_profiles_are_rendered_as_by_jinja2() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles");
    for (file, context) in [
        (
            "hello/hello.conf.in",
            "{'directory': '/x', 'greeting': 'Hi', 'names': ['a', 'b']}",
        ),
        (
            "hello/hello.conf.in",
            "{'directory': '/x', 'greeting': '', 'names': []}",
        ),
        (
            "nginx/templates/index.html.in",
            "{'title': '<It\\'s> \"&/', 'redirects': {}}",
        ),
        (
            "nginx/templates/index.html.in",
            "{'title': 'x', 'redirects': {'/b': 'http://x/?a=1&b=\\'', '/A': 'y', '/c': 'z'}}",
        ),
        (
            "nginx/templates/nginx.conf.in",
            "{'parameters': {'user': '', 'ip': '::1', 'port': '80', 'worker-processes': '2'},
              'nginx': {'pid': '/p', 'error-log': '/e', 'access-log': '/a', 'mime-types': '/m'},
              'directory': {'temporary': '/t', 'site': '/s'}, 'redirects': {'/b': 'c', '/a': 'd'}}",
        ),
        (
            "nginx/templates/nginx.conf.in",
            "{'parameters': {'user': 'www', 'ip': '::1', 'port': '80', 'worker-processes': '2'},
              'nginx': {'pid': '/p', 'error-log': '/e', 'access-log': '/a', 'mime-types': '/m'},
              'directory': {'temporary': '/t', 'site': '/s'}, 'redirects': {},
              'certificate': {'certificate': '/c', 'key': '/k'}}",
        ),
        (
            "nginx/instance.cfg.in",
            "{'buildout': {'eggs-directory': '/e', 'develop-eggs-directory': '/d'}, 'nginx': '/n',
              'nginx_configuration_template': '/t', 'index_page_template': '/i', 'lua': '/l',
              'access_report_program': '/r'}",
        ),
        (
            "nginx/instance.cfg.in",
            "{'buildout': {'eggs-directory': '/e', 'develop-eggs-directory': '/d'}, 'nginx': '/n',
              'nginx_configuration_template': '/t', 'index_page_template': '/i', 'lua': '/l',
              'access_report_program': '/r', 'openssl': '/o'}",
        ),
    ] {
        let path = format!("{directory}/{file}");
        let template = std::fs::read_to_string(&path).expect("the profiles are in the repository");
        let expected = theirs(&[&template], context);
        assert!(
            matches!(expected[..], [Rendered::Text(_)]),
            "{file}: {expected:?}"
        );
        assert_eq!(ours(&site(context), &template), expected[0], "{file}");
    }
}
