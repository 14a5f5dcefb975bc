//! Small recipes in Python, written for what they show.

mod support;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use support::{ROOT, TestSite, mini_site, mini_site_with};

/// The recipes of most tests.
const MODULE: &str = include_str!("data/mini.py");

const ENTRY_POINTS: &str = "\
[zc.buildout]
default = mini:Recipe
script = mini:Script
no-update = mini:NoUpdate
not-there = mini:NotThere

[zc.buildout.uninstall]
default = mini:uninstall

[zc.buildout.extension]
default = mini:load

[zc.buildout.unloadextension]
default = mini:unload
";

fn site(profile: &str) -> TestSite {
    mini_site(profile, MODULE, ENTRY_POINTS)
}

/// A site whose part `a` runs Python: `init` when it is constructed, and
/// `install`.
fn script(init: &str, install: &str) -> TestSite {
    let indented = |text: &str| text.replace('\n', "\n ");
    site(&format!(
        "[buildout]\nparts = a\n\n[a]\nrecipe = mini:script\nx = 1\ninit = \n {}\ninstall = \n {}\n",
        indented(init),
        indented(install)
    ))
}

#[test]
fn a_recipe_installs_updates_and_is_uninstalled() {
    let site =
        site("[buildout]\nparts = a\n\n[a]\nrecipe = mini\npath = ${buildout:directory}/out\n");
    let run = site.install().succeeded();
    assert_eq!(
        run.usual_log()[4..],
        ["INFO Installing a.", "INFO a: installs"].map(String::from)
    );
    assert_eq!(site.read("out"), "content of a\n");
    let installed = site.recorded("a", "__buildout_installed__");
    assert_eq!(installed.as_deref(), Some("[ROOT]/buildout/out"));
    assert_eq!(site.recorded("a", "computed").as_deref(), Some("yes"));
    let signature = site.recorded("a", "__buildout_signature__").unwrap();
    assert!(
        signature.starts_with("native:mini:default:0-mini-1.0-"),
        "{signature}"
    );

    let run = site.install().succeeded();
    assert_eq!(run.usual_log(), ["INFO Updating a.", "INFO a: updates"]);

    site.profile("[buildout]\nparts =\n");
    let run = site.install().succeeded();
    assert_eq!(
        run.usual_log(),
        [
            "INFO Uninstalling a.",
            "INFO Running uninstall recipe.",
            "WARNING mini: a had yes and [ROOT]/buildout/out",
        ]
    );
    assert!(!site.exists("out"));
}

#[test]
fn constructions_nest_through_the_process() {
    // Native and Python recipes by turns: each reaches the next one.
    let site = site(
        "[buildout]
parts = a

[a]
recipe = mini:script
init = options['out'] = 'a' + buildout['b']['location']

[b]
recipe = plone.recipe.command
command = true
location = b${c:out}

[c]
recipe = mini:script
init = options['out'] = 'c' + buildout['d']['out']

[d]
recipe = mini:script
init = options['out'] = 'd'
",
    );
    let run = site.install().succeeded();
    assert_eq!(site.recorded("a", "out").as_deref(), Some("abcd"));
    let installed: Vec<_> = run.result.as_ref().unwrap().installed.iter().collect();
    assert_eq!(
        installed.iter().map(|part| &***part).collect::<String>(),
        "dcba"
    );
}

