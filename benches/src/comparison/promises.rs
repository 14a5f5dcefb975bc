//! Passes of a node over partitions with promises.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use slap::test_master::{COMPUTER_ID, RealSlapos, TestMaster};
use slap::{InstanceRequest, Master as _};
use slapgrid::release_name;
use slapgrid::supervisor::Supervisor;

use super::{Bench, COLUMNS, ComparisonError, Report, create_directory, write};
use crate::measure::{Contender, Series, measure};

const PARTITIONS: usize = 50;
/// Wanted: a pass in which no promise is due takes less than this.
const WANTED: Duration = Duration::from_millis(150);
/// How many promises of each sort a partition has in the largest pass, which so has 1,000.
const MANY: usize = 10;
/// Wanted: the pass with so many promises ends in this time.
const LIMIT: Duration = Duration::from_secs(600);

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let slapos = bench.slapos_core()?;
    let mut report = Report::new(
        "promises",
        format!(
            "`slapos node instance` of {PARTITIONS} partitions that are up to date, each with a \
             plugin and a program as promises, next to slapos.core 1.26.1 with the same \
             directories and the same master, `slapos proxy`. Then the same with {MANY} of each \
             sort, all due. Ratios are to ours with no promise due. Wanted: below {} ms if no \
             promise is due.",
            WANTED.as_millis()
        ),
        &COLUMNS,
    );
    let site = Site::prepare(bench, slapos, 1)?;
    let theirs = slapos.program("slapos");
    site.set_due(false)?;
    let contenders = [site.contender("ours, none due", &bench.slapos, LIMIT)];
    let idle = measure(&contenders, bench.runs)?;
    let Some(idle) = idle.first() else {
        return Ok(report);
    };
    let is_quick = idle.median_wall() < WANTED;
    let verdict = match report.verdict_on_failure(idle) {
        Some(verdict) => verdict,
        None => report.verdict(is_quick, format_args!("< {} ms", WANTED.as_millis())),
    };
    report.row(idle, idle, verdict);
    if bench.measures_peers {
        site.set_due(false)?;
        let peer = site.contender("slapos.core, none due", &theirs, bench.peer_limit);
        for series in measure(&[peer], 1)? {
            report.row_beside(&series, idle);
        }
    }
    site.set_due(true)?;
    let due = once(&site.contender("ours, all due", &bench.slapos, LIMIT))?;
    add_due(&mut report, &site, &due, idle, 2 * PARTITIONS)?;
    if bench.measures_peers {
        site.set_due(true)?;
        let peer = site.contender("slapos.core, all due", &theirs, bench.peer_limit);
        report.row_beside(&once(&peer)?, idle);
    }
    drop(site);
    let site = Site::prepare(bench, slapos, MANY)?;
    site.set_due(true)?;
    let label = format!("ours, {} due", 2 * MANY * PARTITIONS);
    let many = once(&site.contender(&label, &bench.slapos, LIMIT))?;
    add_due(&mut report, &site, &many, idle, 2 * MANY * PARTITIONS)?;
    Ok(report)
}

fn once(contender: &Contender) -> Result<Series, ComparisonError> {
    let mut all = measure(std::slice::from_ref(contender), 1)?;
    Ok(all.remove(0))
}

/// Adds the row of a pass in which all promises were due.
fn add_due(
    report: &mut Report,
    site: &Site,
    series: &Series,
    base: &Series,
    promises: usize,
) -> Result<(), ComparisonError> {
    let checked = site.checked()?;
    let verdict = report
        .verdict_on_failure(series)
        .or_else(|| report.verdict_on_work("promises checked", promises, checked));
    let verdict = verdict.unwrap_or_else(|| report.verdict(true, "all checked"));
    report.row(series, base, verdict);
    Ok(())
}

/// A node with its master.
struct Site {
    directory: PathBuf,
    /// It ends with the site.
    _master: TestMaster,
}

