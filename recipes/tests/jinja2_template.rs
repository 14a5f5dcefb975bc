//! `slapos.recipe.template:jinja2`: options, contexts, updates, and the
//! profiles that use it.

mod support;

use buildout_core::dialect::DialectName;
use support::TestSite;

const PROFILE: &str = "[buildout]
parts = template
[values]
text = it's
number = !py!1.0
nested = !py!{'b': [True, None], 'a': (1,)}
json = {\"b\": [1, 2.0], \"a\": null}
[template]
recipe = slapos.recipe.template:jinja2
url = template.in
output = ${buildout:directory}/deep/output
own = mine
context =
  raw raw  two  words
  key text values:text
  key number values:number
  key nested values:nested
  key own :own
  json json {\"x\": [1, 1.5, true, null, \"é\"]}
  jsonkey jsonkey values:json
  section section values
";

fn site(template: &str) -> TestSite {
    let site = TestSite::with_profile(PROFILE);
    site.write("template.in", template);
    site
}

#[test]
fn contexts_have_types() {
    let site = site(
        "{{ raw }}|{{ text }}|{{ number }}|{{ nested }}|{{ own }}|{{ json }}|{{ jsonkey }}|{{ \
         section }}|{{ section['nested'].b[0] }}|{{ dumps([nested, text]) }}|${a:b} $${c} $$\n\n",
    );
    site.install().succeeded();
    assert_eq!(
        site.read("deep/output"),
        "two  words|it's|1.0|{'b': [True, None], 'a': (1,)}|mine|{'x': [1, 1.5, True, None, \
         'é']}|{'b': [1, 2.0], 'a': None}|{'text': \"it's\", 'number': 1.0, 'nested': {'b': \
         [True, None], 'a': (1,)}, 'json': '{\"b\": [1, 2.0], \"a\": null}'}|True|!py![{'a': \
         (1,), 'b': [True, None]}, \"it's\"]|${a:b} $${c} $$\n"
    );
    assert_eq!(site.mode("deep/output"), 0o644);
}

#[test]
fn upstream_has_only_texts() {
    let site = site("{{ number }} {{ dumps is defined }}").dialect(DialectName::Upstream);
    site.install().succeeded();
    assert_eq!(site.read("deep/output"), "!py!1.0 False");
    site.write("template.in", "{{ dumps(1) }}");
    assert!(
        site.install()
            .error()
            .starts_with("jinja2.exceptions.UndefinedError: 'dumps' is undefined\n")
    );
}

#[test]
fn a_template_that_changes_is_rendered_again() {
    let site = site("#!/bin/sh\n1{{ own }}");
    site.install().succeeded();
    assert_eq!(site.mode("deep/output"), 0o755);
    site.write("template.in", "2{{ own }}");
    let run = site.install().succeeded();
    assert!(run.log().contains(&"INFO Updating template.".to_owned()));
    assert_eq!(site.read("deep/output"), "2mine");

    let inline = PROFILE.replace("url = template.in", "inline = 3{{ own }}");
    site.profile(&inline);
    site.install().succeeded();
    site.write("deep/output", "edited");
    site.install().succeeded();
    assert_eq!(site.read("deep/output"), "edited");
    site.profile(&format!("{inline}update = true\n"));
    site.install().succeeded();
    site.write("deep/output", "edited");
    site.install().succeeded();
    assert_eq!(site.read("deep/output"), "3mine");
}

#[test]
fn the_older_options_and_once() {
    let site = TestSite::with_profile(
        "[buildout]
parts = template
[template]
recipe = slapos.recipe.template:jinja2
template = inline:
  first {{ x }}
rendered = ${buildout:directory}/output
once = ${buildout:directory}/marker
mode = 0750
context = raw x 1
",
    );
    let run = site.install().succeeded();
    assert_eq!(site.read("output"), "first 1");
    assert_eq!(site.mode("output"), 0o750);
    assert!(site.exists("marker"));
    assert!(
        run.log()
            .iter()
            .any(|line| line.contains("The template install returned None."))
    );
    assert!(
        site.read(".installed.cfg")
            .contains("__buildout_installed__ = \n")
    );
    std::fs::remove_file(site.path("output")).expect("it is there");
    site.install().succeeded();
    assert!(!site.exists("output"));
}

#[test]
fn other_templates_are_included() {
    let site = site("{% include 'one' %},{% include 'many/sub/two.in' %}");
    site.write("parts/one.in", "one {{ own }}\n");
    site.write("more/sub/two.in", "two {{ own }}");
    site.write("moreover.in", "outside");
    let list = "import-list =\n  rawfile one parts/one.in\n  rawfolder many more\n";
    site.profile(&format!("{PROFILE}{list}"));
    site.install().succeeded();
    assert_eq!(site.read("deep/output"), "one mine,two mine");
    for name in ["many/missing", "many/../moreover.in", "one/x", "nobody"] {
        site.write("template.in", format!("\n{{% include '{name}' %}}"));
        assert_eq!(
            site.install().error(),
            format!(
                "jinja2.exceptions.TemplateNotFound: {name}\nhint: line 2 of template \
                 `template.in`: the names in `import-list` are 'one', 'many'"
            )
        );
    }
    site.write("template.in", "{% include 'one' %}");
    site.write("parts/one.in", "\n\n{{ nothing }}");
    assert_eq!(
        site.install().error(),
        "jinja2.exceptions.UndefinedError: 'nothing' is undefined\nhint: see line 3 of template \
         `[ROOT]/buildout/parts/one.in`"
    );
    site.write("parts/one.in", "{% include 'one' %}");
    assert!(site.install().error().starts_with("RecursionError: "));
}

#[test]
fn what_is_wrong_is_named() {
    let entry = |line: &str| format!("{PROFILE}  {line}\n");
    let option = |line: &str| format!("{PROFILE}{line}\n");
    for (profile, expected) in [
        (
            entry("raw range 1"),
            "ValueError: Duplicate context entry 'range'",
        ),
        (
            entry("raw text 1"),
            "ValueError: Duplicate context entry 'text'",
        ),
        (
            entry("raw dumps 1"),
            "ValueError: Duplicate context entry 'dumps'",
        ),
        (
            entry("file x 1"),
            "KeyError: 'file'\nhint: the types are raw, key, json, jsonkey, section \
             and import",
        ),
        (
            entry("raw x"),
            "ValueError: the entry 'raw x' has fewer than three fields\nhint: write `TYPE NAME \
             EXPRESSION`",
        ),
        (
            entry("key x values"),
            "ValueError: 'values' is not of the form section:option\nhint: write one colon, \
             between the section and the option",
        ),
        (
            entry("key x values:nothing"),
            "Error: Missing option: values:nothing\nhint: add `nothing = ...` to `[values]`",
        ),
        (
            entry("section x nothing"),
            "Error: The referenced section, 'nothing', was not defined.",
        ),
        (
            option("encoding = latin-1"),
            "Error: Not supported yet: the encoding 'latin-1' of a template.\nhint: convert the \
             templates to UTF-8 and remove the option",
        ),
        (
            option("extensions = jinja2.ext.do jinja2.ext.i18n"),
            "Error: Not supported yet: the extension 'jinja2.ext.i18n' of templates.",
        ),
        (
            option("update = yes"),
            "ValueError: 'yes' is not in tuple\nhint: use `true` or `false`",
        ),
        (
            option("import-list = raw x y"),
            "KeyError: 'raw'\nhint: the types are file, rawfile, folder and rawfolder",
        ),
        (
            PROFILE.replace("output =", "out ="),
            "Error: Missing option: template:output",
        ),
        (
            PROFILE.to_owned(),
            "jinja2.exceptions.TemplateSyntaxError: Encountered unknown tag 'do'.\nhint: see \
             line 2 of template `template.in`",
        ),
    ] {
        let site = site("{{ own }}\n{% do x %}");
        site.profile(&profile);
        let error = site.install().error();
        let wanted = expected.lines().count();
        let error: Vec<&str> = error.lines().take(wanted).collect();
        assert_eq!(error.join("\n"), expected);
        assert!(!site.exists("deep/output"));
    }
}

#[test]
fn nesting_is_limited() {
    for template in [
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ 1{} }}}}", " ~ 1".repeat(1500)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(100_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(1000)),
        format!("{{{{ {}1 }}}}", "- ".repeat(140)),
        format!("{{{{ x{} }}}}", ".a".repeat(1900)),
        "{% if 1 %}".repeat(5000),
        "{% set a, b = [], [] %}{{ a.append(a) }}{{ b.append(b) }}{{ a == b }}".to_owned(),
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".to_owned(),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        "{% set ns = namespace(i=[]) %}{% for x in range(20000) %}{% set ns.i = ns.i | map('string') \
         %}{% endfor %}{{ ns.i | list }}{{ missing }}"
            .to_owned(),
        "{% set ns = namespace(l=[]) %}{% for x in range(20000) %}{% set ns.l = [ns.l] %}{% endfor \
         %}{{ ns.l }}"
            .to_owned(),
        format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(500)),
    ] {
        let site = site(&template);
        let error = site.install();
        // What is only long may be rendered; nothing may crash.
        let is_flat = ["- ", " ~ ", "elif"].iter().any(|part| template.contains(part));
        assert!(error.result.is_err() || is_flat, "{template:.20}");
    }
}
