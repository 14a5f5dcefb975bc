//! The recipes of slapos.cookbook that write files: mistakes are explained, and what is not
//! compared with the real recipes (`differential/`).

mod support;

use std::process::Command;

use support::TestSite;

/// A profile with one part.
fn profile(recipe: &str, options: &str) -> String {
    format!("[buildout]\nparts = part\n[part]\nrecipe = slapos.cookbook:{recipe}\n{options}\n")
}

/// Checks that each mistake is told with its hint, and leaves nothing behind.
fn assert_refused(mistakes: &[(&str, &str, &str)]) {
    for (recipe, options, expected) in mistakes {
        let site = TestSite::with_profile(&profile(recipe, options));
        assert_eq!(site.install().error(), *expected, "{recipe}: {options}");
        assert_eq!(
            site.tree("").lines().find(|line| line.contains("made")),
            None,
            "{recipe}"
        );
    }
}

#[test]
fn options_that_are_missing_are_named() {
    assert_refused(&[
        (
            "cron",
            "binary = made",
            "KeyError: 'dcrond-binary'\nhint: add `dcrond-binary = ...` to `[part]`",
        ),
        (
            "cron.d",
            "name = made",
            "KeyError: 'time'\nhint: add `time = ...` to `[part]`",
        ),
        (
            "logrotate",
            "conf = made",
            "KeyError: 'logrotate-entries'\nhint: add `logrotate-entries = ...` to `[part]`",
        ),
        (
            "simplelogger",
            "wrapper = made",
            "KeyError: 'log'\nhint: add `log = ...` to `[part]`",
        ),
        (
            "sshkeys_authority.request",
            "wrapper = made",
            "Error: Missing option: part:keys-directory",
        ),
        (
            "zero-knowledge.read",
            "file = made",
            "Error: You have to provide the parameter either \"filename\" or file-path\nhint: add \
             `filename = ...` to `[part]`",
        ),
        (
            "promise.plugin",
            "module = a\noutput = made",
            "KeyError: 'eggs'\nhint: add `eggs = ...` to `[part]`",
        ),
    ]);
}

#[test]
fn values_that_cannot_be_used_are_explained() {
    assert_refused(&[
        (
            "cron.d",
            "time = 2020-1-1\ncron-entries = .\nname = made\ncommand = x",
            "Error: Invalid systemd calendar spec '2020-1-1'\nhint: write `hourly`, `daily` and \
             the like, or `[WEEKDAYS] [MONTH-DAY] HOUR:MINUTE`; or use `frequency`, which \
             crontab's own form goes into",
        ),
        (
            "cron.d",
            "frequency = x\ncron-entries = none\nname = made\ncommand = x",
            "FileNotFoundError: failed to create `[ROOT]/buildout/none/made`: entity not found\n\
             hint: make the directory `none` first, with a part of recipe \
             slapos.cookbook:mkdirectory",
        ),
        (
            "dropbear.add_authorized_key",
            "home = home\nkey = made",
            "FileNotFoundError: failed to create directory `[ROOT]/buildout/home/.ssh`: No such \
             file or directory (os error 2)\nhint: make the directory `home` first, with a part \
             of recipe slapos.cookbook:mkdirectory",
        ),
        (
            "promise.plugin",
            "eggs =\nmodule = a\nfile = b\noutput = made",
            "Error: Either 'module' or 'file' is required but not both\nhint: remove one of \
             `module` and `file`",
        ),
        (
            "promise.plugin",
            "eggs =\nmodule = a.1\noutput = made",
            "Error: 'a.1' is not a valid module name\nhint: write names with dots between them, \
             such as `package.module`",
        ),
        (
            "promise.plugin",
            "eggs =\nmodule = a\nclass = a b\noutput = made",
            "Error: 'a b' is not a valid class name\nhint: name a class of the module, without \
             the module",
        ),
        (
            "simplehttpserver",
            "host = h\nwrapper = made",
            "Error: Specify one of (host, port) | socketpath | abstract\nhint: `host` goes with \
             `port`, and not with `socketpath` or `abstract`",
        ),
        (
            "zero-knowledge.write",
            "filename = made\nvalue = 5%",
            "ValueError: invalid interpolation syntax in '5%' at position 1\nhint: write `%%` for \
             a percent sign",
        ),
        (
            "certificate_authority.request",
            "requests-directory = .\nca-private = .\nca-certs = .\nkey-file = made\n\
             cert-file = made2\nkey-content = x\ncert-content = y\nopenssl-binary = ./none",
            "OSError: failed to start `./none`\nhint: `openssl-binary` is the path of the program \
             `openssl`",
        ),
    ]);
}

