//! Who may connect: user names with passwords and tokens, checked before the 101.
//!
//! Invariant: nothing of what a client shows, and nothing of the lists, gets into a log, an error or `Debug`.

use std::fmt;

use data_encoding::BASE64;
use subtle::ConstantTimeEq;
use ws_core::handshake::{HttpAnswer, Request};

/// The clients that may connect, by what they show in their opening handshake. All others get 401.
///
/// `Authorization: Basic` (RFC 7617) is compared with users and passwords, `Authorization: Bearer` (RFC 6750) with
/// tokens. Every entry is compared, each in a time that depends on the lengths alone. Plain HTTP requests to the port
/// need it as well, but for `/health`.
///
/// Without TLS everybody on the way can read what is shown.
///
/// # Examples
///
/// ```
/// use ws_server::{Auth, Config};
///
/// let config = Config::default().auth(
///     Auth::new()
///         .user("ada", "a long password")
///         .token("a long random token"),
/// );
/// assert_eq!(format!("{:?}", config.auth.unwrap()), "Auth { users: 1, tokens: 1, query_parameter: None, .. }");
/// ```
#[derive(Clone, Default)]
pub struct Auth {
    /// `user:password`.
    users: Vec<String>,
    tokens: Vec<String>,
    query_parameter: Option<String>,
}

impl Auth {
    /// Lets nobody in yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a user in who shows this password; the name has no `:`.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push(format!("{name}:{password}"));
        self
    }

    /// Lets in whoever shows this token.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// Also takes a token from a parameter of the address, `…?name=token`, percent-encoded where it must be.
    ///
    /// Browsers cannot set the header. But addresses end up in histories and in the logs of proxies.
    #[must_use]
    pub fn query_parameter(mut self, name: impl Into<String>) -> Self {
        self.query_parameter = Some(name.into());
        self
    }

    /// Says what is wrong with the lists, if something is.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.users.is_empty() && self.tokens.is_empty() {
            return Err("auth has neither a user nor a token: nobody could connect");
        }
        let is_empty = |entry: &String| entry.is_empty() || entry.starts_with(':');
        if self.users.iter().chain(&self.tokens).any(is_empty) {
            return Err("auth has an empty token or user name");
        }
        if self.query_parameter.is_some() && self.tokens.is_empty() {
            return Err("auth has a query parameter but no token to compare it with");
        }
        Ok(())
    }

    /// Tells whether a request shows what is needed.
    pub(crate) fn admit(&self, request: &Request) -> Result<(), HttpAnswer> {
        let mut shown = request
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value);
        let is_known = match (shown.next(), shown.next()) {
            (Some(value), None) => self.knows_header(value),
            (None, _) => self.knows_query(request.query()),
            (Some(_), Some(_)) => false,
        };
        if is_known {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    fn knows_header(&self, value: &str) -> bool {
        let Some((scheme, credentials)) = value.split_once(' ') else {
            return false;
        };
        let credentials = credentials.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = BASE64.decode(credentials.as_bytes());
            decoded.is_ok_and(|shown| is_among(&self.users, &shown))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            is_among(&self.tokens, credentials.as_bytes())
        } else {
            false
        }
    }

    fn knows_query(&self, query: Option<&str>) -> bool {
        let (Some(name), Some(query)) = (&self.query_parameter, query) else {
            return false;
        };
        let mut shown = query.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then_some(value)
        });
        let (Some(value), None) = (shown.next(), shown.next()) else {
            return false;
        };
        percent_decode(value).is_some_and(|shown| is_among(&self.tokens, &shown))
    }

    fn refusal(&self) -> HttpAnswer {
        let mut answer = HttpAnswer::new(401, "a known user or token is needed");
        let challenges = [
            (!self.users.is_empty()).then_some(r#"Basic realm="WebSocket", charset="UTF-8""#),
            (!self.tokens.is_empty()).then_some(r#"Bearer realm="WebSocket""#),
        ];
        for challenge in challenges.into_iter().flatten() {
            let plain = answer.clone();
            let with_challenge = answer.with_header("WWW-Authenticate", challenge);
            answer = with_challenge.unwrap_or(plain);
        }
        answer
    }
}

/// Shows figures only.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("users", &self.users.len())
            .field("tokens", &self.tokens.len())
            .field("query_parameter", &self.query_parameter)
            .finish_non_exhaustive()
    }
}

