//! Long messages: sent back from where they lie, in their place, fair to others, and their memory counted.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use ws_core::{
    Event, KeepaliveConfig, Limits, Receiver, Role, Scratch, SendScratch, Sender,
    handshake::{HttpAnswer, Request},
};

use super::{
    budget::REQUEST,
    simulator::{Dice, MockNet, Order, Pipe, World},
};
use crate::{
    Accepted, CloseInfo, Config, Context, Flow, Handler, Message,
    event_loop::{Command, EventLoop, Shared},
};

/// Sends every message back; every second one between others, and twice.
struct Around(u32);

impl Handler for Around {
    type Connection = ();
    type Command = Order;

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        _: &mut (),
        message: Message<'_>,
    ) -> Flow {
        self.0 += 1;
        if !self.0.is_multiple_of(2) {
            context.send(message).unwrap();
            return Flow::Continue;
        }
        let unsent = context.queued_bytes();
        context.send_text("before").unwrap();
        context.send(message).unwrap();
        assert!(context.queued_bytes() > unsent + message.as_bytes().len());
        context.send_ping(b"between").unwrap();
        context.send(message).unwrap();
        // A part of it is another message.
        context.send_binary(&message.as_bytes()[1..]).unwrap();
        context.send_text("after").unwrap();
        assert!(context.queued_bytes() > unsent + 3 * message.as_bytes().len());
        Flow::Continue
    }

    fn on_close(&mut self, _: &mut Context<'_, ()>, (): (), info: CloseInfo<'_>) {
        panic!("nobody closes: {info:?}");
    }
}

/// A loop with open connections over these pipes.
fn open<const EPOLL: bool>(
    pipes: Vec<Pipe>,
    config: Config,
) -> (
    EventLoop<MockNet<EPOLL>, Around>,
    Rc<RefCell<World>>,
    Arc<Shared>,
) {
    let mut world = World::new(1);
    let count = pipes.len();
    for mut pipe in pipes {
        assert_eq!(pipe.peer_send(REQUEST), REQUEST.len());
        world.connect_pipe(pipe);
    }
    let world = Rc::new(RefCell::new(world));
    let shared = Arc::new(Shared::default());
    let config = config.keepalive(KeepaliveConfig::default().interval(None));
    let mut event_loop = EventLoop::new(
        Around(0),
        MockNet::<EPOLL>(Rc::clone(&world)),
        Arc::new(config),
        0,
        Arc::clone(&shared),
        true,
    );
    let is_open = |pipe: &Pipe| pipe.outbound.iter().rev().take(4).eq(b"\n\r\n\r");
    while event_loop.connections.len() < count || !world.borrow().pipes.iter().all(is_open) {
        assert!(event_loop.turn().unwrap());
    }
    for pipe in &mut world.borrow_mut().pipes {
        pipe.outbound.clear();
    }
    (event_loop, world, shared)
}

/// A message of a client.
fn frame(is_text: bool, payload: &[u8]) -> Vec<u8> {
    let mut sender = Sender::new(Role::Client);
    let (mut scratch, mut frame) = (SendScratch::client(Box::new(|| [1, 2, 3, 4])), Vec::new());
    let sent = match str::from_utf8(payload) {
        Ok(text) if is_text => sender.encode_text(text, &mut scratch, &mut frame),
        _ => sender.encode_binary(payload, &mut scratch, &mut frame),
    };
    sent.unwrap();
    frame
}

/// What came, in order: texts and pings as they are, binary messages by length and sum.
fn told(event: Event<'_>) -> String {
    let sum = |data: &[u8]| data.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    match event {
        Event::Text(text) if text.len() < 100 => text.to_owned(),
        Event::Text(text) => format!("text {} {}", text.len(), sum(text.as_bytes())),
        Event::Binary(data) => format!("binary {} {}", data.len(), sum(data)),
        Event::Ping(payload) => format!("ping {}", payload.len()),
        other => format!("{other:?}"),
    }
}

