//! What else goes on in the process of a host: signals, time zones, little memory, small stacks, sudden ends.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WS_NATIVE_CONNECTIONS` | connections that are open when a process ends | 200 |

use std::{
    collections::BTreeSet,
    env,
    io::Read as _,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use ws_core::Limits;
use ws_server::{Config, Server};
use ws_tests::{
    raw::RawConnection,
    rude::{HUGE, Rude},
    wait::{TIMEOUT, until},
};

use crate::native_classes::mixed;
use crate::native_lifecycle::{start_server, url};
use crate::native_scenarios::number;
use crate::support::native::{Check, Host, check, filling, host_command, run, text};

/// A host on this system itself, and nothing between it and the kernel.
pub(crate) fn is_bare() -> bool {
    env::var_os("WS_NATIVE_HOST").is_none() && check() == Check::Nothing
}

fn connections() -> usize {
    usize::try_from(number("WS_NATIVE_CONNECTIONS", 200)).unwrap()
}

/// One message each way, of a size that takes several reads.
fn exchange(host: &mut Host, port: u64) {
    host.create("c", "Client", "manager");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    host.succeed("c", "SendBinaryMessage", &["fill:1048576"]);
    let told = host.succeed("s", "GetNextConnectionData", &["i4:30000"]);
    assert_eq!(told["size"], 1 << 20);
    let id = text(told["connectionId"].as_str().unwrap());
    host.succeed("s", "SendData", &[&id, "fill:1048576"]);
    assert_eq!(
        host.succeed("c", "GetMessage", &["i4:30000"])["size"],
        1 << 20
    );
    host.succeed("c", "CloseConnection", &[]);
    host.end("c");
}

/// R-56: a host's timer makes every system call return early, a thousand times a second.
#[test]
fn interrupted_calls_wait_as_long_as_they_were_told() {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    let port = start_server(&mut host, "s");
    host.create("w", "Client", "manager");
    host.succeed("w", "CreateConnection", &[&url(port)]);
    let began = host.ask_anything(&["interrupt", "1000"]);
    if began.get("problem").is_some() {
        println!("NOT RUN: no such signal on this system");
        return;
    }
    for (object, method) in [("w", "GetMessage"), ("s", "GetNextConnectionData")] {
        let mut shortest = f64::MAX;
        // A machine that is busy makes some of them late; a time that starts anew with each signal makes all of them so.
        for _ in 0..10 {
            let waited = host.raw("call", object, method, &["i4:500"]);
            let milliseconds = waited["ms"].as_f64().unwrap();
            assert!(
                milliseconds >= 499.0,
                "{method}(500) took {milliseconds} ms, less than 499"
            );
            shortest = milliseconds.min(shortest);
            if shortest <= 550.0 {
                break;
            }
        }
        if is_bare() {
            assert!(
                shortest <= 550.0,
                "{method}(500) took {shortest} ms at best, more than 550"
            );
        }
    }
    exchange(&mut host, port);
    let interrupts = host.ask(&["interrupt", "0"])["interrupts"].as_i64();
    assert!(interrupts > Some(100), "{interrupts:?}");
    host.end("w");
    host.end("s");
    host.finish();
}

/// R-58: another thread of the host changes the time zone while logs are written, and the locale is Turkish or Russian.
#[test]
fn time_zones_that_change_and_locales_disturb_nothing() {
    if env::var_os("WS_NATIVE_HOST").is_some() {
        println!("NOT RUN: the locales are made for this system");
        return;
    }
    // A bare system has none but C.
    let locales = tempfile::tempdir().unwrap();
    for (name, definition) in [("tr_TR.UTF-8", "tr_TR"), ("ru_RU.UTF-8", "ru_RU")] {
        run(Command::new("localedef")
            .args(["-i", definition, "-f", "UTF-8"])
            .arg(locales.path().join(name)));
        let mut command = host_command("script");
        command.env("LOCPATH", locales.path());
        log_and_look_up(Host::start_with(command), name);
    }
}

/// 50 clients with a log, and every name in any case, while the time zone changes.
fn log_and_look_up(mut host: Host, locale: &str) {
    assert_eq!(host.ask(&["collate", locale])["ok"], true, "{locale}");
    assert_eq!(host.ask(&["zones", "1"])["ok"], true);
    for class in ["Client", "Server"] {
        host.create("o", class, "manager");
        let description = host.ask(&["describe", "o"]);
        for (index, method) in description["methods"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            for name in [&method["english"], &method["russian"]] {
                let name = name.as_str().unwrap();
                for written in [name.to_lowercase(), name.to_uppercase(), mixed(name)] {
                    assert_eq!(
                        host.ask(&["find", "o", &written])["index"],
                        index,
                        "the number of {written} in {locale}"
                    );
                }
            }
        }
        host.end("o");
    }
    let logging = text(r#"{"mode":"memory","max_entries":10}"#);
    let local = text(r#"{"address":"127.0.0.1"}"#);
    host.create("s", "Server", "manager");
    let started = host.succeed("s", "startserver", &["i4:0", "i4:10", &logging, &local]);
    let port = started["port"].as_u64().unwrap();
    for round in 0..50 {
        host.create("c", "Client", "manager");
        let address = url(port);
        let arguments = [address.as_str(), "s:", "s:", "s:", &logging];
        host.succeed("c", "ОТКРЫТЬСОЕДИНЕНИЕ", &arguments);
        host.succeed("c", "закрытьсоединение", &[]);
        let log = host.succeed("c", "GetLog", &[]);
        let lines = log["logs"].as_array().unwrap();
        assert!(!lines.is_empty(), "{log}");
        for line in lines {
            let stamp = line.as_str().unwrap().as_bytes();
            let shape: String = stamp[..26]
                .iter()
                .map(|byte| match byte {
                    b'0'..=b'9' => '9',
                    other => char::from(*other),
                })
                .collect();
            assert_eq!(
                shape, "[9999-99-99 99:99:99.999] ",
                "the stamp in round {round} in {locale}: {line}"
            );
        }
        host.end("c");
    }
    host.ask(&["zones", "0"]);
    host.end("s");
    host.finish();
}

/// R-63: every method of both classes from a thread whose stack has 128 KiB.
#[test]
fn a_small_stack_is_enough_for_every_method() {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    host.create("c", "Client", "manager");
    let port = start_server(&mut host, "s");
    let address = url(port);
    let mut called: BTreeSet<(String, String)> = BTreeSet::new();
    let mut call = |host: &mut Host, object: &str, method: &str, arguments: &[&str]| {
        called.insert((object.to_owned(), method.to_owned()));
        let mut fields = vec!["small", "job", object, method];
        fields.extend(arguments);
        host.ask(&fields);
        let answer = host.wait("job");
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    };
    call(&mut host, "c", "CreateConnection", &[&address]);
    let list = host.succeed("s", "GetConnectionList", &[]);
    let id = text(list["connections"][0]["connectionId"].as_str().unwrap());
    for (object, method, arguments) in [
        ("c", "GetTlsSettings", &["b:1"][..]),
        ("c", "GetProxySettings", &["s:proxy", "i4:1"]),
        ("c", "GetLoggingSettings", &[]),
        ("s", "GetLoggingSettings", &[]),
        ("c", "SetEvents", &[]),
        ("s", "SetEvents", &[]),
        ("c", "SendPing", &[]),
        ("c", "SendPong", &[]),
        ("c", "SendTextMessage", &["letters:100000"]),
        ("s", "GetNextConnectionData", &["i4:30000"]),
        ("s", "TakeText", &[]),
        ("c", "SendBinaryMessage", &["fill:1000000"]),
        ("s", "GetConnectionData", &[&id, "i4:30000"]),
        ("s", "TakeData", &[]),
        ("s", "SendData", &[&id, r#"s:{"a": [1, 2]}"#]),
        ("s", "Broadcast", &["x:00"]),
        ("c", "GetMessage", &["i4:30000"]),
        ("c", "TakeText", &[]),
        ("c", "TakeData", &[]),
        ("c", "GetLog", &[]),
        ("s", "GetLog", &[]),
        ("c", "GetStatistics", &[]),
        ("s", "GetStatistics", &[]),
        ("c", "GetConnectionStatus", &[]),
        ("c", "Version", &[]),
        ("s", "Version", &[]),
        ("s", "GetConnectionList", &[]),
        ("s", "CloseIncomingConnection", &[&id]),
        ("c", "CloseConnection", &[]),
        ("s", "StopServer", &[]),
        (
            "s",
            "StartServer",
            &["i4:0", "i4:10", "s:", r#"s:{"address":"localhost"}"#],
        ),
        ("c", "CreateConnection", &["s:wss://127.0.0.1:1/"]),
    ] {
        call(&mut host, object, method, arguments);
    }
    let mut offered = BTreeSet::new();
    for object in ["c", "s"] {
        let description = host.ask(&["describe", object]);
        let methods = description["methods"].as_array().unwrap();
        let names = methods
            .iter()
            .map(|method| method["english"].as_str().unwrap());
        offered.extend(names.map(|name| (object.to_owned(), name.to_owned())));
    }
    assert_eq!(
        called, offered,
        "methods that were called, and that there are"
    );
    host.end("c");
    host.end("s");
    host.finish();
}

/// Starts a server with room for the crowd and some more.
fn start_large_server(host: &mut Host) -> u64 {
    let local = text(r#"{"address":"127.0.0.1"}"#);
    let pool = format!("i4:{}", connections() + 10);
    host.create("s", "Server", "manager");
    let started = host.succeed("s", "StartServer", &["i4:0", &pool, "s:", &local]);
    started["port"].as_u64().unwrap()
}

/// R-62: more than there is memory for is refused, and the host goes on: as client and as server, to peers elsewhere.
#[test]
fn what_there_is_no_memory_for_is_refused() {
    const MEBIBYTE: usize = 1 << 20;
    if check() != Check::Nothing {
        println!("NOT RUN: under such a limit it is the tool that ends the process");
        return;
    }
    let limits = Limits::default().max_message_bytes(256 * MEBIBYTE);
    let sink = Server::bind("127.0.0.1:0", Config::default().limits(limits)).unwrap();
    let address = url(sink.local_addr().port().into());
    let running = sink.spawn(|_| Rude).unwrap();
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    let port = start_server(&mut host, "s");
    let reader = RawConnection::open(&format!("ws://127.0.0.1:{port}/")).unwrap();
    let list = host.succeed("s", "GetConnectionList", &[]);
    let id = text(list["connections"][0]["connectionId"].as_str().unwrap());
    host.create("c", "Client", "manager");
    host.succeed("c", "CreateConnection", &[&address]);
    let block = format!("block:{}", 200 * MEBIBYTE);
    // The host's own copy is made while there is memory.
    host.fail("s", "SendData", &["s:nobody", &block], "not_found");
    if host.ask(&["limit", &(100 * MEBIBYTE).to_string()])["ok"] == false {
        println!("NOT RUN: this system has no such limit");
        return;
    }
    // No copy at all, one, two and not the third: whichever is missing.
    for room in [100, 250, 450, 650] {
        host.ask(&["limit", &(room * MEBIBYTE).to_string()]);
        let refused = host.call("c", "SendBinaryMessage", &[&block]);
        assert_eq!(refused["result"], false, "{room} MiB: {refused}");
        assert!(refused["error"].as_str().unwrap().contains("memory"));
        let refused = host.call("s", "SendData", &[&id, &block]);
        assert_eq!(refused["result"], false, "{room} MiB: {refused}");
        host.succeed("s", "SendData", &[&id, "s:still here"]);
        let status = host.succeed("c", "GetConnectionStatus", &[]);
        assert_eq!(status["isActive"], true, "{status}");
    }
    host.ask(&["limit", "0"]);
    // With memory it is a message like any other: the queue takes one of any size if it is empty.
    host.succeed("c", "SendBinaryMessage", &[&block]);
    drop(reader);
    host.end("c");
    host.end("s");
    drop(running);
    host.finish();
}

/// R-62: a message of 60 MiB that a peer sends where there are 20 ends its connection, and nothing else.
#[test]
fn what_a_peer_sends_and_there_is_no_memory_for_ends_its_connection() {
    if check() != Check::Nothing {
        println!("NOT RUN: under such a limit it is the tool that ends the process");
        return;
    }
    let source = Server::bind("127.0.0.1:0", Config::default()).unwrap();
    let address = url(source.local_addr().port().into());
    let running = source.spawn(|_| Rude).unwrap();
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    let port = start_server(&mut host, "s");
    let mut peer = ws_client::Client::connect(&format!("ws://127.0.0.1:{port}/")).unwrap();
    host.create("c", "Client", "manager");
    host.succeed("c", "CreateConnection", &[&address]);
    if host.ask(&["limit", &(20 << 20).to_string()])["ok"] == false {
        println!("NOT RUN: this system has no such limit");
        return;
    }
    host.succeed("c", "SendTextMessage", &["s:huge"]);
    let ended = host.fail("c", "GetMessage", &["i4:30000"], "internal");
    assert!(
        ended["error"].as_str().unwrap().contains("memory"),
        "{ended}"
    );
    // It may be told while it sends.
    let _ = peer.send_binary(&filling(HUGE));
    let mut left = json!(null);
    assert!(
        until(TIMEOUT, || {
            left = host.succeed("s", "GetConnectionList", &[])["connections"].take();
            left == json!([]) || left[0]["isActive"] == false
        }),
        "the connection whose message there is no memory for: {left}"
    );
    host.ask(&["limit", "0"]);
    // Both objects work on.
    host.succeed("c", "CreateConnection", &[&url(port)]);
    host.succeed("c", "SendTextMessage", &["s:still here"]);
    let told = host.succeed("s", "GetNextConnectionData", &["i4:30000"]);
    assert_eq!(told["size"], 10, "{told}");
    host.end("c");
    host.end("s");
    drop(running);
    host.finish();
}

/// Connections of this process to the host's server, all open.
fn crowd(port: u64) -> Vec<RawConnection> {
    let address = format!("ws://127.0.0.1:{port}/");
    (0..connections())
        .map(|_| RawConnection::open(&address).unwrap())
        .collect()
}

/// Every connection ends, in whatever way.
fn expect_ends(connections: Vec<RawConnection>) {
    for mut connection in connections {
        let socket = connection.transport().socket();
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut rest = Vec::new();
        if let Err(error) = socket.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
    }
}

/// R-66: the process that has the add-in is killed: its peers see the end, and the port can be used again.
#[test]
fn a_killed_host_leaves_nothing_behind() {
    if !is_bare() {
        println!("NOT RUN: killed would be what runs the host");
        return;
    }
    let mut host = Host::start();
    let port = start_large_server(&mut host);
    let connections = crowd(port);
    host.kill();
    expect_ends(connections);
    let mut next = Host::start();
    next.create("s", "Server", "manager");
    let local = text(r#"{"address":"127.0.0.1"}"#);
    let same = format!("i4:{port}");
    let mut started = json!(null);
    assert!(
        until(TIMEOUT, || {
            started = next.call("s", "StartServer", &[&same, "i4:10", "s:", &local]);
            started["result"] == true
        }),
        "the port of the killed host after {TIMEOUT:?}: {started}"
    );
    next.end("s");
    next.finish();
}

/// R-67: `exit` with a crowd of open connections and a call that waits ends the process at once.
#[test]
fn the_process_ends_with_a_crowd_connected() {
    let mut host = Host::start();
    let port = start_large_server(&mut host);
    host.create("c", "Client", "manager");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    host.begin("waiting", "c", "GetMessage", &["i4:60000"]);
    let connections = crowd(port);
    let started = Instant::now();
    host.leave();
    let took = started.elapsed();
    println!("native exit: {} connections, {took:?}", connections.len());
    if is_bare() {
        let most = Duration::from_secs(1);
        assert!(
            took <= most,
            "exit took {took:?}, more than {most:?}, with {} connections",
            connections.len()
        );
    }
    expect_ends(connections);
}
