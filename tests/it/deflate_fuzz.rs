//! Our compressor and inflater against Python's zlib and websockets' own implementation: seeded messages in both
//! directions, every window, with and without context takeover, in fragments and whole.
//!
//! `WS_FUZZ_SEED` repeats a run that failed, `WS_FUZZ_MESSAGES` sets how many messages go each way on each of the 128
//! connections, and a hundredth of the number of broken messages.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use data_encoding::BASE64;
use serde_json::json;
use ws_core::{
    Compression, Connection, Event, Limits, MaskingKeys, ReceiveError, Role, Scratch, SendScratch,
    extension::{DeflateConfig, DeflateParameters, WindowBits},
};

use crate::support::peer::Peer;

/// Messages each way on a connection, unless told otherwise.
const MESSAGES: u64 = 25;

/// xorshift64*: good enough for data, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// From nothing to three of the largest windows, mostly short.
    fn size(&mut self) -> usize {
        let most = [1, 10, 300, 300, 2_000, 40_000, 100_000][self.below(7)];
        self.below(most)
    }

    /// Noise, words that come again, long runs, or an earlier message with a few bytes changed.
    fn message(&mut self, earlier: &[Vec<u8>]) -> Vec<u8> {
        let size = self.size();
        match self.below(5) {
            0 => (0..size).map(|_| self.byte()).collect(),
            1 => vec![self.byte(); size],
            2 if !earlier.is_empty() => {
                let mut again = earlier[self.below(earlier.len())].clone();
                for _ in 0..self.below(5) {
                    let at = self.below(again.len());
                    let byte = self.byte();
                    if let Some(place) = again.get_mut(at) {
                        *place = byte;
                    }
                }
                again
            }
            _ => {
                const WORDS: [&str; 6] =
                    ["{\"id\":", "aé中🙂", "\"name\"", "null,", "0123456789", " "];
                let mut text = Vec::with_capacity(size + 16);
                while text.len() < size {
                    text.extend_from_slice(WORDS[self.below(WORDS.len())].as_bytes());
                }
                text
            }
        }
    }

    /// Cuts data into one to four pieces, which may be empty.
    fn pieces<'a>(&mut self, mut data: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        for _ in 0..self.below(4) {
            let (piece, rest) = data.split_at(self.below(data.len() + 1));
            pieces.push(piece);
            data = rest;
        }
        pieces.push(data);
        pieces
    }
}

struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Self {
        let mut command = Peer::Python.script("deflate_fuzz");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn ask(&mut self, command: &str, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut line = command.to_owned();
        for piece in pieces {
            line += " .";
            line += &BASE64.encode(piece);
        }
        line.push('\n');
        self.stdin.write_all(line.as_bytes()).expect("Python reads");
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).expect("Python answers");
        assert!(!answer.is_empty(), "Python has ended, see above");
        let decode = |piece: &str| {
            BASE64
                .decode(piece.trim_start_matches('.').as_bytes())
                .unwrap()
        };
        answer.split_whitespace().map(decode).collect()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Changes nothing, so that payloads can be compared as they stand.
struct NoMask;

impl MaskingKeys for NoMask {
    fn next_key(&mut self) -> [u8; 4] {
        [0; 4]
    }
}

/// A frame as a peer in the other role sends it.
fn frame(first: u8, is_masked: bool, payload: &[u8], output: &mut Vec<u8>) {
    output.push(first);
    output.push(if is_masked { 0xFF } else { 0x7F });
    output.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    // Only the longest form is written here; shorter payloads take theirs.
    let start = output.len() - 9;
    let mark = output[start] & 0x80;
    match payload.len() {
        0..=125 => {
            output.truncate(start);
            output.push(mark | u8::try_from(payload.len()).unwrap());
        }
        126..=0xFFFF => {
            output.truncate(start);
            output.push(mark | 126);
            output.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
        _ => {}
    }
    if is_masked {
        output.extend_from_slice(&[0; 4]);
    }
    output.extend_from_slice(payload);
}

/// The first byte and the payload of each frame in `bytes`.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (length, mut start) = match bytes[1] & 0x7F {
            126 => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
            127 => (
                usize::try_from(u64::from_be_bytes(bytes[2..10].try_into().unwrap())).unwrap(),
                10,
            ),
            length => (usize::from(length), 2),
        };
        start += if bytes[1] & 0x80 > 0 { 4 } else { 0 };
        found.push((bytes[0], &bytes[start..start + length]));
        bytes = &bytes[start + length..];
    }
    found
}

const COMPRESSED: u8 = 0x40;
const FINAL: u8 = 0x80;
const BINARY: u8 = 2;

/// One connection: its parameters, and the messages of both directions.
struct Trial {
    role: Role,
    ours: (u8, bool),
    theirs: (u8, bool),
    maker: &'static str,
    level: u8,
}

