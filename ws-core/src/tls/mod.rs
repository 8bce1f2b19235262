//! TLS as a byte transformer: ciphertext in, plaintext out, and the other way round, with no socket.
//!
//! ```text
//!   bytes of the peer ──► Tls::receive ──► plaintext, for Receiver::receive
//!   bytes for the peer ◄── Tls::send   ◄── plaintext, from Sender::encode_*
//! ```
//!
//! Client and server thereby have one path to the socket, encrypted or not. All calls of rustls
//! stand in this module; its provider is ring, chosen explicitly, so that no process-wide default is needed.
//!
//! Invariant: rustls' own buffers are drained within the call that filled them.
//! Invariant: an end of the stream without close_notify is visible as such ([`Tls::is_cut_by_eof`], R-30).

mod client;
mod error;
mod pem;
mod server;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    io::{self, BufRead, Write},
    sync::Arc,
};

use rustls::{Connection, pki_types::ServerName};

pub use self::{
    client::ClientTls,
    error::{TlsConfigError, TlsError},
    pem::{Certificates, Identity},
    server::{ClientCertificates, ServerTls},
};

/// One TLS connection between buffers of the caller.
pub struct Tls {
    connection: Connection,
    failure: Option<TlsError>,
    close_received: bool,
}

impl Tls {
    /// The client's side, about to say hello to the server called `name`.
    ///
    /// `name` is a host name or an IP address; it is sent as SNI if it is a name, and the server's
    /// certificate must be valid for it. [`Tls::send`] with nothing gives the first bytes.
    ///
    /// # Errors
    /// [`TlsError::InvalidServerName`] if `name` is neither.
    pub fn client(config: &ClientTls, name: &str) -> Result<Self, TlsError> {
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        let name = ServerName::try_from(bare)
            .map_err(|_| TlsError::InvalidServerName)?
            .to_owned();
        let connection = rustls::ClientConnection::new(Arc::clone(config.config()), name);
        connection
            .map(|connection| Self::new(connection.into()))
            .map_err(TlsError::from)
    }

    /// The server's side, waiting for a client's hello.
    ///
    /// # Errors
    /// What rustls finds wrong with the configuration.
    pub fn server(config: &ServerTls) -> Result<Self, TlsError> {
        let connection = rustls::ServerConnection::new(Arc::clone(config.config()));
        connection
            .map(|connection| Self::new(connection.into()))
            .map_err(TlsError::from)
    }

    fn new(mut connection: Connection) -> Self {
        // Limits are the caller's: it bounds what it passes in and what it queues.
        connection.set_buffer_limit(None);
        Self {
            connection,
            failure: None,
            close_received: false,
        }
    }

    /// Takes all of `ciphertext`; appends what it says to `plaintext`, and what must be answered to `output`.
    ///
    /// # Errors
    /// The handshake or a record failed. The alert that tells the peer is in `output`; plaintext that
    /// came before is in `plaintext`; every further call gives the same error.
    pub fn receive(
        &mut self,
        mut ciphertext: &[u8],
        plaintext: &mut Vec<u8>,
        output: &mut Vec<u8>,
    ) -> Result<(), TlsError> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        while !ciphertext.is_empty() && !self.close_received {
            // Reading from a slice cannot fail; rustls refuses when its buffer is full, which it never
            // is after its plaintext was taken.
            let taken = self.connection.read_tls(&mut ciphertext).unwrap_or(0);
            let processed = self.connection.process_new_packets();
            self.take_plaintext(plaintext);
            let state = match processed {
                Ok(state) => state,
                Err(error) => return Err(self.fail(error.into(), output)),
            };
            self.close_received |= state.peer_has_closed();
            if taken == 0 {
                break;
            }
        }
        self.take_ciphertext(output);
        Ok(())
    }

    /// Encrypts `plaintext` and appends it to `output`, together with whatever else is due.
    ///
    /// What is sent before the handshake is complete follows it as soon as it is.
    ///
    /// # Errors
    /// The error with which the connection failed before. Or [`TlsError::KeysUsedUp`]: nothing of `plaintext` will be sent,
    /// and close_notify is in `output`; what the peer still sends can be received.
    pub fn send(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<(), TlsError> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        let before = output.len();
        let is_to_be_seen = !plaintext.is_empty() && !self.connection.is_handshaking();
        // Without a buffer limit everything is taken.
        let written = self.connection.writer().write_all(plaintext);
        written.map_err(|_| TlsError::Internal)?;
        self.take_ciphertext(output);
        // TLS 1.2 cannot change its keys. To more than they may encrypt rustls says close_notify, then nothing, and takes
        // all the same what it drops.
        if is_to_be_seen && output.get(before) != Some(&APPLICATION_DATA) {
            return Err(TlsError::KeysUsedUp);
        }
        Ok(())
    }

    /// Appends close_notify: nothing more will be sent (RFC 8446 §6.1).
    pub fn close(&mut self, output: &mut Vec<u8>) {
        self.connection.send_close_notify();
        self.take_ciphertext(output);
    }

    /// Whether the handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Why the connection failed, if it did.
    pub fn failure(&self) -> Option<&TlsError> {
        self.failure.as_ref()
    }

    /// Whether the peer has sent close_notify; whatever follows it is ignored.
    pub fn close_received(&self) -> bool {
        self.close_received
    }

    /// Whether an end of the stream now would be a truncation: no close_notify has come.
    pub fn is_cut_by_eof(&self) -> bool {
        !self.close_received
    }

    /// The name that the client asked for, on the server's side, once its hello has come.
    pub fn server_name(&self) -> Option<&str> {
        match &self.connection {
            Connection::Server(server) => server.server_name(),
            Connection::Client(_) => None,
        }
    }

    /// "TLS 1.2" or "TLS 1.3", once it is settled.
    pub fn version(&self) -> Option<&'static str> {
        match self.connection.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
            rustls::ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
            _ => None,
        }
    }

    /// Whether the peer has shown a certificate, which was then verified as configured.
    pub fn has_peer_certificate(&self) -> bool {
        self.connection
            .peer_certificates()
            .is_some_and(|chain| !chain.is_empty())
    }

    fn fail(&mut self, error: TlsError, output: &mut Vec<u8>) -> TlsError {
        self.take_ciphertext(output);
        self.failure.insert(error).clone()
    }

    fn take_plaintext(&mut self, plaintext: &mut Vec<u8>) {
        let mut reader = self.connection.reader();
        // "Would block", a clean end and a cut all mean: no more for now.
        while let Ok(chunk) = reader.fill_buf() {
            let length = chunk.len();
            if length == 0 {
                break;
            }
            plaintext.extend_from_slice(chunk);
            reader.consume(length);
        }
    }

    fn take_ciphertext(&mut self, output: &mut Vec<u8>) {
        while self.connection.wants_write() {
            // Writing to memory cannot fail.
            if self.connection.write_tls(&mut Appender(output)).is_err() {
                break;
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("is_handshaking", &self.is_handshaking())
            .field("version", &self.version())
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// How a record begins that carries what the application says (RFC 8446 §5.1).
const APPLICATION_DATA: u8 = 23;

/// Takes every slice of a vectored write at once, which `Vec` does as well, but keeps no promise of.
struct Appender<'a>(&'a mut Vec<u8>);

impl Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let before = self.0.len();
        for slice in slices {
            self.0.extend_from_slice(slice);
        }
        Ok(self.0.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
