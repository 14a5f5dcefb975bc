"""The configuration, as recipes see it."""

import logging
import re
from collections.abc import Mapping, MutableMapping

import zc.buildout
from zc.buildout import _engine
from zc.buildout import _typed

_isurl = re.compile("([a-zA-Z0-9+.-]+)://").match

SIGNATURE = "__buildout_signature__"


class MissingOption(zc.buildout.UserError, KeyError):
    """A required option is missing."""


class MissingSection(zc.buildout.UserError, KeyError):
    """A section that is referred to is missing."""

    def __str__(self):
        return "The referenced section, %r, was not defined." % self.args[0]


def print_(*arguments, **keywords):
    print(*arguments, **keywords)


def bool_option(options, name, default=None):
    """Returns the boolean that an option says, in the words of zc.buildout."""
    value = options.get(name, default)
    if value is None:
        raise KeyError(name)
    if value in ("true", True):
        return True
    if value in ("false", False):
        return False
    raise zc.buildout.UserError("Invalid value for %r option: %r" % (name, value))


def _recipe(options):
    """Takes the option `recipe` apart."""
    recipe, _, entry = options["recipe"].partition(":")
    return recipe, entry or "default"


def dumps(value):
    """Returns the text that an option has instead of a value of any type."""
    return _typed.dumps(value)


def loads(text):
    """Returns the value that such a text stands for."""
    return _typed.loads(text)


def main(arguments=None):
    _engine.unsupported("the function zc.buildout.buildout.main")


class Options(MutableMapping):
    """The options of a section of the configuration.

    They live in the engine: every access is a call.
    """

    recipe = None

    def __init__(self, buildout, section, data=None):
        if data is not None:
            _engine.unsupported("making Options of the configuration by hand")
        self.buildout = buildout
        self.name = section
        self._created = None
        self._computed = {}

    def _read(self, text):
        if text is not None and text.startswith(_typed.MAGIC) and _typed_values():
            return _typed.loads(text)
        return text

    def get(self, option, default=None, seen=None):
        if option == SIGNATURE:
            return _engine.call("signature", self.name)
        value = _engine.call("get", self.name, option)
        if value is not None:
            return self._read(value)
        try:
            # What the mapping itself computes, if the recipe made it do so.
            return self._computed[option]
        except KeyError:
            return default

    def __getitem__(self, option):
        value = self.get(option)
        if value is None:
            # The engine knows how to explain this.
            value = self._read(_engine.call("required", self.name, option))
        return value

    def __contains__(self, option):
        return self.get(option) is not None

    def __setitem__(self, option, value):
        if not isinstance(value, str):
            if not _typed_values():
                raise TypeError("Option values must be strings", value)
            value = _typed.dumps(value)
        _engine.call("set", self.name, option, value)

    def __delitem__(self, option):
        if _engine.call("delete", self.name, option) is None:
            raise KeyError(option)

    def keys(self):
        return _engine.call("names", self.name)

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def items(self):
        return [
            (name, self._read(value))
            for name, value in _engine.call("values", self.name)
        ]

    def values(self):
        return [value for _, value in self.items()]

    def copy(self):
        """Returns what is known of the options, resolving no more."""
        return {
            name: self._read(value) for name, value in _engine.call("copy", self.name)
        }

    @property
    def _data(self):
        return self.copy()

    @_data.setter
    def _data(self, mapping):
        self._computed = mapping

    _references = re.compile(r"([$]{[^}]*})").split

    def _sub(self, template, seen):
        """Replaces the references of a text; `$$` means nothing special."""
        pieces = self._references(template)
        found = pieces[1::2]
        if found:
            pieces[1::2] = _engine.call("substitute", self.name, found)
        return "".join(pieces)

    def barrier(self):
        """Settles what the part depends on, for its signature."""
        _engine.call("signature", self.name)

    def created(self, *paths):
        if self._created is None:
            raise TypeError(
                "Attempt to register a created path while not installing", self.name
            )
        if paths:
            _engine.call("created", *map(str, paths))
        self._created.extend(paths)
        return self._created

    def __repr__(self):
        return repr(dict(self))

    def __getattr__(self, name):
        # Only called for what is not there.
        if not name.startswith("__"):
            name = "attribute %r of Options" % name
            raise AttributeError("The %s is not supported for recipes in Python" % name)
        raise AttributeError(name)


