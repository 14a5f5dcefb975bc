//! `slapos.recipe.build:download`: one file.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, PlannedDownload, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::value::str_repr;

use crate::location::{InstallPolicy, Location};
use crate::source::Source;

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    Arc::new(DownloadFactory)
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.recipe.build:download",
    summary: "Downloads one file.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: &OPTIONS,
};

/// The options that download and download-unpacked have in common.
pub(crate) const URL: OptionDocumentation = OptionDocumentation {
    name: "url",
    default: None,
    summary: "What to download: a URL or a path; `#sha256=DIGITS` may follow.",
};
pub(crate) const MD5SUM: OptionDocumentation = OptionDocumentation {
    name: "md5sum",
    default: Some(""),
    summary: "The MD5 checksum it must have, in hexadecimal digits.",
};
pub(crate) const SHA256: OptionDocumentation = OptionDocumentation {
    name: "sha256",
    default: Some(""),
    summary: "The SHA-256 checksum it must have, in hexadecimal digits.",
};
pub(crate) const SHA512: OptionDocumentation = OptionDocumentation {
    name: "sha512",
    default: Some(""),
    summary: "The SHA-512 checksum it must have, in hexadecimal digits.",
};
pub(crate) const ALTERNATE_URL: OptionDocumentation = OptionDocumentation {
    name: "alternate-url",
    default: Some(""),
    summary: "Other URLs of the same bytes, tried in turn if `url` fails.",
};
pub(crate) const OFFLINE: OptionDocumentation = OptionDocumentation {
    name: "offline",
    default: Some("${buildout:offline}"),
    summary: "Whether the network is forbidden: `true` or `false`.",
};
pub(crate) const SHARED: OptionDocumentation = OptionDocumentation {
    name: "shared",
    default: Some("false"),
    summary: "Whether the part is built once for all buildouts that have the same directory in `[buildout] shared-part-list`.",
};

const OPTIONS: [OptionDocumentation; 9] = [
    URL,
    MD5SUM,
    SHA256,
    SHA512,
    OptionDocumentation {
        name: "filename",
        default: Some("${:_buildout_section_name_}"),
        summary: "The name of the file in the directory of the part; directories before it do not count.",
    },
    OptionDocumentation {
        name: "destination",
        default: Some(""),
        summary: "The path of the file, in place of one in the directory of the part.",
    },
    ALTERNATE_URL,
    OFFLINE,
    SHARED,
];

const RESULTS: &[ResultDocumentation] = &[
    ResultDocumentation {
        name: "location",
        summary: "The directory of the part; not set with `destination`.",
    },
    ResultDocumentation {
        name: "target",
        summary: "The path of the file.",
    },
];

struct DownloadFactory;

impl Factory for DownloadFactory {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let source = Source::read(part)?;
        if part.option_names()?.iter().any(|name| **name == *"mode") {
            return Err(RecipeError::user("option 'mode' not supported")
                .at_option("mode")
                .with_hint("remove `mode`: the file has the mode of its source"));
        }
        let mut location = Location::choose(part)?;
        if !source.is_pinned() {
            location.refuse_sharing(
                "shared",
                "option 'md5sum' must be set",
                "set `md5sum` (or `sha256`), or `shared = false`",
            )?;
        }
        let destination = part.option("destination")?.filter(|path| !path.is_empty());
        let policy;
        let target;
        if let Some(destination) = destination {
            location.refuse_sharing(
                "destination",
                "option 'destination' can't be set",
                "remove `destination`, or set `shared = false`",
            )?;
            location.move_to(&destination);
            policy = InstallPolicy {
                keep_on_error: false,
                make_location: false,
            };
            target = destination.to_string();
        } else {
            let name = file_name(part)?;
            policy = InstallPolicy {
                keep_on_error: false,
                make_location: true,
            };
            target = format!("{}/{name}", location.text());
            part.set("location", location.text())?;
        }
        part.set("target", &target)?;
        Ok(Box::new(Download {
            source,
            location,
            policy,
            target,
        }))
    }
}

/// Returns the name that the file gets in the directory of the part.
fn file_name(part: &Construction<'_>) -> Result<String, RecipeError> {
    let Some(option) = part.option("filename")?.filter(|name| !name.is_empty()) else {
        return Ok(part.part().to_owned());
    };
    let name = option.rsplit('/').next().unwrap_or_default();
    if matches!(name, "" | "." | "..") {
        return Err(
            RecipeError::user(format!("{} is not the name of a file", str_repr(&option)))
                .at_option("filename")
                .with_hint("end `filename` in the name that the file is to have"),
        );
    }
    Ok(name.to_owned())
}

struct Download {
    source: Source,
    location: Location,
    policy: InstallPolicy,
    target: String,
}

impl Download {
    fn download(&self, run: &PartRun<'_>) -> Result<(), RecipeError> {
        let target = run.services().absolute(&self.target);
        let downloader = run.downloader();
        self.source.download(&downloader, Some(&target)).map(drop)
    }
}

impl Recipe for Download {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.location
            .install(run, self.policy, || self.download(run))
    }

    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        vec![self.location.text().to_owned()]
    }

    /// Downloads again what no digest pins.
    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let download = || self.download(run);
        self.location.update(run, self.policy, download, || {
            if self.source.is_pinned() {
                Ok(())
            } else {
                self.download(run)
            }
        })
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        vec![self.source.planned()]
    }

    fn update_downloads(&self) -> Vec<PlannedDownload> {
        if self.source.is_pinned() {
            Vec::new()
        } else {
            self.downloads()
        }
    }

    fn is_done(&self) -> bool {
        self.location.is_complete()
    }
}
