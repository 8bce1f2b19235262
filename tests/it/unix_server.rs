//! A server at a Unix socket.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use ws_server::{Config, ErrorKind as ServerErrorKind, ListenAddress, Server};
use ws_tests::echo::EchoServer;

#[test]
fn answers_over_a_unix_socket_and_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ws.sock");
    let server = Server::bind_unix(&path, Config::default()).unwrap();
    assert_eq!(server.address(), &ListenAddress::Unix(path.clone()));
    let mut server = EchoServer::run(server);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: any.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    // "who am I", masked with zeros.
    stream.write_all(b"\x81\x88\0\0\0\0who am I").unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x81\x04unix");
    // A large message both ways.
    let text = vec![b'x'; 60_000];
    stream.write_all(b"\x81\xfe\xea\x60\0\0\0\0").unwrap();
    stream.write_all(&text).unwrap();
    let mut echo = vec![0; 4 + text.len()];
    stream.read_exact(&mut echo).unwrap();
    assert!(echo[4..] == text[..]);

    let second = Server::bind_unix(&path, Config::default()).unwrap_err();
    assert_eq!(second.kind(), ServerErrorKind::PortInUse);
    assert!(
        second
            .to_string()
            .ends_with("ws.sock: another server listens there"),
        "{second}"
    );

    server.running.stop(Duration::ZERO).unwrap();
    assert!(!path.exists(), "the file is left");
    let error = UnixStream::connect(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    Server::bind_unix(&path, Config::default()).unwrap();
}

#[test]
fn a_folder_that_does_not_exist_is_an_error_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/ws.sock");
    let error = Server::bind_unix(&path, Config::default()).unwrap_err();
    assert!(error.to_string().contains("missing/ws.sock"), "{error}");
}
