//! Closes from either side, and the end of every call that waits.

use super::*;

#[test]
fn a_close_by_the_client_is_seen_by_both_with_code_and_reason() {
    let server = serve_tungstenite(|mut peer| {
        assert_eq!(peer.read().unwrap().into_text().unwrap(), "last words");
        let message = peer.read().unwrap();
        let tungstenite::Message::Close(Some(CloseFrame { code, reason })) = message else {
            panic!("{message:?}");
        };
        while peer.read().is_ok() {}
        (u16::from(code), reason.to_string())
    });
    let client = connect(&server.url);
    client.send_text("last words", NOW).unwrap();
    client.close(CloseCode::new(4321), "done here").unwrap();
    assert_eq!(server.join(), (4321, String::from("done here")));
    // Contract, Ordering (f).
    assert_eq!(
        client.close(CloseCode::NORMAL, "").unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(
        client.send_text("x", NOW).unwrap_err().kind(),
        ErrorKind::Closed
    );
    let Some(Message::Close(close)) = client.receive(NOW).unwrap() else {
        panic!("the peer's answer comes once");
    };
    assert_eq!(
        (close.code.as_u16(), close.reason.as_str()),
        (4321, "done here")
    );
    for _ in 0..2 {
        let error = client.receive(LONG).unwrap_err();
        assert_eq!(error.close_code(), Some(CloseCode::new(4321)));
        assert_eq!(error.close_reason(), Some("done here"));
    }
}

#[test]
fn a_close_by_the_peer_comes_after_its_messages_once_and_then_as_an_error() {
    let server = serve_frames(|mut stream| {
        let close = [&3007_u16.to_be_bytes(), "so long".as_bytes()].concat();
        let frames = [
            frame(TEXT, b"one"),
            frame(BINARY, b"two"),
            frame(CLOSE, &close),
        ];
        stream.write_all(&frames.concat()).unwrap();
        let answer = read_frame(&mut stream).unwrap();
        assert_eq!(answer.0, CLOSE);
        u16::from_be_bytes([answer.1[0], answer.1[1]])
    });
    let client = connect(&server.url);
    assert_eq!(server.join(), 3007);
    assert_eq!(client.receive(LONG).unwrap(), Some(text("one")));
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Binary(b"two".to_vec()))
    );
    assert!(
        matches!(client.receive(LONG).unwrap(), Some(Message::Close(close)) if close.reason == "so long")
    );
    assert_eq!(client.close_received().unwrap().reason, "so long");
    for error in [
        client.receive(LONG).unwrap_err(),
        client.send_text("x", NOW).unwrap_err(),
        client.close(CloseCode::NORMAL, "").unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.error_code()),
            (ErrorKind::Closed, "closed")
        );
        assert_eq!(error.close_code(), Some(CloseCode::new(3007)));
        assert_eq!(error.close_reason(), Some("so long"));
    }
}

/// What a full receive queue keeps from being read hides that the peer has gone, but not what became of a message.
#[test]
fn a_message_that_a_broken_socket_refused_while_reading_is_paused_is_not_said_to_be_sent() {
    let server = serve_frames(|mut stream| {
        stream.write_all(&frame(TEXT, b"news").repeat(3)).unwrap();
        // With this unread its end is a reset.
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    });
    let config = Config::default().max_queued_messages(1);
    let request = ConnectRequest::new(&server.url).unwrap().config(config);
    let client = BackgroundClient::connect_with(&request, &BackgroundConfig::default()).unwrap();
    contract::send_text_message(&client, "unread", false).unwrap();
    server.join();
    let start = Instant::now();
    while !client.statistics().is_paused {
        assert!(start.elapsed() < LONG);
        thread::yield_now();
    }
    let mut said_to_be_sent = 1;
    while contract::send_text_message(&client, "into the void", false).is_ok() {
        assert!(start.elapsed() < LONG);
        said_to_be_sent += 1;
    }
    while client.receive(LONG).is_ok() {}
    let statistics = client.statistics();
    assert_eq!(
        statistics.messages_sent - statistics.messages_unsent,
        said_to_be_sent
    );
}

