//! Which releases a pass looks at: `--only-sr`.

use crate::node::release_name;

/// Some releases by URL or by the MD5 of it, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    names: Vec<String>,
}

impl Selection {
    /// Reads a list of URLs and MD5s with commas; an empty one selects all.
    pub fn parse(list: &str) -> Self {
        let names = list.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        Selection {
            names: names.map(ToOwned::to_owned).collect(),
        }
    }

    /// Tells whether a release belongs to it.
    pub fn contains(&self, url: &str) -> bool {
        let name = release_name(url);
        self.names.is_empty() || self.names.iter().any(|one| one == url || *one == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_selected_by_url_or_md5() {
        let all = Selection::parse("");
        assert!(all.contains("http://a"));
        let some = Selection::parse(&format!("http://a, {}", release_name("http://b")));
        assert!(some.contains("http://a") && some.contains("http://b"));
        assert!(!some.contains("http://c"));
    }
}
