//! The background client against a peer that is not ours, without a single call of it.

use std::{env, io::Write, time::Duration};

use ws_client::{BackgroundClient, CloseCode, Message};
use ws_tests::wait;

use crate::support::{peer::Peer, process::Process};

/// For how long; `cargo xtask full` sets 120.
const SECONDS: &str = "WS_PING_SECONDS";
const DEFAULT_SECONDS: &str = "10";
const PINGS_PER_SECOND: &str = "50";
/// What is promised, and held to on a machine that does nothing else: where the seconds are set.
const LIMIT_MILLISECONDS: f64 = 100.0;
/// Other tests may keep the machine busy.
const BUSY_LIMIT_MILLISECONDS: f64 = 1000.0;

#[test]
fn pings_of_websockets_are_answered_in_time_without_a_call() {
    let (seconds, limit) = match env::var(SECONDS) {
        Ok(seconds) => (seconds, LIMIT_MILLISECONDS),
        Err(_) => (DEFAULT_SECONDS.to_owned(), BUSY_LIMIT_MILLISECONDS),
    };
    let mut script = Peer::Python.script("pings");
    let mut peer = Process::spawn(script.args([&*seconds, PINGS_PER_SECOND]));
    let port: u16 = peer.wait_for_stdout(|line| line.trim().parse().ok());
    let client = BackgroundClient::connect(&format!("ws://127.0.0.1:{port}")).unwrap();
    // From here on the client is left alone.
    let (count, slowest) = loop {
        let line = peer.wait_for_stdout(|line| Some(line.to_owned()));
        if let Some(result) = line.strip_prefix("ok: ") {
            let (count, slowest) = result.split_once(' ').unwrap();
            break (
                count.parse::<u64>().unwrap(),
                slowest.trim().parse::<f64>().unwrap(),
            );
        }
    };
    // Not captured: the figure belongs into the output of a green run.
    let line = format!("pings: {count} answers in {seconds} s, slowest {slowest} ms\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    assert!(
        count > 0 && slowest < limit,
        "the limit is {limit} ms; {line}"
    );
    // The peer has the last pong a moment before the client has counted it.
    let counted = || {
        let statistics = client.statistics();
        (statistics.pings_answered, statistics.messages_received)
    };
    assert!(
        wait::until(wait::TIMEOUT, || counted() == (count, count)),
        "{:?} counted of {count}",
        counted()
    );
    for number in 0..count {
        let wanted = Message::Text(format!("message {number}"));
        assert_eq!(client.receive(Duration::ZERO).unwrap(), Some(wanted));
    }
    client.close(CloseCode::NORMAL, "").unwrap();
}
