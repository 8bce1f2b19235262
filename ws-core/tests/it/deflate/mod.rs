//! permessage-deflate, RFC 7692: both halves of a connection, their limits and their memory.

mod hostile;
mod memory;
mod reference;
mod refused;
mod round_trip;
mod vectors;

use ws_core::{
    Limits, Receiver, Role, Scratch, SendError, SendScratch, Sender,
    extension::{DeflateConfig, DeflateParameters, WindowBits},
};

use crate::wire::{Owned, events_of};

/// Parameters with the same for both sides.
fn parameters(bits: u8, takes_over: bool) -> DeflateParameters {
    let bits = WindowBits::new(bits).expect("8 to 15");
    DeflateParameters {
        server_no_context_takeover: !takes_over,
        client_no_context_takeover: !takes_over,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    }
}

/// A configuration that takes whatever was agreed on, and compresses everything.
fn eager() -> DeflateConfig {
    DeflateConfig::dedicated().threshold(0)
}

/// A sender and the output of its loop.
struct Sending {
    sender: Sender,
    scratch: SendScratch,
    output: Vec<u8>,
}

impl Sending {
    fn new(role: Role, parameters: &DeflateParameters, config: &DeflateConfig) -> Self {
        let mut sender = Sender::new(role);
        sender.set_deflate(parameters, config);
        Self {
            sender,
            scratch: SendScratch::client(Box::new(|| [0x37, 0xFA, 0x21, 0x3D])),
            output: Vec::new(),
        }
    }

    /// What `encode` appends.
    fn bytes(
        &mut self,
        encode: impl FnOnce(&mut Sender, &mut SendScratch, &mut Vec<u8>) -> Result<(), SendError>,
    ) -> Vec<u8> {
        encode(&mut self.sender, &mut self.scratch, &mut self.output).expect("encodes");
        std::mem::take(&mut self.output)
    }
}

/// A receiver and the scratch of its loop.
struct Receiving {
    receiver: Receiver,
    scratch: Scratch,
}

impl Receiving {
    fn new(role: Role, parameters: &DeflateParameters, limits: Limits) -> Self {
        let mut receiver = Receiver::new(role);
        receiver.set_deflate(parameters);
        Self {
            receiver,
            scratch: Scratch::new(limits),
        }
    }

    fn events(&mut self, stream: &[u8], pieces: &[usize]) -> Vec<Owned> {
        events_of(&mut self.receiver, &mut self.scratch, stream, pieces)
    }
}
