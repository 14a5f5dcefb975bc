//! `slapos.cookbook:certificate_authority`: a script that makes certificates, and what it needs.

mod request;

use std::fs;
use std::sync::Arc;

use buildout_core::exec::shell_quote::quote;
use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{
    FILE_MODE, GenericFactory, create_file, create_program, join, overwrite, paths_of, required,
};

/// The configuration of openssl, with its values in `@` signs.
const CONFIGURATION: &str = include_str!("openssl.cnf");

/// The script, after its variables.
const SCRIPT: &str = include_str!("authority.sh");

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "wrapper",
        default: None,
        summary: "The path of the script.",
    },
    OptionDocumentation {
        name: "ca-dir",
        default: None,
        summary: "The existing directory of the authority.",
    },
    OptionDocumentation {
        name: "requests-directory",
        default: None,
        summary: "The directory where slapos.cookbook:certificate_authority.request asks.",
    },
    OptionDocumentation {
        name: "ca-private",
        default: None,
        summary: "The directory of the keys, that of the authority among them.",
    },
    OptionDocumentation {
        name: "ca-certs",
        default: None,
        summary: "The directory of the certificates.",
    },
    OptionDocumentation {
        name: "ca-newcerts",
        default: None,
        summary: "The directory where openssl keeps a copy of each certificate.",
    },
    OptionDocumentation {
        name: "ca-crl",
        default: Some(""),
        summary: "Not used.",
    },
    OptionDocumentation {
        name: "openssl-binary",
        default: None,
        summary: "The program `openssl`.",
    },
    OptionDocumentation {
        name: "country-code",
        default: Some("XX"),
        summary: "The country in all certificates, two letters.",
    },
    OptionDocumentation {
        name: "state",
        default: Some("('State',)"),
        summary: "The state in all certificates.",
    },
    OptionDocumentation {
        name: "city",
        default: Some("City"),
        summary: "The city in all certificates.",
    },
    OptionDocumentation {
        name: "company",
        default: Some("Company"),
        summary: "The company in all certificates.",
    },
    OptionDocumentation {
        name: "email",
        default: Some("xx@example.com"),
        summary: "The address of electronic mail in all certificates.",
    },
];

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    let authority = Arc::new(GenericFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:certificate_authority",
            summary: "Makes a shell script that looks every minute for requests, and makes keys \
                      and certificates with openssl; and the directory of its authority.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
        install,
        outputs: |option| paths_of(option, &["wrapper"]),
    });
    [authority, request::factory()]
}

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let directory = required(run, "ca-dir")?;
    let requests = required(run, "requests-directory")?;
    let private = required(run, "ca-private")?;
    let certificates = required(run, "ca-certs")?;
    let copies = required(run, "ca-newcerts")?;
    for (name, content) in [("crlnumber", "01"), ("serial", "01"), ("index.txt", "")] {
        // They change with each certificate, and stay when the part is removed.
        let path = join(directory, name);
        if fs::metadata(run.services().absolute(&path)).is_err() {
            overwrite(run, "ca-dir", &path, content)?;
        }
    }
    let key = join(private, "cakey.pem");
    let certificate = join(directory, "cacert.pem");
    let option = |name, default| run.option(name).unwrap_or(default);
    let mut configuration = CONFIGURATION.to_owned();
    for (name, value) in [
        ("@directory@", directory),
        ("@certificates@", certificates),
        ("@copies@", copies),
        ("@key@", &key),
        ("@certificate@", &certificate),
        ("@country@", option("country-code", "XX")),
        // Upstream once wrote a tuple by mistake, and keeps it for the authorities of that time.
        ("@state@", option("state", "('State',)")),
        ("@city@", option("city", "City")),
        ("@company@", option("company", "Company")),
        ("@email@", option("email", "xx@example.com")),
    ] {
        configuration = configuration.replace(name, value);
    }
    let path = join(directory, "openssl.cnf");
    create_file(run, "ca-dir", &path, &configuration, FILE_MODE)?;
    let wrapper = required(run, "wrapper")?;
    let mut script =
        "#!/bin/sh -e\n# Written by buildout, which replaces what is changed here.\n".to_owned();
    for (name, value) in [
        ("key", &*key),
        ("certificate", &certificate),
        ("openssl", required(run, "openssl-binary")?),
        ("configuration", &path),
        ("requests", requests),
    ] {
        script.push_str(&format!("{name}={}\n", quote(value)));
    }
    script.push_str(SCRIPT);
    let path = create_program(run, "wrapper", wrapper, &script)?;
    Ok(Installed::path(path))
}
