//! One byte stream: the socket, what still has to leave, what has come, and what is known of its readiness.
//!
//! ```text
//!   frames ──► output ──► TLS ──► TLS to a proxy ──► sealed ──► Net      each layer only where there is one
//!   frames ◄── arrived ◄─ TLS ◄── TLS to a proxy ◄────────────── Net
//! ```
//! The opening handshake, a proxy's CONNECT and the engine use the same wire, encrypted or not.
//! Invariant: readiness is remembered until the socket answers `WouldBlock`, because it is told only once.
//! Invariant: without layers, bytes go from `output` to the socket and from the socket to the caller without a copy.

mod edges;
mod layers;
mod taps;

use std::io;

use ws_core::tls::Tls;

use self::edges::Edges;
use self::layers::Layers;
pub(crate) use self::layers::{is_cut_off, tls_error};
use self::taps::Taps;
use crate::deadline::Deadline;
use crate::net::Net;

/// A socket with its output.
#[derive(Debug)]
pub(crate) struct Wire<N> {
    pub(crate) net: N,
    edges: Edges,
    output: Vec<u8>,
    sent: usize,
    /// Of all that was ever appended to `output`, what the system has taken.
    left: u64,
    /// Of what was sent from `output`, what is in the ciphertext that waits.
    in_ciphertext: u64,
    /// Came through all layers, or was given back; from `taken` on not yet taken.
    arrived: Vec<u8>,
    taken: usize,
    layers: Option<Box<Layers>>,
    /// Ciphertext has moved without giving a byte: look again before waiting.
    look_again: bool,
    taps: Option<Box<Taps>>,
}

impl<N: Net> Wire<N> {
    pub(crate) fn new(net: N) -> Self {
        Self {
            net,
            edges: Edges::new(),
            output: Vec::new(),
            sent: 0,
            left: 0,
            in_ciphertext: 0,
            arrived: Vec::new(),
            taken: 0,
            layers: None,
            look_again: false,
            taps: None,
        }
    }

    /// From now on all that moves are frames, which are logged if anybody reads that; `surplus` has come already.
    pub(crate) fn begin_frames(&mut self, surplus: &[u8]) {
        self.taps = Taps::if_logged();
        if let Some(taps) = &mut self.taps {
            taps.received(surplus);
        }
    }

    /// The same wire over another socket, which is to be the same connection.
    pub(crate) fn try_map<M>(self, map: impl FnOnce(N) -> io::Result<M>) -> io::Result<Wire<M>> {
        Ok(Wire {
            net: map(self.net)?,
            // Another poll tells of everything anew.
            edges: Edges::new(),
            output: self.output,
            sent: self.sent,
            left: self.left,
            in_ciphertext: self.in_ciphertext,
            arrived: self.arrived,
            taken: self.taken,
            layers: self.layers,
            look_again: self.look_again,
            taps: self.taps,
        })
    }

    /// Encrypts everything from now on, inside the layers that are there already.
    ///
    /// What has come and was not taken is the beginning of the peer's ciphertext. Nothing may be waiting to leave.
    pub(crate) fn push_tls(&mut self, tls: Tls) {
        debug_assert_eq!(self.unsent_bytes(), 0, "it would leave encrypted");
        let early = self.arrived.split_off(self.taken);
        (self.arrived, self.taken) = (Vec::new(), 0);
        let layers = self.layers.get_or_insert_default();
        layers.push(tls, &early, &mut self.arrived);
    }

