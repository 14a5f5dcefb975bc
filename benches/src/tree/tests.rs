//! The generated trees have the shape that the benchmarks say they have.

use std::collections::{HashMap, HashSet};

use super::*;

fn assert_near(what: &str, wanted: u128, found: u128, percent: u128) {
    assert!(
        wanted.abs_diff(found) * 100 <= wanted * percent,
        "{what}: wanted {wanted}, found {found}"
    );
}

fn assert_shape(wanted: &TreeShape, found: &TreeShape, percent: u128) {
    for (what, wanted, found) in [
        ("files", wanted.files, found.files),
        ("bytes", wanted.bytes, found.bytes),
        ("depth", wanted.depth, found.depth),
        ("edges", wanted.edges, found.edges),
        ("sections", wanted.sections, found.sections),
        ("options", wanted.options, found.options),
    ] {
        assert_near(what, wanted as u128, found as u128, percent);
    }
    assert_near(
        "include paths",
        wanted.include_paths,
        found.include_paths,
        percent,
    );
}

#[test]
fn the_tree_is_within_two_percent_of_the_erp5_release() {
    let wanted = TreeShape::erp5();
    for seed in [1, 2, 3] {
        assert_shape(&wanted, &Tree::generate(&wanted, seed).report(), 2);
    }
}

#[test]
fn larger_trees_keep_the_promised_proportions() {
    for wanted in [
        TreeShape::erp5().wider(2),
        TreeShape::erp5().wider(4),
        TreeShape::erp5().deeper(2),
        TreeShape::erp5().deeper(8),
    ] {
        assert_shape(&wanted, &Tree::generate(&wanted, 1).report(), 5);
    }
}

/// Reads the written files with a reader that knows nothing of the generator, follows each
/// include path, and compares the counts with the report.
#[test]
fn the_report_is_true_of_the_files_on_disk() {
    let tree = Tree::generate(&TreeShape::erp5(), 1);
    let directory = tempfile::tempdir().expect("a temporary directory");
    tree.write(directory.path()).expect("the tree is written");

    let mut texts: HashMap<PathBuf, String> = HashMap::new();
    let mut extends: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
    let mut opened = 0u128;
    let mut pending = vec![directory.path().join(tree.root_profile())];
    while let Some(path) = pending.pop() {
        opened += 1;
        if !extends.contains_key(&path) {
            let text = fs::read_to_string(&path).expect("each extended file exists");
            let base = path.parent().expect("a file has a directory");
            let children = text
                .lines()
                .skip_while(|line| !line.starts_with("extends ="))
                .skip(1)
                .take_while(|line| line.starts_with(' '))
                .map(|line| fs::canonicalize(base.join(line.trim())).expect("extended file"))
                .collect();
            extends.insert(path.clone(), children);
            texts.insert(path.clone(), text);
        }
        pending.extend(extends[&path].iter().cloned());
    }
    let mut sections: HashMap<String, HashSet<String>> = HashMap::new();
    for text in texts.values() {
        let mut section = String::new();
        for line in text.lines() {
            if let Some(header) = line.strip_prefix('[') {
                let end = header.find([':', ']']).expect("a header ends");
                section = header[..end].to_owned();
                sections.entry(section.clone()).or_default();
            } else if !line.starts_with([' ', '#'])
                && let Some((key, _)) = line.split_once('=')
            {
                let key = key.trim_end_matches([' ', '+']).to_owned();
                if key != "extends" {
                    sections.entry(section.clone()).or_default().insert(key);
                }
            }
        }
    }
    let report = tree.report();
    assert_eq!(report.files, texts.len());
    assert_eq!(report.bytes, texts.values().map(String::len).sum::<usize>());
    assert_eq!(report.edges, extends.values().map(Vec::len).sum::<usize>());
    assert_eq!(report.include_paths, opened);
    assert_eq!(report.sections, sections.len());
    assert_eq!(
        report.options,
        sections.values().map(HashSet::len).sum::<usize>()
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let text = |seed| -> String {
        let tree = Tree::generate(&TreeShape::erp5(), seed);
        tree.documents.iter().map(Document::render).collect()
    };
    assert!(text(1) == text(1));
    assert!(text(1) != text(2));
}
