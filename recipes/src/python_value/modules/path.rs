//! `os.path`. Relative paths that are looked at must not depend on the current
//! directory, which is not the template's to know: they do not exist.

use std::path::Path;

use super::super::{Arguments, Exception, Object, Raised, collect};
use super::{Member, Module};
use buildout_core::extends::normalize_path;

pub(super) static PATH: Module = Module {
    name: "os.path",
    members: MEMBERS,
};

pub(super) static POSIXPATH: Module = Module {
    name: "posixpath",
    members: MEMBERS,
};

/// A function of one path that makes a text.
macro_rules! text {
    ($name:literal, $apply:expr) => {
        (
            $name,
            Member::Function(|arguments| {
                let apply: fn(&str) -> String = $apply;
                Ok(Object::from(apply(&path_of(arguments, $name)?)))
            }),
        )
    };
}

/// A function of one path that tells something.
macro_rules! test {
    ($name:literal, $apply:expr) => {
        (
            $name,
            Member::Function(|arguments| {
                let apply: fn(&Path) -> bool = $apply;
                let path = path_of(arguments, $name)?;
                Ok(Object::Bool(
                    path.starts_with('/') && apply(Path::new(&path)),
                ))
            }),
        )
    };
}

/// A function of one path that makes a pair.
macro_rules! pair {
    ($name:literal, $apply:expr) => {
        (
            $name,
            Member::Function(|arguments| {
                let apply: fn(&str) -> (String, String) = $apply;
                let (first, second) = apply(&path_of(arguments, $name)?);
                Ok(Object::tuple(vec![first.into(), second.into()]))
            }),
        )
    };
}

const MEMBERS: &[(&str, Member)] = &[
    text!("basename", |path| split(path).1),
    text!("dirname", |path| split(path).0),
    text!("normpath", normalize),
    text!("realpath", |path| {
        let real = std::fs::canonicalize(path);
        match real.ok().filter(|_| path.starts_with('/')) {
            Some(real) => real.to_string_lossy().into_owned(),
            None => normalize(path),
        }
    }),
    test!("exists", Path::exists),
    test!("isdir", Path::is_dir),
    test!("isfile", Path::is_file),
    test!("islink", Path::is_symlink),
    test!("lexists", |path| path.symlink_metadata().is_ok()),
    pair!("split", split),
    pair!("splitext", split_extension),
    ("commonprefix", Member::Function(common_prefix)),
    (
        "isabs",
        Member::Function(|arguments| {
            Ok(Object::Bool(path_of(arguments, "isabs")?.starts_with('/')))
        }),
    ),
    ("join", Member::Function(join)),
    ("pathsep", Member::Object(|| ":".into())),
    ("relpath", Member::Function(relpath)),
    ("sep", Member::Object(|| "/".into())),
];

fn text_of(object: &Object) -> Raised<&str> {
    if let Object::Undefined(undefined) = object {
        return Err(undefined.error());
    }
    object.as_str().ok_or_else(|| {
        Exception::type_error(format!(
            "expected str, bytes or os.PathLike object, not {}",
            object.type_name()
        ))
    })
}

fn path_of(arguments: Arguments, name: &str) -> Raised<String> {
    let [path] = arguments.exactly(name)?;
    text_of(&path).map(ToOwned::to_owned)
}

fn split(path: &str) -> (String, String) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (head, tail) = path.split_at(at);
    let trimmed = head.trim_end_matches('/');
    let head = if trimmed.is_empty() { head } else { trimmed };
    (head.to_owned(), tail.to_owned())
}

fn split_extension(path: &str) -> (String, String) {
    let start = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[start..];
    let dots = name.len() - name.trim_start_matches('.').len();
    match name[dots..].rfind('.') {
        Some(at) => {
            let at = start + dots + at;
            (path[..at].to_owned(), path[at..].to_owned())
        }
        None => (path.to_owned(), String::new()),
    }
}

fn normalize(path: &str) -> String {
    normalize_path(path).to_string()
}

fn join(arguments: Arguments) -> Raised<Object> {
    let parts = arguments.without_keywords("join")?;
    let mut parts = parts.iter();
    let Some(first) = parts.next() else {
        return Err(Exception::type_error(
            "join() missing 1 required positional argument: 'a'",
        ));
    };
    let mut joined = text_of(first)?.to_owned();
    for part in parts {
        let part = text_of(part)?;
        if part.starts_with('/') {
            joined.clear();
        } else if !joined.is_empty() && !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(part);
    }
    Ok(Object::from(joined))
}

fn relpath(arguments: Arguments) -> Raised<Object> {
    let [path, start] = arguments.exactly("relpath")?;
    let (path, start) = (normalize(text_of(&path)?), normalize(text_of(&start)?));
    if path.starts_with('/') != start.starts_with('/') {
        return Err(Exception::new(
            "NotImplementedError",
            "os.path.relpath of a relative and an absolute path is not supported",
        ));
    }
    let segments = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        parts.map(ToOwned::to_owned).collect()
    };
    let (path, start) = (segments(&path), segments(&start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); start.len() - common];
    parts.extend_from_slice(&path[common..]);
    Ok(Object::from(match parts.is_empty() {
        true => ".".to_owned(),
        false => parts.join("/"),
    }))
}

fn common_prefix(arguments: Arguments) -> Raised<Object> {
    let [paths] = arguments.exactly("commonprefix")?;
    let paths = collect(&paths)?;
    let texts: Raised<Vec<&str>> = paths.iter().map(text_of).collect();
    let texts = texts?;
    let Some(first) = texts.first() else {
        return Ok(Object::from(""));
    };
    let is_common = |length: &usize| {
        let prefix = first.get(..*length);
        prefix.is_some_and(|prefix| texts.iter().all(|text| text.starts_with(prefix)))
    };
    let length = (0..=first.len()).rev().find(is_common).unwrap_or(0);
    Ok(Object::from(&first[..length]))
}
