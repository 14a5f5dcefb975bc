//! Templates against Jinja2 itself: each gives the same text, or fails with the
//! same exception.

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::Arc;

use buildout_core::value::{Value, literal};
use buildout_recipes::jinja2::{
    Cause, ContextValue, Extensions, LoadError, LoadedTemplate, NativeEngine, Rendering,
    TemplateEngine, TemplateLoader,
};
use peers::{from_hexadecimal, python, to_hexadecimal, virtual_environment};

/// Renders what the standard input has: one template in a line, in hexadecimal
/// digits. The environment is the recipe's.
const RENDER: &str = r#"
import sys, ast, six
from jinja2 import Environment, StrictUndefined, DictLoader
def check(x, *args):
    if x:
        return ""
    raise AssertionError(*args)
builtins = {x.__name__: x for x in (
    abs, all, any, bin, bool, bytes, callable, chr, complex, dict, divmod, enumerate, filter,
    float, format, frozenset, hex, int, isinstance, iter, len, list, map, max, min, next, oct,
    ord, pow, range, repr, reversed, round, set, six, sorted, str, sum, tuple, zip)}
builtins["assert"] = check
included = bytes.fromhex(sys.argv[2]).decode()
LIB = "{% set shared = [] %}{% macro add(x) %}{% set unused = shared.append(x) %}{{ n is defined }}{{ shared }}{% endmacro %}{% set _private = 1 %}text"
for line in sys.stdin:
    context = ast.literal_eval(sys.argv[1])
    extensions = ["jinja2.ext.loopcontrols"] + sys.argv[3:]
    environment = Environment(
        extensions=extensions, undefined=StrictUndefined, loader=DictLoader({"part": included, "lib": LIB}))
    try:
        text = environment.from_string(bytes.fromhex(line).decode()).render(builtins, **context)
        print("ok", text.encode().hex())
    except Exception as error:
        name = type(error).__module__ + "." + type(error).__name__
        name = name.removeprefix("builtins.")
        print("error", (name + ": " + str(error)).encode().hex())
"#;

/// The names of every template, as a Python dict.
const CONTEXT: &str = r#"{'n': 3, 'zero': 0, 'f': 1.5, 'big': 1e16, 's': "it's <b> & \"q\"",
'empty': '', 't': True, 'none': None, 'l': [1, 'a', 2.0, None, (1,)], 'words': ['b', 'a'],
'tup': (1, 2), 'd': {'b': 1, 'A': [1], 'c-d': {'x': 'y'}}, 'pairs': [('k', 1), ('l', 2)],
'mixed': {1: 'int', 'a': 'str'}, 'unicode': 'é\u00a0\u2028x', 'bools': [True, False],
'numbers': {3: 'c', 1: 'a', 2.5: 'b'}, 'keys': {'items': 1, 'x': 2}}"#;

/// A template that others include.
const INCLUDED: &str = "<{{ n }}{% set inner = 1 %}{{ x | default('-') }}>\n";

