//! Waiting for the parts that a part refers to.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::super::session::State;
use super::Order;
use super::components::components;

/// Returns the order in which each part waits for the earlier ones that it
/// refers to, also through sections that are no parts.
///
/// Sections that are no parts become steps, those of a circle one step
/// together, so that a section that many parts refer to is followed once. If
/// such a step waits for a part that is *later* than one that refers to it
/// (only circles through recipes do that), that one waits for the parts behind
/// the step one by one.
pub(super) fn references(state: &State, parts: &[Arc<str>]) -> Order {
    let mut places: HashMap<&str, usize, FxBuildHasher> = HashMap::default();
    for (place, part) in parts.iter().enumerate() {
        places.insert(part, place);
    }
    let mut sections: Vec<&Arc<str>> = Vec::new();
    let mut numbers: HashMap<&str, usize, FxBuildHasher> = HashMap::default();
    // What each node leads to: parts by place, sections behind them.
    let mut leads_to: Vec<Vec<usize>> = Vec::new();
    let names: Vec<&Arc<str>> = parts.iter().collect();
    let mut node = 0;
    loop {
        let name = match names.get(node) {
            Some(name) => *name,
            None => match sections.get(node - parts.len()) {
                Some(name) => *name,
                None => break,
            },
        };
        let mut next = Vec::new();
        for to in state.dependencies.get(name).into_iter().flatten() {
            let number = places.get(&**to).copied().unwrap_or_else(|| {
                *numbers.entry(to).or_insert_with(|| {
                    sections.push(to);
                    parts.len() + sections.len() - 1
                })
            });
            next.push(number);
        }
        leads_to.push(next);
        node += 1;
    }
    fold(&leads_to, parts.len())
}

/// Makes steps of the nodes behind the first `parts` ones.
fn fold(leads_to: &[Vec<usize>], parts: usize) -> Order {
    let among_sections: Vec<Vec<usize>> = leads_to[parts..]
        .iter()
        .map(|next| next.iter().filter_map(|to| to.checked_sub(parts)).collect())
        .collect();
    let mut step_of = vec![0; among_sections.len()];
    // For each step behind the parts: what it waits for, and the latest part
    // behind it.
    let mut steps: Vec<Vec<usize>> = Vec::new();
    let mut latest: Vec<Option<usize>> = Vec::new();
    for component in components(&among_sections) {
        let step = parts + steps.len();
        for section in &component {
            step_of[*section] = step;
        }
        let mut waits = Vec::new();
        let mut latest_here = None;
        for section in component {
            for &to in &leads_to[parts + section] {
                let (wait, last) = match to.checked_sub(parts) {
                    None => (to, Some(to)),
                    Some(section) if step_of[section] == step => continue,
                    Some(section) => (step_of[section], latest[step_of[section] - parts]),
                };
                if last.is_some() {
                    waits.push(wait);
                    latest_here = latest_here.max(last);
                }
            }
        }
        waits.sort_unstable();
        waits.dedup();
        steps.push(waits);
        latest.push(latest_here);
    }
    let mut waits: Vec<Vec<usize>> = Vec::with_capacity(parts + steps.len());
    for (part, next) in leads_to[..parts].iter().enumerate() {
        let mut found = Vec::new();
        for &to in next {
            match to.checked_sub(parts) {
                None if to < part => found.push(to),
                None => {}
                Some(section) => {
                    let step = step_of[section];
                    match latest[step - parts] {
                        None => {}
                        Some(last) if last < part => found.push(step),
                        Some(_) => found.extend(earlier_behind(&steps, parts, step, part)),
                    }
                }
            }
        }
        waits.push(found);
    }
    waits.extend(steps);
    Order { waits, parts }
}

/// Returns the parts before `part` that a step waits for.
fn earlier_behind(steps: &[Vec<usize>], parts: usize, step: usize, part: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut met = vec![false; steps.len()];
    let mut left = vec![step];
    while let Some(step) = left.pop() {
        if std::mem::replace(&mut met[step - parts], true) {
            continue;
        }
        for &wait in &steps[step - parts] {
            match wait < parts {
                true if wait < part => found.push(wait),
                true => {}
                false => left.push(wait),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_between_become_steps() {
        // Parts 0 to 2; section 3 leads to part 0 and section 4, which leads
        // to part 1; section 5 leads nowhere.
        let graph = [vec![5], vec![], vec![3, 5], vec![0, 4], vec![1], vec![]];
        let order = fold(&graph, 3);
        assert_eq!(order.part_waits(), [vec![], vec![], vec![0, 1]]);
    }

    #[test]
    fn nothing_waits_for_a_later_part() {
        // Part 0 and section 2 refer to part 1, which refers to section 2.
        let graph = [vec![1, 2], vec![2], vec![1, 0]];
        let order = fold(&graph, 2);
        assert_eq!(order.part_waits(), [vec![], vec![0]]);
        // A circle of sections.
        let graph = [vec![2], vec![], vec![3], vec![2, 1]];
        assert_eq!(fold(&graph, 2).part_waits(), [Vec::<usize>::new(), vec![]]);
        let graph = [vec![], vec![2], vec![3], vec![2, 0]];
        assert_eq!(fold(&graph, 2).part_waits(), [vec![], vec![0]]);
    }
}
