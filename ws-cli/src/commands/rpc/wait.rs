//! Calls that may wait for something to arrive.

use std::time::{Duration, Instant};

use ws_ffi::dispatch::{Default, Function, Value};

use super::lane::Queue;

/// Longer timeouts are cut to this by the contract.
const LONGEST_MS: f64 = 2_147_483_647.0;

/// How a function waits.
#[derive(Debug, PartialEq)]
pub(super) struct Wait {
    /// What it takes from.
    pub(super) queue: Queue,
    /// How long at most; not zero.
    pub(super) timeout: Duration,
    /// Which argument says so.
    place: usize,
}

impl Wait {
    /// How `function` would wait with these arguments; `None` if it takes nothing, or is not to wait.
    pub(super) fn of(function: &Function, arguments: &[Value]) -> Option<Self> {
        let place = function.argument("Timeout")?;
        let Default::Number(default) = function.arguments().nth(place)?.default else {
            return None;
        };
        let milliseconds = match arguments.get(place) {
            None | Some(Value::Undefined) => default,
            // What is no number is an error, for which nobody waits.
            Some(value) => value.to_number().unwrap_or(0.0),
        };
        let milliseconds = if milliseconds < 0.0 {
            default
        } else {
            milliseconds
        };
        if milliseconds < 1.0 {
            return None;
        }
        let queue = function
            .argument("ConnectionID")
            .and_then(|place| arguments.get(place)?.as_text())
            .map(str::to_lowercase);
        Some(Self {
            queue,
            timeout: Duration::from_secs_f64(milliseconds.min(LONGEST_MS) / 1000.0),
            place,
        })
    }

    /// Lets the call wait until `deadline` and no longer.
    pub(super) fn until(&self, deadline: Instant, arguments: &mut [Value]) {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: a call must not come back before its time.
        self.set((left.as_secs_f64() * 1000.0).ceil(), arguments);
    }

    /// Lets the call only look.
    pub(super) fn not_at_all(&self, arguments: &mut [Value]) {
        self.set(0.0, arguments);
    }

    fn set(&self, milliseconds: f64, arguments: &mut [Value]) {
        if let Some(timeout) = arguments.get_mut(self.place) {
            *timeout = Value::Number(milliseconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use ws_ffi::dispatch::find;

    use super::*;

    fn wait(name: &str, arguments: &[Value]) -> Option<Wait> {
        Wait::of(find(name).unwrap(), arguments)
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn milliseconds(timeout: Value) -> Option<u128> {
        Some(wait("GetMessage", &[timeout])?.timeout.as_millis())
    }

    #[test]
    fn a_timeout_is_read_as_the_contract_says() {
        assert_eq!(milliseconds(Value::Undefined), Some(10_000));
        assert_eq!(milliseconds(Value::Number(250.0)), Some(250));
        assert_eq!(milliseconds(text("250")), Some(250));
        assert_eq!(milliseconds(text("5 000")), Some(5000));
        assert_eq!(milliseconds(Value::Number(-1.0)), Some(10_000));
        assert_eq!(milliseconds(Value::Number(1e300)), Some(2_147_483_647));
        for none in [
            Value::Number(0.0),
            text("0"),
            text("soon"),
            text("NaN"),
            text("inf"),
            text("1e3"),
            Value::Number(f64::INFINITY),
            Value::Boolean(true),
        ] {
            assert_eq!(milliseconds(none.clone()), None, "{none:?}");
        }
    }

    #[test]
    fn who_takes_from_one_connection_waits_in_its_line() {
        let next = wait("GetNextConnectionData", &[]).unwrap();
        assert_eq!((next.queue, next.timeout), (None, Duration::from_secs(1)));
        let one = wait("GetConnectionData", &[text("6F1C")]).unwrap();
        assert_eq!(one.queue.as_deref(), Some("6f1c"));
        assert_eq!(wait("SendTextMessage", &[text("x")]), None);
        assert_eq!(wait("GetConnectionList", &[]), None);
    }

    #[test]
    fn only_the_timeout_is_changed() {
        let mut arguments = vec![text("id"), Value::Number(50.0), Value::Undefined];
        let wait = wait("GetConnectionData", &arguments).unwrap();
        wait.not_at_all(&mut arguments);
        assert_eq!(
            arguments,
            [text("id"), Value::Number(0.0), Value::Undefined]
        );
        wait.until(Instant::now() + Duration::from_secs(3), &mut arguments);
        assert!(matches!(arguments[1], Value::Number(left) if (2900.0..=3000.0).contains(&left)));
    }
}
