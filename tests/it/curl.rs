//! curl as a client. Where it knows `ws://` it speaks WebSocket itself; everywhere it can ask for the upgrade and show
//! the answer and the first frame byte by byte.

use std::process::Command;

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};
use ws_tests::process::{Finished, Process};

/// RFC 6455 §1.3: the key of the example and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const GREETING: &str = "hello from the server\n";

/// Sends one text message to whoever connects.
struct Greeter;

impl Handler for Greeter {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        context: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        context.send_text(GREETING).unwrap();
        Ok(Accepted::new(()))
    }

    fn on_message(&mut self, _: &mut Context<'_, ()>, (): &mut (), _: Message<'_>) -> Flow {
        Flow::Continue
    }
}

pub(crate) fn curl(arguments: &[&str], url: &str) -> Process {
    let mut command = Command::new("curl");
    Process::spawn(
        command
            .args(["--silent", "--show-error", "--noproxy", "*"])
            .args(arguments)
            .arg(url),
    )
}

fn http(url: &str) -> String {
    url.replacen("ws://", "http://", 1)
}

#[test]
fn the_upgrade_is_answered_by_101_and_the_first_frame() {
    let server = Server::bind("127.0.0.1:0", Config::default()).unwrap();
    let url = format!("http://{}/", server.local_addr());
    let mut running = server.spawn(|_| Greeter).unwrap();
    let key = format!("Sec-WebSocket-Key: {KEY}");
    let headers = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        &key,
    ];
    let mut arguments = vec!["--http1.1", "--include", "--no-buffer"];
    arguments.extend(headers.iter().flat_map(|header| ["--header", *header]));

    let mut curl = curl(&arguments, &url);
    // The greeting ends with a line feed, so it ends a line of curl's output, too.
    let mut lines = Vec::new();
    let frame = curl.wait_for_stdout(|line| {
        lines.push(line.to_owned());
        line.ends_with(GREETING.trim_end()).then(|| line.to_owned())
    });
    assert_eq!(lines[0].trim_end(), "HTTP/1.1 101 Switching Protocols");
    assert!(
        lines
            .iter()
            .any(|line| line.trim_end() == format!("Sec-WebSocket-Accept: {ACCEPT}")),
        "{lines:?}"
    );
    // FIN and text, then the length, unmasked. The first byte is no UTF-8 by itself and is shown as U+FFFD.
    assert_eq!(frame, format!("\u{FFFD}\u{16}{}", GREETING.trim_end()));
    running.stop(ws_tests::wait::TIMEOUT).unwrap();
}

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let (_server, url) = Process::echo_server();
    // At the root there is a page for browsers.
    let elsewhere = format!("{}elsewhere", http(&url));
    let finished: Finished = curl(&["--include"], &elsewhere).finish();
    let text = finished.stdout_text();
    assert!(text.starts_with("HTTP/1.1 426 "), "{text}");
    assert!(
        text.to_ascii_lowercase()
            .contains("\r\nupgrade: websocket\r\n"),
        "{text}"
    );
}

#[test]
fn health_is_answered_by_200() {
    let (_server, url) = Process::echo_server();
    let format = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    assert_eq!(
        curl(&format, &format!("{}health", http(&url)))
            .finish()
            .stdout_text(),
        "200"
    );
}

/// Debian 12's curl does not know `ws://`; newer ones print each message as it comes.
#[test]
fn a_curl_that_knows_websocket_prints_the_message() {
    let version = Process::spawn(Command::new("curl").arg("--version")).finish();
    let protocols = version
        .stdout_text()
        .lines()
        .find(|line| line.starts_with("Protocols:"))
        .unwrap();
    let knows = protocols
        .split_whitespace()
        .any(|protocol| protocol == "ws");
    let server = Server::bind("127.0.0.1:0", Config::default()).unwrap();
    let url = format!("ws://{}/", server.local_addr());
    let mut running = server.spawn(|_| Greeter).unwrap();
    let mut curl = curl(&["--no-buffer"], &url);
    if knows {
        curl.wait_for_stdout(|line| (line == GREETING.trim_end()).then_some(()));
    } else {
        // 1: the protocol is not supported, says curl itself; the tests above stand in.
        assert_eq!(curl.finish().code, Some(1));
    }
    running.stop(ws_tests::wait::TIMEOUT).unwrap();
}
