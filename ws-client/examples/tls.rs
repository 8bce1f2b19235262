//! Connects to a server that one's own authority has certified, or whose certificate nobody checks.
//!
//! ```text
//! cargo run -p ws-client --example tls -- wss://127.0.0.1:9894 authority.pem
//! cargo run -p ws-client --example tls -- wss://127.0.0.1:9894 --insecure
//! cargo run -p ws-client --example tls -- wss://example.com
//! ```
#![expect(clippy::print_stdout, reason = "it is what the example does")]

use std::time::Duration;

use ws_client::{Client, CloseCode, ConnectRequest, Error, TlsSettings};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "wss://127.0.0.1:9894".into());
    let settings = match arguments.next().as_deref() {
        Some("--insecure") => TlsSettings::new().danger_accept_invalid_certs(true),
        Some(authority) => TlsSettings::new().ca_file(authority),
        // The same as no settings at all: the authorities of the system.
        None => TlsSettings::new(),
    };

    let mut client = Client::connect_with(&ConnectRequest::new(&address)?.tls(settings))?;
    println!("{}", client.tls_version().unwrap_or("not encrypted"));
    client.send_text("hello")?;
    println!("{:?}", client.receive(Duration::from_secs(10))?);
    client.close(CloseCode::NORMAL, "")
}
