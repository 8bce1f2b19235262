//! A server from its address to its running loops.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use crate::{
    config::Config,
    descriptors,
    error::{Error, ErrorKind, Stage},
    event_loop::{EventLoop, Shared},
    handler::Handler,
    journal::{InForce, ServerLog},
    listener::{self, Listener},
    net::mio::MioNet,
    shutdown::{Running, StopOnDrop, Stopper},
    statistics::Statistics,
};

/// A server that listens and is about to be run.
///
/// Clients can connect as soon as it is bound; they are answered when it runs.
///
/// # Examples
///
/// See the [crate's front page](crate).
pub struct Server {
    listener: Listener,
    address: ListenAddress,
    config: Config,
    stopper: Stopper,
    log: ServerLog,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens at `address` with `config`.
    ///
    /// Port 0 picks a free port ([`Server::local_addr`]). `[::]` listens on all interfaces with IPv6 and IPv4,
    /// `0.0.0.0` on all with IPv4. Of several addresses that a name resolves to, the first that works is taken.
    ///
    /// # Errors
    ///
    /// An unusable configuration or address; [`ErrorKind::PortInUse`] if another server listens there.
    pub fn bind(address: impl ToSocketAddrs + fmt::Debug, config: Config) -> Result<Self, Error> {
        config.check()?;
        let shown = format!("{address:?}").trim_matches('"').to_owned();
        let addresses = address
            .to_socket_addrs()
            .map_err(|error| Error::io(Stage::Resolve, &shown, error))?;
        let mut failure = Error::new(Stage::Resolve, ErrorKind::Address, &shown);
        for address in addresses {
            let bound = listener::listen(address, &config)
                .and_then(|listener| Ok((listener.local_addr()?, listener)));
            match bound {
                Ok((local_addr, listener)) => {
                    let address = ListenAddress::Tcp(local_addr);
                    return Ok(Self::new(Listener::Tcp(listener), address, config));
                }
                Err(error) => failure = Error::io(Stage::Listen, address.to_string(), error),
            }
        }
        Err(failure)
    }

