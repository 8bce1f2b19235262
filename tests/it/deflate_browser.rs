//! Chromium talks to our server with permessage-deflate.
//!
//! A page from a loopback HTTP server connects, sends and compares, and reports with a request back to that server.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::Value;
use ws_server::{Config, DeflateConfig};
use ws_tests::{echo::EchoServer, process::Process, wait::TIMEOUT};

/// Sends strings and bytes of many sizes and expects each back; `EXTENSIONS` and the number of echoes go to `/result`.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><script>
const report = (result) => fetch("/result?" + encodeURIComponent(JSON.stringify(result)));
const socket = new WebSocket(location.hash.slice(1));
socket.binaryType = "arraybuffer";
const text = (size) => '{"id":12345,"name":"aé中🙂"} '.repeat(size / 32 + 1).slice(0, size);
const bytes = (size) => Uint8Array.from({ length: size }, (_, at) => (at * at * 31 + (at >> 3) * 17) & 0xff);
const sent = [];
for (const size of [0, 1, 5, 125, 126, 300, 300, 5000, 65535, 65536, 70000, 300]) sent.push(text(size), bytes(size));
sent.push("x".repeat(1 << 20));
let next = 0;
const same = (one, other) => typeof one === "string"
  ? one === other
  : other.byteLength === one.length && new Uint8Array(other).every((byte, at) => byte === one[at]);
socket.onopen = () => sent.forEach((message) => socket.send(message));
socket.onmessage = ({ data }) => {
  if (!same(sent[next], data)) return report({ error: `message ${next} came back otherwise` });
  if (++next === sent.length) socket.close(1000);
};
socket.onclose = ({ code }) => report({ code, echoes: next, expected: sent.length, extensions: socket.extensions });
</script>"#;

/// Serves the page, and gives what comes to `/result`.
fn page_server() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, results) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let sender = sender.clone();
            // Browsers open connections ahead, on which nothing may come.
            thread::spawn(move || {
                let mut head = BufReader::new(&stream).lines().map_while(Result::ok);
                let Some(first) = head.next() else { return };
                let _: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
                let target = first.split(' ').nth(1).unwrap_or_default();
                let body = if target == "/" { PAGE } else { "" };
                if let Some(result) = target.strip_prefix("/result?") {
                    let text = percent_decoded(result);
                    // The test may be over already.
                    let _ = sender.send(serde_json::from_str(&text).unwrap());
                }
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    (address, results)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().unwrap(), rest.next().unwrap()];
        let digits = std::str::from_utf8(&digits).unwrap();
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

fn check(config: DeflateConfig, extensions: &str) {
    let (page, results) = page_server();
    // Both are 127.0.0.1, so the page may connect.
    let server = EchoServer::start(Config::default().compression(Some(config)));
    let profile = tempfile::tempdir().unwrap();
    let _browser = Process::spawn(
        Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{page}/#ws://{}/", server.address())),
    );
    let result = results.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(result["extensions"], extensions, "{result}");
    assert_eq!(result["code"], 1000, "{result}");
    assert_eq!(result["echoes"], result["expected"], "{result}");
}

/// The preset that keeps nothing, and the one that takes the context over.
#[test]
fn chromium_compresses_with_our_server() {
    check(
        DeflateConfig::shared().threshold(0),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    );
    check(DeflateConfig::dedicated(), "permessage-deflate");
}
