//! A blocking client: every call moves bytes in both directions and ends by its deadline.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ws_core::extension::DeflateAgreement;
use ws_core::handshake::Response;
use ws_core::{CloseCode, Compression};

use crate::address::Address;
use crate::calls::Calls;
use crate::connected::Connected;
use crate::dial::Dialled;
use crate::error::Error;
use crate::message::{Close, Message};
use crate::net::tcp::{Interrupter, TcpNet};
use crate::request::ConnectRequest;

/// A WebSocket connection, used from one thread at a time.
///
/// Every call reads and writes: a long send answers pings and queues what arrives, and a receive goes on sending what a
/// timed-out send has left. Between calls nothing happens: pings of the server wait, and so does
/// [keepalive](crate::Config::keepalive).
///
/// If the peer breaks a rule, what came before it can still be received and answered: the connection is failed by the
/// [`Client::receive`] that has nothing else to give, or after a second.
///
/// Waiting for a message takes its timeout as an argument, since nothing having come is a normal answer. All other
/// calls end by the timeouts of the [`Config`](crate::Config), and running into one is an error.
///
/// Dropping it without [`Client::close`] makes one attempt to send Close 1001 and does not wait.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use ws_client::{Client, CloseCode, Message};
///
/// let mut client = Client::connect("ws://127.0.0.1:9894")?;
/// client.send_text("hello")?;
/// if let Some(Message::Text(text)) = client.receive(Duration::from_secs(10))? {
///     println!("{text}");
/// }
/// client.close(CloseCode::NORMAL, "")?;
/// # Ok::<(), ws_client::Error>(())
/// ```
pub struct Client {
    calls: Calls<TcpNet>,
    address: Address,
    response: Response,
    compression: Option<DeflateAgreement>,
    tls_version: Option<&'static str>,
}

impl Client {
    /// Connects to `address` with the default [`Config`](crate::Config).
    ///
    /// # Errors
    /// See [`Client::connect_with`]; also [`ErrorKind::BadAddress`](crate::ErrorKind::BadAddress).
    pub fn connect(address: &str) -> Result<Self, Error> {
        Self::connect_with(&ConnectRequest::new(address)?)
    }

    /// Resolves, connects, goes through the proxy, sets TLS up and does the opening handshake, all within
    /// [`Config::connect_timeout`](crate::Config::connect_timeout).
    ///
    /// # Errors
    /// [`Error::stage`] says how far it came. [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a header or subprotocol
    /// that may not be sent, a file of certificates that cannot be used, or a proxy's description that is wrong: then
    /// nothing was sent. [`ErrorKind::Certificate`](crate::ErrorKind::Certificate) if the server is not who it should be:
    /// then no byte of the request was.
    pub fn connect_with(request: &ConnectRequest) -> Result<Self, Error> {
        Self::new(Connected::dial(request)?)
    }

    /// Takes over an open connection.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system gives no random numbers.
    pub fn new(connected: Connected) -> Result<Self, Error> {
        let Connected { dialled, request } = connected;
        let Dialled {
            wire,
            response,
            deflate,
            surplus,
            tls_version,
        } = dialled;
        let address = request.address().clone();
        let compression = deflate.as_ref().map(|deflate| deflate.agreement);
        let target = address.to_string();
        let mut calls = Calls::new(target, wire, &surplus, &request.config, deflate)?;
        calls.set_secrets(request.secrets());
        Ok(Self {
            calls,
            address,
            response,
            compression,
            tls_version,
        })
    }

