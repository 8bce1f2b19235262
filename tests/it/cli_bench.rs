//! `ws bench`: the figures add up, wrong echoes are found, and a stall counts for all that had to wait.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::certs::Authority;
use crate::support::cli::{Checked, Ws, serve, ws};
use crate::support::peer::Peer;
use crate::support::scripted::{close_frame, frame, read_frame, scripted, upgrade};

fn bench(url: &str, options: &[&str]) -> Ws {
    ws(&["bench", url, "-s"]).args(options)
}

fn figures(text: &str) -> Value {
    let figures: Value = serde_json::from_str(text).unwrap();
    let counts = figures["histogram"].as_array().unwrap().iter();
    let sum: u64 = counts.map(|part| part["count"].as_u64().unwrap()).sum();
    assert_eq!(figures["messages"], sum, "{text}");
    figures
}

/// Echoes each message, changed by `change`, until the connection ends.
fn echo(stream: &mut TcpStream, mut change: impl FnMut(usize, u8, Vec<u8>) -> (u8, Vec<u8>)) {
    upgrade(stream, None);
    let mut number = 0;
    while let Some((opcode, payload)) = read_frame(stream) {
        let answer = match opcode {
            0x8 => close_frame(1000, ""),
            opcode => {
                let (opcode, payload) = change(number, opcode, payload);
                number += 1;
                frame(opcode, &payload)
            }
        };
        if stream.write_all(&answer).is_err() {
            break;
        }
    }
}

#[test]
fn every_message_is_sent_echoed_and_counted_once() {
    let (_python, python) = Peer::Python.echo_server();
    let (_node, node) = Peer::Node.echo_server();
    let ours = serve(&["--echo", "--compress"]);
    for (url, options) in [
        (&python, &["-c", "3", "-n", "100", "--size", "1"][..]),
        (&node, &["-c", "7", "-n", "500", "--size", "70000", "-b"]),
        (
            &ours.url,
            &["-n", "20000", "--depth", "32", "--size", "200"],
        ),
        (&ours.url, &["-n", "500", "--compress", "--rate", "2000"]),
    ] {
        let ended = bench(url, options).args(&["--json"]).run().expect_code(0);
        let figures = figures(ended.stdout_text());
        let place = options.iter().position(|option| *option == "-n").unwrap();
        assert_eq!(figures["messages"].to_string(), options[place + 1]);
        assert_eq!(figures["unanswered"], 0);
        assert_eq!(ended.stderr, "", "silent");
        assert!(figures["latency"]["max"].as_f64() >= figures["latency"]["p50"].as_f64());
    }
}

#[test]
fn tls_is_set_up_as_in_other_commands() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&["localhost"]);
    let (chain, key) = (
        identity.chain.to_str().unwrap(),
        identity.key.to_str().unwrap(),
    );
    let server = serve(&["--echo", "--tls-cert", chain, "--tls-key", key]);
    let url = server.url.replace("127.0.0.1", "localhost");
    bench(&url, &["-n", "100"]).run().expect_code(60);
    let ended = bench(&url, &["-n", "100", "--depth", "4", "--size", "20000"])
        .args(&["--cacert", authority.file().to_str().unwrap()])
        .run()
        .expect_code(0);
    assert!(ended.stdout_text().contains("\nmessages   100 echoed in "));
}

