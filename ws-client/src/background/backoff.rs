//! When to connect again: exponential backoff with full jitter, without a clock of its own.

use std::time::Duration;

use ws_core::CloseCode;

use super::config::Reconnect;
use crate::error::{Cause, Error, ErrorKind};
use crate::net::tcp::random;

/// Decides whether and when to connect again, for programs that reconnect a [`Client`](crate::Client) by themselves.
///
/// A [`BackgroundClient`](crate::BackgroundClient) has one of its own.
///
/// # Examples
///
/// ```no_run
/// use ws_client::{Backoff, Client, Reconnect};
///
/// let mut backoff = Backoff::new(Reconnect::default());
/// let client = loop {
///     match Client::connect("ws://127.0.0.1:9894") {
///         Ok(client) => break client,
///         Err(error) if backoff.retries_after(&error) => match backoff.next_delay() {
///             Some(delay) => std::thread::sleep(delay),
///             None => return Err(error),
///         },
///         Err(error) => return Err(error),
///     }
/// };
/// # Ok::<(), ws_client::Error>(())
/// ```
#[derive(Debug)]
pub struct Backoff {
    config: Reconnect,
    attempt: u32,
}

impl Backoff {
    /// Begins without an attempt made. Messages to repeat are the caller's own affair.
    pub fn new(config: Reconnect) -> Self {
        Self { config, attempt: 0 }
    }

    pub(super) fn config(&self) -> &Reconnect {
        &self.config
    }

    /// The number of the running or last attempt; 0 = none was needed.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Takes note that a connection has ended that was open for so long: the count begins anew if that was
    /// [`Reconnect::max_delay`] at least.
    pub fn handle_end(&mut self, open_for: Duration) {
        // A server that accepts and then closes at once is not to be hammered.
        if open_for >= self.config.max_delay {
            self.attempt = 0;
        }
    }

    /// Counts one more attempt, and says how long to wait before it; `None` if there was the last one.
    pub fn next_delay(&mut self) -> Option<Duration> {
        self.delay_for(random())
    }

    /// True if trying again may help: the connection was lost, or could not be made for a reason that may pass.
    pub fn retries_after(&self, error: &Error) -> bool {
        if error.is_about_dialling() {
            Self::retries_after_dial(error)
        } else {
            self.retries_after_end(error.cause())
        }
    }

    /// True if [`Reconnect::close_codes`] has this code of the peer's Close.
    pub fn retries_after_close(&self, code: CloseCode) -> bool {
        self.config.close_codes.contains(&code)
    }

    /// As [`Backoff::next_delay`], with a random number of the caller's.
    pub(super) fn delay_for(&mut self, random: u64) -> Option<Duration> {
        if self.attempt >= self.config.max_attempts {
            return None;
        }
        let factor = 1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX);
        let longest = self.config.first_delay.saturating_mul(factor);
        let longest = longest.min(self.config.max_delay);
        self.attempt = self.attempt.saturating_add(1);
        let nanos = longest.as_nanos().saturating_mul(u128::from(random)) >> u64::BITS;
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }

    pub(super) fn retries_after_end(&self, cause: &Cause) -> bool {
        match cause {
            Cause::Lost(_) | Cause::Silent(_) => self.retries_after_close(CloseCode::ABNORMAL),
            Cause::Closed(close) => self.retries_after_close(close.code),
            _ => false,
        }
    }

    pub(super) fn retries_after_dial(error: &Error) -> bool {
        let is_final = matches!(
            error.kind(),
            ErrorKind::BadAddress
                | ErrorKind::Usage
                | ErrorKind::Certificate
                | ErrorKind::ProxyAuth
        );
        !is_final && !matches!(error.status(), Some(401 | 403 | 407))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Close;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_bound_doubles_up_to_its_limit_and_the_wait_is_spread_over_all_of_it() {
        let longest = |attempts: usize| {
            let mut backoff = Backoff::new(Reconnect::default());
            let delays = (0..attempts).map(|_| backoff.delay_for(u64::MAX).unwrap());
            delays.map(|d| d.as_secs_f64().round()).collect::<Vec<_>>()
        };
        assert_eq!(longest(8), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(longest(100).last(), Some(&60.0));
        let mut backoff = Backoff::new(Reconnect::default());
        assert_eq!(backoff.delay_for(0), Some(Duration::ZERO));
        assert_eq!(backoff.delay_for(u64::MAX / 2 + 1), Some(seconds(1)));
        assert_eq!(
            backoff.delay_for(u64::MAX / 4 + 1),
            Some(seconds(1)),
            "a quarter of 4 s"
        );
    }

    #[test]
    fn gives_up_after_its_attempts_which_count_anew_after_a_connection_that_held() {
        let mut backoff = Backoff::new(Reconnect::default().max_attempts(2));
        assert!(backoff.delay_for(1).is_some() && backoff.delay_for(1).is_some());
        backoff.handle_end(seconds(59));
        assert_eq!(backoff.delay_for(1), None);
        backoff.handle_end(seconds(60));
        assert!(backoff.delay_for(1).is_some());
        assert_eq!(backoff.attempt(), 1);
    }

    #[test]
    fn comes_back_after_a_loss_but_not_after_a_farewell() {
        let backoff = Backoff::new(Reconnect::default());
        let closed = |code| {
            Cause::Closed(Close {
                code: CloseCode::new(code),
                reason: String::new(),
            })
        };
        for code in [1001, 1005, 1011, 1012, 1013, 1014] {
            assert!(backoff.retries_after_end(&closed(code)), "{code}");
        }
        for code in [1000, 1002, 1003, 1007, 1008, 1009, 4000] {
            assert!(!backoff.retries_after_end(&closed(code)), "{code}");
        }
        assert!(backoff.retries_after_end(&Cause::Silent(seconds(20))));
        assert!(!backoff.retries_after_end(&Cause::Internal("")));
        let backoff = Backoff::new(Reconnect::default().close_codes([CloseCode::new(1012)]));
        assert!(backoff.retries_after_end(&closed(1012)));
        assert!(!backoff.retries_after_end(&Cause::Silent(seconds(20))));
    }
}
