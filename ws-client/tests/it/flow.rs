//! Back-pressure in both directions.

use std::io::Write;
use std::time::{Duration, Instant};

use ws_client::{CloseCode, Config, ErrorKind, Message, Stage};

use crate::support::*;

/// Both send 64 messages of 1 MiB at once, neither reads first.
#[test]
fn two_peers_that_send_each_other_64_mib_at_once_both_finish() {
    const MESSAGES: usize = 64;
    let payload = |number: usize| vec![number as u8; 1 << 20];
    let server = serve_frames(move |mut stream| {
        // Reads only after all was written; the kernel's buffers are far smaller.
        for number in 0..MESSAGES {
            stream.write_all(&frame(BINARY, &payload(number))).unwrap();
            stream.write_all(&frame(PING, &[number as u8])).unwrap();
        }
        let mut pongs = 0;
        let mut next = 0;
        while next < MESSAGES {
            match read_frame(&mut stream).unwrap() {
                (BINARY, data) => {
                    assert!(data == payload(next), "message {next}");
                    next += 1;
                }
                (PONG, _) => pongs += 1,
                other => panic!("{other:?}"),
            }
        }
        let (first, close) = loop {
            match read_frame(&mut stream).unwrap() {
                (PONG, _) => pongs += 1,
                other => break other,
            }
        };
        assert_eq!(first, CLOSE);
        stream.write_all(&frame(CLOSE, &close)).unwrap();
        pongs
    });
    let mut client = server.connect();
    for number in 0..MESSAGES {
        client.send_binary(&payload(number)).unwrap();
    }
    let mut next = 0;
    let mut last_ping = Vec::new();
    // The newest unread ping stands behind the message before it.
    while last_ping != [MESSAGES as u8 - 1] {
        match client.receive(LONG).unwrap().expect("it comes") {
            Message::Binary(data) => {
                assert!(data == payload(next), "message {next}");
                next += 1;
            }
            Message::Ping(payload) => last_ping = payload,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next, MESSAGES);
    client.close(CloseCode::NORMAL, "").unwrap();
    assert!(server.join() > 0, "no ping was answered");
}

/// One message of 64 MiB, the largest allowed, in each direction at once.
#[test]
fn one_message_of_64_mib_each_way_at_once() {
    const LENGTH: usize = 64 << 20;
    let server = serve_frames(|mut stream| {
        stream.write_all(&frame(BINARY, &vec![1; LENGTH])).unwrap();
        let (_, data) = read_frame(&mut stream).unwrap();
        assert!(data.len() == LENGTH && data.iter().all(|byte| *byte == 2));
    });
    let mut client = server.connect();
    client.send_binary(&vec![2; LENGTH]).unwrap();
    let message = client.receive(LONG).unwrap().unwrap();
    assert!(message.payload().len() == LENGTH && message.payload().iter().all(|byte| *byte == 1));
    server.join();
}

/// reading stops at the limit and goes on with every message in order.
#[test]
fn a_full_queue_stops_the_reading_and_loses_nothing() {
    const MESSAGES: u32 = 20_000;
    let server = serve_frames(|mut stream| {
        for number in 0..MESSAGES {
            let mut payload = vec![0; 1000];
            payload[..4].copy_from_slice(&number.to_be_bytes());
            stream.write_all(&frame(BINARY, &payload)).unwrap();
        }
        stream.write_all(&frame(CLOSE, &[])).unwrap();
        read_to_end(stream);
    });
    let mut client = server.connect_with(Config::default().max_queued_messages(100));
    // Sends while nothing is taken: the queue fills up and stays bounded.
    for _ in 0..100 {
        client.send_text("something").unwrap();
    }
    for number in 0..MESSAGES {
        let message = client.receive(LONG).unwrap().unwrap();
        assert_eq!(message.payload()[..4], number.to_be_bytes());
    }
    assert!(matches!(
        client.receive(LONG).unwrap(),
        Some(Message::Close(_))
    ));
    drop(client);
    server.join();
}

#[test]
fn a_peer_that_never_reads_makes_a_send_time_out_and_the_rest_leaves_later() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let server = serve_frames(move |mut stream| {
        wait.recv().unwrap();
        let first = read_frame(&mut stream).unwrap().1.len();
        let second = read_frame(&mut stream).unwrap();
        (first, second)
    });
    let mut client =
        server.connect_with(Config::default().send_timeout(Duration::from_millis(200)));
    let start = Instant::now();
    let error = client.send_binary(&vec![0; 32 << 20]).unwrap_err();
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(200) && took < Duration::from_secs(20),
        "{took:?}"
    );
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Timeout, Stage::Send)
    );
    let unsent = client.unsent_bytes();
    assert!(unsent > 0);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot send to {}: {unsent} bytes have not left within 200 ms; they stay queued",
            client.address()
        )
    );
    // The next message waits behind it and, with no time left for itself, is not queued.
    let error = client.send_text("never sent").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueFull);
    assert!(client.unsent_bytes() <= unsent);
    go.send(()).unwrap();
    client.set_send_timeout(LONG);
    client.send_text("after").unwrap();
    assert_eq!(server.join(), (32 << 20, (TEXT, b"after".to_vec())));
}

#[test]
fn a_send_that_waits_for_us_to_read_says_so() {
    let server = serve_frames(|mut stream| {
        // Never reads before it has written everything, like a peer that is as busy as we are.
        let written = stream.write_all(&frame(BINARY, &[0; 1000]).repeat(100_000));
        drop(written);
    });
    let config = Config::default()
        .send_timeout(Duration::from_secs(3))
        .max_queued_messages(10);
    let mut client = server.connect_with(config);
    let error = client.send_binary(&vec![0; 32 << 20]).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(
        error.to_string().ends_with(
            "the peer may wait for us to receive: 10 messages of 10000 bytes are unread"
        ),
        "{error}"
    );
    drop(client);
    server.join();
}

/// R-14, seen from the client: pings that come while our output is stuck cost one pong.
#[test]
fn a_flood_of_pings_to_a_stuck_client_is_answered_once_it_is_free() {
    let server = serve_frames(|mut stream| {
        for number in 0..100_000_u32 {
            stream
                .write_all(&frame(PING, &number.to_be_bytes()))
                .unwrap();
        }
        stream.write_all(&frame(TEXT, b"end")).unwrap();
        let mut last = Vec::new();
        loop {
            let (first, payload) = read_frame(&mut stream).unwrap();
            match first {
                PONG => last = payload,
                TEXT => return last,
                _ => {}
            }
        }
    });
    let mut client = server.connect();
    client.send_binary(&vec![0; 16 << 20]).unwrap();
    while client.receive(LONG).unwrap() != Some(Message::Text("end".into())) {}
    client.send_text("done").unwrap();
    assert_eq!(server.join(), 99_999_u32.to_be_bytes());
}
