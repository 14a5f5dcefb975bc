//! Conditions in a made-up world.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;

use super::*;
use crate::python::{PythonError, PythonIdentity};

/// A world of a few files, which counts how often Python is asked for.
pub(super) struct World {
    pub(super) python: PythonIdentity,
    pub(super) uname: Uname,
    pub(super) libc: Option<(String, String)>,
    pub(super) files: HashMap<String, String>,
    pub(super) python_asked: Cell<usize>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            python: PythonIdentity::default(),
            uname: Uname {
                system: "Linux".to_owned(),
                node: "host".to_owned(),
                release: "6.1.0-13-amd64".to_owned(),
                version: "#1 SMP".to_owned(),
                machine: "x86_64".to_owned(),
            },
            libc: None,
            files: HashMap::new(),
            python_asked: Cell::new(0),
        }
    }
}

impl ConditionEnvironment for World {
    fn python(&self) -> Result<&PythonIdentity, PythonError> {
        self.python_asked.set(self.python_asked.get() + 1);
        Ok(&self.python)
    }

    fn uname(&self) -> &Uname {
        &self.uname
    }

    fn libc_version(&self) -> Option<(String, String)> {
        self.libc.clone()
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".to_owned())
    }

    fn path_kind(&self, path: &str) -> Option<PathKind> {
        if path == "/" {
            return Some(PathKind::Directory);
        }
        self.files.contains_key(path).then_some(PathKind::File)
    }

    fn can_access(&self, path: &str, access: Access) -> bool {
        self.files.contains_key(path) && !access.execute
    }

