//! Connections that end as they should not.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    time::Duration,
};

use socket2::SockRef;
use ws_tests::raw::{RawConnection, Shared};

/// Longer than what sockets hold on both sides.
const LONG: usize = 200_000;

/// A connection that is used once and then cut off in the middle of a message, in one of three ways.
pub(crate) fn run(url: &str, number: u64) -> io::Result<()> {
    let mut shared = Shared::default();
    let mut connection = RawConnection::open(url)?;
    connection.echo("a message before the fault", &mut shared)?;
    let long = "x".repeat(LONG);
    let frames = connection.frames(&[&long, &long], &mut shared)?;
    let transport = connection.transport();
    match number % 3 {
        // In the middle of the first message.
        0 => transport.write_all(&frames[..LONG / 2])?,
        // In the middle of the second, while the echo of the first waits to be read.
        1 => transport.write_all(&frames[..LONG + LONG / 2])?,
        // Without a reset: the end of the stream, with TLS without close_notify.
        _ => {
            transport.write_all(&frames[..LONG / 2])?;
            transport.socket().shutdown(Shutdown::Write)?;
            let mut left = Vec::new();
            // The server may answer with a Close or a reset; all that counts is that it ends.
            let _ = transport.socket().read_to_end(&mut left);
            return Ok(());
        }
    }
    // With nothing to linger for, closing is a reset.
    SockRef::from(&*transport.socket()).set_linger(Some(Duration::ZERO))
}
