//! The disks of a partition: `storage-home` of `slapconfiguration`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::Path;

use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::Dict;

use crate::live_options::missing_option;
use crate::system_error::failed;

/// Links what `storage-home` has for the partition from `DATA`, and returns
/// the links by disk. A link that is there stays.
pub(super) fn link(
    part: &Construction<'_>,
    partition_id: Option<&str>,
) -> Result<Dict, RecipeError> {
    let mut storages = Dict::new();
    let home = part.option("storage-home")?.unwrap_or_default();
    let home = Path::new(&*home);
    if home.as_os_str().is_empty() || !home.is_dir() {
        return Ok(storages);
    }
    let Some(partition_id) = partition_id else {
        return Err(missing_option(part.part(), "slap-computer-partition-id"));
    };
    let data = part.services().directory.join("DATA");
    let mut disks = Vec::new();
    for entry in fs::read_dir(home).map_err(failed("read", home))? {
        let entry = entry.map_err(failed("read", home))?;
        disks.push(entry.file_name());
    }
    disks.sort();
    for disk in disks {
        let storage = home.join(&disk).join(partition_id);
        if !storage.is_dir() {
            continue;
        }
        make_private(&data).map_err(failed("create directory", &data))?;
        let link = data.join(&disk);
        if link.symlink_metadata().is_err() {
            symlink(&storage, &link).map_err(failed("link", &link))?;
        }
        storages.insert_str(
            disk.to_string_lossy().as_ref(),
            link.to_string_lossy().as_ref(),
        );
    }
    Ok(storages)
}

/// Makes a directory for the user only, unless it is there.
fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
