//! ws-core without sockets.

use ws_core::{Connection, Event, Limits, Role, Scratch, SendScratch};
use ws_tests::bench::codec::{EchoCodec, Sink};

/// ws-core as a server uses it: short payloads are copied behind their header, so that one write takes many frames, and
/// long ones are written from where they lie.
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
            input: vec![0; 2 << 20],
            output: Vec::new(),
        }
    }
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], sink: &mut Sink) {
        let output = &mut self.output;
        output.clear();
        let buffer = &mut self.input[..input.len()];
        buffer.copy_from_slice(input);
        let (receiver, sender) = self.connection.split();
        let scratch = &mut self.send_scratch;
        let mut receive = receiver.receive(buffer, &mut self.scratch);
        while let Some(event) = receive.next() {
            let encoded = match event {
                Ok(Event::Text(text)) if text.len() < UNCOPIED_BYTES => {
                    sender.encode_text(text, scratch, output).map(|()| None)
                }
                Ok(Event::Binary(data)) if data.len() < UNCOPIED_BYTES => {
                    sender.encode_binary(data, scratch, output).map(|()| None)
                }
                Ok(Event::Text(text)) => sender.encode_text_head(text, scratch, output).map(Some),
                Ok(Event::Binary(data)) => {
                    sender.encode_binary_head(data, scratch, output).map(Some)
                }
                other => panic!("{other:?} was not sent"),
            };
            match encoded {
                Ok(None) => {}
                Ok(Some(payload)) => {
                    sink.take(output);
                    output.clear();
                    sink.take(payload);
                }
                Err(error) => panic!("{error}"),
            }
        }
        if !output.is_empty() {
            sink.take(output);
        }
    }
}

/// From here on a payload is a slice of its own for a vectored write.
const UNCOPIED_BYTES: usize = 1 << 10;
