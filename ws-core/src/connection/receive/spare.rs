//! Reading without a buffer in between: what comes of a long frame is read to where its message is gathered.
//!
//! ```text
//!   header, first bytes ──► input ──copied──► message
//!   all that follows    ──────── read ──────► message, unmasked and judged there
//! ```
//! Invariant: how the bytes of a stream come, by which of the ways and in whatever pieces, changes no event.

use super::{Receive, Receiver, state::State};
use crate::scratch::Scratch;

impl Receiver {
    /// Lends the place where the next bytes of the stream belong, at most `most` of them, if it is better to read them
    /// there: while a frame is open of which at least 16 KiB are missing.
    ///
    /// It is never longer than what is missing of that frame. Nothing changes until [`Receiver::receive_filled`] says how
    /// much was read. What is in it is left from other messages and of no meaning. The memory behind it grows with the
    /// bytes that arrived, as ever.
    #[inline]
    pub fn spare<'a>(&'a mut self, most: usize, scratch: &'a mut Scratch) -> Option<&'a mut [u8]> {
        // An idle connection has no assembly.
        self.assembly.as_ref()?.frame?;
        self.long_spare(most, scratch)
    }

    #[inline(never)]
    fn long_spare<'a>(&'a mut self, most: usize, scratch: &'a mut Scratch) -> Option<&'a mut [u8]> {
        let assembly = self.assembly.as_mut()?;
        let (frame, message) = (assembly.frame?, assembly.message?);
        let missing = usize::try_from(frame.remaining).ok()?;
        if frame.opcode.is_control() || missing < WORTH_BYTES || assembly.failure.is_some() {
            return None;
        }
        let room = scratch.room(assembly, &frame, message.is_compressed);
        assembly.spare(most.min(missing), room)
    }

    /// Goes on as [`Receiver::receive`] does, after the first `filled` bytes were read to [`Receiver::spare`] and what
    /// came behind them, if anything, to `input`.
    ///
    /// [`Receive::consumed`] counts the input alone.
    pub fn receive_filled<'a>(
        &'a mut self,
        filled: usize,
        input: &'a mut [u8],
        scratch: &'a mut Scratch,
    ) -> Receive<'a> {
        let mut state = State::new(self, scratch);
        state.filled = filled;
        Receive { input, state }
    }
}

/// Less is copied before another place for it is found. The fuzzer knows short messages only.
const WORTH_BYTES: usize = if cfg!(fuzzing) { 8 } else { 16 << 10 };
