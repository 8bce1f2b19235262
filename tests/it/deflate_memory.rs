//! What an idle compressed connection costs `ws serve`, by what the system says of the process.

use ws_client::{Client, ConnectRequest, DeflateConfig, Message};
use ws_tests::{
    figures::resident_bytes,
    process::{Process, ws_binary},
    wait::TIMEOUT,
};

const CONNECTIONS: usize = 100;

/// Fills both windows of a connection, and with them whatever is kept for it.
fn connect(url: &str) -> Client {
    let request = ConnectRequest::new(url)
        .unwrap()
        .compress(DeflateConfig::dedicated());
    let mut client = Client::connect_with(&request).unwrap();
    assert!(client.compression().is_some());
    for number in 0..8 {
        let text = (0..100)
            .map(|line| {
                format!(
                    "{{\"id\":{},\"name\":\"somebody\"}},",
                    line * number * 7919 % 100_003
                )
            })
            .collect::<String>();
        client.send_text(&text).unwrap();
        assert!(client.receive(TIMEOUT).unwrap() == Some(Message::Text(text)));
    }
    client
}

/// Bytes for each of many idle connections of `ws serve` with this preset.
fn measure(preset: &str) -> u64 {
    let compress = format!("--compress={preset}");
    let (server, url) = Process::echo_server_with(ws_binary(), &[&compress]);
    let resident = || resident_bytes(server.id()).unwrap();
    // What all connections share, and what the allocator and the table of slots begin with.
    let first: Vec<Client> = (0..10).map(|_| connect(&url)).collect();
    let before = resident();
    let more: Vec<Client> = (0..CONNECTIONS).map(|_| connect(&url)).collect();
    let each = resident().saturating_sub(before) / CONNECTIONS as u64;
    println!("{preset}: {each} bytes for each of {CONNECTIONS} idle connections");
    drop((first, more));
    each
}

/// D: near zero with what is shared. Sockets are the kernel's; what a slot takes is asserted when it is compiled.
#[test]
fn a_shared_compressor_costs_an_idle_connection_next_to_nothing() {
    let each = measure("shared");
    assert!(each < 4 << 10, "{each} bytes");
}

/// D: what the documentation of `DeflateConfig` says, 279,712 B to compress and 32,768 B to inflate, and no more than a
/// slot and the allocator add; nor much less, or the documentation is out of date.
#[test]
fn a_dedicated_compressor_costs_what_is_documented() {
    let each = measure("dedicated");
    let documented = 279_712 + 32_768;
    assert!(each < documented + (20 << 10), "{each} bytes");
    assert!(each > documented / 2, "{each} bytes");
}
