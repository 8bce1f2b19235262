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
            let end = rest.find(['/', '\\']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            redacted.push_str(
                authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host),
            );
            redacted.push_str(path);
        }
        None => redacted.push_str(before),
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
