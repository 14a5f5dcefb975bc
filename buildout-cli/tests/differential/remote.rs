//! Cases with profiles on an HTTP server of the test, which both programs ask.

use buildout_core::fetch::test_server::{Reply, TestServer};

use crate::case::{Case, Dialect, Step};

/// Fills the server and makes the cases of a dialect.
pub(crate) fn cases(server: &TestServer, dialect: Dialect) -> Vec<Case> {
    let relative = "[buildout]\nextends = b.cfg\n[a]\nl += from a\n";
    server.reply("/deep/a.cfg", Reply::ok(relative));
    server.reply("/deep/b.cfg", Reply::ok("[a]\nl = from b\n"));
    let climbing = "[buildout]\nextends = ../base.cfg\n";
    server.reply("/deep/climb.cfg", Reply::ok(climbing));
    server.reply("/deep/../base.cfg", Reply::ok("[a]\nl = from base\n"));
    server.reply("/base.cfg", Reply::ok("[a]\nl = from base\n"));
    let broken = "[buildout]\nextends =\n  b.cfg\n  missing.cfg\n";
    server.reply("/deep/broken.cfg", Reply::ok(broken));
    server.reply("/gone.cfg", Reply::status(410, "Gone"));
    server.reply(
        "/relative-cache.cfg",
        Reply::ok("[buildout]\ndownload-cache = cache\n"),
    );

    let case = |name: &str, entries: &[&str], more: &str, steps: &[&str]| {
        let mut case = Case::new(name, dialect);
        let urls: Vec<String> = entries.iter().map(|entry| server.url(entry)).collect();
        let profile = format!(
            "[buildout]\nparts =\n{more}extends =\n  {}\n",
            urls.join("\n  ")
        );
        case.files.insert("buildout.cfg".to_owned(), profile.into());
        // The other cases go without a network, through a proxy that is none.
        case.environment = vec![("no_proxy".to_owned(), "127.0.0.1".to_owned())];
        for step in steps {
            let words: Vec<String> = step.split(' ').map(str::to_owned).collect();
            case.steps.push(match words.split_first() {
                Some((first, rest)) if first == "resolve" => Step::Resolve(rest.to_vec()),
                Some((first, rest)) if first == "remove" => Step::Remove(rest.join(" ")),
                _ => Step::Run(words),
            });
        }
        case
    };
    let show = ["annotate a", "-v annotate a", "resolve"];
    let mut cases = vec![
        case("remote-relative", &["/deep/a.cfg"], "", &show),
        case(
            "remote-twice",
            &["/deep/b.cfg", "/deep/a.cfg", "/deep/b.cfg"],
            "",
            &show,
        ),
        case(
            "remote-missing",
            &["/deep/broken.cfg"],
            "",
            &["annotate", "-o annotate", "query parts"],
        ),
        case("remote-gone", &["/gone.cfg"], "", &["annotate"]),
        case(
            "remote-relative-cache",
            &["/relative-cache.cfg"],
            "",
            &["annotate"],
        ),
    ];
    let mut cached = case(
        "remote-cached",
        &["/deep/a.cfg"],
        "extends-cache = cache\n",
        &[
            "query a:l",
            "-N query a:l",
            "-o query a:l",
            "-n query a:l",
            "remove cache",
        ],
    );
    // The cache is there, as it is after any first run.
    cached.files.insert("cache/made".to_owned(), Vec::new());
    cached.compares_files = true;
    cases.push(cached);
    let mut absent = case(
        "remote-cache-is-absent",
        &["/deep/a.cfg"],
        "extends-cache = cache\n",
        &["query a:l", "-o query a:l"],
    );
    absent.compares_files = true;
    cases.push(absent);
    let mut offline = case(
        "remote-offline",
        &["/deep/a.cfg"],
        "extends-cache = cache\noffline = true\n",
        &["query a:l", "-O query a:l", "query a:l"],
    );
    offline.files.insert("cache/made".to_owned(), Vec::new());
    offline.compares_files = true;
    cases.push(offline);
    if dialect == Dialect::Upstream {
        // The other dialect joins `..` to the URL, where 3.0.1 keeps it.
        cases.push(case("remote-climbing", &["/deep/climb.cfg"], "", &show));
    }
    cases
}
