//! A Unix socket instead of TCP: nothing is looked up, and there is one place to connect to.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mio::net::UnixStream;

use crate::deadline::Deadline;
use crate::error::{Cause, Stage};
use crate::net::now;
use crate::net::stream::Stream;
use crate::net::tcp::{Poller, TcpNet};

/// How often a listener whose backlog is full is asked again: no event tells of room in it.
const AGAIN: Duration = Duration::from_millis(10);

/// Connects to the socket at `path`.
pub(super) fn connect(
    mut poller: Poller,
    path: &Path,
    deadline: Deadline,
) -> Result<TcpNet, (Stage, Cause)> {
    let failed = |error: io::Error| {
        let cause = Cause::UnixSocket(path.to_owned(), Arc::new(error));
        (Stage::Connect, cause)
    };
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => {
                return TcpNet::begin(poller, Stream::Unix(stream), None).map_err(failed);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let now = now();
                if deadline.has_passed(now) {
                    let text = format!("{} takes no connection", path.display());
                    return Err((Stage::Connect, Cause::Timeout(text)));
                }
                let again = deadline.earlier(Deadline::after(now, AGAIN));
                poller.wait(again.remaining(now)).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
}
