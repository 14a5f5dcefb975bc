"""Option values that are not strings: the `!py!` form of SlapOS's fork."""

import ast

MAGIC = "!py"
PREFIX = "!py!"

_SCALARS = (type(None), bool, int, float, str, bytes)


def _literal(value):
    """Returns the literal of `value`, the same one for equal values."""
    kind = type(value)
    if kind in _SCALARS:
        text = repr(value)
        if kind is float and text.lstrip("-") in ("inf", "nan"):
            raise ValueError("Value cannot be serialised: %s" % text)
        return text
    if kind is bytearray:
        return _literal(bytes(value))
    if isinstance(value, dict):
        items = [(_literal(key), _literal(item)) for key, item in value.items()]
        try:
            order = sorted(range(len(items)), key=list(value).__getitem__)
        except TypeError:
            order = sorted(range(len(items)), key=items.__getitem__)
        return "{%s}" % ", ".join("%s: %s" % items[place] for place in order)
    if isinstance(value, (set, frozenset)):
        try:
            members = [_literal(item) for item in sorted(value)]
        except TypeError:
            members = sorted(map(_literal, value))
        text = "{%s}" % ", ".join(members) if members else "set()"
        if isinstance(value, frozenset):
            return "frozenset(%s)" % (text if members else "")
        return text
    if isinstance(value, tuple):
        members = [_literal(item) for item in value]
        return "(%s%s)" % (", ".join(members), "," if len(members) == 1 else "")
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(_literal, value))
    for base in _SCALARS:
        if isinstance(value, base):
            return _literal(base(value))
    raise ValueError(
        "Value cannot be serialised: %s" % getattr(kind, "__name__", kind)
    )


def dumps(value):
    """Returns the text that an option has instead of `value`."""
    literal = _literal(value)
    return PREFIX + literal.replace("$", "\\x24").replace(";", "\\x3b")


def _evaluate(node):
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("set", "frozenset")
        and not node.keywords
        and len(node.args) <= 1
    ):
        members = map(_evaluate, node.args)
        return {"set": set, "frozenset": frozenset}[node.func.id](*members)
    if isinstance(node, ast.Dict):
        return {
            _evaluate(key): _evaluate(value)
            for key, value in zip(node.keys, node.values)
        }
    for kind, make in ((ast.List, list), (ast.Tuple, tuple), (ast.Set, set)):
        if isinstance(node, kind):
            return make(map(_evaluate, node.elts))
    return ast.literal_eval(node)


def loads(text):
    """Returns the value that `text` stands for.

    Unlike the fork, which evaluates any expression, this reads literals only.
    """
    version, bang, literal = text[len(MAGIC) :].partition("!")
    if not text.startswith(MAGIC) or not bang or version:
        raise ValueError("not a serialised value: %r" % (text,))
    return _evaluate(ast.parse(literal, mode="eval").body)
