//! Pages that list files: the Simple API in JSON (PEP 691) and HTML (PEP 503),
//! and any other page with links.

use buildout_core::fetch::{
    Algorithm, ExpectedDigests, InvalidDigest, RedactedUrl, resolve_reference, split_url_digest,
};

use super::candidate::MetadataFile;
use super::json::Json;

/// One link to a file, with what the page says about it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) url: RedactedUrl,
    pub(super) file_name: String,
    pub(super) digests: ExpectedDigests,
    pub(super) unverifiable: Option<InvalidDigest>,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: Option<String>,
    pub(super) metadata_file: MetadataFile,
    pub(super) size: Option<u64>,
}

/// A page that is not what it says it is.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPage {
    /// It is no JSON.
    #[error("the page is no JSON")]
    Json(#[source] serde_json::Error),
    /// The version of the API is not known.
    #[error("the page has version `{version}` of the simple API, and 1 is supported")]
    Version {
        /// The version as written.
        version: String,
    },
    /// The JSON is no list of files.
    #[error("the page has no list of files")]
    NoFiles,
}

impl Link {
    /// Makes a link of a URL that may have digests behind `#`.
    pub(super) fn to(url: &RedactedUrl) -> Self {
        let text = url.exposed();
        let (base, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (digests, unverifiable) = match split_url_digest(text) {
            Ok((_, digests)) => (digests, None),
            // Not every fragment is meant to be a digest.
            Err(InvalidDigest::UnknownFragment { .. }) => (ExpectedDigests::none(), None),
            Err(error) => (ExpectedDigests::none(), Some(error)),
        };
        let is_digest = !digests.is_empty() || unverifiable.is_some() || fragment.is_empty();
        Link {
            file_name: file_name_of(base),
            url: RedactedUrl::new(if is_digest { base } else { text }),
            digests,
            unverifiable,
            requires_python: None,
            yanked: None,
            metadata_file: MetadataFile::Unknown,
            size: None,
        }
    }
}

/// Returns the last component of a URL's path, decoded.
fn file_name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    percent_decode(name)
}

/// Decodes `%41`; what is no text afterwards stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

/// Reads a page of PEP 691. Of a file without name or URL no notice is taken, nor of
/// one whose name is not wanted.
pub(super) fn parse_json(
    body: &[u8],
    page: &RedactedUrl,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Link>, InvalidPage> {
    let document = Json::read(body, is_wanted).map_err(InvalidPage::Json)?;
    let version = document
        .get("meta")
        .and_then(|meta| meta.get("api-version"));
    let version = version.and_then(Json::text).unwrap_or("1.0");
    if version.split('.').next() != Some("1") {
        return Err(InvalidPage::Version {
            version: version.to_owned(),
        });
    }
    let Some(Json::Array(files)) = document.get("files") else {
        return Err(InvalidPage::NoFiles);
    };
    let link = |file: &Json<'_>| {
        let text = |name: &str| file.get(name).and_then(Json::text);
        let (file_name, url) = (text("filename")?, text("url")?);
        let mut link = Link::to(&resolve_reference(page, url)?);
        file_name.clone_into(&mut link.file_name);
        let (digests, unverifiable) = digests_of(file.get("hashes"));
        if digests != ExpectedDigests::none() || unverifiable.is_some() {
            link.digests = digests;
            link.unverifiable = unverifiable;
        }
        link.requires_python = text("requires-python").map(str::to_owned);
        link.yanked = match file.get("yanked") {
            Some(Json::Text(reason)) => Some(reason.to_string()),
            Some(Json::Bool(true)) => Some(String::new()),
            _ => None,
        };
        link.size = match file.get("size") {
            Some(Json::Number(size)) => Some(*size),
            _ => None,
        };
        link.metadata_file = ["core-metadata", "dist-info-metadata"]
            .into_iter()
            .find_map(|key| file.get(key))
            .map_or(MetadataFile::Unknown, |value| match value {
                Json::Bool(false) => MetadataFile::Absent,
                Json::Bool(true) => MetadataFile::Present(ExpectedDigests::none()),
                digests => MetadataFile::Present(digests_of(Some(digests)).0),
            });
        Some(link)
    };
    Ok(files.iter().filter_map(link).collect())
}