#[test]
fn close_takes_at_most_its_timeout_from_a_peer_that_never_answers() {
    let server = serve_frames(read_to_end);
    let config = Config::default().close_timeout(Duration::from_millis(200));
    let request = ConnectRequest::new(&server.url).unwrap().config(config);
    let client = BackgroundClient::connect_with(&request, &BackgroundConfig::default()).unwrap();
    let start = Instant::now();
    let error = client.close(CloseCode::NORMAL, "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() >= Duration::from_millis(200) && start.elapsed() < LONG);
    assert_eq!(client.receive(LONG).unwrap_err().kind(), ErrorKind::Closed);
    server.join();
}

/// What a call that is being ended by `destroy` must do: fail as closed, and soon.
fn destroy_during<T: std::fmt::Debug + Send + 'static>(
    client: BackgroundClient,
    call: impl FnOnce(&BackgroundClient) -> Result<T, ws_client::Error> + Send + 'static,
) {
    let client = Arc::new(client);
    let begun = Arc::new(Barrier::new(2));
    let (client_too, begun_too) = (Arc::clone(&client), Arc::clone(&begun));
    let thread = thread::spawn(move || {
        begun_too.wait();
        call(&client_too)
    });
    begun.wait();
    thread::yield_now();
    let start = Instant::now();
    client.destroy();
    let error = thread.join().unwrap().unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    // Every later call is refused, and a second destroy does no harm.
    assert_eq!(client.receive(LONG).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(
        client.send_text("x", LONG).unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(
        client.close(CloseCode::NORMAL, "").unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert!(client.next_event(NOW).is_some());
    client.destroy();
    assert_eq!(client.state(), State::Closed);
}

#[test]
fn destroy_ends_a_receive_300_times() {
    let (url, server) = serve_each(300, |_, stream| stream);
    for _ in 0..300 {
        destroy_during(connect(&url), |client| client.receive(Duration::MAX));
    }
    server.join().unwrap();
}

#[test]
fn destroy_ends_a_send_and_a_flush_100_times_each() {
    let (url, server) = serve_each(200, |_, stream| stream);
    for number in 0..200 {
        let background = BackgroundConfig::default().max_send_queue_bytes(1);
        let request = ConnectRequest::new(&url).unwrap();
        let client = BackgroundClient::connect_with(&request, &background).unwrap();
        // More than the system takes from us while nobody reads.
        client.send_binary(&vec![0; 8 << 20], NOW).unwrap();
        if number % 2 == 0 {
            destroy_during(client, |client| client.send_text("x", Duration::MAX));
        } else {
            destroy_during(client, |client| client.flush(Duration::MAX));
        }
    }
    server.join().unwrap();
}

#[test]
fn destroy_ends_a_close_100_times() {
    let (url, server) = serve_each(100, |_, stream| stream);
    for _ in 0..100 {
        destroy_during(connect(&url), |client| client.close(CloseCode::NORMAL, ""));
    }
    server.join().unwrap();
}

#[test]
fn destroy_ends_a_dial_200_times() {
    // Takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("ws://{}", listener.local_addr().unwrap());
    for number in 0..200 {
        // Every other time perhaps still in the name lookup.
        let url = match number % 2 {
            0 => silent.clone(),
            _ => silent.replace("127.0.0.1", "localhost"),
        };
        let request = ConnectRequest::new(&url).unwrap();
        let client = BackgroundClient::start(&request, &BackgroundConfig::default()).unwrap();
        destroy_during(client, |client| client.wait_open(Duration::MAX));
        if number % 50 == 0 {
            while listener.set_nonblocking(true).is_ok() && listener.accept().is_ok() {}
        }
    }
}

#[test]
fn dropping_says_going_away_and_ends_the_thread() {
    let server = serve_frames(|mut stream| read_frame(&mut stream).unwrap());
    drop(connect(&server.url));
    assert_eq!(server.join(), (CLOSE, 1001_u16.to_be_bytes().to_vec()));
}

#[test]
fn an_interrupt_ends_one_receive() {
    let server = serve_frames(read_to_end);
    let client = connect(&server.url);
    client.interrupt();
    assert_eq!(client.receive(Duration::MAX).unwrap(), None);
    assert_eq!(client.receive(Duration::from_millis(10)).unwrap(), None);
    drop(client);
    server.join();
}

#[test]
fn a_close_that_may_take_for_ever_is_a_close() {
    let server = serve_tungstenite(|mut peer| while peer.read().is_ok() {});
    let request = ConnectRequest::new(&server.url)
        .unwrap()
        .config(Config::default().close_timeout(Duration::MAX));
    let client = BackgroundClient::connect_with(&request, &BackgroundConfig::default()).unwrap();
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
}
