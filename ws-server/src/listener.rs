//! The listening socket and the options that accepted ones get from it.

#![expect(
    clippy::disallowed_types,
    reason = "sockets are made here and given to net/mio.rs"
)]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::config::Config;

/// A socket that listens, not yet watched.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(crate::unix::UnixSocket),
}

/// Listens at an address; `[::]` is one socket for IPv6 and IPv4, or IPv4 alone where there is no IPv6.
pub(crate) fn listen(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    match listen_at(address, config) {
        Err(error) if is_any_v6(address) && lacks_v6(&error) => {
            let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
            listen_at(v4, config)
        }
        result => result,
    }
}

fn listen_at(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!is_any_v6(address))?;
    }
    #[cfg(windows)]
    if !config.reuse_port {
        check_neighbours(address)?;
    }
    // On Unix it only lets a port be used again at once after a restart; on Windows it would let two listen there.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    configure(&SockRef::from(&socket))?;
    socket.set_nonblocking(true)?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Fails if somebody listens where Windows would let us listen beside them.
///
/// There a wildcard and an address of the same port do not get into each other's way, and clients reach the one or the
/// other. The option against it, `SO_EXCLUSIVEADDRUSE`, can be set by unsafe code only; so what would collide on other
/// systems is bound for a moment.
#[cfg(windows)]
fn check_neighbours(address: SocketAddr) -> io::Result<()> {
    use std::net::Ipv6Addr;

    const WILDCARDS: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ];
    const LOOPBACKS: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let (ip, port) = (address.ip(), address.port());
    if port == 0 {
        return Ok(());
    }
    let neighbours = if ip.is_unspecified() {
        LOOPBACKS
    } else {
        WILDCARDS
    };
    // `[::]` is dual-stack: it meets both, and an IPv4 address meets another server's `[::]`.
    let is_dual = |ip: IpAddr| ip.is_ipv6() && ip.is_unspecified();
    let meets = |other: &IpAddr| other.is_ipv4() == ip.is_ipv4() || is_dual(*other) || is_dual(ip);
    for other in neighbours.into_iter().filter(meets) {
        let other = SocketAddr::new(other, port);
        let probe = Socket::new(
            Domain::for_address(other),
            Type::STREAM,
            Some(Protocol::TCP),
        )
        .and_then(|socket| socket.bind(&other.into()));
        // Anything else, such as a system without IPv6, is for the real socket to find.
        if let Err(error) = probe
            && error.kind() == io::ErrorKind::AddrInUse
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Sends at once, and lets the system find dead peers of connections that are not read (design, "Back-pressure").
fn configure(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15));
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(4);
    socket.set_tcp_keepalive(&keepalive)
}

/// Sets the options of an accepted socket, where it does not have them from the listener.
pub(crate) fn configure_accepted(stream: &mio::net::TcpStream) {
    // Linux hands them down, which saves the calls.
    if cfg!(not(target_os = "linux"))
        && let Err(error) = configure(&SockRef::from(stream))
    {
        log::debug!("an option of an accepted socket was refused: {error}");
    }
}

fn is_any_v6(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified())
}

/// Tells whether the error is that this system has no IPv6.
fn lacks_v6(error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own; making the socket fails with it, or binding with "not available".
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        || error
            .raw_os_error()
            .is_some_and(|code| AF_NOT_SUPPORTED.contains(&code))
}

/// EAFNOSUPPORT of Linux, of the BSDs and macOS, and of Windows.
const AF_NOT_SUPPORTED: [i32; 3] = [97, 47, 10047];

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "the test connects to the listener")]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn accepted_sockets_send_at_once_and_find_dead_peers() {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = listen(address, &Config::default()).unwrap();
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = mio::net::TcpStream::from_std(stream);
        configure_accepted(&stream);
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            let probes = socket.tcp_keepalive_retries().unwrap();
            let lost_after = socket.tcp_keepalive_time().unwrap()
                + socket.tcp_keepalive_interval().unwrap() * probes;
            assert_eq!(
                lost_after,
                Duration::from_secs(120),
                "R-27, if it is not read"
            );
        }
    }

    #[test]
    fn the_ipv6_wildcard_serves_ipv4_too() {
        let listener = listen("[::]:0".parse().unwrap(), &Config::default()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn a_used_port_is_an_error_also_between_wildcard_and_address() {
        let config = Config::default();
        let any = listen("0.0.0.0:0".parse().unwrap(), &config).unwrap();
        let port = any.local_addr().unwrap().port();
        for ip in ["0.0.0.0", "127.0.0.1"] {
            let address = SocketAddr::new(ip.parse().unwrap(), port);
            let error = listen(address, &config).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{address}");
        }
        let one = listen("127.0.0.1:0".parse().unwrap(), &config).unwrap();
        let port = one.local_addr().unwrap().port();
        for ip in ["0.0.0.0", "::", "127.0.0.1"] {
            let address = SocketAddr::new(ip.parse().unwrap(), port);
            let error = listen(address, &config).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{address}");
        }
    }
}
