//! Having a file in a second place without its bytes being written again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

/// How the files of an egg come from the unpacked wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkMode {
    /// In the cheapest way that the file system knows: shared blocks, else a
    /// second name, else a copy.
    Shared,
    /// Copied, for what somebody may change in place.
    Copy,
}

const CLONE: u8 = 0;
const HARD_LINK: u8 = 1;
const COPY: u8 = 2;

/// Links files, remembering what did not work.
#[derive(Debug)]
pub(super) struct Linker {
    way: AtomicU8,
}

impl Linker {
    pub(super) fn new(mode: LinkMode) -> Self {
        let way = match mode {
            LinkMode::Shared => CLONE,
            LinkMode::Copy => COPY,
        };
        Linker {
            way: AtomicU8::new(way),
        }
    }

    /// Makes `destination`, which must not exist, the same as `source`.
    pub(super) fn link(&self, source: &Path, destination: &Path) -> io::Result<()> {
        if self.way.load(Ordering::Relaxed) == CLONE {
            match clone(source, destination) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => {
                    let _ = fs::remove_file(destination);
                    self.way.fetch_max(HARD_LINK, Ordering::Relaxed);
                }
            }
        }
        if self.way.load(Ordering::Relaxed) == HARD_LINK {
            match fs::hard_link(source, destination) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => {
                    self.way.fetch_max(COPY, Ordering::Relaxed);
                }
            }
        }
        fs::copy(source, destination).map(drop)
    }
}

fn clone(source: &Path, destination: &Path) -> io::Result<()> {
    let from = File::open(source)?;
    let mode = std::os::unix::fs::MetadataExt::mode(&from.metadata()?);
    let to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(destination)?;
    rustix::fs::ioctl_ficlone(&to, &from)?;
    to.set_permissions(from.metadata()?.permissions())
}
