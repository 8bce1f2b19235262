//! What chance would bring too seldom: when a connection is in the wished state, what is wished for comes to it.

use std::time::Duration;

use super::{
    dice::Dice,
    fault::Fault,
    input::Input,
    pairs::COMMANDS,
    rare::Sight,
    state::State,
    world::{Ambush, Order, World},
};

/// What a world waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    state: State,
    input: Input,
    /// How often it may still come true.
    left: u32,
}

impl Wish {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        Self {
            state: dice.pick(STATES),
            input: dice.pick(INPUTS),
            left: 3,
        }
    }
}

impl World {
    /// Brings what is wished for if this connection, in this state, is what was waited for.
    pub(crate) fn fulfil(&mut self, sight: Sight) {
        let Sight {
            state, id, pipe, ..
        } = sight;
        let Some(wish) = &mut self.wish else {
            return;
        };
        if wish.state != state || wish.left == 0 || self.faults.is_calm {
            return;
        }
        let input = wish.input;
        let is_nameless = matches!(state, State::Proxy | State::Tls | State::Answering);
        if is_nameless && COMMANDS.contains(&input) {
            return;
        }
        wish.left -= 1;
        let config = &self.profile.config;
        let keepalive = &config.keepalive;
        let order = match input {
            Input::SendCommand => Order::Send(id, wish.left),
            Input::CloseCommand => Order::Close(id),
            Input::Abort => Order::Abort(id),
            Input::PauseCommand => {
                self.order_later(Duration::from_secs(1), Order::Resume(id));
                Order::Pause(id)
            }
            Input::ResumeCommand => Order::Resume(id),
            Input::PingCommand => Order::Ping(id),
            Input::SetTimer => Order::SetTimer(id, Duration::from_millis(1)),
            Input::End => {
                self.pipes[pipe].is_disturbed = true;
                self.faults.hit(Fault::HalfClose);
                return self.pipes[pipe].peer_fin(self.now);
            }
            Input::ResetByPeer => {
                if self.dice.one_in(2) {
                    self.ambush = Some(Ambush::of(pipe));
                    return;
                }
                self.pipes[pipe].is_disturbed = true;
                self.faults.hit(Fault::Reset);
                let keeps_input = self.dice.one_in(2);
                return self.pipes[pipe].peer_reset(keeps_input);
            }
            _ => {
                let far = match input {
                    Input::PingDue => keepalive.interval.unwrap_or_default(),
                    Input::Silence => keepalive.timeout,
                    Input::Stall => config.write_stall_timeout,
                    Input::Idle => config.idle_timeout.unwrap_or_default(),
                    Input::TimerDue => Duration::from_secs(3),
                    Input::HandshakeDue => config.handshake_timeout,
                    _ => config.close_timeout,
                };
                self.faults.hit(Fault::ClockJump);
                // At times it is just too short.
                let far = far.saturating_sub(self.dice.millis(0, 200));
                let far = far + self.dice.millis(0, 400);
                return self.leap(far);
            }
        };
        self.order(crate::event_loop::Command::Handler(order));
    }
}

/// Those that do not last.
const STATES: &[State] = &[
    State::Proxy,
    State::Tls,
    State::Paused,
    State::Throttled,
    State::Blocked,
    State::Starved,
    State::Starved,
    State::Broken,
    State::Broken,
    State::ClosingUnsent,
    State::EndingUnsent,
    State::Answering,
];
const INPUTS: &[Input] = &[
    Input::End,
    Input::ResetByPeer,
    Input::HandshakeDue,
    Input::EndDue,
    Input::TimerDue,
    Input::PingDue,
    Input::Silence,
    Input::Stall,
    Input::Idle,
    Input::SendCommand,
    Input::CloseCommand,
    Input::Abort,
    Input::PauseCommand,
    Input::ResumeCommand,
    Input::PingCommand,
    Input::SetTimer,
];
