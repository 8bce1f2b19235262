//! Instructions, counted by valgrind: exact where times are noise. What a program does at its start cancels out, as a
//! count is always the difference of two runs.

use std::{
    io,
    process::{Command, Stdio},
};

use ws_tests::process::Process;

/// Valgrind's words before the program.
const CALLGRIND: [&str; 3] = ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--"];
/// Valgrind counts an instruction that repeats itself once for each byte; with this the C library copies and clears
/// without such ones, on every processor in the same way.
const COPIES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:glibc.cpu.x86_rep_stosb_threshold=0x7fffffff",
);
/// Calls of a codec: the second run has twice as many.
const CALLS: u64 = 40;

/// Instructions for each message of a codec whose command line is `words`, with `messages` in each call.
pub(crate) fn codec(words: &[String], messages: usize) -> io::Result<f64> {
    let count = |calls: u64| -> io::Result<u64> {
        let output = Command::new("valgrind")
            .env(COPIES.0, COPIES.1)
            .args(CALLGRIND)
            .args(words)
            .args(["calls", &calls.to_string()])
            .stdin(Stdio::null())
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            collected(&text)
        } else {
            Err(io::Error::other(text.into_owned()))
        }
    };
    let difference = count(2 * CALLS)?.saturating_sub(count(CALLS)?);
    Ok(difference as f64 / (CALLS as f64 * messages as f64))
}

/// Instructions of the server that `words` start, while `load` talks to its port.
pub(crate) fn server(
    words: &[&std::ffi::OsStr],
    load: impl FnOnce(u16) -> io::Result<()>,
) -> io::Result<u64> {
    let mut command = Command::new("valgrind");
    command.env(COPIES.0, COPIES.1).args(CALLGRIND).args(words);
    let mut process = Process::spawn(&mut command);
    let port = process.wait_for_stdout(|line| line.trim().parse().ok());
    load(port)?;
    collected(&process.finish().stderr)
}

fn collected(text: &str) -> io::Result<u64> {
    let after = text.split("Collected : ").nth(1).unwrap_or_default();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .map_err(|_| io::Error::other(format!("valgrind counted nothing: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_count() {
        let text = "==1== Events    : Ir\n==1== Collected : 12345\n==1==\n";
        assert_eq!(collected(text).unwrap(), 12_345);
        assert!(collected("==1== Collected : \n").is_err());
    }
}
