//! What a user does with a client: connects, sends, receives what comes back, closes; each call with its timeout.

use std::time::{Duration, Instant};

use ws_client::{
    BackgroundClient, BackgroundConfig, Client, CloseCode, ConnectRequest, Error, Message, State,
};
use ws_tests::{
    payload::Payload,
    wait::{self, TIMEOUT},
};

/// Sends these messages to an echo server, and waits so long for what must come back.
pub(super) type Converse = fn(&ConnectRequest, &[Payload], Duration) -> Result<Outcome, Broken>;

/// A promise that the client itself broke.
#[derive(Debug)]
pub(super) enum Broken {
    /// A call returned late, which may be the doing of a busy machine, but not each time.
    Late(String),
    Other(String),
}

/// How it went. An `Err` instead of it is a promise broken by the client itself.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) received: Vec<Payload>,
    /// The first error of a call before the closing.
    pub(super) error: Option<Error>,
    /// Nothing came any more, and no error either.
    pub(super) timed_out: bool,
    pub(super) closed: Result<(), Error>,
}

impl Outcome {
    fn failed(error: Error) -> Self {
        Self {
            received: Vec::new(),
            error: Some(error),
            timed_out: false,
            closed: Ok(()),
        }
    }

    /// Why not all of `sent` came back with a clean end, if so.
    pub(super) fn problem_if_incomplete(&self, sent: &[Payload]) -> Option<String> {
        if self.received != sent {
            return Some(format!(
                "{} of {} messages came back",
                self.received.len(),
                sent.len()
            ));
        }
        let error = self.error.as_ref();
        let error = error.or_else(|| self.closed.as_ref().err());
        error.map(ToString::to_string)
    }
}

/// What is promised.
const LATE: Duration = Duration::from_millis(100);
/// The close timeout that is not changed here.
const CLOSE: Duration = Duration::from_secs(5);

/// Promise 4: a call returns by its timeout.
fn timed<T>(what: &str, timeout: Duration, call: impl FnOnce() -> T) -> Result<T, Broken> {
    let started = Instant::now();
    let result = call();
    let time = started.elapsed();
    let most = timeout + LATE;
    if time > most {
        return Err(Broken::Late(format!(
            "{what} took {time:?}, at most {most:?} with a timeout of {timeout:?}"
        )));
    }
    Ok(result)
}

fn payload(message: Message) -> Option<Payload> {
    match message {
        Message::Text(text) => Some(Payload::Text(text)),
        Message::Binary(data) => Some(Payload::Binary(data)),
        _ => None,
    }
}

/// With the client that works in its calls.
pub(super) fn with_client(
    request: &ConnectRequest,
    sent: &[Payload],
    patience: Duration,
) -> Result<Outcome, Broken> {
    let connected = timed("connect", TIMEOUT, || Client::connect_with(request))?;
    let mut client = match connected {
        Ok(client) => client,
        Err(error) => return Ok(Outcome::failed(error)),
    };
    let mut error = None;
    for message in sent {
        let result = timed("send", TIMEOUT, || match message {
            Payload::Text(text) => client.send_text(text),
            Payload::Binary(data) => client.send_binary(data),
        })?;
        error = result.err();
        if error.is_some() {
            break;
        }
    }
    // What had come before a failed send is there to be read.
    let (mut received, mut timed_out) = (Vec::new(), false);
    while received.len() < sent.len() {
        match timed("receive", patience, || client.receive(patience))? {
            Ok(Some(message)) => received.extend(payload(message)),
            Ok(None) => {
                timed_out = true;
                break;
            }
            Err(failure) => {
                let again = client.receive(Duration::ZERO).map_err(|e| e.to_string());
                if again != Err(failure.to_string()) {
                    return Err(Broken::Other(format!("after {failure} came {again:?}")));
                }
                error.get_or_insert(failure);
                break;
            }
        }
    }
    let closed = timed("close", CLOSE, || client.close(CloseCode::NORMAL, ""))?;
    Ok(Outcome {
        received,
        error,
        timed_out,
        closed,
    })
}

/// With the client that has a thread of its own; it is read only when all is over.
pub(super) fn with_background_client(
    request: &ConnectRequest,
    sent: &[Payload],
    patience: Duration,
) -> Result<Outcome, Broken> {
    let config = BackgroundConfig::default();
    let connect = || BackgroundClient::connect_with(request, &config);
    let client = match timed("connect", TIMEOUT, connect)? {
        Ok(client) => client,
        Err(error) => return Ok(Outcome::failed(error)),
    };
    let mut error = None;
    for message in sent {
        let result = timed("send", Duration::ZERO, || match message {
            Payload::Text(text) => client.send_text(text, Duration::ZERO),
            Payload::Binary(data) => client.send_binary(data, Duration::ZERO),
        })?;
        error = result.err();
        if error.is_some() {
            break;
        }
    }
    let arrived = || client.statistics().messages_received;
    wait::until(patience, || {
        arrived() >= sent.len() as u64 || client.state() != State::Open
    });
    let (mut received, mut timed_out) = (Vec::new(), false);
    while received.len() < sent.len() {
        match timed("receive", Duration::ZERO, || client.receive(Duration::ZERO))? {
            Ok(Some(message)) => received.extend(payload(message)),
            Ok(None) => {
                timed_out = client.state() == State::Open;
                if timed_out {
                    break;
                }
            }
            Err(failure) => {
                error.get_or_insert(failure);
                break;
            }
        }
    }
    if !timed_out && received.len() as u64 != arrived() {
        return Err(Broken::Other(format!(
            "{} messages had arrived, {} could be read",
            arrived(),
            received.len()
        )));
    }
    let closed = timed("close", CLOSE, || client.close(CloseCode::NORMAL, ""))?;
    timed("destroy", Duration::from_secs(2), || client.destroy())?;
    Ok(Outcome {
        received,
        error,
        timed_out,
        closed,
    })
}
