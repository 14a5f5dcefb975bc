//! `slapos.cookbook:logrotate` and `slapos.cookbook:logrotate.d`: a wrapper of logrotate with its
//! configuration, and entries of that.

use std::sync::Arc;

use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{
    EXECUTABLE_MODE, FILE_MODE, GenericFactory, create_file, join, path_in, paths_of, required,
};
use super::shell_script::Script;

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "wrapper",
        default: None,
        summary: "The path of the wrapper.",
    },
    OptionDocumentation {
        name: "conf",
        default: None,
        summary: "The path of the configuration that is written.",
    },
    OptionDocumentation {
        name: "logrotate-binary",
        default: None,
        summary: "The program `logrotate`.",
    },
    OptionDocumentation {
        name: "logrotate-entries",
        default: None,
        summary: "The directory of the files that slapos.cookbook:logrotate.d writes.",
    },
    OptionDocumentation {
        name: "gzip-binary",
        default: None,
        summary: "The program that compresses.",
    },
    OptionDocumentation {
        name: "gunzip-binary",
        default: None,
        summary: "The program that decompresses.",
    },
    OptionDocumentation {
        name: "state-file",
        default: None,
        summary: "The file where logrotate remembers what it did.",
    },
];

const ENTRY_OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "logrotate-entries",
        default: None,
        summary: "The existing directory of the file.",
    },
    OptionDocumentation {
        name: "name",
        default: None,
        summary: "The name of the file.",
    },
    OptionDocumentation {
        name: "log",
        default: None,
        summary: "The logs to rotate, daily: paths or patterns.",
    },
    OptionDocumentation {
        name: "backup",
        default: None,
        summary: "The directory of the rotated logs.",
    },
    OptionDocumentation {
        name: "post",
        default: Some(""),
        summary: "Shell commands to run afterwards.",
    },
    OptionDocumentation {
        name: "pre",
        default: Some(""),
        summary: "Shell commands to run before.",
    },
];

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    [
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:logrotate",
                summary: "Makes a shell script that runs logrotate, and its configuration.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: OPTIONS,
            },
            install,
            outputs: |option| paths_of(option, &["wrapper", "conf"]),
        }),
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:logrotate.d",
                summary: "Writes what logrotate is to do with some logs.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: ENTRY_OPTIONS,
            },
            install: install_entry,
            outputs: |option| path_in(option, "logrotate-entries", "name"),
        }),
    ]
}

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let entries = required(run, "logrotate-entries")?;
    let configuration = required(run, "conf")?;
    let text = format!(
        "compresscmd {}\ncompressoptions -9\nuncompresscmd {}\ninclude {entries}",
        required(run, "gzip-binary")?,
        required(run, "gunzip-binary")?,
    );
    let configuration = create_file(run, "conf", configuration, &text, FILE_MODE)?;
    let state = required(run, "state-file")?;
    let wrapper = required(run, "wrapper")?;
    let program = required(run, "logrotate-binary")?;
    let script = Script::new().executing(&[program, "-s", state, &configuration]);
    let wrapper = create_file(run, "wrapper", wrapper, &script, EXECUTABLE_MODE)?;
    Ok(Installed::Paths(vec![wrapper, configuration]))
}

fn install_entry(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let entries = required(run, "logrotate-entries")?;
    let mut lines = format!(
        "daily\ndateext\nrotate 3650\ncompress\ndelaycompress\nnotifempty\nsharedscripts\ncreate\n\
         olddir {}",
        required(run, "backup")?
    );
    for (option, directive) in [("post", "postrotate"), ("pre", "prerotate")] {
        if let Some(commands) = run.option(option) {
            lines.push_str(&format!("\n{directive}\n{commands}\nendscript"));
        }
    }
    let text = format!("{} {{\n{lines}\n}}\n", required(run, "log")?);
    let path = join(entries, required(run, "name")?);
    let path = create_file(run, "logrotate-entries", &path, &text, FILE_MODE)?;
    Ok(Installed::path(path))
}
