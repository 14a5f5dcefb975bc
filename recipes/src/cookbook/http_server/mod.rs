//! `slapos.cookbook:simplehttpserver`: a script that serves the files of a directory.

use std::sync::Arc;

use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::value::{Value, encode, str_repr};

use super::generic::{create_program, interpreter, paths_of, required};

/// The program, after its settings.
const PROGRAM: &str = include_str!("server.py");

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "wrapper",
        default: None,
        summary: "The path of the script.",
    },
    OptionDocumentation {
        name: "base-path",
        default: None,
        summary: "The directory that is served.",
    },
    OptionDocumentation {
        name: "log-file",
        default: None,
        summary: "The log of requests.",
    },
    OptionDocumentation {
        name: "host",
        default: Some(""),
        summary: "The host to listen at, with `port`; or else `socketpath` or `abstract`.",
    },
    OptionDocumentation {
        name: "port",
        default: Some(""),
        summary: "The port to listen at.",
    },
    OptionDocumentation {
        name: "socketpath",
        default: Some(""),
        summary: "The path of the socket to listen at.",
    },
    OptionDocumentation {
        name: "abstract",
        default: Some(""),
        summary: "The name of the socket, without a path, to listen at.",
    },
    OptionDocumentation {
        name: "cert-file",
        default: Some(""),
        summary: "The certificate of the server, which then speaks HTTPS.",
    },
    OptionDocumentation {
        name: "key-file",
        default: Some(""),
        summary: "The key of the certificate, unless it is in the same file.",
    },
    OptionDocumentation {
        name: "allow-write",
        default: Some("false"),
        summary: "Whether a POST request with `path`, `content` and perhaps `clear = 1` writes \
                  into a file: true or false.",
    },
];

const RESULTS: &[ResultDocumentation] = &[ResultDocumentation {
    name: "address",
    summary: "Where it listens: a pair of host and port, or the socket.",
}];

/// What the recipe refuses. The texts are upstream's and Python's.
#[derive(Debug, thiserror::Error)]
enum ServerProblem {
    #[error("Specify one of (host, port) | socketpath | abstract")]
    Address,
    #[error("invalid literal for int() with base 10: {}", str_repr(text))]
    Port { text: String },
    #[error("Invalid value for 'allow-write' option: {}", str_repr(text))]
    AllowWrite { text: String },
}

pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(ServerFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:simplehttpserver",
            summary: "Makes a script that serves the files of a directory by HTTP. It needs \
                      Python, but no package.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
    })
}

struct ServerFactory {
    descriptor: Descriptor,
}

impl Factory for ServerFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let read = |option: &str| -> Result<Option<Arc<str>>, RecipeError> {
            Ok(part.option(option)?.filter(|value| !value.is_empty()))
        };
        let (host, port) = (read("host")?, read("port")?);
        let (path, name) = (read("socketpath")?, read("abstract")?);
        let address = match (&host, &port, &path, &name) {
            (Some(host), Some(port), None, None) => {
                let number = port.trim().parse::<u32>().map_err(|_| {
                    let text = port.to_string();
                    RecipeError::internal("ValueError", ServerProblem::Port { text })
                        .at_option("port")
                        .with_hint("write a number")
                })?;
                let host = Value::string(Arc::clone(host));
                Value::Tuple(vec![host, Value::Int(number.into())])
            }
            (None, None, Some(path), None) => Value::string(Arc::clone(path)),
            (None, None, None, Some(name)) => Value::string(format!("\0{name}")),
            _ => {
                return Err(RecipeError::user(ServerProblem::Address)
                    .at_option("host")
                    .with_hint(
                        "`host` goes with `port`, and not with `socketpath` or `abstract`",
                    ));
            }
        };
        let text = match (&address, part.dialect().typed_values) {
            (Value::Str(text), _) => text.to_string(),
            (pair, true) => {
                encode(pair).map_err(|error| RecipeError::internal("ValueError", error))?
            }
            // Without typed values upstream cannot set it at all.
            (pair, false) => pair.repr(),
        };
        part.set("address", &text)?;
        Ok(Box::new(Server { address }))
    }
}

struct Server {
    address: Value,
}

impl Recipe for Server {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let text = |value: &str| Value::string(value);
        let optional = |option| match run.option(option) {
            Some(value) if !value.is_empty() => Value::string(value),
            _ => Value::None,
        };
        let settings = [
            ("ADDRESS", self.address.clone()),
            ("DIRECTORY", text(required(run, "base-path")?)),
            ("LOG", text(required(run, "log-file")?)),
            ("CERTIFICATE", optional("cert-file")),
            ("KEY", optional("key-file")),
            ("ALLOWS_WRITING", Value::Bool(allows_writing(run)?)),
        ];
        let wrapper = strip(required(run, "wrapper")?);
        let mut script = format!("#!{}\n", interpreter(run)?);
        for (name, value) in settings {
            script.push_str(&format!("{name} = {}\n", value.repr()));
        }
        script.push_str(PROGRAM);
        let path = create_program(run, "wrapper", wrapper, &script)?;
        Ok(Installed::path(path))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        paths_of(option, &["wrapper"])
    }
}

fn allows_writing(run: &PartRun<'_>) -> Result<bool, RecipeError> {
    match run.option("allow-write") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let text = other.to_owned();
            Err(RecipeError::user(ServerProblem::AllowWrite { text })
                .at_option("allow-write")
                .with_hint("write `true` or `false`"))
        }
    }
}
