//! A running server and its end.

use std::{fmt, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use parking_lot::Mutex;
use ws_core::tls::ServerTls;

use crate::{
    config::MAX_CLOSE_TIMEOUT,
    error::{Error, ErrorKind, Stage},
    event_loop::Shared,
    journal::ServerLog,
    net::commands::CommandSender,
    server::ListenAddress,
};

/// A server whose loops run in threads of their own. Dropping it stops it.
///
/// `T` is what its handlers take as commands.
pub struct Running<T> {
    address: ListenAddress,
    commands: Vec<CommandSender<T>>,
    shared: Arc<Shared>,
    log: ServerLog,
    threads: Vec<JoinHandle<Result<(), Error>>>,
}

impl<T> Running<T> {
    pub(crate) fn new(
        address: ListenAddress,
        commands: Vec<CommandSender<T>>,
        shared: Arc<Shared>,
        log: ServerLog,
    ) -> Self {
        Self {
            address,
            commands,
            shared,
            log,
            threads: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, thread: JoinHandle<Result<(), Error>>) {
        self.threads.push(thread);
    }

    /// Returns the address listened at, with the real port; `0.0.0.0:0` for a Unix socket.
    pub fn local_addr(&self) -> SocketAddr {
        self.address.tcp()
    }

    /// Returns where the server listens.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Returns how many loops there are.
    pub fn loops(&self) -> u16 {
        u16::try_from(self.commands.len()).unwrap_or(u16::MAX)
    }

    /// Returns the way to send commands to a loop's handler.
    pub fn commands(&self, loop_index: u16) -> Option<&CommandSender<T>> {
        self.commands.get(usize::from(loop_index))
    }

    /// Returns the event log.
    pub fn log(&self) -> ServerLog {
        self.log.clone()
    }

    /// Counts the handshakes that were answered with an error (HTTP 400 and above), and the TLS handshakes that failed.
    pub fn refused_handshakes(&self) -> u64 {
        self.shared.refused()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Replaces the certificates, keys and rules for clients, for connections that come from now on.
    ///
    /// Those that are open keep theirs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the server was not bound with [`Config::tls`](crate::Config::tls).
    pub fn set_tls(&self, tls: ServerTls) -> Result<(), Error> {
        if self.shared.set_tls(tls) {
            Ok(())
        } else {
            let text = "the server was started without TLS";
            Err(Error::new(Stage::Config, ErrorKind::Config, text))
        }
    }

    /// Tells whether every loop runs.
    pub fn is_running(&self) -> bool {
        !self.threads.is_empty() && !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Closes the listener and every connection (1001), and joins the threads.
    ///
    /// Clients have `at_most`, but never more than 5 s, to answer; what is left then is dropped. On return the port is
    /// free. Calling it again does nothing.
    ///
    /// # Errors
    ///
    /// A loop had failed, or ended by a panic of its handler. The server is stopped nevertheless.
    pub fn stop(&mut self, at_most: Duration) -> Result<(), Error> {
        for commands in &self.commands {
            commands.stop(at_most);
        }
        self.wait()
    }

    /// Waits until a [`Stopper`] has stopped the server, and joins the threads.
    ///
    /// # Errors
    ///
    /// As [`Running::stop`].
    pub fn wait(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or("event loop").to_owned();
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(Error::new(Stage::Run, ErrorKind::HandlerPanicked, name)));
            result = result.and(ended);
        }
        result
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if let Err(error) = self.stop(MAX_CLOSE_TIMEOUT) {
            log::error!("{error}");
        }
    }
}

impl<T> fmt::Debug for Running<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("loops", &self.commands.len())
            .finish_non_exhaustive()
    }
}

/// Stops a server from any thread; see [`Server::stopper`](crate::Server::stopper).
#[derive(Clone, Default)]
pub struct Stopper(Arc<Mutex<StopState>>);

#[derive(Default)]
struct StopState {
    requested: Option<Duration>,
    loops: Vec<Box<dyn Fn(Duration) + Send>>,
}

impl Stopper {
    /// Begins to stop the server, as [`Running::stop`] does, but does not wait.
    pub fn stop(&self, at_most: Duration) {
        let mut state = self.0.lock();
        state.requested = Some(at_most);
        for stop in &state.loops {
            stop(at_most);
        }
    }

    /// Gets to know the loops; they are stopped at once if that was asked for before.
    pub(crate) fn attach<T: Send + 'static>(&self, commands: &[CommandSender<T>]) {
        let mut state = self.0.lock();
        for commands in commands {
            if let Some(at_most) = state.requested {
                commands.stop(at_most);
            }
            let commands = commands.clone();
            state.loops.push(Box::new(move |at_most| {
                commands.stop(at_most);
            }));
        }
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").finish_non_exhaustive()
    }
}

/// Stops a server when it is dropped, by a panic too.
pub(crate) struct StopOnDrop(pub(crate) Stopper);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop(MAX_CLOSE_TIMEOUT);
    }
}
