//! `slapos.recipe.build:download-unpacked`: an archive, unpacked.

use std::path::Path;
use std::sync::Arc;

use buildout_core::fetch::Downloader;
use buildout_core::fetch::archive::{StripTopLevel, UnpackError, UnpackOptions, unpack};
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, PlannedDownload, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};

use crate::boolean::boolean_option;
use crate::download::{ALTERNATE_URL, MD5SUM, OFFLINE, SHA256, SHA512, SHARED, URL};
use crate::environment::Variables;
use crate::location::{InstallPolicy, Location};
use crate::source::Source;

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    Arc::new(DownloadUnpackedFactory)
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.recipe.build:download-unpacked",
    summary: "Downloads an archive and unpacks it.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: &OPTIONS,
};

const OPTIONS: [OptionDocumentation; 10] = [
    URL,
    MD5SUM,
    SHA256,
    SHA512,
    OptionDocumentation {
        name: "destination",
        default: Some(""),
        summary: "The directory to unpack into, in place of the directory of the part.",
    },
    OptionDocumentation {
        name: "strip-top-level-dir",
        default: Some(""),
        summary: "`true` unpacks the contents of the archive's only directory, `false` keeps that directory; without the option, a lone directory is stripped.",
    },
    ALTERNATE_URL,
    OFFLINE,
    SHARED,
    OptionDocumentation {
        name: "environment",
        default: Some(""),
        summary: "Accepted and checked, but without effect: nothing is unpacked by other programs.",
    },
];

const POLICY: InstallPolicy = InstallPolicy {
    keep_on_error: false,
    make_location: true,
};

const RESULTS: &[ResultDocumentation] = &[
    ResultDocumentation {
        name: "location",
        summary: "The directory that the archive is unpacked in.",
    },
    ResultDocumentation {
        name: "target",
        summary: "The same.",
    },
];

struct DownloadUnpackedFactory;

impl Factory for DownloadUnpackedFactory {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let strip = match boolean_option(part, STRIP_OPTION)? {
            None => StripTopLevel::Auto,
            Some(true) => StripTopLevel::Force,
            Some(false) => StripTopLevel::Never,
        };
        let source = Source::read(part)?;
        Variables::read(part)?;
        let mut location = Location::choose(part)?;
        let destination = part.option("destination")?.filter(|path| !path.is_empty());
        if let Some(destination) = destination {
            location.refuse_sharing(
                "destination",
                "option 'destination' can't be set",
                "remove `destination`, or set `shared = false`",
            )?;
            location.move_to(&destination);
        }
        part.set("location", location.text())?;
        part.set("target", location.text())?;
        Ok(Box::new(DownloadUnpacked {
            archive: Archive { source, strip },
            location,
        }))
    }
}

/// The option about the directory that holds everything else.
pub(crate) const STRIP_OPTION: &str = "strip-top-level-dir";

/// An archive to download and unpack.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// Where it comes from.
    pub(crate) source: Source,
    /// What becomes of a lone top-level directory.
    pub(crate) strip: StripTopLevel,
}

impl Archive {
    /// Downloads the archive and unpacks it into `directory`, which is empty or
    /// missing.
    ///
    /// # Errors
    ///
    /// The download fails, or it is no good archive.
    pub(crate) fn unpack(
        &self,
        downloader: &Downloader,
        directory: &Path,
    ) -> Result<(), RecipeError> {
        let archive = self.source.download(downloader, None)?;
        let options = UnpackOptions {
            strip_top_level: self.strip,
            ..UnpackOptions::default()
        };
        unpack(archive.path(), directory, &options)
            .map(drop)
            .map_err(unpack_error)
    }
}

fn unpack_error(error: UnpackError) -> RecipeError {
    match error {
        UnpackError::NoTopLevel { .. } => RecipeError::user(error)
            .at_option(STRIP_OPTION)
            .with_hint("set `strip-top-level-dir = false` to keep the archive as it is"),
        UnpackError::Unrecognized { .. } => {
            RecipeError::user(error)
                .at_option("url")
                .with_hint("`url` must give a tar or zip archive; use slapos.recipe.build:download for other files")
        }
        error => RecipeError::user(error).at_option("url"),
    }
}

struct DownloadUnpacked {
    archive: Archive,
    location: Location,
}

impl DownloadUnpacked {
    fn unpack(&self, run: &PartRun<'_>) -> Result<(), RecipeError> {
        let directory = run.services().absolute(self.location.text());
        self.archive.unpack(&run.downloader(), &directory)
    }
}

impl Recipe for DownloadUnpacked {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.location.install(run, POLICY, || self.unpack(run))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let build = || self.unpack(run);
        self.location.update(run, POLICY, build, || Ok(()))
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.location.text().to_owned()]
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        vec![self.archive.source.planned()]
    }

    fn is_done(&self) -> bool {
        self.location.is_complete()
    }
}
