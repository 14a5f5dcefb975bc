"""Profiles as Python values: only the engine reads profiles."""

from zc.buildout import _engine


class Error(Exception):
    """A profile that cannot be read."""


class ParsingError(Error):
    """A line that means nothing."""


class MissingSectionHeaderError(ParsingError):
    """An option before the first section."""


def parse(file, name, exp_globals=dict):
    _engine.unsupported("the function zc.buildout.configparser.parse")
