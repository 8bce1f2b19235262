//! A peer that does exactly what its script says, byte by byte, right or wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ws_core::handshake::{Accept, HeadLimits, ServerHandshake, ServerStep};

/// A server for one connection.
pub(crate) struct Scripted<T> {
    /// `ws://127.0.0.1:PORT/`.
    pub(crate) url: String,
    thread: JoinHandle<T>,
}

/// Serves the first connection with `script`.
pub(crate) fn scripted<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Scripted<T> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        script(stream)
    });
    Scripted { url, thread }
}

impl<T> Scripted<T> {
    /// What the script has returned, once it has.
    pub(crate) fn join(self) -> T {
        self.thread.join().expect("the script ends well")
    }
}

/// Reads the request and answers 101; gives the request's head.
pub(crate) fn upgrade(stream: &mut TcpStream, subprotocol: Option<&str>) -> String {
    upgrade_with(stream, subprotocol, &[])
}

/// The same; `behind` is written in one piece with the answer.
pub(crate) fn upgrade_with(
    stream: &mut TcpStream,
    subprotocol: Option<&str>,
    behind: &[u8],
) -> String {
    let mut handshake = ServerHandshake::new();
    let mut head = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole request");
        head.push(byte[0]);
        match handshake.receive(&byte, &HeadLimits::default()) {
            ServerStep::NeedMore => {}
            ServerStep::Request(request) => {
                let mut answer = Vec::new();
                let accept = Accept {
                    subprotocol,
                    headers: &[],
                    ..Accept::default()
                };
                request
                    .encode_accept(&accept, &mut answer)
                    .expect("an upgrade");
                answer.extend_from_slice(behind);
                stream.write_all(&answer).expect("the client reads");
                return String::from_utf8(head).expect("a head is ASCII");
            }
            ServerStep::Refused(refusal) => panic!("not a request: {refusal:?}"),
        }
    }
}

/// An unmasked, unfragmented frame of at most 125 bytes.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    assert!(length <= 125, "a script's frames are short");
    [&[0x80 | opcode, length], payload].concat()
}

/// A Close frame.
pub(crate) fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(0x8, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Reads one masked frame if it begins within `time`.
pub(crate) fn read_frame_within(stream: &mut TcpStream, time: Duration) -> Option<(u8, Vec<u8>)> {
    stream.set_read_timeout(Some(time)).expect("a timeout");
    read_frame(stream)
}

/// Reads one masked frame: opcode and unmasked payload. `None` when the connection ends.
pub(crate) fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut start = [0; 2];
    stream.read_exact(&mut start).ok()?;
    assert_eq!(start[1] & 0x80, 0x80, "a client masks");
    let mut extended = [0; 8];
    let length = match start[1] & 0x7F {
        126 => {
            stream.read_exact(&mut extended[6..]).ok()?;
            u64::from_be_bytes(extended)
        }
        127 => {
            stream.read_exact(&mut extended).ok()?;
            u64::from_be_bytes(extended)
        }
        length => length.into(),
    };
    let mut key = [0; 4];
    stream.read_exact(&mut key).ok()?;
    let mut payload = vec![0; usize::try_from(length).expect("it fits in memory")];
    stream.read_exact(&mut payload).ok()?;
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
    Some((start[0] & 0xF, payload))
}
