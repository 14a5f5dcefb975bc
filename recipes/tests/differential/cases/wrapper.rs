//! `slapos.cookbook:wrapper`, `:mkdirectory` and `:symbolic.link`.

use crate::case::{Case, Step};

/// Why the files of some cases differ.
const SELF_CONTAINED: &str = "our scripts need no package of Python's";

const WRAPPER: &str = "[buildout]
parts = wrapper
[wrapper]
recipe = slapos.cookbook:wrapper
wrapper-path = ${buildout:bin-directory}/hello
";

fn wrapper(name: &'static str, options: &str) -> Case {
    Case::new(name, format!("{WRAPPER}{options}"))
}

/// A case for which upstream writes a Python script.
fn launched(name: &'static str, options: &str) -> Case {
    wrapper(name, options).differs_in_content("bin/hello", SELF_CONTAINED)
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        wrapper(
            "wrapper-shell",
            "command-line = /bin/echo 'hello  world' \"$HOME\" a;b aaaaaaaaaaaaaaaaaaaaaaaaaaa b é
environment =
  ZED = it's
  ABC=1 2 = 3
",
        )
        .executes("bin/hello x 'y  z'"),
        wrapper(
            "wrapper-ignored-options",
            "command-line = /bin/true\nmode = 0644\npidfile =\nreserve-cpu = no\n",
        ),
        wrapper(
            "wrapper-hash-existing-files",
            "command-line = /bin/true\nhash-existing-files = a b\n",
        )
        .file("a", "1\n")
        .file("b", "é")
        .steps([Step::Run, Step::Write("a".into(), "2\n".into()), Step::Run]),
        wrapper(
            "wrapper-foreign-hash-files",
            "command-line = /bin/true\nhash-files = /etc/passwd /etc/group\n",
        )
        .fails(),
        wrapper("wrapper-without-command", "").fails(),
        wrapper("wrapper-empty-command", "command-line =\n").fails(),
        wrapper(
            "wrapper-signal",
            "command-line = /bin/true\nsig-ign = SIGHUP\n",
        )
        .fails(),
        // A process that runs the command holds the file, or another one, or none.
        launched(
            "wrapper-pidfile",
            "command-line = ${buildout:directory}/bin/sleeper 'one  two' \"*\"
pidfile = ${buildout:directory}/pid
environment = GREETING = hello you
",
        )
        .program(
            "bin/sleeper",
            "#!/bin/sh\nif [ $# != 3 ]; then exit 3; fi\necho \"$(cat pid) $$ $GREETING $*\"; read line\n",
        )
        .executes(
            "mkfifo fifo; bin/hello three <fifo >out & echo x >ready; exec 3>fifo
             while [ ! -s out ]; do sleep 0.01; done
             [ $(cat pid) = $! ] && sed \"s/$!/PID/g\" out
             bin/hello four 2>&1 | sed \"s/$!/PID/g\"
             exec 3>&-; wait; echo 99999999 >pid; bin/hello 3 </dev/null >out; echo $?
             echo nonsense >pid; bin/hello 3 </dev/null >out; echo $?
             echo $$ >pid; bin/hello 3 </dev/null >out; echo $?; rm -f fifo out pid ready",
        ),
        launched(
            "wrapper-pidfile-title",
            "command-line = /bin/server -c file\npidfile = ${buildout:directory}/pid\n",
        )
        .executes(
            // A program that has written all words into one.
            "mkfifo fifo
             bash -c 'echo $$ >pid; exec -a \"server: main /bin/server -c file\" cat' <fifo &
             exec 3>fifo; until grep -q ^server /proc/$!/cmdline; do sleep 0.01; done
             bin/hello 2>&1 | sed \"s/$!/PID/\"; exec 3>&-; wait; rm pid fifo",
        ),
        launched(
            "wrapper-fails-after-pidfile",
            "command-line = /nowhere/to/be/found\npidfile = ${buildout:directory}/pid\n",
        )
        .executes("bin/hello 2>/dev/null; ls pid 2>/dev/null"),
        launched(
            "wrapper-wait-for-files",
            "command-line = /bin/ls -l\nwait-for-files =\n  ${buildout:directory}/a\n  ${buildout:directory}/b ${buildout:directory}/'c\n",
        )
        .executes(
            "bin/hello a >out & ln -s nowhere b; touch \"'c\"; sleep 0.2; cat out; touch a; wait
             cut -c1-10 out; rm out a b \"'c\"",
        ),
        launched(
            "wrapper-reserve-cpu",
            "command-line = /bin/sh -c 'echo $PPID $$'\nreserve-cpu = Yes\nsig-ign = RTMIN+1\n",
        )
        .executes(
            "HOME=$PWD; export HOME; echo 1 >.slapos-cpu-exclusive; bin/hello | cut -d' ' -f2 >out
             tail -1 .slapos-cpu-exclusive | cmp out && rm out; sed -i 's/[0-9]*/N/' .slapos*",
        ),
        launched(
            "wrapper-odd-variables",
            "command-line = /usr/bin/env\npidfile = pid\nenvironment =\n  a.b = c d\n  x = '\n",
        )
        .executes("env -i PATH=$PATH bin/hello | grep -v '^\\(PATH\\|PWD\\|LC_CTYPE\\|OLDPWD\\|_\\|SHLVL\\)=' | sort; rm pid"),
        launched(
            "wrapper-redirected",
            "command-line = ${buildout:directory}/bin/talker 'a b'
redirect-signal = HUP
redirect-stdout = ${buildout:directory}/out
redirect-stderr = ${buildout:directory}/err
pidfile = pid
environment = ROUND = first
",
        )
        .program(
            "bin/talker",
            // A shell could not set a handler for a signal that it is to ignore at first.
            "#!/usr/bin/env python3
import os, signal, sys, time
signal.signal(signal.SIGHUP, lambda *_: print('reopened', flush=True))
print(os.environ['ROUND'], *sys.argv[1:], flush=True)
print('warning', file=sys.stderr, flush=True)
open('ready', 'w')
while not os.path.exists('stop'):
    time.sleep(0.02)
print('end', flush=True)
sys.exit(7)
",
        )
        .executes(
            "bin/hello c & while [ ! -e ready ]; do sleep 0.02; done; until [ -s out ] && [ -s err ]; do sleep 0.02; done
             sleep 0.2; mv out old; kill -USR1 $(cat pid)
             while [ ! -s out ]; do sleep 0.02; done; touch stop; wait $!; echo $?
             cat old; echo --; cat out; echo --; cat err; rm -f old out err ready stop pid",
        ),
        launched(
            "wrapper-redirected-together",
            "command-line = /bin/sh -c 'echo out; echo err >&2; kill -TERM $$'
redirect-signal = USR2
redirect-stdout = log
redirect-stderr = log
",
        )
        .executes("bin/hello; echo $?; cat log; rm log"),
        wrapper(
            "wrapper-nothing-redirected",
            "command-line = /bin/true\nredirect-signal = HUP\n",
        )
        .fails(),
        wrapper(
            "wrapper-redirect-signal",
            "command-line = /bin/true\nredirect-signal = SIGHUP\nredirect-stdout = x\n",
        )
        .fails(),
        launched(
            "wrapper-private-tmpfs",
            "command-line = /bin/sh -c 'echo there >private/file; ls private; id -u; stat -fc %T private'
private-tmpfs =
  1M  ${buildout:directory}/private
  64k other
",
        )
        .executes("bin/hello 2>/dev/null; echo $?; ls private; rmdir private other"),
        wrapper(
            "wrapper-private-tmpfs-line",
            "command-line = /bin/true\nprivate-tmpfs = 128M\n",
        )
        .fails(),
        Case::new(
            "links",
            "[buildout]
parts = links
[links]
recipe = slapos.cookbook:symbolic.link
target-directory = ${buildout:bin-directory}
link-binary = /bin/sh
  /bin/cat
",
        ),
        Case::new(
            "directories",
            "[buildout]
parts = directories
[directories]
recipe = slapos.cookbook:mkdirectory
home = ${buildout:directory}/home
etc = ${:home}/sub/etc
empty =
mode = 0750
",
        ),
    ]
}
