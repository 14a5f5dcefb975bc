//! Wheels that are unpacked for all buildouts of a user.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use buildout_core::fetch::archive::{StripTopLevel, UnpackOptions, unpack};

use super::{WheelError, WheelFileName, failed};
use crate::metadata::{Headers, Metadata};
use crate::name::ProjectName;

/// How the names of directories begin that are being filled.
const STAGED_PREFIX: &str = ".unpacking-";

/// The only major version of the format that there is.
const WHEEL_VERSION: &str = "1";

/// A directory of unpacked wheels.
#[derive(Clone, Debug)]
pub struct WheelStore {
    directory: PathBuf,
}

/// A wheel that is unpacked.
#[derive(Clone, Debug)]
pub struct UnpackedWheel {
    pub(super) directory: PathBuf,
    pub(super) file_name: WheelFileName,
    /// The names of the directories `X.dist-info` and `X.data`.
    pub(super) dist_info: String,
    pub(super) data: Option<String>,
    pub(super) metadata: Metadata,
}

impl WheelStore {
    /// Keeps wheels in `directory`, which is made when the first one comes.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        WheelStore {
            directory: directory.into(),
        }
    }

    /// Returns the wheel whose archive has the digest, if it is unpacked.
    ///
    /// # Errors
    ///
    /// It is there and cannot be read.
    pub fn find(&self, sha256: &str, file_name: &str) -> Result<Option<UnpackedWheel>, WheelError> {
        let directory = self.directory.join(sha256);
        match directory.is_dir() {
            true => UnpackedWheel::open(&directory, file_name).map(Some),
            false => Ok(None),
        }
    }

    /// Unpacks the wheel in `archive`, whose digest is `sha256`, unless it is
    /// unpacked.
    ///
    /// # Errors
    ///
    /// See [`WheelError`]; then nothing stays.
    pub fn unpack(
        &self,
        archive: &Path,
        sha256: &str,
        file_name: &str,
    ) -> Result<UnpackedWheel, WheelError> {
        if let Some(found) = self.find(sha256, file_name)? {
            return Ok(found);
        }
        let place = self.directory.join(sha256);
        fs::create_dir_all(&self.directory).map_err(failed("create", &self.directory))?;
        let staged = tempfile::Builder::new()
            .prefix(STAGED_PREFIX)
            .tempdir_in(&self.directory)
            .map_err(failed("create a directory in", &self.directory))?;
        let contents = staged.path().join("wheel");
        unpack_safely(archive, file_name, &contents)?;
        // What cannot be read is not kept.
        let mut wheel = UnpackedWheel::open(&contents, file_name)?;
        match fs::rename(&contents, &place) {
            Ok(()) => {}
            // Another process was faster, with the same bytes.
            Err(_) if place.is_dir() => {}
            Err(error) => return Err(failed("rename", &contents)(error)),
        }
        wheel.directory = place;
        Ok(wheel)
    }
}

/// Unpacks a wheel and refuses what is no plain file or directory inside it.
/// The modes are those of a program or of a document: who shares the store
/// shall be able to read it, whatever the archive or a umask say.
fn unpack_safely(archive: &Path, file_name: &str, contents: &Path) -> Result<(), WheelError> {
    let refused = |what: String| WheelError::Refused {
        wheel: file_name.to_owned(),
        what,
    };
    let options = UnpackOptions {
        strip_top_level: StripTopLevel::Never,
        ..UnpackOptions::default()
    };
    let summary = unpack(archive, contents, &options).map_err(|source| WheelError::Unpack {
        wheel: file_name.to_owned(),
        source,
    })?;
    if let Some(skipped) = summary.skipped.first() {
        return Err(refused(format!(
            "its entry `{}` would be outside the egg, or is no file",
            skipped.name
        )));
    }
    let mut left = vec![contents.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).map_err(failed("read", &directory))? {
            let entry = entry.map_err(failed("read", &directory))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed("examine", &path))?;
            if !kind.is_dir() && !kind.is_file() {
                let shown = path.strip_prefix(contents).unwrap_or(&path);
                return Err(refused(format!(
                    "its entry `{}` is a link",
                    shown.display()
                )));
            }
            let metadata = entry.metadata().map_err(failed("examine", &path))?;
            let present = metadata.permissions().mode() & 0o7777;
            let wanted = match kind.is_dir() || present & 0o111 != 0 {
                true => 0o755,
                false => 0o644,
            };
            if present != wanted {
                fs::set_permissions(&path, Permissions::from_mode(wanted))
                    .map_err(failed("set the mode of", &path))?;
            }
            if kind.is_dir() {
                left.push(path);
            }
        }
    }
    fs::set_permissions(contents, Permissions::from_mode(0o755))
        .map_err(failed("set the mode of", contents))
}

impl UnpackedWheel {
    /// Reads what `directory` holds.
    ///
    /// # Errors
    ///
    /// It is no wheel, or not that which `file_name` promises.
    pub fn open(directory: &Path, file_name: &str) -> Result<Self, WheelError> {
        let file_name = WheelFileName::parse(file_name)?;
        let refused = |what: String| WheelError::Refused {
            wheel: file_name.as_str().to_owned(),
            what,
        };
        let mut dist_infos = Vec::new();
        let mut data = None;
        for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
            let entry = entry.map_err(failed("read", directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".dist-info") {
                dist_infos.push(name);
            } else if name.ends_with(".data") && entry.path().is_dir() {
                data = Some(name);
            }
        }
        let dist_info = match &dist_infos[..] {
            [dist_info] => dist_info.clone(),
            [] => return Err(refused("it has no directory `.dist-info`".to_owned())),
            _ => {
                return Err(refused(
                    "it has several directories `.dist-info`".to_owned(),
                ));
            }
        };
        let stem = dist_info.strip_suffix(".dist-info").unwrap_or_default();
        let data = data.filter(|data| data.strip_suffix(".data") == Some(stem));
        let metadata = Metadata::read_dist_info(&directory.join(&dist_info))?;
        if ProjectName::new(&metadata.name) != ProjectName::new(&file_name.project) {
            return Err(refused(format!("it holds the project `{}`", metadata.name)));
        }
        check_format(&directory.join(&dist_info).join("WHEEL"), refused)?;
        Ok(UnpackedWheel {
            directory: directory.to_owned(),
            file_name,
            dist_info,
            data,
            metadata,
        })
    }

    /// Returns what the wheel says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the directory that it was unpacked into.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn check_format(path: &Path, refused: impl Fn(String) -> WheelError) -> Result<(), WheelError> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(refused("it has no file `WHEEL`".to_owned()));
        }
        Err(error) => return Err(failed("read", path)(error)),
    };
    let headers = Headers::parse(&text);
    let version = headers.first("Wheel-Version").unwrap_or_default();
    match version.split('.').next() == Some(WHEEL_VERSION) {
        true => Ok(()),
        false => Err(refused(format!("its format has the version `{version}`"))),
    }
}
