//! `.installed.cfg` against the real zc.buildout: what it writes is what we write, and what it
//! reads from our files is what it reads from its own.

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use buildout_core::state::installed::{InstalledPart, InstalledState};
use support::peers::{self, from_hexadecimal, to_hexadecimal};

/// Reads states from standard input (see [`describe`]), has zc.buildout write each one to
/// `N.upstream`, and prints what zc.buildout reads from `N.upstream` and from our `N.ours`:
/// `option-hex value-hex` lines, or an `error` line, after a `state N KIND` line.
const PROGRAM: &str = r#"
import os, sys
import zc.buildout.buildout as b

class Fake(dict):
    def Options(self, buildout, section, options):
        return options

def text(digits):
    return bytes.fromhex(digits).decode()

def digits(text):
    return text.encode().hex()

def show(number, kind):
    path = os.path.join(sys.argv[1], '%s.%s' % (number, kind))
    print('state', number, kind)
    fake = Fake(buildout={'installed': path})
    try:
        sections, _ = b.Buildout._read_installed_part_options(fake)
    except Exception as error:
        print('error', digits(type(error).__name__))
        return
    for section, options in sections.items():
        for option, value in options.items():
            print('option', digits(section), digits(option), digits(value))

states, sections = [], None
for line in sys.stdin:
    words = line.rstrip('\n').split(' ')
    if words[0] == 'state':
        sections = {}
        states.append((words[1], sections))
    elif words[0] == 'option':
        sections.setdefault(text(words[1]), {})[text(words[2])] = text(words[3])
for number, sections in states:
    path = os.path.join(sys.argv[1], number + '.upstream')
    b.Buildout._save_installed_options(Fake(buildout={'installed': path}), sections)
    show(number, 'upstream')
    show(number, 'ours')
"#;

type Options = BTreeMap<(String, String), String>;

/// The state as upstream's dictionary of sections.
fn upstream_view(state: &InstalledState) -> Options {
    let mut options = Options::new();
    let mut put = |section: &str, option: &str, value: String| {
        options.insert((section.to_owned(), option.to_owned()), value);
    };
    let parts: Vec<_> = state.parts.keys().map(String::as_str).collect();
    put("buildout", "parts", parts.join(" "));
    put(
        "buildout",
        "installed_develop_eggs",
        state.develop_eggs.join("\n"),
    );
    for (name, part) in &state.parts {
        put(name, "__buildout_installed__", part.installed.join("\n"));
        for (option, value) in &part.options {
            put(name, option, value.clone());
        }
    }
    options
}

fn describe(states: &[InstalledState]) -> String {
    let mut text = String::new();
    for (number, state) in states.iter().enumerate() {
        text.push_str(&format!("state {number}\n"));
        for ((section, option), value) in upstream_view(state) {
            let words = [section, option, value].map(|word| to_hexadecimal(&word));
            text.push_str(&format!("option {}\n", words.join(" ")));
        }
    }
    text
}

/// What zc.buildout made of a file: its options, or the name of its exception.
type Seen = Result<Options, String>;

fn parse_report(report: &str) -> BTreeMap<(usize, String), Seen> {
    let mut seen = BTreeMap::new();
    let mut key = None;
    for line in report.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["state", number, kind] => {
                let new = (number.parse().expect("a number"), kind.to_owned());
                seen.insert(new.clone(), Ok(Options::new()));
                key = Some(new);
            }
            ["option", section, option, value] => {
                let entry = key.as_ref().and_then(|key| seen.get_mut(key));
                let options = entry.expect("a state line came first");
                options.as_mut().expect("no error line came").insert(
                    (from_hexadecimal(section), from_hexadecimal(option)),
                    from_hexadecimal(value),
                );
            }
            ["error", name] => {
                let key = key.clone().expect("a state line came first");
                seen.insert(key, Err(from_hexadecimal(name)));
            }
            _ => panic!("unexpected line {line:?}"),
        }
    }
    seen
}

/// A small generator of random numbers (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

