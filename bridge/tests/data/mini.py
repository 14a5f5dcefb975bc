"""Recipes for tests."""

import logging
import os
import sys

import zc.buildout


class Recipe:
    def __init__(self, buildout, name, options):
        self.options = options
        self.logger = logging.getLogger(name)
        options["computed"] = "yes"

    def install(self):
        self.logger.info("installs")
        with open(self.options["path"], "w") as file:
            file.write("content of %s\n" % self.options.name)
        return self.options["path"]

    def update(self):
        self.logger.info("updates")


class Script:
    """Runs the option `init` when it is constructed, and `install` later."""

    def __init__(self, buildout, name, options):
        self.buildout, self.name, self.options = buildout, name, options
        self.returned = lambda: ()
        self.run(options.get("init", ""))

    def run(self, text):
        exec(
            text,
            dict(
                self=self,
                buildout=self.buildout,
                options=self.options,
                logging=logging,
                os=os,
                sys=sys,
                zc=zc,
            ),
        )

    def install(self):
        self.run(self.options.get("install", ""))
        return self.returned()

    def update(self):
        self.install()


class NoUpdate:
    def __init__(self, buildout, name, options):
        pass

    def install(self):
        with open("log", "a") as file:
            file.write("install\n")
        return ()


def uninstall(name, options):
    logging.getLogger("mini").warning(
        "%s had %s and %s", name, options["computed"], options["__buildout_installed__"]
    )


def load(buildout):
    if "fail" in buildout["buildout"]:
        raise zc.buildout.UserError("the extension fails")
    logging.getLogger("mini").info(
        "loaded in %s/", buildout["buildout"]["directory"].rstrip("/")
    )
    buildout["more"] = {"recipe": "mini:no-update"}


def unload(buildout):
    logging.getLogger("mini").info("unloaded")
