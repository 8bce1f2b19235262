//! Close codes and the payload of a Close frame,
//! RFC 6455 [§5.5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1) and
//! [§7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4).

use std::fmt;

use crate::error::ReceiveError;

/// A number that says why a connection ends.
///
/// Any `u16` can be held; [`CloseCode::may_be_sent`] tells which may stand in a Close frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away: a server shuts down, a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the endpoint cannot accept this kind of data.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: reported when a Close frame had no code; never sent.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: reported when the connection ended without a Close frame; never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: a text message was not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message broke a policy of the endpoint.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is larger than the endpoint accepts.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client wanted an extension that the server did not negotiate.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the endpoint met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid answer from its upstream.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: reported when the TLS handshake failed; never sent.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// The code with this number.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// Whether the code may stand in a Close frame: 1000–1003, 1007–1014, 3000–4999.
    ///
    /// 1004 is undefined; 1005, 1006 and 1015 are only ever reported locally.
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

/// What a Close frame says: a code and a reason for people, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 6455 §5.5.1 defines exactly these two parts"
)]
pub struct CloseFrame<'a> {
    /// Why the connection ends.
    pub code: CloseCode,
    /// The reason in words: UTF-8, at most 123 bytes.
    pub reason: &'a str,
}

/// The longest reason that fits into a Close frame beside its code.
pub const MAX_REASON_BYTES: usize = 123;

impl<'a> CloseFrame<'a> {
    /// A Close with this code and no reason.
    pub const fn new(code: CloseCode) -> Self {
        Self { code, reason: "" }
    }

    /// Reads the payload of a received Close frame; an empty one is `None`.
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Option<Self>, ReceiveError> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(ReceiveError::ClosePayloadOfOneByte),
            [high, low, reason @ ..] => (CloseCode(u16::from_be_bytes([*high, *low])), reason),
        };
        if !code.may_be_sent() {
            return Err(ReceiveError::InvalidCloseCode(code));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| ReceiveError::InvalidCloseReason)?;
        Ok(Some(Self { code, reason }))
    }
}

/// Shortens `reason` to what a Close frame can carry, at a character's border.
pub(crate) fn shorten_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §7.4.1, §7.4.2, R-20: over all 65,536 numbers.
    #[test]
    fn exactly_the_codes_of_the_registry_and_private_use_may_be_sent() {
        let allowed: Vec<u16> = (0..=u16::MAX)
            .filter(|&c| CloseCode::new(c).may_be_sent())
            .collect();
        let expected: Vec<u16> = (1000..=1003)
            .chain(1007..=1014)
            .chain(3000..=4999)
            .collect();
        let (found, wanted) = (allowed.len(), expected.len());
        assert!(
            allowed == expected,
            "{found} codes of 65,536 may be sent, {wanted} should; the first other one is {:?}",
            (0..=u16::MAX).find(|code| allowed.contains(code) != expected.contains(code))
        );
    }

    /// §5.5.1
    #[test]
    fn parses_code_and_reason() {
        assert_eq!(CloseFrame::parse(b""), Ok(None));
        assert_eq!(
            CloseFrame::parse(b"\x03"),
            Err(ReceiveError::ClosePayloadOfOneByte)
        );
        let bye = CloseFrame {
            code: CloseCode::GOING_AWAY,
            reason: "bye",
        };
        assert_eq!(CloseFrame::parse(b"\x03\xe9bye"), Ok(Some(bye)));
        assert_eq!(
            CloseFrame::parse(b"\x03\xed"),
            Err(ReceiveError::InvalidCloseCode(CloseCode::NO_STATUS))
        );
        assert_eq!(
            CloseFrame::parse(b"\x03\xe8\xff"),
            Err(ReceiveError::InvalidCloseReason)
        );
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let long = "ж".repeat(100);
        assert_eq!(shorten_reason(&long).len(), 122);
        assert_eq!(shorten_reason("short"), "short");
    }
}
