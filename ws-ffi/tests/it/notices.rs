//! Opt-in notices, and messages in two halves.

use std::sync::mpsc;

use ws_core::Hook;
use ws_ffi::dispatch::{Client, Notice, Payload, Server, Value, find};

use crate::support::*;

fn told() -> (Hook<Notice>, mpsc::Receiver<Notice>) {
    let (sender, notices) = mpsc::channel();
    (Hook::new(move |notice| drop(sender.send(notice))), notices)
}

fn wait(notices: &mpsc::Receiver<Notice>) -> Notice {
    notices
        .recv_timeout(std::time::Duration::from_secs(60))
        .unwrap()
}

#[test]
fn a_host_is_told_once_of_what_waits_and_of_ends() {
    let (client, server, id) = pair();
    let (hook, at_client) = told();
    client.set_notify(Some(hook));
    let (hook, at_server) = told();
    server.set_notify(Some(hook));
    server.ok("SendData", &[id.clone(), "1".into()]);
    assert_eq!(wait(&at_client), Notice::Message);
    server.ok("SendData", &[id.clone(), "2".into()]);
    client.ok("SendTextMessage", &["3".into()]);
    assert_eq!(wait(&at_server), Notice::Message);
    wait_until("both have come", || {
        number(&client.ok("GetStatistics", &[]), "queuedMessages") == 2.0
    });
    assert_eq!(text(&receive(&client), "data"), "1");
    assert_eq!(text(&receive(&client), "data"), "2");
    assert_eq!(at_client.try_iter().count(), 0);
    next(&server);
    client.ok("CloseConnection", &[]);
    // The answer to our Close can be read, too.
    assert_eq!(wait(&at_client), Notice::Message);
    assert_eq!(wait(&at_client), Notice::Closed(None));
    assert_eq!(
        wait(&at_server),
        Notice::Closed(id.as_text().map(str::to_owned))
    );
    // Switched off, nothing is told.
    client.set_notify(None);
    let again = free_port();
    client.fails("CreateConnection", &[url(again)], "refused");
    client.abort();
    assert_eq!(at_client.try_iter().count(), 0);
}

/// Both ends of the call may fail for want of memory, any number of times.
#[test]
fn a_message_stays_until_its_host_has_both_halves() {
    let (client, server, id) = pair();
    let get_message = find("GetMessage").unwrap();
    let get_next = find("GetNextConnectionData").unwrap();
    let get_one = find("GetConnectionData").unwrap();
    let copy = |payload: &Payload| match payload {
        Payload::Text(text) => Some(Value::from(text.as_str())),
        Payload::Binary(bytes) => Some(Value::from(bytes.clone())),
    };
    for message in ["1", "2"] {
        server.ok("SendData", &[id.clone(), message.into()]);
        client.ok("SendTextMessage", &[message.into()]);
    }
    for message in ["1", "2"] {
        for _ in 0..3 {
            let receipt = client.receive(get_message, &[]);
            assert_eq!(fields(receipt.metadata()), ["result", "type", "size"]);
            drop(receipt);
            assert_eq!(client.take_payload(copy), None, "not confirmed");
            let receipt = server.receive(get_next, &[PATIENCE.into()]);
            assert_eq!(receipt.metadata().get("message"), None);
            drop(receipt);
            assert_eq!(server.take_payload(copy), None);
        }
        client.receive(get_message, &[]).confirm();
        let asked = std::slice::from_ref(&id);
        server.receive(get_one, asked).confirm();
        for _ in 0..3 {
            assert_eq!(client.take_payload(|_| None::<()>), None);
            assert_eq!(server.take_payload(|_| None::<()>), None);
        }
        assert_eq!(client.take_payload(copy), Some(message.into()));
        assert_eq!(
            server.take_payload(copy),
            Some(Value::Binary(message.into()))
        );
        assert_eq!(client.take_payload(copy), None, "once");
    }
    // A failure has no second half, and a whole answer is given by call again.
    let receipt = client.receive(get_message, &[0.into()]);
    assert_eq!(text(receipt.metadata(), "errorCode"), "timeout");
    receipt.confirm();
    server.ok("SendData", &[id, "3".into()]);
    drop(client.receive(get_message, &[PATIENCE.into()]));
    assert_eq!(text(&receive(&client), "data"), "3");
}

#[test]
fn what_is_held_goes_with_its_connection_and_its_server() {
    let (client, server, id) = pair();
    let get_next = find("GetNextConnectionData").unwrap();
    client.ok("SendTextMessage", &["1".into()]);
    drop(server.receive(get_next, &[PATIENCE.into()]));
    server.ok(
        "CloseIncomingConnection",
        &[id.as_text().unwrap().to_uppercase().into()],
    );
    server.fails("GetNextConnectionData", &[0.into()], "timeout");
    let (client, server, _) = pair();
    client.ok("SendTextMessage", &["1".into()]);
    drop(server.receive(get_next, &[PATIENCE.into()]));
    server.ok("StopServer", &[]);
    server.fails("GetNextConnectionData", &[0.into()], "not_started");
    drop((Client::new(), Server::new()));
}