class RecordedOptions(Options):
    """The options of a part that is installed, as they were recorded."""

    def __init__(self, buildout, section, data):
        super().__init__(buildout, section)
        self._recorded = dict(data)

    def get(self, option, default=None, seen=None):
        value = self._recorded.get(option)
        return default if value is None else self._read(value)

    def __getitem__(self, option):
        if option not in self._recorded:
            raise MissingOption("Missing option: %s:%s" % (self.name, option))
        return self._read(self._recorded[option])

    def __setitem__(self, option, value):
        self._recorded[option] = value

    def __delitem__(self, option):
        del self._recorded[option]

    def keys(self):
        return list(self._recorded)

    def items(self):
        return [(name, self._read(value)) for name, value in self._recorded.items()]

    def copy(self):
        return dict(self.items())

    def _sub(self, template, seen):
        _engine.unsupported("substitution in the options of an installed part")


def _typed_values():
    return _engine.connection is not None and _engine.connection.typed_values


class RawSections(MutableMapping):
    """The sections of the configuration, as extensions change them.

    Under zc.buildout these are what profiles say, before anything is resolved. Here
    they are the sections themselves: reading one initialises it.
    """

    def __init__(self, buildout):
        self._buildout = buildout

    def __getitem__(self, section):
        if section not in self._buildout.keys():
            raise KeyError(section)
        return self._buildout[section]

    def __setitem__(self, section, options):
        if section in self._buildout.keys():
            _engine.unsupported("replacing a section of Buildout._raw")
        self._buildout[section] = options

    def __delitem__(self, section):
        _engine.unsupported("removing a section of Buildout._raw")

    def __iter__(self):
        return iter(self._buildout.keys())

    def __len__(self):
        return len(self._buildout.keys())


class Buildout(Mapping):
    """The configuration of the run."""

    Options = Options

    def __init__(self, *arguments, **keywords):
        if arguments or keywords or type(self) is not Buildout:
            _engine.unsupported("a Buildout of one's own")
        self._sections = {}
        self._logger = logging.getLogger("zc.buildout")

    def __setattr__(self, name, value):
        if name == "Options" and value is not Options:
            _engine.unsupported("replacing Buildout.Options")
        super().__setattr__(name, value)

    def __delattr__(self, name):
        super().__delattr__(name)

    def _options(self, section):
        options = self._sections.get(section)
        if options is None:
            options = self._sections[section] = Options(self, section)
        return options

    def __getitem__(self, section):
        _engine.call("reach", section)
        return self._options(section)

    def get(self, section, default=None):
        try:
            return self[section]
        except KeyError:
            return default

    def __contains__(self, section):
        return section in self.keys()

    def __setitem__(self, section, data):
        options = [(name, str(value)) for name, value in data.items()]
        _engine.call("add_section", section, options)

    def parse(self, text):
        """Adds the sections of a profile."""
        _engine.call("add_sections", text)

    def __delitem__(self, section):
        raise NotImplementedError("__delitem__")

    def keys(self):
        return _engine.call("sections")

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    @property
    def _raw(self):
        """The sections, to be changed by extensions."""
        return RawSections(self)

    @property
    def _parts(self):
        """The parts that are constructed so far, in order."""
        return _engine.call("parts")

    @property
    def _buildout_dir(self):
        return self["buildout"]["directory"]

    @property
    def offline(self):
        options = self["buildout"]
        return bool_option(options, "offline", "false") or bool_option(
            options, "install-from-cache", "false"
        )

    @property
    def newest(self):
        return not self.offline and bool_option(self["buildout"], "newest", "true")

    @property
    def dry_run(self):
        return bool_option(self["buildout"], "dry-run", "false")

    @property
    def _links(self):
        return tuple(self["buildout"].get("find-links", "").split())

    @property
    def _allow_hosts(self):
        return tuple(self["buildout"].get("allow-hosts", "*").split())

    @property
    def versions(self):
        """The pins of the versions."""
        section = self["buildout"].get("versions")
        return dict(self[section].items()) if section else {}

    @property
    def _log_level(self):
        return logging.getLogger().level

    @property
    def installed_part_options(self):
        """The options of the parts that are installed, as recorded."""
        return self._read_installed_part_options()

    def _read_installed_part_options(self):
        return {
            part: RecordedOptions(self, part, options)
            for part, options in _engine.call("installed")
        }

    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other

    def __getattr__(self, name):
        # Only called for what is not there.
        if not name.startswith("__"):
            name = "attribute %r of Buildout" % name
            raise AttributeError("The %s is not supported for recipes in Python" % name)
        raise AttributeError(name)
