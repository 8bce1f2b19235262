//! The event log: a bounded ring of lines, and optionally the same lines into a file.
//!
//! The core has neither clock nor files: the caller gives the local time as text, and says how a file
//! is opened. Invariant: an error of the file never stops anything; it is noted in the ring, once.
//! Invariant: one event is one line of at most 1 KiB, whatever a peer put into it.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Write},
    time::{Duration, Instant},
};

use crate::handshake::PeerText;

/// Opens the log file for appending; with `true` the full one is first put aside, in place of an older one.
pub type OpenLogFile = Box<dyn FnMut(bool) -> io::Result<LogFile> + Send>;

/// An open log file and how many bytes it already has.
#[expect(missing_debug_implementations, reason = "a writer has nothing to show")]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct LogFile {
    /// Where the lines go.
    pub writer: Box<dyn Write + Send>,
    /// Its length in bytes when it was opened.
    pub length: u64,
}

/// A log of events.
pub struct EventLog {
    ring: VecDeque<String>,
    max_entries: usize,
    file: Option<File>,
    floods: Vec<Flood>,
}

struct File {
    open: OpenLogFile,
    current: Option<LogFile>,
    has_failed: bool,
}

/// Events of one kind within the current second.
struct Flood {
    kind: &'static str,
    since: Instant,
    count: u32,
    left_out: u64,
}

impl EventLog {
    /// Entries kept in memory unless set otherwise.
    pub const DEFAULT_MAX_ENTRIES: usize = 300;
    /// The longest line in bytes.
    pub const MAX_LINE_BYTES: usize = 1024;
    /// A file is put aside before it grows beyond this many bytes; one old file is kept.
    pub const MAX_FILE_BYTES: u64 = 10 << 20;
    /// Events of a kind that peers can cause at will are written at most this often in a second.
    pub const MAX_REPEATS_PER_SECOND: u32 = 10;

    /// A log that keeps the newest `max_entries` lines in memory; 0 keeps none.
    pub fn new(max_entries: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            max_entries,
            file: None,
            floods: Vec::new(),
        }
    }

    /// Writes the lines into a file, too.
    #[must_use]
    pub fn with_file(mut self, open: OpenLogFile) -> Self {
        self.file = Some(File {
            open,
            current: None,
            has_failed: false,
        });
        self
    }

    /// Whether events go anywhere.
    pub fn is_on(&self) -> bool {
        self.max_entries > 0 || self.file.is_some()
    }

    /// Whether events are kept in memory.
    pub fn keeps_lines(&self) -> bool {
        self.max_entries > 0
    }

    /// Adds an event; `stamp` is the local time, such as `2026-05-02 11:07:56.936`.
    pub fn record(&mut self, stamp: &dyn fmt::Display, event: &str) {
        if self.is_on() {
            self.write(line(stamp, event));
        }
    }

    /// Adds an event of a kind that peers can cause at will, such as a refused handshake.
    ///
    /// Beyond [`EventLog::MAX_REPEATS_PER_SECOND`] events are counted instead; the count is written
    /// with the first event of the kind in a later second.
    pub fn record_limited(
        &mut self,
        now: Instant,
        kind: &'static str,
        stamp: &dyn fmt::Display,
        event: &str,
    ) {
        if !self.is_on() {
            return;
        }
        let index = self
            .floods
            .iter()
            .position(|flood| flood.kind == kind)
            .unwrap_or_else(|| {
                self.floods.push(Flood {
                    kind,
                    since: now,
                    count: 0,
                    left_out: 0,
                });
                self.floods.len() - 1
            });
        let flood = &mut self.floods[index];
        if now.saturating_duration_since(flood.since) >= Duration::from_secs(1) {
            let left_out = std::mem::take(&mut flood.left_out);
            (flood.since, flood.count) = (now, 0);
            if left_out > 0 {
                self.write(line(stamp, &format!("{kind}: repeated {left_out} times")));
            }
        }
        let flood = &mut self.floods[index];
        if flood.count >= Self::MAX_REPEATS_PER_SECOND {
            flood.left_out += 1;
            return;
        }
        flood.count += 1;
        self.write(line(stamp, event));
    }

    /// The newest `count` lines, oldest first.
    pub fn lines(&self, count: usize) -> impl ExactSizeIterator<Item = &str> {
        self.ring
            .iter()
            .skip(self.ring.len().saturating_sub(count))
            .map(String::as_str)
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether no line is kept.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Writes out what the file's writer holds back.
    pub fn flush(&mut self) {
        if let Some(LogFile { writer, .. }) =
            self.file.as_mut().and_then(|file| file.current.as_mut())
        {
            // An error shows with the next line.
            let _ = writer.flush();
        }
    }

    fn write(&mut self, line: String) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(&line)
            && !std::mem::replace(&mut file.has_failed, true)
        {
            self.keep(format!("the log file cannot be written: {error}"));
        }
        self.keep(line);
    }

    fn keep(&mut self, line: String) {
        if self.max_entries == 0 {
            return;
        }
        while self.ring.len() >= self.max_entries {
            self.ring.pop_front();
        }
        self.ring.push_back(line);
    }
}

impl File {
    fn write(&mut self, line: &str) -> io::Result<()> {
        let length = line.len() as u64 + 1;
        let is_full = self
            .current
            .as_ref()
            .is_some_and(|file| file.length + length > EventLog::MAX_FILE_BYTES);
        if is_full {
            self.current = None;
        }
        let file = match &mut self.current {
            Some(file) => file,
            None => {
                let mut file = (self.open)(is_full)?;
                if file.length + length > EventLog::MAX_FILE_BYTES {
                    file = (self.open)(true)?;
                }
                self.current.insert(file)
            }
        };
        file.length += length;
        // One write, so that a line is not torn between processes that share the file.
        file.writer.write_all(format!("{line}\n").as_bytes())?;
        self.has_failed = false;
        Ok(())
    }
}

