//! What is there, as far as a lock allows it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::lock::LockFile;
use buildout_eggs::distribution::{Distribution, DistributionKind};
use buildout_eggs::name::{ProjectName, canonical_name};
use buildout_eggs::resolve::{Inventory, SupplyError};
use buildout_eggs::supply::EggInventory;
use buildout_eggs::version::{Version, patch_marker};

/// Finds distributions in directories, but of a project that is locked only
/// those with a locked version, and develop eggs.
#[derive(Debug)]
pub(super) struct LockedInventory {
    inventory: EggInventory,
    unlocked: [PathBuf; 2],
    versions: HashMap<String, Vec<Version>>,
}

impl LockedInventory {
    /// Restricts an inventory to what a lock allows; no lock has what is in the
    /// directories `unlocked`: what parts build themselves, and what the program brings.
    pub(super) fn new(inventory: EggInventory, unlocked: [PathBuf; 2], lock: &LockFile) -> Self {
        let mut versions: HashMap<String, Vec<Version>> = HashMap::new();
        for locked in lock.distributions.values() {
            let known = versions.entry(canonical_name(&locked.name)).or_default();
            known.extend(Version::parse(&locked.version));
        }
        LockedInventory {
            inventory,
            unlocked,
            versions,
        }
    }

    fn allows(&self, project: &ProjectName, found: &Distribution) -> bool {
        let is_own = found.kind() == DistributionKind::Develop
            || self
                .unlocked
                .iter()
                .any(|directory| found.location().starts_with(directory));
        let Some(versions) = self.versions.get(project.canonical()).filter(|_| !is_own) else {
            return true;
        };
        // What is patched is made of the version that is locked.
        let written = found.version().trim();
        let base = patch_marker(written).map_or(written, |(base, _)| base);
        Version::parse(base).is_some_and(|version| versions.contains(&version))
    }
}

impl Inventory for LockedInventory {
    fn installed(&self, project: &ProjectName) -> Result<Vec<Arc<Distribution>>, SupplyError> {
        let mut found = self.inventory.installed(project)?;
        found.retain(|found| self.allows(project, found));
        Ok(found)
    }
}