impl Trial {
    fn run(&self, python: &mut Python, random: &mut Random, messages: u64) -> usize {
        let session = json!({
            "maker": self.maker, "theirs": [self.theirs.0, self.theirs.1], "ours": [self.ours.0, self.ours.1],
            "level": self.level,
        });
        python.ask(&format!("NEW {session}"), &[]);
        let ((server, server_forgets), (client, client_forgets)) = match self.role {
            Role::Server => (self.ours, self.theirs),
            Role::Client => (self.theirs, self.ours),
        };
        let parameters = DeflateParameters {
            server_no_context_takeover: server_forgets,
            client_no_context_takeover: client_forgets,
            server_max_window_bits: WindowBits::new(server).unwrap(),
            client_max_window_bits: WindowBits::new(client).unwrap(),
        };
        let config = DeflateConfig::dedicated().level(self.level);
        let mut connection = Connection::with_deflate(self.role, &parameters, &config);
        let mut scratch = Scratch::new(Limits::default());
        let mut send_scratch = match self.role {
            Role::Server => SendScratch::server(),
            Role::Client => SendScratch::client(Box::new(NoMask)),
        };
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        let mut compressed = 0;
        for _ in 0..messages {
            let message = random.message(&sent);
            compressed += self.send(python, random, &mut connection, &mut send_scratch, &message);
            sent.push(message);
            let message = random.message(&received);
            self.receive(python, random, &mut connection, &mut scratch, &message);
            received.push(message);
        }
        compressed
    }

    /// Whether the message went compressed.
    fn send(
        &self,
        python: &mut Python,
        random: &mut Random,
        connection: &mut Connection,
        scratch: &mut SendScratch,
        message: &[u8],
    ) -> usize {
        let (_, sender) = connection.split();
        let compression = [Compression::Auto, Compression::Always][random.below(2)];
        let mut output = Vec::new();
        let pieces = random.pieces(message);
        match pieces[..] {
            [whole] => sender
                .encode_binary_with(whole, compression, scratch, &mut output)
                .unwrap(),
            _ => {
                for (index, piece) in pieces.iter().enumerate() {
                    let last = index + 1 == pieces.len();
                    sender
                        .encode_binary_fragment_with(piece, last, compression, scratch, &mut output)
                        .unwrap();
                }
            }
        }
        let frames = frames(&output);
        assert_eq!(frames.len(), pieces.len());
        assert!(frames[1..].iter().all(|(first, _)| first & COMPRESSED == 0));
        let payloads: Vec<&[u8]> = frames.iter().map(|(_, payload)| *payload).collect();
        if frames[0].0 & COMPRESSED == 0 {
            assert_eq!(payloads.concat(), message, "it went uncompressed");
            return 0;
        }
        let inflated = python.ask("INFLATE", &payloads).concat();
        assert!(
            inflated == message,
            "{} bytes became {} others",
            message.len(),
            inflated.len()
        );
        1
    }

    fn receive(
        &self,
        python: &mut Python,
        random: &mut Random,
        connection: &mut Connection,
        scratch: &mut Scratch,
        message: &[u8],
    ) {
        let pieces = python.ask("DEFLATE binary", &random.pieces(message));
        // Cut anew: where a frame ends need not be where the compressor was flushed.
        let joined = pieces.concat();
        let pieces = random.pieces(&joined);
        let mut input = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let last = if index + 1 == pieces.len() { FINAL } else { 0 };
            let first = if index == 0 { BINARY | COMPRESSED } else { 0 };
            frame(last | first, self.role == Role::Server, piece, &mut input);
        }
        let (receiver, _) = connection.split();
        let mut whole = None;
        let mut rest = &mut input[..];
        while !rest.is_empty() {
            let (read, later) = rest.split_at_mut(random.below(rest.len()) + 1);
            rest = later;
            let mut receive = receiver.receive(read, scratch);
            while let Some(event) = receive.next() {
                match event.unwrap() {
                    Event::Binary(data) => assert!(whole.replace(data.to_vec()).is_none()),
                    other => panic!("{other:?}"),
                }
            }
        }
        let whole = whole.expect("the message is whole");
        assert!(
            whole == message,
            "{} bytes became {} others",
            message.len(),
            whole.len()
        );
    }
}

