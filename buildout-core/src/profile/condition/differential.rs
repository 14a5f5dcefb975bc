//! Compares conditions with what zc.buildout would make of them in a real
//! Python.

use super::tests::World;
use super::{ConditionNames, Uname, evaluate};
use crate::python::reference::ask_python;
use crate::python::{PythonIdentitySource as _, PythonProbe};

/// Evaluates a condition the way zc.buildout 6 does: as a marker, else as
/// Python with these names.
const REFERENCE: &str = r"
import os, platform, re, struct, sys, warnings
warnings.simplefilter('ignore')
try:
    from packaging import markers
except ImportError:
    from pip._vendor.packaging import markers
major, minor = platform.python_version_tuple()[:2]
names = dict(sys=sys, os=os, platform=platform, re=re)
for n in list(range(24, 28)) + list(range(30, 40)) + list(range(310, 320)):
    names['python%d' % n] = major + minor == str(n)
system, build = sys.platform.lower(), sys.version.lower()
names.update(
    python2=major == '2', python3=major == '3', pypy='pypy' in build, jython='java' in build,
    ironpython='iron' in build, linux='linux' in system, windows='win32' in system,
    cygwin='cygwin' in system, solaris='sunos' in system, macosx='darwin' in system,
    posix='posix' in os.name.lower(), bits32=struct.calcsize('P') == 4,
    bits64=struct.calcsize('P') == 8, little_endian=sys.byteorder == 'little',
    big_endian=sys.byteorder == 'big')
names['cpython'] = not (names['pypy'] or names['jython'] or names['ironpython'])
def answer(text):
    text = text.replace(r'\x23', '#').replace(r'\x3b', ';')
    try:
        try:
            marker = markers.Marker(text)
        except markers.InvalidMarker:
            marker = None
        if marker:
            try:
                return str(marker.evaluate())
            except KeyError:
                # What some versions of packaging raise instead.
                return 'UndefinedEnvironmentName'
        else:
            return str(bool(eval('[' + text + ']', dict(names))[0]))
    except Exception as error:
        return type(error).__name__
";

/// Asks Python for what the test's world must agree with.
fn real_world() -> World {
    let search_path = std::env::var_os("PATH").expect("PATH is set");
    let probe = PythonProbe::of_search_path(search_path);
    let python = probe
        .identity()
        .expect("this test compares with a real `python3`, which must be on the PATH")
        .clone();
    let facts = ask_python(
        "import os\ndef answer(text): return getattr(os.uname(), text)",
        &["sysname", "nodename", "release", "version", "machine"],
    );
    let [system, node, release, version, machine] = facts.try_into().expect("five facts");
    World {
        python,
        uname: Uname {
            system,
            node,
            release,
            version,
            machine,
        },
        ..World::default()
    }
}