const PIECES: [&str; 40] = [
    " ",
    "  ",
    "\t",
    "\n",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1f",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{3000}",
    "\n\t",
    "\n  ",
    "\t\n",
    "a",
    "b c",
    "#",
    "; x",
    "[x]",
    "[buildout]",
    "k = v",
    "parts =",
    "=",
    "+=",
    "$",
    "$${a:b}",
    "ä\u{1f600}",
    "\\",
    "%",
    "%(",
    "%(__buildout_space__)s",
    "%(__buildout_space_n__)s",
    "\u{0}",
    "!py!'x'",
];

/// Pieces which upstream stores faithfully, so that whole files have to be equal.
const FAITHFUL: [&str; 19] = [
    " ",
    "  ",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r\n",
    "\n  ",
    "a",
    "b c",
    "#",
    "; x",
    "[x]",
    "k = v",
    "parts =",
    "=",
    "$${a:b}",
    "ä\u{1f600}",
    "%(",
    "word",
];

const NAMES: [&str; 12] = [
    "recipe",
    "__buildout_signature__",
    "o",
    "O-1",
    "<part-dependencies>",
    "x+",
    "x-",
    "a b",
    "#x",
    "[x]",
    "x +",
    "a:b",
];

fn generate(random: &mut Random, pieces: &[&str], names: &[&str]) -> InstalledState {
    let value = |random: &mut Random| -> String {
        (0..random.below(6))
            .map(|_| pieces[random.below(pieces.len())])
            .collect()
    };
    let mut state = InstalledState::default();
    for name in &["a", "b.c", "part-Ä"][..random.below(4)] {
        let mut part = InstalledPart::default();
        for _ in 0..random.below(5) {
            let option = names[random.below(names.len())];
            part.options.insert(option.to_owned(), value(random));
        }
        for _ in 0..random.below(4) {
            // A newline in a path makes two paths of it, by design.
            let path = value(random).replace("\r\n", "/").replace('\n', "/");
            part.installed.push(path);
        }
        if part.installed == [""] {
            part.installed.clear();
        }
        state.parts.insert((*name).to_owned(), part);
    }
    for number in 0..random.below(3) {
        state.develop_eggs.push(format!("/w/develop-eggs/{number}"));
    }
    state
}

fn compare(directory: &Path, states: &[InstalledState]) -> BTreeMap<(usize, String), Seen> {
    for (number, state) in states.iter().enumerate() {
        let text = state.to_text().expect("the part names are usable");
        fs::write(directory.join(format!("{number}.ours")), text).expect("written");
    }
    let interpreter = peers::zc_buildout_6_0_1();
    let report = peers::python(
        interpreter,
        PROGRAM,
        &[directory.as_os_str()],
        &describe(states),
    );
    parse_report(&report)
}

#[test]
fn every_value_comes_back() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..5_000 {
        let state = generate(&mut random, &PIECES, &NAMES);
        let text = state.to_text().expect("the part names are usable");
        let read = InstalledState::from_text(&text, Path::new("x"));
        assert_eq!(read.expect("our own text"), state, "{text}");
    }
}

#[test]
fn faithful_values_make_upstreams_bytes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut random = Random(0xd1b5_4a32_d192_ed03);
    let states: Vec<_> = (0..1500)
        .map(|_| generate(&mut random, &FAITHFUL, &NAMES[..7]))
        .collect();
    let seen = compare(directory.path(), &states);
    for (number, state) in states.iter().enumerate() {
        let read = |kind: &str| {
            fs::read_to_string(directory.path().join(format!("{number}.{kind}"))).expect("UTF-8")
        };
        assert_eq!(read("ours"), read("upstream"));
        for kind in ["ours", "upstream"] {
            let seen = &seen[&(number, kind.to_owned())];
            assert_eq!(seen.as_ref(), Ok(&upstream_view(state)), "{}", read(kind));
        }
    }
}

