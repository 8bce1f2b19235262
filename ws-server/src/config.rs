//! The limits and times of a server: every default is here, and each can be set.

use std::time::Duration;

use ws_core::{
    KeepaliveConfig, Limits, LoggingSettings,
    extension::DeflateConfig,
    handshake::{HeadLimits, Policy},
    tls::ServerTls,
};

use crate::{
    auth::Auth,
    error::{Error, ErrorKind, Stage},
    proxies::TrustedProxies,
};

/// What a server allows and how long it waits. The default is safe for the open internet.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let config = ws_server::Config::default()
///     .workers(2)
///     .max_connections(50_000)
///     .paths(["/chat"])
///     .handshake_timeout(Duration::from_secs(5));
/// assert_eq!(config.workers, 2);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Event loops, each with a thread. Default: 1. At most 1,024.
    pub workers: usize,
    /// Connections at the same time; one more gets HTTP 503. Default: 10,000.
    pub max_connections: usize,
    /// Unfinished handshakes in one loop; beyond it the oldest is dropped. As many refused peers may linger. Default
    /// (`None`): the larger of 64 and [`Config::max_connections`].
    pub max_unfinished: Option<usize>,
    /// Certificates and keys; with them the listener takes `wss://` and nothing else. Default: none, so `ws://`.
    pub tls: Option<ServerTls>,
    /// Compression (permessage-deflate) for clients that offer it. Default (`None`): off.
    ///
    /// [`DeflateConfig::shared`] costs next to no memory for a connection, since each loop has one compressor and one
    /// inflater; [`DeflateConfig::dedicated`] makes similar messages far smaller and costs the memory it names. From
    /// three quarters of [`Config::memory_bytes`] on, new connections are agreed with without context takeover: with the
    /// defaults that is after some 1,200 that have sent and received with windows of 32 KiB.
    pub compression: Option<DeflateConfig>,
    /// Limits of messages and frames; compressed messages count inflated. Default: 16 MiB, 131,072 fragments.
    pub limits: Limits,
    /// Limits of a request head. Default: 16 KiB, lines of 8 KiB, 100 headers.
    pub head_limits: HeadLimits,
    /// Which origins and hosts may connect. Default: the strict rules of [`Policy`].
    pub policy: Policy,
    /// Where events are written: starts and stops, handshakes, connections, errors and limits. Default: nowhere.
    pub logging: LoggingSettings,
    /// Who may connect. Default (`None`): everybody whom the policy allows.
    pub auth: Option<Auth>,
    /// Who is believed about where a connection comes from. Default (`None`): nobody.
    pub trusted_proxies: Option<TrustedProxies>,
    /// Paths that exist, compared exactly; any other gets 404. Default (`None`): every path.
    pub paths: Option<Vec<String>>,
    /// Subprotocols in order of preference; the first that the client offers is chosen, unless the handler chooses.
    /// Default: none.
    pub subprotocols: Vec<String>,
    /// Answers `GET` of [`Config::health_path`] with 200, before anybody is asked who he is. Default: yes.
    pub health: bool,
    /// Where that is, compared exactly. Default: `/health`.
    pub health_path: String,
    /// Pings on silence. Default: after 25 s, and the connection is given up 20 s later.
    pub keepalive: KeepaliveConfig,
    /// Closes a connection (1001) that sent no message for this long. Default: never. Resolution: 100 ms.
    pub idle_timeout: Option<Duration>,
    /// Time for the whole opening handshake, TLS included, from the accepted socket on, then 408. Default: 10 s.
    pub handshake_timeout: Duration,
    /// Time for the closing handshake from the first Close frame on, whatever the peer sends. Default: 5 s.
    pub close_timeout: Duration,
    /// Time for a refused or failed peer to close its side, so that it can read why. Default: 2 s.
    pub linger_timeout: Duration,
    /// Bytes read and dropped in that time. Default: 64 KiB.
    pub linger_bytes: usize,
    /// Time in which the socket must take at least a byte of what waits for it, and in which the rest of a message must
    /// come that was begun before memory was used up, if others wait for it. Default: 30 s. Resolution: 100 ms.
    pub write_stall_timeout: Duration,
    /// Bytes that may wait in one connection's send queue; one below the high-water mark takes any message.
    /// Default: 16 MiB.
    pub send_queue_bytes: usize,
    /// A connection with more than this in its send queue is not read. Default: 256 KiB.
    pub high_water_bytes: usize,
    /// It is read again when less than this is left. Default: 64 KiB.
    pub low_water_bytes: usize,
    /// Bytes read from one connection before the others have their turn. Default: 260 KiB, so that 256 KiB of messages of
    /// a round size are in it with their headers. At most 512 KiB. With a message under way of which 256 KiB or more are
    /// missing, up to eight times as much.
    pub turn_bytes: usize,
    /// Memory of all messages under assembly, send queues, held input, what compression keeps, and buffers of long messages
    /// that are kept for later ones (at most an eighth; no longer than 20 s unused). Default: 512 MiB.
    ///
    /// At three quarters, connections that hold more than 1 MiB stop being read (but one, so that it can finish); at
    /// the limit all that hold more than 64 KiB.
    pub memory_bytes: usize,
    /// Connections that the system completes while the loop is busy. Default: 1,024; the system may cap it.
    pub backlog: u32,
    /// Lets several servers share the port (`SO_REUSEPORT`, Unix). Default: no, so a second server fails.
    pub reuse_port: bool,
    /// The handler keeps to [`Config::send_queue_bytes`] itself, before a message is on its way.
    pub(crate) takes_all_sent: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            max_connections: 10_000,
            max_unfinished: None,
            tls: None,
            compression: None,
            limits: Limits::default(),
            head_limits: HeadLimits::default(),
            policy: Policy::default(),
            logging: LoggingSettings::off(),
            auth: None,
            trusted_proxies: None,
            paths: None,
            subprotocols: Vec::new(),
            health: true,
            health_path: "/health".into(),
            keepalive: KeepaliveConfig::default(),
            idle_timeout: None,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: MAX_CLOSE_TIMEOUT,
            linger_timeout: Duration::from_secs(2),
            linger_bytes: 64 << 10,
            write_stall_timeout: Duration::from_secs(30),
            send_queue_bytes: 16 << 20,
            high_water_bytes: 256 << 10,
            low_water_bytes: 64 << 10,
            turn_bytes: 260 << 10,
            memory_bytes: 512 << 20,
            backlog: 1024,
            reuse_port: false,
            takes_all_sent: false,
        }
    }
}

