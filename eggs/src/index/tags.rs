//! Which wheels and eggs a Python can use, and how well they fit.

use rustc_hash::FxHashMap;

use buildout_core::python::PythonIdentity;

use super::libc::Libc;

/// The tags of PEP 425 that a Python supports, from the best one on, in the
/// order of `packaging.tags`; for CPython and PyPy on Linux.
///
/// Elsewhere, and for other implementations, only tags without a platform are
/// known.
#[derive(Clone, Debug)]
pub struct WheelTags {
    /// Greater is better.
    ranks: FxHashMap<String, u32>,
    python: String,
    platform: String,
}

impl WheelTags {
    /// Finds the tags of a Python; `system` and `machine` are those of `uname`,
    /// `libc` is what its executable is linked with.
    pub fn new(python: &PythonIdentity, system: &str, machine: &str, libc: Option<Libc>) -> Self {
        // A Python of 32 bits on a kernel of 64 calls itself otherwise.
        let machine = match (machine, python.pointer_bits) {
            ("x86_64", 32) => "i686",
            ("aarch64", 32) => "armv8l",
            (machine, _) => machine,
        };
        let platforms = if system == "Linux" {
            linux_platforms(machine, libc)
        } else {
            Vec::new()
        };
        let tags = supported(python, &platforms);
        let count = u32::try_from(tags.len()).unwrap_or(u32::MAX);
        let mut ranks = FxHashMap::default();
        for (rank, tag) in (1..=count).rev().zip(tags) {
            ranks.entry(tag).or_insert(rank);
        }
        WheelTags {
            ranks,
            python: format!("py{}", python.short_version()),
            platform: format!("{}-{machine}", system.to_lowercase()),
        }
    }

    /// Returns how well a wheel with compressed tags fits, such as `py2.py3`,
    /// `none`, `any`; nothing if it does not. Greater is better.
    pub fn rank(&self, pythons: &str, abis: &str, platforms: &str) -> Option<u32> {
        let mut best = None;
        let mut tag = String::with_capacity(64);
        for python in pythons.split('.') {
            for abi in abis.split('.') {
                for platform in platforms.split('.') {
                    tag.clear();
                    for part in [python, "-", abi, "-", platform] {
                        tag.push_str(part);
                    }
                    tag.make_ascii_lowercase();
                    best = best.max(self.ranks.get(&tag).copied());
                }
            }
        }
        best
    }

    /// Tells whether an egg fits, by the tags in its name: `py3.11`, and a
    /// platform such as `linux-x86_64`, which is empty for any.
    pub fn fits_egg(&self, python: Option<&str>, platform: &str) -> bool {
        python.is_none_or(|python| python == self.python)
            && (platform.is_empty() || platform == self.platform)
    }

    /// Returns the platform as eggs name it, such as `linux-x86_64`.
    pub fn platform(&self) -> &str {
        &self.platform
    }
}

/// Returns all tags, the best first.
fn supported(python: &PythonIdentity, platforms: &[String]) -> Vec<String> {
    let (major, minor) = (python.version.major, python.version.minor);
    let mut tags = Vec::new();
    let interpreter = match python.implementation_name.as_str() {
        "cpython" => format!("cp{major}{minor}"),
        "pypy" => format!("pp{major}{minor}"),
        _ => format!("py{major}{minor}"),
    };
    let mut on_platforms = |interpreter: &str, abi: &str| {
        for platform in platforms {
            tags.push(format!("{interpreter}-{abi}-{platform}"));
        }
    };
    match python.implementation_name.as_str() {
        "cpython" => {
            let is_free_threaded = python.build.contains("free-threading build");
            let abi = if is_free_threaded {
                format!("{interpreter}t")
            } else {
                interpreter.clone()
            };
            on_platforms(&interpreter, &abi);
            if !is_free_threaded {
                on_platforms(&interpreter, "abi3");
            }
            on_platforms(&interpreter, "none");
            if !is_free_threaded {
                for older in (2..minor).rev() {
                    on_platforms(&format!("cp{major}{older}"), "abi3");
                }
            }
        }
        "pypy" => {
            let version: Vec<&str> = python.implementation_version.split('.').collect();
            if let [pypy_major, pypy_minor, ..] = version.as_slice() {
                let abi = format!("pypy{major}{minor}_pp{pypy_major}{pypy_minor}");
                on_platforms(&interpreter, &abi);
            }
            on_platforms(&interpreter, "none");
        }
        _ => {}
    }
    let mut generic = vec![format!("py{major}{minor}"), format!("py{major}")];
    generic.extend((0..minor).rev().map(|older| format!("py{major}{older}")));
    for version in &generic {
        on_platforms(version, "none");
    }
    tags.push(format!("{interpreter}-none-any"));
    tags.extend(generic.iter().map(|version| format!("{version}-none-any")));
    tags
}