    fn read_file(&self, path: &str) -> io::Result<String> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn truth(expression: &str, world: &World) -> Result<bool, String> {
    let names = ConditionNames { multiarch: true };
    evaluate(expression, names, world).map_err(|error| format!("{}: {error}", error.offset))
}

#[test]
fn conditions_of_real_profiles_are_understood() {
    let mut world = World::default();
    world.files.insert(
        "/etc/os-release".to_owned(),
        "NAME=\"Debian \\$ x\"\nID=debian\n# ID=other\nVERSION_ID=\"11\"\n".to_owned(),
    );
    world
        .files
        .insert("/model".to_owned(), "A OLinuXino board\0".to_owned());
    for (expression, expected) in [
        ("", true),
        ("python2", false),
        ("python3", true),
        ("python27", false),
        ("python313", true),
        ("pypy or sys.version_info >= (3,13)", true),
        ("sys.version_info < (3,8)", false),
        ("bits32", false),
        ("posix", true),
        ("linux and platform.machine() == \"x86_64\"", true),
        ("not (linux and platform.machine() == \"x86_64\")", false),
        ("not linux or platform.machine() != 'riscv64'", true),
        (
            "sys.version_info < (3, 10) or (platform.freedesktop_os_release()['ID'] == 'debian' \
             and int(platform.freedesktop_os_release()['VERSION_ID']) < 12)",
            true,
        ),
        (
            "platform.freedesktop_os_release()['NAME'] == 'Debian $ x'",
            true,
        ),
        (
            "platform.freedesktop_os_release().get('PRETTY_NAME') == 'Linux'",
            true,
        ),
        (
            "[int(q) for q in platform.release().split(\".\")[:2]]<[4,14]",
            false,
        ),
        (
            "[int(q) for q in platform.release().split(\".\")[:2]]<[6,2]",
            true,
        ),
        (
            "os.path.isdir('/nowhere') and os.access('/model', os.R_OK) and \
             'OLinuXino' in open('/model').read()",
            false,
        ),
        (
            "os.path.isdir('/') and os.access('/model', os.R_OK) and \
             'OLinuXino' in open('/model').read()",
            true,
        ),
        ("multiarch == 'x86_64-linux-gnu'", true),
        (
            "python_version >= \"3.8\" and platform_system == \"Linux\"",
            true,
        ),
        (
            "'HOME' in os.environ and os.environ['HOME'] == os.getenv('HOME')",
            true,
        ),
        // The quirks of the brackets and of the escapes.
        ("True, False", true),
        ("False, True", false),
        ("\"]\"", true),
        ("[]", false),
        ("\"\"", false),
        ("False] or [True", false),
        ("[]] and [1] or [[0]", true),
        ("x for x in (0, 1)", false),
        ("sys", true),
        ("platform.machine", true),
        (r#""a\x3bb" == "a"+chr(59)+"b""#, true),
        (r#""\x23" == chr(35)"#, true),
    ] {
        assert_eq!(truth(expression, &world), Ok(expected), "{expression}");
    }
}

#[test]
fn python_is_asked_only_for_its_own_facts() {
    let world = World::default();
    for (expression, asks) in [
        ("linux and platform.machine() == \"x86_64\"", false),
        (
            "sys.platform == 'linux' and os.name == 'posix' and little_endian",
            false,
        ),
        (
            "platform_machine == 'x86_64' and sys_platform == 'linux'",
            false,
        ),
        ("linux or python3", false),
        ("multiarch and platform.release()", false),
        ("python3", true),
        ("bits64", true),
        ("python_version > '3'", true),
    ] {
        world.python_asked.set(0);
        truth(expression, &world).expect(expression);
        assert_eq!(world.python_asked.get() > 0, asks, "{expression}");
    }
}

#[test]
fn failures_say_what_and_where() {
    let deep = "(".repeat(200);
    let deep_marker = "(".repeat(200) + "os_name == 'x'" + &")".repeat(200);
    let unary = "not ".repeat(200) + "1";
    let world = World::default();
    for (expression, message) in [
        ("main", "0: NameError: name 'main' is not defined"),
        (
            "linux and supervisor",
            "10: NameError: name 'supervisor' is not defined",
        ),
        (
            r"'\x23\x3b' and x",
            "15: NameError: name 'x' is not defined",
        ),
        ("1 and", "5: SyntaxError: unexpected `]`"),
        ("a b", "2: SyntaxError: unexpected `b`"),
        ("'a", "0: SyntaxError: unterminated string"),
        (
            r"1 \x23 2",
            "2: SyntaxError: unexpected end of the condition",
        ),
        ("a = 1", "2: SyntaxError: unexpected `=`"),
        ("é$", "2: SyntaxError: unexpected character '$'"),
        ("'a' == 'a'", "0: UndefinedEnvironmentName: 'a'"),
        (
            "platform_version ~= '1'",
            "0: UndefinedComparison: Undefined <Op('~=')> on '#1 SMP' and '1'.",
        ),
        (
            "1 < 'a'",
            "0: TypeError: '<' not supported between instances of 'int' and 'str'",
        ),
        (
            "linux + 'a'",
            "0: TypeError: unsupported operand type(s) for +: 'bool' and 'str'",
        ),
        ("[1][2]", "3: IndexError: list index out of range"),
        ("{'a': 1}['b']", "8: KeyError: 'b'"),
        ("os.environ['NO']", "10: KeyError: 'NO'"),
        (" ", "0: IndexError: list index out of range"),
        ("1 / 0", "0: ZeroDivisionError: division by zero"),
        (
            "int('x')",
            "3: ValueError: invalid literal for int() with base 10: 'x'",
        ),
        (
            "re.match('a', 'b')",
            "2: not supported in a condition: `re.match`",
        ),
        ("lambda: 1", "0: not supported in a condition: `lambda`"),
        (
            "sorted([1], key=len)",
            "15: not supported in a condition: a keyword argument",
        ),
        (
            "f'{1}'",
            "0: not supported in a condition: formatted strings",
        ),
        (
            "isinstance(1, int)",
            "0: not supported in a condition: the builtin `isinstance`",
        ),
        ("sys.path", "3: not supported in a condition: `sys.path`"),
        (
            "'a'.encode()",
            "3: not supported in a condition: the attribute `encode` of a str",
        ),
        (
            "open('/nothing').read()",
            "4: OSError: failed to read `/nothing`",
        ),
        (
            "platform.libc_ver()",
            "17: not supported in a condition: `platform.libc_ver()` here",
        ),
        (&deep, "51: the condition nests deeper than 50 levels"),
        (
            &deep_marker,
            "51: the condition nests deeper than 50 levels",
        ),
        (&unary, "196: the condition nests deeper than 50 levels"),
        ("'a' * 10 ** 9", "0: the condition needs too much memory"),
        (
            "[1 for a in range(10000) for b in range(10000)]",
            "1: the condition needs too much time",
        ),
        (
            "[1 for a in range(1000000) if a in range(1000000)]",
            "35: the condition needs too much time",
        ),
    ] {
        assert_eq!(
            truth(expression, &world),
            Err(message.to_owned()),
            "{expression}"
        );
    }
    let names = ConditionNames::default();
    let error = evaluate("multiarch", names, &world).unwrap_err();
    assert_eq!(
        error.to_string(),
        "NameError: name 'multiarch' is not defined"
    );
}

#[test]
fn platform_facts_can_be_given() {
    let world = World {
        libc: Some(("glibc".to_owned(), "2.36".to_owned())),
        uname: Uname {
            machine: "armv7l".to_owned(),
            ..World::default().uname
        },
        ..World::default()
    };
    for expression in [
        "[int(q) for q in platform.libc_ver()[1].split('.')] < [4, 14]",
        "platform.libc_ver() == ('glibc', '2.36')",
        "multiarch == 'arm-linux-gnueabihf'",
        "platform.uname().machine == os.uname()[4] == 'armv7l'",
    ] {
        assert_eq!(truth(expression, &world), Ok(true), "{expression}");
    }
}

#[test]
fn mangled_conditions_do_no_harm() {
    let world = World::default();
    for expression in super::differential::EXPRESSIONS {
        for (offset, character) in expression.char_indices() {
            let (before, after) = expression.split_at(offset);
            for mangled in [
                before.to_owned(),
                after.to_owned(),
                format!("{before}{}", &after[character.len_utf8()..]),
                format!("{before}{character}{after}"),
                format!("{before}é{after}"),
            ] {
                if let Err(error) = evaluate(&mangled, ConditionNames::default(), &world) {
                    assert!(error.offset <= mangled.len(), "{mangled}");
                }
                let _ = crate::value::literal::parse(&mangled);
            }
        }
    }
}

#[test]
fn long_chains_do_not_nest() {
    let world = World::default();
    let or = vec!["0"; 20_000].join(" or ");
    let sum = vec!["1"; 20_000].join("+");
    let trailers = format!("'a'{}", ".lower()".repeat(20_000));
    let markers = vec!["os_name == 'nt'"; 20_000].join(" or ");
    assert_eq!(truth(&or, &world), Ok(false));
    assert_eq!(truth(&sum, &world), Ok(true));
    assert_eq!(truth(&trailers, &world), Ok(true));
    assert_eq!(truth(&markers, &world), Ok(false));
}
