//! The ordering rules (a) to (f) of the method contract, through its functions alone: a client with its own thread and
//! a server in one process, 1,000 repeats each, no pause between two calls.

use std::{thread, time::Duration};

use ws_client::{
    BackgroundClient, Error,
    contract::{self as client_functions, BinaryData},
};
use ws_server::{
    Message,
    contract::{self as server_functions, ServerSettings},
    mailbox::{ConnectionInfo, Mailbox, MailboxError},
};

const REPEATS: usize = 1000;
const NO_WAIT: Option<i64> = Some(0);
const LONG: Option<i64> = Some(60_000);

fn start_at(address: &str) -> Mailbox {
    let settings = ServerSettings::default().address(address);
    server_functions::start_server(0, None, None, Some(settings)).unwrap()
}

fn connect(server: &Mailbox) -> Result<BackgroundClient, Error> {
    let address = format!("ws://{}/", server.local_addr());
    client_functions::create_connection(&address, None, None, &[], None, None)
}

fn list(server: &Mailbox) -> Vec<ConnectionInfo> {
    server_functions::get_connection_list(server).unwrap()
}

fn entry(server: &Mailbox, client: &BackgroundClient) -> Option<ConnectionInfo> {
    let address = client.local_address().unwrap().to_string();
    list(server)
        .into_iter()
        .find(|info| info.connection.address.to_string() == address)
}

fn id_of(server: &Mailbox, client: &BackgroundClient) -> String {
    entry(server, client).unwrap().id.to_string()
}

fn send(client: &BackgroundClient, text: &str) -> Result<(), Error> {
    client_functions::send_text_message(client, text, false)
}

fn close(client: &BackgroundClient) -> Result<(), Error> {
    client_functions::close_connection(client, None, "")
}

fn remove(server: &Mailbox, id: &str) -> Result<(), MailboxError> {
    server_functions::close_incoming_connection(server, id, true, None, "")
}

/// Reads as existing code does: until a result is false.
fn read_to_end(client: &BackgroundClient) -> Error {
    loop {
        if let Err(error) = client_functions::get_message(client, LONG) {
            return error;
        }
    }
}

/// (a) The list shows a connection when CreateConnection has returned, and (b) not any more, or as inactive if there is
/// unread data, when CloseConnection has.
#[test]
fn a_b_the_list_shows_what_the_client_knows() {
    let server = start_at("127.0.0.1");
    for repeat in 0..REPEATS {
        let client = connect(&server).unwrap();
        let listed = entry(&server, &client);
        assert!(
            listed.is_some_and(|info| info.is_active),
            "repeat {repeat}: not listed"
        );
        if repeat % 2 == 0 {
            close(&client).unwrap();
            assert_eq!(list(&server), [], "repeat {repeat}: still listed");
            continue;
        }
        send(&client, "unread").unwrap();
        close(&client).unwrap();
        let listed = entry(&server, &client).expect("it has unread data");
        assert!(!listed.is_active, "repeat {repeat}: closed but active");
        server_functions::get_next_connection_data(&server, NO_WAIT, None).unwrap();
        assert_eq!(list(&server), [], "repeat {repeat}: listed when drained");
    }
}

/// (c) What was sent before Close is readable after it; with its last message the entry goes.
#[test]
fn c_data_sent_before_close_is_read_after_it() {
    let server = start_at("127.0.0.1");
    for repeat in 0..REPEATS {
        let client = connect(&server).unwrap();
        let id = id_of(&server, &client);
        send(&client, "one").unwrap();
        let bytes = BinaryData::Bytes(&[2; 2000]);
        client_functions::send_binary_message(&client, bytes).unwrap();
        server_functions::send_data(&server, &id, Message::Text("answer"), false, None).unwrap();
        close(&client).unwrap();
        let one = server_functions::get_connection_data(&server, &id, NO_WAIT, None).unwrap();
        assert_eq!(
            (one.payload.as_slice(), one.is_active, one.more),
            (&b"one"[..], false, 1),
            "repeat {repeat}"
        );
        assert!(entry(&server, &client).is_some());
        let two = server_functions::get_next_connection_data(&server, NO_WAIT, None).unwrap();
        assert_eq!(two.payload, [2; 2000]);
        assert_eq!(list(&server), [], "repeat {repeat}");
        let drained = server_functions::get_connection_data(&server, &id, LONG, None);
        assert_eq!(drained.unwrap_err().error_code(), "closed");
        assert_eq!(read_to_end(&client).error_code(), "closed");
    }
}

