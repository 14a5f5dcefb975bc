"""The process that hosts recipes in Python for the engine.

Engine and child send each other frames: the length in four bytes, then JSON.
The engine sends requests; while one is carried out, the child may send calls,
and while it waits for the answer to a call, the engine may send requests. So
both nest in each other.
"""

import json
import logging
import os
import select
import signal
import sys
import threading
import time
from importlib import import_module
from importlib.machinery import ModuleSpec

#: How long an orphan may go on before it is killed, in seconds.
PATIENCE = 1.0

#: Constructions nest, each with some frames of ours and of its recipe.
RECURSION_LIMIT = 10000


class Sources:
    """Imports the modules that the engine has sent."""

    #: Packages that other distributions have parts of.
    NAMESPACES = ("zc", "zc.recipe")

    PACKAGES = NAMESPACES + ("zc.buildout", "zc.recipe.egg")

    def __init__(self, sources):
        self.sources = dict.fromkeys(self.NAMESPACES, "")
        self.sources.update(sources)

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        spec = ModuleSpec(
            name, self, origin="<%s>" % name, is_package=name in self.PACKAGES
        )
        if name in self.NAMESPACES:
            spec.submodule_search_locations.extend(places(name, sys.path))
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__spec__.name
        exec(compile(self.sources[name], "<%s>" % name, "exec"), module.__dict__)

    def get_source(self, name):
        return self.sources[name]


def places(name, entries):
    """Returns the directories that a package may have in entries of the path."""
    parts = name.split(".")
    found = (os.path.join(entry, *parts) for entry in entries)
    return [path for path in found if os.path.isdir(path)]


def is_namespace(module):
    """Tells whether other distributions may add to a package."""
    if module.__name__ in Sources.NAMESPACES:
        return True
    origin = getattr(module, "__file__", None)
    try:
        with open(origin) as file:
            text = file.read()
    except (OSError, TypeError, UnicodeError):
        return False
    return "declare_namespace" in text or "extend_path" in text


def extend_path(entries):
    """Makes distributions importable, also the packages that they extend."""
    entries = [entry for entry in entries if entry not in sys.path]
    if not entries:
        return
    sys.path.extend(entries)
    packages = (sys.modules.get(name) for name in list(sys.modules))
    for module in packages:
        path = getattr(module, "__path__", None)
        if not isinstance(path, list):
            # Python itself keeps the paths of other namespaces.
            continue
        new = [p for p in places(module.__name__, entries) if p not in path]
        if new and is_namespace(module):
            path.extend(new)
    resources = sys.modules.get("pkg_resources")
    if resources is not None:
        for entry in entries:
            resources.working_set.add_entry(entry)
            resources.fixup_namespace_packages(entry)
    if sys.version_info >= (3, 12):
        offer_distutils()


def offer_distutils():
    """Lets setuptools stand in for the module that Python has no more."""
    try:
        hack = import_module("_distutils_hack")
    except ImportError:
        return
    if not any(type(f).__module__ == "_distutils_hack" for f in sys.meta_path):
        hack.add_shim()


class LogHandler(logging.Handler):
    """Sends records to the engine."""

    def __init__(self, connection):
        super().__init__()
        self.connection = connection

    def emit(self, record):
        try:
            message = self.format(record)
        except Exception:
            self.handleError(record)
            return
        self.connection.send({"log": [record.levelno, record.name, message]})


