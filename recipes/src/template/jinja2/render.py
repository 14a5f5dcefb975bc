# Renders one template for the recipe slapos.recipe.template:jinja2.
import ast, os, pprint, sys


def answer(*items):
    with open(sys.argv[2], "w", encoding="utf-8") as response:
        response.write(repr(items))
    sys.exit(0)


with open(sys.argv[1], encoding="utf-8") as request:
    request = ast.literal_eval(request.read())
try:
    import jinja2
    import six
except ImportError as error:
    answer("unavailable", "Python says: %s" % error, None)
names = {x.__name__: x for x in (
    abs, all, any, bin, bool, bytes, callable, chr, complex, dict, divmod, enumerate, filter, float,
    format, frozenset, hex, int, isinstance, iter, len, list, map, max, min, next, oct, ord, pow,
    range, repr, reversed, round, set, six, sorted, str, sum, tuple, zip)}


def check(x, *args):
    if x:
        return ""
    raise AssertionError(*args)


def dumps(value):
    text, is_readable, _ = pprint.PrettyPrinter().format(value, {}, 0, 0)
    if not is_readable:
        raise ValueError("Value cannot be serialised: %s" % text)
    return "!py!" + text.replace("$", "\\x24").replace(";", "\\x3b")


names["assert"] = check
if request["has_dumps"]:
    names["dumps"] = dumps
names.update(request["values"])
for name, module in request["modules"].items():
    try:
        names[name] = __import__(module, fromlist=["*"], level=0)
    except ImportError as error:
        answer("unavailable", "Python says: %s" % error, None)
places = {alias: (kind, path) for alias, kind, path in request["imports"]}


def load(name):
    alias, _, rest = name.partition(request["delimiter"])
    kind, path = places.get(alias, (None, None))
    if kind == "folder":
        folder = path
        path = os.path.normpath(os.path.join(folder, *rest.split(request["delimiter"])))
        if path != folder and not path.startswith(folder.rstrip("/") + "/"):
            return None
    elif kind is None or rest:
        return None
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8", newline="") as template:
        return template.read(), path, None


try:
    environment = jinja2.Environment(
        extensions=request["extensions"], undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(load) if places else None)
    code = environment.compile(request["source"], filename=request["name"])
    template = environment.template_class.from_code(environment, code, environment.make_globals(None))
    text = template.render(**names)
except Exception as error:
    line = getattr(error, "lineno", None)
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == request["name"]:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
    answer(module + kind.__name__, str(error), line)
answer(text)
