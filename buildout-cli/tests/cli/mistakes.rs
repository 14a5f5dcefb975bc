//! Every mistake a user can make in a profile is told with its place and, where
//! there is one, with advice; and the advice helps.

use std::fs;
use std::os::unix::fs::symlink;

use crate::site::TestSite;

/// What a hint says, done.
enum Cure {
    /// Another content of a file.
    File(&'static str, &'static str),
    /// Another command line.
    Line(&'static [&'static str]),
    /// Another command line first, then the same again.
    Before(&'static [&'static str]),
    /// No file any more.
    Removal(&'static str),
}

struct Mistake {
    name: &'static str,
    files: &'static [(&'static str, &'static [u8])],
    line: &'static [&'static str],
    stderr: &'static str,
    cure: Cure,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "byte order mark",
        files: &[("buildout.cfg", b"\xef\xbb\xbf[buildout]\nparts =\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: File contains no section headers.
file: @/buildout.cfg, line: 1
'\ufeff[buildout]\n'

 --> @/buildout.cfg:1
1 | \u{feff}[buildout]
  | ^^^^^^^^^^^^^^^^^^
hint: the file starts with a byte order mark; save it as UTF-8 without one
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n"),
    },
    Mistake {
        name: "bytes that are not UTF-8",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nname = caf\xe9 noir\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: 'utf-8' codec can't decode byte 0xe9 in position 29: invalid continuation byte

 --> @/buildout.cfg:3
3 | name = caf� noir
  |           ^
hint: save `@/buildout.cfg` as UTF-8
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nname = caf\u{e9} noir\n"),
    },
    Mistake {
        name: "bytes that are not UTF-8 in an extended file",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = a.cfg\nparts =\n"),
            ("a.cfg", b"\xff"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte

 --> @/a.cfg:1
1 | �
  | ^
 --> @/buildout.cfg:2
2 | extends = a.cfg
  |           ^^^^^
hint: save `@/a.cfg` as UTF-8
",
        cure: Cure::File("a.cfg", "[a]\n"),
    },
    Mistake {
        name: "a directory for a profile",
        files: &[("profiles/buildout.cfg", b"[buildout]\nparts =\n")],
        line: &["-c", "profiles"],
        stderr: r"While:
  Initializing.
Error: [Errno 21] Is a directory: '@/profiles'

hint: `@/profiles` is a directory; name a file in it
",
        cure: Cure::Line(&["-c", "profiles/buildout.cfg"]),
    },
    Mistake {
        name: "no profile",
        files: &[],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Couldn't open @/buildout.cfg

hint: name the profile with `-c FILE`, or make one with `buildout init`
",
        cure: Cure::Before(&["init"]),
    },
    Mistake {
        name: "a missing extended file",
        files: &[
            ("buildout.cfg", b"[buildout]\nparts =\nextends =\n  b.cfg\n  deep/b.cfg\n"),
            ("b.cfg", b"[b]\n"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: [Errno 2] No such file or directory: '@/deep/b.cfg'

 --> @/buildout.cfg:5
5 |   deep/b.cfg
  |   ^^^^^^^^^^
hint: `@/deep/b.cfg` does not exist; entries of `extends` are relative to the profile that holds them
",
        cure: Cure::File("deep/b.cfg", "[b]\n"),
    },
    Mistake {
        name: "a directory among extends",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = deep\nparts =\n"),
            ("deep/b.cfg", b"[b]\n"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: [Errno 21] Is a directory: '@/deep'

 --> @/buildout.cfg:2
2 | extends = deep
  |           ^^^^
hint: `@/deep` is a directory; name a file in it
",
        cure: Cure::File("buildout.cfg", "[buildout]\nextends = deep/b.cfg\nparts =\n"),
    },
    Mistake {
        name: "a file that extends itself",
        files: &[("buildout.cfg", b"[buildout]\nextends = buildout.cfg\nparts =\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Recursive file include ['@/buildout.cfg'] @/buildout.cfg

 --> @/buildout.cfg:2
2 | extends = buildout.cfg
  |           ^^^^^^^^^^^^
hint: remove this entry, or one before it in the chain
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n"),
    },
    Mistake {
        name: "a circle through a directory",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = sub/a.cfg\nparts =\n"),
            ("sub/a.cfg", b"[buildout]\nextends = ../buildout.cfg\n"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Recursive file include ['@/buildout.cfg', '@/sub/a.cfg'] @/buildout.cfg

 --> @/sub/a.cfg:2
2 | extends = ../buildout.cfg
  |           ^^^^^^^^^^^^^^^
hint: remove this entry, or one before it in the chain
",
        cure: Cure::File("sub/a.cfg", "[buildout]\n"),
    },
    Mistake {
        name: "the same circle in the other dialect",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = sub/a.cfg\nparts =\n"),
            ("sub/a.cfg", b"[buildout]\nextends = ../buildout.cfg\n"),
        ],
        line: &["--dialect", "upstream"],
        stderr: r"While:
  Initializing.
Error: Recursive file include ['@/buildout.cfg', '@/sub/a.cfg'] @/sub/../buildout.cfg

 --> @/sub/a.cfg:2
2 | extends = ../buildout.cfg
  |           ^^^^^^^^^^^^^^^
hint: remove this entry, or one before it in the chain
",
        cure: Cure::File("sub/a.cfg", "[buildout]\n"),
    },
    Mistake {
        name: "an option before the first section",
        files: &[("buildout.cfg", b"parts =\n[buildout]\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: File contains no section headers.
file: @/buildout.cfg, line: 1
'parts =\n'

 --> @/buildout.cfg:1
1 | parts =
  | ^^^^^^^
hint: put a header such as `[buildout]` before the first option
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n[buildout]\n"),
    },
    Mistake {
        name: "lines that are nothing",
        files: &[("buildout.cfg", b"[buildout]\nparts =\n[a b]\nfoo bar\n  more\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: File contains parsing errors: @/buildout.cfg
	[line  3]: '[a b]\n'
	[line  4]: 'foo bar\n'

 --> @/buildout.cfg:3
3 | [a b]
  | ^^^^^
 --> @/buildout.cfg:4
4 | foo bar
  | ^^^^^^^
hint: options start in the first column as `name = value`; continuation lines are indented
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n[ab]\nfoo = bar\n  more\n"),
    },
    Mistake {
        name: "an unknown name in a condition",
        files: &[("buildout.cfg", b"[buildout]\nparts =\n[a: linux and linx]\n")],
        line: &[],
        stderr: r#"While:
  Initializing.
Error: NameError: name 'linx' is not defined

 --> @/buildout.cfg:3
3 | [a: linux and linx]
  |               ^^^^
hint: conditions are markers such as `python_version >= "3.8"`, or expressions over names such as `linux`, `python3` and `sys`
"#,
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n[a: linux and python3]\n"),
    },
    Mistake {
        name: "a boolean that matters for loading",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = a.cfg\nnewest =\n  perhaps\nparts =\n"),
            ("a.cfg", b"[a]\n"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Invalid value for 'newest' option: 'perhaps'

 --> @/buildout.cfg:4
4 |   perhaps
  |   ^^^^^^^
hint: use `true` or `false`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nextends = a.cfg\nnewest =\n  false\nparts =\n"),
    },
    Mistake {
        name: "characters that steer a terminal",
        files: &[("buildout.cfg", b"[buildout]\nparts =\n\tx\x1b[31m${a:b}\n")],
        line: &[],
        stderr: r"While:
  Initializing.
  Getting section buildout.
  Initializing section buildout.
  Getting option buildout:parts.
  Getting section a.
Error: The referenced section, 'a', was not defined.

 --> @/buildout.cfg:3
3 |     x\u{1b}[31m${a:b}
  |                ^^^^^^ referred to here
hint: add a section `[a]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n[a]\nb =\n"),
    },
    Mistake {
        name: "extended-by",
        files: &[
            ("buildout.cfg", b"[buildout]\nparts =\nextended-by = a.cfg\n"),
            ("a.cfg", b"[buildout]\nextends = buildout.cfg\n"),
        ],
        line: &[],
        stderr: r#"While:
  Initializing.
Error: No-longer supported "extended-by" option found in @/buildout.cfg.

 --> @/buildout.cfg:3
3 | extended-by = a.cfg
  | ^^^^^^^^^^^
hint: let the other profile `extends` this one instead
"#,
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n"),
    },
    Mistake {
        name: "a boolean that is none",
        files: &[("buildout.cfg", b"[buildout]\nparts =\noffline = maybe\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Invalid value for 'offline' option: 'maybe'

 --> @/buildout.cfg:3
3 | offline = maybe
  |           ^^^^^
hint: use `true` or `false`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\noffline = true\n"),
    },
    Mistake {
        name: "a section named by versions",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nversions = pins\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: 'pins'

 --> @/buildout.cfg:3
3 | versions = pins
  |            ^^^^
hint: add a section `[pins]`, or change `versions` in `[buildout]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nversions = pins\n[pins]\n"),
    },
    Mistake {
        name: "a cache that refers to an option",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = a.cfg\nparts =\nextends-cache = ${a:b}\n"),
            ("a.cfg", b"[a]\nb = cache\n"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: extends-cache '${a:b}' may not contain ${section:variable} to expand.

 --> @/buildout.cfg:4
4 | extends-cache = ${a:b}
  |                 ^^^^^^
hint: write the directory itself; it is needed before references are resolved
",
        cure: Cure::File(
            "buildout.cfg",
            "[buildout]\nextends = a.cfg\nparts =\nextends-cache = cache\n",
        ),
    },
    Mistake {
        name: "no parts",
        files: &[("buildout.cfg", b"[a]\n")],
        line: &[],
        stderr: r"While:
  Installing.
Error: Missing option: buildout:parts

hint: add `parts = ...` to `[buildout]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n[a]\n"),
    },
    Mistake {
        name: "a missing section",
        files: &[("buildout.cfg", b"[buildout]\nparts = zlb\n[zlib]\nrecipe = plone.recipe.command\ncommand = true\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section zlb.
Error: The referenced section, 'zlb', was not defined.

 --> @/buildout.cfg:2
2 | parts = zlb
  |         ^^^ needed here
hint: there is a section `[zlib]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = zlib\n[zlib]\nrecipe = plone.recipe.command\ncommand = true\n"),
    },
    Mistake {
        name: "a reference to a missing section",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand =\n  echo one\n  echo ${zlb:version}\n[zlib]\nversion = 1\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Getting option a:command.
  Getting section zlb.
Error: The referenced section, 'zlb', was not defined.

 --> @/buildout.cfg:7
7 |   echo ${zlb:version}
  |        ^^^^^^^^^^^^^^ referred to here
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: there is a section `[zlib]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand =\n  echo one\n  echo ${zlib:version}\n[zlib]\nversion = 1\n"),
    },
    Mistake {
        name: "a reference to a missing option",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = echo ${zlib:versoin}\n[zlib]\nversion = 1\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Getting option a:command.
Error: Referenced option does not exist: zlib versoin

 --> @/buildout.cfg:5
5 | command = echo ${zlib:versoin}
  |                ^^^^^^^^^^^^^^^ referred to here
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: `[zlib]` has an option `version`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = echo ${zlib:version}\n[zlib]\nversion = 1\n"),
    },
    Mistake {
        name: "a reference without a colon",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = echo ${PATH}\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Getting option a:command.
Error: The substitution, ${PATH},
doesn't contain a colon.

 --> @/buildout.cfg:5
5 | command = echo ${PATH}
  |                ^^^^^^^
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: references look like `${section:option}`; write `$${` for a literal `${`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = echo $${PATH}\n"),
    },
    Mistake {
        name: "a circle of references",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = ${b:x}\n[b]\nx = ${a:command}\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Getting option a:command.
  Getting section b.
  Initializing section b.
  Getting option b:x.
  Getting option a:command.
  Getting option b:x.
Error: Circular reference in substitutions.

 --> @/buildout.cfg:5
5 | command = ${b:x}
  |           ^^^^^^ referred to here
 --> @/buildout.cfg:7
7 | x = ${a:command}
  |     ^^^^^^^^^^^^ needed here
 --> @/buildout.cfg:5
5 | command = ${b:x}
  |           ^^^^^^ needed here
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: give one of these options a value without a reference
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = ${b:x}\n[b]\nx = true\n"),
    },
    Mistake {
        name: "a missing macro",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\n<= bse\n[base]\nrecipe = plone.recipe.command\ncommand = true\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Loading input sections for 'a'
Error: No section named 'bse'

 --> @/buildout.cfg:4
4 | <= bse
  |    ^^^
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: there is a section `[base]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\n<= base\n[base]\nrecipe = plone.recipe.command\ncommand = true\n"),
    },
    Mistake {
        name: "a circle of macros",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\n<= b\n[b]\n<= a\nrecipe = plone.recipe.command\ncommand = true\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Loading input sections for 'a'
  Loading input sections for 'b'
Error: Infinite extending loop 'a'

 --> @/buildout.cfg:6
6 | <= a
  |    ^
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: remove this name, or one before it in the chain
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\n<= b\n[b]\nrecipe = plone.recipe.command\ncommand = true\n"),
    },
    Mistake {
        name: "a section without a recipe",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\ncommand = true\n")],
        line: &[],
        stderr: r"While:
  Installing.
Error: Missing option: a:recipe

 --> @/buildout.cfg:4
4 | command = true
  | ^^^^^^^^^^^^^^ in this section
hint: add `recipe = ...` to `[a]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\ncommand = true\nrecipe = plone.recipe.command\n"),
    },
    Mistake {
        name: "an unknown recipe",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.comand\ncommand = true\n")],
        line: &["-o"],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Getting distribution for 'plone.recipe.comand'.
Error: We don't have a distribution for plone.recipe.comand
and can't install one in offline (no-install) mode.

 --> @/buildout.cfg:4
4 | recipe = plone.recipe.comand
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: there is a recipe `plone.recipe.command`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\nrecipe = plone.recipe.command\ncommand = true\n"),
    },
    Mistake {
        name: "an unknown dialect",
        files: &[("buildout.cfg", b"[buildout]\nparts =\ndialect = upsteam\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: unknown dialect 'upsteam': use `slapos` or `upstream`

 --> @/buildout.cfg:3
3 | dialect = upsteam
  |           ^^^^^^^
hint: write `dialect = slapos` or `dialect = upstream`, or remove the line
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\ndialect = upstream\n"),
    },
    Mistake {
        name: "another dialect in an extended file",
        files: &[
            ("buildout.cfg", b"[buildout]\nextends = a.cfg\nparts =\n"),
            ("a.cfg", b"[buildout]\ndialect = upstream\n"),
        ],
        line: &[],
        stderr: r"While:
  Initializing.
Error: this profile asks for the dialect `upstream`, but `slapos` is in force

 --> @/a.cfg:2
2 | dialect = upstream
  |           ^^^^^^^^
hint: remove this line, or choose `--dialect` other than `slapos`
",
        cure: Cure::Line(&["--dialect", "upstream"]),
    },
    Mistake {
        name: "a level of the log that is none",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nlog-level = LOUD\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Invalid logging level LOUD

 --> @/buildout.cfg:3
3 | log-level = LOUD
  | ^^^^^^^^^^^^^^^^
hint: use `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` or a number
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nlog-level = DEBUG\n"),
    },
    Mistake {
        name: "extensions",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nextensions = mr.developer\n")],
        line: &["-o"],
        stderr: r"While:
  Installing.
  Loading extensions.
  Getting distribution for 'mr.developer'.
Error: We don't have a distribution for mr.developer
and can't install one in offline (no-install) mode.

 --> @/buildout.cfg:3
3 | extensions = mr.developer
  | ^^^^^^^^^^^^^^^^^^^^^^^^^
hint: Run once without `-o`, or set `download-cache` and run `buildout -O fetch`.
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\n"),
    },
    Mistake {
        name: "abi-tag-eggs",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nabi-tag-eggs = yes\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Invalid value for 'abi-tag-eggs' option: 'yes'

 --> @/buildout.cfg:3
3 | abi-tag-eggs = yes
  |                ^^^
hint: use `true` or `false`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nabi-tag-eggs = false\n"),
    },
    Mistake {
        name: "a broken state file",
        files: &[
            ("buildout.cfg", b"[buildout]\nparts =\n"),
            (".installed.cfg", b"garbage\n"),
        ],
        line: &[],
        stderr: r"While:
  Installing.
Error: installed file `@/.installed.cfg`, line 1: text before the first section header: `garbage`

hint: restore the file from a copy, or remove it: all parts are then installed anew
",
        cure: Cure::Removal(".installed.cfg"),
    },
    Mistake {
        name: "install-from-cache offline",
        files: &[("buildout.cfg", b"[buildout]\nparts =\ninstall-from-cache = true\n")],
        line: &["-o"],
        stderr: r"While:
  Initializing.
Error: install-from-cache can't be used with offline mode.
Nothing is installed, even from cache, in offline
mode, which might better be called 'no-install mode'.

 --> @/buildout.cfg:3
3 | install-from-cache = true
  |                      ^^^^
hint: remove the option: nothing is fetched offline anyway; or run with `-O`
",
        cure: Cure::Line(&["-O"]),
    },
    Mistake {
        name: "a missing macro that is like no other section",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\n<= base\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
  Loading input sections for 'a'
Error: No section named 'base'

 --> @/buildout.cfg:4
4 | <= base
  |    ^^^^
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: add a section `[base]`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\n<= base\n[base]\nrecipe = plone.recipe.command\ncommand = true\n"),
    },
    Mistake {
        name: "a format of the log with a field of Python's",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nlog-format = %(asctime)s %(message)s\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: log-format: unsupported field `asctime`

 --> @/buildout.cfg:3
3 | log-format = %(asctime)s %(message)s
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: the fields are `%(name)s`, `%(levelname)s`, `%(levelno)d` and `%(message)s`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nlog-format = %(levelname)s %(message)s\n"),
    },
    Mistake {
        name: "a verbosity that is no number",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nverbosity = much\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Invalid verbosity much

 --> @/buildout.cfg:3
3 | verbosity = much
  | ^^^^^^^^^^^^^^^^
hint: use a number, or remove the option and call with `-v` or `-q`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nverbosity = 10\n"),
    },
    Mistake {
        name: "a recipe with two colons",
        files: &[("buildout.cfg", b"[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:mkdirectory:x\n")],
        line: &[],
        stderr: r"While:
  Installing.
  Getting section a.
  Initializing section a.
Error: Invalid recipe: 'slapos.cookbook:mkdirectory:x'

 --> @/buildout.cfg:4
4 | recipe = slapos.cookbook:mkdirectory:x
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
 --> @/buildout.cfg:2
2 | parts = a
  |         ^ needed here
hint: write `distribution` or `distribution:entry`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:mkdirectory\n"),
    },
    Mistake {
        name: "an unknown policy for the environment",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nenvironment-policy = hermetic\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: Invalid value for 'environment-policy' option: 'hermetic'

 --> @/buildout.cfg:3
3 | environment-policy = hermetic
  |                      ^^^^^^^^
hint: use `inherit` or `clean`
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nenvironment-policy = clean\n"),
    },
    Mistake {
        name: "a value among the variables that are allowed",
        files: &[("buildout.cfg", b"[buildout]\nparts =\nenvironment-policy = clean\nenvironment-allow =\n  HOME\n  CFLAGS=-O2\n")],
        line: &[],
        stderr: r"While:
  Initializing.
Error: 'CFLAGS=-O2' is no name of a variable

 --> @/buildout.cfg:6
6 |   CFLAGS=-O2
  |   ^^^^^^^^^^
hint: list names, such as `HOME`, or beginnings of names, such as `LC_*`; values come from the environment
",
        cure: Cure::File("buildout.cfg", "[buildout]\nparts =\nenvironment-policy = clean\nenvironment-allow =\n  HOME\n  CFLAGS\n"),
    },
];

#[test]
fn every_mistake_is_explained_and_its_hint_helps() {
    let mut wrong = Vec::new();
    for mistake in MISTAKES {
        let mut site = TestSite::empty();
        for (path, contents) in mistake.files {
            site = site.file(path, contents);
        }
        let outcome = site.run(mistake.line);
        if (outcome.code, outcome.stderr.as_str()) != (Some(1), mistake.stderr) {
            wrong.push(format!(
                "--- {} {}: exit code {:?}\n{}",
                mistake.name, mistake.stderr, outcome.code, outcome.stderr
            ));
        }
        let mut line = mistake.line;
        match &mistake.cure {
            Cure::File(path, contents) => site.write(path, contents),
            Cure::Line(other) => line = other,
            Cure::Removal(path) => {
                fs::remove_file(site.path(path)).expect("it is there");
            }
            Cure::Before(first) => {
                site.run(first);
            }
        }
        let outcome = site.run(line);
        if outcome.code != Some(0) {
            wrong.push(format!(
                "--- {}: the hint does not help\n{}",
                mistake.name, outcome.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_through_symbolic_links_is_found_in_both_dialects() {
    for dialect in ["slapos", "upstream"] {
        let site = TestSite::new("[buildout]\nextends = sub/a.cfg\nparts =\n")
            .file("sub/a.cfg", "[buildout]\nextends = link/buildout.cfg\n");
        symlink("..", site.path("sub/link")).expect("a symbolic link");
        let stderr = site.run(&["--dialect", dialect]).failure();
        assert!(
            stderr.contains("Error: Recursive file include ["),
            "{stderr}"
        );
        assert!(
            stderr.contains("--> @/sub/a.cfg:2\n2 | extends = link/buildout.cfg\n"),
            "{stderr}"
        );
        // The file itself may be the link, too.
        let site = TestSite::new("[buildout]\nextends = a.cfg\nparts =\n");
        symlink("buildout.cfg", site.path("a.cfg")).expect("a symbolic link");
        let stderr = site.run(&["--dialect", dialect]).failure();
        assert!(
            stderr.contains("Error: Recursive file include ["),
            "{stderr}"
        );
    }
}

#[test]
fn debugging_shows_all_causes_and_a_backtrace() {
    // Nothing listens on port 1 of the loopback interface.
    let site = TestSite::new("[buildout]\nextends = http://127.0.0.1:1/a.cfg\nparts =\n");
    let debug = site.run(&["-D"]).failure();
    for cause in [
        "caused by: <urlopen error [Errno 111] Connection refused>\n",
        "caused by: tcp connect error\n",
        "caused by: Connection refused (os error 111)\n",
    ] {
        assert!(debug.contains(cause), "{debug}");
    }
    let (_, backtrace) = debug.split_once("\nbacktrace:\n").expect("a backtrace");
    assert!(backtrace.contains("buildout_cli::command::"), "{backtrace}");
}
