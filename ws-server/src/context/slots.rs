//! The connections of one loop, by slot: what [`Connections`] and [`Context`](crate::Context) do once they know which.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use ws_core::{
    CloseCode, CloseFrame, Compression, PreparedFrame, SendScratch, Sender,
    extension::DeflateAgreement, handshake::Request,
};

use super::Connections;
use crate::{
    connection_id::ConnectionId,
    error::SendError,
    event_loop::{LENT_BYTES, NO_SLOT, Phase},
    handler::{ClosedBy, Message},
};

impl<C> Connections<C> {
    pub(crate) fn id_of(&self, slot: u32) -> ConnectionId {
        ConnectionId::new(self.loop_index, slot, self.slots[slot as usize].nonce)
    }

    pub(crate) fn unsent_of(&self, slot: u32) -> usize {
        let corked = if self.cork_slot == slot {
            self.corked_bytes()
        } else {
            0
        };
        corked + self.slots[slot as usize].queued_bytes()
    }

    /// Agrees on compression as the configuration wants it, and sets the connection up for it.
    ///
    /// Without context takeover once memory is scarce: what a context holds is given back only with its connection.
    pub(crate) fn agree_deflate(
        &mut self,
        slot: u32,
        request: &Request,
    ) -> Option<DeflateAgreement> {
        let mut config = self.config.compression.clone()?;
        if self.memory.is_scarce() {
            config.own_context_takeover = false;
            config.peer_context_takeover = false;
        }
        let agreement = request.agree_deflate(&config)?;
        let place = &mut self.slots[slot as usize];
        place.receiver.set_deflate(&agreement.parameters());
        place.sender.set_deflate(&agreement.parameters(), &config);
        Some(agreement)
    }

    pub(crate) fn send_to(
        &mut self,
        slot: u32,
        message: Message<'_>,
        compression: Compression,
    ) -> Result<(), SendError> {
        if message.as_bytes().len() >= LENT_BYTES && self.send_lent(slot, message, compression)? {
            return Ok(());
        }
        if compression == Compression::Auto
            && let Some((sender, scratch, cork)) = self.open_cork(slot)
        {
            match message {
                Message::Text(text) => sender.encode_text(text, scratch, cork)?,
                Message::Binary(data) => sender.encode_binary(data, scratch, cork)?,
            }
            return Ok(());
        }
        self.admit(slot, message.as_bytes().len())?;
        self.encode(slot, |sender, scratch, output| {
            match (message, compression) {
                (Message::Text(text), Compression::Auto) => {
                    sender.encode_text(text, scratch, output)
                }
                (Message::Binary(data), Compression::Auto) => {
                    sender.encode_binary(data, scratch, output)
                }
                (Message::Text(text), _) => {
                    sender.encode_text_with(text, compression, scratch, output)
                }
                (Message::Binary(data), _) => {
                    sender.encode_binary_with(data, compression, scratch, output)
                }
            }
        })
    }

    pub(crate) fn ping_to(&mut self, slot: u32, payload: &[u8]) -> Result<(), SendError> {
        self.admit(slot, payload.len())?;
        self.encode(slot, |sender, scratch, output| {
            sender.encode_ping(payload, scratch, output)
        })
    }

    pub(crate) fn pong_to(&mut self, slot: u32, payload: &[u8]) -> Result<(), SendError> {
        self.admit(slot, payload.len())?;
        self.encode(slot, |sender, scratch, output| {
            sender.encode_pong(payload, scratch, output)
        })
    }

    /// Sends a prepared message to this connection alone: with a context of its own it shrinks further by that.
    pub(super) fn prepared_alone_to(
        &mut self,
        slot: u32,
        frame: &Arc<PreparedFrame>,
    ) -> Result<(), SendError> {
        if !self.slots[slot as usize].sender.has_context() {
            return self.prepared_to(slot, frame);
        }
        self.admit(slot, frame.as_bytes().len())?;
        self.encode(slot, |sender, scratch, output| {
            sender.encode_prepared_alone(frame, scratch, output)
        })
    }

    pub(super) fn prepared_to(
        &mut self,
        slot: u32,
        frame: &Arc<PreparedFrame>,
    ) -> Result<(), SendError> {
        self.admit(slot, frame.as_bytes().len())?;
        if self.is_corked(slot) {
            return self.encode(slot, |sender, scratch, output| {
                sender.encode_prepared(frame, scratch, output)
            });
        }
        let tick = self.clock.tick();
        let place = &mut self.slots[slot as usize];
        let frame = place
            .sender
            .select_prepared(frame, &mut self.send_scratch)?;
        let queue = place.queue.get_or_insert_with(|| self.pool.take(tick));
        queue.push_shared(frame);
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        self.mark_dirty(slot);
        Ok(())
    }

