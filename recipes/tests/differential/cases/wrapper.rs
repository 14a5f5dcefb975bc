//! `slapos.cookbook:wrapper`, `:mkdirectory` and `:symbolic.link`.

use crate::case::{Case, Step};

const WRAPPER: &str = "[buildout]
parts = wrapper
[wrapper]
recipe = slapos.cookbook:wrapper
wrapper-path = ${buildout:bin-directory}/hello
";

fn wrapper(name: &'static str, options: &str) -> Case {
    Case::new(name, format!("{WRAPPER}{options}"))
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        wrapper(
            "wrapper-shell",
            "command-line = /bin/echo 'hello  world' \"$HOME\" a;b aaaaaaaaaaaaaaaaaaaaaaaaaaa b é
environment =
  ZED = it's
  ABC=1 2 = 3
",
        )
        .executes("bin/hello x 'y  z'"),
        wrapper(
            "wrapper-ignored-options",
            "command-line = /bin/true\nmode = 0644\npidfile =\nreserve-cpu = no\n",
        ),
        wrapper(
            "wrapper-hash-existing-files",
            "command-line = /bin/true\nhash-existing-files = a b\n",
        )
        .file("a", "1\n")
        .file("b", "é")
        .steps([Step::Run, Step::Write("a".into(), "2\n".into()), Step::Run]),
        wrapper(
            "wrapper-foreign-hash-files",
            "command-line = /bin/true\nhash-files = /etc/passwd /etc/group\n",
        )
        .fails(),
        wrapper("wrapper-without-command", "").fails(),
        wrapper("wrapper-empty-command", "command-line =\n").fails(),
        wrapper(
            "wrapper-signal",
            "command-line = /bin/true\nsig-ign = SIGHUP\n",
        )
        .fails(),
        Case::new(
            "links",
            "[buildout]
parts = links
[links]
recipe = slapos.cookbook:symbolic.link
target-directory = ${buildout:bin-directory}
link-binary = /bin/sh
  /bin/cat
",
        ),
        Case::new(
            "directories",
            "[buildout]
parts = directories
[directories]
recipe = slapos.cookbook:mkdirectory
home = ${buildout:directory}/home
etc = ${:home}/sub/etc
empty =
mode = 0750
",
        ),
    ]
}
