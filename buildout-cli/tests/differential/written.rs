//! The cases written by hand, one directory each below `testdata/cases`.
//!
//! All files of the directory are the case's files, except `commands`, whose lines are
//!
//! - `# ...` and empty lines: comments;
//! - `@dialect slapos`: compare with zc.buildout 3.0.1 (the default is `upstream`, with 6.0.1);
//! - `@files`: after each command also compare the files on disk and the installed state;
//! - `@env NAME=VALUE`, `@copy FROM TO`, `@remove PATH`;
//! - `resolve ARGUMENT...`: compare the resolved values of all sections;
//! - anything else: the arguments of one run. `'...'` groups, and within it `\n` is a newline.
//!
//! `@ROOT@` stands for the case's directory everywhere. Without a `commands` file the commands are
//! `annotate`, `-v annotate` and `resolve`. No expected output is recorded anywhere.

use std::fs;
use std::path::Path;

use crate::case::{Case, Dialect, Step};

/// Reads all cases below a directory, sorted by name.
pub(crate) fn read_cases(directory: &Path) -> Result<Vec<Case>, String> {
    let mut names = Vec::new();
    let failed = |error: std::io::Error| format!("cannot list {}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    names
        .iter()
        .map(|name| {
            let name = name.to_str().ok_or("a case's name is not UTF-8")?;
            read_case(name, &directory.join(name))
        })
        .collect()
}

fn read_case(name: &str, directory: &Path) -> Result<Case, String> {
    let mut case = Case::new(name, Dialect::Upstream);
    collect_files(directory, "", &mut case)?;
    match case.files.remove("commands") {
        None => case.steps = standard_steps(),
        Some(bytes) => {
            let text = String::from_utf8(bytes)
                .map_err(|error| format!("{name}/commands is not UTF-8: {error}"))?;
            for line in text.lines() {
                read_command(line, &mut case)
                    .map_err(|problem| format!("{name}/commands: {problem}: {line}"))?;
            }
        }
    }
    Ok(case)
}

/// The steps of a case that names none.
pub(crate) fn standard_steps() -> Vec<Step> {
    vec![
        Step::Run(vec!["annotate".into()]),
        Step::Run(vec!["-v".into(), "annotate".into()]),
        Step::Resolve(Vec::new()),
    ]
}

fn collect_files(directory: &Path, prefix: &str, case: &mut Case) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let path = format!(
            "{prefix}{}",
            name.to_str().ok_or("a file's name is not UTF-8")?
        );
        if entry.file_type().map_err(failed)?.is_dir() {
            collect_files(&entry.path(), &format!("{path}/"), case)?;
        } else {
            case.files
                .insert(path, fs::read(entry.path()).map_err(failed)?);
        }
    }
    Ok(())
}

fn read_command(line: &str, case: &mut Case) -> Result<(), String> {
    if line.starts_with('#') || line.trim().is_empty() {
        return Ok(());
    }
    let mut words = split_words(line)?;
    match (words[0].as_str(), words.len()) {
        ("@dialect", 2) if words[1] == "slapos" => case.dialect = Dialect::Slapos,
        ("@files", 1) => case.compares_files = true,
        ("@env", 2) => {
            let (name, value) = words[1].split_once('=').ok_or("no `=`")?;
            case.environment.push((name.to_owned(), value.to_owned()));
        }
        ("@copy", 3) => case
            .steps
            .push(Step::Copy(words.remove(1), words.remove(1))),
        ("@remove", 2) => case.steps.push(Step::Remove(words.remove(1))),
        (word, _) if word.starts_with('@') && !word.starts_with("@ROOT@") => {
            return Err("unknown directive".into());
        }
        ("resolve", _) => case.steps.push(Step::Resolve(words.split_off(1))),
        _ => case.steps.push(Step::Run(words)),
    }
    Ok(())
}

/// Splits at blanks outside of `'...'`.
fn split_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quoted {
        return Err("unbalanced quote".into());
    }
    words.extend(word);
    Ok(words
        .into_iter()
        .map(|word| word.replace("\\n", "\n"))
        .collect())
}
