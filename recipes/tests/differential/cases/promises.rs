//! The recipes that check something: `slapos.cookbook:check_*`; and those of 6tunnel and dropbear.

use crate::case::{Case, Step};

const OWN_TEXT: &str = "ours does the same in other words";

/// A server that replies with the status that the path names, in the background until `stop`.
const SERVER: &str = "import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.strip('/')[:3]))
        self.end_headers()
        self.wfile.write(self.path.encode())
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
with open('port', 'w') as port: port.write(str(server.server_port))
server.serve_forever()
";

fn port(name: &'static str, hostname: &str, port: &str) -> Case {
    Case::new(
        name,
        format!(
            "[buildout]
parts = port
[port]
recipe = slapos.cookbook:check_port_listening
path = ${{buildout:directory}}/check
hostname = {hostname}
port = {port}
"
        ),
    )
    .differs_in_content("check", OWN_TEXT)
}

/// The script of a check of the URL with another port put into it, as the server has it.
fn url(name: &'static str, options: &str) -> Case {
    Case::new(
        name,
        format!(
            "[buildout]
parts = url
[url]
recipe = slapos.cookbook:check_url_available
path = ${{buildout:directory}}/check
dash_path = /bin/sh
curl_path = ${{buildout:directory}}/curl
{options}
"
        ),
    )
    .program(
        "curl",
        // What it is asked for, in the order that either script has it, is not of interest.
        "#!/bin/sh\nfor word; do echo \"$word\"; done | sort >&2\nexec curl \"$@\"\n",
    )
    .file("server.py", SERVER)
    .differs_in_content("check", OWN_TEXT)
}

/// Runs the check of a URL while the server is there.
fn with_server(check: &str) -> String {
    format!(
        "python3 server.py & while [ ! -s port ]; do sleep 0.02; done
         sed -i \"s/:4444/:$(cat port)/\" check; {{ {check}; }} 2>&1 | sed \"s/:$(cat port)/:PORT/\"
         kill $!; wait; sed -i \"s/:$(cat port)/:4444/\" check; rm port"
    )
}

fn parameter(name: &'static str, options: &str) -> Case {
    Case::new(
        name,
        format!(
            "[buildout]
parts = parameter
[parameter]
recipe = slapos.cookbook:check_parameter
path = ${{buildout:directory}}/check
{options}
"
        ),
    )
    .differs_in_content("check", "ours is a shell script")
    .executes("./check; echo $?")
}

const TUNNELS: &str = "[buildout]
parts = to4 to6
[tunnel]
shell-path = /bin/sh
6tunnel-path = /bin/echo
ipv4 = 127.0.0.1
ipv4-port = 80
ipv6 = ::1
ipv6-port = 8080
[to4]
<= tunnel
recipe = slapos.cookbook:ipv6toipv4
runner-path = ${buildout:bin-directory}/to4
[to6]
<= tunnel
recipe = slapos.cookbook:ipv4toipv6
runner-path = ${buildout:bin-directory}/to6
";

const KEY: &str = "[buildout]
parts = key
[key]
recipe = slapos.cookbook:dropbear.add_authorized_key
home = ${buildout:directory}/home/
key = ssh-ed25519 AAAA= é
";

pub(crate) fn cases() -> Vec<Case> {
    let connect = "python3 -c 'import socket, subprocess, sys
server = socket.create_server((\"127.0.0.1\", 0))
port = server.getsockname()[1]
text = open(\"check\").read()
open(\"copy\", \"w\").write(text.replace(\"4444\", str(port)))
print(subprocess.call([\"sh\", \"-c\", \"chmod +x copy; exec ./copy\"]))
server.close()
print(subprocess.call([\"./copy\"], stderr=subprocess.DEVNULL))'; rm copy";
    vec![
        port("check-port", "127.0.0.1", "4444")
            .executes(connect)
            .executes("sed -i s/4444/1/ check; ./check; echo $?"),
        port("check-port-of-host", "it's", "1").executes("./check; echo $?"),
        Case::new(
            "check-port-without-host",
            "[buildout]\nparts = a\n[a]\nrecipe = slapos.cookbook:check_port_listening\npath = a\n",
        )
        .fails(),
        url("check-url", "url = http://127.0.0.1:4444/200")
            .executes(with_server("./check; echo $?")),
        url("check-url-status", "url = http://127.0.0.1:4444/404")
            .executes(with_server("./check; echo $?")),
        url(
            "check-url-expected-status",
            "url = http://127.0.0.1:4444/404\nhttp_code = 404",
        )
        .executes(with_server("./check; echo $?")),
        url(
            "check-url-protected",
            "url = http://127.0.0.1:4444/401\ncheck-secure = 1",
        )
        .executes(with_server("./check; echo $?")),
        url(
            "check-url-unprotected",
            "url = http://127.0.0.1:4444/401\ncheck-secure = 0",
        )
        .executes(with_server("./check; echo $?")),
        url("check-url-unreachable", "url = http://127.0.0.1:1/").executes("./check; echo $?"),
        url("check-url-malformed", "url = http://[").executes("./check 2>&1 | tail -1"),
        url("check-url-empty", "url =").executes("./check; echo $?"),
        url(
            "check-url-limits",
            "url = http://127.0.0.1:1/
timeout-file-path = ${buildout:directory}/limit
ca-cert-file = /ca
cert-file = /cert
key-file = /key",
        )
        .file("limit", "7\n")
        .executes("./check; echo $?; echo 7s >limit; ./check; : >limit; ./check; echo $?"),
        url(
            "check-url-half-a-certificate",
            "url = http://127.0.0.1:1/\nca-cert-file = /ca\ncert-file = /cert",
        )
        .executes("mkdir -p etc; echo 3 >etc/promise_timeout; ./check; echo $?; rm -r etc"),
        parameter("check-parameter", "value = a\nexpected-value = a"),
        parameter(
            "check-parameter-other",
            "value = it's\nexpected-value = \"b\"",
        ),
        parameter(
            "check-parameter-unwanted",
            "value = a\nexpected-not-value = a",
        ),
        parameter(
            "check-parameter-both",
            "value = a\nexpected-not-value = b\nexpected-value = a\nexpected-type = other",
        ),
        parameter("check-parameter-none", "value = a"),
        parameter(
            "check-parameter-ipv4",
            "value = 127.0.0.1\nexpected-type = ipv4",
        ),
        parameter(
            "check-parameter-ipv6",
            "value = ::ffff:1.2.3.4\nexpected-type = ipv6",
        ),
        parameter(
            "check-parameter-no-ipv6",
            "value = ::1%lo\nexpected-type = ipv6",
        ),
        Case::new("tunnels", TUNNELS)
            .differs_in_content("bin/to4", OWN_TEXT)
            .differs_in_content("bin/to6", OWN_TEXT)
            .executes("bin/to4; bin/to6 ignored"),
        Case::new("authorized-key", KEY)
            .directories(&["home"])
            .steps([
                Step::Run,
                Step::Write("home/.ssh/authorized_keys".into(), "other".into()),
                Step::Execute("chmod 600 home/.ssh/authorized_keys; chmod 755 home/.ssh".into()),
                Step::Run,
                Step::Run,
            ]),
        Case::new("authorized-key-without-home", KEY).fails(),
        Case::new("authorized-key-no-directory", KEY)
            .file("home/.ssh", "")
            .fails(),
    ]
}
