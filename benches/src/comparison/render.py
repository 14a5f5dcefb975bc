# Renders all templates of a directory with Jinja2, as slapos.recipe.template:jinja2 does, and
# prints how long it took: render.py DIRECTORY ROUNDS. The program `render` does the same.
import ast, glob, hashlib, os, pprint, sys, time

start = time.perf_counter_ns()
from jinja2 import Environment, StrictUndefined

imported = time.perf_counter_ns() - start
directory, rounds = sys.argv[1], int(sys.argv[2])


def dumps(value):
    text, is_readable, _ = pprint.PrettyPrinter().format(value, {}, 0, 0)
    assert is_readable
    return "!py!" + text.replace("$", "\\x24").replace(";", "\\x3b")


builtins = {x.__name__: x for x in (
    abs, all, any, bin, bool, bytes, callable, chr, complex, dict, divmod, enumerate, filter, float,
    format, frozenset, hex, int, isinstance, iter, len, list, map, max, min, next, oct, ord, pow,
    range, repr, reversed, round, set, sorted, str, sum, tuple, zip)}
builtins["dumps"] = dumps
with open(os.path.join(directory, "context"), encoding="utf-8") as file:
    literal = file.read().replace("\n", " ")
sources = []
for path in sorted(glob.glob(os.path.join(directory, "*.in"))):
    with open(path, encoding="utf-8", newline="") as file:
        sources.append(file.read())
environment = Environment(extensions=["jinja2.ext.do"], undefined=StrictUndefined)
digest = hashlib.sha256()
templates = []
first = 0
for source in sources:
    names = dict(builtins, **ast.literal_eval(literal))
    start = time.perf_counter_ns()
    template = environment.from_string(source)
    text = template.render(**names)
    first += time.perf_counter_ns() - start
    templates.append(template)
    digest.update(text.encode() + b"\0")
warm = None
for _ in range(rounds):
    total = 0
    for template in templates:
        names = dict(builtins, **ast.literal_eval(literal))
        start = time.perf_counter_ns()
        template.render(**names)
        total += time.perf_counter_ns() - start
    warm = total if warm is None else min(warm, total)
print(first, warm, imported, digest.hexdigest())
