//! What the load is to be like.

use std::{path::PathBuf, time::Duration};

const USAGE: &str = "usage: soak WS [--minutes N] [--connections N] [--rate MESSAGES_A_SECOND] [--churn CONNECTS_A_SECOND] \
                     [--faults PERCENT_OF_MESSAGES] [--tls PERCENT_OF_CONNECTIONS]; without --rate as fast as it goes, without --churn each after 480 messages";

/// What the load is to be like.
#[derive(Debug)]
pub(crate) struct Options {
    /// The server's program.
    pub(crate) ws: PathBuf,
    pub(crate) time: Duration,
    /// Held at once.
    pub(crate) connections: u64,
    /// Messages a second over all connections; as many as the machine takes if it is none.
    pub(crate) rate: Option<f64>,
    /// Connections that end and are opened anew in a second; each after a number of messages if it is none.
    pub(crate) churn: Option<f64>,
    /// Of a hundred messages so many more are cut off by a reset, on connections of their own.
    pub(crate) fault_percent: u64,
    /// Of a hundred connections so many have TLS.
    pub(crate) tls_percent: u64,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let ws = arguments.next().ok_or(USAGE)?.into();
        let [mut minutes, mut connections] = [10, 50];
        let [mut rate, mut churn, mut faults, mut tls] = [0; 4];
        while let Some(name) = arguments.next() {
            let value = match name.as_str() {
                "--minutes" => &mut minutes,
                "--connections" => &mut connections,
                "--rate" => &mut rate,
                "--churn" => &mut churn,
                "--faults" => &mut faults,
                "--tls" => &mut tls,
                _ => return Err(USAGE.to_owned()),
            };
            let text = arguments.next().ok_or(USAGE)?;
            *value = text
                .parse()
                .map_err(|_| format!("{name} {text}: a whole number is needed"))?;
        }
        if minutes == 0 || connections == 0 || faults > 100 || tls > 100 {
            return Err(USAGE.to_owned());
        }
        let given = |number: u64| (number > 0).then_some(number as f64);
        Ok(Self {
            ws,
            time: Duration::from_secs(minutes * 60),
            connections,
            rate: given(rate),
            churn: given(churn),
            fault_percent: faults,
            tls_percent: tls,
        })
    }
}