#[test]
fn a_server_at_a_host_and_port_has_a_typed_address() {
    let site = TestSite::with_profile(&profile(
        "simplehttpserver",
        "host = ::1\nport = 8080\nwrapper = server\nbase-path = .\nlog-file = log",
    ));
    site.install().succeeded();
    let address = site.recorded("part", "address");
    assert_eq!(address.as_deref(), Some("!py!('::1', 8080)"));
    assert!(site.read("server").contains("\nADDRESS = ('::1', 8080)\n"));
}

#[test]
fn the_configuration_of_a_promise_keeps_its_types() {
    let site = TestSite::with_profile(&profile(
        "promise.plugin",
        "eggs =\nmodule = a\noutput = promise.py\nconfig-n = !py!{'b': [1], 'a': None}",
    ));
    site.install().succeeded();
    let text = site.read("promise.py");
    let expected = "\nextra_config_dict = {'n': {'a': None, 'b': [1]}}\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn an_address_that_is_none_is_told_by_the_exit_code() {
    // Upstream's script for IPv4 ends with a mistake of its own, and 1.
    for (kind, value, code) in [
        ("ipv4", "127.0.0.1", 0),
        ("ipv4", "127.0.0.01", 127),
        ("ipv4", "127.1", 127),
        ("ipv6", "127.0.0.1", 127),
        ("ipv6", "fe80::1", 0),
    ] {
        let site = TestSite::with_profile(&profile(
            "check_parameter",
            &format!("path = check\nvalue = {value}\nexpected-type = {kind}"),
        ));
        site.install().succeeded();
        let status = Command::new(site.path("check")).status();
        let status = status.expect("the script starts");
        assert_eq!(status.code(), Some(code), "{kind} {value}");
    }
}

#[test]
fn what_users_wrote_stays_when_the_part_goes() {
    let site = TestSite::with_profile(&profile(
        "zero-knowledge.write",
        "filename = knowledge.cfg\nport = 80",
    ));
    site.install().succeeded();
    assert_eq!(site.read("knowledge.cfg"), "[part]\nport = 80\n\n");
    site.write("knowledge.cfg", "[part]\nport = 81\n");
    site.install().succeeded();
    assert_eq!(site.read("knowledge.cfg"), "[part]\nport = 81\n\n");
    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert!(site.exists("knowledge.cfg"));
}

/// Upstream's script fails under Python 3.
#[test]
fn keys_of_dropbear_are_made() {
    let site = TestSite::with_profile(
        "[buildout]
parts = authority request
[authority]
recipe = slapos.cookbook:sshkeys_authority
request-directory = ${buildout:directory}/requests
keygen-binary = ${buildout:directory}/dropbearkey
wrapper = authority
[request]
recipe = slapos.cookbook:sshkeys_authority.request
request-directory = ${buildout:directory}/requests
keys-directory = ${buildout:directory}/keys
public-key = public
private-key = private
executable = /bin/cat
wrapper = wrapper
",
    );
    site.write("requests/.keep", "{}");
    site.write("keys/.keep", "");
    std::fs::remove_file(site.path("requests/.keep")).expect("it is there");
    site.write_with_mode(
        "dropbearkey",
        "#!/bin/sh
if [ $5 = -s ]; then echo $6 >$4; else echo Public key:; echo ssh-rsa AA== me; fi
",
        0o755,
    );
    site.install().succeeded();
    let mut authority = Command::new(site.path("authority"))
        .spawn()
        .expect("the script starts");
    let output = Command::new(site.path("wrapper"))
        .args(["public", "private"])
        .current_dir(site.path(""))
        .output();
    authority.kill().expect("it runs");
    authority.wait().expect("it has ended");
    let output = output.expect("the script starts").stdout;
    // The keys are looked for one after the other, and the public one comes last.
    assert_eq!(String::from_utf8_lossy(&output), "ssh-rsa AA==4096\n");
    assert_eq!(
        site.recorded("request", "public-key-value").as_deref(),
        Some("")
    );
    site.install().succeeded();
    let value = site.recorded("request", "public-key-value");
    assert_eq!(value.as_deref(), Some("ssh-rsa AA=="));
}
