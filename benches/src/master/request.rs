//! Reading HTTP requests.

use std::io::{self, BufRead, Read as _};

/// The longest request that is read, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A request as it came.
pub(super) struct Request {
    /// The first line, such as `GET /path HTTP/1.1`.
    pub(super) line: String,
    /// The fields of the head, each with its line end.
    pub(super) fields: Vec<String>,
    /// What follows the head.
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection; none if it was closed.
    pub(super) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut stream = stream.take(LIMIT);
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut fields = Vec::new();
        loop {
            let mut field = String::new();
            if stream.read_line(&mut field)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if field.trim_end().is_empty() {
                break;
            }
            fields.push(field);
        }
        let mut request = Request {
            line: line.trim_end().to_owned(),
            fields,
            body: Vec::new(),
        };
        let length = request.field("content-length").unwrap_or("0");
        let length: u64 = length
            .parse()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut body = Vec::new();
        stream.take(length).read_to_end(&mut body)?;
        request.body = body;
        Ok(Some(request))
    }

    /// Returns the value of a field of the head, whose name is in lower case.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|field| {
            let (found, value) = field.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns the path, without query.
    pub(super) fn path(&self) -> &str {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_a_connection_are_read_one_by_one() {
        let mut stream: &[u8] =
            b"GET /a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\nPOST /e HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\nxyz";
        let first = Request::read(&mut stream).unwrap().unwrap();
        assert_eq!(first.path(), "/a/b");
        assert_eq!(first.field("host"), Some("x"));
        assert!(first.body.is_empty());
        let second = Request::read(&mut stream).unwrap().unwrap();
        assert_eq!(second.line, "POST /e HTTP/1.1");
        assert_eq!(second.body, b"xyz");
        assert!(Request::read(&mut stream).unwrap().is_none());
        assert!(Request::read(&mut &b"GET / HTTP/1.1\r\n"[..]).is_err());
    }
}
