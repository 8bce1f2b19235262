//! Moves through one piece of input, from frame to frame.

use std::ops::Range;

#[cfg(feature = "deflate")]
use super::deflate::Compressed;
use crate::{
    close::CloseFrame,
    connection::{receive::Receiver, reply::Reply},
    error::ReceiveError,
    event::Event,
    frame::{FrameHeader, Parsed, mask},
    message::{Assembly, OpenFrame, OpenMessage, Room},
    opcode::OpCode,
    role::Role,
    scratch::Scratch,
    utf8,
};

/// The state of a [`Receive`](super::Receive), apart from its input.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub(super) receiver: &'a mut Receiver,
    pub(super) scratch: &'a mut Scratch,
    pub(super) position: usize,
    /// Bytes before the input that lie where [`Receiver::spare`] wanted them.
    pub(super) filled: usize,
    pub(super) reply: Option<Reply>,
    pub(super) lent: Lent,
    pub(super) failed: bool,
    /// Nothing has begun, is lent or was the end: what comes may be a whole message in one short frame.
    pub(super) is_plain: bool,
    /// The longest such message that the limits allow.
    plain_limit: usize,
}

/// What the last event was lent from, to be cleared before the next.
#[derive(Debug)]
pub(super) enum Lent {
    Nothing,
    /// From the input, where the message begins at this place and ends at the position.
    Input(usize),
    Message,
    Control,
    /// From the scratch, and from an assembly if the message came in pieces.
    #[cfg(feature = "deflate")]
    Inflated,
}

/// A whole message in one short frame, still masked. Without a key, which is zero then, unmasking changes nothing.
pub(super) struct PlainMessage {
    pub(super) is_text: bool,
    pub(super) key: [u8; 4],
    pub(super) range: Range<usize>,
}

/// Where a complete frame or message lies.
pub(super) enum Found {
    Input(OpCode, Range<usize>),
    /// A text that is to be unmasked and judged.
    MaskedText([u8; 4], Range<usize>),
    Message {
        is_text: bool,
    },
    Control(OpCode),
    #[cfg(feature = "deflate")]
    Inflated {
        is_text: bool,
    },
}

impl<'a> State<'a> {
    pub(super) fn new(receiver: &'a mut Receiver, scratch: &'a mut Scratch) -> Self {
        let limits = &scratch.limits;
        Self {
            is_plain: receiver.is_plain(),
            plain_limit: limits.max_message_bytes.min(limits.max_frame_bytes),
            receiver,
            scratch,
            position: 0,
            filled: 0,
            reply: None,
            lent: Lent::Nothing,
            failed: false,
        }
    }

    /// Clears what the last event was lent from, and its answer.
    #[inline(never)]
    pub(super) fn settle(&mut self) {
        self.reply = None;
        if !matches!(self.lent, Lent::Nothing) {
            self.settle_held();
        }
        self.is_plain = self.receiver.is_plain();
    }

    fn settle_held(&mut self) {
        let lent = std::mem::replace(&mut self.lent, Lent::Nothing);
        #[cfg(feature = "deflate")]
        if matches!(lent, Lent::Inflated) {
            self.settle_inflated();
        }
        let Some(assembly) = &mut self.receiver.assembly else {
            return;
        };
        match lent {
            Lent::Nothing | Lent::Input(_) => return,
            Lent::Message => assembly.clear_message(),
            Lent::Control => assembly.clear_control(),
            #[cfg(feature = "deflate")]
            Lent::Inflated => assembly.clear_message(),
        }
        if !assembly.is_empty() {
            return;
        }
        #[cfg(feature = "deflate")]
        if !assembly.history.is_empty() {
            return self.scratch.pool.give_back_buffers(assembly);
        }
        self.receiver.release(self.scratch);
    }

    pub(super) fn fail(&mut self, error: ReceiveError) -> ReceiveError {
        self.failed = true;
        self.is_plain = false;
        let pool = &mut self.scratch.pool;
        if let Some(assembly) = self.receiver.assembly.take() {
            pool.give_back(assembly);
        }
        self.receiver.assembly.insert(pool.take()).failure = Some(error);
        self.reply = Some(Reply::failure(&error));
        error
    }

