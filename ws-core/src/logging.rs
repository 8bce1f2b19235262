//! Where an event log goes, and what the files of one are called.
//!
//! Client and server share it. Neither clock nor files are in here: the caller opens the file.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::event_log::{EventLog, OpenLogFile};

/// Where events are written. Default: the newest 300 in memory, no file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggingSettings {
    /// Keep the newest lines in memory. Default: true.
    pub memory: bool,
    /// Lines kept in memory. Default: 300.
    pub max_entries: usize,
    /// A file that gets every line. Before it grows beyond 10 MiB it is renamed to
    /// [`LoggingSettings::old_file_path`] in place of an older one. Default: none.
    pub file_path: Option<PathBuf>,
}

/// What [`LoggingSettings`] amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is memory, and there is a file"
)]
pub enum LoggingMode {
    /// Memory only.
    Memory,
    /// File only.
    File,
    /// Memory and file.
    Both,
}

impl LoggingMode {
    /// `memory`, `file` or `both`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Both => "both",
        }
    }
}

impl Default for LoggingSettings {
    fn default() -> Self {
        Self {
            memory: true,
            max_entries: EventLog::DEFAULT_MAX_ENTRIES,
            file_path: None,
        }
    }
}

impl LoggingSettings {
    /// Settings that write nothing anywhere.
    pub fn off() -> Self {
        Self::default().memory(false)
    }

    /// Sets [`LoggingSettings::memory`].
    #[must_use]
    pub fn memory(mut self, memory: bool) -> Self {
        self.memory = memory;
        self
    }

    /// Sets [`LoggingSettings::max_entries`].
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets [`LoggingSettings::file_path`]; an empty path means no file.
    #[must_use]
    pub fn file_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.file_path = Some(path.into()).filter(|path| !path.as_os_str().is_empty());
        self
    }

    /// Where the lines go; `None` if nowhere.
    pub fn mode(&self) -> Option<LoggingMode> {
        match (self.memory, self.file_path.is_some()) {
            (true, true) => Some(LoggingMode::Both),
            (true, false) => Some(LoggingMode::Memory),
            (false, true) => Some(LoggingMode::File),
            (false, false) => None,
        }
    }

    /// The path of the one old file that is kept: that of the file with `.old` behind it.
    pub fn old_file_path(path: &Path) -> PathBuf {
        let mut old = OsString::from(path);
        old.push(".old");
        old.into()
    }

    /// A log with these settings; `open` says how the file at a path is opened, and is asked only if there is one.
    pub fn event_log(&self, open: impl FnOnce(PathBuf) -> OpenLogFile) -> EventLog {
        let log = EventLog::new(if self.memory { self.max_entries } else { 0 });
        match &self.file_path {
            Some(path) => log.with_file(open(path.clone())),
            None => log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_follows_from_what_is_on() {
        let memory = LoggingSettings::default();
        assert_eq!(memory.mode(), Some(LoggingMode::Memory));
        assert_eq!(memory.max_entries, 300);
        let both = memory.clone().file_path("events.log");
        assert_eq!(both.mode(), Some(LoggingMode::Both));
        assert_eq!(
            both.memory(false).mode().map(LoggingMode::as_str),
            Some("file")
        );
        assert_eq!(memory.file_path("").mode(), Some(LoggingMode::Memory));
        assert_eq!(LoggingSettings::off().mode(), None);
    }

    #[test]
    fn a_log_without_memory_keeps_no_lines() {
        let no_file = |_| -> OpenLogFile { panic!("no file was asked for") };
        let mut log = LoggingSettings::off().event_log(no_file);
        log.record(&"now", "nothing");
        assert!(!log.is_on() && log.is_empty());
        let mut log = LoggingSettings::default().max_entries(1).event_log(no_file);
        log.record(&"now", "one");
        log.record(&"now", "two");
        assert_eq!(log.lines(9).collect::<Vec<_>>(), ["[now] two"]);
    }

    #[test]
    fn the_old_file_lies_beside_the_new_one() {
        let old = LoggingSettings::old_file_path(Path::new("logs/ws.log"));
        assert_eq!(old, Path::new("logs/ws.log.old"));
    }
}