/// Setters named after the fields, where the units and defaults are written.
macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        })*
    };
}

impl Config {
    setters! {
        /// Sets the number of event loops.
        workers: usize,
        /// Sets the most connections at the same time.
        max_connections: usize,
        /// Sets the most unfinished handshakes of one loop.
        max_unfinished: Option<usize>,
        /// Sets how to compress for clients that offer it.
        compression: Option<DeflateConfig>,
        /// Sets where events are written.
        logging: LoggingSettings,
        /// Sets the limits of messages and frames.
        limits: Limits,
        /// Sets the limits of a request head.
        head_limits: HeadLimits,
        /// Sets which origins and hosts may connect.
        policy: Policy,
        /// Turns the answer to `GET /health` on or off.
        health: bool,
        /// Sets where the server tells that it lives.
        health_path: String,
        /// Sets when to ping and when to give up.
        keepalive: KeepaliveConfig,
        /// Sets how long a connection may send no message.
        idle_timeout: Option<Duration>,
        /// Sets the time for an opening handshake.
        handshake_timeout: Duration,
        /// Sets the time for a closing handshake, of at most 5 s.
        close_timeout: Duration,
        /// Sets the time for a refused peer to close its side.
        linger_timeout: Duration,
        /// Sets the bytes dropped in that time.
        linger_bytes: usize,
        /// Sets how long a socket may take nothing.
        write_stall_timeout: Duration,
        /// Sets the limit of a send queue.
        send_queue_bytes: usize,
        /// Sets the fill of a send queue above which its connection is not read.
        high_water_bytes: usize,
        /// Sets the fill of a send queue below which its connection is read again.
        low_water_bytes: usize,
        /// Sets the bytes read from one connection in a turn.
        turn_bytes: usize,
        /// Sets the budget of all messages, queues and held input.
        memory_bytes: usize,
        /// Sets the length of the system's queue of new connections.
        backlog: u32,
        /// Lets several servers share the port.
        reuse_port: bool,
    }

