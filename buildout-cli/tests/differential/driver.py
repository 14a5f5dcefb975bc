"""Resident runner of zc.buildout for the differential tests.

Importing zc.buildout costs about half a second, forking a process that has it
imported costs a few milliseconds.  This program imports it once, then reads one
JSON request a line on stdin and answers one JSON line each on its stdout:

    {"mode": "main" | "resolve", "cwd": DIR, "argv": [...], "env": {...}, "limit": SECONDS}
    {"code": N, "signal": N, "stdout": TEXT, "stderr": TEXT}

Every request runs in a forked child, in a session of its own, with exactly the
environment given and with stdin at end of file.  A child that exceeds its limit
is killed with its whole process group and reported with a non-zero "signal".
Output is bytes: it travels as Latin-1, one character a byte.

Arguments are modules to import beforehand, such as those of recipes.

Mode "main" is `zc.buildout.buildout.main(argv)`, the entry of bin/buildout.
Mode "resolve" parses the same command line (without a command), constructs the
Buildout with recipes not loaded, and prints one JSON document on stdout:

    {"SECTION": {"options": {OPTION: VALUE}} | {"error": TEXT}}

Each section is resolved as if it were the first one asked for.
"""
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import traceback

import zc.buildout
import zc.buildout.buildout
# Imported lazily by the program; loaded here so that each child need not do it.
import pdb  # noqa: F401


def run_main(argv):
    sys.argv = ['buildout'] + argv
    zc.buildout.buildout.main(argv)


def resolved_section(buildout, name):
    """The options of one section with every reference replaced."""
    fresh = dict(buildout._data)
    parts = list(buildout._parts)
    try:
        section = buildout[name]
        return {'options': {key: section[key] for key in section.keys()}}
    except zc.buildout.UserError as error:
        return {'error': str(error)}
    except Exception as error:
        return {'error': '%s: %s' % (type(error).__name__, error)}
    finally:
        # A failed initialisation leaves half-initialised sections registered,
        # which would make the answer depend on the order of the questions.
        buildout._data.clear()
        buildout._data.update(fresh)
        buildout._parts[:] = parts


def run_resolve(argv):
    class Resolved(zc.buildout.buildout.Buildout):
        COMMANDS = {'query'}

        def query(self, args=None):
            document = {name: resolved_section(self, name) for name in self.keys()}
            print('\0' + json.dumps(document))

    zc.buildout.buildout.Options.initialize = lambda self: None
    zc.buildout.buildout.Buildout = Resolved
    run_main(argv + ['query'])


MODES = {'main': run_main, 'resolve': run_resolve}


def child(request, stdout, stderr):
    """Run one request in this (forked) process; never returns."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(request['limit'])
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
        os.environ.clear()
        os.environ.update(request['env'])
        os.chdir(request['cwd'])
        try:
            MODES[request['mode']](list(request['argv']))
            code = 0
        except SystemExit as error:
            # The rules of the interpreter's own exit.
            if error.code is None:
                code = 0
            elif isinstance(error.code, int):
                code = error.code & 0xff
            else:
                sys.stderr.write('%s\n' % error.code)
                code = 1
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def answer(request):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        pid = os.fork()
        if pid == 0:
            child(request, stdout, stderr)
        _, status = os.waitpid(pid, 0)
        try:
            # The child leads a process group: end what it may have left behind.
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        stdout.seek(0)
        stderr.seek(0)
        return {
            'code': os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
            'signal': os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            'stdout': stdout.read().decode('latin-1'),
            'stderr': stderr.read().decode('latin-1'),
        }


def serve():
    # The protocol keeps the original stdout; file descriptor 1 is the children's.
    protocol = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    # Keeps the children's collectors from touching, and so copying, the imported modules.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        protocol.write(json.dumps(answer(json.loads(line))) + '\n')
        protocol.flush()


if __name__ == '__main__':
    for module in sys.argv[1:]:
        importlib.import_module(module)
    serve()
