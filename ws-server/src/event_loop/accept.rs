//! Taking new connections, also after the system refused some.
//!
//! The listener is edge-triggered: after any error but "would block" no edge would tell of the connections that still
//! wait, so they are taken at once if the error was of one of them, and else a timer tries again.

use std::{io::ErrorKind, time::Duration};

use ws_core::tls::Tls;

use super::{EventLoop, Phase, Slot, connection::Opening, tls::TlsState};
use crate::{
    config::{ACCEPT_RETRY_MAX, ACCEPT_RETRY_MIN},
    context::slot_number,
    handler::Handler,
    http,
    net::{Net, PeerAddress},
    proxies::ProxyHeader,
    statistics::Limit,
};

/// What a loop knows of its listener.
#[derive(Debug, Default)]
pub(super) struct Accepting {
    /// An edge came, and the listener has not been found empty since.
    pub(super) is_pending: bool,
    /// When to try again after an error, in the clock's milliseconds.
    pub(super) retry_at: Option<u64>,
    pub(super) wait: Duration,
}

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Takes the connections that wait, at most so many that the others are not kept waiting.
    pub(super) fn accept(&mut self) {
        if let Some(retry_at) = self.accepting.retry_at
            && retry_at <= self.connections.clock.millis()
        {
            self.accepting.retry_at = None;
            self.accepting.is_pending = true;
        }
        if !self.accepting.is_pending || self.accepting.retry_at.is_some() {
            return;
        }
        for _ in 0..ACCEPTS_IN_A_TURN {
            match self.net.accept() {
                Ok((stream, peer)) => {
                    self.shared.counters.count_accepted();
                    self.accepting.wait = Duration::ZERO;
                    if let Some(stream) = self.net.place(stream, peer) {
                        self.adopt(stream, peer);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.accepting.is_pending = false;
                    return;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // One that waited has given up; the next may not have.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                Err(error) => {
                    self.shared.count_limit(Limit::Accept);
                    self.log
                        .warn(&self.shared.journal, &self.connections.clock, || {
                            format!("cannot accept a connection, trying again: {error}")
                        });
                    return self.retry_later();
                }
            }
        }
    }

    fn retry_later(&mut self) {
        let wait = &mut self.accepting.wait;
        if *wait >= ACCEPT_RETRY_MAX {
            // Nothing was freed for long: one of those that wait is told, at the cost of the spare descriptor.
            let mut answer = Vec::new();
            if !self.shared.has_tls() {
                http::no_descriptors().encode(false, &mut answer);
            }
            if let Err(error) = self.net.refuse_with_spare(&answer) {
                log::debug!("nobody was refused with the spare descriptor: {error}");
            }
        }
        *wait = (*wait * 2).clamp(ACCEPT_RETRY_MIN, ACCEPT_RETRY_MAX);
        self.accepting.retry_at = Some(self.connections.clock.deadline(*wait));
    }

    /// Gives a new connection a slot.
    pub(super) fn adopt(&mut self, mut stream: N::Stream, peer: PeerAddress) {
        if self.stop_at.is_some() {
            return self.net.close(stream);
        }
        let tls = match self.shared.tls().as_ref().map(Tls::server).transpose() {
            Ok(tls) => tls.map(|tls| Box::new(TlsState::new(tls))),
            Err(error) => {
                log::error!("no TLS for the connection from {peer}: {error}");
                return self.net.close(stream);
            }
        };
        let proxies = self.connections.config.trusted_proxies.as_ref();
        let expects_header = proxies.is_some_and(|proxies| proxies.expects_header(peer));
        let opening = Opening {
            proxy: expects_header.then(ProxyHeader::default),
            ..Opening::default()
        };
        let nonce = self.net.random();
        let connections = &mut self.connections;
        if connections.handshakes.len() >= connections.config.unfinished_cap() {
            self.shared.count_limit(Limit::UnfinishedHandshakes);
            self.log.warn(&self.shared.journal, &connections.clock, || {
                "too many unfinished handshakes: the oldest is dropped".into()
            });
            if let Some(oldest) = connections.handshakes.oldest() {
                connections.set_dead(oldest);
            }
        }
        let slots = &mut connections.slots;
        if slots.len() == slots.capacity() {
            // By a quarter instead of doubling: an idle connection is to cost little.
            slots.reserve_exact((slots.len() / 4).max(MIN_GROWTH));
        }
        let entry = slots.vacant_entry();
        let slot = slot_number(entry.key());
        if slot >= MAX_SLOTS || self.net.register(&mut stream, slot).is_err() {
            log::warn!("cannot watch the connection from {peer}");
            return self.net.close(stream);
        }
        let mut place = Slot::new(nonce, peer, opening);
        place.tls = tls;
        entry.insert(place);
        connections.sweep.add(slot);
        let deadline = connections
            .clock
            .deadline(connections.config.handshake_timeout);
        connections.set_phase(slot, Phase::Opening, Some(deadline));
        let index = slot as usize;
        if index >= self.streams.len() {
            let more = (index / 4).max(MIN_GROWTH);
            self.streams.reserve_exact(more);
            self.streams.resize_with(index + 1, || None);
        }
        self.streams[index] = Some(stream);
    }
}

const ACCEPTS_IN_A_TURN: usize = 64;
/// Slots that are added at once, at least.
pub(super) const MIN_GROWTH: usize = 64;
/// Tokens above are used for the listener and the commands.
const MAX_SLOTS: u32 = u32::MAX - 16;
