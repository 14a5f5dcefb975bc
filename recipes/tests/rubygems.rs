//! `rubygemsrecipe`, with Ruby, its program gem, and gems from a server of the
//! test's own.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use buildout_core::fetch::test_server::{Reply, TestServer};
use support::TestSite;

fn run(directory: &Path, program: &str, words: &[&str]) {
    let output = Command::new(program)
        .args(words)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {stderr}");
}

/// Builds a gem into `gems`.
fn build_gem(site: &TestSite, name: &str, version: &str, code: &str, dependency: &str) {
    let top = site.root().join(format!("source-{name}-{version}"));
    site.write(top.join(format!("lib/{name}.rb")), code);
    site.write_with_mode(
        top.join(format!("bin/{name}")),
        format!("#!/usr/bin/env ruby\nrequire '{name}'\nputs speak\n"),
        0o755,
    );
    site.write(
        top.join("gemspec"),
        format!(
            "Gem::Specification.new do |s|\n  s.name = '{name}'\n  s.version = '{version}'\n  \
             s.summary = s.author = s.license = 'x'\n  s.files = ['lib/{name}.rb', 'bin/{name}']\n  \
             s.executables = ['{name}']\n  {dependency}\nend\n"
        ),
    );
    let gems = site.root().join("served/gems");
    fs::create_dir_all(&gems).expect("a directory of the site");
    let output = gems.join(format!("{name}-{version}.gem"));
    run(
        &top,
        "gem",
        &["build", "-q", "gemspec", "-o", &output.to_string_lossy()],
    );
}

/// Serves gems, and writes an archive of RubyGems whose `setup.rb` installs the
/// program gem of the system's Ruby.
fn prepare(site: &TestSite) -> TestServer {
    build_gem(site, "greeting", "1.0", "def speak = 'Hello'\n", "");
    build_gem(site, "greeting", "2.0", "def speak = 'Bonjour'\n", "");
    build_gem(
        site,
        "hello",
        "1.2",
        "require 'greeting'\ndef hello = speak + ', world!'\nputs hello\n",
        "s.add_dependency 'greeting', '~> 1.0'",
    );
    let served = site.root().join("served");
    run(
        &served,
        "gem",
        &["generate_index", "-q", "-d", &served.to_string_lossy()],
    );
    let server = TestServer::start();
    let mut left = vec![served.clone()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let target = path.strip_prefix(&served).expect("it is below");
            let content = fs::read(&path).expect("it can be read");
            server.reply(&format!("/{}", target.display()), Reply::ok(content));
        }
    }
    site.write("gemrc", format!(":sources:\n- {}\n", server.url("/")));
    site.write(
        "rubygems/setup.rb",
        "prefix = ARGV.find { |word| word.start_with?('--prefix=') }.delete_prefix('--prefix=')\n\
         require 'fileutils'\nFileUtils.mkdir_p(prefix + '/bin')\n\
         File.write(prefix + '/bin/gem', \"#!/usr/bin/env ruby\\nrequire 'rubygems/gem_runner'\\n\
         Gem::GemRunner.new.run(ARGV.clone)\\n\", perm: 0755)\n",
    );
    run(
        &site.path(""),
        "zip",
        &["-qr", "rubygems-3.3.15.zip", "rubygems"],
    );
    server
}

fn profile(gems: &str, options: &str) -> String {
    format!(
        "[buildout]\nparts = gems\n[gems]\nrecipe = rubygemsrecipe\n\
         url = ${{buildout:directory}}/rubygems-3.3.15.zip\ngems = {gems}\n\
         environment =\n  GEMRC = ${{buildout:directory}}/gemrc\n  GEM_PATH = %(GEM_HOME)s\n{options}"
    )
}