/// Templates that ours must render.
const RENDERED: &[&str] = &[
    "",
    "\n",
    "a\n",
    "a\n\n",
    "a\r\nb\rc\r\n",
    "  {{ n }}  ",
    "{{ n }}{{ zero }}{{ f }}{{ big }}{{ s }}{{ empty }}{{ t }}{{ none }}",
    "{{ l }} {{ tup }} {{ d }} {{ words }} {{ bools }} {{ pairs }} {{ numbers }}",
    "{{ unicode }}|{{ [unicode] }}",
    "{{ [] }}{{ {} }}{{ () }}{{ (1,) }}{{ (1, 2) }}{{ [1, [2.0, none]] }}{{ {'a': true, 1: 'b'} }}",
    "{{ {1: 'a', true: 'b', 1.0: 'c'} }}",
    "{{ 'a\\n\\t\\'\\\"\\\\' }} {{ \"it's\" }} {{ ['it\\'s', '\"', '\\n'] }}",
    "{{ 'a' 'b' \"c\" }}",
    "{{ 0 }} {{ 10 }} {{ 1.0 }} {{ 0.1 + 0.2 }} {{ 100000000000000000000 }} {{ 12345678901234567890.5 }}",
    "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}",
    "{{ d.b }} {{ d['b'] }} {{ d['c-d'] }} {{ d['c-d'].x }} {{ d['c-d']['x'] }}",
    "{{ l[0] }} {{ l[-1] }} {{ l[4][0] }} {{ l.1 }} {{ tup[1] }} {{ s[0] }} {{ unicode[-1] }} {{ l[true] }}",
    "{{ keys['items'] }} {{ mixed[1] }} {{ mixed[1.0] }} {{ numbers[2.5] }}",
    "{{ d.missing is defined }} {{ missing is defined }} {{ d is defined }} {{ missing is undefined }}",
    "{{ missing is not defined }} {{ not missing is defined }}",
    "{% if n %}yes{% else %}no{% endif %}",
    "{% if zero %}1{% elif empty %}2{% elif n == 3 %}3{% else %}4{% endif %}",
    "{% if l and d and s and t %}all{% endif %}{% if [] or {} or () or '' or 0 or 0.0 or none %}x{% endif %}",
    "{% if not n %}a{% endif %}{% if not zero %}b{% endif %}",
    "{{ '' or 'd' }} {{ 'a' and 'b' }} {{ none or [] }} {{ 0 or false }} {{ not '' }} {{ 1 and 0 }}",
    "{{ n == 3 }} {{ n == 3.0 }} {{ t == 1 }} {{ '1' == 1 }} {{ [1] == [1] }} {{ (1,) == [1] }} {{ {'a': 1} == {'a': 1.0} }}",
    "{{ n != 3 }} {{ n < 4 }} {{ n <= 3 }} {{ n > 2.5 }} {{ n >= 4 }} {{ 'a' < 'b' }} {{ '10' < '9' }} {{ [1, 2] < [1, 3] }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 0 <= n <= 5 }} {{ 1 in [1] not in [true] }} {{ 1 == true != 2 }}",
    "{{ 1 in l }} {{ 'a' in l }} {{ 'z' not in l }} {{ 'b' in d }} {{ 'it' in s }} {{ '' in s }} {{ 2 in tup }} {{ 1.0 in mixed }}",
    "{{ 1 ~ 2 }} {{ 'a' ~ n ~ f ~ none ~ t ~ l ~ big }} {{ 1 ~ 2 * 3 }} {{ 'a' ~ 1 + 2 if false else 0 }}",
    "{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 1 + 2 }} {{ 1 + 2.5 }} {{ t + t }} {{ 5 - 7 }} {{ 3 * 4 }}",
    "{{ 7 / 2 }} {{ 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ -7 // -2 }} {{ -8 // 2 }} {{ 1.5 * 2 }} {{ 1 - 2 - 3 }}",
    "{{ -n }} {{ -f }} {{ -t }} {{ -n + 1 }} {{ - n * 2 }} {{ -l[0] }}",
    "{{ 'a' if n else 'b' }}{{ 'c' if zero else 'd' }}{{ 'e' if zero else 'f' if empty else 'g' }}",
    "{% set x = 1 %}{{ x }}{% set x = x + 1 %}{{ x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, %}{{ c }}{% set (e, g) = tup %}{{ e }}{{ g }}",
    "{% if t %}{% set y = 5 %}{% endif %}{{ y }}",
    "{% if zero %}{% set n = 5 %}{% endif %}{{ n }}",
    "{% set x = 0 %}{% for i in [1, 2, 3] %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% for i in [1, 2] %}{% set y = i %}{% endfor %}{{ y is defined }}{{ i is defined }}",
    "{% for n in [1, 2] %}{{ n }}{% endfor %}{{ n }}",
    "{% set n = n + 1 %}{% for i in words %}{{ n }}{% endfor %}",
    "{{ n }}{% for i in words %}{{ n }}{% endfor %}{% set n = 7 %}{{ n }}",
    "{% for i in l %}{{ i }},{% endfor %}|{% for i in tup %}{{ i }}{% endfor %}|{% for k in d %}{{ k }}{% endfor %}",
    "{% for c in 'aé' %}[{{ c }}]{% endfor %}{% for i in [] %}x{% endfor %}{% for i in '' %}x{% endfor %}",
    "{% for k, v in pairs %}{{ k }}={{ v }};{% endfor %}{% for (k, v) in pairs %}{{ v }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3)), ('x', 'yz')] %}{{ a }}{{ b }}{{ c }} {% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}{{ d | dictsort }}{{ {} | dictsort }}{{ numbers | dictsort }}",
    "{{ {'b': 1, 'B': 2, 'a': 3} | dictsort }}",
    "{% for i in range(3) %}{{ i }}{% endfor %}|{% for i in range(1, 3) %}{{ i }}{% endfor %}|{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}|{% for i in range(0) %}x{% endfor %}|{% for i in range(3, 1) %}x{% endfor %}|{% for i in range(-3, 4, 3) %}{{ i }}{% endfor %}",
    "{% for i in words %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
    "{% for i in words %}{% for j in tup %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for i in words %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for i in [1, 2, 3, 4] %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [1, 2] %}{% for j in [1, 2] %}{% if j == 2 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{{ s | e }}|{{ s | escape }}|{{ n | e }}|{{ l | e }}|{{ none | e }}|{{ '/' | e }}|{{ s|upper|e }}",
    "{{ 'aB é' | upper }}{{ 'aB É' | lower }}{{ n | upper }}[{{ ' a \\n' | trim }}]{{ 'straße' | upper }}",
    "{{ l | length }}{{ d | count }}{{ s | length }}{{ unicode | length }}{{ tup | length }}{{ len(l) }}{{ len('é') }}",
    "{{ missing | default('x') }}{{ d.missing | d(1) }}{{ empty | default('y') }}|{{ empty | default('y', true) }}{{ n | default(0) }}{{ missing | d }}",
    "{{ missing | default(alsomissing | default('z')) }}",
    "{{ words | join }}{{ words | join(', ') }}{{ l | join('-') }}{{ d | join('+') }}{{ 'abc' | join('.') }}{{ [] | join(',') }}{{ [1, 2] | join(0) }}",
    "{{ d | list }}{{ 'ab' | list }}{{ tup | list }}{{ list(tup) }}{{ n | string }}{{ [n | string] }}",
    "{{ words | first }}{{ 'xy' | first }}{{ d | first }}",
    "{{ n is number }}{{ t is number }}{{ s is string }}{{ n is string }}{{ d is mapping }}{{ l is mapping }}{{ none is none }}{{ n is none }}",
    "{{ t is boolean }}{{ n is boolean }}{{ t is true }}{{ 1 is true }}{{ false is false }}{{ 0 is false }}{{ n is integer }}{{ t is integer }}{{ f is float }}{{ n is float }}",
    "{{ missing is none }}{{ missing is string }}{{ missing is number }}{{ n is not none }}",
    "{{ repr(s) }} {{ repr('a\\n') }} {{ repr(l) }} {{ repr(none) }} {{ str(f) }} {{ str(big) }} {{ str(l) }}",
    "[{{ assert(n == 3, 'never') }}]",
    "a{# comment {{ x }} {% y %} #}b{#- c -#} d {#- e #} f {# g -#} h",
    "a {%- if n -%} b {%- endif -%} c",
    "a {{- n -}} b\n {{- n }}\n{{ n -}} \n c",
    "{% raw %}{{ x }} {% y %} {# z #}{% endraw %} ${a:b} $${c} {{ '{{' }} {{ '}}' }} {{ '{%' }}",
    "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "a {% raw -%} b {% endraw %} c {% raw %} d {%- endraw %} e",
    "{%raw%}a{%endraw%}{{n}}{%if n%}x{%endif%}{#c#}",
    "${{ '{' }}{{ n }}} {{ {'a': {'b': 1}} }} { { } } {} }} %} #}",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ [1, 2][1] }}{{ (1, 2)[0] }}{{ 'abc'[1] }}",
    "line 1\n{% set x = 1 %}\nline 3\n{% if x %}\nline 5\n{% endif %}\n",
    "# not a line statement\n## nor a comment\n% x\n",
    "{% include 'part' %}|{% set x = 4 %}{% include 'part' with context %}{{ inner is defined }}",
    "{% for x in words %}{% include 'part' %}{% endfor %}",
    "{% set x = missing %}{{ x is defined }}{% set y = d.nothing %}{{ y | default('none') }}",
    "{{ (1 + 2) * 3 }}{{ ((n)) }}{{ (s) }}{{ not (n == 3) }}{{ (n == 3) is true }}",
    "{{ n\n+\n1 }}{%\nif\nn\n%}x{% endif %}",
    "{{ d['c-d']\n['x'] }}{{ [\n1,\n2,\n] }}{{ {'a': 1,} }}",
    "{{ [n, f][n - 2] }}{{ d['b'] + l[0] }}{{ -l[0] * 2 }}{{ n|string ~ 'x' }}{{ 'a' in 'abc' and 1 in [1] }}",
    "{% for name in ('client_body', 'proxy') %}{{ name }}_temp {% endfor %}",
    "é{{ n }}\u{2028}{{- n }}\u{a0}{{- n -}}\u{3000}x",
    "{% set list = [1] %}{{ list }}{% set range = 5 %}{{ range }}",
    "{{ 'a' if zero }}|{{ 'b' if n }}|{{ 'c' if not n }}",
    "{% if n is defined and n > 2 or missing is defined %}x{% endif %}",
    "{{ 1 if n is defined else 2 }}{{ 'a' if s is string and n is number else 'b' }}",
    "{{ '\\x41' }}",
    "{{ 'a\\/b' }}",
    "{{ 0x1f }}",
    "{{ 1_000 }}",
    "{{ 2 ** 10 }}",
    "{{ 7 % 4 }}",
    "{{ '%s' % n }}",
    "{{ 'ab' * 2 }}",
    "{{ l[1:] }}",
    "{{ d['items'] is defined }}",
    "{{ d.get('b') }}",
    "{{ words | sort }}",
    "{{ s | replace('a', 'b') }}",
    "{{ d | tojson }}",
    "{{ n is divisibleby 3 }}",
    "{{ (s | e) ~ '<' }}",
    "{{ s | e | upper }}",
    "{% set x = s | e %}{{ x }}",
    "{% set x %}a{% endset %}{{ x }}",
    "{% macro m() %}{% endmacro %}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% filter upper %}a{% endfilter %}",
    "{% block b %}a{% endblock %}",
    "{% for i in words if i %}{{ i }}{% endfor %}",
    "{% for i in [] %}{% else %}none{% endfor %}",
    "{% include 'part' ignore missing %}",
    "{% include ['part'] %}",
    "{{ range(3) | list }}",
    "{{ dict(a=1) }}",
    "{%+ if n +%}x{% endif %}",
    "a\u{1c}{{- n }}",
    "{{ {(1, 2): 3} }}",
    "{{ ('x' if zero) ~ 'y' }}",
];

