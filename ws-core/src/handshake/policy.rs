//! Who may connect: rules for `Origin` and `Host`.
//!
//! A browser sends its page's origin and cannot be told not to, so a foreign page is recognised. A page whose name
//! was made to resolve to this machine (DNS rebinding) is recognised by its name in `Host`.

use super::answer::HttpAnswer;
use super::authority::Authority;
use super::error::HandshakeError;
use super::request::Request;
use super::write::shown;

/// Decides by `Origin` and `Host` whether a request may go on. The default is strict.
///
/// RFC 6455 [§10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Which origins may connect. Default: [`OriginRule::SameHost`].
    pub origins: OriginRule,
    /// Which names this server answers to. Default: [`HostRule::GuardLoopback`].
    pub hosts: HostRule,
}

/// Which `Origin` is let in. A request without one, so not of a browser, always is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginRule {
    /// The one whose host name equals that of the `Host` header, port and scheme aside.
    #[default]
    SameHost,
    /// Any.
    Any,
    /// Exactly these, as `scheme://host[:port]` (the scheme's port if it has none) or `null`.
    List(Vec<String>),
}

/// Which `Host` is answered to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostRule {
    /// Loopback names only (`localhost`, `*.localhost`, 127.0.0.0/8, `[::1]`) where the server is bound to loopback;
    /// any name otherwise.
    #[default]
    GuardLoopback,
    /// Any.
    Any,
    /// These, as `name` (with any port) or `name:port`; where the server is bound to loopback, loopback names too.
    List(Vec<String>),
}

impl Policy {
    /// Creates the strict policy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the policy that lets everyone in: any page a user visits may then connect.
    pub fn dangerous_allow_all() -> Self {
        Self {
            origins: OriginRule::Any,
            hosts: HostRule::Any,
        }
    }

    /// Returns whether neither origins nor hosts are checked.
    pub fn allows_all(&self) -> bool {
        self.origins == OriginRule::Any && self.hosts == HostRule::Any
    }

    /// Sets which origins may connect.
    #[must_use]
    pub fn origins(mut self, rule: OriginRule) -> Self {
        self.origins = rule;
        self
    }

    /// Sets which names this server answers to.
    #[must_use]
    pub fn hosts(mut self, rule: HostRule) -> Self {
        self.hosts = rule;
        self
    }

    /// Checks that every listed entry can match something; meant for the start of a server.
    ///
    /// # Errors
    /// [`HandshakeError::InvalidRule`] with the first entry that cannot, such as an origin without a scheme.
    pub fn validate(&self) -> Result<(), HandshakeError> {
        let origins = match &self.origins {
            OriginRule::List(entries) => entries.as_slice(),
            OriginRule::SameHost | OriginRule::Any => &[],
        };
        let hosts = match &self.hosts {
            HostRule::List(entries) => entries.as_slice(),
            HostRule::GuardLoopback | HostRule::Any => &[],
        };
        let bad_origin = origins
            .iter()
            .find(|entry| *entry != "null" && Origin::parse(entry).is_none());
        let bad_host = hosts.iter().find(|entry| Authority::parse(entry).is_none());
        match bad_origin.or(bad_host) {
            Some(entry) => Err(HandshakeError::InvalidRule {
                entry: shown(entry),
            }),
            None => Ok(()),
        }
    }

    /// Checks a request against both rules.
    ///
    /// # Errors
    /// The refusal to write: 403. Its text shows nothing of the request.
    pub fn check(&self, request: &Request, bound_to_loopback: bool) -> Result<(), HttpAnswer> {
        let Some(host) = request.host().and_then(Authority::parse) else {
            return Err(HttpAnswer::new(
                400,
                "request needs exactly one valid Host header",
            ));
        };
        if !self.allows_host(&host, bound_to_loopback) {
            return Err(HttpAnswer::new(
                403,
                "this server does not answer to the name in the Host header",
            ));
        }
        let mut origins = request.header_all("origin");
        let allows = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => self.allows_origin(origin, &host),
            // Two origins are none to rely on.
            (Some(_), Some(_)) => self.origins == OriginRule::Any,
        };
        if allows {
            Ok(())
        } else {
            Err(HttpAnswer::new(403, "pages of this origin may not connect"))
        }
    }

    fn allows_host(&self, host: &Authority<'_>, bound_to_loopback: bool) -> bool {
        match &self.hosts {
            HostRule::Any => true,
            HostRule::GuardLoopback => !bound_to_loopback || host.is_loopback(),
            HostRule::List(entries) => {
                (bound_to_loopback && host.is_loopback())
                    || entries
                        .iter()
                        .filter_map(|entry| Authority::parse(entry))
                        .any(|entry| {
                            entry.is_same_host(host)
                                && (entry.port().is_none() || entry.port() == host.port())
                        })
            }
        }
    }

    fn allows_origin(&self, origin: &str, host: &Authority<'_>) -> bool {
        match &self.origins {
            OriginRule::Any => true,
            OriginRule::SameHost => {
                Origin::parse(origin).is_some_and(|origin| origin.authority.is_same_host(host))
            }
            OriginRule::List(entries) => entries.iter().any(|entry| {
                if entry == "null" || origin == "null" {
                    return entry == origin;
                }
                match (Origin::parse(entry), Origin::parse(origin)) {
                    (Some(entry), Some(origin)) => entry.is_same(&origin),
                    _ => false,
                }
            }),
        }
    }
}

/// An origin, as browsers write it.
///
/// RFC 6454 §6.2
struct Origin<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    /// Reads `scheme://host[:port]`; `null`, a list, a path or user info are none.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let mut bytes = scheme.bytes();
        let is_scheme = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !is_scheme {
            return None;
        }
        Some(Self {
            scheme,
            authority: Authority::parse(authority)?,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && self.authority.is_same_host(&other.authority)
            && self.port() == other.port()
    }

    fn port(&self) -> Option<u16> {
        self.authority.port().or_else(|| {
            let defaults = [("http", 80), ("https", 443)];
            defaults
                .iter()
                .find(|(scheme, _)| self.scheme.eq_ignore_ascii_case(scheme))
                .map(|&(_, port)| port)
        })
    }
}

#[cfg(test)]
mod tests;
