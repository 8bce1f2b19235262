//! The command line: what can be asked for, and its help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ws_client::DeflateConfig;

use crate::duration::{self, Patience};
use crate::exit::Exit;
use crate::secret::SecretArg;

/// WebSocket client and server for the shell
///
/// Messages and, with --json, all events go to stdout; status and errors go to stderr.
/// Durations are seconds (2, 0.5) or take a suffix: 250ms, 2s, 5m.
#[derive(Debug, Parser)]
#[command(name = "ws", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = with_exit_codes(EXAMPLES))]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How to print.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect: lines of stdin become messages, messages become lines of stdout
    ///
    /// Each line of stdin is sent as one text message without its line end. After the end of stdin the
    /// connection stays open until nothing has arrived for a while (--wait), then it is closed with 1000.
    #[command(after_help = CONNECT_EXAMPLES, after_long_help = with_exit_codes(CONNECT_EXAMPLES))]
    Connect(ConnectArgs),
    /// Send one message, print what arrives until the connection is closed
    ///
    /// The connection is closed at once unless --wait or --count says otherwise; the exit code 0 means
    /// that the server answered the closing handshake, so it has read the message.
    #[command(after_help = SEND_EXAMPLES, after_long_help = with_exit_codes(SEND_EXAMPLES))]
    Send(SendArgs),
    /// Listen: print every message received, or echo it
    ///
    /// Ctrl-C closes all connections with 1001 and frees the port. Pages of other sites are kept out
    /// (Origin), and so are foreign host names while the address is a loopback one (Host).
    #[command(after_help = SERVE_EXAMPLES, after_long_help = with_exit_codes(SERVE_EXAMPLES))]
    Serve(ServeArgs),
    /// Call the contract's functions from any language: one JSON object a line on stdin and stdout
    ///
    /// {"id":1,"method":"CreateConnection","params":{"Address":"ws://127.0.0.1:9894"}} is answered by
    /// {"id":1,"result":{"result":true,"object":"c1"}}, and "c1" is then the value of Connection. Methods and
    /// parameters are those of the 1C module, by English or Russian name in any case; params may also be an
    /// array. Bytes are {"base64":"…"}. Calls on one object start in order and only those that wait run beside
    /// others; objects do not wait for each other. At most 256 calls may be without an answer. A line that is
    /// no call is answered by {"id":null,"error":"…","errorCode":"usage"}. After the end of stdin all calls are
    /// answered (--wait) and all objects closed.
    #[command(after_help = RPC_EXAMPLES, after_long_help = with_exit_codes(RPC_EXAMPLES))]
    Rpc(RpcArgs),
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Print every event on stdout as one JSON object a line
    #[arg(long, global = true, display_order = 100)]
    pub(crate) json: bool,
    /// Print no status on stderr, only errors
    #[arg(short, long, global = true, display_order = 101)]
    pub(crate) quiet: bool,
    /// Log to stderr: -v what happens, -vv details, -vvv also of the libraries below (RUST_LOG is obeyed too)
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 102)]
    pub(crate) verbose: u8,
}

/// Options of the commands that connect.
#[derive(Debug, Args)]
pub(crate) struct DialArgs {
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
    /// Give up when not connected after this time
    #[arg(long, value_name = "DURATION", default_value = "30", value_parser = duration::parse)]
    pub(crate) connect_timeout: Duration,
    /// Give up when not done after this time
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) max_time: Option<Duration>,
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
}

/// Options that say who we are, whom we trust and which way we go.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Log in with a name and a password (Basic); @FILE takes them from the first line of a file,
    /// since arguments show in the list of processes
    #[arg(
        short,
        long,
        value_name = "USER:PASS|@FILE",
        allow_hyphen_values = true
    )]
    pub(crate) user: Option<SecretArg>,
    /// Log in with a token (Bearer); @FILE takes it from the first line of a file
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

/// `ws serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen.
    #[arg(value_name = "ADDR:PORT", default_value = "127.0.0.1:9894", help = ADDRESS_HELP, long_help = ADDRESS_HELP)]
    pub(crate) address: String,
    /// Send every message back instead of printing it
    #[arg(long)]
    pub(crate) echo: bool,
    /// Hold at most this many connections; one more gets HTTP 503
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) pool_size: usize,
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

