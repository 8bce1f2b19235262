//! permessage-deflate with programs we did not write, in both roles and with every combination of parameters.

use std::{fmt::Write as _, process::Command};

use serde_json::{Map, Value, json};
use ws_client::{
    Client, CloseCode, Compression, ConnectRequest, DeflateConfig, Message, WindowBits,
};
use ws_server::Config;
use ws_tests::{echo::EchoServer, process::Process, wait::TIMEOUT};

use crate::support::peer::Peer;

/// Windows that a parameter may name, and none; peers do not compress with 8 bits.
const BITS: [Option<u8>; 3] = [None, Some(9), Some(15)];

/// The parameters of an offer or of a server, by their names: every combination.
fn combinations() -> Vec<Map<String, Value>> {
    let mut all = Vec::new();
    for takeover in 0..4 {
        for server_bits in BITS {
            for client_bits in BITS {
                let mut entry = Map::new();
                entry.insert("server_no_context_takeover".into(), json!(takeover & 1 > 0));
                entry.insert("client_no_context_takeover".into(), json!(takeover & 2 > 0));
                if let Some(bits) = server_bits {
                    entry.insert("server_max_window_bits".into(), json!(bits));
                }
                if let Some(bits) = client_bits {
                    entry.insert("client_max_window_bits".into(), json!(bits));
                }
                all.push(entry);
            }
        }
    }
    all
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

fn configs() -> [DeflateConfig; 3] {
    [
        DeflateConfig::shared().threshold(0),
        DeflateConfig::dedicated().threshold(0),
        DeflateConfig::dedicated().window_bits(bits(9)),
    ]
}

fn with_entries(mut command: Command, entries: &[Map<String, Value>]) -> Command {
    command.env("WS_DEFLATE", json!(entries).to_string());
    command
}

/// Whether an answer says what the offer and our configuration demand.
fn check_answer(answer: &str, offer: &Map<String, Value>, config: &DeflateConfig) {
    let asked = |name: &str| offer.get(name) == Some(&json!(true));
    let mut expected = String::from("permessage-deflate");
    if asked("server_no_context_takeover") || !config.own_context_takeover {
        expected += "; server_no_context_takeover";
    }
    if asked("client_no_context_takeover") || !config.peer_context_takeover {
        expected += "; client_no_context_takeover";
    }
    let offered = |name: &str| offer.get(name).and_then(Value::as_u64);
    let own = u64::from(config.own_window_bits.get());
    match offered("server_max_window_bits") {
        Some(bits) => write!(expected, "; server_max_window_bits={}", bits.min(own)).unwrap(),
        None if own < 15 => write!(expected, "; server_max_window_bits={own}").unwrap(),
        None => {}
    }
    // Node and Python offer it in any case, if only without a value.
    let peer = u64::from(config.peer_window_bits.get());
    let client = offered("client_max_window_bits").unwrap_or(15).min(peer);
    if client < 15 {
        write!(expected, "; client_max_window_bits={client}").unwrap();
    }
    assert_eq!(answer, expected, "{offer:?}");
}

fn check_clients(peer: Peer) {
    for config in configs() {
        let server = EchoServer::start(Config::default().compression(Some(config.clone())));
        let mut entries = combinations();
        for entry in &mut entries {
            // Their way to offer it without a value.
            if matches!(peer, Peer::Python) && !entry.contains_key("client_max_window_bits") {
                entry.insert("client_max_window_bits".into(), json!(true));
            }
        }
        let mut command = with_entries(peer.script("deflate_client"), &entries);
        let finished = Process::spawn(command.arg(format!("ws://{}/", server.host()))).finish();
        let stdout = finished.stdout_text();
        assert!(
            finished.code == Some(0) && stdout.contains("ok: "),
            "{peer:?} {config:?}: {stdout}\n{}",
            finished.stderr
        );
        for (answer, entry) in stdout.lines().zip(&entries) {
            check_answer(answer, entry, &config);
        }
        assert_eq!(stdout.lines().count(), entries.len() + 1);
    }
}

/// All 36 offers against each preset and a small window; messages whole and in fragments, some uncompressed.
#[test]
fn node_compresses_with_our_server() {
    check_clients(Peer::Node);
}

/// All 36 offers against each preset and a small window; messages whole and in fragments.
#[test]
fn python_compresses_with_our_server() {
    check_clients(Peer::Python);
}

fn json_text(bytes: usize) -> String {
    r#"{"id":12345,"name":"aé中🙂","tags":["x","y"]} "#.repeat(bytes / 48 + 1)
}

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| (at * at * 31 + (at >> 3) * 17).to_le_bytes()[0])
        .collect()
}

