//! Plain HTTP on the same port: requests that ask for no WebSocket.
//!
//! A short answer is sent as a refusal is. A long one is read piece by piece behind its head, whenever the connection's
//! queue is empty, so that neither memory nor the other connections pay for it.

use ws_core::handshake::Request;

use super::{EventLoop, Phase};
use crate::{handler::Handler, http, net::Net, plain_answer::PlainAnswer};

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Answers a request that asks for no WebSocket.
    pub(super) fn answer_plain(&mut self, slot: u32, request: &Request) {
        let head_only = request.method() == "HEAD";
        let config = &self.connections.config;
        if let Some(answer) = http::health(request, config) {
            return self.refuse(slot, &answer, head_only);
        }
        if let Err(answer) = http::check_plain(request, config, self.bound_to_loopback) {
            return self.refuse(slot, &answer, head_only);
        }
        let Some(answer) = self.handler.on_request(request) else {
            let answer = http::unanswered(request, &self.connections.config);
            return self.refuse(slot, &answer, head_only);
        };
        if answer.body.is_none() && (head_only || !answer.has_long_text()) {
            return self.refuse(slot, &answer.head, head_only);
        }
        self.answer_at_length(slot, answer, head_only);
    }

    fn answer_at_length(&mut self, slot: u32, answer: PlainAnswer, head_only: bool) {
        let limit = self.connections.config.max_connections;
        if !self.shared.establish(limit) {
            return self.refuse(slot, &http::pool_full(limit), head_only);
        }
        let place = &mut self.connections.slots[slot as usize];
        place.is_established = true;
        place.handshake = None;
        self.shared.count_answer(answer.head.status());
        // Whatever TLS had to say goes first; from now on everything goes through the queue.
        self.end_cork(slot);
        let encoded = self.connections.encode(slot, |_, _, output| {
            answer.head.encode_head(answer.length(), output);
            Ok(())
        });
        debug_assert!(encoded.is_ok(), "it cannot fail");
        self.connections.begin_ending(slot, false);
        // It takes as long as the peer reads, as long as it reads: the sweep looks after that.
        self.connections.set_phase(slot, Phase::Ending, None);
        self.connections.watch_stall(slot);
        if !head_only && let Some(queue) = &mut self.connections.slots[slot as usize].queue {
            queue.set_body(answer.into_body());
        }
    }
}
