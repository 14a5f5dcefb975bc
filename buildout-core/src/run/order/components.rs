//! Circles in a graph.

/// Returns the strongly connected components of a graph, each after those that
/// it leads to (Tarjan's algorithm, with a stack of our own). `next` lists for
/// each node those that it leads to.
pub(super) fn components(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    const CLOSED: usize = usize::MAX - 1;
    let mut found = Vec::new();
    let mut numbers = vec![UNSEEN; next.len()];
    let mut count = 0;
    // The nodes that belong to no finished component yet.
    let mut open = Vec::new();
    for start in 0..next.len() {
        if numbers[start] != UNSEEN {
            continue;
        }
        // Nodes with the number of the next edge to follow, and the lowest
        // number that can be reached from them.
        let mut visits = vec![(start, 0, count)];
        numbers[start] = count;
        count += 1;
        open.push(start);
        while let Some((node, edge, lowest)) = visits.last_mut() {
            if let Some(&to) = next[*node].get(*edge) {
                *edge += 1;
                match numbers[to] {
                    UNSEEN => {
                        visits.push((to, 0, count));
                        numbers[to] = count;
                        count += 1;
                        open.push(to);
                    }
                    CLOSED => {}
                    number => *lowest = number.min(*lowest),
                }
                continue;
            }
            let (node, lowest) = (*node, *lowest);
            visits.pop();
            if let Some((_, _, lowest_before)) = visits.last_mut() {
                *lowest_before = lowest.min(*lowest_before);
            }
            if lowest == numbers[node] {
                let from = open.iter().rposition(|open| *open == node).unwrap_or(0);
                let component = open.split_off(from);
                for member in &component {
                    numbers[*member] = CLOSED;
                }
                found.push(component);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_what_they_lead_to_comes_first() {
        let graph = [vec![1], vec![2, 4], vec![1, 3], vec![], vec![3, 4], vec![0]];
        let mut found = components(&graph);
        for component in &mut found {
            component.sort_unstable();
        }
        assert_eq!(found, [vec![3], vec![4], vec![1, 2], vec![0], vec![5]]);
        assert!(components(&[]).is_empty());
        // A chain longer than any stack of calls.
        let chain: Vec<Vec<usize>> = (0..300_000)
            .map(|node| {
                if node + 1 < 300_000 {
                    vec![node + 1]
                } else {
                    vec![0]
                }
            })
            .collect();
        assert_eq!(components(&chain).len(), 1);
    }
}
