//! The recipes of slapos.cookbook that compute values, and `slapos.recipe.build:gitclone`.

use crate::case::{Case, Difference, Step};

/// A part of a recipe, and a part that shows values of it in a file.
fn shown(name: &'static str, recipe: &str, options: &str, show: &str) -> Case {
    Case::new(
        name,
        format!(
            "[buildout]
parts = out
[part]
recipe = slapos.cookbook:{recipe}
{options}
[out]
recipe = slapos.recipe.template
output = ${{buildout:directory}}/out
inline = {show}
"
        ),
    )
}

const PASSWORD: &str = "storage-path = ${buildout:directory}/secret";

const SECRETS: &str = "{\"\": \"p\\u00e9\", \"passwd-sha256-crypt\": \"$5$x\"}";

const URL: &str = "${part:scheme}|${part:username}|${part:password}|${part:host}|${part:port}|\
                   ${part:path}|${part:params}|${part:query}|${part:fragment}";

const COPIES: &str = "[buildout]
parts = copies
[copies]
recipe = slapos.cookbook:copyfilelist
target-directory = ${buildout:bin-directory}
file-list = a/one
  two
";

const SHELL: &str = "[buildout]
parts = shell
[shell]
recipe = slapos.cookbook:shell
wrapper = ${buildout:bin-directory}/sh
shell = /bin/sh
home = /home/of us
path = /usr/bin
  /bin
ps1 = \"it's \\\\w> \"
";

const DUMP: &str = "[buildout]
parts = dump
[dump]
recipe = slapos.cookbook:jsondump
json-output = ${buildout:directory}/dump.json
b = text é ☃
a = one
  two
empty =
directory = ${buildout:directory}
";

/// A clone of a repository that a shell command makes; what git keeps for itself has times, and is
/// removed.
fn git(name: &'static str, options: &str) -> Case {
    let date = "2005-04-07T22:13:13 +0000";
    let make = format!(
        "export HOME=/nonexistent GIT_AUTHOR_DATE='{date}' GIT_COMMITTER_DATE='{date}'
         git init -q -b main work && cd work && echo 1 > file && git add file &&
         git -c user.name=A -c user.email=a@b commit -q -m 1 && git branch other && cd .. &&
         git clone -q --bare work repository && rm -rf work"
    );
    Case::new(
        name,
        format!(
            "[buildout]
parts = copy clean
[copy]
recipe = slapos.recipe.build:gitclone
repository = ${{buildout:directory}}/repository
{options}
[clean]
recipe = plone.recipe.command
stop-on-error = true
command = rm -r ${{copy:location}}/.git
"
        ),
    )
    .steps([Step::Execute(make), Step::Run])
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        shown(
            "password",
            "generate.password",
            PASSWORD,
            "${part:passwd} ${part:passwd-sha256-crypt}",
        )
        .file("secret", SECRETS),
        shown(
            "password-plain",
            "generate.password",
            PASSWORD,
            "${part:passwd}",
        )
        .file("secret", "old\n"),
        shown(
            "password-tracked",
            "generate.password",
            "storage-path = ${buildout:directory}/secret\ncreate-once = No\npasswd = given",
            "${part:passwd}",
        )
        .steps([
            Step::Run,
            Step::Run,
            Step::Profile("[buildout]\nparts =\n".into()),
            Step::Run,
        ]),
        shown(
            "password-given",
            "generate.password",
            "storage-path =\npasswd = given",
            "${part:passwd}",
        ),
        shown(
            "password-default",
            "generate.password",
            "passwd = given",
            "${part:passwd} ${part:storage-path}",
        ),
        shown(
            "password-length",
            "generate.password",
            "bytes = x",
            "${part:passwd}",
        )
        .fails(),
        shown(
            "password-scheme",
            "generate.password",
            "passwd = a",
            "${part:passwd-cheese}",
        )
        .fails(),
        shown(
            "mac",
            "generate.mac",
            "storage-path = ${buildout:directory}/mac",
            "${part:mac-address}",
        )
        .file("mac", "fe:00:00:00:00:01"),
        shown(
            "mac-given",
            "generate.mac",
            "storage-path = ${buildout:directory}/mac\nmac-address = x",
            "${part:mac-address}",
        ),
        shown("mac-missing", "generate.mac", "", "${part:mac-address}").fails(),
        shown(
            "uuid",
            "uuid",
            "cache-file = ${buildout:directory}/uuid",
            "${part:uuid}",
        )
        .file("uuid", "{01234567-89AB-CDEF-0123-456789abcdef}"),
        shown("time", "random.time", "time = 7:05", "${part:time}"),
        shown(
            "integer-given",
            "random.integer",
            "value = 7",
            "${part:value}",
        ),
        // A second run of upstream's does not read what zc.buildout appended to the record.
        shown(
            "port-fixed",
            "free_port",
            "minimum = 5\nmaximum = 5",
            "${part:port}",
        )
        .steps([Step::Run]),
        shown("port-no-ip", "free_port", "ip = nowhere", "${part:port}").steps([Step::Run]),
        shown("port-number", "free_port", "minimum = x", "${part:port}").fails(),
        shown(
            "userinfo",
            "userinfo",
            "",
            "${part:pw-name} ${part:pw-uid} ${part:pw-gid} ${part:pw-dir} ${part:pw-shell} \
             ${part:gr-name} ${part:gr-gid}",
        ),
        shown(
            "url",
            "urlparse",
            "url = https://User:pa:ss@Example.COM:8443/a/b/;p?q=1#f",
            URL,
        )
        .differs(
            Difference::Value("part".into(), "url".into()),
            "passwords of URLs are not recorded",
        ),
        shown("url-ipv6", "urlparse", "url = http://[2001:DB8::1]/", URL),
        shown("url-relative", "urlparse", "url = a/b;c", URL),
        shown("url-port", "urlparse", "url = http://h:x/", URL).fails(),
        Case::new("copies", COPIES)
            .program("a/one", "#!/bin/sh\n")
            .file("two", "2")
            .steps([
                Step::Run,
                Step::Write("two".into(), "new".into()),
                Step::Run,
                Step::Profile("[buildout]\nparts =\n".into()),
                Step::Run,
            ]),
        Case::new("copies-missing", COPIES).file("two", "2").fails(),
        shown(
            "line",
            "readline",
            "storage-path = ${buildout:directory}/file",
            "<${part:readline}>",
        )
        .file("file", "first\nsecond\n"),
        shown(
            "line-absent",
            "readline",
            "storage-path = ${buildout:directory}/file\nwhen-absent = x",
            "<${part:readline}>",
        ),
        Case::new("shell", SHELL).executes("bin/sh -c 'echo $HOME $PATH $SHELL'"),
        Case::new("shell-prompt", SHELL.replace("\"it's", "it's")).fails(),
        Case::new("dump", DUMP),
        git("git", ""),
        git(
            "git-branch",
            "branch = other\nlocation = ${buildout:directory}/deep/er\nshared = true",
        ),
        git(
            "git-develop",
            "develop = yes\nignore-cloning-submodules = true",
        ),
        git(
            "git-revision",
            "revision = 0123456789012345678901234567890123456789\nbranch = main",
        ),
        git(
            "git-sparse",
            "sparse-checkout = /other\nuse-cache = 1\ndepth = 1",
        ),
        git("git-depth", "depth = x"),
        Case::new(
            "git-mandatory",
            "[buildout]\nparts = copy\n[copy]\nrecipe = slapos.recipe.build:gitclone\n",
        )
        .fails(),
    ]
}