#[test]
fn people_see_percentiles_bars_and_what_kind_of_loop_it_was() {
    let server = serve(&["--echo"]);
    let ended = ws(&["bench", &server.url, "-n", "200", "-c", "2"])
        .run()
        .expect_code(0);
    let text = ended.stdout_text();
    for part in ["connected  2 in ", "p99.9 ", "closed loop", " ####"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(
        ended.stderr.contains("2 connections to "),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_echo_that_differs_in_one_byte_is_found() {
    for (change, part) in [
        (0, "differs from what was sent at byte 17 of 64"),
        (1, "has 63 bytes instead of 64"),
        (2, "text and binary were exchanged"),
        // The echo of the message before.
        (3, "differs from what was sent at byte 0 of 64"),
    ] {
        let peer = scripted(move |mut stream| {
            let mut before = Vec::new();
            echo(&mut stream, |number, opcode, mut payload| {
                let original = payload.clone();
                let mut kind = opcode;
                if number == 5 {
                    match change {
                        0 => payload[17] ^= 1,
                        1 => payload.truncate(63),
                        2 => kind = 0x2,
                        _ => payload.clone_from(&before),
                    }
                }
                before = original;
                (kind, payload)
            });
        });
        let ended = bench(&peer.url, &["-c", "1", "-n", "50"])
            .run()
            .expect_code(56);
        let line = ended.error_line();
        assert!(
            line.contains("connection 0, message 5") && line.contains(part),
            "{line}"
        );
        peer.join();
    }
}

#[test]
fn a_server_that_closes_or_is_not_there_is_a_failure() {
    let peer = scripted(|mut stream| {
        upgrade(&mut stream, None);
        read_frame(&mut stream);
        stream.write_all(&close_frame(1013, "busy")).unwrap();
        read_frame(&mut stream);
    });
    let closed = bench(&peer.url, &["-c", "1"]).run().expect_code(56);
    assert!(closed.error_line().contains("1013"), "{}", closed.stderr);
    peer.join();
    let refused = bench("ws://127.0.0.1:1/", &[]).run().expect_code(7);
    assert!(
        refused.error_line().contains(" of 10: cannot connect"),
        "{}",
        refused.stderr
    );
    let full = serve(&["--echo", "--pool-size", "2"]);
    bench(&full.url, &["-c", "3"]).run().expect_code(22);
}

#[test]
fn a_stall_counts_for_every_message_that_was_due_in_it() {
    const STALL: Duration = Duration::from_secs(1);
    let run = |options: &[&str]| {
        let peer = scripted(|mut stream| {
            let (stalled, wait) = std::sync::mpsc::channel::<()>();
            echo(&mut stream, |number, opcode, payload| {
                if number == 10 {
                    // Nobody sends: it is the time that is waited for.
                    let _ = wait.recv_timeout(STALL);
                }
                (opcode, payload)
            });
            drop(stalled);
        });
        let ended = bench(&peer.url, &["-c", "1", "--json"])
            .args(options)
            .run()
            .expect_code(0);
        peer.join();
        let figures = figures(ended.stdout_text());
        let slow = figures["histogram"].as_array().unwrap().iter();
        let slow = slow.filter(|part| part["from"].as_f64().unwrap() > 100.0);
        slow.map(|part| part["count"].as_u64().unwrap())
            .sum::<u64>()
    };
    // 200 messages were due in the second; those of its first seven eighths waited an eighth or more.
    let by_the_clock = run(&["-n", "400", "--rate", "200"]);
    assert!(by_the_clock >= 100, "{by_the_clock}");
    let closed_loop = run(&["-n", "400"]);
    assert!(closed_loop < by_the_clock / 2, "{closed_loop}");
}

#[test]
fn echoes_that_never_come_are_missing_and_28() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let peer = scripted(move |mut stream| {
        upgrade(&mut stream, None);
        let _ = wait.recv();
    });
    let ended = bench(&peer.url, &["-c", "1", "-n", "2", "--depth", "2"])
        .run()
        .expect_code(28);
    assert!(
        ended.error_line().contains("2 messages were not echoed"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout_text().contains("missing    2 echoes"));
    drop(done);
    peer.join();
}

#[cfg(unix)]
#[test]
fn ctrl_c_tells_the_figures_so_far() {
    let server = serve(&["--echo"]);
    let mut client = ws(&["bench", &server.url, "--json", "--duration", "1000"]).start();
    client.wait_for_stderr(|line| line.contains("are open").then_some(()));
    client.signal("INT");
    let ended = client.finish().expect_code(130);
    assert!(figures(ended.stdout_text())["unanswered"] == 0);
}

#[cfg(unix)]
#[test]
fn a_bar_shows_how_far_it_is_on_a_terminal() {
    use crate::support::terminal::on_terminal;

    let server = serve(&["--echo"]);
    let mut terminal = on_terminal(&["bench", &server.url, "--duration", "1"], &[]);
    terminal.wait_for(|lines| {
        lines
            .iter()
            .any(|line| line.starts_with("[####") && line.contains("echoes"))
    });
    assert_eq!(terminal.finish(), Some(0));
    let lines = terminal.lines();
    assert!(
        !lines.iter().any(|line| line.starts_with('[')),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("latency ")),
        "{lines:#?}"
    );
}
