//! What a server under load has to do: `serve MODE [CHAIN KEY]` prints its port and serves until its standard input ends.
//!
//! Every server sets `TCP_NODELAY`, accepts up to [`BACKLOG`] connections at once, and has one thread (but where the
//! mode says otherwise).

use std::{
    io::{self, Read as _},
    net::{Ipv4Addr, TcpListener},
    process, thread,
};

use socket2::{Domain, Socket, Type};

/// What the server does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a peer answers to all of them")]
pub enum Mode {
    /// Sends it back.
    Echo,
    /// Sends it to every connection, the sender's as well.
    Broadcast,
    /// Sends it back, over TLS.
    Tls,
    /// Sends it back compressed, without taking contexts over, whatever its length.
    Deflate,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Broadcast, Self::Tls, Self::Deflate];

    /// Its word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Tls => "tls",
            Self::Deflate => "deflate",
        }
    }

    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// Connections that the system completes while a server is busy.
pub const BACKLOG: i32 = 4096;

/// Listens on a free port of the loopback address and prints it; the process ends with its standard input.
///
/// # Errors
/// What the system says.
pub fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    announce(listener.local_addr()?.port());
    thread::spawn(end_with_stdin);
    Ok(listener)
}

/// Prints the port.
#[expect(
    clippy::print_stdout,
    reason = "whoever started the server waits for it"
)]
pub fn announce(port: u16) {
    println!("{port}");
}

/// Waits for the end of standard input and ends the process.
pub fn end_with_stdin() {
    let _ = io::stdin().read_to_end(&mut Vec::new());
    process::exit(0);
}