class Connection:
    """The engine, as this process knows it."""

    def __init__(self, descriptor, frame):
        self.descriptor = descriptor
        self.frame = frame
        #: Whether options may have values that are not strings.
        self.typed_values = False
        self.directory = None
        self.requests = []
        self.recipes = {}
        self.calls = 0
        self.answers = {}
        self.calling = threading.RLock()
        self.writing = threading.Lock()
        self.environment = dict(raw_environment())

    # Frames.

    def send(self, message):
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        data = text.encode("utf-8", "backslashreplace")
        with self.writing:
            view = memoryview(len(data).to_bytes(4, "big") + data)
            while view:
                view = view[os.write(self.descriptor, view) :]

    def receive(self):
        return json.loads(self.frame())

    # Calls.

    def call(self, name, arguments):
        with self.calling:
            if not self.requests:
                raise RuntimeError(
                    "%s: the engine answers only while a recipe is at work" % name
                )
            self.calls += 1
            number = self.calls
            flush()
            self.send(
                {
                    "id": self.requests[-1],
                    "call": number,
                    "name": name,
                    "arguments": arguments,
                }
            )
            while number not in self.answers:
                message = self.receive()
                if "do" in message:
                    self.carry_out(message)
                else:
                    self.answers[message["to"]] = message
            answer = self.answers.pop(number)
        if "error" in answer:
            raise self.error(answer["error"])
        return answer["value"]

    def error(self, error):
        """Returns the exception for a failure of the engine."""
        import zc.buildout._engine
        import zc.buildout.buildout
        import zc.buildout.download

        kind, text = error["kind"], error["text"]
        makers = {
            "missing option": zc.buildout.buildout.MissingOption,
            "missing section": zc.buildout.buildout.MissingSection,
            "checksum": zc.buildout.download.ChecksumError,
            "key": KeyError,
            "internal": zc.buildout._engine.EngineFailure,
            "cancelled": KeyboardInterrupt,
            "exit": SystemExit,
        }
        exception = makers.get(kind, zc.buildout.UserError)(text)
        # The engine knows more of it than the text.
        exception._buildout_failure = error["failure"]
        return exception

    # Requests.

    def serve(self):
        while True:
            self.carry_out(self.receive())

    def carry_out(self, request):
        self.requests.append(request["id"])
        answer = {"id": request["id"]}
        try:
            self.take_environment(request.get("environment"))
            answer["done"] = getattr(self, "do_" + request["do"])(request)
        except BaseException as error:
            answer["failed"] = self.describe(error)
        finally:
            self.requests.pop()
        if self.directory is not None:
            os.chdir(self.directory)
        flush()
        answer["environment"] = self.changed_environment()
        self.send(answer)

    def describe(self, error):
        """Returns what the engine is to know about an exception."""
        import zc.buildout

        failure = getattr(error, "_buildout_failure", None)
        if failure is not None:
            return {"kind": "engine", "failure": failure, "text": str(error)}
        if isinstance(error, zc.buildout.UserError):
            return {"kind": "user", "text": str(error)}
        if isinstance(error, KeyboardInterrupt):
            return {"kind": "cancelled", "text": "the recipe was interrupted"}
        if isinstance(error, SystemExit):
            code = error.code
            if code is None:
                code = 0
            elif not isinstance(code, int):
                print(code, file=sys.stderr)
                code = 1
            return {"kind": "exit", "code": code, "text": "the recipe has exited"}
        if any(kind.__name__ == "DistutilsError" for kind in type(error).__mro__):
            return {"kind": "user", "text": " ".join(map(str, error.args))}
        return describe_crash(error)

    def do_start(self, request):
        self.directory = request["directory"]
        self.typed_values = request["typed_values"]
        sys.meta_path.insert(0, Sources(request["sources"]))
        sys.argv[:] = request["arguments"]
        root = logging.getLogger()
        root.addHandler(LogHandler(self))
        root.setLevel(request["log_level"])
        os.chdir(self.directory)
        import zc.buildout._engine
        from zc.buildout.buildout import Buildout

        zc.buildout._engine.connection = self
        self.buildout = Buildout()

    def load(self, request):
        extend_path(request["paths"])
        found = import_module(request["module"])
        for name in request["attributes"]:
            found = getattr(found, name)
        return found

    def do_construct(self, request):
        make = self.load(request)
        part = request["part"]
        options = self.buildout._options(part)
        recipe = options.recipe = make(self.buildout, part, options)
        self.recipes[request["recipe"]] = recipe
        if "copy" in vars(options):
            # So recipes keep options out of what is recorded.
            recorded = options.copy()
            hidden = [name for name in options.keys() if name not in recorded]
            self.call("make_volatile", [part, hidden])

    def do_install(self, request):
        return self.work(request, lambda recipe: recipe.install)

    def do_update(self, request):
        def update(recipe):
            try:
                return recipe.update
            except AttributeError:
                logging.getLogger("zc.buildout").warning(
                    "The recipe for %s doesn't define an update method. Using its"
                    " install method.",
                    request["part"],
                )
                return recipe.install

        return self.work(request, update)

    def work(self, request, choose):
        recipe = self.recipes[request["recipe"]]
        options = self.buildout._options(request["part"])
        os.chdir(self.directory)
        options._created = []
        try:
            installed = choose(recipe)()
            if installed is None:
                return None
            if isinstance(installed, str):
                return [installed]
            return [os.fspath(path) for path in installed]
        finally:
            options._created = None

    def do_uninstall(self, request):
        from zc.buildout.buildout import RecordedOptions

        uninstall = self.load(request)
        part = request["part"]
        uninstall(part, RecordedOptions(self.buildout, part, request["options"]))

    def do_extension(self, request):
        self.load(request)(self.buildout)

    def do_hook(self, request):
        """Runs a function of a file, as slapos.recipe.cmmi does."""
        from importlib.machinery import SourceFileLoader
        from importlib.util import module_from_spec, spec_from_loader

        name = "<script>"
        loader = SourceFileLoader(name, request["file"])
        module = module_from_spec(spec_from_loader(name, loader))
        sys.modules[name] = module
        loader.exec_module(module)
        hook = getattr(module, request["function"])
        options = self.buildout._options(request["part"])
        environment = {
            os.fsdecode(name.encode("latin-1")): os.fsdecode(value.encode("latin-1"))
            for name, value in request["variables"]["set"].items()
        }
        os.chdir(request["directory"])
        try:
            hook(options, self.buildout, environment)
        except TypeError:
            # Those of old take no environment.
            hook(options, self.buildout)
        left = {
            os.fsencode(name).decode("latin-1"): os.fsencode(value).decode("latin-1")
            for name, value in environment.items()
        }
        return {"set": left, "unset": []}

    # The environment.

    def take_environment(self, changes):
        if not changes:
            return
        for name, value in changes["set"].items():
            os.environb[name.encode("latin-1")] = value.encode("latin-1")
        for name in changes["unset"]:
            os.environb.pop(name.encode("latin-1"), None)
        self.environment = dict(raw_environment())

    def changed_environment(self):
        """Returns how the recipe has changed the environment."""
        now, before = raw_environment(), self.environment
        if now == before:
            return None
        changes = {
            "set": {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in now.items()
                if before.get(name) != value
            },
            "unset": [name.decode("latin-1") for name in before if name not in now],
        }
        self.environment = dict(now)
        return changes


def raw_environment():
    """Returns the variables as a dictionary of bytes, not to be changed."""
    return getattr(os.environb, "_data", None) or dict(os.environb)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def describe_crash(error):
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == "<buildout>":
        trace = trace.tb_next
    summary = "".join(traceback.format_exception_only(type(error), error)).rstrip()
    lines = traceback.format_exception(type(error), error, trace)
    text = "".join(lines).rstrip()
    if text.endswith(summary):
        # It stands above.
        text = text[: -len(summary)].rstrip()
    return {
        "kind": "crash",
        "exception": type(error).__name__,
        "text": summary,
        "traceback": text,
    }


def end_with(descriptor):
    """Ends this process and those that it started when the engine is gone."""
    poll = select.poll()
    poll.register(descriptor, 0)
    poll.poll()
    time.sleep(PATIENCE)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def interrupt(_number, _frame):
    raise KeyboardInterrupt


def main(descriptor, frame):
    sys.setrecursionlimit(RECURSION_LIMIT)
    signal.signal(signal.SIGTERM, interrupt)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(
            encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
    threading.Thread(target=end_with, args=(descriptor,), daemon=True).start()
    connection = Connection(descriptor, frame)
    try:
        connection.serve()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)
