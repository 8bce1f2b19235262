//! One run of a mailbox's server, from its start to its stop.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::config::MailboxConfig;
use super::error::MailboxError;
use super::fair_queue::{QueueLimits, Taken};
use super::handler::{Command, MailboxHandler};
use super::inbox::{Inbox, Notices, Over};
use super::message::Received;
use super::sync::{Arc, Mutex};
use crate::{CommandSender, ConnectionId, Error, Running, Server};

#[derive(Debug)]
pub(super) struct Run {
    pub(super) inbox: Arc<Inbox>,
    /// One for each loop.
    pub(super) commands: Vec<CommandSender<Command>>,
    running: Mutex<Option<Running<Command>>>,
    pub(super) local_addr: SocketAddr,
    pub(super) unsent_limit: usize,
}

impl Run {
    pub(super) fn start(
        address: impl ToSocketAddrs + fmt::Debug,
        config: MailboxConfig,
    ) -> Result<Self, Error> {
        let MailboxConfig {
            mut server,
            max_queued_messages,
            max_queued_bytes,
            max_queued_bytes_in_all,
            kept_headers,
            open_notices,
            close_notices,
        } = config;
        let limits = QueueLimits {
            messages: max_queued_messages.max(1),
            bytes: max_queued_bytes,
            total_bytes: max_queued_bytes_in_all,
        };
        let notices = Notices {
            open: open_notices,
            close: close_notices,
        };
        let inbox = Arc::new(Inbox::new(limits, notices));
        // The limit is checked here, before a message is on its way: the loop must not refuse what was accepted.
        let unsent_limit = std::mem::replace(&mut server.send_queue_bytes, usize::MAX);
        let subprotocols = server.subprotocols.clone();
        let running = Server::bind(address, server)?.spawn(|_| {
            MailboxHandler::new(
                Arc::clone(&inbox),
                subprotocols.clone(),
                kept_headers.clone(),
            )
        })?;
        let commands = (0..running.loops())
            .filter_map(|index| running.commands(index).cloned())
            .collect();
        let local_addr = running.local_addr();
        Ok(Self {
            inbox,
            commands,
            running: Mutex::new(Some(running)),
            local_addr,
            unsent_limit,
        })
    }

    /// Tells whether it has not been stopped.
    pub(super) fn is_running(&self) -> bool {
        self.running.lock().is_some()
    }

    pub(super) fn stop(&self) -> Result<(), MailboxError> {
        self.inbox.stop(Over::Stopped);
        // Held until the port is free, so that nobody starts again before; whoever finds it held is too late.
        let Some(mut running) = self.running.try_lock() else {
            return Err(MailboxError::NotStarted);
        };
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

/// How long a stop waits at most for the closing handshakes.
const STOP_WAIT: Duration = Duration::from_secs(5);
