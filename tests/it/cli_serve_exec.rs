//! `ws serve --exec`: programs that know nothing of WebSocket, with clients on `websockets` for Python.

use std::fs;
use std::path::PathBuf;

use ws_tests::wait::{TIMEOUT, until};

use crate::support::cli::{Checked, Serve, line_with, serve, ws};
use crate::support::peer::Peer;
use crate::support::schema::{types, valid_lines};

fn check(options: &[&str], mode: &[&str]) {
    let server = serve(options);
    Peer::Python.check_script("exec", &server.url, mode);
}

#[test]
fn exec_makes_lines_of_messages_and_messages_of_lines() {
    check(&["--exec", "cat"], &["lines"]);
}

#[test]
fn exec_with_nul_keeps_line_ends_inside_messages() {
    check(&["--exec", "cat", "--delimiter", "nul"], &["chunks"]);
}

#[test]
fn exec_with_lengths_and_binary_keeps_every_byte() {
    check(
        &["--exec", "cat", "--delimiter", "length", "--binary"],
        &["bytes"],
    );
}

#[test]
fn exec_tells_the_program_of_path_query_and_headers_in_its_environment() {
    check(&["--exec", "env"], &["environment"]);
}

#[test]
fn exec_turns_the_exit_code_into_the_close_code() {
    check(&["--exec", "true"], &["close", "1000", ""]);
    for (script, reason) in [
        ("exit 3", "exit code 3"),
        ("echo last words; exit 255", "exit code 255"),
        ("kill -9 $$", "signal 9"),
        ("printf '\\377\\n'; cat", "no UTF-8"),
    ] {
        check(&["--exec", script, "--shell"], &["close", "1011", reason]);
    }
}

/// What would be an expansion, a pipe or a second command to a shell is an argument.
#[test]
fn exec_involves_no_shell_unless_asked() {
    let said = |options: &[&str]| {
        let server = serve(options);
        let ended = ws(&["connect", &server.url, "--no-stdin"])
            .run()
            .expect_code(0);
        ended.stdout_text().to_owned()
    };
    assert_eq!(
        said(&["--exec", "echo", "--", "$HOME", "; id", "|", "-n"]),
        "$HOME ; id | -n\n"
    );
    assert_eq!(said(&["--exec", "echo one | tr o 0", "--shell"]), "0ne\n");
    // All that it writes is one message, which `ws connect` ends with a line end.
    let lines = ["--exec", "printf", "--delimiter", "none", "--", "a\\nb\\n"];
    assert_eq!(said(&lines), "a\nb\n\n");
    assert_eq!(
        said(&["--exec", "echo \"$2,$1\"", "--shell", "--", "a b", "c"]),
        "c,a b\n"
    );
}

#[test]
fn exec_of_a_program_that_is_not_there_is_2_before_listening() {
    for program in ["no-such-program", "./no/such/program", "/", "echo hello"] {
        let ended = ws(&["serve", "127.0.0.1:0", "--exec", program])
            .run()
            .expect_code(2);
        let line = ended.error_line();
        assert!(line.contains(program) && line.contains("--shell"), "{line}");
    }
    let ended = ws(&["serve", "127.0.0.1:0", "--exec", "/etc/passwd"]).start();
    let mut server = crate::support::cli::serve_from(ended);
    let refused = ws(&["connect", &server.url]).run().expect_code(22);
    assert!(refused.error_line().contains("500"), "{}", refused.stderr);
    server
        .process
        .wait_for_stderr(line_with("cannot start /etc/passwd: "));
}

#[test]
fn exec_passes_stderr_on_with_the_connections_id() {
    let mut server = serve(&[
        "--json",
        "--exec",
        "echo \"to \u{1b}stderr\" >&2",
        "--shell",
    ]);
    ws(&["connect", &server.url, "--no-stdin"])
        .run()
        .expect_code(0);
    let line = server.process.wait_for_stderr(line_with("stderr"));
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(types(&lines), ["listening", "open", "close"]);
    let id = lines[1]["connectionId"].as_str().unwrap();
    assert_eq!(line, format!("{id}: to \\u{{1b}}stderr"));
}

