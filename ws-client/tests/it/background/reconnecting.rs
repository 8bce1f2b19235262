//! Connecting again over real sockets.

use super::*;

#[test]
fn connects_again_and_repeats_its_login() {
    let (url, server) = serve_each(3, |number, mut stream| {
        if number > 0 {
            assert_eq!(read_frame(&mut stream).unwrap(), (TEXT, b"login".to_vec()));
        }
        stream
            .write_all(&frame(TEXT, number.to_string().as_bytes()))
            .unwrap();
        if number == 2 {
            assert_eq!(read_frame(&mut stream).unwrap(), (TEXT, b"thanks".to_vec()));
            // Refused from now on: the listener goes with the thread.
            stream
                .write_all(&frame(CLOSE, &1000_u16.to_be_bytes()))
                .unwrap();
            read_to_end(stream);
        }
    });
    let reconnect = Reconnect::default()
        .first_delay(Duration::from_millis(20))
        .repeat_text("login");
    let background = BackgroundConfig::default().reconnect(Some(reconnect));
    let request = ConnectRequest::new(&url).unwrap();
    let client = BackgroundClient::connect_with(&request, &background).unwrap();
    for number in 0..3 {
        assert_eq!(
            client.receive(LONG).unwrap(),
            Some(text(&number.to_string()))
        );
    }
    client.send_text("thanks", NOW).unwrap();
    assert!(matches!(
        client.receive(LONG).unwrap(),
        Some(Message::Close(_))
    ));
    assert_eq!(
        client.receive(LONG).unwrap_err().close_code(),
        Some(CloseCode::NORMAL)
    );
    server.join().unwrap();
    assert_eq!(client.statistics().reconnects, 2);
    let mut opened = 0;
    while let Some(event) = client.next_event(LONG) {
        match event {
            ConnectionEvent::Opened { .. } => opened += 1,
            ConnectionEvent::Closed { .. } => break,
            _ => {}
        }
    }
    assert_eq!(opened, 3);
}

#[test]
fn a_refusal_of_the_credentials_ends_reconnecting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        stream.write_all(accept(&head).as_bytes()).unwrap();
        drop(stream);
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream
            .write_all(
                b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            )
            .unwrap();
    });
    let reconnect = Reconnect::default().first_delay(Duration::from_millis(1));
    let background = BackgroundConfig::default().reconnect(Some(reconnect));
    let request = ConnectRequest::new(&url).unwrap();
    let client = BackgroundClient::connect_with(&request, &background).unwrap();
    let error = client.receive(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    server.join().unwrap();
    let (lines, _) = client.log(100).unwrap();
    let log = lines.join("\n");
    assert!(
        log.contains("attempt 1 to reconnect failed") && log.contains("401"),
        "{log}"
    );
    assert!(log.contains("gave up reconnecting"), "{log}");
}

#[test]
fn close_ends_reconnecting_at_once() {
    let (url, server) = serve_each(1, |_, _| {});
    let reconnect = Reconnect::default()
        .first_delay(Duration::from_secs(3600))
        .max_delay(Duration::from_secs(3600));
    let background = BackgroundConfig::default().reconnect(Some(reconnect));
    let request = ConnectRequest::new(&url).unwrap();
    let client = BackgroundClient::connect_with(&request, &background).unwrap();
    server.join().unwrap();
    while !matches!(client.state(), State::Reconnecting { attempt: 1, .. }) {
        client.next_event(LONG).unwrap();
    }
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(client.receive(LONG).unwrap_err().kind(), ErrorKind::Closed);
}
