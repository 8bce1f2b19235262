//! The one place where panics end: none may reach the host, which it would kill.
//!
//! Invariant: every function that the host calls runs inside [`run`]; `native_api/entry.rs` makes all of them, and a
//! test counts that nothing else is `extern`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// A panic that was caught: what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panicked(pub(crate) String);

/// Runs `body`; a panic in it is logged and becomes an error.
///
/// While it runs, panics of this thread are not printed. Those of all other threads go to the hook that was installed
/// before, as ever.
///
/// # Errors
/// [`Panicked`]. What `body` has changed may be half done: do not use it any more.
pub(crate) fn run<R>(body: impl FnOnce() -> R) -> Result<R, Panicked> {
    install_hook();
    let _inside = Inside::enter();
    panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = REPORT.take().unwrap_or_else(|| message(&*payload).into());
        // Dropping what somebody else has thrown could panic again.
        let drop_payload = AssertUnwindSafe(|| drop(payload));
        if let Err(second) = panic::catch_unwind(drop_payload) {
            std::mem::forget(second);
        }
        log::error!("panic inside a call of the host: {text}");
        Panicked(text)
    })
}

/// Counts how deep this thread is inside [`run`].
struct Inside;

impl Inside {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                previous(info);
            } else {
                REPORT.set(Some(describe(info)));
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = message(info.payload());
    match info.location() {
        Some(place) => format!("{message} ({}:{})", place.file(), place.line()),
        None => message.to_owned(),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a text",
    }
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static REPORT: RefCell<Option<String>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_text_and_place() {
        assert_eq!(run(|| 5), Ok(5));
        let Panicked(text) = run::<()>(|| panic!("figure {}", 7)).unwrap_err();
        assert!(text.starts_with("figure 7 ("), "{text}");
        assert!(text.contains("boundary.rs:"), "{text}");
        let nested = run(|| {
            assert!(run::<()>(|| panic!("inner")).is_err());
            6
        });
        assert_eq!(nested, Ok(6));
    }

    #[test]
    fn a_panic_with_any_payload_is_caught() {
        let Panicked(text) = run::<()>(|| panic::panic_any(5_u8)).unwrap_err();
        assert!(text.starts_with("a panic without a text"), "{text}");
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_caught() {
        struct Trap;
        impl Drop for Trap {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert!(run::<()>(|| panic::panic_any(Trap)).is_err());
        assert_eq!(DEPTH.get(), 0);
    }

    #[test]
    fn the_hook_is_quiet_only_inside_and_on_this_thread() {
        assert_eq!(DEPTH.get(), 0);
        let inside = run(|| {
            let elsewhere = std::thread::spawn(|| DEPTH.get()).join();
            (DEPTH.get(), elsewhere.ok())
        });
        assert_eq!(inside, Ok((1, Some(0))));
        assert_eq!(DEPTH.get(), 0);
    }
}
