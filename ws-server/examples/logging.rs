//! A server that writes an event log into memory and a file, and shows its newest lines every second.
//!
//! ```text
//! cargo run -p ws-server --example logging -- 127.0.0.1:9894 events.log
//! ```
#![expect(clippy::print_stdout, reason = "it is what the example does")]

use std::time::{Duration, Instant};

use ws_core::LoggingSettings;
use ws_server::{
    Config, Message,
    mailbox::{Mailbox, MailboxConfig},
};

#[expect(
    clippy::disallowed_methods,
    reason = "an example has no loop whose clock it could read"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9894".into());
    // Put aside at 10 MiB as events.log.old; no payload and no secret is in it.
    let path = arguments.next().unwrap_or_else(|| "events.log".into());
    let logging = LoggingSettings::default().max_entries(300).file_path(path);
    let config = MailboxConfig::default().server(Config::default().logging(logging));
    let mailbox = Mailbox::start(address.as_str(), config)?;
    println!("listening on {}", mailbox.local_addr());

    let mut shown = Instant::now();
    let mut last = String::new();
    loop {
        if let Some(received) = mailbox.next(Duration::from_millis(100))? {
            // Who has gone meanwhile is in the log.
            let _ = mailbox.send(received.id, Message::Binary(&received.payload));
        }
        if shown.elapsed() >= Duration::from_secs(1) {
            shown = Instant::now();
            let (lines, _) = mailbox.log(20).ok_or("the log is not kept in memory")?;
            let new = lines
                .iter()
                .rposition(|line| *line == last)
                .map_or(0, |at| at + 1);
            for line in &lines[new..] {
                println!("{line}");
            }
            last = lines.last().cloned().unwrap_or(last);
        }
    }
}
