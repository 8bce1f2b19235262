//! TLS of the connections whose listener has it: between the socket and everything else.
//!
//! ```text
//!   recv ─> buffer ─> Tls::receive ─> plaintext, the loop's second buffer ─> head, frames in place
//!   send <─ sealed <─ Tls::send    <─ cork, or the front of a queue
//! ```
//!
//! Plaintext is encrypted just before it is sent, in the order of its queue, so frames that many connections share
//! stay shared while they wait. What the TLS handshake has to say goes the same way, without plaintext.
//! Invariant: nothing but ciphertext is given to the socket while a connection has a [`TlsState`].
//! Invariant: an end without close_notify is told as such, unless both Close frames have passed (R-30).

use ws_core::{
    CloseCode,
    tls::{Tls, TlsError},
};

use super::{EventLoop, Phase, output::Sent};
use crate::{
    config::CORK_BYTES,
    handler::{CloseInfo, ClosedBy, Handler},
    http,
    net::Net,
};

/// TLS of one connection.
#[derive(Debug)]
pub(crate) struct TlsState {
    tls: Tls,
    /// close_notify or a fatal alert was the last that may be sent.
    is_closed: bool,
}

impl TlsState {
    pub(crate) fn new(tls: Tls) -> Self {
        Self {
            tls,
            is_closed: false,
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Tells whether the end of the stream now would be a truncation.
    pub(crate) fn is_cut(&self) -> bool {
        !self.is_handshaking() && self.tls.is_cut_by_eof()
    }

    /// Encrypts `plaintext` behind `output`; drops it if nothing may be sent any more.
    pub(crate) fn seal(&mut self, plaintext: &[u8], output: &mut Vec<u8>) {
        if self.is_closed {
            return;
        }
        // A failure from before was told then. Keys that are used up say close_notify, which the peer answers.
        if let Err(error @ TlsError::KeysUsedUp) = self.tls.send(plaintext, output) {
            self.is_closed = true;
            log::warn!("a connection ends: {error}");
        }
    }
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Takes what was received; what it says is handled like the input of a plain connection.
    pub(super) fn handle_ciphertext(&mut self, slot: u32, ciphertext: &mut [u8]) {
        let taken = self.receive_proxy_header(slot, ciphertext);
        let ciphertext = &mut ciphertext[taken..];
        let connections = &mut self.connections;
        let tick = connections.clock.tick();
        let place = &mut connections.slots[slot as usize];
        if ciphertext.is_empty() {
            return;
        }
        if matches!(place.phase, Phase::Ending | Phase::Dead) {
            return self.handle_input(slot, 0, ciphertext);
        }
        let Some(state) = &mut place.tls else {
            return;
        };
        let is_corked = connections.cork_slot == slot && place.queue.is_none();
        let output = if is_corked {
            &mut connections.sealed
        } else {
            let pool = &mut connections.pool;
            place.queue.get_or_insert_with(|| pool.take(tick)).sealed()
        };
        let mut plaintext = std::mem::take(&mut self.plaintext);
        plaintext.clear();
        // An error stays: it is handled when what came before it has been.
        let has_failed = state
            .tls
            .receive(ciphertext, &mut plaintext, output)
            .is_err();
        if has_failed && place.phase == Phase::Opening {
            // A request that cannot be answered any more.
            plaintext.clear();
        }
        // A part of a record is a sign of life too.
        if place.phase == Phase::Open {
            place.keepalive.handle_received(tick);
        }
        if !is_corked {
            connections.mark_dirty(slot);
        }
        if !plaintext.is_empty() {
            self.handle_input(slot, 0, &mut plaintext);
        }
        if plaintext.capacity() > KEPT_PLAINTEXT_BYTES {
            plaintext = Vec::new();
        }
        self.plaintext = plaintext;
        self.handle_tls_end(slot);
    }

    /// Acts on a failure of TLS or on close_notify, once everything that came before it was handled.
    pub(super) fn handle_tls_end(&mut self, slot: u32) {
        let place = &mut self.connections.slots[slot as usize];
        let is_over = matches!(place.phase, Phase::Ending | Phase::Dead);
        let Some(state) = place.tls.as_mut().filter(|_| !is_over) else {
            return;
        };
        if place.tail.is_some() {
            return;
        }
        if let Some(error) = state.tls.failure().cloned() {
            self.fail_tls(slot, &error);
        } else if state.tls.close_received() {
            self.handle_end(slot);
        }
    }

    /// Ends a connection whose TLS has failed; the alert that says why was queued with the failure.
    fn fail_tls(&mut self, slot: u32, error: &TlsError) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        let Some(state) = &mut place.tls else {
            return;
        };
        state.is_closed = true;
        let peer = place.peer;
        match place.phase {
            Phase::Opening => {
                let is_first = state.tls.version().is_none() && place.queue.is_none();
                self.log.warn(&self.shared.journal, &connections.clock, || {
                    format!("the TLS handshake with {peer} failed: {error}")
                });
                if *error == TlsError::NotTls && is_first {
                    // Somebody who speaks HTTP is told so in plain text, instead of an alert.
                    place.tls = None;
                    connections.sealed.clear();
                    return self.refuse(slot, &http::not_tls(), false);
                }
                self.shared.count_refused();
                place.handshake = None;
                connections.begin_ending(slot, false);
            }
            Phase::Open => {
                log::debug!("TLS with {peer} failed: {error}");
                let id = connections.id_of(slot);
                let journal = &connections.journal;
                journal.note(format_args!("connection {id}: TLS failed: {error}"));
                connections.begin_ending(slot, false);
                let info = CloseInfo {
                    code: CloseCode::ABNORMAL,
                    reason: "",
                    by: ClosedBy::Tls,
                };
                self.tell_close(slot, info);
                self.tell_closed();
            }
            Phase::Closing => connections.begin_ending(slot, false),
            Phase::Ending | Phase::Dead => {}
        }
    }

    /// Drops a connection whose TLS handshake is not done: no answer can be sent; whether it was.
    pub(super) fn drop_unfinished_tls(&mut self, slot: u32) -> bool {
        let place = &self.connections.slots[slot as usize];
        let Some(state) = &place.tls else {
            return false;
        };
        let is_unfinished = state.is_handshaking();
        if is_unfinished {
            let peer = place.peer;
            log::debug!("the TLS handshake with {peer} was not finished");
            self.connections.journal.note_limited(
                self.connections.clock.now(),
                "TLS handshakes not finished",
                format_args!("the TLS handshake of {peer} was not finished in time"),
            );
            self.connections.set_dead(slot);
        }
        is_unfinished
    }

    /// Encrypts the cork and writes it, behind what TLS itself has to say; the rest becomes the connection's queue.
    pub(super) fn flush_sealed(&mut self, slot: u32) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        if let Some(state) = &mut place.tls
            && !connections.cork.is_empty()
        {
            state.seal(&connections.cork, &mut connections.sealed);
        }
        connections.cork.clear();
        self.send_sealed(slot);
        if self.connections.cork.capacity() > KEPT_PLAINTEXT_BYTES {
            self.connections.cork = Vec::with_capacity(CORK_BYTES);
        }
    }

