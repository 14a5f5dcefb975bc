//! Jinja2's filters.

mod attributes;
mod collections;
mod generators;
mod json;
mod text;

use super::error::SyntaxProblem;
use super::parser::Parsed;
use crate::python_value::{Arguments, Object, Raised};
use buildout_core::value::str_repr;

/// What a filter does with a value and its arguments.
type Apply = fn(Object, Arguments) -> Raised<Object>;

/// A filter that a template names.
#[derive(Clone)]
pub(super) struct Filter {
    pub(super) apply: Apply,
}

const FILTERS: &[(&str, Apply)] = &[
    ("abs", collections::abs),
    ("attr", attributes::attr),
    ("batch", generators::batch),
    ("capitalize", text::capitalize),
    ("center", text::center),
    ("count", collections::length),
    ("d", collections::default),
    ("default", collections::default),
    ("dictsort", collections::dictsort),
    ("e", text::escape),
    ("escape", text::escape),
    ("filesizeformat", text::filesizeformat),
    ("first", collections::first),
    ("float", collections::float),
    ("forceescape", text::forceescape),
    ("format", text::format),
    ("groupby", collections::groupby),
    ("indent", text::indent),
    ("int", collections::int),
    ("items", generators::items),
    ("join", collections::join),
    ("last", collections::last),
    ("length", collections::length),
    ("list", collections::list),
    ("lower", text::lower),
    ("map", generators::map),
    ("max", collections::max),
    ("min", collections::min),
    ("pprint", text::pprint),
    ("random", collections::random),
    ("reject", generators::reject),
    ("rejectattr", generators::rejectattr),
    ("replace", text::replace),
    ("reverse", collections::reverse),
    ("round", collections::round),
    ("safe", text::safe),
    ("select", generators::select),
    ("selectattr", generators::selectattr),
    ("slice", generators::slice),
    ("sort", collections::sorted),
    ("string", text::string),
    ("sum", collections::sum),
    ("title", text::title),
    ("tojson", json::tojson),
    ("trim", text::trim),
    ("truncate", text::truncate),
    ("unique", generators::unique),
    ("upper", text::upper),
    ("urlencode", text::urlencode),
    ("wordcount", text::wordcount),
    ("wordwrap", text::wordwrap),
    ("xmlattr", text::xmlattr),
];

/// Filters of Jinja2 that are not here.
const UNSUPPORTED: &[&str] = &["striptags", "urlize"];

impl Filter {
    /// Finds the filter of a name.
    pub(super) fn named(name: &str, line: u32) -> Parsed<Self> {
        if let Some(apply) = find(name) {
            return Ok(Filter { apply });
        }
        Err(match UNSUPPORTED.contains(&name) {
            true => SyntaxProblem::unsupported(line, format!("the filter `{name}`")),
            false => SyntaxProblem::assertion(line, format!("No filter named {}.", str_repr(name))),
        })
    }
}

/// Finds what the filter of a name does.
pub(super) fn find(name: &str) -> Option<Apply> {
    let at = FILTERS
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    Some(FILTERS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FILTERS.is_sorted_by_key(|(name, _)| name));
    }
}
