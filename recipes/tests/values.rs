//! The recipes of slapos.cookbook that compute values: passwords, ports, names.

mod support;

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use support::TestSite;

/// A profile with one part, whose options `show` writes into the file `out`.
fn shown(recipe: &str, options: &str, show: &str) -> String {
    format!(
        "[buildout]\nparts = out\n\
         [part]\nrecipe = slapos.cookbook:{recipe}\n{options}\n\
         [out]\nrecipe = slapos.recipe.template\noutput = ${{buildout:directory}}/out\n\
         inline = {show}\n"
    )
}

const PASSWORD: &str = "bytes = 8\nstorage-path = ${buildout:directory}/secret\n";

#[test]
fn a_password_is_stored_and_never_recorded() {
    let site = TestSite::with_profile(&shown("generate.password", PASSWORD, "x"));
    site.profile(&format!(
        "{}\n[part]\n[buildout]\nparts = part\n",
        shown("generate.password", PASSWORD, "x")
    ));
    let run = site.install().succeeded();
    let stored = site.read("secret");
    let password = stored
        .strip_prefix("{\"\": \"")
        .and_then(|rest| rest.strip_suffix("\"}"))
        .expect("an object of JSON");
    assert_eq!(password.len(), 8, "{stored}");
    assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(site.mode("secret"), 0o644);
    let installed = site.read(".installed.cfg");
    assert!(!installed.contains(password), "{installed}");
    assert!(!installed.contains("\npasswd ="), "{installed}");
    assert_eq!(
        site.recorded("part", "__buildout_installed__").as_deref(),
        Some("")
    );
    assert!(
        run.work_log().iter().any(|line| line
            == "WARNING The part install returned None.  A path or iterable os paths should be returned."),
        "{:?}",
        run.work_log()
    );
    let run = site.install().succeeded();
    assert_eq!(run.work_log(), ["INFO Updating part."]);
    assert_eq!(site.read("secret"), stored);
}

#[test]
fn hashes_are_made_on_demand_and_stay() {
    let show = "${part:passwd-sha256-crypt} ${part:passwd-ldap-salted-sha1} ${part:passwd}";
    let site = TestSite::with_profile(&shown("generate.password", PASSWORD, show));
    site.install().succeeded();
    let first = site.read("out");
    let words: Vec<&str> = first.split(' ').collect();
    let [crypt, ldap, password] = words[..] else {
        panic!("{first}");
    };
    let salt = crypt
        .strip_prefix("$5$rounds=535000$")
        .expect("passlib's default");
    let salt = salt.split('$').next().expect("a salt");
    // OpenSSL makes the same hash with the same salt.
    let output = Command::new("openssl")
        .args([
            "passwd",
            "-5",
            "-salt",
            &format!("rounds=535000${salt}"),
            password,
        ])
        .output()
        .expect("openssl starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), crypt);
    assert!(ldap.starts_with("{SSHA}"), "{ldap}");
    let stored = site.read("secret");
    assert!(
        stored.contains(&format!("\"passwd-sha256-crypt\": \"{crypt}\"")),
        "{stored}"
    );
    // Nothing changes, so nothing is done.
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        ["INFO Updating part.", "INFO Updating out."]
    );
    assert_eq!(site.read("out"), first);
    // A hash that is asked for later is stored then.
    let later = format!("{show} ${{part:passwd-md5-crypt}}");
    site.profile(&shown("generate.password", PASSWORD, &later));
    site.install().succeeded();
    let second = site.read("out");
    assert!(second.starts_with(&format!("{first} $1$")), "{second}");
    site.install().succeeded();
    assert_eq!(site.read("out"), second);
}

