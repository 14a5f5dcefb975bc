//! Options put into a `setup.cfg`.

/// Returns the text of a `setup.cfg` with options of a section set to other
/// values, as `setuptools.command.setopt.edit_config` has it, but with the rest
/// of the text as it was. A value of several lines is indented.
///
/// Names are the same with `-` and with `_`, and written with `_`, which every
/// setuptools takes.
pub fn edit_setup_cfg(text: &str, section: &str, options: &[(String, String)]) -> String {
    let underscored = |name: &str| name.trim().to_lowercase().replace('-', "_");
    let names: Vec<String> = options.iter().map(|(name, _)| underscored(name)).collect();
    let mut lines: Vec<&str> = Vec::new();
    let mut place = None;
    let mut in_section = false;
    let mut dropping = false;
    for line in text.lines() {
        let stripped = line.trim();
        let is_continuation = line.starts_with([' ', '\t']) && !stripped.is_empty();
        if dropping && is_continuation {
            continue;
        }
        dropping = false;
        if let Some(name) = stripped.strip_prefix('[').and_then(|l| l.strip_suffix(']'))
            && !is_continuation
        {
            in_section = name.trim() == section;
            lines.push(line);
            if in_section {
                place = Some(lines.len());
            }
            continue;
        }
        let name = line.split(['=', ':']).next().unwrap_or_default();
        if in_section && !is_continuation && names.contains(&underscored(name)) {
            dropping = true;
            continue;
        }
        lines.push(line);
    }
    let heading = format!("[{section}]");
    let written: Vec<String> = names
        .iter()
        .zip(options)
        .map(|(name, (_, value))| format!("{name} = {}", value.replace('\n', "\n\t")))
        .collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    match place {
        Some(place) => {
            lines.splice(place..place, written);
        }
        None => {
            if !lines.is_empty() {
                lines.push("");
            }
            lines.push(&heading);
            lines.extend(written);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(options: &[(&str, &str)]) -> Vec<(String, String)> {
        options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_new_section_comes_last() {
        let text = edit_setup_cfg("", "build_ext", &options(&[("include-dirs", "/a:/b")]));
        assert_eq!(text, "[build_ext]\ninclude_dirs = /a:/b\n");
        let text = edit_setup_cfg("[x]\na = 1\n", "y", &options(&[("b", "1\n2")]));
        assert_eq!(text, "[x]\na = 1\n\n[y]\nb = 1\n\t2\n");
    }

    #[test]
    fn an_option_that_is_there_is_replaced_with_its_lines() {
        let before = "# top\n[build_ext]\nInclude-Dirs =\n  /old\n  /older\nrpath: /r\n\n[egg_info]\ninclude_dirs = 1\n";
        let text = edit_setup_cfg(before, "build_ext", &options(&[("include-dirs", "/new")]));
        assert_eq!(
            text,
            "# top\n[build_ext]\ninclude_dirs = /new\nrpath: /r\n\n[egg_info]\ninclude_dirs = 1\n"
        );
    }
}
