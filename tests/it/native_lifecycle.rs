//! The life of an object of the add-in: both orders of its beginning, every way of its end, and what comes after.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ws_tests::wait::{TIMEOUT, until};

use crate::support::native::{Check, Host, check, host_command, text};

/// Objects begin in whichever order the host likes, and end in each of the ways that hosts have.
#[test]
fn objects_begin_in_both_orders_and_end_in_every_way() {
    let mut host = Host::start();
    for class in ["Client", "Server"] {
        for order in ["manager", "init"] {
            for end in ["destroy", "delete", "cppdelete"] {
                for with_done in [true, false] {
                    host.create("o", class, order);
                    let log = host.raw("call", "o", "GetLog", &[]);
                    assert_eq!(log["ok"], true, "{class}, {order} first: {log}");
                    if with_done {
                        host.ask(&["done", "o"]);
                    }
                    let ended = host.ask(&[end, "o"]);
                    assert_eq!(
                        (&ended["ok"], &ended["late"]),
                        (&json!(true), &json!(0)),
                        "{class} {end}"
                    );
                }
            }
        }
    }
    host.finish();
}

/// R-54: a running server and an open connection are ended with their objects: threads and files are as before.
#[test]
fn the_end_of_an_object_ends_what_belongs_to_it() {
    let mut host = Host::start();
    let (mut before, mut seen) = (Value::Null, false);
    // `done` first, as 1C does, and without it, as nobody should.
    for (with_done, end) in [
        (true, "destroy"),
        (true, "delete"),
        (true, "cppdelete"),
        (false, "destroy"),
        (false, "delete"),
        (false, "cppdelete"),
    ] {
        host.create("s", "Server", "manager");
        host.create("c", "Client", "manager");
        let port = start_server(&mut host, "s");
        host.succeed("c", "CreateConnection", &[&url(port)]);
        let during = host.ask(&["process"]);
        for object in ["c", "s"] {
            if with_done {
                host.ask(&["done", object]);
            }
            host.ask(&[end, object]);
        }
        // A thread that was joined may be listed by the system for a moment more.
        let mut after = Value::Null;
        until(TIMEOUT, || {
            after = host.ask(&["process"]);
            !seen || after["threads"] == before["threads"]
        });
        if seen {
            assert_eq!(
                (&after["threads"], &after["files"]),
                (&before["threads"], &before["files"]),
                "threads and files after {end}, with Done: {with_done}, and before"
            );
            assert!(
                during["threads"].as_i64() > after["threads"].as_i64(),
                "{during} {after}"
            );
        }
        // The first round opens what stays: the source of random numbers and the like.
        (before, seen) = (after, true);
    }
    host.finish();
}

/// After `Done` every call is refused, and so is the connection's use.
#[test]
fn after_done_every_call_is_refused() {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    host.create("c", "Client", "manager");
    let port = start_server(&mut host, "s");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    for object in ["c", "s"] {
        host.ask(&["done", object]);
        host.ask(&["done", object]);
        let description = host.ask_anything(&["callat", object, "0", "s:ws://127.0.0.1:1/"]);
        assert_eq!(description["ok"], false, "{object}: {description}");
        let get = host.ask_anything(&["get", object, "LastError"]);
        assert_eq!(get["ok"], false, "{object}: {get}");
        let ended = host.ask(&["destroy", object]);
        assert_eq!(ended["late"], 0);
    }
    host.finish();
}

/// An object without a memory manager or without a connection does what it can, and catches up.
#[test]
fn what_the_host_gives_late_is_used_from_then_on() {
    let mut host = Host::start();
    host.create("o", "Client", "bare");
    let refused = host.raw(
        "callat",
        "o",
        "0",
        &["s:ftp://example.test/", "s:", "s:", "s:", "s:"],
    );
    assert_eq!(
        refused["ok"], false,
        "there is no memory for an answer: {refused}"
    );
    assert_eq!(host.ask(&["manager", "o", "null"])["ok"], false);
    assert_eq!(host.ask(&["manager", "o"])["ok"], true);
    host.fail("o", "CreateConnection", &["s:ftp://example.test/"], "usage");
    assert_eq!(host.ask(&["init", "o"])["ok"], true);
    host.ask(&["locale", "o", "ru_RU"]);
    host.fail("o", "CreateConnection", &["s:ftp://example.test/"], "usage");
    host.end("o");

    // Never initialised at all.
    host.create("o", "Server", "bare");
    host.ask(&["delete", "o"]);
    host.finish();
}

