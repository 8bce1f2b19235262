//! `autobahn_client URL`: runs all cases of an Autobahn fuzzing server with ws-client as the echoing peer.
//! `cargo xtask autobahn --role client` runs it.
#![allow(
    clippy::print_stderr,
    reason = "the suite shows it beside its own output"
)]

use std::{env, process::ExitCode, time::Duration};

use ws_client::{Client, ConnectRequest, DeflateConfig, Error, Message};

const AGENT: &str = "ws-client";
/// The suite itself gives a case 100 s at most.
const TIMEOUT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let Some(url) = env::args().nth(1) else {
        eprintln!("usage: autobahn_client URL");
        return ExitCode::from(2);
    };
    match run_all(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("autobahn_client: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run_all(url: &str) -> Result<(), String> {
    let cases = case_count(url)?;
    for case in 1..=cases {
        let address = format!("{url}/runCase?case={case}&agent={AGENT}");
        // The suite agrees to it in the cases about compression only.
        let client = ConnectRequest::new(&address).and_then(|request| {
            Client::connect_with(&request.compress(DeflateConfig::dedicated()))
        });
        echo(client.map_err(|error| format!("case {case}: {error}"))?);
    }
    let reports = Client::connect(&format!("{url}/updateReports?agent={AGENT}"));
    echo(reports.map_err(|error| error.to_string())?);
    Ok(())
}

fn case_count(url: &str) -> Result<u32, String> {
    let mut client =
        Client::connect(&format!("{url}/getCaseCount")).map_err(|error| error.to_string())?;
    let answer = client.receive(TIMEOUT).map_err(|error| error.to_string())?;
    let Some(Message::Text(text)) = &answer else {
        return Err(format!("no case count but {answer:?}"));
    };
    text.parse()
        .map_err(|_| format!("{text:?} is no case count"))
}

/// Sends everything back until the connection is over. How it ends is for the suite to judge.
fn echo(mut client: Client) {
    while let Ok(Some(message)) = client.receive(TIMEOUT) {
        if answer(&mut client, message).is_err() {
            break;
        }
    }
}

fn answer(client: &mut Client, message: Message) -> Result<(), Error> {
    match message {
        Message::Text(text) => client.send_text(&text),
        Message::Binary(data) => client.send_binary(&data),
        _ => Ok(()),
    }
}
