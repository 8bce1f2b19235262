//! `-v` shows the opening handshake and what was agreed on, `-vv` every frame; neither shows a secret.

use crate::support::cli::{Checked, serve, ws};
use crate::support::peer::Peer;

#[test]
fn the_handshake_is_shown_as_it_was_but_without_secrets() {
    let (_server, url) = Peer::Python.echo_server();
    let url = format!("{url}/feed?token=canary-1");
    let ended = ws(&["send", &url, "x", "-v", "-u", "me:canary-2"])
        .args(&[
            "-H",
            "Cookie: id=canary-3",
            "--origin",
            "https://example.com",
        ])
        .run()
        .expect_code(0);
    let shown: Vec<&str> = ended.stderr.lines().collect();
    for line in [
        "> GET /feed?token=*** HTTP/1.1",
        "> Authorization: ***",
        "> Cookie: ***",
        "> Origin: https://example.com",
        "> Sec-WebSocket-Version: 13",
        "< HTTP/1.1 101 Switching Protocols",
        "< Upgrade: websocket",
    ] {
        assert!(shown.contains(&line), "{line:?} in {}", ended.stderr);
    }
    let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &ended.stderr;
    assert!(!text.contains("canary"), "{text}");
    assert!(!text.contains("frame of"), "{text}");
}

#[test]
fn a_refusal_is_shown_with_its_headers() {
    let server = serve(&["--echo", "--token", "right"]);
    let ended = ws(&["send", &server.url, "x", "-v", "--bearer", "canary"])
        .run()
        .expect_code(22);
    assert!(
        ended.stderr.contains("\n< HTTP/1.1 401"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}

#[test]
fn frames_of_both_directions_are_shown_at_the_second_level() {
    let (_server, url) = Peer::Node.echo_server();
    let ended = ws(&["connect", &url, "-vv", "--commands", "--count", "1"])
        .stdin("/ping x\nhello\n")
        .run()
        .expect_code(0);
    let frames: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.contains(" frame of "))
        .collect();
    for line in [
        "> ping frame of 1 bytes",
        "> text frame of 5 bytes, final",
        "< pong frame of 1 bytes",
        "< text frame of 5 bytes, final",
        "> close frame of 2 bytes",
        "< close frame of 2 bytes",
    ] {
        assert!(frames.contains(&line), "{line:?} in {}", ended.stderr);
    }
}

#[test]
fn pings_go_out_by_the_clock_and_their_time_is_told() {
    let (_server, url) = Peer::Python.echo_server();
    let mut client = ws(&["connect", &url, "--no-stdin", "--ping", "0.05"]).start();
    for _ in 0..3 {
        let millis = client.wait_for_stderr(|line| {
            let (_, time) = line.split_once("pong from ")?.1.split_once(" after ")?;
            time.strip_suffix(" ms")?.parse::<f64>().ok()
        });
        assert!(millis > 0.0, "{millis}");
    }
    client.signal("INT");
    client.finish().expect_code(130);
}
