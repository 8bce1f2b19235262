//! One run of a mailbox's server, from its start to its stop.

use std::net::SocketAddr;
use std::time::Duration;

use ws_core::tls::ServerTls;

use super::config::MailboxConfig;
use super::error::MailboxError;
use super::fair_queue::Taken;
use super::handler::{Command, MailboxHandler};
use super::inbox::{Inbox, Notices, Over};
use super::limits::QueueLimits;
use super::message::{Received, Statistics};
use super::sync::{Arc, Mutex};
use crate::event_loop::Shared;
use crate::{CommandSender, Config, ConnectionId, Error, Running, Server, ServerLog};

#[derive(Debug)]
pub(super) struct Run {
    pub(super) inbox: Arc<Inbox>,
    /// One for each loop.
    pub(super) commands: Vec<CommandSender<Command>>,
    running: Mutex<Option<Running<Command>>>,
    /// Held by whoever stops it.
    stopping: Mutex<()>,
    pub(super) local_addr: SocketAddr,
    pub(super) unsent_limit: usize,
    pub(super) log: ServerLog,
    shared: Arc<Shared>,
}

impl Run {
    /// Starts the server that `bind` makes of its configuration.
    pub(super) fn start(
        config: MailboxConfig,
        bind: impl FnOnce(Config) -> Result<Server, Error>,
    ) -> Result<Self, Error> {
        let MailboxConfig {
            mut server,
            max_queued_messages,
            max_queued_bytes,
            max_queued_bytes_in_all,
            kept_headers,
            open_notices,
            close_notices,
            hook,
        } = config;
        let limits = QueueLimits {
            messages: max_queued_messages.max(1),
            bytes: max_queued_bytes,
            total_bytes: max_queued_bytes_in_all.max(1),
        };
        let notices = Notices {
            open: open_notices,
            close: close_notices,
        };
        let inbox = Arc::new(Inbox::new(limits, notices).with_hook(hook));
        // The limit is checked here, before a message is on its way: the loop must not refuse what was accepted.
        server.takes_all_sent = true;
        let unsent_limit = server.send_queue_bytes;
        let subprotocols = server.subprotocols.clone();
        let server = bind(server)?;
        let log = server.log();
        log.journal().note(format_args!(
            "mailbox: receive queues of {} messages or {} bytes, {} bytes in all, open notices {}, close notices {}, \
             {} kept headers",
            limits.messages,
            limits.bytes,
            limits.total_bytes,
            on_or_off(open_notices),
            on_or_off(close_notices),
            kept_headers.len(),
        ));
        let running = server.spawn(|_| {
            MailboxHandler::new(
                Arc::clone(&inbox),
                subprotocols.clone(),
                kept_headers.clone(),
            )
        })?;
        let commands = (0..running.loops())
            .filter_map(|index| running.commands(index).cloned())
            .collect();
        Ok(Self {
            inbox,
            commands,
            local_addr: running.local_addr(),
            shared: Arc::clone(running.shared()),
            running: Mutex::new(Some(running)),
            stopping: Mutex::new(()),
            unsent_limit,
            log,
        })
    }

    pub(super) fn statistics(&self) -> Result<Statistics, MailboxError> {
        Ok(Statistics {
            refused_handshakes: self.shared.refused(),
            ..self.inbox.statistics()?
        })
    }

    /// Replaces the certificates; `false` if there are none to replace.
    pub(super) fn set_tls(&self, tls: ServerTls) -> bool {
        self.shared.set_tls(tls)
    }

    /// Tells whether it has not been stopped.
    pub(super) fn is_running(&self) -> bool {
        self.running.lock().is_some()
    }

    pub(super) fn stop(&self) -> Result<(), MailboxError> {
        self.inbox.stop(Over::Stopped);
        // Whoever finds it held is too late.
        let Some(_stopping) = self.stopping.try_lock() else {
            return Err(MailboxError::NotStarted);
        };
        // Held until the port is free, so that nobody starts again before.
        let mut running = self.running.lock();
        let Some(threads) = running.as_mut() else {
            return Err(MailboxError::NotStarted);
        };
        let result = threads.stop(STOP_WAIT).map_err(|error| {
            log::error!("mailbox on {}: {error}", self.local_addr);
            MailboxError::Failed
        });
        *running = None;
        result
    }

    pub(super) fn abort(&self) {
        self.inbox.stop(Over::Stopped);
        // Shortens a stop that has begun, whose thread holds the lock below.
        for commands in &self.commands {
            commands.stop(ABORT_WAIT);
        }
        if let Some(mut running) = self.running.lock().take()
            && let Err(error) = running.stop(ABORT_WAIT)
        {
            log::error!("mailbox on {}: {error}", self.local_addr);
        }
    }

    /// Passes a command on to the loop of a connection. `false` if the loop has gone.
    pub(super) fn command(&self, id: ConnectionId, command: Command) -> bool {
        self.commands
            .get(usize::from(id.loop_index()))
            .is_some_and(|commands| commands.send(command).is_ok())
    }

    /// Hands a message out, and lets its connection be read again if there is room now.
    pub(super) fn taken(&self, taken: Taken) -> Received {
        let Taken { received, resume } = taken;
        if resume {
            // A loop that has gone reads nothing more anyway.
            self.command(received.id, Command::Resume(received.id));
        }
        received
    }
}

const fn on_or_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

/// How long a stop waits at most for the closing handshakes.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// The same for an abort.
const ABORT_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// As [`Run::is_running`] does for a moment, which a start beside the stop asks.
    #[test]
    fn a_stop_waits_for_who_only_looks_and_stops_all_the_same() {
        let run = Run::start(MailboxConfig::default(), |server| {
            Server::bind("127.0.0.1:0", server)
        })
        .unwrap();
        thread::scope(|scope| {
            let look = run.running.lock();
            let stop = scope.spawn(|| run.stop());
            while run.inbox.depth().is_ok() {
                thread::yield_now();
            }
            // Time enough to give up, for a stop that does.
            for _ in 0..1000 {
                if stop.is_finished() {
                    break;
                }
                thread::yield_now();
            }
            drop(look);
            assert_eq!(stop.join().unwrap(), Ok(()));
        });
        assert!(!run.is_running());
        assert_eq!(run.stop(), Err(MailboxError::NotStarted));
        Server::bind(run.local_addr, Config::default()).expect("the port is free");
    }
}
