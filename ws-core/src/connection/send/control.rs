//! Control frames and automatic answers, RFC 6455
//! [§5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).

use super::{Pressure, Sender, Stage};
use crate::{
    close::{CloseFrame, MAX_REASON_BYTES},
    connection::reply::Reply,
    error::SendError,
    frame::{FirstByte, MAX_CONTROL_BYTES},
    opcode::OpCode,
    scratch::SendScratch,
};

impl Sender {
    /// Appends a ping; the peer answers with the same payload, of at most 125 bytes.
    ///
    /// # Errors
    /// [`SendError::ControlTooLong`]; [`SendError::Closed`] after a Close.
    pub fn encode_ping(
        &mut self,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_control(OpCode::Ping, payload, scratch, output)
    }

    /// Appends a pong that nobody asked for: a one-way heartbeat of at most 125 bytes.
    ///
    /// # Errors
    /// As [`Sender::encode_ping`].
    pub fn encode_pong(
        &mut self,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.encode_control(OpCode::Pong, payload, scratch, output)
    }

    /// Appends a Close, after which nothing more can be sent; `None` gives no code.
    ///
    /// # Errors
    /// [`SendError::InvalidCloseCode`]; [`SendError::CloseReasonTooLong`] above 123 bytes;
    /// [`SendError::Closed`] if a Close was already sent.
    pub fn encode_close(
        &mut self,
        frame: Option<CloseFrame<'_>>,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let mut payload = [0; MAX_CONTROL_BYTES];
        let mut length = 0;
        if let Some(CloseFrame { code, reason }) = frame {
            if !code.may_be_sent() {
                return Err(SendError::InvalidCloseCode(code));
            }
            if reason.len() > MAX_REASON_BYTES {
                return Err(SendError::CloseReasonTooLong(reason.len()));
            }
            length = 2 + reason.len();
            payload[..2].copy_from_slice(&code.as_u16().to_be_bytes());
            payload[2..length].copy_from_slice(reason.as_bytes());
        }
        self.encode_control(OpCode::Close, &payload[..length], scratch, output)?;
        self.end();
        Ok(())
    }

    /// Appends an automatic answer.
    ///
    /// While the output is [`Pressure::Clear`] every ping is answered in order. Under
    /// [`Pressure::PushedBack`] one pong is kept, the newest, until [`Sender::encode_pending`]: a peer
    /// that sends pings and does not read costs no memory. A Close is appended at once, unless one
    /// was sent before.
    ///
    /// # Errors
    /// [`SendError::NoMaskingKey`] if a client's scratch has no keys.
    pub fn encode_reply(
        &mut self,
        reply: Reply,
        pressure: Pressure,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.close_sent() {
            return Ok(());
        }
        if pressure == Pressure::PushedBack && !reply.is_close() {
            let held = self.held.get_or_insert_default();
            match &mut held.pending_pong {
                Some(pending) => **pending = reply,
                None => held.pending_pong = Some(Box::new(reply)),
            }
            return Ok(());
        }
        // This answer is newer than a kept one, which §5.5.3 allows to be left out.
        self.take_pending();
        self.encode_control(reply.opcode(), reply.payload(), scratch, output)?;
        if reply.is_close() {
            self.end();
        }
        Ok(())
    }

    /// Appends the kept pong, once the socket has taken everything; tells whether there was one.
    ///
    /// # Errors
    /// [`SendError::NoMaskingKey`] if a client's scratch has no keys.
    pub fn encode_pending(
        &mut self,
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        match self.take_pending() {
            Some(pong) => self
                .encode_control(OpCode::Pong, pong.payload(), scratch, output)
                .map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether a pong waits for [`Sender::encode_pending`].
    pub fn has_pending(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.pending_pong.is_some())
    }

    fn end(&mut self) {
        self.stage = Stage::Closed;
        self.held = None;
    }

    /// Takes the kept pong, and gives the memory back if that was all.
    fn take_pending(&mut self) -> Option<Box<Reply>> {
        let held = self.held.as_mut()?;
        let pong = held.pending_pong.take();
        #[cfg(feature = "deflate")]
        if held.context.is_some() {
            return pong;
        }
        self.held = None;
        pong
    }

    fn encode_control(
        &self,
        opcode: OpCode,
        payload: &[u8],
        scratch: &mut SendScratch,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.close_sent() {
            return Err(SendError::Closed);
        }
        if payload.len() > MAX_CONTROL_BYTES {
            return Err(SendError::ControlTooLong(payload.len()));
        }
        self.encode_frame(FirstByte::new(opcode, true), payload, scratch, output)
    }
}
