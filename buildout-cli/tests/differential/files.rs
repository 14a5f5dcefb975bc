//! The state on disk after a step, in a comparable form.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::case::{ROOT, replace_bytes};

/// Files above this size are listed by length and checksum.
const SHOWN_BYTES: usize = 2000;

/// Lists everything below `root` (kind, permission bits, contents), then the installed state.
///
/// `home` and our own `.buildout` are left out; `.installed.cfg` is compared as parsed options.
pub(crate) fn snapshot(root: &Path) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    walk(root, "", &mut lines)?;
    let installed = root.join(".installed.cfg");
    match fs::read_to_string(&installed) {
        Ok(text) => lines.extend(installed_lines(
            &text.replace(&root.display().to_string(), ROOT),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            lines.push("no .installed.cfg".to_owned())
        }
        Err(error) => return Err(format!("cannot read {}: {error}", installed.display())),
    }
    Ok(lines)
}

fn walk(root: &Path, prefix: &str, lines: &mut Vec<String>) -> Result<(), String> {
    // Nesting is what a case's own profile makes: a few levels.
    let directory = root.join(prefix);
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", directory.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort();
    for name in names {
        let name = name.to_str().ok_or("a file's name is not UTF-8")?;
        let relative = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        if matches!(relative.as_str(), "home" | ".buildout" | ".installed.cfg") {
            continue;
        }
        let path = root.join(&relative);
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(failed)?.display().to_string();
            lines.push(format!(
                "{relative} -> {}",
                target.replace(&root.display().to_string(), ROOT)
            ));
        } else if metadata.is_dir() {
            lines.push(format!("{relative}/ {mode:o}"));
            walk(root, &relative, lines)?;
        } else {
            let root_text = root.display().to_string();
            let bytes = replace_bytes(
                &fs::read(&path).map_err(failed)?,
                root_text.as_bytes(),
                ROOT.as_bytes(),
            );
            lines.push(format!("{relative} {mode:o} {}", contents(&bytes)));
        }
    }
    Ok(())
}

fn contents(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES {
        return format!("{:?}", String::from_utf8_lossy(bytes));
    }
    // FNV-1a: enough to tell two files of a test apart.
    let checksum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{} bytes, checksum {checksum:016x}", bytes.len())
}

/// The installed state as upstream reads it back: sections merge, the last value wins, only parts
/// that `[buildout] parts` names count. Signatures are each program's own and left out.
fn installed_lines(text: &str) -> Vec<String> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut section = String::new();
    let mut option = String::new();
    for line in text.lines() {
        if let Some(continued) = line.strip_prefix('\t') {
            if let Some(value) = sections
                .get_mut(&section)
                .and_then(|options| options.get_mut(&option))
            {
                value.push('\n');
                value.push_str(continued);
            }
        } else if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.to_owned();
            sections.entry(section.clone()).or_default();
        } else if let Some((key, value)) = line.split_once('=') {
            option = key.trim_end().to_owned();
            let value = value.trim_start().trim_end_matches('\n').to_owned();
            sections
                .entry(section.clone())
                .or_default()
                .insert(option.clone(), value);
        }
    }
    let parts = sections
        .get("buildout")
        .and_then(|options| options.get("parts"))
        .cloned()
        .unwrap_or_default();
    let mut lines = Vec::new();
    for name in std::iter::once("buildout").chain(parts.split_whitespace()) {
        lines.push(format!("installed [{name}]"));
        for (option, value) in sections.get(name).into_iter().flatten() {
            if option != "__buildout_signature__" {
                lines.push(format!("installed   {option} = {value:?}"));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::installed_lines;

    #[test]
    fn appended_sections_count_and_signatures_do_not() {
        let text = "[buildout]\nparts = a b\n\n[a]\n__buildout_signature__ = x\nk = 1\n\t2\n\n[b]\n\n[buildout]\nparts = a\n";
        assert_eq!(
            installed_lines(text),
            [
                "installed [buildout]",
                "installed   parts = \"a\"",
                "installed [a]",
                "installed   k = \"1\\n2\""
            ]
        );
    }
}
