//! Fills the files of an include graph with sections and options.

use super::TreeShape;
use super::document::{Document, Section, Value};
use super::graph::{IncludeGraph, TOP_FILES};
use super::names::Naming;
use super::options::{self, Kind, Surroundings};
use crate::random::Random;

/// Options that the stack with the versions sets in `[buildout]`, besides `parts`.
const BUILDOUT_OPTIONS: usize = 7;
/// Share of all options that are pins in `[versions]`, in percent, as in SlapOS's ERP5.
const PINS_PERCENT: usize = 15;

/// Conditions of sections. None of them depends on a Python interpreter, so that no engine has
/// to start or probe one, and SlapOS's most frequent kind is the most frequent here.
const CONDITIONS: [&str; 6] = [
    "linux and platform.machine() == \"x86_64\"",
    "linux and platform.machine() == \"x86_64\"",
    "linux and platform.machine() == \"aarch64\"",
    "platform.machine() == \"x86_64\"",
    "linux",
    "macosx",
];

/// Returns the files of the tree, in the numbering of the graph.
pub(super) fn documents(
    shape: &TreeShape,
    graph: &IncludeGraph,
    random: &mut Random,
) -> Vec<Document> {
    let writer = Writer::new(shape, graph, random);
    let mut documents = writer.skeletons(random);
    writer.pin_versions(&mut documents, random);
    writer.override_sections(&mut documents, random);
    writer.fill(&mut documents, random);
    documents
}

struct Writer<'a> {
    shape: &'a TreeShape,
    graph: &'a IncludeGraph,
    naming: Naming,
    /// The stack that holds `[versions]` and the settings of `[buildout]`.
    pins: usize,
}

impl<'a> Writer<'a> {
    fn new(shape: &'a TreeShape, graph: &'a IncludeGraph, random: &mut Random) -> Self {
        let components = graph.children.len() - TOP_FILES;
        let level = (shape.depth - TOP_FILES) * 7 / 10;
        let pins = graph
            .levels
            .partition_point(|&of_file| of_file <= level)
            .min(components - 1);
        let naming = Naming::new(graph.children.len(), pins, random);
        Self {
            shape,
            graph,
            naming,
            pins,
        }
    }

    fn stack(&self) -> usize {
        self.graph.root() + 1 - TOP_FILES
    }

    /// Calls `act` with what a value in the given file may refer to.
    fn around<T>(&self, file: usize, act: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        let extended: Vec<&str> = self.graph.children[file]
            .iter()
            .map(|&child| self.naming.sections[child].as_str())
            .collect();
        act(&Surroundings {
            component: &self.naming.sections[file],
            extended: &extended,
        })
    }

    /// Writes `[buildout]` of each file and its own sections, with the wanted number of options.
    fn skeletons(&self, random: &mut Random) -> Vec<Document> {
        let files = self.graph.children.len();
        let per_file = self.sections_per_file(random);
        let own_sections: usize = per_file.iter().sum();
        let pins = self.shape.options * PINS_PERCENT / 100;
        let mut counts = option_counts(
            own_sections,
            self.shape.options - pins - BUILDOUT_OPTIONS - 1,
            random,
        )
        .into_iter();
        (0..files)
            .map(|file| {
                let mut sections = vec![self.buildout_section(file, random)];
                self.around(file, |around| {
                    for number in 0..per_file[file] {
                        let kind = self.kind(file, number, random);
                        let name = section_name(kind, around.component, number);
                        let count = counts.next().unwrap_or(2);
                        sections.push(options::section(kind, &name, count, around, random));
                    }
                });
                Document {
                    path: self.naming.paths[file].clone(),
                    comments: Vec::new(),
                    sections,
                }
            })
            .collect()
    }

    /// Each file has a section of its own; the others fall on files at random, and more of them
    /// on the stack. `[buildout]` and `[versions]` are not among them.
    fn sections_per_file(&self, random: &mut Random) -> Vec<usize> {
        let files = self.graph.children.len();
        let mut counts = vec![1; files];
        for _ in files + 2..self.shape.sections {
            let file = if random.chance(8) {
                self.stack()
            } else {
                random.below(files)
            };
            counts[file] += 1;
        }
        counts
    }

    fn kind(&self, file: usize, number: usize, random: &mut Random) -> Kind {
        let is_component = file < self.stack();
        match (is_component, number) {
            (true, 0) => Kind::Compiled,
            (false, _) => Kind::Download,
            _ => *random.pick(&[
                Kind::Variant,
                Kind::Variant,
                Kind::Egg,
                Kind::Compiled,
                Kind::Variables,
            ]),
        }
    }

    fn buildout_section(&self, file: usize, random: &mut Random) -> Section {
        let mut section = Section::new("buildout");
        let extends: Vec<String> = self.graph.children[file]
            .iter()
            .map(|&child| self.naming.relative(file, child))
            .collect();
        if !extends.is_empty() {
            section.block("extends", extends);
        }
        let own = vec![self.naming.sections[file].clone()];
        if file == self.stack() {
            section.append("parts", Value::Block(own));
        } else if file == self.graph.root() || random.chance(70) {
            section.block("parts", own);
        }
        section
    }

