//! The words of a refusal's body: what a person would read of it on one line.

use std::borrow::Cow;

/// The first line of a plain text that says something; of HTML or XML the text without markup.
pub(super) fn first_words(body: &str) -> Option<Cow<'_, str>> {
    let line = body.lines().map(str::trim).find(|line| !line.is_empty())?;
    if !line.starts_with('<') {
        return Some(Cow::Borrowed(line));
    }
    let text = without_markup(body);
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| Cow::Owned(words.join(" ")))
}

/// Puts a space for each tag, and for what stands inside `style` and `script`. An unfinished one ends the text.
fn without_markup(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let hidden = ["style", "script"].into_iter().find(|name| {
            let start = tag.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        let after = match hidden {
            Some(name) => behind_element(tag, name),
            None => Some(tag),
        };
        let Some((_, after)) = after.and_then(|tag| tag.split_once('>')) else {
            return text;
        };
        rest = after;
    }
    text.push_str(rest);
    text
}

/// What follows the closing tag's name.
fn behind_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let closing = format!("</{name}");
    // Lower case in ASCII only: positions stay the same.
    let position = text.to_ascii_lowercase().find(&closing)?;
    text.get(position + closing.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_its_first_line() {
        assert_eq!(
            first_words("\r\n  no such room\r\nmore").unwrap(),
            "no such room"
        );
        assert_eq!(first_words(" \n"), None);
        assert_eq!(first_words(""), None);
    }

    #[test]
    fn markup_is_its_text() {
        let body = "<!DOCTYPE HTML>\n<html><head>\n<STYLE type=\"text/css\">:root { a: 'ж' }</Style >\n\
            <script>if (1 < 2) {}</script><title>Error</title></head><body>\n<p>Error code:\n 404</p><p>Not";
        assert_eq!(first_words(body).unwrap(), "Error Error code: 404 Not");
    }

    #[test]
    fn a_body_cut_anywhere_does_no_harm() {
        let body = "<html><style>ж</style><title>Nö</title><script>x</script>";
        for end in (0..=body.len()).filter(|&end| body.is_char_boundary(end)) {
            let words = first_words(&body[..end]).unwrap_or_default();
            assert!(["", "N", "Nö"].contains(&&*words), "{end}: {words}");
        }
    }
}
