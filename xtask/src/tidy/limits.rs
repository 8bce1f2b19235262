//! The limits that the README shows are those of the code.
//!
//! Each row of its tables that shows a number is pinned here to the line of code that says it. Whoever changes a default
//! is told of the page, whoever changes the page of the default.

use super::File;

const README: &str = "README.md";
const HEADING: &str = "## Limits and timeouts";

/// A row, what it shows, the file that decides, and what stands in it.
const PINS: &[(&str, &str, &str, &str)] = &[
    (
        "message and frame",
        "16 MiB in servers",
        "ws-core/src/config.rs",
        "max_message_bytes: 16 << 20,",
    ),
    (
        "message and frame",
        "64 MiB in clients",
        "ws-client/src/config.rs",
        ".max_message_bytes(64 << 20)",
    ),
    (
        "message and frame",
        "in the add-in's servers",
        "ws-server/src/contract.rs",
        "const MAX_MESSAGE_BYTES: usize = 64 << 20;",
    ),
    (
        "fragments of a message, empty ones too",
        "131,072",
        "ws-core/src/config.rs",
        "max_fragments: 131_072,",
    ),
    (
        "request or response head",
        "16 KiB",
        "ws-core/src/handshake/head.rs",
        "max_bytes: 16 * 1024,",
    ),
    (
        "request or response head",
        "lines of 8 KiB",
        "ws-core/src/handshake/head.rs",
        "max_line_bytes: 8 * 1024,",
    ),
    (
        "request or response head",
        "100 headers",
        "ws-core/src/handshake/head.rs",
        "max_headers: 100,",
    ),
    (
        "opening handshake at the server",
        "10 s",
        "ws-server/src/config.rs",
        "handshake_timeout: Duration::from_secs(10),",
    ),
    (
        "PROXY header, where a listed balancer must send it",
        "107 bytes",
        "ws-server/src/proxies/header.rs",
        "const MAX_V1_BYTES: usize = 107;",
    ),
    (
        "PROXY header, where a listed balancer must send it",
        "4 KiB",
        "ws-server/src/proxies/header.rs",
        "const MAX_V2_BYTES: usize = 4096;",
    ),
    (
        "unfinished handshakes",
        "64",
        "ws-server/src/config.rs",
        "const MIN_UNFINISHED: usize = 64;",
    ),
    (
        "connections",
        "10,000",
        "ws-server/src/config.rs",
        "max_connections: 10_000,",
    ),
    (
        "connections",
        "`ws serve` 20,000, with `--exec` 256",
        "ws-cli/src/args/serve.rs",
        "{ 256 } else { 20_000 }",
    ),
    (
        "connections",
        "the add-in 100",
        "ws-server/src/contract.rs",
        "pub const DEFAULT_POOL_SIZE: usize = 100;",
    ),
    (
        "open files that the system allows",
        "64 more",
        "ws-server/src/descriptors.rs",
        "const OTHERS: u64 = 64;",
    ),
    (
        "plain HTTP answer of any length (`--static`)",
        "64 KiB",
        "ws-server/src/plain_answer.rs",
        "const PIECE_BYTES: usize = 64 << 10;",
    ),
    (
        "connecting, all stages together",
        "30 s",
        "ws-client/src/config.rs",
        "connect_timeout: Duration::from_secs(30),",
    ),
    (
        "connecting, all stages together",
        "250 ms",
        "ws-client/src/config.rs",
        "attempt_delay: Duration::from_millis(250),",
    ),
    (
        "name lookups; SOCKS dials to one proxy, at once",
        "8",
        "ws-client/src/dial/resolve.rs",
        "const LIMIT: usize = 8;",
    ),
    (
        "name lookups; SOCKS dials to one proxy, at once",
        "8",
        "ws-client/src/dial/socks.rs",
        "const LIMIT: usize = 8;",
    ),
    (
        "receive queue of a mailbox, each connection",
        "1,024 messages",
        "ws-server/src/mailbox/config.rs",
        "max_queued_messages: 1024,",
    ),
    (
        "receive queue of a mailbox, each connection",
        "16 MiB",
        "ws-server/src/mailbox/config.rs",
        "max_queued_bytes: 16 << 20,",
    ),
    (
        "receive queues of a mailbox, all connections",
        "512 MiB",
        "ws-server/src/mailbox/config.rs",
        "max_queued_bytes_in_all: 512 << 20,",
    ),
    (
        "receive queue of a client",
        "16,384 messages",
        "ws-client/src/config.rs",
        "max_queued_messages: 16_384,",
    ),
    (
        "receive queue of a client",
        "64 MiB",
        "ws-client/src/config.rs",
        "max_queued_bytes: 64 << 20,",
    ),
    (
        "send queue of a connection",
        "16 MiB",
        "ws-server/src/config.rs",
        "send_queue_bytes: 16 << 20,",
    ),
    (
        "send queue of a connection",
        "16 MiB",
        "ws-client/src/background/config.rs",
        "max_send_queue_bytes: 16 << 20,",
    ),
    (
        "send queue above 256 KiB",
        "64 KiB",
        "ws-server/src/config.rs",
        "high_water_bytes: 256 << 10,",
    ),
    (
        "send queue above 256 KiB",
        "64 KiB",
        "ws-server/src/config.rs",
        "low_water_bytes: 64 << 10,",
    ),
    (
        "send queue of a member of `ws serve --broadcast`",
        "4 MiB",
        "ws-cli/src/commands/serve/broadcast.rs",
        "const MEMBER_BYTES: usize = 4 << 20;",
    ),
    (
        "send queue of a member of `ws serve --broadcast`",
        "64 KiB",
        "ws-cli/src/commands/serve/broadcast.rs",
        "const CROWDED_BYTES: usize = 64 << 10;",
    ),
    (
        "on its way to a program of `--exec`, and from it",
        "256 KiB",
        "ws-cli/src/commands/serve/exec/flow.rs",
        "const HIGH_WATER_BYTES: usize = 256 << 10;",
    ),
    (
        "on its way to a program of `--exec`, and from it",
        "128 KiB",
        "ws-cli/src/commands/serve/exec/flow.rs",
        "const WINDOW_BYTES: usize = 128 << 10;",
    ),
    (
        "message of a program of `--exec`",
        "64 MiB",
        "ws-cli/src/framing.rs",
        "const MESSAGE_BYTES: usize = 64 * 1024 * 1024;",
    ),
    (
        "memory of a server for messages, queues and compression",
        "512 MiB",
        "ws-server/src/config.rs",
        "memory_bytes: 512 << 20,",
    ),
    (
        "event log",
        "1 KiB a line",
        "ws-core/src/event_log.rs",
        "pub const MAX_LINE_BYTES: usize = 1024;",
    ),
    (
        "event log",
        "10 MiB",
        "ws-core/src/event_log.rs",
        "pub const MAX_FILE_BYTES: u64 = 10 << 20;",
    ),
    (
        "event log",
        "ten a second",
        "ws-core/src/event_log.rs",
        "pub const MAX_REPEATS_PER_SECOND: u32 = 10;",
    ),
    (
        "output that the peer does not take",
        "30 s",
        "ws-server/src/config.rs",
        "write_stall_timeout: Duration::from_secs(30),",
    ),
    (
        "ping on silence, time for an answer",
        "25 s",
        "ws-core/src/config.rs",
        "interval: Some(Duration::from_secs(25)),",
    ),
    (
        "ping on silence, time for an answer",
        "20 s",
        "ws-core/src/config.rs",
        "timeout: Duration::from_secs(20),",
    ),
    (
        "connection without a message",
        "never",
        "ws-server/src/config.rs",
        "idle_timeout: None,",
    ),
    (
        "closing handshake",
        "5 s",
        "ws-server/src/config.rs",
        "const MAX_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);",
    ),
    (
        "closing handshake",
        "5 s",
        "ws-client/src/config.rs",
        "close_timeout: Duration::from_secs(5),",
    ),
    (
        "stop of a server",
        "5 s",
        "ws-server/src/mailbox/run.rs",
        "const STOP_WAIT: Duration = Duration::from_secs(5);",
    ),
    (
        "a refused peer that goes on sending",
        "64 KiB",
        "ws-server/src/config.rs",
        "linger_bytes: 64 << 10,",
    ),
    (
        "a refused peer that goes on sending",
        "2 s",
        "ws-server/src/config.rs",
        "linger_timeout: Duration::from_secs(2),",
    ),
    (
        "a send call of the client",
        "60 s",
        "ws-client/src/config.rs",
        "send_timeout: Duration::from_secs(60),",
    ),
    (
        "reconnecting, where asked for",
        "at most 1 s",
        "ws-client/src/background/config.rs",
        "first_delay: Duration::from_secs(1),",
    ),
    (
        "reconnecting, where asked for",
        "60 s",
        "ws-client/src/background/config.rs",
        "max_delay: Duration::from_secs(60),",
    ),
];

