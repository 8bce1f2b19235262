//! `ws serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Preset;
use crate::secret::SecretArg;

/// `ws serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen.
    #[arg(value_name = "ADDR:PORT", default_value = "127.0.0.1:9894", help = ADDRESS_HELP, long_help = ADDRESS_HELP)]
    pub(crate) address: String,
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
    /// Hold at most this many connections; one more gets HTTP 503
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) pool_size: usize,
    /// Threads that serve connections, each with an event loop
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) workers: usize,
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
  ws serve :8080 --json         all interfaces, every event as a JSON line
  ws serve 127.0.0.1:0          a free port; the ready line shows which
  ws serve :8443 --tls-cert chain.pem --tls-key key.pem --token @token.txt
                                wss:// for those who know the token
  ws serve --echo --compress    compress for clients that can";