#[test]
fn options_behave_as_upstreams_do() {
    script(
        "
import zc.buildout.buildout as b
assert isinstance(options, b.Options) and options.name == 'a'
assert list(options) == ['recipe', 'x', 'init', 'install'], list(options)
assert options.get('no') is None and options.get('no', 5) == 5
assert 'x' in options and 'no' not in options
assert options.setdefault('y', '2') == '2' and options['y'] == '2'
assert options.pop('y') == '2' and 'y' not in options
reference = '$' + '{not:substituted}'
options.update(z='3', w=reference)
assert options['w'] == reference
assert dict(options.items())['z'] == '3' and len(options) == 6, list(options)
assert options.copy()['x'] == '1' and type(options.copy()) is dict
assert options._data['x'] == '1'
assert options._sub('-$' + '{:x}-$$' + '{a:x}-', []) == '-1-$1-'
del options['w']
try:
    options['no']
except KeyError as error:
    assert isinstance(error, b.MissingOption) and str(error) == 'Missing option: a:no', str(error)
else:
    assert False
try:
    buildout['no']
except b.MissingSection as error:
    assert str(error) == \"The referenced section, 'no', was not defined.\", str(error)
else:
    assert False
assert 'no' not in buildout and 'a' in buildout and buildout.get('no') is None
assert b.bool_option({'o': 'true'}, 'o') is True
assert b.bool_option(options, 'no', 'false') is False
try:
    b.bool_option({'o': 'maybe'}, 'o')
except zc.buildout.UserError as error:
    assert str(error) == \"Invalid value for 'o' option: 'maybe'\", str(error)
try:
    options.created('x')
except TypeError:
    pass
else:
    assert False
assert buildout['buildout']['directory'] == os.getcwd() == buildout._buildout_dir
assert not buildout.offline and buildout.newest is True
buildout.parse('''
  [added]
  recipe = mini:script
  init = options['z'] = '7'
  ''')
assert buildout['added']['z'] == '7'
buildout['more'] = {'n': 1}
assert buildout['more']['n'] == '1'
assert buildout._parts == ['added']
try:
    buildout['more'] = {}
except KeyError:
    pass
else:
    assert False
try:
    buildout._nonsense
except AttributeError as error:
    assert '_nonsense' in str(error) and 'not supported' in str(error)
",
        "options['late'] = 'x'",
    )
    .install()
    .succeeded();
}

#[test]
fn values_of_other_types_are_options_of_the_slapos_dialect() {
    let value = "{'b': [1, 2.5, None, True], 'a': ('$;', b'x', {3, 1, 2}), 'f': frozenset([1])}";
    let site = script(
        &format!(
            "value = {value}\noptions['v'] = value\nassert options['v'] == value, options['v']\n\
             from zc.buildout.buildout import dumps, loads\nassert loads(dumps(value)) == value\n\
             self.kept = value"
        ),
        "assert self.kept == options['v'] == dict(options.items())['v']",
    );
    site.install().succeeded();
    let recorded = site.recorded("a", "v").unwrap();
    assert_eq!(
        recorded,
        "!py!{'a': ('\\x24\\x3b', b'x', {1, 2, 3}), 'b': [1, 2.5, None, True], 'f': frozenset({1})}"
    );
    let site = site.assign("buildout", "dialect", "upstream");
    let run = site.install();
    assert!(
        run.error()
            .contains("TypeError: ('Option values must be strings'")
    );
}

#[test]
fn output_and_log_keep_their_order_and_belong_to_the_part() {
    let site = script(
        "print('one')\nlogging.getLogger('a').info('two')\nprint('three', end='')",
        "
import subprocess
print('four')
subprocess.call('echo five; echo six >&2', shell=True)
logging.getLogger('zc.buildout').warning('seven %s', 7)
logging.getLogger('deep').debug('not shown')
sys.stdout.write('eight')
sys.stdout.flush()
options['x']
os.write(2, b'nine\\xff')
",
    );
    let run = site.install().succeeded();
    let mut seen: Vec<String> = Vec::new();
    for event in &run.events {
        match event {
            buildout_core::event::Event::Output { part, bytes, .. } => {
                let text = String::from_utf8_lossy(bytes);
                // Where one event ends and the next begins is a matter of time.
                match seen.last_mut() {
                    Some(last) if last.starts_with("a|") => last.push_str(&text),
                    _ => seen.push(format!("{part}|{text}")),
                }
            }
            buildout_core::event::Event::Log(record) => {
                seen.push(format!("{}:{}", record.logger, record.message));
            }
            _ => {}
        }
    }
    assert_eq!(
        seen,
        [
            "a|one\n",
            "a:two",
            "a|threefour\nfive\nsix\n",
            "zc.buildout:seven 7",
            "a|eightnine\u{fffd}"
        ]
    );
}

