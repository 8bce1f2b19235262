//! Which stream is coloured, and how.

use std::env;

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// In pipes and files too
    Always,
    /// Nowhere
    Never,
}

impl ColourChoice {
    /// Whether a stream gets colours.
    pub(crate) fn applies(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !is_refused() && can_show_colours(),
        }
    }
}

/// <https://no-color.org>: set and not empty.
fn is_refused() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether a terminal, if there is one, takes the sequences that move its cursor.
pub(crate) fn can_move_cursor() -> bool {
    env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The console of old Windows shows the sequences instead; what came after it says who it is.
fn can_show_colours() -> bool {
    let is_set = |name| env::var_os(name).is_some();
    can_move_cursor() && (!cfg!(windows) || is_set("WT_SESSION") || is_set("TERM"))
}

/// What is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A text message that came in.
    Text,
    /// A binary message that came in.
    Binary,
    /// What we send.
    Out,
    /// Times and status: beside the point.
    Dim,
    /// What failed.
    Error,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Text => "\u{1b}[36m",
            Self::Binary => "\u{1b}[35m",
            Self::Out => "\u{1b}[32m",
            Self::Dim => "\u{1b}[2m",
            Self::Error => "\u{1b}[1;31m",
        }
    }

    /// `text` in this colour if `coloured`. Every line by itself: a pager or a prompt may cut between two.
    pub(crate) fn paint(self, text: &str, coloured: bool) -> String {
        if !coloured || text.is_empty() {
            return text.to_owned();
        }
        let lines: Vec<String> = text
            .split('\n')
            .map(|line| match line {
                "" => String::new(),
                line => format!("{}{line}\u{1b}[0m", self.code()),
            })
            .collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_coloured_by_itself_or_none_is() {
        assert_eq!(
            Ink::Out.paint("a\n\nb\n", true),
            "\u{1b}[32ma\u{1b}[0m\n\n\u{1b}[32mb\u{1b}[0m\n"
        );
        assert_eq!(Ink::Out.paint("a\nb", false), "a\nb");
    }

    #[test]
    fn always_and_never_do_not_ask_what_the_stream_is() {
        for is_terminal in [true, false] {
            assert!(ColourChoice::Always.applies(is_terminal));
            assert!(!ColourChoice::Never.applies(is_terminal));
        }
        assert!(!ColourChoice::Auto.applies(false));
    }
}
