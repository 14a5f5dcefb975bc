//! Scripts whose first line is too long for the system.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::system_error::{SystemError, failed};

/// What systems read of the first line of a script; Linux 256 since 5.1.
const LIMIT: u64 = 128;

/// Runs the interpreter that the first line of the real script names.
const WRAPPER: &str = r#"#!/bin/sh -e
read -r interpreter argument < "$0.shebang" || :
interpreter=${interpreter#'#!'}
[ "$interpreter" ] || read -r _ interpreter argument < "$0.shebang" || :
exec "$interpreter" ${argument:+"$argument"} "$0.shebang" "$@"
"#;

/// Gives each script in `bin` and `sbin` of `location` whose first line is too
/// long another name, and puts a short script that runs it in its place.
///
/// Links are left alone; upstream follows those of the two directories, and so
/// wraps scripts twice, or outside.
///
/// # Errors
///
/// A file cannot be read, renamed or written.
pub(super) fn shorten(location: &Path) -> Result<(), SystemError> {
    for name in ["bin", "sbin"] {
        let directory = location.join(name);
        if !fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir()) {
            continue;
        }
        let entries: Vec<_> = fs::read_dir(&directory)
            .and_then(Iterator::collect)
            .map_err(failed("read", &directory))?;
        for entry in entries {
            let path = entry.path();
            let metadata = entry.metadata().map_err(failed("examine", &path))?;
            if metadata.is_file() && has_long_first_line(&path)? {
                wrap(&path, metadata.permissions().mode() & 0o7777)?;
            }
        }
    }
    Ok(())
}

/// Tells whether a script's first line, or the whole script if it is one line
/// without an end, exceeds the limit. As upstream, this takes any script of
/// one unfinished line.
fn has_long_first_line(path: &Path) -> Result<bool, SystemError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT).read_to_end(&mut head))
        .map_err(failed("read", path))?;
    Ok(head.starts_with(b"#!") && !head.contains(&b'\n'))
}

fn wrap(path: &Path, mode: u32) -> Result<(), SystemError> {
    let mut renamed = path.as_os_str().to_owned();
    renamed.push(".shebang");
    fs::rename(path, &renamed).map_err(failed("rename", path))?;
    write_script(path, mode).map_err(failed("write", path))
}

fn write_script(path: &Path, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(WRAPPER.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn long_first_lines_are_wrapped_and_still_work() {
        let site = tempfile::tempdir().expect("a directory can be made");
        let long = site.path().join("x".repeat(150));
        fs::create_dir_all(&long).expect("it can be made");
        symlink("/bin/sh", long.join("sh")).expect("it can be made");
        let shell = long.join("sh");
        let shell = shell.display();
        let bin = site.path().join("location/bin");
        fs::create_dir_all(&bin).expect("it can be made");
        symlink("bin", site.path().join("location/sbin")).expect("it can be made");
        let limit = format!("#!/bin/sh{}", " ".repeat(127 - "#!/bin/sh".len()));
        for (name, content) in [
            ("plain", format!("#!{shell}\necho plain $1\n")),
            ("spaced", format!("#! {shell} -e\necho spaced $1\nfalse\n")),
            ("short", format!("{limit}\necho short $1\n")),
            ("unfinished", "#!/bin/true".to_owned()),
            ("binary", "\x7fELF".repeat(100)),
        ] {
            let path = bin.join(name);
            fs::write(&path, content).expect("it can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("it is ours");
        }
        symlink("plain", bin.join("link")).expect("it can be made");

        shorten(&site.path().join("location")).expect("it works");

        let mut names: Vec<String> = fs::read_dir(&bin)
            .expect("it can be read")
            .map(|entry| {
                let name = entry.expect("it can be read").file_name();
                name.to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "binary",
                "link",
                "plain",
                "plain.shebang",
                "short",
                "spaced",
                "spaced.shebang",
                "unfinished",
                "unfinished.shebang"
            ]
        );
        let run = |name: &str| {
            let path = bin.join(name);
            let mode = fs::metadata(&path).expect("it exists").permissions().mode();
            assert_eq!(mode & 0o7777, 0o750, "{name}");
            let output = Command::new(&path).arg("a b").output().expect("it starts");
            let text = String::from_utf8(output.stdout).expect("it is ASCII");
            (text, output.status.code())
        };
        assert_eq!(run("plain"), ("plain a b\n".to_owned(), Some(0)));
        // The argument of the first line is passed on: `-e` ends the script.
        assert_eq!(run("spaced"), ("spaced a b\n".to_owned(), Some(1)));
        assert_eq!(run("short"), ("short a b\n".to_owned(), Some(0)));
        assert_eq!(run("unfinished"), (String::new(), Some(0)));
    }
}
