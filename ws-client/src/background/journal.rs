//! The event log of a background client: what happened to its connection, with the local time.
//!
//! Invariant: no payload and no secret of the request gets in, also if the peer repeats one.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::time::Instant;

use ws_core::{EventLog, LogFile, LoggingSettings, OpenLogFile};

use super::config::{BackgroundConfig, OnFull};
use super::sync::Mutex;
use crate::error::Span;
use crate::request::ConnectRequest;
use crate::secret::Secrets;

/// A log that several threads read and the worker writes.
pub(super) struct Journal {
    log: Mutex<EventLog>,
    secrets: Secrets,
}

impl Journal {
    pub(super) fn new(settings: &LoggingSettings, secrets: Secrets) -> Self {
        Self {
            log: Mutex::new(settings.event_log(open_file)),
            secrets,
        }
    }

    /// Writes an event down.
    pub(super) fn note(&self, event: &str) {
        let event = self.secrets.hide(event);
        self.log.lock().record(&local_time(), &event);
    }

    /// Writes an event of a kind down that may come very often.
    pub(super) fn note_limited(&self, now: Instant, kind: &'static str, event: &str) {
        let event = self.secrets.hide(event);
        let mut log = self.log.lock();
        log.record_limited(now, kind, &local_time(), &event);
    }

    /// The newest lines, oldest first, and how many there are; `None` if none are kept.
    pub(super) fn lines(&self, count: usize) -> Option<(Vec<String>, usize)> {
        let log = self.log.lock();
        let lines = log.lines(count).map(String::from).collect();
        log.keeps_lines().then(|| (lines, log.len()))
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not derived: it knows the secrets.
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// The configuration in force; of headers and subprotocols no more than is not secret.
pub(super) fn describe(request: &ConnectRequest, background: &BackgroundConfig) -> String {
    let config = &request.config;
    let keepalive = match config.keepalive.interval {
        Some(interval) => format!(
            "ping after {} and wait {}",
            Span(interval),
            Span(config.keepalive.timeout)
        ),
        None => String::from("no pings"),
    };
    let when_full = match background.on_full {
        OnFull::Pause => "pause",
        OnFull::Close => "close 1008",
    };
    let reconnect = match &background.reconnect {
        Some(reconnect) => format!(
            "reconnect after at most {} to {}, {} repeated messages",
            Span(reconnect.first_delay),
            Span(reconnect.max_delay),
            reconnect.repeated.len()
        ),
        None => String::from("no reconnect"),
    };
    format!(
        "connecting to {}: connect timeout {}, close timeout {}, messages of at most {} bytes, \
         receive queue {} messages or {} bytes then {when_full}, send queue {} bytes, {keepalive}, \
         {reconnect}, {}, {}, {}, {} subprotocols, headers [{}]",
        request.address(),
        Span(config.connect_timeout),
        Span(config.close_timeout),
        config.limits.max_message_bytes,
        config.max_queued_messages,
        config.max_queued_bytes,
        background.max_send_queue_bytes,
        request.describe_tls(),
        request.describe_proxy(),
        request.describe_compression(),
        request.subprotocol_count(),
        request.header_names().collect::<Vec<_>>().join(", "),
    )
}

fn local_time() -> impl fmt::Display {
    chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.3f")
}

fn open_file(path: PathBuf) -> OpenLogFile {
    let old = LoggingSettings::old_file_path(&path);
    Box::new(move |put_aside| {
        if put_aside {
            fs::rename(&path, &old)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(LogFile {
            writer: Box::new(file),
            length,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_would_grow_too_large_is_put_aside_and_one_old_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        let old = folder.path().join("events.log.old");
        let full = vec![b'x'; usize::try_from(EventLog::MAX_FILE_BYTES).unwrap()];
        fs::write(&path, &full).unwrap();
        fs::write(&old, "older").unwrap();
        let settings = LoggingSettings::off().file_path(&path);
        let journal = Journal::new(&settings, Secrets::default());
        journal.note("fresh");
        journal.note("and more");
        let log = fs::read_to_string(&path).unwrap();
        assert!(
            log.contains("] fresh\n[") && log.ends_with("] and more\n"),
            "{log}"
        );
        assert_eq!(fs::read(&old).unwrap().len(), full.len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(journal.lines(9), None);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_noted_once_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A folder is no file.
        let settings = LoggingSettings::default().file_path(folder.path());
        let journal = Journal::new(&settings, Secrets::default());
        journal.note("one");
        journal.note("two");
        let (lines, total) = journal.lines(9).unwrap();
        assert_eq!(total, 3, "{lines:?}");
        assert!(lines[0].contains("log file cannot be written"), "{lines:?}");
    }
}
