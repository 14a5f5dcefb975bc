"""The way to the engine."""

import zc.buildout

#: The connection to the engine; `None` outside of a run.
connection = None


class NoEngine(zc.buildout.UserError):
    """Something needs the engine, and there is none."""


class EngineFailure(Exception):
    """Something else than a mistake of the user has failed in the engine."""


def call(name, *arguments):
    """Has the engine carry out `name` and returns its answer."""
    if connection is None:
        raise NoEngine(
            "%s needs a run of buildout, and this process is not part of one." % name
        )
    return connection.call(name, arguments)


def unsupported(what):
    """Raises the error for something of zc.buildout that is not there."""
    raise zc.buildout.UserError(
        "%s of zc.buildout is not supported for recipes in Python." % what
    )
