//! Basing one section on another: the merge rules on small, whole sections.
//!
//! These are `_update` and `_update_section` of zc.buildout, word for word in
//! effect. The `extends` trees are merged without them where it matters
//! ([`super::flat`], [`super::pairwise`]); they serve sections without a tree:
//! command line assignments, defaults, macros, and the first occurrence of a
//! section.

use std::sync::Arc;

use super::option::{MergedOption, MergedSection, MergedSections};
use super::origin::{Origin, Source};
use crate::dialect::MergeShape;
use crate::profile::syntax::{MACRO_OPTION, Operator, split_operator, without_two_characters};

/// Applies `changes` to `section`: operators first take their left side from
/// `changes` itself, else from `section`, else from the empty value.
pub fn update_section(section: &mut MergedSection, changes: &MergedSection) {
    if changes.keys().any(|key| split_operator(key).1.is_some()) {
        let resolved = resolve_operators(section, changes);
        replace_options(section, &resolved);
    } else {
        replace_options(section, changes);
    }
}

/// Upstream's `_update_verbose`: plain values replace.
fn replace_options(section: &mut MergedSection, changes: &MergedSection) {
    for (key, option) in changes {
        match section.get_mut(key) {
            Some(present) => present.override_with(option),
            None => {
                section.insert(Arc::clone(key), option.clone());
            }
        }
    }
}

fn resolve_operators(section: &MergedSection, changes: &MergedSection) -> MergedSection {
    let mut resolved = changes.clone();
    let mut operators: Vec<(&Arc<str>, &MergedOption)> = changes
        .iter()
        .filter(|(key, _)| split_operator(key).1.is_some())
        .collect();
    operators.sort_by_key(|(key, _)| operator_order(key));
    for (key, option) in operators {
        let (base, operator) = split_operator(key);
        let left = resolved.get(base).or_else(|| section.get(base));
        let mut value = left.cloned().unwrap_or_else(MergedOption::implicit);
        match operator {
            Some(Operator::Remove) => value.remove(option),
            _ => value.add(option),
        }
        resolved.insert(Arc::from(base), value);
        resolved.shift_remove(key);
    }
    resolved
}

/// The order in which upstream works through the operators of a section:
/// additions to an option come before removals from it.
pub(super) fn operator_order(key: &str) -> (&str, Option<char>) {
    (key.trim_end_matches([' ', '+']), key.chars().next_back())
}

/// Returns a section as it enters a configuration that does not have it yet.
///
/// zc.buildout 3 copies it. zc.buildout 6 turns operators without a base into
/// plain values, unless the section has macros, whose values are not known
/// yet.
pub fn first_occurrence(section: &Arc<MergedSection>, shape: MergeShape) -> Arc<MergedSection> {
    let plain = !section.keys().any(|key| split_operator(key).1.is_some());
    if plain || shape == MergeShape::Pairwise || section.contains_key(MACRO_OPTION) {
        return Arc::clone(section);
    }
    let mut normalized = (**section).clone();
    let mut keys: Vec<&Arc<str>> = section.keys().collect();
    keys.sort();
    for key in keys {
        let (base, Some(operator)) = split_operator(key) else {
            continue;
        };
        // Upstream drops two characters, whether or not one is a blank; the
        // name this makes is kept for equality with it. Where nothing would be
        // left (`a+=1`) upstream crashes.
        let name = match without_two_characters(key) {
            "" => base,
            name => name,
        };
        if normalized.contains_key(name) {
            continue;
        }
        if let Some(mut option) = normalized.shift_remove(key) {
            if operator == Operator::Remove {
                let mut all = option.clone();
                all.set_source(Source::Implicit);
                option.remove(&all);
            }
            normalized.insert(Arc::from(name), option);
        }
    }
    let mut result = MergedSection::default();
    update_section(&mut result, &normalized);
    Arc::new(result)
}

/// Applies whole sections to a configuration.
pub fn update(sections: &mut MergedSections, changes: &MergedSections, shape: MergeShape) {
    for (name, section) in changes {
        match sections.get_mut(name) {
            Some(present) => update_section(Arc::make_mut(present), section),
            None => {
                let born = first_occurrence(section, shape);
                sections.insert(Arc::clone(name), born);
            }
        }
    }
}

impl MergedOption {
    fn set_source(&mut self, source: Source) {
        *self = MergedOption::set(Arc::clone(&self.value), Origin::symbolic(source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(options: &[(&str, &str)]) -> MergedSection {
        let origin = || Origin::symbolic(Source::CommandLine);
        options
            .iter()
            .map(|(key, value)| (Arc::from(*key), MergedOption::set(*value, origin())))
            .collect()
    }

    fn values(section: &MergedSection) -> Vec<(String, String)> {
        let pair =
            |(key, option): (&Arc<str>, &MergedOption)| (key.to_string(), option.value.to_string());
        section.iter().map(pair).collect()
    }

    #[test]
    fn operators_apply_line_by_line() {
        type Options<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(Options<'_>, Options<'_>, Options<'_>)] = &[
            (&[("l", "1")], &[("l +", "2")], &[("l", "1\n2")]),
            (&[], &[("l +", "2")], &[("l", "\n2")]),
            (&[("l", "x")], &[("l +", "")], &[("l", "x\n")]),
            (&[("l", "a b c")], &[("l -", "a b")], &[("l", "a b c")]),
            (&[("l", "a\nb\na")], &[("l -", "a")], &[("l", "b")]),
            (
                &[("l", "a\nb")],
                &[("l +", "b"), ("l -", "b")],
                &[("l", "a")],
            ),
            (&[("l", "1")], &[("l", "7"), ("l+", "3")], &[("l", "7\n3")]),
        ];
        for (base, changes, expected) in cases {
            let mut merged = section(base);
            update_section(&mut merged, &section(changes));
            assert_eq!(values(&merged), values(&section(expected)));
        }
    }

    #[test]
    fn first_occurrences_of_operators() {
        let born = first_occurrence(
            &Arc::new(section(&[("ab+", "1"), ("cd -", "1")])),
            MergeShape::Flat,
        );
        assert_eq!(values(&born), values(&section(&[("a", "1"), ("cd", "")])));
        let born = first_occurrence(
            &Arc::new(section(&[("<", "m"), ("l +", "1")])),
            MergeShape::Flat,
        );
        assert_eq!(values(&born), values(&section(&[("<", "m"), ("l +", "1")])));
        let born = first_occurrence(&Arc::new(section(&[("l +", "1")])), MergeShape::Pairwise);
        assert_eq!(values(&born), values(&section(&[("l +", "1")])));
    }
}
