//! The script that restores the environment of a build.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use buildout_core::exec::shell_quote::quote;
use buildout_core::recipe::Environment;

use super::commands::Commands;
use crate::system_error::{SystemError, failed};

/// The name of the script, in the directory of the build.
pub(super) const NAME: &str = "slapos.recipe.build.env.sh";

/// Variables that would point a person's shell to places of the build.
const COMMENTED: [&str; 3] = ["TEMP", "TMP", "TMPDIR"];

/// Writes the script to `directory`.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn write(
    directory: &Path,
    initial: &Environment,
    environment: &Environment,
    commands: &Commands,
) -> Result<(), SystemError> {
    let path = directory.join(NAME);
    let text = text(initial, environment, commands);
    fs::write(&path, text).map_err(failed("write", &path))
}

fn text(initial: &Environment, environment: &Environment, commands: &Commands) -> String {
    let mut text = String::new();
    for (name, value) in environment {
        if initial.get(name) == Some(value) {
            continue;
        }
        let comment = if COMMENTED.iter().any(|other| name == OsStr::new(other)) {
            "#"
        } else {
            ""
        };
        let value = value.to_string_lossy();
        text.push_str(&format!(
            "{comment}export {}={}\n",
            name.to_string_lossy(),
            quote(&value)
        ));
    }
    text.push_str(
        "echo \"The environment is set; without patches, hooks and other steps, the build is:\"\n",
    );
    let steps = [
        ("configure", &commands.configure),
        ("make", &commands.make),
        ("install", &commands.install),
    ];
    for (position, (step, command)) in steps.into_iter().enumerate() {
        if position > 0 {
            text.push_str("echo\n");
        }
        let command = format!("  {command}");
        text.push_str(&format!("echo {step} with:\necho {}\n", quote(&command)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_what_differs() {
        let environment = |pairs: &[(&str, &str)]| -> Environment {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect()
        };
        let initial = environment(&[("HOME", "/root"), ("PATH", "/bin")]);
        let now = environment(&[
            ("HOME", "/root"),
            ("PATH", "/x:/bin"),
            ("FOO", "it's"),
            ("TMPDIR", "/t"),
        ]);
        let commands = Commands {
            configure: "true ".to_owned(),
            make: "make ".to_owned(),
            install: "make  install".to_owned(),
        };
        let text = text(&initial, &now, &commands);
        let (exports, rest) = text.split_once("echo").expect("it says something");
        assert_eq!(
            exports,
            "export FOO='it'\"'\"'s'\nexport PATH=/x:/bin\n#export TMPDIR=/t\n"
        );
        assert!(rest.ends_with(
            "\necho configure with:\necho '  true '\necho\necho make with:\necho '  make '\necho\necho install with:\necho '  make  install'\n"
        ));
    }
}
