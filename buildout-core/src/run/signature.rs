//! Signatures of parts: what must not change for a part to stay installed,
//! besides its options.
//!
//! A signature of ours names the recipe and its behaviour version and, in the
//! SlapOS dialect, a digest of each section that the part depends on. The
//! tool's own path or version is not in it. `docs/design/signatures.md` tells
//! more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use md5::{Digest, Md5};
use rustc_hash::FxBuildHasher;

use super::failure::Failure;
use super::session::{Session, State, is_buildout, known_values};
use crate::fetch::encode_hex;
use crate::redaction::redacted;

/// The option under which a part's signature is recorded.
pub const SIGNATURE_OPTION: &str = "__buildout_signature__";

/// How every signature of ours starts. One that starts otherwise was made by a
/// Python buildout.
pub const SIGNATURE_PREFIX: &str = "native:";

/// The hexadecimal digits of a section's digest.
const DIGEST_LENGTH: usize = 32;

/// What stands for a clean environment among the sections that a part depends
/// on; no section can have this name.
pub(crate) const ENVIRONMENT_NAME: &str = "{environment}";

/// The signatures computed so far.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    /// Those of parts; computed once, so that what a recipe saw stays true.
    frozen: HashMap<Arc<str>, Arc<str>, FxBuildHasher>,
    /// The digests of sections that others depend on.
    digests: HashMap<Arc<str>, Arc<str>, FxBuildHasher>,
}

/// A signature of ours taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SignatureText<'s> {
    /// The recipe and the version of its behaviour.
    pub(crate) recipe: &'s str,
    /// The sections that the part depends on, with their digests.
    pub(crate) dependencies: BTreeMap<&'s str, &'s str>,
}

impl<'s> SignatureText<'s> {
    /// Takes a signature apart. The names of sections may hold blanks and
    /// colons; digests hold neither.
    pub(crate) fn parse(signature: &'s str) -> Self {
        let text = signature
            .strip_prefix(SIGNATURE_PREFIX)
            .unwrap_or(signature);
        let (recipe, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut dependencies = BTreeMap::new();
        while !rest.is_empty() {
            let ends = rest
                .match_indices(':')
                .map(|(colon, _)| (colon, colon + 1 + DIGEST_LENGTH));
            let is_end = |(colon, end): &(usize, usize)| {
                let digest = rest.get(colon + 1..*end);
                digest.is_some_and(|digest| digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    && matches!(rest.as_bytes().get(*end), None | Some(b' '))
            };
            let Some((colon, end)) = ends.into_iter().find(is_end) else {
                break;
            };
            dependencies.insert(&rest[..colon], &rest[colon + 1..end]);
            rest = rest[end..].strip_prefix(' ').unwrap_or("");
        }
        SignatureText {
            recipe,
            dependencies,
        }
    }
}

impl Session<'_> {
    /// Returns the signature of a part, computing it on first use. What the
    /// part depends on afterwards does not count.
    ///
    /// # Errors
    ///
    /// The section has no recipe.
    pub(crate) fn freeze_signature(&self, part: &Arc<str>) -> Result<Arc<str>, Failure> {
        if let Some(known) = self.state.borrow().signatures.frozen.get(part) {
            return Ok(Arc::clone(known));
        }
        // A recipe may ask while it is being constructed, before its part is
        // noted; so the reference is read from the options.
        let recipe = self.required(part, "recipe")?;
        let reference = crate::recipe::RecipeReference::parse(&recipe);
        let factory = reference
            .as_ref()
            .and_then(|reference| self.options.registry.find(reference));
        let mut version = factory.as_ref().map_or_else(
            || "0".to_owned(),
            |factory| factory.descriptor().behaviour_version.to_string(),
        );
        if let Some(identity) = factory.and_then(|factory| factory.identity()) {
            version.push_str(&format!("-{identity}"));
        }
        let mut signature = match reference {
            Some(reference) => format!("{SIGNATURE_PREFIX}{reference}:{version}"),
            None => format!("{SIGNATURE_PREFIX}{recipe}:{version}"),
        };
        if let Some(digest) = self.services().environment_digest() {
            signature.push_str(&format!(" {ENVIRONMENT_NAME}:{digest}"));
        }
        if self.dialect().dependency_signatures {
            let mut state = self.state.borrow_mut();
            for dependency in state.direct_dependencies(part) {
                let digest = state.section_digest(&dependency);
                signature.push_str(&format!(" {dependency}:{digest}"));
            }
        }
        let signature: Arc<str> = Arc::from(signature);
        let mut state = self.state.borrow_mut();
        let frozen = &mut state.signatures.frozen;
        frozen.insert(Arc::clone(part), Arc::clone(&signature));
        Ok(signature)
    }
}

impl State {
    /// Returns the sections that `section` depends on, sorted; never
    /// `[buildout]`, whose options enter by value.
    fn direct_dependencies(&self, section: &str) -> Vec<Arc<str>> {
        let reached = self.dependencies.get(section);
        let mut names: Vec<Arc<str>> = reached
            .into_iter()
            .flatten()
            .filter(|name| !is_buildout(name) && ***name != *section)
            .cloned()
            .collect();
        names.sort();
        names
    }