fn sent_around<const EPOLL: bool>(capacity: usize, high_water: usize, lengths: &[usize]) {
    let (mut input, mut expected) = (Vec::new(), Vec::new());
    for (number, &length) in lengths.iter().enumerate() {
        let is_text = length < 200_000;
        let payload: Vec<u8> = (0..length)
            .map(|i| b'a' + u8::try_from((i + number) % 26).unwrap())
            .collect();
        input.extend(frame(is_text, &payload));
        let text = str::from_utf8(&payload).unwrap();
        let whole = told(if is_text {
            Event::Text(text)
        } else {
            Event::Binary(&payload)
        });
        if number % 2 == 0 {
            expected.push(whole);
        } else {
            let part = told(Event::Binary(&payload[1..]));
            let ping = told(Event::Ping(b"between"));
            let (before, after) = ("before".to_owned(), "after".to_owned());
            expected.extend([before, whole.clone(), ping, whole, part, after]);
        }
    }
    let config = Config::default()
        .high_water_bytes(high_water)
        .send_queue_bytes(64 << 20);
    let mut pipe = Pipe::new(capacity);
    pipe.inbound.reserve(input.len());
    let (mut event_loop, world, shared) = open::<EPOLL>(vec![pipe], config);
    let (mut receiver, mut scratch) =
        (Receiver::new(Role::Client), Scratch::new(Limits::default()));
    let mut dice = Dice(capacity as u64);
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < expected.len() {
        // The world does not know of this peer: without anything to do for the loop it would let the time leap.
        let nothing = Command::Handler(Order::Broadcast(0));
        world.borrow_mut().order(nothing);
        assert!(event_loop.turn().unwrap());
        let pipe = &mut world.borrow_mut().pipes[0];
        sent += pipe.peer_send(&input[sent..]);
        if dice.one_in(3) {
            continue;
        }
        let mut bytes = pipe.peer_recv(1 + dice.below(capacity));
        let mut receive = receiver.receive(&mut bytes, &mut scratch);
        while let Some(event) = receive.next() {
            received.push(told(event.unwrap()));
        }
    }
    assert_eq!(received, expected, "capacity {capacity}");
    assert!(!receiver.is_mid_message());
    // Nothing is left but buffers for later messages.
    while event_loop.connections.slots[0].counted > 0 {
        assert!(event_loop.turn().unwrap());
    }
    assert!(shared.memory_bytes() <= 64 << 20);
}

/// Whatever the socket takes, a lent message leaves where it was sent, before and behind what else was: from a buffer of
/// its own, and from the input with others.
#[test]
fn a_lent_message_keeps_its_place() {
    let long = [100_000, 300_000, 65_536, 65_535, 1_500_000, 70_000];
    let mut dice = Dice(7);
    // More in a turn than are lent, and some too short for it.
    let many: Vec<usize> = (0..300).map(|_| 40 + dice.below(5000)).collect();
    let both = [&many[..50], &long, &many].concat();
    for capacity in [20_000, 90_000, 400_000, 16 << 20] {
        for high_water in [256 << 10, 32 << 20] {
            for lengths in [&long[..], &many, &both] {
                sent_around::<true>(capacity, high_water, lengths);
                sent_around::<false>(capacity, high_water, lengths);
            }
        }
    }
}

/// A message of 16 MiB that has come whole is taken in parts, between which others have their turns.
#[test]
fn a_long_message_leaves_others_their_turns() {
    const SIZE: usize = 16 << 20;
    let pipes = vec![Pipe::new(2 * SIZE), Pipe::new(2 * SIZE)];
    let config = Config::default().send_queue_bytes(4 * SIZE);
    let (mut event_loop, world, _) = open::<true>(pipes, config);
    let long = frame(false, &vec![1; SIZE]);
    assert_eq!(world.borrow_mut().pipes[0].peer_send(&long), long.len());
    let (mut turns, mut answered) = (0, None);
    let mut before = long.len();
    while before > 0 {
        assert!(event_loop.turn().unwrap());
        let world = &mut *world.borrow_mut();
        let left = world.pipes[0].inbound.len();
        let taken = before - left;
        // Eight turns' bytes, with what lies behind the message.
        assert!(taken <= (8 * 260 + 16) << 10, "{taken} bytes in a turn");
        turns += u32::from(taken > 0);
        if turns == 3 && answered.is_none() {
            world.pipes[1].peer_send(&frame(false, b"short"));
            answered = Some(u32::MAX);
        }
        if answered == Some(u32::MAX) && !world.pipes[1].outbound.is_empty() {
            answered = Some(turns);
        }
        before = left;
    }
    println!("{turns} turns, answered in {answered:?}");
    assert!(answered.is_some_and(|turn| turn <= 5), "{answered:?}");
    assert!(turns >= 9, "{turns} turns");
}