#[test]
fn a_user_error_is_one_of_ours() {
    let run = script("raise zc.buildout.UserError('bad', 42)", "").install();
    assert_eq!(run.error(), "Error: bad 42");
    let failure = run.result.unwrap_err();
    let doing: Vec<String> = failure.doing().iter().map(ToString::to_string).collect();
    assert_eq!(
        doing,
        [
            "Installing.",
            "Getting section a.",
            "Initializing section a."
        ]
    );
    // What the engine fails with comes back as it was.
    let run = script("options['nope']", "").install();
    assert_eq!(
        run.error(),
        "Error: Missing option: a:nope\nhint: add `nope = ...` to `[a]`"
    );
    // Unless the recipe makes something else of it.
    let run = script(
        "try:\n    options['nope']\nexcept KeyError:\n    raise zc.buildout.UserError('gone')",
        "",
    )
    .install();
    assert_eq!(run.error(), "Error: gone");
}

#[test]
fn a_crash_shows_its_traceback_once() {
    let run = script("", "def f():\n    raise ValueError('bad')\nf()").install();
    assert_eq!(run.error(), "ValueError: ValueError: bad");
    let failure = run.result.as_ref().unwrap_err();
    let cause = std::error::Error::source(failure).unwrap();
    let text = cause.to_string();
    assert!(
        text.starts_with("Traceback (most recent call last):\n  File \""),
        "{text}"
    );
    assert!(
        text.contains("mini.py\", line ") && text.contains(", in f"),
        "{text}"
    );
    assert!(
        !text.contains("<buildout>") && !text.contains("ValueError: bad"),
        "{text}"
    );
    assert_eq!(failure.part(), Some("a"));
    assert_eq!(failure.doing().last().unwrap().to_string(), "Installing a.");
}

#[test]
fn what_a_failed_installation_has_made_is_removed() {
    let site = script(
        "",
        "
os.mkdir('made')
options.created('made')
assert options.created() == ['made']
open('other', 'w').close()
raise ValueError
",
    );
    let run = site.install();
    assert!(run.error().starts_with("ValueError"));
    assert!(!site.exists("made") && site.exists("other"));
    assert_eq!(site.recorded("a", "recipe"), None);
}

#[test]
fn a_recipe_may_end_the_run() {
    let run = script("", "sys.exit(7)").install();
    let failure = run.result.unwrap_err();
    assert!(failure.is_exit());
    assert_eq!(failure.exit_code(), 7);
}

#[test]
fn what_a_recipe_returns_is_recorded() {
    for (returned, recorded) in [
        ("'one'", "one"),
        ("['one', 'two']", "one\ntwo"),
        ("(x for x in ('one', 'two'))", "one\ntwo"),
        ("()", ""),
        ("__import__('pathlib').Path('one')", "one"),
    ] {
        let site = script(
            "self.returned = lambda: RETURNED"
                .replace("RETURNED", returned)
                .as_str(),
            "",
        );
        let run = site.install();
        if returned.contains("pathlib") {
            // Upstream fails as well: it wants a text or a list.
            assert!(run.error().contains("not iterable"), "{}", run.error());
            continue;
        }
        run.succeeded();
        let found = site.recorded("a", "__buildout_installed__").unwrap();
        assert_eq!(found, recorded, "{returned}");
    }
}

#[test]
fn a_recipe_without_update_is_installed_again() {
    let site = site("[buildout]\nparts = a\n\n[a]\nrecipe = mini:no-update\n");
    site.install().succeeded();
    let run = site.install().succeeded();
    assert_eq!(
        run.usual_log(),
        [
            "INFO Updating a.",
            "WARNING The recipe for a doesn't define an update method. Using its install method.",
        ]
    );
    assert_eq!(site.read("log"), "install\ninstall\n");
}

