//! Where a redirect leads (RFC 3986 §5), and whether secrets may go there.

use super::{Address, AddressProblem, encode_target, parse};

impl Address {
    /// The address that `location` means, seen from this one; `http` counts as `ws`, a fragment is left out.
    pub(crate) fn join(&self, location: &str) -> Result<Self, AddressProblem> {
        let location = location.split('#').next().unwrap_or_default();
        if let Some((scheme, rest)) = location.split_once("://")
            && !scheme.contains(['/', '?'])
        {
            let scheme = match scheme.to_ascii_lowercase().as_str() {
                "http" => "ws",
                "https" => "wss",
                _ => scheme,
            };
            return parse(&format!("{scheme}://{rest}"));
        }
        if let Some(rest) = location.strip_prefix("//") {
            let scheme = if self.secure { "wss" } else { "ws" };
            return parse(&format!("{scheme}://{rest}"));
        }
        let (path, _) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let target = match location.chars().next() {
            None => self.target.clone(),
            Some('/') => location.to_owned(),
            Some('?') => format!("{path}{location}"),
            Some(_) => {
                let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
                format!("{folder}{location}")
            }
        };
        Ok(Self {
            target: encode_target(&without_dots(&target), 1)?,
            user_information: None,
            ..self.clone()
        })
    }

    /// Whether what is told to this endpoint may be told to `other` too: the same host and port, never less encrypted.
    pub(crate) fn trusts_with_secrets(&self, other: &Self) -> bool {
        let is_upgrade = !self.secure && other.secure && self.port() == 80 && other.port() == 443;
        let is_same = self.secure == other.secure && self.port() == other.port();
        self.host == other.host && (is_same || is_upgrade)
    }

    /// Takes the user information of `other`, if it has none of its own.
    pub(crate) fn keep_login_of(&mut self, other: &Self) {
        if self.user_information.is_none() {
            self.user_information.clone_from(&other.user_information);
        }
    }
}

/// The target without `.` and `..` in its path (§5.2.4).
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, location: &str) -> String {
        let base = Address::parse(base).unwrap();
        base.join(location).unwrap().to_string()
    }

    #[test]
    fn locations_are_read_as_browsers_read_them() {
        let base = "ws://h:81/a/b/c?x=1";
        for (location, expected) in [
            ("wss://other/y", "wss://other/y"),
            ("https://other", "wss://other"),
            ("HTTP://other:90/#part", "ws://other:90"),
            ("//other/y", "ws://other/y"),
            ("/y?z", "ws://h:81/y?***"),
            ("?z=2", "ws://h:81/a/b/c?z=***"),
            ("d", "ws://h:81/a/b/d"),
            ("../d/./e/..", "ws://h:81/a/d/"),
            ("../../../../d", "ws://h:81/d"),
            ("d?next=http://z/", "ws://h:81/a/b/d?next=***"),
            ("", "ws://h:81/a/b/c?x=***"),
            ("/ж", "ws://h:81/%D0%B6"),
        ] {
            assert_eq!(joined(base, location), expected, "{location}");
        }
        let base = Address::parse(base).unwrap();
        for location in ["ftp://h/", "ws://", "/a b", "ws://h:p/"] {
            assert!(base.join(location).is_err(), "{location}");
        }
    }

    ///
    #[test]
    fn secrets_stay_on_their_host_and_are_never_less_encrypted() {
        let trusts = |from: &str, to: &str| {
            let (from, to) = (Address::parse(from).unwrap(), Address::parse(to).unwrap());
            from.trusts_with_secrets(&to)
        };
        assert!(trusts("ws://h/a", "ws://h:80/b"));
        assert!(trusts("ws://h/a", "wss://H/b"));
        assert!(trusts("wss://h:7/a", "wss://h:7/b"));
        assert!(!trusts("ws://h", "ws://other"));
        assert!(!trusts("ws://h", "ws://h.other"));
        assert!(!trusts("ws://h:7", "ws://h:8"));
        assert!(!trusts("ws://h:7", "wss://h:8"));
        assert!(!trusts("wss://h", "ws://h"));
    }
}
