//! A layered layout: nodes in columns, edges from left to right.
//!
//! The usual steps (Sugiyama): circles are broken, each node gets a layer to
//! the right of those before it, long edges bend in every layer they cross,
//! layers are sorted to cross few edges, and nodes move towards their
//! neighbours.

/// Rounds of sorting layers, and of moving nodes.
const ROUNDS: usize = 12;

/// An edge from one node to another, by their numbers.
pub(super) type Pair = (usize, usize);

/// Where everything is: the unit is a layer across, and a row down.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// The layer of each node.
    pub(super) layers: Vec<usize>,
    /// The row of each node.
    pub(super) rows: Vec<f64>,
    /// The edges, from left to right.
    pub(super) routes: Vec<Route>,
}

/// The way of an edge.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    /// The node on the left.
    pub(super) left: usize,
    /// The node on the right.
    pub(super) right: usize,
    /// Whether the edge leads from right to left: it closes a circle.
    pub(super) backwards: bool,
    /// The row in each layer between the two.
    pub(super) bends: Vec<f64>,
}

/// Lays out `count` nodes with `edges`.
pub(super) fn layout(count: usize, edges: &[Pair]) -> Layout {
    let forward = without_circles(count, edges);
    let directed: Vec<Pair> = edges
        .iter()
        .zip(&forward)
        .filter(|((from, to), _)| from != to)
        .map(|(&(from, to), forward)| if *forward { (from, to) } else { (to, from) })
        .collect();
    let layers = layers(count, &directed);
    let mut grid = Grid::new(&layers, &directed);
    grid.sort();
    let rows = grid.place();
    let mut bends = grid.chains.iter();
    let routes = edges
        .iter()
        .zip(&forward)
        .filter(|((from, to), _)| from != to)
        .map(|(&(from, to), forward)| {
            let (left, right) = if *forward { (from, to) } else { (to, from) };
            let chain = bends.next().map_or(&[][..], Vec::as_slice);
            Route {
                left,
                right,
                backwards: !forward,
                bends: chain.iter().map(|node| rows[*node]).collect(),
            }
        })
        .collect();
    Layout {
        rows: rows[..count].to_vec(),
        layers,
        routes,
    }
}

fn neighbours(count: usize, edges: impl Iterator<Item = Pair>) -> Vec<Vec<usize>> {
    let mut lists = vec![Vec::new(); count];
    for (from, to) in edges {
        lists[from].push(to);
    }
    lists
}

/// Tells of each edge whether it keeps its direction, so that no circle is
/// left: one that leads back to a node on the way to it does not.
fn without_circles(count: usize, edges: &[Pair]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Not,
        Open,
        Done,
    }
    let mut outgoing = vec![Vec::new(); count];
    for (number, (from, to)) in edges.iter().enumerate() {
        outgoing[*from].push((number, *to));
    }
    let mut forward = vec![true; edges.len()];
    let mut visits = vec![Visit::Not; count];
    for start in 0..count {
        if visits[start] != Visit::Not {
            continue;
        }
        visits[start] = Visit::Open;
        let mut stack = vec![(start, outgoing[start].iter())];
        while let Some((node, left)) = stack.last_mut() {
            let Some(&(number, to)) = left.next() else {
                visits[*node] = Visit::Done;
                stack.pop();
                continue;
            };
            match visits[to] {
                Visit::Not => {
                    visits[to] = Visit::Open;
                    stack.push((to, outgoing[to].iter()));
                }
                Visit::Open => forward[number] = false,
                Visit::Done => {}
            }
        }
    }
    forward
}

