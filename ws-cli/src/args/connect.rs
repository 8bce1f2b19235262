//! `ws connect` and `ws send`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::DialArgs;
use crate::duration::{self, Patience};

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
    /// Take lines that begin with / as commands (/ping, /close 4000 bye) also where stdin is no terminal
    #[arg(long, conflicts_with = "no_stdin")]
    pub(crate) commands: bool,
    /// Send a ping every so often and say how long its answer took
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_pause)]
    pub(crate) ping: Option<Duration>,
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
        conflicts_with_all = ["file", "data"]
    )]
    pub(crate) text: Option<String>,
    /// The message, or @FILE for the content of a file with its line ends; @- is stdin
    #[arg(
        short,
        long,
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true,
        conflicts_with = "file"
    )]
    pub(crate) data: Option<String>,
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
  ws connect wss://example.com/feed --compress -v           -v shows what was agreed on
  ws connect ws://127.0.0.1:9894 --pretty --timestamps --ping 10
  find . -print0 | ws connect ws://127.0.0.1:9894 --delimiter nul
  printf '/ping\\n/close 4000 bye\\n' | ws connect ws://127.0.0.1:9894 --commands";

pub(super) const SEND_EXAMPLES: &str = "\
Examples:
  ws send ws://127.0.0.1:9894 hello
  ws send ws://127.0.0.1:9894 '{\"op\":\"status\"}' --count 1    print the answer
  ws send ws://127.0.0.1:9894 --file photo.jpg --binary
  date | ws send ws://127.0.0.1:9894 --file -
  ws send ws://127.0.0.1:9894 -d @order.json -m 5 -s --count 1 -o answer.json
  ws send wss://intranet/orders hello -u @login.txt -x http://proxy:3128";
