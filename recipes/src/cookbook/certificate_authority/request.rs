//! `slapos.cookbook:certificate_authority.request`: asks for a certificate, and makes a wrapper that
//! waits for it.

use std::io::Write as _;
use std::sync::Arc;

use buildout_core::exec::command::{Command, CommandError};
use buildout_core::exec::outcome::Outcome;
use buildout_core::fetch::encode_hex;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, RecipeErrorKind, UpdateKind,
};
use buildout_core::value::Value;
use sha2::{Digest as _, Sha512};

use super::super::generic::{join, overwrite, paths_of, required};
use super::super::request_link::{RequestLink, create_waiting_wrapper, make_links};
use crate::system_error::failed;

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "requests-directory",
        default: None,
        summary: "The directory where the authority looks for requests.",
    },
    OptionDocumentation {
        name: "ca-private",
        default: None,
        summary: "The directory of its keys.",
    },
    OptionDocumentation {
        name: "ca-certs",
        default: None,
        summary: "The directory of its certificates.",
    },
    OptionDocumentation {
        name: "name",
        default: Some("the name of the part"),
        summary: "The common name of the certificate.",
    },
    OptionDocumentation {
        name: "key-file",
        default: None,
        summary: "The link to the key, to be made.",
    },
    OptionDocumentation {
        name: "cert-file",
        default: None,
        summary: "The link to the certificate, to be made.",
    },
    OptionDocumentation {
        name: "wrapper",
        default: None,
        summary: "The path of the wrapper. It is not made if key and certificate are given.",
    },
    OptionDocumentation {
        name: "executable",
        default: None,
        summary: "What the wrapper executes once there are key and certificate.",
    },
    OptionDocumentation {
        name: "key-content",
        default: Some(""),
        summary: "A key, to be used with `cert-content` instead of one that the authority makes.",
    },
    OptionDocumentation {
        name: "cert-content",
        default: Some(""),
        summary: "The certificate of that key.",
    },
    OptionDocumentation {
        name: "openssl-binary",
        default: Some("openssl"),
        summary: "The program that tells whether the two belong together.",
    },
];

/// Key and certificate that are given cannot be used. The texts are upstream's.
#[derive(Debug, thiserror::Error)]
enum PairProblem {
    #[error("Issue during calling {command}, result was:\n{output}")]
    Openssl { command: String, output: String },
    #[error(
        "The key and certificate provided don't patch each other. Please check your parameters"
    )]
    Mismatch,
}

pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(RequestFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:certificate_authority.request",
            summary: "Asks for a certificate, links to it and its key, and makes a shell script \
                      that waits for them.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Commands,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
    })
}

struct RequestFactory {
    descriptor: Descriptor,
}

impl Factory for RequestFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        if part.option("name")?.is_none() {
            part.set("name", part.part())?;
        }
        Ok(Box::new(Request))
    }
}

struct Request;

impl Recipe for Request {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let requests = required(run, "requests-directory")?;
        let private = required(run, "ca-private")?;
        let certificates = required(run, "ca-certs")?;
        let key_link = required(run, "key-file")?;
        let certificate_link = required(run, "cert-file")?;
        let name = required(run, "name")?;
        let hash = encode_hex(&Sha512::digest(name.as_bytes()));
        let key = join(private, &format!("{hash}.key"));
        let certificate = join(certificates, &format!("{hash}.crt"));
        let given = |option| run.option(option).filter(|content| !content.is_empty());
        let pair = given("key-content").zip(given("cert-content"));
        match pair {
            Some((key_content, certificate_content)) => {
                check_pair(run, key_content, certificate_content)?;
                overwrite(run, "ca-private", &key, key_content)?;
                overwrite(run, "ca-certs", &certificate, certificate_content)?;
            }
            None => {
                let name = name.replace('\n', "\n\t");
                let text = format!(
                    "[certificate]\nname = {name}\nkey_file = {key}\n\
                     certificate_file = {certificate}\n\n"
                );
                overwrite(run, "requests-directory", &join(requests, &hash), &text)?;
            }
        }
        let links = [
            RequestLink {
                option: "key-file",
                path: key_link,
                target: &key,
            },
            RequestLink {
                option: "cert-file",
                path: certificate_link,
                target: &certificate,
            },
        ];
        make_links(run, &links, " file")?;
        let mut paths = vec![key_link.to_owned(), certificate_link.to_owned()];
        if pair.is_none() {
            paths.push(create_waiting_wrapper(run, [certificate, key])?);
        }
        Ok(Installed::Paths(paths))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        paths_of(option, &["key-file", "cert-file", "wrapper"])
    }
}

/// Checks with openssl that a key and a certificate are such, and belong together.
fn check_pair(run: &PartRun<'_>, key: &str, certificate: &str) -> Result<(), RecipeError> {
    let key_modulus = modulus(run, "rsa", key).map_err(|error| error.at_option("key-content"))?;
    let certificate_modulus =
        modulus(run, "x509", certificate).map_err(|error| error.at_option("cert-content"))?;
    if key_modulus != certificate_modulus {
        return Err(RecipeError::internal("ValueError", PairProblem::Mismatch)
            .at_option("cert-content")
            .with_hint("`cert-content` must be the certificate of the key in `key-content`"));
    }
    Ok(())
}

/// Asks openssl for the number that a key has in common with its certificate.
fn modulus(run: &PartRun<'_>, kind: &str, content: &str) -> Result<String, RecipeError> {
    let services = run.services();
    // Only its user can read a temporary file.
    let directory = &services.temporary_directory;
    let mut file = tempfile::Builder::new()
        .prefix("buildout-certificate-")
        .tempfile_in(directory)
        .map_err(failed("create a file in", directory))?;
    file.write_all(content.as_bytes())
        .map_err(failed("write", file.path()))?;
    let openssl = run.option("openssl-binary").unwrap_or("openssl");
    let arguments = [
        kind.as_ref(),
        "-noout".as_ref(),
        "-modulus".as_ref(),
        "-in".as_ref(),
        file.path().as_os_str(),
    ];
    let command = Command::new(
        openssl,
        arguments,
        &services.directory,
        services.environment(),
    );
    // What it prints is for the comparison, not for the log of the part.
    let mut output = String::new();
    let mut sink = |_, line: &[u8]| {
        output.push_str(&String::from_utf8_lossy(line));
        output.push('\n');
    };
    let finished = command
        .run(&mut sink, &services.cancellation)
        .map_err(|error| match error {
            CommandError::Cancelled { .. } => RecipeError::new(RecipeErrorKind::Cancelled, error),
            error => RecipeError::internal("OSError", error)
                .at_option("openssl-binary")
                .with_hint("`openssl-binary` is the path of the program `openssl`"),
        })?;
    if finished.outcome != Outcome::Exited(0) {
        let words = [openssl, kind, "-noout", "-modulus"].map(Value::string);
        let command = Value::Tuple(words.into()).repr();
        return Err(
            RecipeError::internal("ValueError", PairProblem::Openssl { command, output })
                .with_hint("the text is that of a file in PEM format, all its lines included"),
        );
    }
    Ok(output)
}
