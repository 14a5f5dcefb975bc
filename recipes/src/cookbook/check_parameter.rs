//! `slapos.cookbook:check_parameter`: a script that tells whether a value is as expected.
//!
//! The value is known when the script is written, and so is what the script has to say: unlike
//! upstream's, it needs no Python.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use buildout_core::exec::shell_quote::quote;
use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{EXECUTABLE_MODE, GenericFactory, create_file, paths_of, required};

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "path",
        default: None,
        summary: "The path of the script.",
    },
    OptionDocumentation {
        name: "value",
        default: None,
        summary: "The value.",
    },
    OptionDocumentation {
        name: "expected-type",
        default: Some(""),
        summary: "`ipv4` or `ipv6`: the value must be such an address. Anything else compares the \
                  value with the other options.",
    },
    OptionDocumentation {
        name: "expected-value",
        default: Some(""),
        summary: "What the value must be, unless empty.",
    },
    OptionDocumentation {
        name: "expected-not-value",
        default: Some(""),
        summary: "What the value must not be, unless empty.",
    },
];

pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(GenericFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:check_parameter",
            summary: "Makes a shell script that fails with exit code 127 unless a value is as \
                      expected.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
        install,
        outputs: |option| paths_of(option, &["path"]),
    })
}

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let value = required(run, "value")?;
    let failure = match run.option("expected-type") {
        Some("ipv4") => value.parse::<Ipv4Addr>().is_err().then(String::new),
        Some("ipv6") => value.parse::<Ipv6Addr>().is_err().then(String::new),
        _ => compared(run, value),
    };
    let path = required(run, "path")?;
    let mut script = "#!/bin/sh\n\
                      # Written by buildout, which replaces what is changed here and has checked\n\
                      # the value.\n"
        .to_owned();
    if let Some(message) = failure {
        if !message.is_empty() {
            script.push_str(&format!("printf '%s\\n' {}\n", quote(&message)));
        }
        script.push_str("exit 127\n");
    }
    let path = create_file(run, "path", path, &script, EXECUTABLE_MODE)?;
    Ok(Installed::path(path))
}

/// Returns what the script prints if the value is not as expected.
fn compared(run: &PartRun<'_>, value: &str) -> Option<String> {
    let option = |name| run.option(name).filter(|text| !text.is_empty());
    if let Some(expected) = option("expected-value").filter(|expected| *expected != value) {
        return Some(format!("FAIL: {value} != {expected}"));
    }
    let unwanted = option("expected-not-value").filter(|unwanted| *unwanted == value);
    unwanted.map(|unwanted| format!("FAIL: {value} == {unwanted}"))
}
