//! Start, stop, and start again.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ws_core::LoggingSettings;
use ws_core::tls::{ClientCertificates, Identity, ServerTls};
use ws_server::mailbox::{Mailbox, MailboxConfig, MailboxError};
use ws_server::{Config, ErrorKind, Message};

use crate::peer::{Got, Peer};
use crate::support::{NO_WAIT, PATIENCE, connect, entry, start, wait_until};

#[test]
fn a_used_port_is_an_error_and_the_first_server_goes_on() {
    let mailbox = start();
    let error = Mailbox::start(mailbox.local_addr(), MailboxConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PortInUse);
    assert_eq!(error.error_code(), "port_in_use");
    let mut peer = connect(&mailbox);
    peer.send_text("alive").unwrap();
    assert_eq!(mailbox.next(PATIENCE).unwrap().unwrap().payload, b"alive");
}

#[test]
fn a_wrong_configuration_is_an_error() {
    let config = MailboxConfig::default().server(Config::default().workers(0));
    let error = Mailbox::start("127.0.0.1:0", config).unwrap_err();
    assert_eq!(
        (error.kind(), error.error_code()),
        (ErrorKind::Config, "usage")
    );
}

#[test]
fn the_same_port_can_be_used_again_after_stop() {
    // An address that no other test uses, so that nobody else takes the port.
    let mut mailbox = Mailbox::start("127.0.77.2:0", MailboxConfig::default()).unwrap();
    let address = mailbox.local_addr();
    for round in 0..20 {
        let mut peer = connect(&mailbox);
        peer.send_text(&round.to_string()).unwrap();
        assert_eq!(
            mailbox.next(PATIENCE).unwrap().unwrap().payload,
            round.to_string().into_bytes()
        );
        thread::scope(|scope| {
            scope.spawn(|| peer.run_to_end());
            mailbox.stop().unwrap();
        });
        mailbox = Mailbox::start(address, MailboxConfig::default()).unwrap();
    }
    drop(mailbox);
    drop(TcpListener::bind(address).expect("dropping a mailbox frees the port"));
}

#[test]
fn a_stopped_mailbox_can_be_started_again() {
    let mailbox = start();
    let error = mailbox.start_again("127.0.0.1:0", MailboxConfig::default());
    let error = error.expect_err("it runs");
    assert_eq!(
        (error.kind(), error.error_code()),
        (ErrorKind::Config, "usage")
    );
    let mut old = connect(&mailbox);
    let old_id = entry(&mailbox, &old).unwrap().id;
    thread::scope(|scope| {
        scope.spawn(|| old.run_to_end());
        mailbox.stop().unwrap();
    });
    for round in 0..20 {
        let config = MailboxConfig::default().max_queued_messages(round + 1);
        mailbox.start_again("127.0.0.1:0", config).unwrap();
        let mut peer = connect(&mailbox);
        peer.send_text(&round.to_string()).unwrap();
        assert_eq!(
            mailbox.next(PATIENCE).unwrap().unwrap().payload,
            round.to_string().into_bytes()
        );
        assert_eq!(mailbox.statistics().unwrap().messages_received, 1);
        let unknown = mailbox.send(old_id, Message::Text("x"));
        assert_eq!(unknown, Err(MailboxError::NotFound { id: old_id }));
        thread::scope(|scope| {
            scope.spawn(|| peer.run_to_end());
            mailbox.stop().unwrap();
        });
        assert_eq!(mailbox.next(NO_WAIT), Err(MailboxError::NotStarted));
        assert_eq!(mailbox.stop(), Err(MailboxError::NotStarted));
    }
    // A port that is in use leaves it as it was.
    let other = start();
    let error = mailbox.start_again(other.local_addr(), MailboxConfig::default());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::PortInUse);
    assert_eq!(mailbox.next(NO_WAIT), Err(MailboxError::NotStarted));
}

#[test]
fn stop_wakes_all_who_wait() {
    let mailbox = Arc::new(start());
    let peer = connect(&mailbox);
    let id = entry(&mailbox, &peer).unwrap().id;
    let waiting: Vec<_> = (0..16)
        .map(|number| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || match number % 2 {
                0 => mailbox.next(Duration::MAX),
                _ => mailbox.next_from(id, Duration::MAX),
            })
        })
        .collect();
    // A waiter that comes only now is denied at once, so there is nothing to wait for.
    let mut peer = peer;
    let end = thread::spawn(move || peer.run_to_end());
    mailbox.stop().unwrap();
    for waiter in waiting {
        assert_eq!(waiter.join().unwrap(), Err(MailboxError::NotStarted));
    }
    end.join().unwrap();
}

