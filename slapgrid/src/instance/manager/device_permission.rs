//! `devperm`: `.slapos-disk-permission` of a partition names disks of the
//! machine that its user is to own.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::super::error::PartitionError;
use super::super::partition::Partition;
use crate::files::{failed_to, read_text};

/// What the instance asks for.
const REQUEST: &str = ".slapos-disk-permission";

/// The longest request that is read.
const LIMIT: u64 = 1024 * 1024;

/// The group of disks.
const GROUP: &str = "disk";

impl Partition<'_> {
    /// Gives the partition's user the disks that it asks for, if they are
    /// `allowed`; what is refused is told.
    pub(super) fn give_disks(&self, allowed: Option<&[String]>) -> Result<(), PartitionError> {
        let path = self.path.join(REQUEST);
        let text = match read_text(&path, LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed_to("read", &path)(error).into()),
        };
        let Ok(Value::Array(entries)) = serde_json::from_str(&text) else {
            self.log.warning("Bad disk configuration file");
            return Ok(());
        };
        let disks = block_devices().map_err(failed_to("run", Path::new("lsblk")))?;
        let owner = self.owner()?;
        let group = self.node.surroundings.accounts.group_by_name(GROUP);
        for entry in &entries {
            let Some(asked) = entry.get("disk").and_then(Value::as_str) else {
                self.log.warning(format!("Disk is None: {entry}"));
                continue;
            };
            let Ok(disk) = fs::canonicalize(asked) else {
                self.log.warning(format!("Problem resolving link: {asked}"));
                continue;
            };
            let shown = disk.display().to_string();
            if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&shown)) {
                self.log.warning(format!(
                    "Disk {shown} not in allowed disk list {}",
                    allowed.join(", ")
                ));
                continue;
            }
            if !disks.contains(&shown) {
                self.log.warning(format!(
                    "Disk {shown:?} is not detected by lsblk list {disks:?}"
                ));
                continue;
            }
            let metadata = fs::metadata(&disk).map_err(failed_to("examine", &disk))?;
            if metadata.uid() == owner.user {
                continue;
            }
            let name = self.user_name(owner.user);
            let text = format!("Transfer ownership of {shown} to {name}");
            self.log.warning(text);
            chown(&disk, Some(owner.user), group).map_err(failed_to("set the owner of", &disk))?;
        }
        Ok(())
    }
}

/// Returns the disks of the machine, and their parts.
fn block_devices() -> io::Result<Vec<String>> {
    let output = Command::new("lsblk")
        .args(["--json", "--output-all"])
        .stdin(Stdio::null())
        .output()?;
    Ok(parse_block_devices(&output.stdout))
}

/// Reads what `lsblk --json --output-all` writes.
fn parse_block_devices(output: &[u8]) -> Vec<String> {
    let document: Value = serde_json::from_slice(output).unwrap_or_default();
    let mut found = Vec::new();
    let mut add = |device: &Value, kind: &str| {
        let is_right = device.get("type").and_then(Value::as_str) == Some(kind);
        if let Some(path) = device
            .get("path")
            .and_then(Value::as_str)
            .filter(|_| is_right)
        {
            found.push(path.to_owned());
        }
    };
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned();
    for device in list(&document, "blockdevices").unwrap_or_default() {
        add(&device, "disk");
        for part in list(&device, "children").unwrap_or_default() {
            add(&part, "part");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_and_their_parts_are_found() {
        let output = br#"{"blockdevices": [{"path": "/dev/vda", "type": "disk", "children": [{"path": "/dev/vda1", "type": "part"}, {"path": "/dev/mapper/x", "type": "crypt"}]}, {"path": "/dev/sr0", "type": "rom"}]}"#;
        assert_eq!(parse_block_devices(output), ["/dev/vda", "/dev/vda1"]);
        assert!(parse_block_devices(b"no").is_empty());
        block_devices().unwrap();
    }
}
