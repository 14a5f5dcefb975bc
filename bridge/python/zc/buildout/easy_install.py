"""Distributions and scripts: the engine finds and installs, this writes."""

import logging
import os
import re
import sys

import zc.buildout
from zc.buildout import _engine

logger = logging.getLogger("zc.buildout.easy_install")

url_match = re.compile("[a-z0-9+.-]+://").match
is_source_encoding_line = re.compile(r"coding[:=]\s*([-\w.]+)").search
is_jython = False

#: What `Installer` and `install` use unless told otherwise.
_settings = {
    "versions": None,
    "download_cache": None,
    "install_from_cache": False,
    "prefer_final": True,
    "use_dependency_links": True,
    "allow_picked_versions": True,
    "store_required_by": False,
}


def realpath(path):
    return os.path.normpath(os.path.abspath(os.path.realpath(path)))


def _safe_arg(argument):
    return argument


class VersionConflict(zc.buildout.UserError):
    """Two requirements exclude each other."""


class MissingDistribution(zc.buildout.UserError):
    """A requirement that nothing satisfies."""


class IncompatibleConstraintError(zc.buildout.UserError):
    """A requirement that the versions of the profile exclude."""


IncompatibleVersionError = IncompatibleConstraintError


def _add_found(working_set, found):
    """Adds distributions: paths, and for some checkouts where their metadata are."""
    import pkg_resources

    for path, metadata in found:
        if path not in working_set.entries:
            working_set.add_entry(path)
        if metadata is None:
            continue
        distribution = pkg_resources.Distribution.from_location(
            path,
            os.path.basename(metadata),
            pkg_resources.PathMetadata(path, metadata),
            precedence=pkg_resources.DEVELOP_DIST,
        )
        working_set.add(distribution, path, insert=False)
        # So the metadata are seen by `importlib.metadata`, too.
        working_set.entries.append(os.path.dirname(metadata))
    return working_set


class _NamesWhatIsMissing(type):
    """Has the error for a missing attribute of a class tell what it is."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        name = "attribute %r of %s" % (name, cls.__name__)
        raise AttributeError("The %s is not supported for recipes in Python" % name)


class Installer(metaclass=_NamesWhatIsMissing):
    """Finds and installs distributions."""

    def __init__(
        self,
        dest=None,
        links=(),
        index=None,
        executable=sys.executable,
        always_unzip=None,
        path=None,
        newest=True,
        versions=None,
        use_dependency_links=None,
        allow_hosts=("*",),
        check_picked=True,
        allow_unknown_extras=False,
    ):
        _check_executable(executable)
        self._request = {
            "dest": dest,
            "links": list(links or ()),
            "index": index,
            "path": list(path or ()),
            "newest": bool(newest),
            # Those of the profile, unless it has its own.
            "versions": None if versions is None else dict(versions),
            "allow_hosts": list(allow_hosts),
            "allow_unknown_extras": bool(allow_unknown_extras),
        }

    def install(self, specs, working_set=None):
        """Returns a working set with the requirements and what they need."""
        request = dict(self._request, specs=list(map(str, specs)))
        if working_set is not None:
            request["active"] = list(working_set.entries)
        found = _engine.call("install", request)
        if working_set is None:
            import pkg_resources

            working_set = pkg_resources.WorkingSet([])
        return _add_found(working_set, found)

    def build(self, spec, build_ext):
        request = dict(self._request, spec=str(spec), build_ext=dict(build_ext))
        return _engine.call("build", request)


def install(
    specs,
    dest,
    links=(),
    index=None,
    executable=sys.executable,
    always_unzip=None,
    path=None,
    working_set=None,
    newest=True,
    versions=None,
    use_dependency_links=None,
    allow_hosts=("*",),
    include_site_packages=None,
    allowed_eggs_from_site_packages=None,
    check_picked=True,
    allow_unknown_extras=False,
):
    """Installs distributions into `dest`; finds them only if that is `None`."""
    installer = Installer(
        dest,
        links,
        index,
        executable,
        always_unzip,
        path,
        newest,
        versions,
        use_dependency_links,
        allow_hosts=allow_hosts,
        check_picked=check_picked,
        allow_unknown_extras=allow_unknown_extras,
    )
    return installer.install(specs, working_set)


def working_set(
    specs,
    executable,
    path=None,
    include_site_packages=None,
    allowed_eggs_from_site_packages=None,
):
    """Finds distributions in the directories of `path`."""
    if path is None:
        path = executable
    else:
        _check_executable(executable)
    return install(specs, None, path=path)


def build(
    spec,
    dest,
    build_ext,
    links=(),
    index=None,
    executable=sys.executable,
    path=None,
    newest=True,
    versions=None,
    allow_hosts=("*",),
):
    """Builds a distribution with C extensions from source."""
    installer = Installer(
        dest,
        links,
        index,
        executable,
        True,
        path,
        newest,
        versions,
        allow_hosts=allow_hosts,
    )
    return installer.build(spec, build_ext)


def develop(setup, dest, build_ext=None, executable=sys.executable):
    """Makes an egg link to a source tree."""
    _check_executable(executable)
    request = {
        "setup": os.path.abspath(setup),
        "dest": dest,
        "build_ext": dict(build_ext or {}),
    }
    return _engine.call("develop", request)


def _check_executable(executable):
    if executable == sys.executable:
        return
    # It may be called by another name, such as that of a version manager.
    if executable != _engine.call("get", "buildout", "executable"):
        raise zc.buildout.UserError(
            "eggs for another Python, %r, are not supported" % (executable,)
        )


def _setting(name, value, unset):
    old = _settings[name]
    if value is not unset:
        _settings[name] = value
    return old


def default_versions(versions=None):
    return _setting("versions", versions, None)


def download_cache(path=-1):
    return _setting("download_cache", path, -1)


def install_from_cache(setting=None):
    return _setting("install_from_cache", setting, None)


def prefer_final(setting=None):
    return _setting("prefer_final", setting, None)


def use_dependency_links(setting=None):
    return _setting("use_dependency_links", setting, None)


def allow_picked_versions(setting=None):
    return _setting("allow_picked_versions", setting, None)


def store_required_by(setting=None):
    return _setting("store_required_by", setting, None)


def clear_index_cache():
    """The engine keeps no such cache."""


script_header = "#!%(python)s"

_PATHS = """
%(relative_paths_setup)s
import sys
"""

_PATH_LIST = """sys.path[0:0] = [
  %(path)s%(comma)s
  ]
