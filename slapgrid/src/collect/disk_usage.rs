//! How much of the disks a directory uses, as `du -s` tells.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The bytes of a block as the system counts them.
const BLOCK: u64 = 512;

/// Returns the kibibytes that the files below a directory occupy, each file
/// once; none if it was cancelled. Links are not followed, other file systems are
/// entered, and what disappears meanwhile does not count.
fn kibibytes_of(directory: &Path, is_cancelled: &dyn Fn() -> bool) -> Option<u64> {
    let mut usage = Usage::default();
    let Ok(metadata) = fs::metadata(directory) else {
        return Some(0);
    };
    usage.add(&metadata);
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        if is_cancelled() {
            return None;
        }
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            // Of the entry itself, not of what it leads to.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            usage.add(&metadata);
            if metadata.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Some((usage.blocks * BLOCK).div_ceil(1024))
}

/// Returns the kibibytes of a partition, with the directories that links in its
/// `DATA` lead to; none if it was cancelled.
pub(super) fn kibibytes_of_partition(
    partition: &Path,
    is_cancelled: &dyn Fn() -> bool,
) -> Option<u64> {
    let entries = fs::read_dir(partition.join("DATA"))
        .into_iter()
        .flatten()
        .flatten();
    let links = entries.map(|entry| entry.path());
    let links = links.filter(|path| path.is_symlink() && path.is_dir());
    let mut sum = kibibytes_of(partition, is_cancelled)?;
    for link in links {
        sum += kibibytes_of(&link, is_cancelled)?;
    }
    Some(sum)
}

#[derive(Default)]
struct Usage {
    blocks: u64,
    /// Files with several names that were counted.
    counted: HashSet<(u64, u64)>,
}

impl Usage {
    fn add(&mut self, metadata: &Metadata) {
        let has_names = metadata.nlink() > 1 && !metadata.is_dir();
        if has_names && !self.counted.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        self.blocks += metadata.blocks();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Writes a file to the disk: before that some file systems do not know what
    /// it will occupy.
    fn write(path: &Path, bytes: usize) {
        fs::write(path, vec![1; bytes]).unwrap();
        fs::File::open(path).unwrap().sync_all().unwrap();
    }

    #[test]
    fn it_is_what_du_tells() {
        let root = tempfile::tempdir().unwrap();
        let partition = root.path().join("partition");
        fs::create_dir_all(partition.join("a/b")).unwrap();
        write(&partition.join("a/file"), 100_000);
        fs::hard_link(partition.join("a/file"), partition.join("a/b/same")).unwrap();
        std::os::unix::fs::symlink("/", partition.join("a/link")).unwrap();
        let du = |path: &Path| {
            let output = Command::new("du").arg("-s").arg(path).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.split_whitespace()
                .next()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        let go_on = || false;
        assert_eq!(kibibytes_of(&partition, &go_on), Some(du(&partition)));
        let disk = root.path().join("disk");
        fs::create_dir(&disk).unwrap();
        write(&disk.join("file"), 50_000);
        fs::create_dir(partition.join("DATA")).unwrap();
        std::os::unix::fs::symlink(&disk, partition.join("DATA/disk")).unwrap();
        assert_eq!(
            kibibytes_of_partition(&partition, &go_on),
            Some(du(&partition) + du(&disk))
        );
        assert_eq!(kibibytes_of(&root.path().join("nothing"), &go_on), Some(0));
        assert_eq!(kibibytes_of_partition(&partition, &|| true), None);
    }
}
