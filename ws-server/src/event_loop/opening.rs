//! From an accepted socket to an open connection, or to a refusal.

use std::fmt;

use ws_core::{
    CloseCode,
    extension::DeflateAgreement,
    handshake::{Accept, HttpAnswer, Request, ServerStep},
};

use super::{EventLoop, NO_SLOT, Phase};
use crate::{
    context::Context,
    handler::{Accepted, ClosedBy, Handler},
    http,
    net::{Net, PeerAddress},
    proxies::ProxyStep,
};

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Takes bytes of the opening handshake.
    pub(super) fn receive_head(&mut self, slot: u32, input: &[u8]) {
        let taken = self.receive_proxy_header(slot, input);
        let input = &input[taken..];
        let connections = &mut self.connections;
        let place = &mut connections.slots[slot as usize];
        let Some(handshake) = &mut place.handshake else {
            return;
        };
        match handshake
            .head
            .receive(input, &connections.config.head_limits)
        {
            ServerStep::NeedMore => {}
            ServerStep::Refused(answer) => self.refuse(slot, &answer, false),
            ServerStep::Request(request) => {
                let proxies = connections.config.trusted_proxies.as_ref();
                if let Some(client) = proxies.and_then(|p| p.client(place.peer, &request)) {
                    place.peer = client;
                }
                if !request.is_upgrade() {
                    return self.answer_plain(slot, &request);
                }
                let checked =
                    http::check(&request, &self.connections.config, self.bound_to_loopback);
                let result = checked.and_then(|()| self.open(slot, &request));
                if let Err(answer) = result {
                    // Of what the handler ended before it refused, and of this one if its answer cannot be sent.
                    self.tell_closed();
                    self.refuse(slot, &answer, request.method() == "HEAD");
                }
            }
        }
    }

    /// Takes the header that a balancer must send before everything else; returns how many bytes belonged to it.
    ///
    /// Everything, if the header is not whole yet or was refused.
    pub(super) fn receive_proxy_header(&mut self, slot: u32, input: &[u8]) -> usize {
        let place = &mut self.connections.slots[slot as usize];
        let header = place.handshake.as_mut().and_then(|h| h.proxy.as_mut());
        let Some(header) = header else {
            return 0;
        };
        match header.receive(input) {
            ProxyStep::NeedMore => input.len(),
            ProxyStep::Done { source, taken } => {
                if let Some(source) = source {
                    place.peer = PeerAddress::tcp(source);
                }
                if let Some(handshake) = &mut place.handshake {
                    handshake.proxy = None;
                }
                taken
            }
            ProxyStep::Refused(text) => {
                self.refuse(slot, &http::no_proxy_header(text), false);
                input.len()
            }
        }
    }

    /// Opens a connection whose request is to be answered behind everything that TLS still has to send.
    fn open(&mut self, slot: u32, request: &Request) -> Result<(), HttpAnswer> {
        let Some(mut queue) = self.connections.slots[slot as usize].queue.take() else {
            return self.open_corked(slot, request);
        };
        // The handler's first messages follow the 101, so they gather in the cork as ever.
        self.connections.cork_slot = slot;
        let result = self.open_corked(slot, request);
        let connections = &mut self.connections;
        connections.cork_slot = NO_SLOT;
        if result.is_ok() {
            queue.copy(&connections.cork);
        }
        connections.cork.clear();
        let place = &mut connections.slots[slot as usize];
        place.is_throttled |= queue.len() > connections.config.high_water_bytes;
        place.queue = Some(queue);
        connections.watch_stall(slot);
        connections.mark_dirty(slot);
        result
    }

    /// Opens a connection: the handler knows it before the 101 is written.
    fn open_corked(&mut self, slot: u32, request: &Request) -> Result<(), HttpAnswer> {
        if self.stop_at.is_some() {
            return Err(http::stopping());
        }
        let limit = self.connections.config.max_connections;
        if !self.shared.establish(limit) {
            self.log
                .warn(&self.shared.journal, &self.connections.clock, || {
                    format!("a connection was refused: all {limit} are in use")
                });
            return Err(http::pool_full(limit));
        }
        self.connections.slots[slot as usize].is_established = true;
        // Before the handler, whose first messages are compressed already.
        let agreement = self.connections.agree_deflate(slot, request);
        let connections = &mut self.connections;
        connections.opening_compression = agreement;
        let accepted = self
            .handler
            .on_open(&mut Context { connections, slot }, request);
        self.connections.opening_compression = None;
        let accepted = accepted?;
        let Accepted {
            state,
            subprotocol,
            headers,
        } = accepted;
        let place = &mut self.connections.slots[slot as usize];
        place.state = Some(state);
        place.handshake = None;
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let config = &self.connections.config;
        let accept = Accept {
            subprotocol: subprotocol
                .as_deref()
                .or_else(|| http::choose_subprotocol(request, config)),
            deflate: agreement,
            headers: &headers,
        };
        let mut head = Vec::new();
        if let Err(error) = request.encode_accept(&accept, &mut head) {
            log::error!("the handler's answer to a handshake cannot be sent: {error}");
            let by = ClosedBy::Handler;
            self.connections
                .note_closed(slot, CloseCode::ABNORMAL, "", by);
            return Err(http::internal());
        }
        let connections = &self.connections;
        connections.journal.note(format_args!(
            "handshake of {} accepted: connection {} added, path {}, {}",
            connections.slots[slot as usize].peer,
            connections.id_of(slot),
            request.path(),
            Shown(agreement)
        ));
        // What the handler sent already follows the 101.
        head.append(&mut self.connections.cork);
        self.connections.cork = head;
        if self.connections.slots[slot as usize].phase == Phase::Opening {
            self.connections.set_phase(slot, Phase::Open, None);
            self.connections.watch_silence(slot);
        }
        self.tell_closed();
        Ok(())
    }

    /// Answers a request with anything but 101, and ends the TCP connection so that the peer can read why.
    pub(super) fn refuse(&mut self, slot: u32, answer: &HttpAnswer, head_only: bool) {
        if self.drop_unfinished_tls(slot) {
            return;
        }
        let place = &mut self.connections.slots[slot as usize];
        place.handshake = None;
        if place.is_established {
            place.is_established = false;
            self.shared.release_established();
        }
        self.shared.count_answer(answer.status());
        if answer.status() >= 400 {
            log::debug!("refused a request: {} {}", answer.status(), answer.text());
            let connections = &self.connections;
            connections.journal.note_limited(
                connections.clock.now(),
                "handshakes refused",
                format_args!(
                    "handshake of {} refused: {} {}",
                    connections.slots[slot as usize].peer,
                    answer.status(),
                    answer.text()
                ),
            );
        }
        if self.connections.cork_slot == slot {
            self.connections.cork.clear();
        }
        let encoded = self.connections.encode(slot, |_, _, output| {
            answer.encode(head_only, output);
            Ok(())
        });
        debug_assert!(encoded.is_ok(), "it cannot fail");
        self.connections.begin_ending(slot, false);
    }
}

/// What was agreed on, for the event log.
struct Shown(Option<DeflateAgreement>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(agreement) => agreement.fmt(f),
            None => f.write_str("no compression"),
        }
    }
}
