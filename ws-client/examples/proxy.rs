//! Connects through a proxy, or through the one that the environment names.
//!
//! ```text
//! cargo run -p ws-client --example proxy -- ws://127.0.0.1:9894 socks5://127.0.0.1:1080
//! cargo run -p ws-client --example proxy -- ws://127.0.0.1:9894 http://me:secret@127.0.0.1:3128
//! http_proxy=http://127.0.0.1:8888 cargo run -p ws-client --example proxy -- ws://127.0.0.1:9894
//! ```
#![expect(clippy::print_stdout, reason = "it is what the example does")]

use std::time::Duration;

use ws_client::{Client, CloseCode, ConnectRequest, Error, ProxySettings};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "ws://127.0.0.1:9894".into());
    let request = ConnectRequest::new(&address)?;
    let request = match arguments.next() {
        Some(proxy) => request.proxy(ProxySettings::parse(&proxy)?),
        None => request.proxy_from_environment(),
    };

    let mut client = Client::connect_with(&request)?;
    if let Some(address) = client.peer_address() {
        println!("through {address}");
    }
    client.send_text("hello")?;
    println!("{:?}", client.receive(Duration::from_secs(10))?);
    client.close(CloseCode::NORMAL, "")
}