/// Returns the platforms of wheels that run here, the best first.
fn linux_platforms(machine: &str, libc: Option<Libc>) -> Vec<String> {
    let mut platforms = Vec::new();
    let machines = match machine {
        "armv8l" => vec!["armv8l", "armv7l"],
        machine => vec![machine],
    };
    for machine in machines {
        match libc {
            Some(Libc::Glibc { major: 2, minor }) => {
                let is_intel = matches!(machine, "x86_64" | "i686");
                // The oldest one that standards name for a machine.
                let oldest = if is_intel { 5 } else { 17 };
                for minor in (oldest..=minor).rev() {
                    platforms.push(format!("manylinux_2_{minor}_{machine}"));
                    let old_name = match minor {
                        17 => "manylinux2014",
                        12 if is_intel => "manylinux2010",
                        5 if is_intel => "manylinux1",
                        _ => continue,
                    };
                    platforms.push(format!("{old_name}_{machine}"));
                }
            }
            Some(Libc::Musl { major, minor }) => platforms.extend(
                (0..=minor)
                    .rev()
                    .map(|minor| format!("musllinux_{major}_{minor}_{machine}")),
            ),
            Some(Libc::Glibc { .. }) | None => {}
        }
        platforms.push(format!("linux_{machine}"));
    }
    platforms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(libc: Option<Libc>) -> WheelTags {
        let mut python = PythonIdentity::default();
        python.version.minor = 11;
        WheelTags::new(&python, "Linux", "x86_64", libc)
    }

    #[test]
    fn the_nearest_tag_is_best() {
        let tags = tags(Some(Libc::Glibc {
            major: 2,
            minor: 36,
        }));
        let from_best = [
            ("cp311", "cp311", "manylinux_2_36_x86_64"),
            (
                "cp311",
                "cp311",
                "manylinux_2_17_x86_64.manylinux2014_x86_64",
            ),
            ("cp311", "cp311", "manylinux2010_x86_64"),
            ("cp311", "cp311", "linux_x86_64"),
            ("cp311", "abi3", "manylinux1_x86_64"),
            ("cp311", "none", "linux_x86_64"),
            ("cp39", "abi3", "manylinux_2_28_x86_64"),
            ("py3", "none", "manylinux2014_x86_64"),
            ("cp311", "none", "any"),
            ("py2.py3", "none", "any"),
            ("py30", "none", "any"),
        ];
        let ranks = from_best.map(|(python, abi, platform)| {
            let rank = tags.rank(python, abi, platform);
            rank.unwrap_or_else(|| panic!("{python}-{abi}-{platform} fits"))
        });
        assert!(ranks.is_sorted_by(|left, right| left > right), "{ranks:?}");
        for (python, abi, platform) in [
            ("cp312", "cp312", "linux_x86_64"),
            ("cp312", "abi3", "linux_x86_64"),
            ("cp311", "cp311", "manylinux_2_37_x86_64"),
            ("cp311", "cp311", "musllinux_1_2_x86_64"),
            ("cp311", "cp311", "win_amd64"),
            ("py2", "none", "any"),
        ] {
            assert_eq!(tags.rank(python, abi, platform), None);
        }
    }

    #[test]
    fn musl_takes_its_own_wheels_only() {
        let tags = tags(Some(Libc::Musl { major: 1, minor: 2 }));
        assert!(
            tags.rank("cp311", "cp311", "musllinux_1_1_x86_64")
                .is_some()
        );
        assert!(tags.rank("cp311", "cp311", "manylinux1_x86_64").is_none());
        assert!(tags.rank("py3", "none", "any").is_some());
    }

    #[test]
    fn eggs_fit_one_python() {
        let tags = tags(None);
        assert!(tags.fits_egg(Some("py3.11"), "linux-x86_64"));
        assert!(tags.fits_egg(None, ""));
        assert!(!tags.fits_egg(Some("py3.10"), ""));
        assert!(!tags.fits_egg(Some("py3.11"), "win-amd64"));
    }
}
