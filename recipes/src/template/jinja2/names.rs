//! Names that mean something to Python or Jinja2.

/// The names that the recipe gives to every template; a context cannot have
/// them.
pub(super) const PREDEFINED: &[&str] = &[
    "abs",
    "all",
    "any",
    "assert",
    "bin",
    "bool",
    "bytes",
    "callable",
    "chr",
    "complex",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "hex",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "oct",
    "ord",
    "pow",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "six",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
];

/// The names that Jinja2 itself gives to every template.
pub(super) const JINJA_GLOBALS: &[&str] = &["cycler", "joiner", "lipsum", "namespace"];

/// The names that Jinja2 treats specially in some templates.
pub(super) const SPECIAL: &[&str] = &["self", "super", "caller", "varargs", "kwargs"];

/// The tags of Jinja2, those of its extensions last.
pub(super) const TAGS: &[&str] = &[
    "autoescape",
    "block",
    "call",
    "elif",
    "else",
    "endautoescape",
    "endblock",
    "endcall",
    "endfilter",
    "endfor",
    "endif",
    "endmacro",
    "endset",
    "endwith",
    "extends",
    "filter",
    "for",
    "from",
    "if",
    "import",
    "include",
    "macro",
    "raw",
    "set",
    "with",
];

/// The attributes of Python's `dict`, `list`, `str`, `tuple`, numbers and
/// `None`, without those of the form `__name__`.
const PYTHON_ATTRIBUTES: &[&str] = &[
    "append",
    "as_integer_ratio",
    "bit_count",
    "bit_length",
    "capitalize",
    "casefold",
    "center",
    "clear",
    "conjugate",
    "copy",
    "count",
    "denominator",
    "encode",
    "endswith",
    "expandtabs",
    "extend",
    "find",
    "format",
    "format_map",
    "from_bytes",
    "fromhex",
    "fromkeys",
    "get",
    "hex",
    "imag",
    "index",
    "insert",
    "is_integer",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "items",
    "join",
    "keys",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "numerator",
    "partition",
    "pop",
    "popitem",
    "real",
    "remove",
    "removeprefix",
    "removesuffix",
    "replace",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "setdefault",
    "sort",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "to_bytes",
    "translate",
    "update",
    "upper",
    "values",
    "zfill",
];

/// Tells whether a value of some type has an attribute of this name, which
/// `x.name` and a failed `x['name']` would find.
pub(super) fn is_python_attribute(name: &str) -> bool {
    PYTHON_ATTRIBUTES.binary_search(&name).is_ok() || name.starts_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(PYTHON_ATTRIBUTES.is_sorted());
        assert!(is_python_attribute("items") && is_python_attribute("__class__"));
        assert!(!is_python_attribute("name"));
    }
}