    /// Checks that the connection may send and that its queue has room.
    ///
    /// Below the high-water mark there is room for any message: a connection is read up to there, so an echo of what
    /// was read is never refused.
    pub(crate) fn admit(&self, slot: u32, message_bytes: usize) -> Result<(), SendError> {
        let place = &self.slots[slot as usize];
        if !place.may_send() || place.hung_up {
            return Err(SendError::Closed);
        }
        let (queued_bytes, limit_bytes) = (self.unsent_of(slot), self.config.unsent_cap());
        if queued_bytes > self.config.high_water_bytes
            && queued_bytes.saturating_add(message_bytes) > limit_bytes
        {
            let error = SendError::QueueFull {
                queued_bytes,
                message_bytes,
                limit_bytes,
            };
            let id = self.id_of(slot);
            self.journal.note_refused(self.clock.now(), id, &error);
            return Err(error);
        }
        Ok(())
    }

    /// What a message to the connection being read needs, as nearly all do: an answer, with room in the cork.
    #[inline]
    fn open_cork(&mut self, slot: u32) -> Option<(&mut Sender, &mut SendScratch, &mut Vec<u8>)> {
        if self.cork_slot != slot || self.corked_bytes() > self.config.high_water_bytes {
            return None;
        }
        let place = &mut self.slots[slot as usize];
        (place.phase == Phase::Open && !place.hung_up && place.queue.is_none()).then_some((
            &mut place.sender,
            &mut self.send_scratch,
            &mut self.cork,
        ))
    }

    /// Bytes that are to leave with the cork.
    pub(crate) fn corked_bytes(&self) -> usize {
        self.cork.len() + self.loans.corked_bytes()
    }

    pub(crate) fn is_corked(&self, slot: u32) -> bool {
        self.cork_slot == slot && self.slots[slot as usize].queue.is_none()
    }

    /// Encodes into the cork if it is the connection's, else into its queue, whatever that holds.
    pub(crate) fn encode(
        &mut self,
        slot: u32,
        encode: impl FnOnce(
            &mut Sender,
            &mut SendScratch,
            &mut Vec<u8>,
        ) -> Result<(), ws_core::SendError>,
    ) -> Result<(), SendError> {
        let is_corked = self.is_corked(slot);
        let place = &mut self.slots[slot as usize];
        let (sender, scratch) = (&mut place.sender, &mut self.send_scratch);
        if is_corked {
            return Ok(encode(sender, scratch, &mut self.cork)?);
        }
        let tick = self.clock.tick();
        let queue = place.queue.get_or_insert_with(|| self.pool.take(tick));
        let result = queue.append(|output| encode(sender, scratch, output));
        place.is_throttled |= queue.len() > self.config.high_water_bytes;
        self.mark_dirty(slot);
        Ok(result?)
    }

    pub(crate) fn close_slot(
        &mut self,
        slot: u32,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), SendError> {
        if !self.slots[slot as usize].may_send() {
            return Err(SendError::Closed);
        }
        self.encode(slot, |sender, scratch, output| {
            sender.encode_close(Some(CloseFrame { code, reason }), scratch, output)
        })?;
        self.begin_closing(slot);
        self.note_closed(slot, code, reason, ClosedBy::Handler);
        Ok(())
    }

    pub(crate) fn abort_slot(&mut self, slot: u32) -> bool {
        let is_open = matches!(
            self.slots[slot as usize].phase,
            Phase::Open | Phase::Opening
        );
        if is_open {
            self.note_closed(slot, CloseCode::ABNORMAL, "", ClosedBy::Handler);
        }
        self.set_dead(slot);
        is_open
    }

    pub(crate) fn pause_slot(&mut self, slot: u32) -> bool {
        !std::mem::replace(&mut self.slots[slot as usize].is_paused, true)
    }

    pub(crate) fn resume_slot(&mut self, slot: u32) -> bool {
        let tick = self.clock.tick();
        let place = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut place.is_paused, false) {
            return false;
        }
        place.handle_read_again(tick);
        if place.has_input() {
            self.mark_ready(slot);
        }
        true
    }

    pub(crate) fn set_timer_of(&mut self, slot: u32, after: Option<Duration>) {
        // At least a millisecond: one that is due at once, again and again, would keep the loop in this turn.
        let soonest = self.clock.millis() + 1;
        let timer =
            after.and_then(|after| NonZeroU64::new(self.clock.deadline(after).max(soonest)));
        let place = &mut self.slots[slot as usize];
        if place.phase == Phase::Dead {
            return;
        }
        if let Some(old) = std::mem::replace(&mut place.timer, timer) {
            self.timers.remove(old.get(), slot);
        }
        if let Some(timer) = timer {
            self.timers.insert(timer.get(), slot);
        }
    }

    pub(crate) fn mark_ready(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut place.is_ready, true) {
            self.ready.push(slot);
        }
    }

    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut place.is_dirty, true) {
            self.dirty.push(slot);
        }
    }
}

/// The slab never holds more than 2^32 − 1 slots; the loop refuses to fill it further.
pub(crate) fn slot_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NO_SLOT)
}