/// `ws rpc`.
#[derive(Debug, Args)]
pub(crate) struct RpcArgs {
    /// After the end of stdin, end the calls that still wait when none has been answered for this time;
    /// 0 at once, `forever` never [default: 5]
    #[arg(long, value_name = "DURATION|forever", value_parser = Patience::parse)]
    pub(crate) wait: Option<Patience>,
}

/// How much memory compression may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// Each message by itself: next to no memory a connection
    Shared,
    /// Messages refer to earlier ones: smaller, and memory for each connection
    Dedicated,
}

impl Preset {
    /// What client and server take.
    pub(crate) fn config(self) -> DeflateConfig {
        match self {
            Self::Shared => DeflateConfig::shared(),
            Self::Dedicated => DeflateConfig::dedicated(),
        }
    }
}

const URL_HELP: &str =
    "Where to connect: ws://HOST[:PORT][/PATH][?QUERY], or wss:// with TLS, verified";

const PROXY_HELP: &str = "Go through a proxy: KIND://[USER:PASS@]HOST[:PORT], where KIND is http, https, socks4, socks4a, \
    socks5 or socks5h; @FILE takes it from the first line of a file. Only socks4 looks the server's name up here";

const ADDRESS_HELP: &str = "Where to listen: ADDR:PORT, [::1]:PORT, PORT (this machine only) or :PORT (all interfaces); \
    port 0 takes a free one";

const EXAMPLES: &str = "\
Examples:
  ws serve --echo                                  an echo server on 127.0.0.1:9894
  ws connect ws://127.0.0.1:9894                   talk to it, line by line
  ws send ws://127.0.0.1:9894 hello --count 1      one message, one answer

'ws COMMAND --help' shows a command's options, examples and exit codes.";

const CONNECT_EXAMPLES: &str = "\
Examples:
  ws connect ws://127.0.0.1:9894                            type lines, Ctrl-D ends
  printf 'hello\\n' | ws connect ws://127.0.0.1:9894 --count 1
  ws connect ws://127.0.0.1:9894/feed --no-stdin --json     listen only, as JSON lines
  ws connect ws://127.0.0.1:9894 -H 'X-Room: 7' --subprotocol chat
  ws connect wss://intranet/feed --cacert our-authority.pem --bearer @token.txt
  ws connect wss://example.com -x socks5://127.0.0.1:1080
  ws connect wss://example.com/feed --compress -v           -v shows what was agreed on";

const SEND_EXAMPLES: &str = "\
Examples:
  ws send ws://127.0.0.1:9894 hello
  ws send ws://127.0.0.1:9894 '{\"op\":\"status\"}' --count 1    print the answer
  ws send ws://127.0.0.1:9894 --file photo.jpg --binary
  date | ws send ws://127.0.0.1:9894 --file -
  ws send wss://intranet/orders hello -u @login.txt -x http://proxy:3128";

const SERVE_EXAMPLES: &str = "\
Examples:
  ws serve                      print what arrives on ws://127.0.0.1:9894
  ws serve --echo 8080          echo on port 8080 of this machine
  ws serve :8080 --json         all interfaces, every event as a JSON line
  ws serve 127.0.0.1:0          a free port; the ready line shows which
  ws serve :8443 --tls-cert chain.pem --tls-key key.pem --token @token.txt
                                wss:// for those who know the token
  ws serve --echo --compress    compress for clients that can";

