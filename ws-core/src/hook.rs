//! A function of the application that client and server call when something has happened.

use std::fmt;
use std::sync::Arc;

/// A function to be called with an `A`, from a thread of the library and under no lock.
///
/// It must return soon, and must not stop or drop what calls it: whoever calls it serves connections. A panic in it ends
/// that thread. Two hooks are equal if
/// they are clones of each other.
///
/// # Examples
///
/// ```
/// use ws_core::Hook;
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let hook = Hook::new(move |number: u8| drop(sender.send(number)));
/// hook.call(7);
/// assert_eq!(receiver.recv(), Ok(7));
/// ```
pub struct Hook<A>(Arc<dyn Fn(A) + Send + Sync>);

impl<A> Hook<A> {
    /// Wraps a function.
    pub fn new(function: impl Fn(A) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    /// Calls it.
    pub fn call(&self, argument: A) {
        (self.0)(argument);
    }
}

impl<A> Clone for Hook<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> PartialEq for Hook<A> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<A> Eq for Hook<A> {}

impl<A> fmt::Debug for Hook<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