/// Statements, with `jinja2.ext.do`.
const STATEMENTS: &[&str] = &[
    "{% set l = [] %}{% for i in range(3) %}{% do l.append(i) %}{% endfor %}{{ l }}",
    "{% set a = [1] %}{% set b = a %}{% do b.append(2) %}{{ a }}{{ a == b }}{{ a is sameas b }}",
    "{% set l = [1] %}{% do l.append(l) %}{{ l }}",
    "{% set e = {} %}{% do e.update({'a': 1}, b=2) %}{% do e.setdefault('c', []).append(3) %}{{ e }}{{ e.pop('a') }}{{ e }}",
    "{% do d.__setitem__('new', 1) %}{{ d }}{% do l.insert(0, 'first') %}{{ l }}",
    "{% do l.append(1), l.extend([2, 3]) %}{{ l }}{{ l.pop() }}{{ l.pop(0) }}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller is defined }}{% endmacro %}{{ m(1) }}{{ m(1, b=5) }}{{ m.name }}{{ m.arguments }}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}x{{ n }}{% endcall %}",
    "{% macro m() %}[{{ caller(1, b=2) }}]{% endmacro %}{% call(a, b, c=3) m() %}{{ a }}{{ b }}{{ c }}{% endcall %}",
    "{% macro outer() %}{% macro inner() %}{{ n }}{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}",
    "{% macro f(x) %}{% if x %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}{% set x = 3 %}{{ m() }}",
    "{% for i in words %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% import 'lib' as lib %}{{ lib.add(1) }}{{ lib.add(2) }}{{ lib.shared }}{{ lib._private is defined }}{{ lib }}",
    "{% import 'lib' as lib with context %}{{ lib.add(1) }}{% import 'lib' as other with context %}{{ other.add(2) }}",
    "{% from 'lib' import add, shared as s2 %}{{ add('x') }}{{ s2 }}",
    "{% from 'lib' import add with context %}{{ add('x') }}",
    "{% from 'lib' import nothing %}{{ nothing is defined }}",
    "{% include ['nowhere', 'part'] %}{% include 'nowhere' ignore missing %}",
    "{% set x = 7 %}{% include 'part' %}{% for x in [8] %}{% include 'part' %}{% endfor %}",
    "{% block a %}1{% block b %}2{% endblock %}{% endblock %}{{ self.b() }}",
    "{% for i in [1, 2] %}{% block c scoped %}{{ i }}{% endblock %}{% endfor %}",
    "{% for n in [[1, [2, [3]]]] recursive %}{{ loop.depth }}{% if n is iterable %}({{ loop(n) }}){% else %}{{ n }}{% endif %}{% endfor %}",
    "{% for a in [1, 2, 3, 4] %}{{ loop.cycle('x', 'y') }}{{ loop.changed(a > 2) }}{{ loop.previtem | default('-') }}{{ loop.nextitem | default('-') }} {% endfor %}",
    "{% for a in [1, 2] %}{% for b in [1, 2] %}{% if b == 2 %}{% continue %}{% endif %}{{ a }}{{ b }}{% endfor %}{% endfor %}",
    "{% for a in [1, 2, 3] if a != 2 %}{{ a }}{{ loop.length }}{% else %}none{% endfor %}",
    "{% for a in [] %}{% else %}{{ n }}{% endfor %}",
    "{% set ns = namespace(a=1) %}{% for i in range(3) %}{% set ns.a = ns.a * 2 %}{% endfor %}{{ ns.a }}{{ ns }}",
    "{% set a = {'b': {'c': [1]}} %}{% do a.b.c.append(2) %}{{ a['b'].c[-1] }}{{ a }}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% with a = 2 %}{{ a }}{% endwith %}{{ a }}{% endwith %}{{ a is defined }}",
    "{% set t | upper %}a{{ n }}{% endset %}{{ t }}{% filter replace('a', 'b') | upper %}banana{% endfilter %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('|') %}{{ j() }}{{ j() }}",
    "{% print n, s %}{% if n == 1 %}a{% elif n == 3 %}{% set q = 1 %}b{% else %}c{% endif %}{{ q }}",
    "{% if zero %}{% set q = 1 %}{% endif %}{{ q is defined }}{% for i in [1] %}{% set n = 9 %}{{ n }}{% endfor %}{{ n }}",
    "{{ dict(d, **{'x-y': 1}) }}{{ dict(pairs) }}{{ dict(zip('ab', [1, 2])) }}{{ dict.fromkeys('ab') }}",
    "{{ str.lower('AB') }}{{ list(map(str.upper, words)) }}{{ sorted(words, key=len, reverse=true) }}{{ max(pairs, key=pairs.index) }}",
    "{{ words | map('upper') | join(',') }}{{ [1, 2, 3] | select('odd') | list }}{{ [{'a': 1}] | selectattr('a', 'eq', 1) | map(attribute='a') | list }}",
    "{{ (s | e) + '<' }}{{ '<' + (s | e) }}{{ (s | e) | upper }}{{ '%s' % (s | e) }}{{ (s | e) % () if false else '' }}{{ repr('<' | e) }}",
    "{{ [1, 2, 3, 4][1:3] }}{{ 'hello'[::2] }}{{ tup[-1:] }}{{ [1, 2, 3][5:] }}{{ 'abc'[-2:] }}",
    "{{ '%05d|%x|%o|%e|%g|%c|%+d|% d' % (42, 255, 8, 12345.678, 0.0001, 'z', 5, 6) }}{{ '%*d' % (5, 3) }}{{ '%(k)s %(k)r' % {'k': 'v'} }}",
    "{{ '{0:>8}|{1:<8}|{2:^8}|{3:08.3f}|{4:,}|{5:#x}|{6:%}'.format('a', 'b', 'c', 3.14159, 1234567, 255, 0.25) }}",
    "{{ '{a.real}{b[0]}{c[k]}{{}}'.format(a=1, b=[2], c={'k': 3}) }}{{ '{:{w}}|'.format('x', w=5) }}",
    "{{ 1e16 }} {{ 1e-5 }} {{ 123456789.123 }} {{ 1.0 }} {{ 1e22 }} {{ -0.0 }} {{ 5e-324 }} {{ 0.1 + 0.2 }} {{ 10 / 4 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }}",
    "{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -7.5 % 2 }} {{ 7.5 // 2 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 0x1f }} {{ 0b11 }} {{ 0o17 }} {{ 1_000 }} {{ 1_0.5 }}",
    "{{ {1: 'a', true: 'b'} }}{{ {'a': 1}.items() }}{{ 1 in {1.0: 2} }}{{ (1, 2) in {(1, 2): 3} }}{{ [1, [2]] == [1.0, [2]] }}",
    "{{ 'a\\x41\\u00e9\\101\\q\\\\' }}{{ 'a' \"b\" }}{{ 'é' | length }}{{ 'é'.encode() }}{{ 'é'.encode('utf-8').decode() }}",
    "{% set it = iter([1, 2]) %}{{ next(it) }}{{ it | list }}{{ it | list }}{% set g = words | map('upper') %}{{ g | list }}{{ g | list }}",
    "{%- for i in [1, 2] -%} {{ i }} {%- endfor -%} x {{- n -}} y {#- c -#} z",
    "{% raw %}{{ x }}{% endraw %}{% raw -%} a {%- endraw %}{%+ if n +%} b {%+ endif %}",
    "{{ 'x' if n else 'y' }}{{ ('x' if zero) | default('u') }}{{ 'a' if zero else 'b' if n else 'c' }}",
    "{{ self is defined }}{{ loop is defined }}{{ namespace is callable }}{{ range(3) }}{{ range(0, 10, 3) | list }}{{ range(5)[1:3] }}",
];

