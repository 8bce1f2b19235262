//! Messages from files, and logs in files.

use std::fs;

use ws_ffi::dispatch::{Client, Server, Value};

use crate::support::*;

#[test]
fn files_are_sent_whole_and_only_where_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text_file = path("текст.txt", "\u{feff}строка\r\n".as_bytes());
    let bytes = path("bytes", &[0xff, 0]);
    let (client, server, id) = pair();
    let message = |answer: Value| answer.get("message").unwrap().clone();
    client.ok("SendTextMessage", &[text_file.as_str().into(), true.into()]);
    assert_eq!(message(next(&server)), Value::Binary("строка\r\n".into()));
    client.ok(
        "SendTextMessage",
        &[text_file.as_str().into(), Value::Undefined],
    );
    assert_eq!(
        message(next(&server)),
        Value::Binary(text_file.as_bytes().to_vec())
    );
    client.ok("SendBinaryMessage", &[bytes.as_str().into()]);
    assert_eq!(message(next(&server)), vec![0xff, 0].into());
    client.fails(
        "SendTextMessage",
        &[bytes.as_str().into(), true.into()],
        "usage",
    );
    server.ok(
        "SendData",
        &[id.clone(), text_file.as_str().into(), true.into()],
    );
    assert_eq!(text(&receive(&client), "data"), "строка\r\n");
    server.ok(
        "SendData",
        &[
            id.clone(),
            bytes.as_str().into(),
            true.into(),
            "binary".into(),
        ],
    );
    assert_eq!(receive(&client).get("data"), Some(&vec![0xff, 0].into()));
    server.ok("SendData", &[id.clone(), text_file.as_str().into()]);
    assert_eq!(text(&receive(&client), "data"), text_file);
    server.fails(
        "SendData",
        &[id.clone(), bytes.as_str().into(), true.into()],
        "usage",
    );
    let folder_path = folder.path().to_str().unwrap();
    for missing in [folder_path, "/dev/null", "нет такого", ""] {
        client.fails("SendTextMessage", &[missing.into(), true.into()], "usage");
        server.fails(
            "SendData",
            &[id.clone(), missing.into(), true.into()],
            "usage",
        );
    }
    // A hole costs nothing to have.
    let huge = folder.path().join("huge");
    fs::File::create(&huge).unwrap().set_len(2 << 30).unwrap();
    let huge = huge.to_str().unwrap();
    client.fails("SendBinaryMessage", &[huge.into()], "too_big");
    server.fails("SendData", &[id, huge.into(), true.into()], "too_big");
}

/// A pipe that nobody writes to would be read for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let pipe = pipe.to_str().unwrap();
    let (client, server, id) = pair();
    client.fails("SendTextMessage", &[pipe.into(), true.into()], "usage");
    server.fails("SendData", &[id, pipe.into(), true.into()], "usage");
    let undefined = || Value::Undefined;
    let (_other, port) = serve();
    for key in ["ca_cert_path", "client_cert_path"] {
        let tls = map([(key, pipe.into())]);
        Client::new().fails("CreateConnection", &[url(port), tls], "usage");
    }
    for path in [pipe, "/no/such/folder/ws.log"] {
        let logging = map([("mode", "file".into()), ("file_path", path.into())]);
        let arguments = [
            url(port),
            undefined(),
            undefined(),
            undefined(),
            logging.clone(),
        ];
        Client::new().fails("CreateConnection", &arguments, "usage");
        Server::new().fails("StartServer", &[0.into(), 1.into(), logging], "usage");
    }
    let tls = map([
        ("tls_cert_path", pipe.into()),
        ("tls_key_path", pipe.into()),
    ]);
    Server::new().fails(
        "StartServer",
        &[0.into(), 1.into(), undefined(), tls],
        "usage",
    );
    client.ok("SendBinaryMessage", &[pipe.into()]);
    assert_eq!(
        next(&server).get("message"),
        Some(&Value::Binary(pipe.as_bytes().to_vec()))
    );
}

#[test]
fn a_log_file_gets_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("журнал.log");
    let (_server, port) = serve();
    let client = Client::new();
    let logging = free(
        "GetLoggingSettings",
        &[
            false.into(),
            Value::Undefined,
            path.to_str().unwrap().into(),
        ],
    );
    let undefined = || Value::Undefined;
    client.ok(
        "CreateConnection",
        &[url(port), undefined(), undefined(), undefined(), logging],
    );
    client.ok("CloseConnection", &[]);
    client.fails("GetLog", &[], "usage");
    // The closing handshake is done before it is written down.
    let read = || fs::read_to_string(&path).unwrap();
    wait_until("it is written down", || read().contains("closed with code"));
    let log = read();
    assert!(
        log.contains("connected to") && log.contains("closed with code 1000"),
        "{log}"
    );
    assert!(!log.contains("key=1"), "{log}");
}
