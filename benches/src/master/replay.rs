//! A master that answers at once.

use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::request::Request;

/// A master over HTTP that has one computer, prepared beforehand, and takes every
/// report. It serves until the process ends.
#[derive(Debug)]
pub struct ReplayServer {
    url: String,
}

impl ReplayServer {
    /// Starts to answer `getFullComputerInformation` with `document`.
    ///
    /// # Errors
    /// Loopback has no port.
    pub fn start(document: String) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let document = Arc::new(document);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let document = Arc::clone(&document);
                // A node that ends in the middle is its own matter.
                thread::spawn(move || serve(stream, &document));
            }
        });
        Ok(ReplayServer { url })
    }

    /// Returns where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn serve(mut stream: TcpStream, document: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut requests)? {
        let body = match request.path() {
            "/getFullComputerInformation" => document,
            _ => "OK",
        };
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        answer.push_str(body);
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use slap::{HttpMaster, HttpMasterOptions, Master as _, PartitionReference};

    use super::*;

    #[test]
    fn it_answers_any_number_of_questions() {
        let document = crate::master::computer_document("local", "/s.cfg", 2).unwrap();
        let server = ReplayServer::start(document).unwrap();
        let master = HttpMaster::new(HttpMasterOptions::new(server.url()));
        for _ in 0..2 {
            let computer = master.full_computer_information("local").unwrap();
            assert_eq!(computer.partitions.len(), 2);
            master
                .started(&PartitionReference::new("local", "slappart0"))
                .unwrap();
        }
    }
}
