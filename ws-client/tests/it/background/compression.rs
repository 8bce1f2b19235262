//! Compression over a queue and over several connections: what leaves is compressed as it leaves, and each connection
//! begins with contexts of its own.

use std::net::TcpStream;

use ws_client::{Compression, DeflateConfig};
use ws_core::{
    Event, Limits, Receiver, Role, Scratch,
    extension::{DeflateParameters, WindowBits},
};

use super::*;

const COMPRESSED: u8 = 0x40;

/// Reads and inflates what a client sends; both directions were agreed on with the same parameters.
struct Reader {
    stream: TcpStream,
    receiver: Receiver,
    scratch: Scratch,
}

impl Reader {
    fn new(stream: TcpStream, parameters: &DeflateParameters) -> Self {
        // Its payloads come unmasked, as a server's do.
        let mut receiver = Receiver::new(Role::Client);
        receiver.set_deflate(parameters);
        Self {
            stream,
            receiver,
            scratch: Scratch::new(Limits::default()),
        }
    }

    /// The next text, whether it came compressed, and the bytes of its payload.
    fn next(&mut self) -> (String, bool, usize) {
        let (first, payload) = read_frame(&mut self.stream).unwrap();
        let mut bytes = frame(first, &payload);
        let mut receive = self.receiver.receive(&mut bytes, &mut self.scratch);
        match receive.next() {
            Some(Ok(Event::Text(text))) => (text.to_owned(), first & COMPRESSED > 0, payload.len()),
            other => panic!("{other:?}"),
        }
    }
}

/// As [`serve_each`], with compression.
fn serve_compressed(
    count: usize,
    parameters: DeflateParameters,
    answer: &'static str,
    mut script: impl FnMut(usize, &mut Reader) + Send + 'static,
) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        for number in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            let head = read_head(&mut stream);
            assert!(head.contains("permessage-deflate"), "{head}");
            let extension = format!("\r\nSec-WebSocket-Extensions: {answer}\r\n\r\n");
            let accepted = accept(&head);
            let accepted = accepted.trim_end().to_owned() + &extension;
            stream.write_all(accepted.as_bytes()).unwrap();
            script(number, &mut Reader::new(stream, &parameters));
        }
    });
    (url, thread)
}

/// Twice the same, so that it becomes shorter by itself as well.
fn feed(connection: usize, number: usize) -> String {
    format!(
        "{{\"connection\":{connection},\"number\":{number},\"symbol\":\"WS\",\"side\":\"buy\"}}"
    )
    .repeat(2)
}

/// With a stream of its own, and with a window small enough to be kept as bytes.
fn kinds() -> [(DeflateConfig, DeflateParameters, &'static str); 2] {
    let nine = WindowBits::new(9).unwrap();
    let small = DeflateParameters {
        server_max_window_bits: nine,
        client_max_window_bits: nine,
        ..DeflateParameters::default()
    };
    [
        (
            DeflateConfig::dedicated(),
            DeflateParameters::default(),
            "permessage-deflate",
        ),
        (
            DeflateConfig::dedicated().window_bits(nine),
            small,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
        ),
    ]
}

/// The switch of a message goes with it through the queue, and what goes uncompressed is in no context.
#[test]
fn the_caller_decides_message_by_message() {
    for (config, parameters, answer) in kinds() {
        let choices = [Compression::Auto, Compression::Never, Compression::Always];
        let (url, server) = serve_compressed(1, parameters, answer, move |_, reader| {
            let mut lengths = Vec::new();
            for number in 0..30 {
                let (text, is_compressed, length) = reader.next();
                assert_eq!(text, feed(0, number));
                assert_eq!(is_compressed, number % 3 != 1, "message {number}");
                if is_compressed {
                    lengths.push(length);
                }
            }
            // Below the threshold of 32 bytes.
            assert_eq!(reader.next(), ("short".to_owned(), false, 5));
            assert!(reader.next().1);
            assert!(lengths[1] * 2 < lengths[0], "{lengths:?}");
        });
        let request = ConnectRequest::new(&url).unwrap().compress(config);
        let client =
            BackgroundClient::connect_with(&request, &BackgroundConfig::default()).unwrap();
        for number in 0..30 {
            let text = feed(0, number);
            client
                .send_text_with(&text, choices[number % 3], LONG)
                .unwrap();
        }
        client.send_text("short", LONG).unwrap();
        client
            .send_text_with("short", Compression::Always, LONG)
            .unwrap();
        server.join().unwrap();
    }
}

/// What was queued and lost with a connection, and what it had said, is unknown to the next one.
#[test]
fn each_connection_begins_with_fresh_contexts() {
    for (config, parameters, answer) in kinds() {
        let (url, server) = serve_compressed(4, parameters, answer, |connection, reader| {
            if connection > 0 {
                let (login, is_compressed, _) = reader.next();
                assert_eq!(login, feed(0, 0));
                assert!(is_compressed);
            }
            // It is lost while the client goes on sending.
            for _ in 0..10 {
                let (text, is_compressed, _) = reader.next();
                assert!(
                    text.ends_with("\"symbol\":\"WS\",\"side\":\"buy\"}"),
                    "{text}"
                );
                assert!(is_compressed);
            }
        });
        let reconnect = Reconnect::default()
            .first_delay(Duration::from_millis(1))
            .repeat_text(feed(0, 0));
        let background = BackgroundConfig::default().reconnect(Some(reconnect));
        let request = ConnectRequest::new(&url).unwrap().compress(config);
        let client = BackgroundClient::connect_with(&request, &background).unwrap();
        let mut number = 0;
        while !server.is_finished() {
            // Refused while there is no connection.
            match client.send_text(&feed(9, number), Duration::ZERO) {
                Ok(()) => number += 1,
                Err(error) => {
                    let kind = error.kind();
                    assert!(
                        matches!(kind, ErrorKind::Closed | ErrorKind::QueueFull),
                        "{error}"
                    );
                    thread::yield_now();
                }
            }
        }
        server.join().unwrap();
        assert_eq!(client.statistics().reconnects, 3);
    }
}