/// An archive made by a shell command, and a part that unpacks it.
fn unpacked(name: &'static str, make: &str, options: &str) -> Case {
    Case::new(
        name,
        format!(
            "[buildout]
parts = unpacked out
[unpacked]
recipe = slapos.recipe.build:download-unpacked
url = ${{buildout:directory}}/archive
{options}
[out]
recipe = slapos.recipe.template
output = ${{buildout:directory}}/out
inline = ${{unpacked:location}} ${{unpacked:target}}
"
        ),
    )
    .steps([
        Step::Execute(format!("umask 022; {make}; rm -r source")),
        Step::Run,
        Step::Run,
    ])
}

pub(crate) fn unpacked_cases() -> Vec<Case> {
    let tree = "mkdir -p source/top/sub && cd source && echo 1 > top/file && ln -s file top/link && \
                ln top/file top/hard && echo 2 > top/sub/run && chmod 750 top/sub/run && cd ..";
    let tar = "tar -C source --mtime=@0 --sort=name --owner=0 --group=0 -cf -";
    let single = format!("{tree}; {tar} top | gzip -n > archive");
    let double = format!("{tree}; echo 3 > source/other; {tar} other top | bzip2 > archive");
    let file = "mkdir source; echo 1 > source/only; tar -C source --mtime=@0 -cf archive only";
    vec![
        unpacked("unpacked", &single, ""),
        unpacked("unpacked-kept", &single, "strip-top-level-dir = false"),
        unpacked("unpacked-stripped", &single, "strip-top-level-dir = true"),
        unpacked("unpacked-two", &double, "md5sum =\noffline = true"),
        unpacked("unpacked-one-file", file, "environment = A = b"),
        unpacked(
            "unpacked-xz",
            &format!("{tree}; {tar} top | xz > archive"),
            "",
        ),
        unpacked(
            "unpacked-elsewhere",
            &format!(
                "{tree}; find source -exec touch -h -d @86400 {{}} +; cd source; TZ=UTC zip -X -q -r ../archive top; cd ..; mv archive.zip archive"
            ),
            "destination = ${buildout:directory}/deep/er",
        ),
        unpacked(
            "unpacked-wrong",
            &single,
            "md5sum = 00000000000000000000000000000000",
        ),
        unpacked("unpacked-environment", &single, "environment = A = b\n  B"),
        unpacked("unpacked-boolean", &single, "strip-top-level-dir = yes"),
    ]
}
