//! `slapos.cookbook:check_url_available` and `slapos.cookbook:check_page_content`: scripts that ask
//! a server with curl.

use std::sync::Arc;

use buildout_core::exec::shell_quote::quote;
use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use super::generic::{EXECUTABLE_MODE, GenericFactory, create_file, paths_of, required};

/// The file, seen from the buildout directory, that tells promises how long they may take.
const TIMEOUT_FILE: &str = "etc/promise_timeout";

const URL: OptionDocumentation = OptionDocumentation {
    name: "url",
    default: None,
    summary: "What to ask for.",
};

const PATH: OptionDocumentation = OptionDocumentation {
    name: "path",
    default: None,
    summary: "The path of the script.",
};

const SHELL: OptionDocumentation = OptionDocumentation {
    name: "dash_path",
    default: None,
    summary: "The shell that runs the script.",
};

const CURL: OptionDocumentation = OptionDocumentation {
    name: "curl_path",
    default: None,
    summary: "The program `curl`.",
};

const AVAILABLE_OPTIONS: &[OptionDocumentation] = &[
    URL,
    PATH,
    SHELL,
    CURL,
    OptionDocumentation {
        name: "http_code",
        default: Some("200"),
        summary: "The status that the server is expected to reply with.",
    },
    OptionDocumentation {
        name: "check-secure",
        default: Some("0"),
        summary: "With 1, status 401 is as good: the page is there, and protected.",
    },
    OptionDocumentation {
        name: "timeout-file-path",
        default: Some("${buildout:directory}/etc/promise_timeout"),
        summary: "A file that may hold the number of seconds to wait; 20 otherwise.",
    },
    OptionDocumentation {
        name: "ca-cert-file",
        default: Some(""),
        summary: "The certificates of authorities; used if `cert-file` and `key-file` are there.",
    },
    OptionDocumentation {
        name: "cert-file",
        default: Some(""),
        summary: "The certificate to show to the server.",
    },
    OptionDocumentation {
        name: "key-file",
        default: Some(""),
        summary: "The key of that certificate.",
    },
];

const CONTENT_OPTIONS: &[OptionDocumentation] = &[
    URL,
    PATH,
    SHELL,
    CURL,
    OptionDocumentation {
        name: "match",
        default: Some("${:url}"),
        summary: "The regular expression, as grep has them, that a line must match.",
    },
];

pub(super) fn factories() -> [Arc<dyn Factory>; 2] {
    let factory = |name, summary, options, install| -> Arc<dyn Factory> {
        Arc::new(GenericFactory {
            descriptor: Descriptor {
                name,
                summary,
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Declared,
                update: UpdateKind::Runs,
                options,
            },
            install,
            outputs: |option| paths_of(option, &["path"]),
        })
    };
    [
        factory(
            "slapos.cookbook:check_url_available",
            "Makes a shell script that fails unless a server replies with the expected status. \
             Certificates of servers are not checked.",
            AVAILABLE_OPTIONS,
            install_available,
        ),
        factory(
            "slapos.cookbook:check_page_content",
            "Makes a shell script that fails unless a page has the expected text. Certificates of \
             servers are not checked.",
            CONTENT_OPTIONS,
            install_content,
        ),
    ]
}

/// What follows the variables of the script, with the file of the time limit as `$timeout_file`.
const ASK: &str = r#"timeout=20
if [ -s "$timeout_file" ]; then
  read -r limit <"$timeout_file" || :
  case $limit in
    ''|*[!0-9]*) ;;
    *) timeout=$limit ;;
  esac
fi

code=$("$curl" -g -k -sL "$url" -w '%{http_code}' --max-time "$timeout" -o /dev/null "$@")
case $? in
  3)
    echo "URL malformed: $url." >&2
    exit 1
    ;;
esac
case $code in
  ''|000)
    echo "$url is not available (server not reachable)." >&2
    exit 1
    ;;
  "$protected")
    echo "$url is protected (returned $code)." >&2
    exit 0
    ;;
  "$expected") ;;
  *)
    echo "$url is not available (returned $code, expected $expected)." >&2
    exit 2
    ;;
esac
"#;

fn install_available(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let option = |name| run.option(name).unwrap_or_default();
    let url = required(run, "url")?;
    let shell = required(run, "dash_path")?;
    let curl = required(run, "curl_path")?;
    let timeout_file = match run.option("timeout-file-path") {
        Some(path) => path.to_owned(),
        None => run.services().absolute(TIMEOUT_FILE).display().to_string(),
    };
    let certificates = [
        ("--cacert", option("ca-cert-file")),
        ("--cert", option("cert-file")),
        ("--key", option("key-file")),
    ];
    let is_secure = option("check-secure").trim() == "1";
    let mut lines = vec![
        format!("#!{shell}"),
        "# Written by buildout, which replaces what is changed here.".to_owned(),
        String::new(),
    ];
    if url.trim().is_empty() {
        lines.push("echo \"No URL specified.\" >&2\nexit 3\n".to_owned());
    } else {
        let expected = run.option("http_code").unwrap_or("200").trim();
        // What no status is equal to switches the case off.
        let protected = if is_secure { "401" } else { "none" };
        for (name, value) in [
            ("url", url),
            ("curl", curl),
            ("expected", expected),
            ("protected", protected),
            ("timeout_file", &timeout_file),
        ] {
            lines.push(format!("{name}={}", quote(value)));
        }
        if certificates.iter().all(|(_, file)| !file.is_empty()) {
            let words = certificates.map(|(flag, file)| format!("{flag} {}", quote(file)));
            lines.push(format!("set -- {}", words.join(" ")));
        }
        lines.push(ASK.to_owned());
    }
    let script = lines.join("\n");
    let path = create_file(
        run,
        "path",
        required(run, "path")?,
        &script,
        EXECUTABLE_MODE,
    )?;
    Ok(Installed::path(path))
}

fn install_content(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let url = strip(required(run, "url")?);
    let shell = required(run, "dash_path")?;
    let curl = required(run, "curl_path")?;
    let pattern = run.option("match").unwrap_or(url);
    let header =
        format!("#!{shell}\n# Written by buildout, which replaces what is changed here.\n");
    let script = if url.is_empty() {
        format!("{header}\necho \"No URL specified.\" >&2\nexit 3\n")
    } else {
        format!(
            "{header}
url={}
if ! {} -k -sL \"$url\" --max-time 10 | grep -e {} >/dev/null; then
  echo \"Content at $url seems to be corrupted\" >&2
  exit 1
fi
",
            quote(url),
            quote(curl),
            quote(pattern)
        )
    };
    let path = create_file(
        run,
        "path",
        required(run, "path")?,
        &script,
        EXECUTABLE_MODE,
    )?;
    Ok(Installed::path(path))
}
