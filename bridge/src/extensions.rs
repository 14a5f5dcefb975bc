//! Extensions: functions that get the configuration before anything is done,
//! and at the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use buildout_core::recipe::{Construction, RecipeError};

use crate::bridge::{Bridge, Resolved};
use crate::recipe::Server;

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
        let loaded = bridge.serve(place, |server| {
            // All are found before the first one runs.
            let mut found = Vec::new();
            for name in names {
                let resolved = bridge.require(name, server.run)?;
                if resolved.entry_points(name, LOADERS)?.is_empty() {
                    let text =
                        format!("{name} is no extension: it has no entry point in {LOADERS}.");
                    return Err(RecipeError::user(text)
                        .with_hint(format!("remove `{name}` from `extensions`")));
                }
                found.push((Arc::clone(name), resolved));
            }
            for (name, resolved) in &found {
                call_all(server, name, resolved, LOADERS)?;
            }
            bridge.distributions.profile_changed(server.run);
            Ok(found)
        });
        let loaded = loaded.map_err(|error| error.at_option("extensions"))?;
        self.lock().extend(loaded);
        Ok(())
    }

    /// Tells those that were loaded that the run ends.
    pub(crate) fn unload(
        &self,
        bridge: &Bridge,
        place: &Construction<'_>,
    ) -> Result<(), RecipeError> {
        let loaded = std::mem::take(&mut *self.lock());
        if loaded.is_empty() {
            return Ok(());
        }
        bridge.serve(place, |server| {
            for (name, resolved) in &loaded {
                call_all(server, name, resolved, UNLOADERS)?;
            }
            Ok(())
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<str>, Arc<Resolved>)>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn call_all(
    server: &Server<'_>,
    name: &str,
    resolved: &Resolved,
    group: &str,
) -> Result<(), RecipeError> {
    for point in resolved.entry_points(name, group)? {
        server.request("extension", resolved.body(&point))?;
    }
    Ok(())
}
