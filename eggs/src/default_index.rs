//! The index where no profile names one: that which pip would use.

/// Returns the index that pip would use: its environment variable, else its
/// configuration files, the later of which win; else nothing, and the one that
/// is built into pip is meant.
///
/// `variable` looks up an environment variable, `files` are the contents of
/// pip's configuration files, from the system's to the user's. A file that pip
/// could not read either says nothing here.
pub fn index_of_pip<'a>(
    variable: impl Fn(&str) -> Option<String>,
    files: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let filled = |index: String| Some(index.trim().to_owned()).filter(|index| !index.is_empty());
    if let Some(index) = variable("PIP_INDEX_URL").and_then(filled) {
        return Some(index);
    }
    let mut index = None;
    for file in files {
        let mut section = "";
        for line in file.lines() {
            let line = line.trim_end();
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = name.trim();
                continue;
            }
            // A line that begins with a blank continues a value.
            if line.starts_with([' ', '\t', '#', ';']) || !matches!(section, "global" | "install") {
                continue;
            }
            if let Some((name, value)) = line.split_once(['=', ':'])
                && matches!(name.trim(), "index-url" | "index_url")
                && let Some(value) = filled(value.to_owned())
            {
                index = Some(value);
            }
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_that_of_pip() {
        let none = |_: &str| None;
        let system = "[global]\nindex-url = http://system/simple\n[list]\nindex-url = x";
        let user = "# mine\n[install]\nindex_url: http://user/simple\n";
        assert_eq!(index_of_pip(none, []), None);
        assert_eq!(
            index_of_pip(none, [system]).as_deref(),
            Some("http://system/simple")
        );
        assert_eq!(
            index_of_pip(none, [system, user]).as_deref(),
            Some("http://user/simple")
        );
        let variable = |name: &str| (name == "PIP_INDEX_URL").then(|| "http://v/".to_owned());
        assert_eq!(index_of_pip(variable, [user]).as_deref(), Some("http://v/"));
    }
}
