//! The advice of recipes: it is given with the place of the mistake, and it
//! helps.

use crate::site::{MASK, TestSite};

/// A recipe, options that are wrong, the start of the advice, and options with
/// which it is followed.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const CMMI: &str = "slapos.recipe.cmmi";
const DOWNLOAD: &str = "slapos.recipe.build:download";
const UNPACKED: &str = "slapos.recipe.build:download-unpacked";
const COMMAND: &str = "plone.recipe.command";
const TEMPLATE: &str = "slapos.recipe.template";
const JINJA2: &str = "slapos.recipe.template:jinja2";
const WRAPPER: &str = "slapos.cookbook:wrapper";
const DIRECTORY: &str = "slapos.cookbook:mkdirectory";

/// What makes a source directory of `cmmi` work.
macro_rules! built {
    ($options:literal) => {
        concat!("path = source\nconfigure-command = true\n", $options)
    };
}

const MISTAKES: &[Mistake] = &[
    (
        CMMI,
        "configure-command = true\n",
        "add `url = ...`, an archive, or `path = ...`, a directory",
        built!(""),
    ),
    (
        CMMI,
        built!("url = pkg.tar\n"),
        "remove `url` or `path`",
        built!(""),
    ),
    (
        CMMI,
        built!("location = /foo\n"),
        "the location cannot be chosen: write `location = @@LOCATION@@` to refer to it, or remove the option",
        built!("location = @@LOCATION@@\n"),
    ),
    (
        CMMI,
        built!("shared = true\nprefix = /opt/x\n"),
        "remove `prefix`, or set `shared = false`",
        built!("shared = true\n"),
    ),
    (
        CMMI,
        built!("shared = True\n"),
        "`shared` is 'True': write `true` or `false`",
        built!("shared = true\n"),
    ),
    (
        CMMI,
        built!("keep-compile-dir = yes\n"),
        "`keep-compile-dir` is 'yes': write `true` or `false`",
        built!("keep-compile-dir = true\n"),
    ),
    (
        CMMI,
        built!("environment = A=1\n  B\n"),
        "write `B = VALUE`, or remove the line",
        built!("environment = A=1\n  B = VALUE\n"),
    ),
    (
        CMMI,
        built!("environment = A=1\n  A=2\n"),
        "keep one of the lines for `A`",
        built!("environment = A=1\n"),
    ),
    (
        CMMI,
        built!("environment = A = %(NO_SUCH)s\n"),
        "the value of `A` refers to `NO_SUCH`, which is not in the environment: set it before the run, or write `%%` for a percent sign",
        built!("environment = A = %%(NO_SUCH)s\n"),
    ),
    (
        CMMI,
        built!("environment = A = 50%\n"),
        "in the value of `A`, ",
        built!("environment = A = 50%%\n"),
    ),
    (
        CMMI,
        built!("environment = variables\n"),
        "add a section `[variables]`",
        built!("environment = variables\n[variables]\nA = 1\n"),
    ),
    (
        CMMI,
        built!("pre-make-hook = hook.py#00:f\n"),
        "remove `pre-make-hook` and do its work in a shell command: ",
        built!("pre-install = true\n"),
    ),
    (
        CMMI,
        built!("configure-options = %(nope)s\n"),
        "`%(nope)` names nothing; write `%%` for a percent sign",
        built!("configure-options = %(nope)s\nnope = 1\n"),
    ),
    (
        CMMI,
        built!("pre-build = echo 50% done\n"),
        "write `%(NAME)s` to insert a value, and `%%` for a percent sign",
        built!("pre-build = echo 50%% done\n"),
    ),
    (
        CMMI,
        "path = nope\nconfigure-command = true\n",
        "`path` must name a directory that exists",
        built!(""),
    ),
    (
        CMMI,
        "url = pkg.tar\nmd5sum = 12\n",
        "",
        "url = pkg.tar\nconfigure-command = true\n",
    ),
    (
        CMMI,
        "url = nope.tar\n",
        "",
        "url = pkg.tar\nconfigure-command = true\n",
    ),
    (
        CMMI,
        "url = pkg.tar\nstrip-top-level-dir = no\n",
        "`strip-top-level-dir` is 'no': write `true` or `false`",
        "url = pkg.tar\nconfigure-command = true\nstrip-top-level-dir = false\n",
    ),
    (
        DOWNLOAD,
        "url = template.in\nmode = 755\n",
        "remove `mode`: the file has the mode of its source",
        "url = template.in\n",
    ),
    (
        DOWNLOAD,
        "url = template.in\nfilename = sub/\n",
        "end `filename` in the name that the file is to have",
        "url = template.in\nfilename = sub/file\n",
    ),
    (
        DOWNLOAD,
        "url = template.in\nshared = true\n",
        "",
        "url = template.in\n",
    ),
    (
        DOWNLOAD,
        "url = template.in\nsha256 = 00\n",
        "",
        "url = template.in\n",
    ),
    (
        DOWNLOAD,
        "url = template.in#00000000000000000000000000000000\nmd5sum = 00000000000000000000000000000001\n",
        "keep the right one of the two",
        "url = template.in\nmd5sum = SUM\n",
    ),
    (
        DOWNLOAD,
        "url = template.in\nmd5sum = 00000000000000000000000000000000\n",
        "its MD5 checksum is SUM: write that one if you trust what was found",
        "url = template.in\nmd5sum = SUM\n",
    ),
    (
        UNPACKED,
        "url = template.in\n",
        "`url` must give a tar or zip archive; use slapos.recipe.build:download for other files",
        "url = pkg.tar\n",
    ),
    (
        UNPACKED,
        "url = flat.tar\nstrip-top-level-dir = true\n",
        "set `strip-top-level-dir = false` to keep the archive as it is",
        "url = flat.tar\nstrip-top-level-dir = false\n",
    ),
    (
        UNPACKED,
        "url = pkg.tar\ndestination = ${buildout:directory}/..\n",
        "install the part into a directory of its own",
        "url = pkg.tar\ndestination = ${buildout:directory}/own\n",
    ),
    (
        COMMAND,
        "stop-on-error = maybe\ncommand = true\n",
        "write `stop-on-error = true` or remove the option",
        "stop-on-error = true\ncommand = true\n",
    ),
    (
        COMMAND,
        "",
        "add `command = ...` to `[a]`",
        "command = true\n",
    ),
    (
        DIRECTORY,
        "x = made\nmode = rwx\n",
        "write the mode in octal digits, such as `0640`",
        "x = made\nmode = 0750\n",
    ),
    (
        WRAPPER,
        "command-line = true\nwrapper-path = w\nsig-ign = SIGHUP\n",
        "name a signal without `SIG`, such as `HUP` or `RTMIN+1`",
        "command-line = true\nwrapper-path = w\nsig-ign = HUP\n",
    ),
    (
        WRAPPER,
        "command-line = true\nwrapper-path = w\nhash-files = /etc/passwd\n",
        "move these files to `hash-existing-files`",
        "command-line = true\nwrapper-path = w\nhash-existing-files = /etc/passwd\n",
    ),
    (
        WRAPPER,
        "command-line = 'true\nwrapper-path = w\n",
        "quotation marks and backslashes mean what they mean in a shell",
        "command-line = 'true'\nwrapper-path = w\n",
    ),
    (
        WRAPPER,
        "command-line = true\nwrapper-path = w\nenvironment = NAME\n",
        "write one `NAME=value` in each line",
        "command-line = true\nwrapper-path = w\nenvironment = NAME=value\n",
    ),
    (
        WRAPPER,
        "wrapper-path = w\n",
        "add `command-line = ...` to `[a]`",
        "command-line = true\nwrapper-path = w\n",
    ),
    (
        TEMPLATE,
        "url = template.in\ninline = text\noutput = out\n",
        "remove one of them",
        "url = template.in\noutput = out\n",
    ),
    (
        TEMPLATE,
        "inline = text\nmd5sum = 00000000000000000000000000000000\noutput = out\n",
        "remove `md5sum`: it is for a template from `url`",
        "inline = text\noutput = out\n",
    ),
    (
        TEMPLATE,
        "output = out\n",
        "add `url = ...` with the path of the template",
        "url = template.in\noutput = out\n",
    ),
    (
        TEMPLATE,
        "url = template.in\nmd5sum = 00000000000000000000000000000000\noutput = out\n",
        "its MD5 checksum is SUM: write that one if you trust what was found",
        "url = template.in\nmd5sum = SUM\noutput = out\n",
    ),
    (
        TEMPLATE,
        "inline = ${values:one}\noutput = out\n[values]\ntwo = 2\n",
        "",
        "inline = ${values:two}\noutput = out\n[values]\ntwo = 2\n",
    ),
    (
        JINJA2,
        "inline = x\noutput = out\ncontext = x a b\n",
        "the types are raw, key, json, jsonkey, section and import",
        "inline = x\noutput = out\ncontext = raw a b\n",
    ),
    (
        JINJA2,
        "inline = x\noutput = out\ncontext = raw a\n",
        "write `TYPE NAME EXPRESSION`",
        "inline = x\noutput = out\ncontext = raw a b\n",
    ),
    (
        JINJA2,
        "inline = x\noutput = out\ncontext = key a b\n",
        "",
        "inline = x\noutput = out\nb = 1\ncontext = key a :b\n",
    ),
    (
        JINJA2,
        "inline = x\noutput = out\nimport-list = raw a b\n",
        "the types are file, rawfile, folder and rawfolder",
        "inline = x\noutput = out\nt = template.in\nimport-list = file a :t\n",
    ),
    (
        JINJA2,
        "inline = x\noutput = out\nencoding = latin-1\n",
        "convert the templates to UTF-8 and remove the option",
        "inline = x\noutput = out\n",
    ),
];

