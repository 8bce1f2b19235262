//! Every pair of a state and an input: how often it was reached, and why some cannot be.

use std::fmt::Write as _;

use super::{
    input::Input::{self, *},
    state::State::{self, *},
};

/// How often each pair was reached.
#[derive(Debug, Clone)]
pub(crate) struct Pairs(Vec<u64>);

impl Default for Pairs {
    fn default() -> Self {
        Self(vec![0; State::ALL.len() * Input::ALL.len()])
    }
}

impl Pairs {
    pub(crate) fn count(&mut self, state: State, input: Input) {
        self.0[state as usize * Input::ALL.len() + input as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }

    fn all(&self) -> impl Iterator<Item = (State, Input, u64)> {
        let pairs = State::ALL
            .into_iter()
            .flat_map(|state| Input::ALL.map(|input| (state, input)));
        pairs
            .zip(&self.0)
            .map(|((state, input), count)| (state, input, *count))
    }

    /// Pairs that are possible, but were not reached.
    pub(crate) fn missing(&self) -> Vec<(State, Input)> {
        self.all()
            .filter(|(state, input, count)| *count == 0 && why_not(*state, *input).is_none())
            .map(|(state, input, _)| (state, input))
            .collect()
    }

    /// Pairs that were reached although a reason says that they cannot be.
    pub(crate) fn refuted(&self) -> Vec<(State, Input, &'static str)> {
        self.all()
            .filter(|(.., count)| *count > 0)
            .filter_map(|(state, input, _)| Some((state, input, why_not(state, input)?)))
            .collect()
    }

    /// How many pairs were reached, and how many there are.
    pub(crate) fn reached(&self) -> (usize, usize) {
        let reached = self.all().filter(|(.., count)| *count > 0).count();
        let possible = self
            .all()
            .filter(|(state, input, _)| why_not(*state, *input).is_none())
            .count();
        (reached, possible)
    }

    /// A line for each state.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for wanted in State::ALL {
            let _ = write!(table, "{wanted:?}:");
            for (state, input, count) in self.all() {
                if state == wanted && (count > 0 || why_not(state, input).is_none()) {
                    let _ = write!(table, " {input:?} {count},");
                }
            }
            table.pop();
            table.push('\n');
        }
        table
    }
}

/// Why a pair cannot be; none if it can.
fn why_not(state: State, input: Input) -> Option<&'static str> {
    IMPOSSIBLE
        .iter()
        .find(|(states, inputs, _)| states.contains(&state) && inputs.contains(&input))
        .map(|(.., reason)| *reason)
}

/// The pairs that cannot be, each for a reason.
const IMPOSSIBLE: &[(&[State], &[Input], &str)] = &[
    (CONNECTIONS, LISTENERS, "only the listener meets it"),
    (
        &[Listening, Retrying],
        RECEIVED,
        "the listener has no bytes",
    ),
    (
        &[Listening, Retrying],
        &[BrokenPipe],
        "the listener sends nothing",
    ),
    (&[Listening, Retrying], EVENTS, "the listener has one event"),
    (
        &[Listening, Retrying],
        TIMES,
        "the listener has a time of its own",
    ),
    (
        &[Listening, Retrying],
        COMMANDS,
        "commands are for connections",
    ),
    (
        &[Listening, Retrying],
        &[Broadcast],
        "only connections are sent to",
    ),
    (OPENING, COMMANDS, "nobody knows its id before it is open"),
    (&[Answering], COMMANDS, "a plain request has no id"),
    (OPENING, FRAMES, "bytes before the 101 are no frames"),
    (
        OPENING,
        &[EndDue, TimerDue, PingDue, Silence, Idle],
        "only the handshake's time counts before the 101",
    ),
    (
        &[Proxy, Tls],
        &[Stall],
        "only the handshake's time counts before the 101",
    ),
    (
        OPEN,
        &[HandshakeDue, EndDue],
        "an open connection has no deadline",
    ),
    (
        ENDING,
        &[HandshakeDue, PingDue, Silence, Idle],
        "only an open connection is watched for its silence",
    ),
    (
        &[Closing, ClosingUnsent, EndingUnsent, Lingering],
        &[Stall],
        "its deadline is absolute",
    ),
    (
        &[Answering],
        &[EndDue],
        "an answer takes as long as the peer reads",
    ),
    (&[Answering], &[TimerDue], "the handler has no timer for it"),
    (
        &[Proxy],
        &[Request, CloseNotify],
        "the balancer's header ends before it",
    ),
    (&[Proxy], &[Writable], "nothing is sent before"),
    (&[Tls], &[ProxyHeader], "the balancer's header is over"),
    (
        &[Tls],
        &[Request, CloseNotify],
        "the last flight of TLS ends before it",
    ),
    (
        State::from_to(Head, Broken),
        &[ProxyHeader, Hello],
        "headers and TLS are settled",
    ),
    (
        &[Closing, ClosingUnsent, Answering],
        &[ProxyHeader, Hello],
        "headers and TLS are settled",
    ),
    (
        &[EndingUnsent, Lingering],
        &[Hello],
        "TLS that is not settled is dropped, without an end to wait for",
    ),
    (
        &[Open, Inside, Paused, Throttled, Blocked, Starved, Broken],
        &[Request],
        "its request is answered",
    ),
    (
        &[Closing, ClosingUnsent],
        &[Request],
        "its request is answered",
    ),
    (&[Open, Inside], &[Stall], "only a full socket stalls"),
    (&[Broken], &[Stall], "its queue is dropped"),
    (&[Broken], &[BrokenPipe], "nothing is sent to it any more"),
    (
        &[Paused, Throttled],
        &[PingDue, Silence, Idle],
        "being read again counts as having been heard",
    ),
    (
        &[Starved],
        &[PingDue, Silence, Idle],
        "time in which it is not read does not count",
    ),
    (
        &[Starved],
        RECEIVED,
        "it is not read before the end of a turn that finds memory",
    ),
    (&[Paused], RECEIVED, "it is not read before it is resumed"),
    (
        &[Throttled],
        RECEIVED,
        "it is not read before its queue is relieved",
    ),
    (&[Lingering], &[BrokenPipe], "our side is shut"),
    (
        &[Answering],
        FRAMES_AND_FAULTS,
        "who asks for a page has nothing else to say",
    ),
];

const CONNECTIONS: &[State] = State::from_to(Proxy, Lingering);
const OPENING: &[State] = State::from_to(Proxy, Head);
const OPEN: &[State] = State::from_to(Open, Broken);
const ENDING: &[State] = State::from_to(Closing, Lingering);
/// What a call of `recv` can give.
pub(crate) const RECEIVED: &[Input] = Input::from_to(Piece, ResetByPeer);
const FRAMES: &[Input] = Input::from_to(Data, Close);
const FRAMES_AND_FAULTS: &[Input] = Input::from_to(Data, Violation);
const EVENTS: &[Input] = Input::from_to(Readable, Nothing);
const TIMES: &[Input] = Input::from_to(HandshakeDue, Idle);
pub(crate) const COMMANDS: &[Input] = Input::from_to(SendCommand, SetTimer);
const LISTENERS: &[Input] = Input::from_to(AcceptEdge, NobodyWaits);
