//! `slapos.cookbook:sshkeys_authority` and `slapos.cookbook:sshkeys_authority.request`: a script
//! that makes keys of SSH, and requests for them.

use std::fs;
use std::sync::Arc;

use buildout_core::fetch::encode_hex;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::value::{JsonCharacters, push_json_text, str_repr};
use sha2::{Digest as _, Sha256};

use super::generic::{
    GenericFactory, create_program, interpreter, join, overwrite, path_in, paths_of, required,
};
use super::request_link::{RequestLink, create_waiting_wrapper, make_links};

/// The program of the authority, after its settings.
const PROGRAM: &str = include_str!("authority.py");

const REQUEST_OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "request-directory",
        default: None,
        summary: "The directory where the authority looks for requests.",
    },
    OptionDocumentation {
        name: "keys-directory",
        default: None,
        summary: "The directory of the keys.",
    },
    OptionDocumentation {
        name: "name",
        default: Some("the name of the part"),
        summary: "The name of the request; its SHA-256 is that of the keys.",
    },
    OptionDocumentation {
        name: "size",
        default: Some("4096"),
        summary: "The number of bits.",
    },
    OptionDocumentation {
        name: "type",
        default: Some("rsa"),
        summary: "The type of the key, as the program that makes it calls it.",
    },
    OptionDocumentation {
        name: "public-key",
        default: None,
        summary: "The link to the public key, to be made.",
    },
    OptionDocumentation {
        name: "private-key",
        default: None,
        summary: "The link to the private key, to be made.",
    },
    OptionDocumentation {
        name: "wrapper",
        default: None,
        summary: "The path of the wrapper.",
    },
    OptionDocumentation {
        name: "executable",
        default: None,
        summary: "What the wrapper executes once there are keys.",
    },
];

const RESULTS: &[ResultDocumentation] = &[ResultDocumentation {
    name: "public-key-value",
    summary: "The public key, once it is there.",
}];

/// A size that is no number. The text is Python's.
#[derive(Debug, thiserror::Error)]
#[error("invalid literal for int() with base 10: {}", str_repr(text))]
struct InvalidSize {
    text: String,
}

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    [
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:sshkeys_authority",
                summary: "Makes a script that makes the keys that others ask for. It needs \
                          Python, but no package.",
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
                        name: "request-directory",
                        default: None,
                        summary: "The directory of the requests.",
                    },
                    OptionDocumentation {
                        name: "keygen-binary",
                        default: None,
                        summary: "The program that makes keys: that of OpenSSH if its path has \
                                  `openssh`, else that of dropbear.",
                    },
                ],
            },
            install: install_authority,
            outputs: |option| paths_of(option, &["wrapper"]),
        }),
        Arc::new(RequestFactory {
            descriptor: Descriptor {
                name: "slapos.cookbook:sshkeys_authority.request",
                summary: "Asks for a pair of keys, links to it, and makes a shell script that \
                          waits for it.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options: REQUEST_OPTIONS,
            },
        }),
    ]
}

fn install_authority(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let wrapper = required(run, "wrapper")?;
    let script = format!(
        "#!{}\nREQUESTS = {}\nKEYGEN = {}\n{PROGRAM}",
        interpreter(run)?,
        str_repr(required(run, "request-directory")?),
        str_repr(required(run, "keygen-binary")?),
    );
    let path = create_program(run, "wrapper", wrapper, &script)?;
    Ok(Installed::path(path))
}

struct RequestFactory {
    descriptor: Descriptor,
}

impl Factory for RequestFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let name = match part.option("name")? {
            Some(name) => name,
            None => {
                part.set("name", part.part())?;
                part.part().into()
            }
        };
        let directory = part.required("keys-directory")?;
        let private_key = join(&directory, &encode_hex(&Sha256::digest(name.as_bytes())));
        let public_key = format!("{private_key}.pub");
        // A key that is not there yet is made after this run; the next one sees it.
        let value = fs::read_to_string(part.services().absolute(&public_key));
        part.set("public-key-value", &value.unwrap_or_default())?;
        Ok(Box::new(Request {
            private_key,
            public_key,
        }))
    }
}

struct Request {
    private_key: String,
    public_key: String,
}

impl Recipe for Request {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let directory = required(run, "request-directory")?;
        let request = join(directory, required(run, "name")?);
        overwrite(run, "request-directory", &request, &self.request(run)?)?;
        let public_link = required(run, "public-key")?;
        let private_link = required(run, "private-key")?;
        let links = [
            RequestLink {
                option: "public-key",
                path: public_link,
                target: &self.public_key,
            },
            RequestLink {
                option: "private-key",
                path: private_link,
                target: &self.private_key,
            },
        ];
        make_links(run, &links, "")?;
        let files = [self.private_key.clone(), self.public_key.clone()];
        let wrapper = create_waiting_wrapper(run, files)?;
        Ok(Installed::Paths(vec![
            request,
            wrapper,
            public_link.to_owned(),
            private_link.to_owned(),
        ]))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let mut paths = paths_of(option, &["wrapper", "public-key", "private-key"]);
        paths.extend(path_in(option, "request-directory", "name"));
        paths
    }
}

impl Request {
    /// Returns the request, as Python's `json` writes it.
    fn request(&self, run: &PartRun<'_>) -> Result<String, RecipeError> {
        let push = |value: &str, text: &mut String| {
            push_json_text(value, JsonCharacters::Ascii, text);
        };
        let mut text = "{\"private_key\": ".to_owned();
        push(&self.private_key, &mut text);
        text.push_str(", \"public_key\": ");
        push(&self.public_key, &mut text);
        if let Some(size) = run.option("size") {
            let size: i64 = size.trim().parse().map_err(|_| {
                let text = size.to_owned();
                RecipeError::internal("ValueError", InvalidSize { text })
                    .at_option("size")
                    .with_hint("write a number of bits, such as `4096`")
            })?;
            text.push_str(&format!(", \"size\": {size}"));
        }
        if let Some(kind) = run.option("type") {
            text.push_str(", \"type\": ");
            push(kind, &mut text);
        }
        text.push('}');
        Ok(text)
    }
}
