//! The event log of a server: what happened to it and its connections, with the local time.
//!
//! Invariant: no payload, query, header or other secret gets in, and nothing is formatted while the log is off.

use std::{
    fmt,
    fs::{self, OpenOptions},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ws_core::{EventLog, LogFile, LoggingSettings, OpenLogFile};

use crate::{config::Config, connection_id::ConnectionId, error::SendError};

/// The event log of a server, to be read from any thread, also after the server has stopped.
#[derive(Clone)]
pub struct ServerLog(Arc<Journal>);

impl ServerLog {
    pub(crate) fn new(settings: &LoggingSettings) -> Self {
        Self(Arc::new(Journal::new(settings)))
    }

    pub(crate) fn journal(&self) -> Arc<Journal> {
        Arc::clone(&self.0)
    }

    /// Returns the newest `count` lines, oldest first, and how many are kept; `None` if none are kept at all
    /// ([`Config::logging`]).
    pub fn lines(&self, count: usize) -> Option<(Vec<String>, usize)> {
        let log = self.0.log.as_ref().filter(|_| self.0.in_memory)?.lock();
        Some((log.lines(count).map(String::from).collect(), log.len()))
    }
}

impl fmt::Debug for ServerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLog").finish_non_exhaustive()
    }
}

/// What the loops write to.
pub(crate) struct Journal {
    /// None if the log is off.
    log: Option<Mutex<EventLog>>,
    in_memory: bool,
}

impl Journal {
    pub(crate) fn new(settings: &LoggingSettings) -> Self {
        let log = settings.event_log(open_file);
        Self {
            log: log.is_on().then(|| Mutex::new(log)),
            in_memory: settings.memory && settings.max_entries > 0,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.log.is_some()
    }

    /// Writes an event down.
    pub(crate) fn note(&self, event: fmt::Arguments<'_>) {
        if let Some(log) = &self.log {
            log.lock().record(&local_time(), &event.to_string());
        }
    }

    /// Writes an event down that peers can cause at will; of each kind only so many a second.
    pub(crate) fn note_limited(&self, now: Instant, kind: &'static str, event: fmt::Arguments<'_>) {
        if let Some(log) = &self.log {
            let mut log = log.lock();
            log.record_limited(now, kind, &local_time(), &event.to_string());
        }
    }

    /// Writes down that a message was not taken for sending.
    pub(crate) fn note_refused(&self, now: Instant, id: ConnectionId, error: &SendError) {
        self.note_limited(
            now,
            "messages refused",
            format_args!("connection {id}: {error}"),
        );
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new(&LoggingSettings::off())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// The configuration in force, without a secret.
pub(crate) struct InForce<'c>(pub(crate) &'c Config);

impl fmt::Display for InForce<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.0;
        write!(
            f,
            "{}, {} connections on {} loops, messages of at most {} bytes, send queue {} bytes, memory {} bytes, \
             opening handshake {}, closing handshake {}, write stall {}, idle {}",
            if config.tls.is_some() {
                "TLS"
            } else {
                "no TLS"
            },
            config.max_connections,
            config.workers,
            config.limits.max_message_bytes,
            config.send_queue_bytes,
            config.memory_bytes,
            Span(Some(config.handshake_timeout)),
            Span(Some(config.close_timeout)),
            Span(Some(config.write_stall_timeout)),
            Span(config.idle_timeout),
        )?;
        match config.keepalive.interval {
            None => f.write_str(", no pings")?,
            Some(interval) => write!(
                f,
                ", ping after {} and wait {}",
                Span(Some(interval)),
                Span(Some(config.keepalive.timeout))
            )?,
        }
        match &config.compression {
            None => f.write_str(", no compression")?,
            Some(deflate) => write!(
                f,
                ", compression of {} bytes and more at level {}, own context {}, the peer's {}, windows {} and {}",
                deflate.threshold,
                deflate.level,
                kept(deflate.own_context_takeover),
                kept(deflate.peer_context_takeover),
                deflate.own_window_bits,
                deflate.peer_window_bits
            )?,
        }
        if let Some(paths) = &config.paths {
            write!(f, ", paths {paths:?}")?;
        }
        if !config.subprotocols.is_empty() {
            write!(f, ", subprotocols {:?}", config.subprotocols)?;
        }
        write!(
            f,
            ", origins {:?}, hosts {:?}",
            config.policy.origins, config.policy.hosts
        )?;
        if let Some(auth) = &config.auth {
            write!(f, ", {auth:?}")?;
        }
        if let Some(proxies) = &config.trusted_proxies {
            write!(f, ", trusted proxies: {proxies}")?;
        }
        Ok(())
    }
}

const fn kept(takes_over: bool) -> &'static str {
    if takes_over { "kept" } else { "not kept" }
}

/// A time for the reader, who knows "off" too.
struct Span(Option<Duration>);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("off"),
            Some(time) => write!(f, "{} s", time.as_secs_f64()),
        }
    }
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
    use crate::{Auth, TrustedProxies};

    #[test]
    fn says_the_configuration_in_one_line_without_secrets() {
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        let config = Config::default()
            .auth(Auth::new().user("ada", "canary").token("canary"))
            .trusted_proxies(proxies.proxy_protocol())
            .paths(["/chat"]);
        let text = InForce(&config).to_string();
        assert!(
            text.starts_with("no TLS, 10000 connections on 1 loops"),
            "{text}"
        );
        assert!(
            text.ends_with("trusted proxies: 1 networks, PROXY protocol"),
            "{text}"
        );
        assert!(
            text.contains("users: 1, tokens: 1") && text.contains("/chat"),
            "{text}"
        );
        assert!(!text.contains("canary") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn a_log_that_is_off_formats_nothing() {
        struct Unshowable;
        impl fmt::Display for Unshowable {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("formatted")
            }
        }
        let log = ServerLog::new(&LoggingSettings::off());
        log.journal().note(format_args!("{Unshowable}"));
        assert_eq!(log.lines(5), None);
    }

    #[test]
    fn writes_to_memory_and_to_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        let settings = LoggingSettings::default().file_path(&path).max_entries(1);
        let log = ServerLog::new(&settings);
        for number in 0..2 {
            log.journal().note(format_args!("event {number}"));
        }
        let (lines, kept) = log.lines(100).unwrap();
        assert_eq!((lines.len(), kept), (1, 1));
        assert!(
            lines[0].starts_with("[20") && lines[0].ends_with("] event 1"),
            "{lines:?}"
        );
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
