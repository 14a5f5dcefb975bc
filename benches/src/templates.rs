//! Generates Jinja2 templates like those of SlapOS, with a context for all of them.
//!
//! Their number of bytes follows that of SlapOS's 380 templates, measured: half have more than
//! 2.2 kB, the largest has 52 kB. So does the mix of what they do: mostly `set`, `if`, `for`
//! and `do`, items of dicts, `%` and `~`, `dumps`, and macros that fill lists.

use std::fmt::Write as _;
use std::sync::Arc;

use buildout_core::value::{Value, literal};
use buildout_recipes::jinja2::{ContextValue, Extensions, Rendering};

use crate::random::Random;

/// The size of the median template, in bytes.
const MEDIAN: f64 = 2200.0;
/// The smallest and the largest size.
const SIZES: std::ops::RangeInclusive<f64> = 300.0..=52_000.0;
/// How much sizes differ: the deviation of their logarithm.
const DEVIATION: f64 = 1.1;

/// The names that every template is given, as a literal of Python.
pub const CONTEXT: &str = r#"{
'slapparameter_dict': {'_': 'x', 'ipv6': '2001:db8::1', 'port': 8080, 'timeout-seconds': '60',
  'zope-dict': {'admin': {'instance-count': 2, 'port-base': 2200}, 'web': {'thread-amount': 4}},
  'host-list': ['a.example.com', 'b.example.com', 'c.example.com'], 'tidstorage': None,
  'frontend': {'url': 'https://frontend.example.com/', 'parameters': {'type': 'zope', 'cache': True}}},
'slap_connection': {'computer-id': 'COMP-1', 'partition-id': 'slappart3', 'server-url': 'https://slap.example.com'},
'directory': {'etc': '/srv/slapgrid/slappart3/etc', 'var': '/srv/slapgrid/slappart3/var',
  'run': '/srv/slapgrid/slappart3/var/run', 'log': '/srv/slapgrid/slappart3/var/log'},
'ipv4_set': {'10.0.12.7'}, 'instance_title': 'production', 'wrapper': '/srv/bin/wrapper',
'backend_list': [('zope-0', 'http://10.0.12.7:2200', True), ('zope-1', 'http://10.0.12.7:2201', False)],
'monitor': {'url': 'https://[2001:db8::1]:8196', 'user': 'admin', 'password': 'insecure$;'},
'size_limit': 10485760, 'ratio': 0.75, 'empty': '', 'none_value': None,
}"#;

/// The names and values of a dict literal of Python, for a template.
pub type Context = Arc<[(String, ContextValue)]>;

/// A context that is no dict literal.
#[derive(Debug, thiserror::Error)]
#[error("the context is no dict literal of Python")]
pub struct ContextError;

/// Reads a context such as [`CONTEXT`].
///
/// # Errors
/// It is no dict literal.
pub fn read_context(text: &str) -> Result<Context, ContextError> {
    match literal::parse(&text.replace('\n', " ")) {
        Ok(Value::Dict(names)) => Ok(names
            .iter()
            .map(|(name, value)| (name.to_string(), ContextValue::Value(value.clone())))
            .collect()),
        _ => Err(ContextError),
    }
}

/// Returns what the recipe would have rendered.
pub fn rendering(name: &str, source: &str, context: &Context) -> Rendering {
    Rendering {
        name: name.into(),
        source: source.into(),
        context: Arc::clone(context),
        loader: None,
        extensions: Extensions {
            expression_statement: true,
            loop_controls: false,
        },
        has_dumps: true,
    }
}

/// Generates so many templates.
pub fn generate(count: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    (0..count)
        .map(|index| {
            let share = (index as f64 + 0.5) / count as f64;
            // The logistic distribution is close to the normal one.
            let deviation = (share / (1.0 - share)).ln() / 1.702;
            let size = MEDIAN * (DEVIATION * deviation).exp();
            template(
                &mut random,
                size.clamp(*SIZES.start(), *SIZES.end()) as usize,
            )
        })
        .collect()
}

fn template(random: &mut Random, size: usize) -> String {
    let mut text = String::from("{%- set part_list = [] -%}\n");
    if size > 2000 {
        text.push_str(MACROS);
    }
    let has_macros = size > 2000;
    let mut number = 0;
    while text.len() < size {
        number += 1;
        block(&mut text, random, number, has_macros);
    }
    text.push_str(
        "[buildout]\nparts =\n{%- for part in part_list %}\n  {{ part }}\n{%- endfor %}\n\
         eggs-directory = {{ directory['var'] }}/eggs\noffline = true\n",
    );
    text
}

const MACROS: &str = r#"{% macro section(name) %}{% do part_list.append(name) %}{{ name }}{% endmacro -%}
{% macro option(key, value='', separator=' = ') -%}
{{ key }}{{ separator }}{{ dumps(value) if value is not string else value }}
{%- endmacro -%}
"#;