#[test]
fn upstream_reads_any_file_of_ours_as_its_own() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let states: Vec<_> = (0..3000)
        .map(|_| generate(&mut random, &PIECES, &NAMES))
        .collect();
    let seen = compare(directory.path(), &states);
    let (mut with_entries, mut unreadable_upstream) = (0, 0);
    for (number, state) in states.iter().enumerate() {
        let read = |kind: &str| {
            fs::read_to_string(directory.path().join(format!("{number}.{kind}"))).expect("UTF-8")
        };
        let (ours, upstream) = (read("ours"), read("upstream"));
        let mut seen_in_ours = match &seen[&(number, "ours".to_owned())] {
            Ok(options) => options.clone(),
            Err(error) => panic!("upstream fails with {error} on\n{ours}"),
        };
        let before = seen_in_ours.len();
        seen_in_ours.retain(|(section, _), _| section != "__buildout_exact__");
        with_entries += usize::from(seen_in_ours.len() < before);
        // What our reader makes of the part of the file that upstream knows is what upstream
        // makes of it.
        let known = ours.split("\n[__buildout_exact__]").next().unwrap_or("");
        let known = InstalledState::from_text(known, Path::new("x")).expect("a readable file");
        assert_eq!(upstream_view(&known), seen_in_ours, "{ours}");
        // Upstream's own file: read alike by both, where upstream can read it.
        let clean = !state_needs_more_than_upstream(state);
        match &seen[&(number, "upstream".to_owned())] {
            Ok(options) if clean => {
                assert_eq!(options, &seen_in_ours, "{ours}");
                assert!(ours.starts_with(&upstream), "{ours}\n---\n{upstream}");
            }
            Ok(options) => {
                // A carriage return may have made any other file of it, even a damaged one.
                if let Ok(read) = InstalledState::from_text(&upstream, Path::new("x")) {
                    let parts = ("buildout".to_owned(), "parts".to_owned());
                    let mut ours = upstream_view(&read);
                    let mut theirs = view_of_parts(options, &read);
                    assert_eq!(
                        ours.remove(&parts).is_some(),
                        theirs.remove(&parts).is_some()
                    );
                    assert_eq!(ours, theirs, "{upstream}");
                }
            }
            Err(_) => {
                unreadable_upstream += 1;
                assert!(!clean, "{upstream}");
            }
        }
    }
    assert!(with_entries > 500, "the exact values were exercised");
    assert!(unreadable_upstream > 100, "the hard cases were exercised");
}

/// Whether the state has an option name or a carriage return inside a line which upstream writes
/// as something else.
fn state_needs_more_than_upstream(state: &InstalledState) -> bool {
    let hard_name = |name: &str| NAMES[7..].contains(&name);
    state.parts.values().any(|part| {
        part.options.keys().any(|name| hard_name(name))
            || part
                .options
                .values()
                .chain(&part.installed)
                .any(|value| value.contains('\r'))
    })
}

/// Upstream's options without stale sections, which our reader leaves out.
fn view_of_parts(options: &Options, read: &InstalledState) -> Options {
    options
        .iter()
        .filter(|((section, _), _)| section == "buildout" || read.parts.contains_key(section))
        .filter(|((section, option), _)| {
            section != "buildout" || !read.buildout_options.contains_key(option)
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[test]
fn a_changed_value_is_not_overruled_by_an_old_entry() {
    let mut state = InstalledState::default();
    let mut part = InstalledPart::default();
    part.options.insert("o".to_owned(), "\tx".to_owned());
    part.options.insert("p".to_owned(), "y\t".to_owned());
    state.parts.insert("a".to_owned(), part);
    let text = state.to_text().expect("the part name is usable");
    let edited = text.replace("o = \tx\n", "o = z\n");
    assert_ne!(edited, text);
    let read = InstalledState::from_text(&edited, Path::new("x")).expect("readable");
    assert_eq!(read.parts["a"].options["o"], "z");
    assert_eq!(read.parts["a"].options["p"], "y\t");
    // Upstream appends blocks like this one during its run.
    let appended = format!("{text}\n[buildout]\nparts = a\n");
    let read = InstalledState::from_text(&appended, Path::new("x")).expect("readable");
    assert_eq!(read, state);
}
