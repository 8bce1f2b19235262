//! `ws connect` and `ws send`.

use std::path::PathBuf;

use clap::Args;

use super::DialArgs;
use crate::duration::Patience;

/// `ws connect`.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Where and how to connect.
    #[command(flatten)]
    pub(crate) dial: DialArgs,
    /// After the end of stdin, close when nothing has arrived for this time; 0 at once, `forever` never
    /// [default: 1, with --count 10]
    #[arg(long, value_name = "DURATION|forever", value_parser = Patience::parse, conflicts_with = "no_stdin")]
    pub(crate) wait: Option<Patience>,
    /// Do not read stdin, only listen until the server closes
    #[arg(long)]
    pub(crate) no_stdin: bool,
}

/// `ws send`.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Where and how to connect.
    #[command(flatten)]
    pub(crate) dial: DialArgs,
    /// The message
    #[arg(
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "file"
    )]
    pub(crate) text: Option<String>,
    /// Send the content of a file as one message; - is stdin
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Close when nothing has arrived for this time; 0 at once, `forever` never
    /// [default: 0, with --count 10]
    #[arg(long, value_name = "DURATION|forever", value_parser = Patience::parse)]
    pub(crate) wait: Option<Patience>,
}

pub(super) const CONNECT_EXAMPLES: &str = "\
Examples:
  ws connect ws://127.0.0.1:9894                            type lines, Ctrl-D ends
  printf 'hello\\n' | ws connect ws://127.0.0.1:9894 --count 1
  ws connect ws://127.0.0.1:9894/feed --no-stdin --json     listen only, as JSON lines
  ws connect ws://127.0.0.1:9894 -H 'X-Room: 7' --subprotocol chat
  ws connect wss://intranet/feed --cacert our-authority.pem --bearer @token.txt
  ws connect wss://example.com -x socks5://127.0.0.1:1080
  ws connect wss://example.com/feed --compress -v           -v shows what was agreed on";

pub(super) const SEND_EXAMPLES: &str = "\
Examples:
  ws send ws://127.0.0.1:9894 hello
  ws send ws://127.0.0.1:9894 '{\"op\":\"status\"}' --count 1    print the answer
  ws send ws://127.0.0.1:9894 --file photo.jpg --binary
  date | ws send ws://127.0.0.1:9894 --file -
  ws send wss://intranet/orders hello -u @login.txt -x http://proxy:3128";
