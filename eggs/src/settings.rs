//! What `[buildout]` and `[versions]` say about distributions.

use std::path::{Path, PathBuf};

use buildout_core::value::str_repr;

use crate::version::Pins;

/// A setting that cannot be understood. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSetting {
    /// Neither true nor false.
    #[error("Invalid value for '{option}' option: {}", str_repr(value))]
    NoBoolean {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
    },
    /// `wheels` is neither `any` nor `pinned`.
    #[error("Invalid value for 'wheels' option: {}", str_repr(value))]
    Wheels {
        /// Its value.
        value: String,
    },
    /// Archives are to come from a cache that there is not.
    #[error("install_from_cache set to true with no download cache")]
    NoCache,
    /// Archives are to come from the cache, and nothing is to be installed.
    #[error(
        "install-from-cache can't be used with offline mode.\n\
         Nothing is installed, even from cache, in offline\n\
         mode, which might better be called 'no-install mode'.\n"
    )]
    OfflineFromCache,
}

impl InvalidSetting {
    /// Returns the option to point at.
    pub fn option(&self) -> &'static str {
        match self {
            InvalidSetting::NoBoolean { option, .. } => option,
            InvalidSetting::Wheels { .. } => "wheels",
            InvalidSetting::NoCache | InvalidSetting::OfflineFromCache => "install-from-cache",
        }
    }

    /// Returns advice that mends it.
    pub fn hint(&self) -> String {
        match self {
            InvalidSetting::NoBoolean { option, .. } => {
                format!("Set `{option}` to `true` or `false`.")
            }
            InvalidSetting::Wheels { .. } => "Set `wheels` to `any` or `pinned`.".to_owned(),
            InvalidSetting::NoCache => "Set `download-cache` in `[buildout]`.".to_owned(),
            InvalidSetting::OfflineFromCache => {
                "Set `offline` or `install-from-cache` to `false`.".to_owned()
            }
        }
    }
}

/// Which wheels may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WheelPolicy {
    /// Any that fits.
    #[default]
    Any,
    /// None: what is wanted is to be built here.
    Never,
    /// Those of projects whose pin ends in `:whl`, and then no source archive;
    /// SlapOS's rule.
    Pinned,
}

/// What resolution and installation need to know, besides directories.
#[derive(Clone, Debug)]
pub struct EggSettings {
    /// The pins.
    pub pins: Pins,
    /// `index`; none where the default is meant.
    pub index: Option<String>,
    /// `find-links`, in order.
    pub find_links: Vec<String>,
    /// `allow-hosts`: patterns of hosts with port.
    pub allow_hosts: Vec<String>,
    /// Whether newer versions are looked for than those that are there.
    pub newest: bool,
    /// Whether no connection is made: what is missing comes from the download
    /// cache, or from files of this machine.
    pub offline: bool,
    /// Whether what is missing may be installed at all.
    pub installs: bool,
    /// Whether files without a digest are refused: of the network, and in the
    /// download cache.
    pub require_hashes: bool,
    /// Whether pre-releases are taken only where there is nothing else.
    pub prefer_final: bool,
    /// Whether versions may be picked that are not pinned.
    pub allow_picked_versions: bool,
    /// Whether an extra that a distribution does not provide is no error.
    pub allow_unknown_extras: bool,
    /// Whether `dependency_links.txt` of distributions extends `find-links`.
    pub use_dependency_links: bool,
    /// Which wheels may be used.
    pub wheels: WheelPolicy,
    /// The directory that keeps archives: `dist` in `download-cache`.
    pub archives: Option<PathBuf>,
    /// Whether archives come from that directory only.
    pub install_from_cache: bool,
    /// Whether requirements show their markers in texts, as with zc.buildout 6,
    /// whose eggs keep the files of wheels; those of 3 have none.
    pub shows_markers: bool,
    /// Whether picked versions are shown after the run.
    pub show_picked_versions: bool,
    /// The file that picked versions are added to.
    pub update_versions_file: Option<PathBuf>,
}

