//! `ws serve`: every message printed, or sent back.
//!
//! The handler prints from the loop's thread: a reader of stdout that is slow slows the clients down, and nothing is
//! dropped. One that went away stops the server, and that is success.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ws_core::CloseCode;
use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{
    Accepted, CloseInfo, ClosedBy, Config, Context, ErrorKind, Flow, Handler, Message, Server,
    Stopper,
};

use super::guard;
use crate::args::{Preset, ServeArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Direction, Event, Line, Output, Peer};
use crate::secret;
use crate::signals::{Signal, Signals};

/// Where `ws serve` listens when no port is given.
const PORT: u16 = 9894;

/// How long clients may take to answer the Close at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the command until a signal stops it.
pub(crate) fn run(args: &ServeArgs, signals: &Signals, output: &mut Output) -> Result<Exit, Stop> {
    let addresses = parse_address(&args.address)?;
    let config = Config::default()
        .max_connections(args.pool_size)
        .compression(args.compress.map(Preset::config));
    let config = guard::apply(args, config)?;
    let server = Server::bind(&addresses[..], config).map_err(|error| failure(&error))?;
    let stopper = server.stopper();
    signals.on_signal({
        let stopper = stopper.clone();
        move || stopper.stop(STOP_TIMEOUT)
    });
    let address = server.local_addr().to_string();
    output.event(&Line {
        direction: None,
        peer: None,
        event: Event::Listening { address: &address },
    })?;
    output.flush()?;
    let scheme = if args.tls_cert.is_some() { "wss" } else { "ws" };
    let mode = if args.echo { "echo" } else { "print" };
    output.status(format_args!(
        "listening on {scheme}://{address}/ ({mode}; Ctrl-C stops)"
    ));

    let stopped = Arc::default();
    let handler = |_| Printer {
        echo: args.echo,
        output: output.another(),
        stopper: stopper.clone(),
        stopped: Arc::clone(&stopped),
    };
    server.run(handler).map_err(|error| failure(&error))?;
    let by_output = stopped
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (by_output, signals.received()) {
        (Some(stop), _) => Err(stop),
        (None, Some(Signal::Interrupt)) => Ok(Exit::Interrupted),
        (None, _) => Ok(Exit::Done),
    }
}

/// What happens on the connections, on its way to stdout.
struct Printer {
    echo: bool,
    output: Output,
    stopper: Stopper,
    /// Why printing ended the server.
    stopped: Arc<Mutex<Option<Stop>>>,
}

/// What JSON lines tell of a connection; nothing is kept without `--json`.
type State = Option<Box<Peer>>;

impl Printer {
    fn print(&mut self, direction: Direction, peer: Option<&Peer>, event: Event<'_>) {
        let line = Line {
            direction: Some(direction),
            peer,
            event,
        };
        if let Err(stop) = self.output.event(&line).and_then(|()| self.output.flush()) {
            // The first failure counts; the connections that are closed now cannot be printed either.
            self.stopped
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(stop);
            self.stopper.stop(STOP_TIMEOUT);
        }
    }
}

impl Handler for Printer {
    type Connection = State;
    type Command = ();

    fn on_open(
        &mut self,
        context: &mut Context<'_, State>,
        request: &Request,
    ) -> Result<Accepted<State>, HttpAnswer> {
        let address = context.peer_address();
        self.output
            .status(format_args!("open {address} {}", request.path()));
        if let Some(agreed) = context.compression() {
            log::info!("compression with {address}: {agreed}");
        }
        let peer = self.output.is_json().then(|| {
            Box::new(Peer {
                connection_id: Some(context.id().to_string()),
                address: address.to_string(),
                path: request.path().to_owned(),
            })
        });
        self.print(Direction::In, peer.as_deref(), Event::Open);
        Ok(Accepted::new(peer))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, State>,
        peer: &mut State,
        message: Message<'_>,
    ) -> Flow {
        let event = match message {
            Message::Text(text) => Event::Text(text),
            Message::Binary(payload) => Event::Binary(payload),
        };
        if !self.echo {
            self.print(Direction::In, peer.as_deref(), event);
            return Flow::Continue;
        }
        if let Some(peer) = peer {
            self.print(Direction::In, Some(peer), event);
        }
        match context.send(message) {
            Ok(()) => {
                if let Some(peer) = peer {
                    self.print(Direction::Out, Some(peer), event);
                }
            }
            Err(error) => {
                log::warn!("cannot echo to {}: {error}", context.peer_address());
                if context
                    .close(CloseCode::INTERNAL_ERROR, "cannot echo")
                    .is_err()
                {
                    context.abort();
                }
            }
        }
        Flow::Continue
    }

