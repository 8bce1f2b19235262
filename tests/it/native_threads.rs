//! A system that gives no more threads: the call says so, and works when there are some again (R-51).

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use ws_tests::wait::{TIMEOUT, until};

use crate::native_lifecycle::start_server;
use crate::support::native::{Host, text};

/// R-51: thread number 1, 2, … of each call that needs any cannot be started, as at RLIMIT_NPROC, until there are no more.
#[test]
fn a_call_without_a_thread_says_so_and_works_later() {
    let mut host = Host::start();
    if host
        .ask_anything(&["threads", "0"])
        .get("problem")
        .is_some()
    {
        println!("NOT RUN: no switch for threads on this system");
        return;
    }
    let http = serve_http();
    host.create("peer", "Server", "manager");
    let port = start_server(&mut host, "peer");
    // A name, so that a thread looks it up.
    let address = format!("s:ws://localhost:{port}/");
    let local = text(r#"{"address":"localhost"}"#);
    let before = host.ask(&["process"])["threads"].as_i64();
    for (class, method, arguments, least) in [
        (
            "Server",
            "StartServer",
            &["i4:0", "i4:9", "s:", &local][..],
            1,
        ),
        ("Client", "CreateConnection", &[&address], 2),
        ("Client", "SetEvents", &["b:1"], 1),
        ("Client", "SendBinaryMessage", &[&http], 1),
    ] {
        let failed = fail_in_turn(&mut host, class, method, arguments, &address);
        assert!(
            failed >= least,
            "{failed} threads of {method} failed in turn, fewer than {least}"
        );
        println!("native threads: {method}: {failed} failed in turn");
    }
    let mut after = None;
    until(TIMEOUT, || {
        after = host.ask(&["process"])["threads"].as_i64();
        after <= before
    });
    assert!(
        after <= before,
        "{after:?} threads are left, more than the {before:?} at first"
    );
    host.end("peer");
    host.finish();
}

/// How many threads could fail; each time the call is refused, and then succeeds with the same object.
#[track_caller]
fn fail_in_turn(
    host: &mut Host,
    class: &str,
    method: &str,
    arguments: &[&str],
    address: &str,
) -> usize {
    let mut failed = 0;
    loop {
        host.create("o", class, "manager");
        if method == "SendBinaryMessage" {
            host.succeed("o", "CreateConnection", &[address]);
        }
        host.ask(&["threads", &(failed + 1).to_string()]);
        let answer = host.call("o", method, arguments);
        let has_failed = host.ask(&["threads", "0"])["failed"] == true;
        if has_failed {
            assert_eq!(answer["result"], false, "{method}: {answer}");
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(!error.is_empty(), "{method}: {answer}");
            host.succeed("o", method, arguments);
            failed += 1;
        } else {
            assert_eq!(answer["result"], true, "{method}: {answer}");
        }
        host.end("o");
        assert!(failed < 20, "{method} starts threads without end");
        if !has_failed {
            return failed;
        }
    }
}

/// A web server for two bytes, and its URL as an argument.
fn serve_http() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A download that was given up leaves an early end.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
        }
    });
    format!("s:http://127.0.0.1:{port}/two")
}
