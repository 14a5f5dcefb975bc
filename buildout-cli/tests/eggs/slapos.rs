//! What SlapOS has besides zc.buildout: patched sources, `setup-eggs`, and a
//! `zc.buildout` that no index has.

use buildout_core::fetch::test_server::{Reply, TestServer};
use buildout_core::fetch::{Algorithm, Digests};

use crate::peer::PeerVersion;
use crate::site::{Side, Site};

#[test]
fn sources_are_patched_as_slapos_has_it() {
    let site = Site::new(PeerVersion::Slapos3);
    let profile = |revision: u32| {
        format!(
            "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
             [versions]\nplainsd = 1.0+SlapOSPatched{revision:03}\n\
             [app]\nrecipe = zc.recipe.egg\neggs = plainsd\n\
             plainsd-patches = FIXTURES/patches/one.patch#PATCH\nplainsd-patch-options = -p0\n"
        )
    };
    site.profile(&profile(2).replace("#PATCH", ""));
    let [ours] = site.run_ours(&[]);
    assert!(
        ours.text
            .contains("plainsd is to be patched, so its pin must end in `+SlapOSPatched001`"),
        "{}",
        ours.text
    );
    let wrong = format!("#md5={}", "0".repeat(32));
    site.profile(&profile(1).replace("#PATCH", &wrong));
    let [ours] = site.run_ours(&[]);
    assert!(ours.text.contains("MD5 checksum mismatch"), "{}", ours.text);
    site.profile(&profile(1).replace("#PATCH", ""));
    let [ours] = site.run_ours(&[]);
    assert_eq!(ours.code, Some(0), "{}", ours.text);
    assert_eq!(
        site.names(Side::Ours, "eggs")[0].split("-py").next(),
        Some("plainsd-1.0+slapospatched001")
    );
    let [(said, _)] = site.start_ours("plainsd", &[]);
    assert_eq!(said, "patched\n");
    let [ours] = site.run_ours(&[]);
    assert_eq!(ours.told(), "Updating app.\n");
}

/// A profile with an egg that cannot be built without `helper`.
const NEEDY: &str = "\
[buildout]
parts = needy app
find-links = FIXTURES/links
index = FIXTURES/empty

[needy]
recipe = zc.recipe.egg:custom
setup-eggs = helper

[app]
recipe = zc.recipe.egg
eggs = needy

[versions]
helper = 1.0
";

#[test]
fn setup_eggs_are_there_for_a_build_and_for_nothing_else() {
    let site = Site::new(PeerVersion::Slapos3);
    site.profile(NEEDY);
    let [ours] = site.run_ours(&["needy:setup-eggs="]);
    assert_eq!(ours.code, Some(1), "{}", ours.text);
    assert!(
        ours.text.contains("No module named 'helper'"),
        "{}",
        ours.text
    );

    let [ours] = site.run_ours(&[]);
    assert_eq!(ours.code, Some(0), "{}", ours.text);
    assert_eq!(
        site.names(Side::Ours, "eggs"),
        ["helper-1.0-py3.11.egg".replace("3.11", &site.python())],
    );
    site.program("needy", &[], "1.0 True\n");
    let script = site.read(Side::Ours, "bin/needy");
    assert!(!script.contains("helper-1.0"), "{script}");
    let [ours] = site.run_ours(&[]);
    assert_eq!(ours.told(), "Updating needy.\nUpdating app.\n");

    // A failing build leaves what was there.
    let [ours] = site.run_ours(&["versions:helper=3.0"]);
    assert_eq!(ours.code, Some(1), "{}", ours.text);
    assert!(ours.text.contains("it is too new"), "{}", ours.text);
    site.program("needy", &[], "1.0 True\n");

    // With another helper another egg comes out.
    let [ours] = site.run_ours(&["versions:helper=2.0"]);
    assert_eq!(
        ours.told(),
        "Updating needy.\n\
         Getting distribution for 'helper==2.0'.\nGot helper 2.0.\n\
         needy: The setup eggs are others: it is built anew.\nUpdating app.\n"
    );
    site.program("needy", &[], "2.0 True\n");
    let [ours] = site.run_ours(&["versions:helper=2.0"]);
    assert_eq!(ours.told(), "Updating needy.\nUpdating app.\n");
}