/// Templates that fail in Jinja2, and must fail here.
const FAILING: &[&str] = &[
    "{% include 'part' without context %}",
    "{{ missing }}",
    "{{ d.missing }}",
    "{{ d['missing'] }}",
    "{{ l[9] }}",
    "{{ n.x }}",
    "{{ none.x }}",
    "{{ d.missing.deeper }}",
    "{% if missing %}{% endif %}",
    "{% if not missing %}{% endif %}",
    "{{ missing == 1 }}",
    "{{ 1 != missing }}",
    "{{ missing ~ 'a' }}",
    "{{ missing or 1 }}",
    "{{ missing | upper }}",
    "{{ missing | length }}",
    "{{ missing | e }}",
    "{% for i in missing %}{% endfor %}",
    "{{ [] | first }}",
    "{{ 'a' + 1 }}",
    "{{ 1 < 'a' }}",
    "{{ 1 in 5 }}",
    "{{ 1 in 'a' }}",
    "{{ [] in d }}",
    "{{ {[]: 1} }}",
    "{{ 1 / 0 }}",
    "{{ 1 // 0 }}",
    "{{ n | length }}",
    "{{ l | dictsort }}",
    "{% for i in 5 %}{% endfor %}",
    "{% for a, b in [(1,)] %}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
    "{% set a, b = 1 %}",
    "{{ assert(false, 'boom') }}",
    "{{ assert(false) }}",
    "{{ 1 | nosuch }}",
    "{{ 1 is nosuch }}",
    "{% do l %}",
    "{% nosuch %}",
    "{% if %}",
    "{% if n %}",
    "{{ n",
    "{% endif %}",
    "{{ }}",
    "{{ 1 2 }}",
    "{{ 007 }}",
    "{# x",
    "{{ n +}}",
    "{% include 'nowhere' %}",
    "{% for i in range(1, 2, 0) %}{% endfor %}",
    "{% for loop in l %}{% endfor %}",
    "{% break %}",
    "{% for b in words %}{{ n2 }}{% endfor %}{% set n2 = 2 %}",
    "{{ loop.index }}",
    "{{ n is defined if false else 1 }}",
    "{{ n is number is boolean }}",
    "{{ n is not number is not boolean }}",
    "{% raw %}x",
];

