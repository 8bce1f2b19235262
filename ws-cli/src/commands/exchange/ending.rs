//! How an exchange ends: who closed, what that says about what was asked for, and the exit code of it.

use std::time::Duration;

use ws_client::{Close, CloseCode, Config, Error, Message};

use super::{Exchange, line};
use crate::commands::target::failure;
use crate::duration::Patience;
use crate::exit::Exit;
use crate::failure::{Failure, Stop};
use crate::output::{Direction, Event, screen};

/// Why this side closes.
pub(super) enum Ending {
    /// Nothing has arrived for a while, or it was asked for at the prompt.
    Silence,
    Counted,
    Interrupted,
    Failed(Failure),
}

impl Exchange<'_> {
    /// The peer began the closing handshake; the client has answered it.
    pub(super) fn closed_by_peer(&mut self, close: &Close) -> Result<Exit, Stop> {
        self.print_close(Direction::In, close.code, &close.reason)?;
        self.output.flush()?;
        screen::release();
        let shown = shown(close);
        let address = self.client.address();
        let is_unsent = self.unsent || !self.outbox.is_empty();
        if is_unsent && self.sends_one {
            let text = format!(
                "the message was not sent: {address} closed the connection first with {shown}"
            );
            return Err(Failure::new(Exit::Closed, "closed", text)
                .with_code(Some(close.code.as_u16()))
                .into());
        }
        if is_well(close.code) {
            let unsent = if is_unsent {
                "; not everything was sent"
            } else {
                ""
            };
            self.output
                .status(format_args!("closed by the peer with {shown}{unsent}"));
            return Ok(Exit::Done);
        }
        let text = format!("{address} closed the connection with {shown}");
        Err(Failure::new(Exit::Closed, "closed", text)
            .with_code(Some(close.code.as_u16()))
            .into())
    }

    /// Closes, prints what still arrives before the peer's Close, and says how it ended.
    pub(super) fn close(&mut self, ending: Ending) -> Result<Exit, Stop> {
        let (code, reason) = self.rules.close.clone();
        let result = self.shake_hands();
        self.print_close(Direction::Out, code, &reason)?;
        let mut answer = None;
        while let Ok(Some(message)) = self.client.receive(Duration::ZERO) {
            let surplus =
                self.is_counted() && matches!(message, Message::Text(_) | Message::Binary(_));
            if !surplus {
                self.print(&message)?;
            }
            if let Message::Close(close) = message {
                answer = Some(close);
                break;
            }
        }
        self.output.flush()?;
        screen::release();
        match ending {
            Ending::Counted => Ok(Exit::Done),
            Ending::Interrupted => Ok(Exit::Interrupted),
            Ending::Failed(failure) => Err(failure.into()),
            Ending::Silence => self.closed_by_us(code, answer.as_ref(), result),
        }
    }

    /// Does the closing handshake, which has no more time than the command.
    pub(super) fn shake_hands(&mut self) -> Result<(), Error> {
        if let Some(left) = self.dialler.time_left() {
            let timeout = Config::default().close_timeout;
            self.client.set_close_timeout(timeout.min(left));
        }
        let (code, reason) = &self.rules.close;
        self.client.close(*code, reason)
    }

    /// After silence: did the peer answer, and had everything come that was asked for?
    fn closed_by_us(
        &self,
        code: CloseCode,
        answer: Option<&Close>,
        result: Result<(), Error>,
    ) -> Result<Exit, Stop> {
        if let Some(close) = answer.filter(|close| !is_well(close.code) && close.code != code) {
            let text = format!(
                "{} closed the connection with {}",
                self.client.address(),
                shown(close)
            );
            return Err(Failure::new(Exit::Closed, "closed", text)
                .with_code(Some(close.code.as_u16()))
                .into());
        }
        result.map_err(|error| failure(&error))?;
        if let Some(count) = self.rules.count.filter(|_| !self.is_counted()) {
            let (received, address) = (self.received, self.client.address());
            let text = format!(
                "{received} of {count} messages arrived from {address} before it fell silent"
            );
            return Err(
                Failure::timeout(format!("{text}; --wait sets how long silence may last")).into(),
            );
        }
        match self.rules.patience {
            Patience::For(wait) if !wait.is_zero() && self.silent_since.is_some() => {
                let status =
                    format_args!("closed with {code} after {wait:?} of silence (see --wait)");
                self.output.status(status);
            }
            _ => self.output.status(format_args!("closed with {code}")),
        }
        Ok(Exit::Done)
    }

    pub(super) fn print_close(
        &mut self,
        direction: Direction,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), Stop> {
        self.output.event(&line(
            direction,
            &self.peer,
            Event::Close {
                code: code.as_u16(),
                reason,
            },
        ))
    }
}

/// Codes by which a peer says that nothing went wrong (RFC 6455 §7.4.1); 1005 stands for a Close without a code.
fn is_well(code: CloseCode) -> bool {
    [
        CloseCode::NORMAL,
        CloseCode::GOING_AWAY,
        CloseCode::NO_STATUS,
    ]
    .contains(&code)
}

/// Code and reason for people.
pub(super) fn shown(close: &Close) -> String {
    match (close.code, close.reason.as_str()) {
        (CloseCode::NO_STATUS, _) => String::from("no close code"),
        (code, "") => format!("close code {code}"),
        (code, reason) => format!("close code {code} ({reason})"),
    }
}