impl Default for EggSettings {
    fn default() -> Self {
        EggSettings {
            pins: Pins::default(),
            index: None,
            find_links: Vec::new(),
            allow_hosts: vec!["*".to_owned()],
            newest: true,
            offline: false,
            installs: true,
            require_hashes: false,
            prefer_final: true,
            allow_picked_versions: true,
            allow_unknown_extras: false,
            use_dependency_links: true,
            wheels: WheelPolicy::Any,
            archives: None,
            install_from_cache: false,
            shows_markers: true,
            show_picked_versions: false,
            update_versions_file: None,
        }
    }
}

impl EggSettings {
    /// Reads the options of `[buildout]` and the pins of `[versions]`; paths
    /// start at `directory`, the buildout directory.
    ///
    /// # Errors
    /// A value cannot be understood, or two contradict each other.
    pub fn read<'a>(
        option: impl Fn(&str) -> Option<String>,
        versions: impl IntoIterator<Item = (&'a str, &'a str)>,
        directory: &Path,
    ) -> Result<Self, InvalidSetting> {
        let boolean = |name: &'static str, default: bool| match option(name).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(value) => Err(InvalidSetting::NoBoolean {
                option: name,
                value: value.to_owned(),
            }),
        };
        let filled = |name: &str| option(name).filter(|value| !value.trim().is_empty());
        let versions: Vec<_> = versions.into_iter().collect();
        let pins = Pins::new(versions.iter().copied());
        let wheels = match option("wheels").as_deref().map(str::trim) {
            Some("any") => WheelPolicy::Any,
            Some("pinned") => WheelPolicy::Pinned,
            None | Some("") => default_wheel_policy(&pins),
            Some(value) => {
                let value = value.to_owned();
                return Err(InvalidSetting::Wheels { value });
            }
        };
        let defaults = Self::default();
        let settings = EggSettings {
            pins,
            wheels,
            index: filled("index").map(|index| index.trim().to_owned()),
            find_links: words(&option("find-links").unwrap_or_default()),
            allow_hosts: match option("allow-hosts") {
                Some(hosts) => patterns(&hosts),
                None => defaults.allow_hosts,
            },
            newest: boolean("newest", true)?,
            offline: boolean("offline", false)?,
            prefer_final: boolean("prefer-final", true)?,
            allow_picked_versions: boolean("allow-picked-versions", true)?,
            allow_unknown_extras: boolean("allow-unknown-extras", false)?,
            use_dependency_links: boolean("use-dependency-links", true)?,
            archives: filled("download-cache").map(|cache| directory.join(cache).join("dist")),
            install_from_cache: boolean("install-from-cache", false)?,
            show_picked_versions: boolean("show-picked-versions", false)?,
            update_versions_file: filled("update-versions-file").map(|file| directory.join(file)),
            shows_markers: defaults.shows_markers,
            installs: defaults.installs,
            require_hashes: defaults.require_hashes,
        };
        if settings.install_from_cache && settings.offline {
            return Err(InvalidSetting::OfflineFromCache);
        }
        if settings.install_from_cache && settings.archives.is_none() {
            return Err(InvalidSetting::NoCache);
        }
        Ok(settings)
    }

    /// Returns the settings for a part that has `find-links` and `index` of its
    /// own; `None` leaves those of `[buildout]`.
    #[must_use]
    pub fn for_part(&self, find_links: Option<&str>, index: Option<&str>) -> Self {
        let mut settings = self.clone();
        if let Some(find_links) = find_links {
            settings.find_links = words(find_links);
        }
        if let Some(index) = index.map(str::trim).filter(|index| !index.is_empty()) {
            settings.index = Some(index.to_owned());
        }
        settings
    }

    /// Tells whether files may become distributions.
    pub(crate) fn allows_candidate(&self, canonical: &str, is_wheel: bool) -> bool {
        match self.wheels {
            WheelPolicy::Any => true,
            WheelPolicy::Never => !is_wheel,
            WheelPolicy::Pinned => {
                let pin = self.pins.get(canonical).ok().flatten();
                pin.is_some_and(crate::version::Pin::allows_wheel) == is_wheel
            }
        }
    }
}

