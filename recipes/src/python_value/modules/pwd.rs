//! `pwd`, as far as `/etc/passwd` knows the users: services such as LDAP are
//! not asked.

use super::super::container::{Tuple, TupleType};
use super::super::methods::int_argument;
use super::super::{Arguments, Exception, Object, Raised, repr};
use super::{Member, Module};
use std::rc::Rc;

pub(super) static PWD: Module = Module {
    name: "pwd",
    members: &[
        ("getpwnam", Member::Function(by_name)),
        ("getpwuid", Member::Function(by_number)),
    ],
};

static USER: TupleType = TupleType {
    name: "pwd.struct_passwd",
    fields: &[
        "pw_name",
        "pw_passwd",
        "pw_uid",
        "pw_gid",
        "pw_gecos",
        "pw_dir",
        "pw_shell",
    ],
    attribute: |_, _| Ok(None),
};

const USERS: &str = "/etc/passwd";

/// Returns the first user for whom something holds, of name and number.
fn find(is_wanted: impl Fn(&str, i128) -> bool) -> Raised<Option<Object>> {
    let users = std::fs::read_to_string(USERS)
        .map_err(|error| Exception::new("OSError", format!("failed to read {USERS}: {error}")))?;
    for line in users.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, password, user, group, comment, home, shell] = fields[..] else {
            continue;
        };
        let (Ok(user), Ok(group)) = (user.parse(), group.parse()) else {
            continue;
        };
        if is_wanted(name, user) {
            let fields = vec![
                name.into(),
                password.into(),
                Object::Int(user),
                Object::Int(group),
                comment.into(),
                home.into(),
                shell.into(),
            ];
            return Ok(Some(Object::Tuple(Rc::new(Tuple::named(&USER, fields)))));
        }
    }
    Ok(None)
}

fn by_number(arguments: Arguments) -> Raised<Object> {
    let [number] = arguments.exactly("getpwuid")?;
    let number = int_argument(&number)?;
    find(|_, user| user == number)?
        .ok_or_else(|| Exception::key_error(&format!("'getpwuid(): uid not found: {number}'")))
}

fn by_name(arguments: Arguments) -> Raised<Object> {
    let [wanted] = arguments.exactly("getpwnam")?;
    let Some(name) = wanted.as_str() else {
        return Err(Exception::type_error(format!(
            "getpwnam() argument must be str, not {}",
            wanted.type_name()
        )));
    };
    let found = find(|user, _| user == name)?;
    match found {
        Some(user) => Ok(user),
        None => Err(Exception::key_error(&repr(&Object::from(format!(
            "getpwnam(): name not found: {}",
            repr(&wanted)?
        )))?)),
    }
}
