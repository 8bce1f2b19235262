//! What the fuzz targets share: how an input is cut, and what must hold for any cut.
//!
//! Run one with `cargo fuzz run TARGET` in this folder, all of them with `cargo xtask full`. A crash becomes a unit
//! test in `ws-core/tests/it` before it is repaired.

#[allow(dead_code, reason = "the scenario tests use more of it")]
#[path = "../../tests/it/wire.rs"]
mod wire;

use ws_core::{
    CloseCode, CloseFrame, Limits, MAX_CONTROL_BYTES, MaskingKeys, Receiver, Role, Scratch,
    SendScratch, Sender,
    extension::{DeflateConfig, DeflateOffer, DeflateParameters, WindowBits},
    handshake::{
        ClientHandshake, ClientRequest, ClientStep, HandshakeError, HeadLimits, Policy, Response,
        ServerHandshake, ServerStep,
    },
};

use self::wire::{Owned, events, events_by_both_ways, events_of};

/// A stream, and the lengths of the reads that it comes in.
fn cut(data: &[u8]) -> (&[u8], Vec<usize>) {
    let (count, rest) = data.split_first().unwrap_or((&0, &[]));
    let (lengths, stream) = rest.split_at((usize::from(*count) % 16).min(rest.len()));
    (
        stream,
        lengths.iter().map(|&length| length.into()).collect(),
    )
}

/// Feeds a receiver of this role: any cut and either way of reading give the same events, and small limits are kept.
pub fn receive(role: Role, data: &[u8]) {
    receive_by(&|| Receiver::new(role), data);
}

/// The same after permessage-deflate was agreed on; the first byte of `data` says how.
pub fn receive_deflate(role: Role, data: &[u8]) {
    let (choice, data) = data.split_first().unwrap_or((&0, &[]));
    let window = WindowBits::new(8 + (choice >> 1) % 8).unwrap_or_default();
    let parameters = DeflateParameters {
        server_no_context_takeover: choice & 1 == 0,
        client_no_context_takeover: choice & 1 == 0,
        server_max_window_bits: window,
        client_max_window_bits: window,
    };
    let receiver = || {
        let mut receiver = Receiver::new(role);
        receiver.set_deflate(&parameters);
        receiver
    };
    receive_by(&receiver, data);
}

fn receive_by(receiver: &dyn Fn() -> Receiver, data: &[u8]) {
    let (stream, lengths) = cut(data);
    let limits = Limits::default()
        .max_message_bytes(LIMIT)
        .max_frame_bytes(700)
        .max_fragments(5);
    let events = |lengths: &[usize]| {
        let mut scratch = Scratch::new(limits.clone());
        events_of(&mut receiver(), &mut scratch, stream, lengths)
    };
    let whole = events(&[]);
    assert_eq!(events(&lengths), whole);
    assert_eq!(events(&vec![1; stream.len()]), whole);
    let mut scratch = Scratch::new(limits.clone());
    let pieces: Vec<_> = lengths.iter().map(|&length| (length, 1 + length / 2)).collect();
    let (mixed, _) = events_by_both_ways(&mut receiver(), &mut scratch, stream, &pieces);
    assert_eq!(mixed, whole);
    for event in &whole {
        let (length, limit) = match event {
            Owned::Text(text) => (text.len(), LIMIT),
            Owned::Binary(data) => (data.len(), LIMIT),
            Owned::Ping(data) | Owned::Pong(data) => (data.len(), MAX_CONTROL_BYTES),
            Owned::Close(_) | Owned::Failed(_) => (0, LIMIT),
        };
        assert!(length <= limit, "{length} bytes are above {limit}");
    }
}

/// Feeds a server's opening handshake, and judges the request as a server does.
pub fn server_handshake(data: &[u8]) {
    let (stream, lengths) = cut(data);
    let whole = serve(stream, &[]);
    assert_eq!(serve(stream, &lengths), whole);
    assert_eq!(serve(stream, &vec![1; stream.len()]), whole);
}