/// What a message leaves for the next one counts, and not for ever.
#[test]
fn buffers_for_later_messages_count_and_are_given_up() {
    const SIZE: usize = 1 << 20;
    let (mut event_loop, world, shared) =
        open::<true>(vec![Pipe::new(4 * SIZE)], Config::default());
    let mut echoed = 0;
    for _ in 0..3 {
        world.borrow_mut().pipes[0].peer_send(&frame(false, &vec![1; SIZE]));
        while world.borrow().pipes[0].outbound.len() < SIZE {
            assert!(event_loop.turn().unwrap());
        }
        echoed += world.borrow_mut().pipes[0].peer_recv(usize::MAX).len();
    }
    assert!(echoed > 3 * SIZE);
    while event_loop.connections.slots[0].counted > 0 || shared.memory_bytes() == 0 {
        assert!(event_loop.turn().unwrap());
    }
    let kept = shared.memory_bytes();
    assert!((SIZE..3 * SIZE).contains(&kept), "{kept} bytes are kept");
    let used_at = world.borrow().now;
    while shared.memory_bytes() > 0 {
        assert!(event_loop.turn().unwrap());
    }
    let after = world.borrow().now - used_at;
    println!("{kept} bytes were kept for {after:?}");
    assert!(
        (Duration::from_secs(9)..Duration::from_secs(21)).contains(&after),
        "{after:?}"
    );
    assert_eq!(event_loop.kept.trim_at, None, "an idle loop sleeps");
}

/// Memory that nobody uses does not stop a connection.
#[test]
fn buffers_for_later_messages_are_given_up_when_the_budget_is_short() {
    const BUDGET: usize = 2 << 20;
    let pipes = vec![Pipe::new(BUDGET), Pipe::new(BUDGET)];
    let config = Config::default().memory_bytes(BUDGET);
    let (mut event_loop, world, shared) = open::<true>(pipes, config);
    let short = frame(false, &[1; 250_000]);
    for part in short.chunks(200_000) {
        world.borrow_mut().pipes[0].peer_send(part);
        while !world.borrow().pipes[0].inbound.is_empty() {
            assert!(event_loop.turn().unwrap());
        }
    }
    let kept = shared.memory_bytes();
    assert!(kept >= 250_000, "{kept} bytes are kept");
    let long = frame(false, &[2; 1_500_000]);
    let (begin, end) = long.split_at(1_450_000);
    for part in [begin, end] {
        assert_eq!(event_loop.connections.slots[1].counted > 0, part == end);
        world.borrow_mut().pipes[1].peer_send(part);
        while !world.borrow().pipes[1].inbound.is_empty() {
            assert!(event_loop.turn().unwrap());
            assert!(
                event_loop.starved.is_empty(),
                "{} used",
                shared.memory_bytes()
            );
        }
    }
}

/// R-12, R-13: who sends a long message byte by byte gets no buffer for it before it has sent something.
#[test]
fn single_bytes_of_a_long_message_cost_little() {
    let (mut event_loop, world, _) = open::<true>(
        vec![Pipe::new(8 << 20), Pipe::new(8 << 20)],
        Config::default(),
    );
    world.borrow_mut().pipes[0].peer_send(&frame(false, &vec![1; 1 << 20]));
    while world.borrow().pipes[0].outbound.len() < 1 << 20 {
        assert!(event_loop.turn().unwrap());
    }
    let long = frame(false, &vec![2; 4 << 20]);
    world.borrow_mut().pipes[1].peer_send(&long[..14]);
    let mut held = Vec::new();
    for sent in 14..34 {
        while !world.borrow().pipes[1].inbound.is_empty() {
            assert!(event_loop.turn().unwrap());
        }
        held.push(event_loop.connections.slots[1].counted);
        world.borrow_mut().pipes[1].peer_send(&long[sent..=sent]);
    }
    assert!(held.iter().all(|&held| held <= 4096), "{held:?}");
}

/// R-17: the time for an answer begins when the ping has left.
#[test]
fn a_ping_that_waited_for_the_socket_may_be_answered_later() {
    let (mut event_loop, world, _) = open::<true>(vec![Pipe::new(1 << 20)], Config::default());
    let config = Config::clone(&event_loop.connections.config);
    event_loop.connections.config = Arc::new(config.keepalive(KeepaliveConfig::default()));
    event_loop.connections.watch_silence(0);
    let began = world.borrow().now;
    world.borrow_mut().pipes[0].choke();
    let (mut has_left, mut is_answered) = (false, false);
    while world.borrow().now < began + Duration::from_secs(60) {
        {
            let world = &mut *world.borrow_mut();
            world.order(Command::Handler(Order::Broadcast(0)));
            world.now += Duration::from_millis(50);
            let since = world.now - began;
            let pipe = &mut world.pipes[0];
            if !has_left && since >= Duration::from_millis(44_800) {
                pipe.is_choked = false;
                pipe.output_edge = true;
                has_left = true;
            }
            // The answer takes a second.
            if !is_answered && since >= Duration::from_millis(45_900) {
                is_answered = true;
                pipe.peer_send(b"\x8a\x80\0\0\0\0");
            }
        }
        assert!(event_loop.turn().unwrap());
    }
}
