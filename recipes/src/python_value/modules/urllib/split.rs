//! URLs and their parts.

use std::rc::Rc;

use super::super::super::container::{Tuple, TupleType};
use super::super::super::function::closure;
use super::super::super::{Arguments, Exception, Object, Raised, collect};
use super::{ParsedUrl, string, text};

static SPLIT: TupleType = TupleType {
    name: "SplitResult",
    fields: &["scheme", "netloc", "path", "query", "fragment"],
    attribute: location_attribute,
};

static PARSED: TupleType = TupleType {
    name: "ParseResult",
    fields: &["scheme", "netloc", "path", "params", "query", "fragment"],
    attribute: location_attribute,
};

/// Schemes of which the last segment of the path may have parameters.
const WITH_PARAMETERS: &[&str] = &[
    "", "ftp", "hdl", "prospero", "http", "https", "shttp", "rtsp", "rtspu", "sip", "sips", "mms",
    "sftp", "tel",
];

/// Schemes whose URLs can be relative.
const RELATIVE: &[&str] = &[
    "", "ftp", "http", "gopher", "nntp", "imap", "wais", "file", "https", "shttp", "mms",
    "prospero", "rtsp", "rtspu", "sftp", "svn", "svn+ssh", "ws", "wss",
];

/// The parts of a URL: scheme, location, path, query and fragment.
struct Parts {
    scheme: String,
    location: String,
    path: String,
    query: String,
    fragment: String,
}

fn split(url: &str, default_scheme: &str) -> Raised<Parts> {
    let url = url.trim_matches(|character: char| character <= ' ');
    let url = url.replace(['\t', '\r', '\n'], "");
    let mut rest = url.as_str();
    let mut scheme = default_scheme.to_owned();
    if let Some((before, after)) = rest.split_once(':')
        && before.starts_with(|first: char| first.is_ascii_alphabetic())
        && before
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    {
        scheme = before.to_ascii_lowercase();
        rest = after;
    }
    let mut location = String::new();
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        location = after[..end].to_owned();
        rest = &after[end..];
        if location.contains('[') != location.contains(']') {
            return Err(Exception::value_error("Invalid IPv6 URL"));
        }
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    Ok(Parts {
        scheme,
        location,
        path: path.to_owned(),
        query: query.to_owned(),
        fragment: fragment.to_owned(),
    })
}

fn split_parameters(path: &str) -> (String, String) {
    let from = path.rfind('/').unwrap_or(0);
    match path[from..].find(';') {
        Some(at) => (
            path[..from + at].to_owned(),
            path[from + at + 1..].to_owned(),
        ),
        None => (path.to_owned(), String::new()),
    }
}

fn unsplit(parts: &Parts) -> String {
    let Parts {
        scheme,
        location,
        path,
        query,
        fragment,
    } = parts;
    let mut url = path.clone();
    let has_location = !location.is_empty()
        || (!scheme.is_empty() && RELATIVE.contains(&scheme.as_str()) && !url.starts_with("//"));
    if has_location {
        if !url.is_empty() && !url.starts_with('/') {
            url.insert(0, '/');
        }
        url = format!("//{location}{url}");
    }
    if !scheme.is_empty() {
        url = format!("{scheme}:{url}");
    }
    if !query.is_empty() {
        url = format!("{url}?{query}");
    }
    if !fragment.is_empty() {
        url = format!("{url}#{fragment}");
    }
    url
}

fn url_and_scheme(arguments: Arguments, function: &str) -> Raised<(String, String)> {
    let [url, scheme] = arguments.bind(function, ["url", "scheme"], 1)?;
    let scheme = scheme.map_or(Ok(String::new()), |scheme| text(Some(scheme)))?;
    Ok((text(url)?, scheme))
}

pub(super) fn urlsplit(arguments: Arguments) -> Raised<Object> {
    let (url, scheme) = url_and_scheme(arguments, "urlsplit")?;
    let parts = split(&url, &scheme)?;
    let items = [
        parts.scheme,
        parts.location,
        parts.path,
        parts.query,
        parts.fragment,
    ];
    let items = items.into_iter().map(Object::from).collect();
    Ok(Object::Tuple(Rc::new(Tuple::named(&SPLIT, items))))
}

/// Takes a URL apart for callers that are no templates.
pub(super) fn parse(url: &str) -> Raised<ParsedUrl> {
    let parts = split(url, "")?;
    let (path, params) = match WITH_PARAMETERS.contains(&parts.scheme.as_str()) {
        true => split_parameters(&parts.path),
        false => (parts.path, String::new()),
    };
    let location = Tuple::named(
        &SPLIT,
        vec![
            Object::from(parts.scheme.clone()),
            Object::from(parts.location),
        ],
    );
    let attribute = |name: &str| -> Raised<String> {
        match location_attribute(&location, name)? {
            None | Some(Object::None) => Ok(String::new()),
            Some(value) => string(&value),
        }
    };
    Ok(ParsedUrl {
        username: attribute("username")?,
        password: attribute("password")?,
        hostname: attribute("hostname")?,
        port: attribute("port")?,
        scheme: parts.scheme,
        path,
        params,
        query: parts.query,
        fragment: parts.fragment,
    })
}

pub(super) fn urlparse(arguments: Arguments) -> Raised<Object> {
    let (url, scheme) = url_and_scheme(arguments, "urlparse")?;
    let parts = split(&url, &scheme)?;
    let (path, parameters) = match WITH_PARAMETERS.contains(&parts.scheme.as_str()) {
        true => split_parameters(&parts.path),
        false => (parts.path, String::new()),
    };
    let items = [
        parts.scheme,
        parts.location,
        path,
        parameters,
        parts.query,
        parts.fragment,
    ];
    let items = items.into_iter().map(Object::from).collect();
    Ok(Object::Tuple(Rc::new(Tuple::named(&PARSED, items))))
}

