//! A memory manager that fails: no message is lost, and no object breaks.

use serde_json::Value;

use crate::native_lifecycle::{start_server, url};
use crate::support::native::{Host, bytes, json, text};

/// Calls until it succeeds: the memory manager fails once, so the second time must.
#[track_caller]
fn stubborn(host: &mut Host, object: &str, method: &str, arguments: &[&str]) -> Value {
    let answer = host.raw("call", object, method, arguments);
    if answer["ok"] == true {
        return answer;
    }
    assert_eq!(
        host.ask(&["memory"])["failed"],
        true,
        "{method} failed by itself: {answer}"
    );
    let again = host.raw("call", object, method, arguments);
    assert_eq!(again["ok"], true, "{method}: {again}");
    again
}

/// One message each way of each kind, read with every call repeated that had no memory.
fn exchange(host: &mut Host, id: &str, round: usize) {
    let there = format!("туда {round}");
    let back = format!("обратно {round}");
    host.succeed("c", "SendTextMessage", &[&text(&there)]);
    host.succeed("c", "SendBinaryMessage", &[&bytes(there.as_bytes())]);
    host.succeed("s", "SendData", &[id, &text(&back)]);
    host.succeed("s", "SendData", &[id, &bytes(back.as_bytes())]);
    // Everything has arrived before memory begins to fail: else a timeout would look like a loss.
    host.ask(&["fail", &round.to_string()]);
    for (object, receive, sent) in [
        ("s", "GetNextConnectionData", &there),
        ("c", "GetMessage", &back),
    ] {
        let told = json(&stubborn(host, object, receive, &["i4:30000"]));
        assert_eq!(
            (&told["result"], &told["type"]),
            (&true.into(), &"text".into()),
            "round {round}: {told}"
        );
        let taken = stubborn(host, object, "TakeText", &[]);
        assert_eq!(taken["value"]["text"], sent.as_str(), "round {round}");
        let told = json(&stubborn(host, object, receive, &["i4:30000"]));
        assert_eq!(
            (&told["result"], &told["type"]),
            (&true.into(), &"binary".into()),
            "round {round}: {told}"
        );
        let taken = stubborn(host, object, "TakeData", &[]);
        let hex = data_encoding::HEXLOWER.encode(sent.as_bytes());
        assert_eq!(taken["value"]["hex"], hex.as_str(), "round {round}");
    }
}

fn two_ends() -> (Host, String) {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    host.create("c", "Client", "manager");
    let port = start_server(&mut host, "s");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    let list = host.succeed("s", "GetConnectionList", &[]);
    let id = text(list["connections"][0]["connectionId"].as_str().unwrap());
    (host, id)
}

///
#[test]
fn every_allocation_fails_in_turn_and_no_message_is_lost() {
    let (mut host, id) = two_ends();
    let mut rounds = 0;
    loop {
        rounds += 1;
        exchange(&mut host, &id, rounds);
        if host.ask(&["memory"])["failed"] == false {
            break;
        }
        host.ask(&["fail", "0"]);
        assert!(
            rounds < 1000,
            "an exchange of 16 calls allocates without end"
        );
    }
    let failed = rounds - 1;
    // Eight receives and takes have an answer in the host's memory.
    assert!(
        failed >= 8,
        "{failed} allocations failed in turn, fewer than 8"
    );
    println!("{failed} allocations failed in turn; no message was lost");
    host.ask(&["fail", "0"]);
    host.end("c");
    host.end("s");
    host.finish();
}

///
#[test]
fn names_and_defaults_fail_without_memory_and_come_back_with_it() {
    let mut host = Host::start();
    for class in ["Client", "Server"] {
        host.create("o", class, "manager");
        let whole = host.ask(&["describe", "o"]);
        let mut failing = 1;
        loop {
            host.ask(&["fail", &failing.to_string()]);
            host.ask(&["describe", "o"]);
            let failed = host.ask(&["memory"])["failed"] == true;
            host.ask(&["fail", "0"]);
            assert_eq!(
                strip_times(host.ask(&["describe", "o"])),
                strip_times(whole.clone()),
                "{class}: what it says of itself after allocation {failing} had failed"
            );
            if !failed {
                break;
            }
            failing += 1;
        }
        assert!(
            failing > 20,
            "{class}: {} allocations failed in turn, fewer than 20",
            failing - 1
        );
        host.end("o");
    }
    host.finish();
}

/// Without the time that each took.
fn strip_times(mut description: Value) -> Value {
    for method in description["methods"].as_array_mut().unwrap() {
        for default in method["defaults"].as_array_mut().unwrap() {
            default.as_object_mut().unwrap().remove("ms");
        }
    }
    description
}

/// while there is no memory at all nothing is lost either, however often it is asked for.
#[test]
fn a_message_waits_until_there_is_memory() {
    let (mut host, id) = two_ends();
    host.succeed("s", "SendData", &[&id, "s:первое"]);
    host.succeed("s", "SendData", &[&id, "s:второе"]);
    host.ask(&["refuse", "1"]);
    let method = host.ask(&["find", "c", "GetMessage"])["index"].to_string();
    for attempt in 0..20 {
        assert_eq!(host.raw("callat", "c", "0", &["s:x"])["ok"], false);
        // The first one waits until the first message is there; it stays there for the others.
        let wait = if attempt == 0 { "i4:30000" } else { "i4:0" };
        assert_eq!(host.raw("callat", "c", &method, &[wait])["ok"], false);
    }
    host.ask(&["refuse", "0"]);
    for expected in ["первое", "второе"] {
        let told = host.succeed("c", "GetMessage", &["i4:30000"]);
        assert_eq!(
            told["type"], "text",
            "what comes first after 20 receives without memory: {told}"
        );
        host.ask(&["refuse", "1"]);
        assert_eq!(host.raw("call", "c", "TakeText", &[])["ok"], false);
        assert_eq!(host.raw("call", "c", "TakeText", &[])["ok"], false);
        host.ask(&["refuse", "0"]);
        let taken = host.raw("call", "c", "TakeText", &[]);
        assert_eq!(
            taken["value"]["text"], expected,
            "the text after 2 takes without memory"
        );
    }
    host.end("c");
    host.end("s");
    host.finish();
}