    fn on_ping(&mut self, _: &mut Context<'_, State>, peer: &mut State, payload: &[u8]) {
        if let Some(peer) = peer {
            self.print(Direction::In, Some(peer), Event::Ping(payload));
        }
    }

    fn on_pong(&mut self, _: &mut Context<'_, State>, peer: &mut State, payload: &[u8]) {
        if let Some(peer) = peer {
            self.print(Direction::In, Some(peer), Event::Pong(payload));
        }
    }

    fn on_close(&mut self, context: &mut Context<'_, State>, peer: State, info: CloseInfo<'_>) {
        let (address, code, reason) = (context.peer_address(), info.code, info.reason);
        if reason.is_empty() {
            self.output
                .status(format_args!("close {address} {code}: {}", info.by));
        } else {
            self.output.status(format_args!(
                "close {address} {code} ({reason}): {}",
                info.by
            ));
        }
        if let Some(peer) = peer {
            let direction = match info.by {
                ClosedBy::Peer | ClosedBy::Lost => Direction::In,
                _ => Direction::Out,
            };
            self.print(
                direction,
                Some(&peer),
                Event::Close {
                    code: code.as_u16(),
                    reason,
                },
            );
        }
    }
}

/// Reads `ADDR:PORT`, `ADDR`, `PORT` (this machine only) or `:PORT` (all interfaces); a name is resolved.
fn parse_address(text: &str) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = unbracketed.parse::<IpAddr>() {
        return Ok(vec![(address, PORT).into()]);
    }
    let (host, port) = match text.rsplit_once(':') {
        None => (text, Some(PORT)),
        Some((host, port)) => (host, port.parse().ok()),
    };
    // Resolvers take a bare number for an address: 99999 would be 0.1.134.159.
    let is_number = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit());
    let nameable = !text.is_empty() && !is_number && !host.contains([':', '/', '[', ']', ' ']);
    let Some(port) = port.filter(|_| nameable) else {
        let text = secret::shown(text);
        return Err(Failure::usage(format!(
            "'{text}' is not an address to listen on; write ADDR:PORT, [IPV6]:PORT, PORT or :PORT, with a port up to 65535"
        )));
    };
    if text.starts_with(':') {
        return Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into()]);
    }
    let resolved = (host, port).to_socket_addrs().map_err(|error| {
        Failure::new(
            Exit::Resolve,
            "resolve",
            format!("cannot listen on '{text}': the name {host} has no address ({error}); give an IP address"),
        )
    })?;
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    // "localhost" is where most clients look first.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// One line, one word and one exit code for an error of the server.
fn failure(error: &ws_server::Error) -> Failure {
    let word = error.error_code();
    let exit = match word {
        "usage" => Exit::Usage,
        "resolve" => Exit::Resolve,
        _ => Exit::Other,
    };
    let mut text = error.to_string();
    if let Some(source) = error
        .source()
        .filter(|_| error.kind() != ErrorKind::PortInUse)
    {
        text.push_str(": ");
        text.push_str(&source.to_string());
    }
    if let Some(hint) = error.hint() {
        text.push_str("; ");
        text.push_str(hint);
    }
    Failure::new(exit, word, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> String {
        parse_address(text).unwrap()[0].to_string()
    }

    #[test]
    fn an_address_may_be_given_in_part() {
        assert_eq!(first("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(first("8080"), "127.0.0.1:8080");
        assert_eq!(first(":8080"), "[::]:8080");
        assert_eq!(first("[::1]:8080"), "[::1]:8080");
        assert_eq!(first("0"), "127.0.0.1:0");
        assert_eq!(first("0.0.0.0"), "0.0.0.0:9894");
        assert_eq!(first("::1"), "[::1]:9894");
        assert_eq!(first("[::1]"), "[::1]:9894");
        assert_eq!(first("localhost:8080"), "127.0.0.1:8080");
    }

    #[test]
    fn what_is_no_address_is_wrong_usage() {
        for text in [
            "",
            "ws://127.0.0.1:80",
            "127.0.0.1:65536",
            "127.0.0.1:",
            "::1:80:x",
            "[::1:80",
            "a b:80",
            "99999",
        ] {
            let failure = parse_address(text)
                .map(|addresses| format!("{text:?}: {addresses:?}"))
                .unwrap_err();
            assert!(
                matches!(failure.exit, Exit::Usage | Exit::Resolve),
                "{text:?}: {failure:?}"
            );
        }
    }
}
