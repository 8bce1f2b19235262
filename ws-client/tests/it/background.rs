//! The client with a thread of its own: several callers at once, ends from every side, reconnecting, the event log.

mod compression;
mod ends;
mod reconnecting;

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tungstenite::protocol::frame::CloseFrame;
use ws_client::{
    BackgroundClient, BackgroundConfig, CloseCode, Config, ConnectRequest, ConnectionEvent,
    ErrorKind, LoggingSettings, Message, Reconnect, State, contract,
};

use crate::support::*;

const NOW: Duration = Duration::ZERO;

fn connect(url: &str) -> BackgroundClient {
    BackgroundClient::connect(url).unwrap()
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

/// Runs `script` behind the opening handshake of one connection after the other.
fn serve_each<T: Send + 'static>(
    count: usize,
    mut script: impl FnMut(usize, std::net::TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<Vec<T>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Else the system would take 8 MiB and more for a peer that does not read.
    let buffer = socket2::SockRef::from(&listener).set_recv_buffer_size(64 << 10);
    buffer.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let serve = |number| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            let head = read_head(&mut stream);
            stream.write_all(accept(&head).as_bytes()).unwrap();
            script(number, stream)
        };
        (0..count).map(serve).collect()
    });
    (url, thread)
}

#[test]
fn pings_are_answered_and_messages_received_without_a_single_call() {
    let server = serve_frames(|mut stream| {
        for number in 0..50_u8 {
            stream.write_all(&frame(TEXT, b"news")).unwrap();
            stream.write_all(&frame(PING, &[number])).unwrap();
            assert_eq!(read_frame(&mut stream).unwrap(), (PONG, vec![number]));
        }
        stream
    });
    let client = connect(&server.url);
    let _stream = server.join();
    // The answer leaves just before it is counted.
    let start = Instant::now();
    while client.statistics().pings_answered < 50 {
        assert!(start.elapsed() < LONG);
        thread::yield_now();
    }
    let statistics = client.statistics();
    assert_eq!(statistics.receive_queue_messages, 50);
    assert_eq!(
        (statistics.messages_received, statistics.bytes_received),
        (50, 200)
    );
    assert!(statistics.last_message.is_some());
    assert_eq!(client.state(), State::Open);
    for _ in 0..50 {
        assert_eq!(client.receive(NOW).unwrap(), Some(text("news")));
    }
    // Of the 50 pings the newest.
    assert_eq!(client.receive(NOW).unwrap(), Some(Message::Ping(vec![49])));
    assert_eq!(client.receive(NOW).unwrap(), None);
}

#[test]
fn threads_send_at_once_and_each_message_is_whole_and_in_its_threads_order() {
    const THREADS: usize = 8;
    const MESSAGES: usize = 250;
    let server = serve_tungstenite(|mut peer| {
        let mut next = [0; THREADS];
        for _ in 0..THREADS * MESSAGES {
            let message = peer.read().unwrap().into_text().unwrap();
            let mut parts = message.splitn(3, ' ');
            let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
            let (thread, count) = (number(), number());
            assert_eq!(count, next[thread]);
            next[thread] += 1;
            let filler = parts.next().unwrap();
            assert_eq!(filler.len(), count * 97 % 5000);
            assert!(filler.bytes().all(|byte| byte == b'a' + thread as u8));
        }
        // Until the client's Close.
        while peer.read().is_ok() {}
        next
    });
    let client = connect(&server.url);
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, start) = (&client, &start);
            scope.spawn(move || {
                start.wait();
                for count in 0..MESSAGES {
                    let letter = char::from(b'a' + thread as u8).to_string();
                    let filler = letter.repeat(count * 97 % 5000);
                    let message = format!("{thread} {count} {filler}");
                    client.send_text(&message, LONG).unwrap();
                }
            });
        }
    });
    client.flush(LONG).unwrap();
    assert_eq!(
        client.statistics().messages_sent,
        (THREADS * MESSAGES) as u64
    );
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(server.join(), [MESSAGES; THREADS]);
}

/// An empty message has no byte that could tell a flush of its going.
#[test]
fn a_flush_does_not_oversleep_an_empty_message() {
    let server = serve_tungstenite(|mut peer| {
        // Until the client's Close.
        while peer.read().is_ok() {}
    });
    let client = connect(&server.url);
    for _ in 0..200 {
        client.send_pong(&[], LONG).unwrap();
        client.flush(LONG).unwrap();
        client.send_text("", LONG).unwrap();
        client.flush(LONG).unwrap();
    }
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
}

