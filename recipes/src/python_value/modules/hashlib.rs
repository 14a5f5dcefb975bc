//! `hashlib`.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use super::super::function::closure;
use super::super::methods::bytes::hexadecimal;
use super::super::{Arguments, Exception, Native, Object, Raised, to_str};
use super::{Member, Module};
use md5::Digest as _;

pub(super) static HASHLIB: Module = Module {
    name: "hashlib",
    members: &[
        ("md5", Member::Function(|arguments| hash("md5", arguments))),
        ("new", Member::Function(new)),
        (
            "sha1",
            Member::Function(|arguments| hash("sha1", arguments)),
        ),
        (
            "sha224",
            Member::Function(|arguments| hash("sha224", arguments)),
        ),
        (
            "sha256",
            Member::Function(|arguments| hash("sha256", arguments)),
        ),
        (
            "sha384",
            Member::Function(|arguments| hash("sha384", arguments)),
        ),
        (
            "sha512",
            Member::Function(|arguments| hash("sha512", arguments)),
        ),
    ],
};

const ALGORITHMS: &[&str] = &["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

fn digest(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        "md5" => md5::Md5::digest(bytes).to_vec(),
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        "sha224" => sha2::Sha224::digest(bytes).to_vec(),
        "sha384" => sha2::Sha384::digest(bytes).to_vec(),
        "sha512" => sha2::Sha512::digest(bytes).to_vec(),
        _ => sha2::Sha256::digest(bytes).to_vec(),
    }
}

/// A hash object: all that it was fed.
struct Hash {
    algorithm: &'static str,
    fed: RefCell<Vec<u8>>,
}

fn bytes(object: &Object) -> Raised<&[u8]> {
    match object {
        Object::Bytes(bytes) => Ok(bytes),
        Object::Str(_) | Object::Markup(_) => Err(Exception::type_error(
            "Strings must be encoded before hashing",
        )),
        Object::Undefined(undefined) => Err(undefined.error()),
        _ => Err(Exception::type_error(
            "object supporting the buffer API required",
        )),
    }
}

fn hash(algorithm: &'static str, arguments: Arguments) -> Raised<Object> {
    let names = ["string", "usedforsecurity"];
    let [string, _] = arguments.bind(algorithm, names, 0)?;
    let fed = match &string {
        Some(string) => bytes(string)?.to_vec(),
        None => Vec::new(),
    };
    Ok(Object::native(Hash {
        algorithm,
        fed: RefCell::new(fed),
    }))
}

fn new(mut arguments: Arguments) -> Raised<Object> {
    if arguments.positional.is_empty() {
        return Err(Exception::type_error(
            "new() missing required argument 'name'",
        ));
    }
    let name = to_str(&arguments.positional.remove(0))?.to_lowercase();
    match ALGORITHMS.iter().find(|known| **known == name) {
        Some(algorithm) => hash(algorithm, arguments),
        None => Err(Exception::value_error(format!(
            "unsupported hash type {name}"
        ))),
    }
}

impl Native for Hash {
    fn type_name(&self) -> &str {
        "HASH"
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<{} _hashlib.HASH object>", self.algorithm))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let result = digest(self.algorithm, &self.fed.borrow());
        Ok(Some(match name {
            "digest" => closure("digest", move |_| Ok(Object::bytes(result.clone()))),
            "hexdigest" => closure("hexdigest", move |_| Ok(Object::from(hexadecimal(&result)))),
            "update" => closure("update", move |arguments| {
                let [more] = arguments.exactly("update")?;
                self.fed.borrow_mut().extend_from_slice(bytes(&more)?);
                Ok(Object::None)
            }),
            "copy" => closure("copy", move |_| {
                Ok(Object::native(Hash {
                    algorithm: self.algorithm,
                    fed: self.fed.clone(),
                }))
            }),
            "name" => Object::from(self.algorithm),
            "digest_size" => Object::size(result.len()),
            _ => return Ok(None),
        }))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
