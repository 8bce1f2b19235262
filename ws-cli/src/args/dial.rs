//! What every command that connects can be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Preset, ShowArgs};
use crate::duration;
use crate::secret::SecretArg;

/// Where to connect and how: options of every command that connects.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Where to connect.
    #[arg(value_name = "URL", help = URL_HELP, long_help = URL_HELP)]
    pub(crate) url: String,
    /// Add a header to the opening handshake; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Set the Origin header, as a browser would
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Option<String>,
    /// Offer a subprotocol; repeatable, the preferred one first
    #[arg(long = "subprotocol", value_name = "NAME")]
    pub(crate) subprotocols: Vec<String>,
    /// Offer compression (permessage-deflate); the server may do without
    #[arg(
        long,
        value_name = "PRESET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "dedicated"
    )]
    pub(crate) compress: Option<Preset>,
    /// Who we are, and the server.
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Follow redirects, at most ten; secrets and client certificates do not go to another host or port, and nothing goes
    /// from wss:// to ws://
    #[arg(short = 'L', long)]
    pub(crate) location: bool,
    /// Connect to this Unix socket; the URL gives the Host header and the path
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["proxy", "proxy_env"])]
    pub(crate) unix_socket: Option<PathBuf>,
    /// Give up when not connected after this time
    #[arg(long, value_name = "DURATION", default_value = "30", value_parser = duration::parse)]
    pub(crate) connect_timeout: Duration,
}

/// Options of the commands that exchange messages.
#[derive(Debug, Args)]
pub(crate) struct DialArgs {
    /// Where and how to connect.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Give up when not done after this time
    #[arg(short, long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) max_time: Option<Duration>,
    /// Connect again when the connection is lost or cannot be made, after waits that double up to this time (with
    /// jitter); not after close code 1000 or 4000 to 4999, nor after a refused login or certificate
    #[arg(
        long,
        value_name = "LONGEST",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "60",
        value_parser = duration::parse_pause
    )]
    pub(crate) reconnect: Option<Duration>,
    /// Send the messages of this file first, on every connection: one a line (see --delimiter)
    #[arg(long, value_name = "FILE")]
    pub(crate) on_open: Option<PathBuf>,
    /// End after this many messages have arrived
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Send binary messages instead of text
    #[arg(short, long)]
    pub(crate) binary: bool,
    /// Close with this code: 1000, 1001, 1003, 1007 to 1014, 3000 to 4999
    #[arg(long, value_name = "CODE", default_value_t = 1000)]
    pub(crate) close_code: u16,
    /// Close with this reason, at most 123 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) close_reason: String,
    /// What comes in and goes out.
    #[command(flatten)]
    pub(crate) show: ShowArgs,
}

/// Options that say who we are, whom we trust and which way we go.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Log in with a name and a password (Basic); @FILE takes them from the first line of a file,
    /// @env:NAME from the environment, since arguments show in the list of processes
    #[arg(
        short,
        long,
        value_name = "USER:PASS|@FILE",
        allow_hyphen_values = true
    )]
    pub(crate) user: Option<SecretArg>,
    /// Log in with a token (Bearer); @FILE takes it from the first line of a file, @env:NAME from the
    /// environment
    #[arg(
        long,
        value_name = "TOKEN|@FILE",
        allow_hyphen_values = true,
        conflicts_with = "user"
    )]
    pub(crate) bearer: Option<SecretArg>,
    /// Also trust the authorities in this PEM file (wss://, https proxies)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Accept any certificate of the server: encrypted, but anybody may be at the other end
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Show this certificate to the server: PEM file, own certificate first
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Its unencrypted private key: PEM file [default: the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Which proxy to go through.
    #[arg(short = 'x', long, value_name = "URL|@FILE", help = PROXY_HELP, long_help = PROXY_HELP)]
    pub(crate) proxy: Option<SecretArg>,
    /// Go through the proxy that http_proxy, https_proxy or all_proxy names, unless no_proxy exempts
    /// the server
    #[arg(long, conflicts_with = "proxy")]
    pub(crate) proxy_env: bool,
}

const URL_HELP: &str =
    "Where to connect: ws://HOST[:PORT][/PATH][?QUERY], or wss:// with TLS, verified";

const PROXY_HELP: &str = "Go through a proxy: KIND://[USER:PASS@]HOST[:PORT], where KIND is http, https, socks4, socks4a, \
    socks5 or socks5h; @FILE takes it from the first line of a file, @env:NAME from the environment. Only socks4 looks the server's name up here";
