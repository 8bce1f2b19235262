//! What hangs outside of us does not hang the host: names that are not resolved, proxies that say nothing.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use ws_tests::wait::{TIMEOUT, until};

use crate::support::native::{Host, json as json_of, text};

/// An object and its calls end in 2 s at most; the rest is what a slow machine needs.
const END: Duration = Duration::from_secs(4);

/// the object ends during a hanging lookup, and the library is unloaded; then the lookup returns into what is left of it.
#[test]
fn an_object_ends_while_a_name_is_looked_up_and_the_library_goes() {
    let mut host = Host::start();
    if host
        .ask_anything(&["names", "count"])
        .get("problem")
        .is_some()
    {
        println!("NOT RUN: no name resolution that hangs on this system");
        return;
    }
    for end in ["destroy", "delete"] {
        host.ask(&["names", "hang"]);
        host.create("c", "Client", "manager");
        host.begin("dial", "c", "CreateConnection", &["s:ws://hangs.test/"]);
        assert!(
            until(TIMEOUT, || host.ask(&["names", "count"])["hanging"] == 1),
            "nobody looks the name up"
        );
        end_in_time(&mut host, end, end);
        host.ask(&["unload"]);
        assert_eq!(
            host.ask(&["names", "count"])["hanging"],
            1,
            "the lookup hangs still"
        );
        host.ask(&["names", "release"]);
        assert!(until(TIMEOUT, || host.ask(&["names", "count"])["hanging"] == 0));
        // Whatever the helper does now, it does in a library that was unloaded.
        let threads = host.ask(&["process"])["threads"].clone();
        assert!(until(TIMEOUT, || {
            host.ask(&["process"])["threads"].as_i64() <= threads.as_i64()
        }));
        host.ask(&["load"]);
    }
    // And it works on.
    host.create("c", "Client", "manager");
    host.fail("c", "SendPing", &[], "closed");
    host.end("c");
    host.finish();
}

/// the same with a proxy that says nothing.
#[test]
fn an_object_ends_while_a_proxy_says_nothing_and_the_library_goes() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let port = proxy.local_addr().unwrap().port();
    let mut host = Host::start();
    let before = host.ask(&["process"])["threads"].take();
    for kind in ["socks5", "socks4", "http"] {
        let settings = json!({"server": "127.0.0.1", "port": port, "proxy_type": kind}).to_string();
        host.create("c", "Client", "manager");
        let arguments = ["s:ws://192.0.2.1/", "s:", &text(&settings)];
        host.begin("dial", "c", "CreateConnection", &arguments);
        // Only once the proxy is asked the dial hangs for sure; the first connection may be a try whether it is there.
        let mut dialled = None;
        assert!(
            until(TIMEOUT, || {
                dialled = proxy.accept().ok().filter(|(stream, _)| is_asked(stream));
                dialled.is_some()
            }),
            "{kind}: nobody asks the proxy"
        );
        end_in_time(&mut host, "destroy", kind);
        host.ask(&["unload"]);
        // The proxy hangs up, and the helper, if one is left, wakes up in a library that was unloaded.
        drop(dialled);
        let mut left = Value::Null;
        assert!(
            until(TIMEOUT, || {
                left = host.ask(&["process"])["threads"].take();
                left.as_i64() <= before.as_i64()
            }),
            "{kind}: {left} threads, more than the {before} before"
        );
        host.ask(&["load"]);
    }
    host.create("c", "Client", "manager");
    host.fail("c", "SendPing", &[], "closed");
    host.end("c");
    host.finish();
}

/// Whether a word comes before the end.
fn is_asked(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.read(&mut [0; 1]).is_ok_and(|count| count > 0)
}

/// Ends the client `c` whose call `dial` waits.
///
/// The call fails: as a call, or with a result that says so if it was first to get memory for one.
#[track_caller]
fn end_in_time(host: &mut Host, end: &str, what: &str) {
    let began = Instant::now();
    let ended = host.ask(&[end, "c"]);
    let call = host.wait("dial");
    let took = began.elapsed();
    assert!(
        took <= END,
        "{what}: the object and its call took {took:?} to end, more than {END:?}: {ended} {call}"
    );
    assert_eq!(ended["late"], 0, "{what}: late uses of the host: {ended}");
    if call["ok"] == true {
        let result = json_of(&call);
        assert_eq!(result["result"], false, "{what}: {call}");
    }
}
