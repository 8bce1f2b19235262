//! TLS connections one inside the other: to a proxy, and through it to the target.
//!
//! Invariant: what a layer answers goes down through the layers beneath it before anything else does.
//! Invariant: an end of the stream counts as clean only if the innermost layer has seen close_notify.

use std::{fmt, io};

use ws_core::tls::{Tls, TlsError};

/// The layers and the ciphertext on its way.
#[derive(Default)]
pub(super) struct Layers {
    /// The first is next to the socket.
    stack: Vec<Tls>,
    input: Box<[u8]>,
    sealed: Vec<u8>,
    sealed_sent: usize,
    has_said_end: bool,
    failure: Option<TlsError>,
}

impl Layers {
    /// Adds the innermost layer; `early` has come from beneath it already.
    pub(super) fn push(&mut self, tls: Tls, early: &[u8], arrived: &mut Vec<u8>) {
        if self.input.is_empty() {
            self.input = vec![0; INPUT_BYTES].into_boxed_slice();
        }
        let place = self.stack.len();
        self.stack.push(tls);
        let hello = send(&mut self.stack, b"", &mut self.sealed);
        let lifted = hello.and_then(|()| self.lift_from(place, early, arrived));
        if let Err(error) = lifted {
            self.failure.get_or_insert(error);
        }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.stack.last().is_some_and(Tls::is_handshaking)
    }

    pub(super) fn version(&self) -> Option<&'static str> {
        self.stack.last()?.version()
    }

    /// The error with which a layer has failed.
    pub(super) fn check(&self) -> io::Result<()> {
        match &self.failure {
            Some(error) => Err(failed(error.clone())),
            None if self.has_ended_beneath() => Err(cut_off()),
            None => Ok(()),
        }
    }

    /// The innermost peer has said that nothing more will come.
    pub(super) fn has_ended(&self) -> bool {
        self.stack.last().is_some_and(Tls::close_received)
    }

    /// Where ciphertext is read to, before [`Layers::lift`].
    pub(super) fn input(&mut self) -> &mut [u8] {
        &mut self.input
    }

    /// Passes the first `count` bytes of the input up; plaintext is appended to `arrived`.
    pub(super) fn lift(&mut self, count: usize, arrived: &mut Vec<u8>) -> Result<(), TlsError> {
        let input = std::mem::take(&mut self.input);
        let lifted = self.lift_from(0, &input[..count], arrived);
        self.input = input;
        if let Err(error) = &lifted {
            self.failure = Some(error.clone());
        }
        lifted
    }

    /// Encrypts `plaintext` through all layers.
    pub(super) fn seal(&mut self, plaintext: &[u8]) -> io::Result<()> {
        send(&mut self.stack, plaintext, &mut self.sealed).map_err(failed)
    }

    /// What is to leave through the socket.
    pub(super) fn sealed(&self) -> &[u8] {
        &self.sealed[self.sealed_sent..]
    }

    pub(super) fn drop_sealed(&mut self, count: usize) {
        self.sealed_sent += count;
        if self.sealed_sent == self.sealed.len() {
            self.discard_sealed();
        }
    }

    pub(super) fn discard_sealed(&mut self) {
        self.sealed.clear();
        self.sealed_sent = 0;
    }

    /// Says in every layer that nothing more will come, the innermost first.
    pub(super) fn end(&mut self) {
        if self.failure.is_some() || std::mem::replace(&mut self.has_said_end, true) {
            return;
        }
        for place in (0..self.stack.len()).rev() {
            let (beneath, above) = self.stack.split_at_mut(place);
            let mut end = Vec::new();
            above[0].close(&mut end);
            // A layer that fails here has nothing left to lose.
            let _ = send(beneath, &end, &mut self.sealed);
        }
    }

    fn has_ended_beneath(&self) -> bool {
        let beneath = self.stack.split_last().map_or(&[][..], |(_, rest)| rest);
        !self.has_ended() && beneath.iter().any(Tls::close_received)
    }

    /// Passes `bytes` up, beginning with the layer at `first`. What came before a failure arrives all the same.
    fn lift_from(
        &mut self,
        first: usize,
        bytes: &[u8],
        arrived: &mut Vec<u8>,
    ) -> Result<(), TlsError> {
        let mut between = Vec::new();
        let mut result = Ok(());
        for place in first..self.stack.len() {
            let (beneath, above) = self.stack.split_at_mut(place);
            let Some((layer, inner)) = above.split_first_mut() else {
                break;
            };
            let input = if place == first {
                bytes
            } else {
                between.as_slice()
            };
            let (mut plaintext, mut answer) = (Vec::new(), Vec::new());
            let target = if inner.is_empty() {
                &mut *arrived
            } else {
                &mut plaintext
            };
            let received = layer.receive(input, target, &mut answer);
            let answered = match answer.as_slice() {
                [] => Ok(()),
                answer => send(beneath, answer, &mut self.sealed),
            };
            result = result.and(answered).and(received);
            between = plaintext;
        }
        result
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("stack", &self.stack)
            .field("unsent_bytes", &self.sealed().len())
            .finish_non_exhaustive()
    }
}

/// A failure of TLS as an error of the stream; [`tls_error`] gets it back.
pub(super) fn failed(error: TlsError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The stream has ended, and the peer has not said so.
pub(super) fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, CutOff)
}

/// Why TLS has failed, if `error` says that it has.
pub(crate) fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

/// True if the stream has ended in the middle of a TLS connection.
pub(crate) fn is_cut_off(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<CutOff>())
}

#[derive(Debug)]
struct CutOff;

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the TLS connection was cut off, without close_notify")
    }
}

impl std::error::Error for CutOff {}

/// Encrypts `plaintext` through `stack`, from the innermost layer down, and appends the result to `sealed`.
fn send(stack: &mut [Tls], plaintext: &[u8], sealed: &mut Vec<u8>) -> Result<(), TlsError> {
    match stack.split_last_mut() {
        None => {
            sealed.extend_from_slice(plaintext);
            Ok(())
        }
        Some((only, [])) => only.send(plaintext, sealed),
        Some((inner, beneath)) => {
            let mut ciphertext = Vec::new();
            let sent = inner.send(plaintext, &mut ciphertext);
            // A failure has something to say, too.
            send(beneath, &ciphertext, sealed)?;
            sent
        }
    }
}

/// What one read takes at most.
const INPUT_BYTES: usize = 64 << 10;
