//! The built-in extensions.

mod rebootstrap;
mod shared;
mod strip;

use std::sync::Arc;

use buildout_core::recipe::Extension;

/// Returns the extension of a name in `[buildout] extensions`.
pub(crate) fn named(name: &str) -> Option<Arc<dyn Extension>> {
    match name {
        "slapos.extension.shared" => Some(Arc::new(shared::Shared)),
        "slapos.extension.strip" => Some(Arc::new(strip::Strip)),
        "slapos.rebootstrap" => Some(Arc::new(rebootstrap::Rebootstrap)),
        _ => None,
    }
}
