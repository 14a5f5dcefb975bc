//! `slapos.cookbook:ipv6toipv4` and `slapos.cookbook:ipv4toipv6`: scripts that run 6tunnel.

use std::sync::Arc;

use buildout_core::exec::shell_quote::quote;
use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{EXECUTABLE_MODE, GenericFactory, create_file, paths_of, required};

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "runner-path",
        default: None,
        summary: "The path of the script.",
    },
    OptionDocumentation {
        name: "shell-path",
        default: None,
        summary: "The shell that runs it.",
    },
    OptionDocumentation {
        name: "6tunnel-path",
        default: None,
        summary: "The program `6tunnel`.",
    },
    OptionDocumentation {
        name: "ipv4",
        default: None,
        summary: "The IPv4 address.",
    },
    OptionDocumentation {
        name: "ipv4-port",
        default: None,
        summary: "The port there.",
    },
    OptionDocumentation {
        name: "ipv6",
        default: None,
        summary: "The IPv6 address.",
    },
    OptionDocumentation {
        name: "ipv6-port",
        default: None,
        summary: "The port there.",
    },
];

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    let factory = |name, summary, install| -> Arc<dyn Factory> {
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name,
                summary,
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: OPTIONS,
            },
            install,
            outputs: |option| paths_of(option, &["runner-path"]),
        })
    };
    [
        factory(
            "slapos.cookbook:ipv6toipv4",
            "Makes a script that listens at an IPv6 address and connects to an IPv4 one.",
            |run| {
                install(
                    run,
                    &["-6", "-4"],
                    ["ipv6", "ipv6-port", "ipv4", "ipv4-port"],
                )
            },
        ),
        factory(
            "slapos.cookbook:ipv4toipv6",
            "Makes a script that listens at an IPv4 address and connects to an IPv6 one.",
            |run| install(run, &[], ["ipv4", "ipv4-port", "ipv6", "ipv6-port"]),
        ),
    ]
}

fn install(
    run: &PartRun<'_>,
    flags: &[&str],
    ends: [&'static str; 4],
) -> Result<Installed, RecipeError> {
    let path = required(run, "runner-path")?;
    let shell = required(run, "shell-path")?;
    let mut words = vec![required(run, "6tunnel-path")?];
    words.extend(flags);
    words.extend(["-d", "-l"]);
    for option in ends {
        words.push(required(run, option)?);
    }
    let words: Vec<_> = words.into_iter().map(quote).collect();
    let script = format!(
        "#!{shell}\n# Written by buildout, which replaces what is changed here.\nexec {}\n",
        words.join(" ")
    );
    let path = create_file(run, "runner-path", path, &script, EXECUTABLE_MODE)?;
    Ok(Installed::path(path))
}
