//! The reasons of installed parts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::super::failure::Failure;
use super::super::history::History;
use super::super::record::Record;
use super::super::session::Session;
use super::cause::{Causes, Known};
use super::decide::decide;
use super::reason::Reason;
use crate::resolve::OptionMap;

/// Decides about installed parts, one after the other.
pub(crate) struct Survey {
    /// The options of the parts now, in stored form, each resolved.
    options: HashMap<Arc<str>, OptionMap, FxBuildHasher>,
    causes: Causes,
}

impl Survey {
    /// Resolves all options of those of the `wanted` parts that are recorded.
    ///
    /// # Errors
    ///
    /// An option cannot be resolved.
    pub(crate) fn new(
        session: &Session<'_>,
        record: &Record,
        wanted: &[Arc<str>],
    ) -> Result<Self, Failure> {
        let mut options = HashMap::default();
        let wanted: HashSet<&Arc<str>> = wanted.iter().collect();
        // In the order in which they are decided about.
        for name in record.parts().keys().rev() {
            if let Some(part) = wanted.get(&Arc::from(&**name)) {
                options.insert(Arc::clone(part), session.current_options(part)?);
            }
        }
        let causes = Causes::new(&session.state.borrow());
        Ok(Survey { options, causes })
    }

    /// Returns why `part`, as it is recorded, cannot stay; nothing if it can,
    /// or if it is not recorded.
    pub(crate) fn reasons(
        &mut self,
        session: &Session<'_>,
        record: &Record,
        history: &History,
        part: &Arc<str>,
        exists: impl Fn(&str) -> bool,
    ) -> Vec<Reason> {
        let (Some(recorded), Some(options)) = (record.parts().get(&**part), self.options.get(part))
        else {
            return Vec::new();
        };
        let reasons = decide(recorded, options, exists);
        if reasons.is_empty() {
            return reasons;
        }
        let known = Known {
            state: &session.state.borrow(),
            record,
            history,
        };
        self.causes.explain(&known, part, reasons)
    }
}
