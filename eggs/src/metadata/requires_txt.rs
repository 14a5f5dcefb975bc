//! `requires.txt` of `EGG-INFO`: requirements in groups by extra and marker.

use super::RequiresDist;

/// Reads a `requires.txt`: the requirements in order, and the extras that have
/// groups. A group `[extra:marker]` counts for both.
pub fn parse_requires_txt(text: &str) -> (Vec<RequiresDist>, Vec<String>) {
    let mut requires = Vec::new();
    let mut extras: Vec<String> = Vec::new();
    let mut extra: Option<String> = None;
    let mut marker: Option<String> = None;
    for line in text.lines() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        if let Some(group) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let (name, condition) = group.split_once(':').unwrap_or((group, ""));
            let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            extra = given(name);
            marker = given(condition);
            if let Some(extra) = &extra
                && !extras.contains(extra)
            {
                extras.push(extra.clone());
            }
            continue;
        }
        requires.push(RequiresDist {
            requirement: line.to_owned(),
            extra: extra.clone(),
            marker: marker.clone(),
        });
    }
    (requires, extras)
}

/// `pkg_resources` takes a comment for one only after a blank: `#` is also part
/// of URLs.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.split_once(" #").map_or(line, |(before, _)| before)
}

/// Writes a `requires.txt` of requirements without markers: those of the
/// distribution itself, then those of each extra. An extra that requires
/// nothing keeps its group, by which it is known.
pub fn write_requires_txt(base: &[String], extras: &[(String, Vec<String>)]) -> String {
    let mut text = String::new();
    let mut write_group = |heading: Option<&str>, lines: &[String]| {
        if let Some(heading) = heading {
            text.push_str(&format!("\n[{heading}]\n"));
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
    };
    write_group(None, base);
    for (extra, lines) in extras {
        write_group(Some(extra), lines);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_extras_and_markers() {
        let (requires, extras) = parse_requires_txt(
            "a>=1 # why\n\n[x]\nb\n\n[:python_version < '3']\nc\n\n[y:os_name == 'nt']\nd @ http://h/d#egg\n[z]\n",
        );
        let shown: Vec<_> = requires
            .iter()
            .map(|r| (&*r.requirement, r.extra.as_deref(), r.marker.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("a>=1", None, None),
                ("b", Some("x"), None),
                ("c", None, Some("python_version < '3'")),
                ("d @ http://h/d#egg", Some("y"), Some("os_name == 'nt'")),
            ]
        );
        assert_eq!(extras, ["x", "y", "z"]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = write_requires_txt(
            &["a>=1".to_owned()],
            &[
                ("x".to_owned(), vec!["b".to_owned()]),
                ("y".to_owned(), Vec::new()),
            ],
        );
        assert_eq!(text, "a>=1\n\n[x]\nb\n\n[y]\n");
        let (requires, extras) = parse_requires_txt(&text);
        assert_eq!(requires.len(), 2);
        assert_eq!(extras, ["x", "y"]);
    }
}
