//! What the first phase of a run has installed, as the second one sees it.

use std::sync::Arc;

use super::super::failure::Failure;
use super::super::profile_python::FirstPhase;
use super::Installation;
use crate::redaction::redacted;

/// The option with the place of a part.
const LOCATION: &str = "location";

impl Installation<'_, '_> {
    /// Records the parts of the first phase with the options and signatures that they
    /// have now, so that they stay. Upstream's slapos.rebootstrap does so with signatures
    /// alone, and a part whose options name the Python is installed twice.
    ///
    /// A part that is to be elsewhere now is not there yet, and left as it is.
    pub(super) fn take_over(
        &mut self,
        first: &FirstPhase,
        wanted: &[Arc<str>],
    ) -> Result<(), Failure> {
        for part in first.parts.iter().filter(|part| wanted.contains(part)) {
            let Some(recorded) = self.record.parts().get(&**part) else {
                continue;
            };
            let options = self.session.current_options(part)?;
            let location = recorded.options.get(LOCATION).map(String::as_str);
            if location != options.get(LOCATION).map(|location| &**location) {
                continue;
            }
            let mut taken = recorded.clone();
            taken.options = options
                .iter()
                .map(|(name, value)| (name.to_string(), redacted(value).into_owned()))
                .collect();
            if taken != *recorded {
                self.record.take_over(part, taken)?;
            }
        }
        Ok(())
    }
}
