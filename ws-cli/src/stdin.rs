//! Stdin as messages, read by a thread of its own.
//!
//! ```text
//! stdin → thread: lines → Batch (about 64 KiB) → channel of one → the command's loop
//!                             └ wake() after each: the loop may be waiting for the server
//! ```
//!
//! Invariant: at most three batches exist at a time, and a line is at most [`LINE_BYTES`] long, so a fast writer waits
//! for the network instead of filling memory.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use crate::exit::Exit;
use crate::failure::Failure;

/// The longest line taken, without its line end: what the crates take as one message by default.
const LINE_BYTES: usize = 64 * 1024 * 1024;

/// A batch is handed over when it holds this much, or when stdin has nothing more at the moment.
const BATCH_BYTES: usize = 64 * 1024;

/// A message to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// As a text message.
    Text(String),
    /// As a binary message.
    Binary(Vec<u8>),
}

impl Outgoing {
    /// Makes a message of `bytes`; `origin` is named when they are not text.
    ///
    /// # Errors
    /// Wrong usage when text is asked for and `bytes` are not UTF-8.
    pub(crate) fn new(
        bytes: Vec<u8>,
        binary: bool,
        origin: impl FnOnce() -> String,
    ) -> Result<Self, Failure> {
        if binary {
            return Ok(Self::Binary(bytes));
        }
        String::from_utf8(bytes).map(Self::Text).map_err(|error| {
            let position = error.utf8_error().valid_up_to();
            Failure::usage(format!(
                "{} is not UTF-8 (byte {position}); add --binary to send it as it is",
                origin()
            ))
        })
    }

    pub(crate) const fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(payload) => payload.len(),
        }
    }
}

/// What the thread hands over.
#[derive(Debug)]
pub(crate) enum Input {
    /// Messages in order.
    Batch(Vec<Outgoing>),
    /// Stdin has ended.
    End,
    /// Stdin cannot be read on; the messages before it were handed over.
    Failed(Failure),
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct StdinLines {
    receiver: Receiver<Input>,
}

impl StdinLines {
    /// Starts reading; `wake` is called after each handover.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(binary: bool, wake: impl Fn() + Send + 'static) -> Result<Self, Failure> {
        let (sender, receiver) = sync_channel(1);
        thread::Builder::new()
            .name(String::from("stdin"))
            .spawn(move || {
                read_lines(
                    BufReader::with_capacity(BATCH_BYTES, io::stdin()),
                    binary,
                    &sender,
                    wake,
                )
            })
            .map_err(|error| {
                Failure::new(
                    Exit::Other,
                    "internal",
                    format!("cannot start a thread for stdin: {error}"),
                )
            })?;
        Ok(Self { receiver })
    }

    /// What is there, without waiting; after the end it is `End` for ever.
    pub(crate) fn poll(&self) -> Option<Input> {
        match self.receiver.try_recv() {
            Ok(input) => Some(input),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Input::End),
        }
    }
}

/// Hands over lines until the end, a failure, or until nobody takes them any more.
fn read_lines(
    mut reader: BufReader<impl Read>,
    binary: bool,
    sender: &SyncSender<Input>,
    wake: impl Fn(),
) {
    let hand_over = |input| {
        let taken = sender.send(input).is_ok();
        wake();
        taken
    };
    let mut number = 0_u64;
    loop {
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        let end = loop {
            number += 1;
            match read_line(&mut reader, LINE_BYTES) {
                Ok(None) => break Some(Input::End),
                Ok(Some(line)) => {
                    match Outgoing::new(line, binary, || format!("line {number} of stdin")) {
                        Ok(message) => {
                            batch_bytes += message.size() + size_of::<Outgoing>();
                            batch.push(message);
                        }
                        Err(failure) => break Some(Input::Failed(failure)),
                    }
                }
                Err(error) => {
                    let text = format!("cannot read line {number} of stdin: {error}");
                    break Some(Input::Failed(Failure::new(Exit::Other, "internal", text)));
                }
            }
            if batch_bytes >= BATCH_BYTES || reader.buffer().is_empty() {
                break None;
            }
        };
        if !batch.is_empty() && !hand_over(Input::Batch(batch)) {
            return;
        }
        if let Some(end) = end {
            hand_over(end);
            return;
        }
    }
}

