# Written by buildout, which replaces what is changed here. It needs Python 3 and no package.
import json
import os
import re
import subprocess
import sys
import time


def make_keys(request):
    private, public = request['private_key'], request['public_key']
    kind, size = request.get('type', 'rsa'), str(request.get('size', 4096))
    if not os.path.exists(private):
        if os.path.exists(public):
            os.unlink(public)
        command = [KEYGEN, '-t', kind, '-f', private]
        if 'openssh' in KEYGEN:
            command += ['-N', '', '-C', '', '-b', size]
        else:
            command += ['-s', size]
        subprocess.check_call(command, stdin=subprocess.DEVNULL)
    if not os.path.exists(public):
        # OpenSSH writes the public key by itself, and dropbear tells it among other lines.
        output = subprocess.check_output(
            [KEYGEN, '-f', private, '-y'], stdin=subprocess.DEVNULL, text=True)
        key = re.search(r'^ssh-\S+\s+\S+', output, re.MULTILINE)
        # Whoever waits for it is to find all of it.
        with open(public + '.new', 'w') as file:
            file.write(key.group() if key else '')
        os.rename(public + '.new', public)


def main():
    known = {}
    while True:
        for name in sorted(os.listdir(REQUESTS)):
            path = os.path.join(REQUESTS, name)
            try:
                status = os.stat(path)
                state = status.st_ino, status.st_mtime_ns, status.st_size
                if known.get(path) == state:
                    continue
                with open(path) as file:
                    request = json.load(file)
            except FileNotFoundError:
                continue
            except ValueError:
                # Somebody is still writing it.
                continue
            if 'private_key' not in request or 'public_key' not in request:
                return
            make_keys(request)
            known[path] = state
        time.sleep(1)


if __name__ == '__main__':
    sys.exit(main())
