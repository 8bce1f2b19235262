//! The ordering rules of the method contract between our client and our mailbox in one process, as existing code
//! uses them: 1,000 repeats each, no pause between two calls, nobody who turns the client meanwhile.

use std::{thread, time::Duration};

use ws_client::{Client, CloseCode, ErrorKind, Message as Got};
use ws_server::{
    Message,
    mailbox::{ConnectionInfo, Mailbox, MailboxConfig, MailboxError},
};

const REPEATS: usize = 1000;
const NO_WAIT: Duration = Duration::ZERO;
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(mailbox: &Mailbox) -> Client {
    Client::connect(&format!("ws://{}/", mailbox.local_addr())).unwrap()
}

fn entry(mailbox: &Mailbox, client: &Client) -> Option<ConnectionInfo> {
    let address = client.local_address().unwrap().to_string();
    let list = mailbox.connections().unwrap();
    list.into_iter()
        .find(|info| info.connection.address.to_string() == address)
}

fn start() -> Mailbox {
    Mailbox::start("127.0.0.1:0", MailboxConfig::default()).unwrap()
}

/// (a) and (b)
#[test]
fn the_list_shows_what_the_client_knows() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut client = connect(&mailbox);
        assert!(
            entry(&mailbox, &client).is_some_and(|info| info.is_active),
            "repeat {repeat}: not listed"
        );
        if repeat % 2 == 0 {
            client.close(CloseCode::NORMAL, "").unwrap();
            assert_eq!(
                mailbox.connections().unwrap(),
                [],
                "repeat {repeat}: still listed"
            );
        } else {
            client.send_text("unread").unwrap();
            client.close(CloseCode::NORMAL, "").unwrap();
            let listed = entry(&mailbox, &client).unwrap();
            assert!(!listed.is_active, "repeat {repeat}: closed but active");
            assert_eq!(mailbox.next(NO_WAIT).unwrap().unwrap().payload, b"unread");
            assert_eq!(
                mailbox.connections().unwrap(),
                [],
                "repeat {repeat}: listed after the last message"
            );
        }
    }
}

/// (c) in both directions
#[test]
fn data_sent_before_close_is_read_after_it() {
    let mailbox = start();
    for _ in 0..REPEATS {
        let mut client = connect(&mailbox);
        let id = entry(&mailbox, &client).unwrap().id;
        for number in 0..3u8 {
            client.send_binary(&[number; 2000]).unwrap();
            mailbox.send(id, Message::Binary(&[number])).unwrap();
        }
        client.close(CloseCode::NORMAL, "done").unwrap();
        for number in 0..3u8 {
            let received = mailbox.next_from(id, NO_WAIT).unwrap().unwrap();
            assert_eq!(
                (received.payload.as_slice(), received.is_active),
                (&[number; 2000][..], false)
            );
        }
        let end = mailbox.next_from(id, NO_WAIT).unwrap_err();
        assert_eq!(
            end,
            MailboxError::Closed {
                id,
                code: CloseCode::NORMAL,
                reason: "done".to_owned()
            }
        );
        // What the server sent before it saw the Close arrives, in order; it may have seen the Close first.
        let mut expected = 0..3u8;
        while let Some(Got::Binary(data)) = client.receive(NO_WAIT).unwrap() {
            assert_eq!(Some(data), expected.next().map(|number| vec![number]));
        }
    }
}

/// (d)
#[test]
fn removed_at_once_and_the_second_send_of_the_client_fails() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut client = connect(&mailbox);
        let id = entry(&mailbox, &client).unwrap().id;
        mailbox.close(id, true, CloseCode::NORMAL, "").unwrap();
        assert_eq!(mailbox.connections().unwrap(), [], "repeat {repeat}");
        let first = client.send_text("one");
        let second = client.send_text("two").map_err(|error| error.kind());
        assert_eq!(
            second,
            Err(ErrorKind::Closed),
            "repeat {repeat}: the first gave {first:?}"
        );
    }
}

/// (e)
#[test]
fn after_stop_every_method_fails_and_so_does_connecting() {
    for repeat in 0..REPEATS {
        // An address that no other test uses, so that nobody else takes the port.
        let mailbox = Mailbox::start("127.0.77.3:0", MailboxConfig::default()).unwrap();
        let mut client = connect(&mailbox);
        let id = entry(&mailbox, &client).unwrap().id;
        thread::scope(|scope| {
            let client = &mut client;
            scope.spawn(move || while client.receive(PATIENCE).is_ok() {});
            mailbox.stop().unwrap();
        });
        for error in [
            mailbox.next(PATIENCE).err(),
            mailbox.next_from(id, PATIENCE).err(),
            mailbox.send(id, Message::Text("x")).err(),
            mailbox.close(id, true, CloseCode::NORMAL, "").err(),
            mailbox.connections().err(),
            mailbox.stop().err(),
        ] {
            assert_eq!(
                error.map(|error| error.error_code()),
                Some("not_started"),
                "repeat {repeat}"
            );
        }
        let refused = Client::connect(&format!("ws://{}/", mailbox.local_addr())).unwrap_err();
        assert_eq!(
            refused.error_code(),
            "refused",
            "repeat {repeat}: {refused}"
        );
    }
}

/// (f)
#[test]
fn closing_twice_and_sending_after_close_are_errors_on_both_sides() {
    let mailbox = start();
    for repeat in 0..REPEATS {
        let mut client = connect(&mailbox);
        let id = entry(&mailbox, &client).unwrap().id;
        if repeat % 2 == 0 {
            client.close(CloseCode::NORMAL, "").unwrap();
        } else {
            mailbox.close(id, true, CloseCode::NORMAL, "").unwrap();
            while client.receive(PATIENCE).is_ok() {}
        }
        assert_eq!(
            client
                .close(CloseCode::NORMAL, "")
                .unwrap_err()
                .error_code(),
            "closed",
            "repeat {repeat}"
        );
        assert_eq!(
            client.send_text("after").unwrap_err().error_code(),
            "closed"
        );
        let end = mailbox.close(id, true, CloseCode::NORMAL, "").unwrap_err();
        assert_eq!(end.error_code(), "closed", "repeat {repeat}");
        assert_eq!(
            mailbox
                .send(id, Message::Text("after"))
                .unwrap_err()
                .error_code(),
            "closed"
        );
    }
}
