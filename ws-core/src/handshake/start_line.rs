//! First lines: the forms of a request target, and what is wrong with a line that does not parse.

use super::error::HeadError;
use super::write::is_target;

/// Returns where the path begins in a target of origin form, absolute form or (for `OPTIONS`) asterisk form.
///
/// RFC 9112 §3.2
pub(crate) fn path_start(method: &str, target: &str) -> Option<usize> {
    if !is_target(target) {
        return None;
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Some(0);
    }
    let (scheme, rest) = target.split_once("://")?;
    if !["http", "https", "ws", "wss"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return None;
    }
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(target.len() - rest.len() + authority)
}

/// Tells an unknown HTTP version from a line that is no request line.
pub(crate) fn classify(error: httparse::Error, head: &[u8]) -> HeadError {
    match error {
        httparse::Error::HeaderName => HeadError::InvalidHeaderName,
        httparse::Error::HeaderValue => HeadError::ControlCharacter,
        httparse::Error::Version => {
            let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
            let is_version = |part: &[u8]| {
                part.strip_prefix(b"HTTP/")
                    .is_some_and(|version| match version {
                        // Spoken here, so it is something else that is wrong.
                        b"1.1" => false,
                        [major] => major.is_ascii_digit(),
                        [major, b'.', minor] => major.is_ascii_digit() && minor.is_ascii_digit(),
                        _ => false,
                    })
            };
            let mut parts = line.split(|&byte| byte == b' ');
            if parts.clone().next().is_some_and(is_version)
                || parts.next_back().is_some_and(is_version)
            {
                HeadError::UnsupportedVersion
            } else {
                HeadError::InvalidStartLine
            }
        }
        _ => HeadError::InvalidStartLine,
    }
}
