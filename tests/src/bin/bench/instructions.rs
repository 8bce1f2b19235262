//! `bench instructions BASELINE [--update]`: instructions of the hot paths, beside those of a committed file.
//!
//! The codec without I/O, and the server's loop: in its user code, as valgrind does not see the kernel. A client sends in
//! step, so that the server has the same turns every time.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use serde_json::{Map, Value, json};
use ws_tests::bench::{
    codec::messages_in_call,
    traffic::{Kind, Traffic},
};

use crate::{callgrind, cells::Tenfold, load, ours};

/// More than this above the baseline fails.
const MOST_PERCENT: f64 = 5.0;
/// More than this away from it is worth a word.
const WORD_PERCENT: f64 = 2.0;
/// Times the instructions for ten times the messages or connections.
pub(crate) const MOST_FOR_TEN: f64 = 10.5;

/// What a server is asked: kind and size of messages, connections, messages in a batch.
type Asked = (Kind, usize, usize, u64);

/// Messages or batches of a server, over all connections: the second run has twice as many. Opening a connection takes now
/// a few instructions more, now a few less, which must not show.
const TURNS: u64 = 2_000;

pub(crate) fn run(baseline: &Path, update: bool) -> io::Result<()> {
    let counts = count()?;
    let mut steep = Vec::new();
    for tenfold in Tenfold::ALL {
        let times = times_for_ten(tenfold)?;
        let what = format!("ten times the {}", tenfold.name());
        println!("{what:<40} {times:>10.2} times the instructions");
        if times > MOST_FOR_TEN {
            steep.push(format!("{times:.2} times the instructions for {what}"));
        }
    }
    if update {
        let text = format!("{:#}\n", Value::Object(counts));
        fs::write(baseline, text)?;
        println!("written to {}", baseline.display());
    } else {
        let text = fs::read_to_string(baseline)?;
        let before: Map<String, Value> = serde_json::from_str(&text)?;
        let slower = compare(&before, &counts);
        if !slower.is_empty() {
            let text = format!(
                "more than {MOST_PERCENT} % above {}:\n  {}",
                baseline.display(),
                slower.join("\n  ")
            );
            return Err(io::Error::other(text));
        }
    }
    if steep.is_empty() {
        println!("all hot paths as before");
        Ok(())
    } else {
        Err(io::Error::other(steep.join("; ")))
    }
}

/// Instructions for each message.
fn count() -> io::Result<Map<String, Value>> {
    let mut counts = Map::new();
    let mut keep = |name: String, count: f64| {
        println!("{name:<40} {count:>10.1}");
        counts.insert(name, json!((count * 10.0).round() / 10.0));
    };
    let program = ours::program().to_string_lossy().into_owned();
    for size in [16, 125, 1 << 10, 16 << 10] {
        for kind in [Kind::Binary, Kind::Mixed] {
            let words = [
                program.clone(),
                "codec".to_owned(),
                size.to_string(),
                kind.name().to_owned(),
            ];
            let count = callgrind::codec(&words, messages_in_call(size))?;
            keep(format!("codec, {size} bytes, {}", kind.name()), count);
        }
    }
    for asked in [
        (Kind::Binary, 16, 1, 1),
        (Kind::Binary, 16, 1, 16),
        (Kind::Mixed, 1 << 10, 1, 16),
        (Kind::Binary, 16 << 10, 1, 1),
        (Kind::Binary, 16, 50, 1),
    ] {
        let (kind, size, connections, depth) = asked;
        let turns = TURNS / connections as u64;
        let more = serve(asked, 2 * turns)?.saturating_sub(serve(asked, turns)?);
        let messages = turns * depth * connections as u64;
        let name = format!(
            "server, {size} bytes, {}, {connections} connections, {depth} at once",
            kind.name()
        );
        keep(name, more as f64 / messages as f64);
    }
    Ok(counts)
}

/// How many times the instructions a server needs for ten times the work; without those for starting, and for opening
/// connections where these stay the same.
pub(crate) fn times_for_ten(tenfold: Tenfold) -> io::Result<f64> {
    let of = |connections, turns| serve((Kind::Binary, 125, connections, 1), turns);
    let (before, more) = match tenfold {
        Tenfold::Messages => (of(10, 0)?, of(10, 200)?),
        Tenfold::Connections => (of(0, 0)?, of(100, 20)?),
    };
    let less = of(10, 20)?.saturating_sub(before);
    Ok(more.saturating_sub(before) as f64 / less as f64)
}

/// Instructions of a whole server that is asked in step.
fn serve((kind, size, connections, depth): Asked, turns: u64) -> io::Result<u64> {
    let program = ours::program();
    let words = [program.as_os_str(), "serve".as_ref(), "echo".as_ref()];
    callgrind::server(&words, |port| {
        let traffic = Traffic::new(kind, size, usize::try_from(depth).unwrap_or(1));
        let mut answer = vec![0; traffic.echoes.bytes().len()];
        let mut streams = (0..connections)
            .map(|_| load::shake_hands(port))
            .collect::<io::Result<Vec<TcpStream>>>()?;
        for _ in 0..turns {
            for stream in &mut streams {
                stream.write_all(traffic.requests.bytes())?;
                stream.read_exact(&mut answer)?;
                if answer != traffic.echoes.bytes() {
                    return Err(io::Error::other("the echo differs"));
                }
            }
        }
        Ok(())
    })
}

/// Prints what has changed; the paths that became too slow, with their figures.
fn compare(before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<String> {
    let mut slower = Vec::new();
    for (name, now) in now {
        let (Some(was), Some(now)) = (before.get(name).and_then(Value::as_f64), now.as_f64())
        else {
            slower.push(format!(
                "{name}: not in the baseline; write it anew with --update"
            ));
            continue;
        };
        let percent = 100.0 * (now / was - 1.0);
        let text = format!("{name}: {now} instructions, {was} before ({percent:+.1} %)");
        if percent > MOST_PERCENT {
            slower.push(text);
        } else if percent.abs() > WORD_PERCENT {
            println!("{text}: the baseline could be written anew with --update");
        }
    }
    slower
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, f64)]) -> Map<String, Value> {
        list.iter()
            .map(|(name, count)| ((*name).to_owned(), json!(count)))
            .collect()
    }

    #[test]
    fn finds_what_became_slower() {
        let before = counts(&[("a", 100.0), ("b", 100.0), ("c", 100.0)]);
        let now = counts(&[("a", 104.0), ("b", 106.0), ("c", 50.0), ("d", 1.0)]);
        let slower = compare(&before, &now);
        assert_eq!(slower.len(), 2, "{slower:?}");
        assert!(slower[0].starts_with("b: 106") && slower[1].starts_with("d: not in"));
    }
}
