//! The real [`Net`]: mio's readiness, std's clock, the system's randomness.
//!
//! Every operation on a socket goes through the mio type, which on Windows arms the next edge by it.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this file is what the event loop reaches the system through"
)]

use std::{
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write},
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

#[cfg(unix)]
use mio::net::{UnixListener, UnixStream};
use mio::{
    Events, Interest, Poll, Token, Waker,
    event::Source,
    net::{TcpListener, TcpStream},
};
use socket2::{Domain, SockRef, Socket, Type};

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::alarm::Alarm;
use super::{
    Net, PeerAddress, Readiness,
    commands::{Inbox, Outbox},
};
#[cfg(unix)]
use crate::unix::{SocketFile, UnixSocket};
use crate::{
    event_loop::Command,
    listener::{self, Listener},
};

/// One loop's sockets.
pub(crate) struct MioNet<T> {
    poll: Poll,
    events: Events,
    /// None if the system had none to give: then each wait has its timeout.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    alarm: Option<Alarm>,
    listener: Option<MioListener>,
    inbox: Inbox<Stream, T>,
    /// All loops of the server, by index.
    peers: Arc<Peers<T>>,
    index: usize,
    /// A descriptor to be given up when none is left.
    spare: Option<Socket>,
}

/// A connection's socket.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // std's write is send() with MSG_NOSIGNAL; a vectored one would raise SIGPIPE (reliability, fact 3).
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    /// std's would be writev, which raises SIGPIPE.
    #[cfg(any(target_os = "linux", target_os = "android", windows))]
    fn write_parts(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => {
                stream.try_io(|| SockRef::from(&*stream).send_vectored_with_flags(parts, NO_SIGNAL))
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                stream.try_io(|| SockRef::from(&*stream).send_vectored_with_flags(parts, NO_SIGNAL))
            }
        }
    }

    fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

/// A listening socket; the file of a Unix one is removed with it.
enum MioListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "the file is removed when it is dropped")] SocketFile,
    ),
}

impl From<Listener> for MioListener {
    fn from(listener: Listener) -> Self {
        match listener {
            Listener::Tcp(listener) => Self::Tcp(TcpListener::from_std(listener)),
            #[cfg(unix)]
            Listener::Unix(UnixSocket { listener, file }) => {
                Self::Unix(UnixListener::from_std(listener), file)
            }
        }
    }
}

/// What the loops of a server know of each other.
struct Peers<T> {
    outboxes: Vec<Outbox<Stream, T>>,
    /// Sockets of each loop.
    loads: Vec<AtomicUsize>,
}

impl<T> MioNet<T> {
    /// Makes the nets of `count` loops, the first with the listener, and the ways to send them commands.
    #[expect(clippy::type_complexity, reason = "two lists of the same length")]
    pub(crate) fn group(
        listener: Listener,
        count: usize,
    ) -> io::Result<(Vec<Self>, Vec<Outbox<Stream, T>>)> {
        let mut parts = Vec::new();
        let mut outboxes = Vec::new();
        for _ in 0..count {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), COMMANDS)?);
            let (outbox, inbox) = Inbox::new(waker);
            outboxes.push(outbox);
            parts.push((poll, inbox));
        }
        let peers = Arc::new(Peers {
            outboxes: outboxes.clone(),
            loads: (0..count).map(|_| AtomicUsize::new(0)).collect(),
        });
        let mut listener = Some(MioListener::from(listener));
        let mut nets = Vec::new();
        for (index, (poll, inbox)) in parts.into_iter().enumerate() {
            let mut listener = listener.take();
            if let Some(listener) = &mut listener {
                let source: &mut dyn Source = match listener {
                    MioListener::Tcp(listener) => listener,
                    #[cfg(unix)]
                    MioListener::Unix(listener, _) => listener,
                };
                poll.registry()
                    .register(source, LISTENER, Interest::READABLE)?;
            }
            nets.push(Self {
                #[cfg(any(target_os = "linux", target_os = "android"))]
                alarm: Alarm::new(poll.registry(), ALARM).ok(),
                poll,
                events: Events::with_capacity(EVENTS),
                spare: listener.as_ref().and_then(|_| spare()),
                listener,
                inbox,
                peers: Arc::clone(&peers),
                index,
            });
        }
        Ok((nets, outboxes))
    }
}

impl<T> Net for MioNet<T> {
    type Stream = Stream;
    type Command = T;

