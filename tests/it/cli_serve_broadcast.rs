//! `ws serve --broadcast`: rooms by path, with clients on `websockets` for Python.

use crate::support::cli::{Checked, line_with, serve, ws};
use crate::support::peer::Peer;
use crate::support::schema::{types, valid_lines};

#[test]
fn broadcast_reaches_all_others_at_the_path_and_not_the_sender() {
    let server = serve(&["--broadcast"]);
    Peer::Python.check_script("rooms", &server.url, &["others"]);
}

#[test]
fn broadcast_to_all_reaches_the_sender_too() {
    let server = serve(&["--broadcast=all"]);
    Peer::Python.check_script("rooms", &server.url, &["all"]);
}

#[test]
fn broadcast_keeps_each_senders_order_in_many_rooms() {
    let server = serve(&["--broadcast"]);
    Peer::Python.check_script("rooms", &server.url, &["crowd"]);
}

/// The members of a room are spread over the loops.
#[test]
fn broadcast_reaches_rooms_across_workers() {
    let server = serve(&["--broadcast", "--workers", "3"]);
    for mode in ["others", "crowd", "slow"] {
        Peer::Python.check_script("rooms", &server.url, &[mode]);
    }
}

#[test]
fn broadcast_closes_a_slow_reader_with_1008_and_holds_nobody_up() {
    let mut server = serve(&["--broadcast"]);
    Peer::Python.check_script("rooms", &server.url, &["slow"]);
    server
        .process
        .wait_for_stderr(line_with("1008 (reads too slowly: "));
}

#[test]
fn broadcast_prints_every_event_with_json_and_nothing_without() {
    let mut server = serve(&["--broadcast", "--json"]);
    let room = format!("{}room", server.url);
    let mut listener = ws(&["connect", &room, "--no-stdin", "--count", "1"]).start();
    listener.wait_for_stderr(line_with("connected to"));
    ws(&["send", &room, "hello"]).run().expect_code(0);
    assert_eq!(listener.finish().expect_code(0).stdout_text(), "hello\n");
    for _ in 0..2 {
        server
            .process
            .wait_for_stdout(line_with(r#""type":"close""#));
    }
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(
        types(&lines)[..5],
        ["listening", "open", "open", "text", "text"]
    );
    assert_eq!(
        (&lines[3]["dir"], &lines[4]["dir"]),
        (&"in".into(), &"out".into())
    );
    assert_eq!(lines[4]["connectionId"], lines[1]["connectionId"]);

    let server = serve(&["--broadcast"]);
    ws(&["send", &server.url, "hello"]).run().expect_code(0);
    server.process.signal("TERM");
    assert_eq!(server.process.finish().expect_code(0).stdout_text(), "");
}

#[test]
fn broadcast_and_echo_exclude_each_other() {
    let ended = ws(&["serve", "--broadcast", "--echo"]).run().expect_code(2);
    assert!(ended.error_line().contains("--echo"), "{}", ended.stderr);
}
