//! How fast a script receives: measured and printed, never judged, for the machine may be busy.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WS_NATIVE_SPEED` | messages of 125 bytes for each figure | 2,000 |

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use crate::native_lifecycle::{start_server, url};
use crate::native_scenarios::{number, run};
use crate::support::{
    native::Host,
    scripted::{frame, upgrade},
};

const BYTES: usize = 125;

fn messages() -> u64 {
    number("WS_NATIVE_SPEED", 2000)
}

/// Our own client and server in one process, one call a message at both ends.
#[test]
fn receiving_has_a_speed() {
    let messages = messages();
    let figures = run("speed", &[("messages", messages), ("bytes", BYTES as u64)]);
    assert_eq!(figures["client_flowing"]["messages"], messages);
}

/// A peer that sends as fast as the system takes it, so that only the receiving end counts.
#[test]
fn what_floods_in_is_received_at_a_speed() {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    let port = start_server(&mut host, "s");
    let mut peer = TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    peer.write_all(REQUEST).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    // Before the first read a server keeps the newest messages only.
    host.fail("s", "GetNextConnectionData", &["i4:0"], "timeout");
    // A mask of zeros is one, too.
    let mut masked = frame(0x2, &[b'd'; BYTES]);
    masked[1] |= 0x80;
    masked.splice(2..2, [0; 4]);
    flood(&mut host, "s", "GetNextConnectionData", peer, masked);
    host.end("s");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        upgrade(&mut stream, None);
        stream
    });
    host.create("c", "Client", "manager");
    host.succeed("c", "CreateConnection", &[&url(port.into())]);
    let peer = server.join().unwrap();
    flood(
        &mut host,
        "c",
        "GetMessage",
        peer,
        frame(0x2, &[b'd'; BYTES]),
    );
    host.end("c");
    host.finish();
}

fn flood(host: &mut Host, object: &str, method: &str, mut peer: TcpStream, frame: Vec<u8>) {
    let messages = messages();
    let sender = thread::spawn(move || {
        const AT_ONCE: u64 = 500;
        let block = frame.repeat(usize::try_from(AT_ONCE).unwrap());
        let mut left = messages;
        while left > 0 {
            let count = left.min(AT_ONCE);
            let bytes = usize::try_from(count).unwrap() * frame.len();
            peer.write_all(&block[..bytes]).unwrap();
            left -= count;
        }
        peer
    });
    let (count, bytes) = (messages.to_string(), BYTES.to_string());
    let drained = host.ask(&["drain", object, method, &count, &bytes]);
    drop(sender.join().unwrap());
    let seconds = drained["ms"].as_f64().unwrap() / 1000.0;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = messages as f64 / seconds;
    // Each message takes two calls: what it is, and its payload.
    println!(
        "native flood: {method}: {rate:.0} messages/s, {:.0} calls/s",
        2.0 * rate
    );
}

/// The key is that of RFC 6455 §1.3.
const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
