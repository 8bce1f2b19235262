//! What client and server share of the method contract: its error words and its rule for timeouts.

use std::time::Duration;

/// The words that `errorCode` may be. They never change; texts may.
pub const ERROR_CODES: [&str; 19] = [
    "usage",
    "not_an_object",
    "resolve",
    "refused",
    "unreachable",
    "timeout",
    "proxy",
    "proxy_auth",
    "tls",
    "certificate",
    "handshake",
    "protocol",
    "too_big",
    "queue_full",
    "closed",
    "not_found",
    "not_started",
    "port_in_use",
    "internal",
];

/// Returns the time to wait for a timeout of `millis` milliseconds.
///
/// 0 does not wait; negative or `None` is `default`; above 2,147,483,647 is 2,147,483,647.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ws_core::contract::timeout;
///
/// let default = Duration::from_secs(10);
/// assert_eq!(timeout(Some(0), default), Duration::ZERO);
/// assert_eq!(timeout(Some(-1), default), default);
/// assert_eq!(timeout(None, default), default);
/// assert_eq!(timeout(Some(i64::MAX), default), Duration::from_millis(2_147_483_647));
/// ```
pub fn timeout(millis: Option<i64>, default: Duration) -> Duration {
    match millis.map(u64::try_from) {
        Some(Ok(millis)) => Duration::from_millis(millis.min(MAX_MILLIS)),
        Some(Err(_)) | None => default,
    }
}

/// Returns the number of log lines asked for: negative or `None` is 100, 0 is all.
pub fn log_count(count: Option<i64>) -> usize {
    match count {
        Some(0) => usize::MAX,
        Some(count) => usize::try_from(count).unwrap_or(DEFAULT_LOG_LINES),
        None => DEFAULT_LOG_LINES,
    }
}

const MAX_MILLIS: u64 = 2_147_483_647;
const DEFAULT_LOG_LINES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_lines_is_a_number_all_or_the_default() {
        let counts = [None, Some(-5), Some(0), Some(1), Some(301)].map(log_count);
        assert_eq!(counts, [100, 100, usize::MAX, 1, 301]);
    }

    #[test]
    fn each_word_is_there_once() {
        let mut words = ERROR_CODES.to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ERROR_CODES.len());
    }
}