/// SlapOS's rule holds where profiles are written for it: they pin a
/// `zc.buildout` of SlapOS, or some project to its wheel.
fn default_wheel_policy(pins: &Pins) -> WheelPolicy {
    let is_slapos = pins
        .text("zc-buildout")
        .is_some_and(|pin| pin.to_lowercase().contains("+slapos"));
    if is_slapos || pins.some_allow_wheels() {
        WheelPolicy::Pinned
    } else {
        WheelPolicy::Any
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn patterns(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        options: &[(&str, &str)],
        versions: &[(&str, &str)],
    ) -> Result<EggSettings, InvalidSetting> {
        let option = |name: &str| {
            let found = options.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        EggSettings::read(option, versions.iter().copied(), Path::new("/bo"))
    }

    #[test]
    fn options_are_read() {
        let settings = read(
            &[
                ("index", " http://h/simple "),
                ("find-links", "a\n  b"),
                ("allow-hosts", "*.h\n\n h2:80"),
                ("newest", "false"),
                ("download-cache", "dl"),
                ("update-versions-file", "versions.cfg"),
            ],
            &[("Some_Project", "1")],
        )
        .unwrap();
        assert_eq!(settings.index.as_deref(), Some("http://h/simple"));
        assert_eq!(settings.find_links, ["a", "b"]);
        assert_eq!(settings.allow_hosts, ["*.h", "h2:80"]);
        assert!(!settings.newest && settings.prefer_final);
        assert_eq!(settings.archives.as_deref(), Some(Path::new("/bo/dl/dist")));
        assert_eq!(
            settings.update_versions_file.as_deref(),
            Some(Path::new("/bo/versions.cfg"))
        );
        let part = settings.for_part(Some("c"), None);
        assert_eq!(part.find_links, ["c"]);
        assert_eq!(part.index, settings.index);
    }

    #[test]
    fn mistakes_have_upstream_s_texts() {
        let error = |options| read(options, &[]).unwrap_err().to_string();
        assert_eq!(
            error(&[("newest", "yes")]),
            "Invalid value for 'newest' option: 'yes'"
        );
        assert_eq!(
            error(&[("install-from-cache", "true")]),
            "install_from_cache set to true with no download cache"
        );
        assert!(
            error(&[
                ("install-from-cache", "true"),
                ("download-cache", "dl"),
                ("offline", "true"),
            ])
            .starts_with("install-from-cache can't be used with offline mode.\nNothing")
        );
        assert_eq!(
            error(&[("wheels", "none")]),
            "Invalid value for 'wheels' option: 'none'"
        );
    }

    #[test]
    fn slapos_profiles_use_wheels_only_where_they_say_so() {
        for (wheels, versions, expected) in [
            (None, vec![("a", "1")], WheelPolicy::Any),
            (None, vec![("a", "1:whl")], WheelPolicy::Pinned),
            (
                None,
                vec![("zc.buildout", "3.0.1+slapos010")],
                WheelPolicy::Pinned,
            ),
            (Some("any"), vec![("a", "1:whl")], WheelPolicy::Any),
            (Some("pinned"), vec![], WheelPolicy::Pinned),
        ] {
            let options: Vec<_> = wheels.map(|value| ("wheels", value)).into_iter().collect();
            let settings = read(&options, &versions).unwrap();
            assert_eq!(settings.wheels, expected, "{wheels:?} {versions:?}");
        }
        let settings = read(&[], &[("a", "1:whl"), ("b", "1")]).unwrap();
        assert!(settings.allows_candidate("a", true) && !settings.allows_candidate("a", false));
        assert!(settings.allows_candidate("b", false) && !settings.allows_candidate("b", true));
    }
}
