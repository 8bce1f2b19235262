//! A tunnel through an HTTP proxy: `CONNECT` and its answer (RFC 9110 §9.3.6), over a wire.
//!
//! Invariant: the answer is read incrementally and by its whole status; bytes behind it belong to the tunnel.

use std::io;
use std::sync::Arc;

use ws_core::handshake::{
    HandshakeError, HeadLimits, HeadProgress, HeadReader, HeadWriter, PeerText, Response,
};

use crate::deadline::Deadline;
use crate::error::ProxyAnswer;
use crate::net::Net;
use crate::secret::Secrets;
use crate::wire::{Wire, is_cut_off};

/// What a proxy is asked for.
pub(crate) struct Connect<'a> {
    /// Host and port of the target.
    pub(crate) authority: &'a str,
    /// Value of `Proxy-Authorization`.
    pub(crate) authorization: Option<&'a str>,
    /// Hidden in texts, should the proxy echo them.
    pub(crate) secrets: &'a Secrets,
}

/// Why there is no tunnel.
#[derive(Debug)]
pub(crate) enum Failure {
    Answer(ProxyAnswer),
    Request(HandshakeError),
    Timeout,
}

/// Asks for the tunnel; afterwards `wire` leads to the target.
pub(crate) fn open<N: Net>(
    wire: &mut Wire<N>,
    connect: &Connect<'_>,
    limits: &HeadLimits,
    deadline: Deadline,
) -> Result<(), Failure> {
    connect.encode(wire.output()).map_err(Failure::Request)?;
    let mut reader = HeadReader::new();
    let mut interim = 0;
    let mut buffer = vec![0; READ_BYTES];
    let mut write_error = None;
    loop {
        // A proxy may refuse before it has read everything: its answer counts more than our failed write.
        let sent = match wire.send_some() {
            Ok(sent) => sent,
            Err(error) => {
                wire.discard_output();
                write_error = Some(error);
                false
            }
        };
        let mut input = match wire.receive_some(&mut buffer) {
            Ok(Some(0)) => return Err(Failure::Answer(ProxyAnswer::Ended)),
            Ok(Some(count)) => &buffer[..count],
            Ok(None) => &[],
            Err(error) => return Err(lost(error)),
        };
        let received = !input.is_empty();
        while let Some(response) = take_head(&mut reader, &mut input, limits)? {
            match response.status() {
                200..=299 if wire.unsent_bytes() > 0 => return Err(not_a_proxy()),
                200..=299 => {
                    wire.give_back(input);
                    return Ok(());
                }
                100..=199 if interim < MAX_INTERIM => interim += 1,
                _ => return Err(Failure::Answer(connect.refusal(&response))),
            }
        }
        if let Some(error) = write_error.take_if(|_| !received) {
            return Err(lost(error));
        }
        if deadline.has_passed(wire.net.now()) {
            return Err(Failure::Timeout);
        }
        if !sent && !received {
            wire.wait(deadline).map_err(lost)?;
        }
    }
}

impl Connect<'_> {
    fn encode(&self, output: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let mut head = HeadWriter::request("CONNECT", self.authority, output)?;
        head.header("Host", self.authority)?;
        if let Some(authorization) = self.authorization {
            head.header("Proxy-Authorization", authorization)?;
        }
        head.finish();
        Ok(())
    }

    fn refusal(&self, response: &Response) -> ProxyAnswer {
        let status = response.status();
        // Some say 401: the target has not been asked yet, so it is the proxy's login all the same.
        if matches!(status, 401 | 407) {
            return self.login_refusal(response);
        }
        let mut text = status.to_string();
        if !response.reason().is_empty() {
            let reason = self.secrets.hide(response.reason());
            text.push_str(&format!(" {}", PeerText::new(&reason)));
        }
        ProxyAnswer::Status(status, text)
    }

    fn login_refusal(&self, response: &Response) -> ProxyAnswer {
        let offers = response
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"));
        let schemes: Vec<String> = offers
            .filter_map(|(_, value)| value.split([' ', ',']).next())
            .filter(|scheme| !scheme.is_empty())
            .map(|scheme| PeerText::new(scheme).max_chars(32).to_string())
            .collect();
        let has_basic = schemes.iter().any(|s| s.eq_ignore_ascii_case("basic"));
        if !has_basic && !schemes.is_empty() {
            ProxyAnswer::LoginUnsupported(self.secrets.hide(&schemes.join(", ")))
        } else if self.authorization.is_some() {
            ProxyAnswer::LoginRefused
        } else {
            ProxyAnswer::LoginWanted
        }
    }
}

/// Takes one head from `input` once it is whole; the rest stays.
fn take_head(
    reader: &mut HeadReader,
    input: &mut &[u8],
    limits: &HeadLimits,
) -> Result<Option<Response>, Failure> {
    if input.is_empty() {
        return Ok(None);
    }
    let progress = reader.receive(input, limits);
    let begins_as_http = reader.bytes().iter().zip(b"HTTP/1.").all(|(a, b)| a == b);
    match progress {
        Ok(HeadProgress::NeedMore) if begins_as_http => {
            *input = &[];
            Ok(None)
        }
        Ok(HeadProgress::Complete { consumed }) if begins_as_http => {
            *input = &input[consumed..];
            let response = Response::parse(reader).map_err(|_| not_a_proxy())?;
            reader.clear();
            Ok(Some(response))
        }
        _ => Err(not_a_proxy()),
    }
}

fn lost(error: io::Error) -> Failure {
    Failure::Answer(if is_cut_off(&error) {
        ProxyAnswer::Ended
    } else {
        ProxyAnswer::Lost(Arc::new(error))
    })
}

fn not_a_proxy() -> Failure {
    Failure::Answer(ProxyAnswer::NotAProxy("an HTTP proxy"))
}

const READ_BYTES: usize = 4096;
/// The most informational answers (1xx) before the real one.
const MAX_INTERIM: u32 = 8;

#[cfg(test)]
mod tests;