%(initialization)s
"""

script_template = (
    script_header
    + _PATHS
    + _PATH_LIST.replace("%(comma)s", ",")
    + """import %(module_name)s

if __name__ == '__main__':
    sys.exit(%(module_name)s.%(attrs)s(%(arguments)s))
"""
)

distutils_script_template = (
    script_header
    + "\n%(before)s"
    + _PATHS
    + _PATH_LIST.replace("%(comma)s", ",")
    + "\n%(after)s"
)

py_script_template = (
    script_header
    + _PATHS
    + "\n"
    + _PATH_LIST.replace("%(comma)s", "")
    + """
_interactive = True
if len(sys.argv) > 1:
    _options, _args = __import__("getopt").getopt(sys.argv[1:], 'Iic:m:')
    _interactive = False
    for (_opt, _val) in _options:
        if _opt == '-i':
            _interactive = True
        elif _opt == '-c':
            exec(_val)
        elif _opt == '-m':
            sys.argv[1:] = _args
            _args = []
            __import__("runpy").run_module(
                _val, {}, "__main__", alter_sys=True)

    if _args:
        sys.argv[:] = _args
        __file__ = _args[0]
        del _options, _args
        with open(__file__) as __file__f:
            exec(compile(__file__f.read(), __file__, "exec"))

if _interactive:
    del _interactive
    __import__("code").interact(banner="", local=globals())
"""
)

relative_paths_setup = """
import os

