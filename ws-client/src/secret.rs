//! Text that nothing may print.

use std::cmp::Reverse;
use std::sync::Arc;

use ws_core::handshake::PeerText;

use crate::address::percent_encode;

/// Text without `Debug` and `Display`, so that no derive and no log line can show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// Everything that a peer may have echoed and no text may show, in each form in which it may come back.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    pub(crate) fn new(secrets: Vec<String>) -> Self {
        let mut forms: Vec<String> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
            .flat_map(|secret| {
                let escaped = PeerText::new(&secret).max_chars(usize::MAX).to_string();
                [percent_encode(&secret), escaped, secret]
            })
            .collect();
        // The longest first: one that is a part of another must not leave the other's rest.
        forms.sort_unstable_by(|a, b| (Reverse(a.len()), a).cmp(&(Reverse(b.len()), b)));
        forms.dedup();
        Self(forms.into())
    }

    /// `text` with each of them hidden, and with the begin of one that the text was cut in.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &*self.0 {
            text = text.replace(secret, HIDDEN);
        }
        let mut shown = String::with_capacity(text.len());
        for piece in text.split_inclusive(CUT) {
            match piece.strip_suffix(CUT) {
                Some(before) => {
                    let begin = self.begin_at_the_end_of(before);
                    shown.push_str(&before[..begin.unwrap_or(before.len())]);
                    shown.push_str(begin.map_or("", |_| HIDDEN));
                    shown.push(CUT);
                }
                None => shown.push_str(piece),
            }
        }
        shown
    }

    /// Where the begin of one of them starts that `text` ends with.
    fn begin_at_the_end_of(&self, text: &str) -> Option<usize> {
        let mut tails = text
            .char_indices()
            .map(|(start, _)| (start, &text[start..]))
            .take_while(|(_, tail)| tail.len() >= MIN_SECRET_BYTES);
        let found = tails.find(|(_, tail)| self.0.iter().any(|secret| secret.starts_with(tail)));
        found.map(|(start, _)| start)
    }
}

/// Shorter ones occur in any text; hiding them would only garble it.
const MIN_SECRET_BYTES: usize = 4;
const HIDDEN: &str = "***";
/// Where [`PeerText`] has cut.
const CUT: char = '…';

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(secrets: &[&str], text: &str) -> String {
        Secrets::new(secrets.iter().map(|&secret| secret.to_owned()).collect()).hide(text)
    }

    ///
    #[test]
    fn a_secret_that_is_part_of_another_leaves_nothing_of_it() {
        for secrets in [["admin", "admin-canary-77"], ["admin-canary-77", "admin"]] {
            assert_eq!(
                hide(&secrets, "no admin-canary-77 of admin"),
                "no *** of ***"
            );
        }
    }

    ///
    #[test]
    fn the_begin_of_a_secret_in_front_of_a_cut_is_hidden() {
        for (text, shown) in [
            ("saying \"no canary-01…\"", "saying \"no ***…\""),
            ("can-canary…", "can-***…"),
            ("canary-01234…, canary-0…", "***…, ***…"),
            ("canaries…", "canaries…"),
            ("canary", "canary"),
            ("жcana…", "ж***…"),
            // As short as secrets that are not hidden.
            ("can…", "can…"),
            ("…", "…"),
        ] {
            assert_eq!(hide(&["other", "canary-01234"], text), shown);
        }
    }

    ///
    #[test]
    fn a_secret_is_hidden_in_each_form_in_which_it_comes_back() {
        let secret = "ca/na+ry\u{9b}ж";
        for form in [
            secret,
            "ca%2Fna%2Bry%C2%9B%D0%B6",
            &PeerText::new(secret).to_string(),
        ] {
            assert_eq!(hide(&[secret], &format!("no {form}!")), "no ***!");
        }
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_stays() {
        assert_eq!(hide(&["", "a", "401"], "401 a"), "401 a");
    }
}
