//! Durations as the user writes them: a bare number is seconds, or with suffix `ms`, `s` or `m`.

use std::time::Duration;

/// The longest duration taken: about a hundred years, so that adding it to an `Instant` cannot overflow.
const LONGEST_SECONDS: f64 = 3_155_760_000.0;

/// Reads a duration; decimals are allowed before every suffix.
///
/// # Errors
/// A text that says what is allowed, for an empty, negative or overlong number and an unknown suffix.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits_end);
    let scale = match suffix {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        _ => return Err(expected()),
    };
    // Only digits and points can reach the parser: no sign, no exponent, no NaN.
    let seconds = number.parse::<f64>().map_err(|_| expected())? * scale;
    if seconds > LONGEST_SECONDS {
        return Err(String::from("longer than 100 years"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads a duration after which something is done again and again: never zero, which would leave no pause.
///
/// # Errors
/// As [`parse`], and for zero.
pub(crate) fn parse_pause(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err(String::from("there must be a pause; 1ms is short")),
        pause => Ok(pause),
    }
}

/// How long silence may last before the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Closed after this much silence; zero closes at once.
    For(Duration),
    /// The peer closes.
    Forever,
}

impl Patience {
    /// Reads a duration or the word `forever`.
    ///
    /// # Errors
    /// As [`parse`].
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        parse(text).map(Self::For)
    }
}

fn expected() -> String {
    String::from("expected seconds (2, 0.5) or a number with ms, s or m (250ms, 2s, 5m)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_numbers_are_seconds_with_decimals() {
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(parse("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse(".25"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn suffixes_scale() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in [
            "", ".", "s", "-1", "+1", "1h", "1 s", "1e3", "NaN", "inf", "1.2.3", "forever", "٣",
        ] {
            assert!(parse(text).is_err(), "{text:?} must be refused");
        }
        assert!(parse("99999999999999999999m").is_err());
    }

    #[test]
    fn a_pause_is_never_zero() {
        assert_eq!(parse_pause("1ms"), Ok(Duration::from_millis(1)));
        for text in ["0", "0ms", "0.0000000001", "x"] {
            assert!(parse_pause(text).is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn patience_may_be_forever() {
        assert_eq!(Patience::parse("forever"), Ok(Patience::Forever));
        assert_eq!(Patience::parse("0"), Ok(Patience::For(Duration::ZERO)));
        assert!(Patience::parse("ever").is_err());
    }
}