#[test]
fn gems_are_installed_with_their_programs() {
    let site = TestSite::new();
    let _server = prepare(&site);
    site.profile(&profile("hello==1.2", ""));
    let result = site.install().succeeded();
    assert_eq!(
        result.work_log(),
        [
            "INFO Installing gems.",
            "INFO gems: installing ruby gem \"hello\""
        ]
    );
    assert!(!site.exists("parts/rubygems-3.3.15"), "its source is gone");
    assert!(site.exists("parts/gems/lib/ruby/gems/gems/hello-1.2"));
    // Of its dependency the newest version that fits.
    assert!(site.exists("parts/gems/lib/ruby/gems/gems/greeting-1.0"));
    assert_eq!(site.mode("bin/hello"), 0o766);
    let program = site.read("bin/hello");
    assert!(
        program.starts_with("#!/bin/sh\nexport GEM_HOME='"),
        "{program}"
    );
    assert!(
        program.ends_with("parts/gems/bin/hello \"$@\"\n\n"),
        "{program}"
    );
    let output = Command::new(site.path("bin/hello"))
        .output()
        .expect("it starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.starts_with("Hello, world!\n"), "{output:?}");
    let run = site.install().succeeded();
    assert_eq!(run.work_log(), ["INFO Updating gems."]);

    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert!(!site.exists("bin/hello") && !site.exists("parts/gems"));
}

#[test]
fn a_deployment_lists_everything_with_versions() {
    let site = TestSite::new();
    let _server = prepare(&site);
    for (gems, expected) in [
        (
            "hello",
            "Error: Configuration error, version for gem hello is missing\nhint: write \
             `hello==VERSION` in `gems`",
        ),
        (
            "hello==1.2",
            "Error: Configuration error, version for dependency greeting is missing\nhint: write \
             `greeting==VERSION` in `gems`",
        ),
        (
            "greeting==2.0 hello==1.2",
            "Error: Configuration error, version 2.0 for gem greeting does not satisfy dependency \
             constraint ~> 1.0 of gem hello\nhint: choose another version of `greeting`",
        ),
    ] {
        site.profile(&profile(gems, "deployment = true\n"));
        assert_eq!(site.install().error(), expected, "{gems}");
        assert!(!site.exists("parts/gems"), "{gems}");
    }
    site.profile(&profile("greeting==1.0 hello==1.2", "deployment = true\n"));
    site.install().succeeded();
    assert!(site.exists("bin/hello"));
}

#[test]
fn mistakes_are_told() {
    let site = TestSite::new();
    let url = "url = ${buildout:directory}/rubygems-3.3.15.zip\n";
    site.archive("rubygems-3.3.15.zip", &[("setup.rb", "", 0o644)]);
    for (options, expected) in [
        (
            url.to_owned(),
            "Error: Configuration error, 'gems' option is missing\nhint: add `gems = \
             NAME==VERSION ...` to `[gems]`",
        ),
        (
            format!("{url}gems = a\nversion = 3.5.22\n"),
            "Error: Configuration error, 'url' and 'version' options are mutually exclusive\n\
             hint: remove one of the two",
        ),
        (
            "gems = a\n".to_owned(),
            "Error: Can't find rubygems version.\nhint: add `version = ...`, a version of \
             RubyGems such as 3.5.22",
        ),
        (
            "gems = a\nversion = 1.8.1\n".to_owned(),
            "Error: Rubygems version must be >= 2.0.0\nhint: use a newer version of RubyGems",
        ),
        (
            format!("{url}gems = a\nenvironment = A\n"),
            "Error: Configuration error, every environment line should contain a \"=\" sign\n\
             hint: write one `NAME=value` in each line",
        ),
    ] {
        site.profile(&format!(
            "[buildout]\nparts = gems\n[gems]\nrecipe = rubygemsrecipe\n{options}"
        ));
        assert_eq!(site.install().error(), expected, "{options}");
    }
    site.profile(&format!(
        "[buildout]\nparts = gems\n[gems]\nrecipe = rubygemsrecipe\n{url}gems = a\n\
         ruby-executable = /nonexistent/ruby\n"
    ));
    let error = site.install().error();
    assert!(
        error.starts_with(
            "Error: System error, command failed: failed to start `/nonexistent/ruby`: \
             ['/nonexistent/ruby', 'setup.rb', 'all', "
        ) && error.ends_with("hint: install Ruby, or name the program with `ruby-executable`"),
        "{error}"
    );
    assert!(!site.exists("parts/rubygems-3.3.15"));
}
