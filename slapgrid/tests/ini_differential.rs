//! Configuration files are read as Python's `configparser` reads them: texts
//! put together at random, and written ones, by both.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use slapgrid::configuration::ini::IniFile;

/// Reads a JSON list of texts, and prints what `configparser` makes of each:
/// sections with options, or null for an error.
const DRIVER: &str = r#"
import configparser, json, sys
def read(text):
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
        return {s: dict(parser.items(s)) for s in parser.sections()}
    except (configparser.Error, AttributeError):
        return None
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
"#;

/// Lines of which texts are made.
const LINES: [&str; 28] = [
    "[a]",
    "[b]",
    "[DEFAULT]",
    "[a b] ; x",
    "[a]b]",
    "[]",
    "x = 1",
    "X=2",
    "y: 3 = 4",
    "z =",
    "z = %(x)s-%(y)s",
    "p = 100%%",
    "q = %(q)s",
    "r = %",
    "s = a\\nb \\ 'c' \"d\" é",
    "  indented",
    "    more",
    "\ttab",
    "",
    "   ",
    "# comment",
    "; comment",
    "  # indented comment",
    "word",
    "= no name",
    "  k = v",
    "u = | edge |",
    "w = a ; b # c",
];

/// A generator without ambitions.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % limit
    }
}

fn texts() -> Vec<String> {
    let mut random = Random(7);
    let mut texts = Vec::new();
    for _ in 0..4000 {
        let mut text = String::from("[first]\n");
        for _ in 0..random.below(9) {
            text.push_str(LINES[random.below(LINES.len())]);
            text.push('\n');
        }
        texts.push(text);
    }
    texts
}

fn ours(text: &str) -> Value {
    let read = || {
        let file = IniFile::parse(text).ok()?;
        let mut sections = Map::new();
        for section in file.sections() {
            let items = file.items(section).ok()?.into_iter();
            let items: Map<String, Value> = items
                .map(|(name, value)| (name, Value::from(value)))
                .collect();
            sections.insert(section.to_owned(), Value::Object(items));
        }
        Some(Value::Object(sections))
    };
    read().unwrap_or(Value::Null)
}

#[test]
fn files_are_read_as_python_reads_them() {
    let texts = texts();
    let mut python = Command::new("python3")
        .args(["-c", DRIVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python 3 is needed");
    let mut input = python.stdin.take().expect("it is piped");
    let document = json!(texts).to_string();
    let writer = std::thread::spawn(move || input.write_all(document.as_bytes()));
    let output = python.wait_with_output().expect("it ends");
    writer
        .join()
        .expect("no panic")
        .expect("it reads everything");
    let theirs: Vec<Value> = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    assert_eq!(theirs.len(), texts.len());
    let (mut good, mut bad) = (0, 0);
    for (text, theirs) in texts.iter().zip(theirs) {
        if theirs.is_null() {
            bad += 1;
        } else {
            good += 1;
        }
        assert_eq!(ours(text), theirs, "{text}");
    }
    // Both kinds are there in numbers.
    assert!(good > 500 && bad > 500, "{good} {bad}");
}
