//! The end of a partition's `buildout.cfg`.

use std::fmt::Write as _;

/// What the end of the profile tells the partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail<'a> {
    /// The node.
    pub computer_id: &'a str,
    /// The partition.
    pub partition_id: &'a str,
    /// The master.
    pub server_url: &'a str,
    /// The release.
    pub software_release_url: &'a str,
    /// The key of the partition's certificate, empty if there is none.
    pub key_file: &'a str,
    /// The partition's certificate, empty if there is none.
    pub cert_file: &'a str,
    /// Directories of shared parts, a line each.
    pub shared_part_list: &'a str,
    /// Directories of parts that only builds use, a line each.
    pub build_time_part_list: &'a str,
    /// The state that the master wants.
    pub requested_state: &'a str,
    /// `instance_storage_home`.
    pub storage_home: &'a str,
    /// `ipv4_global_network`.
    pub global_ipv4_network: &'a str,
}

/// Returns the lines of a list as they go on in a profile.
fn continued(list: &str) -> String {
    list.trim().replace('\n', "\n  ")
}

/// Returns the text that is put after the release's template.
pub fn tail_text(tail: &Tail<'_>) -> String {
    let Tail {
        computer_id,
        partition_id,
        server_url,
        software_release_url,
        key_file,
        cert_file,
        requested_state,
        storage_home,
        global_ipv4_network,
        ..
    } = tail;
    let mut text = String::from(
        "# This is beginning of zc.buildout profile's tail added by slapgrid
[buildout]
# put buildout generated binaries in specific directory
bin-directory = ${buildout:directory}/sbin

# protect software and run parts offline
offline = true
",
    );
    let shared = continued(tail.shared_part_list);
    let build_time = continued(tail.build_time_part_list);
    let _ = write!(
        text,
        "
[slap-connection]
computer-id = {computer_id}
partition-id = {partition_id}
server-url = {server_url}
software-release-url = {software_release_url}
key-file = {key_file}
cert-file = {cert_file}
shared-part-list =
  {shared}
build-time-part-list =
  {build_time}
requested-state = {requested_state}

[slap_connection]
# Kept for backward compatiblity
computer_id = {computer_id}
partition_id = {partition_id}
server_url = {server_url}
software_release_url = {software_release_url}
key_file = {key_file}
cert_file = {cert_file}

[storage-configuration]
storage-home = {storage_home}

[network-information]
global-ipv4-network = {global_ipv4_network}
# This is end of zc.buildout profile's tail added by slapgrid
"
    );
    text
}

/// Returns the interpreter that a release's `bin/buildout` names, from its first
/// two lines (`getPythonExecutableFromSoftwarePath`).
pub fn interpreter(script: &str) -> Option<String> {
    let mut lines = script.lines();
    let first = lines
        .next()?
        .strip_prefix("#!")?
        .split_whitespace()
        .next()?;
    if first != "/bin/sh" {
        return Some(first.to_owned());
    }
    // A script of our own runs this program, which is no interpreter.
    let words = buildout_core::exec::shell_quote::shlex_split(lines.next()?).ok()?;
    match words.as_slice() {
        [exec, _, buildout, ..] if exec == "exec" && buildout == "buildout" => None,
        [exec, program, ..] if exec == "exec" => Some(program.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_recorded_to_the_byte() {
        let text = tail_text(&Tail {
            computer_id: "local",
            partition_id: "slappart0",
            server_url: "http://127.0.0.1:15740",
            software_release_url: "/lab/sr/software.cfg",
            shared_part_list: "\n/lab/base/shared\n/b",
            requested_state: "started",
            ..Tail::default()
        });
        assert!(text.contains(
            "key-file = \ncert-file = \nshared-part-list =\n  /lab/base/shared\n  /b\nbuild-time-part-list =\n  \nrequested-state = started\n"
        ));
        assert!(text.contains(
            "[slap_connection]\n# Kept for backward compatiblity\ncomputer_id = local\n"
        ));
        assert!(text.ends_with(
            "global-ipv4-network = \n# This is end of zc.buildout profile's tail added by slapgrid\n"
        ));
    }

    #[test]
    fn the_interpreter_is_found_in_both_forms() {
        for (script, expected) in [
            ("#!/a/python -S\nx", Some("/a/python")),
            (
                "#!/bin/sh\nexec '/a b/python' \"$0\"\n",
                Some("/a b/python"),
            ),
            ("#!/bin/sh\nexec /x/slapos buildout \"$@\"\n", None),
            ("#!/bin/sh\necho\n", None),
            ("", None),
        ] {
            assert_eq!(interpreter(script).as_deref(), expected, "{script}");
        }
    }
}