/// Many objects at a time, each with its own state.
#[test]
fn objects_share_nothing() {
    let mut host = Host::start();
    let names: Vec<String> = (0..50).map(|number| format!("o{number}")).collect();
    for name in &names {
        host.create(name, "Client", "manager");
        let tls = text(&format!(
            r#"{{"use_tls":true,"ca_cert_path":"{name}.pem"}}"#
        ));
        host.fail(
            name,
            "CreateConnection",
            &["s:ws://127.0.0.1:1/", &tls],
            "usage",
        );
    }
    for name in &names {
        let error = host.ask(&["get", name, "LastError"]);
        assert!(
            error["value"]["text"]
                .as_str()
                .is_some_and(|text| text.contains(&format!("{name}.pem"))),
            "{error}"
        );
        host.end(name);
    }
    host.finish();
}

/// A failure is told by AddError only if the script wants exceptions.
#[test]
fn exceptions_are_opt_in() {
    let mut host = Host::start();
    host.create("c", "Client", "manager");
    host.fail("c", "SendPing", &[], "closed");
    assert_eq!(host.ask(&["errors", "c"])["errors"], json!([]));
    assert_eq!(host.ask(&["set", "c", "ThrowErrors", "b:1"])["ok"], true);
    assert_eq!(
        host.ask(&["get", "c", "вызыватьисключения"])["value"]["value"],
        true
    );
    let raised = host.raw("call", "c", "SendPing", &[]);
    assert_eq!(
        (&raised["ok"], &raised["value"]["type"]),
        (&json!(false), &json!("undefined"))
    );
    let errors = host.ask(&["errors", "c"]);
    let error = &errors["errors"][0];
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!(1006), &json!(1))
    );
    assert!(
        error["text"].as_str().is_some_and(|text| !text.is_empty()),
        "{errors}"
    );
    let last = host.ask(&["get", "c", "LastError"]);
    assert_eq!(last["value"]["text"], error["text"]);
    host.ask(&["set", "c", "ThrowErrors", "b:0"]);
    host.fail("c", "SendPing", &[], "closed");
    host.end("c");
    host.finish();
}

/// The process ends at once with everything open (R-67).
#[test]
fn the_process_ends_with_everything_open() {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    let port = start_server(&mut host, "s");
    for number in 0..20 {
        let name = format!("c{number}");
        host.create(&name, "Client", "manager");
        host.succeed(&name, "CreateConnection", &[&url(port)]);
    }
    host.begin("waiting", "c0", "GetMessage", &["i4:60000"]);
    let started = Instant::now();
    // The host ends itself with its objects alive, as a crash of the script would.
    host.leave();
    if check() == Check::Nothing {
        let (took, most) = (started.elapsed(), Duration::from_secs(1));
        assert!(took <= most, "exit took {took:?}, more than {most:?}");
    }
}

/// The library is no host of its own: unknown classes are refused, and the host notices a broken pipe.
#[test]
fn the_host_is_no_pushover() {
    let mut host = Host::start();
    for class in ["", "Main", "Client|Server", "Клиент"] {
        assert_eq!(
            host.ask(&["new", "o", class, "manager"])["ok"],
            false,
            "{class:?}"
        );
    }
    host.finish();
    if cfg!(unix) && std::env::var_os("WS_NATIVE_HOST").is_none() && check() == Check::Nothing {
        use std::os::unix::process::ExitStatusExt as _;
        let status = host_command("sigpipe").status().unwrap();
        assert_eq!(status.signal(), Some(13), "SIGPIPE is at its default");
    }
}

#[track_caller]
pub(crate) fn start_server(host: &mut Host, object: &str) -> u64 {
    let local = text(r#"{"address":"127.0.0.1"}"#);
    let started = host.succeed(object, "StartServer", &["i4:0", "i4:1000", "s:", &local]);
    started["port"].as_u64().unwrap()
}

pub(crate) fn url(port: u64) -> String {
    text(&format!("ws://127.0.0.1:{port}/"))
}
