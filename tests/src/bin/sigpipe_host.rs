//! A host program that leaves SIGPIPE at its default, as 1C does: writing to a reset connection may end it.
//!
//! `sigpipe_host prove` writes in the one way that raises the signal, and dies of it: the proof that this host would
//! notice. `sigpipe_host ROUNDS` resets connections under our client and our server, plain and over TLS, and lives.
//!
//! A write raises the signal if the peer had ended its direction before it reset: without that it is the error of the
//! reset that a write gets first. So what stands between our client and our server does both at once, with nothing to
//! wake either of them in between.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{
    env,
    io::{ErrorKind, IoSlice, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use socket2::SockRef;
use ws_client::{Client, ConnectRequest, TlsSettings};
use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Config, Context, Flow, Handler, Message, Server};
use ws_tests::{
    echo::TestCertificate,
    rude::{BLOCK, Rude},
    wait::TIMEOUT,
};

fn main() {
    // Rust programs start with SIGPIPE ignored; hosts do not.
    sigpipe::reset();
    let argument = env::args().nth(1).unwrap_or_default();
    if argument == "prove" {
        return prove();
    }
    let rounds: usize = argument
        .parse()
        .unwrap_or_else(|_| panic!("usage: sigpipe_host prove|ROUNDS"));
    let certificate = TestCertificate::new(&["localhost"]);
    let mut refused = 0;
    for tls in [None, Some(certificate.server())] {
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let mut config = Config::default();
        if let Some(tls) = tls {
            config = config.tls(tls);
        }
        let server = Server::bind("127.0.0.1:0", config).unwrap_or_else(|error| panic!("{error}"));
        let port = server.local_addr().port();
        let (reached, is_reached) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        let mut held = Some(Held { reached, may_go });
        let running = server
            .spawn(|_| held.take().unwrap_or_else(|| panic!("one worker")))
            .unwrap_or_else(|error| panic!("{error}"));
        for _ in 0..rounds {
            refused += usize::from(reset_client(scheme, port));
            reset_server(scheme, port, &is_reached, &go);
        }
        drop(running);
    }
    println!(
        "{refused} of {} clients were told that their peer is gone",
        2 * rounds
    );
}

/// A vectored write of std is `writev`, which raises the signal.
fn prove() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener
        .local_addr()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{error}"));
    let (peer, _) = listener.accept().unwrap_or_else(|error| panic!("{error}"));
    let linger = SockRef::from(&peer).set_linger(Some(Duration::ZERO));
    linger.unwrap_or_else(|error| panic!("{error}"));
    drop(peer);
    // The first may be taken before the reset has come; a later one cannot.
    for _ in 0..1000 {
        let _ = stream.write_vectored(&[IoSlice::new(b"to"), IoSlice::new(b"nobody")]);
    }
    println!("this host does not notice");
}

fn connect(address: &str) -> Client {
    let tls = TlsSettings::new().danger_accept_invalid_certs(true);
    let request = ConnectRequest::new(address).unwrap_or_else(|error| panic!("{error}"));
    let request = if address.starts_with("wss") {
        request.tls(tls)
    } else {
        request
    };
    Client::connect_with(&request).unwrap_or_else(|error| panic!("{error}"))
}

/// The client's connection is reset while it sends: in some of the rounds between its look at what has come and its
/// write. Whether it noticed.
fn reset_client(scheme: &str, port: u16) -> bool {
    let (relay, end) = Relay::start(port);
    let mut client = connect(&format!("{scheme}://localhost:{}", relay.port));
    let sent = client.send_text("hello");
    sent.unwrap_or_else(|error| panic!("{error}"));
    relay.cut(Side::Client);
    let mut sent = Ok(());
    while sent.is_ok() && !end.is_finished() {
        sent = client.send_binary(&BLOCK);
    }
    end.join().unwrap_or_else(|_| panic!("the relay"));
    // Once more after the error, and the closing handshake: these write, too, if anything does.
    let again = client.send_binary(&BLOCK);
    let _ = client.close(ws_core::CloseCode::NORMAL, "");
    sent.is_err() || again.is_err() || client.receive(TIMEOUT).is_err()
}

/// The server's connection is reset while its handler looks at a message, before it sends much.
fn reset_server(scheme: &str, port: u16, is_reached: &Receiver<()>, go: &Sender<()>) {
    let (relay, end) = Relay::start(port);
    let mut client = connect(&format!("{scheme}://localhost:{}", relay.port));
    let sent = client.send_text("flood");
    sent.unwrap_or_else(|error| panic!("{error}"));
    let reached = is_reached.recv_timeout(TIMEOUT);
    reached.unwrap_or_else(|error| panic!("the handler: {error}"));
    relay.cut(Side::Server);
    end.join().unwrap_or_else(|_| panic!("the relay"));
    go.send(()).unwrap_or_else(|error| panic!("{error}"));
}

/// [`Rude`], which waits before it floods until the peer is gone.
struct Held {
    reached: Sender<()>,
    may_go: Receiver<()>,
}

impl Handler for Held {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        context: &mut Context<'_, ()>,
        request: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Rude.on_open(context, request)
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        state: &mut (),
        message: Message<'_>,
    ) -> Flow {
        if matches!(message, Message::Text("flood")) {
            let _ = self.reached.send(());
            let _ = self.may_go.recv_timeout(TIMEOUT);
        }
        Rude.on_message(context, state, message)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Passes bytes on between one client and the server, until it is to reset one of them.
struct Relay {
    port: u16,
    cut: Sender<Side>,
}

impl Relay {
    fn start(server: u16) -> (Self, thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let port = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("{error}"))
            .port();
        let (cut, is_cut) = mpsc::channel();
        let thread = thread::spawn(move || {
            let (client, _) = listener.accept().unwrap_or_else(|error| panic!("{error}"));
            let server =
                TcpStream::connect(("127.0.0.1", server)).unwrap_or_else(|error| panic!("{error}"));
            pass_on(client, server, &is_cut);
        });
        (Self { port, cut }, thread)
    }

    fn cut(&self, side: Side) {
        self.cut
            .send(side)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

fn pass_on(client: TcpStream, server: TcpStream, is_cut: &Receiver<Side>) {
    for stream in [&client, &server] {
        stream
            .set_nonblocking(true)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let mut buffers = [Vec::new(), Vec::new()];
    loop {
        if let Ok(side) = is_cut.try_recv() {
            let (reset, _other) = match side {
                Side::Client => (client, server),
                Side::Server => (server, client),
            };
            // The end of its direction, and right behind it the reset.
            let _ = SockRef::from(&reset).set_linger(Some(Duration::ZERO));
            let _ = reset.shutdown(Shutdown::Write);
            drop(reset);
            return;
        }
        let [there, back] = &mut buffers;
        pass(&client, &server, there);
        pass(&server, &client, back);
        thread::yield_now();
    }
}

/// Reads what is there, and writes what can be; the ends of either side are no affair of this.
fn pass(mut from: &TcpStream, mut to: &TcpStream, held: &mut Vec<u8>) {
    let mut block = [0; 4096];
    if held.is_empty()
        && let Ok(count) = from.read(&mut block)
    {
        held.extend_from_slice(&block[..count]);
    }
    match to.write(held) {
        Ok(count) => drop(held.drain(..count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(_) => held.clear(),
    }
}
