//! Compares values with those of a real Python.

use super::{Value, decode, encode, is_printable, literal};
use crate::python::reference::ask_python;

/// Literals whose `repr` must be Python's. Sets have at most one member or
/// small integers in ascending order, whose order Python happens to keep.
const LITERALS: &[&str] = &[
    "None",
    "True",
    "False",
    "0",
    "-0",
    "+7",
    "--7",
    "- + 5",
    "00_0",
    "1_000_000",
    "0xfF",
    "0X_ff",
    "0o17",
    "0b1_01",
    "170141183460469231731687303715884105727",
    "-170141183460469231731687303715884105728",
    // Floats.
    "0.0",
    "-0.0",
    "1.",
    ".5",
    "1e5",
    "1E+5",
    "1_0.0_1e1_0",
    "1e15",
    "1e16",
    "123456789012345678.0",
    "1e22",
    "1e23",
    "1e-4",
    "1e-5",
    "0.00012345",
    "0.000012345",
    "9007199254740993.0",
    "5e-324",
    "2.2250738585072014e-308",
    "1.7976931348623157e308",
    "1e999",
    "-1e999",
    "0.1",
    "3.14159",
    "100.0",
    "1e100",
    "4.35",
    "1.0000000000000002",
    "9999999999999998.0",
    "09.5",
    "0e0",
    "012.0",
    // Strings.
    "''",
    "\"\"",
    "'a\"b'",
    "\"a'b\"",
    r#"'a\'b"c'"#,
    r"'\n\r\t\\\a\b\f\v\0\x7f\x1b'",
    r"'\101\7\08\777'",
    r"'\x41\xe9\u20ac\U0001f600'",
    r"'\q\-\ '",
    "'é€😀'",
    "'\u{200b}\u{a0}\u{ad}'",
    "'\u{301}a\u{301}'",
    "'\u{2028}\u{e000}\u{fffe}\u{10ffff}\u{378}'",
    r"r'\n\''",
    r"R'a\\'",
    "u'a'",
    "'a' 'b' \"c'\"",
    "('a'\n  'b' # c\n)",
    "'''a\n'b' '''",
    "\"\"\"x\"y\"\"\"",
    "'a\\\nb'",
    "r'''\\\n'''",
    // Bytes.
    "b''",
    r"b'a\x00\xff\'\377\400\u1234'",
    r#"b"'""#,
    r"rb'\x'",
    r"Br'\''",
    "b'a' b'b'",
    // Containers.
    "[]",
    "[1]",
    "[1,]",
    "[ 1 , 'a' , [2.0, []], ]",
    "()",
    "(1)",
    "(1,)",
    "((1,), (2, 3))",
    "{}",
    "{1}",
    "{1, 1.0, True}",
    "{1, 2, 3}",
    "set()",
    "{(1, 2)}",
    "{frozenset([1])}",
    "{'a': 1, 2: {'b': [1, (2,)]}}",
    "{1: 'a', True: 'b', 1.0: 'c'}",
    "{None: 0, (): 1, 'x': 2,}",
    "frozenset()",
    "frozenset([])",
    "frozenset({1})",
    "frozenset((1, 2))",
    "set([1, 2])",
    "  [1,\n\t2] ",
    "{'a': 1\n}",
    "[\\\n1]",
    "[1, # one\n 2]",
    "1 # one",
];

#[test]
fn representation_is_that_of_python() {
    let expected = ask_python("def answer(text): return repr(eval(text))", LITERALS);
    for (text, expected) in LITERALS.iter().zip(expected) {
        let value = literal::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(value.repr(), expected, "{text}");
    }
}

#[test]
fn what_python_rejects_we_reject() {
    let texts = [
        "",
        "[",
        "]",
        "[1 2]",
        "{1: 2, 3}",
        "{1, 2: 3}",
        "(,)",
        "[,]",
        "1_",
        "1__0",
        "_1",
        "012",
        "0x",
        "0b2",
        "1e",
        "1.e",
        ".",
        "'a",
        "'a\nb'",
        r"'\x4'",
        r"'\u12'",
        r"'\U00110000'",
        "b'é'",
        "'a' b'b'",
        "ur'a'",
        "bu'a'",
        "{[]: 1}",
        "{{}}",
        "{set()}",
        "1 2",
        "'a'\n'b'",
        "1\n+2",
        "-",
        "True False",
        "r'\\'",
        "1if",
    ];
    let script = "
import warnings
warnings.simplefilter('ignore')
def answer(text):
    try: return repr(eval(text))
    except Exception: return 'error'
";
    for (text, expected) in texts.iter().zip(ask_python(script, &texts)) {
        assert_eq!(expected, "error", "{text:?}");
        assert!(literal::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn random_floats_are_written_like_python() {
    // A fixed linear congruential sequence of bit patterns.
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let mut numbers: Vec<f64> = Vec::new();
    while numbers.len() < 2000 {
        bits = bits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        numbers.push(f64::from_bits(bits));
        let small = u32::try_from(bits >> 40).unwrap_or_default();
        numbers.push(f64::from(small) / 1000.0);
    }
    numbers.retain(|number| number.is_finite());
    let inputs: Vec<String> = numbers
        .iter()
        .map(|number| number.to_bits().to_string())
        .collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let script = "
import struct
def answer(text): return repr(struct.unpack('<d', struct.pack('<Q', int(text)))[0])
";
    for (number, expected) in numbers.iter().zip(ask_python(script, &inputs)) {
        assert_eq!(Value::Float(*number).repr(), expected);
    }
}

#[test]
fn printable_characters_are_those_of_python() {
    // Python's Unicode tables are of another age than ours, so only the
    // characters it knows are compared.
    let script = "
import unicodedata
def answer(text):
    return ''.join('u' if unicodedata.category(c) == 'Cn' and not 0xfdd0 <= ord(c) <= 0xfdef
                   else 'p' if c.isprintable() else 'n' for c in text)
";
    let characters: Vec<char> = ('\0'..=char::MAX).collect();
    let text: String = characters.iter().collect();
    let answer = ask_python(script, &[&text]).remove(0);
    for (&character, expected) in characters.iter().zip(answer.chars()) {
        if expected != 'u' {
            let code = u32::from(character);
            assert_eq!(is_printable(character), expected == 'p', "U+{code:04X}");
        }
    }
}

#[test]
fn encoded_dicts_are_sorted_like_pprint() {
    let literals = [
        "{'b': 1, 'a': {'d': 1, 'c': [{'f': 1, 'e': 2}]}}",
        "{2: 0, 1.5: 0, True: 0, -1: 0}",
        "{'x': 0, None: 0, b'y': 0, 3: 0, (2, 'a'): 0, (1, 'b'): 0}",
        "{'B': 0, 'a': 0, 'é': 0, '': 0}",
        "[{'$': ';'}, b'$;']",
    ];
    let script = r"
import pprint
def answer(text):
    text, readable, _ = pprint.PrettyPrinter().format(eval(text), {}, 0, 0)
    assert readable
    return '!py!' + text.replace('$', '\\x24').replace(';', '\\x3b')
";
    for (text, expected) in literals.iter().zip(ask_python(script, &literals)) {
        let value = literal::parse(text).expect(text);
        assert_eq!(encode(&value).as_ref(), Ok(&expected));
        assert_eq!(decode(&expected), Ok(Some(value)));
    }
}
