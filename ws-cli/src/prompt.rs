//! The line that is typed on a terminal: editing, history on disk, and messages that appear above it.
//!
//! ```text
//! keys → thread: rustyline → Input → the command's loop        loop: screen → printer → above the line being typed
//!                  └ history file                                end:  screen::release → the terminal as it was
//! ```
//!
//! Invariant: the terminal is given back as it was found, also when the connection ends while a line is being typed.
//! Tested over a pseudo-terminal in `tests/it/cli_prompt.rs`.

mod gate;
mod history;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, Config, Editor};

use self::gate::{Gate, Typist};
use self::history::History;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::outgoing::{Input, Outgoing};
use crate::output::{Ink, can_move_cursor, screen};
use crate::signals::Signals;
use crate::slash;
use crate::stdin::Messages;

type Line = Editor<Typist, FileHistory>;

/// Lines kept on disk.
const HISTORY_LINES: usize = 1000;

/// How lines are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typing {
    /// Lines are sent as binary messages.
    pub(crate) binary: bool,
    pub(crate) coloured: bool,
}

/// Whether a person sits at both ends of this terminal and it can move its cursor.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && can_move_cursor()
}

/// Shows the prompt from now on; `wake` is called after each line, and Ctrl-C is told to `signals`.
///
/// # Errors
/// When the terminal cannot be used, or the system gives no thread.
pub(crate) fn start(
    typing: Typing,
    signals: &Signals,
    wake: impl Fn() + Send + 'static,
) -> Result<Messages, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        let text = format!("cannot edit lines on this terminal: {error}; TERM=dumb does without");
        Failure::new(Exit::Other, "internal", text)
    };
    let config = Config::builder()
        .max_history_size(HISTORY_LINES)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(|error| failed(&error))?
        // As in shells: what begins with a space, perhaps a secret, is not kept.
        .history_ignore_space(true)
        .auto_add_history(true)
        // The prompt has its colour from us, or none; what is asked for here is that the gate hears of each drawing.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor = Line::with_config(config).map_err(|error| failed(&error))?;
    let gate = Arc::new(Gate::default());
    editor.set_helper(Some(Typist::new(Arc::clone(&gate))));
    let printer = editor
        .create_external_printer()
        .map_err(|error| failed(&error))?;
    screen::take_over(gate::Screen::new(printer, Arc::clone(&gate)));
    let (sender, receiver) = channel();
    let signals = signals.clone();
    thread::Builder::new()
        .name(String::from("prompt"))
        .spawn(move || {
            screen::mark_typing_thread();
            let history = History::open(&mut editor);
            read_lines(
                &mut editor,
                &gate,
                &history,
                typing,
                &signals,
                &sender,
                wake,
            );
        })
        .map_err(|error| failed(&error))?;
    Ok(Messages::new(receiver))
}

fn read_lines(
    editor: &mut Line,
    gate: &Gate,
    history: &History,
    typing: Typing,
    signals: &Signals,
    sender: &Sender<Input>,
    wake: impl Fn(),
) {
    let prompt = ("> ", Ink::Out.paint("> ", typing.coloured));
    loop {
        let line = editor.readline(&prompt);
        gate.leave_line();
        let input = match line {
            Ok(line) => {
                history.keep(editor);
                match outgoing(&line, typing.binary) {
                    Some(message) => Input::Batch(vec![message]),
                    None => continue,
                }
            }
            Err(ReadlineError::Interrupted) => {
                signals.interrupt();
                return;
            }
            Err(ReadlineError::Eof) => Input::End,
            Err(error) => Input::Failed(Failure::new(
                Exit::Other,
                "internal",
                format!("cannot read from the terminal: {error}"),
            )),
        };
        let is_last = !matches!(input, Input::Batch(_));
        let taken = sender.send(input).is_ok();
        wake();
        if is_last || !taken {
            return;
        }
    }
}

/// What a line asks for; `None` if it is empty or its answer is shown already.
fn outgoing(line: &str, binary: bool) -> Option<Outgoing> {
    if line.is_empty() {
        return None;
    }
    if !line.starts_with('/') {
        return Some(match binary {
            true => Outgoing::Binary(line.as_bytes().to_vec()),
            false => Outgoing::Text(line.to_owned()),
        });
    }
    match slash::parse(line.as_bytes(), binary) {
        Ok(Some(message)) => return Some(message),
        Ok(None) => screen::print_error_line(slash::HELP),
        Err(text) => screen::print_error_line(&text),
    }
    None
}
