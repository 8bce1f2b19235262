//! The test page that `ws serve` shows to browsers at `/`.
//!
//! One file without anything from elsewhere. Its script and its style are named by their hashes, so that the browser runs
//! those and no other; when the page is changed, `tests/it/cli_serve_page.rs` says what they are now.

use ws_core::handshake::HttpAnswer;

use super::with_headers;

/// Answers with the page.
pub(super) fn answer() -> HttpAnswer {
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{SCRIPT}'; style-src 'sha256-{STYLE}'; img-src data:; \
         connect-src ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    with_headers(
        HttpAnswer::new(200, PAGE),
        &[
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", &policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-cache"),
        ],
    )
}

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = "VIK9YP/xVoamqR4l2w0NkBlHqfCYliWDutdinYbpGYk=";
const STYLE: &str = "li6mmmsv7Ham8IyhvGnkiMvCAxQCL1yzj8PdDL/DvSE=";
