//! Installing Python distributions: with nothing at hand, with warm caches, and again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Bench, COLUMNS, ComparisonError, OWN_LIMIT, Report, create_directory, words, write};
use crate::measure::{Contender, Series, measure};

/// The eggs of the measurement that the specification has, pinned, with the one that they need
/// besides.
const PINS: [(&str, &str); 18] = [
    ("blinker", "1.9.0"),
    ("certifi", "2025.8.3"),
    ("charset-normalizer", "3.4.3"),
    ("click", "8.1.8"),
    ("flask", "3.1.2"),
    ("idna", "3.10"),
    ("itsdangerous", "2.2.0"),
    ("jinja2", "3.1.6"),
    ("lxml", "6.0.2"),
    ("markupsafe", "3.0.2"),
    ("python-dateutil", "2.9.0.post0"),
    ("pyyaml", "6.0.2"),
    ("requests", "2.32.5"),
    ("six", "1.17.0"),
    ("tzdata", "2025.2"),
    ("urllib3", "2.5.0"),
    ("werkzeug", "3.1.3"),
    ("zope.interface", "8.0.1"),
];
/// Wanted: at most this many times what uv takes, cold and warm.
const WANTED_RATIO: f64 = 1.5;
/// Wanted: the whole process takes less than this if there is nothing to do.
const WANTED_NOOP: Duration = Duration::from_millis(50);

/// What is there when a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Cold,
    Warm,
    Noop,
}

impl Start {
    fn label(self) -> &'static str {
        match self {
            Start::Cold => "cold",
            Start::Warm => "warm cache",
            Start::Noop => "no-op",
        }
    }
}

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let mut report = Report::new(
        "eggs",
        format!(
            "{} pinned eggs from PyPI, one part with `wheels = any`: cold without any cache, with a \
             warm cache and no eggs, and again with nothing to do. uv installs the same wheels \
             into a directory, without byte code, as ours; zc.buildout's pip compiles. Wanted: \
             cold and warm at most {WANTED_RATIO} times uv, the last below {} ms.",
            PINS.len(),
            WANTED_NOOP.as_millis()
        ),
        &COLUMNS,
    );
    let Some(peers) = &bench.eggs else {
        return Ok(report);
    };
    let sites = Sites::make(bench)?;
    for start in [Start::Cold, Start::Warm, Start::Noop] {
        let contenders = [
            sites.ours(bench, &peers.python, start),
            sites.zc_buildout(bench, &peers.buildout, start),
            sites.uv(bench, &peers.uv, &peers.python, start),
        ];
        let series = measure(&contenders, bench.runs)?;
        let [ours, buildout, uv] = series.as_slice() else {
            continue;
        };
        let installed = eggs_in(&sites.ours);
        let failure = report
            .verdict_on_failure(ours)
            .or_else(|| report.verdict_on_work("eggs installed", PINS.len(), installed));
        let verdict = match (failure, start) {
            (Some(verdict), _) => verdict,
            (None, Start::Noop) => report.verdict(
                ours.median_wall() < WANTED_NOOP,
                format_args!("< {} ms", WANTED_NOOP.as_millis()),
            ),
            (None, _) if uv.failure().is_none() => report.verdict(
                is_within(ours, uv),
                format_args!("at most {WANTED_RATIO} times uv"),
            ),
            (None, _) => String::new(),
        };
        report.row(ours, ours, verdict);
        report.row_beside(buildout, ours);
        report.row_beside(uv, ours);
    }
    Ok(report)
}

fn is_within(ours: &Series, uv: &Series) -> bool {
    ours.least_wall().as_secs_f64() <= WANTED_RATIO * uv.least_wall().as_secs_f64()
}

fn eggs_in(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory.join("eggs")).into_iter();
    let names = entries.flatten().flatten().map(|entry| entry.file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".egg"))
        .count()
}

/// A directory for each contender.
struct Sites {
    ours: PathBuf,
    zc_buildout: PathBuf,
    uv: PathBuf,
}

impl Sites {
    fn make(bench: &Bench) -> Result<Self, ComparisonError> {
        let site = |name: &str| {
            let directory = bench.directory.join(format!("eggs-{name}"));
            create_directory(&directory).map(|()| directory)
        };
        let sites = Sites {
            ours: site("ours")?,
            zc_buildout: site("zc.buildout")?,
            uv: site("uv")?,
        };
        let mut eggs = String::new();
        let mut versions = String::new();
        let mut requirements = String::new();
        for (name, version) in PINS {
            eggs.push_str(&format!("  {name}\n"));
            versions.push_str(&format!("{name} = {version}\n"));
            requirements.push_str(&format!("{name}=={version}\n"));
        }
        let profile = format!(
            "[buildout]\nparts = app\neggs-directory-version =\nwheels = any\n\n\
             [versions]\n{versions}\n[app]\nrecipe = zc.recipe.egg\neggs =\n{eggs}"
        );
        write(&sites.ours.join("buildout.cfg"), &profile)?;
        write(&sites.zc_buildout.join("buildout.cfg"), &profile)?;
        write(&sites.uv.join("requirements.txt"), &requirements)?;
        Ok(sites)
    }

    fn ours(&self, bench: &Bench, python: &Path, start: Start) -> Contender {
        let mut arguments: Vec<OsString> = words(&["--dialect", "upstream", "-U"]).collect();
        arguments.extend(["--python".into(), python.into()]);
        Contender {
            label: format!("ours, {}", start.label()),
            program: bench.buildout.clone(),
            arguments,
            directory: self.ours.clone(),
            limit: OWN_LIMIT,
            environment: vec![("XDG_CACHE_HOME".into(), self.ours.join("cache").into())],
            removed: made_by_buildout(&self.ours, start),
        }
    }

    fn zc_buildout(&self, bench: &Bench, program: &Path, start: Start) -> Contender {
        Contender {
            label: format!("zc.buildout 6.0.1, {}", start.label()),
            program: program.to_owned(),
            arguments: words(&["-U"]).collect(),
            directory: self.zc_buildout.clone(),
            limit: bench.peer_limit,
            environment: Vec::new(),
            removed: made_by_buildout(&self.zc_buildout, start),
        }
    }

    fn uv(&self, bench: &Bench, program: &Path, python: &Path, start: Start) -> Contender {
        let cache = self.uv.join("cache");
        let target = self.uv.join("target");
        let mut arguments: Vec<OsString> = words(&[
            "pip",
            "install",
            "--no-config",
            "-r",
            "requirements.txt",
            "--target",
            "target",
            "--python",
        ])
        .collect();
        arguments.push(python.into());
        Contender {
            label: format!("uv, {}", start.label()),
            program: program.to_owned(),
            arguments,
            directory: self.uv.clone(),
            limit: bench.peer_limit,
            environment: vec![("UV_CACHE_DIR".into(), cache.clone().into())],
            removed: match start {
                Start::Cold => vec![target, cache],
                Start::Warm => vec![target],
                Start::Noop => Vec::new(),
            },
        }
    }
}

fn made_by_buildout(directory: &Path, start: Start) -> Vec<PathBuf> {
    let names: &[&str] = match start {
        Start::Cold => &["eggs", "bin", ".installed.cfg", ".buildout", "cache"],
        Start::Warm => &["eggs", "bin", ".installed.cfg", ".buildout"],
        Start::Noop => &[],
    };
    names.iter().map(|name| directory.join(name)).collect()
}
