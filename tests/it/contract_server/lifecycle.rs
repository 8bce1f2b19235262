//! Starting and stopping a server, what it is, and its log.

use std::{any::Any, sync::Arc};

use ws_core::handshake::Policy;

use super::*;

#[test]
fn start_server() {
    // All interfaces, any Origin and Host.
    let server = contract::start_server(0, None, None, None).unwrap();
    let address = server.local_addr();
    assert!(address.ip().is_unspecified(), "{address}");
    assert_ne!(address.port(), 0);
    let url = format!("ws://127.0.0.1:{}/", address.port());
    let foreign = || {
        ConnectRequest::new(&url)
            .unwrap()
            .origin("https://elsewhere.example")
    };
    drop(Client::connect_with(&foreign()).unwrap());
    let any_host = ConnectRequest::new(&url).unwrap();
    drop(Client::connect_with(&any_host).unwrap());

    // A port in use: an error, and the first server goes on.
    let error = contract::start_server(address.port(), None, None, None).unwrap_err();
    assert_eq!(error.error_code(), "port_in_use", "{error}");
    assert!(error.to_string().contains(&address.port().to_string()));
    drop(Client::connect(&url).unwrap());
    stop(&server);

    // Settings restrict it.
    let config = Config::default().policy(Policy::default()).paths(["/only"]);
    let settings = loopback().mailbox(MailboxConfig::default().server(config));
    let server = contract::start_server(0, Some(2), None, Some(settings)).unwrap();
    assert!(server.local_addr().ip().is_loopback());
    let url = format!("ws://{}/only", server.local_addr());
    let refused = |request: &ConnectRequest| Client::connect_with(request).unwrap_err();
    let foreign = ConnectRequest::new(&url)
        .unwrap()
        .origin("https://elsewhere.example");
    assert_eq!(refused(&foreign).status(), Some(403));
    let elsewhere = format!("ws://{}/", server.local_addr());
    let error = refused(&ConnectRequest::new(&elsewhere).unwrap());
    assert_eq!(
        (error.error_code(), error.status()),
        ("handshake", Some(404))
    );

    // The pool is full: 503 for the newcomer, and nobody is thrown out.
    let mut held = [
        Client::connect(&url).unwrap(),
        Client::connect(&url).unwrap(),
    ];
    let error = refused(&ConnectRequest::new(&url).unwrap());
    assert_eq!(
        (error.error_code(), error.status()),
        ("handshake", Some(503))
    );
    for client in &mut held {
        let id = id_of(&server, client);
        contract::send_data(&server, &id, Message::Text("kept"), false, None).unwrap();
        let got = client.receive(PATIENCE).unwrap();
        assert_eq!(got, Some(Got::Text("kept".to_owned())));
    }

    // The same object again, but not while it runs.
    let running =
        contract::start_server_again(&server, 0, None, None, Some(loopback())).unwrap_err();
    assert_eq!(running.error_code(), "usage", "{running}");
    let [first, second] = &mut held;
    thread::scope(|scope| {
        scope.spawn(|| while first.receive(PATIENCE).is_ok() {});
        scope.spawn(|| while second.receive(PATIENCE).is_ok() {});
        contract::stop_server(&server).unwrap();
    });
    contract::start_server_again(&server, 0, None, None, Some(loopback())).unwrap();
    let client = connect(&server, "/anything");
    assert!(entry(&server, &client).is_some());

    // The pool has 100 places unless told otherwise.
    let more: Vec<_> = (1..100).map(|_| connect(&server, "/")).collect();
    let full = Client::connect(&format!("ws://{}/", server.local_addr())).unwrap_err();
    assert_eq!((full.status(), more.len()), (Some(503), 99));

    // A Unix socket, where there are any.
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ws.sock");
        let address = format!("unix:{}", path.display());
        let settings = ServerSettings::default().address(&address);
        let server = contract::start_server(1, None, None, Some(settings.clone())).unwrap();
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        let error = contract::start_server(1, None, None, Some(settings)).unwrap_err();
        assert_eq!(error.error_code(), "port_in_use", "{error}");
        contract::stop_server(&server).unwrap();
        assert!(!path.exists());
    }

    let nowhere = ServerSettings::default().address("host.invalid");
    let error = contract::start_server(0, None, None, Some(nowhere)).unwrap_err();
    assert_eq!(error.error_code(), "resolve", "{error}");
}

/// Stops a server whose clients have gone.
fn stop(server: &Mailbox) {
    let deadline = Instant::now() + PATIENCE;
    while !contract::get_connection_list(server).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "a client has not gone");
        thread::yield_now();
    }
    contract::stop_server(server).unwrap();
}