    /// Unmasks and judges a whole text in the input.
    #[inline]
    pub(super) fn lend_text<'i>(
        &mut self,
        key: [u8; 4],
        payload: &'i mut [u8],
    ) -> Result<Event<'i>, ReceiveError> {
        match utf8::unmask_text(key, payload) {
            Ok(text) => Ok(Event::Text(text)),
            Err(_) => Err(self.fail(ReceiveError::InvalidUtf8)),
        }
    }

    /// Takes a whole message that lies in the input as one short frame, still masked, while [`Self::is_plain`].
    #[inline]
    pub(super) fn take_plain(&mut self, input: &[u8]) -> Option<PlainMessage> {
        let rest = input.get(self.position..)?;
        let header = FrameHeader::parse_common(rest, self.receiver.role.peer())?;
        let end = header.header_bytes + header.length;
        if header.length > self.plain_limit || end > rest.len() {
            return None;
        }
        let start = self.position + header.header_bytes;
        self.position += end;
        Some(PlainMessage {
            is_text: header.is_text,
            key: header.key,
            range: start..self.position,
        })
    }

    /// Whether the input ended with a whole frame, as most do, so that nothing is left to be looked at.
    #[inline]
    pub(super) fn is_done(&self, input: &[u8]) -> bool {
        // A failure and an unfinished frame, which may lack nothing but the look at it, are kept in the assembly.
        self.position == input.len() && self.receiver.assembly.is_none()
    }

    /// Goes on to the next complete message or control frame.
    pub(super) fn advance(&mut self, input: &mut [u8]) -> Result<Option<Found>, ReceiveError> {
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
                self.position = range.end;
                if header.opcode == OpCode::Text && !header.is_compressed {
                    let key = header.masking_key.unwrap_or_default();
                    return Ok(Some(Found::MaskedText(key, range)));
                }
                if let Some(key) = header.masking_key {
                    mask::apply(key, 0, &mut input[range.clone()]);
                }
                if header.opcode == OpCode::Close {
                    CloseFrame::parse(&input[range.clone()])?;
                }
                #[cfg(feature = "deflate")]
                if header.is_compressed {
                    let is_text = header.opcode == OpCode::Text;
                    return self
                        .inflate(Compressed::Input(&input[range]), is_text)
                        .map(Some);
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
        if rest.is_empty() {
            return Ok(None);
        }
        if self.receiver.header_length > 0 {
            return self.read_split_header(input, sender);
        }
        match FrameHeader::parse(rest, sender, self.receiver.may_get_compressed())? {
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
            let may_compress = self.receiver.may_get_compressed();
            match FrameHeader::parse(&self.receiver.header[..held], sender, may_compress)? {
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
                        is_compressed: header.is_compressed,
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
        let Some(mut frame) = assembly.frame.take() else {
            return Ok(Progress::FrameDone);
        };
        let message = assembly.message;
        let is_text = message.is_some_and(|message| message.is_text);
        let is_compressed = message.is_some_and(|message| message.is_compressed);
        let announced = usize::try_from(frame.remaining).unwrap_or(usize::MAX);
        let filled = std::mem::take(&mut self.filled).min(announced);
        if filled > 0 {
            assembly.push_spare(&mut frame, filled, is_text && !is_compressed)?;
        }
        let rest = &mut input[self.position..];
        let length = (announced - filled).min(rest.len());
        let bytes = &mut rest[..length];
        self.position += length;
        if frame.opcode.is_control() {
            frame.unmask(bytes);
            assembly.push_control(bytes);
        } else if length > 0 {
            let room = self.scratch.room(assembly, &frame, is_compressed);
            assembly.push(&mut frame, bytes, is_text && !is_compressed, room)?;
        }
        if frame.remaining > 0 {
            assembly.frame = Some(frame);
            return Ok(Progress::NeedMore);
        }
        if frame.opcode.is_control() {
            if frame.opcode == OpCode::Close {
                CloseFrame::parse(assembly.control())?;
            }
            return Ok(Progress::Found(Found::Control(frame.opcode)));
        }
        if !frame.is_final {
            return Ok(Progress::FrameDone);
        }
        #[cfg(feature = "deflate")]
        if is_compressed {
            return self
                .inflate(Compressed::Assembly, is_text)
                .map(Progress::Found);
        }
        if is_text {
            assembly.text()?;
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

impl Receiver {
    /// Tells whether nothing has begun and nothing has ended. A failure is kept in the assembly, so it shows here too.
    #[inline]
    fn is_plain(&self) -> bool {
        self.assembly.is_none() && self.header_length == 0 && !self.close_received
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
        let is_compressed = header.is_compressed || message.is_some_and(|(m, _)| m.is_compressed);
        let limit = scratch.limits.max_message_bytes;
        if length > on_the_wire(limit, is_compressed) as u64 {
            let limit = limit as u64;
            return Err(ReceiveError::MessageTooBig { length, limit });
        }
        let limit = scratch.limits.max_frame_bytes;
        if header.payload_length > on_the_wire(limit, is_compressed) as u64 {
            return Err(ReceiveError::FrameTooBig {
                length: header.payload_length,
                limit: limit as u64,
            });
        }
        Ok(())
    }
}

impl Scratch {
    /// How far the buffer of a message may grow while this frame of it is open.
    pub(super) fn room(
        &mut self,
        assembly: &Assembly,
        frame: &OpenFrame,
        is_compressed: bool,
    ) -> Room<'_> {
        let missing = usize::try_from(frame.remaining).unwrap_or(usize::MAX);
        let limit = on_the_wire(self.limits.max_message_bytes, is_compressed);
        let end = assembly.payload().len().saturating_add(missing);
        Room {
            expected: missing.min(self.pool.given_away),
            limit: if frame.is_final {
                limit.min(end)
            } else {
                limit
            },
            buffers: &mut self.pool.buffers,
        }
    }
}

/// What `limit` bytes may take as they arrive: DEFLATE makes what it cannot compress longer by an eighth at most.
fn on_the_wire(limit: usize, is_compressed: bool) -> usize {
    if is_compressed {
        limit.saturating_add(limit / 8 + 64)
    } else {
        limit
    }
}

#[cfg(not(feature = "deflate"))]
impl Receiver {
    fn may_get_compressed(&self) -> bool {
        false
    }
}
