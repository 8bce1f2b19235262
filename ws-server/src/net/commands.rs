//! The way from other threads into a loop: a queue and one wake-up for each batch.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the channel behind Net::take_command"
)]

use std::{error, fmt, io, sync::Arc};

use crossbeam_channel::{Receiver, Sender};

use super::bell::Bell;
use crate::event_loop::Command;

/// Sends commands to the handler of one loop, from any thread; never blocks.
///
/// Commands of one sender arrive in order. Many sent at once cost one wake-up of the loop.
pub struct CommandSender<T> {
    shared: Arc<dyn Post<T>>,
}

impl<T> CommandSender<T> {
    /// Sends a command to the loop's handler.
    ///
    /// # Errors
    ///
    /// [`LoopGone`], with the command, if the loop has ended.
    pub fn send(&self, command: T) -> Result<(), LoopGone<T>> {
        self.shared.post(command).map_err(LoopGone)
    }

    /// Tells the loop to stop; whether it still ran.
    pub(crate) fn stop(&self, at_most: std::time::Duration) -> bool {
        self.shared.stop(at_most)
    }
}

impl<T> Clone for CommandSender<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for CommandSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandSender").finish_non_exhaustive()
    }
}

/// The loop has ended; holds the command that was not delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it gives back what was sent and nothing else"
)]
pub struct LoopGone<T>(pub T);

impl<T> fmt::Debug for LoopGone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoopGone(..)")
    }
}

impl<T> fmt::Display for LoopGone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop has ended")
    }
}

impl<T> error::Error for LoopGone<T> {}

/// Hides the stream type from [`CommandSender`].
trait Post<T>: Send + Sync {
    fn post(&self, command: T) -> Result<(), T>;
    fn stop(&self, at_most: std::time::Duration) -> bool;
}

impl<S: Send, T: Send> Post<T> for Outbox<S, T> {
    fn post(&self, command: T) -> Result<(), T> {
        Self::post(self, Command::Handler(command)).map_err(|command| match command {
            Command::Handler(command) => command,
            Command::Adopt(..) | Command::Stop(_) => unreachable!("it is what was sent"),
        })
    }

    fn stop(&self, at_most: std::time::Duration) -> bool {
        Self::post(self, Command::Stop(at_most)).is_ok()
    }
}

/// The sending end of one loop's command queue.
pub(crate) struct Outbox<S, T> {
    queue: Sender<Command<S, T>>,
    bell: Arc<Bell>,
    waker: Arc<mio::Waker>,
}

impl<S, T> Clone for Outbox<S, T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            bell: Arc::clone(&self.bell),
            waker: Arc::clone(&self.waker),
        }
    }
}

impl<S, T> Outbox<S, T> {
    pub(crate) fn post(&self, command: Command<S, T>) -> Result<(), Command<S, T>> {
        let put = || self.queue.send(command).map_err(|error| error.into_inner());
        let wake = || {
            // It fails only when the loop's poll is gone, and then nobody reads the queue either.
            let _: io::Result<()> = self.waker.wake();
        };
        self.bell.ring(put, wake)
    }
}

impl<S: Send + 'static, T: Send + 'static> Outbox<S, T> {
    pub(crate) fn command_sender(&self) -> CommandSender<T> {
        CommandSender {
            shared: Arc::new(self.clone()),
        }
    }
}

/// The loop's end of its command queue.
pub(crate) struct Inbox<S, T> {
    queue: Receiver<Command<S, T>>,
    bell: Arc<Bell>,
}

impl<S, T> Inbox<S, T> {
    /// Makes the queue of a loop whose poll the waker wakes.
    pub(crate) fn new(waker: Arc<mio::Waker>) -> (Outbox<S, T>, Self) {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let bell = Arc::new(Bell::new());
        let outbox = Outbox {
            queue: sender,
            bell: Arc::clone(&bell),
            waker,
        };
        let inbox = Self {
            queue: receiver,
            bell,
        };
        (outbox, inbox)
    }

    /// Lets the next command wake the loop again; to be called at a wake-up, before taking.
    pub(crate) fn handle_wake(&self) {
        self.bell.answer();
    }

    pub(crate) fn take(&self) -> Option<Command<S, T>> {
        self.queue.try_recv().ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}