#[test]
fn stop_server() {
    let server = start();
    let address = server.local_addr();
    let mut client = connect(&server, "/");
    let id = id_of(&server, &client);
    let begin = Instant::now();
    let close = thread::scope(|scope| {
        let reader = scope.spawn(|| client.receive(PATIENCE));
        contract::stop_server(&server).unwrap();
        reader.join().unwrap().unwrap().unwrap()
    });
    assert!(begin.elapsed() < Duration::from_secs(6));
    let Got::Close(close) = close else {
        panic!("{close:?}")
    };
    assert_eq!(close.code, CloseCode::GOING_AWAY);
    let stopped = "the server is not running";
    assert_eq!(
        assert_fails(contract::stop_server(&server), "not_started"),
        stopped
    );
    for text in [
        assert_fails(
            contract::get_next_connection_data(&server, LONG, None),
            "not_started",
        ),
        assert_fails(
            contract::get_connection_data(&server, &id, LONG, None),
            "not_started",
        ),
        assert_fails(
            contract::get_connection_data(&server, "no id", LONG, None),
            "not_started",
        ),
        assert_fails(
            contract::send_data(&server, &id, Message::Text("x"), false, None),
            "not_started",
        ),
        assert_fails(
            contract::close_incoming_connection(&server, &id, true, None, ""),
            "not_started",
        ),
        assert_fails(contract::get_connection_list(&server), "not_started"),
        assert_fails(
            contract::broadcast(&server, Message::Text("x"), ""),
            "not_started",
        ),
        assert_fails(contract::get_statistics(&server), "not_started"),
    ] {
        assert_eq!(text, stopped);
    }
    let refused = Client::connect(&format!("ws://{address}/")).unwrap_err();
    assert_eq!(refused.error_code(), "refused");
}

#[test]
fn get_log() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let logging = contract::get_logging_settings(true, None, path);
    let config = Config::default().paths(["/in"]);
    let settings = loopback().mailbox(MailboxConfig::default().server(config));
    let server = contract::start_server(0, Some(7), Some(&logging), Some(settings)).unwrap();
    let mut client = connect(&server, "/in?token=canary");
    let id = id_of(&server, &client);
    client.send_text("canary").unwrap();
    contract::get_next_connection_data(&server, LONG, None).unwrap();
    client.close(CloseCode::new(4000), "done").unwrap();
    let missing = format!("ws://{}/missing", server.local_addr());
    Client::connect(&missing).unwrap_err();
    let other = connect(&server, "/in");
    contract::close_incoming_connection(&server, &id_of(&server, &other), true, Some(4001), "")
        .unwrap();
    stop(&server);

    // Also after the stop: start with the configuration, handshakes, connections and who closed them.
    let log = contract::get_log(&server, None).unwrap();
    let text = log.to_string();
    assert_eq!(
        (log.lines.len(), text.lines().count()),
        (log.total, log.total)
    );
    for expected in [
        "started at ",
        "7 connections",
        "mailbox: receive queues of 1024 messages or 16777216 bytes",
        &format!("connection {id} added, path /in"),
        &format!("connection {id} closed: code 4000, reason \"done\", closed by the peer"),
        "refused: 404",
        "closed: code 4001",
        "stopped",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(!text.contains("canary"), "{text}");
    let stamp: String = log.lines[0]
        .chars()
        .take(26)
        .map(|char| if char.is_ascii_digit() { '0' } else { char })
        .collect();
    assert_eq!(stamp, "[0000-00-00 00:00:00.000] ");
    let two = contract::get_log(&server, Some(2)).unwrap();
    assert_eq!(
        (&two.lines[..], two.total),
        (&log.lines[log.total - 2..], log.total)
    );
    assert_eq!(contract::get_log(&server, Some(0)).unwrap(), log);
    assert_eq!(contract::get_log(&server, Some(-1)).unwrap(), log);
    assert_eq!(fs::read_to_string(path).unwrap().trim_end(), text);

    // What existing code expects is wide open, and the log says so.
    let config = Config::default().policy(Policy::dangerous_allow_all());
    let settings = loopback().mailbox(MailboxConfig::default().server(config));
    let open = contract::start_server(0, None, Some(&logging), Some(settings)).unwrap();
    let text = contract::get_log(&open, None).unwrap().to_string();
    assert!(text.contains("WARN any Origin and Host"), "{text}");
    stop(&open);

    // Off: how to turn it on.
    for settings in [
        None,
        Some(contract::get_logging_settings(false, None, path)),
    ] {
        let server = contract::start_server(0, None, settings.as_ref(), Some(loopback())).unwrap();
        let error = contract::get_log(&server, None).unwrap_err();
        assert_eq!(error.error_code(), "usage");
        assert!(error.to_string().contains("GetLoggingSettings"), "{error}");
    }
}

#[test]
fn is_server_object() {
    let server = start();
    assert!(contract::is_server_object(&server));
    contract::stop_server(&server).unwrap();
    assert!(contract::is_server_object(&server), "stopped, but a server");
    assert!(contract::is_server_object(&Arc::new(server)));
    let others: [&dyn Any; 4] = [&(), &"server", &None::<Mailbox>, &ServerSettings::default()];
    assert!(!others.into_iter().any(contract::is_server_object));
}
