//! `ws serve`.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Preset;
use crate::framing::Delimiter;
use crate::secret::SecretArg;

/// `ws serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen.
    #[arg(value_name = "ADDR:PORT", conflicts_with = "unix", default_value = "127.0.0.1:9894", help = ADDRESS_HELP, long_help = ADDRESS_HELP)]
    pub(crate) address: String,
    /// Listen on a Unix socket at this path instead; who may write to it may connect
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,
    /// Send every message back instead of printing it
    #[arg(long, group = "mode")]
    pub(crate) echo: bool,
    /// Pass every message on to all others at the same path, or with =all to its sender too
    ///
    /// A path is a room, made when the first comes. Who reads so slowly that more than 4 MiB waits for it (64 KiB while
    /// all together use more than 256 MiB) is closed with 1008; nobody waits for it.
    #[arg(
        long,
        value_name = "AUDIENCE",
        group = "mode",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "others"
    )]
    pub(crate) broadcast: Option<Audience>,
    /// Run this program for every connection: messages are lines of its stdin, lines of its stdout are text messages
    ///
    /// Its arguments go behind --; no shell is involved unless --shell asks for one. Its stderr goes to this program's,
    /// behind the connection's id. When it ends with 0 the connection is closed with 1000, otherwise with 1011 and the exit
    /// code in the reason. When the client goes, its stdin is closed; 2 s later its process group gets SIGTERM, and again
    /// 2 s later SIGKILL (on Windows it is ended after the first 2 s). If it does not read, its connection is not read; if
    /// the client does not read, its stdout is not read.
    ///
    /// Its environment has this program's, and as CGI has them: REQUEST_METHOD, REQUEST_URI, SCRIPT_NAME, PATH_INFO (as
    /// sent, %XX not decoded), QUERY_STRING, SERVER_NAME, SERVER_PORT, SERVER_PROTOCOL, SERVER_SOFTWARE,
    /// GATEWAY_INTERFACE, REMOTE_ADDR, REMOTE_PORT, HTTPS (on, with TLS), HTTP_NAME for each header `Name` (but
    /// Authorization, Proxy and Proxy-Authorization), and CONNECTION_ID
    #[arg(long, value_name = "PROGRAM", group = "mode")]
    pub(crate) exec: Option<OsString>,
    /// Let a shell run the text of --exec: `sh -c`, on Windows `cmd /C`
    #[arg(long, requires = "exec")]
    pub(crate) shell: bool,
    /// What stands between messages on the program's stdin and stdout [default: newline]
    #[arg(long, value_name = "WHAT", value_enum, requires = "exec")]
    pub(crate) delimiter: Option<Delimiter>,
    /// What the program writes are binary messages instead of text
    #[arg(short, long, requires = "exec")]
    pub(crate) binary: bool,
    /// Arguments of the program of --exec
    #[arg(last = true, value_name = "ARGS", requires = "exec")]
    pub(crate) exec_args: Vec<OsString>,
    /// Hold at most this many connections; one more gets HTTP 503 [default: 20000, with --exec 256]
    #[arg(long, value_name = "N")]
    pub(crate) pool_size: Option<NonZeroUsize>,
    /// Threads that serve connections, each with an event loop
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) workers: usize,
    /// Serve the files of this folder to browsers: GET and HEAD, index.html for a folder, ETag
    ///
    /// Never what lies outside, also by a link, nor names that begin with a dot.
    #[arg(long = "static", value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
    /// Do not show the test page to browsers at /, where it is unless --static is given
    #[arg(long)]
    pub(crate) no_page: bool,
    /// Show metrics for Prometheus at this path (text format 0.0.4)
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    pub(crate) metrics: Option<String>,
    /// Answer health checks at this path with 200, without asking for a token
    #[arg(long, value_name = "PATH", default_value = "/health", value_parser = parse_path)]
    pub(crate) health: String,
    /// Compress (permessage-deflate) for clients that offer it
    #[arg(
        long,
        value_name = "PRESET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "shared"
    )]
    pub(crate) compress: Option<Preset>,
    /// Encrypt (wss://) with this certificate: PEM file, own certificate first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its unencrypted private key: PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let in only clients with a certificate of the authorities in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Let in only who shows this token (Authorization: Bearer); @FILE takes it from the first line of
    /// a file; repeatable
    #[arg(long = "token", value_name = "TOKEN|@FILE", allow_hyphen_values = true)]
    pub(crate) tokens: Vec<SecretArg>,
    /// Let in the pages of this origin (`scheme://host`, with a port if it has one) and of no other; repeatable
    /// [default: the origin with this server's own host name]
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub(crate) origins: Vec<String>,
}

/// Reads the path of a URL.
fn parse_path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    if is_path {
        Ok(text.to_owned())
    } else {
        Err("a path begins with / and has no space, ? or #".into())
    }
}

impl ServeArgs {
    /// How many connections, and with `--exec` processes, there may be.
    pub(crate) fn pool_size(&self) -> usize {
        let default = if self.exec.is_some() { 256 } else { 20_000 };
        self.pool_size.map_or(default, NonZeroUsize::get)
    }
}

/// Who gets a message of `--broadcast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audience {
    /// Everybody at the path but its sender
    Others,
    /// Everybody at the path
    All,
}

const ADDRESS_HELP: &str = "Where to listen: ADDR:PORT, [::1]:PORT, PORT (this machine only) or :PORT (all interfaces); \
    port 0 takes a free one";

pub(super) const SERVE_EXAMPLES: &str = "\
Examples:
  ws serve                      print what arrives on ws://127.0.0.1:9894
  ws serve --echo 8080          echo on port 8080 of this machine
  ws serve --broadcast          a chat: ws://127.0.0.1:9894/room/1 is a room, every other path too
  ws serve --exec python3 -- -u bot.py
                                a process for each connection: its stdin and stdout are the messages
  ws serve --exec 'tail -f /var/log/syslog | grep -i error' --shell
  ws serve --broadcast --static ./site --metrics /metrics
                                a page with its server, watched by Prometheus
  ws serve --echo --unix /run/ws.sock
  ws serve :8080 --json         all interfaces, every event as a JSON line
  ws serve 127.0.0.1:0          a free port; the ready line shows which
  ws serve :8443 --tls-cert chain.pem --tls-key key.pem --token @token.txt
                                wss:// for those who know the token
  ws serve --echo --compress    compress for clients that can";
