//! `entry_points.txt`: what a distribution offers to programs by name.

use indexmap::IndexMap;

/// One entry point: an object in a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryPoint {
    /// The name.
    pub name: String,
    /// The module.
    pub module: String,
    /// The attribute of the module, dots included; empty for the module
    /// itself.
    pub attributes: String,
    /// The extras that it needs.
    pub extras: Vec<String>,
}

/// The entry points of a distribution, by group, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryPoints {
    groups: IndexMap<String, Vec<EntryPoint>>,
}

impl EntryPoint {
    /// Reads `name = module:attributes [extras]`; nothing if it is something
    /// else.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        if name.is_empty() {
            return None;
        }
        let (target, extras) = match value.split_once('[') {
            Some((target, extras)) => {
                let (extras, _) = extras.split_once(']')?;
                let extras = extras.split(',').map(|extra| extra.trim().to_owned());
                (target, extras.filter(|extra| !extra.is_empty()).collect())
            }
            None => (value, Vec::new()),
        };
        let target = target.trim();
        let (module, attributes) = target.split_once(':').unwrap_or((target, ""));
        let module = module.trim();
        let is_module = !module.is_empty() && !module.contains(char::is_whitespace);
        is_module.then(|| EntryPoint {
            name: name.to_owned(),
            module: module.to_owned(),
            attributes: attributes.trim().to_owned(),
            extras,
        })
    }
}

impl EntryPoints {
    /// Reads an `entry_points.txt`. A line that is no entry point is passed
    /// over; of two with one name in a group the first keeps its place and the
    /// last its target, as with Python's dictionaries.
    pub fn parse(text: &str) -> Self {
        let mut groups: IndexMap<String, Vec<EntryPoint>> = IndexMap::new();
        let mut group: Option<String> = None;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                group = Some(name.trim().to_owned());
                continue;
            }
            let Some((group, entry)) = group.as_ref().zip(EntryPoint::parse(line)) else {
                continue;
            };
            let entries = groups.entry(group.clone()).or_default();
            match entries.iter_mut().find(|other| other.name == entry.name) {
                Some(other) => *other = entry,
                None => entries.push(entry),
            }
        }
        EntryPoints { groups }
    }

    /// Returns the entry points of a group, in the order of the file.
    pub fn group(&self, group: &str) -> &[EntryPoint] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// Returns the entry point `name` of a group.
    pub fn get(&self, group: &str, name: &str) -> Option<&EntryPoint> {
        self.group(group).iter().find(|entry| entry.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_their_order() {
        let entries = EntryPoints::parse(
            "[console_scripts]\nb = pkg.mod:Class.method [x, y]\n; comment\na=pkg:main\nb = z:q\n\n\
             [zc.buildout]\ndefault = r:R\nbad\n",
        );
        let names: Vec<&str> = entries
            .group("console_scripts")
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(entries.get("console_scripts", "b").unwrap().module, "z");
        let recipe = entries.get("zc.buildout", "default").unwrap();
        assert_eq!((&*recipe.module, &*recipe.attributes), ("r", "R"));
        assert!(entries.group("gui_scripts").is_empty());
    }

    #[test]
    fn extras_are_taken_off() {
        let entry = EntryPoint::parse("b = pkg.mod:Class.method [x, y]").unwrap();
        assert_eq!(entry.attributes, "Class.method");
        assert_eq!(entry.extras, ["x", "y"]);
        assert_eq!(EntryPoint::parse("no target"), None);
    }
}
