//! Recipes from PyPI, unmodified: those that are built in do the same through
//! the bridge as without it, and others work.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use buildout_core::state::installed::InstalledFile;
use support::{TestSite, registry};

/// The distributions, and the setuptools that still has `pkg_resources`.
const DISTRIBUTIONS: [&str; 9] = [
    "setuptools==80.9.0",
    "zc.buildout==4.1.12",
    "plone.recipe.command==1.1",
    "collective.recipe.template==3.0.0",
    "hexagonit.recipe.download==1.7.1",
    "slapos.recipe.build==0.66",
    "slapos.recipe.cmmi==0.23",
    "slapos.recipe.template==5.1",
    "slapos.cookbook==1.0.514",
];

/// A site whose recipes in Python are those of PyPI.
struct RealSite {
    site: TestSite,
    /// The built-in recipes that go through the bridge.
    bridged: Arc<Mutex<String>>,
}

impl RealSite {
    fn new(profile: &str) -> Self {
        let environment = peers::virtual_environment("python-recipes", &DISTRIBUTIONS);
        let packages = site_packages(&environment);
        let bridged = Arc::new(Mutex::new(String::new()));
        let names = Arc::clone(&bridged);
        let python = environment.join("bin/python");
        let site = TestSite::with_profile(profile)
            .assign("buildout", "executable", &python.to_string_lossy())
            .registry(move || registry(vec![packages.clone()], &names.lock().unwrap()));
        RealSite { site, bridged }
    }

    /// Has built-in recipes run as they are on PyPI.
    fn bridge(&self, names: &str) {
        names.clone_into(&mut self.bridged.lock().unwrap());
    }

