"""Removing trees that resist."""

import os
import shutil
import stat
import sys
import time

_ATTEMPTS = 10
_PAUSE = 0.1

_REMOVING = (os.unlink, os.remove, os.rmdir)


def rmtree(path):
    """Removes a tree, making writable what is not, and trying again.

    A path that is missing, a file or a link is an error, as it is for
    `shutil.rmtree`.
    """
    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=_mend)
    else:
        shutil.rmtree(path, onerror=lambda f, p, info: _mend(f, p, info[1]))


def _mend(function, path, error):
    if function not in _REMOVING or isinstance(error, FileNotFoundError):
        raise error
    parent = os.path.dirname(path)
    os.chmod(parent, stat.S_IMODE(os.stat(parent).st_mode) | stat.S_IRWXU)
    for _ in range(_ATTEMPTS - 1):
        try:
            return function(path)
        except OSError:
            time.sleep(_PAUSE)
    return function(path)
