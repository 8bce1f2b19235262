//! One connection of a swarm.

use std::io;

use ws_core::{
    CloseCode, CloseFrame, Connection, Event, Pressure, Receiver, Role, Scratch, SendScratch,
    Sender,
};

use crate::connected::Connected;
use crate::deadline::Deadline;
use crate::engine::Deflate;
use crate::error::{Cause, Error, Loss, Stage};
use crate::message::Close;
use crate::net::Net;
use crate::net::Readiness;
use crate::net::shared::SharedNet;
use crate::net::tcp::TcpNet;
use crate::secret::Secrets;
use crate::wire::Wire;

/// Something that has happened on a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SwarmEvent<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The closing handshake is done: the peer's Close. The last event of a connection.
    Closed(Close),
    /// The connection is over without it: lost, or the peer broke a rule. The last event of a connection.
    Ended(Error),
}

/// What a turn works with, whichever connection it is at.
pub(super) struct Buffers {
    pub(super) input: Box<[u8]>,
    pub(super) scratch: Scratch,
    pub(super) send_scratch: SendScratch,
}

/// The way back on the connection an event came from.
#[derive(Debug)]
pub struct Link<'a> {
    sender: &'a mut Sender,
    scratch: &'a mut SendScratch,
    output: &'a mut Vec<u8>,
}

impl Link<'_> {
    /// Sends a text message; false if a Close was sent before.
    pub fn send_text(&mut self, text: &str) -> bool {
        let sent = self.sender.encode_text(text, self.scratch, self.output);
        sent.is_ok()
    }

    /// Sends a binary message; false if a Close was sent before.
    pub fn send_binary(&mut self, data: &[u8]) -> bool {
        let sent = self.sender.encode_binary(data, self.scratch, self.output);
        sent.is_ok()
    }

    /// Begins the closing handshake; false if it has begun already, or with a code that may not be sent.
    pub fn close(&mut self, code: CloseCode) -> bool {
        let frame = Some(CloseFrame::new(code));
        let sent = self.sender.encode_close(frame, self.scratch, self.output);
        sent.is_ok()
    }
}

/// What is left to do on a connection.
pub(super) enum More {
    /// Nothing before the next event of its socket.
    Nothing,
    /// More may be there already.
    Ready,
    /// It has ended.
    Over,
}

pub(super) struct Slot {
    wire: Wire<SharedNet>,
    receiver: Receiver,
    sender: Sender,
    /// Came with the answer of the opening handshake.
    surplus: Vec<u8>,
    messages: u64,
    /// The output could not all leave at the last attempt.
    pushed_back: bool,
    /// What must have left of all output before the last pong in it has.
    pong_end: u64,
    /// Nothing more can be sent; what has come is still to be read.
    write_error: Option<io::Error>,
    /// It is on the swarm's list.
    pub(super) is_ready: bool,
    address: String,
    secrets: Secrets,
}

impl Slot {
    pub(super) fn new(
        connected: Connected,
        watch: impl FnOnce(TcpNet) -> io::Result<SharedNet>,
    ) -> io::Result<Self> {
        let Connected { dialled, request } = connected;
        let connection = match &dialled.deflate {
            None => Connection::new(Role::Client),
            Some(Deflate { agreement, config }) => {
                Connection::with_deflate(Role::Client, &agreement.parameters(), config)
            }
        };
        let (receiver, sender) = connection.into_halves();
        Ok(Self {
            wire: dialled.wire.try_map(watch)?,
            receiver,
            sender,
            surplus: dialled.surplus,
            messages: 0,
            pushed_back: false,
            pong_end: 0,
            write_error: None,
            is_ready: true,
            address: request.address().to_string(),
            secrets: request.secrets(),
        })
    }

    pub(super) fn note(&mut self, readiness: Readiness) {
        self.wire.net.note(readiness);
    }

    pub(super) fn unsent_bytes(&self) -> usize {
        self.wire.unsent_bytes()
    }

    pub(super) fn link<'a>(&'a mut self, scratch: &'a mut SendScratch) -> Link<'a> {
        Link {
            sender: &mut self.sender,
            scratch,
            output: self.wire.output(),
        }
    }

    /// Reads and writes what can be; at most `reads` times.
    pub(super) fn serve(
        &mut self,
        reads: usize,
        buffers: &mut Buffers,
        mut on_event: impl FnMut(SwarmEvent<'_>, &mut Link<'_>),
    ) -> More {
        let end = match self.try_serve(reads, buffers, &mut on_event) {
            Ok(Step::Goes(more)) => return more,
            Ok(Step::Ends(end)) => end,
            Err(error) => {
                let error = (error.kind() != io::ErrorKind::UnexpectedEof).then(|| error.into());
                SwarmEvent::Ended(self.error(Cause::Lost(Loss {
                    messages: self.messages,
                    mid_message: self.receiver.is_mid_message(),
                    error,
                })))
            }
        };
        // The Close that answers, or says what was wrong; whether it arrives changes nothing.
        let _ = self.wire.send_some();
        let _ = self.wire.net.shutdown_write();
        self.receiver.release(&mut buffers.scratch);
        on_event(end, &mut self.link(&mut buffers.send_scratch));
        More::Over
    }