/// Sends messages of all kinds, compressed and not, and expects each back.
fn exchange(client: &mut Client) -> Result<(), String> {
    let texts = [0, 5, 300, 300, 5_000, 70_000, 300];
    for (index, size) in texts.into_iter().enumerate() {
        let compression = [Compression::Always, Compression::Auto, Compression::Never][index % 3];
        let text = if size == 0 {
            String::new()
        } else {
            json_text(size)
        };
        client
            .send_text_with(&text, compression)
            .map_err(|error| error.to_string())?;
        expect(client, &Message::Text(text))?;
        let data = noise(size);
        client
            .send_binary_with(&data, compression)
            .map_err(|error| error.to_string())?;
        expect(client, &Message::Binary(data))?;
    }
    for piece in [&json_text(400), "", &json_text(60_000)] {
        client
            .send_text_fragment(piece, false)
            .map_err(|error| error.to_string())?;
        client
            .send_ping(b"between")
            .map_err(|error| error.to_string())?;
    }
    client
        .send_text_fragment("end", true)
        .map_err(|error| error.to_string())?;
    expect(
        client,
        &Message::Text(json_text(400) + &json_text(60_000) + "end"),
    )?;
    // Uncompressed in between, then one that may refer to the compressed ones only.
    for (data, compression) in [
        (noise(300), Compression::Never),
        (noise(70_000), Compression::Always),
    ] {
        for (piece, last) in [(&data[..100], false), (&data[100..], true)] {
            client
                .send_binary_fragment_with(piece, last, compression)
                .map_err(|error| error.to_string())?;
        }
        expect(client, &Message::Binary(data))?;
    }
    client
        .send_text_fragment_with("one ", false, Compression::Never)
        .and_then(|()| client.send_text_fragment_with("two", true, Compression::Never))
        .map_err(|error| error.to_string())?;
    expect(client, &Message::Text("one two".to_owned()))
}

/// Not compared with `==` in an assertion: nobody wants to read megabytes.
fn expect(client: &mut Client, sent: &Message) -> Result<(), String> {
    loop {
        match client.receive(TIMEOUT).map_err(|error| error.to_string())? {
            Some(Message::Ping(_) | Message::Pong(_)) => {}
            Some(message) if message == *sent => return Ok(()),
            Some(other) => {
                return Err(format!(
                    "{} of {} bytes came back as {} of {}",
                    sent.kind(),
                    sent.payload().len(),
                    other.kind(),
                    other.payload().len()
                ));
            }
            None => return Err("nothing came".to_owned()),
        }
    }
}

fn check_servers(peer: Peer, fragments: bool) {
    let mut entries = combinations();
    if matches!(peer, Peer::Python) {
        // This one lets a server ask for a window only together with a need of it.
        entries.retain(|entry| entry.get("client_max_window_bits") != Some(&json!(15)));
    }
    for entry in &mut entries {
        if fragments {
            entry.insert("fragments".into(), json!(true));
        }
    }
    let mut server = Process::spawn(&mut with_entries(peer.script("deflate_server"), &entries));
    let ports: Vec<u16> = entries
        .iter()
        .map(|_| server.wait_for_stdout(|line| line.trim().parse().ok()))
        .collect();
    for (port, entry) in ports.into_iter().zip(&entries) {
        for config in configs() {
            let address = format!("ws://127.0.0.1:{port}/");
            let request = ConnectRequest::new(&address)
                .unwrap()
                .compress(config.clone());
            let asks_for_more = |name: &str, offered: WindowBits| {
                entry.get(name).and_then(Value::as_u64) > Some(u64::from(offered.get()))
            };
            let is_too_small = asks_for_more("server_max_window_bits", config.peer_window_bits)
                || asks_for_more("client_max_window_bits", config.own_window_bits);
            if matches!(peer, Peer::Node) && is_too_small {
                // This one insists on the windows that it was told.
                let error = Client::connect_with(&request).unwrap_err();
                assert_eq!(error.status(), Some(400), "{error}");
                continue;
            }
            let mut client = Client::connect_with(&request).unwrap();
            let agreed = client
                .compression()
                .unwrap_or_else(|| panic!("{peer:?} {entry:?}: no compression"));
            let parameters = agreed.parameters();
            let asked = |name: &str| entry.get(name) == Some(&json!(true));
            assert_eq!(
                parameters.server_no_context_takeover,
                asked("server_no_context_takeover") || !config.peer_context_takeover,
                "{peer:?} {entry:?} {agreed}"
            );
            assert_eq!(
                parameters.client_no_context_takeover,
                asked("client_no_context_takeover") || !config.own_context_takeover,
                "{peer:?} {entry:?} {agreed}"
            );
            let done = exchange(&mut client);
            done.unwrap_or_else(|error| panic!("{peer:?} {entry:?} {agreed}: {error}"));
            client.close(CloseCode::NORMAL, "").unwrap();
        }
    }
}

/// Every combination a server may ask for, with three offers of ours; answers whole and in fragments.
#[test]
fn our_client_compresses_with_node() {
    check_servers(Peer::Node, false);
    check_servers(Peer::Node, true);
}

/// Every combination a server may ask for, with three offers of ours; answers whole and in fragments.
#[test]
fn our_client_compresses_with_python() {
    check_servers(Peer::Python, false);
    check_servers(Peer::Python, true);
}