const RPC_EXAMPLES: &str = "\
Examples:
  echo '{\"id\":1,\"method\":\"Version\"}' | ws rpc
  printf '%s\\n' '{\"id\":1,\"method\":\"CreateConnection\",\"params\":[\"ws://127.0.0.1:9894\"]}' \\
    '{\"id\":2,\"method\":\"SendTextMessage\",\"params\":[\"c1\",\"hello\"]}' \\
    '{\"id\":3,\"method\":\"GetMessage\",\"params\":{\"Connection\":\"c1\",\"Timeout\":3000}}' | ws rpc
                                one message to 'ws serve --echo', one answer; the first client is c1
  {\"id\":1,\"method\":\"StartServer\",\"params\":{\"Port\":9000,\"Settings\":{\"address\":\"127.0.0.1\"}}}
  {\"id\":2,\"method\":\"GetNextConnectionData\",\"params\":{\"ServerObject\":\"s1\",\"Timeout\":5000}}
                                two lines of a program that runs 'ws rpc' as its child";

fn with_exit_codes(examples: &str) -> String {
    format!("{examples}\n\n{}", Exit::table())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_and_exit_codes() {
        for command in Cli::command().get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(
                help.contains("Examples:\n  ") && help.contains("Exit codes:\n"),
                "{help}"
            );
            assert!(command.render_help().to_string().contains("Examples:\n  "));
        }
    }

    #[test]
    fn output_options_go_before_and_after_the_command() {
        let before = Cli::try_parse_from(["ws", "--json", "-v", "serve", "--echo"]).unwrap();
        let after = Cli::try_parse_from(["ws", "serve", "--echo", "--json", "-v"]).unwrap();
        assert!(before.output.json && after.output.json);
        assert_eq!((before.output.verbose, after.output.verbose), (1, 1));
    }

    #[test]
    fn a_message_is_text_or_a_file() {
        let parse =
            |rest: &[&str]| Cli::try_parse_from(["ws", "send", "ws://h"].iter().chain(rest));
        assert!(parse(&["hello"]).is_ok());
        assert!(parse(&["-1"]).is_ok(), "a negative number is a message");
        assert!(parse(&["--file", "f"]).is_ok());
        assert!(parse(&["hello", "--file", "f"]).is_err());
    }

    #[test]
    fn options_of_tls_and_proxies_that_need_or_exclude_each_other() {
        let connect =
            |rest: &[&str]| Cli::try_parse_from(["ws", "connect", "wss://h"].iter().chain(rest));
        assert!(
            connect(&[
                "-k", "--cert", "c", "--key", "k", "-x", "http://p", "-u", "-"
            ])
            .is_ok()
        );
        assert!(connect(&["--key", "k"]).is_err());
        assert!(connect(&["--user", "a:b", "--bearer", "c"]).is_err());
        assert!(connect(&["--proxy", "http://p", "--proxy-env"]).is_err());
        let serve = |rest: &[&str]| Cli::try_parse_from(["ws", "serve"].iter().chain(rest));
        let both = ["--tls-cert", "c", "--tls-key", "k", "--client-ca", "a"];
        assert!(serve(&both).is_ok());
        assert!(serve(&both[..2]).is_err());
        assert!(serve(&both[2..4]).is_err());
        assert!(serve(&both[4..]).is_err());
    }

    #[test]
    fn compression_has_a_preset_of_its_own_for_each_side() {
        let parse = |rest: &[&str]| {
            let cli = Cli::try_parse_from(["ws"].iter().chain(rest)).unwrap();
            if let Command::Serve(args) = cli.command {
                return args.compress;
            }
            let (Command::Connect(ConnectArgs { dial, .. }) | Command::Send(SendArgs { dial, .. })) =
                cli.command
            else {
                panic!("another command");
            };
            dial.compress
        };
        assert_eq!(parse(&["serve"]), None);
        assert_eq!(parse(&["serve", "--compress"]), Some(Preset::Shared));
        assert_eq!(
            parse(&["connect", "--compress", "ws://h"]),
            Some(Preset::Dedicated)
        );
        assert_eq!(
            parse(&["send", "ws://h", "--compress=shared", "hello"]),
            Some(Preset::Shared)
        );
    }

    #[test]
    fn only_listening_has_nothing_to_wait_for() {
        let parse =
            |rest: &[&str]| Cli::try_parse_from(["ws", "connect", "ws://h"].iter().chain(rest));
        assert!(parse(&["--no-stdin", "--wait", "1"]).is_err());
        assert!(parse(&["--wait", "forever"]).is_ok());
        assert!(parse(&["--count", "0"]).is_err());
    }
}