/// A library that others import.
const LIBRARY: &str = "{% set shared = [] %}{% macro add(x) %}{% set unused = shared.append(x) %}\
                       {{ n is defined }}{{ shared }}{% endmacro %}{% set _private = 1 %}text";

/// What one of the two programs makes of a template.
#[derive(Debug, PartialEq)]
enum Rendered {
    Text(String),
    Error(String),
    Refused(String),
}

/// Renders templates with Jinja2, and with `jinja2.ext.do` if wanted.
fn theirs(templates: &[&str], context: &str, with_do: bool) -> Vec<Rendered> {
    let environment = virtual_environment("jinja2-3.1.6-six", &["jinja2==3.1.6", "six"]);
    let mut input = String::new();
    for template in templates {
        let _ = writeln!(input, "{}", to_hexadecimal(template));
    }
    let context = context.replace('\n', " ");
    let included = to_hexadecimal(INCLUDED);
    let mut arguments = vec![OsStr::new(&context), OsStr::new(&included)];
    if with_do {
        arguments.push(OsStr::new("jinja2.ext.do"));
    }
    let output = python(environment.join("bin/python"), RENDER, &arguments, &input);
    let results = output.lines().map(|line| {
        let (kind, text) = line.split_once(' ').expect("a kind and a text");
        let text = from_hexadecimal(text);
        match kind {
            "ok" => Rendered::Text(text),
            _ => Rendered::Error(text),
        }
    });
    results.collect()
}

