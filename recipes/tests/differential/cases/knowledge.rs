//! `slapos.cookbook:zero-knowledge.write` and `:zero-knowledge.read`, `:promise.plugin` and
//! `:simplehttpserver`.

use crate::case::{Case, Difference, Step};

const WRITE: &str = "[buildout]
parts = public
[public]
recipe = slapos.cookbook:zero-knowledge.write
filename = knowledge.cfg
port = 80
Url = http://x/%%20
text =
  two
  lines
empty =
";

const READ: &str = "[buildout]
parts = reader user
[reader]
recipe = slapos.cookbook:zero-knowledge.read
file-path = knowledge.cfg
[user]
recipe = slapos.recipe.template
inline = ${reader:port} ${reader:both}
output = ${buildout:directory}/out
";

const KNOWLEDGE: &str = "# comment
[DEFAULT]
HOST = h
; another
[a]
port : 80
both = %(host)s:%(Port)s %%
text = first

  third
   # no line of it
 fourth
other=x # no comment
[b]
 indented = 1
 more = é = :
";

fn read(name: &'static str, text: &str) -> Case {
    Case::new(name, READ).file("knowledge.cfg", text).fails()
}

fn promise(name: &'static str, options: &str) -> Case {
    Case::new(
        name,
        format!(
            "[buildout]
parts = promise
[promise]
recipe = slapos.cookbook:promise.plugin
output = ${{buildout:directory}}/promise.py
{options}
"
        ),
    )
}

/// The code of a promise, which has other comments.
fn written_promise(name: &'static str, options: &str) -> Case {
    promise(name, options)
        .differs_in_content("promise.py", "the comments are ours")
        .executes("grep -v '^#' promise.py")
}

const SERVER: &str = "[buildout]
parts = server
[server]
recipe = slapos.cookbook:simplehttpserver
base-path = ${buildout:directory}/base
log-file = ${buildout:directory}/log
wrapper =
  ${buildout:bin-directory}/server
allow-write = true
";

const SELF_CONTAINED: &str = "ours needs no package of Python's";

/// Talks to the server, and shows what it says and logs.
const TALK: &str = "cd base; curl() { command curl -s --unix-socket ../socket -w ' %{http_code}\\n' \"$@\"; }
../bin/server 2>/dev/null & until [ -S ../socket ]; do sleep 0.05; done
curl http://x/file -o ../got; cat ../got
curl http://x/none -o /dev/null; curl -I http://x/file | grep -i '^content'
curl http://x/ -d 'path=new/a%20b&content=%C3%A9+1'; curl http://x/ -d path=new/a%20b -d content=2
curl http://x/ -d path=file -d content=new -d clear=1
curl http://x/ -F 'path=form;filename=a' -F content=@../binary
curl http://x/ -F 'path=fo é;filename=a' -F 'content=x;filename=a' -F 'clear=1;filename=a'
curl http://x/ -F 'path=fo é;filename=a' -F 'content= y ;filename=a'; curl http://x/ -d path=../outside -d content=1
kill $!; wait; cd ..; head -1 base/new/*; cat base/file base/fo*; echo
sed 's/^....-..-.. ..:..:..,...//; s/curl.[0-9.]*/curl/' log | grep -vi boundary | sed 's/  Content-L.*//'
rm -r socket log got base/new base/fo*; echo text >base/file";

