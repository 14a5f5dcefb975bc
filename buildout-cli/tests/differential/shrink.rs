//! Makes a differing case small, for a report that one can read.

use crate::case::{Case, Step};

/// How many variants are tried; each costs two invocations.
const MOST_ATTEMPTS: usize = 400;

/// Returns a case with fewer steps and lines that still differs, or `None` if no single step of the
/// case differs by itself.
///
/// `differs` runs a variant. What remains may differ for another reason than the case it comes from.
pub(crate) fn shrink(case: &Case, differs: &mut dyn FnMut(&Case) -> bool) -> Option<Case> {
    let mut smallest = case.steps.iter().find_map(|step| {
        let alone = Case {
            name: format!("{}-shrunk", case.name),
            steps: vec![step.clone()],
            ..case.clone()
        };
        let compared = matches!(step, Step::Run(_) | Step::Resolve(_));
        (compared && differs(&alone)).then_some(alone)
    })?;
    let mut attempts = 0;
    loop {
        let before = attempts_left(attempts);
        let mut progress = false;
        for path in smallest.files.keys().cloned().collect::<Vec<_>>() {
            progress |= shrink_file(&mut smallest, &path, &mut attempts, differs);
        }
        if !progress || before == 0 {
            return Some(smallest);
        }
    }
}

fn attempts_left(attempts: usize) -> usize {
    MOST_ATTEMPTS.saturating_sub(attempts)
}

/// Drops runs of lines of one file, long ones first; says whether anything was dropped.
fn shrink_file(
    smallest: &mut Case,
    path: &str,
    attempts: &mut usize,
    differs: &mut dyn FnMut(&Case) -> bool,
) -> bool {
    let mut progress = false;
    let mut lines: Vec<Vec<u8>> = smallest.files[path]
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let mut length = lines.len();
    while length > 0 {
        let mut start = 0;
        while start < lines.len() {
            if attempts_left(*attempts) == 0 {
                return progress;
            }
            *attempts += 1;
            let end = (start + length).min(lines.len());
            let rest: Vec<Vec<u8>> = lines[..start]
                .iter()
                .chain(&lines[end..])
                .cloned()
                .collect();
            let mut candidate = smallest.clone();
            candidate.files.insert(path.to_owned(), rest.concat());
            if differs(&candidate) {
                *smallest = candidate;
                lines = rest;
                progress = true;
            } else {
                start = end;
            }
        }
        length /= 2;
    }
    progress
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::case::{Case, Dialect, Step};

    #[test]
    fn only_the_lines_that_matter_remain() {
        let mut case = Case::new("c", Dialect::Upstream);
        case.files
            .insert("a".to_owned(), b"1\n2\nbad\n3\n4\n".to_vec());
        case.files.insert("b".to_owned(), b"1\n2\n".to_vec());
        case.steps = vec![
            Step::Run(vec!["x".to_owned()]),
            Step::Run(vec!["y".to_owned()]),
        ];
        let mut differs = |candidate: &Case| {
            candidate.steps.contains(&Step::Run(vec!["y".to_owned()]))
                && candidate.files["a"]
                    .windows(3)
                    .any(|window| window == b"bad")
        };
        let small = shrink(&case, &mut differs).expect("it differs");
        assert_eq!(small.files["a"], b"bad\n");
        assert!(small.files["b"].is_empty());
        assert_eq!(small.steps, [Step::Run(vec!["y".to_owned()])]);
    }
}