#[test]
fn changes_of_the_environment_are_seen_by_later_parts() {
    let site = site(
        "[buildout]
parts = a b c

[a]
recipe = mini:script
install =
  os.environ['ADDED'] = 'from a'
  os.environb[b'BYTES'] = b'\\xff'
  del os.environ['GONE']

[b]
recipe = plone.recipe.command
stop-on-error = true
command = echo \"$ADDED ${GONE-gone}\" > seen && export NEVER=1

[c]
recipe = mini:script
install = assert os.environ['ADDED'] == 'from a' and 'GONE' not in os.environ
",
    )
    .variable("GONE", "here");
    // `${` starts a reference, and `$${` does not.
    let profile = site
        .read("buildout.cfg")
        .replace("${GONE-gone}", "$${GONE-gone}");
    site.profile(&profile);
    site.install().succeeded();
    assert_eq!(site.read("seen"), "from a gone\n");
    assert!(std::env::var_os("ADDED").is_none());
}

#[test]
fn attributes_of_a_recipe_persist_within_a_run() {
    let site = script("self.kept = ['init']", "print(self.kept + [self.name])");
    assert_eq!(site.install().succeeded().output(), "['init', 'a']\n");
}

#[test]
fn the_signature_freezes_what_a_part_depends_on() {
    let site = site(
        "[buildout]
parts = a

[a]
recipe = mini:script
init =
  buildout['b']
  assert options['__buildout_signature__'] == options.get('__buildout_signature__')
  options.barrier()
  buildout['c']

[b]
[c]
",
    );
    site.install().succeeded();
    let signature = site.recorded("a", "__buildout_signature__").unwrap();
    assert!(
        signature.contains(" b:") && !signature.contains(" c:"),
        "{signature}"
    );
}

#[test]
fn extensions_are_loaded_and_unloaded() {
    let site = site("[buildout]\nextensions = mini\nparts = a\n\n[a]\nrecipe = mini:no-update\n");
    let run = site.install().succeeded();
    let log = run.usual_log();
    // As upstream does, before the directories of the buildout are made.
    assert_eq!(log[1], "INFO mini: loaded in [ROOT]/buildout/");
    assert_eq!(log[2], "INFO Creating directory '[ROOT]/buildout/bin'.");
    assert_eq!(log.last().map(String::as_str), Some("INFO mini: unloaded"));
    // What an extension changes, parts see.
    assert_eq!(
        site.recorded("more", "recipe").as_deref(),
        Some("mini:no-update")
    );
}