    /// Listens at a Unix socket with this path.
    ///
    /// A socket file that a dead server left is replaced; one that somebody listens at is an error, and so is any
    /// other file. The file is removed when the server stops. Who may write to it may connect: it is made with the
    /// process's umask, so put it into a folder whose permissions say who that is.
    ///
    /// # Errors
    ///
    /// An unusable configuration or path; [`ErrorKind::PortInUse`] if another server listens there. Where there are
    /// no Unix sockets, [`ErrorKind::Io`] with a source that says so.
    pub fn bind_unix(path: impl AsRef<Path>, config: Config) -> Result<Self, Error> {
        config.check()?;
        let path = path.as_ref();
        #[cfg(unix)]
        let bound = crate::unix::listen(path, &config).map(Listener::Unix);
        #[cfg(not(unix))]
        let bound: std::io::Result<Listener> = Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            "this system has no Unix sockets",
        ));
        let listener =
            bound.map_err(|error| Error::io(Stage::Listen, path.display().to_string(), error))?;
        let address = ListenAddress::Unix(path.to_owned());
        Ok(Self::new(listener, address, config))
    }

    fn new(listener: Listener, address: ListenAddress, config: Config) -> Self {
        let log = ServerLog::new(&config.logging);
        if let Some(shortage) = descriptors::shortage(config.max_connections) {
            log::warn!("{shortage}");
            log.journal().note(format_args!("{shortage}"));
        }
        let shared = Shared::new(config.tls.clone(), log.journal(), config.workers);
        Self {
            listener,
            address,
            config,
            stopper: Stopper::default(),
            log,
            shared: Arc::new(shared),
        }
    }

    /// Returns the address listened at, with the real port; `0.0.0.0:0` for a Unix socket.
    pub fn local_addr(&self) -> SocketAddr {
        self.address.tcp()
    }

    /// Returns where the server listens.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Returns the configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the event log.
    pub fn log(&self) -> ServerLog {
        self.log.clone()
    }

    /// Returns what the server counts.
    pub fn statistics(&self) -> Statistics {
        Statistics::new(&self.shared)
    }

    /// Returns what stops the server from another thread, also before it runs.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves in this thread (and more, if the configuration has more workers) until [`Stopper::stop`].
    ///
    /// `factory` makes the handler of each loop; it gets the loop's number, from 0 on.
    ///
    /// # Errors
    ///
    /// The system refused what the loops need, or a loop failed.
    ///
    /// # Panics
    ///
    /// If the first loop's handler panics.
    pub fn run<H>(self, mut factory: impl FnMut(u16) -> H) -> Result<(), Error>
    where
        H: Handler + Send + 'static,
    {
        let (mut starts, mut running) = self.prepare(&mut factory)?;
        let first = starts.remove(0);
        for start in starts {
            running.add(spawn(start)?);
        }
        let result = first.run();
        running.stop(crate::config::MAX_CLOSE_TIMEOUT)?;
        result
    }

    /// Starts serving in threads of its own and returns.
    ///
    /// `factory` makes the handler of each loop; it gets the loop's number, from 0 on.
    ///
    /// # Errors
    ///
    /// The system refused what the loops need; nothing is left running then.
    pub fn spawn<H>(self, mut factory: impl FnMut(u16) -> H) -> Result<Running<H::Command>, Error>
    where
        H: Handler + Send + 'static,
    {
        let (starts, mut running) = self.prepare(&mut factory)?;
        for start in starts {
            running.add(spawn(start)?);
        }
        Ok(running)
    }

    #[expect(clippy::type_complexity, reason = "the loops and what stops them")]
    fn prepare<H>(
        self,
        factory: &mut dyn FnMut(u16) -> H,
    ) -> Result<(Vec<Start<H>>, Running<H::Command>), Error>
    where
        H: Handler + Send + 'static,
    {
        let target = format!("the server at {}", self.address);
        let (nets, outboxes) = MioNet::group(self.listener, self.config.workers)
            .map_err(|error| Error::io(Stage::Start, target, error))?;
        let commands: Vec<_> = outboxes
            .iter()
            .map(|outbox| outbox.command_sender())
            .collect();
        self.stopper.attach(&commands);
        let config = Arc::new(self.config);
        let journal = self.log.journal();
        journal.note(format_args!(
            "started at {}: {}",
            self.address,
            InForce(&config)
        ));
        if config.policy.allows_all() {
            journal.note(format_args!(
                "WARN any Origin and Host is let in; the settings can restrict it"
            ));
        }
        let shared = self.shared;
        let bound_to_loopback = self.address.is_loopback();
        let starts = (0u16..)
            .zip(nets)
            .map(|(index, net)| Start {
                handler: factory(index),
                net,
                config: Arc::clone(&config),
                index,
                shared: Arc::clone(&shared),
                bound_to_loopback,
                stop_others: StopOnDrop(self.stopper.clone()),
            })
            .collect();
        let running = Running::new(self.address, commands, shared, self.log);
        Ok((starts, running))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenAddress {
    /// At a TCP port.
    Tcp(SocketAddr),
    /// At a Unix socket with this path.
    Unix(PathBuf),
}

impl ListenAddress {
    pub(crate) fn tcp(&self) -> SocketAddr {
        match self {
            Self::Tcp(address) => *address,
            Self::Unix(_) => SocketAddr::from(([0; 4], 0)),
        }
    }

    fn is_loopback(&self) -> bool {
        // The clients of a Unix socket are no browsers that a name could be made to lead here.
        matches!(self, Self::Tcp(address) if address.ip().to_canonical().is_loopback())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Everything a loop's thread begins with.
struct Start<H: Handler> {
    handler: H,
    net: MioNet<H::Command>,
    config: Arc<Config>,
    index: u16,
    shared: Arc<Shared>,
    bound_to_loopback: bool,
    /// A loop that ends, in whatever way, ends the server: no connection may hang at a dead loop.
    stop_others: StopOnDrop,
}

impl<H: Handler> Start<H> {
    fn run(self) -> Result<(), Error> {
        let _stop_others = self.stop_others;
        let shared = Arc::clone(&self.shared);
        let mut event_loop = EventLoop::new(
            self.handler,
            self.net,
            self.config,
            self.index,
            self.shared,
            self.bound_to_loopback,
        );
        let ended = event_loop.run();
        shared.loop_ended(ended.as_ref().err());
        ended.map_err(|error| Error::io(Stage::Run, format!("event loop {}", self.index), error))
    }
}

fn spawn<H>(start: Start<H>) -> Result<thread::JoinHandle<Result<(), Error>>, Error>
where
    H: Handler + Send + 'static,
{
    let name = format!("ws-loop-{}", start.index);
    thread::Builder::new()
        .name(name.clone())
        .spawn(move || start.run())
        .map_err(|error| Error::io(Stage::Start, name, error))
}