    /// Gives the stacks their settings and `[versions]`.
    fn pin_versions(&self, documents: &mut [Document], random: &mut Random) {
        let hosts = |count: usize, random: &mut Random| {
            (0..count)
                .map(|_| format!("{}.example.org", options::word(random)))
                .collect()
        };
        let settings = &mut documents[self.pins].sections[0];
        settings.append(
            "extensions",
            Value::Block(vec!["slapos.rebootstrap".to_owned()]),
        );
        settings.append("find-links", Value::Block(hosts(2, random)));
        settings.append("allow-hosts", Value::Block(hosts(14, random)));
        settings.inline("show-picked-versions", "true");
        settings.inline("allow-picked-versions", "false");
        settings.inline("index", "https://index.example.org/simple/");
        settings.inline("versions", "versions");
        debug_assert_eq!(BUILDOUT_OPTIONS, 7);

        let mut pins = Section::new("versions");
        let mut repeated = Section::new("versions");
        for number in 0..self.shape.options * PINS_PERCENT / 100 {
            let name = format!(
                "{}.{}{number}",
                options::word(random),
                options::word(random)
            );
            let release = options::release(random);
            let marked = match random.below(12) {
                0 => format!("{release}+SlapOSPatched001"),
                1..=3 => format!("{release}:whl"),
                _ => release.clone(),
            };
            if random.chance(8) {
                repeated.inline(name.clone(), release);
            }
            pins.inline(name, marked);
        }
        documents[self.pins].sections.push(pins);
        documents[self.stack()].sections.push(repeated);
    }

    /// Reopens sections: under a condition in the same file, or with `+=` in a file above.
    /// Only options that exist are touched, so the counts do not depend on the machine.
    fn override_sections(&self, documents: &mut [Document], random: &mut Random) {
        for file in 0..self.stack() {
            if random.chance(25) {
                let main = &documents[file].sections[1];
                let mut conditional = Section::new(main.name.clone());
                conditional.condition = Some(*random.pick(&CONDITIONS));
                let option = &main.options[random.below(main.options.len()).max(1)];
                let key = option.key.clone();
                if matches!(option.value, Value::Block(_)) {
                    let line = self.around(file, |around| options::line(&key, around, random));
                    conditional.append(key, Value::Inline(line));
                } else {
                    conditional.inline(key, options::word(random));
                }
                documents[file].sections.push(conditional);
            }
            if self.graph.children[file].is_empty() || !random.chance(18) {
                continue;
            }
            let child = *random.pick(&self.graph.children[file]);
            let main = &documents[child].sections[1];
            let block = main
                .options
                .iter()
                .find(|option| matches!(option.value, Value::Block(_)));
            if let Some(key) = block.map(|option| option.key.clone()) {
                let mut section = Section::new(main.name.clone());
                let line = self.around(file, |around| options::line(&key, around, random));
                section.append(key, Value::Inline(line));
                documents[file].sections.push(section);
            }
        }
    }

    /// Lengthens values and adds comments until the tree has the wanted size.
    fn fill(&self, documents: &mut [Document], random: &mut Random) {
        let mut size: usize = documents.iter().map(|file| file.render().len()).sum();
        // The longest line that can be added, so that the size is met from below.
        const LONGEST: usize = 300;
        while size + LONGEST < self.shape.bytes {
            let file = random.below(documents.len());
            self.around(file, |around| {
                let sections = &mut documents[file].sections;
                let chosen = random.below(sections.len());
                let section = &mut sections[chosen];
                let comment = random.chance(33);
                let last_block = section.options.iter_mut().rev().find(|option| {
                    matches!(option.value, Value::Block(_))
                        && !matches!(option.key.as_str(), "extends" | "parts")
                });
                match last_block {
                    Some(option) if !comment => {
                        let line = options::line(&option.key, around, random);
                        size += line.len() + 3;
                        if let Value::Block(lines) = &mut option.value {
                            lines.push(line);
                        }
                    }
                    _ => {
                        let text = options::comment(around, random);
                        size += text.len() + 3;
                        section.comments.push(text);
                    }
                }
            });
        }
    }
}

/// Distributes `options` over `sections`, two or more to each.
fn option_counts(sections: usize, options: usize, random: &mut Random) -> Vec<usize> {
    let mut counts = vec![2; sections];
    for _ in 2 * sections..options {
        let section = random.below(sections);
        counts[section] += 1;
    }
    counts
}

fn section_name(kind: Kind, component: &str, number: usize) -> String {
    if number == 0 {
        return component.to_owned();
    }
    match kind {
        Kind::Variables => format!("{component}-{number}-env"),
        Kind::Egg => format!("{component}-python-{number}"),
        Kind::Download => format!("template-{component}-{number}"),
        Kind::Compiled | Kind::Variant => format!("{component}-{number}"),
    }
}