fn line(stamp: &dyn fmt::Display, event: &str) -> String {
    let event = PeerText::new(event).max_chars(EventLog::MAX_LINE_BYTES);
    let mut line = format!("[{stamp}] {event}");
    if line.len() > EventLog::MAX_LINE_BYTES {
        line.truncate(line.floor_char_boundary(EventLog::MAX_LINE_BYTES - '…'.len_utf8()));
        line.push('…');
    }
    line
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog")
            .field("entries", &self.ring.len())
            .field("max_entries", &self.max_entries)
            .field("has_file", &self.file.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to begin with"
)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const STAMP: &str = "2026-05-02 11:07:56.936";

    #[test]
    fn keeps_the_newest_entries_with_their_time() {
        let mut log = EventLog::new(3);
        for number in 0..5 {
            log.record(&STAMP, &format!("event {number}"));
        }
        let lines: Vec<_> = log.lines(2).collect();
        assert_eq!(
            lines,
            [format!("[{STAMP}] event 3"), format!("[{STAMP}] event 4")]
        );
        assert_eq!((log.len(), log.lines(100).len()), (3, 3));
    }

    #[test]
    fn is_off_without_memory_and_file() {
        let mut log = EventLog::new(0);
        log.record(&STAMP, "nothing");
        log.record_limited(Instant::now(), "kind", &STAMP, "nothing");
        assert!(!log.is_on() && log.is_empty());
    }

    /// at most 1 KiB
    #[test]
    fn an_event_is_one_bounded_line() {
        let mut log = EventLog::new(10);
        log.record(&STAMP, "a\r\n[fake] b\u{202e}\u{9b}31m");
        log.record(&STAMP, &"ж".repeat(5000));
        let lines: Vec<_> = log.lines(10).collect();
        assert_eq!(
            lines[0],
            format!("[{STAMP}] a\\u{{d}}\\u{{a}}[fake] b\\u{{202e}}\\u{{9b}}31m")
        );
        let (bytes, most) = (lines[1].len(), EventLog::MAX_LINE_BYTES);
        assert!(
            bytes <= most && lines[1].ends_with('…'),
            "{bytes} bytes of an event of 10,000, at most {most}"
        );
    }

    /// ten in a second
    #[test]
    fn a_flood_of_one_kind_is_counted_and_hides_no_other() {
        let mut log = EventLog::new(1000);
        let start = Instant::now();
        for _ in 0..5000 {
            log.record_limited(start, "refused", &STAMP, "refused a handshake");
        }
        log.record_limited(start, "other", &STAMP, "something else");
        assert_eq!(
            log.len(),
            11,
            "lines of 5,000 refusals, ten, and of one other event"
        );
        log.record_limited(
            start + Duration::from_secs(1),
            "refused",
            &STAMP,
            "refused a handshake",
        );
        let lines: Vec<_> = log.lines(2).collect();
        assert_eq!(
            lines,
            [
                format!("[{STAMP}] refused: repeated 4990 times"),
                format!("[{STAMP}] refused a handshake"),
            ]
        );
    }

    /// A file in memory that counts how often it was put aside.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, u32, bool)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (content, _, is_full) = &mut *self.0.lock().unwrap();
            if *is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log_on(disk: &Disk) -> EventLog {
        let disk = disk.clone();
        EventLog::new(5).with_file(Box::new(move |put_aside| {
            let (content, rotations, _) = &mut *disk.0.lock().unwrap();
            if put_aside {
                content.clear();
                *rotations += 1;
            }
            Ok(LogFile {
                length: content.len() as u64,
                writer: Box::new(disk.clone()),
            })
        }))
    }

    #[test]
    fn the_file_gets_every_line_and_is_put_aside_when_full() {
        let disk = Disk::default();
        let mut log = log_on(&disk);
        let event = "x".repeat(900);
        let line = format!("[{STAMP}] {event}\n").len() as u64;
        let fit = EventLog::MAX_FILE_BYTES / line;
        for _ in 0..fit {
            log.record(&STAMP, &event);
        }
        assert_eq!(disk.0.lock().unwrap().1, 0);
        log.record(&STAMP, &event);
        let (content, rotations, _) = &*disk.0.lock().unwrap();
        assert_eq!((content.len() as u64, *rotations), (line, 1));
    }

    #[test]
    fn a_file_that_was_full_before_is_put_aside_at_once() {
        let disk = Disk::default();
        disk.0.lock().unwrap().0 = vec![b'x'; usize::try_from(EventLog::MAX_FILE_BYTES).unwrap()];
        log_on(&disk).record(&STAMP, "fresh");
        assert_eq!(
            disk.0.lock().unwrap().0,
            format!("[{STAMP}] fresh\n").as_bytes()
        );
    }

    #[test]
    fn a_full_disk_is_noted_once_and_stops_nothing() {
        let disk = Disk::default();
        disk.0.lock().unwrap().2 = true;
        let mut log = log_on(&disk);
        log.record(&STAMP, "one");
        log.record(&STAMP, "two");
        let lines: Vec<_> = log.lines(10).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("the log file cannot be written: "));
        disk.0.lock().unwrap().2 = false;
        log.record(&STAMP, "three");
        assert_eq!(
            disk.0.lock().unwrap().0,
            format!("[{STAMP}] three\n").as_bytes()
        );
    }
}
