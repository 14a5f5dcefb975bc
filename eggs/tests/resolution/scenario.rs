//! What is run, and what comes of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One resolution.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) eggs: Vec<String>,
    pub(crate) versions: Vec<(String, String)>,
    /// The eggs directory and the develop-eggs directory.
    pub(crate) directory: String,
    pub(crate) develop: String,
    pub(crate) index: String,
    pub(crate) find_links: Vec<String>,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) newest: bool,
    pub(crate) offline: bool,
    pub(crate) prefer_final: bool,
    pub(crate) allow_picked_versions: bool,
    pub(crate) allow_unknown_extras: bool,
    pub(crate) archives: Option<String>,
    pub(crate) install_from_cache: bool,
    /// Only ours.
    pub(crate) page_cache: Option<String>,
}

impl Step {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "eggs": self.eggs,
            "versions": self.versions.iter().cloned().collect::<BTreeMap<_, _>>(),
            "directory": self.directory,
            "develop": self.develop,
            "index": self.index,
            "find_links": self.find_links,
            "allow_hosts": self.allow_hosts,
            "newest": self.newest,
            "offline": self.offline,
            "prefer_final": self.prefer_final,
            "allow_picked_versions": self.allow_picked_versions,
            "allow_unknown_extras": self.allow_unknown_extras,
            "archives": self.archives,
            "install_from_cache": self.install_from_cache,
        })
    }
}

/// What a step came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// `NAME VERSION`, in the order of the working set.
    pub(crate) members: Vec<String>,
    pub(crate) error: Option<String>,
    pub(crate) log: Vec<String>,
    pub(crate) picked: BTreeMap<String, String>,
}

impl Outcome {
    pub(crate) fn from_json(value: &Value) -> Self {
        let texts = |value: &Value| {
            let texts = value.as_array().into_iter().flatten();
            texts
                .filter_map(|text| Some(text.as_str()?.to_owned()))
                .collect()
        };
        let picked = value["picked"].as_object().into_iter().flatten();
        Outcome {
            members: texts(&value["members"]),
            error: value["error"].as_str().map(str::to_owned),
            log: texts(&value["log"]),
            picked: picked
                .filter_map(|(name, version)| Some((name.clone(), version.as_str()?.to_owned())))
                .collect(),
        }
    }
}