/// Joins the items of a split or parsed URL.
fn join_items(items: &[Object]) -> Raised<String> {
    let texts: Raised<Vec<String>> = items.iter().map(string).collect();
    let texts = texts?;
    let parts = match &texts[..] {
        [scheme, location, path, query, fragment] => Parts {
            scheme: scheme.clone(),
            location: location.clone(),
            path: path.clone(),
            query: query.clone(),
            fragment: fragment.clone(),
        },
        [scheme, location, path, parameters, query, fragment] => Parts {
            scheme: scheme.clone(),
            location: location.clone(),
            path: match parameters.is_empty() {
                true => path.clone(),
                false => format!("{path};{parameters}"),
            },
            query: query.clone(),
            fragment: fragment.clone(),
        },
        other => {
            return Err(Exception::value_error(format!(
                "not enough values to unpack (got {})",
                other.len()
            )));
        }
    };
    Ok(unsplit(&parts))
}

pub(super) fn urlunsplit(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.exactly("urlunsplit")?;
    join_items(&collect(&items)?).map(Object::from)
}

pub(super) fn urlunparse(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.exactly("urlunparse")?;
    join_items(&collect(&items)?).map(Object::from)
}

pub(super) fn urljoin(arguments: Arguments) -> Raised<Object> {
    let [base, url] = arguments.bind("urljoin", ["base", "url"], 2)?;
    let (base, url) = (text(base)?, text(url)?);
    if base.is_empty() {
        return Ok(Object::from(url));
    }
    if url.is_empty() {
        return Ok(Object::from(base));
    }
    let base_parts = split(&base, "")?;
    let mut parts = split(&url, &base_parts.scheme)?;
    if parts.scheme != base_parts.scheme || !RELATIVE.contains(&parts.scheme.as_str()) {
        return Ok(Object::from(url));
    }
    if !parts.location.is_empty() {
        return Ok(Object::from(unsplit(&parts)));
    }
    parts.location = base_parts.location;
    if parts.path.is_empty() {
        parts.path = base_parts.path;
        if parts.query.is_empty() {
            parts.query = base_parts.query;
        }
        return Ok(Object::from(unsplit(&parts)));
    }
    let mut segments: Vec<&str> = Vec::new();
    if !parts.path.starts_with('/') {
        segments.extend(base_parts.path.split('/'));
        segments.pop();
    }
    segments.extend(parts.path.split('/'));
    let last = segments.last().copied().unwrap_or_default();
    let mut resolved: Vec<&str> = Vec::new();
    let count = segments.len();
    for (index, segment) in segments.into_iter().enumerate() {
        match segment {
            ".." => {
                resolved.pop();
            }
            "." => {}
            "" if index > 0 && index + 1 < count => {}
            other => resolved.push(other),
        }
    }
    if matches!(last, "." | "..") {
        resolved.push("");
    }
    let path = resolved.join("/");
    parts.path = if path.is_empty() {
        "/".to_owned()
    } else {
        path
    };
    if !parts.path.starts_with('/') && !parts.location.is_empty() {
        parts.path.insert(0, '/');
    }
    Ok(Object::from(unsplit(&parts)))
}

/// What a split URL computes of its location.
fn location_attribute(tuple: &Tuple, name: &str) -> Raised<Option<Object>> {
    let location = tuple.get(1).and_then(Object::as_str).unwrap_or_default();
    let (user, host) = match location.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, location),
    };
    let (host, port) = match host.split_once('[') {
        Some((_, bracketed)) => {
            let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
            (host, rest.strip_prefix(':'))
        }
        None => match host.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, None),
        },
    };
    let optional = |text: Option<&str>| text.map_or(Object::None, Object::from);
    Ok(Some(match name {
        "hostname" => {
            let (name, zone) = match host.split_once('%') {
                Some((name, zone)) => (name, format!("%{zone}")),
                None => (host, String::new()),
            };
            match host.is_empty() {
                true => Object::None,
                false => Object::from(format!("{}{zone}", name.to_lowercase())),
            }
        }
        "port" => match port.filter(|port| !port.is_empty()) {
            None => Object::None,
            Some(port) => {
                let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
                let number = port.parse::<i128>().ok().filter(|_| is_number);
                match number {
                    Some(number @ 0..=65535) => Object::Int(number),
                    Some(_) => {
                        return Err(Exception::value_error("Port out of range 0-65535"));
                    }
                    None => {
                        return Err(Exception::value_error(format!(
                            "Port could not be cast to integer value as {}",
                            buildout_core::value::str_repr(port)
                        )));
                    }
                }
            }
        },
        "username" => optional(user.map(|user| user.split(':').next().unwrap_or_default())),
        "password" => optional(user.and_then(|user| Some(user.split_once(':')?.1))),
        "geturl" => {
            let items = tuple.to_vec();
            closure("geturl", move |_| join_items(&items).map(Object::from))
        }
        "_replace" => {
            let Some(kind) = tuple.kind() else {
                return Ok(None);
            };
            let items = tuple.to_vec();
            closure("_replace", move |arguments| {
                let mut items = items.clone();
                for (name, value) in arguments.keywords {
                    let at = kind.fields.iter().position(|field| **field == *name);
                    let at = at.ok_or_else(|| {
                        Exception::value_error(format!("Got unexpected field names: ['{name}']"))
                    })?;
                    items[at] = value;
                }
                Ok(Object::Tuple(Rc::new(Tuple::named(kind, items))))
            })
        }
        _ => return Ok(None),
    }))
}
