//! Extensions: functions that get the configuration before anything is done,
//! and at the end.

use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::recipe::{Construction, RecipeError};

use crate::bridge::{Bridge, Resolved};
use crate::recipe::construct_in;

const LOADERS: &str = "zc.buildout.extension";
const UNLOADERS: &str = "zc.buildout.unloadextension";

/// The extensions of a run.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    loaded: Mutex<Vec<(Arc<str>, Arc<Resolved>)>>,
}

impl Extensions {
    /// Loads extensions, in order.
    pub(crate) fn load(
        &self,
        bridge: &Bridge,
        names: &[Arc<str>],
        place: &Construction<'_>,
    ) -> Result<(), RecipeError> {
        // All are found before the first one runs.
        let mut found = Vec::new();
        for name in names {
            let resolved = bridge.require(name, place);
            found.push((
                Arc::clone(name),
                resolved.map_err(|error| error.at_option("extensions"))?,
            ));
        }
        for (name, resolved) in &found {
            if resolved.entry_points(name, LOADERS)?.is_empty() {
                let text = format!("{name} is no extension: it has no entry point in {LOADERS}.");
                return Err(RecipeError::user(text)
                    .at_option("extensions")
                    .with_hint(format!("remove `{name}` from `extensions`")));
            }
        }
        for (name, resolved) in &found {
            call_all(bridge, place, name, resolved, LOADERS)?;
        }
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.extend(found);
        Ok(())
    }

    /// Tells those that were loaded that the run ends.
    pub(crate) fn unload(
        &self,
        bridge: &Bridge,
        place: &Construction<'_>,
    ) -> Result<(), RecipeError> {
        let loaded = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *loaded)
        };
        for (name, resolved) in loaded {
            call_all(bridge, place, &name, &resolved, UNLOADERS)?;
        }
        Ok(())
    }
}

fn call_all(
    bridge: &Bridge,
    place: &Construction<'_>,
    name: &str,
    resolved: &Resolved,
    group: &str,
) -> Result<(), RecipeError> {
    for point in resolved.entry_points(name, group)? {
        let interpreter = bridge.interpreter(place)?;
        let body = resolved.body(&point);
        construct_in(bridge, &interpreter, place, "extension", body)?;
    }
    Ok(())
}
