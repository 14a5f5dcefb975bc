//! The interpreter that `interpreter = NAME` makes.

/// What follows the path: Python's own ways to be told what to run.
///
/// Texts run in the namespace of the script, as they do with upstream. Its
/// options are `-i`, `-c` and `-m`, and `-I`, which is taken and ignored: the
/// path is isolated anyway.
pub(super) const BODY: &str = r#"_options, _words = __import__("getopt").getopt(sys.argv[1:], "Iic:m:")
_interactive = len(sys.argv) == 1
for _option, _value in _options:
    if _option == "-i":
        _interactive = True
    elif _option == "-c":
        exec(_value)
    elif _option == "-m":
        sys.argv[1:], _words = _words, []
        __import__("runpy").run_module(_value, {}, "__main__", alter_sys=True)

if _words:
    sys.argv[:] = _words
    __file__ = _words[0]
    del _options, _words
    with __import__("io").open_code(__import__("os").path.abspath(__file__)) as _stream:
        _code = compile(_stream.read(), __file__, "exec")
    del _stream
    exec(_code)

if _interactive:
    del _interactive
    __import__("code").interact(banner="", local=globals())
"#;