    const SHORT_MEANS_BLOCKED: bool = cfg!(any(target_os = "linux", target_os = "android"));

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&mut self) -> u64 {
        rand::random()
    }

    fn poll(
        &mut self,
        events: &mut Vec<Readiness>,
        timeout: Option<Duration>,
        now: Instant,
    ) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let timeout = match (&mut self.alarm, timeout) {
            (Some(alarm), Some(wait)) if !wait.is_zero() => alarm.timeout(wait, now),
            _ => timeout,
        };
        // The turn has taken time since it began.
        let timeout = timeout.map(|wait| match wait {
            Duration::ZERO => wait,
            _ => (now + wait).saturating_duration_since(Instant::now()),
        });
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            events.push(match event.token() {
                LISTENER => Readiness::Accept,
                // It has ended the wait, which is all that it is for.
                ALARM => continue,
                COMMANDS => {
                    self.inbox.handle_wake();
                    Readiness::Commands
                }
                Token(slot) => {
                    let ended = event.is_error() || event.is_read_closed();
                    Readiness::Connection {
                        slot: u32::try_from(slot).unwrap_or(u32::MAX),
                        readable: event.is_readable() || ended,
                        writable: event.is_writable(),
                        read_closed: ended || event.is_priority(),
                        hung_up: event.is_error()
                            || (event.is_read_closed() && event.is_write_closed()),
                    }
                }
            });
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<(Stream, PeerAddress)> {
        let Some(listener) = &self.listener else {
            return Err(ErrorKind::WouldBlock.into());
        };
        match listener {
            MioListener::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                listener::configure_accepted(&stream);
                Ok((Stream::Tcp(stream), PeerAddress::tcp(address)))
            }
            #[cfg(unix)]
            MioListener::Unix(listener, _) => {
                let (stream, _) = listener.accept()?;
                Ok((Stream::Unix(stream), PeerAddress::Unix))
            }
        }
    }

    fn refuse_with_spare(&mut self, answer: &[u8]) -> io::Result<()> {
        self.spare = None;
        let result = self.accept().and_then(|(mut stream, _)| {
            stream.write(answer)?;
            stream.shutdown()
        });
        self.spare = spare();
        result
    }

    fn place(&mut self, stream: Stream, peer: PeerAddress) -> Option<Stream> {
        let loads = &self.peers.loads;
        let load = |index: usize| loads[index].load(Ordering::Relaxed);
        // The own loop first: it is taken among equals, at no hop.
        let others = (0..loads.len()).filter(|&index| index != self.index);
        let target = std::iter::once(self.index)
            .chain(others)
            .min_by_key(|&index| load(index))
            .unwrap_or(self.index);
        if target != self.index {
            loads[target].fetch_add(1, Ordering::Relaxed);
            match self.peers.outboxes[target].post(Command::Adopt(stream, peer)) {
                Ok(()) => return None,
                Err(Command::Adopt(stream, _)) => {
                    loads[target].fetch_sub(1, Ordering::Relaxed);
                    loads[self.index].fetch_add(1, Ordering::Relaxed);
                    return Some(stream);
                }
                Err(Command::Handler(_) | Command::Stop(_)) => return None,
            }
        }
        loads[self.index].fetch_add(1, Ordering::Relaxed);
        Some(stream)
    }

    fn stop_accepting(&mut self) {
        self.listener = None;
    }

    fn register(&mut self, stream: &mut Stream, slot: u32) -> io::Result<()> {
        self.poll
            .registry()
            .register(stream.source(), Token(slot as usize), INPUT)
    }

    fn watch_output(&mut self, stream: &mut Stream, slot: u32) -> io::Result<()> {
        let interest = INPUT | Interest::WRITABLE;
        self.poll
            .registry()
            .reregister(stream.source(), Token(slot as usize), interest)
    }

    fn recv(&mut self, stream: &mut Stream, buffer: &mut [u8]) -> io::Result<usize> {
        match stream {
            Stream::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    #[cold]
    fn recv_vectored(
        &mut self,
        stream: &mut Stream,
        first: &mut [u8],
        second: &mut [u8],
    ) -> io::Result<usize> {
        let parts = &mut [IoSliceMut::new(first), IoSliceMut::new(second)];
        match stream {
            Stream::Tcp(stream) => stream.read_vectored(parts),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read_vectored(parts),
        }
    }

    fn send(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        stream.write(bytes)
    }

    /// Elsewhere one part at a time: the flag that keeps SIGPIPE away has no name there.
    #[cfg(any(target_os = "linux", target_os = "android", windows))]
    #[cold]
    fn send_vectored(&mut self, stream: &mut Stream, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        stream.write_parts(parts)
    }

    fn shutdown_output(&mut self, stream: &mut Stream) -> io::Result<()> {
        stream.shutdown()
    }

    fn close(&mut self, mut stream: Stream) {
        self.peers.loads[self.index].fetch_sub(1, Ordering::Relaxed);
        // Not all that are closed were registered.
        let _ = self.poll.registry().deregister(stream.source());
    }

    fn take_command(&mut self) -> Option<Command<Stream, T>> {
        self.inbox.take()
    }

    fn waiting_commands(&self) -> usize {
        self.inbox.len()
    }
}

/// Opens something cheap that holds a descriptor.
fn spare() -> Option<Socket> {
    Socket::new(Domain::IPV4, Type::DGRAM, None).ok()
}

/// MSG_NOSIGNAL, which is this number on every processor that Linux runs on.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_SIGNAL: i32 = 0x4000;
/// Windows has no signals.
#[cfg(windows)]
const NO_SIGNAL: i32 = 0;
/// Urgent data ends a read before it, and is told only if it is asked for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const INPUT: Interest = Interest::READABLE.add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INPUT: Interest = Interest::READABLE;
const LISTENER: Token = Token(usize::MAX);
const COMMANDS: Token = Token(usize::MAX - 1);
const ALARM: Token = Token(usize::MAX - 2);
const EVENTS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    /// The soonest end of five waits of `WAIT` each, in turns that have taken as long.
    fn soonest(net: &mut MioNet<()>) -> Duration {
        let waits = (0..5).map(|_| {
            let now = Instant::now();
            net.poll(&mut Vec::new(), Some(WAIT), now - WAIT).unwrap();
            now.elapsed()
        });
        waits.min().unwrap()
    }

    #[test]
    fn a_short_wait_counts_from_where_the_turn_began() {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = listener::listen(address, &Config::default()).unwrap();
        let (mut nets, _outboxes) = MioNet::group(Listener::Tcp(listener), 1).unwrap();
        let lasts = soonest(&mut nets[0]);
        assert!(lasts < WAIT, "{lasts:?}");
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            nets[0].alarm = None;
            let lasts = soonest(&mut nets[0]);
            assert!(lasts < WAIT, "{lasts:?} without an alarm");
        }
    }

    /// Nearer than what an alarm is armed for.
    const WAIT: Duration = Duration::from_millis(15);
}
