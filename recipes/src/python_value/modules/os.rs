//! `os`, as far as it only looks.

use super::super::{Arguments, Object, Raised};
use super::path::PATH;
use super::{Member, Module};

pub(super) static OS: Module = Module {
    name: "os",
    members: &[
        ("curdir", Member::Object(|| ".".into())),
        (
            "getegid",
            Member::Function(|arguments| {
                identity(arguments, "getegid", || rustix::process::getegid().as_raw())
            }),
        ),
        (
            "geteuid",
            Member::Function(|arguments| {
                identity(arguments, "geteuid", || rustix::process::geteuid().as_raw())
            }),
        ),
        (
            "getgid",
            Member::Function(|arguments| {
                identity(arguments, "getgid", || rustix::process::getgid().as_raw())
            }),
        ),
        (
            "getuid",
            Member::Function(|arguments| {
                identity(arguments, "getuid", || rustix::process::getuid().as_raw())
            }),
        ),
        ("linesep", Member::Object(|| "\n".into())),
        ("name", Member::Object(|| "posix".into())),
        ("path", Member::Module(&PATH)),
        ("pathsep", Member::Object(|| ":".into())),
        ("sep", Member::Object(|| "/".into())),
    ],
};

fn identity(arguments: Arguments, name: &str, number: fn() -> u32) -> Raised<Object> {
    let [] = arguments.exactly(name)?;
    Ok(Object::Int(number().into()))
}
