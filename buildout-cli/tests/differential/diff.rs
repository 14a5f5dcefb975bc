//! A line diff for reports.

/// How many equal lines surround a changed one.
const CONTEXT: usize = 3;

/// Renders the lines of `right` against those of `left`, `-` for left only and `+` for right only.
///
/// The longest common subsequence is computed on what is left between the common head and tail;
/// above a size it is replaced by showing both middles whole, so the cost stays bounded.
pub(crate) fn unified(left: &str, right: &str) -> String {
    let left: Vec<&str> = left.lines().collect();
    let right: Vec<&str> = right.lines().collect();
    let head = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let tail = left[head..]
        .iter()
        .rev()
        .zip(right[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (left_middle, right_middle) = (
        &left[head..left.len() - tail],
        &right[head..right.len() - tail],
    );
    let mut entries: Vec<(char, &str)> = left[..head].iter().map(|line| (' ', *line)).collect();
    entries.extend(middle(left_middle, right_middle));
    entries.extend(left[left.len() - tail..].iter().map(|line| (' ', *line)));
    let mut text = String::new();
    let mut skipped = false;
    for (index, (mark, line)) in entries.iter().enumerate() {
        let near = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(entries.len());
        if entries[near].iter().any(|(mark, _)| *mark != ' ') {
            if skipped {
                text.push_str("   ...\n");
            }
            skipped = false;
            text.push_str(&format!("{mark} {line}\n"));
        } else {
            skipped = true;
        }
    }
    text
}

fn middle<'a>(left: &[&'a str], right: &[&'a str]) -> Vec<(char, &'a str)> {
    if left.len().saturating_mul(right.len()) > 4_000_000 {
        let removed = left.iter().map(|line| ('-', *line));
        return removed
            .chain(right.iter().map(|line| ('+', *line)))
            .collect();
    }
    let width = right.len() + 1;
    let mut common = vec![0_u32; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i * width + j] = if left[i] == right[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut entries = Vec::new();
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            entries.push((' ', left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len()
            || (i < left.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            entries.push(('-', left[i]));
            i += 1;
        } else {
            entries.push(('+', right[j]));
            j += 1;
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn changed_lines_are_shown_with_context() {
        let left = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let right = "1\n2\n3\n4\n5\nsix\n7\n8\n9\nten\n";
        assert_eq!(
            unified(left, right),
            "   ...\n  3\n  4\n  5\n- 6\n+ six\n  7\n  8\n  9\n+ ten\n"
        );
        assert_eq!(unified(left, left), "");
    }
}
