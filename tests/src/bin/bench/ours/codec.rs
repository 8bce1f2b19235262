//! ws-core without sockets.

use ws_core::{Connection, Event, Limits, Role, Scratch, SendScratch};
use ws_tests::bench::codec::{EchoCodec, Sink};

/// ws-core as ws-server uses it: short payloads are copied behind their header, so that one write takes many frames, and
/// long ones written from where they lie. But it reads all that comes at once, as the peers do with a message that they know
/// the length of, and not in ws-server's turns, which leave time for other connections.
pub(crate) struct Codec {
    connection: Connection,
    scratch: Scratch,
    send_scratch: SendScratch,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for Codec {
    fn default() -> Self {
        Self {
            connection: Connection::new(Role::Server),
            scratch: Scratch::new(Limits::default()),
            send_scratch: SendScratch::server(),
            input: vec![0; READ_BYTES],
            output: Vec::new(),
        }
    }
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], sink: &mut Sink) {
        for read in input.chunks(READ_BYTES) {
            self.read(read, sink);
        }
    }
}

impl Codec {
    /// Copies what a read from a socket would have brought, and echoes it.
    fn read(&mut self, read: &[u8], sink: &mut Sink) {
        let output = &mut self.output;
        output.clear();
        let (receiver, sender) = self.connection.split();
        let scratch = &mut self.send_scratch;
        let input = &mut self.input[..read.len()];
        input.copy_from_slice(read);
        let mut receive = receiver.receive(input, &mut self.scratch);
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

/// What has gathered, and behind it a payload from where it lies.
#[inline(never)]
fn hand_over(output: &mut Vec<u8>, payload: &[u8], sink: &mut Sink) {
    sink.take(output);
    output.clear();
    sink.take(payload);
}

/// At most in one read.
const READ_BYTES: usize = 2 << 20;
/// From here on a payload is a slice of its own for a vectored write.
const UNCOPIED_BYTES: usize = 1 << 10;