    /// Sends close_notify, once; whether the connection still has something to send, or is dead.
    pub(super) fn send_close_notify(&mut self, slot: u32) -> bool {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        let Some(state) = place.tls.as_mut().filter(|state| !state.is_closed) else {
            return false;
        };
        state.is_closed = true;
        state.tls.close(&mut connections.sealed);
        self.send_sealed(slot);
        self.connections.recount(slot);
        let place = &self.connections.slots[slot as usize];
        place.queue.is_some() || place.phase == Phase::Dead
    }

    pub(super) fn send_sealed(&mut self, slot: u32) {
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        // Behind something lost the peer could make nothing of it.
        let sent = if place.phase == Phase::Dead || place.hung_up {
            Sent::Broken
        } else {
            let stream = self.streams[slot as usize].as_mut();
            Self::send(&mut self.net, stream, &connections.sealed, usize::MAX)
        };
        let unsent = match sent {
            Sent::Some(_) | Sent::Broken => &[],
            Sent::Blocked(count) => &connections.sealed[count..],
        };
        if !unsent.is_empty() {
            let tick = connections.clock.tick();
            let pool = &mut connections.pool;
            let queue = place.queue.get_or_insert_with(|| pool.take(tick));
            queue.sealed().extend_from_slice(unsent);
            place.is_throttled |= queue.len() > connections.config.high_water_bytes;
        }
        connections.sealed.clear();
        if connections.sealed.capacity() > KEPT_PLAINTEXT_BYTES {
            connections.sealed = Vec::new();
        }
        match sent {
            Sent::Some(_) => {}
            Sent::Blocked(_) => self.handle_blocked(slot),
            Sent::Broken => self.handle_broken(slot),
        }
    }
}

/// Buffers of the loop that grew beyond it are not kept.
const KEPT_PLAINTEXT_BYTES: usize = 1 << 20;