#[test]
fn a_password_that_is_given_replaces_the_stored_one() {
    let show = "${part:passwd-md5-crypt}";
    let site = TestSite::with_profile(&shown("generate.password", PASSWORD, show));
    site.write("secret", "old style\n");
    site.install().succeeded();
    assert!(
        site.read("secret")
            .starts_with("{\"\": \"old style\", \"passwd-md5-crypt\": ")
    );
    let given = format!("{PASSWORD}passwd = given\n");
    site.profile(&shown("generate.password", &given, show));
    site.install().succeeded();
    assert!(
        site.read("secret")
            .starts_with("{\"\": \"given\", \"passwd-md5-crypt\": ")
    );
}

#[test]
fn schemes_that_are_not_there_are_told() {
    let show = "${part:passwd-bcrypt}";
    let site = TestSite::with_profile(&shown("generate.password", PASSWORD, show));
    let error = site.install().error();
    assert!(
        error.starts_with(
            "Error: Not supported: the password scheme 'bcrypt' of passlib.\nhint: use \
             `passwd-sha512-crypt`"
        ),
        "{error}"
    );
    site.profile(&shown(
        "generate.password",
        PASSWORD,
        "${part:passwd-cheese}",
    ));
    let error = site.install().error();
    assert!(
        error.starts_with("Error: Referenced option does not exist: part passwd-cheese"),
        "{error}"
    );
}

#[test]
fn a_password_may_be_tracked_or_not_stored_at_all() {
    let options = format!("{PASSWORD}create-once = false\n");
    let site = TestSite::with_profile(&shown("generate.password", &options, "x ${part:bytes}"));
    site.install().succeeded();
    assert!(site.exists("secret"));
    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert!(!site.exists("secret"), "it was removed with the part");
    site.profile(&shown(
        "generate.password",
        "storage-path =\npasswd = p\n",
        "${part:passwd}",
    ));
    site.install().succeeded();
    assert_eq!(site.read("out"), "p");
    assert!(!site.exists("parts/part"));

    site.profile(&shown(
        "generate.password",
        "bytes = many\n",
        "${part:passwd}",
    ));
    assert_eq!(
        site.install().error(),
        "ValueError: invalid literal for int() with base 10: 'many'\nhint: write a number: \
         `bytes = 16`"
    );
}

#[test]
fn an_address_and_a_uuid_stay_the_same() {
    for (recipe, option, result, length) in [
        ("generate.mac", "storage-path", "mac-address", 17),
        ("uuid", "cache-file", "uuid", 32),
    ] {
        let options = format!("{option} = ${{buildout:directory}}/kept\n");
        let show = format!("${{part:{result}}}");
        let site = TestSite::with_profile(&shown(recipe, &options, &show));
        site.install().succeeded();
        let first = site.read("out");
        assert_eq!(first.len(), length, "{first}");
        assert_eq!(site.read("kept"), first);
        let run = site.install().succeeded();
        assert_eq!(
            run.work_log(),
            ["INFO Updating part.", "INFO Updating out."]
        );
        assert_eq!(site.read("out"), first);
    }
    let site = TestSite::with_profile(&shown("generate.mac", "", "${part:mac-address}"));
    let error = site.install().error();
    assert!(
        error.starts_with("Error: Missing option: part:storage-path\nhint: "),
        "{error}"
    );
}

#[test]
fn random_values_are_drawn_unless_they_are_given() {
    let site = TestSite::with_profile(&shown(
        "random.integer",
        "minimum = -2\nmaximum = -2\n",
        "x ${part:recipe}",
    ));
    site.install().succeeded();
    assert_eq!(site.recorded("part", "value").as_deref(), Some("!py!-2"));
    site.profile(&shown("random.integer", "value = 7\n", "${part:value}"));
    site.install().succeeded();
    assert_eq!(site.read("out"), "7");
    site.profile(&shown(
        "random.integer",
        "minimum = 3\nmaximum = 1\n",
        "${part:value}",
    ));
    assert_eq!(
        site.install().error(),
        "ValueError: empty range in randrange(3, 2)\nhint: `maximum` must not be less than \
         `minimum`"
    );
    site.profile(&shown("random.time", "", "${part:time}"));
    site.install().succeeded();
    let time = site.read("out");
    let (hour, minute) = time.split_once(':').expect("a colon");
    assert!(hour.parse::<u8>().is_ok_and(|hour| hour < 24), "{time}");
    assert!(
        minute.len() == 2 && minute.parse::<u8>().is_ok_and(|m| m < 60),
        "{time}"
    );
}

