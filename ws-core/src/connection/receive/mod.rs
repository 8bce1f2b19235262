//! The receiving half: bytes in, lent events out, RFC 6455
//! [§6.2](https://www.rfc-editor.org/rfc/rfc6455#section-6.2).
//!
//! A frame that lies whole in the input is unmasked where it lies and lent from there. Everything
//! else goes piece by piece through an [`Assembly`] from the scratch's pool; what is still to come of a long frame may be
//! read right into that.

#[cfg(feature = "deflate")]
mod deflate;
mod owned;
mod spare;
mod state;

use std::fmt;

use self::state::{Found, Lent, State};
#[cfg(feature = "deflate")]
use crate::extension::PeerSide;
use crate::{
    close::CloseFrame,
    connection::reply::Reply,
    error::ReceiveError,
    event::Event,
    frame::{FrameHeader, mask},
    message::Assembly,
    opcode::OpCode,
    role::Role,
    scratch::Scratch,
};

/// The receiving half of a connection: 32 bytes, and no heap memory while nothing is unfinished but the window of a
/// peer that takes its context over.
pub struct Receiver {
    assembly: Option<Box<Assembly>>,
    header: [u8; FrameHeader::MAX_BYTES],
    header_length: u8,
    role: Role,
    close_received: bool,
    /// How the peer compresses, if permessage-deflate was negotiated.
    #[cfg(feature = "deflate")]
    peer_side: Option<PeerSide>,
}

const _: () = assert!(size_of::<Receiver>() <= 32);

impl Receiver {
    /// The receiving half of an endpoint with this role.
    pub fn new(role: Role) -> Self {
        Self {
            assembly: None,
            header: [0; FrameHeader::MAX_BYTES],
            header_length: 0,
            role,
            close_received: false,
            #[cfg(feature = "deflate")]
            peer_side: None,
        }
    }

    /// Takes `input`, whatever the network made of the stream, and lends the events in it one at a time.
    ///
    /// Complete frames are unmasked inside `input`; what is unfinished at its end is kept for the
    /// next call. The caller may stop early: [`Receive::consumed`] says where to go on.
    ///
    /// # Errors
    /// Given by [`Receive::next`]; after a failure each further call of `receive` gives the same
    /// error again and takes nothing.
    pub fn receive<'a>(&'a mut self, input: &'a mut [u8], scratch: &'a mut Scratch) -> Receive<'a> {
        let state = State::new(self, scratch);
        Receive { input, state }
    }

    /// Bytes of heap memory held: for an unfinished message or frame, as it stands on the wire, and for the context of a
    /// peer that takes it over. What is inflated belongs to the scratch; see [`Scratch::held_bytes`].
    pub fn held_bytes(&self) -> usize {
        self.assembly
            .as_ref()
            .map_or(0, |assembly| assembly.capacity())
    }

    /// Whether a frame or a message has begun and not ended: an end of the stream now cuts it.
    pub fn is_mid_message(&self) -> bool {
        self.header_length > 0
            || self
                .assembly
                .as_ref()
                .is_some_and(|assembly| !assembly.is_empty())
    }

    /// How many bytes of a data frame that has begun are still to come; 0 if none has.
    #[inline]
    pub fn missing_bytes(&self) -> u64 {
        let frame = self.assembly.as_ref().and_then(|assembly| assembly.frame);
        frame.map_or(0, |frame| frame.remaining)
    }

    /// Whether the peer's Close has come; whatever follows it is ignored (§5.5.1).
    pub fn close_received(&self) -> bool {
        self.close_received
    }

    /// Gives the buffers back to the pool, when the connection has ended.
    pub fn release(&mut self, scratch: &mut Scratch) {
        if let Some(assembly) = self.assembly.take() {
            scratch.pool.give_back(assembly);
        }
    }

    fn failure(&self) -> Option<ReceiveError> {
        self.assembly.as_ref()?.failure
    }

    fn has_open_frame(&self) -> bool {
        self.assembly
            .as_ref()
            .is_some_and(|assembly| assembly.frame.is_some())
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("role", &self.role)
            .field("held_bytes", &self.held_bytes())
            .field("failure", &self.failure())
            .field("close_received", &self.close_received)
            .finish_non_exhaustive()
    }
}