pub(crate) fn cases() -> Vec<Case> {
    let server = |name, options: &str| {
        Case::new(name, format!("{SERVER}{options}\n"))
            .file("base/file", "text\n")
            .file("binary", "\u{1}é\r\n--x\n")
    };
    vec![
        Case::new("knowledge", WRITE),
        Case::new("knowledge-of-user", WRITE)
            .file(
                "knowledge.cfg",
                "[other]\nx: 1\n[public]\nport = 8080\nurl = mine\nown = 1\n[DEFAULT]\nempty = not\n",
            )
            .then([
                Step::Profile(WRITE.replace("port = 80", "port = 81\nnew = 1")),
                Step::Run,
                Step::Profile("[buildout]\nparts =\n".into()),
                Step::Run,
            ]),
        Case::new("knowledge-percent", WRITE.replace("%%", "%")).fails(),
        Case::new("knowledge-of-no-file", WRITE.replace("filename", "file")).fails(),
        Case::new("knowledge-of-empty-name", WRITE.replace("filename = knowledge.cfg", "filename ="))
            .fails(),
        Case::new("knowledge-path", WRITE.replace("filename = ", "filename =\nfile-path = a/../")),
        Case::new("knowledge-read", READ)
            .file("knowledge.cfg", KNOWLEDGE)
            .then([
                Step::Write("knowledge.cfg".into(), KNOWLEDGE.replace("80", "81")),
                Step::Run,
            ]),
        Case::new("knowledge-not-there", READ).fails(),
        Case::new("knowledge-of-nothing", READ.replace("file-path", "path")).fails(),
        read("knowledge-header", "x = 1\n"),
        read("knowledge-line", "[a]\nport = 1\nword\n"),
        read("knowledge-section-twice", "[a]\n[b]\n[a]\n"),
        read("knowledge-option-twice", "[a]\nx = 1\nX = 2\n"),
        read("knowledge-reference", "[a]\nx = %(y)s\n"),
        read("knowledge-no-reference", "[a]\nx = %(y\n"),
        read("knowledge-sign", "[a]\nx = 5%\n"),
        read("knowledge-circle", "[a]\nx = %(x)s\n"),
        written_promise("promise-module", "eggs =\nmodule = a.b\nconfig-n = 1\nconfig-url = http://x"),
        written_promise(
            "promise-class",
            "eggs =\nmodule = a\nclass = Check_é\nmode = 600\nconfig-quote = it's \"x\"\nconfig- =",
        ),
        written_promise("promise-plain-class", "eggs =\nmodule = a\nclass = RunPromise"),
        written_promise(
            "promise-wide",
            "eggs =
module = a
config-long = aaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc dddddddddddd
config-lines =
  one
  two aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc
  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
config-word = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        promise("promise-file", "eggs =\nfile = ${buildout:directory}/it's.py\nclass = Other")
            .file("it's.py", "_ = 1\nclass Other: name = __name__\nprint(extra_config_dict, _)\n")
            .differs_in_content("promise.py", "it does the same in other words")
            .executes(
                "python3 -c 'import promise, it_s' 2>&1 | head -1; rm -rf __pycache__
                 python3 -Bc 'import promise; print(promise.RunPromise.name, promise._)'",
            ),
        written_promise("promise-eggs", "eggs =\n  one [extra]\n  two>=1\nmodule = a")
            .file("eggs/one-1.0.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: one\nVersion: 1.0\n")
            .file("eggs/one-1.0.egg/EGG-INFO/requires.txt", "three\n\n[extra]\nfour\n")
            .file("eggs/two-0.9.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: two\nVersion: 0.9\n")
            .file("eggs/two-1.2.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: two\nVersion: 1.2\n")
            .file("eggs/three-3.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: three\nVersion: 3\n")
            .file("eggs/four-4.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: four\nVersion: 4\n"),
        promise("promise-eggs-missing", "eggs = nowhere\nmodule = a").fails(),
        promise("promise-class-name", "eggs =\nmodule = a\nclass = a.b").fails(),
        promise("promise-class-keyword", "eggs =\nmodule = a\nclass = None").fails(),
        promise("promise-module-name", "eggs =\nmodule = a-b").fails(),
        promise("promise-both", "eggs =\nmodule = a\nfile = b").fails(),
        promise("promise-neither", "eggs =").fails(),
        promise("promise-without-eggs", "module = a").fails(),
        promise("promise-mode", "eggs =\nmodule = a\nmode = rw").fails(),
        server("server", "socketpath = ${buildout:directory}/socket")
            .differs_in_content("bin/server", SELF_CONTAINED)
            .executes(TALK),
        server("server-abstract", "abstract = name\nallow-write = false")
            .differs_in_content("bin/server", SELF_CONTAINED),
        server("server-without-address", "").fails(),
        server("server-without-port", "host = h").fails(),
        server("server-of-two", "abstract = a\nsocketpath = b").fails(),
        server("server-port", "host = h\nport = http").fails(),
        server("server-writing", "abstract = a\nallow-write = yes").fails(),
        server("server-host", "host = 127.0.0.1\nport = 80").fails().differs(
            Difference::Outcome,
            "options with types are an addition of SlapOS's fork, which is not the peer",
        ),
    ]
}
