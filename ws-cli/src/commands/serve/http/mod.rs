//! What `ws serve` answers to requests that ask for no WebSocket: metrics, files, the test page.
//!
//! The server has checked before who asks ([`super::guard`]); the health check is the server's own.

mod content_type;
mod counters;
mod exposition;
mod files;
mod metrics;
mod page;

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::PlainAnswer;

pub(super) use self::counters::{Counters, Traffic};
pub(super) use self::files::Files;
pub(super) use self::metrics::Metrics;

/// The answers of one server, shared by its loops.
pub(super) struct Http {
    /// Where the metrics are, and what they show.
    pub(super) metrics: Option<(String, Metrics)>,
    pub(super) files: Option<Files>,
    /// The test page is shown at `/`, unless there are files.
    pub(super) has_page: bool,
}

impl Http {
    /// Answers a request, or `None` where there is nothing.
    pub(super) fn answer(&self, request: &Request) -> Option<PlainAnswer> {
        if let Some((path, metrics)) = &self.metrics
            && path == request.path()
        {
            return Some(if is_read(request) {
                let answer = HttpAnswer::new(200, metrics.render());
                with_headers(answer, &[("Content-Type", exposition::CONTENT_TYPE)]).into()
            } else {
                only_get()
            });
        }
        if let Some(files) = &self.files {
            return Some(if is_read(request) {
                files.answer(request)
            } else {
                only_get()
            });
        }
        (self.has_page && request.path() == "/" && is_read(request)).then(|| page::answer().into())
    }
}

/// Whether a request only wants to read.
fn is_read(request: &Request) -> bool {
    matches!(request.method(), "GET" | "HEAD")
}

fn only_get() -> PlainAnswer {
    with_headers(HttpAnswer::new(405, "use GET"), &[("Allow", "GET, HEAD")]).into()
}

/// Adds headers that are known to be well-formed; one that is not is left out.
fn with_headers(answer: HttpAnswer, headers: &[(&str, &str)]) -> HttpAnswer {
    headers.iter().fold(answer, |answer, (name, value)| {
        let before = answer.clone();
        answer.with_header(name, value).unwrap_or(before)
    })
}
