//! The master of a run, for the recipes of an instance.

use std::fmt;
use std::sync::Arc;

use crate::master::Master;
use crate::url::base_url;

/// The master that a node gives to the recipes of a partition, with the URL by
/// which the profile names it. Recipes that talk to another master find that
/// this one does not serve it, and connect by themselves.
#[derive(Clone)]
pub struct RunMaster {
    base: String,
    master: Arc<dyn Master>,
}

impl RunMaster {
    /// Takes a master and its URL.
    pub fn new(url: &str, master: Arc<dyn Master>) -> Self {
        RunMaster {
            base: base_url(url),
            master,
        }
    }

    /// Returns the master if `url` is its own.
    pub fn serving(&self, url: &str) -> Option<Arc<dyn Master>> {
        (base_url(url) == self.base).then(|| Arc::clone(&self.master))
    }
}

impl fmt::Debug for RunMaster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RunMaster")
            .field("url", &crate::url::shown(&self.base))
            .finish_non_exhaustive()
    }
}
