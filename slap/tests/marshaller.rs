//! Our documents next to those of Python's `slapos.util`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use buildout_core::value::{Value, literal};
use slap::marshal::{dumps, loads};
use slap::test_master::RealSlapos;

/// For each line with the `repr` of a value: what `dumps` makes of it, and the
/// `repr` of what `loads` makes of that, as a JSON list.
const PROGRAM: &str = r"
import ast, json, sys
from slapos.util import dumps, loads
for line in sys.stdin:
    document = dumps(ast.literal_eval(json.loads(line)))
    print(json.dumps([document.decode(), repr(loads(document))]))
";

/// Makes values that are small, and of all kinds.
struct Generator(u64);

impl Generator {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's linear congruential generator; the high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn text(&mut self) -> String {
        let alphabet: Vec<char> = "ab&<>;\"' \t\n\r\u{7f}\u{85}é€\u{1f600}".chars().collect();
        (0..self.below(6))
            .map(|_| alphabet[self.below(alphabet.len() as u64) as usize])
            .collect()
    }

    fn scalar(&mut self) -> Value {
        match self.below(7) {
            0 => Value::None,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Int(i128::from(self.below(2000)) - 1000),
            3 => Value::Int(10_i128.pow(self.below(38) as u32)),
            4 => Value::Float(self.below(1_000_000) as f64 / 64.0),
            5 => Value::Float(10_f64.powi(self.below(40) as i32 - 20)),
            _ => Value::from(self.text()),
        }
    }

    fn value(&mut self, depth: u64) -> Value {
        if depth == 0 {
            return self.scalar();
        }
        let count = self.below(4);
        match self.below(5) {
            0 => Value::List((0..count).map(|_| self.value(depth - 1)).collect()),
            1 => Value::Tuple((0..count).map(|_| self.value(depth - 1)).collect()),
            2 | 3 => {
                let mut dict = buildout_core::value::Dict::new();
                // Keys of one kind, as all that travels has.
                for _ in 0..count {
                    dict.insert_str(self.text(), self.value(depth - 1));
                }
                Value::Dict(dict)
            }
            _ => self.scalar(),
        }
    }
}

#[test]
fn documents_are_those_of_python_and_are_read_alike() {
    let mut generator = Generator(1);
    let mut values: Vec<Value> = (0..600).map(|round| generator.value(round % 5)).collect();
    for text in [
        "{1}",
        "{'x'}",
        "set()",
        "{10: 1, 9: 2}",
        "{None: 1}",
        "{1: 1, 'a': 2}",
        "{1: 1, 2.5: 2, True: 3}",
        "b'bytes'",
        "-0.0",
    ] {
        values.push(literal::parse(text).expect(text));
    }
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let mut python = Command::new(slapos.program("python"))
        .args(["-W", "ignore", "-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python can be run");
    let mut input = python.stdin.take().expect("a pipe");
    let lines: String = values
        .iter()
        .map(|value| format!("{}\n", serde_json::Value::from(value.repr())))
        .collect();
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().expect("Python ends");
    writer
        .join()
        .expect("the thread ends")
        .expect("Python reads all");
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).expect("ASCII");
    assert_eq!(output.lines().count(), values.len());
    for (value, line) in values.iter().zip(output.lines()) {
        let [document, back]: [String; 2] = {
            let list: serde_json::Value = serde_json::from_str(line).expect("JSON");
            [0, 1].map(|at| list[at].as_str().expect("texts").to_owned())
        };
        let shown = value.repr();
        assert_eq!(dumps(value).expect(&shown), document, "{shown}");
        assert_eq!(loads(&document).expect(&shown).repr(), back, "{shown}");
    }
}
