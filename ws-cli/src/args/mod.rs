//! The command line: what can be asked for, and its help. One file a command.

mod bench;
mod completions;
mod connect;
mod dial;
mod rpc;
mod serve;
mod show;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ws_client::DeflateConfig;

use self::{
    bench::BENCH_EXAMPLES,
    completions::{COMPLETIONS_EXAMPLES, MAN_EXAMPLES},
    connect::{CONNECT_EXAMPLES, SEND_EXAMPLES},
    rpc::RPC_EXAMPLES,
    serve::SERVE_EXAMPLES,
};
pub(crate) use self::{
    bench::BenchArgs,
    completions::{CompletionsArgs, ManArgs},
    connect::{ConnectArgs, SendArgs},
    dial::{AccessArgs, DialArgs, TargetArgs},
    rpc::RpcArgs,
    serve::{Audience, ServeArgs},
    show::ShowArgs,
};
use crate::exit::Exit;
use crate::output::ColourChoice;

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
    ///
    /// On a terminal the line can be edited, the arrow keys bring earlier ones back, and what arrives appears above it.
    /// Lines that begin with / are commands there: /help lists them. Typed lines are kept in the file that WS_HISTORY
    /// names [default: ~/.local/state/ws/history; empty: none], but none that begins with a space.
    #[command(after_help = CONNECT_EXAMPLES, after_long_help = with_exit_codes(CONNECT_EXAMPLES))]
    Connect(ConnectArgs),
    /// Send one message, print what arrives until the connection is closed
    ///
    /// The connection is closed at once unless --wait or --count says otherwise; the exit code 0 means
    /// that the server answered the closing handshake, so it has read the message.
    #[command(after_help = SEND_EXAMPLES, after_long_help = with_exit_codes(SEND_EXAMPLES))]
    Send(SendArgs),
    /// Listen: print every message received, echo it, pass it on to others or to a program
    ///
    /// Ctrl-C closes all connections with 1001 and frees the port. Pages of other sites are kept out
    /// (Origin), and so are foreign host names while the address is a loopback one (Host).
    #[command(after_help = SERVE_EXAMPLES, after_long_help = with_exit_codes(SERVE_EXAMPLES))]
    Serve(ServeArgs),
    /// Measure an echo server: connect rate, messages a second, latency; every echo is compared
    ///
    /// Without --rate each connection sends its next message when the one before has come back (--depth of them at once): a
    /// server that stalls is then sent less, and the stall counts as one long latency. With --rate messages are due by the
    /// clock, and the time counts from when a message was due, not from when it could be sent, so a stall counts for every
    /// message that had to wait for it.
    #[command(after_help = BENCH_EXAMPLES, after_long_help = with_exit_codes(BENCH_EXAMPLES))]
    Bench(BenchArgs),
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
    /// Print what makes a shell complete the commands and options of ws
    #[command(after_help = COMPLETIONS_EXAMPLES, after_long_help = with_exit_codes(COMPLETIONS_EXAMPLES))]
    Completions(CompletionsArgs),
    /// Write a manual page for ws and for each command
    #[command(after_help = MAN_EXAMPLES, after_long_help = with_exit_codes(MAN_EXAMPLES))]
    Man(ManArgs),
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Print every event on stdout as one JSON object a line
    #[arg(long, global = true, display_order = 100)]
    pub(crate) json: bool,
    /// Print no status on stderr, only errors
    #[arg(
        short,
        visible_short_alias = 's',
        long,
        visible_alias = "silent",
        global = true,
        display_order = 101
    )]
    pub(crate) quiet: bool,
    /// Colour messages and status
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_default_value = true,
        display_order = 102
    )]
    pub(crate) color: ColourChoice,
    /// Log to stderr: -v what happens and the opening handshake, -vv frames too, -vvv also what the libraries below do
    /// (RUST_LOG is obeyed too)
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 103)]
    pub(crate) verbose: u8,
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

const EXAMPLES: &str = "\
Examples:
  ws serve --echo                                  an echo server on 127.0.0.1:9894
  ws connect ws://127.0.0.1:9894                   talk to it, line by line
  ws send ws://127.0.0.1:9894 hello --count 1      one message, one answer

'ws COMMAND --help' shows a command's options, examples and exit codes.";

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
        let mut ws = Cli::command();
        for command in ws.get_subcommands_mut() {
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
            dial.target.compress
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

    #[test]
    fn numbers_that_could_not_work_are_refused() {
        for arguments in [
            &["connect", "ws://h", "--ping", "0"][..],
            &["connect", "ws://h", "--reconnect=0"],
            &["serve", "--pool-size", "0"],
            &["bench", "ws://h", "--rate", "1000001"],
        ] {
            assert!(
                Cli::try_parse_from(["ws"].iter().chain(arguments)).is_err(),
                "{arguments:?}"
            );
        }
    }
}
