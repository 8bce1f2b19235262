//! Flags of a command: `--name value` pairs and a few switches, taken by name; what nobody takes is an error.

use crate::Failure;

/// Flags without a value.
const SWITCHES: [&str; 4] = ["plot", "quick", "update", "write"];

/// The flags that are still to be taken.
#[derive(Debug)]
pub(crate) struct Flags(Vec<(String, String)>);

impl Flags {
    /// Pairs up the arguments.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut pairs = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let Some(name) = argument.strip_prefix("--") else {
                return Err(format!("{argument:?} is no flag; try `cargo xtask help`"));
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None if SWITCHES.contains(&name) => (name.to_owned(), Some(String::new())),
                None => (name.to_owned(), arguments.next()),
            };
            let value = value.ok_or_else(|| format!("--{name} needs a value"))?;
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The value of `--name`, if it was given.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(index).1)
    }

    /// Whether `--name`, which has no value, was given.
    pub(crate) fn take_switch(&mut self, name: &str) -> bool {
        self.take(name).is_some()
    }

    /// The whole number after `--name`, or `default`.
    pub(crate) fn take_number(&mut self, name: &str, default: u32) -> Result<u32, Failure> {
        match self.take(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| format!("--{name} {text}: a whole number is needed")),
        }
    }

    /// An error if a flag is left that no command asked for.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(format!("no flag --{name} here; try `cargo xtask help`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Flags, Failure> {
        Flags::parse(words.iter().map(|&word| word.to_owned()))
    }

    #[test]
    fn takes_both_spellings_of_a_value() {
        let mut flags = parse(&["--role", "server", "--minutes=3"]).unwrap();
        assert_eq!(flags.take("role").as_deref(), Some("server"));
        assert_eq!(flags.take_number("minutes", 10), Ok(3));
        assert_eq!(flags.take_number("connections", 50), Ok(50));
        assert_eq!(flags.finish(), Ok(()));
    }

    #[test]
    fn a_switch_has_no_value() {
        let mut flags = parse(&["--quick", "--role", "server"]).unwrap();
        assert!(flags.take_switch("quick") && !flags.take_switch("plot"));
        assert_eq!(flags.take("role").as_deref(), Some("server"));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse(&["role"]).is_err());
        assert!(parse(&["--role"]).is_err());
        assert!(parse(&["--colour", "red"]).unwrap().finish().is_err());
        assert!(
            parse(&["--minutes", "x"])
                .unwrap()
                .take_number("minutes", 1)
                .is_err()
        );
    }
}
