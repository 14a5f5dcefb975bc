//! `slapos.cookbook:simplelogger`: a script that appends its input to a log.

use std::sync::Arc;

use buildout_core::exec::shell_quote::quote;
use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{GenericFactory, create_program, paths_of, required};

pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(GenericFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:simplelogger",
            summary: "Makes a shell script that appends what it reads to a log, each line with the \
                      time.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: &[
                OptionDocumentation {
                    name: "wrapper",
                    default: None,
                    summary: "The path of the script.",
                },
                OptionDocumentation {
                    name: "log",
                    default: None,
                    summary: "The path of the log.",
                },
            ],
        },
        install,
        outputs: |option| paths_of(option, &["wrapper"]),
    })
}

/// The time is that at which the input ends.
const SCRIPT: &str = r#"input=$(cat; echo .)
prefix=$(date '+%Y-%m-%d.%H:%M.%s:')
{
  printf '%s' "${input%.}" | sed "s/^/$prefix /"
  printf '%s ------------------------\n' "$prefix"
} >>"$log"
"#;

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let wrapper = required(run, "wrapper")?;
    let log = required(run, "log")?;
    let script = format!(
        "#!/bin/sh -e\n# Written by buildout, which replaces what is changed here.\nlog={}\n{SCRIPT}",
        quote(log)
    );
    let path = create_program(run, "wrapper", wrapper, &script)?;
    Ok(Installed::path(path))
}
