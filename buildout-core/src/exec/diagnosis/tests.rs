//! What real programs print: GCC 12, GNU ld, make, patch, dash, bash and
//! others. The text in the middle is the line that must be found.

use super::DiagnosisKind::{self, *};
use super::*;

fn diagnosed(output: &str) -> Option<Diagnosis> {
    let mut diagnoser = Diagnoser::new();
    for line in output.lines() {
        diagnoser.line(line.as_bytes());
    }
    diagnoser.finish()
}

/// A kind, the number of the line that is to be found, and an output.
const FOUND: &[(DiagnosisKind, u64, &str)] = &[
    (
        Compiler,
        2,
        "bad.c: In function 'main':
bad.c:1:25: error: 'y' undeclared (first use in this function)
    1 | int main(void){ int x = y; return 0 }
      |                         ^
bad.c:1:36: error: expected ';' before '}' token
make[1]: *** [Makefile:2: all] Error 1
make[1]: Leaving directory '/src/sub'
make: *** [Makefile:2: all] Error 2",
    ),
    (
        Compiler,
        1,
        "inc.c:1:10: fatal error: nope.h: No such file or directory
    1 | #include <nope.h>
      |          ^~~~~~~~
compilation terminated.",
    ),
    (Compiler, 1, "cc1: fatal error: nofile.c: No such file or directory\ncompilation terminated."),
    (
        Compiler,
        1,
        "x86_64-linux-gnu-gcc-12: error: unrecognized command-line option '-nope'",
    ),
    (Compiler, 2, "a.s: Assembler messages:\na.s:1: Error: no such instruction: `bogus %eax'"),
    (
        Compiler,
        2,
        "w.c: In function 'f':
w.c:1:17: error: unused variable 'x' [-Werror=unused-variable]
cc1: all warnings being treated as errors",
    ),
    (
        Compiler,
        1,
        "\u{1b}[01m\u{1b}[Kbad.c:1:25:\u{1b}[m\u{1b}[K \u{1b}[01;31m\u{1b}[Kerror: \u{1b}[m\u{1b}[K'y' undeclared",
    ),
    (
        Compiler,
        1,
        "<command-line>: error: expected identifier or '(' before numeric constant
hello.c:22:5: note: in expansion of macro 'main'",
    ),
    (
        Compiler,
        2,
        "[1/2] Building C object hello.o
hello.c:3:2: error: 'z' undeclared
FAILED: hello.o
ninja: build stopped: subcommand failed.",
    ),
    (Compiler, 1, "error[E0425]: cannot find value `x` in this scope\n --> a.rs:1:5"),
    (Compiler, 1, "Foo.java:3: error: cannot find symbol"),
    (
        Linker,
        2,
        "/usr/bin/ld: /tmp/cccJ1aYj.o: in function `main':
und.c:(.text+0x5): undefined reference to `foo'
collect2: error: ld returned 1 exit status
make: *** [Makefile:2: all] Error 1",
    ),
    (
        Linker,
        1,
        "/usr/bin/ld: cannot find -lnope: No such file or directory
collect2: error: ld returned 1 exit status",
    ),
    (
        Linker,
        2,
        "/usr/bin/ld: /tmp/cc8cFPDW.o: in function `main':
ok2.c:(.text+0x0): multiple definition of `main'; /tmp/ccRFMTKS.o:ok.c:(.text+0x0): first defined here
collect2: error: ld returned 1 exit status",
    ),
    (Linker, 1, "ld.lld: error: undefined symbol: foo\n>>> referenced by und.c"),
    (Linker, 1, "collect2: error: ld returned 1 exit status\nmake: *** [x] Error 1"),
    (
        Configure,
        3,
        "checking whether the C compiler works... no
configure: error: in `/src/zlib-1.3':
configure: error: C compiler cannot create executables
See `config.log' for more details",
    ),
    (
        Configure,
        2,
        "checking for PCRE2 library ... not found
./configure: error: the HTTP rewrite module requires the PCRE library.",
    ),
    (Configure, 1, "CMake Error at CMakeLists.txt:3 (find_package):"),
    (Configure, 1, "meson.build:4:0: ERROR: Dependency \"glib-2.0\" not found, tried pkgconfig"),
    (
        Make,
        1,
        "make: *** No rule to make target 'nothere.o', needed by 'all'.  Stop.",
    ),
    (Make, 1, "make: *** No targets specified and no makefile found.  Stop."),
    (Make, 1, "m5:2: *** missing separator.  Stop."),
    (Make, 2, "false\nmake: *** [Makefile:2: all] Error 1"),
    (
        Make,
        1,
        "make: *** [Makefile:2: a] Error 1\nmake: *** Waiting for unfinished jobs....",
    ),
    (Make, 1, "ninja: error: loading 'build.ninja': No such file or directory"),
    (
        Patch,
        2,
        "patching file f.txt
Hunk #1 FAILED at 1.
1 out of 1 hunk FAILED -- saving rejects to file f.txt.rej",
    ),
    (
        Patch,
        1,
        "can't find file to patch at input line 3
Perhaps you used the wrong -p or --strip option?",
    ),
    (Patch, 1, "patch: **** Only garbage was found in the patch input."),
    (Patch, 2, "patching file f.txt\npatch: **** malformed patch at line 5:"),
    (
        Patch,
        2,
        "patching file f2.txt
Reversed (or previously applied) patch detected!  Skipping patch.
1 out of 1 hunk ignored -- saving rejects to file f2.txt.rej",
    ),
    (
        Checksum,
        2,
        "f.txt: FAILED\nsha256sum: WARNING: 1 computed checksum did NOT match",
    ),
    // A full disk comes first, wherever it is told.
    (
        DiskFull,
        3,
        "a.c:1:1: error: 'x' undeclared
make: write error: stdout
/tmp/cc0HkxkN.s: Fatal error: can't write 11 bytes to section .text of a.o: 'No space left on device'
make: *** [Makefile:2: all] Error 1",
    ),
    (DiskFull, 1, "/usr/bin/ld: final link failed: No space left on device\ncollect2: error: ld returned 1 exit status"),
    (DiskFull, 1, "cp: error writing 'x': No space left on device"),
    (DiskFull, 1, "OSError: [Errno 28] No space left on device"),
    (
        Killed,
        2,
        "g++ -c big.cc
g++: fatal error: Killed signal terminated program cc1plus
compilation terminated.
make: *** [Makefile:2: big.o] Error 1",
    ),
    (Killed, 1, "Killed\nmake: *** [km:2: all] Error 137"),
    (Killed, 1, "bash: line 1: 28035 Killed                  ./generate"),
    (Killed, 1, "Segmentation fault\nmake: *** [km:4: seg] Error 139"),
    (OutOfMemory, 1, "cc1plus: out of memory allocating 65536 bytes after a total of 1 bytes"),
    (MissingProgram, 1, "sh: 1: nosuch: not found"),
    (MissingProgram, 1, "./s.sh: 2: nosuch: not found"),
    (MissingProgram, 1, "bash: line 1: nosuch: command not found"),
    (MissingProgram, 1, "sh: 1: ./s.sh: Permission denied"),
    (MissingProgram, 1, "bash: line 1: ./t.sh: cannot execute: required file not found"),
    (MissingProgram, 1, "env: 'nosuch': No such file or directory"),
    (
        MissingProgram,
        1,
        "make: noprog: No such file or directory\nmake: *** [m3:2: all] Error 127",
    ),
    // A program that was missed and done without.
    (
        Configure,
        2,
        "./configure: line 12: pkg-config: command not found
configure: error: libfoo is needed",
    ),
];

#[test]
fn the_first_error_is_found() {
    for (kind, number, output) in FOUND {
        let found = diagnosed(output).unwrap_or_else(|| panic!("nothing in\n{output}"));
        assert_eq!((found.kind, found.number), (*kind, *number), "{output}");
    }
}

#[test]
fn what_is_no_error_is_not_found() {
    for output in [
        "checking for error_at_line... no\nchecking for gcc... not found",
        "checking for pkg-config... not found",
        "bad.c:1:25: warning: unused variable 'error' [-Wunused]",
        "gcc -c error.c -o error.o\nmake: [Makefile:2: all] Error 1 (ignored)",
        "Processing error: none\n0 errors, 0 faults",
        "/usr/bin/ld: skipping incompatible /usr/lib32/libz.so when searching for -lz",
        "rm: cannot remove 'x': No such file or directory",
        "Patient was Killed",
        "echo '*** done ***'",
        "",
    ] {
        assert_eq!(diagnosed(output), None, "{output}");
    }
}

#[test]
fn a_line_is_shown_plain_and_shortened() {
    let long = "é".repeat(SHOWN_BYTES);
    let found = diagnosed(&format!("  \u{1b}[31ma.c:1:2: error: {long}\u{1b}[0m"));
    let found = found.expect("an error");
    assert!(found.line.starts_with("a.c:1:2: error: éé"), "{found:?}");
    assert!(found.line.ends_with("é..."), "{found:?}");
    assert!(found.line.len() <= SHOWN_BYTES + 3);
}