    /// Takes `wss://` only, with these certificates; they can be replaced while the server runs
    /// ([`Running::set_tls`](crate::Running::set_tls)).
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Lets only those connect who are in these lists.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Sets the balancers that are believed about where a connection comes from.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = Some(proxies);
        self
    }

    /// Sets the only paths that exist.
    #[must_use]
    pub fn paths(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.paths = Some(paths.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the subprotocols in order of preference.
    #[must_use]
    pub fn subprotocols(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// Returns the bytes above which a loop takes no more for a connection.
    pub(crate) fn unsent_cap(&self) -> usize {
        if self.takes_all_sent {
            usize::MAX
        } else {
            self.send_queue_bytes
        }
    }

    /// Returns the cap of unfinished handshakes in force.
    pub(crate) fn unfinished_cap(&self) -> usize {
        self.max_unfinished
            .unwrap_or_else(|| self.max_connections.max(MIN_UNFINISHED))
    }

    /// Checks what the types cannot.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let unusable = |text: String| Err(Error::new(Stage::Config, ErrorKind::Config, text));
        if self.workers == 0 || self.workers > MAX_WORKERS {
            return unusable(format!(
                "workers is {}, but must be 1 to {MAX_WORKERS}",
                self.workers
            ));
        }
        if self.turn_bytes < MIN_TURN_BYTES || self.turn_bytes > RECEIVE_BUFFER_BYTES {
            return unusable(format!(
                "turn_bytes is {}, but must be {MIN_TURN_BYTES} to {RECEIVE_BUFFER_BYTES}",
                self.turn_bytes
            ));
        }
        if self.low_water_bytes > self.high_water_bytes
            || self.high_water_bytes > self.send_queue_bytes
        {
            return unusable(format!(
                "low_water_bytes {}, high_water_bytes {} and send_queue_bytes {} must not fall",
                self.low_water_bytes, self.high_water_bytes, self.send_queue_bytes
            ));
        }
        if let Err(error) = self.policy.validate() {
            return unusable(error.to_string());
        }
        if self.close_timeout > MAX_CLOSE_TIMEOUT {
            return unusable(format!(
                "close_timeout is {:?}, but must be at most {MAX_CLOSE_TIMEOUT:?}",
                self.close_timeout
            ));
        }
        let auth = self.auth.as_ref().map(Auth::check);
        let proxies = self.trusted_proxies.as_ref().map(TrustedProxies::check);
        match auth.into_iter().chain(proxies).find_map(Result::err) {
            Some(text) => unusable(text.into()),
            None => Ok(()),
        }
    }
}

/// The longest a closing handshake, and so the stop of a server, may take.
pub(crate) const MAX_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The loop's one receive buffer; see design, "The fast path".
pub(crate) const RECEIVE_BUFFER_BYTES: usize = 512 << 10;
/// A cork that holds more is written at once; a ping is answered in order only below it.
pub(crate) const CORK_BYTES: usize = 256 << 10;
/// Accepts that failed are tried again after this, doubled up to [`ACCEPT_RETRY_MAX`].
pub(crate) const ACCEPT_RETRY_MIN: Duration = Duration::from_millis(50);
/// The longest wait before a failed accept is tried again.
pub(crate) const ACCEPT_RETRY_MAX: Duration = Duration::from_secs(1);
const MIN_UNFINISHED: usize = 64;
const MAX_WORKERS: usize = 1024;
const MIN_TURN_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use ws_core::handshake::{HostRule, OriginRule};

    use super::*;

    /// The one list of defaults is in the project's reliability notes, section 6.
    #[test]
    fn defaults_are_the_documented_ones() {
        // All of them, so that a new one cannot be forgotten here.
        let Config {
            workers,
            max_connections,
            max_unfinished,
            tls,
            compression,
            limits,
            head_limits,
            policy,
            logging,
            auth,
            trusted_proxies,
            paths,
            subprotocols,
            health,
            health_path,
            keepalive,
            idle_timeout,
            handshake_timeout,
            close_timeout,
            linger_timeout,
            linger_bytes,
            write_stall_timeout,
            send_queue_bytes,
            high_water_bytes,
            low_water_bytes,
            turn_bytes,
            memory_bytes,
            backlog,
            reuse_port,
            takes_all_sent,
        } = Config::default();
        assert_eq!((workers, max_connections), (1, 10_000));
        assert_eq!(max_unfinished, None);
        assert!(
            tls.is_none() && compression.is_none(),
            "off unless asked for"
        );
        assert_eq!(limits.max_message_bytes, 16 << 20);
        assert_eq!(limits.max_frame_bytes, 16 << 20);
        assert_eq!(limits.max_fragments, 131_072);
        assert_eq!(head_limits.max_bytes, 16 << 10);
        assert_eq!(head_limits.max_line_bytes, 8 << 10);
        assert_eq!(head_limits.max_headers, 100);
        assert_eq!(policy.origins, OriginRule::SameHost);
        assert_eq!(policy.hosts, HostRule::GuardLoopback);
        assert_eq!(logging, LoggingSettings::off());
        assert!(auth.is_none() && trusted_proxies.is_none() && paths.is_none());
        assert_eq!(subprotocols, [""; 0]);
        assert_eq!((health, health_path.as_str()), (true, "/health"));
        assert_eq!(keepalive.interval, Some(Duration::from_secs(25)));
        assert_eq!(keepalive.timeout, Duration::from_secs(20));
        assert_eq!(idle_timeout, None);
        assert_eq!(handshake_timeout, Duration::from_secs(10));
        assert_eq!(close_timeout, Duration::from_secs(5));
        assert_eq!(linger_timeout, Duration::from_secs(2));
        assert_eq!(linger_bytes, 64 << 10);
        assert_eq!(write_stall_timeout, Duration::from_secs(30));
        assert_eq!(send_queue_bytes, 16 << 20);
        assert_eq!(high_water_bytes, 256 << 10);
        assert_eq!(low_water_bytes, 64 << 10);
        assert_eq!(turn_bytes, 260 << 10);
        assert_eq!(memory_bytes, 512 << 20);
        assert_eq!(backlog, 1024);
        assert!(!reuse_port && !takes_all_sent);
    }

    #[test]
    fn the_default_is_usable() {
        assert!(Config::default().check().is_ok());
        assert_eq!(Config::default().unfinished_cap(), 10_000);
        assert_eq!(Config::default().max_connections(10).unfinished_cap(), 64);
    }

    #[test]
    fn says_which_value_is_wrong() {
        for (config, text) in [
            (
                Config::default().workers(0),
                "unusable configuration: workers is 0, but must be 1 to 1024",
            ),
            (
                Config::default().turn_bytes(1),
                "unusable configuration: turn_bytes is 1, but must be 1024 to 524288",
            ),
            (
                Config::default().low_water_bytes(300 << 10),
                "unusable configuration: low_water_bytes 307200, high_water_bytes 262144 and send_queue_bytes 16777216 must not fall",
            ),
            (
                Config::default().close_timeout(Duration::from_secs(6)),
                "unusable configuration: close_timeout is 6s, but must be at most 5s",
            ),
        ] {
            let error = config.check().unwrap_err();
            assert_eq!(error.to_string(), text);
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
