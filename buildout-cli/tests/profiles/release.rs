//! `profiles/nginx`: a release from real tarballs, and an instance of it that serves.

use std::collections::BTreeSet;
use std::path::Path;

use crate::server::{Server, free_port};
use crate::site::{Run, Site};
use crate::tree::Tree;
use crate::{checkout, sources, store};

/// The Debian source packages that `software.cfg` builds.
const PACKAGES: [&str; 4] = ["zlib", "pcre2", "lua5.4", "nginx"];

/// The parts of the release in the order of their installation.
const RELEASE: [&str; 8] = [
    "zlib",
    "pcre2",
    "nginx",
    "lua",
    "nginx-configuration-template",
    "index-page-template",
    "access-report-program",
    "instance-profile",
];

/// The parts of an instance in the order of their installation.
const INSTANCE: [&str; 5] = [
    "directory",
    "nginx-configuration",
    "nginx-start",
    "index-page",
    "access-report",
];

/// What every run may write.
const STATE: [&str; 2] = [".buildout", ".installed.cfg"];

fn actions(verb: &str, parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| format!("{verb} {part}.")).collect()
}

/// Parts that do not need each other are begun in any order.
fn sorted<T: Ord>(mut actions: Vec<T>) -> Vec<T> {
    actions.sort();
    actions
}

/// The release and its instances, in the directories of one site.
struct Release {
    site: Site,
    /// Where the tarballs are, and where what other tests need, too, is compiled.
    assignments: [String; 3],
}

impl Release {
    /// Returns the command of `profiles/README.md` that begins with this, for this release and its
    /// instance.
    fn documented(&self, beginning: &str) -> String {
        let document = checkout::read("profiles/README.md");
        let line = document.lines().find(|line| line.starts_with(beginning));
        let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
        line.unwrap_or_else(|| panic!("profiles/README.md has no command `{beginning}`"))
            .replace(
                "profiles/",
                &format!("{}/", path(checkout::path("profiles"))),
            )
            .replace("/tmp/release", &path(self.site.path("release")))
            .replace("/tmp/site", &path(self.site.path("instance")))
    }

    /// Runs a documented command of buildout with more assignments.
    fn run(&self, command: &str, assignments: &[&str]) -> Run {
        let mut arguments: Vec<&str> = command.split(' ').skip(1).collect();
        arguments.extend(assignments);
        self.site.buildout(&arguments)
    }

    /// Runs the profile of the release.
    fn build(&self, assignments: &[&str]) -> Run {
        let command = self.documented("buildout -c profiles/nginx/software.cfg ");
        let mut all: Vec<&str> = self.assignments.iter().map(String::as_str).collect();
        all.extend(assignments);
        self.run(&command, &all)
    }

    /// Runs the profile of an instance, which the release has made.
    fn instance(&self, port: u16, assignments: &[&str]) -> Run {
        let command = self
            .documented("buildout -c /tmp/release/instance.cfg ")
            .replace("port=8080", &format!("port={port}"));
        let mut all = assignments.to_vec();
        if rustix::process::geteuid().is_root() {
            // Without it nginx would serve as nobody, who may not enter this directory.
            all.push("parameters:user=root");
        }
        self.run(&command, &all)
    }

    fn tree(&self, directory: &str) -> Tree {
        Tree::of(&self.site.path(directory)).without(&STATE)
    }

    fn serve(&self, port: u16) -> Server {
        let start = self.documented("/tmp/site/bin/nginx-start");
        let start = self.site.command(Path::new(&start));
        let log = self.site.path("instance/var/log/error.log");
        Server::start(start, port, &log)
    }
}

/// One test, because everything in it needs the release, which takes a minute to compile.
#[test]
fn the_nginx_release_is_built_and_serves() {
    let sources = sources::provide(&PACKAGES);
    let release = Release {
        // Two jobs even where this test does not have the machine for itself.
        site: Site::create("nginx").with_variable("BUILDOUT_JOBS", "2"),
        assignments: [
            format!("sources:directory={}", sources.display()),
            format!("buildout:shared-part-list={}", store::provide().display()),
            // What becomes of its directory is looked at below.
            "lua:shared=false".to_owned(),
        ],
    };

    let built = release.build(&[]);
    assert_eq!(
        sorted(built.actions()),
        sorted(actions("Installing", &RELEASE))
    );
    a_second_run_does_nothing(&release);
    an_instance_serves(&release);
    changed_parameters_make_exactly_their_parts_again(&release);
    a_changed_option_makes_a_part_and_its_dependants_again(&release);
    a_part_that_is_no_longer_listed_goes_with_its_files(&release);
}

