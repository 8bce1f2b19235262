//! The worker over mocks, step by step, with a virtual clock.

mod closing;
mod queues;
mod reconnecting;
mod sending;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ws_core::{CloseCode, Compression, KeepaliveConfig, LoggingSettings};

use super::super::config::{BackgroundConfig, OnFull, Reconnect};
use super::super::journal::Journal;
use super::super::shared::Shared;
use super::super::shared::calls::{Begun, Outgoing};
use super::super::status::{ConnectionEvent, State};
use super::super::sync::{Arc, now};
use super::{Dialler, Facts, Opened, Worker};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Cause, Error, ErrorKind, Stage};
use crate::message::Message;
use crate::net::Net;
use crate::net::mock::{Incoming, MockNet, Take};
use crate::secret::Secrets;
use crate::wire::Wire;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    assert!(length < 126);
    [&[first, length], payload].concat()
}

fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Gives one network or failure after the other; the clock goes on from one to the next.
struct MockDialler {
    networks: VecDeque<Option<MockNet>>,
    current: Option<MockNet>,
    clock: Instant,
    dials: Rc<RefCell<Vec<Instant>>>,
    random: u64,
}

impl Dialler for MockDialler {
    type Net = MockNet;

    fn dial(&mut self) -> Result<Opened<MockNet>, Error> {
        self.clock = self.now();
        self.dials.borrow_mut().push(self.clock);
        let Some(net) = self.networks.pop_front().expect("no further dial") else {
            let cause = Cause::Timeout(String::from("a test's failure"));
            return Err(Error::new(Stage::Connect, "ws://mock", cause));
        };
        net.begin_at(self.clock);
        self.current = Some(net.clone());
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        Ok(Opened {
            deflate: None,
            wire: Wire::new(net),
            surplus: Vec::new(),
            facts: Facts {
                response: None,
                compression: None,
                tls_version: None,
                peer_address: Some(nowhere),
                local_address: Some(nowhere),
            },
            waker: None,
        })
    }

    fn now(&self) -> Instant {
        let current = self.current.as_ref().map(Net::now);
        current.map_or(self.clock, |now| now.max(self.clock))
    }

    fn wait(&mut self, shared: &Shared, until: Deadline) {
        if !shared.wants_stop() {
            self.clock = self.now();
            self.clock += until.remaining(self.clock).expect("something to wait for");
        }
    }

    fn random(&mut self) -> u64 {
        self.random
    }
}

/// A client whose thread is the test.
struct Rig {
    worker: Worker<MockDialler>,
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    start: Instant,
    dials: Rc<RefCell<Vec<Instant>>>,
}

impl Rig {
    fn new(
        networks: impl IntoIterator<Item = Option<MockNet>>,
        config: Config,
        background: &BackgroundConfig,
    ) -> Self {
        let start = now();
        let dials = Rc::default();
        let dialler = MockDialler {
            networks: networks.into_iter().collect(),
            current: None,
            clock: start,
            dials: Rc::clone(&dials),
            random: u64::MAX,
        };
        let shared = Arc::new(Shared::mock(&config, background.max_send_queue_bytes));
        let journal = Arc::new(Journal::new(
            &LoggingSettings::default(),
            Secrets::default(),
        ));
        let (shared_too, journal_too) = (Arc::clone(&shared), Arc::clone(&journal));
        Self {
            worker: Worker::new(dialler, shared_too, journal_too, config, background),
            shared,
            journal,
            start,
            dials,
        }
    }

    /// Lets the thread work until this time after the start; false if it is done for ever.
    fn run(&mut self, until: Duration) -> bool {
        let until = self.start + until;
        while self.worker.dialler.now() < until {
            if !self.worker.step(Deadline::at(until)) {
                return false;
            }
        }
        (0..100).all(|_| self.worker.step(Deadline::at(until)))
    }

    fn receive(&self) -> Result<Option<Message>, Error> {
        self.shared.receive(Duration::ZERO)
    }

    fn send(&self, text: &str) -> Result<(), Error> {
        self.shared
            .send(Outgoing::Text(text, Compression::Auto), Duration::ZERO)
    }

    fn log(&self) -> String {
        self.journal.lines(300).unwrap().0.join("\n")
    }

    fn elapsed(&self) -> Duration {
        self.worker.dialler.now() - self.start
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn no_keepalive() -> Config {
    Config::default().keepalive(KeepaliveConfig::default().interval(None))
}