/// Adds one of the things that templates do. Writing to a `String` cannot fail.
fn block(text: &mut String, random: &mut Random, number: usize, has_macros: bool) {
    let name = format!("{}-{number}", random.pick(&WORDS));
    let word = *random.pick(&WORDS);
    let head = match has_macros && random.chance(60) {
        true => format!("[{{{{ section('{name}') }}}}]"),
        false => format!("{{% do part_list.append('{name}') -%}}\n[{name}]"),
    };
    let _ = match random.below(10) {
        0 => write!(
            text,
            "{head}\nrecipe = slapos.cookbook:wrapper\ncommand-line = {{{{ wrapper }}}} \
             --host {{{{ slapparameter_dict['ipv6'] }}}} --port {{{{ slapparameter_dict['port'] }}}}\n\
             wrapper-path = {{{{ directory['run'] }}}}/{word}\nenvironment =\n  \
             PATH={{{{ directory['etc'] }}}}:{{{{ directory.var }}}}\n\n"
        ),
        1 => write!(
            text,
            "{{% if slapparameter_dict.get('{word}') -%}}\n{head}\nvalue = {{{{ \
             slapparameter_dict['{word}'] }}}}\n{{%- elif slapparameter_dict.get('port', 80) > {number} -%}}\n\
             {head}\nport = {{{{ slapparameter_dict['port'] + {number} }}}}\n{{%- else -%}}\n# no {word}\n\
             {{%- endif %}}\n\n"
        ),
        2 => write!(
            text,
            "{{% for name, url, is_active in backend_list -%}}\n{{% if is_active and url -%}}\n\
             [{name}-{{{{ name }}}}]\nserver = {{{{ url }}}}\nindex = {{{{ loop.index0 }}}}\n{{% \
             else -%}}\n# {{{{ name }}}} is off\n{{% endif -%}}\n{{% endfor -%}}\n\n"
        ),
        3 => write!(
            text,
            "{{% set {word}_{number} = {{'name': '{name}', 'port': slapparameter_dict['port'] + \
             {number}, 'hosts': slapparameter_dict['host-list']}} -%}}\n{{% do \
             {word}_{number}.update(path=directory['log'] ~ '/' ~ instance_title) -%}}\n{head}\n\
             <= jinja2-template-base\ncontext =\n  key name {word}:name\noptions = {{{{ \
             dumps({word}_{number}) }}}}\n\n"
        ),
        4 => write!(
            text,
            "{head}\nurl = {{{{ 'http://[%s]:%d/%s' % (slapparameter_dict['ipv6'], \
             slapparameter_dict['port'], '{word}') }}}}\nhosts = {{{{ \
             ' '.join(slapparameter_dict['host-list']) }}}}\ntitle = {{{{ instance_title | upper }}}}\n\n"
        ),
        5 => write!(
            text,
            "{{% for family, parameters in slapparameter_dict['zope-dict'] | dictsort -%}}\n{{% \
             set count_{number} = parameters.get('instance-count', 1) | int -%}}\n{{% for i in \
             range(count_{number}) -%}}\n[{name}-{{{{ family }}}}-{{{{ i }}}}]\nport = {{{{ \
             parameters.get('port-base', 2000) + i }}}}\n{{% endfor -%}}\n{{% endfor %}}\n\n"
        ),
        6 => write!(
            text,
            "# {word}: {}\n{head}\nrecipe = slapos.recipe.template\ninline =\n  #!/bin/sh\n  exec \
             {word} --config {{{{ directory['etc'] }}}}/{word}.conf \"$@\"\noutput = {{{{ \
             directory['run'] }}}}/{word}\nmode = 0700\n\n",
            random.hexadecimal(40)
        ),
        7 => write!(
            text,
            "{{% set {word}_list = [] -%}}\n{{% for host in slapparameter_dict['host-list'] -%}}\n{{% \
             if host.startswith('{}') or not loop.first -%}}\n{{% do {word}_list.append(host.split('.')[0] \
             ~ ':' ~ (loop.index + {number})) -%}}\n{{% endif -%}}\n{{% endfor -%}}\n{head}\nlist = \
             {{{{ {word}_list | join(', ') }}}}\nlength = {{{{ len({word}_list) }}}}\n\n",
            random.pick(&["a", "b", "x"])
        ),
        8 if has_macros => write!(
            text,
            "{head}\n{{{{ option('user', monitor['user']) }}}}\n{{{{ option('password', \
             monitor['password'], separator='=') }}}}\n{{{{ option('limit', size_limit // {number}) }}}}\n\
             {{{{ option('frontend', slapparameter_dict['frontend']['parameters']) }}}}\n\n"
        ),
        _ => write!(
            text,
            "{{% set ns_{number} = namespace(total=0) -%}}\n{{% for key in \
             slapparameter_dict.keys() | sort -%}}\n{{% set ns_{number}.total = ns_{number}.total + \
             key | length -%}}\n{{% endfor -%}}\n{head}\ntotal = {{{{ ns_{number}.total }}}}\nipv4 = \
             {{{{ (ipv4_set | list)[0] }}}}\nratio = {{{{ '%.2f' % (ratio * {number}) }}}}\n\n"
        ),
    };
}

const WORDS: [&str; 16] = [
    "apache",
    "backup",
    "cloudooo",
    "cron",
    "frontend",
    "haproxy",
    "jupyter",
    "logrotate",
    "mariadb",
    "monitor",
    "postfix",
    "promise",
    "redis",
    "resilient",
    "wsgi",
    "zope",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_slapos() {
        let mut sizes: Vec<usize> = generate(200, 1).iter().map(String::len).collect();
        sizes.sort_unstable();
        assert!((2_000..3_000).contains(&sizes[100]), "{}", sizes[100]);
        assert!((52_000..54_000).contains(&sizes[199]), "{}", sizes[199]);
        let mean = sizes.iter().sum::<usize>() / 200;
        assert!((3_500..6_000).contains(&mean), "{mean}");
    }
}