/// The next line without its `\n` or `\r\n`; `None` at the end. The last line needs no line end.
fn read_line(reader: &mut impl BufRead, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    // Room for the line end, and one byte more to see that the limit is passed.
    let read = reader
        .by_ref()
        .take(limit as u64 + 3)
        .read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if line.len() > limit {
        let text = format!("longer than {limit} bytes; send a file with 'ws send --file' instead");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn lines(bytes: &[u8], limit: usize) -> Vec<io::Result<Vec<u8>>> {
        let mut reader = bytes;
        std::iter::from_fn(|| match read_line(&mut reader, limit) {
            Ok(None) => None,
            Ok(Some(line)) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        })
        .take(16)
        .collect()
    }

    #[test]
    fn a_line_loses_its_end_only() {
        let read: Vec<Vec<u8>> = lines(b"a\n\n b \r\nlast", 100)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            read,
            [
                b"a".to_vec(),
                b"".to_vec(),
                b" b ".to_vec(),
                b"last".to_vec()
            ]
        );
    }

    #[test]
    fn a_line_at_the_limit_passes_and_one_above_does_not() {
        assert_eq!(lines(b"1234\r\nx", 4)[0].as_ref().unwrap(), b"1234");
        assert_eq!(lines(b"1234", 4)[0].as_ref().unwrap(), b"1234");
        assert!(lines(b"12345\n", 4)[0].is_err());
        assert!(lines(b"1234567890", 4)[0].is_err());
    }

    #[test]
    fn lines_arrive_in_order_with_a_wake_each_and_then_the_end() {
        let text: String = (0..20_000)
            .map(|number| format!("line {number}\n"))
            .collect();
        let (sender, receiver) = sync_channel(1000);
        let wakes = Cell::new(0);
        read_lines(BufReader::new(text.as_bytes()), false, &sender, || {
            wakes.set(wakes.get() + 1)
        });
        drop(sender);
        let inputs: Vec<Input> = receiver.iter().collect();
        assert_eq!(inputs.len(), wakes.get());
        assert!(matches!(inputs.last(), Some(Input::End)));
        let mut number = 0;
        for input in inputs {
            if let Input::Batch(batch) = input {
                assert!(batch.iter().map(Outgoing::size).sum::<usize>() <= BATCH_BYTES + 100);
                for message in batch {
                    assert_eq!(message, Outgoing::Text(format!("line {number}")));
                    number += 1;
                }
            }
        }
        assert_eq!(number, 20_000);
    }

    #[test]
    fn what_is_not_text_is_named_after_the_lines_before_it() {
        let (sender, receiver) = sync_channel(10);
        read_lines(
            BufReader::new(&b"good\nb\xFFd\n"[..]),
            false,
            &sender,
            || {},
        );
        let inputs: Vec<Input> = receiver.try_iter().collect();
        let [Input::Batch(batch), Input::Failed(failure)] = &inputs[..] else {
            panic!("{inputs:?}")
        };
        assert_eq!(batch, &[Outgoing::Text(String::from("good"))]);
        assert!(
            failure.text.contains("line 2 of stdin") && failure.text.contains("--binary"),
            "{failure}"
        );
    }

    #[test]
    fn binary_lines_are_taken_as_they_are() {
        let (sender, receiver) = sync_channel(10);
        read_lines(BufReader::new(&b"b\xFFd\n"[..]), true, &sender, || {});
        assert!(
            matches!(&receiver.try_iter().next(), Some(Input::Batch(batch)) if batch[0] == Outgoing::Binary(b"b\xFFd".to_vec()))
        );
    }

    #[test]
    fn reading_ends_when_nobody_takes_the_lines() {
        let (sender, receiver) = sync_channel(1);
        drop(receiver);
        // Would run for ever if it did not notice.
        read_lines(BufReader::new(io::repeat(b'\n')), false, &sender, || {});
    }
}
