//! What is wrong with an address, where, and what to write instead.

use std::fmt;

/// What is wrong with an address; holds nothing of the address but one harmless character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AddressProblem {
    Empty,
    NoScheme,
    HttpScheme {
        secure: bool,
    },
    OtherScheme,
    NoHost,
    Fragment {
        position: usize,
    },
    Character {
        position: usize,
        shown: char,
        part: Part,
    },
    Percent {
        position: usize,
        part: Part,
    },
    Port,
    Ipv6,
}

/// The part of an address in which something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    UserInformation,
    Host,
    Path,
    Query,
}

impl AddressProblem {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::NoHost | Self::OtherScheme => {
                "write ws://host[:port][/path] or wss://host[:port][/path]"
            }
            Self::NoScheme => "write ws:// or wss:// in front of it",
            Self::HttpScheme { secure: false } => "use ws:// instead of http://",
            Self::HttpScheme { secure: true } => "use wss:// instead of https://",
            Self::Fragment { .. } => "leave it out, or write %23 for a # that belongs to the path",
            Self::Percent { .. } => "write %25 for a percent sign",
            Self::Character {
                part: Part::Host,
                shown,
                ..
            } if !shown.is_ascii() => "write an international host name in its ASCII form (xn--…)",
            Self::Character {
                part: Part::Path | Part::Query,
                shown: ' ',
                ..
            } => "write %20 for a space",
            Self::Character { .. } => return None,
            Self::Port => "a port is a number from 1 to 65,535",
            Self::Ipv6 => "an IPv6 address stands in brackets, as in ws://[::1]:9894/",
        })
    }
}

impl fmt::Display for AddressProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::NoScheme => f.write_str("no scheme"),
            Self::HttpScheme { secure } => {
                let scheme = if *secure { "https" } else { "http" };
                write!(f, "the scheme is {scheme}, not ws or wss")
            }
            Self::OtherScheme => f.write_str("the scheme is neither ws nor wss"),
            Self::NoHost => f.write_str("no host"),
            Self::Fragment { position } => {
                write!(f, "a fragment (# at character {position}) is not allowed")
            }
            Self::Character {
                position,
                part: Part::UserInformation,
                ..
            } => write!(
                f,
                "character {position}, in the user information, is not allowed"
            ),
            Self::Character {
                position,
                shown,
                part,
            } => write!(
                f,
                "{shown:?} at character {position} is not allowed in the {part}"
            ),
            Self::Percent { position, part } => write!(
                f,
                "the percent sign at character {position}, in the {part}, is not followed by two hexadecimal digits"
            ),
            Self::Port => f.write_str("bad port"),
            Self::Ipv6 => f.write_str("bad IPv6 address"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserInformation => "user information",
            Self::Host => "host",
            Self::Path => "path",
            Self::Query => "query",
        })
    }
}
