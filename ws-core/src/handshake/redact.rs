//! URLs without their secrets.

/// Returns `url` without user info and fragment, and with `***` for the value of each query parameter.
pub(crate) fn redact_url(url: &str) -> String {
    let without_fragment = url.split_once('#').map_or(url, |(before, _)| before);
    let (before, query) = match without_fragment.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (without_fragment, None),
    };
    let mut redacted = String::with_capacity(url.len());
    match before.split_once("//") {
        Some((scheme, rest)) => {
            redacted.push_str(scheme);
            redacted.push_str("//");
            redacted.push_str(without_user_info(rest));
        }
        None => redacted.push_str(without_user_info(before)),
    }
    if let Some(query) = query {
        redacted.push('?');
        for (index, parameter) in query.split(['&', ';']).enumerate() {
            if index > 0 {
                redacted.push('&');
            }
            match parameter.split_once('=') {
                Some((name, _)) => {
                    redacted.push_str(name);
                    redacted.push_str("=***");
                }
                // A lone word may be the secret itself.
                None => redacted.push_str("***"),
            }
        }
    }
    redacted
}

/// Returns `text` from behind the last `@` before its path.
fn without_user_info(text: &str) -> &str {
    let authority = &text[..text.find(['/', '\\']).unwrap_or(text.len())];
    authority.rfind('@').map_or(text, |at| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn hides_user_info_query_values_and_fragment() {
        for (url, expected) in [
            ("https://example.com/a/b", "https://example.com/a/b"),
            (
                "https://user:secret@example.com:8/a",
                "https://example.com:8/a",
            ),
            ("https://secret@s@example.com", "https://example.com"),
            ("//user:secret@example.com/a", "//example.com/a"),
            (
                "/login?token=secret&next=%2F;x=secret#secret",
                "/login?token=***&next=***&x=***",
            ),
            ("/login?secret", "/login?***"),
            ("/login?a=secret=secret", "/login?a=***"),
            ("https://example.com?secret", "https://example.com?***"),
            (
                "https://example.com/@user/page",
                "https://example.com/@user/page",
            ),
            ("secret:secret@example.com/a", "example.com/a"),
            ("", ""),
        ] {
            assert_eq!(redact_url(url), expected);
        }
    }
}