join = os.path.join
base = os.path.dirname(os.path.abspath(os.path.realpath(__file__)))
"""


def scripts(
    reqs,
    working_set,
    executable,
    dest=None,
    scripts=None,
    extra_paths=(),
    arguments="",
    interpreter=None,
    initialization="",
    relative_paths=False,
):
    """Writes scripts for entry points, and returns their paths.

    `reqs` lists requirements, for all their scripts, and triples of name,
    module and attributes. `scripts` maps the names that are wanted to those
    that the files get.
    """
    _check_executable(executable)
    if isinstance(reqs, str):
        raise TypeError(
            "Expected iterable of requirements or entry points, got string."
        )
    paths = [distribution.location for distribution in working_set]
    paths = [realpath(path) for path in dict.fromkeys(paths + list(extra_paths))]
    entry_points, foreign = _candidates(reqs, working_set)
    _warn_of_unknown(scripts, [name for name, _, _ in entry_points])

    def wanted(name):
        return name if scripts is None else scripts.get(name)

    def common(path):
        listed, setup = _relative_path_and_setup(path, paths, relative_paths)
        return {
            "python": _safe_arg(sys.executable),
            "path": listed,
            "relative_paths_setup": setup,
            "initialization": "\n%s\n" % initialization if initialization else "",
        }

    generated = []
    for name, module, attributes in entry_points:
        if wanted(name) is None:
            continue
        path = os.path.join(dest, wanted(name))
        content = script_template % dict(
            common(path), module_name=module, attrs=attributes, arguments=arguments
        )
        # A lone comma is no list.
        content = content.replace("[\n  ,\n  ]", "[\n  ]")
        generated += _write(path, content, "script")
    for name, content in foreign:
        if wanted(name) is None:
            continue
        path = os.path.join(dest, wanted(name))
        generated += _distutils_script(path, content, common(path))
    if interpreter:
        path = os.path.join(dest, interpreter)
        values = common(path)
        if values["path"]:
            values["path"] += ","
        generated += _write(path, py_script_template % values, "interpreter")
    return generated


def _candidates(reqs, working_set):
    """Returns the entry points and the scripts of an older kind."""
    import pkg_resources

    entry_points, foreign = [], []
    for req in reqs:
        if not isinstance(req, str):
            entry_points.append(tuple(req))
            continue
        requirement = pkg_resources.Requirement.parse(req)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        distribution = working_set.find(requirement)
        if distribution is None:
            raise ValueError("Could not find requirement '%s' in working set." % req)
        found = distribution.get_entry_map("console_scripts")
        for name, point in found.items():
            entry_points.append((name, point.module_name, ".".join(point.attrs)))
        if distribution.metadata_isdir("scripts"):
            for name in distribution.metadata_listdir("scripts"):
                path = "scripts/" + name
                is_program = name.lower().endswith(".exe")
                if not is_program and not distribution.metadata_isdir(path):
                    foreign.append((name, distribution.get_metadata(path)))
    return entry_points, foreign


def _warn_of_unknown(scripts, names):
    for name, target in (scripts or {}).items():
        if name in names:
            continue
        if name == target:
            logger.warning(
                "Could not generate script '%s' as it is not defined in the egg"
                " entry points.",
                name,
            )
        else:
            logger.warning(
                "Could not generate script '%s' as script '%s' is not defined in"
                " the egg entry points.",
                name,
                target,
            )


def _distutils_script(path, content, values):
    first, _, rest = content.partition("\n")
    if "python" not in first:
        # Another language: there is nothing to put in front.
        return _write(path, content, "script")
    lines = rest.splitlines(True)
    imports = (
        place
        for place, line in enumerate(lines)
        if line.startswith(("import", "from")) and "__future__" not in line
    )
    place = next(imports, len(lines))
    values.update(before="".join(lines[:place]), after="".join(lines[place:]))
    return _write(path, distutils_script_template % values, "script")


def _write(path, content, kind):
    """Writes a program unless it is there already."""
    try:
        with open(path) as file:
            is_current = file.read() == content
    except FileNotFoundError:
        is_current = False
    if not is_current:
        with open(path, "w") as file:
            file.write(content)
        os.chmod(path, _execute_permission())
        logger.info("Generated %s %r.", kind, path)
    return [path]


def _execute_permission():
    umask = os.umask(0)
    os.umask(umask)
    return 0o777 & ~umask


def _relative_path_and_setup(script, paths, relative_paths):
    """Returns the list of paths for a script, and what computes its base."""
    if not relative_paths:
        return ",\n  ".join(map(repr, paths)), ""
    script = os.path.abspath(script)
    listed = [_relativitize(path, script, relative_paths) for path in paths]
    depth = os.path.relpath(os.path.dirname(script), relative_paths)
    levels = 0 if depth == os.curdir else len(depth.split(os.sep))
    if depth.startswith(os.pardir):
        raise AssertionError("%s is not below %s" % (script, relative_paths))
    setup = relative_paths_setup + "base = os.path.dirname(base)\n" * levels
    return ",\n  ".join(listed), setup


def _relativitize(path, script, root):
    if path == script:
        raise AssertionError("path == script")
    if path == root:
        return "base"
    if path.startswith(os.path.join(root, "")):
        return "join(base, %r)" % os.path.relpath(path, root)
    return repr(path)
