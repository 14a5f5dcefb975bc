# Written by buildout, which replaces what is changed here. It needs Python 3 and no package.
import atexit
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000


def signal_number(name):
    name, _, offset = name.partition('+')
    return getattr(signal, 'SIG' + name) + int(offset or 0)


def words_of_process(pid):
    """The command line of a process, which may have given itself a title with spaces."""
    with open('/proc/%d/cmdline' % pid, 'rb') as cmdline:
        title = os.fsdecode(cmdline.read())
    words = title[:-1].split('\0') if title.endswith('\0') else []
    return words if len(words) > 1 else title.rstrip('\0').split(' ')


def take_pidfile():
    try:
        with open(PIDFILE) as file:
            pid = int(file.read())
        running = words_of_process(pid)
    except (OSError, ValueError):
        running = []
    count = len(ARGUMENTS)
    if any(running[at:at + count] == ARGUMENTS for at in range(len(running))):
        sys.exit('Already running with pid %s.' % pid)

    @atexit.register
    def remove():
        try:
            os.unlink(PIDFILE)
        except FileNotFoundError:
            pass

    with open(PIDFILE, 'w') as file:
        file.write(str(os.getpid()))


def mount_private_file_systems():
    """Moves this process into a user and mount namespace of its own, as the same user."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount.argtypes = (
        ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)

    def check(result):
        if result:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    for name, text in (
            ('setgroups', 'deny'),
            ('uid_map', '%d %d 1' % (uid, uid)),
            ('gid_map', '%d %d 1' % (gid, gid))):
        with open('/proc/self/' + name, 'w') as file:
            file.write(text)
    for size, path in PRIVATE_FILE_SYSTEMS:
        os.makedirs(path, exist_ok=True)
        check(libc.mount(
            b'tmpfs', os.fsencode(path), b'tmpfs', 0, os.fsencode('size=' + size)))


class Log:
    """A file that gets what arrives in a pipe."""

    def __init__(self, path):
        self.path = path
        self.source, self.end = os.pipe()
        self.file = None

    def reopen(self):
        if self.file is not None:
            os.close(self.file)
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def write(self, data):
        while data:
            data = data[os.write(self.file, data):]


def run_redirected(arguments, environment, ignored):
    name, stdout, stderr = REDIRECTION
    forwarded = signal_number(name) if name else None
    logs = []
    ends = {}
    for descriptor, path in (1, stdout), (2, stderr):
        if path:
            known = [log for log in logs if log.path == path]
            log = known[0] if known else Log(path)
            if not known:
                logs.append(log)
            ends[descriptor] = log.end

    def prepare():
        if PRIVATE_FILE_SYSTEMS:
            mount_private_file_systems()
        if forwarded != ignored:
            signal.signal(ignored, signal.SIG_DFL)
            if forwarded:
                signal.signal(forwarded, signal.SIG_IGN)
        for descriptor, end in ends.items():
            os.dup2(end, descriptor)

    process = subprocess.Popen(arguments, preexec_fn=prepare, env=environment)
    wake, trigger = os.pipe()

    def handle(*_):
        if forwarded:
            process.send_signal(forwarded)
        os.write(trigger, b'\0')

    for log in logs:
        log.reopen()
        os.close(log.end)
    signal.signal(ignored, handle)
    while logs:
        for source in select.select([wake] + [log.source for log in logs], (), ())[0]:
            data = os.read(source, 1 << 16)
            if source == wake:
                for log in logs:
                    log.reopen()
                continue
            log, = (log for log in logs if log.source == source)
            if data:
                log.write(data)
            else:
                logs.remove(log)
    signal.signal(ignored, signal.SIG_IGN)
    return process.wait()


def main():
    ignored = IGNORED_SIGNAL or ('USR1' if REDIRECTION else None)
    if ignored:
        ignored = signal_number(ignored)
        signal.signal(ignored, signal.SIG_IGN)
    if PIDFILE:
        take_pidfile()
    arguments = ARGUMENTS + sys.argv[1:]
    if RESERVES_CPU:
        with open(os.path.expanduser('~/.slapos-cpu-exclusive'), 'a') as file:
            file.write('%d\n' % os.getpid())
    while not all(os.path.lexists(path) for path in AWAITED_FILES):
        time.sleep(1)
    environment = dict(os.environ, **VARIABLES)
    if REDIRECTION:
        return run_redirected(arguments, environment, ignored)
    if PRIVATE_FILE_SYSTEMS:
        mount_private_file_systems()
    os.execve(arguments[0], arguments, environment)


if __name__ == '__main__':
    sys.exit(main())
