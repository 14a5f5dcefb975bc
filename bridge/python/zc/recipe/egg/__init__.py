"""What other recipes use of zc.recipe.egg: a working set, and scripts."""

import copy
import logging
import os
import re
import sys

import zc.buildout
import zc.buildout.easy_install
from zc.buildout.buildout import bool_option

_CACHE = "_zc_recipe_egg_working_set_cache"


class Eggs:
    """Installs distributions."""

    def __init__(self, buildout, name, options):
        self.buildout = buildout
        self.name = name
        self.options = options
        common = buildout["buildout"]
        links = options.get("find-links", common.get("find-links")) or ""
        self.links = links.split()
        if self.links:
            options["find-links"] = "\n".join(self.links)
        self.index = options.get("index", common.get("index"))
        if self.index is not None:
            options["index"] = self.index
        hosts = common.get("allow-hosts", "*").split("\n")
        self.allow_hosts = tuple(host.strip() for host in hosts if host.strip())
        for option, short in (("eggs-directory", "_e"), ("develop-eggs-directory", "_d")):
            options[option] = options[short] = common[option]

    def working_set(self, extra=()):
        """Returns the requirements of the part, and all that they need."""
        self.options["executable"] = sys.executable
        lines = self.options.get("eggs", self.name).split("\n")
        wanted = [line.strip() for line in lines if line.strip()]
        return wanted, self._working_set(wanted + list(extra))

    def _working_set(self, wanted):
        common = self.buildout["buildout"]
        eggs = self.options["eggs-directory"]
        develop_eggs = self.options["develop-eggs-directory"]
        offline = common.get("offline") == "true"
        newest = common.get("newest") == "true"
        cache = self.buildout.__dict__.setdefault(_CACHE, {})
        key = (
            tuple(wanted),
            eggs,
            develop_eggs,
            offline,
            newest,
            tuple(self.links),
            self.index,
            self.allow_hosts,
        )
        if key not in cache:
            if offline:
                found = zc.buildout.easy_install.working_set(
                    wanted, [develop_eggs, eggs]
                )
            else:
                found = zc.buildout.easy_install.install(
                    wanted,
                    eggs,
                    links=self.links,
                    index=self.index,
                    path=[develop_eggs],
                    newest=newest,
                    allow_hosts=self.allow_hosts,
                    allow_unknown_extras=bool_option(
                        common, "allow-unknown-extras", "false"
                    ),
                )
            cache[key] = found
        # Working sets can be changed, and this one serves others as well.
        return copy.copy(cache[key])

    def install(self):
        self.working_set()
        return ()

    update = install


class Scripts(Eggs):
    """Installs distributions and scripts that run them."""

    _entry_point = re.compile(r"([^=]+)=(\w+(?:[.]\w+)*):(\w+(?:[.]\w+)*)$").match

    def __init__(self, buildout, name, options):
        super().__init__(buildout, name, options)
        common = buildout["buildout"]
        options["bin-directory"] = options["_b"] = common["bin-directory"]
        directory = common["directory"]
        self.extra_paths = [
            os.path.join(directory, path.strip())
            for path in options.get("extra-paths", "").split("\n")
            if path.strip()
        ]
        if self.extra_paths:
            options["extra-paths"] = "\n".join(self.extra_paths)
        relative = options.get(
            "relative-paths", common.get("relative-paths", "false")
        )
        self._relative_paths = ""
        if bool_option({"relative-paths": relative}, "relative-paths"):
            options["buildout-directory"] = self._relative_paths = directory

    def install(self):
        options = self.options
        wanted, found = self.working_set()
        scripts = options.get("scripts")
        if scripts is not None:
            if not scripts:
                return ()
            pairs = (name.partition("=") for name in scripts.split())
            scripts = {name: target or name for name, _, target in pairs}
        for text in options.get("entry-points", "").split():
            parsed = self._entry_point(text)
            if not parsed:
                logging.getLogger(self.name).error(
                    "Cannot parse the entry point %s.", text
                )
                raise zc.buildout.UserError("Invalid entry point")
            wanted.append(parsed.groups())
        if bool_option(options, "dependent-scripts", "false"):
            names = [distribution.project_name for distribution in found]
            wanted += [n for n in names if n != "setuptools" and n not in wanted]
        return zc.buildout.easy_install.scripts(
            wanted,
            found,
            sys.executable,
            options["bin-directory"],
            scripts=scripts,
            extra_paths=self.extra_paths,
            interpreter=options.get("interpreter"),
            initialization=options.get("initialization", ""),
            arguments=options.get("arguments", ""),
            relative_paths=self._relative_paths,
        )

    update = install


Egg = Scripts


def _missing(name):
    class Missing:
        def __init__(self, buildout, part, options):
            raise zc.buildout.UserError(
                "zc.recipe.egg.%s cannot be used by recipes in Python." % name
            )

    Missing.__name__ = Missing.__qualname__ = name
    return Missing


Custom = _missing("Custom")
Develop = _missing("Develop")
