//! The exit codes: curl's numbers where curl has one for the case.
//!
//! Invariant: this enum is the only place that knows the numbers; `--help` and the README print [`Exit::ALL`].

use std::fmt::Write as _;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All that was asked for is done; also when the reader of stdout went away.
    Done = 0,
    /// Anything without a number of its own: a file, the port of `ws serve`.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Not a `ws://` or `wss://` URL.
    BadUrl = 3,
    /// The proxy refused or cannot be reached.
    Proxy = 5,
    /// The host has no address.
    Resolve = 6,
    /// No connection to the host.
    Connect = 7,
    /// The server answered the opening handshake with another HTTP status than 101.
    Refused = 22,
    /// `--connect-timeout`, `--max-time` or a silence limit ended it.
    Timeout = 28,
    /// TLS failed.
    Tls = 35,
    /// What answered does not speak WebSocket.
    NotWebSocket = 52,
    /// The connection ended without a closing handshake, or with a close code that tells of a failure.
    Closed = 56,
    /// The server's certificate was not accepted.
    Certificate = 60,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every code, ascending.
    pub(crate) const ALL: [Self; 14] = [
        Self::Done,
        Self::Other,
        Self::Usage,
        Self::BadUrl,
        Self::Proxy,
        Self::Resolve,
        Self::Connect,
        Self::Refused,
        Self::Timeout,
        Self::Tls,
        Self::NotWebSocket,
        Self::Closed,
        Self::Certificate,
        Self::Interrupted,
    ];

    /// The number the shell sees.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// What the table in `--help` says.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "done: the peer closed with 1000, 1001 or no code, or the reader of stdout went away"
            }
            Self::Other => "other failure, such as a file that cannot be read or a port in use",
            Self::Usage => "wrong usage",
            Self::BadUrl => "not a WebSocket URL",
            Self::Proxy => "the proxy failed",
            Self::Resolve => "the host name has no address",
            Self::Connect => "could not connect",
            Self::Refused => "refused by an HTTP status (shown)",
            Self::Timeout => "timeout",
            Self::Tls => "TLS failed",
            Self::NotWebSocket => "what answered is not a WebSocket server",
            Self::Closed => "closed abnormally or with another close code (shown)",
            Self::Certificate => "certificate not accepted",
            Self::Interrupted => "Ctrl-C",
        }
    }

    /// The table for `--help`.
    pub(crate) fn table() -> String {
        let mut table = String::from("Exit codes:\n");
        for exit in Self::ALL {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "  {:>3}  {}", exit.number(), exit.meaning());
        }
        table
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_each_is_in_the_table() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 5, 6, 7, 22, 28, 35, 52, 56, 60, 130]);
        assert_eq!(Exit::table().lines().count(), numbers.len() + 1);
    }

    #[test]
    fn the_readmes_have_the_same_table() {
        for readme in [
            include_str!("../../README.md"),
            include_str!("../README.md"),
        ] {
            let (_, table) = readme
                .split_once("| exit code | meaning |\n| --- | --- |\n")
                .unwrap();
            let rows: Vec<&str> = table
                .lines()
                .take_while(|line| line.starts_with('|'))
                .collect();
            let expected =
                Exit::ALL.map(|exit| format!("| {} | {} |", exit.number(), exit.meaning()));
            assert_eq!(rows, expected);
        }
    }
}