struct Templates;

impl TemplateLoader for Templates {
    fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError> {
        let source = match name {
            "part" => INCLUDED,
            "lib" => LIBRARY,
            _ => return Ok(None),
        };
        Ok(Some(LoadedTemplate {
            name: name.to_owned(),
            source: source.to_owned(),
        }))
    }
}

/// Renders a template with our engine.
fn ours(template: &str, context: &str, with_do: bool) -> Rendered {
    let Ok(Value::Dict(names)) = literal::parse(&context.replace('\n', " ")) else {
        panic!("the context is a dict");
    };
    let context: Vec<(String, ContextValue)> = names
        .iter()
        .map(|(name, value)| (name.to_string(), ContextValue::Value(value.clone())))
        .collect();
    let result = NativeEngine.render(&Rendering {
        name: "template",
        source: template,
        context: &context,
        loader: Some(Arc::new(Templates)),
        extensions: Extensions {
            expression_statement: with_do,
            loop_controls: true,
        },
        has_dumps: false,
    });
    match result {
        Ok(text) => Rendered::Text(text),
        Err(error) => match &error.cause {
            Cause::Unsupported(what) => Rendered::Refused(what.clone()),
            cause => {
                let class = cause.exception().unwrap_or_default();
                Rendered::Error(format!("{class}: {error}"))
            }
        },
    }
}

