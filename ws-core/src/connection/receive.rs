//! The receiving half: bytes in, lent events out, RFC 6455
//! [§6.2](https://www.rfc-editor.org/rfc/rfc6455#section-6.2).
//!
//! A frame that lies whole in the input is unmasked where it lies and lent from there. Everything
//! else goes piece by piece through an [`Assembly`] from the scratch's pool.

use std::{fmt, ops::Range};

use crate::{
    close::CloseFrame,
    connection::reply::Reply,
    error::ReceiveError,
    event::Event,
    frame::{FrameHeader, Parsed, mask},
    message::{Assembly, OpenFrame, OpenMessage},
    opcode::OpCode,
    role::Role,
    scratch::Scratch,
};

/// The receiving half of a connection: 32 bytes, and no heap memory while nothing is unfinished.
pub struct Receiver {
    assembly: Option<Box<Assembly>>,
    header: [u8; FrameHeader::MAX_BYTES],
    header_length: u8,
    role: Role,
    close_received: bool,
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
        let state = State {
            receiver: self,
            scratch,
            position: 0,
            reply: None,
            lent: Lent::Nothing,
            failed: false,
        };
        Receive { input, state }
    }

    /// Bytes of heap memory held for an unfinished message or frame.
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

    /// Judges a header by what came before it and by the limits, before any of its payload is taken.
    fn judge(&self, header: &FrameHeader, scratch: &Scratch) -> Result<(), ReceiveError> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let message = self
            .assembly
            .as_ref()
            .and_then(|a| Some((a.message?, a.payload().len() as u64)));
        let held = match (message, header.opcode) {
            (None, OpCode::Continuation) => return Err(ReceiveError::UnexpectedContinuation),
            (None, _) => 0,
            (Some((message, _)), OpCode::Continuation)
                if message.fragments >= scratch.limits.max_fragments =>
            {
                return Err(ReceiveError::TooManyFragments(scratch.limits.max_fragments));
            }
            (Some((_, held)), OpCode::Continuation) => held,
            (Some(_), opcode) => return Err(ReceiveError::ExpectedContinuation(opcode)),
        };
        // Cannot overflow: the top bit of a length is clear, and what is held fits into memory.
        let length = held + header.payload_length;
        let limit = scratch.limits.max_message_bytes as u64;
        if length > limit {
            return Err(ReceiveError::MessageTooBig { length, limit });
        }
        let limit = scratch.limits.max_frame_bytes as u64;
        if header.payload_length > limit {
            return Err(ReceiveError::FrameTooBig {
                length: header.payload_length,
                limit,
            });
        }
        Ok(())
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

#[derive(Debug)]
struct State<'a> {
    receiver: &'a mut Receiver,
    scratch: &'a mut Scratch,
    position: usize,
    reply: Option<Reply>,
    lent: Lent,
    failed: bool,
}

/// What the last event was lent from, to be cleared before the next.
#[derive(Debug)]
enum Lent {
    Nothing,
    Message,
    Control,
}

/// Where a complete frame or message lies.
enum Found {
    Input(OpCode, Range<usize>),
    Message { is_text: bool },
    Control(OpCode),
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
    #[inline]
    pub fn next(&mut self) -> Option<Result<Event<'_>, ReceiveError>> {
        self.state.settle();
        if let Some((is_text, range)) = self.state.common(self.input) {
            let payload = &self.input[range];
            if !is_text {
                return Some(Ok(Event::Binary(payload)));
            }
            return Some(match simdutf8::basic::from_utf8(payload) {
                Ok(text) => Ok(Event::Text(text)),
                Err(_) => Err(self.state.fail(ReceiveError::InvalidUtf8)),
            });
        }
        self.next_uncommon()
    }

    /// Every event but a whole message in one short frame.
    fn next_uncommon(&mut self) -> Option<Result<Event<'_>, ReceiveError>> {
        let found = match self.state.advance(self.input) {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(error) => return Some(Err(self.state.fail(error))),
        };
        let state = &mut self.state;
        let (opcode, payload) = match found {
            Found::Input(OpCode::Text, range) => {
                return Some(match simdutf8::basic::from_utf8(&self.input[range]) {
                    Ok(text) => Ok(Event::Text(text)),
                    Err(_) => Err(state.fail(ReceiveError::InvalidUtf8)),
                });
            }
            Found::Input(opcode, range) => (opcode, &self.input[range]),
            Found::Message { is_text } => {
                state.lent = Lent::Message;
                let payload = state
                    .receiver
                    .assembly
                    .as_ref()
                    .map_or(&[][..], |a| a.payload());
                return Some(if is_text {
                    // Validated while it arrived: this finds nothing, and makes it a `str`.
                    let text = simdutf8::basic::from_utf8(payload);
                    text.map(Event::Text).map_err(|_| ReceiveError::InvalidUtf8)
                } else {
                    Ok(Event::Binary(payload))
                });
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
        self.state.reply.take()
    }

    /// How many bytes of the input were taken so far; all of it after [`Receive::next`] gave `None`.
    pub fn consumed(&self) -> usize {
        self.state.position
    }
}

