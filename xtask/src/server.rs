//! `ws serve --echo` as a child: started on a free port, ended when dropped.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use crate::{Failure, build::program, shell::shorten};

const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// Lines of standard error kept for the case that the server ends by itself.
const KEPT_LINES: usize = 20;

/// A running echo server.
#[derive(Debug)]
pub(crate) struct EchoServer {
    child: Child,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    /// Where it listens, as its ready line says.
    pub(crate) url: String,
}

impl EchoServer {
    /// Starts the release build on a free port of the loopback interface.
    pub(crate) fn start() -> Result<Self, Failure> {
        let ws = program("ws");
        println!("$ {} serve 127.0.0.1:0 --echo &", shorten(&ws));
        let mut child = Command::new(&ws)
            .args(["serve", "127.0.0.1:0", "--echo"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", ws.display()))?;
        let lines = child.stderr.take();
        let last_lines = Arc::new(Mutex::new(VecDeque::new()));
        let mut server = Self {
            child,
            last_lines: Arc::clone(&last_lines),
            url: String::new(),
        };
        let (ready, wait) = mpsc::channel();
        // Reads on to the end, so that the server never waits for its standard error to be read.
        thread::spawn(move || {
            for line in BufReader::new(lines?).lines().map_while(Result::ok) {
                if let Some(url) = find_url(&line) {
                    let _ = ready.send(url);
                }
                let mut last_lines = last_lines.lock().ok()?;
                last_lines.push_back(line);
                if last_lines.len() > KEPT_LINES {
                    last_lines.pop_front();
                }
            }
            Some(())
        });
        server.url = wait.recv_timeout(READY_TIMEOUT).map_err(|_| {
            format!(
                "{} printed no ws:// address within {READY_TIMEOUT:?}",
                ws.display()
            )
        })?;
        Ok(server)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            eprintln!("the server ended by itself ({status}); its last words:");
            for line in self.last_lines.lock().iter().flat_map(|lines| lines.iter()) {
                eprintln!("  {line}");
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first `ws://` address of a line, up to the first character that cannot belong to it.
fn find_url(line: &str) -> Option<String> {
    let address = &line[line.find("ws://")?..];
    let end = address
        .find(|c: char| c.is_whitespace() || "\"',;)".contains(c))
        .unwrap_or(address.len());
    Some(address[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address_in_a_ready_line() {
        let url = Some("ws://127.0.0.1:40123/".to_owned());
        assert_eq!(find_url("ws: listening on ws://127.0.0.1:40123/"), url);
        assert_eq!(find_url("ready (ws://127.0.0.1:40123/), echo"), url);
        assert_eq!(find_url("ws: error"), None);
    }
}