/// Compares both for each template; the class of an error must be the same,
/// and its text if a name is not defined. Returns those that fail.
fn compare<'t>(templates: &[&'t str], with_do: bool) -> Vec<&'t str> {
    let mut differences = Vec::new();
    let mut failing = Vec::new();
    for (template, theirs) in templates.iter().zip(theirs(templates, CONTEXT, with_do)) {
        let ours = ours(template, CONTEXT, with_do);
        let is_same = match (&ours, &theirs) {
            (Rendered::Error(ours), Rendered::Error(theirs)) => {
                class(ours) == class(theirs) && (!ours.contains("UndefinedError") || ours == theirs)
            }
            (ours, theirs) => ours == theirs,
        };
        if !matches!(theirs, Rendered::Text(_)) {
            failing.push(*template);
        }
        if !is_same {
            differences.push(format!(
                "{template}\n  ours   {ours:?}\n  theirs {theirs:?}"
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    failing
}

/// Errors of syntax have several classes in Jinja2 and Python.
fn class(text: &str) -> &str {
    let class = text.split(':').next().unwrap_or_default();
    match class.rsplit('.').next() {
        Some("TemplateAssertionError" | "TemplateSyntaxError") => "SyntaxError",
        _ => class,
    }
}

#[test]
fn templates_are_rendered_as_by_jinja2() {
    assert_eq!(compare(RENDERED, false), [""; 0]);
    assert_eq!(compare(STATEMENTS, true), [""; 0]);
}

#[test]
fn what_fails_in_jinja2_fails() {
    assert_eq!(compare(FAILING, false), FAILING);
}

/// Expressions of many types.
const VALUES: &[&str] = &[
    "n",
    "f",
    "s",
    "'a,b,,c'",
    "' Ab c\\n\\td '",
    "unicode",
    "t",
    "none",
    "l",
    "[3, 1, 2]",
    "words",
    "d",
    "pairs",
    "[]",
    "numbers",
    "set([3])",
    "missing",
    "d.missing",
    "[[1, 'x'], [2, 'y']]",
    "[{'k': 2, 'v': 'B'}, {'k': 1, 'v': 'a'}]",
    "range(4)",
    "d.items()",
    "'%s-%05.1f|%-4s|' % ('x', 3.14159, 'y')",
    "s | e",
    "('x=%(a)s' % {'a': 1})",
];

/// What is applied to each of them.
const OPERATIONS: &[&str] = &[
    "{{ V }}",
    "{{ repr(V) }}",
    "{{ V | length }}",
    "{{ V | list }}",
    "{{ V | string }}",
    "{{ V | upper }}",
    "{{ V | title }}|{{ V | capitalize }}",
    "{{ V | trim }}",
    "{{ V | int }}",
    "{{ V | float }}",
    "{{ V | int(7) }} {{ V | int(0, 16) }}",
    "{{ V | first }}",
    "{{ V | last }}",
    "{{ V | join('-') }}",
    "{{ V | sort }}",
    "{{ V | sort(reverse=true) }}",
    "{{ V | unique | list }}",
    "{{ V | reverse | list }}",
    "{{ V | tojson }}",
    "{{ V | tojson(indent=2) }}",
    "{{ V | dictsort }}",
    "{{ V | dictsort(by='value') }}",
    "{{ V | max }}",
    "{{ V | min }}",
    "{{ V | sum }}",
    "{{ V | abs }}",
    "{{ V | round(1) }}",
    "{{ V | replace('a', 'X') }}",
    "{{ V | indent(2, true) }}",
    "{{ V | urlencode }}",
    "{{ V | e }}",
    "{{ V | default('D') }}|{{ V | default('D', true) }}",
    "{{ V | map('string') | list }}",
    "{{ V | map(attribute='k') | list }}",
    "{{ V | selectattr('k') | list }}",
    "{{ V | select('string') | list }}",
    "{{ V | reject('none') | list }}",
    "{{ V | batch(2, 'f') | list }}",
    "{{ V | slice(2) | list }}",
    "{{ V | groupby('k') }}",
    "{{ V | wordcount }}",
    "{{ V | truncate(5) }}",
    "{{ V | center(9) }}|",
    "{{ V | format(1) }}",
    "{{ V | xmlattr }}",
    "{{ V | filesizeformat }}",
    "{{ V | items | list }}",
    "{{ V is defined }}{{ V is none }}{{ V is string }}{{ V is number }}{{ V is mapping }}{{ V is boolean }}{{ V is integer }}{{ V is float }}{{ V is callable }}{{ V is undefined }}",
    "{{ V is sequence }}{{ V is iterable }}",
    "{{ V is odd }}",
    "{{ V is divisibleby(3) }}",
    "{{ V is in([3, 's']) }}",
    "{{ V is lower }}{{ V is upper }}",
    "{{ V is sameas none }}",
    "{% if V %}1{% else %}0{% endif %}",
    "{{ not V }}",
    "{{ V == 3 }}",
    "{{ V != '' }}",
    "{{ V < 2 }}",
    "{{ V >= 'a' }}",
    "{{ 'a' in V }}",
    "{{ 1 not in V }}",
    "{{ V + 1 }}",
    "{{ V + 'x' }}",
    "{{ V + [1] }}",
    "{{ V - 1 }}",
    "{{ V * 2 }}",
    "{{ V / 2 }}",
    "{{ V // 2 }}",
    "{{ V % 4 }}",
    "{{ V ** 2 }}",
    "{{ -V }}",
    "{{ V ~ '|' ~ V }}",
    "{{ '%s' % V }}",
    "{{ '%r %%' % (V,) }}",
    "{{ '%d' % V }}",
    "{{ '%-8.3s|' % V }}",
    "{{ '{}|{!r:>12}'.format(V, V) }}",
    "{{ V[0] }}",
    "{{ V[-1] }}",
    "{{ V['a'] }}",
    "{{ V.a }}",
    "{{ V[1:] }}",
    "{{ V[::-1] }}",
    "{{ V[:-1] }}",
    "{% for x in V %}{{ x }}{{ loop.index }}{% if loop.last %}.{% endif %}{% else %}E{% endfor %}",
    "{% for x in V if x %}{{ x }};{% endfor %}",
    "{% for a, b in V %}{{ a }}={{ b }}{% endfor %}",
    "{% for x in V recursive %}{{ x }}{{ loop.depth }}{% endfor %}",
    "{% set a, b = V %}{{ a }}{{ b }}",
    "{{ V.items() | list }}",
    "{{ V.get('b', 'G') }}",
    "{{ V.keys() }}{{ V.values() }}",
    "{{ V.split(',') }}",
    "{{ V.split() }}",
    "{{ V.strip() }}|{{ V.lower() }}|{{ V.title() }}|{{ V.swapcase() }}",
    "{{ V.splitlines() }}",
    "{{ V.partition(',') }}",
    "{{ V.startswith('a') }}{{ V.endswith(('c', 'd')) }}",
    "{{ V.rsplit(',', 1) }}",
    "{{ V.find('b') }}{{ V.count('a') }}",
    "{{ V.replace('b', 'Y', 1) }}",
    "{{ V.zfill(8) }}|{{ V.ljust(9, '.') }}|{{ V.rjust(9) }}|{{ V.center(10) }}",
    "{{ V.isdigit() }}{{ V.isalpha() }}{{ V.isupper() }}",
    "{{ V.index(1) }}",
    "{{ V.copy() }}",
    "{{ V.encode() }}",
    "{{ len(V) }}",
    "{{ list(V) }}",
    "{{ tuple(V) }}",
    "{{ sorted(V) }}",
    "{{ set(V) | length }}",
    "{{ dict(V) }}",
    "{{ str(V) }}",
    "{{ int(V) }}",
    "{{ float(V) }}",
    "{{ bool(V) }}",
    "{{ sum(V) }}",
    "{{ max(V) }}",
    "{{ any(V) }}{{ all(V) }}",
    "{{ enumerate(V) | list }}",
    "{{ zip(V, V) | list }}",
    "{{ list(map(str, V)) }}",
    "{{ list(reversed(V)) }}",
    "{{ iter(V) | list }}",
    "{{ next(iter(V), 'N') }}",
    "{{ isinstance(V, (str, list)) }}",
    "{{ abs(V) }}",
    "{{ round(V) }}",
    "{{ hex(V) }}",
    "{{ divmod(V, 3) }}",
    "{{ format(V, '>6') }}",
    "{{ callable(V) }}",
    "{{ six.text_type(V) }}",
    "{% for k, v in six.iteritems(V) %}{{ k }}{% endfor %}",
    "{{ (V, V) }}",
    "{{ {'k': V} }}",
    "{% macro m(x=V) %}{{ x }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m() }}{{ m(1, 2, z=3) }}",
    "{% with w = V %}{{ w }}{% endwith %}",
    "{% set ns = namespace(v=V) %}{% set ns.v = [ns.v] %}{{ ns.v }}",
    "{% set x %}{{ V }}{% endset %}{{ x | length }}",
    "{% filter upper %}{{ V }}{% endfilter %}",
    "{{ ','.join(V) }}",
    "{{ V if V else 'other' }}",
    "{{ V or 'O' }}{{ V and 'A' }}",
    "{{ [V] | join(attribute='a') }}",
    "{{ (V | string)[:3] }}",
];

#[test]
fn all_operations_on_all_types_are_those_of_jinja2() {
    let mut templates = Vec::new();
    for operation in OPERATIONS {
        for value in VALUES {
            templates.push(operation.replace('V', value));
        }
    }
    let templates: Vec<&str> = templates.iter().map(String::as_str).collect();
    assert!(templates.len() > 2500);
    assert!(compare(&templates, false).len() < templates.len() * 2 / 3);
}

#[test]
fn templates_of_the_profiles_are_rendered_as_by_jinja2() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles");
    for (file, context) in [
        (
            "hello/hello.conf.in",
            "{'directory': '/x', 'greeting': 'Hi', 'names': ['a', 'b']}",
        ),
        (
            "hello/hello.conf.in",
            "{'directory': '/x', 'greeting': '', 'names': []}",
        ),
        (
            "nginx/templates/index.html.in",
            "{'title': '<It\\'s> \"&/', 'redirects': {}}",
        ),
        (
            "nginx/templates/index.html.in",
            "{'title': 'x', 'redirects': {'/b': 'http://x/?a=1&b=\\'', '/A': 'y', '/c': 'z'}}",
        ),
        (
            "nginx/templates/nginx.conf.in",
            "{'parameters': {'user': '', 'ip': '::1', 'port': '80', 'worker-processes': '2'},
              'nginx': {'pid': '/p', 'error-log': '/e', 'access-log': '/a', 'mime-types': '/m'},
              'directory': {'temporary': '/t', 'site': '/s'}, 'redirects': {'/b': 'c', '/a': 'd'}}",
        ),
        (
            "nginx/templates/nginx.conf.in",
            "{'parameters': {'user': 'www', 'ip': '::1', 'port': '80', 'worker-processes': '2'},
              'nginx': {'pid': '/p', 'error-log': '/e', 'access-log': '/a', 'mime-types': '/m'},
              'directory': {'temporary': '/t', 'site': '/s'}, 'redirects': {},
              'certificate': {'certificate': '/c', 'key': '/k'}}",
        ),
        (
            "nginx/instance.cfg.in",
            "{'buildout': {'eggs-directory': '/e', 'develop-eggs-directory': '/d'}, 'nginx': '/n',
              'nginx_configuration_template': '/t', 'index_page_template': '/i', 'lua': '/l',
              'access_report_program': '/r'}",
        ),
        (
            "nginx/instance.cfg.in",
            "{'buildout': {'eggs-directory': '/e', 'develop-eggs-directory': '/d'}, 'nginx': '/n',
              'nginx_configuration_template': '/t', 'index_page_template': '/i', 'lua': '/l',
              'access_report_program': '/r', 'openssl': '/o'}",
        ),
    ] {
        let path = format!("{directory}/{file}");
        let template = std::fs::read_to_string(&path).expect("the profiles are in the repository");
        let expected = theirs(&[&template], context, false);
        assert!(
            matches!(expected[..], [Rendered::Text(_)]),
            "{file}: {expected:?}"
        );
        assert_eq!(ours(&template, context, false), expected[0], "{file}");
    }
}