    /// Sends a text message and returns when the system has taken all of it.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) after
    /// [`Config::send_timeout`](crate::Config::send_timeout): the rest stays queued and later calls go on sending it, so
    /// do not send the message again. [`ErrorKind::QueueFull`](crate::ErrorKind::QueueFull) if that time has passed with
    /// the rest of an earlier one: then nothing of this message is queued, and it may be sent again.
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) once the connection is over,
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) inside a fragmented message.
    pub fn send_text(&mut self, text: &str) -> Result<(), Error> {
        self.calls
            .send(|sender, scratch, output| sender.encode_text(text, scratch, output))
    }

    /// Sends a binary message and returns when the system has taken all of it.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), Error> {
        self.calls
            .send(|sender, scratch, output| sender.encode_binary(data, scratch, output))
    }

    /// Sends a text message, compressed or not as asked for. Without permessage-deflate it goes as it is.
    ///
    /// [`Compression::Never`] is for data that is compressed already, and for secrets beside text that an attacker
    /// chooses.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub fn send_text_with(&mut self, text: &str, compression: Compression) -> Result<(), Error> {
        self.calls.send(|sender, scratch, output| {
            sender.encode_text_with(text, compression, scratch, output)
        })
    }

    /// Sends a binary message, compressed or not as asked for; see [`Client::send_text_with`].
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub fn send_binary_with(&mut self, data: &[u8], compression: Compression) -> Result<(), Error> {
        self.calls.send(|sender, scratch, output| {
            sender.encode_binary_with(data, compression, scratch, output)
        })
    }

    /// Sends one fragment of a text message; the message ends with the one that is `last`.
    ///
    /// Pings and pongs may be sent between fragments, other messages may not.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    ///
    /// RFC 6455 [§5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4)
    pub fn send_text_fragment(&mut self, text: &str, last: bool) -> Result<(), Error> {
        self.calls.send(|sender, scratch, output| {
            sender.encode_text_fragment(text, last, scratch, output)
        })
    }

    /// Sends one fragment of a binary message; the message ends with the one that is `last`.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub fn send_binary_fragment(&mut self, data: &[u8], last: bool) -> Result<(), Error> {
        self.calls.send(|sender, scratch, output| {
            sender.encode_binary_fragment(data, last, scratch, output)
        })
    }

    /// Sends one fragment of a text message, compressed or not as the first one asked for; see
    /// [`Client::send_text_with`].
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub fn send_text_fragment_with(
        &mut self,
        text: &str,
        last: bool,
        compression: Compression,
    ) -> Result<(), Error> {
        self.calls.send(|sender, scratch, output| {
            sender.encode_text_fragment_with(text, last, compression, scratch, output)
        })
    }

    /// Sends one fragment of a binary message, compressed or not as the first one asked for.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub fn send_binary_fragment_with(
        &mut self,
        data: &[u8],
        last: bool,
        compression: Compression,
    ) -> Result<(), Error> {
        self.calls.send(|sender, scratch, output| {
            sender.encode_binary_fragment_with(data, last, compression, scratch, output)
        })
    }

    /// Sends a ping; the answer comes as [`Message::Pong`] with the same payload, at most 125 bytes.
    ///
    /// # Errors
    /// As [`Client::send_text`]; [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a longer payload.
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.calls
            .send(|sender, scratch, output| sender.encode_ping(payload, scratch, output))
    }

    /// Sends a pong that nobody has asked for, a sign of life; at most 125 bytes. Pings are answered without it.
    ///
    /// # Errors
    /// As [`Client::send_ping`].
    pub fn send_pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.calls
            .send(|sender, scratch, output| sender.encode_pong(payload, scratch, output))
    }

    /// Waits for the next message, at most for `timeout`: `Duration::ZERO` = only what is there, `Duration::MAX` = for
    /// ever.
    ///
    /// `None`: nothing has come, or an [`Interrupter`] was used. Queued messages come first, then the peer's
    /// [`Message::Close`] once, then an error.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) once the connection is over; with
    /// [`Error::close_code`] 1006 if it was lost without a Close. [`ErrorKind::Protocol`](crate::ErrorKind::Protocol)
    /// and [`ErrorKind::TooBig`](crate::ErrorKind::TooBig) if the peer broke a rule or a limit. Each comes after all
    /// that was received before, and is repeated by every further call.
    pub fn receive(&mut self, timeout: Duration) -> Result<Option<Message>, Error> {
        self.calls.receive(timeout)
    }

    /// Does the closing handshake, within [`Config::close_timeout`](crate::Config::close_timeout) whatever the peer does.
    ///
    /// What the peer sends before its own Close stays readable with [`Client::receive`] as far as the receive queue has
    /// room for it, and then its Close. [`CloseCode::NO_STATUS`] sends a Close without a code; `reason` has at most 123
    /// bytes. Succeeds also if the peer has closed first and its Close has not been taken yet.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a code that may not be sent or a longer reason: the connection
    /// stays open. [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the peer has not answered: the connection is
    /// ended all the same. [`ErrorKind::Closed`](crate::ErrorKind::Closed) the second time, or if the connection was
    /// lost.
    ///
    /// RFC 6455 [§7.1.2](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.2)
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.calls.close(code, reason)
    }

    /// A handle with which another thread makes a running [`Client::receive`] return.
    pub fn interrupter(&self) -> Interrupter {
        self.calls.net().interrupter()
    }

    /// Changes the time that each sending call has; see [`Config::send_timeout`](crate::Config::send_timeout).
    pub fn set_send_timeout(&mut self, timeout: Duration) {
        self.calls.set_send_timeout(timeout);
    }

    /// Changes the time that the closing handshake has; see [`Config::close_timeout`](crate::Config::close_timeout).
    pub fn set_close_timeout(&mut self, timeout: Duration) {
        self.calls.set_close_timeout(timeout);
    }

    /// The address that was connected to; its `Display` is redacted.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// "TLS 1.2" or "TLS 1.3"; `None` if the connection is not encrypted up to the server.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.tls_version
    }

    /// The IP address and port that answered: of the server, or of the proxy in front of it. A Unix socket has none.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.calls.net().peer_address
    }

    /// This side's IP address and port. A Unix socket has none.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.calls.net().local_address
    }

    /// The subprotocol that the server has selected, if any.
    pub fn subprotocol(&self) -> Option<&str> {
        self.response.subprotocol()
    }

    /// The compression that was agreed on, after [`ConnectRequest::compress`]; its `Display` is as in the header.
    pub fn compression(&self) -> Option<DeflateAgreement> {
        self.compression
    }

    /// The first value of a header of the server's answer; `name` in any case.
    pub fn response_header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// All headers of the server's answer, as `(name, value)`.
    pub fn response_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.response.headers()
    }

    /// The peer's Close as soon as it has come, also before [`Client::receive`] gives it.
    pub fn close_received(&self) -> Option<&Close> {
        self.calls.close_received()
    }

    /// Bytes of frames that a timed-out send has left queued.
    pub fn unsent_bytes(&self) -> usize {
        self.calls.unsent_bytes()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .field("peer_address", &self.peer_address())
            .finish_non_exhaustive()
    }
}
