//! Signatures of parts: what must not change for a part to stay installed,
//! besides its options.
//!
//! A signature of ours names the recipe and its behaviour version and, in the
//! SlapOS dialect, a digest of each section that the part depends on. The
//! tool's own path or version is not in it. `docs/design/signatures.md` tells
//! more.

use std::collections::HashMap;
use std::sync::Arc;

use md5::{Digest, Md5};
use rustc_hash::FxBuildHasher;

use super::failure::Failure;
use super::session::{Session, State, is_buildout, known_values};
use crate::fetch::encode_hex;

/// The option under which a part's signature is recorded.
pub const SIGNATURE_OPTION: &str = "__buildout_signature__";

/// How every signature of ours starts. One that starts otherwise was made by a
/// Python buildout.
pub const SIGNATURE_PREFIX: &str = "native:";

/// The signatures computed so far.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    /// Those of parts; computed once, so that what a recipe saw stays true.
    frozen: HashMap<Arc<str>, Arc<str>, FxBuildHasher>,
    /// The digests of sections that others depend on.
    digests: HashMap<Arc<str>, Arc<str>, FxBuildHasher>,
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
        let version = factory.map_or(0, |factory| factory.descriptor().behaviour_version);
        let mut signature = match reference {
            Some(reference) => format!("{SIGNATURE_PREFIX}{reference}:{version}"),
            None => format!("{SIGNATURE_PREFIX}{recipe}:{version}"),
        };
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
    /// Sections may depend on each other in circles; where one is met again,
    /// its own options stand for it.
    fn section_digest(&mut self, section: &Arc<str>) -> Arc<str> {
        let mut stack: Vec<(Arc<str>, Vec<Arc<str>>)> =
            vec![(Arc::clone(section), self.direct_dependencies(section))];
        let mut open: std::collections::HashSet<Arc<str>> = [Arc::clone(section)].into();
        while let Some((name, left)) = stack.last_mut() {
            if self.signatures.digests.contains_key(name) {
                stack.pop();
                continue;
            }
            match left.pop() {
                Some(next) => {
                    if !self.signatures.digests.contains_key(&next)
                        && open.insert(Arc::clone(&next))
                    {
                        let dependencies = self.direct_dependencies(&next);
                        stack.push((next, dependencies));
                    }
                }
                None => {
                    let name = Arc::clone(name);
                    let digest = self.digest_of(&name);
                    self.signatures.digests.insert(name, digest);
                    stack.pop();
                }
            }
        }
        let known = self.signatures.digests.get(section);
        known.cloned().unwrap_or_default()
    }

    fn digest_of(&self, section: &Arc<str>) -> Arc<str> {
        let mut hasher = Md5::new();
        let mut options: Vec<_> = known_values(self, section).into_iter().collect();
        options.sort();
        for (name, value) in options {
            if &*name != SIGNATURE_OPTION {
                for text in [&name, &value] {
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
        Arc::from(encode_hex(&hasher.finalize()))
    }
}
