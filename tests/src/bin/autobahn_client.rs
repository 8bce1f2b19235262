//! `autobahn_client [--cacert FILE] URL`: runs all cases of an Autobahn fuzzing server with ws-client as the echoing
//! peer.
//! `cargo xtask autobahn --role client` runs it.
#![allow(
    clippy::print_stderr,
    reason = "the suite shows it beside its own output"
)]

use std::{env, process::ExitCode, time::Duration};

use ws_client::{Client, ConnectRequest, DeflateConfig, Error, Message, TlsSettings};

const AGENT: &str = "ws-client";
/// The suite itself gives a case 100 s at most.
const TIMEOUT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (cacert, url) = match &arguments[..] {
        [url] => (None, url),
        [option, file, url] if option == "--cacert" => (Some(file), url),
        _ => {
            eprintln!("usage: autobahn_client [--cacert FILE] URL");
            return ExitCode::from(2);
        }
    };
    let tls = cacert.map(|file| TlsSettings::new().ca_file(file));
    match run_all(url, tls.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("autobahn_client: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run_all(url: &str, tls: Option<&TlsSettings>) -> Result<(), String> {
    let connect = |path: String| {
        let request = ConnectRequest::new(&format!("{url}/{path}"))?;
        let request = match tls {
            Some(tls) => request.tls(tls.clone()),
            None => request,
        };
        // The suite agrees to it in the cases about compression only.
        Client::connect_with(&request.compress(DeflateConfig::dedicated()))
    };
    let count = connect("getCaseCount".to_owned()).map_err(|error| error.to_string())?;
    for case in 1..=case_count(count)? {
        let client = connect(format!("runCase?case={case}&agent={AGENT}"));
        echo(client.map_err(|error| format!("case {case}: {error}"))?);
    }
    let reports = connect(format!("updateReports?agent={AGENT}"));
    echo(reports.map_err(|error| error.to_string())?);
    Ok(())
}

fn case_count(mut client: Client) -> Result<u32, String> {
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
