//! Messages in both directions, and none lost for want of the host's memory.

use super::host::{Item, Object};

/// Starts a server on a free port of the loopback.
pub(super) fn start(server: &Object) -> u16 {
    let settings = Item::Text(String::from(r#"{"address": "127.0.0.1"}"#));
    let empty = Item::Text(String::new());
    let started = server.json(
        "ЗапуститьСервер",
        &[Item::I4(0), Item::I4(100), empty, settings],
    );
    assert_eq!(started["result"], true, "{started}");
    started["port"]
        .as_u64()
        .and_then(|port| port.try_into().ok())
        .expect("a port")
}

pub(super) fn connect(port: u16) -> Object {
    let client = Object::new("Client");
    let address = Item::Text(format!("ws://127.0.0.1:{port}/"));
    let connected = client.json("CreateConnection", &[address]);
    assert_eq!(connected["result"], true, "{connected}");
    client
}

/// A connected pair, and the connection's id.
pub(super) fn pair() -> (Object, Object, String) {
    let server = Object::new("Server");
    let client = connect(start(&server));
    let list = server.json("GetConnectionList", &[]);
    let id = list["connections"][0]["connectionId"].as_str();
    let id = id.expect("an id").to_owned();
    (server, client, id)
}

pub(super) fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

#[test]
fn text_and_bytes_come_through_both_ways() {
    let (server, client, id) = pair();
    let texts = ["", "привет", "a\u{0}б", "😀", "{\"a\": [1]}"];
    for sent in texts {
        let result = client.json("SendTextMessage", &[text(sent)]);
        assert_eq!(result["result"], true, "{result}");
        let got = server.json("GetNextConnectionData", &[]);
        assert_eq!(got["type"], "text", "{got}");
        assert_eq!(got["connectionId"], id.as_str());
        assert_eq!(got["size"], sent.len());
        assert!(got.get("message").is_none());
        assert_eq!(server.call("TakeText", &[]), Some(text(sent)));
        assert_eq!(server.call("TakeText", &[]), Some(Item::Undefined));

        let result = server.json("SendData", &[text(&id), text(sent)]);
        assert_eq!(result["result"], true, "{result}");
        let got = client.json("GetMessage", &[]);
        assert_eq!(got["type"], "text", "{got}");
        assert!(got.get("data").is_none());
        assert_eq!(
            client.call("ЗабратьДанные", &[]),
            Some(Item::Binary(sent.into()))
        );
    }
    for sent in [vec![], vec![0, 255, 254], vec![7; 1 << 20]] {
        let result = client.json("SendBinaryMessage", &[Item::Binary(sent.clone())]);
        assert_eq!(result["result"], true, "{result}");
        let got = server.json("GetConnectionData", &[text(&id)]);
        assert_eq!(got["type"], "binary", "{got}");
        assert_eq!(server.call("TakeData", &[]), Some(Item::Binary(sent)));
    }
    // Not UTF-8: only TakeData gives it.
    server.json("SendData", &[text(&id), Item::Binary(vec![0xFF])]);
    client.json("GetMessage", &[]);
    assert_eq!(client.call("TakeText", &[]), Some(Item::Undefined));
    assert_eq!(client.call("TakeData", &[]), Some(Item::Binary(vec![0xFF])));
    client.json("CloseConnection", &[]);
    server.json("StopServer", &[]);
}

#[test]
fn an_untaken_message_is_read_when_the_next_receive_starts() {
    let (server, client, _) = pair();
    for sent in ["1", "2"] {
        client.json("SendTextMessage", &[text(sent)]);
    }
    server.json("GetNextConnectionData", &[]);
    server.json("GetNextConnectionData", &[]);
    assert_eq!(server.call("TakeText", &[]), Some(text("2")));
    let nothing = server.json("GetNextConnectionData", &[Item::I4(0)]);
    assert_eq!(nothing["error"], "timeout", "{nothing}");
}

/// R-61: allocation number 0, 1, … of two receives and takes fails, until there are no more
#[test]
fn no_message_is_lost_when_the_host_has_no_memory() {
    let (server, client, id) = pair();
    for class in [&server, &client] {
        let receive = if std::ptr::eq(class, &server) {
            "GetNextConnectionData"
        } else {
            "GetMessage"
        };
        let mut failed = 0;
        loop {
            let sent = [format!("first {failed}"), format!("second {failed}")];
            for message in &sent {
                let result = if std::ptr::eq(class, &server) {
                    client.json("SendTextMessage", &[text(message)])
                } else {
                    server.json("SendData", &[text(&id), text(message)])
                };
                assert_eq!(result["result"], true, "{result}");
            }
            class.fail_in(failed);
            for message in &sent {
                let mut told = class.call(receive, &[]);
                if told.is_none() {
                    let why = class.property(class.find_property("LastError"));
                    assert!(matches!(why, Some(Item::Text(why)) if why.contains("memory")));
                    told = class.call(receive, &[]);
                }
                assert!(told.is_some(), "{receive}");
                let mut taken = class.call("TakeText", &[]);
                if taken.is_none() {
                    taken = class.call("TakeText", &[]);
                }
                assert_eq!(
                    taken,
                    Some(text(message)),
                    "the message taken when allocation {failed} of {receive} had failed"
                );
            }
            if !class.has_failed() {
                break;
            }
            failed += 1;
        }
        class.fail_in(usize::MAX);
        assert_eq!(
            failed, 4,
            "allocations of two receives and takes that failed in turn"
        );
    }
}

/// R-61: who does not take again, as the modules, but receives again
#[test]
fn a_payload_that_found_no_memory_is_told_of_again() {
    let (server, client, id) = pair();
    for sent in ["1", "2"] {
        server.json("SendData", &[text(&id), text(sent)]);
    }
    client.json("GetMessage", &[]);
    client.fail_in(0);
    assert_eq!(client.call("TakeText", &[]), None);
    client.fail_in(usize::MAX);
    for sent in ["1", "2"] {
        assert_eq!(client.json("GetMessage", &[])["type"], "text");
        assert_eq!(client.call("TakeText", &[]), Some(text(sent)));
    }
}

/// R-61: 3 GiB would fit into the host's 32 bits; no host means them, and none is asked for them
#[cfg(target_pointer_width = "64")]
#[test]
fn a_result_of_gigabytes_is_none() {
    const MOST: usize = i32::MAX as usize;
    let object = Object::new("Client");
    let inner = object.header().inner().expect("alive");
    let memory = inner.host.memory().expect("it was set");
    for bytes in [MOST + 1, 3 << 30, (4 << 30) + 1] {
        // Zeros that nobody reads are no memory in use.
        let data = vec![0; bytes];
        assert!(memory.it.bytes(&data).is_none(), "{bytes} bytes were given");
    }
    let largest = object.largest_block();
    assert!(
        largest <= MOST,
        "{largest} bytes were asked for, more than {MOST}"
    );
}

/// A timeout is an answer; whatever else fails is thrown
#[test]
fn a_timeout_is_never_thrown() {
    let (server, client, _) = pair();
    for object in [&server, &client] {
        object.set_property(
            object.find_property("ВызыватьИсключения"),
            &Item::Boolean(true),
        );
    }
    let nothing = server.json("GetNextConnectionData", &[Item::I4(0)]);
    assert_eq!(nothing["errorCode"], "timeout");
    let nothing = client.json("GetMessage", &[Item::I4(0)]);
    assert_eq!(nothing["errorCode"], "timeout");
    server.json("StopServer", &[]);
    assert_eq!(server.call("GetNextConnectionData", &[]), None);
    assert_eq!(server.told().errors.len(), 1);
}
