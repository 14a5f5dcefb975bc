"""Compares our rendering of the templates of a checkout of SlapOS with Jinja2's.

usage: corpus.py GIT_DIRECTORY RENDER_TEMPLATES_PROGRAM [--time] [-v] [--only=REGEX]

Needs Jinja2 3.1 and six. The templates are those that sections with the recipe
slapos.recipe.template:jinja2 can mean: files whose names say so, files that
such sections refer to, and texts within profiles. Each is rendered with made
up contexts: the types of names are guessed from how the template uses them.
The templates are read from git and never written to the disk.
"""
import ast, collections, json, os, re, subprocess, sys, time, itertools, functools, hashlib
import operator, textwrap, base64, shlex, types, urllib.parse, socket
import six
from six.moves import shlex_quote
from jinja2 import Environment, StrictUndefined, DictLoader, nodes, meta, TemplateSyntaxError

git, program = sys.argv[1:3]
TIME = "--time" in sys.argv
EXT = ["jinja2.ext.do", "jinja2.ext.loopcontrols"]


def run(*args):
    return subprocess.run(["git", "--git-dir", git, *args], stdout=subprocess.PIPE, check=True).stdout


def read_all(paths):
    process = subprocess.Popen(["git", "--git-dir", git, "cat-file", "--batch"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    import threading
    def feed():
        for p in paths:
            process.stdin.write(("HEAD:%s\n" % p).encode())
        process.stdin.close()
    threading.Thread(target=feed).start()
    out = {}
    for p in paths:
        header = process.stdout.readline().split()
        if header[-1] == b"missing":
            continue
        data = process.stdout.read(int(header[2]))
        process.stdout.read(1)
        try:
            out[p] = data.decode()
        except UnicodeDecodeError:
            pass
    return out


names = run("ls-tree", "-r", "--name-only", "HEAD").decode().splitlines()
interesting = [n for n in names if re.search(r"\.(cfg|in|jinja2?|j2|sh|conf|txt|xml|py|html|json|ini|mako)$|\.in$|jinja", n)
               and not n.endswith(".py")]
texts = read_all(interesting)
MARK = re.compile(r"\{%-?\s*(set|if|for|macro|import|from|do|raw|include)\b|\{\{")
BLOCK = re.compile(r"\{%-?\+?\s*(set|if|for|macro|import|from|do|raw|include)\b")
templates = {}
imports_of = {}
# What sections say.
modules_of = collections.defaultdict(dict)
sections_of = collections.defaultdict(set)
for path, text in texts.items():
    for body in re.split(r"(?m)^\[", text):
        if "slapos.recipe.template:jinja2" not in body and "jinja2-template-base" not in body:
            continue
        # An inline template.
        m = re.search(r"(?ms)^(?:inline|template)\s*=\s*(?:inline:)?[ \t]*\n((?:[ \t]+[^\n]*\n|\n)+)", body)
        if m and MARK.search(m.group(1)):
            templates["%s [%s]" % (path, body.split("]")[0])] = textwrap.dedent(m.group(1))
for path, text in texts.items():
    looks = "jinja" in os.path.basename(path).lower() or BLOCK.search(text) or path.startswith(("software/", "stack/")) and path.endswith((".in", ".j2"))
    if looks and MARK.search(text):
        templates[path] = text
# Distinct texts.
seen = {}
for path in sorted(templates):
    seen.setdefault(templates[path], path)
templates = {p: t for t, p in seen.items()}
ONLY = [a[7:] for a in sys.argv if a.startswith("--only=")]
by_base = collections.defaultdict(list)
for p in texts:
    by_base[os.path.basename(p)].append(p)

MODULES = {"json": "json", "os": "os", "six": "six", "itertools": "itertools", "functools": "functools",
           "hashlib": "hashlib", "re": "re", "urllib": "urllib", "urlparse": "urllib.parse",
           "urllib_parse": "urllib.parse", "parse": "urllib.parse", "urllib": "urllib", "operator": "operator",
           "base64": "base64", "textwrap": "textwrap", "socket": "socket", "netaddr": "netaddr",
           "os_module": "os", "json_module": "json", "operator_module": "operator", "shlex": "shlex",
           "hashlib_module": "hashlib", "functools_module": "functools", "itertools_module": "itertools",
           "six_moves_urllib_parse": "six.moves.urllib.parse", "pwd": "pwd", "xbuildout": "xbuildout",
           "urllib_parse_module": "urllib.parse", "parse_module": "urllib.parse"}
IMPORT_LINE = re.compile(r"(?m)^\s*import\s+(\w+)\s+([\w.]+)\s*$")
for text in texts.values():
    for alias, module in IMPORT_LINE.findall(text):
        if alias not in MODULES:
            MODULES[alias] = module


def check(x, *a):
    if x:
        return ""
    raise AssertionError(*a)


import pprint


def dumps(value):
    text, readable, _ = pprint.PrettyPrinter().format(value, {}, 0, 0)
    if not readable:
        raise ValueError("Value cannot be serialised: %s" % text)
    text = text.replace("$", "\\x24").replace(";", "\\x3b")
    if eval(text, {"__builtins__": {"set": set, "frozenset": frozenset}}) != value:
        raise ValueError(value)
    return "!py!" + text


BUILTINS = {x.__name__: x for x in (
    abs, all, any, bin, bool, bytes, callable, chr, complex, dict, divmod, enumerate, filter, float, format,
    frozenset, hex, int, isinstance, iter, len, list, map, max, min, next, oct, ord, pow, range, repr, reversed,
    round, set, six, sorted, str, sum, tuple, zip)}
BUILTINS["assert"] = check
BUILTINS["dumps"] = dumps

DICT = {"items", "keys", "values", "get", "setdefault", "update", "iteritems", "itervalues", "pop"}
LIST = {"append", "extend", "insert", "sort"}


class Type:
    """What is known of a value."""
    def __init__(self):
        self.kind = None
        self.fields = {}
        self.item = None

    def field(self, name):
        if name not in self.fields:
            self.fields[name] = Type()
        self.kind = "dict"
        return self.fields[name]

    def items(self):
        if self.item is None:
            self.item = Type()
        return self.item

    def mark(self, kind):
        if self.kind is None:
            self.kind = kind


def infer(tree, shared=None):
    names = {} if shared is None else shared
    def name_type(env, name):
        if name in env:
            return env[name]
        return names.setdefault(name, Type())
    def expr(e, env):
        """Returns the type of an expression, or None."""
        if isinstance(e, nodes.Name):
            return name_type(env, e.name)
        if isinstance(e, nodes.Getattr):
            t = expr(e.node, env)
            return t.field(e.attr) if t else None
        if isinstance(e, nodes.Getitem):
            t = expr(e.node, env)
            if isinstance(e.arg, nodes.Const) and isinstance(e.arg.value, str):
                return t.field(e.arg.value) if t else None
            if not isinstance(e.arg, nodes.Slice):
                expr(e.arg, env)
            if t:
                if isinstance(e.arg, nodes.Const):
                    t.mark("list")
                return t.items()
            return None
        if isinstance(e, nodes.Call):
            for a in list(e.args) + [k.value for k in e.kwargs] + [x for x in (e.dyn_args, e.dyn_kwargs) if x]:
                expr(a, env)
            if e.dyn_kwargs is not None:
                k = expr(e.dyn_kwargs, env)
                if k is not None: k.mark("dict")
            if isinstance(e.node, nodes.Getattr):
                t = expr(e.node.node, env)
                attr = e.node.attr
                if t is not None:
                    if attr in ("get", "pop", "setdefault") and e.args and isinstance(e.args[0], nodes.Const) and isinstance(e.args[0].value, str):
                        f = t.field(e.args[0].value)
                        if len(e.args) > 1:
                            d = e.args[1]
                            if isinstance(d, nodes.Dict): f.mark("dict")
                            if isinstance(d, (nodes.List, nodes.Tuple)): f.mark("list")
                            if isinstance(d, nodes.Const):
                                if isinstance(d.value, bool): f.mark("bool")
                                elif isinstance(d.value, int): f.mark("int")
                                elif isinstance(d.value, str): f.mark("str")
                        f.optional = True
                        return f
                    if attr in DICT:
                        t.mark("dict")
                        if attr in ("items", "iteritems"):
                            r = Type(); r.pair = t.items(); return r
                        if attr == "values":
                            r = Type(); r.kind = "list"; r.item = t.items(); return r
                    elif attr in LIST:
                        t.mark("list")
                    elif isinstance(e.node.node, nodes.Name) and e.node.node.name in ("json", "json_module") and attr == "loads" and e.args:
                        a = expr(e.args[0], env)
                        if a is not None:
                            a.kind = "json"; return a.items()
                    elif attr in ("split", "strip", "lower", "startswith", "splitlines", "replace"):
                        t.mark("str")
                        if attr in ("split", "splitlines"):
                            r = Type(); r.kind = "list"; r.items().mark("str"); return r
                    elif attr in ("iteritems", "itervalues") and e.args:
                        pass
                    if isinstance(e.node.node, nodes.Name) and e.node.node.name == "six" and e.args:
                        a = expr(e.args[0], env)
                        if a is not None and attr == "iteritems":
                            a.mark("dict"); r = Type(); r.pair = a.items(); return r
                        if a is not None and attr == "itervalues":
                            a.mark("dict"); r = Type(); r.item = a.items(); return r
                return None
            if isinstance(e.node, nodes.Name) and e.args:
                a = expr(e.args[0], env)
                if e.node.name in ("int", "float") and a is not None: a.mark("int")
                if e.node.name in ("dict",) and a is not None: a.mark("dict"); return a
                if e.node.name in ("sorted", "list", "set", "enumerate", "len") and a is not None:
                    if e.node.name in ("sorted", "list"): return a
                    if e.node.name == "enumerate":
                        r = Type(); r.enum = a; return r
                return None
            if not isinstance(e.node, nodes.Name):
                expr(e.node, env)
            return None
        if isinstance(e, nodes.Filter):
            t = expr(e.node, env) if e.node else None
            for a in e.args: expr(a, env)
            if t is not None:
                if e.name == "dictsort":
                    t.mark("dict"); r = Type(); r.pair = t.items(); return r
                if e.name == "int": t.mark("intstr")
                if e.name in ("list", "sort", "unique"): return t
                if e.name in ("join",): t.mark("list")
            return None
        if isinstance(e, nodes.Test):
            return expr(e.node, env) and None
        if isinstance(e, nodes.CondExpr):
            expr(e.test, env); a = expr(e.expr1, env)
            if e.expr2: expr(e.expr2, env)
            return a
        if isinstance(e, (nodes.Or, nodes.And)):
            a = expr(e.left, env); b = expr(e.right, env)
            if isinstance(e.right, nodes.Dict) and a is not None: a.mark("dict")
            return a
        if isinstance(e, nodes.Compare):
            a = expr(e.expr, env)
            for o in e.ops:
                b = expr(o.expr, env)
                c = o.expr.value if isinstance(o.expr, nodes.Const) else None
                if a is not None and isinstance(c, int) and not isinstance(c, bool): a.mark("int")
                if a is not None and isinstance(c, str):
                    a.mark("str"); a.values = getattr(a, "values", []) + [c]
                if b is not None and o.op in ("in", "notin"): pass
            return None
        if isinstance(e, (nodes.Add, nodes.Sub, nodes.Mul)):
            a = expr(e.left, env); b = expr(e.right, env)
            for x, y in ((a, e.right), (b, e.left)):
                if x is not None and isinstance(y, nodes.Const):
                    if isinstance(y.value, int): x.mark("int")
                    if isinstance(y.value, str): x.mark("str")
                if x is not None and isinstance(y, nodes.List): x.mark("list")
            return a
        for child in e.iter_child_nodes():
            if isinstance(child, nodes.Expr): expr(child, env)
        return None
    def bind(target, t, env):
        if isinstance(target, nodes.Name):
            env[target.name] = t if t is not None else Type()
        elif isinstance(target, nodes.Tuple):
            pair = getattr(t, "pair", None); enum = getattr(t, "enum", None)
            for i, x in enumerate(target.items):
                bind(x, None, env)
    def stmts(body, env):
        for s in body:
            stmt(s, env)
    def stmt(s, env):
        if isinstance(s, nodes.Output):
            for n in s.nodes:
                if isinstance(n, nodes.Expr) and not isinstance(n, nodes.TemplateData): expr(n, env)
        elif isinstance(s, nodes.For):
            t = expr(s.iter, env); inner = dict(env)
            pair = getattr(t, "pair", None); enum = getattr(t, "enum", None)
            if isinstance(s.target, nodes.Tuple) and pair is not None and len(s.target.items) == 2:
                inner_key = Type(); inner_key.kind = "str"
                bind(s.target.items[0], inner_key, inner); bind(s.target.items[1], pair, inner)
            elif isinstance(s.target, nodes.Tuple) and enum is not None and len(s.target.items) == 2:
                k = Type(); k.kind = "int"; enum.mark("list")
                bind(s.target.items[0], k, inner); bind(s.target.items[1], enum.items(), inner)
            elif t is not None and isinstance(s.target, nodes.Name):
                t.mark("list"); bind(s.target, t.items() if t.kind != "dict" else None, inner)
            else:
                if t is not None: t.mark("list")
                bind(s.target, None, inner)
            stmts(s.body, inner); stmts(s.else_, inner)
        elif isinstance(s, nodes.If):
            expr(s.test, env); stmts(s.body, env)
            for x in s.elif_: stmt(x, env)
            stmts(s.else_, env)
        elif isinstance(s, nodes.Assign):
            t = expr(s.node, env); bind(s.target, t, env)
        elif isinstance(s, nodes.Macro):
            inner = dict(env)
            for a in s.args: inner[a.name] = Type()
            env[s.name] = Type()
            stmts(s.body, inner)
        elif isinstance(s, (nodes.Import,)):
            env[s.target] = Type()
        elif isinstance(s, nodes.FromImport):
            for n in s.names: env[n[1] if isinstance(n, tuple) else n] = Type()
        else:
            for child in s.iter_child_nodes():
                if isinstance(child, nodes.Expr): expr(child, env)
                elif isinstance(child, nodes.Stmt): stmt(child, env)
    stmts(tree.body, {})
    return names


def build(t, variant, name, depth=0):
    if depth > 8: return "deep"
    optional = getattr(t, "optional", False)
    kind = t.kind
    if kind in (None, "json") and t.fields: kind = "dict" if kind is None else "json"
    if kind == "json":
        t2 = t.item or Type()
        if t2.kind is None and not t2.fields: t2.kind = "dict"
        return json.dumps(build(t2, variant, name, depth + 1))
    if kind == "dict":
        out = {}
        for f, ft in t.fields.items():
            if getattr(ft, "optional", False) and variant == 0: continue
            out[f] = build(ft, variant, f, depth + 1)
        if t.item is not None and (variant or not t.fields):
            for k in ("k1", "a-b") if variant else ("k1",):
                out.setdefault(k, build(t.item, variant, k, depth + 1))
        return out
    if kind == "list":
        item = t.item or Type()
        return [build(item, variant, name, depth + 1) for _ in range(1 + variant)]
    if kind == "int": return 3 + variant
    if kind == "intstr": return "12" if variant < 2 else 7
    if kind == "bool": return variant > 0
    values = getattr(t, "values", None)
    if values: return values[variant % len(values)]
    n = name.lower()
    if re.search(r"port|count|number|size|limit|timeout|ram|cpu", n): return str(8000 + variant)
    if re.search(r"ip(v[46])?$|^ip", n): return ["10.0.0.1", "2001:db8::1", "::1"][variant]
    if re.search(r"url|uri", n): return ["http://h:80/p", "https://u:p@[::1]:8443/p?q=1", "http://x/;$'"][variant]
    return [name + "-v", "v%d" % variant, "a;$'b"][variant]


environment = Environment(extensions=EXT, undefined=StrictUndefined)
trees, broken = {}, {}
for path, source in templates.items():
    try:
        trees[path] = environment.parse(source)
    except TemplateSyntaxError as e:
        broken[path] = e
print("templates that Jinja2 parses: %d; that it refuses: %d" % (len(trees), len(broken)))


def attributes_of(tree, name):
    """Returns the attributes of a name that a template uses."""
    return {n.attr for n in tree.find_all(nodes.Getattr) if isinstance(n.node, nodes.Name) and n.node.name == name}


def exports(tree):
    names = {n.name for n in tree.find_all(nodes.Macro)}
    return names | {n.target.name for n in tree.find_all(nodes.Assign) if isinstance(n.target, nodes.Name)}


exported = {p: exports(t) for p, t in trees.items()}


def libraries(path, tree, seen):
    """Returns the templates that a template names, by guessing files."""
    out = {}
    for n in tree.find_all((nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)):
        if isinstance(n.template, nodes.Const) and isinstance(n.template.value, str):
            alias = n.template.value
            if alias in seen: continue
            seen.add(alias)
            words = re.split(r"\W+|_", alias.lower())
            here = os.path.dirname(path)
            best, score = None, 0
            wanted = attributes_of(tree, n.target) if isinstance(n, nodes.Import) else set()
            if isinstance(n, nodes.FromImport):
                wanted = {x[0] if isinstance(x, tuple) else x for x in n.names}
            for p in templates:
                if p == path or "[" in p: continue
                base = os.path.basename(p).lower()
                s = sum(w in base for w in words if w) * 2 + (os.path.dirname(p) == here) * 2 + (p.split("/")[:2] == path.split("/")[:2])
                if "library" in base and "library" not in alias: s -= 1
                if wanted and p in exported: s += 10 if wanted <= exported[p] else -10
                if s > score: best, score = p, s
            if best and score >= 3 and best in trees:
                out[alias] = templates[best]
                out.update(libraries(best, trees[best], seen))
    return out


def repair(context, expected):
    """Adds what a render missed; tells whether there was something to add."""
    message = expected["message"]
    m = re.match(r"'(\w+)' is undefined$", message)
    if m and m.group(1) not in context:
        context[m.group(1)] = m.group(1) + "-v"
        return True
    m = re.match(r"'dict object' has no attribute '(.+)'$", message) or (
        expected["error"] == "KeyError" and re.match(r"'(.+)'$", message))
    changed = False
    if m:
        def add(value):
            nonlocal changed
            if isinstance(value, dict):
                for v in list(value.values()): add(v)
                if m.group(1) not in value:
                    value[m.group(1)] = m.group(1) + "-v"; changed = True
            elif isinstance(value, list):
                for v in value: add(v)
        for v in context.values(): add(v)
        return changed
    return False


class Timeout(Exception): pass
import signal
def alarm(*a): raise Timeout()
signal.signal(signal.SIGALRM, alarm)


# A module that the release `simpleran` makes of a file.
xbuildout = types.ModuleType("xbuildout")
exec(run("show", "HEAD:software/simpleran/ru/xbuildout.py").decode(), xbuildout.__dict__)
sys.modules["xbuildout"] = xbuildout


def real_modules(names):
    out = {}
    for alias, module in names.items():
        if module == "subprocess": return None
        try:
            out[alias] = __import__(module, fromlist=["*"], level=0)
        except ImportError:
            return None
    return out


jobs, expectations, unusable = [], [], []
for path in sorted(trees):
    if ONLY and not re.search(ONLY[0], path):
        continue
    tree = trees[path]
    libs = libraries(path, tree, set())
    inferred = infer(tree)
    for lib in libs.values():
        infer(environment.parse(lib), inferred)
    undeclared = meta.find_undeclared_variables(tree)
    for lib in libs.values():
        undeclared |= meta.find_undeclared_variables(environment.parse(lib))
    undeclared -= set(BUILTINS) | {"namespace", "cycler", "joiner", "lipsum", "range", "dict"}
    every = [tree] + [environment.parse(lib) for lib in libs.values()]

    def is_module(name):
        used = set().union(*(attributes_of(t, name) for t in every))
        try:
            module = __import__(MODULES[name], fromlist=["*"], level=0)
        except ImportError:
            return MODULES[name] in ("xlte.nrarfcn", "xlte.earfcn")
        return bool(used) and all(hasattr(module, a) for a in used)
    wanted_modules = {n: MODULES[n] for n in undeclared if n in MODULES and is_module(n)}
    wanted_modules |= {n: MODULES[n] for n in undeclared if n in MODULES and inferred.get(n) and inferred[n].kind is not None or n in ("json", "os", "itertools", "functools", "hashlib", "six")and n in undeclared}
    modules = real_modules(wanted_modules)
    if modules is None:
        unusable.append((path, "module " + str(sorted(set(wanted_modules.values())))))
        continue
    usable = False
    for variant in range(3):
        context = {n: build(inferred.get(n) or Type(), variant, n) for n in sorted(undeclared) if n not in wanted_modules}
        # Adds what is missing, as real Jinja2 tells.
        extra_modules = {}
        for attempt in range(25):
            literal = repr(context)
            env = Environment(extensions=EXT, undefined=StrictUndefined, loader=DictLoader(libs))
            signal.alarm(5)
            try:
                start = time.perf_counter()
                template = env.from_string(templates[path])
                compiled = time.perf_counter()
                text = template.render(BUILTINS, **ast.literal_eval(literal), **modules)
                rendered = time.perf_counter()
                expected = {"ok": text}
                if TIME:
                    copies = [ast.literal_eval(literal) for _ in range(5)]
                    warm = time.perf_counter()
                    for c in copies: template.render(BUILTINS, **c, **modules)
                    expected["warm"] = (time.perf_counter() - warm) / 5
                    expected["cold"] = rendered - start
            except Timeout:
                expected = None
            except Exception as e:
                expected = {"error": type(e).__name__, "message": str(e)}
            finally:
                signal.alarm(0)
            if expected is None or "ok" in expected or not repair(context, expected):
                break
        if expected is None: continue
        jobs.append({"name": path, "source": templates[path], "context": literal, "modules": wanted_modules, "templates": libs})
        expectations.append(expected)
        usable |= "ok" in expected
    if not usable: unusable.append((path, "no context: %s" % (expected and expected["message"])))

if "-v" in sys.argv:
    for u in unusable: print("UNUSABLE", *u)
    sys.stdout.flush()
args = [program] + (["--time", "5"] if TIME else [])
result = subprocess.run(args, input="\n".join(map(json.dumps, jobs)).encode(), stdout=subprocess.PIPE)
results = [json.loads(l) for l in result.stdout.decode().splitlines()]
assert len(results) == len(jobs), (len(results), len(jobs), result.returncode)
same = different = 0
causes = collections.Counter()
error_same = error_class = error_other = 0
unparsed = {}
examples = []
for job, theirs, ours in zip(jobs, expectations, results):
    if ours.get("unsupported") or "Syntax" in ours.get("error", "") or "Assertion" in ours.get("error", "") and "jinja2" in ours.get("error", ""):
        unparsed[job["name"]] = ours
    if "ok" in theirs:
        if ours.get("ok") == theirs["ok"]:
            same += 1
        else:
            different += 1
            cause = ours.get("error", "text") + ": " + ours.get("message", "")[:90]
            causes[cause] += 1
            a, b = theirs["ok"], ours.get("ok")
            where = ""
            if b is not None:
                i = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                where = "\n   theirs %r\n   ours   %r" % (a[max(0, i-60):i+60], b[max(0, i-60):i+60])
            examples.append("%s line %s: %s%s" % (job["name"], ours.get("line"), cause, where))
    else:
        cls = ours.get("error", "RENDERED").split(".")[-1]
        if cls == theirs["error"] and ours.get("message") == theirs["message"]: error_same += 1
        elif cls == theirs["error"]:
            error_class += 1
            examples.append("MESSAGE %s\n   theirs %s\n   ours   %s" % (job["name"], theirs["message"], ours["message"]))
        else:
            error_other += 1
            examples.append("ERROR %s: theirs %s: %s\n   ours %s: %s" % (job["name"], theirs["error"], theirs["message"], cls, ours.get("message", "")))
print("renders that Jinja2 does: %d; identical: %d (%.2f%%)" % (same + different, same, 100.0 * same / max(1, same + different)))
print("templates with a render: %d; unusable: %d" % (len({j["name"] for j, t in zip(jobs, expectations) if "ok" in t}), len(unusable)))
print("renders that fail in Jinja2: same error %d, same class %d, other %d" % (error_same, error_class, error_other))
print("templates that ours refuses before rendering: %d" % len(unparsed))
for name, ours in unparsed.items(): print("   ", name, ours.get("line"), ours["message"])
for cause, count in causes.most_common(): print("%5d %s" % (count, cause))
if "-v" in sys.argv:
    for e in examples: print(e)
if TIME:
    rows = [(t["cold"], t["warm"], r["first"] / 1e6, r["microseconds"] / 1e6)
            for t, r in zip(expectations, results) if "ok" in t and "microseconds" in r]
    cold, warm, first, again = (sum(x) for x in zip(*rows))
    print("%d renders: first, Python %.3f s and ours %.3f s: %.1f times; again, %.3f s and %.3f s: %.2f times"
          % (len(rows), cold, first, cold / first, warm, again, warm / again))