/// Reads the digests of a file. If there are some, and none of them can be
/// verified here, the file cannot be.
fn digests_of(hashes: Option<&Json<'_>>) -> (ExpectedDigests, Option<InvalidDigest>) {
    let mut digests = ExpectedDigests::none();
    let mut problem = None;
    for (name, digest) in hashes.into_iter().flat_map(Json::members) {
        let algorithm = match &**name {
            "md5" => Algorithm::Md5,
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            name => {
                let name = name.to_owned();
                problem = Some(InvalidDigest::UnsupportedAlgorithm { name });
                continue;
            }
        };
        if let Err(error) = digests.set(algorithm, digest.text().unwrap_or_default()) {
            return (ExpectedDigests::none(), Some(error));
        }
    }
    let problem = problem.filter(|_| digests.is_empty());
    (digests, problem)
}

/// Reads the links of an HTML page, with the attributes of PEP 503, 592, 658
/// and 714. `base` elements are followed.
pub(super) fn parse_html(body: &str, page: &RedactedUrl) -> Vec<Link> {
    let mut base = page.clone();
    let mut links = Vec::new();
    let elements = Elements { rest: body };
    for element in elements {
        let Some(href) = element.attribute("href") else {
            continue;
        };
        let Some(url) = resolve_reference(&base, href.trim()) else {
            continue;
        };
        if element.name.eq_ignore_ascii_case("base") {
            base = url;
            continue;
        }
        let mut link = Link::to(&url);
        link.requires_python = element.attribute("data-requires-python");
        link.yanked = element.attribute("data-yanked");
        link.metadata_file = ["data-core-metadata", "data-dist-info-metadata"]
            .into_iter()
            .find_map(|name| element.attribute(name))
            .map_or(MetadataFile::Unknown, |value| {
                let fragment = format!("#{value}");
                MetadataFile::Present(match split_url_digest(&fragment) {
                    Ok((_, digests)) => digests,
                    Err(_) => ExpectedDigests::none(),
                })
            });
        links.push(link);
    }
    links
}

/// A start tag `a` or `base`.
struct Element<'a> {
    name: &'a str,
    attributes: &'a str,
}

impl Element<'_> {
    /// Returns the value of an attribute, decoded; empty for one without value.
    fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest
                .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/'))
                .unwrap_or(rest.len())
                .max(rest.chars().next().map_or(0, char::len_utf8));
            let (found, after) = rest.split_at(end);
            let mut value = "";
            rest = after;
            if let Some(after) = after.trim_start().strip_prefix('=') {
                let after = after.trim_start();
                (value, rest) = match after.chars().next() {
                    Some(quote @ ('"' | '\'')) => {
                        after[1..].split_once(quote).unwrap_or((&after[1..], ""))
                    }
                    _ => {
                        let end = after.find(|c: char| c.is_ascii_whitespace());
                        after.split_at(end.unwrap_or(after.len()))
                    }
                };
            }
            if found.eq_ignore_ascii_case(name) {
                return Some(decode_entities(value));
            }
        }
    }
}

/// The start tags `a` and `base` of a page, in order.
struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let (_, tag) = self.rest.split_once('<')?;
            if let Some(comment) = tag.strip_prefix("!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let length = tag
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(tag.len());
            let (name, after) = tag.split_at(length);
            let end = end_of_tag(after);
            self.rest = &after[end..];
            if name.eq_ignore_ascii_case("a") || name.eq_ignore_ascii_case("base") {
                return Some(Element {
                    name,
                    attributes: &after[..end],
                });
            }
        }
    }
}

/// Returns where the `>` is that ends a tag: one in quotes does not.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    text.len()
}