#[test]
fn several_receivers_share_the_messages_and_all_learn_of_the_end() {
    let server = serve_tungstenite(|mut peer| {
        for number in 0..1000 {
            peer.send(tungstenite::Message::text(number.to_string()))
                .unwrap();
        }
        peer.close(None).unwrap();
        while peer.read().is_ok() {}
    });
    let client = connect(&server.url);
    let receive_all = || {
        let mut numbers = Vec::<u32>::new();
        let mut closes = 0;
        loop {
            match client.receive(Duration::MAX) {
                Ok(Some(Message::Text(text))) => numbers.push(text.parse().unwrap()),
                Ok(Some(Message::Close(_))) => closes += 1,
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Closed);
                    return (numbers, closes);
                }
            }
        }
    };
    let parts = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(receive_all)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    server.join();
    assert!(parts.iter().all(|(numbers, _)| numbers.is_sorted()));
    let mut all: Vec<_> = parts
        .iter()
        .flat_map(|(numbers, _)| numbers)
        .copied()
        .collect();
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
    assert_eq!(parts.iter().map(|(_, closes)| closes).sum::<i32>(), 1);
}

#[test]
fn a_large_send_does_not_keep_pings_waiting() {
    let server = serve_frames(|mut stream| {
        // Nothing is read until the answer is due: it waits behind one message at most.
        stream.write_all(&frame(PING, b"here?")).unwrap();
        let mut sizes = Vec::new();
        loop {
            let (first, payload) = read_frame(&mut stream).unwrap();
            if first == PONG {
                return (stream, sizes);
            }
            sizes.push(payload.len());
        }
    });
    let client = connect(&server.url);
    for _ in 0..8 {
        client.send_binary(&vec![7; 1 << 20], NOW).unwrap();
    }
    let (stream, before) = server.join();
    assert!(before.len() <= 8, "{before:?}");
    drop((client, stream));
}

#[test]
fn the_event_log_tells_the_story_of_a_connection_in_memory_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let server = serve_tungstenite(|mut peer| while peer.read().is_ok() {});
    let logging = LoggingSettings::default().max_entries(10).file_path(&path);
    let background = BackgroundConfig::default().logging(logging);
    let request = ConnectRequest::new(&server.url)
        .unwrap()
        .header("X-Api-Key", "0123456789");
    let client = BackgroundClient::connect_with(&request, &background).unwrap();
    client.send_text("a payload", NOW).unwrap();
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
    client.destroy();
    let (lines, total) = client.log(100).unwrap();
    assert_eq!(lines.len(), total);
    let wanted = [
        "connecting to ws://127.0.0.1:",
        "opening handshake done, subprotocol none",
        "closed with code 1000 by this side, answered with 1000",
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, wanted) in lines.iter().zip(wanted) {
        // [2026-05-02 11:07:56.936]
        let stamp: String = line[..25]
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(stamp, "[0000-00-00 00:00:00.000]");
        assert!(line.contains(wanted), "{line}");
    }
    assert!(
        lines[0].contains("send queue 16777216 bytes") && lines[0].contains("headers [X-Api-Key]")
    );
    assert!(!lines.join("").contains("a payload"));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        lines.join("\n") + "\n"
    );
    assert_eq!(client.log(1).unwrap(), (vec![lines[2].clone()], 3));

    let server = serve_raw(drop);
    let background = BackgroundConfig::default().logging(LoggingSettings::off());
    let request = ConnectRequest::new(&server.url).unwrap();
    let client = BackgroundClient::start(&request, &background).unwrap();
    assert_eq!(client.log(1), None);
    server.join();
}

#[test]
fn a_failed_first_connection_says_why_in_the_log_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let background = BackgroundConfig::default()
        .logging(LoggingSettings::off().file_path(&path))
        .reconnect(Some(Reconnect::default()));
    let request = ConnectRequest::new("ws://127.0.0.1:1").unwrap();
    let error = BackgroundClient::connect_with(&request, &background).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(
        log.lines().last().unwrap().ends_with(&error.to_string()),
        "{log}"
    );
}

#[test]
fn a_full_send_queue_is_an_error_and_a_line_in_the_log() {
    let (url, server) = serve_each(1, |_, stream| stream);
    let background = BackgroundConfig::default().max_send_queue_bytes(1000);
    let request = ConnectRequest::new(&url).unwrap();
    let client = BackgroundClient::connect_with(&request, &background).unwrap();
    // An empty queue takes one message of any size; the system does not take all of it.
    client.send_binary(&vec![0; 8 << 20], NOW).unwrap();
    let error = client.send_text("one more", NOW).unwrap_err();
    assert_eq!(
        (error.kind(), error.error_code()),
        (ErrorKind::QueueFull, "queue_full")
    );
    let waited = Duration::from_millis(50);
    let start = Instant::now();
    client.send_text("one more", waited).unwrap_err();
    assert!(start.elapsed() >= waited);
    let (lines, _) = client.log(100).unwrap();
    let log = lines.join("\n");
    assert!(
        log.contains("send queue is full: ") && log.contains("the limit is 1000 bytes"),
        "{log}"
    );
    server.join().unwrap();
}
