//! The real [`Net`]: a non-blocking socket on mio, TCP or Unix.
//!
//! Invariant: every write is `Write::write`, which std turns into `send` with MSG_NOSIGNAL. A vectored write would be
//! `writev`, and on a reset connection SIGPIPE would end the host program.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this module is the door to clock and socket"
)]

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use ws_core::MaskingKeys;

use super::stream::Stream;
use super::{Net, Readiness};
use crate::cancel::Cancel;
use crate::deadline::Deadline;

/// The clock of calls that run before there is a connection.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// 16 unpredictable bytes for `Sec-WebSocket-Key`.
pub(crate) fn nonce() -> io::Result<[u8; 16]> {
    let mut nonce = [0; 16];
    seeded()?.fill_bytes(&mut nonce);
    Ok(nonce)
}

/// A number that other processes do not have in common with this one.
pub(crate) fn random() -> u64 {
    // Without it connections are merely made at the same time as those of others.
    seeded().map_or(u64::MAX, |mut random| random.next_u64())
}

/// One poll with its waker. Made before the dial and kept: on Windows a socket stays with its first poll.
pub(crate) struct Poller {
    pub(crate) poll: Poll,
    pub(crate) events: Events,
    signal: Interrupter,
    cancel: Option<Cancel>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(16),
            signal: Interrupter {
                waker: Arc::new(waker),
                raised: Arc::default(),
            },
            cancel: None,
        })
    }

    /// From now on every wait fails once `cancel` says so.
    pub(crate) fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        cancel.set_waker(self.signal.clone());
        self.cancel = Some(cancel.clone());
        self
    }

    /// What would have ended its waits does nothing any more.
    pub(crate) fn forget_cancel(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel.forget_waker(&self.signal);
        }
    }

    /// Waits; a signal that interrupts it counts as "nothing has happened".
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.check_cancel()?;
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result?,
        }
        self.check_cancel()
    }

    fn check_cancel(&self) -> io::Result<()> {
        self.cancel.as_ref().map_or(Ok(()), Cancel::check)
    }
}

impl Drop for Poller {
    /// Whoever may cancel a dial outlives it, and would keep the waker's descriptor.
    fn drop(&mut self) {
        self.forget_cancel();
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Poller")
    }
}

/// Ends a running [`Client::receive`](crate::Client::receive) from another thread.
///
/// The call returns `Ok(None)` as if its timeout had passed; if none is running, the next one does. Cheap to clone;
/// does nothing once the client is gone.
///
/// # Examples
///
/// ```no_run
/// let mut client = ws_client::Client::connect("ws://127.0.0.1:9894")?;
/// let interrupter = client.interrupter();
/// std::thread::spawn(move || interrupter.interrupt());
/// assert_eq!(client.receive(std::time::Duration::MAX)?, None);
/// # Ok::<(), ws_client::Error>(())
/// ```
#[derive(Clone)]
pub struct Interrupter {
    waker: Arc<Waker>,
    raised: Arc<AtomicBool>,
}

impl Interrupter {
    /// Makes the running, or else the next, [`Client::receive`](crate::Client::receive) return.
    pub fn interrupt(&self) {
        self.raised.store(true, Ordering::SeqCst);
        if let Err(error) = self.waker.wake() {
            log::warn!("cannot wake a client: {error}");
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.waker, &other.waker)
    }
}

impl fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupter")
    }
}

/// A connected socket and the poll that watches it.
#[derive(Debug)]
pub(crate) struct TcpNet {
    poller: Poller,
    stream: Stream,
    /// `None` of a Unix socket, as below.
    pub(crate) peer_address: Option<SocketAddr>,
    pub(crate) local_address: Option<SocketAddr>,
}

impl TcpNet {
    /// Takes a connected `stream` that is registered with `poller` already.
    pub(crate) fn new(
        poller: Poller,
        mut stream: TcpStream,
        peer_address: SocketAddr,
    ) -> io::Result<Self> {
        let registry = poller.poll.registry();
        registry.reregister(&mut stream, SOCKET, BOTH_WAYS)?;
        Self::finish(poller, Stream::Tcp(stream), Some(peer_address))
    }

    /// Takes a connected, blocking `stream` that no poll has seen.
    pub(crate) fn adopt(
        poller: Poller,
        stream: std::net::TcpStream,
        peer_address: SocketAddr,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = Stream::Tcp(TcpStream::from_std(stream));
        Self::begin(poller, stream, Some(peer_address))
    }

