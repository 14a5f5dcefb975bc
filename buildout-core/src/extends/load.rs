//! From the name of a profile to its include graph: who extends whom, each
//! file read and parsed once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use memchr::memmem::Finder;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::error::{ExtendsError, LoadError};
use super::location::{base_of, push_joined};
use super::option::{MergedOption, MergedSection, MergedSections};
use super::origin::{Origin, Place, Source};
use super::settings::DownloadSettings;
use super::tree::{FileContent, Include, Node, NodeId, Tree};
use super::update::{first_occurrence, update_section};
use crate::dialect::Dialect;
use crate::profile::condition::ConditionError;
use crate::profile::python_text::{split_words, universal_newlines};
use crate::profile::syntax::{
    ConditionalHeader, ParsedOption, ParsedProfile, ParsedSection, SyntaxError, parse,
    split_operator,
};
use crate::symbols::{Symbol, Symbols};

/// The option that the SlapOS fork adds to sections that mention it.
pub const PROFILE_BASE_LOCATION: &str = "_profile_base_location_";

/// How a value mentions it.
const LOCATION_MENTION: &str = "${:_profile_base_location_}";

/// Reads profiles; the only contact of this module with the world.
pub trait ProfileLoader {
    /// Returns the text of the profile called `source`, a path or a URL.
    ///
    /// # Errors
    ///
    /// The profile cannot be read, downloaded or decoded.
    fn load(&self, source: &str, settings: &DownloadSettings) -> Result<LoadedText, LoadError>;

    /// Returns a name that two spellings share if, and only if, they mean the
    /// same file seen from the same directory.
    fn identity(&self, source: &str) -> String;

    /// Tells whether a path of `optional-extends` exists, seen from where the
    /// command was started.
    fn exists(&self, path: &str) -> bool;
}

/// The text of a profile.
#[derive(Clone, Debug)]
pub struct LoadedText {
    /// The text; newlines are translated by the caller.
    pub text: String,
    /// Where a remote profile was put, for messages.
    pub downloaded_as: Option<String>,
}

/// Decides the conditions of section headers.
pub type Conditions<'a> = dyn Fn(&ConditionalHeader<'_>) -> Result<bool, ConditionError> + 'a;

/// What loading needs from outside.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Reads profiles.
    pub loader: &'a dyn ProfileLoader,
    /// Decides conditions.
    pub conditions: &'a Conditions<'a>,
    /// The dialect in force.
    pub dialect: &'a Dialect,
}

/// A loaded graph, and what was noticed on the way.
pub struct Loaded {
    /// The graph.
    pub tree: Arc<Tree>,
    /// Entries of `optional-extends` that do not exist, in order.
    pub skipped: Vec<String>,
    /// Whether the user's defaults found a file to come before.
    pub defaults_used: bool,
}

/// Loads the profile `source` and what it extends.
///
/// `options` are the `[buildout]` options known so far, which say how to
/// download; `overriding` those of the command line. The user's `defaults`
/// are merged under the first file without `extends`, as upstream does.
///
/// # Errors
///
/// See [`ExtendsError`].
pub fn load(
    surroundings: Surroundings<'_>,
    source: &str,
    options: &MergedSection,
    overriding: &MergedSection,
    defaults: &MergedSections,
) -> Result<Loaded, ExtendsError> {
    let mut loader = GraphLoader {
        surroundings,
        overriding,
        settings: DownloadSettings::new(options, overriding)?,
        options: options.clone(),
        symbols: Symbols::default(),
        nodes: Vec::new(),
        known: FxHashMap::default(),
        spelled: FxHashMap::default(),
        active: FxHashSet::default(),
        decided: FxHashMap::default(),
        skipped: Vec::new(),
        first_leaf: None,
        location_mention: Finder::new(LOCATION_MENTION),
    };
    loader.run(source)?;
    let GraphLoader {
        mut nodes,
        mut symbols,
        skipped,
        first_leaf,
        ..
    } = loader;
    let mut root = NodeId(0);
    let mut defaults_used = false;
    if !defaults.is_empty()
        && let Some((path, optional)) = first_leaf
    {
        let carrier = Carrier {
            symbols: &mut symbols,
            dialect: surroundings.dialect,
        };
        root = carrier.graft(&mut nodes, &path, optional, defaults);
        defaults_used = true;
    }
    let shape = surroundings.dialect.merge;
    let normalized = surroundings.dialect.normalized_bases;
    let tree = Tree::new(nodes, root, Arc::new(symbols), shape, normalized);
    Ok(Loaded {
        tree: Arc::new(tree),
        skipped,
        defaults_used,
    })
}