    /// Returns a digest of the options of `section` and of all it depends on.
    ///
    /// Sections may depend on each other in circles. Those of a circle depend
    /// on the same sections, so they share one digest, whichever is asked for
    /// first: Tarjan's algorithm finds the circles, with a stack of our own.
    fn section_digest(&mut self, section: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.signatures.digests.get(section) {
            return Arc::clone(known);
        }
        let mut numbers: HashMap<Arc<str>, usize, FxBuildHasher> = HashMap::default();
        // The sections that are visited and belong to no finished circle yet.
        let mut open: Vec<Arc<str>> = Vec::new();
        let mut visits = vec![self.visit(section, 0)];
        numbers.insert(Arc::clone(section), 0);
        open.push(Arc::clone(section));
        while let Some(visit) = visits.last_mut() {
            if let Some(next) = visit.left.pop() {
                if self.signatures.digests.contains_key(&next) {
                    continue;
                }
                match numbers.get(&next) {
                    Some(number) => visit.lowest = visit.lowest.min(*number),
                    None => {
                        let number = numbers.len();
                        numbers.insert(Arc::clone(&next), number);
                        open.push(Arc::clone(&next));
                        visits.push(self.visit(&next, number));
                    }
                }
                continue;
            }
            let (number, lowest, start) = (visit.number, visit.lowest, Arc::clone(&visit.section));
            visits.pop();
            if let Some(caller) = visits.last_mut() {
                caller.lowest = caller.lowest.min(lowest);
            }
            if lowest == number {
                let from = open.iter().rposition(|name| *name == start).unwrap_or(0);
                let circle = open.split_off(from);
                let digest = self.digest_of(&circle);
                for name in circle {
                    self.signatures.digests.insert(name, Arc::clone(&digest));
                }
            }
        }
        let known = self.signatures.digests.get(section);
        known.cloned().unwrap_or_default()
    }

    fn visit(&self, section: &Arc<str>, number: usize) -> Visit {
        Visit {
            section: Arc::clone(section),
            left: self.direct_dependencies(section),
            number,
            lowest: number,
        }
    }

    /// Returns the digest of sections that depend on each other, or of a
    /// single one. Those outside that they depend on have digests already.
    fn digest_of(&self, circle: &[Arc<str>]) -> Arc<str> {
        let mut hasher = Md5::new();
        let mut members: Vec<&Arc<str>> = circle.iter().collect();
        members.sort();
        for section in members {
            if circle.len() > 1 {
                hasher.update(section.as_bytes());
            }
            let mut options: Vec<_> = known_values(self, section).into_iter().collect();
            options.sort();
            for (name, value) in options {
                if &*name != SIGNATURE_OPTION {
                    // Passwords do not count: they are not recorded.
                    for text in [&*name, &*redacted(&value)] {
                        hasher.update(text.len().to_le_bytes());
                        hasher.update(text.as_bytes());
                    }
                }
            }
            for dependency in self.direct_dependencies(section) {
                if let Some(digest) = self.signatures.digests.get(&dependency) {
                    hasher.update(dependency.as_bytes());
                    hasher.update(digest.as_bytes());
                }
            }
        }
        Arc::from(encode_hex(&hasher.finalize()))
    }
}

/// A section whose dependencies are being visited.
struct Visit {
    section: Arc<str>,
    /// The dependencies that are left.
    left: Vec<Arc<str>>,
    /// How many sections were met before.
    number: usize,
    /// The lowest number that leads here and can be reached from here.
    lowest: usize,
}
