//! The deliberate differences between our program and the peers.
//!
//! Each row names one difference, described in `docs/differences.md`, and masks exactly it: a rule
//! over both sides' views that applies only where both have the form that the row describes. A
//! difference of any other form stays a failure.

use crate::case::Dialect;
use crate::view::{Complaint, Section, View};

/// The invocation that the views belong to.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    /// The dialect of the case.
    pub(crate) dialect: Dialect,
    /// The arguments.
    pub(crate) arguments: &'a [String],
}

/// One row of the table.
pub(crate) struct Difference {
    /// The name used in reports and in `docs/differences.md`.
    pub(crate) id: &'static str,
    /// Masks the difference in both views.
    pub(crate) mask: fn(&Situation<'_>, &mut View, &mut View),
}

/// All rows, in the order in which they are applied.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        id: "implicit-pin",
        mask: implicit_pin,
    },
    Difference {
        id: "version-text",
        mask: version_text,
    },
    Difference {
        id: "help-text",
        mask: help_text,
    },
    Difference {
        id: "argument-crash",
        mask: argument_crash,
    },
    Difference {
        id: "one-letter-operator",
        mask: one_letter_operator,
    },
    Difference {
        id: "broken-state",
        mask: broken_state,
    },
    Difference {
        id: "condition-syntax-text",
        mask: condition_syntax_text,
    },
    Difference {
        id: "unknown-recipe",
        mask: unknown_recipe,
    },
    Difference {
        id: "invalid-recipe",
        mask: invalid_recipe,
    },
    Difference {
        id: "local-missing",
        mask: local_missing,
    },
    Difference {
        id: "system-error-text",
        mask: system_error_text,
    },
    Difference {
        id: "native-signature",
        mask: native_signature,
    },
    Difference {
        id: "appended-state",
        mask: appended_state,
    },
    Difference {
        id: "joined-bases",
        mask: joined_bases,
    },
    Difference {
        id: "history-limit",
        mask: history_limit,
    },
    Difference {
        id: "cache-entry-mode",
        mask: cache_entry_mode,
    },
    Difference {
        id: "failed-update",
        mask: failed_update,
    },
    Difference {
        id: "own-directory",
        mask: own_directory,
    },
    Difference {
        id: "bin-buildout",
        mask: bin_buildout,
    },
    Difference {
        id: "reason-lines",
        mask: reason_lines,
    },
];

/// What only our program uses is in a directory of its own.
fn own_directory(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let is_own = |line: &String| line.starts_with(".buildout ") || line.starts_with(".buildout/");
    if !peer.files.iter().any(is_own) {
        ours.files.retain(|line| !is_own(line));
    }
}

/// Each run writes `bin/buildout`.
fn bin_buildout(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let is_script = |line: &String| line.starts_with("bin/buildout ");
    if !peer.files.iter().any(is_script) {
        ours.files.retain(|line| !is_script(line));
    }
}

/// Before a part is uninstalled, a line tells why.
fn reason_lines(_: &Situation<'_>, _: &mut View, ours: &mut View) {
    let lines: Vec<&str> = ours.stdout.split('\n').collect();
    let tells_why = |line: &str, next: Option<&&str>| {
        let part = line.strip_prefix("Part ").and_then(|rest| {
            let part = rest.strip_suffix(" is no longer wanted.");
            part.or_else(|| Some(rest.split_once(" is installed anew: ")?.0))
        });
        // With `-vv`, upstream tells which options differ.
        let belongs = |next: &&str| {
            let details = format!("Part {}, ", part.unwrap_or_default());
            *next == format!("Uninstalling {}.", part.unwrap_or_default())
                || next.starts_with(&details)
        };
        part.is_some() && next.is_some_and(belongs)
    };
    let kept: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| !tells_why(line, lines.get(index + 1)))
        .map(|(_, line)| *line)
        .collect();
    ours.stdout = kept.join("\n");
}

