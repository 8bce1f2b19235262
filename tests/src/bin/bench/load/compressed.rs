//! Connections with permessage-deflate whose contexts are not taken over: then the same message comes back as the same
//! bytes every time, and they can be compared as those of others are.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use ws_core::{
    Connection, Event, Limits, Role, Scratch,
    extension::{DeflateConfig, DeflateParameters},
};
use ws_tests::{
    bench::traffic::{Ring, Traffic},
    deflate_load::{connect, encode, json_text},
};

use super::Wire;

/// Opens connections, and makes messages of JSON for them; the answers are those that the first connection got, each of
/// which was inflated and compared.
pub(crate) fn open(
    port: u16,
    connections: usize,
    size: usize,
    count: usize,
) -> io::Result<(Vec<Wire>, Traffic)> {
    let url = format!("ws://127.0.0.1:{port}");
    let (mut first, agreed) = connect(&url, false)?;
    if !agreed.server_no_context_takeover || !agreed.client_no_context_takeover {
        return Err(io::Error::other(
            "the server takes contexts over, its answers would differ",
        ));
    }
    let texts: Vec<_> = (0..count).map(|number| json_text(size, number)).collect();
    let (mut requests, mut echoes) = (Ring::default(), Ring::default());
    for (text, frame) in texts.iter().zip(encode(&agreed, &texts)?) {
        first.write_all(&frame)?;
        let answer = receive(&mut first, &agreed, text)?;
        requests.push(|bytes| bytes.extend(frame));
        echoes.push(|bytes| bytes.extend(answer));
    }
    let mut wires = vec![Wire::opened_plain(first)?];
    for _ in 1..connections {
        wires.push(Wire::opened_plain(connect(&url, false)?.0)?);
    }
    Ok((wires, Traffic { requests, echoes }))
}

/// The frame that brings `text` back.
fn receive(stream: &mut TcpStream, agreed: &DeflateParameters, text: &str) -> io::Result<Vec<u8>> {
    let mut connection = Connection::with_deflate(Role::Client, agreed, &DeflateConfig::shared());
    let mut scratch = Scratch::new(Limits::default());
    let mut frame = Vec::new();
    let mut input = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut input)?;
        frame.extend_from_slice(&input[..count]);
        let (receiver, _) = connection.split();
        let mut received = receiver.receive(&mut input[..count], &mut scratch);
        match received.next() {
            None if count > 0 => {}
            Some(Ok(Event::Text(answer))) if answer == text => return Ok(frame),
            _ => return Err(io::Error::other("the message did not come back")),
        }
    }
}
