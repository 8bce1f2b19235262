//! Our receiver against tungstenite's on the same 60,000 streams, half of them damaged (M-4).
//!
//! Where the two differ, the difference has a name in [`Difference`]; any other fails the test.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tungstenite::{
    Error, Message, WebSocket,
    error::{CapacityError, ProtocolError},
    protocol::{Role as TheirRole, WebSocketConfig},
};
use ws_core::{CloseCode, Limits, ReceiveError, Role};

use crate::wire::{Owned, events, random_stream};

const STREAMS: u64 = 60_000;
const LIMIT: usize = 4000;

/// What the stream ends in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The bytes are used up, or a Close ended it.
    Quiet,
    Protocol,
    Utf8,
    TooBig,
}

/// Where we differ from tungstenite, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// RFC 6455 §5.2: "the minimal number of bytes MUST be used"; tungstenite takes any, in control frames too.
    NonMinimalLength,
    /// §5.2: the most significant bit MUST be 0; tungstenite takes it for a frame that is too big.
    LengthTopBit,
    /// §8.1, fail fast: we fail at the first bad byte, tungstenite when the message is complete.
    Utf8BeforeTheEnd,
    /// A frame is judged by its header; tungstenite still waits for the payload.
    HeaderBeforePayload,
    /// Both fail the same frame, which breaks two rules, each with the other one.
    TwoRulesBroken,
    /// §7.4: 1004, 1005, 1006, 1015 and unassigned codes are an error to us; tungstenite reports the Close
    /// and answers with 1002.
    InvalidCloseCode,
}

#[test]
fn agrees_with_tungstenite_but_for_the_differences_listed() {
    let limits = Limits::default().max_message_bytes(LIMIT);
    let mut differences: BTreeMap<Difference, u64> = BTreeMap::new();
    let mut agreed = 0_u64;
    for seed in 0..STREAMS {
        let rng = &mut StdRng::seed_from_u64(1 << 40 | seed);
        let role = if rng.random() {
            Role::Server
        } else {
            Role::Client
        };
        let stream = random_stream(rng, role.peer(), seed % 2 == 0);
        let (ours, our_error) = ours(role, &limits, &stream);
        let (theirs, their_end) = theirs(role, &stream);
        let our_end = our_error.as_ref().map_or(End::Quiet, end);
        if ours == theirs && our_end == their_end {
            agreed += 1;
            continue;
        }
        let Some(difference) = explain(our_error, their_end, &ours, &theirs) else {
            panic!(
                "seed {seed}: {role:?}\n ours:   {ours:?} {our_error:?}\n theirs: {theirs:?} {their_end:?}\n {:x?}",
                &stream[..stream.len().min(60)]
            );
        };
        *differences.entry(difference).or_default() += 1;
    }
    println!("agreed on {agreed} of {STREAMS} streams; explained differences: {differences:?}");
    assert_eq!(
        agreed + differences.values().sum::<u64>(),
        STREAMS,
        "streams compared"
    );
    assert!(
        agreed > STREAMS * 8 / 10,
        "only {agreed} agreed: {differences:?}"
    );
    assert_eq!(
        differences.len(),
        6,
        "a listed difference was never met: {differences:?}"
    );
}

fn explain(
    our_error: Option<ReceiveError>,
    their_end: End,
    ours: &[Owned],
    theirs: &[Owned],
) -> Option<Difference> {
    let error = our_error?;
    // We stopped; until then both must have seen the same.
    if !theirs.starts_with(ours) {
        return None;
    }
    let same_events = theirs.len() == ours.len();
    match error {
        ReceiveError::NonMinimalLength(_) | ReceiveError::ControlTooLong(_) => {
            Some(Difference::NonMinimalLength)
        }
        ReceiveError::LengthTopBit(_) if same_events && their_end == End::TooBig => {
            Some(Difference::LengthTopBit)
        }
        ReceiveError::InvalidUtf8 if same_events => Some(Difference::Utf8BeforeTheEnd),
        ReceiveError::InvalidCloseCode(_) => Some(Difference::InvalidCloseCode),
        _ if same_events && their_end == End::Quiet => Some(Difference::HeaderBeforePayload),
        _ if same_events && their_end != end(&error) => Some(Difference::TwoRulesBroken),
        _ => None,
    }
}

fn end(error: &ReceiveError) -> End {
    match error.close_code() {
        CloseCode::INVALID_PAYLOAD => End::Utf8,
        CloseCode::MESSAGE_TOO_BIG => End::TooBig,
        _ => End::Protocol,
    }
}

fn ours(role: Role, limits: &Limits, stream: &[u8]) -> (Vec<Owned>, Option<ReceiveError>) {
    let mut events = events(role, limits, stream, &[]);
    match events.last() {
        Some(Owned::Failed(error)) => {
            let error = *error;
            events.pop();
            (events, Some(error))
        }
        _ => (events, None),
    }
}

fn theirs(role: Role, stream: &[u8]) -> (Vec<Owned>, End) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let role = match role {
        Role::Client => TheirRole::Client,
        Role::Server => TheirRole::Server,
    };
    let mut socket = WebSocket::from_raw_socket(Bytes(stream), role, Some(config));
    let mut events = Vec::new();
    loop {
        let event = match socket.read() {
            Ok(Message::Text(text)) => Owned::Text(text.to_string()),
            Ok(Message::Binary(data)) => Owned::Binary(data.to_vec()),
            Ok(Message::Ping(data)) => Owned::Ping(data.to_vec()),
            Ok(Message::Pong(data)) => Owned::Pong(data.to_vec()),
            Ok(Message::Close(frame)) => {
                events.push(Owned::Close(
                    frame.map(|frame| (frame.code.into(), frame.reason.to_string())),
                ));
                return (events, End::Quiet);
            }
            Ok(Message::Frame(_)) => unreachable!("only whole messages are read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (events, End::Quiet);
            }
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                return (events, End::TooBig);
            }
            Err(Error::Utf8(_)) => return (events, End::Utf8),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (events, End::Quiet);
            }
            Err(Error::Protocol(_)) => return (events, End::Protocol),
            Err(error) => panic!("tungstenite ended with {error}"),
        };
        events.push(event);
    }
}

/// A stream that has these bytes and then no more for now; what is written to it is dropped.
struct Bytes<'a>(&'a [u8]);

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.read(buffer)
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
