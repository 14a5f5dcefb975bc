//! Asks a real Python what it makes of a text, for differential tests.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs `python3` once. `script` is Python source that defines `answer(text)`,
/// which is called with each input; returns the texts it returned.
///
/// # Panics
/// There is no `python3` on the search path, or it fails.
pub(crate) fn ask_python(script: &str, inputs: &[&str]) -> Vec<String> {
    // Texts travel in hexadecimal, so that no byte of them needs care.
    const AROUND: &str = "
import sys
for line in sys.stdin:
    text = bytes.fromhex(line).decode()
    print(answer(text).encode('utf-8').hex())
";
    let mut child = Command::new("python3")
        .args(["-c", &format!("{script}\n{AROUND}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("this test compares with a real `python3`, which must be on the PATH");
    let lines: String = inputs
        .iter()
        .map(|input| to_hexadecimal(input) + "\n")
        .collect();
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("python3 can be waited for");
    assert!(output.status.success(), "python3 failed: {}", output.status);
    writer
        .join()
        .expect("the writer does not panic")
        .expect("python3 reads all");
    let answers: Vec<String> = String::from_utf8(output.stdout)
        .expect("hexadecimal is ASCII")
        .lines()
        .map(from_hexadecimal)
        .collect();
    assert_eq!(answers.len(), inputs.len(), "one answer for each input");
    answers
}

fn to_hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(line: &str) -> String {
    let bytes = line
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hexadecimal is ASCII");
            u8::from_str_radix(pair, 16).expect("hexadecimal")
        })
        .collect();
    String::from_utf8(bytes).expect("python3 answered in UTF-8")
}
