//! Root's commands with a network, files of users and mounts of their own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Copies what programs that make users read of `/etc`: all files, and few directories.
pub(crate) fn copy_etc(to: &Path) {
    fs::create_dir(to).expect("its parent is ours");
    let entries = fs::read_dir("/etc").expect("it is there").flatten();
    let wanted = entries.filter(|entry| {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        !is_directory
            || ["alternatives", "default", "pam.d", "security"]
                .iter()
                .any(|it| name == *it)
    });
    let copied = Command::new("cp")
        .arg("-a")
        .args(wanted.map(|entry| entry.path()))
        .arg(to)
        .status();
    assert!(copied.expect("cp can be run").success());
}

/// Returns a call of a shell that runs a script as root with a network of its own and another
/// `/etc`. The script ends at the first failure unless it says otherwise.
pub(crate) fn in_namespaces(etc: &Path, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--net", "sh", "-ec"])
        .arg(format!(
            "mount --bind {etc} /etc\nip link set lo up\n{script}",
            etc = etc.display()
        ))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}
