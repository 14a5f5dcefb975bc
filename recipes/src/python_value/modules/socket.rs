//! `socket`, as far as it opens none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::methods::int_argument;
use super::super::{Arguments, Exception, Object, Raised};
use super::netaddr::ipv6_text;
use super::{Member, Module};

const INTERNET: i128 = 2;
const INTERNET_6: i128 = 10;

pub(super) static SOCKET: Module = Module {
    name: "socket",
    members: &[
        ("AF_INET", Member::Object(|| Object::Int(INTERNET))),
        ("AF_INET6", Member::Object(|| Object::Int(INTERNET_6))),
        ("AF_UNIX", Member::Object(|| Object::Int(1))),
        ("SOCK_DGRAM", Member::Object(|| Object::Int(2))),
        ("SOCK_STREAM", Member::Object(|| Object::Int(1))),
        ("gethostname", Member::Function(host_name)),
        ("has_ipv6", Member::Object(|| Object::Bool(true))),
        ("inet_ntop", Member::Function(to_text)),
        ("inet_pton", Member::Function(to_bytes)),
    ],
};

fn host_name(arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("gethostname")?;
    let name = rustix::system::uname();
    Ok(Object::from(&*name.nodename().to_string_lossy()))
}

fn to_bytes(arguments: Arguments) -> Raised<Object> {
    let [family, text] = arguments.exactly("inet_pton")?;
    let family = int_argument(&family)?;
    let Some(text) = text.as_str() else {
        return Err(Exception::type_error(format!(
            "inet_pton() argument 2 must be str, not {}",
            text.type_name()
        )));
    };
    let address = match family {
        INTERNET => text.parse::<Ipv4Addr>().map(IpAddr::from),
        INTERNET_6 => text.parse::<Ipv6Addr>().map(IpAddr::from),
        _ => return Err(unknown_family()),
    };
    match address {
        Ok(IpAddr::V4(address)) => Ok(Object::bytes(&address.octets()[..])),
        Ok(IpAddr::V6(address)) => Ok(Object::bytes(&address.octets()[..])),
        Err(_) => Err(Exception::new(
            "OSError",
            "illegal IP address string passed to inet_pton",
        )),
    }
}

fn to_text(arguments: Arguments) -> Raised<Object> {
    let [family, packed] = arguments.exactly("inet_ntop")?;
    let family = int_argument(&family)?;
    let Object::Bytes(bytes) = &packed else {
        return Err(Exception::type_error(format!(
            "a bytes-like object is required, not '{}'",
            packed.type_name()
        )));
    };
    let wrong_length = |_| Exception::value_error("invalid length of packed IP address string");
    match family {
        INTERNET => {
            let octets: [u8; 4] = bytes[..].try_into().map_err(wrong_length)?;
            Ok(Object::from(Ipv4Addr::from(octets).to_string()))
        }
        INTERNET_6 => {
            let octets: [u8; 16] = bytes[..].try_into().map_err(wrong_length)?;
            Ok(Object::from(ipv6_text(Ipv6Addr::from(octets))))
        }
        _ => Err(unknown_family()),
    }
}

fn unknown_family() -> Exception {
    Exception::new(
        "OSError",
        "[Errno 97] Address family not supported by protocol",
    )
}
