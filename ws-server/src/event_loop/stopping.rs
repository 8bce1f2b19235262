//! The end of a loop: everybody is told, and nobody can delay it beyond its deadline.

use std::time::Duration;

use ws_core::{CloseCode, CloseFrame};

use super::{EventLoop, Phase};
use crate::{
    config::MAX_CLOSE_TIMEOUT,
    context::slot_number,
    handler::{ClosedBy, Handler},
    http,
    net::Net,
};

impl<N: Net, H: Handler<Command = N::Command>> EventLoop<N, H> {
    /// Closes the listener and begins to close every connection; the loop ends when they have ended, or after
    /// `at_most`, but never more than 5 s.
    pub(super) fn stop(&mut self, at_most: Duration) {
        let deadline = self
            .connections
            .clock
            .deadline(at_most.min(MAX_CLOSE_TIMEOUT));
        if let Some(stop_at) = &mut self.stop_at {
            *stop_at = deadline.min(*stop_at);
            return;
        }
        self.stop_at = Some(deadline);
        if self.connections.loop_index == 0 {
            self.shared
                .journal
                .note(format_args!("stopping: every connection is told to close"));
        }
        self.net.stop_accepting();
        self.accepting.is_pending = false;
        self.accepting.retry_at = None;
        self.handler.on_stop(&mut self.connections);
        self.tell_closed();
        let slots: Vec<usize> = self
            .connections
            .slots
            .iter()
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots.into_iter().map(slot_number) {
            match self.connections.slots[slot as usize].phase {
                Phase::Opening => self.refuse(slot, &http::stopping(), false),
                Phase::Open => {
                    let frame = CloseFrame {
                        code: CloseCode::GOING_AWAY,
                        reason: "the server stops",
                    };
                    self.connections
                        .close_by_server(slot, frame, ClosedBy::Stop);
                }
                Phase::Closing | Phase::Ending | Phase::Dead => {}
            }
        }
        self.tell_closed();
    }

    /// Tells whether the loop was stopped and has ended; what is left at the deadline is dropped.
    pub(super) fn is_stopped(&mut self) -> bool {
        let Some(stop_at) = self.stop_at else {
            return false;
        };
        if self.connections.slots.is_empty() {
            return true;
        }
        if self.connections.clock.millis() < stop_at {
            return false;
        }
        let slots: Vec<usize> = self
            .connections
            .slots
            .iter()
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots.into_iter().map(slot_number) {
            self.lose(slot, ClosedBy::Stop);
        }
        self.remove_dead();
        true
    }
}