    /// Takes a connected, non-blocking `stream` that no poll has seen.
    pub(crate) fn begin(
        poller: Poller,
        mut stream: Stream,
        peer_address: Option<SocketAddr>,
    ) -> io::Result<Self> {
        let registry = poller.poll.registry();
        registry.register(stream.source(), SOCKET, BOTH_WAYS)?;
        Self::finish(poller, stream, peer_address)
    }

    /// Closes the socket and gives the poll back.
    pub(crate) fn into_poller(self) -> Poller {
        self.poller
    }

    /// Gives up the poll; the stream can be watched by another one.
    pub(crate) fn into_stream(mut self) -> io::Result<Stream> {
        let registry = self.poller.poll.registry();
        registry.deregister(self.stream.source())?;
        self.stream.for_another_poll()
    }

    fn finish(
        poller: Poller,
        stream: Stream,
        peer_address: Option<SocketAddr>,
    ) -> io::Result<Self> {
        stream.tune()?;
        let local_address = stream.local_address()?;
        Ok(Self {
            poller,
            stream,
            peer_address,
            local_address,
        })
    }

    /// The other end, for logs.
    pub(crate) fn describe_peer(&self) -> String {
        self.peer_address.map_or_else(
            || String::from("a Unix socket"),
            |address| address.to_string(),
        )
    }

    /// The dial is done: what would have ended it does nothing any more.
    pub(crate) fn forget_cancel(&mut self) {
        self.poller.forget_cancel();
    }

    pub(crate) fn interrupter(&self) -> Interrupter {
        self.poller.signal.clone()
    }
}

impl Net for TcpNet {
    fn now(&self) -> Instant {
        now()
    }

    fn poll(&mut self, deadline: Deadline) -> io::Result<Readiness> {
        self.poller.wait(deadline.remaining(now()))?;
        let mut readiness = Readiness::default();
        for event in &self.poller.events {
            if event.token() == SOCKET {
                readiness.readable |= event.is_readable();
                readiness.writable |= event.is_writable();
                let ending = event.is_read_closed() || event.is_write_closed() || event.is_error();
                readiness.ending |= ending;
                // An error is learnt by reading.
                readiness.readable |= ending;
            }
        }
        Ok(readiness)
    }

    fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.stream.shutdown_write()
    }

    fn take_interrupt(&mut self) -> bool {
        self.poller.signal.raised.swap(false, Ordering::SeqCst)
    }

    fn masking_keys(&mut self) -> io::Result<Box<dyn MaskingKeys + Send>> {
        Ok(Box::new(RandomKeys::new()?))
    }
}

/// Masking keys from a cryptographically strong generator that the system has seeded.
pub(super) struct RandomKeys(StdRng);

impl RandomKeys {
    pub(super) fn new() -> io::Result<Self> {
        seeded().map(Self)
    }
}

impl MaskingKeys for RandomKeys {
    fn next_key(&mut self) -> [u8; 4] {
        self.0.next_u32().to_ne_bytes()
    }
}

fn seeded() -> io::Result<StdRng> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| io::Error::other(error.to_string()))
}

const BOTH_WAYS: Interest = Interest::READABLE.add(Interest::WRITABLE);
const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);
/// Tokens from here on are free for the attempts of a dial.
pub(crate) const FIRST_ATTEMPT: usize = 2;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// R-19: of a million keys of 32 bits some 116 are expected to have come before, and of two millions as many in both;
    /// a generator that repeats would collide far more often.
    #[test]
    fn masking_keys_are_fresh_and_differ_between_connections() {
        let keys = || {
            let mut keys = RandomKeys::new().unwrap();
            (0..1_000_000)
                .map(|_| keys.next_key())
                .collect::<HashSet<_>>()
        };
        let (one, two) = (keys(), keys());
        for keys in [&one, &two] {
            let repeated = 1_000_000 - keys.len();
            assert!(
                repeated <= 200,
                "{repeated} of 1,000,000 keys came before, at most 200"
            );
        }
        let shared = one.intersection(&two).count();
        assert!(
            shared <= 400,
            "{shared} keys are those of another connection, at most 400"
        );
    }

    #[test]
    fn a_connection_sends_at_once_and_is_probed_by_the_system() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let poller = Poller::new().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let registry = poller.poll.registry();
        registry
            .register(&mut stream, Token(FIRST_ATTEMPT), Interest::WRITABLE)
            .unwrap();
        let net = TcpNet::new(poller, stream, address).unwrap();
        let Stream::Tcp(stream) = &net.stream else {
            panic!("another kind of socket")
        };
        assert!(stream.nodelay().unwrap());
        assert!(socket2::SockRef::from(stream).keepalive().unwrap());
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce().unwrap(), nonce().unwrap());
    }
}