    /// True until the innermost TLS handshake is complete.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.layers.as_ref().is_some_and(|l| l.is_handshaking())
    }

    /// The version of the innermost TLS connection.
    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        self.layers.as_ref()?.version()
    }

    /// Where frames are appended; call [`Wire::send_some`] afterwards.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Forgets what has not left, because it never will; what has come is to be read to its end, told of or not.
    pub(crate) fn discard_output(&mut self) {
        self.output = Vec::new();
        self.sent = 0;
        self.in_ciphertext = 0;
        self.edges.break_off();
        if let Some(layers) = &mut self.layers {
            layers.discard_sealed();
        }
    }

    /// Bytes that have not left yet.
    pub(crate) fn unsent_bytes(&self) -> usize {
        let sealed = self.layers.as_ref().map_or(0, |l| l.sealed().len());
        self.output.len() - self.sent + sealed
    }

    /// True if the socket has no room, as far as it has told.
    pub(crate) fn is_refused(&self) -> bool {
        !self.edges.writable
    }

    /// How much of all that was ever appended the system has taken.
    pub(crate) fn left_bytes(&self) -> u64 {
        self.left
    }

    /// What [`Wire::left_bytes`] will be once all that was appended up to now has left.
    pub(crate) fn appended_bytes(&self) -> u64 {
        self.left + self.in_ciphertext + (self.output.len() - self.sent) as u64
    }

    /// Hands the socket as much as it takes at once; false if it took nothing.
    pub(crate) fn send_some(&mut self) -> io::Result<bool> {
        if !self.edges.writable || self.unsent_bytes() == 0 {
            return Ok(false);
        }
        let Some(layers) = &mut self.layers else {
            let count = self.edges.send(&mut self.net, &self.output[self.sent..])?;
            self.drop_sent(count.unwrap_or(0));
            self.left += count.unwrap_or(0) as u64;
            return Ok(count.is_some());
        };
        if layers.sealed().is_empty() {
            // In pieces, so that a long message does not wait in memory a second time.
            let length = (self.output.len() - self.sent).min(SEALED_AT_ONCE_BYTES);
            if let Err(error) = layers.seal(&self.output[self.sent..self.sent + length]) {
                // The peer should learn that nothing more comes; whether it does changes nothing.
                let _ = self.send_sealed();
                return Err(error);
            }
            self.drop_sent(length);
            self.in_ciphertext = length as u64;
        }
        self.send_sealed()
    }

    /// Appends the mark that nothing more will come (close_notify) to what is to leave; plain TCP has none.
    pub(crate) fn end_tls(&mut self) {
        if let Some(layers) = &mut self.layers {
            layers.end();
        }
    }

    /// Takes what has arrived: `None` = nothing yet, `Some(0)` = the peer has ended its side.
    pub(crate) fn receive_some(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let received = self.receive_untapped(buffer)?;
        if let (Some(taps), Some(count)) = (&mut self.taps, received) {
            taps.received(&buffer[..count]);
        }
        Ok(received)
    }

    fn receive_untapped(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.has_arrived() {
            return Ok(Some(self.take_arrived(buffer)));
        }
        if self.layers.is_none() {
            return self.edges.recv(&mut self.net, buffer);
        }
        let filled = self.fill()?;
        if self.has_arrived() {
            return Ok(Some(self.take_arrived(buffer)));
        }
        match filled {
            Filled::Nothing => Ok(None),
            Filled::End => Ok(Some(0)),
            Filled::Some => {
                self.look_again = true;
                Ok(None)
            }
        }
    }

    /// Gives bytes back that belong to what comes next; they are the first to be received.
    pub(crate) fn give_back(&mut self, bytes: &[u8]) {
        self.arrived.drain(..self.taken);
        self.arrived.splice(..0, bytes.iter().copied());
        self.taken = 0;
    }

    /// Moves ciphertext up the layers, as much as one read gives.
    ///
    /// An error comes once all that arrived before it was taken, and then for ever.
    pub(crate) fn fill(&mut self) -> io::Result<Filled> {
        let Some(layers) = &mut self.layers else {
            return Ok(Filled::Nothing);
        };
        layers.check()?;
        if layers.has_ended() {
            return Ok(Filled::End);
        }
        let Some(count) = self.edges.recv(&mut self.net, layers.input())? else {
            return Ok(Filled::Nothing);
        };
        if count == 0 {
            return Err(layers::cut_off());
        }
        if layers.lift(count, &mut self.arrived).is_err() {
            // The peer should learn why; whether it does changes nothing.
            let _ = self.send_sealed();
            if !self.has_arrived() {
                self.fill()?;
            }
        }
        Ok(Filled::Some)
    }

    /// Waits for readiness, an interrupt or the deadline; true if the socket became ready.
    pub(crate) fn wait(&mut self, deadline: Deadline) -> io::Result<bool> {
        if std::mem::take(&mut self.look_again) {
            return Ok(true);
        }
        let readiness = self.net.poll(deadline)?;
        self.edges.note(readiness);
        Ok(readiness.readable || readiness.writable)
    }

    fn send_sealed(&mut self) -> io::Result<bool> {
        let Some(layers) = &mut self.layers else {
            return Ok(false);
        };
        if layers.sealed().is_empty() || !self.edges.writable {
            return Ok(false);
        }
        let count = self.edges.send(&mut self.net, layers.sealed())?;
        layers.drop_sealed(count.unwrap_or(0));
        if layers.sealed().is_empty() {
            self.left += std::mem::take(&mut self.in_ciphertext);
        }
        Ok(count.is_some())
    }

    fn drop_sent(&mut self, count: usize) {
        if let Some(taps) = &mut self.taps {
            taps.sent(&self.output[self.sent..self.sent + count]);
        }
        self.sent += count;
        if self.sent == self.output.len() {
            self.sent = 0;
            self.output.clear();
            if self.output.capacity() > KEPT_OUTPUT_BYTES {
                // Freed, not shrunk: the allocator then gives the next long message pages that are mapped already.
                self.output = Vec::new();
            }
        }
    }

    fn has_arrived(&self) -> bool {
        self.taken < self.arrived.len()
    }

    fn take_arrived(&mut self, buffer: &mut [u8]) -> usize {
        let rest = &self.arrived[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        if !self.has_arrived() {
            self.arrived.clear();
            self.taken = 0;
        }
        count
    }
}

/// What [`Wire::fill`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Nothing has come.
    Nothing,
    /// Something has come, perhaps without completing a byte of plaintext.
    Some,
    /// The peer has ended its side in order.
    End,
}

/// A larger output buffer is given back once it is empty.
const KEPT_OUTPUT_BYTES: usize = 256 << 10;
/// What is encrypted at once; four full TLS records.
const SEALED_AT_ONCE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests;
