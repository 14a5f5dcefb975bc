//! Where a master is, and how fields travel to it.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use buildout_core::fetch::RedactedUrl;

/// Returns the URL below which the calls are: with a slash at its end, and
/// brackets around an IPv6 address that has none (`_addIpv6Brackets`).
pub(crate) fn base_url(master_url: &str) -> String {
    let mut url = with_brackets(master_url).unwrap_or_else(|| master_url.to_owned());
    if !url.ends_with('/') {
        url.push('/');
    }
    url
}

fn with_brackets(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    let host = if let Ok(address) = host.parse::<Ipv6Addr>() {
        format!("[{address}]")
    } else {
        let (host, port) = host.rsplit_once(':')?;
        let address = host.parse::<Ipv6Addr>().ok()?;
        format!("[{address}]:{port}")
    };
    Some(format!("{scheme}://{host}{rest}"))
}

/// Writes fields as a form, or as the query of a URL, byte for byte as
/// Python's `urlencode` does.
pub(crate) fn encode_fields(fields: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        quote_plus(name, &mut text);
        text.push('=');
        quote_plus(value, &mut text);
    }
    text
}

fn quote_plus(value: &str, text: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
}

/// Returns a URL for messages.
pub(crate) fn shown(url: &str) -> String {
    RedactedUrl::new(url).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_their_brackets() {
        for (written, base) in [
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/"),
            ("http://127.0.0.1:4000/", "http://127.0.0.1:4000/"),
            ("https://slap.example/api", "https://slap.example/api/"),
            ("http://[2001:db8::1]:4000", "http://[2001:db8::1]:4000/"),
            ("http://[::1]/", "http://[::1]/"),
            ("http://2001:db8::1", "http://[2001:db8::1]/"),
            // This could be a port, but is an address as a whole.
            ("http://2001:db8::1:4000", "http://[2001:db8::1:4000]/"),
            (
                "http://2001:db8:0:0:0:0:0:1:4000/a",
                "http://[2001:db8::1]:4000/a/",
            ),
            ("http://fd00::ffff:12345", "http://[fd00::ffff]:12345/"),
            ("no URL", "no URL/"),
        ] {
            assert_eq!(base_url(written), base, "{written}");
        }
    }

    #[test]
    fn fields_are_quoted_as_python_does() {
        let fields = [
            ("a", "x y/é~".to_owned()),
            ("empty", String::new()),
            ("b", "&=+*".to_owned()),
        ];
        assert_eq!(
            encode_fields(&fields),
            "a=x+y%2F%C3%A9~&empty=&b=%26%3D%2B%2A"
        );
    }
}