/// A file whose includes are being followed.
struct Frame {
    node: NodeId,
    source: Arc<str>,
    entries: Vec<Entry>,
    next: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    text: Symbol,
    /// What it means in its file.
    name: Symbol,
    line: u32,
    optional: bool,
}

/// The steps from the root to the first file without `extends`, and that
/// file's `optional-extends`, if it has one.
type FirstLeaf = (Vec<(NodeId, usize)>, Option<ParsedOption>);

struct GraphLoader<'a> {
    surroundings: Surroundings<'a>,
    overriding: &'a MergedSection,
    settings: DownloadSettings,
    options: MergedSection,
    symbols: Symbols,
    nodes: Vec<Node>,
    /// The files by identity.
    known: FxHashMap<String, NodeId>,
    /// The files by the spellings met so far.
    spelled: FxHashMap<Symbol, NodeId>,
    /// The files whose includes are being followed.
    active: FxHashSet<NodeId>,
    /// The conditions decided so far; profiles repeat few of them.
    decided: FxHashMap<String, bool>,
    skipped: Vec<String>,
    first_leaf: Option<FirstLeaf>,
    /// Finds references to [`PROFILE_BASE_LOCATION`].
    location_mention: Finder<'static>,
}

impl GraphLoader<'_> {
    fn run(&mut self, source: &str) -> Result<(), ExtendsError> {
        let identity = self.surroundings.loader.identity(source);
        let name = self.symbols.intern(source);
        let mut stack = vec![self.open(name, identity, &[])?];
        while let Some(frame) = stack.last_mut() {
            let Some(entry) = frame.entries.get(frame.next).copied() else {
                self.active.remove(&frame.node);
                stack.pop();
                continue;
            };
            frame.next += 1;
            if entry.optional {
                let text = self.symbols.name(entry.text);
                if !self.surroundings.loader.exists(text) {
                    self.skipped.push(text.to_string());
                    continue;
                }
            }
            let parent = frame.node;
            let target = match self.find(entry.name) {
                Ok(target) if self.active.contains(&target) => {
                    return Err(ExtendsError::Recursive {
                        chain: stack.iter().map(|f| Arc::clone(&f.source)).collect(),
                        again: Arc::clone(self.symbols.name(entry.name)),
                        place: self.entry_place(&stack, &entry),
                    });
                }
                Ok(target) => target,
                Err(identity) => {
                    // Upstream looks at the settings when it opens the next
                    // file, so a mistake in them is silent without one. Only
                    // the root file changes them.
                    if self.nodes.len() == 1 {
                        self.settings = self.read_settings()?;
                    }
                    let frame = self.open(entry.name, identity, &stack)?;
                    let target = frame.node;
                    stack.push(frame);
                    target
                }
            };
            self.nodes[parent.index()].includes.push(Include {
                target,
                entry: entry.text,
                name: entry.name,
            });
        }
        Ok(())
    }

    /// Returns the file that a spelling means, or its identity if it is not
    /// loaded. Most spellings come up many times; only a new one is looked up
    /// in the world.
    fn find(&mut self, name: Symbol) -> Result<NodeId, String> {
        if let Some(known) = self.spelled.get(&name) {
            return Ok(*known);
        }
        let identity = self.surroundings.loader.identity(self.symbols.name(name));
        let Some(target) = self.known.get(&identity).copied() else {
            return Err(identity);
        };
        self.spelled.insert(name, target);
        Ok(target)
    }

    /// Reads the settings from the options known so far; a mistake in them is
    /// shown where it stands.
    fn read_settings(&self) -> Result<DownloadSettings, ExtendsError> {
        let place_of = |name: &str, value: &str| {
            let option = self.overriding.get(name).or_else(|| self.options.get(name));
            let origin = option?.origin()?;
            let Source::Profile(source) = &origin.source else {
                return None;
            };
            let node = self.nodes.iter().find(|node| node.source == *source)?;
            let place = Place::find(source, &node.content.text, origin.line?, value);
            Some(Box::new(place))
        };
        DownloadSettings::new(&self.options, self.overriding).map_err(|mut error| {
            match &mut error {
                ExtendsError::InvalidBoolean {
                    option,
                    value,
                    place,
                } => *place = place_of(option, value),
                ExtendsError::InvalidReplacement { reason, place } => {
                    *place = place_of("url-replace", &reason.line);
                }
                ExtendsError::ExtendsCacheReference { value, place } => {
                    *place = place_of("extends-cache", value);
                }
                _ => {}
            }
            error
        })
    }

    /// The place of `entry` in the file on top of the stack.
    fn entry_place(&self, stack: &[Frame], entry: &Entry) -> Option<Box<Place>> {
        let frame = stack.last()?;
        let text = &self.nodes[frame.node.index()].content.text;
        let needle = self.symbols.name(entry.text);
        let place = Place::find(&frame.source, text, entry.line, needle);
        Some(Box::new(place))
    }

    /// Reads and parses a file not seen before. `stack` are the files that
    /// lead to it.
    fn open(
        &mut self,
        name: Symbol,
        identity: String,
        stack: &[Frame],
    ) -> Result<Frame, ExtendsError> {
        let source = Arc::clone(self.symbols.name(name));
        let loaded = self.surroundings.loader.load(&source, &self.settings);
        let loaded = loaded.map_err(|reason| ExtendsError::Unreadable {
            source_name: Arc::clone(&source),
            reason,
            included_from: stack.last().and_then(|frame| {
                let entry = &frame.entries[frame.next - 1];
                self.entry_place(stack, entry)
            }),
        })?;
        let translated = match universal_newlines(&loaded.text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        };
        let text = translated.unwrap_or(loaded.text);
        let mut profile = parse(
            &text,
            self.surroundings.dialect.repeated_operators,
            &mut self.symbols,
            &mut |header| {
                if let Some(decided) = self.decided.get(header.expression) {
                    return Ok(*decided);
                }
                let decided = (self.surroundings.conditions)(&header)?;
                self.decided.insert(header.expression.to_owned(), decided);
                Ok(decided)
            },
        )
        .map_err(|error| syntax_error(error, &source, &text, loaded.downloaded_as.as_deref()))?;
        let (entries, optional) = self.take_entries(&mut profile, &source, &text)?;
        // Most files do not mention the location; one look at the text tells.
        if self.surroundings.dialect.profile_base_location && self.mentions_location(&text) {
            self.add_base_locations(&mut profile, &source);
        }
        let node = NodeId(self.nodes.len() as u32);
        let is_root = self.nodes.is_empty();
        self.known.insert(identity, node);
        self.spelled.insert(name, node);
        self.active.insert(node);
        self.nodes.push(Node {
            content: Arc::new(FileContent {
                text,
                profile,
                carried: HashMap::default(),
            }),
            source: Arc::clone(&source),
            includes: Vec::new(),
        });
        if is_root {
            self.read_root_settings(node);
        }
        if self.first_leaf.is_none() && entries.iter().all(|entry| entry.optional) {
            // The step into the new file is not noted yet, those above are.
            let depth = stack.len();
            let steps = stack.iter().enumerate().map(|(index, frame)| {
                let includes = self.nodes[frame.node.index()].includes.len();
                let noted = index + 1 < depth;
                (frame.node, includes - usize::from(noted))
            });
            let mut path: Vec<(NodeId, usize)> = steps.collect();
            path.push((node, usize::MAX));
            self.first_leaf = Some((path, optional));
        }
        Ok(Frame {
            node,
            source,
            entries,
            next: 0,
        })
    }

    /// Takes `extends` and `optional-extends` out of `[buildout]`.
    fn take_entries(
        &mut self,
        profile: &mut ParsedProfile,
        source: &Arc<str>,
        text: &str,
    ) -> Result<(Vec<Entry>, Option<ParsedOption>), ExtendsError> {
        let base = base_of(source);
        let normalized = self.surroundings.dialect.normalized_bases;
        let mut entries = Vec::new();
        let mut name = String::new();
        let mut add = |symbols: &mut Symbols, option: &ParsedOption, optional: bool| {
            entries.extend(split_words(&option.value).map(|entry| {
                name.clear();
                push_joined(&mut name, base, entry, normalized);
                Entry {
                    text: symbols.intern(entry),
                    name: symbols.intern(&name),
                    line: option.line,
                    optional,
                }
            }));
        };
        let buildout = self.symbols.intern("buildout");
        let Some(section) = profile.section_mut(buildout) else {
            return Ok((entries, None));
        };
        let extends = section.take(self.symbols.intern("extends"));
        let extended_by = self.symbols.intern("extended-by");
        if let Some(option) = section.option(extended_by) {
            let place = Place::find(source, text, option.line, "extended-by");
            return Err(ExtendsError::ExtendedBy {
                source_name: Arc::clone(source),
                place: Box::new(place),
            });
        }
        if let Some(option) = extends {
            add(&mut self.symbols, &option, false);
        }
        let mut optional = None;
        if self.surroundings.dialect.optional_extends {
            optional = section.take(self.symbols.intern("optional-extends"));
            if let Some(option) = &optional {
                add(&mut self.symbols, option, true);
            }
        }
        Ok((entries, optional))
    }

    fn mentions_location(&self, text: &str) -> bool {
        self.location_mention.find(text.as_bytes()).is_some()
    }

    /// The fork's `_profile_base_location_`: an option of every section in
    /// which a value of this file mentions it.
    fn add_base_locations(&mut self, profile: &mut ParsedProfile, source: &str) {
        let key = self.symbols.intern(PROFILE_BASE_LOCATION);
        let value: Arc<str> = Arc::from(base_of(source));
        for section in &mut profile.sections {
            let Some(line) = section
                .options
                .iter()
                .find(|option| self.mentions_location(&option.value))
                .map(|option| option.line)
            else {
                continue;
            };
            section.take(key);
            section.options.push(ParsedOption {
                key,
                base: key,
                operator: None,
                value: Arc::clone(&value),
                line,
            });
        }
    }

    /// The root file's own `[buildout]` says how the others are downloaded.
    fn read_root_settings(&mut self, root: NodeId) {
        let node = &self.nodes[root.index()];
        let buildout = self.symbols.intern("buildout");
        if let Some(section) = node.content.profile.section(buildout) {
            let changes: MergedSection = section
                .options
                .iter()
                .map(|option| {
                    let key = Arc::clone(self.symbols.name(option.key));
                    let origin = Origin::profile(Arc::clone(&node.source), option.line);
                    (key, MergedOption::set(Arc::clone(&option.value), origin))
                })
                .collect();
            update_section(&mut self.options, &changes);
        }
    }
}

