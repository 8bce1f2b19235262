//! What one direction has said, as far as a window reaches back: all that context takeover needs between two messages.

/// The last bytes of a direction's messages: at most a window of them, and none before the first.
///
/// Invariant: it grows with the data that passed, never beyond the window.
#[derive(Debug, Default)]
pub(crate) struct History(Vec<u8>);

impl History {
    /// Appends a message and forgets what the window no longer reaches.
    pub(crate) fn push(&mut self, data: &[u8], window_bytes: usize) {
        if data.len() >= window_bytes {
            self.0.clear();
            self.reserve(window_bytes, window_bytes);
            self.0.extend_from_slice(&data[data.len() - window_bytes..]);
            return;
        }
        let surplus = (self.0.len() + data.len()).saturating_sub(window_bytes);
        self.0.drain(..surplus);
        self.reserve(self.0.len() + data.len(), window_bytes);
        self.0.extend_from_slice(data);
    }

    /// Doubles the buffer as a `Vec` does, but ends exactly at the window.
    fn reserve(&mut self, needed: usize, window_bytes: usize) {
        if needed > self.0.capacity() {
            let capacity = needed.max(self.0.capacity() * 2).min(window_bytes);
            self.0.reserve_exact(capacity - self.0.len());
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of heap memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition: the last bytes of everything.
    #[test]
    fn keeps_the_last_window_of_everything_in_no_more_memory() {
        for window in [256, 1024, 32_768] {
            let (mut history, mut all) = (History::default(), Vec::new());
            for (round, length) in [0, 1, 7, 255, 256, 257, 1000, 3, 40_000, 5]
                .into_iter()
                .enumerate()
            {
                let data: Vec<u8> = (0..length)
                    .map(|i| (i * 7 + round).to_le_bytes()[0])
                    .collect();
                history.push(&data, window);
                all.extend(data);
                assert_eq!(history.as_bytes(), &all[all.len().saturating_sub(window)..]);
                assert!(history.capacity() <= window);
            }
        }
    }
}
