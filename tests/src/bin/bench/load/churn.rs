//! Connections that come, say one thing and go.

use std::{
    io::{self, Read as _, Write as _},
    time::{Duration, Instant},
};

use ws_tests::bench::traffic::{Kind, Traffic, encode};

use super::{PATIENCE, shake_hands};

/// Opens connections one after the other for this long, each with one echo and the closing handshake; how many.
pub(crate) fn churn(port: u16, time: Duration) -> io::Result<u64> {
    let traffic = Traffic::new(Kind::Binary, 125, 1);
    let mut close = Vec::new();
    encode(0x88, &1000_u16.to_be_bytes(), Some(*b"mask"), &mut close);
    let mut answer = vec![0; traffic.echoes.bytes().len()];
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        let mut stream = shake_hands(port)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(traffic.requests.bytes())?;
        stream.read_exact(&mut answer)?;
        if answer != traffic.echoes.bytes() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the echo differs",
            ));
        }
        stream.write_all(&close)?;
        // Its Close, if it sends one, and the end of the stream, which the server's side brings first (RFC 6455 §7.1.1).
        match stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error),
        }
        count += 1;
    }
    Ok(count)
}
