//! Users and tokens at the opening handshake, over a socket.

use std::io::{Read as _, Write as _};

use ws_core::handshake::ClientRequest;
use ws_server::{Auth, Config};
use ws_tests::{
    echo::EchoServer,
    raw::{RawConnection, Shared, Transport},
};

fn start() -> EchoServer {
    let auth = Auth::new()
        .user("ada", "canary-password")
        .token("canary-token")
        .query_parameter("token");
    EchoServer::start(Config::default().auth(auth))
}

fn connect(server: &EchoServer) -> Transport {
    Transport::connect(&server.address().to_string()).unwrap()
}

#[test]
fn who_is_known_may_echo() {
    let server = start();
    let host = server.host();
    let requests = [
        ClientRequest::new(&host, "/").header("Authorization", "Bearer canary-token"),
        ClientRequest::new(&host, "/")
            .header("Authorization", "Basic YWRhOmNhbmFyeS1wYXNzd29yZA=="),
        ClientRequest::new(&host, "/?token=canary%2Dtoken"),
    ];
    for request in requests {
        let mut connection = RawConnection::open_with(connect(&server), &request).unwrap();
        connection.echo("known", &mut Shared::default()).unwrap();
    }
}

#[test]
fn who_is_not_known_gets_401_before_anything_else() {
    let server = start();
    let host = server.host();
    let requests = [
        ClientRequest::new(&host, "/"),
        ClientRequest::new(&host, "/").header("Authorization", "Bearer canary-toke"),
        ClientRequest::new(&host, "/?token=wrong"),
    ];
    for request in requests {
        let error = RawConnection::open_with(connect(&server), &request).unwrap_err();
        assert!(error.to_string().contains("401"), "{error}");
    }
}

#[test]
fn plain_http_needs_it_too_but_for_the_health_check() {
    let server = start();
    for (path, status) in [("/", "401"), ("/any", "401"), ("/health", "200")] {
        let mut transport = connect(&server);
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
        transport.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        transport.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(!answer.contains("canary"), "{answer}");
    }
}
