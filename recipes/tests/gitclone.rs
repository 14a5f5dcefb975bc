//! `slapos.recipe.build:gitclone`, with git and real repositories.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::TestSite;

/// Runs git in a directory, with an identity and nothing of the user's.
fn git(directory: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(words)
        .current_dir(directory)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {words:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// A repository beside the buildout.
struct Repository(PathBuf);

impl Repository {
    fn new(site: &TestSite, name: &str) -> Self {
        let path = site.root().join(name);
        fs::create_dir(&path).expect("a new directory");
        git(&path, &["init", "-q"]);
        let repository = Repository(path);
        repository.commit("file", "1");
        repository
    }

    /// Makes a commit and returns its revision.
    fn commit(&self, file: &str, content: &str) -> String {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("it can be made");
        fs::write(path, content).expect("it can be written");
        git(&self.0, &["add", "."]);
        git(&self.0, &["commit", "-q", "-m", content]);
        git(&self.0, &["rev-parse", "HEAD"])
    }

    fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

fn profile(repository: &Repository, options: &str) -> String {
    format!(
        "[buildout]\nparts = copy\n[copy]\nrecipe = slapos.recipe.build:gitclone\n\
         repository = {}\n{options}\n",
        repository.path()
    )
}

fn head(site: &TestSite) -> String {
    git(&site.path("parts/copy"), &["rev-parse", "HEAD"])
}

#[test]
fn a_branch_that_moves_installs_the_part_anew() {
    let site = TestSite::new();
    let repository = Repository::new(&site, "repository");
    site.profile(&profile(&repository, ""));
    let run = site.install().succeeded();
    assert_eq!(run.work_log(), ["INFO Installing copy."]);
    let first = head(&site);
    assert_eq!(site.recorded("copy", "revision").as_deref(), Some(&*first));
    assert_eq!(
        site.recorded("copy", "__buildout_installed__").as_deref(),
        Some("[ROOT]/buildout/parts/copy")
    );
    assert_eq!(site.read("parts/copy/file"), "1");

    // Nothing new: compiled Python goes, changes are undone.
    site.write("parts/copy/old.pyc", "");
    site.write("parts/copy/file", "changed");
    let run = site.install().succeeded();
    assert_eq!(run.work_log(), ["INFO Updating copy."]);
    assert!(run.output().contains("HEAD is now at "), "{}", run.output());
    assert!(!site.exists("parts/copy/old.pyc"));
    assert_eq!(site.read("parts/copy/file"), "1");

    let second = repository.commit("file", "2");
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        [
            "INFO Uninstalling copy.",
            "INFO Running uninstall recipe.",
            "INFO Installing copy.",
        ]
    );
    assert_eq!(head(&site), second);
}

#[test]
fn a_revision_stays_and_wins_over_a_branch() {
    let site = TestSite::new();
    let repository = Repository::new(&site, "repository");
    let first = git(&repository.0, &["rev-parse", "HEAD"]);
    repository.commit("file", "2");
    site.profile(&profile(
        &repository,
        &format!("revision = {first}\nbranch = other\n"),
    ));
    let run = site.install().succeeded();
    let warning = format!(
        "Warning: \"branch\" parameter with value \"other\" is ignored. Checking out to \
         revision {first}.\n"
    );
    assert!(run.output().contains(&warning), "{}", run.output());
    assert_eq!(head(&site), first);
    repository.commit("file", "3");
    let run = site.install().succeeded();
    assert_eq!(run.work_log(), ["INFO Updating copy."]);
    assert_eq!(run.output(), "");
    assert_eq!(head(&site), first);

    // The exact branch, not one whose name ends like it.
    git(&repository.0, &["branch", "a/wanted", &first]);
    git(&repository.0, &["branch", "wanted"]);
    site.profile(&profile(&repository, "branch = wanted\n"));
    site.install().succeeded();
    assert_eq!(head(&site), git(&repository.0, &["rev-parse", "wanted"]));
    assert_eq!(
        git(&site.path("parts/copy"), &["branch", "--show-current"]),
        "wanted"
    );
}

#[test]
fn every_option_of_a_clone_is_used() {
    let site = TestSite::new();
    let repository = Repository::new(&site, "repository");
    repository.commit("kept/file", "2");
    // Git ignores the depth of a clone by path.
    let url = format!("file://{}", repository.path());
    let options = "location = ${buildout:directory}/deep/er\ndepth = 1\n\
                   sparse-checkout = /kept/\nignore-ssl-certificate = true\n\
                   ignore-cloning-submodules = yes\ngit-executable = /usr/bin/git\n";
    site.profile(&profile(&repository, options).replace(&repository.path(), &url));
    site.install().succeeded();
    assert!(site.exists("deep/er/kept/file"));
    assert!(!site.exists("deep/er/file"), "only what is asked for");
    let copy = site.path("deep/er");
    assert_eq!(git(&copy, &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(
        git(&copy, &["config", "--local", "http.sslVerify"]),
        "false"
    );
    assert_eq!(
        git(&copy, &["config", "--local", "core.sparseCheckout"]),
        "true"
    );
    assert!(!site.read("deep/er/.git/config").contains("recurse"));

    site.profile(&profile(&repository, "shared = true\n"));
    site.install().succeeded();
    let alternates = site.read("parts/copy/.git/objects/info/alternates");
    assert_eq!(alternates, format!("{}/.git/objects\n", repository.path()));
    assert!(!site.exists("deep/er"), "the part has moved");
}

#[test]
fn submodules_come_along() {
    let site = TestSite::new();
    let module = Repository::new(&site, "module");
    let repository = Repository::new(&site, "repository");
    git(
        &repository.0,
        &["submodule", "add", "-q", &module.path(), "sub"],
    );
    git(&repository.0, &["commit", "-q", "-m", "module"]);
    site.profile(&profile(&repository, ""));
    site.install().succeeded();
    assert_eq!(site.read("parts/copy/sub/file"), "1");
    site.profile(&profile(&repository, "ignore-cloning-submodules = true\n"));
    site.install().succeeded();
    assert!(!site.exists("parts/copy/sub/file"));
}

#[test]
fn a_working_copy_in_development_is_left_alone() {
    let site = TestSite::new();
    let repository = Repository::new(&site, "repository");
    site.profile(&profile(&repository, "develop = true\n"));
    site.install().succeeded();
    assert_eq!(site.recorded("copy", "revision"), None);
    site.write("parts/copy/file", "work");
    repository.commit("file", "2");
    let run = site.install().succeeded();
    assert_eq!(run.work_log(), ["INFO Updating copy."]);
    assert_eq!(site.read("parts/copy/file"), "work");

    // Neither changes nor commits are lost.
    site.profile("[buildout]\nparts =\n");
    let run = site.install().succeeded();
    assert_eq!(
        site.mask(&run.output()),
        "You have uncommitted changes in [ROOT]/buildout/parts/copy. This folder will be left \
         as is.\n"
    );
    assert_eq!(site.read("parts/copy/file"), "work");
    site.profile(&profile(&repository, "develop = true\n"));
    let run = site.install().succeeded();
    assert_eq!(run.output(), "destination directory already exists.\n");
    git(
        &site.path("parts/copy"),
        &["commit", "-q", "-a", "-m", "work"],
    );
    site.profile("[buildout]\nparts =\n");
    let run = site.install().succeeded();
    assert!(
        run.output()
            .starts_with("You have commits not pushed upstream in "),
        "{}",
        run.output()
    );
    assert!(site.exists("parts/copy"));

    // With nothing of its own, the copy goes.
    git(
        &site.path("parts/copy"),
        &["reset", "-q", "--hard", "HEAD^"],
    );
    site.profile(&profile(&repository, "develop = true\n"));
    site.install().succeeded();
    site.profile("[buildout]\nparts =\n");
    let run = site.install().succeeded();
    assert_eq!(run.output(), "");
    assert!(!site.exists("parts/copy"));
}

#[test]
fn mistakes_have_upstreams_words_and_a_hint() {
    let site = TestSite::new();
    let repository = Repository::new(&site, "repository");
    for (options, expected) in [
        (
            "repository =\n",
            "Error: repository parameter is mandatory.\nhint: add `repository = ...` to `[copy]`",
        ),
        (
            "branch = none\n",
            "Error: '[ROOT]/repository' has no branch 'none'\nhint: `git ls-remote REPOSITORY` \
             lists what there is",
        ),
        (
            "depth = deep\n",
            "ValueError: invalid literal for int() with base 10: 'deep'\nhint: write a number: \
             `depth = 16`",
        ),
        (
            "revision = 0123456789012345678901234567890123456789\n",
            "Error: Impossible to clone repository.",
        ),
        (
            "revision = x\nuse-cache = true\n",
            "Error: Impossible to clone repository and impossible to download from cache.",
        ),
        (
            "use-cache = true\nsparse-checkout = a\n",
            "NotImplementedError: `use-cache` works neither with `sparse-checkout` nor with \
             `ignore-ssl-certificate`\nhint: set `use-cache = false`",
        ),
        (
            "use-cache = true\n[networkcache]\ndownload-dir-url = http://cache\n",
            "Error: Not supported: `use-cache` with the network cache of [networkcache].\nhint: \
             remove `use-cache`; `buildout fetch` keeps a copy for offline runs",
        ),
    ] {
        site.profile(&profile(&repository, options));
        assert_eq!(site.install().error(), expected, "{options}");
        assert!(!site.exists("parts/copy"), "{options}");
    }
    // A git that does not exist yet is replaced for the look-up only.
    site.profile(&profile(&repository, "git-executable = /nonexistent/git\n"));
    let run = site.install();
    assert!(
        run.output().contains(
            "Ignoring git error when fetching revision from remote with /nonexistent/git: "
        ),
        "{}",
        run.output()
    );
    let error = run.error();
    assert!(
        error.starts_with("FileNotFoundError: failed to start `/nonexistent/git`")
            && error.ends_with("hint: install git, or name the program with `git-executable`"),
        "{error}"
    );
    // A repository that is gone.
    fs::remove_dir_all(&repository.0).expect("it is there");
    site.profile(&profile(&repository, ""));
    let run = site.install();
    assert!(
        run.output()
            .contains("does not appear to be a git repository"),
        "{}",
        run.output()
    );
    assert!(
        run.output()
            .contains("Unable to download from git repository. Trying from network cache...\n")
    );
    assert_eq!(run.error(), "Error: Impossible to clone repository.");
}