#[cfg(target_os = "linux")]
#[test]
fn exec_closes_stdin_then_sends_sigterm_then_kills_when_the_client_goes() {
    // It takes the end of its stdin as the end.
    let mut server = serve(&["--exec", "cat >/dev/null; echo read all >&2", "--shell"]);
    ws(&["send", &server.url, "x"]).run().expect_code(0);
    server.process.wait_for_stderr(line_with(": read all"));
    // It does not read, but obeys.
    let script = "trap 'echo asked to >&2; exit' TERM; echo $$; while :; do sleep 0.05; done";
    let mut server = serve(&["--exec", script, "--shell"]);
    let pid = first_line(&server);
    server.process.wait_for_stderr(line_with(": asked to"));
    wait_until_gone(&pid);
    // It does neither, and what it has started does not either.
    let script = "trap '' TERM; echo $$; (while :; do sleep 1; done) & while :; do sleep 1; done";
    let server = serve(&["--exec", script, "--shell"]);
    wait_until_gone(&first_line(&server));
}

/// What a program has left behind is waited for while it writes, for longer than it may be silent.
#[cfg(target_os = "linux")]
#[test]
fn exec_waits_for_what_the_program_has_left_behind_while_it_writes() {
    // Whole messages, and pieces of one.
    let script = "(for i in 1 2 3 4; do echo $i; sleep 1; done; printf 5; sleep 1.5; printf 6; sleep 1.5; echo 7) &";
    let server = serve(&["--exec", script, "--shell"]);
    let ended = ws(&["connect", &server.url, "--no-stdin"])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "1\n2\n3\n4\n567\n");
}

/// Connects, takes the first message and goes.
fn first_line(server: &Serve) -> String {
    let ended = ws(&["connect", &server.url, "--no-stdin", "--count", "1"])
        .run()
        .expect_code(0);
    let pid = ended.stdout_text().trim().to_owned();
    assert!(pid.parse::<u32>().is_ok(), "{pid}");
    pid
}

/// Waits until no process of the group is left.
fn wait_until_gone(group: &str) {
    let is_member = |process: &PathBuf| {
        // pid (name) state ppid pgrp: the name may hold anything but ends with the last bracket.
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_ascii_whitespace().nth(2) == Some(group)
    };
    let is_gone = until(TIMEOUT, || {
        let mut processes = fs::read_dir("/proc").unwrap().flatten();
        !processes.any(|entry| is_member(&entry.path()))
    });
    assert!(is_gone, "something of the group {group} is still there");
}

#[cfg(target_os = "linux")]
#[test]
fn exec_ends_every_program_when_the_server_stops() {
    for (signal, code) in [("INT", 130), ("TERM", 0)] {
        let server = serve(&["--exec", "echo $$; exec sleep 1000", "--shell"]);
        let mut clients = Vec::new();
        for _ in 0..3 {
            let mut client = ws(&["connect", &server.url, "--no-stdin"]).start();
            let pid = client.wait_for_stdout(|line| Some(line.trim().to_owned()));
            clients.push((client, pid));
        }
        server.process.signal(signal);
        server.process.finish().expect_code(code);
        for (client, pid) in clients {
            client.finish().expect_code(0);
            wait_until_gone(&pid);
        }
    }
}

#[test]
fn exec_pauses_a_connection_whose_program_does_not_read() {
    let server = serve(&["--exec", "sleep", "--", "1000"]);
    Peer::Python.check_script("exec", &server.url, &["deaf"]);
    check_memory(&server);
}

#[test]
fn exec_pauses_a_program_whose_client_does_not_read() {
    let server = serve(&["--exec", "yes"]);
    Peer::Python.check_script("exec", &server.url, &["loud"]);
    check_memory(&server);
}

/// Far below what would have been held without back-pressure.
fn check_memory(server: &Serve) {
    if cfg!(target_os = "linux") {
        let status = fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = line
            .split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        assert!(kilobytes < 64 << 10, "{line}");
    }
}

#[test]
fn exec_runs_no_more_programs_than_the_pool_has_places() {
    check(&["--exec", "cat", "--pool-size", "2"], &["full"]);
}

#[test]
fn exec_works_with_workers() {
    let server = serve(&["--exec", "cat", "--workers", "2"]);
    for _ in 0..2 {
        Peer::Python.check_script("exec", &server.url, &["lines"]);
    }
}