/// Gives each node the first layer after all before it; then nodes with
/// nothing before them move next to what needs them.
fn layers(count: usize, edges: &[Pair]) -> Vec<usize> {
    let after = neighbours(count, edges.iter().copied());
    let mut waiting = vec![0_usize; count];
    for (_, to) in edges {
        waiting[*to] += 1;
    }
    let is_source: Vec<bool> = waiting.iter().map(|number| *number == 0).collect();
    let mut ready: Vec<usize> = (0..count).filter(|node| is_source[*node]).collect();
    let mut layers = vec![0; count];
    while let Some(node) = ready.pop() {
        for to in &after[node] {
            layers[*to] = layers[*to].max(layers[node] + 1);
            waiting[*to] -= 1;
            if waiting[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    for node in (0..count).filter(|node| is_source[*node]) {
        if let Some(first) = after[node].iter().map(|to| layers[*to]).min() {
            layers[node] = first - 1;
        }
    }
    layers
}

/// The nodes in their layers, with a helper in every layer that an edge
/// crosses.
struct Grid {
    /// Nodes and helpers of each layer, in order.
    columns: Vec<Vec<usize>>,
    /// The neighbours of each in the layer before, and after.
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// The helpers of each edge.
    chains: Vec<Vec<usize>>,
}

impl Grid {
    fn new(layers: &[usize], edges: &[Pair]) -> Self {
        let mut columns = vec![Vec::new(); layers.iter().max().map_or(0, |last| last + 1)];
        for (node, layer) in layers.iter().enumerate() {
            columns[*layer].push(node);
        }
        let mut count = layers.len();
        let mut segments = Vec::new();
        let mut chains = Vec::new();
        for &(from, to) in edges {
            let mut chain = Vec::new();
            let mut previous = from;
            for column in &mut columns[layers[from] + 1..layers[to]] {
                column.push(count);
                segments.push((previous, count));
                chain.push(count);
                previous = count;
                count += 1;
            }
            segments.push((previous, to));
            chains.push(chain);
        }
        Grid {
            columns,
            before: neighbours(count, segments.iter().map(|(from, to)| (*to, *from))),
            after: neighbours(count, segments.iter().copied()),
            chains,
        }
    }

    /// Sorts the layers to cross few edges: by the mean place of the
    /// neighbours, forth and back, keeping the best result.
    fn sort(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        for round in 0..ROUNDS {
            let forth = round % 2 == 0;
            let places = &mut vec![0; self.before.len()];
            let count = self.columns.len();
            for step in 0..count {
                let layer = if forth { step } else { count - 1 - step };
                let neighbours = if forth { &self.before } else { &self.after };
                let column = &mut self.columns[layer];
                let mut keyed: Vec<(f64, usize)> = column
                    .iter()
                    .enumerate()
                    .map(|(place, node)| {
                        let near = neighbours[*node].iter().map(|near| places[*near] as f64);
                        (mean(near).unwrap_or(place as f64), *node)
                    })
                    .collect();
                keyed.sort_by(|left, right| left.0.total_cmp(&right.0));
                for (place, (_, node)) in keyed.into_iter().enumerate() {
                    column[place] = node;
                    places[node] = place;
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// Counts the crossings of edges, with a Fenwick tree.
    fn crossings(&self) -> u64 {
        let mut crossings = 0;
        for pair in self.columns.windows(2) {
            let mut place = std::collections::HashMap::new();
            place.extend(
                pair[1]
                    .iter()
                    .enumerate()
                    .map(|(place, node)| (*node, place)),
            );
            let mut tree = vec![0_u64; pair[1].len() + 1];
            let mut seen = 0;
            for node in &pair[0] {
                let mut ends: Vec<usize> = self.after[*node].iter().map(|to| place[to]).collect();
                ends.sort_unstable();
                for end in &ends {
                    let mut at = end + 1;
                    let mut not_below = 0;
                    while at > 0 {
                        not_below += tree[at];
                        at &= at - 1;
                    }
                    crossings += seen - not_below;
                }
                for end in ends {
                    seen += 1;
                    let mut at = end + 1;
                    while at < tree.len() {
                        tree[at] += 1;
                        at += at & at.wrapping_neg();
                    }
                }
            }
        }
        crossings
    }

    /// Gives rows to nodes and helpers: each moves to the mean of its
    /// neighbours as far as the order and a distance of 1 allow.
    fn place(&self) -> Vec<f64> {
        let mut rows = vec![0.0; self.before.len()];
        for column in &self.columns {
            for (place, node) in column.iter().enumerate() {
                rows[*node] = place as f64 - column.len() as f64 / 2.0;
            }
        }
        for round in 0..ROUNDS {
            let count = self.columns.len();
            for step in 0..count {
                let layer = if round % 2 == 0 {
                    step
                } else {
                    count - 1 - step
                };
                let column = &self.columns[layer];
                let wanted: Vec<f64> = column
                    .iter()
                    .map(|node| {
                        let near = self.before[*node].iter().chain(&self.after[*node]);
                        mean(near.map(|near| rows[*near])).unwrap_or(rows[*node])
                    })
                    .collect();
                for (node, row) in column.iter().zip(spread(&wanted)) {
                    rows[*node] = row;
                }
            }
        }
        let top = rows.iter().copied().fold(f64::INFINITY, f64::min);
        rows.iter().map(|row| row - top).collect()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// Returns rows near the wanted ones, in the same order, with distances of at
/// least 1: the middle between pushing all down and pushing all up.
fn spread(wanted: &[f64]) -> Vec<f64> {
    let mut down = wanted.to_vec();
    for place in 1..down.len() {
        down[place] = down[place].max(down[place - 1] + 1.0);
    }
    let mut up = wanted.to_vec();
    for place in (1..up.len()).rev() {
        up[place - 1] = up[place - 1].min(up[place] - 1.0);
    }
    down.iter()
        .zip(&up)
        .map(|(down, up)| (down + up) / 2.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_follow_the_edges() {
        // A diamond with a long side, a late source, and a node alone.
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4), (5, 4)];
        let layout = layout(7, &edges);
        assert_eq!(layout.layers, [0, 1, 1, 2, 3, 2, 0]);
        for (route, (from, to)) in layout.routes.iter().zip(edges) {
            assert_eq!(
                (route.left, route.right, route.backwards),
                (from, to, false)
            );
            assert_eq!(
                route.bends.len(),
                layout.layers[to] - layout.layers[from] - 1
            );
        }
    }

    #[test]
    fn nodes_and_bends_of_a_layer_keep_their_distance() {
        let edges: Vec<Pair> = (0..40).flat_map(|n| [(n, n + 1), (n / 3, n + 2)]).collect();
        let layout = layout(42, &edges);
        let mut rows: Vec<(usize, f64)> = layout
            .layers
            .iter()
            .copied()
            .zip(layout.rows.iter().copied())
            .collect();
        for route in &layout.routes {
            let first = layout.layers[route.left] + 1;
            rows.extend(
                route
                    .bends
                    .iter()
                    .enumerate()
                    .map(|(n, row)| (first + n, *row)),
            );
        }
        rows.sort_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        for pair in rows.windows(2) {
            assert!(
                pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 > 0.999,
                "{pair:?}"
            );
        }
        assert!(rows.iter().all(|(_, row)| *row >= 0.0));
    }

    #[test]
    fn circles_are_drawn_backwards() {
        let layout = layout(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
        assert_eq!(layout.layers, [0, 1, 2]);
        let backwards: Vec<bool> = layout.routes.iter().map(|route| route.backwards).collect();
        assert_eq!(backwards, [false, false, true]);
    }

    #[test]
    fn avoidable_crossings_are_avoided() {
        // Two pairs whose second layer comes in the wrong order.
        let edges = [(0, 3), (1, 2)];
        let layout = layout(4, &edges);
        assert_eq!(
            layout.rows[0] < layout.rows[1],
            layout.rows[3] < layout.rows[2]
        );
    }

    #[test]
    fn chains_of_any_length_are_laid_out() {
        let count = 3_000;
        let edges: Vec<Pair> = (1..count).map(|node| (node - 1, node)).collect();
        let layout = layout(count, &edges);
        assert_eq!(layout.layers[count - 1], count - 1);
        assert!(layout.rows.iter().all(|row| row.abs() < 1e-9));
    }
}
