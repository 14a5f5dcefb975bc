//! Names of components and where their files lie.

use std::collections::HashSet;

use super::graph::TOP_FILES;
use crate::random::Random;

const STEMS: [&str; 28] = [
    "archive", "audio", "bind", "bzip", "cairo", "curl", "dash", "font", "geo", "git", "gnu",
    "graph", "image", "jpeg", "lua", "maria", "meson", "open", "pango", "perl", "pkg", "post",
    "python", "sasl", "sed", "xml", "xz", "zlib",
];
const ENDINGS: [&str; 20] = [
    "", "-common", "-config", "-core", "-data", "-devel", "-dns", "-idna", "-ldap", "-math",
    "-net", "-parser", "-proto", "-ssl", "-text", "-tools", "-utils", "3", "lib", "magick",
];

/// The name of each file's main section and the path of the file below the tree.
#[derive(Debug)]
pub(super) struct Naming {
    /// Main section of each file; also the name of the component.
    pub(super) sections: Vec<String>,
    /// Path of each file, with `/`.
    pub(super) paths: Vec<String>,
}

impl Naming {
    /// Names `files` files, of which the last ones are the stack, the release below the root
    /// and the root, and of which `pins` is the stack that holds the versions.
    pub(super) fn new(files: usize, pins: usize, random: &mut Random) -> Self {
        let mut taken = HashSet::new();
        let mut sections: Vec<String> = (0..files)
            .map(|_| unique_name(&mut taken, random))
            .collect();
        let mut paths: Vec<String> = sections
            .iter()
            .map(|name| format!("component/{name}/buildout.cfg"))
            .collect();
        let first = files - TOP_FILES;
        for (file, name, path) in [
            (pins, "slapos-stack", "stack/slapos.cfg"),
            (first, "application-stack", "stack/application/buildout.cfg"),
            (
                first + 1,
                "application",
                "software/application/software.cfg",
            ),
            (first + 2, "release", "software/release/software.cfg"),
        ] {
            sections[file] = name.to_owned();
            paths[file] = path.to_owned();
        }
        Self { sections, paths }
    }

    /// Returns how the file `from` names the file `to` in its `extends`.
    pub(super) fn relative(&self, from: usize, to: usize) -> String {
        let from: Vec<&str> = self.paths[from].split('/').collect();
        let to: Vec<&str> = self.paths[to].split('/').collect();
        let directories = from.len() - 1;
        let shared = from[..directories]
            .iter()
            .zip(&to[..to.len() - 1])
            .take_while(|(left, right)| left == right)
            .count();
        let mut steps = vec![".."; directories - shared];
        steps.extend(&to[shared..]);
        steps.join("/")
    }
}

fn unique_name(taken: &mut HashSet<String>, random: &mut Random) -> String {
    loop {
        let mut name = format!("{}{}", random.pick(&STEMS), random.pick(&ENDINGS));
        // Names become longer when the short ones are taken, as they do in SlapOS.
        if taken.contains(&name) {
            name = format!("{}-{name}", random.pick(&STEMS));
        }
        if taken.contains(&name) {
            name = format!("{name}-{}.{}", random.below(20), random.below(100));
        }
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_lead_from_directory_to_file() {
        let naming = Naming::new(10, 4, &mut Random::new(1));
        let component = naming.sections[0].clone();
        assert_eq!(
            naming.relative(1, 0),
            format!("../{component}/buildout.cfg")
        );
        assert_eq!(
            naming.relative(4, 0),
            format!("../component/{component}/buildout.cfg")
        );
        assert_eq!(naming.relative(7, 4), "../slapos.cfg");
        assert_eq!(naming.relative(9, 8), "../application/software.cfg");
    }
}
