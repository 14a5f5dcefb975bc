//! The merge against what zc.buildout 3 does, on random trees.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::load::{LoadedText, ProfileLoader, Surroundings, load};
use super::super::tree::Visit;
use super::super::{
    DownloadSettings, HistoryItem, LoadError, MergedSection, MergedSections, NodeId, Tree, merge,
    update,
};
use crate::dialect::{Dialect, MergeShape};

/// Small deterministic numbers; good enough to mix cases.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct Texts(HashMap<String, String>);

impl ProfileLoader for Texts {
    fn load(&self, source: &str, _: &DownloadSettings) -> Result<LoadedText, LoadError> {
        Ok(LoadedText {
            text: self.0[source].clone(),
            downloaded_as: None,
        })
    }

    fn identity(&self, source: &str) -> String {
        source.to_owned()
    }

    fn exists(&self, _: &str) -> bool {
        true
    }
}

fn random_texts(numbers: &mut Numbers) -> (Texts, String) {
    let files = 1 + numbers.below(8);
    // Some trees have no plain values, some are nearly a chain.
    let kinds = 1 + numbers.below(6);
    let density = 1 + numbers.below(4);
    let mut texts = HashMap::new();
    for file in 0..files {
        let mut text = String::from("[buildout]\nextends =\n");
        for other in 0..file {
            if numbers.below(4) < density || other + 1 == file {
                text.push_str(&format!("  /{other}\n"));
            }
        }
        for section in ["a", "b"] {
            if numbers.below(3) == 0 {
                continue;
            }
            text.push_str(&format!("[{section}]\n"));
            for option in ["x", "y"] {
                let lines = ["1", "2", "1\n 2", ""][numbers.below(4) as usize];
                match numbers.below(kinds + 3) {
                    0 => text.push_str(&format!("{option} += {lines}\n")),
                    1 => text.push_str(&format!("{option} -= {lines}\n")),
                    2 => text.push_str(&format!(
                        "{option} -= 2\n{option}+= {lines}\n{option} += 3\n"
                    )),
                    3 => {}
                    4 => text.push_str(&format!("{option} = 0\n{option} += {lines}\n")),
                    _ => text.push_str(&format!("{option} = {lines}\n")),
                }
            }
        }
        texts.insert(format!("/{file}"), text);
    }
    (Texts(texts), format!("/{}", files - 1))
}

/// `R(F)` as it is defined, following each path; the trees are small.
fn naive(tree: &Tree, file: NodeId) -> MergedSections {
    let mut result: Option<MergedSections> = None;
    let mut merge_in = |changes: MergedSections| match &mut result {
        None => result = Some(changes),
        Some(result) => update(result, &changes, MergeShape::Pairwise),
    };
    for include in &tree.node(file).includes {
        merge_in(naive(tree, include.target));
    }
    let source = Arc::clone(&tree.node(file).source);
    let visit = Visit { node: file, source };
    let own = tree.sections(file).iter().map(|section| {
        let options = section.options.iter().map(|option| {
            let key = Arc::clone(tree.symbols.name(option.key));
            (key, tree.single(&visit, section.name, option))
        });
        let options: MergedSection = options.collect();
        (
            Arc::clone(tree.symbols.name(section.name)),
            Arc::new(options),
        )
    });
    merge_in(own.collect());
    result.unwrap_or_default()
}

type Shown = Vec<(String, String, String, Vec<HistoryItem>)>;

fn show(sections: &MergedSections, history: impl Fn(&super::History) -> Vec<HistoryItem>) -> Shown {
    let mut shown = Shown::new();
    for (name, section) in sections {
        for (key, option) in &**section {
            shown.push((
                name.to_string(),
                key.to_string(),
                option.value.to_string(),
                history(&option.history),
            ));
        }
    }
    shown.sort_by(|left, right| (&left.0, &left.1).cmp(&(&right.0, &right.1)));
    shown
}

#[test]
fn values_and_histories_are_those_of_the_definition() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let dialect = Dialect::slapos();
    for round in 0..500 {
        let (texts, root) = random_texts(&mut numbers);
        let surroundings = Surroundings {
            loader: &texts,
            conditions: &|_| Ok(true),
            dialect: &dialect,
        };
        let none = MergedSection::default();
        let loaded = load(
            surroundings,
            &root,
            &none,
            &none,
            &MergedSections::default(),
        )
        .unwrap();
        let merged = merge(&loaded.tree).unwrap();
        let expected = naive(&loaded.tree, loaded.tree.root);
        assert_eq!(
            show(&merged, |history| history.list().items),
            show(&expected, |history| history.list().items),
            "round {round}: {:#?}",
            texts.0
        );
        assert_eq!(
            show(&merged, super::History::current),
            show(&expected, super::History::current),
            "round {round}"
        );
        for section in merged.values() {
            for option in section.values() {
                let last = option.origin();
                let listed = option.history.list().items;
                assert_eq!(last.as_ref(), listed.last().map(|item| &item.origin));
            }
        }
    }
}