/// The error for a text that a recipe added, which is no file.
pub(crate) fn added_text_error(error: SyntaxError<ConditionError>, text: &str) -> ExtendsError {
    syntax_error(error, &Arc::from(""), text, None)
}

fn syntax_error(
    error: SyntaxError<ConditionError>,
    source: &Arc<str>,
    text: &str,
    downloaded_as: Option<&str>,
) -> ExtendsError {
    let shown = match downloaded_as {
        Some(path) => format!("{source} (downloaded as {path})"),
        None => source.to_string(),
    };
    match error {
        SyntaxError::MissingSectionHeader(bad_line) => ExtendsError::MissingSectionHeader {
            shown,
            place: Box::new(Place::find(source, text, bad_line.line, "")),
            bad_line,
        },
        SyntaxError::BadLines(bad_lines) => ExtendsError::BadLines {
            shown,
            places: bad_lines
                .iter()
                .map(|bad| Place::find(source, text, bad.line, ""))
                .collect(),
            bad_lines,
        },
        SyntaxError::Condition {
            line,
            column,
            error,
        } => {
            let mut place = Place::find(source, text, line, "");
            let start = (column + error.offset).min(place.text.len());
            let rest = place.text[start..].find([']', '#', ';']);
            let end = rest.map_or(place.text.len(), |end| start + end.max(1));
            place.span = start..end.min(place.text.len());
            ExtendsError::Condition {
                place: Box::new(place),
                error,
            }
        }
    }
}