#[test]
fn checkouts_have_their_setup_eggs() {
    let site = Site::new(PeerVersion::Slapos3);
    site.needy_checkout();
    site.profile(&NEEDY.replace(
        "recipe = zc.recipe.egg:custom",
        "recipe = zc.recipe.egg:develop\nsetup = co-needy",
    ));
    for version in ["1.0", "2.0"] {
        let [ours] = site.run_ours(&[&format!("versions:helper={version}")]);
        assert_eq!(ours.code, Some(0), "{}", ours.text);
        site.program("needy", &[], &format!("{version} True\n"));
    }
}

/// What eggs do with `zc.buildout` when no buildout runs.
const OUTSIDE: &str = r#"
import importlib.metadata, os, sys
import zc.buildout, zc.buildout.buildout, zc.buildout.download, zc.buildout.easy_install
import pkg_resources
from zc.buildout import UserError
from zc.buildout.download import ChecksumError, Download

URL, MD5 = sys.argv[1:]
print(importlib.metadata.version('zc.buildout'))
print(pkg_resources.get_distribution('zc.buildout').version)
print(str(UserError('a', 1)))

value = {'a': [1, ('b', None)], 'c': {True}}
print(zc.buildout.buildout.loads(zc.buildout.buildout.dumps(value)) == value)

def failing(work):
    try:
        work()
    except Exception as error:
        print(type(error).__name__, isinstance(error, UserError), str(error).replace(URL, 'URL'))

def content(path):
    with open(path) as file:
        return file.read()

path, is_temporary = Download()(URL, MD5)
print(content(path), is_temporary)
os.remove(path)
print(Download()(URL, MD5, 'placed'), content('placed'))
failing(lambda: Download()(URL, '0' * 32, 'wrong'))
failing(lambda: Download(offline=True)(URL))
failing(lambda: Download(cache='nowhere')(URL))
os.mkdir('cache')
cached = Download({'download-cache': 'cache', 'directory': os.getcwd()}, namespace='n')
print(cached(URL, MD5) == (os.path.realpath('cache/n/file'), False))
offline = Download(cache='cache', namespace='n', offline=True)
print(offline(URL, MD5, 'copied'), os.stat('copied').st_nlink)
failing(lambda: offline(URL, '0' * 32))
print(Download()(URL + 'missing', MD5, 'other', alternate_url=URL))
failing(lambda: zc.buildout.easy_install.install(['x'], 'eggs'))
failing(lambda: zc.buildout.buildout.Buildout()['x'])
failing(lambda: zc.buildout.buildout.main([]))
print(sorted(os.listdir('.')))
"#;

#[test]
fn the_pinned_zc_buildout_is_an_egg_that_works_without_a_run() {
    let site = Site::new(PeerVersion::Slapos3).with_plain_python();
    site.profile(
        "[buildout]\nparts = app\nfind-links = FIXTURES/links\n\
         [app]\nrecipe = zc.recipe.egg\neggs = user\ninterpreter = py\n\
         [versions]\nzc.buildout = 3.0.1+slapos010\nsetuptools = 80.9.0:whl\nuser = 1.0:whl\n",
    );
    let [ours] = site.run_ours(&[]);
    assert_eq!(ours.code, Some(0), "{}", ours.text);
    let eggs = site.names(Side::Ours, "eggs");
    assert!(
        eggs.contains(&format!(
            "zc.buildout-3.0.1+slapos010-py{}.egg",
            site.python()
        )),
        "{eggs:?}"
    );

    let server = TestServer::start();
    server.reply("/file", Reply::ok("content"));
    let script = site.write("outside.py", OUTSIDE);
    let (said, code) = site.start_elsewhere(
        "py",
        &[
            &script,
            &server.url("/file"),
            &Digests::of(b"content").hex(Algorithm::Md5),
        ],
    );
    assert_eq!(
        (&*said, code),
        (
            "3.0.1+slapos010\n\
             3.0.1+slapos010\n\
             a 1\n\
             True\n\
             content True\n\
             ('placed', False) content\n\
             ChecksumError True MD5 checksum mismatch downloading 'URL'\n\
             UserError True Couldn't download 'URL' in offline mode.\n\
             UserError True The directory:\n'[HOME]/nowhere'\nto be used as a download cache doesn't exist.\n\n\
             True\n\
             ('copied', False) 1\n\
             ChecksumError True MD5 checksum mismatch for cached download from 'URL' at '[HOME]/cache/n/file'\n\
             ('other', False)\n\
             NoEngine True install needs a run of buildout, and this process is not part of one.\n\
             NoEngine True reach needs a run of buildout, and this process is not part of one.\n\
             UserError True the function zc.buildout.buildout.main of zc.buildout is not supported for recipes in Python.\n\
             ['cache', 'copied', 'other', 'placed']\n",
            Some(0)
        ),
    );
}
