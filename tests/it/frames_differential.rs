//! M-4: our receiver against the sans-IO core of websockets (Python) on the same random streams, half of them damaged.
//!
//! Where the two differ, the difference has a name in [`Difference`]; any other fails the test. The same against
//! tungstenite: `ws-core/tests/it/differential.rs`. `WS_FRAME_STREAMS` sets how many streams there are.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    process::Stdio,
    thread,
};

use data_encoding::BASE64;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use ws_core::{CloseCode, Limits, ReceiveError, Role};

use self::wire::{BINARY, Frame, Owned, events, random_stream};
use crate::support::peer::Peer;

#[expect(dead_code, reason = "the scenario tests use more of it")]
#[path = "../../ws-core/tests/it/wire.rs"]
mod wire;

const STREAMS: u64 = 2_000;
const LIMIT: usize = 4000;

/// Where we differ from websockets, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// RFC 6455 §5.2: "the minimal number of bytes MUST be used"; websockets takes any, in control frames too.
    NonMinimalLength,
    /// §5.2: the most significant bit MUST be 0; websockets takes it for a frame that is too big.
    LengthTopBit,
    /// §8.1, fail fast: we fail at the first bad byte, websockets when the message is complete.
    Utf8BeforeTheEnd,
    /// A frame is judged by its header; websockets still waits for the payload.
    HeaderBeforePayload,
    /// Both fail the same frame, which breaks two rules, each with the other one.
    TwoRulesBroken,
    /// A masked frame's header ends with its key; websockets judges the length before the key is there.
    LengthBeforeKey,
    /// §5.4: control frames may come between fragments; websockets takes a Close there for an error.
    CloseBetweenFragments,
}

#[test]
fn agrees_with_websockets_but_for_the_differences_listed() {
    let streams = env::var("WS_FRAME_STREAMS").map_or(STREAMS, |text| text.parse().unwrap());
    let mut child = Peer::Python
        .script("frames")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap());
    // Written by another thread: both pipes would be full.
    let writer = thread::spawn(move || {
        for seed in 0..streams {
            let (role, stream) = random(seed);
            let role = if role == Role::Server {
                "server"
            } else {
                "client"
            };
            if writeln!(stdin, "{role} {LIMIT} {}", BASE64.encode(&stream)).is_err() {
                // It says itself why it has ended.
                break;
            }
        }
    });
    let limits = Limits::default().max_message_bytes(LIMIT);
    let mut differences: BTreeMap<Difference, u64> = BTreeMap::new();
    let (mut agreed, mut seed) = (0_u64, 0);
    for line in answers.lines() {
        let theirs: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let (role, stream) = random(seed);
        let (events, error) = ours(role, &limits, &stream);
        let end = error.as_ref().map_or("quiet", end);
        if events == theirs["events"] && end == theirs["end"] {
            agreed += 1;
        } else {
            let is_cut = || is_cut_in_a_key(role, &limits, stream.clone(), &events, &theirs);
            let explained = explain(error.as_ref(), &events, &theirs)
                .or_else(|| is_cut().then_some(Difference::LengthBeforeKey));
            let Some(difference) = explained else {
                panic!(
                    "seed {seed}: {role:?}\n ours:   {events} {error:?}\n theirs: {theirs}\n {:x?}",
                    &stream[..stream.len().min(60)]
                );
            };
            *differences.entry(difference).or_default() += 1;
        }
        seed += 1;
    }
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    println!("websockets agreed on {agreed} of {seed} streams; explained: {differences:?}");
    assert_eq!(seed, streams, "streams that websockets judged");
    assert!(
        agreed >= streams * 8 / 10,
        "only {agreed} of {streams} agreed: {differences:?}"
    );
    assert_eq!(
        differences.len(),
        7,
        "a listed difference was never met: {differences:?}"
    );
}

fn random(seed: u64) -> (Role, Vec<u8>) {
    let rng = &mut StdRng::seed_from_u64((1 << 41) | seed);
    let role = if rng.random() || seed == 1 {
        Role::Server
    } else {
        Role::Client
    };
    let stream = match seed {
        // Too rare to be met at random.
        0 => Frame::from(role.peer(), BINARY, b"")
            .announcing(1 << 63)
            .bytes(),
        1 => {
            let frame = Frame::from(role.peer(), BINARY, b"").announcing(1 << 62);
            frame.bytes()[..10].to_vec()
        }
        _ => random_stream(rng, role.peer(), seed.is_multiple_of(2)),
    };
    (role, stream)
}

fn ours(role: Role, limits: &Limits, stream: &[u8]) -> (Value, Option<ReceiveError>) {
    let mut events = events(role, limits, stream, &[]);
    let error = match events.last() {
        Some(Owned::Failed(error)) => Some(*error),
        _ => None,
    };
    events.truncate(events.len() - usize::from(error.is_some()));
    let describe = |event| match event {
        Owned::Text(text) => json!(["text", text]),
        Owned::Binary(data) => json!(["binary", BASE64.encode(&data)]),
        Owned::Ping(data) => json!(["ping", BASE64.encode(&data)]),
        Owned::Pong(data) => json!(["pong", BASE64.encode(&data)]),
        Owned::Close(frame) => json!(["close", frame]),
        Owned::Failed(error) => panic!("{error} is not the last"),
    };
    (events.into_iter().map(describe).collect(), error)
}

fn end(error: &ReceiveError) -> &'static str {
    match error.close_code() {
        CloseCode::INVALID_PAYLOAD => "utf8",
        CloseCode::MESSAGE_TOO_BIG => "too_big",
        _ => "protocol",
    }
}

fn explain(error: Option<&ReceiveError>, ours: &Value, theirs: &Value) -> Option<Difference> {
    let [ours, seen] = [ours, &theirs["events"]].map(|events| events.as_array().unwrap());
    let Some(error) = error else {
        let (last, before) = ours.split_last()?;
        let is_close = last[0] == "close" && before == seen && theirs["end"] == "protocol";
        return is_close.then_some(Difference::CloseBetweenFragments);
    };
    // We stopped; until then both must have seen the same.
    if !seen.starts_with(ours) {
        return None;
    }
    let same_events = seen.len() == ours.len();
    match error {
        ReceiveError::NonMinimalLength(_) | ReceiveError::ControlTooLong(_) => {
            Some(Difference::NonMinimalLength)
        }
        ReceiveError::LengthTopBit(_) if same_events && theirs["end"] == "too_big" => {
            Some(Difference::LengthTopBit)
        }
        ReceiveError::InvalidUtf8 if is_bad_text(&seen[ours.len()..]) => {
            Some(Difference::Utf8BeforeTheEnd)
        }
        _ if same_events && theirs["end"] == "quiet" => Some(Difference::HeaderBeforePayload),
        _ if same_events && theirs["end"] != end(error) => Some(Difference::TwoRulesBroken),
        _ => None,
    }
}

/// Whether what they refuse is refused by us, too, once the key of the last frame is whole.
fn is_cut_in_a_key(
    role: Role,
    limits: &Limits,
    mut stream: Vec<u8>,
    events: &Value,
    theirs: &Value,
) -> bool {
    stream.extend([0; 4]);
    let (events_then, error) = ours(role, limits, &stream);
    role == Role::Server
        && *events == theirs["events"]
        && *events == events_then
        && error.is_some_and(|error| end(&error) == theirs["end"])
}

/// Whether no message came of the one that we refused; control frames may come before its end.
fn is_bad_text(rest: &[Value]) -> bool {
    !rest
        .iter()
        .any(|event| event[0] == "text" || event[0] == "binary")
}
