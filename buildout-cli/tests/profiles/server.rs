//! A server that a generated script runs in the foreground.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, killed if a test ends without stopping it.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

/// Returns a port of loopback that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap_or_else(|error| panic!("cannot find a free port: {error}"))
        .port()
}

impl Server {
    /// Starts `command` and waits until it accepts connections on `port`; `log` is shown if it does
    /// not.
    pub(crate) fn start(mut command: Command, port: u16, log: &Path) -> Self {
        let process = command
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let mut server = Server { process, port };
        let start = Instant::now();
        while !server.accepts() {
            if let Some(status) = server.ended() {
                panic!("{command:?} ended with {status}: {}", log_text(log));
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{command:?} does not listen: {}",
                log_text(log)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Asks for a path and returns the whole answer.
    pub(crate) fn get(&self, path: &str) -> String {
        let ask = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().unwrap_or_else(|error: std::io::Error| panic!("GET {path}: {error}"))
    }

    /// Asks the server to end, as a supervisor does, and waits for that.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill failed");
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                assert!(!self.accepts(), "somebody still listens after the end");
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn accepts(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.process
            .try_wait()
            .unwrap_or_else(|error| panic!("cannot wait for the server: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            // SIGTERM, because nginx's workers outlive a killed master.
            let id = self.process.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let _ = self.process.wait();
        }
    }
}

fn log_text(log: &Path) -> String {
    std::fs::read_to_string(log)
        .unwrap_or_else(|error| format!("(no log in {}: {error})", log.display()))
}
