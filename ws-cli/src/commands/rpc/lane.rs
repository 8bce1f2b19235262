//! The order of one object's calls.
//!
//! ```text
//! calls in order of arrival → one at a time → answer
//!                                  └ finds nothing to take and may wait → its line (one for each queue it takes from)
//! ```
//!
//! Invariant: of the waits that take from one queue only the first one waits inside the object, so what arrives goes
//! to them in their order. A wait that comes to its own end meanwhile leaves the line.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// What a wait takes from: all connections of a server or the client's own, or one connection of a server.
pub(super) type Queue = Option<String>;

/// A wait's place in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    queue: Queue,
    number: u64,
}

#[derive(Debug)]
struct State<C> {
    calls: VecDeque<C>,
    /// Somebody is about to ask for the next call.
    running: bool,
    lines: HashMap<Queue, VecDeque<u64>>,
    placed: u64,
    /// Nobody waits for a turn any more.
    ended: bool,
}

/// The calls of one object that have not begun, and its waits.
#[derive(Debug)]
pub(super) struct Lane<C> {
    state: Mutex<State<C>>,
    moved: Condvar,
}

impl<C> Lane<C> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                calls: VecDeque::new(),
                running: false,
                lines: HashMap::new(),
                placed: 0,
                ended: false,
            }),
            moved: Condvar::new(),
        }
    }

    /// Adds a call. Whether the caller must see to it that somebody takes calls with [`next`](Self::next) until there
    /// are no more.
    pub(super) fn push(&self, call: C) -> bool {
        let mut state = self.state.lock();
        state.calls.push_back(call);
        !std::mem::replace(&mut state.running, true)
    }

    /// The next call; the one before it is over, or waits in a line.
    pub(super) fn next(&self) -> Option<C> {
        let mut state = self.state.lock();
        let call = state.calls.pop_front();
        state.running = call.is_some();
        call
    }

    /// Whether somebody waits for something of `queue`.
    pub(super) fn has_waits(&self, queue: &Queue) -> bool {
        self.state.lock().lines.contains_key(queue)
    }

    /// Goes to the end of the line for `queue`.
    pub(super) fn line_up(&self, queue: Queue) -> Place {
        let mut state = self.state.lock();
        state.placed += 1;
        let number = state.placed;
        state
            .lines
            .entry(queue.clone())
            .or_default()
            .push_back(number);
        Place { queue, number }
    }

    /// Waits until `place` is the first of its line, at most until `deadline`.
    pub(super) fn await_turn(&self, place: &Place, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        loop {
            let line = state.lines.get(&place.queue);
            let first = line.is_none_or(|line| line.front() == Some(&place.number));
            if first || state.ended {
                return;
            }
            match deadline {
                None => self.moved.wait(&mut state),
                Some(deadline) => {
                    if self.moved.wait_until(&mut state, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
    }

    /// Leaves the line, wherever `place` is in it.
    pub(super) fn leave(&self, place: &Place) {
        let mut state = self.state.lock();
        if let Some(line) = state.lines.get_mut(&place.queue) {
            line.retain(|number| *number != place.number);
            if line.is_empty() {
                state.lines.remove(&place.queue);
            }
        }
        drop(state);
        self.moved.notify_all();
    }

    /// Lets everybody go who waits for a turn, for good.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn calls_come_in_order_and_one_caller_runs_them() {
        let lane = Lane::new();
        assert!(lane.push(1), "nobody runs yet");
        assert!(!lane.push(2));
        assert_eq!(lane.next(), Some(1));
        assert!(!lane.push(3), "the first runs");
        assert_eq!(
            (lane.next(), lane.next(), lane.next()),
            (Some(2), Some(3), None)
        );
        assert!(lane.push(4), "the runner has gone");
    }

    #[test]
    fn a_line_is_first_come_first_served_and_queues_do_not_mix() {
        let lane = Lane::<()>::new();
        let first = lane.line_up(None);
        let second = lane.line_up(None);
        let other = lane.line_up(Some(String::from("id")));
        lane.await_turn(&first, None);
        lane.await_turn(&other, None);
        let soon = Instant::now() + Duration::from_millis(20);
        lane.await_turn(&second, Some(soon));
        assert!(Instant::now() >= soon, "the first is still in line");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lane.await_turn(&second, None));
            lane.leave(&first);
            waiting.join().unwrap();
        });
        lane.leave(&second);
        assert!(!lane.has_waits(&None));
        assert!(lane.has_waits(&Some(String::from("id"))));
    }

    #[test]
    fn one_in_the_middle_may_leave_and_the_end_lets_all_go() {
        let lane = Lane::<()>::new();
        let places: Vec<Place> = (0..3).map(|_| lane.line_up(None)).collect();
        lane.leave(&places[1]);
        lane.leave(&places[0]);
        lane.await_turn(&places[2], None);
        let last = lane.line_up(None);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lane.await_turn(&last, None));
            lane.end();
            waiting.join().unwrap();
        });
    }
}