pub(crate) fn check(files: &[File]) -> Vec<String> {
    check_pins(files, PINS)
}

fn check_pins(files: &[File], pins: &[(&str, &str, &str, &str)]) -> Vec<String> {
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map_or("", |file| &file.text)
    };
    let section = text(README)
        .split_once(HEADING)
        .map_or("", |(_, rest)| rest.split("\n## ").next().unwrap_or(rest));
    // What it is, and its default.
    let rows: Vec<_> = section
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| ")?
                .split(" |")
                .map(str::trim)
                .collect::<Vec<_>>()
                .into()
        })
        .filter(|cells| cells.len() > 4 && cells[0] != "---")
        .collect();
    let mut findings = Vec::new();
    for &(row, shown, path, code) in pins {
        if !text(path).contains(code) {
            findings.push(format!(
                "{path}: has no {code:?} any more; it is {row:?} in {README}, and in tidy's list of limits"
            ));
        }
        let is_shown = rows
            .iter()
            .any(|cells| cells[0] == row && cells[1..3].iter().any(|cell| cell.contains(shown)));
        if !is_shown {
            findings.push(format!(
                "{README}: {row:?} does not show {shown:?}, as {path} says"
            ));
        }
    }
    for cells in rows {
        let has_number = cells[1].contains(|c: char| c.is_ascii_digit());
        // A row that repeats what another says.
        let repeats = cells[1].contains("the same limit") || cells[1].contains("each");
        if has_number && !repeats && !pins.iter().any(|(row, ..)| *row == cells[0]) {
            findings.push(format!(
                "{README}: {:?} shows a number that no code is named for",
                cells[0]
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    const PIN: &[(&str, &str, &str, &str)] = &[("stall", "30 s", "a.rs", "stall: 30,")];

    fn checked(row: &str, code: &str) -> Vec<String> {
        let head = "| time | default | what happens | change it |\n| --- | --- | --- | --- |";
        let text = format!("# x\n{HEADING}\n\n{head}\n{row}\n\n## next\n| other | 5 | x | y |\n");
        check_pins(&[file(README, &text), file("a.rs", code)], PIN)
    }

    #[test]
    fn page_and_code_say_the_same() {
        assert_eq!(
            checked("| stall | 30 s | dropped | `stall` |", "stall: 30,"),
            [""; 0]
        );
        let findings = checked("| stall | 30 s | dropped | `stall` |", "stall: 20,");
        assert!(
            findings[0].contains("a.rs: has no \"stall: 30,\""),
            "{findings:?}"
        );
        let findings = checked("| stall | 20 s | dropped | `stall` |", "stall: 30,");
        assert_eq!(
            findings,
            ["README.md: \"stall\" does not show \"30 s\", as a.rs says"]
        );
    }

    #[test]
    fn a_number_without_code_is_found() {
        let rows = "| stall | 30 s | dropped | `stall` |\n| new | 7 s | dropped | |";
        assert_eq!(
            checked(rows, "stall: 30,"),
            ["README.md: \"new\" shows a number that no code is named for"]
        );
    }
}