#[test]
fn the_advice_of_recipes_helps() {
    let mut wrong = Vec::new();
    for (recipe, options, hint, cured) in MISTAKES {
        let site = TestSite::empty()
            .file("source/Makefile", "all install:\n\t@true\n")
            .file("template.in", "text\n")
            .file("pkg/Makefile", "all install:\n\t@true\n");
        for line in [
            &["-cf", "pkg.tar", "pkg"][..],
            &["-cf", "flat.tar", "source", "pkg"],
        ] {
            assert_eq!(site.run_program("tar", line).code, Some(0));
        }
        let sum = site.run_program("md5sum", &["template.in"]).stdout;
        let sum = sum.split(' ').next().unwrap_or_default();
        let profile = |options: &str| {
            let options = options.replace("SUM", sum);
            format!("[buildout]\nparts = a\n[a]\nrecipe = {recipe}\n{options}")
        };
        site.write("buildout.cfg", profile(options));
        let stderr = site.run(&["-q"]).failure();
        let hint = format!("\nhint: {}", hint.replace("SUM", sum));
        let place = format!("\n --> {MASK}/buildout.cfg:");
        if !stderr.contains(&place) || !stderr.contains("^") || !stderr.contains(&hint) {
            wrong.push(format!("--- {recipe}\n{options}\n{stderr}"));
        }
        site.write("buildout.cfg", profile(cured));
        let outcome = site.run(&["-q"]);
        if outcome.code != Some(0) {
            let stderr = &outcome.stderr;
            wrong.push(format!("--- {recipe}\n{cured}\ndoes not help\n{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
