//! Templates that `slapos.recipe.template:jinja2` gives to Python's Jinja2.

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
mod support;

use peers::virtual_environment;
use support::TestSite;

const PROFILE: &str = "[buildout]
parts = template
[template]
recipe = slapos.recipe.template:jinja2
url = template.in
output = output
extensions = jinja2.ext.do
import-list =
  rawfile part part.in
  rawfolder many parts
context =
  import textwrap textwrap
  raw text it's $ text
  json data [1, {\"a\": null}]
";

fn site(template: &str) -> TestSite {
    let site = TestSite::with_profile(PROFILE);
    site.write("template.in", template);
    site.write("part.in", "<{{ text }}>");
    site.write("parts/sub/x.in", "[{{ data }}]");
    site
}

/// A site with the Jinja2 of PyPI in its search path.
fn site_with_python(template: &str) -> TestSite {
    let environment = virtual_environment("jinja2-3.1.6-six", &["jinja2==3.1.6", "six"]);
    let path = environment.join("bin");
    site(template).variable("PATH", path.to_str().expect("a UTF-8 target directory"))
}

#[test]
fn what_is_not_supported_is_rendered_by_python() {
    let site = site_with_python(
        "{{ textwrap.TextWrapper(5).fill(text) }}|{{ dumps(data) }}|{% include 'part' %}|{% include \
         'many/sub/x.in' %}\n",
    );
    site.install().succeeded();
    assert_eq!(
        site.read("output"),
        "it's\n$\ntext|!py![1, {'a': None}]|<it's $ text>|[[1, {'a': None}]]"
    );
}

#[test]
fn exceptions_of_python_are_told_with_the_line() {
    for (template, expected) in [
        (
            "{{ textwrap.TextWrapper(5).fill(text) }}\n\n{{ nothing }}",
            "Error: jinja2.exceptions.UndefinedError: 'nothing' is undefined",
        ),
        (
            "{{ textwrap.TextWrapper(5).fill(text) }}\n{% include 'many/../part.in' %}",
            "Error: jinja2.exceptions.TemplateNotFound: many/../part.in",
        ),
    ] {
        let site = site_with_python(template);
        let error = site.install().error();
        assert_eq!(error.lines().next(), Some(expected), "{error}");
        assert!(!site.exists("output"));
    }
}

#[test]
fn without_python_the_construct_is_named() {
    let site = site("1\n{{ textwrap.TextWrapper(5).fill(text) }}").variable("PATH", "/nonexistent");
    let error = site.install().error();
    assert_eq!(
        error.lines().next(),
        Some(
            "Error: Not supported yet in templates: `TextWrapper` of the Python module `textwrap`."
        )
    );
    assert!(
        error.contains("line 2 of template `template.in`"),
        "{error}"
    );
    assert!(!site.exists("output"));
}