/// 50 clients that never answer the Close: stop ends within its bound all the same.
#[test]
fn stop_is_bounded_when_clients_do_not_answer() {
    let config = MailboxConfig::default()
        .server(Config::default().close_timeout(Duration::from_millis(500)));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let mut peers: Vec<_> = (0..50).map(|_| connect(&mailbox)).collect();
    peers.iter_mut().for_each(Peer::never_answers);
    let begin = Instant::now();
    mailbox.stop().unwrap();
    assert!(
        begin.elapsed() < Duration::from_millis(5500),
        "{:?}",
        begin.elapsed()
    );
    for peer in &mut peers {
        assert_eq!(peer.receive(), Some(Got::Close(Some(1001))));
    }
}

#[test]
fn a_full_pool_refuses_the_newcomer_and_keeps_the_others() {
    let config = MailboxConfig::default().server(Config::default().max_connections(2));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    let mut peers = [connect(&mailbox), connect(&mailbox)];
    assert!(Peer::connect(mailbox.local_addr(), "/").is_err());
    assert_eq!(mailbox.connections().unwrap().len(), 2);
    let [first, second] = &mut peers;
    let id = entry(&mailbox, first).unwrap().id;
    mailbox.send(id, Message::Text("kept")).unwrap();
    assert_eq!(first.receive(), Some(Got::Text("kept".to_owned())));
    second.close().unwrap();
    second.run_to_end();
    wait_until("there is room again", || {
        Peer::connect(mailbox.local_addr(), "/").is_ok()
    });
}

/// Clients that say something and close, behind a reader that does not keep up: what they leave stays within the limit.
#[test]
fn unread_messages_at_their_limit_refuse_the_newcomer_until_some_are_read() {
    let config = MailboxConfig::default()
        .max_queued_bytes_in_all(100_000)
        .server(Config::default().logging(LoggingSettings::default()));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    assert_eq!(mailbox.next(NO_WAIT), Ok(None), "the first poll");
    let visit = || {
        let mut peer = Peer::connect(mailbox.local_addr(), "/")?;
        peer.send_binary(&[7; 60_000]).unwrap();
        peer.close().unwrap();
        io::Result::Ok(())
    };
    visit().unwrap();
    visit().unwrap();
    let refusal = visit().unwrap_err().to_string();
    assert!(refusal.contains("503"), "{refusal}");
    assert_eq!(mailbox.queue_depth().unwrap().bytes, 120_000);
    assert_eq!(mailbox.statistics().unwrap().refused_handshakes, 1);
    let (log, _) = mailbox.log(100).unwrap();
    for text in [
        "refused: 503 messages that this server's program has not read",
        "use up their limit of 100000 bytes; read them, or raise the limit",
    ] {
        assert!(log.iter().any(|line| line.contains(text)), "{log:#?}");
    }
    assert_eq!(
        mailbox.next(NO_WAIT).unwrap().unwrap().payload.len(),
        60_000
    );
    visit().unwrap();
}

#[test]
fn certificates_can_be_replaced_only_where_there_are_some() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (
        certificate.cert.pem(),
        certificate.signing_key.serialize_pem(),
    );
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let tls = ServerTls::new(&[identity], &ClientCertificates::Ignored).unwrap();
    let plain = start();
    assert_eq!(
        plain.set_tls(tls.clone()).unwrap_err().kind(),
        ErrorKind::Config
    );
    let config = MailboxConfig::default().server(Config::default().tls(tls.clone()));
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    mailbox.set_tls(tls).unwrap();
    // The pool of such a server is not open to plain text.
    assert!(Peer::connect(mailbox.local_addr(), "/").is_err());
    assert_eq!(mailbox.statistics().unwrap().refused_handshakes, 1);
}

/// A client that does not answer the Close holds a stop up, but not an abort.
#[test]
fn an_abort_shortens_a_stop_that_waits() {
    let mailbox = start();
    let peer = connect(&mailbox);
    wait_until("it is listed", || entry(&mailbox, &peer).is_some());
    let begun = Instant::now();
    thread::scope(|scope| {
        let stop = scope.spawn(|| mailbox.stop());
        wait_until("the stop has begun", || mailbox.connections().is_err());
        mailbox.abort();
        // The abort may have been first to stop the threads.
        let stopped = stop.join().unwrap();
        assert!(matches!(stopped, Ok(()) | Err(MailboxError::NotStarted)));
    });
    assert!(begun.elapsed() < Duration::from_secs(4), "a stop takes 5 s");
    drop(TcpListener::bind(mailbox.local_addr()).expect("the port is free"));
    mailbox.abort();
    assert_eq!(mailbox.next(NO_WAIT), Err(MailboxError::NotStarted));
}