/// Expressions whose truth, or class of exception, must be Python's.
pub(super) const EXPRESSIONS: &[&str] = &[
    // Names.
    "python2",
    "python3",
    "python27",
    "python310",
    "python311",
    "python312",
    "python313",
    "cpython",
    "pypy",
    "jython",
    "ironpython",
    "linux",
    "windows",
    "cygwin",
    "solaris",
    "macosx",
    "posix",
    "bits32",
    "bits64",
    "little_endian",
    "big_endian",
    "nothing",
    "multiarch",
    "python320",
    "re",
    // Modules.
    "sys.version_info",
    "sys.version_info < (3, 8)",
    "sys.version_info >= (3, 8)",
    "sys.version_info[0] == 3",
    "sys.version_info[:2] > (3, 7)",
    "sys.version_info.major == 3",
    "sys.version_info.minor > 5 and sys.version_info.releaselevel == 'final'",
    "sys.version_info < 3",
    "len(sys.version_info) == 5",
    "sys.platform == 'linux'",
    "sys.platform.startswith('lin')",
    "sys.byteorder == 'little'",
    "sys.maxsize > 2**32",
    "sys.version.startswith('3.')",
    "sys.hexversion >= 0x03080000",
    "sys.implementation.name == 'cpython'",
    "os.name == 'posix'",
    "os.uname()[0] == 'Linux'",
    "os.uname().sysname == platform.system()",
    "os.uname().machine == 'x'",
    "platform.machine() in ('x86_64', 'aarch64')",
    "platform.python_implementation() == 'CPython'",
    "platform.python_version().split('.')[0] == '3'",
    "platform.python_version_tuple() > ('3',)",
    "platform.python_version_tuple()[0] == '3'",
    "platform.architecture()[0] == '64bit'",
    "platform.release() == os.uname()[2]",
    "platform.uname().system == platform.system()",
    "[int(q) for q in platform.release().split('.')[:2]] < [4, 14]",
    "[int(q) for q in platform.release().split('.')[:2]] > [1, 0]",
    "os.path.exists('/')",
    "os.path.isdir('/')",
    "os.path.join('a', 'b', '/c', 'd') == '/c/d'",
    "os.path.basename('/a/b') == 'b' and os.path.dirname('/a/b') == '/a'",
    "os.path.dirname('//b') == '//' and os.path.dirname('/b') == '/' and not os.path.dirname('b')",
    "os.path.dirname('a//b') == 'a'",
    "os.path.join('', 'a') == 'a'",
    // Values and operators.
    "True, False",
    "False, True",
    "\"]\"",
    "[]",
    "\"\"",
    "()",
    "(0,)",
    "{}",
    "{0}",
    "None",
    "0.0",
    "False] or [True",
    "[]] and [1] or [[0]",
    " ",
    "1,",
    ",",
    "1 < 2 < 3",
    "1 < 3 < 2",
    "3 > 2 == 2",
    "1 == 1.0 == True",
    "not 0",
    "not not 0",
    "- -1",
    "~0 == -1",
    "+True == 1",
    "1 or nothing",
    "0 and nothing",
    "0 or nothing",
    "1 if 0 else 0",
    "0 if 0 else 1 if 1 else 0",
    "1 < 'a'",
    "'a' < 'b'",
    "'a' in 'abc'",
    "1 in 'abc'",
    "'d' not in 'abc'",
    "1 in [1, 2]",
    "(1, 2) in [(1, 2)]",
    "1 in {1: 2}",
    "1 in 1",
    "None is None",
    "linux is not None",
    "7 // -2 == -4",
    "-7 // 2 == -4",
    "7 % -3 == -2",
    "-7 % 3 == 2",
    "-7 % -3 == -1",
    "6 / 4 == 1.5",
    "1 / 0",
    "1 % 0",
    "2 ** 10 == 1024",
    "-2 ** 2 == -4",
    "2 ** 3 ** 2 == 512",
    "5 & 3 == 3",
    "(5 & 3) == 1",
    "5 | 2 ^ 3",
    "1 << 4 == 16",
    "'a' * 3 == 'aaa'",
    "2 * [0] == [0, 0]",
    "'a' + 1",
    "1 + 'a'",
    "[1] + [2] == [1, 2]",
    "[] - []",
    "1.5 + 1 == 2.5",
    "'a' 'b' == 'ab'",
    "r'\\n' == '\\\\n'",
    "b'a' == 'a'",
    "'\\u00e9' == 'é'",
    r#""a\x3bb" == "a"+chr(59)+"b""#,
    r"'\x23' == chr(35)",
    r"1 \x23 comment",
    "1 if 1",
    "1 +",
    "(1",
    "1)",
    "1]",
    "a b",
    "1 2",
    "'a",
    "not",
    "1 not 2",
    "1 is",
    "x = 1",
    "[1 for]",
    "é",
    "$",
    // Indexes and slices.
    "[1, 2][-1] == 2",
    "[1][1]",
    "[1]['a']",
    "'abc'[1] == 'b'",
    "'éa'[1] == 'a'",
    "'abc'[9]",
    "'abcdef'[1:4] == 'bcd'",
    "'abcdef'[::-1] == 'fedcba'",
    "'abcdef'[-2:] == 'ef'",
    "(1, 2)[:1] == (1,)",
    "'abcdef'[4:1:-2] == 'ec'",
    "'abc'[:9] == 'abc'",
    "'abc'[-9:1] == 'a'",
    "'abc'[::0]",
    "'abc'['a':]",
    "{'a': 1}['a']",
    "{'a': 1}['b']",
    "{'a': 1}[[]]",
    "1[0]",
    "'abcde'[3:0:-1] == 'dcb'",
    "[0, 1, 2, 3][10:0:-2] == [3, 1]",
    "[0, 1][-5::-1] == []",
    // Methods.
    "'aBc'.lower() + 'aBc'.upper() == 'abcABC'",
    "' a '.strip() == 'a'",
    "'xax'.strip('x') == 'a'",
    "'xxa'.lstrip('x') == 'a' and 'axx'.rstrip('x') == 'a'",
    "'a.b.c'.split('.') == ['a', 'b', 'c']",
    "'a.b.c'.split('.', 1) == ['a', 'b.c']",
    "'a.b.c'.rsplit('.', 1) == ['a.b', 'c']",
    "' a  b '.split() == ['a', 'b']",
    "' a  b  c '.split(None, 1) == ['a', 'b  c ']",
    "' a  b  c '.rsplit(None, 1) == [' a  b', 'c']",
    "' a '.split(None, 0) == ['a ']",
    "''.split(',') == ['']",
    "' a '.rsplit(None, 0) == [' a']",
    "'  '.split() == []",
    "'a,'.split(',') == ['a', '']",
    "'a'.split('')",
    "'abc'.replace('b', 'xx') == 'axxc'",
    "'abc'.startswith(('x', 'a'))",
    "'abc'.endswith('c')",
    "','.join(['a', 'b']) == 'a,b'",
    "','.join([1])",
    "'éab'.find('b') == 2",
    "'a'.index('b')",
    "'a.b.c'.partition('.') == ('a', '.', 'b.c')",
    "'a.b.c'.rpartition('.') == ('a.b', '.', 'c')",
    "'a'.rpartition('.') == ('', '', 'a')",
    "'12'.isdigit() and not ''.isdigit()",
    "'a'.count('a')",
    "{'a': 1}.get('b', 2) == 2",
    "[1, 1].count(1) == 2",
    "(1).lower()",
    "'a'()",
    "None.x",
    // Builtins and comprehensions.
    "int('12') == 12",
    "int(' -1_0 ') == -10",
    "int('x')",
    "int(1.9) == 1",
    "int('ff', 16) == 255",
    "int('0x1f', 16) == 31",
    "int([])",
    "int('')",
    "str(1) + str(1.0) + str(None) == '11.0None'",
    "len('éa') == 2",
    "len(1)",
    "bool([])",
    "chr(97) == 'a' and ord('a') == 97",
    "ord('ab')",
    "chr(-1)",
    "min(3, 1, 2) == 1",
    "max([1, 3, 2]) == 3",
    "max([])",
    "max('a', 1)",
    "any([0, 1])",
    "all([])",
    "sorted([3, 1, 2]) == [1, 2, 3]",
    "sorted(['b', 'a']) == ['a', 'b']",
    "sorted([1, 'a'])",
    "sorted([(2, 1), (1, 2)]) == [(1, 2), (2, 1)]",
    "tuple('ab') == ('a', 'b')",
    "list((1, 2)) == [1, 2]",
    "sum([1, 2]) == 3",
    "abs(-2) == 2",
    "float('1.5') == 1.5",
    "float('x')",
    "set([1, 1]) == {1}",
    "{[]}",
    "repr('a') == \"'a'\"",
    "list(range(3)) == [0, 1, 2]",
    "list(range(5, 0, -2)) == [5, 3, 1]",
    "[x for x in range(5) if x % 2 if x > 1] == [3]",
    "[x + y for x in 'ab' for y in 'cd'][3] == 'bd'",
    "[a for a, b in [(1, 2), (3, 4)]] == [1, 3]",
    "[a for a, b in [1]]",
    "[a for a, b in [(1,)]]",
    "any(p in platform.system() for p in ('Lin', 'Dar'))",
    "{x % 2 for x in range(4)} == {0, 1}",
    "[x for x in 1]",
    "x for x in (0, 1)",
    "[x for x in [1]] and x",
    "tuple(int(x) for x in '123')[1] == 2",
    // Markers.
    "python_version >= '3.8'",
    "python_version < '3'",
    "python_version == '3.*'",
    "python_version ~= '3.0'",
    "python_version != '2.7' and platform_system == 'Linux'",
    "'3.8' <= python_version",
    "os_name == 'posix'",
    "python_version in '3.9 3.10 3.11 3.12 3.13'",
    "python_version not in '2.7'",
    "\"a\" == \"a\"",
    "os_name == sys_platform",
    "(os_name == 'nt') or (sys_platform == 'linux' and os.name == 'posix')",
    "os_name == 'nt' or 'a' == 'a'",
    "python_full_version > '3.0.0'",
    "implementation_name == 'cpython'",
    "platform_python_implementation == 'CPython'",
    "python_implementation == 'CPython'",
    "python_version >= '3.8+local'",
    "python_version > 'foo'",
    "python_version == ' 3.8 '",
    "platform.machine == 'x86_64'",
    "platform_version ~= '1'",
    "python_version ~= '3'",
    "os_name == 'posix' and linux",
    "python_version",
    "os_name == 'posix' or",
    "os_name = 'posix'",
    "not os_name == 'posix'",
    "python_versions >= '3'",
    "os_name not in  'posix nt'",
    "os_name in'posix'",
    "python_version>='3'and os_name=='posix'",
    "((os_name == 'posix'))",
    "((os_name == 'posix')",
    "os_name == 'posix' and os_name == 'nt' or os_name == 'posix'",
    "os_name == 'pos' 'ix'",
];

#[test]
fn conditions_are_what_they_are_in_python() {
    let world = real_world();
    let expected = ask_python(REFERENCE, EXPRESSIONS);
    let mut differences = Vec::new();
    for (expression, expected) in EXPRESSIONS.iter().zip(expected) {
        let result = match evaluate(expression, ConditionNames::default(), &world) {
            Ok(true) => "True".to_owned(),
            Ok(false) => "False".to_owned(),
            Err(error) => {
                let text = error.to_string();
                text.split(':').next().unwrap_or_default().to_owned()
            }
        };
        if result != expected {
            differences.push(format!("{expression}: Python {expected}, we {result}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