/// Compares with every entry, so that the time does not tell which one it was nearly.
fn is_among(list: &[String], shown: &[u8]) -> bool {
    let mut found = subtle::Choice::from(0);
    for entry in list {
        found |= entry.as_bytes().ct_eq(shown);
    }
    found.into()
}

/// Decodes `%41`; none for a `%` without two hexadecimal digits.
fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use ws_core::handshake::{HeadLimits, ServerHandshake, ServerStep};

    use super::*;

    fn request(target: &str, headers: &[&str]) -> Request {
        let mut head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        match ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default()) {
            ServerStep::Request(request) => request,
            other => panic!("{head}: {other:?}"),
        }
    }

    fn auth() -> Auth {
        Auth::new()
            .user("ada", "pass:word")
            .user("bob", "другой")
            .token("s3cret/token")
            .query_parameter("access_token")
    }

    #[test]
    fn knows_users_and_tokens_and_nobody_else() {
        let basic = |text: &str| format!("Authorization: Basic {}", BASE64.encode(text.as_bytes()));
        for (header, expected) in [
            (basic("ada:pass:word"), true),
            (basic("bob:другой"), true),
            (basic("ada:pass:word").to_lowercase(), false), // the base64 is another then
            (basic("ada:pass:word").replace("Basic", "BASIC"), true),
            (basic("ada:pass:wor"), false),
            (basic("ada:pass:word "), false),
            (basic("ada"), false),
            (basic(""), false),
            ("Authorization: Basic".into(), false),
            ("Authorization: Basic !!!".into(), false),
            ("Authorization: Bearer s3cret/token".into(), true),
            ("authorization: bearer   s3cret/token".into(), true),
            ("Authorization: Bearer S3cret/token".into(), false),
            ("Authorization: Bearer ada:pass:word".into(), false),
            ("Authorization: Bearer ".into(), false),
            ("Authorization: s3cret/token".into(), false),
            ("Authorization: Digest s3cret/token".into(), false),
            ("X-Nothing: 1".into(), false),
        ] {
            let admitted = auth().admit(&request("/", &[&header]));
            assert_eq!(admitted.is_ok(), expected, "{header}");
        }
    }

    #[test]
    fn two_headers_are_refused_even_if_one_is_right() {
        let right = "Authorization: Bearer s3cret/token";
        assert!(
            auth()
                .admit(&request("/", &[right, "Authorization: Bearer x"]))
                .is_err()
        );
    }

    #[test]
    fn a_parameter_is_looked_at_only_if_asked_for() {
        let target = "/chat?a=1&access_token=s3cret%2Ftoken";
        assert!(auth().admit(&request(target, &[])).is_ok());
        let without = Auth::new().token("s3cret/token");
        assert!(without.admit(&request(target, &[])).is_err());
        for target in [
            "/?access_token=s3cret%2",
            "/?access_token=s3cret%zztoken",
            "/?access_token=",
            "/?access_token",
            "/?xaccess_token=s3cret%2Ftoken",
            "/?access_token=s3cret%2Ftoken&access_token=x",
            "/access_token=s3cret%2Ftoken",
        ] {
            assert!(auth().admit(&request(target, &[])).is_err(), "{target}");
        }
        // A wrong header is not made good by a parameter.
        let wrong = "Authorization: Bearer x";
        assert!(auth().admit(&request(target, &[wrong])).is_err());
    }

    #[test]
    fn the_refusal_says_what_can_be_shown_and_not_what_was() {
        let answer = auth()
            .admit(&request("/?access_token=canary", &[]))
            .unwrap_err();
        let mut bytes = Vec::new();
        answer.encode(false, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{text}");
        assert!(
            text.contains("WWW-Authenticate: Basic realm=\"WebSocket\", charset=\"UTF-8\"\r\n")
        );
        assert!(
            text.contains("WWW-Authenticate: Bearer realm=\"WebSocket\"\r\n"),
            "{text}"
        );
        for secret in ["canary", "s3cret", "ada", "word"] {
            assert!(!text.contains(secret) && !format!("{:?}", auth()).contains(secret));
        }
    }

    #[test]
    fn useless_lists_are_errors() {
        for auth in [
            Auth::new(),
            Auth::new().token(""),
            Auth::new().user("", "x"),
            Auth::new().user("ada", "x").query_parameter("token"),
        ] {
            assert!(auth.check().is_err(), "{auth:?}");
        }
        assert!(auth().check().is_ok());
    }
}