    /// Returns what is in the buildout: modes, links and contents.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for line in self.site.tree("").lines() {
            let (path, _) = line.split_once([' ', '/']).unwrap_or((line, ""));
            if [".buildout", ".installed.cfg", "eggs", "develop-eggs"].contains(&path) {
                continue;
            }
            let path = line.rsplit_once(' ').map_or(line, |(path, _)| path);
            let content = fs::read(self.site.path(path));
            let content = content.map_or_else(
                |_| String::new(),
                |content| self.site.mask(&String::from_utf8_lossy(&content)),
            );
            files.insert(line.to_owned(), content);
        }
        files
    }

    /// Returns what is recorded, without signatures.
    fn record(&self) -> BTreeMap<String, String> {
        let file = InstalledFile::new(&self.site.path(""), ".installed.cfg");
        let state = file.load().unwrap().unwrap_or_default();
        let mut record = BTreeMap::new();
        for (name, part) in state.parts {
            for (option, value) in part.options {
                if option != "__buildout_signature__" {
                    record.insert(format!("{name}:{option}"), self.site.mask(&value));
                }
            }
            let installed = self.site.mask(&part.installed.join(" "));
            record.insert(format!("{name} installed"), installed);
        }
        record
    }

    /// Removes what runs have made.
    fn clear(&self, made: &[&str]) {
        self.site.make_writable();
        for path in [
            "bin",
            "parts",
            "eggs",
            "develop-eggs",
            ".installed.cfg",
            ".buildout",
        ]
        .iter()
        .chain(made)
        {
            let path = self.site.path(path);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else if path.symlink_metadata().is_ok() {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

fn site_packages(environment: &Path) -> PathBuf {
    let lib = fs::read_dir(environment.join("lib")).unwrap();
    let python = lib.map(|entry| entry.unwrap().path()).next().unwrap();
    python.join("site-packages")
}

/// The built-in recipes that can be compared; the parts are called alike.
const COMPARED: &str = "
[command]
recipe = plone.recipe.command
command = echo \"made for $0\" > ${buildout:directory}/made
update-command = echo again >> ${buildout:directory}/made
location = ${buildout:directory}/made
stop-on-error = yes

[text]
recipe = collective.recipe.template
input = ${buildout:directory}/text.in
output = ${buildout:parts-directory}/deep/text
mode = 750

[inline]
recipe = collective.recipe.template
inline =
  first ${:output}
    second ${buildout:directory}
output = ${buildout:directory}/inline

[directories]
recipe = slapos.cookbook:mkdirectory
one = ${buildout:directory}/d/one
two = ${buildout:directory}/d/two/three

[links]
recipe = slapos.cookbook:symbolic.link
target-directory = ${directories:one}
link-binary = /bin/sh ${text:output}

[wrapped]
recipe = slapos.cookbook:wrapper
command-line = /bin/echo 'a b' $x ${links:target-directory}
wrapper-path = ${buildout:bin-directory}/wrapped
environment =
  KEY = value with blanks
  OTHER=2

[downloaded]
recipe = slapos.recipe.build:download
url = ${buildout:directory}/text.in
md5sum = @TEXT@
filename = sub/name

[unpacked]
recipe = slapos.recipe.build:download-unpacked
url = ${buildout:directory}/hello-1.0.tar.gz
md5sum = @HELLO@

[compiled]
recipe = slapos.recipe.cmmi
url = ${buildout:directory}/hello-1.0.tar.gz
md5sum = @HELLO@
configure-command = echo configured for %(prefix)s >
configure-options = configured
environment =
  GREETING = hé ${:version}
version = 1.0
post-install = echo $GREETING > @@LOCATION@@/greeting
location = @@LOCATION@@

[plain]
recipe = slapos.recipe.template
url = ${buildout:directory}/text.in
output = ${buildout:directory}/plain
mode = 0640

[rendered]
recipe = slapos.recipe.template:jinja2
inline =
  {% for name in names.split() -%}
  {{ name }}={{ dumps(name) }} {{ sections }}
  {% endfor %}
output = ${buildout:directory}/rendered
context =
  raw names a b $c
  key sections compiled:location
";

const RECIPES: &str = "plone.recipe.command collective.recipe.template slapos.cookbook:mkdirectory \
    slapos.cookbook:symbolic.link slapos.cookbook:wrapper slapos.recipe.build:download \
    slapos.recipe.build:download-unpacked slapos.recipe.cmmi slapos.recipe.template \
    slapos.recipe.template:jinja2";

#[test]
fn built_in_recipes_do_the_same_through_the_bridge() {
    let real = RealSite::new("");
    let site = &real.site;
    site.write_with_mode("text.in", "text ${buildout:bin-directory}\nü\n", 0o640);
    site.archive(
        "hello-1.0.tar.gz",
        &[
            ("hello-1.0/hello", "#!/bin/sh\necho hello\n", 0o755),
            (
                "hello-1.0/Makefile",
                "all:\n\techo $(GREETING) > made\ninstall: all\n\tmkdir -p $(prefix)/bin\n\tcp hello configured made $(prefix)/bin\n",
                0o644,
            ),
        ],
    );
    let parts: Vec<&str> = COMPARED
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .collect();
    let profile = format!("[buildout]\nparts = {}\n{COMPARED}", parts.join(" "))
        .replace("@TEXT@", &site.md5("text.in"))
        .replace("@HELLO@", &site.md5("hello-1.0.tar.gz"));
    site.profile(&profile);
    let made = ["made", "inline", "d", "plain", "rendered"];
    let mut all = Vec::new();
    for names in ["", RECIPES] {
        real.bridge(names);
        let installed = site.install().succeeded();
        assert_eq!(
            installed.result.as_ref().unwrap().installed.len(),
            parts.len()
        );
        let first = (real.files(), real.record());
        let updated = site.install().succeeded();
        let updated = &updated.result.as_ref().unwrap().updated;
        assert_eq!(updated.len(), parts.len(), "{updated:?}");
        all.push((first, real.files()));
        let signature = site.recorded("text", "__buildout_signature__").unwrap();
        assert_eq!(
            signature.starts_with("native:collective.recipe.template:default:0-collective"),
            !names.is_empty(),
            "{signature}"
        );
        real.clear(&made);
    }
    let [native, bridged] = <[_; 2]>::try_from(all).unwrap();
    for (native, bridged) in [
        (&native.0.0, &bridged.0.0),
        (&native.0.1, &bridged.0.1),
        (&native.1, &bridged.1),
    ] {
        for (name, value) in native {
            let other = bridged.get(name);
            assert_eq!(Some(value), other, "{name}");
        }
        let more: Vec<_> = bridged
            .keys()
            .filter(|name| !native.contains_key(*name))
            .collect();
        assert!(more.is_empty(), "{more:?}");
    }
}

#[test]
fn hexagonit_recipe_download_unpacks() {
    let real = RealSite::new("");
    let site = &real.site;
    site.archive(
        "a.tar.gz",
        &[("top/file", "content", 0o644), ("top/run", "#!", 0o755)],
    );
    site.write("file", "plain");
    site.profile(&format!(
        "[buildout]
parts = unpacked single
download-cache = cache

[unpacked]
recipe = hexagonit.recipe.download
url = {0}/a.tar.gz
md5sum = {1}
strip-top-level-dir = true

[single]
recipe = hexagonit.recipe.download
url = file://{0}/file
download-only = true
filename = renamed
mode = 0600
",
        site.path("").display().to_string().trim_end_matches('/'),
        site.md5("a.tar.gz")
    ));
    fs::create_dir(site.path("cache")).unwrap();
    site.install().succeeded();
    assert_eq!(site.tree("parts/unpacked"), "file 644\nrun 755");
    assert_eq!(site.tree("parts/single"), "renamed 600");
    assert_eq!(
        site.recorded("unpacked", "location").as_deref(),
        Some("[ROOT]/buildout/parts/unpacked")
    );
    site.install().succeeded();
}

/// Snippets of the kinds that components of SlapOS hold.
#[test]
fn snippets_of_slapos_recipe_build_run() {
    let real = RealSite::new("");
    let site = &real.site;
    site.archive("src.tar.gz", &[("src/file", "old\n", 0o644)]);
    site.write("fix.patch", "--- file\n+++ file\n@@ -1 +1 @@\n-old\n+new\n");
    let profile = "
[buildout]
parts = init-only located none patched piped copied updated chosen environ called failing-not user

[target]
value = from target

# An option is computed, and other parts use it.
[init-only]
recipe = slapos.recipe.build
init =
  import platform
  options['machine'] = platform.machine()
  options['list'] = [1, 'two']
  options['seen'] = self.buildout['target']['value']

# The location is made.
[located]
recipe = slapos.recipe.build
install =
  import os
  os.mkdir(location)
  with open(os.path.join(location, 'file'), 'w') as f:
    f.write(options['text'])
text = ${init-only:machine} ${init-only:seen}

# Nothing is tracked.
[none]
recipe = slapos.recipe.build
init = options['location'] = ''
install =
  with open('none', 'w') as f: f.write('x')

# An archive is downloaded, unpacked and patched.
[patched]
recipe = slapos.recipe.build
url = ${buildout:directory}/src.tar.gz
md5sum = @MD5@
install =
  import os
  directory = guessworkdir(self.extract(self.download()))
  self.applyPatchList(options['patches'], '-p0', cwd=directory)
  self.copyTree(directory, location)
patches = ${buildout:directory}/fix.patch @PATCH@

[piped]
recipe = slapos.recipe.build
install =
  import os
  os.mkdir(location)
  with open(location + '/out', 'w') as f:
    f.flush()
  self.pipeCommand([['echo', 'a b'], ['sh', '-c', 'cat > %s/out' % location]])

[copied]
recipe = slapos.recipe.build
depends = ${patched:location}
install = self.copyTree(self.buildout['patched']['location'], location, ['nothing'])
slapos_promise =
  file:file
  directory:.

# Every run updates.
[updated]
recipe = slapos.recipe.build
update =
  with open('updated', 'a') as f: f.write('x')

# The part depends on what the snippet chooses.
[chosen]
recipe = slapos.recipe.build
init =
  section = self.buildout['target' if options['which'] == 'a' else 'nothing']
  options['value'] = section['value']
  self.memory = [section.name]
install =
  import os
  assert self.memory == ['target']
  os.mkdir(location)
which = a

[environ]
recipe = slapos.recipe.build
environment =
  ADDED = %(PATH)s:/added
install =
  import os, subprocess
  os.mkdir(location)
  subprocess.check_call('echo $ADDED > %s/path' % location, shell=True, env=self.environ)
  self.logger.info('has made %s', 'it')

# Changes of the environment are seen by the parts that follow.
[called]
recipe = slapos.recipe.build
update =
  import os
  os.environ['FROM_CALLED'] = 'yes'
  call(['sh', '-c', 'echo called $FROM_CALLED'])

[failing-not]
recipe = slapos.recipe.build
install =
  import os, tempfile
  os.mkdir(location)
  temporary = tempfile.mkdtemp()
  self.cleanup_list.append(temporary)
  options['gone'] = temporary

[user]
recipe = plone.recipe.command
command = test \"$FROM_CALLED\" = yes
update-command = ${:command}
stop-on-error = true
"
    .replace("@MD5@", &site.md5("src.tar.gz"))
    .replace("@PATCH@", &site.md5("fix.patch"));
    site.profile(&profile);
    let run = site.install().succeeded();
    let machine = std::env::consts::ARCH;
    assert_eq!(
        site.read("parts/located/file"),
        format!("{machine} from target")
    );
    assert_eq!(
        site.recorded("init-only", "list").as_deref(),
        Some("!py![1, 'two']")
    );
    assert_eq!(site.read("parts/patched/file"), "new\n");
    assert_eq!(site.read("parts/copied/file"), "new\n");
    assert_eq!(site.read("parts/piped/out"), "a b\n");
    assert!(site.read("parts/environ/path").ends_with(":/added\n"));
    assert_eq!(
        run.log_of("environ").last().map(String::as_str),
        Some("INFO has made it")
    );
    assert!(run.output().contains("called yes\n"));
    assert!(site.exists("none"));
    assert_eq!(
        site.recorded("none", "__buildout_installed__").as_deref(),
        Some("")
    );
    let signature = site.recorded("chosen", "__buildout_signature__").unwrap();
    assert!(signature.contains(" target:"), "{signature}");

    let run = site.install().succeeded();
    let report = run.result.as_ref().unwrap();
    assert!(
        report.installed.is_empty() && report.updated.len() == 12,
        "{report:?}"
    );
    assert_eq!(site.read("updated"), "xx");

    // A change of what the snippet chose reinstalls the part.
    site.profile(&profile.replace("value = from target", "value = changed"));
    let run = site.install().succeeded();
    let installed = &run.result.as_ref().unwrap().installed;
    let installed: Vec<&str> = installed.iter().map(|part| &**part).collect();
    assert!(
        installed.contains(&"chosen") && installed.contains(&"located"),
        "{installed:?}"
    );
    assert!(!installed.contains(&"patched"), "{installed:?}");
}

#[test]
fn snippets_that_fail_are_told_and_undone() {
    for (snippet, expected) in [
        (
            "install = os.mkdir(location)\n",
            "NameError: NameError: name 'os' is not defined",
        ),
        (
            "install = pass\n",
            "Error: '[ROOT]/buildout/parts/a' was not created",
        ),
        (
            "install =\n  import os\n  os.mkdir(location)\n  call(['false'])\n",
            "CalledProcessError: subprocess.CalledProcessError: Command 'false' returned non-zero exit status 1.",
        ),
        (
            "install =\n  import os\n  os.mkdir(location)\nslapos_promise = file:x\n",
            "Error: Promise not met, found issues:\n  File promise not met for 'x'\n",
        ),
        (
            "x = y\n",
            "Error: at least one of the following option is required: init, install, update",
        ),
        (
            "init = options['x'] = buildout['y']\n",
            "NameError: NameError: name 'buildout' is not defined",
        ),
    ] {
        let real = RealSite::new(&format!(
            "[buildout]\nparts = a\n\n[a]\nrecipe = slapos.recipe.build\n{snippet}"
        ));
        let run = real.site.install();
        assert_eq!(run.error(), expected);
        assert!(!real.site.exists("parts/a"));
        if let Some(cause) = std::error::Error::source(run.result.as_ref().unwrap_err()) {
            // The snippet's own lines are shown.
            let text = cause.to_string();
            assert!(text.contains("File \"a\", line "), "{text}");
        }
    }
}

#[test]
fn cmmi_runs_hooks_with_and_without_the_bridge() {
    let real = RealSite::new(
        "[buildout]
parts = a

[a]
recipe = slapos.recipe.cmmi
path = ${buildout:directory}/src
configure-command = echo $WORD $MORE >
configure-options = configured
make-binary = true
pre-configure-hook = ${buildout:directory}/hooks.py:before
post-make-hook = ${buildout:directory}/hooks.py:after
environment =
  WORD = word
",
    );
    let site = &real.site;
    site.write("src/file", "");
    site.write(
        "hooks.py",
        "import os\n\ndef before(options, buildout, environment):\n    environment['WORD'] += 's'\n    environment['MORE'] = options.name\n    assert buildout['buildout']['parts-directory']\n\ndef after(options, buildout):\n    with open(os.path.join(options['location'], 'after'), 'w') as f:\n        f.write(os.getcwd())\n",
    );
    for bridged in ["", "slapos.recipe.cmmi"] {
        real.bridge(bridged);
        let run = site.install().succeeded();
        let directory = site.root().join("buildout/src");
        assert_eq!(site.read("parts/a/after"), directory.to_string_lossy());
        assert_eq!(site.read("src/configured"), "words a\n");
        let log = run.log_of("a");
        assert!(
            log.contains(&"INFO Executing pre-configure-hook".to_owned()),
            "{log:?}"
        );
        assert!(
            log.contains(&"INFO Executing post-make-hook".to_owned()),
            "{log:?}"
        );
        real.clear(&["src/configured"]);
    }
}

#[test]
fn a_hook_that_cannot_be_called_is_told() {
    for (hook, expected) in [
        (
            "${buildout:directory}/hooks.py:nope",
            "AttributeError: AttributeError: module '<script>' has no attribute 'nope'",
        ),
        (
            "${buildout:directory}/hooks.py",
            "Error: pre-make-hook names no function: [ROOT]/buildout/hooks.py\nhint: write `",
        ),
        (
            "hooks",
            "Error: pre-make-hook names no function: hooks\nhint: write `hooks:FUNCTION`",
        ),
    ] {
        let real = RealSite::new(&format!(
            "[buildout]\nparts = a\n\n[a]\nrecipe = slapos.recipe.cmmi\npath = ${{buildout:directory}}/src\nconfigure-command = true\nmake-binary = true\npre-make-hook = {hook}\n"
        ));
        real.site.write("src/file", "");
        real.site.write("hooks.py", "");
        let error = real.site.install().error();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_cookbook_works() {
    let real = RealSite::new(
        "[buildout]
parts = password integer user port checker promise files shown

[password]
recipe = slapos.cookbook:generate.password
bytes = 20

[integer]
recipe = slapos.cookbook:random.integer
minimum = 3
maximum = 3

[user]
recipe = slapos.cookbook:userinfo

[port]
recipe = slapos.cookbook:free_port
ip = 127.0.0.1
minimum = 20000
maximum = 30000

[checker]
recipe = slapos.cookbook:check_port_listening
hostname = 127.0.0.1
port = ${port:port}
path = ${buildout:bin-directory}/check

[promise]
recipe = slapos.cookbook:promise.plugin
eggs = slapos.cookbook
module = slapos.promise.plugin.check_port_listening
output = ${buildout:directory}/promise.py
config-host = 127.0.0.1

[files]
recipe = slapos.cookbook:copyfilelist
target-directory = ${buildout:directory}
file-list = ${buildout:directory}/in/copied

[shown]
recipe = slapos.recipe.template
inline = ${user:pw-name} ${integer:value} ${password:passwd}
output = ${buildout:directory}/shown
",
    );
    let site = &real.site;
    site.write("in/copied", "copy");
    real.bridge("slapos.cookbook:generate.password slapos.cookbook:random.integer slapos.cookbook:userinfo slapos.cookbook:free_port slapos.cookbook:check_port_listening slapos.cookbook:promise.plugin slapos.cookbook:copyfilelist");
    site.install().succeeded();
    let shown = site.read("shown");
    let words: Vec<&str> = shown.split(' ').collect();
    assert_eq!(words.len(), 3, "{shown}");
    assert_eq!(words[2].len(), 20);
    assert!(site.read("parts/password").contains(words[2]));
    assert_eq!(site.recorded("password", "passwd"), None);
    assert_eq!(site.read("copied"), "copy");
    assert!(site.read("bin/check").starts_with("#!/"));
    assert!(site.read("promise.py").contains("site-packages"));
    // The same password again.
    site.install().succeeded();
    assert_eq!(site.read("shown"), shown);
}