/// (d) Removed at once, and the second send of the client fails.
#[test]
fn d_removed_at_once_and_the_second_send_of_the_client_fails() {
    let server = start_at("127.0.0.1");
    for repeat in 0..REPEATS {
        let client = connect(&server).unwrap();
        let id = id_of(&server, &client);
        remove(&server, &id).unwrap();
        assert_eq!(list(&server), [], "repeat {repeat}");
        let first = send(&client, "may still go out");
        let second = send(&client, "must not");
        assert_eq!(
            second.map_err(|error| error.error_code()),
            Err("closed"),
            "repeat {repeat}: the first gave {first:?}"
        );
    }
}

/// (e) After StopServer every function of the object fails, and so does CreateConnection.
#[test]
fn e_after_stop_every_function_fails_and_so_does_connecting() {
    for repeat in 0..REPEATS {
        // An address that no other test uses, so that nobody else takes the port.
        let server = start_at("127.0.77.5");
        let client = connect(&server).unwrap();
        let id = id_of(&server, &client);
        server_functions::stop_server(&server).unwrap();
        for error in [
            server_functions::get_next_connection_data(&server, LONG, None).err(),
            server_functions::get_connection_data(&server, &id, LONG, None).err(),
            server_functions::send_data(&server, &id, Message::Text("x"), false, None).err(),
            remove(&server, &id).err(),
            server_functions::get_connection_list(&server).err(),
            server_functions::broadcast(&server, Message::Text("x"), "").err(),
            server_functions::get_statistics(&server).err(),
            server_functions::stop_server(&server).err(),
        ] {
            let word = error.map(|error| error.error_code());
            assert_eq!(word, Some("not_started"), "repeat {repeat}");
        }
        let refused = connect(&server).unwrap_err();
        assert_eq!(refused.error_code(), "refused", "repeat {repeat}");
        assert_eq!(read_to_end(&client).error_code(), "closed");
    }
}

/// (f) CloseConnection twice, and a send after it, fail; also if the server has closed.
#[test]
fn f_closing_twice_and_sending_after_it_fail() {
    let server = start_at("127.0.0.1");
    for repeat in 0..REPEATS {
        let client = connect(&server).unwrap();
        let id = id_of(&server, &client);
        if repeat % 2 == 0 {
            close(&client).unwrap();
        } else {
            remove(&server, &id).unwrap();
            read_to_end(&client);
        }
        for error in [close(&client), send(&client, "after"), close(&client)] {
            let word = error.map_err(|error| error.error_code());
            assert_eq!(word, Err("closed"), "repeat {repeat}");
        }
        let word = remove(&server, &id).map_err(|error| error.error_code());
        assert_eq!(word, Err("closed"), "repeat {repeat}");
    }
}

/// The rules hold for each of several clients at once.
#[test]
fn the_rules_hold_for_several_clients_at_once() {
    let server = start_at("127.0.0.1");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..REPEATS / 4 {
                    let client = connect(&server).unwrap();
                    let id = id_of(&server, &client);
                    send(&client, "own").unwrap();
                    close(&client).unwrap();
                    assert!(!entry(&server, &client).unwrap().is_active);
                    let own = server_functions::get_connection_data(&server, &id, NO_WAIT, None);
                    assert_eq!(own.unwrap().payload, b"own");
                    assert_eq!(entry(&server, &client), None);
                }
            });
        }
    });
    assert_eq!(list(&server), []);
    assert!(server.stop().is_ok());
    assert_eq!(server.next(Duration::ZERO), Err(MailboxError::NotStarted));
}
