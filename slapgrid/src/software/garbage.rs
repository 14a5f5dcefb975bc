//! Releases that the master no longer knows: `--garbage-collect`.

use super::remove_release;
use crate::child::error_chain;
use crate::files::names_in;
use crate::node::Node;

/// Removes each directory of a release that is not wanted.
pub(super) fn collect(node: &Node, wanted: &[String]) {
    let root = &node.configuration.software_root;
    let names = match names_in(root) {
        Ok(names) => names,
        Err(error) => return node.log.error(error_chain(&error)),
    };
    for name in names {
        let path = root.join(&name);
        if !is_release(&name) || wanted.contains(&name) || !path.join("buildout.cfg").exists() {
            continue;
        }
        let shown = path.display();
        node.log.info(format!(
            "Destroying garbage collected software folder {shown} ..."
        ));
        match remove_release(&path) {
            Ok(()) => node.log.info(format!("Destroyed {shown} .")),
            Err(error) => node.log.error(format!(
                "Problem while destroying garbage collected software folder: {}",
                error_chain(&error)
            )),
        }
    }
}

fn is_release(name: &str) -> bool {
    name.len() == 32
        && name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
