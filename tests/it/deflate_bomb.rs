//! A message of 1 MiB that would inflate to 1 GiB costs `ws serve` no more than the limit of a message.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use ws_core::{
    CloseCode, Compression, Connection, Role, SendScratch,
    extension::{DeflateConfig, DeflateOffer, DeflateParameters},
    handshake::{ClientHandshake, ClientRequest, ClientStep, HeadLimits},
};
use ws_tests::{
    figures::{peak_resident_bytes, resident_bytes},
    process::{Process, ws_binary},
    raw,
    wait::TIMEOUT,
};

/// What `ws serve` takes at most.
const LIMIT: u64 = 16 << 20;
/// Each inflates to 16 MiB of zeros.
const PIECES: usize = 64;

/// The payload of a fragment of 16 MiB of zeros, which refers to nothing before it and ends in a flush.
fn zeros() -> Vec<u8> {
    let mut connection = Connection::with_deflate(
        Role::Server,
        &DeflateParameters::default(),
        &DeflateConfig::shared().level(9),
    );
    let (_, sender) = connection.split();
    let (mut scratch, mut output) = (SendScratch::server(), Vec::new());
    let data = vec![0; 16 << 20];
    sender
        .encode_binary_fragment_with(&data, false, Compression::Always, &mut scratch, &mut output)
        .unwrap();
    // Its header has the length in two bytes.
    assert_eq!(output[1], 126);
    output.split_off(4)
}

fn open(url: &str) -> TcpStream {
    let (host, path) = raw::split(url).unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = ClientRequest::new(host, path).deflate(DeflateOffer::default());
    let mut handshake = ClientHandshake::new(&request, [7; 16]).unwrap();
    stream.write_all(handshake.request()).unwrap();
    loop {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        let step = handshake.receive(&byte, &HeadLimits::default()).unwrap();
        if let ClientStep::Done { deflate, .. } = step {
            assert!(deflate.is_some(), "no compression");
            return stream;
        }
    }
}

/// closed with 1009 at the limit, while inflating.
#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let payload = zeros().repeat(PIECES);
    assert!(payload.len() < 2 << 20, "{} bytes", payload.len());
    let (server, url) = Process::echo_server_with(ws_binary(), &["--compress"]);
    let before = resident_bytes(server.id()).unwrap();
    for _ in 0..3 {
        let mut stream = open(&url);
        // Final, compressed, binary; masked with zeros.
        let mut frame = vec![0xC2, 0xFF];
        frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&payload);
        // It may close before it has taken all.
        let _ = stream.write_all(&frame);
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        let code = u16::from_be_bytes([answer[2], answer[3]]);
        assert_eq!(
            (answer[0], CloseCode::new(code)),
            (0x88, CloseCode::MESSAGE_TOO_BIG)
        );
    }
    let peak = peak_resident_bytes(server.id()).unwrap();
    println!(
        "1 GiB in {} bytes: {} KiB before, {} KiB at the peak",
        payload.len(),
        before >> 10,
        peak >> 10
    );
    let most = before + 2 * LIMIT + (4 << 20);
    assert!(peak <= most, "{peak} bytes at the peak, {most} are allowed");
}
