//! A handler that writes down what it is told, and does what its clients and the tests' commands say.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use ws_core::{
    CloseCode, PreparedFrame,
    handshake::{HttpAnswer, Request},
};
use ws_server::{
    Accepted, CloseInfo, ClosedBy, Config, ConnectionId, Connections, Context, Flow, Handler,
    Message, Running, SendError, Server,
};

use crate::peer::PATIENCE;

/// One entry of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Open(ConnectionId, u16),
    Message(ConnectionId, String),
    Pong(Vec<u8>),
    Close(ConnectionId, u16, String, ClosedBy),
    Drain,
    Stop,
    Timer,
}

/// What the tests ask for.
#[derive(Debug)]
pub(crate) enum Ask {
    Broadcast(Vec<u8>),
    Close(ConnectionId),
    Resume(ConnectionId),
    /// Stands still from the one until the other.
    Hold(std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>),
    /// An answer at the end of the turn.
    EndOfTurn(std::sync::mpsc::Sender<()>),
    Send(
        ConnectionId,
        String,
        std::sync::mpsc::Sender<Result<(), SendError>>,
    ),
}

/// The record of all loops, shared with the test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    told: Vec<Told>,
    most_queued: usize,
}

impl Record {
    fn tell(&self, told: Told) {
        self.0.0.lock().unwrap().told.push(told);
        self.0.1.notify_all();
    }

    pub(crate) fn all(&self) -> Vec<Told> {
        self.0.0.lock().unwrap().told.clone()
    }

    /// Waits until an entry satisfies `is_it`, and returns it.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Told) -> bool) -> Told {
        let state = self.0.0.lock().unwrap();
        let has_come = |state: &mut State| !state.told.iter().any(&is_it);
        let (state, timeout) = self
            .0
            .1
            .wait_timeout_while(state, PATIENCE, has_come)
            .unwrap();
        assert!(!timeout.timed_out(), "it is not among {:?}", state.told);
        state.told.iter().find(|told| is_it(told)).unwrap().clone()
    }

    pub(crate) fn wait_for_close(&self) -> (u16, String, ClosedBy) {
        match self.wait_for(|told| matches!(told, Told::Close(..))) {
            Told::Close(_, code, reason, by) => (code, reason, by),
            _ => unreachable!(),
        }
    }

    pub(crate) fn wait_for_open(&self) -> ConnectionId {
        match self.wait_for(|told| matches!(told, Told::Open(..))) {
            Told::Open(id, _) => id,
            _ => unreachable!(),
        }
    }

    /// The most bytes that waited in a send queue when a message was handled.
    pub(crate) fn most_queued(&self) -> usize {
        self.0.0.lock().unwrap().most_queued
    }
}

/// Echoes, but for the messages that are orders.
pub(crate) struct Recorder {
    pub(crate) record: Record,
}

impl Handler for Recorder {
    type Connection = ConnectionId;
    type Command = Ask;