fn a_second_run_does_nothing(release: &Release) {
    let before = release.tree("release");
    let run = release.build(&[]);
    let after = release.tree("release");
    assert_eq!(sorted(run.actions()), sorted(actions("Updating", &RELEASE)));
    assert_nothing_written(&before, &after);
    assert_eq!(before.paths(), after.paths());
}

fn an_instance_serves(release: &Release) {
    let port = free_port();
    // As zc.buildout, it makes no directory but those in the directory of the run.
    release.site.make_directory("instance");
    let run = release.instance(port, &[]);
    assert_eq!(
        sorted(run.actions()),
        sorted(actions("Installing", &INSTANCE))
    );

    let server = release.serve(port);
    let answer = server.get("/");
    let page = release.site.read("instance/srv/www/index.html");
    assert!(page.contains("<h1>It works</h1>"), "{page}");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&page), "{answer}");
    let missing = server.get("/missing");
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
    let status = server.stop();
    assert!(status.success(), "nginx ended with {status}");
    let pid = release.site.path("instance/var/run/nginx.pid");
    assert!(!pid.exists(), "a stopped nginx leaves its pid file");

    // The script in Lua reads the log of these requests.
    let report = release.documented("/tmp/site/bin/access-report");
    let report = release.site.output(Path::new(&report), &[]);
    assert_eq!(String::from_utf8_lossy(&report.stdout), "200 1\n404 1\n");
}

fn changed_parameters_make_exactly_their_parts_again(release: &Release) {
    let port = free_port();
    release.instance(port, &[]);
    let before = release.tree("instance");
    let run = release.instance(
        port,
        &["parameters:redirects={\"/docs\": \"http://localhost/\"}"],
    );
    let after = release.tree("instance");
    // Two templates read the redirects, and the script that starts nginx depends on one of them.
    assert_eq!(
        run.changed_parts(),
        ["index-page", "nginx-configuration", "nginx-start"]
    );
    let expected = ["bin/nginx-start", "etc/nginx.conf", "srv/www/index.html"];
    assert_eq!(before.written_in(&after), expected.map(Path::new).into());

    let server = release.serve(port);
    let answer = server.get("/docs");
    assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
    assert!(
        answer.contains("Location: http://localhost/\r\n"),
        "{answer}"
    );
    assert!(server.stop().success());
}

/// Lua is the quickest to compile of those that others depend on.
const OTHER_LUA: &str = "lua:environment=LUA_INIT=";

fn a_changed_option_makes_a_part_and_its_dependants_again(release: &Release) {
    let before = release.tree("release");
    let run = release.build(&[OTHER_LUA]);
    let after = release.tree("release");
    assert_eq!(run.changed_parts(), ["instance-profile", "lua"]);
    let written = before.written_in(&after);
    let is_theirs = |path: &&Path| path.starts_with("parts/lua") || **path == *"instance.cfg";
    assert!(written.iter().all(is_theirs), "{written:?}");
    assert!(written.contains(Path::new("parts/lua/bin/lua")));
    assert_eq!(before.paths(), after.paths());
}

fn a_part_that_is_no_longer_listed_goes_with_its_files(release: &Release) {
    // Without the profile of an instance, Lua is a part only if it is listed.
    release.build(&[OTHER_LUA, "buildout:parts=nginx lua"]);
    let before = release.tree("release");
    let run = release.build(&[OTHER_LUA, "buildout:parts=nginx"]);
    let after = release.tree("release");
    assert_eq!(run.changed_parts(), ["lua"]);
    assert_eq!(before.removed_in(&after), below(&before, "parts/lua"));
    assert_nothing_written(&before, &after);
    let start = release.site.read("instance/bin/nginx-start");
    let mut words = start.split_whitespace();
    let program = words.find(|word| word.ends_with("/sbin/nginx"));
    assert!(Path::new(program.expect("it runs nginx")).exists());
}

fn below<'a>(tree: &'a Tree, directory: &str) -> BTreeSet<&'a Path> {
    let mut paths = tree.paths();
    paths.retain(|path| path.starts_with(directory));
    assert!(!paths.is_empty(), "nothing is in {directory}");
    paths
}

fn assert_nothing_written(before: &Tree, after: &Tree) {
    let written = before.written_in(after);
    assert!(written.is_empty(), "written: {written:?}");
}