#[test]
fn what_extensions_and_recipes_use_besides_is_there() {
    let site = script(
        "raw = buildout._raw
assert 'a' in raw and 'b' not in raw
assert raw.get('nope', {}) == {}
raw['b'] = dict(recipe='mini:no-update')
assert raw['b']['recipe'] == 'mini:no-update'
import zc.recipe.egg
from zc.recipe.egg.egg import Egg, Eggs, Scripts
assert Egg is Scripts is zc.recipe.egg.Scripts and Eggs is zc.recipe.egg.Eggs
from zc.buildout.easy_install import _relativitize
assert _relativitize('/a/b/c', '/a/bin/x', '/a') == \"join(base, 'b/c')\"
assert _relativitize('/a', '/a/bin/x', '/a') == 'base'
assert _relativitize('/b', '/a/bin/x', '/a') == \"'/b'\"",
        "",
    );
    site.install().succeeded();
    let recipe = site.recorded("b", "recipe");
    assert_eq!(recipe.as_deref(), Some("mini:no-update"));
    let raw = "a section of Buildout._raw of zc.buildout is not supported";
    let installer = "The attribute '_get_dist' of Installer is not supported for recipes in Python";
    for (text, expected) in [
        ("del buildout._raw['a']", raw),
        ("buildout._raw['a'] = {}", raw),
        ("zc.buildout.easy_install.Installer._get_dist", installer),
    ] {
        let error = script(text, "").install().error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_failing_extension_ends_the_run() {
    let site = site("[buildout]\nextensions = mini\nparts = a\nfail = yes\n\n[a]\nrecipe = mini\n");
    let run = site.install();
    assert_eq!(run.error(), "Error: the extension fails");
    let failure = run.result.unwrap_err();
    let doing: Vec<String> = failure.doing().iter().map(ToString::to_string).collect();
    assert_eq!(doing, ["Installing.", "Loading extensions."]);
    site.profile("[buildout]\nextensions = nope\nparts =\n");
    assert_eq!(
        site.install().error(),
        "Error: Couldn't find a distribution for 'nope'."
    );
}

#[test]
fn what_cannot_be_found_is_told() {
    for (recipe, expected) in [
        (
            "mini:nope",
            "ImportError: Entry point ('zc.buildout', 'nope') not found\nhint: the recipes of `mini` are default, script, no-update, not-there",
        ),
        (
            "mini:not-there",
            "AttributeError: AttributeError: module 'mini' has no attribute 'NotThere'",
        ),
        (
            "slapos.recipe.buil",
            "Error: Couldn't find a distribution for 'slapos.recipe.buil'.",
        ),
        (
            "plone.recipe.comand",
            "Error: Couldn't find a distribution for 'plone.recipe.comand'.\nhint: there is a recipe `plone.recipe.command`",
        ),
    ] {
        let site = site(&format!(
            "[buildout]\nparts = a\n\n[a]\nrecipe = {recipe}\n"
        ));
        assert_eq!(site.install().error(), expected);
    }
}

#[test]
fn without_python_the_error_names_it() {
    let site = mini_site_with(
        "/nowhere/python3",
        "[buildout]\nparts = a\n\n[a]\nrecipe = mini\n",
        MODULE,
        ENTRY_POINTS,
    );
    let error = site.install().error();
    assert!(
        error.starts_with("OSError: failed to start `/nowhere/python3`, which recipes in Python need\nhint: install Python 3"),
        "{error}"
    );
}

#[test]
fn a_process_that_dies_is_told() {
    for (code, how) in [
        ("os._exit(3)", "exit status: 3"),
        ("os.kill(os.getpid(), 9)", "signal: 9 (SIGKILL)"),
    ] {
        let run = script("", code).install();
        assert_eq!(
            run.error(),
            format!(
                "SystemError: the Python process of the recipes has ended in the middle of its work ({how})"
            )
        );
    }
}

#[test]
fn cancellation_ends_the_process_and_what_it_runs() {
    let site = Arc::new(script(
        "",
        "
import subprocess
open('started', 'w').close()
try:
    subprocess.call('sleep 1000', shell=True)
finally:
    open('cleaned', 'w').close()
",
    ));
    let runner = Arc::clone(&site);
    let begin = Instant::now();
    let run = thread::scope(|scope| {
        let run = scope.spawn(move || runner.install());
        while !site.exists("started") {
            assert!(begin.elapsed() < Duration::from_secs(60), "it never starts");
            thread::sleep(Duration::from_millis(5));
        }
        site.cancellation().cancel();
        run.join().unwrap()
    });
    assert!(run.result.unwrap_err().is_cancelled());
    assert!(site.exists("cleaned"));
}

#[test]
fn distributions_are_imported_from_where_they_are_found_only() {
    let site = script(
        "assert [p for p in sys.path if 'site-packages' in p] == [], sys.path",
        "
try:
    import pip
except ImportError:
    pass
else:
    assert False, pip
assert sys.stdin.read() == ''
",
    );
    site.install().succeeded();
    assert_eq!(site.mask(&site.root().to_string_lossy()), ROOT);
}