/// Puts the user's defaults under the first file without `extends`.
struct Carrier<'a> {
    symbols: &'a mut Symbols,
    dialect: &'a Dialect,
}

impl Carrier<'_> {
    /// Adds a copy of the first leaf that carries `defaults`, and copies of
    /// the files that lead to it, so that only the first visit finds it.
    /// Returns the new root.
    fn graft(
        self,
        nodes: &mut Vec<Node>,
        path: &[(NodeId, usize)],
        optional: Option<ParsedOption>,
        defaults: &MergedSections,
    ) -> NodeId {
        let mut steps = path.iter().rev();
        let Some((leaf, _)) = steps.next() else {
            return NodeId(0);
        };
        let mut copy = nodes[leaf.index()].clone();
        copy.content = Arc::new(self.content(&copy, optional, defaults));
        let mut current = NodeId(nodes.len() as u32);
        nodes.push(copy);
        for (node, entry) in steps {
            let mut copy = nodes[node.index()].clone();
            copy.includes[*entry].target = current;
            current = NodeId(nodes.len() as u32);
            nodes.push(copy);
        }
        current
    }

    fn content(
        self,
        leaf: &Node,
        optional: Option<ParsedOption>,
        defaults: &MergedSections,
    ) -> FileContent {
        let mut merged: IndexMap<Symbol, Arc<MergedSection>, FxBuildHasher> = IndexMap::default();
        for (name, section) in defaults {
            merged.insert(self.symbols.intern(name), Arc::clone(section));
        }
        let buildout = self.symbols.intern("buildout");
        for section in &leaf.content.profile.sections {
            // Upstream merges before it takes `optional-extends` out, which
            // therefore stays behind here.
            let left_behind = optional.as_ref().filter(|_| section.name == buildout);
            let own: MergedSection = section
                .options
                .iter()
                .chain(left_behind)
                .map(|option| {
                    let key = Arc::clone(self.symbols.name(option.key));
                    let origin = Origin::profile(Arc::clone(&leaf.source), option.line);
                    (key, MergedOption::set(Arc::clone(&option.value), origin))
                })
                .collect();
            match merged.get_mut(&section.name) {
                Some(present) => update_section(Arc::make_mut(present), &own),
                None => {
                    let born = first_occurrence(&Arc::new(own), self.dialect.merge);
                    merged.insert(section.name, born);
                }
            }
        }
        let mut carried = HashMap::default();
        let mut sections = Vec::new();
        for (name, section) in merged {
            let mut options = Vec::new();
            for (key, option) in &*section {
                let key_symbol = self.symbols.intern(key);
                let (base, operator) = split_operator(key);
                options.push(ParsedOption {
                    key: key_symbol,
                    base: self.symbols.intern(base),
                    operator,
                    value: Arc::clone(&option.value),
                    line: option.origin().and_then(|o| o.line).unwrap_or(0),
                });
                carried.insert((name, key_symbol), option.clone());
            }
            sections.push(ParsedSection {
                name,
                line: 1,
                options,
            });
        }
        FileContent {
            text: leaf.content.text.clone(),
            profile: ParsedProfile { sections },
            carried,
        }
    }
}
