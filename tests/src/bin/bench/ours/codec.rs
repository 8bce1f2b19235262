//! ws-core without sockets.

use ws_core::{Connection, Event, Limits, Role, Scratch, SendScratch};
use ws_tests::bench::codec::{EchoCodec, Sink};

/// ws-core as ws-server uses it: a long message is read to where it is gathered, and written from there; short payloads
/// are copied behind their header, so that one write takes many frames.
pub(crate) struct Codec {
    connection: Connection,
    scratch: Scratch,
    send_scratch: SendScratch,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The last message was read to where it was gathered: the next one may be as long.
    gets_long: bool,
}

impl Default for Codec {
    fn default() -> Self {
        Self {
            connection: Connection::new(Role::Server),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::server(),
            input: vec![0; READ_BYTES],
            output: Vec::new(),
            gets_long: false,
        }
    }
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], sink: &mut Sink) {
        let mut rest = input;
        while !rest.is_empty() {
            self.read(&mut rest, sink);
        }
    }
}

impl Codec {
    /// Reads once, what is still to come of a long message to where it is gathered, and echoes what there is.
    fn read(&mut self, rest: &mut &[u8], sink: &mut Sink) {
        let output = &mut self.output;
        output.clear();
        let (receiver, sender) = self.connection.split();
        let (mut filled, mut count) = (0, 0);
        if let Some(place) = receiver.spare(READ_BYTES, &mut self.scratch) {
            filled = read(rest, place);
            self.gets_long = true;
        } else {
            let is_begun = std::mem::take(&mut self.gets_long);
            let most = if is_begun { BEGIN_BYTES } else { READ_BYTES };
            count = read(rest, &mut self.input[..most]);
        }
        let scratch = &mut self.send_scratch;
        let buffer = &mut self.input[..count];
        let mut receive = receiver.receive_filled(filled, buffer, &mut self.scratch);
        while let Some(event) = receive.next() {
            let encoded = match event {
                Ok(Event::Binary(data)) if data.len() < UNCOPIED_BYTES => {
                    sender.encode_binary(data, scratch, output)
                }
                Ok(Event::Text(text)) if text.len() < UNCOPIED_BYTES => {
                    sender.encode_text(text, scratch, output)
                }
                Ok(Event::Binary(data)) => sender
                    .encode_binary_head(data, scratch, output)
                    .map(|payload| hand_over(output, payload, sink)),
                Ok(Event::Text(text)) => sender
                    .encode_text_head(text, scratch, output)
                    .map(|payload| hand_over(output, payload, sink)),
                other => panic!("{other:?} was not sent"),
            };
            encoded.unwrap_or_else(|error| panic!("{error}"));
        }
        if !output.is_empty() {
            sink.take(output);
        }
    }
}

/// What a read from a socket would do.
fn read(rest: &mut &[u8], place: &mut [u8]) -> usize {
    let (now, later) = rest.split_at(rest.len().min(place.len()));
    place[..now.len()].copy_from_slice(now);
    *rest = later;
    now.len()
}

/// What has gathered, and behind it a payload from where it lies.
#[inline(never)]
fn hand_over(output: &mut Vec<u8>, payload: &[u8], sink: &mut Sink) {
    sink.take(output);
    output.clear();
    sink.take(payload);
}

/// At most in one read.
const READ_BYTES: usize = 128 << 10;
/// The same where a long message may begin, of which this is copied.
const BEGIN_BYTES: usize = 16 << 10;
/// From here on a payload is a slice of its own for a vectored write.
const UNCOPIED_BYTES: usize = 1 << 10;
