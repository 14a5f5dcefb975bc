"""What `slapos node format` leaves behind, or what a master gets of it.

format_state.py DIRECTORY   prints all of it as JSON, with names for addresses that were chosen by chance
format_state.py --master PORT FILE   keeps what is posted
"""

import glob
import grp
import json
import os
import pwd
import re
import stat
import subprocess
import sys


def serve(port, path):
    import http.server
    import urllib.parse

    class Master(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = urllib.parse.parse_qs(body.decode(), keep_blank_values=True)
            with open(path, "a") as posted:
                json.dump([self.path, form], posted)
                posted.write("\n")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    http.server.HTTPServer(("127.0.0.1", port), Master).serve_forever()


def ask(*words):
    return json.loads(subprocess.check_output(["ip", "-json", *words]) or "[]")


def interfaces():
    found = {}
    for interface in ask("-details", "addr", "show"):
        kind = interface.get("linkinfo", {})
        data = kind.get("info_data", {}) if kind.get("info_kind") == "tun" else {}
        found[interface["ifname"]] = {
            "up": "UP" in interface["flags"],
            "kind": [kind.get("info_kind"), data.get("type"), data.get("user"), data.get("persist")],
            "addresses": sorted(
                [it["family"], it["local"], it["prefixlen"], it.get("noprefixroute", False)]
                for it in interface["addr_info"]
                if it["scope"] != "link"
            ),
        }
    return found


def routes(*words):
    return sorted(
        [it["dst"], it["dev"], it.get("gateway"), it.get("type")]
        for it in ask(*words)
        if not re.match("f[ef]", it["dst"])
    )


def text(path):
    with open(path) as file:
        return file.read()


def description(path):
    # Each program tells of itself, and only a node in Python has a Python; the system is told
    # with or without the version of the C library.
    return re.sub(
        r"<string>(python_version|slapos_version|os_type)</string>\n +<(none/|string>.*</string)>",
        r"\1",
        text(path),
    )


def owner(path):
    status = os.stat(path)
    return [
        pwd.getpwuid(status.st_uid).pw_name,
        grp.getgrgid(status.st_gid).gr_name,
        oct(stat.S_IMODE(status.st_mode)),
    ]


def state(directory):
    computer = json.loads(text(f"{directory}/computer.json"))
    for name in ("python_version", "slapos_version", "os_type"):
        del computer[name]
    resources = sorted(glob.glob(f"{directory}/inst/*/.slapos-resource"))
    kept = glob.glob(f"{directory}/*") + glob.glob(f"{directory}/inst/*") + resources
    kept += glob.glob(f"{directory}/storage/*/*")
    result = {
        "computer": computer,
        "xml": description(f"{directory}/computer.xml"),
        "resources": [text(path) for path in resources],
        "users": {
            name: sorted(line for line in text(f"/etc/{name}").splitlines() if "slap" in line)
            for name in ("passwd", "group", "shadow", "gshadow")
        },
        "files": {
            path: owner(path)
            for path in kept
            if not re.search(r"\.zip$|/(etc|python|posted|log|.*\.cfg|.*\.state)$", path)
        },
        "interfaces": interfaces(),
        "ipv4_routes": routes("-4", "route", "show"),
        "ipv6_routes": routes("-6", "route", "show"),
        "local_routes": routes("-6", "route", "show", "table", "local"),
        "nonlocal": text("/proc/sys/net/ipv6/ip_nonlocal_bind"),
    }
    # What is chosen by chance has the name of who has it.
    result = json.dumps(result)
    for number, partition in enumerate(computer["partition_list"]):
        for address in partition["address_list"]:
            address = address["addr"]
            if "." in address:
                assert address.startswith("10.0."), address
                result = re.sub(re.escape(address) + r"(?![0-9.])", f"IPv4 of {number}", result)
            elif not re.fullmatch("2001:db8::[2-9]", address):
                assert re.fullmatch("2001:db8::[0-9a-f]{1,4}", address), address
                result = re.sub(re.escape(address) + r"(?![0-9a-f:])", f"IPv6 of {number}", result)
    result = json.loads(result)
    # Names have another order than addresses.
    for interface in result["interfaces"].values():
        interface["addresses"].sort()
    result["local_routes"].sort()
    return result


if sys.argv[1] == "--master":
    serve(int(sys.argv[2]), sys.argv[3])
else:
    print(json.dumps(state(sys.argv[1]), indent=1, sort_keys=True))
