use super::*;

fn environment<'a>(path: &'a [String], relative_to: Option<&'a str>) -> ScriptEnvironment<'a> {
    ScriptEnvironment {
        shebang: Shebang::new("/py/bin/python", 126),
        path,
        initialization: "",
        relative_to,
    }
}

fn callable() -> Callable {
    Callable {
        name: "x".to_owned(),
        module: "pkg.mod".to_owned(),
        attributes: "Class.main".to_owned(),
    }
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn an_entry_point_script_is_upstreams_to_the_byte() {
    let path = paths(&["/bo/eggs/a.egg", "/it's"]);
    let mut environment = environment(&path, None);
    environment.initialization = "import os\nos.environ['A'] = '1'";
    let script = environment.entry_point_script("/bo/bin/x", &callable(), "1, b=2");
    let expected = r#"#!/py/bin/python

import sys
sys.path[0:0] = [
  '/bo/eggs/a.egg',
  "/it's",
  ]

import os
os.environ['A'] = '1'

import pkg.mod

if __name__ == '__main__':
    sys.exit(pkg.mod.Class.main(1, b=2))
"#;
    assert_eq!(script.unwrap(), expected);
}

#[test]
fn relative_paths_are_seen_from_the_buildout_directory() {
    let path = paths(&["/bo/eggs/a.egg", "/bo", "/bone/x", "/bo/bin/lib"]);
    let environment = environment(&path, Some("/bo"));
    let script = environment.entry_point_script("/bo/bin/x", &callable(), "");
    let expected = "#!/py/bin/python

import os

join = os.path.join
base = os.path.dirname(os.path.abspath(os.path.realpath(__file__)))
base = os.path.dirname(base)

import sys
sys.path[0:0] = [
  join(base, 'eggs/a.egg'),
  base,
  '/bone/x',
  join(base, 'bin/lib'),
  ]

import pkg.mod
";
    assert!(script.unwrap().starts_with(expected));
    let script = environment.entry_point_script("/bo/lib/../bin/x", &callable(), "");
    assert!(script.unwrap().starts_with(expected));
    for outside in ["/usr/bin/x", "/bo/../bin/x"] {
        environment
            .entry_point_script(outside, &callable(), "")
            .unwrap_err();
    }
}

#[test]
fn a_script_of_distutils_gets_the_path_before_its_first_import() {
    let path = paths(&["/bo/eggs/a.egg"]);
    let environment = environment(&path, None);
    let original = "#!python\n# say\nfrom __future__ import annotations\nimport a\nprint(a)\n";
    let expected = "#!/py/bin/python
# say
from __future__ import annotations


import sys
sys.path[0:0] = [
  '/bo/eggs/a.egg',
  ]


import a
print(a)
";
    let script = environment.distutils_script("/bo/bin/x", original);
    assert_eq!(script.unwrap(), expected);
    let shell = "#!/bin/sh\necho import\n";
    let script = environment.distutils_script("/bo/bin/x", shell);
    assert_eq!(script.unwrap(), shell);
}

#[test]
fn a_long_interpreter_is_started_by_the_shell() {
    let python = format!("/{}", "x".repeat(126));
    let text = Shebang::new(&python, 125).text();
    assert_eq!(
        text,
        format!("#!/bin/sh\n\"exec\" \"{python}\" \"$0\" \"$@\"")
    );
    assert_eq!(Shebang::new(&python, 127).text(), format!("#!{python}"));
}

#[test]
fn no_path_is_still_python() {
    let script = environment(&[], None).interpreter("/bo/bin/py").unwrap();
    assert!(script.starts_with("#!/py/bin/python\n\nimport sys\n\nsys.path[0:0] = [\n  ]\n\n\n"));
}