    fn try_serve(
        &mut self,
        reads: usize,
        buffers: &mut Buffers,
        on_event: &mut impl FnMut(SwarmEvent<'_>, &mut Link<'_>),
    ) -> io::Result<Step> {
        // Takes in what the poll has told; this net never waits.
        self.wire.wait(Deadline::NEVER)?;
        let mut more = More::Ready;
        for _ in 0..reads {
            let count = if self.surplus.is_empty() {
                match self.wire.receive_some(&mut buffers.input)? {
                    None => {
                        more = More::Nothing;
                        break;
                    }
                    Some(0) => {
                        let refused = self.write_error.take();
                        return Err(refused.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
                    }
                    Some(count) => count,
                }
            } else {
                let count = self.surplus.len().min(buffers.input.len());
                buffers.input[..count].copy_from_slice(&self.surplus[..count]);
                self.surplus.drain(..count);
                count
            };
            if let Some(end) = self.take_events(count, buffers, on_event) {
                return Ok(Step::Ends(end));
            }
        }
        if let Err(error) = self.send(&mut buffers.send_scratch) {
            self.wire.discard_output();
            self.write_error = Some(error);
            more = More::Ready;
        }
        if self.wire.wait(Deadline::NEVER)? {
            more = More::Ready;
        }
        if matches!(more, More::Nothing)
            && let Some(error) = self.write_error.take()
        {
            return Err(error);
        }
        Ok(Step::Goes(more))
    }

    fn send(&mut self, scratch: &mut SendScratch) -> io::Result<()> {
        loop {
            if self.wire.left_bytes() >= self.pong_end && self.sender.has_pending() {
                let kept = self.sender.encode_pending(scratch, self.wire.output());
                debug_assert!(kept.is_ok(), "a client has masking keys");
                self.pong_end = self.wire.appended_bytes();
            }
            if !self.wire.send_some()? {
                break;
            }
        }
        self.pushed_back = self.wire.unsent_bytes() > 0;
        Ok(())
    }

    fn take_events(
        &mut self,
        count: usize,
        buffers: &mut Buffers,
        on_event: &mut impl FnMut(SwarmEvent<'_>, &mut Link<'_>),
    ) -> Option<SwarmEvent<'static>> {
        let mut receive = self
            .receiver
            .receive(&mut buffers.input[..count], &mut buffers.scratch);
        let mut end = None;
        while let Some(event) = receive.next() {
            let mut link = Link {
                sender: &mut self.sender,
                scratch: &mut buffers.send_scratch,
                output: self.wire.output(),
            };
            match event {
                Ok(Event::Text(text)) => {
                    self.messages += 1;
                    on_event(SwarmEvent::Text(text), &mut link);
                }
                Ok(Event::Binary(data)) => {
                    self.messages += 1;
                    on_event(SwarmEvent::Binary(data), &mut link);
                }
                Ok(Event::Ping(_)) => {}
                Ok(Event::Pong(payload)) => on_event(SwarmEvent::Pong(payload), &mut link),
                Ok(Event::Close(frame)) => {
                    let frame = frame.map(|frame| (frame.code, frame.reason.to_owned()));
                    end = Some(Ok(Close::from_end(frame)));
                }
                Err(error) => end = Some(Err(error)),
            }
            if let Some(reply) = receive.take_reply() {
                let is_pong = !reply.is_close();
                let pressure = if self.pushed_back && self.wire.left_bytes() < self.pong_end {
                    Pressure::PushedBack
                } else {
                    Pressure::Clear
                };
                let output = self.wire.output();
                let replied =
                    self.sender
                        .encode_reply(reply, pressure, &mut buffers.send_scratch, output);
                debug_assert!(replied.is_ok(), "a client has masking keys");
                if is_pong && pressure == Pressure::Clear {
                    self.pong_end = self.wire.appended_bytes();
                }
            }
            if end.is_some() {
                break;
            }
        }
        drop(receive);
        Some(match end? {
            Ok(close) => SwarmEvent::Closed(close),
            Err(error) => SwarmEvent::Ended(self.error(Cause::Receive(error))),
        })
    }

    fn error(&self, cause: Cause) -> Error {
        Error::new(Stage::Receive, self.address.clone(), cause).hiding(&self.secrets)
    }
}

/// How a turn on a connection has gone.
enum Step {
    Goes(More),
    Ends(SwarmEvent<'static>),
}
