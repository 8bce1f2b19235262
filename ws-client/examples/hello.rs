//! Sends a line to a WebSocket server and prints what comes back.
//!
//! ```text
//! cargo run --release -p ws-cli -- serve --echo            # in one terminal
//! cargo run -p ws-client --example hello -- ws://127.0.0.1:9894 hello
//! ```
#![expect(clippy::print_stdout, reason = "it is what the example does")]

use std::time::Duration;

use ws_client::{Client, CloseCode, Error};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "ws://127.0.0.1:9894".into());
    let text = arguments.next().unwrap_or_else(|| "hello".into());

    let mut client = Client::connect(&address)?;
    client.send_text(&text)?;
    println!("{:?}", client.receive(Duration::from_secs(10))?);
    client.close(CloseCode::NORMAL, "")
}