/// Breaks a compressed message, or makes it end where no message of ours does; sometimes it is as good as before.
fn spoil(random: &mut Random, data: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        let at = random.below(data.len());
        match random.below(6) {
            0 => data.truncate(at),
            1 => data.insert(at, random.byte()),
            2 if at < data.len() => drop(data.remove(at)),
            // The bit that says that this block is the last.
            3 if !data.is_empty() => data[0] ^= 1,
            // A whole block behind the end, final or not, or only a beginning.
            4 => {
                let blocks: [&[u8]; 5] = [
                    &[0x03, 0x00],
                    &[0x00, 0x00, 0xFF, 0xFF, 0x01, 0x01, 0x00, 0xFE, 0xFF, b'!'],
                    &[0x00, 0x00, 0xFF, 0xFF, 0x00],
                    &[0x01],
                    &[0x00],
                ];
                data.extend_from_slice(blocks[random.below(blocks.len())]);
            }
            _ => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
}

/// What our inflater makes of a compressed message after those before it; `None` if it fails the connection.
fn judge(before: &[Vec<u8>], data: &[u8]) -> Option<Vec<u8>> {
    let (parameters, config) = (DeflateParameters::default(), DeflateConfig::dedicated());
    let mut connection = Connection::with_deflate(Role::Server, &parameters, &config);
    let (receiver, _) = connection.split();
    let mut input = Vec::new();
    for data in before.iter().map(Vec::as_slice).chain([data]) {
        frame(FINAL | BINARY | COMPRESSED, true, data, &mut input);
    }
    let mut scratch = Scratch::new(Limits::default());
    let mut receive = receiver.receive(&mut input, &mut scratch);
    for _ in before {
        assert!(matches!(receive.next(), Some(Ok(Event::Binary(_)))));
    }
    match receive.next() {
        Some(Ok(Event::Binary(data))) => Some(data.to_vec()),
        Some(Err(ReceiveError::InvalidDeflate)) => None,
        other => panic!("{other:?}"),
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What is broken for zlib is broken for us, and what is not inflates to the same.
#[test]
fn judges_broken_messages_as_zlib_does() {
    let seed = number("WS_FUZZ_SEED").unwrap_or(0x2545_F491_4F6C_DD1D);
    let trials = 100 * number("WS_FUZZ_MESSAGES").unwrap_or(MESSAGES);
    println!("WS_FUZZ_SEED={seed}");
    let mut random = Random(seed | 1);
    let mut python = Python::start();
    let (mut valid, mut changed) = (0, 0);
    for trial in 0..trials {
        let config = DeflateConfig::dedicated().level([1, 2, 6, 9][random.below(4)]);
        let mut connection =
            Connection::with_deflate(Role::Server, &DeflateParameters::default(), &config);
        let (_, sender) = connection.split();
        let mut scratch = SendScratch::server();
        let mut compress = |message: &[u8]| {
            let (always, mut output) = (Compression::Always, Vec::new());
            sender
                .encode_binary_with(message, always, &mut scratch, &mut output)
                .unwrap();
            frames(&output)[0].1.to_vec()
        };
        // Every other message refers to one before it.
        let mut before = Vec::new();
        if trial % 2 == 0 {
            before.push(random.message(&[]));
        }
        let first: Vec<_> = before.iter().map(|message| compress(message)).collect();
        let message = random.message(&before);
        let mut data = compress(&message);
        spoil(&mut random, &mut data);
        // Ours excuses a message without even a byte (§7.2.3.6), zlib knows nothing of it.
        if data.is_empty() {
            continue;
        }
        let expected = python.ask("JUDGE", &[&before.concat(), &data]).pop();
        valid += u64::from(expected.is_some());
        changed += u64::from(expected.as_ref().is_some_and(|plain| *plain != message));
        assert!(
            judge(&first, &data) == expected,
            "trial {trial}: zlib gives {:?} bytes of {data:02x?}",
            expected.map(|plain| plain.len())
        );
    }
    println!("{trials} messages: {valid} valid, {changed} of these other ones");
    assert!(
        valid > trials / 20 && changed > trials / 50 && valid < trials * 9 / 10,
        "{valid} valid, {changed} changed"
    );
}

/// On failure the seed stands in the message; `WS_FUZZ_SEED=… cargo test -p ws-tests --test it deflate_fuzz` repeats it.
#[test]
fn agrees_with_zlib_and_websockets() {
    let seed = number("WS_FUZZ_SEED").unwrap_or(0x9E37_79B9_7F4A_7C15);
    let messages = number("WS_FUZZ_MESSAGES").unwrap_or(MESSAGES);
    println!("WS_FUZZ_SEED={seed} WS_FUZZ_MESSAGES={messages}");
    let mut random = Random(seed | 1);
    let mut python = Python::start();
    let (mut connections, mut compressed) = (0, 0);
    for bits in 8..=15 {
        for takeover in 0..4 {
            for (role, maker) in [
                (Role::Server, "zlib"),
                (Role::Client, "zlib"),
                (Role::Server, "websockets"),
                (Role::Client, "websockets"),
            ] {
                // zlib cannot compress with 8 bits; what is allowed with 8 may be made with any window of 9 that fits.
                let trial = Trial {
                    role,
                    ours: (bits, takeover & 1 > 0),
                    theirs: (bits.max(9), takeover & 2 > 0),
                    maker,
                    level: [1, 2, 6, 9][random.below(4)],
                };
                println!(
                    "{role:?} {maker} {:?} {:?} level {}",
                    trial.ours, trial.theirs, trial.level
                );
                compressed += trial.run(&mut python, &mut random, messages);
                connections += 1;
            }
        }
    }
    let sent = connections * usize::try_from(messages).unwrap();
    println!(
        "{connections} connections, {sent} messages each way, {compressed} of ours compressed"
    );
    assert!(
        compressed > sent / 3,
        "only {compressed} of {sent} were compressed"
    );
}