impl Site {
    /// Makes instances with so many promises of each sort, and checks them once.
    fn prepare(
        bench: &Bench,
        slapos: &RealSlapos,
        promises: usize,
    ) -> Result<Self, ComparisonError> {
        let directory = bench.directory.join(format!("promises-{promises}"));
        for name in ["inst", "soft", "run"] {
            create_directory(&directory.join(name))?;
        }
        let master = TestMaster::start(slapos, &directory.join("master"));
        let names: Vec<String> = (0..PARTITIONS).map(|it| format!("slappart{it}")).collect();
        master.format(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let url = "http://release.invalid/software.cfg";
        let release = directory.join("soft").join(release_name(url));
        create_directory(&release.join("bin"))?;
        let python = slapos.program("python");
        write(
            &release.join("bin/buildout"),
            &format!("#!{}\n", python.display()),
        )?;
        write(&release.join("instance.cfg"), "[buildout]\nparts =\n")?;
        write(&release.join(".completed"), "")?;
        let client = master.client();
        for name in &names {
            client
                .request(None, &InstanceRequest::new(url, name.as_str()))
                .expect("the master has partitions");
        }
        let computer = client.full_computer_information(COMPUTER_ID);
        for partition in computer.expect("the master answers").partitions {
            let path = directory
                .join("inst")
                .join(&partition.reference.partition_id);
            make_partition(&path, promises)?;
            let timestamp = partition.timestamp().unwrap_or_default();
            write(&path.join(".timestamp"), &timestamp)?;
        }
        let shown = directory.display();
        let configuration = format!(
            "[slapos]
software_root = {shown}/soft
instance_root = {shown}/inst
master_url = {url}
computer_id = {COMPUTER_ID}
root_check = False
supervisord = {supervisord}
instance_min_free_space = 1M
pidfile_instance = {shown}/run/instance.pid
",
            url = master.url(),
            supervisord = slapos.program("supervisord").display(),
        );
        write(&directory.join("slapos.cfg"), &configuration)?;
        let site = Site {
            directory,
            _master: master,
        };
        once(&site.contender("preparation", &bench.slapos, LIMIT))?;
        Ok(site)
    }

    /// Returns a pass by a program, by an ordinary user: neither node does it as root without
    /// users to become.
    fn contender(&self, label: &str, program: &Path, limit: Duration) -> Contender {
        let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
        let mut words = Vec::new();
        if is_root {
            let unshare = ["unshare", "--user", "--map-user=65534", "--map-group=65534"];
            words.extend(unshare.map(PathBuf::from));
        }
        words.push(program.to_owned());
        words.extend(["node", "instance", "--cfg"].map(PathBuf::from));
        words.push(self.directory.join("slapos.cfg"));
        Contender {
            label: label.to_owned(),
            program: words.remove(0),
            arguments: words.into_iter().map(Into::into).collect(),
            directory: self.directory.clone(),
            limit,
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn caches(&self) -> Result<Vec<PathBuf>, ComparisonError> {
        let mut caches = Vec::new();
        for number in 0..PARTITIONS {
            let folder = format!("inst/slappart{number}/.slapgrid/promise/cache");
            let path = self.directory.join(folder);
            let entries = fs::read_dir(&path).map_err(|source| ComparisonError::Input {
                verb: "list",
                path,
                source,
            })?;
            caches.extend(entries.flatten().map(|entry| entry.path()));
        }
        Ok(caches)
    }

    /// Has all promises be due, or none.
    fn set_due(&self, is_due: bool) -> Result<(), ComparisonError> {
        for path in self.caches()? {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let text = with_next_run(&text, if is_due { "1.0" } else { "9999999999.0" });
            write(&path, &text)?;
        }
        Ok(())
    }

    /// Counts the promises that were checked since they were made due.
    fn checked(&self) -> Result<usize, ComparisonError> {
        let texts = self.caches()?.into_iter().map(fs::read_to_string);
        let texts = texts.map(Result::unwrap_or_default);
        Ok(texts.filter(|it| *it != with_next_run(it, "1.0")).count())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let supervisor = Supervisor::at(&self.directory.join("inst/sv.sock"));
        // It may not have been started.
        let _ = supervisor.shutdown();
    }
}

/// Returns the text of a cache with another time of the next run.
fn with_next_run(text: &str, time: &str) -> String {
    let name = "\"next_run_after\": ";
    let Some((before, after)) = text.split_once(name) else {
        return text.to_owned();
    };
    let after = after.find(',').map_or("", |end| &after[end..]);
    format!("{before}{name}{time}{after}")
}

fn make_partition(path: &Path, promises: usize) -> Result<(), ComparisonError> {
    for name in ["etc/plugin", "etc/promise"] {
        create_directory(&path.join(name))?;
    }
    let set_mode = |path: &Path, mode: u32| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(path, permissions).map_err(|source| ComparisonError::Input {
            verb: "set the mode of",
            path: path.to_owned(),
            source,
        })
    };
    set_mode(path, 0o750)?;
    for number in 0..promises {
        let plugin = path.join(format!("etc/plugin/plugin{number}.py"));
        write(&plugin, PLUGIN)?;
        let program = path.join(format!("etc/promise/program{number}"));
        write(&program, "#!/bin/sh\necho all is well\n")?;
        set_mode(&program, 0o755)?;
    }
    Ok(())
}

/// A plugin that has little to do: what is around it is measured.
const PLUGIN: &str = "import sys

sys.path[0:0] = []

from zope.interface import implementer
from slapos.grid.promise import interface
from slapos.grid.promise.generic import GenericPromise

@implementer(interface.IPromise)
class RunPromise(GenericPromise):
  def sense(self):
    self.logger.info('all is well')
";
