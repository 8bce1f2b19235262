//! Frames written by hand, right and wrong, so that the encoder under test is not its own judge;
//! and what a receiver makes of a stream of them.

use rand::{RngExt, rngs::StdRng};
use ws_core::{CloseFrame, Event, Limits, ReceiveError, Receiver, Role, Scratch};

/// A frame as bytes see it; every field may be wrong.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
    pub(crate) length: LengthForm,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LengthForm {
    Minimal,
    Sixteen,
    SixtyFour,
    /// A 64-bit length that the payload does not have.
    Announced(u64),
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

impl Frame {
    /// A frame of a client: masked.
    pub(crate) fn client(first: u8, payload: &[u8]) -> Self {
        Self {
            mask: Some([0x37, 0xFA, 0x21, 0x3D]),
            ..Self::server(first, payload)
        }
    }

    /// A frame of a server: not masked.
    pub(crate) fn server(first: u8, payload: &[u8]) -> Self {
        Self {
            first,
            mask: None,
            payload: payload.to_vec(),
            length: LengthForm::Minimal,
        }
    }

    pub(crate) fn from(sender: Role, first: u8, payload: &[u8]) -> Self {
        match sender {
            Role::Client => Self::client(first, payload),
            Role::Server => Self::server(first, payload),
        }
    }

    pub(crate) fn announcing(mut self, length: u64) -> Self {
        self.length = LengthForm::Announced(length);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        let length = self.payload.len() as u64;
        let form = match self.length {
            LengthForm::Minimal if length < 126 => None,
            LengthForm::Minimal if length < 65_536 => Some(LengthForm::Sixteen),
            LengthForm::Minimal => Some(LengthForm::SixtyFour),
            form => Some(form),
        };
        let mut bytes = vec![self.first];
        match form {
            None => bytes.push(mask_bit | u8::try_from(length).unwrap()),
            Some(LengthForm::Sixteen) => {
                bytes.push(mask_bit | 126);
                bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
            }
            Some(LengthForm::Announced(length)) => {
                bytes.push(mask_bit | 127);
                bytes.extend(length.to_be_bytes());
            }
            Some(_) => {
                bytes.push(mask_bit | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
        let key = self.mask.unwrap_or([0; 4]);
        bytes.extend(self.mask.into_iter().flatten());
        bytes.extend(
            self.payload
                .iter()
                .enumerate()
                .map(|(i, byte)| byte ^ key[i % 4]),
        );
        bytes
    }
}

/// An event that owns what it tells of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Failed(ReceiveError),
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(data) => Self::Binary(data.to_vec()),
            Event::Ping(data) => Self::Ping(data.to_vec()),
            Event::Pong(data) => Self::Pong(data.to_vec()),
            Event::Close(frame) => Self::Close(
                frame.map(|CloseFrame { code, reason }| (code.as_u16(), reason.to_owned())),
            ),
        }
    }
}

/// All events of `stream`, fed in pieces of the given lengths and then the rest.
pub(crate) fn events(role: Role, limits: &Limits, stream: &[u8], pieces: &[usize]) -> Vec<Owned> {
    let mut scratch = Scratch::new(limits.clone());
    events_of(&mut Receiver::new(role), &mut scratch, stream, pieces)
}

/// What `receiver` makes of `stream`, fed in pieces of the given lengths and then the rest.
pub(crate) fn events_of(
    receiver: &mut Receiver,
    scratch: &mut Scratch,
    stream: &[u8],
    pieces: &[usize],
) -> Vec<Owned> {
    let pieces: Vec<_> = pieces.iter().map(|&length| (length, 0)).collect();
    events_by_both_ways(receiver, scratch, stream, &pieces).0
}

/// The same where each piece has beside its length how many of its bytes are read, if the receiver wants that, to where
/// they belong; and how many bytes came that way.
pub(crate) fn events_by_both_ways(
    receiver: &mut Receiver,
    scratch: &mut Scratch,
    stream: &[u8],
    pieces: &[(usize, usize)],
) -> (Vec<Owned>, usize) {
    let mut events = Vec::new();
    let mut rest = stream;
    let mut direct = 0;
    for (length, most) in pieces.iter().copied().chain([(usize::MAX, 0)]) {
        let (mut piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let mut filled = 0;
        if most > 0
            && let Some(spare) = receiver.spare(most, scratch)
        {
            assert!((1..=most).contains(&spare.len()));
            filled = spare.len().min(piece.len());
            spare[..filled].copy_from_slice(&piece[..filled]);
            piece = &piece[filled..];
            direct += filled;
        }
        let mut piece = piece.to_vec();
        let length = piece.len();
        let mut receive = receiver.receive_filled(filled, &mut piece, scratch);
        while let Some(event) = receive.next() {
            match event {
                Ok(event) => events.push(event.into()),
                Err(error) => {
                    events.push(Owned::Failed(error));
                    return (events, direct);
                }
            }
        }
        assert_eq!(receive.consumed(), length, "all of the input is taken");
    }
    (events, direct)
}

/// A stream of frames as an honest peer may send it, cut off anywhere, or as a broken one does.
pub(crate) fn random_stream(rng: &mut StdRng, sender: Role, mutate: bool) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut open = false;
    for _ in 0..rng.random_range(1..8) {
        let frame = random_frame(rng, sender, &mut open, mutate);
        stream.extend(frame.bytes());
    }
    if mutate && rng.random_bool(0.3) {
        let at = rng.random_range(0..stream.len());
        stream[at] ^= 1 << rng.random_range(0..8);
    }
    if rng.random_bool(0.2) {
        stream.truncate(rng.random_range(0..=stream.len()));
    }
    stream
}

fn random_frame(rng: &mut StdRng, sender: Role, open: &mut bool, mutate: bool) -> Frame {
    let control = rng.random_bool(0.3);
    let first = if control {
        *[PING, PONG, PING, CLOSE]
            .get(rng.random_range(0..4))
            .unwrap()
    } else {
        let opcode = if *open { 0 } else { rng.random_range(1..3) };
        let is_final = rng.random_bool(0.6);
        *open = !is_final;
        opcode | if is_final { 0x80 } else { 0 }
    };
    let length = match rng.random_range(0..10) {
        0 => 0,
        1..7 => rng.random_range(1..40),
        7 if !control => rng.random_range(124..130),
        8 if !control => rng.random_range(130..3000),
        _ => rng.random_range(0..=125),
    };
    let mut payload = random_text(rng, length);
    if first == CLOSE {
        payload.truncate(120);
        while std::str::from_utf8(&payload).is_err() {
            payload.pop();
        }
        if rng.random_bool(0.8) {
            let code = *[1000_u16, 1001, 1002, 3000, 4999]
                .get(rng.random_range(0..5))
                .unwrap();
            payload.splice(0..0, code.to_be_bytes());
        } else {
            payload.clear();
        }
    }
    let mut frame = Frame::from(sender, first, &payload);
    if mutate && rng.random_bool(0.25) {
        match rng.random_range(0..7) {
            0 => frame.first ^= 1 << rng.random_range(0..8),
            1 => {
                frame.mask = if frame.mask.is_some() {
                    None
                } else {
                    Some(rng.random())
                }
            }
            2 if frame.payload.len() < 65_536 => frame.length = LengthForm::Sixteen,
            3 => frame.length = LengthForm::SixtyFour,
            4 => {
                let bits = rng.random_range(1..64);
                frame.length = LengthForm::Announced(rng.random_range(0..1 << bits));
            }
            5 if !frame.payload.is_empty() => {
                let at = rng.random_range(0..frame.payload.len());
                frame.payload[at] = rng.random();
            }
            _ => frame.payload.extend(random_text(rng, 130)),
        }
    }
    frame
}

/// About `length` bytes of text in several scripts.
fn random_text(rng: &mut StdRng, length: usize) -> Vec<u8> {
    let mut text = String::new();
    while text.len() < length {
        text.push(
            *['a', 'Z', ' ', 'ж', 'é', '€', '漢', '🦀', '\u{10FFFF}']
                .get(rng.random_range(0..9))
                .unwrap(),
        );
    }
    text.into_bytes()
}
