//! `slapos.cookbook:cron` and `slapos.cookbook:cron.d`: a wrapper of dcron, and lines of its table.

use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};
use buildout_core::value::str_repr;

use super::calendar::crontab_from_calendar;
use super::generic::{
    EXECUTABLE_MODE, GenericFactory, create_file, join, overwrite, path_in, paths_of, required,
    unknown,
};
use super::shell_script::Script;

const CRON_OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "binary",
        default: None,
        summary: "The path of the wrapper.",
    },
    OptionDocumentation {
        name: "dcrond-binary",
        default: None,
        summary: "The program `crond` of dcron.",
    },
    OptionDocumentation {
        name: "cron-entries",
        default: None,
        summary: "The directory of the files that slapos.cookbook:cron.d writes.",
    },
    OptionDocumentation {
        name: "crontabs",
        default: None,
        summary: "The directory of the tables of users.",
    },
    OptionDocumentation {
        name: "cronstamps",
        default: None,
        summary: "The directory where dcron remembers when it ran what.",
    },
    OptionDocumentation {
        name: "catcher",
        default: None,
        summary: "The program that gets what commands print, such as one of \
                  slapos.cookbook:simplelogger.",
    },
    OptionDocumentation {
        name: "log-file",
        default: None,
        summary: "The log of dcron itself.",
    },
];

const ENTRY_OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "cron-entries",
        default: None,
        summary: "The existing directory of the file.",
    },
    OptionDocumentation {
        name: "name",
        default: None,
        summary: "The name of the file.",
    },
    OptionDocumentation {
        name: "command",
        default: None,
        summary: "What to run, as crontab has it.",
    },
    OptionDocumentation {
        name: "frequency",
        default: Some(""),
        summary: "When, as crontab has it, such as `0 * * * *`; it must be there unless `time` is.",
    },
    OptionDocumentation {
        name: "time",
        default: Some(""),
        summary: "When, as calendars of systemd have it, such as `hourly` or `mon,tue 4:30`; \
                  `frequency` comes first.",
    },
];

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    [
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:cron",
                summary: "Makes a shell script that runs dcron.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: CRON_OPTIONS,
            },
            install: install_cron,
            outputs: |option| paths_of(option, &["binary"]),
        }),
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:cron.d",
                summary: "Writes a file with a command that cron runs from time to time.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: ENTRY_OPTIONS,
            },
            install: install_entry,
            outputs: |option| path_in(option, "cron-entries", "name"),
        }),
    ]
}

fn install_cron(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    run.log(Level::Info, "Installing dcron...");
    let binary = required(run, "binary")?;
    let mut arguments = vec![strip(required(run, "dcrond-binary")?)];
    for (flag, option) in [
        ("-s", "cron-entries"),
        ("-c", "crontabs"),
        ("-t", "cronstamps"),
    ] {
        arguments.extend([flag, required(run, option)?]);
    }
    arguments.extend(["-f", "-l", "5"]);
    for (flag, option) in [("-M", "catcher"), ("-L", "log-file")] {
        arguments.extend([flag, required(run, option)?]);
    }
    let script = Script::new().executing(&arguments);
    let path = create_file(run, "binary", binary, &script, EXECUTABLE_MODE)?;
    run.log(
        Level::Debug,
        format!("Main cron executable created at : {}", str_repr(&path)),
    );
    run.log(Level::Info, "dcron successfully installed.");
    Ok(Installed::path(path))
}

/// A calendar that has no form in a crontab.
#[derive(Debug, thiserror::Error)]
#[error("Invalid systemd calendar spec {}", str_repr(calendar))]
struct InvalidCalendar {
    calendar: String,
}

fn install_entry(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let when = match (run.option("frequency"), run.option("time")) {
        (Some(frequency), _) => frequency.to_owned(),
        (None, Some(calendar)) => crontab_from_calendar(calendar).ok_or_else(|| {
            let calendar = calendar.to_owned();
            RecipeError::user(InvalidCalendar { calendar })
                .at_option("time")
                .with_hint(
                    "write `hourly`, `daily` and the like, or `[WEEKDAYS] [MONTH-DAY] HOUR:MINUTE`; \
                     or use `frequency`, which crontab's own form goes into",
                )
        })?,
        (None, None) => {
            return Err(unknown(run.part(), "time")
                .with_hint("`frequency`, such as `0 * * * *`, would do as well"));
        }
    };
    let directory = required(run, "cron-entries")?;
    let path = join(directory, required(run, "name")?);
    let line = format!("{when} {}\n", required(run, "command")?);
    overwrite(run, "cron-entries", &path, &line)?;
    Ok(Installed::path(path))
}
