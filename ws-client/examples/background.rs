//! Stays connected while the program is busy, connects again when it must, and tells from its log what happened.
//!
//! ```text
//! cargo run -p ws-client --example background -- ws://127.0.0.1:9894 events.log
//! ```
#![expect(clippy::print_stdout, reason = "it is what the example does")]

use std::time::Duration;

use ws_client::{
    BackgroundClient, BackgroundConfig, CloseCode, ConnectRequest, Error, LoggingSettings,
    Reconnect,
};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "ws://127.0.0.1:9894".into());
    let file = arguments.next().unwrap_or_default();
    let config = BackgroundConfig::default()
        .logging(LoggingSettings::default().file_path(file))
        .reconnect(Some(Reconnect::default().repeat_text("hello again")));

    let client = BackgroundClient::connect_with(&ConnectRequest::new(&address)?, &config)?;
    client.send_text("hello", Duration::ZERO)?;
    // Pings are answered without any call; here some other work would be done.
    while let Some(message) = client.receive(Duration::from_secs(2))? {
        println!("{message:?}");
    }
    println!("{:?}\n{:?}", client.state(), client.statistics());
    client.close(CloseCode::NORMAL, "")?;

    let (lines, total) = client.log(100).unwrap_or_default();
    println!("{total} events:");
    for line in lines {
        println!("{line}");
    }
    Ok(())
}
