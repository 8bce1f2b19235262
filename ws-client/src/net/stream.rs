//! A connection's socket, whichever kind it is.
#![expect(
    clippy::disallowed_types,
    reason = "this module is the door to the socket"
)]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use socket2::{SockRef, TcpKeepalive};

/// TCP, or a Unix socket where there are some.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
        }
    }

    /// The same connection as a socket that no poll has seen: on Windows one stays with its first poll.
    #[cfg(windows)]
    pub(crate) fn for_another_poll(self) -> io::Result<Self> {
        let Self::Tcp(stream) = self;
        let socket = SockRef::from(&stream).try_clone()?;
        Ok(Self::Tcp(TcpStream::from_std(socket.into())))
    }

    #[cfg(not(windows))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(crate) fn for_another_poll(self) -> io::Result<Self> {
        Ok(self)
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// This side's IP address and port; a Unix socket has none.
    pub(crate) fn local_address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(stream) => stream.local_addr().map(Some),
            #[cfg(unix)]
            Self::Unix(_) => Ok(None),
        }
    }

    /// Sends at once, and lets the system find a dead peer where WebSocket pings are off or no call runs.
    pub(crate) fn tune(&self) -> io::Result<()> {
        let stream = match self {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(_) => return Ok(()),
        };
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(TCP_KEEPALIVE)
            .with_interval(TCP_KEEPALIVE_INTERVAL);
        if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keepalive) {
            log::debug!("no TCP keepalive: {error}");
        }
        Ok(())
    }
}

/// Silence before the system probes the peer.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Time between its probes.
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