/// Decodes the character references that occur in attributes.
fn decode_entities(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        // The longest names of those below have ten characters at most.
        let end = after.bytes().take(10).position(|byte| byte == b';');
        let reference = end.map(|end| (&after[..end], &after[end + 1..]));
        let character = reference.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            name => {
                let digits = name.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => digits.parse(),
                };
                char::from_u32(code.ok()?)
            }
        });
        match (character, reference) {
            (Some(character), Some((_, after))) => {
                decoded.push(character);
                rest = after;
            }
            _ => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn page() -> RedactedUrl {
        RedactedUrl::new("http://me:secret@h/simple/a/")
    }

    #[test]
    fn a_json_page_tells_everything() {
        let body = format!(
            r#"{{"meta": {{"api-version": "1.1"}}, "name": "a", "files": [
            {{"filename": "a-1.tar.gz", "url": "../../f/a-1.tar.gz",
              "hashes": {{"sha256": "{SHA256}"}}, "requires-python": ">=3.8",
              "yanked": "broken", "size": 7, "core-metadata": {{"sha256": "{SHA256}"}}}},
            {{"filename": "a-2.tar.gz", "url": "http://o/a-2.tar.gz#sha256=zz",
              "hashes": {{"blake2b": "00"}}, "yanked": false, "core-metadata": false}},
            {{"filename": "a-3.tar.gz", "url": "http://o/a%2D3.tar.gz", "hashes": {{}}}},
            {{"url": 3}}]}}"#
        );
        let links = parse_json(body.as_bytes(), &page(), &|_| true).unwrap();
        let names = |links: &[Link]| -> Vec<String> {
            links.iter().map(|link| link.file_name.clone()).collect()
        };
        let wanted = parse_json(body.as_bytes(), &page(), &|name| name != "a-2.tar.gz").unwrap();
        assert_eq!(names(&wanted), ["a-1.tar.gz", "a-3.tar.gz"]);
        let urls: Vec<_> = links.iter().map(|link| link.url.exposed()).collect();
        assert_eq!(
            urls,
            [
                "http://me:secret@h/f/a-1.tar.gz",
                "http://o/a-2.tar.gz",
                "http://o/a%2D3.tar.gz"
            ]
        );
        let first = &links[0];
        let sha256 = first
            .digests
            .sha256
            .map(|digest| buildout_core::fetch::encode_hex(&digest));
        assert_eq!(sha256.as_deref(), Some(SHA256));
        assert_eq!(first.requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(first.yanked.as_deref(), Some("broken"));
        assert_eq!(first.size, Some(7));
        assert!(
            matches!(&first.metadata_file, MetadataFile::Present(digests) if !digests.is_empty())
        );
        assert!(links[1].unverifiable.is_some() && links[1].yanked.is_none());
        assert_eq!(links[1].metadata_file, MetadataFile::Absent);
        assert!(links[2].unverifiable.is_none() && links[2].digests.is_empty());
        assert_eq!(links[2].metadata_file, MetadataFile::Unknown);
    }

    #[test]
    fn other_json_is_an_error() {
        for (body, message) in [
            ("<html>", "the page is no JSON"),
            ("{}", "the page has no list of files"),
            (
                r#"{"meta": {"api-version": "2.0"}, "files": []}"#,
                "the page has version `2.0` of the simple API, and 1 is supported",
            ),
            (&"[".repeat(100_000), "the page is no JSON"),
            (
                r#"{"files": [{"filename": "a", "x": [1}]}"#,
                "the page is no JSON",
            ),
            (r#"{"files": []} x"#, "the page is no JSON"),
            ("[]", "the page has no list of files"),
        ] {
            let error = parse_json(body.as_bytes(), &page(), &|_| false).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn an_html_page_tells_everything() {
        let body = format!(
            r#"<!DOCTYPE html><!-- <a href="no"> --><body><br/>
            <A HREF='a-1.tar.gz#sha256={SHA256}' data-requires-python="&gt;=3.8"
               data-yanked data-core-metadata="sha256={SHA256}">a > 1</a>
            <a name=x href=a-2.tar.gz#md5=zz>
            <base href="http://o/&#x66;/"><a title=">" href="a%2D3.zip#egg=a-3">
            <abbr href="no"><a href="http://[">"#
        );
        let links = parse_html(&body, &page());
        let urls: Vec<_> = links.iter().map(|link| link.url.exposed()).collect();
        assert_eq!(
            urls,
            [
                "http://me:secret@h/simple/a/a-1.tar.gz",
                "http://me:secret@h/simple/a/a-2.tar.gz",
                "http://o/f/a%2D3.zip#egg=a-3",
            ]
        );
        assert_eq!(links[0].requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(links[0].yanked.as_deref(), Some(""));
        assert!(links[0].digests.sha256.is_some());
        assert!(matches!(links[0].metadata_file, MetadataFile::Present(_)));
        assert!(links[1].unverifiable.is_some());
        assert_eq!(links[2].file_name, "a-3.zip");
    }
}