/// The events of one piece of input; made by [`Receiver::receive`].
///
/// Not an [`Iterator`], since each event borrows from it.
#[derive(Debug)]
pub struct Receive<'a> {
    /// Apart from the rest, so that an event can borrow from it while the state moves.
    input: &'a mut [u8],
    state: State<'a>,
}
impl Receive<'_> {
    /// Lends the next event, or `None` when the input is used up.
    ///
    /// # Errors
    /// The peer broke a rule or a limit. [`Receive::take_reply`] then has the Close to send; the rest
    /// of the input is not looked at, and the connection must be failed (RFC 6455 §7.1.7).
    #[expect(
        clippy::should_implement_trait,
        reason = "a lending iterator cannot be an Iterator"
    )]
    #[inline(always)] // 20 of 146 instructions of an echo of 16 B, wherever the compiler would not do it by itself
    pub fn next(&mut self) -> Option<Result<Event<'_>, ReceiveError>> {
        if !self.state.is_plain {
            self.state.settle();
        }
        if self.state.is_plain {
            if self.state.position == self.input.len() {
                return None;
            }
            let Some(message) = self.state.take_plain(self.input) else {
                return self.next_uncommon();
            };
            let payload = &mut self.input[message.range];
            if message.is_text {
                return Some(self.state.lend_text(message.key, payload));
            }
            mask::apply(message.key, 0, payload);
            return Some(Ok(Event::Binary(payload)));
        }
        if self.state.is_done(self.input) {
            return None;
        }
        self.next_uncommon()
    }

    /// Every event but a whole message in one short frame.
    #[inline(never)]
    fn next_uncommon(&mut self) -> Option<Result<Event<'_>, ReceiveError>> {
        self.state.is_plain = false;
        let found = match self.state.advance(self.input) {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(error) => return Some(Err(self.state.fail(error))),
        };
        let state = &mut self.state;
        let (opcode, payload) = match found {
            Found::MaskedText(key, range) => {
                state.lent = Lent::Input(range.start);
                return Some(state.lend_text(key, &mut self.input[range]));
            }
            Found::Input(opcode, range) => {
                state.lent = Lent::Input(range.start);
                (opcode, &self.input[range])
            }
            Found::Message { is_text } => {
                state.lent = Lent::Message;
                let assembly = state.receiver.assembly.as_deref()?;
                return Some(if is_text {
                    assembly.text().map(Event::Text)
                } else {
                    Ok(Event::Binary(assembly.payload()))
                });
            }
            #[cfg(feature = "deflate")]
            Found::Inflated { is_text: false } => return Some(Ok(Event::Binary(state.inflated()))),
            #[cfg(feature = "deflate")]
            Found::Inflated { is_text: true } => {
                // Asked first, since an error must not be lent from what it changes.
                if simdutf8::basic::from_utf8(state.inflated()).is_err() {
                    return Some(Err(state.fail(ReceiveError::InvalidUtf8)));
                }
                let text = simdutf8::basic::from_utf8(state.inflated());
                return Some(text.map(Event::Text).map_err(|_| ReceiveError::InvalidUtf8));
            }
            Found::Control(opcode) => {
                state.lent = Lent::Control;
                let payload = state
                    .receiver
                    .assembly
                    .as_ref()
                    .map_or(&[][..], |a| a.control());
                (opcode, payload)
            }
        };
        Some(Ok(match opcode {
            OpCode::Ping => {
                state.reply = Some(Reply::pong(payload));
                Event::Ping(payload)
            }
            OpCode::Pong => Event::Pong(payload),
            OpCode::Close => {
                // Judged by `advance`.
                let frame = CloseFrame::parse(payload).unwrap_or(None);
                state.receiver.close_received = true;
                state.reply = Some(Reply::close(frame.map(|frame| frame.code)));
                Event::Close(frame)
            }
            OpCode::Text | OpCode::Binary | OpCode::Continuation => Event::Binary(payload),
        }))
    }

    /// Takes the automatic answer to the last event: a pong to a ping, a Close to a Close or an error.
    ///
    /// It belongs to the sending half, before anything that the next event may cause; it is dropped
    /// by the next call of [`Receive::next`].
    #[inline]
    pub fn take_reply(&mut self) -> Option<Reply> {
        if self.state.is_plain {
            return None;
        }
        self.state.reply.take()
    }

    /// What was taken of the input, as it is now: a message that was lent from it lies there unmasked.
    ///
    /// For callers that send several messages on from where they lie.
    pub fn taken(&self) -> &[u8] {
        &self.input[..self.state.position]
    }

    /// What was taken of the input, for the caller to use: nothing looks at it again.
    pub fn taken_mut(&mut self) -> &mut [u8] {
        &mut self.input[..self.state.position]
    }

    /// How many bytes of the input were taken so far; all of it after [`Receive::next`] gave `None`.
    pub fn consumed(&self) -> usize {
        self.state.position
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if !self.state.is_plain {
            self.state.settle();
        }
    }
}