fn serve(stream: &[u8], lengths: &[usize]) -> Option<ServerStep> {
    let mut handshake = ServerHandshake::new();
    let mut last = None;
    for piece in pieces(stream, lengths) {
        match handshake.receive(piece, &HeadLimits::default()) {
            ServerStep::NeedMore => {}
            step => last = Some(step),
        }
        if let Some(ServerStep::Request(request)) = &last {
            let _ = Policy::default().check(request, true);
            let _ = request.check_upgrade();
            let _ = request.agree_deflate(&DeflateConfig::dedicated());
        }
    }
    last
}

/// Feeds a client's opening handshake, whose nonce is fixed.
pub fn client_handshake(data: &[u8]) {
    let (stream, lengths) = cut(data);
    let whole = connect(stream, &[]);
    assert_eq!(connect(stream, &lengths), whole);
    assert_eq!(connect(stream, &vec![1; stream.len()]), whole);
}

fn connect(stream: &[u8], lengths: &[usize]) -> Result<(Response, usize), HandshakeError> {
    let request = ClientRequest::new("a", "/")
        .subprotocol("chat")
        .deflate(DeflateOffer::default());
    let mut handshake = ClientHandshake::new(&request, *b"the sample nonce")?;
    let mut position = 0;
    for piece in pieces(stream, lengths) {
        match handshake.receive(piece, &HeadLimits::default())? {
            ClientStep::NeedMore => position += piece.len(),
            ClientStep::Done {
                response, consumed, ..
            } => return Ok((response, position + consumed)),
        }
    }
    Err(handshake.receive_eof())
}

/// Sends what `data` says as a client, and looks whether a server receives just that.
pub fn send(data: &[u8]) {
    let mut keys = SendScratch::client(Box::new(Keys(1)));
    let mut sender = Sender::new(Role::Client);
    let (mut output, mut sent) = (Vec::new(), Vec::new());
    for step in data.chunks(9) {
        let (kind, payload) = (step[0], &step[1..]);
        let many = payload.repeat(usize::from(kind) * 8);
        let text = String::from_utf8_lossy(&many);
        let (result, event) = match kind % 6 {
            0 => (
                sender.encode_text(&text, &mut keys, &mut output),
                Owned::Text(text.into_owned()),
            ),
            1 => (
                sender.encode_binary(&many, &mut keys, &mut output),
                Owned::Binary(many),
            ),
            2 => (
                sender.encode_ping(&many, &mut keys, &mut output),
                Owned::Ping(many),
            ),
            3 => (
                sender.encode_pong(&many, &mut keys, &mut output),
                Owned::Pong(many),
            ),
            4 => {
                let (head, tail) = many.split_at(many.len() / 3);
                let begun = sender.encode_binary_fragment(head, false, &mut keys, &mut output);
                let ended = sender.encode_binary_fragment(tail, true, &mut keys, &mut output);
                (begun.and(ended), Owned::Binary(many))
            }
            _ => {
                let reason = String::from_utf8_lossy(payload);
                let code = CloseCode::new(u16::from(kind) * 20);
                let frame = Some(CloseFrame {
                    code,
                    reason: &reason,
                });
                let result = sender.encode_close(frame, &mut keys, &mut output);
                (
                    result,
                    Owned::Close(Some((code.as_u16(), reason.to_string()))),
                )
            }
        };
        if result.is_ok() {
            sent.push(event);
        }
    }
    let received = events(Role::Server, &Limits::default(), &output, &[7, 100, 3]);
    assert_eq!(received, sent);
}

#[derive(Debug)]
struct Keys(u32);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> [u8; 4] {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0.to_be_bytes()
    }
}

fn pieces<'a>(mut stream: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &length in lengths {
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

/// Small, so that the fuzzer finds it.
const LIMIT: usize = 1000;