#[test]
fn a_port_is_free_and_then_kept() {
    // Bound by others, this port cannot be had.
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = busy.local_addr().expect("an address").port();
    let options = format!(
        "ip = 127.0.0.1\nminimum = {port}\nmaximum = {}\n",
        port.saturating_add(50)
    );
    let site = TestSite::with_profile(&shown("free_port", &options, "${part:port}"));
    site.install().succeeded();
    let found: u16 = site.read("out").parse().expect("a port");
    assert!(found > port, "{found}");
    // The service uses it: it stays nevertheless.
    let _service = TcpListener::bind(("127.0.0.1", found)).expect("it is free");
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        ["INFO Updating part.", "INFO Updating out."]
    );
    assert_eq!(site.read("out"), found.to_string());
    for (options, expected) in [
        (
            format!("ip = 127.0.0.1\nminimum = {port}\nmaximum = {}\n", port + 1),
            "0",
        ),
        ("minimum = 5\nmaximum = 5\n".to_owned(), "5"),
        ("ip = localhost\n".to_owned(), "0"),
        (String::new(), "0"),
    ] {
        let site = TestSite::with_profile(&shown("free_port", &options, "${part:port}"));
        site.install().succeeded();
        assert_eq!(site.read("out"), expected, "{options}");
    }
    let v6 = "ip = ::1\nminimum = 20000\nmaximum = 30000\n";
    let site = TestSite::with_profile(&shown("free_port", v6, "${part:port}"));
    site.install().succeeded();
    let found: u16 = site.read("out").parse().expect("a port");
    assert!(found == 0 || (20000..30000).contains(&found), "{found}");
}

#[test]
fn the_user_is_the_one_that_runs() {
    let show = "${part:pw-name} ${part:pw-uid} ${part:pw-dir} ${part:gr-name} ${part:gr-gid}";
    let site = TestSite::with_profile(&shown("userinfo", "", show));
    site.install().succeeded();
    let output = Command::new("/bin/sh")
        .args([
            "-c",
            "echo $(id -un) $(id -u) $(getent passwd $(id -u) | cut -d: -f6) $(id -gn) $(id -g)",
        ])
        .output()
        .expect("a shell");
    assert_eq!(
        site.read("out"),
        String::from_utf8_lossy(&output.stdout).trim_end()
    );
}

#[test]
fn urls_are_taken_apart() {
    let show = "${part:scheme}|${part:username}|${part:password}|${part:host}|${part:port}|\
                ${part:path}|${part:params}|${part:query}|${part:fragment}";
    for (url, expected) in [
        (
            "https://User:pa:ss@Example.COM:8443/a/b/;p?q=1#f",
            "https|User|pa:ss|example.com|8443|a/b|p|q=1|f",
        ),
        ("http://[2001:db8::1]/", "http|||2001:db8::1|||||"),
        ("mailto:x@y", "mailto|||||x@y|||"),
    ] {
        let site = TestSite::with_profile(&shown("urlparse", &format!("url = {url}\n"), show));
        site.install().succeeded();
        assert_eq!(site.read("out"), expected, "{url}");
    }
    let site = TestSite::with_profile(&shown("urlparse", "url = http://h:port/\n", show));
    assert_eq!(
        site.install().error(),
        "ValueError: Port could not be cast to integer value as 'port'\nhint: a port is a number \
         up to 65535, and an IPv6 address stands in brackets"
    );
}

