//! `slapos.cookbook:cron`, `:cron.d`, `:logrotate`, `:logrotate.d` and `:simplelogger`.

use crate::case::{Case, Step};

const CRON: &str = "[buildout]
parts = cron
[cron]
recipe = slapos.cookbook:cron
binary = ${buildout:bin-directory}/crond
dcrond-binary =
  /usr/sbin/crond
cron-entries = etc/cron.d
crontabs = etc/crontabs
cronstamps = it's
catcher = /bin/catcher
log-file = ${buildout:directory}/log
";

/// Entries of cron, each with its time.
fn entries(name: &'static str, times: &[&str]) -> Case {
    let mut profile = "[buildout]\nparts =\n".to_owned();
    for number in 0..times.len() {
        profile.push_str(&format!("  part{number}\n"));
    }
    for (number, time) in times.iter().enumerate() {
        profile.push_str(&format!(
            "[part{number}]
recipe = slapos.cookbook:cron.d
cron-entries = ${{buildout:directory}}/etc/cron.d
name = job{number}
command = /bin/true '{number}' | cat
{time}
"
        ));
    }
    Case::new(name, profile).directories(&["etc/cron.d"])
}

const LOGROTATE: &str = "[buildout]
parts = logrotate entry bare
[logrotate]
recipe = slapos.cookbook:logrotate
wrapper = bin/logrotate
conf = ${buildout:directory}/etc/../etc/logrotate.conf
logrotate-binary = /usr/sbin/logrotate
logrotate-entries = ${buildout:directory}/etc/logrotate.d
gzip-binary = /bin/gzip
gunzip-binary = /bin/gunzip
state-file = ${buildout:directory}/state
[entry]
recipe = slapos.cookbook:logrotate.d
logrotate-entries = ${buildout:directory}/etc/logrotate.d
name = entry
log = /a/*.log /b
backup = ${buildout:directory}/backup
frequency = weekly
rotate-num = 3
post =
  kill -USR1 $(cat pid)
  echo é
pre = true
[bare]
recipe = slapos.cookbook:logrotate.d
logrotate-entries = etc/logrotate.d/
name = bare
log = /c
backup = d
";

const LOGGER: &str = "[buildout]
parts = logger
[logger]
recipe = slapos.cookbook:simplelogger
wrapper = ${buildout:bin-directory}/logger
log = ${buildout:directory}/it's a log
";

pub(crate) fn cases() -> Vec<Case> {
    let hide_times = "sed 's/20[0-9.:-]*:/TIME/g' \"it's a log\"; rm \"it's a log\"";
    vec![
        Case::new("cron", CRON),
        Case::new("cron-without-log", CRON.replace("log-file", "log")).fails(),
        Case::new(
            "cron-without-directory",
            CRON.replace("{buildout:bin-directory}", "{buildout:directory}/none"),
        )
        .fails(),
        entries(
            "cron.d",
            &[
                "frequency = */5 0 * * *",
                "time = hourly",
                "time = mon,tue 4:30:00",
                "time = Mon-fri 1:02",
                "time = *-4/3-1 0/6:15",
                "time = 12-25 3:4",
                "time = *:0,30",
                "time = daily\nfrequency = x",
                "frequency =",
            ],
        ),
        entries("cron.d-year", &["time = 2020-1-1"]).fails(),
        entries("cron.d-day", &["time = mon 1-1"]).fails(),
        entries("cron.d-empty", &["time ="]).fails(),
        entries("cron.d-timeless", &[""]).fails(),
        entries("cron.d-changed", &["frequency = 0 * * * *"]).steps([
            Step::Run,
            Step::Write("etc/cron.d/job0".into(), "edited".into()),
            Step::Execute("chmod 600 etc/cron.d/job0".into()),
            Step::Run,
        ]),
        Case::new("logrotate", LOGROTATE).directories(&["etc/logrotate.d"]),
        Case::new(
            "logrotate.d-without-backup",
            LOGROTATE.replace("backup = d", ""),
        )
        .directories(&["etc/logrotate.d"])
        .fails(),
        Case::new("simplelogger", LOGGER)
            .differs_in_content("bin/logger", "ours is a shell script")
            .executes(format!(
                "printf 'a\\n  é b\\\\\\n\\n' | bin/logger; {hide_times}"
            ))
            .executes(format!(
                "printf 'a\\nb' | bin/logger; bin/logger </dev/null; {hide_times}"
            ))
            .executes(
                "bin/logger </dev/null; [ $(cut -c1-17 it*) = $(date +%Y-%m-%d.%H:%M.) ]; rm it*",
            ),
        Case::new("simplelogger-twice", LOGGER)
            .differs_in_content("bin/logger", "ours is a shell script")
            .steps([
                Step::Run,
                Step::Execute("chmod 700 bin/logger".into()),
                Step::Run,
            ]),
    ]
}
