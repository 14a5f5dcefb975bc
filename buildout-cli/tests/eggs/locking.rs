//! Eggs in the lock file, in `fetch` and offline: an index that the test serves.

use buildout_core::fetch::test_server::Reply;

use crate::index::Index;
use crate::peer::PeerVersion;
use crate::site::{Side, Site};

fn profile(index: &Index, more: &str) -> String {
    format!(
        "[buildout]\nparts = app\nindex = {}\ndownload-cache = cache\n{more}\n\
         [app]\nrecipe = zc.recipe.egg\neggs = bigdemo\n",
        index.url()
    )
}

#[test]
fn a_lock_has_every_distribution_and_is_insisted_on() {
    let site = Site::new(PeerVersion::Upstream6);
    let mut index = Index::start(&site, &["demo-0.3", "demoneeded-1.1"]);
    site.profile(&profile(&index, ""));
    let [output] = site.run_ours(&["lock"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    assert!(
        output
            .text
            .ends_with("0 profiles, 0 downloads, 3 distributions\n"),
        "{}",
        output.text
    );
    let lock = site.read(Side::Ours, "buildout.lock");
    let entries = index.entry("bigdemo", "0.1", "bigdemo-0.1-py3-none-any.whl")
        + &index.entry("demo", "0.2", "demo-0.2-py3-none-any.whl")
        + &index.entry("demoneeded", "1.0", "demoneeded-1.0-py3-none-any.whl");
    assert!(lock.ends_with(&format!("version = 1\n{entries}")), "{lock}");
    assert!(site.eggs().is_empty(), "nothing is installed");

    // Newer ones appear: neither a locked run nor the lock takes them.
    let whole = Index::start(&site, &[]);
    index.files.extend(whole.files);
    index.publish();
    let count = index.server.requests().len();
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    site.program("bigdemo", &[], "bigdemo 0.1\n");
    let asked = index.asked_since(count);
    assert!(
        asked.iter().all(|target| target.starts_with("/files/")),
        "no page is asked for: {asked:?}"
    );
    let eggs = site.eggs();
    assert!(eggs[1].starts_with("demo-0.2-"), "{eggs:?}");
    let count = index.server.requests().len();
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(output.told(), "Updating app.\n");
    assert!(index.asked_since(count).is_empty(), "nothing is asked for");
    let [output] = site.run_ours(&["lock"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    assert_eq!(site.read(Side::Ours, "buildout.lock"), lock);

    // One moves.
    let [output] = site.run_ours(&["lock", "--upgrade", "Demo"]);
    assert!(
        output.text.contains("Locked demo-0.3-py3-none-any.whl\n")
            && output.text.contains("Removed demo-0.2-py3-none-any.whl\n")
            && !output.text.contains("demoneeded"),
        "{}",
        output.text
    );
    // What is installed and older does not do, whatever `newest` is.
    let [output] = site.run_ours(&["--locked", "-N"]);
    assert!(output.text.contains("Got demo 0.3.\n"), "{}", output.text);
    let [output] = site.run_ours(&["lock", "--upgrade", "demonedeed"]);
    assert!(
        output
            .text
            .contains("There is nothing to upgrade by the name `demonedeed`.")
            && output.text.contains("perhaps `demoneeded` is meant"),
        "{}",
        output.text
    );
}

#[test]
fn every_drift_of_eggs_is_named_before_anything_is_done() {
    let site = Site::new(PeerVersion::Upstream6).with_own_caches();
    let index = Index::start(&site, &[]);
    site.profile(&profile(&index, ""));
    let [output] = site.run_ours(&["lock"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    let [output] = site.run_ours(&[
        "--locked",
        "versions:demo=0.1",
        "app:eggs=bigdemo cc".replace(' ', "\n").as_str(),
    ]);
    let error = output.error();
    assert!(
        error.starts_with(
            "While:\n  Installing.\nError: This is not what `[BUILDOUT]/buildout.lock` locks:\n  \
             distribution for cc is not locked\n  \
             distribution for demo==0.1 is not locked, but demo 0.3\n"
        ),
        "{}",
        output.text
    );
    assert!(
        output.text.contains("record it with `buildout lock`"),
        "{}",
        output.text
    );
    assert!(site.eggs().is_empty(), "nothing is done");

    let [output] = site.run_ours(&["--locked", "app:eggs=demoneeded"]);
    assert!(
        output.error().contains(
            "locks:\n  distribution bigdemo-0.1-py3-none-any.whl is locked, but not wanted\n  \
             distribution demo-0.3-py3-none-any.whl is locked, but not wanted\n"
        ),
        "{}",
        output.text
    );

    // Other bytes under the same name. The page has no sizes, so that `lock` has
    // downloaded all.
    site.remove("cache");
    let target = "/files/demo-0.3-py3-none-any.whl";
    let moved = index.files["demo-0.2-py3-none-any.whl"].clone();
    index.server.reply(target, Reply::ok(moved));
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(output.code, Some(1), "{}", output.text);
    assert!(
        output
            .text
            .contains("sha256 validation failed for demo-0.3-py3-none-any.whl"),
        "{}",
        output.text
    );
}

#[test]
fn what_is_built_is_locked_with_what_builds_it() {
    let site = Site::new(PeerVersion::Upstream6);
    let index = Index::start(&site, &[]);
    let text = profile(&index, "").replace("bigdemo", "plainsd");
    site.profile(&text);
    let [output] = site.run_ours(&["lock"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    assert!(
        output
            .text
            .contains("Only the build of plainsd 1.0 shows what it requires."),
        "{}",
        output.text
    );
    let lock = site.read(Side::Ours, "buildout.lock");
    let source = index.entry("plainsd", "1.0", "plainsd-1.0.tar.gz");
    assert!(lock.contains(&source), "{lock}");
    let builders = lock.matches("\nfor = build\n").count();
    assert_eq!(builders, 3, "pip, setuptools and wheel: {lock}");
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    site.program("plainsd", &[], "plainsd\n");
}

#[test]
fn what_was_fetched_is_enough_offline() {
    let site = Site::new(PeerVersion::Upstream6);
    let index = Index::start(&site, &[]);
    site.profile(&profile(&index, "require-hashes = on\n"));
    // Both are missing, and told of at once, with what is no egg.
    let more = ["-o", "app:eggs=bigdemo\ncc"];
    let [output] = site.run_ours(&more);
    assert!(
        output.error().starts_with(
            "While:\n  Installing.\nError: 2 downloads cannot be made:\n  \
             app: We don't have a distribution for bigdemo\n  \
             app: We don't have a distribution for cc\n"
        ),
        "{}",
        output.text
    );
    assert!(
        output.text.contains("run `buildout -O fetch` once"),
        "{}",
        output.text
    );
    assert!(index.server.requests().is_empty(), "nothing was sent");
    let [output] = site.run_ours(&["-O", "fetch"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    assert!(
        output.text.contains("Downloads: 3 fetched, 0 were there."),
        "{}",
        output.text
    );
    let count = index.server.requests().len();
    let [output] = site.run_ours(&["-o"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    site.program("bigdemo", &[], "bigdemo 0.1\n");
    assert!(index.asked_since(count).is_empty(), "nothing was sent");
    let [output] = site.run_ours(&["-O", "fetch"]);
    assert!(
        output.text.contains("Downloads: 0 fetched, 3 were there."),
        "{}",
        output.text
    );
}

#[test]
fn a_distribution_without_a_digest_is_refused_where_digests_are_required() {
    let site = Site::new(PeerVersion::Upstream6);
    let index = Index::start(&site, &[]);
    let page = "<a href=\"../../files/cc-1.0-py3-none-any.whl\">cc-1.0-py3-none-any.whl</a>";
    let reply = Reply::ok(page).header("Content-Type", "text/html");
    index.server.reply("/simple/cc/", reply);
    let text = profile(&index, "require-hashes = on\n").replace("bigdemo", "cc");
    site.profile(&text);
    let [output] = site.run_ours(&[]);
    let url = index.server.url("/files/cc-1.0-py3-none-any.whl");
    let expected = format!("Error: Refusing to take {url} for 'cc' without a checksum.\n");
    assert!(output.error().contains(&expected), "{}", output.text);
    assert!(site.eggs().is_empty(), "nothing is installed");
    // The lock has it.
    let [output] = site.run_ours(&["lock"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
    let [output] = site.run_ours(&["--locked"]);
    assert_eq!(output.code, Some(0), "{}", output.text);
}
