//! Inputs besides the trees: many installed parts, long chains of references, and a recipe in
//! Python.

use std::fmt::Write as _;

/// Returns a profile with `parts` parts that each make a directory and do nothing once it is
/// there.
pub fn directories(parts: usize) -> String {
    let mut text = String::from("[buildout]\nparts =\n");
    // Writing to a `String` cannot fail, hence the ignored results here and below.
    for part in 0..parts {
        let _ = writeln!(text, "  directory-{part:04}");
    }
    for part in 0..parts {
        let _ = write!(
            text,
            "\n[directory-{part:04}]\n\
             recipe = slapos.recipe.build:mkdirectory\n\
             path = ${{buildout:directory}}/data/{part:04}\n"
        );
    }
    text
}

/// The module `donothing`, with a recipe in Python that does nothing.
pub const EMPTY_RECIPE: &str = "\
class Recipe:
    def __init__(self, buildout, name, options):
        pass

    def install(self):
        return ()

    def update(self):
        pass
";

/// The entry points of its distribution.
pub const EMPTY_RECIPE_ENTRY_POINTS: &str = "[zc.buildout]\ndefault = donothing:Recipe\n";

/// Returns a profile with `parts` parts of that recipe.
pub fn empty_parts(parts: usize) -> String {
    let names: Vec<String> = (0..parts).map(|part| format!("part-{part:04}")).collect();
    let mut text = format!("[buildout]\nparts = {}\n", names.join(" "));
    for name in names {
        let _ = write!(text, "\n[{name}]\nrecipe = donothing\n");
    }
    text
}

/// The value at the end of each chain of [`chains`], and so the resolved value of each section.
pub const CHAIN_END: &str = "the end of the chain";

/// Returns a profile with `sections` sections in chains of references, each `depth` sections
/// long; the value at each chain's head is the text at its end.
pub fn chains(sections: usize, depth: usize) -> String {
    let mut text = String::from("[buildout]\nparts =\n");
    for section in 0..sections {
        let _ = write!(text, "\n[link-{section:06}]\nhome = /srv/${{:name}}\n");
        let _ = writeln!(text, "name = link-{section:06}");
        let _ = if section.is_multiple_of(depth) {
            writeln!(text, "value = {CHAIN_END}")
        } else {
            writeln!(text, "value = ${{link-{:06}:value}}", section - 1)
        };
    }
    text
}

/// Returns a profile over the file `chains` that makes a Python buildout resolve all of it.
///
/// A Python buildout has no command that prints resolved values. But each command resolves
/// `[buildout]` first, and with it the head of each chain named there.
pub fn resolve_all(chains: &str, sections: usize, depth: usize) -> String {
    let mut text = format!("[buildout]\nextends = {chains}\nall =\n");
    for chain in 0..sections.div_ceil(depth) {
        let head = ((chain + 1) * depth).min(sections) - 1;
        let _ = writeln!(text, "  ${{link-{head:06}:value}}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_as_long_as_wanted() {
        let text = chains(6, 3);
        assert_eq!(text.matches(CHAIN_END).count(), 2);
        assert!(text.contains("[link-000002]\nhome = /srv/${:name}\nname = link-000002\nvalue = ${link-000001:value}\n"));
        assert!(text.contains("name = link-000003\nvalue = the end"));
        assert_eq!(
            resolve_all("chains.cfg", 6, 3),
            "[buildout]\nextends = chains.cfg\nall =\n  ${link-000002:value}\n  ${link-000005:value}\n"
        );
    }

    #[test]
    fn each_listed_part_has_a_section() {
        let text = directories(3);
        assert_eq!(text.matches("recipe =").count(), 3);
        assert!(text.contains("parts =\n  directory-0000\n  directory-0001\n  directory-0002\n\n"));
    }
}
