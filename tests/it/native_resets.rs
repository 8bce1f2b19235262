//! Peers that reset, and a host that has SIGPIPE at its default (R-55).
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WS_NATIVE_RESETS` | peers that reset in the midst of a message; over TLS 25 by default | 50 |

use std::sync::mpsc::{self, Receiver};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};
use ws_tests::{
    echo::TestCertificate,
    wait::{TIMEOUT, until},
};

use crate::native_scenarios::number;
use crate::support::native::{Host, text};

/// More than the buffers of two sockets take.
const LARGE: u64 = 8 << 20;

/// R-55: a peer that resets ends the connection, never the process.
#[test]
fn peers_that_reset_do_not_end_the_host() {
    reset(number("WS_NATIVE_RESETS", 50), false);
}

/// R-55
#[test]
fn peers_that_reset_over_tls_do_not_end_the_host() {
    reset(number("WS_NATIVE_RESETS", 25), true);
}

/// Every client of a host has half of a message written, and waits to write the rest, when its connection is reset.
///
/// It is told of that by what it reads first; whoever writes then gets SIGPIPE.
fn reset(rounds: u64, is_tls: bool) {
    let certificate = TestCertificate::new(&["localhost"]);
    let mut config = Config::default();
    if is_tls {
        config = config.tls(certificate.server());
    }
    let server = Server::bind("127.0.0.1:0", config).unwrap();
    let port = server.local_addr().port();
    let (go, may_go) = mpsc::channel();
    let mut peer = Some(Peer { may_go });
    let running = server.spawn(|_| peer.take().unwrap()).unwrap();
    let (scheme, tls) = match is_tls {
        true => (
            "wss",
            text(r#"{"use_tls":true,"accept_invalid_certs":true}"#),
        ),
        false => ("ws", text("")),
    };
    let address = text(&format!("{scheme}://localhost:{port}/"));
    let large = format!("fill:{LARGE}");
    let mut host = Host::start();
    let mut told = 0;
    for _ in 0..rounds {
        host.create("c", "Client", "manager");
        host.succeed("c", "CreateConnection", &[&address, &tls]);
        host.succeed("c", "SendTextMessage", &["s:reset"]);
        host.begin("send", "c", "SendBinaryMessage", &[&large]);
        let mut unsent = 0;
        let waits = until(TIMEOUT, || {
            let now = host.succeed("c", "GetStatistics", &[])["unsentBytes"].as_u64();
            let before = std::mem::replace(&mut unsent, now.unwrap());
            unsent == before && (1..LARGE).contains(&unsent)
        });
        assert!(
            waits,
            "{unsent} of {LARGE} bytes are unsent: the client does not wait to write the rest"
        );
        go.send(()).unwrap();
        host.wait("send");
        let answer = host.call("c", "GetMessage", &["i4:30000"]);
        told += u64::from(answer["errorCode"] == "closed");
        // The closing handshake writes, too, if anything does.
        host.call("c", "CloseConnection", &[]);
        host.end("c");
    }
    assert_eq!(
        told, rounds,
        "clients that were told that their peer is gone, of {rounds}"
    );
    drop(running);
    // It ends by itself, and not by a signal.
    host.finish();
}

/// Reads nothing more after the first message, and resets the connection when the test says so.
struct Peer {
    may_go: Receiver<()>,
}

impl Handler for Peer {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(&mut self, context: &mut Context<'_, ()>, (): &mut (), _: Message<'_>) -> Flow {
        let _ = self.may_go.recv_timeout(TIMEOUT);
        context.abort();
        Flow::Continue
    }
}
