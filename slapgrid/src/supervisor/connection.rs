//! One HTTP request over a Unix socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The longest answer that is read; the list of thousands of processes fits.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Posts `body` and returns the body of the answer. HTTP/1.0 is spoken: the
/// server closes the connection after its answer.
///
/// # Errors
///
/// Nobody listens, the answer does not come in time, or it is not `200`.
pub(super) fn post(
    socket: &Path,
    path: &str,
    body: &str,
    patience: Duration,
) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    read_answer(&answer)
}

fn read_answer(answer: &[u8]) -> io::Result<String> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| invalid("the connection was closed before the answer's head"))?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let body = &answer[end + 4..];
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    let code = status.split(' ').nth(1).unwrap_or_default();
    if code != "200" {
        return Err(invalid(&format!("the answer is {status:?}")));
    }
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            let length: usize = value.trim().parse().map_err(|_| invalid("a bad length"))?;
            if body.len() < length {
                return Err(invalid("the connection was closed within the answer"));
            }
            let body = body[..length].to_vec();
            return String::from_utf8(body).map_err(|_| invalid("the answer is not UTF-8"));
        }
    }
    String::from_utf8(body.to_vec()).map_err(|_| invalid("the answer is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_answers_count() {
        let good = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nokrest";
        assert_eq!(read_answer(good).unwrap(), "ok");
        for bad in [
            &b""[..],
            b"HTTP/1.0 200 OK\r\n",
            b"HTTP/1.0 500 Oh\r\n\r\nx",
            b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nx",
            b"HTTP/1.0 200 OK\r\n\r\n\xff",
        ] {
            assert!(read_answer(bad).is_err());
        }
    }
}