/// The lower bound that a program without a pin of `zc.buildout` gives itself is its own version.
fn implicit_pin(situation: &Situation<'_>, peer: &mut View, ours: &mut View) {
    for view in [peer, ours] {
        let mut lines: Vec<&str> = view.stdout.split('\n').collect();
        for index in 0..lines.len() {
            let terse = lines.get(index + 1) == Some(&"    DEFAULT_VALUE");
            let verbose = lines.get(index + 2) == Some(&"   AS DEFAULT_VALUE");
            if lines[index].starts_with("zc.buildout= >=") && (terse || verbose) {
                lines[index] = "zc.buildout= >=VERSION";
                if verbose
                    && let Some(set) = lines.get_mut(index + 3)
                    && set.starts_with("   SET VALUE = >=")
                {
                    *set = "   SET VALUE = >=VERSION";
                }
            }
        }
        let asked = situation
            .arguments
            .last()
            .is_some_and(|last| last == "versions:zc.buildout");
        if asked && let Some(last) = lines.iter_mut().rev().nth(1) {
            mask_bound(last);
        }
        view.stdout = lines.join("\n");
        if let Some(Section::Options(options)) = view.resolved.get_mut("versions")
            && let Some(pin) = options.get_mut("zc.buildout")
        {
            let mut text = pin.as_str();
            mask_bound(&mut text);
            *pin = text.to_owned();
        }
    }
}

fn mask_bound(text: &mut &str) {
    let is_version = |version: &str| version.starts_with(|first: char| first.is_ascii_digit());
    if text.strip_prefix(">=").is_some_and(is_version) {
        *text = ">=VERSION";
    }
}

