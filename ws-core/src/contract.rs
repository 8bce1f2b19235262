//! What client and server share of the method contract: its error words, its rule for timeouts, and its log.
//!
//! The functions themselves are `ws_client::contract` and `ws_server::contract`.

use std::{error, fmt, time::Duration};

use crate::{event_log::EventLog, logging::LoggingSettings};

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

/// GetLoggingSettings: where the event log of a client or a server goes.
///
/// `None` as `max_events` is 300; an empty `file_path` is no file. The fields of the contract are `mode`
/// ([`LoggingSettings::mode`], absent when it is `None`), `max_entries` (only with memory) and `file_path` (only with a
/// file).
///
/// # Examples
///
/// ```
/// use ws_core::contract::get_logging_settings;
///
/// let settings = get_logging_settings(true, None, "");
/// assert_eq!(settings.mode().map(|mode| mode.as_str()), Some("memory"));
/// assert_eq!((settings.max_entries, settings.file_path), (300, None));
/// ```
pub fn get_logging_settings(
    write_to_memory: bool,
    max_events: Option<usize>,
    file_path: &str,
) -> LoggingSettings {
    LoggingSettings::default()
        .memory(write_to_memory)
        .max_entries(max_events.unwrap_or(EventLog::DEFAULT_MAX_ENTRIES))
        .file_path(file_path)
}

/// What GetLog gives: the newest lines of an event log.
///
/// `Display` writes them one below the other, as with `AsString`. The fields of the contract are `logs`
/// ([`LogLines::lines`]), `returned` (their number) and `total`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLines {
    /// The lines asked for, oldest first.
    pub lines: Vec<String>,
    /// How many lines are kept.
    pub total: usize,
}

impl LogLines {
    /// Takes up the newest lines, oldest first, and how many are kept.
    pub fn new(lines: Vec<String>, total: usize) -> Self {
        Self { lines, total }
    }
}

impl fmt::Display for LogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// Why GetLog has nothing to give: the log is not kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOff;

impl LogOff {
    /// The error.
    pub const fn new() -> Self {
        Self
    }

    /// Returns the word of the method contract for this error.
    pub const fn error_code(self) -> &'static str {
        "usage"
    }
}

impl Default for LogOff {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for LogOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the event log is not kept in memory: give the result of GetLoggingSettings as Logging \
             to CreateConnection or StartServer",
        )
    }
}

impl error::Error for LogOff {}

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
