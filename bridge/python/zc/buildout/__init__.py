"""zc.buildout as recipes see it, backed by the engine of `buildout`.

The package has the interface of zc.buildout that recipes use and none of its
implementation: whatever needs the configuration, the network or eggs is a call
to the engine. Outside of a run, what needs no engine works.
"""

import importlib
import warnings

WINDOWS = False
PY2 = False
PY3 = True

_SUBMODULES = frozenset(
    ("buildout", "configparser", "download", "easy_install", "rmtree")
)

# Recipes cannot do without pkg_resources, whose users are told to stop that.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
warnings.filterwarnings("ignore", message="Deprecated call to `pkg_resources")
warnings.filterwarnings("ignore", message="Setuptools is replacing distutils")


class UserError(Exception):
    """A mistake that the user can mend: shown without a traceback."""

    def __str__(self):
        return " ".join(map(str, self.args))


def __getattr__(name):
    # Under zc.buildout all of these are imported before any recipe is, so
    # recipes use them without importing them.
    if name in _SUBMODULES:
        return importlib.import_module(__name__ + "." + name)
    raise AttributeError("module %r has no attribute %r" % (__name__, name))
