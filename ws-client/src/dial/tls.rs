//! The TLS handshake over a wire, within the deadline of the dial.

use std::io;
use std::sync::Arc;

use ws_core::tls::Tls;

use crate::deadline::Deadline;
use crate::error::Cause;
use crate::net::Net;
use crate::wire::{Filled, Wire, is_cut_off, tls_error};

/// Encrypts `wire` with `tls`; returns once the peer has shown that it is the right one.
pub(crate) fn establish<N: Net>(
    wire: &mut Wire<N>,
    tls: Tls,
    deadline: Deadline,
) -> Result<(), Cause> {
    wire.push_tls(tls);
    let mut write_error = None;
    while wire.is_handshaking() {
        // A peer may refuse and close before it has read everything: its alert says more than our failed write.
        let sent = match wire.send_some() {
            Ok(sent) => sent,
            Err(error) => {
                wire.discard_output();
                write_error = Some(error);
                false
            }
        };
        match wire.fill() {
            Ok(Filled::End) => return Err(Cause::TlsEnded),
            Ok(filled) if sent || filled == Filled::Some => {
                if deadline.has_passed(wire.net.now()) {
                    return Err(timeout());
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => return Err(into_cause(error)),
        }
        if let Some(error) = write_error {
            return Err(into_cause(error));
        }
        if deadline.has_passed(wire.net.now()) {
            return Err(timeout());
        }
        wire.wait(deadline).map_err(into_cause)?;
    }
    Ok(())
}

fn into_cause(error: io::Error) -> Cause {
    match tls_error(&error) {
        Some(tls) => Cause::Tls(tls.clone()),
        None if is_cut_off(&error) => Cause::TlsEnded,
        None => Cause::TlsIo(Arc::new(error)),
    }
}

fn timeout() -> Cause {
    Cause::Timeout(String::from("the TLS handshake was not complete"))
}

#[cfg(test)]
mod tests;
