//! What hangs outside of us does not hang the host: names that are not resolved, proxies that say nothing.

use std::net::TcpListener;

use serde_json::{Value, json};
use ws_tests::wait::{TIMEOUT, until};

use crate::support::native::{Host, json as json_of, text};

/// An object ends in 2 s at most; the rest is what a slow machine needs.
const END_MILLIS: f64 = 4000.0;

/// The object ends during a hanging lookup, and the library is unloaded; then the lookup returns into what is left of it.
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
        let ended = host.ask(&[end, "c"]);
        assert!(ended["ms"].as_f64().unwrap() < END_MILLIS, "{ended}");
        let call = host.wait("dial");
        assert_eq!(ended["late"], 0, "{ended}");
        expect_refusal(&call);
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

#[test]
fn an_object_ends_while_a_proxy_says_nothing_and_the_library_goes() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let port = proxy.local_addr().unwrap().port();
    let mut host = Host::start();
    for kind in ["socks5", "socks4", "http"] {
        let settings = json!({"server": "127.0.0.1", "port": port, "proxy_type": kind}).to_string();
        host.create("c", "Client", "manager");
        let arguments = ["s:ws://192.0.2.1/", "s:", &text(&settings)];
        host.begin("dial", "c", "CreateConnection", &arguments);
        // Only once the proxy has the connection the dial hangs for sure.
        let mut dialled = None;
        assert!(until(TIMEOUT, || {
            dialled = proxy.accept().ok();
            dialled.is_some()
        }));
        let ended = host.ask(&["destroy", "c"]);
        assert!(
            ended["ms"].as_f64().unwrap() < END_MILLIS,
            "{kind}: {ended}"
        );
        let call = host.wait("dial");
        assert_eq!(ended["late"], 0, "{kind}: {ended}");
        expect_refusal(&call);
        host.ask(&["unload"]);
        // The proxy hangs up, and the helper, if one is left, wakes up in a library that was unloaded.
        drop(dialled);
        host.ask(&["load"]);
    }
    host.create("c", "Client", "manager");
    host.fail("c", "SendPing", &[], "closed");
    host.end("c");
    host.finish();
}

/// The call that waited has failed: as a call, or with a result that says so if it was first to get memory for one.
#[track_caller]
fn expect_refusal(call: &Value) {
    if call["ok"] == true {
        let result = json_of(call);
        assert_eq!(result["result"], false, "{call}");
    }
    assert!(call["ms"].as_f64().unwrap() < 60_000.0, "{call}");
}
