//! a peer whose link goes down without a word, in two network namespaces with a cable between them.
//!
//! Each test runs in a process and namespace of its own (`unshare`), the other end in a thread with another one. Where
//! that is not permitted it fails and says so; `cargo xtask ci` leaves it out there, and its report says so.

use std::{
    process::Command,
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

use nix::{sched::CloneFlags, unistd};
use ws_client::{
    BackgroundClient, BackgroundConfig, CloseCode, Config, ConnectRequest, ConnectionEvent,
    KeepaliveConfig, Message, Reconnect, State,
};
use ws_server::mailbox::{Mailbox, MailboxConfig};
use ws_tests::wait::{self, TIMEOUT};

use crate::support::again;

/// A peer is asked for a sign of life after this, and lost without one.
const PING: Duration = Duration::from_millis(500);
const PONG: Duration = Duration::from_millis(700);
/// Ticks are of 100 ms, two of them may have to end; and a busy machine is late.
const LATE: Duration = Duration::from_secs(2);
/// The system takes up to a second to use a link that has come up, and then waits before it asks again.
const CONNECT: Duration = Duration::from_secs(10);
const NO_WAIT: Duration = Duration::ZERO;

const NEAR: &str = "10.77.0.1";
const FAR: &str = "10.77.0.2";

/// True in a process with a network of its own.
fn has_own_network(test: &str) -> bool {
    let ways: [&[&str]; 2] = [
        &["unshare", "--net"],
        &["unshare", "--user", "--map-root-user", "--net"],
    ];
    let works = |way: &&&[&str]| {
        let tried = Command::new(way[0]).args(&way[1..]).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let way = ways.iter().find(works).unwrap_or_else(|| {
        panic!("no network namespace may be made here (unshare --net), so R-27 cannot be tested")
    });
    again::runs_under(way, test)
}

#[track_caller]
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.unwrap_or_else(|error| panic!("ip (of iproute2) does not run: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {text}");
}

/// The other end of the cable: what it is given runs there, with all threads that come of it.
struct Far(Sender<Box<dyn FnOnce() + Send>>);

impl Far {
    /// Lays the cable.
    fn connect() -> Self {
        let (jobs, taken) = channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = channel();
        thread::spawn(move || {
            nix::sched::unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tell.send(unistd::gettid()).unwrap();
            for job in taken {
                job();
            }
        });
        let namespace = told.recv().unwrap();
        ip(&format!(
            "link add near type veth peer name far netns {namespace}"
        ));
        ip(&format!("addr add {NEAR}/24 dev near"));
        ip("link set near up");
        let far = Self(jobs);
        far.run(|| {
            ip(&format!("addr add {FAR}/24 dev far"));
            ip("link set far up");
        });
        far
    }

    fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let run = move || tell.send(job()).unwrap();
        self.0.send(Box::new(run)).unwrap();
        told.recv().unwrap()
    }

    /// A client there.
    fn client(&self, request: ConnectRequest, config: BackgroundConfig) -> BackgroundClient {
        let client = self.run(move || BackgroundClient::connect_with(&request, &config));
        client.unwrap()
    }
}

fn server(keepalive: KeepaliveConfig) -> Mailbox {
    let config = ws_server::Config::default()
        .keepalive(keepalive)
        .max_connections(1);
    let config = MailboxConfig::default().server(config);
    Mailbox::start(format!("{NEAR}:0"), config).unwrap()
}

fn request(server: &Mailbox, keepalive: KeepaliveConfig) -> ConnectRequest {
    let config = Config::default()
        .keepalive(keepalive)
        .connect_timeout(CONNECT);
    let request = ConnectRequest::new(&format!("ws://{}", server.local_addr())).unwrap();
    request.config(config)
}

fn patient() -> KeepaliveConfig {
    KeepaliveConfig::default().interval(None)
}

fn watchful() -> KeepaliveConfig {
    KeepaliveConfig::default()
        .interval(Some(PING))
        .timeout(PONG)
}

/// Waits for it, and says how long it took since `start`, which is bounded.
#[track_caller]
fn soon(start: Instant, what: &str, condition: impl FnMut() -> bool) {
    let most = PING + PONG + LATE;
    let has_come = wait::until(most, condition);
    let time = start.elapsed();
    println!("half open: {what} after {time:?}");
    assert!(
        has_come && time <= most,
        "{what}: {} after {time:?}, at most {most:?}",
        if has_come { "only" } else { "not" }
    );
}

#[test]
fn the_server_loses_a_peer_whose_link_is_down() {
    if !has_own_network("half_open::the_server_loses_a_peer_whose_link_is_down") {
        return;
    }
    let far = Far::connect();
    let server = server(watchful());
    let client = far.client(request(&server, patient()), BackgroundConfig::default());
    client.send_text("before", NO_WAIT).unwrap();
    let listed = || server.connections().unwrap();
    let has_come = || server.queue_depth().unwrap().messages == 1;
    assert!(wait::until(TIMEOUT, has_come));
    let id = listed()[0].id;
    let is_lost = || !listed()[0].is_active;
    assert!(
        !wait::until(PING + PONG, is_lost),
        "a peer that answers pings was lost"
    );

    far.run(|| ip("link set far down"));
    soon(
        Instant::now(),
        "the server lists the peer as inactive",
        || !listed().iter().any(|info| info.is_active),
    );
    let late = ws_server::Message::Text("too late");
    assert!(server.send(id, late).is_err(), "a dead peer was sent to");
    let received = server.next(NO_WAIT).unwrap();
    let received = received.expect("what had come stays readable");
    assert_eq!(received.payload, b"before");

    // One connection is all there may be.
    far.run(|| ip("link set far up"));
    let second = far.client(request(&server, patient()), BackgroundConfig::default());
    second.send_text("after", NO_WAIT).unwrap();
    let received = server
        .next(TIMEOUT)
        .unwrap()
        .expect("the slot is free again");
    assert_eq!(received.payload, b"after");
    assert_ne!(received.id, id);
}

#[test]
fn the_client_loses_a_server_whose_link_is_down_and_connects_again() {
    if !has_own_network(
        "half_open::the_client_loses_a_server_whose_link_is_down_and_connects_again",
    ) {
        return;
    }
    let far = Far::connect();
    let server = server(patient());
    let again = Reconnect::default()
        .first_delay(Duration::from_millis(100))
        .max_delay(Duration::from_millis(200));
    let config = BackgroundConfig::default().reconnect(Some(again));
    let client = far.client(request(&server, watchful()), config);
    server
        .broadcast(ws_server::Message::Text("news"), None)
        .unwrap();
    let has_news = || client.statistics().messages_received == 1;
    assert!(wait::until(TIMEOUT, has_news));
    let is_lost = || client.state() != State::Open;
    assert!(
        !wait::until(PING + PONG, is_lost),
        "a server that answers pings was lost"
    );

    ip("link set near down");
    soon(Instant::now(), "the client has lost the server", || {
        client.state() != State::Open
    });
    let opened = client.next_event(NO_WAIT);
    assert!(matches!(
        opened,
        Some(ConnectionEvent::Opened { attempt: 0 })
    ));
    match client.next_event(TIMEOUT) {
        Some(ConnectionEvent::Lost { error, .. }) => assert!(error.is_peer_silent(), "{error}"),
        other => panic!("{other:?}"),
    }
    let news = Some(Message::Text("news".to_owned()));
    assert_eq!(client.receive(NO_WAIT).unwrap(), news);

    // The server has not noticed, and takes no second connection; its old one is told by a reset.
    for info in server.connections().unwrap() {
        let _ = server.close(info.id, true, CloseCode::NORMAL, "");
    }
    ip("link set near up");
    assert!(wait::until(TIMEOUT, || client.state() == State::Open));
    client.send_text("here again", NO_WAIT).unwrap();
    let received = server.next(TIMEOUT).unwrap().expect("it is connected");
    assert_eq!(received.payload, b"here again");
}

#[test]
fn without_reconnecting_a_client_whose_link_is_down_ends() {
    if !has_own_network("half_open::without_reconnecting_a_client_whose_link_is_down_ends") {
        return;
    }
    let far = Far::connect();
    let server = server(patient());
    let client = far.client(request(&server, watchful()), BackgroundConfig::default());
    server
        .broadcast(ws_server::Message::Text("news"), None)
        .unwrap();
    let has_news = || client.statistics().messages_received == 1;
    assert!(wait::until(TIMEOUT, has_news));
    far.run(|| ip("link set far down"));
    soon(Instant::now(), "the client is over", || {
        client.state() == State::Closed
    });
    let news = Some(Message::Text("news".to_owned()));
    assert_eq!(client.receive(NO_WAIT).unwrap(), news);
    let error = client.receive(TIMEOUT).unwrap_err();
    assert!(error.is_peer_silent(), "{error}");
}
