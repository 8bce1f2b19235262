//! `--compress` of `ws serve`, `ws connect` and `ws send`: what was agreed on is shown with `-v`, and what comes back is
//! what went.

use crate::support::cli::{Checked, serve, ws};

/// What each preset agrees on with itself.
const PRESETS: [(&str, &str); 2] = [
    (
        "shared",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    ),
    ("dedicated", "permessage-deflate"),
];

/// A line that says this and nothing after it.
#[track_caller]
fn says(stderr: &str, end: &str) {
    assert!(
        stderr.lines().any(|line| line.ends_with(end)),
        "no line ends with {end:?}:\n{stderr}"
    );
}

#[test]
fn both_sides_show_what_they_agreed_on() {
    for (preset, agreed) in PRESETS {
        let compress = format!("--compress={preset}");
        let mut server = serve(&["--echo", &compress, "-v"]);
        let text = "what is said again and again, ".repeat(1000);
        let ended = ws(&["send", &server.url, &compress, "-v", &text, "--count", "1"])
            .run()
            .expect_code(0);
        assert!(ended.stdout_text() == format!("{text}\n"));
        says(&ended.stderr, &format!("compression: {agreed}"));
        let ended = ws(&["connect", &server.url, &compress, "-v", "--count", "2"])
            .stdin("a line\nand another\n")
            .run()
            .expect_code(0);
        assert_eq!(ended.stdout_text(), "a line\nand another\n");
        says(&ended.stderr, &format!("compression: {agreed}"));
        for _ in 0..2 {
            server.process.wait_for_stderr(|line| {
                let shown = line.contains("compression with 127.0.0.1:");
                (shown && line.ends_with(&format!(": {agreed}"))).then_some(())
            });
        }
    }
}

#[test]
fn who_offers_is_told_that_the_server_does_without() {
    let server = serve(&["--echo"]);
    let ended = ws(&[
        "send",
        &server.url,
        "--compress",
        "-v",
        "hello",
        "--count",
        "1",
    ])
    .run()
    .expect_code(0);
    assert_eq!(ended.stdout_text(), "hello\n");
    says(&ended.stderr, "compression: the server does without");
    // And nothing is said of what nobody asked for.
    let server = serve(&["--echo", "--compress"]);
    let ended = ws(&["send", &server.url, "-v", "hello", "--count", "1"])
        .run()
        .expect_code(0);
    assert!(!ended.stderr.contains("compression"), "{}", ended.stderr);
}

#[test]
fn an_unknown_preset_is_refused_with_those_there_are() {
    for arguments in [
        &["serve", "--compress=strong"][..],
        &["connect", "ws://127.0.0.1:1", "--compress=strong"],
        &["send", "ws://127.0.0.1:1", "hello", "--compress=strong"],
    ] {
        let ended = ws(arguments).run().expect_code(2);
        let line = ended.error_line();
        for word in ["'strong'", "--compress", "shared", "dedicated"] {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
}