    fn on_open(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        request: &Request,
    ) -> Result<Accepted<ConnectionId>, HttpAnswer> {
        match request.path() {
            "/refused" => return Err(HttpAnswer::new(401, "who are you")),
            "/welcome" => context.send_text("welcome").unwrap(),
            _ => {}
        }
        let id = context.id();
        let loop_index = context.connections().loop_index();
        self.record.tell(Told::Open(id, loop_index));
        let accepted = Accepted::new(id);
        Ok(match request.path() {
            "/chosen" => accepted.subprotocol("second").header("X-Mine", "1"),
            "/not-offered" => accepted.subprotocol("other"),
            "/split" => accepted.header("X-Mine", "1\r\nX-Theirs: 2"),
            _ => accepted,
        })
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        id: &mut ConnectionId,
        message: Message<'_>,
    ) -> Flow {
        let queued = context.queued_bytes();
        {
            let mut state = self.record.0.0.lock().unwrap();
            state.most_queued = state.most_queued.max(queued);
        }
        let Message::Text(text) = message else {
            context.send(message).unwrap();
            return Flow::Continue;
        };
        match text {
            "abort" => context.abort(),
            "address" => {
                let address = context.peer_address().to_string();
                context.send_text(&address).unwrap();
            }
            "close" => context.close(CloseCode::new(4001), "you asked").unwrap(),
            "flood" => {
                while context.send_binary(&[0; 100_000]).is_ok() {}
                self.record.tell(Told::Message(*id, text.into()));
            }
            "panic" => panic!("on purpose"),
            "pause" => {
                self.record.tell(Told::Message(*id, text.into()));
                return Flow::Pause;
            }
            "expire" => {
                self.record.tell(Told::Message(*id, text.into()));
                context.set_timer(Duration::from_millis(20));
            }
            "ping" => context.send_ping(b"from the handler").unwrap(),
            "timer" => context.set_timer(Duration::from_millis(20)),
            "timer without end" => {
                self.record.tell(Told::Message(*id, text.into()));
                context.set_timer(Duration::ZERO);
            }
            _ => {
                self.record.tell(Told::Message(*id, text.into()));
                context.send(message).unwrap();
            }
        }
        Flow::Continue
    }

    fn on_pong(&mut self, _: &mut Context<'_, ConnectionId>, _: &mut ConnectionId, payload: &[u8]) {
        self.record.tell(Told::Pong(payload.into()));
    }

    fn on_close(
        &mut self,
        context: &mut Context<'_, ConnectionId>,
        id: ConnectionId,
        info: CloseInfo<'_>,
    ) {
        assert_eq!(context.id(), id);
        assert_eq!(context.send_text("too late"), Err(SendError::Closed));
        assert!(!context.connections().contains(id));
        let (code, reason) = (info.code.as_u16(), info.reason.to_owned());
        self.record.tell(Told::Close(id, code, reason, info.by));
    }

    fn on_timer(&mut self, context: &mut Context<'_, ConnectionId>, id: &mut ConnectionId) {
        if self
            .record
            .all()
            .contains(&Told::Message(*id, "expire".into()))
        {
            return context.close(CloseCode::new(4003), "expired").unwrap();
        }
        if self
            .record
            .all()
            .contains(&Told::Message(*id, "timer without end".into()))
        {
            return context.set_timer(Duration::ZERO);
        }
        self.record.tell(Told::Timer);
        context.send_text("time").unwrap();
    }

    fn on_drain(&mut self, _: &mut Context<'_, ConnectionId>, _: &mut ConnectionId) {
        self.record.tell(Told::Drain);
    }

    fn on_command(&mut self, connections: &mut Connections<ConnectionId>, ask: Ask) {
        match ask {
            Ask::Broadcast(data) => {
                let frame = Arc::new(PreparedFrame::binary(&data));
                assert_eq!(connections.broadcast_prepared(&frame), connections.len());
            }
            Ask::Close(id) => connections
                .close(id, CloseCode::new(4002), "asked")
                .unwrap(),
            Ask::Resume(id) => assert!(connections.resume(id)),
            Ask::Hold(begun, end) => {
                begun.send(()).unwrap();
                let _ = end.recv();
            }
            Ask::EndOfTurn(answer) => connections.after_flush(move || {
                let _ = answer.send(());
            }),
            Ask::Send(id, text, answer) => {
                let result = connections.send_text(id, &text);
                connections.after_flush(move || {
                    let _ = answer.send(result);
                });
            }
        }
    }

    fn on_stop(&mut self, _: &mut Connections<ConnectionId>) {
        self.record.tell(Told::Stop);
    }
}

/// Starts a server on a free port of the loopback.
pub(crate) fn start(config: Config) -> (Running<Ask>, Record) {
    let record = Record::default();
    let server = Server::bind("127.0.0.1:0", config).unwrap();
    let running = server
        .spawn(|_| Recorder {
            record: record.clone(),
        })
        .unwrap();
    (running, record)
}
