//! Small functions which promise to do what Python does, against Python itself.

mod support;

use buildout_core::exec::{
    outcome::Outcome,
    shell_quote::{quote, shlex_split},
};
use support::peers::{self, PYTHON, from_hexadecimal, to_hexadecimal};

#[test]
fn shell_words_are_those_of_shlex() {
    const PROGRAM: &str = r#"
import shlex, sys
for line in sys.stdin:
    text = bytes.fromhex(line.strip()).decode()
    try:
        words = [word.encode().hex() for word in shlex.split(text)]
        print('ok', ','.join(words) + '.' * len(words), shlex.quote(text).encode().hex())
    except ValueError as error:
        print('error', str(error).encode().hex(), shlex.quote(text).encode().hex())
"#;
    const PIECES: [&str; 22] = [
        " ",
        "\t",
        "\n",
        "\r",
        "\x0b",
        "\u{a0}",
        "'",
        "'",
        "\"",
        "\"",
        "\\",
        "\\",
        "a",
        "B-1",
        "#",
        "$x",
        "`",
        "|&;()<>",
        "ä",
        "\u{0}",
        "''",
        "%+=:,./@_",
    ];
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % limit
    };
    let texts: Vec<String> = (0..20_000)
        .map(|_| (0..below(8)).map(|_| PIECES[below(PIECES.len())]).collect())
        .collect();
    let input: String = texts
        .iter()
        .map(|text| to_hexadecimal(text) + "\n")
        .collect();
    let report = peers::python(PYTHON, PROGRAM, &[], &input);
    assert_eq!(report.lines().count(), texts.len());
    let mut errors = 0;
    for (text, line) in texts.iter().zip(report.lines()) {
        let (result, quoted) = line.rsplit_once(' ').expect("three words");
        assert_eq!(quote(text), from_hexadecimal(quoted), "{text:?}");
        assert_eq!(shlex_split(&quote(text)), Ok(vec![text.clone()]));
        let ours = match shlex_split(text) {
            Ok(words) => {
                let all: Vec<_> = words.iter().map(|word| to_hexadecimal(word)).collect();
                format!("ok {}{}", all.join(","), ".".repeat(words.len()))
            }
            Err(error) => {
                errors += 1;
                format!("error {}", to_hexadecimal(&error.to_string()))
            }
        };
        assert_eq!(ours, result, "{text:?}");
    }
    assert!((1000..19_000).contains(&errors), "both kinds are there");
}

#[test]
fn failures_are_told_as_by_called_process_error() {
    const PROGRAM: &str = "
import subprocess
for code in list(range(1, 256)) + [-signal for signal in range(1, 65)]:
    print(subprocess.CalledProcessError(code, 'c'))
";
    let report = peers::python(PYTHON, PROGRAM, &[], "");
    let outcomes = (1..256)
        .map(Outcome::Exited)
        .chain((1..65).map(Outcome::Signalled));
    let ours: Vec<_> = outcomes
        .map(|outcome| format!("Command 'c' {}", outcome.python_text()))
        .collect();
    assert_eq!(report.lines().collect::<Vec<_>>(), ours);
}
