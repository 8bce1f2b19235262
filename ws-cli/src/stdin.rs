//! Stdin as messages, read by a thread of its own.
//!
//! ```text
//! stdin → thread: messages → Batch (about 64 KiB) → channel of one → the command's loop
//!                                └ wake() after each: the loop may be waiting for the server
//! ```
//!
//! Invariant: at most three batches exist at a time, and a message is at most [`MESSAGE_BYTES`] long, so a fast writer
//! waits for the network instead of filling memory.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::framing::{Delimiter, MESSAGE_BYTES};
use crate::outgoing::{Input, Outgoing};
use crate::output::screen;
use crate::slash;

/// A batch is handed over when it holds this much, or when stdin has nothing more at the moment.
const BATCH_BYTES: usize = 64 * 1024;

/// How the bytes of stdin become messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) delimiter: Delimiter,
    /// Binary messages instead of text.
    pub(crate) binary: bool,
    /// Lines that begin with `/` are commands.
    pub(crate) commands: bool,
}

impl Reading {
    /// The message, or what the command asks for; `None` if that is help.
    fn outgoing(self, bytes: Vec<u8>, number: u64) -> Result<Option<Outgoing>, Failure> {
        if self.commands && bytes.first() == Some(&b'/') {
            let place = self.delimiter.place(number);
            return slash::parse(&bytes, self.binary)
                .map_err(|text| Failure::usage(format!("{place}: {text}")));
        }
        Outgoing::new(bytes, self.binary, || self.delimiter.place(number)).map(Some)
    }
}

/// The receiving end of a thread that reads messages.
#[derive(Debug)]
pub(crate) struct Messages {
    receiver: Receiver<Input>,
}

impl Messages {
    /// Takes what `receiver` gets.
    pub(crate) fn new(receiver: Receiver<Input>) -> Self {
        Self { receiver }
    }

    /// Starts reading stdin; `wake` is called after each handover.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn from_stdin(
        reading: Reading,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Failure> {
        let (sender, receiver) = sync_channel(1);
        thread::Builder::new()
            .name(String::from("stdin"))
            .spawn(move || {
                read_messages(
                    BufReader::with_capacity(BATCH_BYTES, io::stdin()),
                    reading,
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

/// Hands over messages until the end, a failure, or until nobody takes them any more.
fn read_messages(
    mut reader: BufReader<impl Read>,
    reading: Reading,
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
            match reading.delimiter.read(&mut reader, MESSAGE_BYTES) {
                Ok(None) => break Some(Input::End),
                Ok(Some(bytes)) => match reading.outgoing(bytes, number) {
                    Ok(Some(message)) => {
                        batch_bytes += message.size() + size_of::<Outgoing>();
                        batch.push(message);
                    }
                    Ok(None) => screen::print_error_line(slash::HELP),
                    Err(failure) => break Some(Input::Failed(failure)),
                },
                Err(error) => {
                    let place = reading.delimiter.place(number);
                    let text = format!("cannot read {place}: {error}");
                    break Some(Input::Failed(Failure::new(Exit::Other, "internal", text)));
                }
            }
            // Behind the end of it all a terminal would begin anew.
            if reading.delimiter == Delimiter::None {
                break Some(Input::End);
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn reading(binary: bool) -> Reading {
        Reading {
            delimiter: Delimiter::Newline,
            binary,
            commands: false,
        }
    }

    #[test]
    fn lines_arrive_in_order_with_a_wake_each_and_then_the_end() {
        let text: String = (0..20_000)
            .map(|number| format!("line {number}\n"))
            .collect();
        let (sender, receiver) = sync_channel(1000);
        let wakes = Cell::new(0);
        read_messages(
            BufReader::new(text.as_bytes()),
            reading(false),
            &sender,
            || wakes.set(wakes.get() + 1),
        );
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
        read_messages(
            BufReader::new(&b"good\nb\xFFd\n"[..]),
            reading(false),
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
        read_messages(
            BufReader::new(&b"b\xFFd\n"[..]),
            reading(true),
            &sender,
            || {},
        );
        assert!(
            matches!(&receiver.try_iter().next(), Some(Input::Batch(batch)) if batch[0] == Outgoing::Binary(b"b\xFFd".to_vec()))
        );
    }

    #[test]
    fn reading_ends_when_nobody_takes_the_lines() {
        let (sender, receiver) = sync_channel(1);
        drop(receiver);
        // Would run for ever if it did not notice.
        read_messages(
            BufReader::new(io::repeat(b'\n')),
            reading(false),
            &sender,
            || {},
        );
    }

    #[test]
    fn without_a_delimiter_the_first_end_is_the_last() {
        /// Goes on behind an end, as a terminal does.
        struct Terminal(std::vec::IntoIter<&'static [u8]>);
        impl Read for Terminal {
            fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
                let piece = self.0.next().unwrap_or_default();
                to[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        let (sender, receiver) = sync_channel(10);
        let all = Reading {
            delimiter: Delimiter::None,
            ..reading(false)
        };
        let typed = Terminal(vec![&b"a\nb"[..], b"", b"c", b""].into_iter());
        read_messages(BufReader::new(typed), all, &sender, || {});
        let inputs: Vec<Input> = receiver.try_iter().collect();
        let [Input::Batch(batch), Input::End] = &inputs[..] else {
            panic!("{inputs:?}")
        };
        assert_eq!(batch, &[Outgoing::Text(String::from("a\nb"))]);
    }

    #[test]
    fn a_command_is_one_only_where_commands_are_taken() {
        let (sender, receiver) = sync_channel(10);
        let commands = Reading {
            commands: true,
            ..reading(false)
        };
        let bytes = &b"/ping a\n//b\n/nonsense\n"[..];
        read_messages(BufReader::new(bytes), commands, &sender, || {});
        let inputs: Vec<Input> = receiver.try_iter().collect();
        let [Input::Batch(batch), Input::Failed(failure)] = &inputs[..] else {
            panic!("{inputs:?}")
        };
        let expected = [
            Outgoing::Ping(b"a".to_vec()),
            Outgoing::Text(String::from("/b")),
        ];
        assert_eq!(batch, &expected);
        assert!(failure.text.contains("line 3 of stdin"), "{failure}");
        read_messages(
            BufReader::new(&b"/ping a\n"[..]),
            reading(false),
            &sender,
            || {},
        );
        let inputs: Vec<Input> = receiver.try_iter().collect();
        assert!(
            matches!(&inputs[0], Input::Batch(batch) if batch[0] == Outgoing::Text(String::from("/ping a")))
        );
    }
}