/// `--version` prints the program's own name and version.
fn version_text(situation: &Situation<'_>, peer: &mut View, ours: &mut View) {
    if situation.arguments != ["--version"] {
        return;
    }
    for view in [peer, ours] {
        let words: Vec<&str> = view.stdout.trim_end_matches('\n').split(' ').collect();
        let ends_in_number = words
            .last()
            .is_some_and(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        if words[0] == "buildout" && ends_in_number {
            view.stdout = "buildout VERSION\n".to_owned();
        }
    }
}

/// The help text describes our own options; only its presence on stdout is compared.
fn help_text(situation: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let asks = |argument: &String| {
        argument == "--help"
            || argument
                .strip_prefix('-')
                .is_some_and(|flags| flags.contains(['h', 'W', 'A']))
    };
    if !situation.arguments.iter().any(asks) {
        return;
    }
    for view in [peer, ours] {
        if view.stdout.contains("Usage: buildout") {
            view.stdout = "HELP\n".to_owned();
        }
    }
}

/// An argument that is no assignment after all makes the peer crash; here it is an argument error.
///
/// These are the empty argument, a section and option with two colons, and an empty option name.
fn argument_crash(situation: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let malformed = |argument: &String| {
        argument.is_empty()
            || argument.split_once('=').is_some_and(|(key, _)| {
                let colons = key.matches(':').count();
                colons > 1
                    || key
                        .rsplit(':')
                        .next()
                        .is_some_and(|option| option.trim().is_empty())
            })
    };
    let crashed = matches!(peer.complaint, Complaint::Crash(_) | Complaint::Internal(_));
    let reported = ours.raw_stderr.starts_with("Error: Invalid option");
    if crashed && reported && situation.arguments.iter().any(malformed) {
        ours.complaint = peer.complaint.clone();
    }
}

/// A one-letter option with an operator and no blank before it (`a+=1`), where its section appears
/// first, makes the peer crash; here it is an addition like any other.
fn one_letter_operator(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let crash = Complaint::Internal("string index out of range".to_owned());
    if peer.complaint == crash && ours.complaint != crash {
        *ours = peer.clone();
    }
}

/// A state file that is no state file is an error that names the file and the line, in our words.
fn broken_state(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let (Complaint::Internal(theirs), Complaint::Internal(text) | Complaint::User(text)) =
        (&peer.complaint, &ours.complaint)
    else {
        return;
    };
    if theirs.contains("/.installed.cfg, line: ") && text.contains("/.installed.cfg`, line ") {
        ours.complaint = peer.complaint.clone();
    }
}

/// What is wrong with a condition's syntax is said in our words, which name the unexpected thing.
fn condition_syntax_text(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let (Complaint::Internal(theirs), Complaint::Internal(text)) =
        (&peer.complaint, &ours.complaint)
    else {
        return;
    };
    if theirs.contains("invalid syntax") && text.starts_with("SyntaxError: ") {
        ours.complaint = peer.complaint.clone();
    }
}

/// A section whose recipe is not built in is left out of the resolved values, because only its
/// recipe could complete it; the driver does not construct recipes at all.
fn unknown_recipe(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    for (name, section) in &mut ours.resolved {
        if let (Section::Error(text), Some(theirs)) = (&*section, peer.resolved.get(name))
            && text.ends_with("acts on the world when it is constructed")
        {
            *section = theirs.clone();
        }
    }
}

/// A recipe that is no `distribution:entry` is said to be so.
fn invalid_recipe(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let (Complaint::Internal(theirs), Complaint::User(text) | Complaint::Internal(text)) =
        (&peer.complaint, &ours.complaint)
    else {
        return;
    };
    if theirs.starts_with("too many values to unpack") && text.contains("Invalid recipe: ") {
        ours.complaint = peer.complaint.clone();
    }
}

/// A local file that is to be downloaded and does not exist is a user's error that names it.
fn local_missing(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let (Complaint::Internal(theirs), Complaint::User(text) | Complaint::Internal(text)) =
        (&peer.complaint, &ours.complaint)
    else {
        return;
    };
    let named = theirs.strip_prefix("[Errno 2] No such file or directory: ");
    if named.is_some_and(|path| text.contains(&format!("Couldn't find local resource {path}."))) {
        ours.complaint = peer.complaint.clone();
    }
}

/// What the system refuses is said in our words: verb, path and reason.
fn system_error_text(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let (Complaint::Internal(theirs), Complaint::Internal(text)) =
        (&peer.complaint, &ours.complaint)
    else {
        return;
    };
    if theirs.starts_with("[Errno ") && text.starts_with("failed to ") {
        ours.complaint = peer.complaint.clone();
    }
}

/// Signatures, in whatever file the state is kept, are each program's own.
fn native_signature(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    const OPTION: &str = "__buildout_signature__ = ";
    for line in peer.files.iter_mut().chain(&mut ours.files) {
        if let Some(start) = line.find(OPTION).map(|at| at + OPTION.len())
            && let Some(end) = line[start..].find("\\n")
        {
            line.replace_range(start..start + end, "SIGNATURE");
        }
    }
}

/// Upstream appends blocks to its state file where we write it anew.
fn appended_state(_: &Situation<'_>, peer: &mut View, _: &mut View) {
    const STATE: &str = "[buildout]\\ninstalled_develop_eggs = ";
    const APPENDED: &str = "\\n\\n[buildout]\\n";
    for line in &mut peer.files {
        let start = line.find(STATE);
        if let Some(appended) = start.and_then(|start| Some(start + line[start..].find(APPENDED)?))
        {
            line.truncate(appended);
            line.push_str("\\n\"");
        }
    }
}

/// The `slapos` dialect removes `NAME/../` when it joins an entry of `extends` to its base, as the
/// fork does, where 3.0.1 keeps it in the paths of error texts.
fn joined_bases(situation: &Situation<'_>, peer: &mut View, ours: &mut View) {
    if situation.dialect != Dialect::Slapos {
        return;
    }
    for view in [peer, ours] {
        let (Complaint::User(text) | Complaint::Internal(text) | Complaint::Crash(text)) =
            &mut view.complaint;
        while let Some(joined) = without_first_climb(text) {
            *text = joined;
        }
    }
}

/// Of a history longer than a thousand entries `-v annotate` shows the newest and counts the rest.
fn history_limit(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let theirs: Vec<&str> = peer.stdout.split('\n').collect();
    let mut lines = Vec::new();
    for line in ours.stdout.split('\n') {
        let count = line
            .strip_prefix("   ... and ")
            .and_then(|rest| rest.strip_suffix(" more before")?.parse::<usize>().ok());
        // An entry is a line with its source and one with its value.
        let counted = count.and_then(|count| {
            let entries = theirs.get(lines.len()..lines.len() + 2 * count)?;
            let regular = |entry: &[&str]| {
                ["   IN ", "   AS "]
                    .iter()
                    .any(|start| entry[0].starts_with(start))
                    && entry[1].contains(" VALUE = ")
            };
            entries.chunks(2).all(regular).then_some(entries)
        });
        match counted {
            Some(entries) => lines.extend_from_slice(entries),
            None => lines.push(line),
        }
    }
    ours.stdout = lines.join("\n");
}

/// A cached profile has the mode of any new file, where upstream's is that of the temporary file
/// that it was: 0600, whatever the umask, so that nobody else can use the cache.
fn cache_entry_mode(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let hashed = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    for (theirs, line) in peer.files.iter().zip(&mut ours.files) {
        if let Some((path, rest)) = theirs.split_once(" 600 ")
            && hashed(path)
            && *line == format!("{path} 644 {rest}")
        {
            line.clone_from(theirs);
        }
    }
}

/// A part whose update fails keeps its files and its record, where upstream removes both.
fn failed_update(_: &Situation<'_>, peer: &mut View, ours: &mut View) {
    let Complaint::User(text) = &ours.complaint else {
        return;
    };
    let part = text
        .lines()
        .find_map(|line| line.strip_prefix("  Updating ")?.strip_suffix('.'));
    let Some(part) = part.filter(|_| ours.complaint == peer.complaint) else {
        return;
    };
    let header = format!("installed [{part}]");
    let Some(start) = ours.files.iter().position(|line| *line == header) else {
        return;
    };
    if peer.files.contains(&header) {
        return;
    }
    let record = ours.files.drain(start..).collect::<Vec<String>>();
    let rest = record[1..]
        .iter()
        .position(|line| line.starts_with("installed ["));
    let (record, rest) = record.split_at(rest.map_or(record.len(), |rest| rest + 1));
    let installed = record
        .iter()
        .filter_map(|line| line.split_once("__buildout_installed__ = \"@ROOT@/"))
        .filter_map(|(_, path)| path.strip_suffix('"'));
    let kept: Vec<String> = installed.map(|path| format!("{path} ")).collect();
    ours.files.extend_from_slice(rest);
    ours.files
        .retain(|line| !kept.iter().any(|path| line.starts_with(path.as_str())));
    for line in &mut ours.files {
        if let Some(parts) = line.strip_prefix("installed   parts = \"") {
            let parts = parts.trim_end_matches('"').split(' ');
            let others: Vec<&str> = parts.filter(|name| *name != part).collect();
            *line = format!("installed   parts = \"{}\"", others.join(" "));
        }
    }
}

/// Removes the first `NAME/../` of a text, if there is one.
fn without_first_climb(text: &str) -> Option<String> {
    let mut search = 0;
    while let Some(found) = text[search..].find("/../") {
        let climb = search + found;
        let start = text[..climb].rfind('/')? + 1;
        let name = &text[start..climb];
        if !name.is_empty() && name != ".." {
            return Some(format!(
                "{}{}",
                &text[..start],
                &text[climb + "/../".len()..]
            ));
        }
        search = climb + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::without_first_climb;

    #[test]
    fn climbs_are_joined_one_by_one() {
        let once = without_first_climb("at /r/sub/deep/../../x.cfg").expect("it climbs");
        assert_eq!(once, "at /r/sub/../x.cfg");
        assert_eq!(without_first_climb(&once).as_deref(), Some("at /r/x.cfg"));
        assert_eq!(without_first_climb("at /r/x.cfg"), None);
    }
}