#[test]
fn files_are_copied_with_their_modes() {
    let site = TestSite::with_profile(
        "[buildout]\nparts = copies\n[copies]\nrecipe = slapos.cookbook:copyfilelist\n\
         target-directory = ${buildout:bin-directory}\nfile-list = a/one\n  two\n",
    );
    site.write_with_mode("a/one", "1", 0o750);
    site.write_with_mode("two", "2", 0o640);
    site.write("bin/one", "replaced");
    let run = site.install().succeeded();
    assert_eq!(site.tree("bin"), "one 750\ntwo 640");
    assert_eq!(
        run.log_of("copies")[0],
        "DEBUG Created copy 'a/one' -> '[ROOT]/buildout/bin/one'"
    );
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        [
            "INFO Updating copies.",
            "INFO The recipe for copies doesn't define an update method. Using its install method.",
        ]
    );
    fs::remove_file(site.path("two")).expect("it is there");
    let error = site.install().error();
    assert!(
        error.starts_with("FileNotFoundError: failed to read `[ROOT]/buildout/two`: "),
        "{error}"
    );
    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert_eq!(site.tree("bin"), "");
}

#[test]
fn the_first_line_of_a_file_is_an_option() {
    let options = "storage-path = ${buildout:directory}/file\n";
    let site = TestSite::with_profile(&shown("readline", options, "x ${part:recipe}"));
    assert_eq!(
        site.install().error(),
        "ValueError: Unable to read the file content.\nhint: make the file before the run, or set \
         `when-absent`"
    );
    site.write("file", "first\nsecond\n");
    site.profile(&shown("readline", options, "<${part:readline}>"));
    site.install().succeeded();
    assert_eq!(site.read("out"), "<first\n>");
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        ["INFO Updating part.", "INFO Updating out."]
    );
    fs::remove_file(site.path("file")).expect("it is there");
    let options = format!("{options}when-absent = nothing\n");
    site.profile(&shown("readline", &options, "<${part:readline}>"));
    site.install().succeeded();
    assert_eq!(site.read("out"), "<nothing>");
}

#[test]
fn a_shell_has_its_environment() {
    let site = TestSite::with_profile(
        "[buildout]\nparts = shell\n[shell]\nrecipe = slapos.cookbook:shell\n\
         wrapper = ${buildout:bin-directory}/sh\nshell = /bin/sh\nhome = /home/of us\n\
         path = /usr/bin\n  /bin\nps1 = \"\\\\w> \"\n",
    );
    site.install().succeeded();
    assert_eq!(site.mode("bin/sh"), 0o700);
    assert_eq!(
        site.read("bin/sh"),
        "#!/bin/sh -e\nexport HOME='/home/of us'\nexport PATH=/usr/bin:/bin\n\
         export PS1='\\w> '\nexport SHELL=/bin/sh\nexec /bin/sh \"$@\"\n"
    );
    let output = Command::new(site.path("bin/sh"))
        .args(["-c", "echo $HOME $PATH"])
        .output()
        .expect("it starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "/home/of us /usr/bin:/bin\n"
    );
    site.profile(
        &site
            .read("buildout.cfg")
            .replace("ps1 = \"\\\\w> \"", "ps1 = oops"),
    );
    let error = site.install().error();
    assert!(
        error.starts_with("json.decoder.JSONDecodeError: "),
        "{error}"
    );
}

#[test]
fn options_are_dumped_with_their_types() {
    let site = TestSite::with_profile(
        "[buildout]\nparts = dump\n[dump]\nrecipe = slapos.cookbook:jsondump\n\
         json-output = ${buildout:directory}/dump.json\nb = text \u{e9}\na = !py![1, {'x': None}]\n",
    );
    site.install().succeeded();
    let text = site.read("dump.json");
    let base = site.mask(&text);
    assert!(
        base.contains("  \"a\": [\n    1,\n    {\n      \"x\": null\n    }\n  ],\n  \"b\": \"text \\u00e9\"\n}"),
        "{base}"
    );
    assert_eq!(site.mode("dump.json"), 0o600);
    site.profile("[buildout]\nparts =\n");
    site.install().succeeded();
    assert!(!site.exists("dump.json"));
}