impl State<'_> {
    /// Clears what the last event was lent from.
    #[inline]
    fn settle(&mut self) {
        self.reply = None;
        if !matches!(self.lent, Lent::Nothing) {
            self.settle_held();
        }
    }

    fn settle_held(&mut self) {
        let lent = std::mem::replace(&mut self.lent, Lent::Nothing);
        let Some(assembly) = &mut self.receiver.assembly else {
            return;
        };
        match lent {
            Lent::Nothing => return,
            Lent::Message => assembly.clear_message(),
            Lent::Control => assembly.clear_control(),
        }
        if assembly.is_empty() {
            self.receiver.release(self.scratch);
        }
    }

    fn fail(&mut self, error: ReceiveError) -> ReceiveError {
        self.failed = true;
        let pool = &mut self.scratch.pool;
        if let Some(assembly) = self.receiver.assembly.take() {
            pool.give_back(assembly);
        }
        self.receiver.assembly.insert(pool.take()).failure = Some(error);
        self.reply = Some(Reply::failure(&error));
        error
    }

    /// Takes a whole message that lies in the input as one frame while nothing else is open.
    #[inline]
    fn common(&mut self, input: &mut [u8]) -> Option<(bool, Range<usize>)> {
        // A failure is kept in the assembly, so that this sees it as well.
        if self.receiver.assembly.is_some()
            || self.receiver.header_length > 0
            || self.receiver.close_received
        {
            return None;
        }
        let rest = input.get_mut(self.position..)?;
        let header = FrameHeader::parse_common(rest, self.receiver.role.peer())?;
        if header.length > self.scratch.limits.max_message_bytes
            || header.length > self.scratch.limits.max_frame_bytes
        {
            return None;
        }
        let end = header.header_bytes + header.length;
        let payload = rest.get_mut(header.header_bytes..end)?;
        if self.receiver.role == Role::Server {
            mask::apply(header.key, 0, payload);
        }
        let start = self.position + header.header_bytes;
        self.position += end;
        Some((header.is_text, start..self.position))
    }

    /// Goes on to the next complete message or control frame.
    fn advance(&mut self, input: &mut [u8]) -> Result<Option<Found>, ReceiveError> {
        if self.receiver.close_received || self.failed {
            self.position = input.len();
            return Ok(None);
        }
        if let Some(error) = self.receiver.failure() {
            return Err(error);
        }
        loop {
            if self.receiver.has_open_frame() {
                match self.advance_open_frame(input)? {
                    Progress::NeedMore => return Ok(None),
                    Progress::FrameDone => continue,
                    Progress::Found(found) => return Ok(Some(found)),
                }
            }
            let Some(header) = self.read_header(input)? else {
                return Ok(None);
            };
            self.receiver.judge(&header, self.scratch)?;
            let available = input.len() - self.position;
            let is_whole_message = header.opcode.is_control()
                || header.is_final && header.opcode != OpCode::Continuation;
            if let Ok(length) = usize::try_from(header.payload_length)
                && length <= available
                && is_whole_message
            {
                let range = self.position..self.position + length;
                if let Some(key) = header.masking_key {
                    mask::apply(key, 0, &mut input[range.clone()]);
                }
                self.position = range.end;
                if header.opcode == OpCode::Close {
                    CloseFrame::parse(&input[range.clone()])?;
                }
                return Ok(Some(Found::Input(header.opcode, range)));
            }
            self.open_frame(&header);
        }
    }

    /// Reads a header from the input, together with what is left of one from an earlier input.
    fn read_header(&mut self, input: &[u8]) -> Result<Option<FrameHeader>, ReceiveError> {
        let sender = self.receiver.role.peer();
        let rest = &input[self.position..];
        if self.receiver.header_length > 0 {
            return self.read_split_header(input, sender);
        }
        match FrameHeader::parse(rest, sender)? {
            Parsed::Header(header, length) => {
                self.position += length;
                Ok(Some(header))
            }
            Parsed::NeedMore(_) => self.read_split_header(input, sender),
        }
    }

    /// Collects a header byte by byte, never more than it needs.
    fn read_split_header(
        &mut self,
        input: &[u8],
        sender: Role,
    ) -> Result<Option<FrameHeader>, ReceiveError> {
        loop {
            let held = usize::from(self.receiver.header_length);
            match FrameHeader::parse(&self.receiver.header[..held], sender)? {
                Parsed::Header(header, _) => {
                    self.receiver.header_length = 0;
                    return Ok(Some(header));
                }
                Parsed::NeedMore(_) => {
                    let Some(byte) = input.get(self.position) else {
                        return Ok(None);
                    };
                    self.receiver.header[held] = *byte;
                    self.receiver.header_length += 1;
                    self.position += 1;
                }
            }
        }
    }

    /// Notes a frame that must be taken piece by piece: it is a fragment, or not all of it is here.
    fn open_frame(&mut self, header: &FrameHeader) {
        let pool = &mut self.scratch.pool;
        let assembly = self.receiver.assembly.get_or_insert_with(|| pool.take());
        if !header.opcode.is_control() {
            match &mut assembly.message {
                Some(message) => message.fragments += 1,
                None => {
                    let is_text = header.opcode == OpCode::Text;
                    assembly.message = Some(OpenMessage {
                        is_text,
                        fragments: 1,
                    });
                }
            }
        }
        assembly.frame = Some(OpenFrame {
            opcode: header.opcode,
            is_final: header.is_final,
            masking_key: header.masking_key,
            remaining: header.payload_length,
            key_offset: 0,
        });
    }

    /// Takes what the input has of the open frame.
    fn advance_open_frame(&mut self, input: &mut [u8]) -> Result<Progress, ReceiveError> {
        let Some(assembly) = &mut self.receiver.assembly else {
            return Ok(Progress::FrameDone);
        };
        let Some(frame) = &mut assembly.frame else {
            return Ok(Progress::FrameDone);
        };
        let rest = &mut input[self.position..];
        let length = usize::try_from(frame.remaining)
            .map_or(rest.len(), |remaining| remaining.min(rest.len()));
        let bytes = &mut rest[..length];
        frame.unmask(bytes);
        self.position += length;
        let OpenFrame {
            opcode,
            is_final,
            remaining,
            ..
        } = *frame;
        if remaining == 0 {
            assembly.frame = None;
        }
        if opcode.is_control() {
            assembly.push_control(bytes);
            if remaining > 0 {
                return Ok(Progress::NeedMore);
            }
            if opcode == OpCode::Close {
                CloseFrame::parse(assembly.control())?;
            }
            return Ok(Progress::Found(Found::Control(opcode)));
        }
        let is_text = assembly.message.is_some_and(|message| message.is_text);
        assembly.push(bytes, is_text, self.scratch.limits.max_message_bytes)?;
        if remaining > 0 {
            return Ok(Progress::NeedMore);
        }
        if !is_final {
            return Ok(Progress::FrameDone);
        }
        if is_text {
            assembly.finish_text()?;
        }
        Ok(Progress::Found(Found::Message { is_text }))
    }
}

enum Progress {
    /// The input is used up inside the frame.
    NeedMore,
    /// The frame is complete, its message is not.
    FrameDone,
    Found(Found),
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        self.state.settle();
    }
}
